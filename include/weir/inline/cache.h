/* weir/inline/cache.h - get and put, inlined: claim first, test after.
 *
 * The owner alone stores ration and base, which together say n: a get takes one from ration, a put adds one to base. The claim is stored
 * first and one test follows: get `ration < g`, put `its slot >= l`. Everything rare is behind that test: an empty or full magazine, a ration that
 * is used up, another thread that empties this cache, a waiter, a watch. See src/cache.c for the argument.
 */
#ifndef WEIR_INLINE_CACHE_H
#define WEIR_INLINE_CACHE_H

#include "atomic.h"
#include "layout.h"

#ifdef __cplusplus
extern "C" {
#endif

WEIR_API struct weir_op *weir_cache_get_slow_1(struct weir_cache *cache);
WEIR_API void weir_cache_put_slow_1(struct weir_cache *cache);
WEIR_API void weir_op_put_odd_1(struct weir_op *op);
WEIR_API void weir_cache_put_odd_1(struct weir_cache *cache, struct weir_op *op);

WEIR_INLINE struct weir_op *weir_op_get_from(struct weir_cache *cache)
{
    int64_t ration = WEIR_LOAD_RELAXED(&cache->ration) - 1;     /* the owner's own word */
    struct weir_op **slot, *op;
    WEIR_STORE_RELEASE(&cache->ration, ration);                 /* cache.W1 -> cache.W2: the claim */
    WEIR_COMPILER_FENCE();                                      /* cache.C1 <-> steal.B1: ration before g, for the thief g before ration */
    WEIR_POINT("get.claimed");
    if (WEIR_UNLIKELY(WEIR_ABOVE_RELAXED(&cache->g, ration)))   /* cache.G1 <-> cache.G2: by cache.C1 and steal.B1 */
        return weir_cache_get_slow_1(cache);
    slot = WEIR_LOAD_RELAXED(&cache->base) + ration;            /* the owner's own word */
    WEIR_ONCE(slot);
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
    struct weir_op **base, **slot;
    WEIR_STORE_RELAXED(&op->refs, 0);
    WEIR_POINT("put.freed");
    base = WEIR_LOAD_RELAXED(&cache->base);                     /* the owner's own */
    slot = base + WEIR_LOAD_RELAXED(&cache->ration);            /* the owner's own */
    WEIR_ONCE(slot);
    WEIR_STORE_RELAXED(slot, op);
    WEIR_POINT("put.placed");
    WEIR_STORE_RELEASE(&cache->base, base + 1);                 /* cache.W3 -> cache.W4: publishes the slot and the op */
    WEIR_COMPILER_FENCE();                                      /* cache.C1 <-> steal.B1: base before l */
    WEIR_POINT("put.published");
    if (WEIR_UNLIKELY(WEIR_ATMOST_RELAXED(&cache->l, slot)))    /* cache.L1 <-> cache.L2: by cache.C1 and steal.B1 */
        weir_cache_put_slow_1(cache);
}

WEIR_INLINE void weir_op_put_to(struct weir_cache *cache, struct weir_op *op)
{
    if (WEIR_LIKELY(op != NULL) && WEIR_LIKELY(!WEIR_DIFFERS_RELAXED(&op->refs, 1)))
        weir_cache_put_1(cache, op);
    else
        weir_cache_put_odd_1(cache, op);
}

#ifdef __cplusplus
}
#endif
#endif
