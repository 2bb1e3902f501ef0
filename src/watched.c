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

/* The cache's get number `gets` has its op: is its life to be followed? */
bool cache_follows(struct cache *c, uint64_t gets)
{
    const struct track *t = c->pub.pool->track;
    bool first;
    if (!t || !t->sample)
        return false;
    first = !c->sample_at;                                      /* not always a new thread's first get */
    if (first)
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
