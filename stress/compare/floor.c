/* floor.c - the floor: a bare thread-local array of objects. Nothing that bounds, counts, or checks; no other thread gets at it.
 *
 * Its objects are what weir's are (a dense header of 128 bytes that leads to a buffer of 4 KiB), and it prefetches the next header as
 * weir does, so that what lies between the two is the price of being a pool. In a hand-over pointers come back through a
 * second ring; the array takes in all that is there when it has run empty.
 */
#include <stdlib.h>

#include "peer.h"

struct object {
    uint64_t word[15];
    unsigned char *buffer;
};

static struct object *floor_objects;
static unsigned char *floor_buffers;

static _Thread_local struct {
    size_t n;
    struct object **slot;       /* slot[-1] is readable */
} array;

static const char *floor__open(void)
{
    floor_objects = aligned_alloc(64, COMPARE_CAPACITY * sizeof *floor_objects);
    floor_buffers = aligned_alloc(4096, (size_t)COMPARE_CAPACITY * COMPARE_BUFFER);
    if (!floor_objects || !floor_buffers)
        return "no memory for its objects";
    for (size_t i = 0; i < COMPARE_CAPACITY; i++)
        floor_objects[i].buffer = floor_buffers + i * COMPARE_BUFFER;
    return NULL;
}

static void floor__enter(void)
{
    array.slot = (struct object **)calloc(COMPARE_CAPACITY + 1, sizeof *array.slot) + 1;
    array.n = 0;
}

static void floor__leave(void)
{
    free(array.slot - 1);
}

static void floor__close(void)
{
    free(floor_objects);
    free(floor_buffers);
}

/* The calling thread has all objects; for a hand-over few enough for the rings to hold them, and both threads' arrays begin so. */
static void floor__before(bool handoff)
{
    size_t most = handoff ? COMPARE_RING / 2 : COMPARE_CAPACITY;
    for (array.n = 0; array.n < most; array.n++)
        array.slot[array.n] = &floor_objects[array.n];
}

static inline void *floor__get(void)
{
    struct object *o;
    if (__builtin_expect(array.n == 0, 0))
        return NULL;
    o = array.slot[--array.n];
    __builtin_prefetch(array.slot[array.n - 1], 1, 3);
    return o;
}

static inline void floor__put(void *o)
{
    array.slot[array.n++] = o;
}

static inline void *floor__get_far(struct job *j)
{
    void *o;
    if (__builtin_expect(array.n == 0, 0))
        while (ck_ring_dequeue_spsc(&j->back->ring, j->back->slot, &o))
            floor__put(o);
    return floor__get();
}

static inline void floor__put_far(struct job *j, void *o)
{
    while (__builtin_expect(!ck_ring_enqueue_spsc(&j->back->ring, j->back->slot, o), 0))
        ck_pr_stall();
}

#define LOOP(name) floor__##name
#define LOOP_BEGIN
#define LOOP_GET(j) floor__get()
#define LOOP_PUT(j, object) floor__put(object)
#define LOOP_GET_FAR(j) floor__get_far(j)
#define LOOP_PUT_FAR(j, object) floor__put_far(j, object)
#define LOOP_WORD(object, of_buffer) \
    ((of_buffer) ? (uint64_t *)(void *)((struct object *)(object))->buffer : &((struct object *)(object))->word[0])
#include "loops.h"

const struct peer peer_floor = {
    .name = "floor",
    .what = "a bare thread-local array of pointers to dense headers of 128 bytes, with the prefetch",
    .open = floor__open,
    .enter = floor__enter,
    .leave = floor__leave,
    .before = floor__before,
    .warm = floor__warm,
    .pair = floor__pair,
    .burst = floor__burst,
    .giver = floor__giver,
    .taker = floor__taker,
    .close = floor__close,
};
