/* src/cache.c - the slow paths of get and put: what is behind the one test.
 *
 * Get and put claim by a store to w, the words ration and base (words.h), and test afterwards (include/weir/inline/cache.h). Who wants to
 * divert the owner shuts g, sets l = NULL and makes the process-wide barrier: from then on either it sees the owner's store, or the owner sees it. The owner, diverted,
 * *settles*: it advances the tag of its loaded magazine's word, so that a theft that was under way fails, or finds that the theft
 * came first (TAKEN{t}) and keeps only what lies at or above t. Nobody waits for an owner that is stopped anywhere.
 *
 *     invariant of an open cache: ration <= n, so that a get can't run below slot 0 unseen
 *     shut caches are opened again only by their owner, at the end of a slow path, in this order:
 *         g open; the magazine's tag advanced (a thief that read it before fails, one that reads it after sees g open);
 *         dirty; l; fence; then g, the waiters and the event are looked at once more
 *
 *     may run at once       owner's get, put, slow paths     thieves (steal.c)     stats, check
 *     owner                 one thread                        yes                   yes (check: quiet pool)
 *     thieves                                                 yes                   yes
 *
 *     progress: lock-free. Where the system has no process-wide barrier no cache is ever opened: every call comes here, and of its
 *     swap on the magazine's word and a thief's one comes first: the later one fails.
 */
#include "pool_private.h"
#include "words.h"
#include "panic.h"

/* The owner, diverted: w says *n, and slot[*n, hi) is claimed. Afterwards a theft that was under way has failed or has happened; w
 * and *n say what is left. A full fence in any case. true: the claim stands. */
static bool cache__settle(struct cache *c, uint32_t *n, uint32_t hi)
{
    struct weir_pool *pool = c->pub.pool;
    struct magazine *m = magazine_at(pool, c->loaded);
    uint64_t s = load_acquire_64(&m->state);                    /* magazine.S2 */
    uint32_t had = *n, taken, i;
    while (state_what(s) == MAGAZINE_LOADED) {
        WEIR_POINT("cache.settle");
        if (cas_64(&m->state, &s, state_after(s, MAGAZINE_LOADED, 0, c->id))) {     /* magazine.S1: w; a theft under way fails */
            fence_after_swap();                                 /* cache.F1 <-> steal.F2, watch.F3: g and w, then dirty and low_ops */
            return true;
        }
    }
    taken = state_n(s);
    if (state_what(s) != MAGAZINE_TAKEN || taken > hi)
        weir_panic("pool \"%s\": cache %u is corrupt (its magazine says %llx): something wrote into the pool's memory", pool->name,
                   c->id, (unsigned long long)s);
    depot_settle_taken(pool, m, s);
    for (i = taken; i < had; i++)
        store_relaxed_ptr(&m->slot[i - taken], load_relaxed_ptr(&m->slot[i]));
    *n = taken < had ? had - taken : 0;
    words_set(c, *n, 0);
    WEIR_POINT("cache.settled");
    store_release_64(&m->state, state_after(s, MAGAZINE_LOADED, 0, c->id));     /* magazine.S1: w and the slots */
    fence();                                                    /* cache.F1 */
    return taken <= had;
}

/* Make the loaded magazine n ops of m. */
static void cache__point_at(struct cache *c, struct magazine *m, uint32_t n)
{
    store_release_ptr(&c->pub.l, NULL);                         /* cache.L3: it was a slot of the other one */
    c->slot = m->slot;
    words_set(c, n, 0);
    store_release_32(&c->loaded, magazine_index(m));                     /* cache.M1 -> steal.M2 */
}

/* The slots of a magazine that another thread filled: fetched all at once, not line by line as get comes to them. */
static void cache__prefetch(const struct magazine *m, uint32_t n)
{
    uint32_t i;
    for (i = 0; i < n; i += 64 / sizeof m->slot[0])
        __builtin_prefetch(&m->slot[i], 0, 3);
}

/* Load m, which c lists as its transit, into a cache without ops; its last op is claimed. NULL: others have taken m's ops. m, or what
 * was loaded before, becomes an empty record in hand. */
