/* src/fork.c - what a forked child makes of its pools.
 *
 * A child has one thread; the others stopped existing at any instruction, with ops in their hands and caches half changed. Nothing of that is
 * repaired piece by piece. The child only notes that it was forked and shuts the surviving thread's caches: that costs a few stores
 * a pool, so a child that calls exec pays nothing else. The first slow path in the child then gathers each pool anew:
 *
 *     an op with references is live (its holder's, or a lost thread's);   an op without any goes to the depot
 *
 * which is true at every instruction, because put stores refs = 0 before it publishes and get stores refs = 1 after it claimed. In what order a
 * machine lets a lost thread's last stores out doesn't matter: refs alone decides, and a page that is being copied takes none halfway.
 *
 * relaxed head, running, dirty, odd: the child has one thread while it gathers, and others wait for its lock.
 *
 * Locks: the registry's, the threads' and the panic hook's are taken before the fork and released on both sides; the pools' own are reset in the child. The child's event
 * descriptor is its own: it closes the inherited copy and makes another when weir_pool_fd is called there.
 */
#include "pool_private.h"
#include "words.h"
#include "panic.h"
#include <string.h>

void fork_before(void)
{
    os_lock(&registry_opening);
    os_lock(&registry_lock);
    os_lock(&threads_lock);
    panic_hold();
    if (track_layer)
        track_layer->hold();
    os_module_hold();                                           /* last: others call it with locks of theirs held */
}

static void fork__let_go(void)
{
    if (track_layer)
        track_layer->let_go();
    panic_let_go();
    os_unlock(&threads_lock);
    os_unlock(&registry_lock);
    os_unlock(&registry_opening);
}

void fork_parent(void)
{
    os_module_let_go();
    fork__let_go();
}

void fork_child(void)
{
    struct weir_pool *p;
    struct cache *c;
    os_module_let_go();                                         /* for the layer, which looks at what is in the child */
    thread_forget_others();
    for (p = registry_first(); p; p = p->next) {
        memset(&p->collector, 0, sizeof p->collector);
        memset(&p->trim_lock, 0, sizeof p->trim_lock);
        memset(&p->event_lock, 0, sizeof p->event_lock);
        memset(&p->watch_lock, 0, sizeof p->watch_lock);
        memset(&p->cache_lock, 0, sizeof p->cache_lock);
        memset(&p->fork_lock, 0, sizeof p->fork_lock);
        store_release_32(&p->odd, load_relaxed_32(&p->odd) | ODD_FORKED);   /* fork.F1 -> fork.F2: shut caches */
        for (c = load_acquire_ptr(&p->caches); c; c = c->next)  /* thread.C2 */
            (void)cache_shut(c);
    }
    if (track_layer)
        track_layer->forked();
    fork__let_go();
}

/* All records but a cache's loaded one are EMPTY and in the depot; all caches are empty; those of lost threads are FREE. */
static void fork__reset(struct weir_pool *pool, struct cache *own)
{
    struct cache *c;
    uint32_t i;
    store_relaxed_64(&pool->full.head, MAGAZINE_NONE);
    store_relaxed_64(&pool->part.head, MAGAZINE_NONE);
    store_relaxed_64(&pool->empty.head, MAGAZINE_NONE);
    for (c = load_acquire_ptr(&pool->caches); c; c = c->next) { /* thread.C2 */
        uint32_t first = pool->blocks + c->id * CACHE_MAGAZINES;
        uint64_t gets = load_relaxed_64(&c->granted) - (uint64_t)words_read(c, magazine_at(pool, first)).ration;
        for (i = 0; i < CACHE_MAGAZINES; i++) {
            struct magazine *m = magazine_at(pool, first + i);
            uint64_t s = load_relaxed_64(&m->state);
            m->before = NULL;
            /* magazine.S1 */
            store_release_64(&m->state, i ? state_after(s, MAGAZINE_EMPTY, 0, 0) : state_after(s, MAGAZINE_LOADED, 0, c->id));
            if (i)
                depot_push(pool, &pool->empty, m);
        }
        store_relaxed_64(&c->granted, gets);
        store_relaxed_64(&c->in, 0);
        store_relaxed_64(&c->out, 0);
        c->slot = magazine_at(pool, first)->slot;
        words_store_ration(c, 0);                               /* cache.W1 */
        words_store_base(c, c->slot);                           /* cache.W3 */
        store_release_32(&c->loaded, first);                    /* cache.M1 */
        store_release_32(&c->prev, MAGAZINE_NONE);              /* cache.P1 */
        store_release_32(&c->transit, MAGAZINE_NONE);           /* depot.T1 */
        c->spare = MAGAZINE_NONE;
        if (c != own)
            store_release_32(&c->state, c == pool->kept ? CACHE_KEPT : CACHE_FREE);    /* thread.F1 */
    }
}

