/* loops.h - the loops that are measured, once for each peer's file that includes this. Before, it defines
 *
 *   LOOP_BEGIN              what a thread looks up once (a cache at hand), or nothing
 *   LOOP_GET(j)             an object, or NULL
 *   LOOP_PUT(j, object)     give it back, on whichever thread
 *   LOOP_WORD(object, buffer)  the word to touch: of the object's first line, or of its buffer's
 *
 * and, where it has them
 *
 *   LOOP_GET_BULK(j, objects, n), LOOP_PUT_BULK(j, objects, n)     else one at a time
 *   LOOP_GET_FAR, LOOP_PUT_FAR      get and put where objects are handed from one thread to the other
 *   LOOP_GET_WAIT(j, ns)    an object, waiting for it; NULL: the time is over
 *   LOOP_REF(object), LOOP_UNREF(object)
 *   LOOP_BOUND              it can run empty
 *
 * A touch is a store that the compiler must make. LOOPS is the initializer of the peer's table.
 */
#ifndef WEIR_BENCH_LOOPS_H
#define WEIR_BENCH_LOOPS_H

#define LOOP_INLINE static inline __attribute__((__always_inline__))
#define LOOP_RARELY(condition) __builtin_expect(!!(condition), 0)

#ifndef LOOP_GET_FAR
#define LOOP_GET_FAR(j) LOOP_GET(j)
#define LOOP_PUT_FAR(j, object) LOOP_PUT(j, object)
#endif
#ifndef LOOP_GET_BULK
#define LOOP_GET_BULK(j, objects, n) ({ \
    unsigned got = 0; \
    while (got < (n) && __builtin_expect(((objects)[got] = LOOP_GET(j)) != NULL, 1)) \
        got++; \
    got == (n); \
})
#define LOOP_PUT_BULK(j, objects, n) \
    for (unsigned given = 0; given < (n); given++) \
        LOOP_PUT(j, (objects)[given])
#endif

LOOP_INLINE void loop__touch(void *object, bool buffer, uint64_t value)
{
    *LOOP_WORD(object, buffer) = value;
    __asm__ volatile("" : : "r"(object) : "memory");
}

/* -- one thread ------------------------------------------------------------------------------------------------------------- */

LOOP_INLINE void loop__pair_of(struct job *j, bool buffer)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        void *object = LOOP_GET(j);
        if (LOOP_RARELY(!object))
            bench_fail("pair ran empty");
        loop__touch(object, buffer, i);
        LOOP_PUT(j, object);
    }
}

LOOP_INLINE void loop__burst_of(struct job *j, bool buffer)
{
    void *held[BENCH_BURST];
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i += BENCH_BURST) {
        for (int k = 0; k < BENCH_BURST; k++) {
            held[k] = LOOP_GET(j);
            if (LOOP_RARELY(!held[k]))
                bench_fail("burst ran empty");
            loop__touch(held[k], buffer, i);
        }
        for (int k = 0; k < BENCH_BURST; k++)
            LOOP_PUT(j, held[k]);
    }
}

LOOP_INLINE void loop__bulk_of(struct job *j, unsigned n)
{
    void *held[BENCH_BURST];
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i += n) {
        if (LOOP_RARELY(!LOOP_GET_BULK(j, held, n)))
            bench_fail("bulk ran empty");
        for (unsigned k = 0; k < n; k++)
            loop__touch(held[k], false, i);
        LOOP_PUT_BULK(j, held, n);
    }
}

/* DPDK's mempool_perf_autotest: nothing is touched there. */
static void loop__keep(struct job *j)
{
    void *held[BENCH_KEEP];
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i += j->n[2]) {
        for (unsigned k = 0; k < j->n[2]; k += j->n[0])
            if (LOOP_RARELY(!LOOP_GET_BULK(j, held + k, j->n[0])))
                bench_fail("keep ran empty");
        for (unsigned k = 0; k < j->n[2]; k += j->n[1])
            LOOP_PUT_BULK(j, held + k, j->n[1]);
    }
}

/* -- from thread to thread ---------------------------------------------------------------------------------------------------- */

LOOP_INLINE void loop__giver_of(struct job *j, bool buffer)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        void *object;
        while (LOOP_RARELY(!(object = LOOP_GET_FAR(j))))
            clock_pause();
        loop__touch(object, buffer, i);
        while (LOOP_RARELY(!lane_put(j->there, object)))
            clock_pause();
    }
}

LOOP_INLINE void loop__taker_of(struct job *j, bool buffer)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        void *object;
        while (!lane_get(j->there, &object))
            clock_pause();
        loop__touch(object, buffer, i);
        LOOP_PUT_FAR(j, object);
    }
}

/* Marsaglia's xorshift64. */
LOOP_INLINE unsigned loop__slot(struct job *j)
{
    j->random ^= j->random << 13;
    j->random ^= j->random >> 7;
    j->random ^= j->random << 17;
    return (unsigned)(j->random >> 32) % BENCH_SLOTS;
}