static struct weir_op *cache__load(struct cache *c, struct magazine *m)
{
    struct weir_pool *pool = c->pub.pool;
    struct magazine *old = magazine_at(pool, c->loaded);
    uint64_t s = load_acquire_64(&m->state), o;                 /* magazine.S2 */
    uint32_t n;
    while (state_what(s) == MAGAZINE_FULL) {
        n = state_n(s);
        cache__prefetch(m, n);
        if (WEIR_UNLIKELY(state_other(s) & MAGAZINE_RAW))
            arena_prepare_ops(pool, m, s);
        o = load_relaxed_64(&old->state);                       /* ours: with n = 0 no thief changes it */
        store_release_64(&old->state, state_after(o, MAGAZINE_EMPTY, 0, 0));    /* magazine.S1: it has none */
        cache__point_at(c, m, n - 1);
        WEIR_POINT("cache.load");
        if (cas_64(&m->state, &s, state_after(s, MAGAZINE_LOADED, 0, c->id))) {     /* magazine.S1: w says n - 1 */
            count_add(&c->in, n);
            WEIR_POINT("cache.loaded");
            depot_give_empty(pool, c, old);
            return (struct weir_op *)load_relaxed_ptr(&m->slot[n - 1]);
        }
        cache__point_at(c, old, 0);
        store_release_64(&old->state, state_after(load_relaxed_64(&old->state), MAGAZINE_LOADED, 0, c->id));    /* magazine.S1: w says 0 */
    }
    if (state_what(s) == MAGAZINE_TAKEN)
        depot_settle_taken(pool, m, s);
    store_release_64(&m->state, state_after(s, MAGAZINE_EMPTY, 0, 0));  /* magazine.S1: it has none */
    depot_give_empty(pool, c, m);
    return NULL;
}

/* Claim from the loaded magazine as a get would, in a slow path. */
static struct weir_op *cache__claim(struct cache *c)
{
    uint32_t n = (uint32_t)words_n(c);
    struct weir_op *op;
    if (!n)
        return NULL;
    n--;
    op = (struct weir_op *)load_relaxed_ptr(&c->slot[n]);
    words_set(c, n, 0);                                         /* counted as a get by whom it is for */
    WEIR_POINT("cache.claimed");
    return cache__settle(c, &n, n + 1) ? op : NULL;
}

/* Anything into this cache, from wherever it can be found; one op of it in hand, not born yet. NULL: every op is live, or in a call. */
struct weir_op *cache_take(struct cache *c)
{
    struct weir_pool *pool = c->pub.pool;
    struct magazine *m;
    struct weir_op *op;
    for (;;) {
        while (words_n(c) > 0)
            if ((op = cache__claim(c)) != NULL)
                return op;
        if (c->prev != MAGAZINE_NONE) {
            store_release_32(&c->transit, c->prev);             /* depot.T1 -> steal.T2: listed before prev lets go of it */
            op = cache__load(c, magazine_at(pool, c->prev));
            store_release_32(&c->prev, MAGAZINE_NONE);          /* cache.P1 -> steal.P2: transit, loaded and w */
            store_release_32(&c->transit, MAGAZINE_NONE);       /* depot.T1: loaded says where it is */
        } else if ((m = depot_pop_ops(pool, c)) != NULL || (m = depot_pop_virgin(pool, c)) != NULL) {
            WEIR_POINT("cache.popped");
            op = cache__load(c, m);
            store_release_32(&c->transit, MAGAZINE_NONE);       /* depot.T1: loaded says where it is */
            count_add(&c->refills, op != NULL);
        } else if (load_acquire_32(&pool->dirty) != CLEAN && steal_sweep(pool, c)) {    /* steal.D4 <- steal.D3 */
            continue;
        } else if (!depot_is_bare(pool) || watch_reclaim(pool)) {
            continue;
        } else {
            return NULL;
        }
        if (op) {
            stats_look(pool, c);
            return op;
        }
    }
}

/* A magazine that leaves the cache is looked through: an op of another pool went in by weir_op_put_to, which makes one test only. */
static void cache__check_members(struct weir_pool *pool, struct cache *c, struct magazine *m, uint32_t n)
{
    uint32_t i;
    for (i = 0; i < n; i++) {
        struct weir_op *op = (struct weir_op *)load_relaxed_ptr(&m->slot[i]);
        size_t offset = (size_t)((const char *)op - pool->arena.ops);
        if (WEIR_LIKELY(offset < pool->arena.ops_bytes))
            continue;
        if (c->hand) {                                          /* still its caller's, should the panic be left by a longjmp */
            store_relaxed_64(&c->hand->refs, 1);
            c->hand = NULL;
        }
        weir_panic("pool \"%s\": %p was put into its cache and is not one of its ops: weir_op_put_to takes ops of the cache's own pool",
                   pool->name, (void *)op);
    }
}

