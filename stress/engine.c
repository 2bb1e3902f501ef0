/* engine.c - eras, rounds and the checks between them. engine.h has the theory.
 *
 * Invariant  between the meeting that ends drain() and the one that begins the next work(), the main thread alone calls the pool.
 * Threads    `stop` is the one word that running threads share (relaxed: late by a few ops is no harm); everything else is handed
 *            over at meetings.
 * Goes wrong a check that fails is a violation. A thread that can't be made is one too: the run would not be what it says.
 */
#include "engine.h"

#include <weir/error.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ERA_ROUNDS = 5, ROUND_MILLISECONDS = 80, LOOKS_A_CLOCK = 16 };

static atomic_bool stop;
static bool era_ends;                       /* these two are handed over at the meeting that begins a round */
static double round_until;

int64_t stress_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static double engine__now(void)
{
    return (double)stress_now() * 1e-9;
}

/* Whoever looks at the clock after the end ends the round: the main thread may wait long for a processor. */
bool stress_over_now(void)
{
    if (engine__now() > round_until)
        atomic_store_explicit(&stop, true, memory_order_relaxed);
    return atomic_load_explicit(&stop, memory_order_relaxed);
}

bool stress_over(struct worker *w)
{
    if (++w->looks % LOOKS_A_CLOCK == 0)
        return stress_over_now();
    return atomic_load_explicit(&stop, memory_order_relaxed);
}

/* -- the checks --------------------------------------------------------------------------------------------------------------- */

void stress_check_quiet(struct weir_pool *pool, uint32_t capacity, uint64_t live, struct weir_stats *out)
{
    struct weir_stats n;
    int error = weir_pool_stats(pool, &n);
    if (error)
        stress_fail("weir_pool_stats: %s", weir_strerror(error));
    if (n.capacity != capacity || n.live != live || n.live + n.cached + n.free != n.capacity)
        stress_fail("the pool is quiet, %llu of %u ops are held, and the statistics say capacity %llu = live %llu + cached %llu "
                    "+ free %llu", (unsigned long long)live, (unsigned)capacity, (unsigned long long)n.capacity,
                    (unsigned long long)n.live, (unsigned long long)n.cached, (unsigned long long)n.free);
    if (n.gets - n.puts != live || n.committed > capacity || n.peak < live || n.peak > capacity)
        stress_fail("the pool is quiet, %llu of %u ops are held, and the statistics say gets %llu, puts %llu, committed %llu, "
                    "peak %llu", (unsigned long long)live, (unsigned)capacity, (unsigned long long)n.gets,
                    (unsigned long long)n.puts, (unsigned long long)n.committed, (unsigned long long)n.peak);
    error = weir_pool_check(pool);
    if (error)
        stress_fail("weir_pool_check: %s: %s", weir_strerror(error), weir_error_message());
    if (out)
        *out = n;
}

/* Take n ops, one by one or some at a time. */
static void engine__take(struct worker *w, uint32_t n)
{
    bool bulk = random_below(&w->random, 4) == 0;
    while (w->holds < n) {
        uint32_t want = bulk ? random_between(&w->random, 1, n - w->holds) : 1;
        if (want == 1 && !stress_hold_one(w))
            stress_fail("of a quiet pool of %u ops, %u live, one thread got only %u", (unsigned)w->oracle->capacity,
                        (unsigned)(w->oracle->capacity - n), w->holds);
        if (want == 1)
            continue;
        if (weir_op_get_bulk(w->pool, w->held + w->holds, want) != want)
            stress_fail("a quiet pool has %u ops left and weir_op_get_bulk did not give %u", (unsigned)(n - w->holds),
                        (unsigned)want);
        for (uint32_t i = 0; i < want; i++)
            stress_taken(w, w->held[w->holds++]);
    }
}

