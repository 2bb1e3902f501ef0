/* lane.h - one way of a hand-over: pointers from one thread to one other, in order.
 *
 * A ring for one producer and one consumer, after Concurrency Kit's ck_ring_*_spsc and with its cost: a pointer, a release store and an
 * acquire load each way. It is written out because boost's peer is C++, where ck's headers don't compile, and all peers must use the same.
 *
 * Invariant  the objects are slot[head ... tail), at most BENCH_LANE - 1; head is the consumer's, tail the producer's.
 */
#ifndef WEIR_BENCH_LANE_H
#define WEIR_BENCH_LANE_H

#include <stdbool.h>
#include <stdint.h>

enum { BENCH_LANE = 4096 };

struct lane {
    uint32_t head __attribute__((aligned(64)));
    uint32_t tail __attribute__((aligned(64)));
    void *slot[BENCH_LANE] __attribute__((aligned(64)));
};

static inline void lane_init(struct lane *l)
{
    __atomic_store_n(&l->head, 0, __ATOMIC_RELAXED);
    __atomic_store_n(&l->tail, 0, __ATOMIC_RELAXED);
}

/* false: it is full */
static inline bool lane_put(struct lane *l, void *object)
{
    uint32_t tail = __atomic_load_n(&l->tail, __ATOMIC_RELAXED);                /* the producer's own */
    if (tail - __atomic_load_n(&l->head, __ATOMIC_ACQUIRE) == BENCH_LANE - 1)   /* lane.H2 <- lane.H1: the slot is empty */
        return false;
    l->slot[tail % BENCH_LANE] = object;
    __atomic_store_n(&l->tail, tail + 1, __ATOMIC_RELEASE);                     /* lane.T1 -> lane.T2: the object */
    return true;
}

/* false: it is empty */
static inline bool lane_get(struct lane *l, void **object)
{
    uint32_t head = __atomic_load_n(&l->head, __ATOMIC_RELAXED);                /* the consumer's own */
    if (head == __atomic_load_n(&l->tail, __ATOMIC_ACQUIRE))                    /* lane.T2 <- lane.T1 */
        return false;
    *object = l->slot[head % BENCH_LANE];
    __atomic_store_n(&l->head, head + 1, __ATOMIC_RELEASE);                     /* lane.H1 -> lane.H2: the slot is empty */
    return true;
}

#endif