/* A listed magazine goes to the depot, whatever others have done to it. */
static void cache__give(struct weir_pool *pool, struct cache *c, struct magazine *m)
{
    uint64_t s = load_acquire_64(&m->state);                    /* magazine.S2 */
    if (state_what(s) == MAGAZINE_FULL) {
        depot_push(pool, state_n(s) >= pool->magazine ? &pool->full : &pool->part, m);
        count_add(&c->flushes, 1);
        return;
    }
    if (state_what(s) == MAGAZINE_TAKEN)
        depot_settle_taken(pool, m, s);
    store_release_64(&m->state, state_after(s, MAGAZINE_EMPTY, 0, 0));  /* magazine.S1: it has none */
    depot_give_empty(pool, c, m);
}

/* An empty record becomes the loaded one. */
static void cache__load_empty(struct cache *c, struct magazine *m)
{
    cache__point_at(c, m, 0);
    store_release_64(&m->state, state_after(load_relaxed_64(&m->state), MAGAZINE_LOADED, 0, c->id));   /* magazine.S1: w says 0 */
}

/* The loaded magazine's n ops leave the cache as a FULL magazine, which stays listed as loaded. false: a thief was faster. */
static bool cache__unload(struct cache *c, struct magazine *m, uint32_t n)
{
    uint64_t s = load_acquire_64(&m->state);                    /* magazine.S2 */
    cache__check_members(c->pub.pool, c, m, n);
    WEIR_POINT("cache.unload");
    if (state_what(s) == MAGAZINE_LOADED && cas_64(&m->state, &s, state_after(s, MAGAZINE_FULL, n, 0))) {  /* magazine.S1: the slots */
        count_add(&c->out, n);
        return true;
    }
    (void)cache__settle(c, &n, n);
    return false;
}

/* The loaded magazine is full: it becomes the previous one, and that goes to the depot, the cold end first. */
static void cache__flush(struct cache *c)
{
    struct weir_pool *pool = c->pub.pool;
    struct magazine *m = magazine_at(pool, c->loaded);
    if (!cache__unload(c, m, (uint32_t)words_n(c)))
        return;
    if (!pool->keep_prev) {
        cache__give(pool, c, m);
    } else {
        if (c->prev != MAGAZINE_NONE)
            cache__give(pool, c, magazine_at(pool, c->prev));
        WEIR_POINT("cache.flushed");
        store_release_32(&c->prev, magazine_index(m));          /* cache.P1 -> steal.P2: the magazine's word */
    }
    cache__load_empty(c, depot_pop_empty(pool, c, true));
}

/* All of the loaded magazine to the depot. false: it is still here (no record at hand for it), or was stolen. */
static bool cache__push_loaded(struct cache *c, bool must)
{
    struct weir_pool *pool = c->pub.pool;
    struct magazine *m = magazine_at(pool, c->loaded), *e;
    uint32_t n = (uint32_t)words_n(c);
    if (!n)
        return false;
    e = depot_pop_empty(pool, c, must);
    if (!e)
        return false;
    if (!cache__unload(c, m, n)) {
        depot_give_empty(pool, c, e);
        return false;
    }
    cache__give(pool, c, m);
    cache__load_empty(c, e);
    return true;
}

/* Place an op that is in hand, without looking at anything. */
void cache_place(struct cache *c, struct weir_op *op)
{
    if (words_n(c) >= (int64_t)c->pub.pool->magazine)
        cache__flush(c);
    store_relaxed_ptr(&c->slot[words_n(c)], op);
    WEIR_POINT("cache.placed");
    words_store_base(c, c->pub.base + 1);                       /* cache.W3 -> cache.W4: the slot and the op */
}

/* Divert the owner. What g says then: it differs from what it said at any shutting before. */
int64_t cache_shut(struct cache *c)
{
    int64_t g = load_g(c);                                      /* steal.G4 */
    while (!g_is_shut(g)) {
        int64_t shut = G_SHUT | add_32(&c->shuts, 1);           /* cache.N1 -> cache.N1: the number alone */
        if (cas_64((uint64_t *)&c->pub.g, (uint64_t *)&g, (uint64_t)shut))  /* cache.G2 -> cache.G5: who wants the owner; by the barrier, cache.G1 */
            g = shut;
    }
    store_release_ptr(&c->pub.l, NULL);                         /* cache.L2: behind g, on any machine */
    return g;
}

/* From which count on puts are diverted: unless somebody shuts the cache just now. */
void cache_set_l(struct cache *c, uint32_t l)
{
    store_relaxed_ptr(&c->pub.l, c->slot + l);                  /* cache.L3 <-> cache.L2: the later one stays */
    WEIR_POINT("cache.opened");
    fence();                                                    /* cache.F3 <-> cache.L2: l, then g; who shuts swaps g, then stores l */
    if (g_is_shut(load_g(c)))                                   /* cache.G5 */
        store_relaxed_ptr(&c->pub.l, NULL);                     /* cache.L3 */
}

