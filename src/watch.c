/* src/watch.c - who wants to know: the descriptor for event loops, the low-water callback, the reclaimers.
 *
 * The event. IDLE until a get answers NULL; then ARMED: not readable, and every cache is shut, so that the next put comes through
 * cache_rearm, which sets it (SET). A get that answers NULL resets it. The transitions are under a lock that only pools whose
 * descriptor was asked for ever take.
 *
 * Low water. A pool with a callback gives out rations that end where the level would go below, divided among the caches, and while the
 * level is below, puts are diverted at the count where it would be reached again: so the level is looked at in time, and a pool
 * without a callback pays nothing.
 *
 * Reclaimers. A table of slots that are filled once; `running` counts calls in progress so that removal can wait for them.
 *
 * relaxed event_state: under the lock; or behind the caller's fence (waiter.F1), or by who answers NULL in any case. relaxed fn, reclaimers: under
 * watch_lock.
 *
 *     may run at once     all of these, with each other and with get and put. Only weir_pool_fd, _low_water, _reclaimer* and the event's
 *     transitions lock; fn of low water and of reclaimers is called without a lock.
 */
#include "pool_private.h"
#include "panic.h"
#include <errno.h>

int weir_pool_fd(struct weir_pool *pool)
{
    int event;
    if (!pool)
        return error_set(-EINVAL, "weir_pool_fd: pool is NULL");
    if (pool->segment)
        return error_set(-ENOTSUP, "weir_pool_fd: pool \"%s\" is shared: a put by another process can't make this process's descriptor readable. "
                         "weir_op_get_wait on a thread waits for it", pool->name);
    fork_check(pool);
    os_lock(&pool->event_lock);
    if (pool->event < 0) {
        store_relaxed_32((uint32_t *)&pool->event, (uint32_t)os_event_create());
        if (pool->event >= 0 && load_relaxed_32(&pool->event_state) == EVENT_SET)
            os_event_set(pool->event);
    }
    event = pool->event;
    os_unlock(&pool->event_lock);
    return event < 0 ? error_set(event, "weir_pool_fd: the system gives no descriptor: a higher limit of open files") : event;
}

/* A get is about to answer NULL. true: the event was armed just now, so look once more before saying so. */
bool watch_ran_empty(struct weir_pool *pool)
{
    bool armed;
    if (load_relaxed_32(&pool->event_state) == EVENT_ARMED)
        return false;
    os_lock(&pool->event_lock);
    armed = load_relaxed_32(&pool->event_state) != EVENT_ARMED;
    if (armed) {
        if (pool->event >= 0)
            os_event_reset(pool->event);
        store_relaxed_32(&pool->event_state, EVENT_ARMED);
    }
    os_unlock(&pool->event_lock);
    fence();                                                    /* watch.E1 <-> waiter.F1: armed, then the last look */
    return armed;
}

void watch_came_back_slow(struct weir_pool *pool)
{
    if (!stats_any_free(pool))
        return;
    os_lock(&pool->event_lock);
    if (load_relaxed_32(&pool->event_state) == EVENT_ARMED) {
        store_relaxed_32(&pool->event_state, EVENT_SET);
        if (pool->event >= 0)
            os_event_set(pool->event);
    }
    os_unlock(&pool->event_lock);
}

void watch_close(struct weir_pool *pool)
{
    if (pool->event >= 0)
        os_event_close(pool->event);
    pool->event = -1;
}

/* -- low water ------------------------------------------------------------------------------------------------------------ */

int weir_pool_low_water(struct weir_pool *pool, uint32_t ops, void (*fn)(struct weir_pool *, void *), void *arg)
{
    if (!pool)
        return error_set(-EINVAL, "weir_pool_low_water: pool is NULL");
    if (pool->segment)
        return error_set(-ENOTSUP, "weir_pool_low_water: pool \"%s\" is shared: what takes its level down may be another process, which can't call "
                         "this one's function", pool->name);
    if (ops > pool->capacity)
        return error_set(-EINVAL, "weir_pool_low_water: ops %u is over the capacity %u: 1 to the capacity, or 0 for none", ops, pool->capacity);
    fork_check(pool);
    os_lock(&pool->watch_lock);
    store_release_32(&pool->low_ops, 0);                        /* watch.L1 -> watch.L2: none */
    store_relaxed_ptr(&pool->low_arg, arg);
    store_relaxed_64((uint64_t *)(void *)&pool->low_fn, (uint64_t)(uintptr_t)fn);
    store_relaxed_32(&pool->low_below, 0);
    if (fn && ops) {
        struct cache *c;
        store_release_32(&pool->low_ops, ops);                  /* watch.L1 -> watch.L2: the mark */
        store_relaxed_32(&pool->watched, 1);                    /* for good: once looked at one by one, gets may stay so */
        fence();                                                /* watch.F3 <-> cache.F1: low_ops, then g */
        for (c = load_acquire_ptr(&pool->caches); c; c = c->next)   /* thread.C2 */
            (void)cache_shut(c);                                   /* rations given out before end here */
    }
    os_unlock(&pool->watch_lock);
    return 0;
}

static uint64_t watch__level(struct weir_pool *pool)
{
    uint64_t live = stats_live(pool);
    return live < pool->capacity ? pool->capacity - live : 0;
}

/* A get has its op in hand. true: the level went below the mark by it, and the caller is the one to say so. */
bool watch_low_slow(struct weir_pool *pool)
{
    uint32_t ops = load_acquire_32(&pool->low_ops), off = 0;    /* watch.L2 <- watch.L1 */
    if (watch__level(pool) >= ops) {
        store_relaxed_32(&pool->low_below, 0);
        return false;
    }
    return cas_32(&pool->low_below, &off, 1);                   /* watch.B1 -> watch.B1: who is the first */
}

