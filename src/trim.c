/* src/trim.c - give the memory of free ops back to the system, and hand out the arena as ranges for registered I/O.
 *
 * Trim sweeps the caches, takes all magazines out of the depot, marks the ops in them in a bitmap, discards the pages that only such ops
 * lie in, and puts the magazines back, marked RAW if headers went. What it holds meanwhile is out of reach for others.
 *
 * Header pages need care: a discarded header reads as zero, and whoever loads its magazine fills it in again (arena_prepare_ops). A thread
 * that was stopped in the middle of such a filling must not go on after the page was discarded once more, with an old generation:
 *
 *     a filler:  transit = m;  fence;  read generation;  fill in                       (cache.c, depot.c)
 *     trim:      generation = above all it holds;  fence;  any transit? then no headers this time;  discard
 *
 * Either trim sees the transit, or the filler sees the new generation (trim.B1).
 *
 *     may run at once     with get, put and all else; two trims one after the other (a lock that only trim and iovecs take)
 */
#include "pool_private.h"
#include "panic.h"
#include <errno.h>

/* A magazine in trim's hands. */
struct held {
    struct magazine *magazine;
    uint32_t n, marks;
};

struct trim {
    uint64_t *free;             /* a bit an op that was used since the last trim */
    struct magazine *list;      /* those in hand that are full, linked by next; `before` remembers n and marks */
    struct held open;           /* the one that is not, if any */
    uint32_t generation;
};

/* Keep a full one. Nobody prefetches by a magazine that isn't loaded: its slot[-1] can remember what its word said. */
static void trim__keep(struct trim *t, struct held h)
{
    h.magazine->before = (struct weir_op *)(void *)(uintptr_t)(h.n | h.marks << 16);
    store_relaxed_32(&h.magazine->next, t->list ? magazine_index(t->list) : MAGAZINE_NONE);
    t->list = h.magazine;
}

/* One that is not full goes together with the last such: so what trim holds is as few records as can be, and the depot never lacks an empty
 * one meanwhile. */
static void trim__join(struct weir_pool *pool, struct trim *t, struct held h)
{
    struct held *o = &t->open;
    if (!o->magazine) {
        *o = h;
        return;
    }
    for (; h.n && o->n < pool->magazine; o->n++)
        store_relaxed_ptr(&o->magazine->slot[o->n], load_relaxed_ptr(&h.magazine->slot[--h.n]));
    o->marks = ((o->marks | h.marks) & MAGAZINE_RAW) | (o->marks & h.marks & MAGAZINE_SPENT);
    if (o->n >= pool->magazine) {
        trim__keep(t, *o);
        o->magazine = NULL;
    }
    if (!h.n)
        depot_push(pool, &pool->empty, h.magazine);
    else
        *o = h;
}

static void trim__note(struct weir_pool *pool, struct trim *t, const struct held *h)
{
    uint32_t i;
    for (i = 0; i < h->n; i++) {
        struct weir_op *op = (struct weir_op *)load_relaxed_ptr(&h->magazine->slot[i]);
        uint32_t index = (uint32_t)((size_t)((char *)op - pool->arena.ops) / pool->arena.op_stride);
        if (!(h->marks & MAGAZINE_SPENT))
            t->free[index / 64] |= UINT64_C(1) << (index % 64);
        if (load_relaxed_32(&op->generation) >= t->generation)
            t->generation = load_relaxed_32(&op->generation) + 1;
    }
}

static void trim__take(struct weir_pool *pool, struct stack *stack, struct trim *t)
{
    struct magazine *m;
    while ((m = depot_pop(pool, stack, NULL)) != NULL) {
        uint64_t s = load_acquire_64(&m->state);                /* magazine.S2 */
        struct held h = { m, 0, 0 };
        /* Ours alone from here on: a thief that has it in its eye finds it EMPTY. */
        /* magazine.S1: nobody's but ours */
        while (state_what(s) == MAGAZINE_FULL && !cas_64(&m->state, &s, state_after(s, MAGAZINE_EMPTY, 0, 0))) {
        }
        if (state_what(s) != MAGAZINE_FULL) {
            if (state_what(s) == MAGAZINE_TAKEN)
                depot_settle_taken(pool, m, s);
            store_release_64(&m->state, state_after(s, MAGAZINE_EMPTY, 0, 0));  /* magazine.S1 */
            depot_push(pool, &pool->empty, m);
            continue;
        }
        h.n = state_n(s);
        h.marks = state_other(s);
        trim__note(pool, t, &h);
        if (h.n >= pool->magazine)
            trim__keep(t, h);
        else
            trim__join(pool, t, h);
    }
}

static void trim__give(struct weir_pool *pool, struct held h, bool headers)
{
    h.marks |= MAGAZINE_SPENT | (headers ? MAGAZINE_RAW : 0);
    h.magazine->before = NULL;
    /* magazine.S1: the slots */
    store_release_64(&h.magazine->state, state_after(load_relaxed_64(&h.magazine->state), MAGAZINE_FULL, h.n, h.marks));
    depot_push(pool, h.n >= pool->magazine ? &pool->full : &pool->part, h.magazine);
}