/* Open a cache that holds ops. */
static void cache__open(struct cache *c)
{
    struct weir_pool *pool = c->pub.pool;
    int64_t g = load_g(c);                                      /* cache.G5 */
    uint32_t n = (uint32_t)words_n(c), l = pool->magazine, ration;
    if (pool->barrier && g_is_shut(g)) {
        store_release_64((uint64_t *)&c->pub.g, 0);                   /* cache.G3 -> steal.G4: before the tag */
        WEIR_POINT("cache.open");
    }
    if (!pool->barrier || g_is_shut(g))
        (void)cache__settle(c, &n, n);
    ration = watch_ration(c, n, &l);
    words_set(c, n, ration);
    mark_dirty(pool);                                           /* after cache.F1: g is open, or w is in sight */
    if (pool->barrier)
        cache_set_l(c, l);
}

/* Every slow path ends here: open the cache if it holds something, then look whether somebody waits for what it holds. */
void cache_rearm(struct cache *c)
{
    struct weir_pool *pool = c->pub.pool;
    if (words_n(c) > 0 || c->prev != MAGAZINE_NONE)
        cache__open(c);
    /* waiter.F1 <-> waiter.F2, watch.E1: what was put, then the waiters and the event */
    fence();
    if (WEIR_UNLIKELY(waiters_any(pool))) {
        (void)cache_shut(c);
        waiters_serve(pool, c);
    }
    watch_came_back(pool);
}

/* Put an op that is in hand (not live) from a slow path. */
void cache_put(struct cache *c, struct weir_op *op)
{
    struct weir_pool *pool = c->pub.pool;
    uint32_t famine = load_relaxed_32(&pool->famine);
    if (WEIR_UNLIKELY(waiters_any(pool)) && waiters_give(pool, op)) {
        waiters_serve(pool, c);                                 /* the rest of the cache, too */
        return;
    }
    cache_place(c, op);
    if (famine) {                                               /* the pool was empty just now: others look in the depot first */
        store_relaxed_32(&pool->famine, famine - 1);            /* a hint: a lost count does no harm */
        (void)cache__push_loaded(c, false);
    }
}

/* All that this cache holds, to the depot. The owner's, or that of a thread which has taken the cache over. */
void cache_empty(struct cache *c)
{
    struct weir_pool *pool = c->pub.pool;
    uint32_t n;
    if (pool->segment) {
        segment_cache_empty(c);
        return;
    }
    do {
        (void)cache_shut(c);
        n = (uint32_t)words_n(c);
        (void)cache__settle(c, &n, n);
        while (words_n(c) > 0)
            (void)cache__push_loaded(c, true);
        if (c->prev != MAGAZINE_NONE) {
            cache__give(pool, c, magazine_at(pool, c->prev));
            store_release_32(&c->prev, MAGAZINE_NONE);          /* cache.P1: the depot has it */
        }
        words_set(c, 0, 0);
        fence();                                                /* waiter.F1 */
        if (waiters_any(pool))
            waiters_serve(pool, c);
    } while (words_n(c) > 0);                            /* serving a waiter takes a whole magazine out of the depot */
    watch_came_back(pool);
}

/* Everything that cache__get_empty would look at says that there is nothing, and that nobody is to be told: the same looks in the same order, and
 * no store that others would see. Overload is not to be slower than load. */
static bool cache__nothing_anywhere(struct weir_pool *pool, const struct cache *c)
{
    return c->prev == MAGAZINE_NONE && depot_is_bare(pool) && load_acquire_32(&pool->virgin) >= pool->blocks &&     /* depot.V1 */
           load_acquire_32(&pool->dirty) == CLEAN &&            /* steal.D4 */
           depot_is_bare(pool) && !waiters_any(pool) && !load_acquire_32(&pool->reclaimers) &&  /* watch.N2 */
           load_relaxed_32(&pool->event_state) == EVENT_ARMED;  /* by who armed it, who has looked since */
}

static inline __attribute__((always_inline)) struct weir_op *cache__get_empty(struct cache *c, const void *site)
{
    struct weir_pool *pool = c->pub.pool;
    struct weir_op *op = NULL;
    if (WEIR_LIKELY(cache__nothing_anywhere(pool, c))) {
        if (load_relaxed_32(&pool->famine) != FAMINE)
            store_relaxed_32(&pool->famine, FAMINE);
        count_add(&c->empties, 1);
        return NULL;
    }
    if (waiters_any(pool))
        waiters_serve(pool, c);                                 /* first come, first served */
    if (!waiters_any(pool)) {
        op = cache_take(c);
        if (!op && watch_ran_empty(pool))
            op = cache_take(c);
    }
    if (op && WEIR_UNLIKELY(load_relaxed_32(&pool->watched)))
        return cache_got_watched(c, op, site);
    cache_rearm(c);
    if (!op) {
        store_relaxed_32(&pool->famine, FAMINE);
        count_add(&c->empties, 1);
        return NULL;
    }
    count_add(&c->granted, 1);
    return op_born(op);
}

