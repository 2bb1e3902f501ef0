/* work-close.c - pools that come and go: close.
 *
 * Purpose    a pool can be closed while threads that have used it live on with caches of it, or are just exiting; with live ops it
 *            can't, and works on.
 * Invariant  a group of up to four threads meets between creating, using, refusing, emptying and closing its pool; groups
 *            know nothing of each other, so that pools are created and closed all the time, at addresses that had others before.
 * Goes wrong a thread that works on the cache of a pool that is gone.
 */
#include "workloads.h"

#include <weir/error.h>

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { GROUP_THREADS = 4 };

/* Written by whoever comes last to a meeting, read after the next. */
struct group {
    struct meeting *meeting, *leaving;
    struct weir_pool *pool;
    struct weir_pool_config config;
    struct oracle oracle;
    bool again;
    atomic_uint live;
};

static unsigned close__groups(const struct stress *s)
{
    return (s->options->threads + GROUP_THREADS - 1) / GROUP_THREADS;
}

static void close__open(struct stress *s)
{
    unsigned n = close__groups(s), left = s->options->threads;
    struct group *group = calloc(n, sizeof *group);
    if (!group)
        stress_fail("no memory for %u groups", n);
    for (unsigned i = 0; i < n; i++, left -= GROUP_THREADS) {
        group[i].meeting = meeting_open(left < GROUP_THREADS ? left : GROUP_THREADS);
        group[i].leaving = meeting_open(2);
    }
    s->own = group;
    s->extra_name = "pools";
}

static void close__close(struct stress *s)
{
    struct group *group = s->own;
    for (unsigned i = 0; i < close__groups(s); i++) {
        meeting_close(group[i].meeting);
        meeting_close(group[i].leaving);
    }
    free(group);
    s->own = NULL;
}

static void close__create(struct group *g, struct worker *w)
{
    struct weir_pool_config c = { .capacity = random_between(&w->random, 1, 200), .buffer_size = random_below(&w->random, 2) * 256,
                                  .user_size = 64, .cache = random_below(&w->random, 3) * 4 };
    int error = weir_pool_create(&g->pool, &c);
    if (error)
        stress_fail("weir_pool_create: %s: %s", weir_strerror(error), weir_error_message());
    g->config = c;
    oracle_open(&g->oracle, g->pool, &c, random_next(&w->random));
    atomic_store_explicit(&g->live, 0, memory_order_relaxed);
    w->stress->extra++;
}

static void close__use(struct worker *w)
{
    unsigned capacity = w->oracle->capacity;
    if (random_below(&w->random, 2))
        w->cache = weir_cache_get(w->pool);
    for (unsigned turns = random_between(&w->random, 1, 10); turns; turns--) {
        unsigned n = random_between(&w->random, 1, capacity);
        while (w->holds < n && stress_hold_one(w)) {
        }
        stress_put_some(w, random_between(&w->random, 1, capacity));
    }
}

static void close__refused(struct group *g)
{
    uint64_t live = atomic_load_explicit(&g->live, memory_order_relaxed);
    if (live) {
        int error = weir_pool_close(g->pool);
        if (error != -EBUSY)
            stress_fail("weir_pool_close with %llu live ops answered %d (%s)", (unsigned long long)live, error,
                        weir_strerror(error));
    }
    stress_check_quiet(g->pool, g->config.capacity, live, NULL);
}

/* Uses the pool and exits while it is closed. */
struct visitor {
    struct worker worker;
    struct group *group;
};

static void *close__visit(void *arg)
{
    struct visitor *v = arg;
    close__use(&v->worker);
    stress_put_all(&v->worker);
    meeting_meet(v->group->leaving);
    return NULL;
}

static void close__end(struct group *g, struct worker *w)
{
    struct visitor v = { .group = g };
    bool visited = random_below(&w->random, 2);
    pthread_t thread;
    int error;
    if (visited) {
        stress_worker_init(&v.worker, w->stress, w->number, random_next(&w->random));
        stress_worker_pool(&v.worker, g->pool, &g->oracle);
        if (pthread_create(&thread, NULL, close__visit, &v) != 0)
            stress_fail("a thread can't be made");
        meeting_meet(g->leaving);
        w->ops += v.worker.ops;
    }
    oracle_all_free(&g->oracle);
    error = weir_pool_close(g->pool);
    if (error)
        stress_fail("weir_pool_close with no op live: %s: %s", weir_strerror(error), weir_error_message());
    if (visited) {
        pthread_join(thread, NULL);
        stress_worker_end(&v.worker);
    }
    oracle_close(&g->oracle);
    g->again = !stress_over_now();
}

static void close__life(struct group *g, struct worker *w)
{
    struct worker mine;
    if (meeting_meet(g->meeting))
        close__create(g, w);
    meeting_meet(g->meeting);
    stress_worker_init(&mine, w->stress, w->number, random_next(&w->random));
    stress_worker_pool(&mine, g->pool, &g->oracle);
    close__use(&mine);
    if (random_below(&w->random, 2))
        stress_put_all(&mine);
    atomic_fetch_add_explicit(&g->live, mine.holds, memory_order_relaxed);
    if (meeting_meet(g->meeting))
        close__refused(g);
    meeting_meet(g->meeting);
    if (mine.holds < g->config.capacity && stress_hold_one(&mine))
        stress_put_some(&mine, 1);
    stress_put_all(&mine);
    if (meeting_meet(g->meeting))
        close__end(g, w);
    meeting_meet(g->meeting);
    w->ops += mine.ops;
    stress_worker_end(&mine);
}

static void close__work(struct worker *w)
{
    struct group *groups = w->stress->own, *g = &groups[w->number / GROUP_THREADS];
    do {
        close__life(g, w);
    } while (g->again);
}

const struct workload workload_close = {
    .name = "close",
    .prose = "Threads in groups of four, each group with a pool of its own: create it, use it, try to close it with ops live (-EBUSY, and\n"
             "it works on), give all back, close it, at times while another thread that used it is exiting; again, with another shape.",
    .open = close__open,
    .work = close__work,
    .close = close__close,
};