void stress_reach_bound(struct worker *w, uint64_t live)
{
    uint32_t n = w->oracle->capacity - (uint32_t)live;
    struct weir_op *op;
    engine__take(w, n);
    op = stress_get(w);
    if (op)
        stress_fail("all %u ops were live and a get gave op %u", (unsigned)w->oracle->capacity, (unsigned)weir_op_index(op));
    if (weir_op_get_bulk(w->pool, &op, 1) || weir_op_get_wait(w->pool, 0))
        stress_fail("all %u ops were live and a get in bulk, or without waiting, gave one", (unsigned)w->oracle->capacity);
    stress_check_quiet(w->pool, w->oracle->capacity, w->oracle->capacity, NULL);
    stress_put_all(w);
}

static void engine__check_round(struct stress *s)
{
    struct worker *me = &s->worker[s->options->threads];
    struct weir_stats n;
    uint64_t gets = 0, puts = 0;
    for (unsigned i = 0; i <= s->options->threads; i++) {
        if (s->worker[i].holds)
            stress_fail("thread %u ended its round and holds %u ops", i, s->worker[i].holds);
        gets += s->worker[i].gets;
        puts += s->worker[i].puts;
    }
    oracle_all_free(&s->oracle);
    stress_check_quiet(s->pool, s->config.capacity, 0, &n);
    if (s->workload->counts_tries ? n.gets < gets : n.gets != gets || n.puts != puts)
        stress_fail("the threads took %llu ops and gave back %llu; the statistics say %llu and %llu", (unsigned long long)gets,
                    (unsigned long long)puts, (unsigned long long)n.gets, (unsigned long long)n.puts);
    stress_reach_bound(me, 0);
    stress_check_quiet(s->pool, s->config.capacity, 0, NULL);
}

/* -- an era -------------------------------------------------------------------------------------------------------------------- */

static uint32_t engine__pick(struct random *r, const uint32_t *of, uint32_t n)
{
    return of[random_below(r, n)];
}

static void engine__shape(struct stress *s, struct random *r)
{
    const struct stress_options *o = s->options;
    uint32_t threads = o->threads;
    const uint32_t capacities[] = { 1, (threads + 1) / 2, threads + 1, 3 * threads, 1000, 4096, 16384 };
    const uint32_t caches[] = { 0, 0, 0, 1, 2, 8, 64, 1024 };
    const uint32_t buffers[] = { 0, 64, 200, 512, 4096 };
    const uint32_t aligns[] = { 0, 0, 128, 4096 };
    const uint32_t users[] = { 0, 32, 64, 200 };
    struct weir_pool_config c = { .capacity = engine__pick(r, capacities, 7), .cache = engine__pick(r, caches, 8),
                                  .buffer_size = engine__pick(r, buffers, 5), .buffer_align = engine__pick(r, aligns, 4),
                                  .user_size = engine__pick(r, users, 4) };
    uint32_t initial = random_below(r, 3);
    if (random_below(r, 8) == 0)
        c.flags = WEIR_POOL_HUGEPAGES;
    if (s->workload->shape)
        s->workload->shape(s, &c, r);
    if (o->capacity >= 0)
        c.capacity = (uint32_t)o->capacity;
    if (o->cache >= 0)
        c.cache = (uint32_t)o->cache;
    if (o->buffer >= 0)
        c.buffer_size = (size_t)o->buffer;
    c.initial = initial == 0 || s->workload->bare ? 0 : initial == 1 ? c.capacity / 2 : c.capacity;
    s->config = c;
}

static void *engine__thread(void *arg)
{
    struct worker *w = arg;
    struct stress *s = w->stress;
    const struct workload *of = s->workload;
    if (random_next(&w->random) & 1)
        w->cache = weir_cache_get(s->pool);
    for (;;) {
        meeting_meet(s->all);
        if (era_ends)
            return NULL;
        of->work(w);
        meeting_meet(s->all);
        if (of->drain)
            of->drain(w);
        stress_put_all(w);
        meeting_meet(s->all);
    }
}