void watch_call_low(struct weir_pool *pool)
{
    void (*fn)(struct weir_pool *, void *);
    void *arg;
    os_lock(&pool->watch_lock);
    fn = load_relaxed_32(&pool->low_ops) ? pool->low_fn : NULL;
    arg = pool->low_arg;
    os_unlock(&pool->watch_lock);
    if (fn)
        fn(pool, arg);
}

void watch_level_rose_slow(struct weir_pool *pool)
{
    if (watch__level(pool) >= load_relaxed_32(&pool->low_ops))
        store_relaxed_32(&pool->low_below, 0);
}

/* How many of n ops a cache may give before the next one that is to be followed. */
static uint32_t watch__unfollowed(const struct cache *c, uint32_t n)
{
    const struct track *t = c->pub.pool->track;
    uint64_t gets = c->granted - (uint64_t)c->pub.ration;
    if (!t)
        return n;
    if (t->guard)
        return 0;
    return c->sample_at <= gets + 1 ? 0 : c->sample_at - gets - 1 < n ? (uint32_t)(c->sample_at - gets - 1) : n;
}

/* How many gets a cache of n ops may make before somebody looks; and *l, the count at which puts are looked at. */
uint32_t watch_ration(struct cache *c, uint32_t n, uint32_t *l)
{
    struct weir_pool *pool = c->pub.pool;
    uint32_t ops, caches, most;
    uint64_t level, share;
    if (WEIR_LIKELY(!load_relaxed_32(&pool->watched)))
        return n;
    most = watch__unfollowed(c, n);
    ops = load_relaxed_32(&pool->low_ops);
    if (!ops)
        return most;
    caches = load_relaxed_32(&pool->cache_count);
    level = watch__level(pool);
    if (level < ops) {
        share = n + (ops - level - 1) / caches;
        if (share < *l)
            *l = (uint32_t)share;
        return most;
    }
    share = (level - ops) / caches;
    return share < most ? (uint32_t)share : most;
}

bool weir_pool_wanted(const struct weir_pool *pool)
{
    if (pool && pool->segment)
        return segment_wanted(pool);
    return pool && (waiters_any(pool) || (load_relaxed_32(&pool->event_state) == EVENT_ARMED &&
                                          (int)load_relaxed_32((const uint32_t *)&pool->event) >= 0));
}

/* -- reclaimers ----------------------------------------------------------------------------------------------------------- */

int weir_pool_reclaimer(struct weir_pool *pool, unsigned (*fn)(struct weir_pool *, void *), void *arg)
{
    unsigned i;
    int error = -ENOSPC;
    if (!pool || !fn)
        return error_set(-EINVAL, "weir_pool_reclaimer: %s is NULL", pool ? "fn" : "pool");
    fork_check(pool);
    os_lock(&pool->watch_lock);
    for (i = 0; i < RECLAIMERS && error; i++) {
        struct reclaimer *r = &pool->reclaimer[i];
        if (load_relaxed_64((uint64_t *)(void *)&r->fn) || load_acquire_32(&r->running))    /* watch.C2 <- watch.C1 */
            continue;
        store_relaxed_ptr(&r->arg, arg);
        store_release_64((uint64_t *)(void *)&r->fn, (uint64_t)(uintptr_t)fn);  /* watch.R1 -> watch.R2: arg */
        if (i >= load_relaxed_32(&pool->reclaimers))
            store_release_32(&pool->reclaimers, i + 1);         /* watch.N1 -> watch.N2: the slots below */
        error = 0;
    }
    os_unlock(&pool->watch_lock);
    return error ? error_set(error, "weir_pool_reclaimer: %d are there already, the most that a pool takes", RECLAIMERS) : 0;
}

void weir_pool_reclaimer_remove(struct weir_pool *pool, unsigned (*fn)(struct weir_pool *, void *), void *arg)
{
    unsigned i;
    if (!pool)
        return;
    fork_check(pool);
    os_lock(&pool->watch_lock);
    for (i = 0; i < RECLAIMERS; i++) {
        struct reclaimer *r = &pool->reclaimer[i];
        if (r->fn != fn || r->arg != arg)
            continue;
        store_release_64((uint64_t *)(void *)&r->fn, 0);        /* watch.R1: it is gone */
        fence();                                                /* watch.U1 <-> watch.U2: fn is gone, then `running` */
        while (load_acquire_32(&r->running))                    /* watch.C2 <- watch.C1 */
            os_yield();
    }
    os_unlock(&pool->watch_lock);
}

/* Ask all reclaimers. How many ops they say they gave back. */
unsigned watch_reclaim(struct weir_pool *pool)
{
    uint32_t n = load_acquire_32(&pool->reclaimers), i;         /* watch.N2 <- watch.N1 */
    unsigned given = 0;
    for (i = 0; i < n; i++) {
        struct reclaimer *r = &pool->reclaimer[i];
        uint64_t fn;
        (void)add_32(&r->running, 1);                           /* watch.C1 -> watch.C2: that the call began */
        fence();                                                /* watch.U2 <-> watch.U1: running, then fn */
        fn = load_acquire_64((uint64_t *)(void *)&r->fn);       /* watch.R2 */
        if (fn)
            given += ((unsigned (*)(struct weir_pool *, void *))(uintptr_t)fn)(pool, load_relaxed_ptr(&r->arg));
        if (load_relaxed_32(&r->running))                       /* 0: fn has forked, and this is the child */
            (void)sub_32(&r->running, 1);                       /* watch.C1 -> watch.C2: what the call did */
    }
    return given;
}