/* The blocks' own records, filled with the ops that have no references. */
static void fork__gather(struct weir_pool *pool)
{
    uint64_t used = (uint64_t)load_acquire_32(&pool->virgin) * pool->magazine, live = 0;    /* depot.V1 */
    uint32_t i, n = 0, block = 0;
    struct magazine *m = NULL;
    for (i = 0; i < pool->capacity && i < used; i++) {
        if (load_relaxed_64(&arena_op(pool, i)->refs)) {
            live++;
            continue;
        }
        if (!m)
            m = magazine_at(pool, block++);
        store_relaxed_ptr(&m->slot[n++], arena_op(pool, i));
        if (n == pool->magazine) {
            store_release_64(&m->state, state_after(load_relaxed_64(&m->state), MAGAZINE_FULL, n, MAGAZINE_RAW));   /* magazine.S1 */
            depot_push(pool, &pool->full, m);
            m = NULL;
            n = 0;
        }
    }
    if (m) {
        store_release_64(&m->state, state_after(load_relaxed_64(&m->state), MAGAZINE_FULL, n, MAGAZINE_RAW));   /* magazine.S1 */
        depot_push(pool, &pool->part, m);
    }
    for (; block < load_acquire_32(&pool->virgin); block++) {   /* depot.V1 */
        m = magazine_at(pool, block);
        store_release_64(&m->state, state_after(load_relaxed_64(&m->state), MAGAZINE_EMPTY, 0, 0)); /* magazine.S1 */
        depot_push(pool, &pool->empty, m);
    }
    store_relaxed_64(&pool->fork_live, live);
}

/* Only one thread of the child does it; others that come meanwhile wait. */
void fork_mend(struct weir_pool *pool)
{
    uint32_t i;
    if (!(load_acquire_32(&pool->odd) & ODD_FORKED))            /* fork.F2 */
        return;
    os_lock(&pool->fork_lock);
    if (!(load_relaxed_32(&pool->odd) & ODD_FORKED)) {
        /* another thread of the child has done it */
    } else if (pool->segment) {
        segment_forked(pool, thread_cache_if_any(pool));
        for (i = 0; i < RECLAIMERS; i++)
            store_relaxed_32(&pool->reclaimer[i].running, 0);
        store_release_32(&pool->odd, load_relaxed_32(&pool->odd) & ~(uint32_t)ODD_FORKED); /* fork.F1: what the child's threads have now */
    } else {
        fork__reset(pool, thread_cache_if_any(pool));
        fork__gather(pool);
        waiters_reset(pool);
        if (pool->event >= 0)
            os_event_close(pool->event);
        pool->event = -1;
        for (i = 0; i < RECLAIMERS; i++)
            store_relaxed_32(&pool->reclaimer[i].running, 0);
        store_relaxed_32(&pool->dirty, CLEAN);
        store_relaxed_32(&pool->famine, 0);
        pool->pinned = 0;
        store_release_32(&pool->odd, load_relaxed_32(&pool->odd) & ~(uint32_t)ODD_FORKED); /* fork.F1 -> fork.F2: all that was gathered */
    }
    os_unlock(&pool->fork_lock);
}