/* A new object goes into a slot that all threads share; what was there, mostly another thread's, is put. */
LOOP_INLINE void loop__crowd_of(struct job *j, bool timed)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        uint64_t began = timed ? clock_ticks() : 0;
        void *object = LOOP_GET(j);
        if (timed)
            histogram_add(j->histogram, clock_ticks() - began);
        if (LOOP_RARELY(!object))
            bench_fail("crowd ran empty");
        loop__touch(object, false, i);
        object = __atomic_exchange_n(&j->slot[loop__slot(j)], object, __ATOMIC_ACQ_REL);    /* slot.X1 -> slot.X1: the object */
        if (object) {
            loop__touch(object, false, i);
            LOOP_PUT(j, object);
        }
    }
}

/* What the crowd left in the slots goes back. */
static void loop__settle(struct job *j)
{
    LOOP_BEGIN
    for (int i = 0; i < BENCH_SLOTS; i++) {
        if (j->slot[i])
            LOOP_PUT(j, j->slot[i]);
        j->slot[i] = NULL;
    }
}

/* -- the bound ------------------------------------------------------------------------------------------------------------------ */

/* As many as the count says, or all there are. */
static void loop__drain(struct job *j)
{
    LOOP_BEGIN
    for (void *object; j->held_n < j->count && (object = LOOP_GET(j)) != NULL; j->held_n++) {
        loop__touch(object, false, j->held_n);
        j->held[j->held_n] = object;
    }
}

static void loop__refill(struct job *j)
{
    LOOP_BEGIN
    while (j->held_n)
        LOOP_PUT(j, j->held[--j->held_n]);
}

/* Header and buffer of every object are touched once, so that no measurement pays for new memory. */
static void loop__warm(struct job *j)
{
    loop__drain(j);
    for (uint64_t i = 0; i < j->held_n; i++)
        loop__touch(j->held[i], true, i);
    loop__refill(j);
}

#ifdef LOOP_BOUND
static void loop__null_path(struct job *j)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++)
        if (LOOP_RARELY(LOOP_GET(j) != NULL))
            bench_fail("an empty pool gave an object");
}
#endif

/* One object, more threads than that: each holds it a while, stamps it and gives it back; who gets it next looks how long ago that was.
 * Who gets it again before anybody else has not been woken, and does not count. One turn a call. */
#ifdef LOOP_GET_WAIT
enum { LOOP_HOLD_NS = 20000, LOOP_WAIT_NS = 50000000 };

static void loop__wait_a_little(void)
{
    for (int64_t until = clock_ns() + LOOP_HOLD_NS; clock_ns() < until;)
        clock_pause();
}

static void loop__wait(struct job *j)
{
    void *object;
    LOOP_BEGIN
    if (!(object = LOOP_GET_WAIT(j, LOOP_WAIT_NS)))
        return;
    if (*j->stamper && *j->stamper != j->thread + 1)
        histogram_add(j->histogram, (uint64_t)(clock_ns() - *j->stamp));
    loop__touch(object, false, 1);
    loop__wait_a_little();
    *j->stamper = j->thread + 1;
    *j->stamp = clock_ns();
    LOOP_PUT(j, object);
    loop__wait_a_little();
}
#endif

/* -- references ----------------------------------------------------------------------------------------------------------------- */

#ifdef LOOP_REF
static void loop__ref(struct job *j)
{
    void *object = j->held[0];
    for (uint64_t i = 0; i < j->count; i++) {
        LOOP_REF(object);
        LOOP_UNREF(object);
    }
}

static void loop__last(struct job *j)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        void *object = LOOP_GET(j);
        loop__touch(object, false, i);
        LOOP_UNREF_LAST(j, object);
    }
}
#endif

/* -- what is chosen when a measurement begins is a constant in the loop --------------------------------------------------------- */

#define LOOP_BY_TOUCH(name) \
    static void loop__##name(struct job *j) \
    { \
        if (j->buffer) \
            loop__##name##_of(j, true); \
        else \
            loop__##name##_of(j, false); \
    }
LOOP_BY_TOUCH(pair)
LOOP_BY_TOUCH(burst)
LOOP_BY_TOUCH(giver)
LOOP_BY_TOUCH(taker)

static void loop__crowd(struct job *j) { loop__crowd_of(j, false); }
static void loop__tail(struct job *j) { loop__crowd_of(j, true); }

static void loop__bulk(struct job *j)
{
    switch (j->n[0]) {
    case 1: loop__bulk_of(j, 1); break;
    case 8: loop__bulk_of(j, 8); break;
    case 32: loop__bulk_of(j, 32); break;
    default: bench_fail("bulk of %u", j->n[0]);
    }
}

#ifdef LOOP_BOUND
#define LOOPS_NULL loop__null_path
#else
#define LOOPS_NULL NULL
#endif
#ifdef LOOP_GET_WAIT
#define LOOPS_WAIT loop__wait
#else
#define LOOPS_WAIT NULL
#endif
#ifdef LOOP_REF
#define LOOPS_REF .ref = loop__ref, .last = loop__last, .life = NULL
#else
#define LOOPS_REF .ref = NULL, .last = NULL, .life = NULL
#endif
#define LOOPS \
    .pair = loop__pair, .burst = loop__burst, .giver = loop__giver, .taker = loop__taker, .crowd = loop__crowd, .settle = loop__settle, \
    .tail = loop__tail, .bulk = loop__bulk, .keep = loop__keep, .warm = loop__warm, .drain = loop__drain, .refill = loop__refill, \
    .null_path = LOOPS_NULL, .wait = LOOPS_WAIT, LOOPS_REF

#endif
