/* src/stats.c - where the ops are, from counters that cost the fast path nothing.
 *
 * Gets: each ration given out is counted when it is given, what is left of it stands in w. Ops: `in` counts what came into loaded
 * magazines out of FULL ones, `out` what went back; their difference is what is live or loaded, whoever did it. So
 *
 *     live = (in - out) - what w says in all caches       cached = that, and what is in previous magazines       puts = gets - live
 *
 * relaxed dirty, committed, peak: a number that was true a moment ago.
 *
 * A census reads every cache once without stopping anyone: exact when the pool is quiet, else each number is right within the ops
 * that moved meanwhile.
 */
#include "pool_private.h"
#include "words.h"
#include "panic.h"
#include <errno.h>
#include <string.h>

static uint32_t stats__full_in(const struct weir_pool *pool, uint32_t index)
{
    uint64_t s;
    if (index == MAGAZINE_NONE)
        return 0;
    s = load_acquire_64(&magazine_at(pool, index)->state);      /* magazine.S2 */
    return state_what(s) == MAGAZINE_FULL ? state_n(s) : 0;
}

static uint32_t stats__loaded_in(const struct weir_pool *pool, const struct cache *c)
{
    const struct magazine *m = magazine_at(pool, load_acquire_32(&c->loaded));  /* steal.M2 */
    uint64_t s = load_acquire_64(&m->state);                    /* magazine.S2 */
    int64_t n = words_read(c, m).n;
    if (state_what(s) == MAGAZINE_TAKEN)
        n -= (int64_t)state_n(s);
    return n < 0 || n > (int64_t)pool->magazine + 1 ? 0 : (uint32_t)n;
}

void stats_census(struct weir_pool *pool, struct census *out)
{
    struct cache *c;
    uint64_t in = load_relaxed_64(&pool->fork_live);
    memset(out, 0, sizeof *out);
    for (c = load_acquire_ptr(&pool->caches); c; c = c->next) { /* thread.C2 */
        uint32_t n = stats__loaded_in(pool, c);
        out->loaded += n;
        out->cached += n + stats__full_in(pool, load_acquire_32(&c->prev)); /* steal.P2 */
        in += load_relaxed_64(&c->in) - load_relaxed_64(&c->out);
    }
    out->out = (int64_t)in < 0 ? 0 : in;
}

uint64_t stats_live(struct weir_pool *pool)
{
    struct census census;
    stats_census(pool, &census);
    return census.out > census.loaded ? census.out - census.loaded : 0;
}

bool stats_any_free(struct weir_pool *pool)
{
    return load_relaxed_32(&pool->dirty) != CLEAN || !depot_is_bare(pool);
}

static void stats__raise(struct weir_pool *pool, uint64_t live)
{
    uint64_t have = load_relaxed_64(&pool->peak), n = live < pool->capacity ? live : pool->capacity;    /* a census is no instant */
    while (n > have && !cas_64(&pool->peak, &have, n)) {        /* stats.P1 -> stats.P1: the number alone */
    }
}

/* After a refill: has there been a new peak? With many caches a census costs, so then only now and then. */
void stats_look(struct weir_pool *pool, struct cache *c)
{
    if (load_relaxed_32(&pool->cache_count) > 4 && ++c->looks % 16 != 0)
        return;
    stats__raise(pool, stats_live(pool));
}

static void stats__give(struct weir_stats *out, const struct weir_stats *s, size_t size)
{
    memcpy(out, s, size < sizeof *s ? size : sizeof *s);
    if (size > sizeof *s)
        memset((char *)out + sizeof *s, 0, size - sizeof *s);   /* a newer program: what this library doesn't know is 0 */
}

int weir_pool_stats_1(struct weir_pool *pool, struct weir_stats *out, size_t size)
{
    struct weir_stats s;
    struct census census;
    struct cache *c;
    if (!pool || !out)
        return error_set(-EINVAL, "weir_pool_stats: %s is NULL", pool ? "out" : "pool");
    fork_check(pool);
    if (pool->segment) {
        segment_stats(pool, &s);
        stats__give(out, &s, size);
        return 0;
    }
    memset(&s, 0, sizeof s);
    stats_census(pool, &census);
    s.capacity = pool->capacity;
    s.committed = load_relaxed_32(&pool->arena.committed);
    s.cached = census.cached;
    s.live = census.out > census.loaded ? census.out - census.loaded : 0;
    s.free = s.live + s.cached < s.capacity ? s.capacity - s.live - s.cached : 0;
    for (c = load_acquire_ptr(&pool->caches); c; c = c->next) { /* thread.C2 */
        s.gets += load_relaxed_64(&c->granted) - (uint64_t)words_read(c, magazine_at(pool, load_acquire_32(&c->loaded))).ration;   /* steal.M2 */
        s.refills += load_relaxed_64(&c->refills);
        s.flushes += load_relaxed_64(&c->flushes);
        s.steals += load_relaxed_64(&c->steals);
        s.empties += load_relaxed_64(&c->empties);
        s.waits += load_relaxed_64(&c->waits);
    }
    s.puts = s.gets - s.live;
    stats__raise(pool, s.live);
    s.peak = load_relaxed_64(&pool->peak);
    s.fenced = !pool->barrier;
    stats__give(out, &s, size);
    return 0;
}