/* Where a get was called from is read only if the pool is watched: from this frame, into which all that asks for it is inlined. */
struct weir_op *weir_cache_get_slow_1(struct weir_cache *cache)
{
    struct cache *c = cache_of(cache);
    struct weir_pool *pool = c->pub.pool;
    struct weir_op *op;
    uint32_t n;
    WEIR_POINT("get.slow");
    if (WEIR_UNLIKELY(load_acquire_32(&pool->odd))) {           /* fork.F2 <- fork.F1 */
        if (pool->segment)
            return cache_get_shared(c, __builtin_return_address(0));
        fork_mend(pool);                                        /* the claim is void: everything has been gathered anew */
        goto empty;
    }
    if (words_n(c) < 0) {
        words_store_ration(c, c->pub.ration + 1);               /* cache.W1: the claim was void */
        goto empty;
    }
    n = (uint32_t)words_n(c);
    op = (struct weir_op *)load_relaxed_ptr(&c->slot[n]);
    if (!g_is_shut(load_g(c))) {                                /* cache.G5: only the ration was used up */
        if (WEIR_UNLIKELY(load_relaxed_32(&pool->watched)))
            return cache_get_watched(c, op, n, __builtin_return_address(0));
        words_set(c, n, n);
        return op_born(op);
    }
    if (!cache__settle(c, &n, n + 1)) {
        count_add(&c->granted, (uint64_t)-1);                   /* the get that the ration paid for was none */
        goto empty;
    }
    if (WEIR_UNLIKELY(load_relaxed_32(&pool->watched))) {
        count_add(&c->granted, (uint64_t)-1);
        return cache_got_watched(c, op, __builtin_return_address(0));
    }
    cache_rearm(c);
    return op_born(op);
empty:
    return cache__get_empty(c, __builtin_return_address(0));
}

/* n ops of the loaded magazine at once, if it has them and nothing diverts. false: nothing was taken. */
bool cache_claim_bulk(struct cache *c, struct weir_op **out, uint32_t n)
{
    int64_t ration = c->pub.ration - (int64_t)n;
    uint32_t left = (uint32_t)(words_n(c) - (int64_t)n), i;
    struct weir_op **slot = c->slot + left;
    if (ration < 0 || g_is_shut(load_g(c)))                     /* cache.G5 */
        return false;
    words_store_ration(c, ration);                              /* cache.W1 -> cache.W2 */
    WEIR_COMPILER_FENCE();                                      /* cache.C1 */
    WEIR_POINT("bulk.claimed");
    if (WEIR_LIKELY(ration >= load_g(c))) {                     /* cache.G1 */
        for (i = 0; i < n; i++)
            out[i] = op_born((struct weir_op *)load_relaxed_ptr(&slot[i]));
        return true;
    }
    for (i = 0; i < n; i++)
        out[i] = (struct weir_op *)load_relaxed_ptr(&slot[i]);
    if (!cache__settle(c, &left, left + n)) {
        count_add(&c->granted, (uint64_t)0 - n);
        return false;
    }
    for (i = 0; i < n; i++)
        (void)op_born(out[i]);
    return true;
}

void weir_cache_put_slow_1(struct weir_cache *cache)
{
    struct cache *c = cache_of(cache);
    struct weir_pool *pool = c->pub.pool;
    uint32_t n = (uint32_t)words_n(c) - 1;
    struct weir_op *op;
    WEIR_POINT("put.slow");
    if (WEIR_UNLIKELY(load_acquire_32(&pool->odd))) {           /* fork.F2 <- fork.F1 */
        if (pool->segment)
            segment_put_down(c);
        else
            fork_mend(pool);                                    /* which has found the op, too */
        return;
    }
    op = (struct weir_op *)load_relaxed_ptr(&c->slot[n]);
    words_store_base(c, c->pub.base - 1);                       /* cache.W3: back into our hands, if no thief has it */
    WEIR_POINT("put.reclaimed");
    if (cache__settle(c, &n, n + 1)) {
        c->hand = op;
        cache_put(c, op);
        c->hand = NULL;
    }
    watch_level_rose(pool);
    cache_rearm(c);
}
