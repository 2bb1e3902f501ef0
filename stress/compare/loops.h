/* loops.h - the loops that are measured, once for each file that includes this. Before, it defines
 *
 *   LOOP_BEGIN              what a thread looks up once (a cache at hand), or nothing
 *   LOOP_GET(j)             an object, or NULL
 *   LOOP_PUT(j, object)     give it back on the thread that got it
 *   LOOP_GET_FAR, LOOP_PUT_FAR      the same where objects are handed from one thread to the other
 *   LOOP_WORD(object, buffer)  the word to touch: of the object's first line, or of its buffer's
 *
 * and LOOP(name), the prefix of the functions. The touch is a store that the compiler must make.
 */
#define LOOP_INLINE static inline __attribute__((__always_inline__))
#define LOOP_SETTLED() __asm__ volatile("" : : : "memory")

LOOP_INLINE void LOOP(touch)(void *object, bool buffer, uint64_t value)
{
    *LOOP_WORD(object, buffer) = value;
    LOOP_SETTLED();
}

LOOP_INLINE void LOOP(pair_of)(struct job *j, bool buffer)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        void *object = LOOP_GET(j);
        if (__builtin_expect(!object, 0))
            compare_fail("pair ran empty");
        LOOP(touch)(object, buffer, i);
        LOOP_PUT(j, object);
    }
}

LOOP_INLINE void LOOP(burst_of)(struct job *j, bool buffer)
{
    void *held[COMPARE_BURST];
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i += COMPARE_BURST) {
        for (int k = 0; k < COMPARE_BURST; k++) {
            held[k] = LOOP_GET(j);
            if (__builtin_expect(!held[k], 0))
                compare_fail("burst ran empty");
            LOOP(touch)(held[k], buffer, i);
        }
        for (int k = 0; k < COMPARE_BURST; k++)
            LOOP_PUT(j, held[k]);
    }
}

LOOP_INLINE void LOOP(giver_of)(struct job *j, bool buffer)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        void *object;
        while (__builtin_expect(!(object = LOOP_GET_FAR(j)), 0))
            ck_pr_stall();
        LOOP(touch)(object, buffer, i);
        while (__builtin_expect(!ck_ring_enqueue_spsc(&j->there->ring, j->there->slot, object), 0))
            ck_pr_stall();
    }
}

LOOP_INLINE void LOOP(taker_of)(struct job *j, bool buffer)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        void *object;
        while (!ck_ring_dequeue_spsc(&j->there->ring, j->there->slot, &object))
            ck_pr_stall();
        LOOP(touch)(object, buffer, i);
        LOOP_PUT_FAR(j, object);
    }
}

/* As many as the count says, or all there are. */
LOOP_INLINE void LOOP(warm_of)(struct job *j)
{
    static void *held[COMPARE_CAPACITY];
    uint64_t n = 0;
    LOOP_BEGIN
    for (void *object; n < j->count && (object = LOOP_GET(j)) != NULL; n++) {
        LOOP(touch)(object, false, n);
        LOOP(touch)(object, true, n);
        held[n] = object;
    }
    while (n)
        LOOP_PUT(j, held[--n]);
}

static void LOOP(pair)(struct job *j)
{
    if (j->buffer)
        LOOP(pair_of)(j, true);
    else
        LOOP(pair_of)(j, false);
}

static void LOOP(burst)(struct job *j)
{
    if (j->buffer)
        LOOP(burst_of)(j, true);
    else
        LOOP(burst_of)(j, false);
}

static void LOOP(giver)(struct job *j)
{
    if (j->buffer)
        LOOP(giver_of)(j, true);
    else
        LOOP(giver_of)(j, false);
}

static void LOOP(taker)(struct job *j)
{
    if (j->buffer)
        LOOP(taker_of)(j, true);
    else
        LOOP(taker_of)(j, false);
}

static void LOOP(warm)(struct job *j)
{
    LOOP(warm_of)(j);
}
