/* src/steal.c - a sweep: when the depot is bare, whatever other threads' caches hold goes there.
 *
 * First all caches are shut (get and put are diverted from then on), then one process-wide barrier is made for up to 64 of them, then each
 * is looked through: its previous magazine and the one in transit, if they are FULL, in place; its loaded one if its word says
 * LOADED by that cache *and* g is still the one that was shut before the barrier. Together these say: each store of the owner to w
 * is in sight, but for one call that will find g shut and settle before it does anything else. The ops are copied into an empty
 * magazine of ours, which says PENDING; then one swap on the source's word, to TAKEN by ours, moves them; then ours becomes FULL, which
 * anybody may do who sees both words. So a thief that is stopped holds nothing back either.
 *
 *     why g is read after the word: an owner that opens its cache stores g first and advances the word's tag after. A thief that read
 *     the new tag sees g open, or shut anew with another sequence; one that read the old tag fails at its swap.
 *
 *     may run at once     sweep    owners    pops and pushes            lock-free; nobody is waited for
 *     sweep                yes      yes       yes
 *
 * The sweep's ticket goes into dirty first; owners set DIRTY after they opened g, pops before they swap. A sweep that finds nothing, and its
 * own ticket still there, makes it CLEAN: from then on a get that finds the depot bare answers NULL without a system call, until an
 * op has come into a cache again: all caches are shut then, the sweeper's own too, and who opens one sets DIRTY. A sweep that is
 * stopped leaves its ticket, which is not CLEAN: others sweep for themselves.
 */
#include "pool_private.h"
#include "words.h"

enum { BATCH = 64 };

/* m says PENDING: if its source says TAKEN by m, its ops count. */
static void steal__settle_pending(struct weir_pool *pool, struct magazine *m, uint64_t s)
{
    struct magazine *from = magazine_at(pool, state_other(s));
    uint64_t f = load_acquire_64(&from->state);                 /* magazine.S2 */
    if (state_what(f) == MAGAZINE_TAKEN && state_other(f) == magazine_index(m))
        (void)cas_64(&m->state, &s, state_after(s, MAGAZINE_FULL, state_n(s), 0));  /* magazine.S1: we have seen both words */
}

/* Move n ops from m, whose word is s, into *e. true: done, they are in the depot, and *e is another empty one. false: somebody has changed
 * the word. */
static bool steal__move(struct weir_pool *pool, struct cache *c, struct magazine *m, uint64_t s, uint32_t n, struct magazine **e)
{
    struct magazine *to = *e;
    uint64_t t = load_relaxed_64(&to->state);
    uint32_t i;
    for (i = 0; i < n; i++)
        store_relaxed_ptr(&to->slot[i], load_relaxed_ptr(&m->slot[i]));
    t = state_after(t, MAGAZINE_PENDING, n, magazine_index(m));
    store_release_64(&to->state, t);                            /* magazine.S1: the slots */
    WEIR_POINT("steal.pending");
    if (!cas_64(&m->state, &s, state_after(s, MAGAZINE_TAKEN, n, magazine_index(to)))) {    /* magazine.S1: the copy */
        store_release_64(&to->state, state_after(t, MAGAZINE_EMPTY, 0, 0)); /* magazine.S1: the copy is none */
        return false;
    }
    WEIR_POINT("steal.taken");
    (void)cas_64(&to->state, &t, state_after(t, MAGAZINE_FULL, n, 0));  /* magazine.S1: unless somebody has done it for us */
    count_add(&c->steals, 1);
    depot_push(pool, n >= pool->magazine ? &pool->full : &pool->part, to);
    *e = depot_pop_empty(pool, c, true);
    store_release_32(&c->transit, magazine_index(*e));          /* depot.T1: the next copy's */
    return true;
}

/* A listed magazine, wherever it is by now: its ops, if it is FULL. false: it holds none that are the pool's. */
static bool steal__full(struct weir_pool *pool, struct cache *c, uint32_t index, struct magazine **e)
{
    struct magazine *m;
    uint64_t s;
    if (index == MAGAZINE_NONE || index == magazine_index(*e))
        return false;
    m = magazine_at(pool, index);
    s = load_acquire_64(&m->state);                             /* magazine.S2 */
    if (state_what(s) == MAGAZINE_TAKEN) {                      /* by another thief, whose cache we may have looked at before it had them */
        m = magazine_at(pool, state_other(s));
        s = load_acquire_64(&m->state);                         /* magazine.S2 */
    }
    if (state_what(s) == MAGAZINE_PENDING) {
        steal__settle_pending(pool, m, s);
        s = load_acquire_64(&m->state);                         /* magazine.S2 */
    }
    if (state_what(s) != MAGAZINE_FULL)
        return false;
    if (state_other(s) & MAGAZINE_RAW)
        arena_prepare_ops(pool, m, s);                          /* *e is our transit */
    (void)steal__move(pool, c, m, s, state_n(s), e);
    return true;
}

