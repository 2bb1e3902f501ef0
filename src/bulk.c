/* src/bulk.c - n ops or none.
 *
 * What the cache has is claimed with one store, and what it has room for is given back with one. Between these, ops are taken or given one by one, each
 * refill or flush moving a magazine; if a get falls short, all go back and the caller tries once more behind a lock, alone among the bulk callers: of two that each hold half of what is left, one gets all.
 *
 *     may run at once     with everything; the second try waits for another bulk caller's second try
 */
#include "pool_private.h"
#include "panic.h"

static unsigned bulk__collect(struct weir_pool *pool, struct weir_op **out, unsigned n)
{
    unsigned i = 0, k;
    while (i < n) {
        struct cache *c = thread_cache_known(pool);
        k = c && c->pub.ration > 1 ? (c->pub.ration < (int64_t)(n - i) ? (unsigned)c->pub.ration : n - i) : 0;
        if (k && cache_claim_bulk(c, out + i, k)) {
            i += k;
            continue;
        }
        out[i] = weir_op_get(pool);
        if (!out[i]) {
            c = thread_cache_if_any(pool);
            if (c)
                count_add(&c->granted, (uint64_t)0 - i);        /* as if they had not been taken */
            weir_op_put_bulk(out, i);
            return 0;
        }
        i++;
    }
    return n;
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
    got = bulk__collect(pool, out, n);
    if (!got) {
        os_lock(&pool->collector);
        got = bulk__collect(pool, out, n);
        os_unlock(&pool->collector);
    }
    return got;
}

void weir_op_put_bulk(struct weir_op **ops, unsigned n)
{
    unsigned i = 0, k;
    while (i < n) {
        struct weir_op *op = ops[i];
        struct cache *c = op && load_relaxed_64(&op->refs) == 1 ? thread_cache_known(load_relaxed_ptr(&op->pool)) : NULL;
        k = c ? cache_put_bulk(c, ops + i, n - i) : 0;
        if (!k) {
            weir_op_put(op);
            k = 1;
        }
        i += k;
    }
}
