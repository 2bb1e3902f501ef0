/* src/bulk.c - n ops or none.
 *
 * What the cache has is claimed with one store. For more, ops are taken one by one, each refill bringing a magazine; if that falls short, all
 * go back and the caller tries once more behind a lock, alone among the bulk callers: of two that each hold half of what is left, one gets all.
 *
 *     may run at once     with everything; the second try waits for another bulk caller's second try
 */
#include "pool_private.h"
#include "panic.h"

static unsigned bulk__collect(struct weir_pool *pool, struct weir_op **out, unsigned n)
{
    unsigned i;
    for (i = 0; i < n; i++) {
        out[i] = weir_op_get(pool);
        if (!out[i]) {
            struct cache *c = thread_cache_if_any(pool);
            if (c)
                count_add(&c->granted, (uint64_t)0 - i);        /* as if they had not been taken */
            weir_op_put_bulk(out, i);
            return 0;
        }
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
    c = thread_cache(pool);
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
