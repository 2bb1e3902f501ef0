/* weir/inline/cache.h - get and put, inlined: claim first, test after.
 *
 * The owner alone stores w = {ration, n}: a get takes one from both halves, a put adds one to n. The claim is stored first and
 * one test follows: get `w < g`, put `n > l`. Everything rare is behind that test: an empty or full magazine, a ration that
 * is used up, another thread that empties this cache, a waiter, a watch. See src/cache.c for the argument.
 */
#ifndef WEIR_INLINE_CACHE_H
#define WEIR_INLINE_CACHE_H

#include "atomic.h"
#include "layout.h"

#ifdef __cplusplus
extern "C" {
#endif

WEIR_API struct weir_op *weir_cache_get_slow_1(struct weir_cache *cache, int64_t w);
WEIR_API void weir_cache_put_slow_1(struct weir_cache *cache, int64_t w);
WEIR_API void weir_op_put_odd_1(struct weir_op *op);

WEIR_INLINE struct weir_op *weir_op_get_from(struct weir_cache *cache)
{
    int64_t w = WEIR_LOAD_RELAXED(&cache->w) - WEIR_W_ONE;      /* the owner's own word */
    struct weir_op **slot, *op;
    WEIR_STORE_RELEASE(&cache->w, w);                           /* cache.W1 -> cache.W2: the claim */
    WEIR_COMPILER_FENCE();                                      /* cache.C1 <-> steal.B1: w before g, for the thief g before w */
    WEIR_POINT("get.claimed");
    if (WEIR_UNLIKELY(w < WEIR_LOAD_RELAXED(&cache->g)))        /* cache.G1 <-> cache.G2: by cache.C1 and steal.B1 */
        return weir_cache_get_slow_1(cache, w);
    slot = cache->slot + (uint32_t)w;
    op = WEIR_LOAD_RELAXED(slot);
    WEIR_PREFETCH_WRITE(WEIR_LOAD_RELAXED(slot - 1));           /* the next get's header, while this op is used */
    WEIR_POINT("get.taken");
    WEIR_STORE_RELAXED(&op->refs, 1);
    op->overlapped[0] = 0;
    op->overlapped[1] = 0;
    op->overlapped[2] = 0;
    op->overlapped[3] = 0;
    return op;
}

/* The put of an op that has been found to be held once. */
WEIR_API void weir_cache_put_1(struct weir_cache *cache, struct weir_op *op);
WEIR_INLINE void weir_cache_put_1(struct weir_cache *cache, struct weir_op *op)
{
    int64_t w;
    WEIR_STORE_RELAXED(&op->generation, WEIR_LOAD_RELAXED(&op->generation) + 1);
    WEIR_STORE_RELAXED(&op->refs, 0);
    WEIR_POINT("put.freed");
    w = WEIR_LOAD_RELAXED(&cache->w);                           /* the owner's own word */
    WEIR_STORE_RELAXED(cache->slot + (uint32_t)w, op);
    WEIR_POINT("put.placed");
    w += 1;
    WEIR_STORE_RELEASE(&cache->w, w);                           /* cache.W1 -> cache.W2: publishes the slot and the op */
    WEIR_COMPILER_FENCE();                                      /* cache.C1 <-> steal.B1: w before l */
    WEIR_POINT("put.published");
    if (WEIR_UNLIKELY((uint32_t)w > WEIR_LOAD_RELAXED(&cache->l)))  /* cache.L1 <-> cache.L2: by cache.C1 and steal.B1 */
        weir_cache_put_slow_1(cache, w);
}

WEIR_INLINE void weir_op_put_to(struct weir_cache *cache, struct weir_op *op)
{
    if (WEIR_LIKELY(op != NULL) && WEIR_LIKELY(WEIR_LOAD_RELAXED(&op->refs) == 1))
        weir_cache_put_1(cache, op);
    else
        weir_op_put_odd_1(op);
}

#ifdef __cplusplus
}
#endif
#endif