static void trim__put_back(struct weir_pool *pool, struct trim *t, bool headers)
{
    struct magazine *m = t->list;
    while (m) {
        uint32_t next = load_relaxed_32(&m->next), kept = (uint32_t)(uintptr_t)m->before;
        trim__give(pool, (struct held){ m, kept & 0xffff, kept >> 16 }, headers);
        m = next == MAGAZINE_NONE ? NULL : magazine_at(pool, next);
    }
    if (t->open.magazine)
        trim__give(pool, t->open, headers);
}

static bool trim__headers_at_rest(struct weir_pool *pool, struct trim *t)
{
    struct cache *c;
    if (t->generation > load_relaxed_32(&pool->arena.generation))
        store_release_32(&pool->arena.generation, t->generation);   /* trim.G1 -> trim.G2: above all that is held */
    fence();                                                    /* trim.B1 <-> trim.B2: arena.generation, then transit */
    for (c = load_acquire_ptr(&pool->caches); c; c = c->next)   /* thread.C2 */
        if (load_acquire_32(&c->transit) != MAGAZINE_NONE)      /* steal.T2 */
            return false;
    return true;
}

static size_t trim__discard(struct weir_pool *pool, const uint64_t *free_ops, bool headers)
{
    uint32_t from = 0, to;
    size_t bytes = 0;
    while (from < pool->capacity) {
        if (!(free_ops[from / 64] >> (from % 64) & 1)) {
            from++;
            continue;
        }
        for (to = from + 1; to < pool->capacity && free_ops[to / 64] >> (to % 64) & 1; to++) {
        }
        bytes += arena_discard(pool, from, to, headers);
        if (pool->track)
            track_layer->discarded(pool->track, from, to);
        from = to;
    }
    return bytes;
}

static void trim__sweep(struct weir_pool *pool)
{
    struct cache *own = thread_cache_if_any(pool), *c = own ? own : cache_acquire(pool);
    if (!c)
        return;
    cache_empty(c);
    (void)steal_sweep(pool, c);
    if (!own)
        cache_release(c);
}

size_t weir_pool_trim(struct weir_pool *pool)
{
    struct trim t = { NULL, NULL, { NULL, 0, 0 }, 0 };
    size_t bytes = 0, words;
    bool headers;
    if (!pool)
        return 0;
    fork_check(pool);
    if (pool->segment)
        return segment_trim(pool);
    words = (pool->capacity / 64 + 1) * sizeof *t.free;
    t.free = os_pages(words);
    if (!t.free)
        return 0;
    os_lock(&pool->trim_lock);
    if (!pool->pinned) {
        trim__take(pool, &pool->full, &t);                      /* a sweep wants a bare depot */
        trim__take(pool, &pool->part, &t);
        trim__sweep(pool);
        trim__take(pool, &pool->full, &t);
        trim__take(pool, &pool->part, &t);
        headers = trim__headers_at_rest(pool, &t);
        bytes = trim__discard(pool, t.free, headers);
        trim__put_back(pool, &t, headers);
    }
    os_unlock(&pool->trim_lock);
    os_pages_free(t.free, words);
    waiters_serve_any(pool);
    return bytes;
}

/* -- registered I/O ------------------------------------------------------------------------------------------------------- */

int weir_pool_iovecs(struct weir_pool *pool, struct weir_iovec *out, unsigned n)
{
    uint32_t each, ranges, i;
    int error = 0;
    if (!pool)
        return error_set(-EINVAL, "weir_pool_iovecs: pool is NULL");
    if (!pool->buffer_size)
        return error_set(-EINVAL, "pool \"%s\" has no buffers (buffer_size 0): nothing to register", pool->name);
    if (pool->track && pool->track->pages)
        return error_set(-ENOTSUP, "pool \"%s\" has guard=page: its free buffers can't be accessed, nor registered; guard alone is right here", pool->name);
    if (n && !out)
        return error_set(-EINVAL, "weir_pool_iovecs: out is NULL with room for %u", n);
    fork_check(pool);
    each = (uint32_t)(((size_t)1 << 30) / pool->arena.buffer_stride);
    if (!each)
        return error_set(-EINVAL, "pool \"%s\": buffers of %zu bytes: registered ranges hold at most 1 GiB", pool->name, pool->buffer_size);
    ranges = (pool->capacity - 1) / each + 1;
    os_lock(&pool->trim_lock);
    if (pool->segment ? segment_pin(pool)
                      : arena_commit(pool, pool->capacity) || os_populate(pool->arena.buffers, pool->arena.buffers_bytes))
        error = error_set(-ENOMEM, "pool \"%s\": no memory to commit all %u buffers", pool->name, pool->capacity);
    else
        pool->pinned++;                                         /* of a shared pool: in this process */
    os_unlock(&pool->trim_lock);
    if (error)
        return error;
    for (i = 0; i < n && i < ranges; i++) {
        uint32_t from = i * each, to = pool->capacity - from > each ? from + each : pool->capacity;
        out[i].base = pool->arena.buffers + from * pool->arena.buffer_stride;
        out[i].bytes = (to - from) * pool->arena.buffer_stride;
    }
    return (int)ranges;
}

void weir_pool_iovecs_release(struct weir_pool *pool)
{
    bool pinned;
    if (!pool)
        return;
    os_lock(&pool->trim_lock);
    pinned = pool->pinned != 0;
    pool->pinned -= pinned;
    if (pinned && pool->segment)
        segment_unpin(pool);
    os_unlock(&pool->trim_lock);
    if (!pinned)
        weir_panic("pool \"%s\": weir_pool_iovecs_release without weir_pool_iovecs", pool->name);
}
