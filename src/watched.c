/* src/watched.c - what get and put do beyond their work in a pool that the debug layer watches.
 *
 * Which lives are followed. Each cache counts its own gets (granted - ration) and follows the one at sample_at; the gap to the next is drawn evenly
 * from 1 to 2N - 1, so that a program whose gets come in a pattern is not always looked at in the same place. Rations end right before that get
 * (watch.c), so the gets between cost nothing.
 *
 * The marks. An op that is guarded or followed is never found with refs 1: every put of it is odd, and so every ref and unref, and comes here or to
 * ref.c before anything has happened to it. The marks go when its only holder gives it back.
 *
 *     may run at once     with all; sample_at and site are the cache's owner's, an op's marks its holders'
 *     progress            that of the layer's functions: lock-free, but for a thread's first call
 */
#include "pool_private.h"
#include "words.h"
#include "panic.h"
#include <string.h>
#include <errno.h>

static uint64_t watched__random(struct cache *c)
{
    uint64_t x = c->sample_state;
    if (!x)
        x = ((uint64_t)os_now() ^ (uint64_t)(uintptr_t)c) | 1;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    c->sample_state = x;
    return x * UINT64_C(0x2545f4914f6cdd1d) >> 32;
}

/* A gap to the next life that is followed: N on average. */
static uint64_t watched__gap(struct cache *c, uint32_t sample)
{
    return sample <= 1 ? 1 : 1 + watched__random(c) % (2 * (uint64_t)sample - 1);
}

/* The cache's latest get, which is counted, has its op: is its life to be followed? */
bool cache_follows(struct cache *c)
{
    const struct track *t = c->pub.pool->track;
    uint64_t gets = c->granted - (uint64_t)c->pub.ration;
    if (!t || !t->sample)
        return false;
    if (!c->sample_at)                                          /* not always a new thread's first get */
        c->sample_at = gets + watched__gap(c, t->sample) - 1;
    if (gets < c->sample_at)
        return false;
    c->sample_at = gets + watched__gap(c, t->sample);
    return true;
}

int track_open(struct track **out, const struct track_shape *shape, const char *spec)
{
    *out = NULL;
    if (track_layer)
        return track_layer->open(out, shape, spec);
    return spec && *spec && strcmp(spec, "none") != 0 ? error_set(-ENOTSUP, "debug \"%s\": this library was built without its debug layer (WEIR_DEBUG_LAYER=OFF)", spec) : 0;
}

struct weir_op *op_born_watched(struct weir_pool *pool, struct weir_op *op, bool follow, const void *site)
{
    struct track *t = pool->track;
    uint32_t index;
    uint64_t refs = 1;
    (void)op_born(op);
    if (!t)
        return op;                                              /* the level alone is watched */
    index = weir_op_index(op);
    if (t->guard) {
        refs |= WEIR_REFS_GUARDED;
        track_layer->taken(t, pool, index, site);
    }
    if (follow && track_layer->begin(t, index, load_relaxed_32(&op->generation), site))
        refs = (refs & ~WEIR_REFS_COUNT) | WEIR_REFS_TRACKED | WEIR_REFS_SENTINEL;
    store_relaxed_64(&op->refs, refs);
    return op;
}

/* -- gets --------------------------------------------------------------------------------------------------------------- */

/* The op in hand took the level below the mark: it goes back, the callback is told, and the get begins anew. So the callback holds up nothing,
 * and may leave by a longjmp. */
static struct weir_op *watched__say_low(struct cache *c, struct weir_op *op)
{
    words_set(c, words_n(c), 0);
    cache_put(c, op);
    cache_rearm(c);
    watch_call_low(c->pub.pool);
    return weir_op_get_from(&c->pub);
}

/* op was taken in a watched pool, and is not counted yet. */
struct weir_op *cache_got_watched(struct cache *c, struct weir_op *op, const void *site)
{
    struct weir_pool *pool = c->pub.pool;
    bool follow;
    if (watch_low(pool))
        return watched__say_low(c, op);
    count_add(&c->granted, 1);
    follow = cache_follows(c);
    cache_rearm(c);
    return op_born_watched(pool, op, follow, c->site ? c->site : site);
}

/* op was claimed from an open cache, n are left, and the pool is watched. */
struct weir_op *cache_get_watched(struct cache *c, struct weir_op *op, uint32_t n, const void *site)
{
    struct weir_pool *pool = c->pub.pool;
    uint32_t l = pool->magazine;
    bool follow;
    if (watch_low(pool)) {
        count_add(&c->granted, (uint64_t)-1);
        return watched__say_low(c, op);
    }
    follow = cache_follows(c);
    words_set(c, n, watch_ration(c, n, &l));
    if (l < pool->magazine)                                     /* the level is low: the put that raises it must say so */
        cache_set_l(c, l);
    return op_born_watched(pool, op, follow, c->site ? c->site : site);
}

/* A get of a pool between processes. */
struct weir_op *cache_get_shared(struct cache *c, const void *site)
{
    struct weir_pool *pool = c->pub.pool;
    struct weir_op *op;
    fork_check(pool);
    c->pub.ration = 0;                                          /* the inlined get's claim is none */
    op = segment_get(c);
    if (WEIR_LIKELY(!load_relaxed_32(&pool->watched)) || !op)
        return op;
    count_add(&c->granted, 1);
    return op_born_watched(pool, op, cache_follows(c), c->site ? c->site : site);
}

/* The op, whose refs say guarded or tracked, has one holder, who gives it back: refs becomes 1. false: it has several. */
bool op_end_watched(struct weir_op *op, uint64_t refs, const void *site)
{
    struct weir_pool *pool = weir_op_pool(op);
    uint32_t index = weir_op_index(op);
    if ((refs & WEIR_REFS_TRACKED) && track_layer->refs(pool->track, index) > 1)
        return false;
    if (refs & WEIR_REFS_GUARDED)
        track_layer->given(pool->track, pool, index, site);     /* before anything has changed: it may panic */
    if (refs & WEIR_REFS_TRACKED)
        track_layer->end(pool->track, index, site);
    if (refs & (WEIR_REFS_NAMED | WEIR_REFS_PUBLISHED))
        op_unname(op);
    else
        store_relaxed_64(&op->refs, 1);
    return true;
}