static bool steal__loaded(struct weir_pool *pool, struct cache *c, struct cache *v, uint32_t index, int64_t g, struct magazine **e)
{
    struct magazine *m = magazine_at(pool, index);
    uint64_t s = load_acquire_64(&m->state);                    /* magazine.S2 */
    struct words w;
    if (state_what(s) != MAGAZINE_LOADED || state_other(s) != v->id)
        return false;
    if (load_g(v) != g)                                         /* steal.G4: opened meanwhile */
        return true;
    w = words_read(v, m);                                       /* cache.W2 */
    WEIR_POINT("steal.counted");
    if (!w.sure)
        return true;
    if (w.n <= 0 || w.n > (int64_t)pool->magazine + 1)
        return false;
    if (steal__move(pool, c, m, s, (uint32_t)w.n, e))
        count_add(&c->out, (uint64_t)w.n);
    return true;
}

/* All that v, which is shut, lists. An owner that is in a slow path moves magazines from one place to the other while we look: if what it lists is no
 * longer the same, or a word that we had read, then we may have missed some. true: something was found, or may have been missed. */
static bool steal__look(struct weir_pool *pool, struct cache *c, struct cache *v, int64_t g, struct magazine **e)
{
    uint32_t prev = load_acquire_32(&v->prev);                  /* steal.P2 <- cache.P1 */
    uint32_t transit = load_acquire_32(&v->transit);            /* steal.T2 */
    uint32_t loaded = load_acquire_32(&v->loaded);              /* steal.M2 <- cache.M1 */
    bool found = steal__full(pool, c, prev, e);
    found |= steal__full(pool, c, transit, e);
    found |= steal__loaded(pool, c, v, loaded, g, e);           /* before: what is LOADED may be FULL a moment later */
    found |= steal__full(pool, c, loaded, e);
    found |= load_acquire_32(&v->prev) != prev;                 /* steal.P2 */
    found |= load_acquire_32(&v->transit) != transit;           /* steal.T2 */
    return found || load_acquire_32(&v->loaded) != loaded;      /* steal.M2 */
}

/* The next caches but c: shut, one barrier, looked through. *at moves on. */
static bool steal__batch(struct weir_pool *pool, struct cache *c, struct cache **at, struct magazine **e)
{
    struct cache *victim[BATCH];
    int64_t g[BATCH];
    unsigned n = 0, i;
    bool found = false;
    for (; *at && n < BATCH; *at = (*at)->next) {
        if (*at == c || load_acquire_32(&(*at)->state) != CACHE_USED)   /* thread.F2 <- thread.F1: a free one holds nothing */
            continue;
        victim[n] = *at;
        g[n++] = cache_shut(*at);
    }
    WEIR_POINT("steal.shut");
    if (n && pool->barrier)
        os_barrier();                                           /* steal.B1 <-> cache.C1: g and l, then w */
    for (i = 0; i < n; i++)
        found |= steal__look(pool, c, victim[i], g[i], e);
    return found;
}

/* Make pops that have read dirty before now fail. false: the stack is not empty. */
static bool steal__touch(struct stack *stack)
{
    uint64_t h = load_acquire_64(&stack->head);                 /* depot.A1 */
    /* steal.A3 -> depot.A1: the ticket; steal.A4 <- depot.A2 */
    return (h & 0xffffff) == MAGAZINE_NONE && cas_64(&stack->head, &h, h + (UINT64_C(1) << 24));
}

/* Search the caches of all other threads, for a cache c without ops. What is found is in the depot afterwards. true: something was, or
 * an op has come into a cache meanwhile; false: nothing, and pool->dirty is CLEAN or another sweep's ticket. */
bool steal_sweep(struct weir_pool *pool, struct cache *c)
{
    struct cache *at = load_acquire_ptr(&pool->caches);         /* thread.C2 <- thread.C1 */
    struct magazine *e;
    bool found = false;
    /* Even and not 0: neither DIRTY nor CLEAN. */
    uint32_t ticket = (add_32(&pool->sweeps, 1) | 0x40000000) * 2;  /* steal.N1 -> steal.N1: the number alone */
    (void)swap_32(&pool->dirty, ticket);                        /* steal.D2 <- depot.D1; steal.D5 -> steal.D3: the ticket */
    fence_after_swap();                                         /* steal.F2 <-> cache.F1: dirty, then g and w */
    WEIR_POINT("steal.ticket");
    (void)cache_shut(c);                                           /* ours, too: CLEAN says that no cache is open */
    if (!steal__touch(&pool->part) || !steal__touch(&pool->full)) {
        store_release_32(&pool->dirty, DIRTY);                  /* steal.D3 -> steal.D4: the depot has ops */
        return true;
    }
    e = depot_pop_empty(pool, c, true);
    store_release_32(&c->transit, magazine_index(e));           /* depot.T1: where copies go */
    while (at)
        found |= steal__batch(pool, c, &at, &e);
    store_release_32(&c->transit, MAGAZINE_NONE);               /* depot.T1 */
    depot_give_empty(pool, c, e);
    if (found)
        store_release_32(&pool->dirty, DIRTY);                  /* steal.D3 -> steal.D4: the depot has ops */
    else
        (void)cas_32(&pool->dirty, &ticket, CLEAN);             /* steal.D3 -> steal.D4: every cache is shut and was looked through */
    return found || ticket == DIRTY;                            /* what is there instead of our ticket, if it is not */
}