static void engine__round(struct stress *s)
{
    atomic_store(&stop, false);
    era_ends = false;
    round_until = engine__now() + ROUND_MILLISECONDS * 1e-3;
    meeting_meet(s->all);
    meeting_meet(s->all);
    meeting_meet(s->all);
    engine__check_round(s);
}

static void engine__open(struct stress *s, unsigned era)
{
    unsigned threads = s->options->threads;
    struct random r;
    int error;
    random_seed(&r, s->options->seed, era);
    engine__shape(s, &r);
    error = weir_pool_create(&s->pool, &s->config);
    if (error)
        stress_fail("weir_pool_create: %s: %s", weir_strerror(error), weir_error_message());
    oracle_open(&s->oracle, s->pool, &s->config, random_next(&r));
    s->oracle.forgets = s->workload->forgets;
    s->all = meeting_open(threads + 1);
    s->workers = meeting_open(threads);
    for (unsigned i = 0; i <= threads; i++) {
        stress_worker_init(&s->worker[i], s, i, ((uint64_t)era << 32) + 1 + i);
        stress_worker_pool(&s->worker[i], s->pool, &s->oracle);
    }
    if (s->workload->open)
        s->workload->open(s);
}

/* The threads have gone: what they had cached has gone back. */
static void engine__close(struct stress *s, struct weir_stats *sum)
{
    struct weir_stats n;
    int error;
    if (s->workload->close)
        s->workload->close(s);
    weir_thread_flush(s->pool);
    stress_check_quiet(s->pool, s->config.capacity, 0, &n);
    if (n.cached)
        stress_fail("all threads have exited and %llu ops are cached", (unsigned long long)n.cached);
    error = weir_pool_close(s->pool);
    if (error)
        stress_fail("weir_pool_close: %s: %s", weir_strerror(error), weir_error_message());
    for (unsigned i = 0; i <= s->options->threads; i++)
        stress_worker_end(&s->worker[i]);
    oracle_close(&s->oracle);
    meeting_close(s->workers);
    meeting_close(s->all);
    sum->refills += n.refills;
    sum->flushes += n.flushes;
    sum->steals += n.steals;
    sum->empties += n.empties;
    sum->waits += n.waits;
    sum->peak = n.peak > sum->peak ? n.peak : sum->peak;
    sum->fenced |= n.fenced;
}

static unsigned engine__era(struct stress *s, unsigned era, double until, struct weir_stats *sum, uint64_t *ops)
{
    unsigned threads = s->options->threads, rounds = 0;
    pthread_t *thread = calloc(threads, sizeof *thread);
    engine__open(s, era);
    for (unsigned i = 0; i < threads; i++)
        if (!thread || pthread_create(&thread[i], NULL, engine__thread, &s->worker[i]) != 0)
            stress_fail("no more than %u of %u threads can be made here", i, threads);
    do {
        engine__round(s);
        rounds++;
    } while (rounds < ERA_ROUNDS && engine__now() < until);
    era_ends = true;
    meeting_meet(s->all);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(thread[i], NULL);
    for (unsigned i = 0; i <= threads; i++)
        *ops += s->worker[i].ops;
    engine__close(s, sum);
    free(thread);
    return rounds;
}

void stress_run(const struct workload *workload, const struct stress_options *options)
{
    struct stress *s = calloc(1, sizeof *s);
    struct weir_stats sum;
    uint64_t ops = 0;
    unsigned rounds = 0;
    double until = engine__now() + options->seconds;
    if (!s || !(s->worker = calloc(options->threads + 1, sizeof *s->worker)))
        stress_fail("no memory for %u threads", options->threads);
    memset(&sum, 0, sizeof sum);
    s->workload = workload;
    s->options = options;
    report_now(s, options->seconds);
    if (workload->run)
        workload->run(s);
    for (unsigned era = 0; !workload->run && (era == 0 || engine__now() < until); era++)
        rounds += engine__era(s, era, until, &sum, &ops);
    if (!workload->run)
        report_line(s, &sum, ops, rounds);
    report_now(NULL, 0);
    free(s->worker);
    free(s);
}
