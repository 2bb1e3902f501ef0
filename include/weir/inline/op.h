/* weir/inline/op.h - get and put by thread-local look-up, and the accessors, inlined.
 *
 * The look-up compares the pool with the one that this thread uses most; other pools are found by a call. Where thread-local
 * storage is not a register's offset away (Windows), get and put are calls into the library instead.
 */
#ifndef WEIR_INLINE_OP_H
#define WEIR_INLINE_OP_H

#include "cache.h"

#ifdef __cplusplus
extern "C" {
#endif

WEIR_API struct weir_op *weir_op_get_any_1(struct weir_pool *pool);
WEIR_API void weir_op_put_any_1(struct weir_op *op);

#ifdef __ELF__
WEIR_API extern __thread struct weir_thread_slot weir_thread_slots_1[WEIR_THREAD_SLOTS] __attribute__((__tls_model__("initial-exec")));

WEIR_INLINE struct weir_op *weir_op_get(struct weir_pool *pool)
{
    struct weir_thread_slot *s = weir_thread_slots_1;
    if (WEIR_LIKELY(!WEIR_DIFFERS_RELAXED(&s->pool, pool)))   /* a close elsewhere may take another pool out of the slot */
        return weir_op_get_from(s->cache);
    return weir_op_get_any_1(pool);
}

WEIR_INLINE void weir_op_put(struct weir_op *op)
{
    struct weir_thread_slot *s;
    if (WEIR_UNLIKELY(!op) || WEIR_UNLIKELY(WEIR_DIFFERS_RELAXED(&op->refs, 1))) {
        weir_op_put_odd_1(op);
        return;
    }
    s = weir_thread_slots_1;
    if (WEIR_LIKELY(!WEIR_DIFFERS_RELAXED(&s->pool, (struct weir_pool *)(uintptr_t)WEIR_LOAD_RELAXED(&op->pool))))
        weir_cache_put_1(s->cache, op);
    else
        weir_op_put_any_1(op);
}
#endif

/* Atomically, because a thread that was stopped while it filled in a fresh header may still swap in vain. */
WEIR_INLINE void *weir_op_buffer(const struct weir_op *op)
{
    int64_t distance = WEIR_LOAD_RELAXED(&op->buffer);
    return distance ? (char *)(uintptr_t)op + distance : NULL;
}

WEIR_INLINE struct weir_pool *weir_op_pool(const struct weir_op *op)
{
    uint64_t pool = WEIR_LOAD_RELAXED(&op->pool);
    if (WEIR_UNLIKELY(pool & WEIR_OP_SHARED))
        pool = (uint64_t)(uintptr_t)op - (pool & WEIR_OP_DISTANCE);
    return (struct weir_pool *)(uintptr_t)pool;
}

WEIR_INLINE uint32_t weir_op_index(const struct weir_op *op) { return WEIR_LOAD_RELAXED(&op->index); }
WEIR_INLINE struct _OVERLAPPED *weir_op_overlapped(struct weir_op *op) { return (struct _OVERLAPPED *)(void *)op; }
WEIR_INLINE struct weir_op *weir_op_from_overlapped(struct _OVERLAPPED *overlapped)
{
    return (struct weir_op *)(void *)overlapped;
}

#ifdef __cplusplus
}
#endif
#endif
