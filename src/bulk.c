/* src/bulk.c - n ops or none.
 *
 * What the cache has is claimed with one store, and what it has room for is given back with one. Between these, ops are taken or given one by
 * one, each refill or flush moving a magazine; if a get falls short, all go back and the caller tries once more behind a lock, alone among the
 * bulk callers: of two that each hold half of what is left, one gets all.
 *
 *     may run at once     with everything; the second try waits for another bulk caller's second try
 */
#include "pool_private.h"
#include "words.h"
#include "panic.h"

/* As if n gets had not been. */
static __attribute__((noinline)) void bulk__not_taken(struct cache *c, unsigned n)
{
    if (c->pub.pool->segment)
        segment_not_taken(c, n);
    else
        count_add(&c->granted, (uint64_t)0 - n);
}

static unsigned bulk__collect(struct weir_pool *pool, struct weir_op **out, unsigned n, const void *site)
{
    unsigned i = 0, k;
    while (i < n) {
        struct cache *c = thread_cache_known(pool);
        k = c && c->pub.ration > 1 ? (c->pub.ration < (int64_t)(n - i) ? (unsigned)c->pub.ration : n - i) : 0;
        if (k && cache_claim_bulk(c, out + i, k)) {
            i += k;
            continue;
        }
        out[i] = WEIR_UNLIKELY(pool->track != NULL) ? op_get_from(pool, site) : weir_op_get(pool);
        if (!out[i]) {
            c = thread_cache_if_any(pool);
            if (c)
                bulk__not_taken(c, i);
            weir_op_put_bulk(out, i);
            return 0;
        }
        i++;
    }
    return n;
}

/* The second try, between processes. */
static __attribute__((noinline)) unsigned bulk__collect_shared(struct weir_pool *pool, struct weir_op **out, unsigned n, const void *site)
{
    struct cache *c = segment_collectors(pool);
    unsigned got = c ? bulk__collect(pool, out, n, site) : 0;
    segment_collected(c);
    return got;
}

unsigned weir_op_get_bulk(struct weir_pool *pool, struct weir_op **out, unsigned n)
{
    struct cache *c;
    unsigned got;
    if (!pool || !out)
        weir_panic("weir_op_get_bulk: %s is NULL", pool ? "out" : "pool");
    if (!n || n > pool->capacity)
        return 0;
    c = thread_cache_known(pool);
    if (c && cache_claim_bulk(c, out, n))
        return n;
    got = bulk__collect(pool, out, n, __builtin_return_address(0));
    if (!got) {
        if (pool->segment)
            return bulk__collect_shared(pool, out, n, __builtin_return_address(0));
        os_lock(&pool->collector);
        got = bulk__collect(pool, out, n, __builtin_return_address(0));
        os_unlock(&pool->collector);
    }
    return got;
}

/* The first k of n ops that their only holder gives back, as long as they are this pool's and the cache has room, by one store.
 * What diverts the owner meanwhile makes the last of them the put that comes to the slow path, and the others puts before it. */
static unsigned bulk__put(struct cache *c, struct weir_op *const *ops, unsigned n)
{
    struct weir_op **slot = c->pub.base + c->pub.ration, **l = load_relaxed_ptr(&c->pub.l);     /* a first look; cache.L1 comes after */
    unsigned k, room = slot < l ? (unsigned)(l - slot) : 0;
    for (k = 0; k < n && k < room; k++) {
        struct weir_op *op = ops[k];
        if (!op || load_relaxed_64(&op->refs) != 1 || load_relaxed_64(&op->pool) != (uint64_t)(uintptr_t)c->pub.pool)
            break;
        store_relaxed_64(&op->refs, 0);
        store_relaxed_ptr(&slot[k], op);
    }
    if (!k)
        return 0;
    WEIR_POINT("bulk.placed");
    words_store_base(c, c->pub.base + k);                       /* cache.W3 -> cache.W4: the slots and the ops */
    WEIR_COMPILER_FENCE();                                      /* cache.C1 */
    WEIR_POINT("bulk.published");
    if (WEIR_UNLIKELY((struct weir_op **)load_relaxed_ptr(&c->pub.l) < slot + k))   /* cache.L1 */
        weir_cache_put_slow_1(&c->pub);
    return k;
}

void weir_op_put_bulk(struct weir_op **ops, unsigned n)
{
    unsigned i = 0, k;
    while (i < n) {
        struct weir_op *op = ops[i];
        struct cache *c = op && load_relaxed_64(&op->refs) == 1 ? thread_cache_known(load_relaxed_ptr(&op->pool)) : NULL;
        k = c ? bulk__put(c, ops + i, n - i) : 0;
        if (!k) {
            if (op && load_relaxed_64(&op->refs) != 1)
                op_put_odd(op, __builtin_return_address(0));
            else
                weir_op_put(op);
            k = 1;
        }
        i += k;
    }
}
