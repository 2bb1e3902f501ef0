/* floor.c - the floor: a bare thread-local array of objects. Nothing that bounds, counts, or checks; no other thread gets at it.
 *
 * Its objects are what weir's are (a dense header of 128 bytes that leads to a buffer; buffers do not all begin in the same cache sets), and it prefetches the next header as
 * weir does, so that what lies between the two is the price of being a pool. In a hand-over pointers come back through a
 * second lane; the array takes in all that is there when it has run empty. Its references are the bare read-modify-writes.
 *
 * Invariant  thread t begins each measurement with objects [t * n, (t + 1) * n) of its own, n half a lane: all that are ever between two
 *            threads fit into a lane, and one thread's are enough to fill the crowd's slots.
 */
#include <stdlib.h>

#include "../peer.h"

struct object {
    uint64_t word[14];
    uint64_t refs;
    unsigned char *buffer;
};

static struct object *objects;
static unsigned char *buffers;

enum { SHARE = BENCH_LANE / 2 };

static _Thread_local struct {
    size_t n;
    struct object **slot;       /* slot[-1] is readable */
} array;

static inline void *floor__get(void)
{
    struct object *o;
    if (__builtin_expect(array.n == 0, 0))
        return NULL;
    o = array.slot[--array.n];
    __builtin_prefetch(array.slot[(ptrdiff_t)array.n - 1], 1, 3);
    return o;
}

static inline void floor__put(void *o)
{
    array.slot[array.n++] = (struct object *)o;
}

static inline void *floor__get_far(struct job *j)
{
    void *o;
    if (__builtin_expect(array.n == 0, 0))
        while (lane_get(j->back, &o))
            floor__put(o);
    return floor__get();
}

static inline void floor__put_far(struct job *j, void *o)
{
    while (__builtin_expect(!lane_put(j->back, o), 0))
        clock_pause();
}

#define LOOP_BEGIN
#define LOOP_GET(j) floor__get()
#define LOOP_PUT(j, object) floor__put(object)
#define LOOP_GET_FAR(j) floor__get_far(j)
#define LOOP_PUT_FAR(j, object) floor__put_far(j, object)
#define LOOP_WORD(object, of_buffer) \
    ((of_buffer) ? (uint64_t *)(void *)((struct object *)(object))->buffer : &((struct object *)(object))->word[0])
#define LOOP_REF(object) __atomic_fetch_add(&((struct object *)(object))->refs, 1, __ATOMIC_RELAXED)
#define LOOP_UNREF(object) __atomic_fetch_sub(&((struct object *)(object))->refs, 1, __ATOMIC_RELEASE)
#define LOOP_UNREF_LAST(j, object) floor__put(object)
#define LOOP_BOUND
#include "../loops.h"

static const char *floor__open(uint32_t capacity, size_t size, unsigned threads)
{
    size_t all = (size_t)threads * SHARE, stride = bench_stride(size);
    (void)capacity;
    objects = aligned_alloc(64, all * sizeof *objects);
    buffers = aligned_alloc(4096, (all * stride + 4095) / 4096 * 4096);
    if (!objects || !buffers)
        return "no memory for its objects";
    for (size_t i = 0; i < all; i++)
        objects[i] = (struct object){ .buffer = buffers + i * stride };
    return NULL;
}

static void floor__enter(unsigned thread)
{
    (void)thread;
    array.slot = (struct object **)calloc(BENCH_LANE + 1, sizeof *array.slot) + 1;
    array.n = 0;
}

static void floor__leave(void)
{
    free(array.slot - 1);
}

static void floor__before(unsigned thread)
{
    for (array.n = 0; array.n < SHARE; array.n++)
        array.slot[array.n] = &objects[thread * SHARE + array.n];
}

static const char *floor__close(struct whereabouts *where)
{
    (void)where;
    free(objects);
    free(buffers);
    return NULL;
}

static const struct peer peer = {
    .what = "a bare thread-local array of pointers to dense headers of 128 bytes, with the prefetch; no other thread can take from it",
    LOOPS,
    .open = floor__open,
    .enter = floor__enter,
    .leave = floor__leave,
    .before = floor__before,
    .close = floor__close,
};

const struct peer *bench_peer(void)
{
    return &peer;
}
