/* src/check.c - weir_pool_check: prove live + cached + free = capacity by walking a quiet pool.
 *
 * Every op that has ever been used must be in exactly one place: in a magazine that the depot or a cache lists (and then its count is 0), or
 * with a caller (and then its count is not 0). Blocks that were never used are free by definition.
 */
#include "pool_private.h"
#include "words.h"
#include "panic.h"
#include <errno.h>

struct check {
    struct weir_pool *pool;
    uint64_t *seen;             /* a bit an op */
    uint64_t cached, stacked;
    int error;
};

static int check__op(struct check *k, struct weir_op *op, const char *place)
{
    struct weir_pool *pool = k->pool;
    size_t offset = (size_t)((char *)op - pool->arena.ops);
    uint32_t index = (uint32_t)(offset / pool->arena.op_stride);
    if (offset >= pool->capacity * pool->arena.op_stride || offset % pool->arena.op_stride)
        return error_set(WEIR_ECORRUPT, "pool \"%s\": %p in %s is not one of its ops", pool->name, (void *)op, place);
    if (k->seen[index / 64] >> (index % 64) & 1)
        return error_set(WEIR_ECORRUPT, "pool \"%s\": op %u is in %s and in another place as well", pool->name, index, place);
    k->seen[index / 64] |= UINT64_C(1) << (index % 64);
    if (load_relaxed_64(&op->refs))
        return error_set(WEIR_ECORRUPT, "pool \"%s\": op %u is in %s and has %u references", pool->name, index, place,
                         (unsigned)(op->refs & WEIR_REFS_COUNT));
    return 0;
}

static int check__magazine(struct check *k, struct magazine *m, uint32_t n, const char *place)
{
    uint32_t i;
    int error = 0;
    for (i = 0; i < n && !error; i++)
        error = check__op(k, (struct weir_op *)load_relaxed_ptr(&m->slot[i]), place);
    return error;
}

static int check__stack(struct check *k, struct stack *stack, bool empty, const char *place)
{
    /* thread.N2 <- thread.N1 */
    uint64_t limit = (uint64_t)k->pool->blocks + (uint64_t)load_acquire_32(&k->pool->cache_count) * CACHE_MAGAZINES;
    uint32_t index = (uint32_t)load_acquire_64(&stack->head) & 0xffffff;    /* depot.A1 */
    int error = 0;
    while (index != MAGAZINE_NONE && !error) {
        struct magazine *m = magazine_at(k->pool, index);
        uint64_t s = load_acquire_64(&m->state);                /* magazine.S2 */
        uint32_t n = state_what(s) == MAGAZINE_FULL ? state_n(s) : 0;
        if (!limit--)
            return error_set(WEIR_ECORRUPT, "pool \"%s\": %s goes round in a circle", k->pool->name, place);
        if (empty && n)
            return error_set(WEIR_ECORRUPT, "pool \"%s\": magazine %u in %s holds %u ops", k->pool->name, index, place, n);
        error = check__magazine(k, m, n, place);
        k->stacked += n;
        index = load_relaxed_32(&m->next);
    }
    return error;
}

static int check__cache(struct check *k, struct cache *c)
{
    struct magazine *m = magazine_at(k->pool, c->loaded);
    uint64_t s = load_acquire_64(&m->state);                    /* magazine.S2 */
    int64_t n = words_read(c, m).n;
    uint32_t gone = state_what(s) == MAGAZINE_TAKEN ? state_n(s) : 0, i;
    int error = 0;
    if (state_what(s) != MAGAZINE_LOADED && state_what(s) != MAGAZINE_TAKEN)
        return error_set(WEIR_ECORRUPT, "pool \"%s\": cache %u's loaded magazine %u says %u", k->pool->name, c->id, c->loaded, state_what(s));
    if (n < 0 || n > (int64_t)k->pool->magazine)
        return error_set(WEIR_ECORRUPT, "pool \"%s\": cache %u counts %lld ops: 0 to %u", k->pool->name, c->id, (long long)n, k->pool->magazine);
    for (i = gone; i < (uint32_t)n && !error; i++, k->cached++)
        error = check__op(k, (struct weir_op *)load_relaxed_ptr(&m->slot[i]), "a thread's cache");
    if (!error && c->prev != MAGAZINE_NONE) {
        m = magazine_at(k->pool, c->prev);
        s = load_acquire_64(&m->state);                         /* magazine.S2 */
        n = state_what(s) == MAGAZINE_FULL ? (int64_t)state_n(s) : 0;
        error = check__magazine(k, m, (uint32_t)n, "a thread's previous magazine");
        k->cached += (uint32_t)n;
    }
    return error;
}

/* What was not found anywhere is live, or was never used. */
static int check__rest(struct check *k)
{
    struct weir_pool *pool = k->pool;
    uint64_t used = (uint64_t)load_acquire_32(&pool->virgin) * pool->magazine, live = 0;    /* depot.V1 */
    uint32_t i;
    struct weir_stats s;
    for (i = 0; i < pool->capacity && i < used; i++) {
        if (k->seen[i / 64] >> (i % 64) & 1)
            continue;
        if (!load_relaxed_64(&arena_op(pool, i)->refs))
            return error_set(WEIR_ECORRUPT, "pool \"%s\": op %u is missing: it is neither live, nor cached, nor free", pool->name, i);
        live++;
    }
    (void)weir_pool_stats_1(pool, &s, sizeof s);
    if (s.live != live || s.cached != k->cached || s.live + s.cached + s.free != s.capacity || s.gets - s.puts != s.live)
        return error_set(WEIR_ECORRUPT, "pool \"%s\": counted %llu live and %llu cached, the statistics say %llu and %llu", pool->name,
                         (unsigned long long)live, (unsigned long long)k->cached, (unsigned long long)s.live, (unsigned long long)s.cached);
    return 0;
}

static int check__all(struct check *k)
{
    struct cache *c;
    int error = check__stack(k, &k->pool->full, false, "the depot");
    if (!error)
        error = check__stack(k, &k->pool->part, false, "the depot's partial magazines");
    if (!error)
        error = check__stack(k, &k->pool->empty, true, "the depot's empty magazines");
    for (c = load_acquire_ptr(&k->pool->caches); c && !error; c = c->next)  /* thread.C2 */
        error = check__cache(k, c);
    return error ? error : check__rest(k);
}

int weir_pool_check(struct weir_pool *pool)
{
    struct check k = { pool, NULL, 0, 0, 0 };
    size_t bytes;
    int error;
    if (!pool)
        return error_set(-EINVAL, "weir_pool_check: pool is NULL");
    bytes = (pool->capacity / 64 + 1) * sizeof *k.seen;
    fork_check(pool);
    if (pool->segment)
        return segment_check(pool);
    k.seen = os_pages(bytes);
    if (!k.seen)
        return error_set(-ENOMEM, "pool \"%s\": no memory to check %u ops", pool->name, pool->capacity);
    error = check__all(&k);
    os_pages_free(k.seen, bytes);
    return error;
}
