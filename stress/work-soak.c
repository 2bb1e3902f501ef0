/* work-soak.c - one pool, all kinds of calls, for as long as one likes: soak.
 *
 * Purpose    what only time shows: memory that creeps, calls that get slower, an equation that is off by one in a million.
 * How        the load is a wave: the threads hold more and more ops, up to a tenth more than there are, and fewer again. They get (timed), put,
 *            hand on, take in bulk, wait, publish and look up, flush. The main thread trims once an interval, so that memory follows the load,
 *            writes a row (series.h), and every tenth interval lets all stand still: the pool must prove its equation with all that is held
 *            then. After that a quarter of the threads exit, and new ones go on with what those held.
 * Threads    each soaker is its thread's. `load`, `gather`, `stop` and the counters are relaxed atomics; the rest is handed over at meetings.
 * Goes wrong a violation ends the run. Times are written down and judged by nobody: on a machine with fewer cores than threads a get takes as
 *            long as its thread is off the processor, and beside it stands what two readings of the clock take then.
 */
#include "workloads.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/error.h>
#include <weir/ref.h>

#include "series.h"
#include "slots.h"

enum { CAPACITY = 16384, BUFFER = 4096, ROWS_A_CHECK = 10, LEAST_ROWS = 60, SHARE = 4 };

struct soaker {
    struct worker worker;
    struct histogram get, floor;
    _Atomic uint64_t ops, nulls;
    bool leaves;                /* written by the main thread between two meetings */
    pthread_t thread;
    struct soak *soak;
};

struct soak {
    struct stress *stress;
    unsigned threads;
    struct soaker *soaker;
    struct meeting *meeting;
    atomic_uint load;           /* ops that one thread would hold */
    atomic_bool gather, stop;
    uint64_t stream;            /* of the next thread's random numbers */
    uint64_t last[2][HISTOGRAM_CLASSES], now[2][HISTOGRAM_CLASSES], between[2][HISTOGRAM_CLASSES];
    uint64_t last_ops, last_nulls;
    double last_seconds;
    double load_percent;
};

/* -- what a thread does ------------------------------------------------------------------------------------------------------------ */

static void soak__took(struct histogram *h, int64_t began, int64_t ended)
{
    histogram_add(h, ended > began ? (uint64_t)(ended - began) : 0);
}

static bool soak__get(struct soaker *k)
{
    struct worker *w = &k->worker;
    int64_t first = stress_now(), second = stress_now(), third;
    struct weir_op *op = w->cache && random_below(&w->random, 2) ? weir_op_get_from(w->cache) : weir_op_get(w->pool);
    third = stress_now();
    soak__took(&k->floor, first, second);
    soak__took(&k->get, second, third);
    if (!op) {
        atomic_store_explicit(&k->nulls, ++w->nulls, memory_order_relaxed);
        return false;
    }
    stress_taken(w, op);
    w->held[w->holds++] = op;
    return true;
}

static void soak__wait(struct worker *w)
{
    struct weir_op *op = weir_op_get_wait(w->pool, random_between(&w->random, 10, 1000) * 1000);
    if (!op)
        return;
    stress_taken(w, op);
    w->held[w->holds++] = op;
}

static void soak__bulk(struct worker *w)
{
    unsigned n = random_between(&w->random, 2, 32);
    if (weir_op_get_bulk(w->pool, w->held + w->holds, n) != n)
        return;
    for (unsigned i = 0; i < n; i++)
        stress_taken(w, w->held[w->holds++]);
}

/* A short life that others could look up. */
static void soak__publish(struct worker *w)
{
    struct weir_op *op = stress_get(w);
    uint64_t handle = op ? weir_op_handle(op) : 0;
    if (!op)
        return;
    weir_op_publish(op);
    if (weir_op_ref_handle(w->pool, handle) != op || weir_op_unref(op))
        stress_fail("op %u is published and its handle does not find it", (unsigned)weir_op_index(op));
    stress_giving(w, op);
    if (!weir_op_unref(op) || weir_op_ref_handle(w->pool, handle))
        stress_fail("op %u was not given back by its last reference", (unsigned)weir_op_index(op));
}

static void soak__hand_on(struct worker *w)
{
    struct weir_op *op = slots_swap_any(w, w->holds ? w->held[--w->holds] : NULL);
    if (op)
        w->held[w->holds++] = op;
}

static void soak__turn(struct soaker *k)
{
    struct worker *w = &k->worker;
    unsigned load = atomic_load_explicit(&k->soak->load, memory_order_relaxed), what = random_below(&w->random, 64);
    unsigned most = w->oracle->capacity - 64;
    if (w->holds < load && w->holds < most) {
        for (unsigned n = random_between(&w->random, 1, 16); n && soak__get(k); n--) {
        }
    } else {
        stress_put_some(w, random_between(&w->random, 1, 16));
    }
    if (what < 16)
        soak__hand_on(w);
    else if (what < 18 && w->holds < most)
        soak__bulk(w);
    else if (what < 22)
        soak__publish(w);
    else if (what == 22 && w->holds < most && w->holds < load)
        soak__wait(w);
    else if (what == 23 && random_below(&w->random, 64) == 0)
        weir_thread_flush(w->pool);
    if (random_below(&w->random, 8) == 0)
        stress_put_some(w, random_below(&w->random, w->holds / SHARE + 2));
    atomic_store_explicit(&k->ops, w->ops, memory_order_relaxed);
}

static void *soak__life(void *arg)
{
    struct soaker *k = arg;
    struct worker *w = &k->worker;
    w->cache = random_below(&w->random, 2) ? weir_cache_get(w->pool) : NULL;
    for (;;) {
        while (!atomic_load_explicit(&k->soak->gather, memory_order_relaxed))
            soak__turn(k);
        meeting_meet(k->soak->meeting);
        meeting_meet(k->soak->meeting);
        if (k->leaves) {
            w->cache = NULL;                                /* what is held here is another thread's from now on */
            return NULL;
        }
    }
}

/* -- what the main thread does ------------------------------------------------------------------------------------------------------- */

static void soak__start(struct soak *soak, unsigned i)
{
    struct soaker *k = &soak->soaker[i];
    random_seed(&k->worker.random, soak->stress->options->seed, ++soak->stream);
    k->leaves = false;
    if (pthread_create(&k->thread, NULL, soak__life, k) != 0)
        stress_fail("no more than %u of %u threads can be made here", i, soak->threads);
}

static void soak__setup(struct soak *soak, struct stress *s)
{
    const struct stress_options *o = s->options;
    int error;
    s->config = (struct weir_pool_config){ .name = "soak", .capacity = o->capacity > 64 ? (uint32_t)o->capacity : CAPACITY,
                                           .buffer_size = o->buffer >= 0 ? (size_t)o->buffer : BUFFER, .user_size = 64,
                                           .cache = o->cache > 0 ? (uint32_t)o->cache : 0 };
    error = weir_pool_create(&s->pool, &s->config);
    if (error)
        stress_fail("weir_pool_create: %s: %s", weir_strerror(error), weir_error_message());
    oracle_open(&s->oracle, s->pool, &s->config, o->seed);
    s->oracle.forgets = true;
    slots_open(s, o->threads);
    soak->stress = s;
    soak->threads = o->threads;
    soak->meeting = meeting_open(o->threads + 1);
    soak->soaker = calloc(o->threads + 1, sizeof *soak->soaker);
    if (!soak->soaker)
        stress_fail("no memory for %u threads", o->threads);
    for (unsigned i = 0; i <= o->threads; i++) {
        stress_worker_init(&soak->soaker[i].worker, s, i, i);
        stress_worker_pool(&soak->soaker[i].worker, s->pool, &s->oracle);
        soak->soaker[i].soak = soak;
    }
}

/* From 10 to 110 percent and back; the thirds that memory is judged by hold whole waves. */
static void soak__load(struct soak *soak, double seconds)
{
    double third = 0.3 * soak->stress->options->seconds, waves = third > 180 ? floor(third / 60) : 3;
    soak->load_percent = 60 - 50 * cos(2 * 3.14159265358979 * seconds / (third / waves));
    atomic_store_explicit(&soak->load, (unsigned)(soak->load_percent / 100 * soak->stress->config.capacity / soak->threads) + 1,
                          memory_order_relaxed);
}

static void soak__sum(struct soak *soak, uint64_t *ops, uint64_t *nulls)
{
    memset(soak->now, 0, sizeof soak->now);
    *ops = *nulls = 0;
    for (unsigned i = 0; i < soak->threads; i++) {
        struct soaker *k = &soak->soaker[i];
        histogram_read(soak->now[0], &k->get);
        histogram_read(soak->now[1], &k->floor);
        *ops += atomic_load_explicit(&k->ops, memory_order_relaxed);
        *nulls += atomic_load_explicit(&k->nulls, memory_order_relaxed);
    }
}

static void soak__row(struct soak *soak, struct series *series, double seconds)
{
    struct series_row row = { .seconds = seconds, .load = soak->load_percent, .get = soak->between[0], .floor = soak->between[1] };
    const struct weir_pool_config *c = &soak->stress->config;
    uint64_t ops, nulls;
    soak__sum(soak, &ops, &nulls);
    for (unsigned which = 0; which < 2; which++)
        for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
            soak->between[which][i] = soak->now[which][i] - soak->last[which][i];
    memcpy(soak->last, soak->now, sizeof soak->last);
    weir_pool_stats(soak->stress->pool, &row.stats);
    row.committed = row.stats.committed * (128 + c->user_size + c->buffer_size);
    row.rate = (double)(ops - soak->last_ops) / (seconds - soak->last_seconds);
    row.nulls = (double)(nulls - soak->last_nulls) / (seconds - soak->last_seconds);
    series_add(series, &row);
    soak->last_ops = ops;
    soak->last_nulls = nulls;
    soak->last_seconds = seconds;
}

/* All stand still; then go on, or exit if `leave` says so. How many ops they hold. */
static void soak__gather(struct soak *soak, unsigned leave)
{
    struct stress *s = soak->stress;
    struct worker *me = &soak->soaker[soak->threads].worker;
    uint64_t held = 0;
    atomic_store(&soak->gather, true);
    meeting_meet(soak->meeting);
    for (unsigned i = 0; i < slots_count(s); i++) {
        struct weir_op *op = slots_swap(me, i, NULL);
        if (op)
            stress_put(me, op);
    }
    for (unsigned i = 0; i < soak->threads; i++)
        held += soak->soaker[i].worker.holds;
    stress_check_quiet(s->pool, s->config.capacity, held, NULL);
    for (unsigned i = 0; i < soak->threads; i++)
        soak->soaker[i].leaves = random_below(&me->random, 100) < leave;
    atomic_store(&soak->gather, false);
    meeting_meet(soak->meeting);
    for (unsigned i = 0; i < soak->threads; i++)
        if (soak->soaker[i].leaves)
            pthread_join(soak->soaker[i].thread, NULL);
}

static void soak__intervals(struct soak *soak, struct series *series)
{
    double seconds = soak->stress->options->seconds, every = seconds / LEAST_ROWS < 1 ? seconds / LEAST_ROWS : 1;
    int64_t began = stress_now();
    for (unsigned row = 1; (double)(stress_now() - began) * 1e-9 < seconds; row++) {
        int64_t until = stress_now() + (int64_t)(every * 1e9), left;
        while ((left = until - stress_now()) > 0) {
            struct timespec nap = { (time_t)(left / 1000000000), (long)(left % 1000000000) };
            nanosleep(&nap, NULL);
        }
        soak__row(soak, series, (double)(stress_now() - began) * 1e-9);
        soak__load(soak, (double)(stress_now() - began) * 1e-9);
        weir_pool_trim(soak->stress->pool);
        if (row % ROWS_A_CHECK)
            continue;
        soak__gather(soak, 100 / SHARE);
        for (unsigned i = 0; i < soak->threads; i++)
            if (soak->soaker[i].leaves)
                soak__start(soak, i);
        soak->stress->extra++;
    }
}

static void soak__teardown(struct soak *soak, struct weir_stats *sum, uint64_t *ops)
{
    struct stress *s = soak->stress;
    struct worker *me = &soak->soaker[soak->threads].worker;
    int error;
    for (unsigned i = 0; i < soak->threads; i++)
        stress_put_all(&soak->soaker[i].worker);
    oracle_all_free(&s->oracle);
    stress_check_quiet(s->pool, s->config.capacity, 0, sum);
    stress_reach_bound(me, 0);
    weir_thread_flush(s->pool);
    stress_check_quiet(s->pool, s->config.capacity, 0, NULL);
    slots_close(s);
    error = weir_pool_close(s->pool);
    if (error)
        stress_fail("weir_pool_close: %s: %s", weir_strerror(error), weir_error_message());
    for (unsigned i = 0; i <= soak->threads; i++) {
        *ops += soak->soaker[i].worker.ops;
        stress_worker_end(&soak->soaker[i].worker);
    }
    oracle_close(&s->oracle);
    meeting_close(soak->meeting);
    free(soak->soaker);
}

static void soak__run(struct stress *s)
{
    struct soak *soak = calloc(1, sizeof *soak);
    struct series *series;
    struct series_range range[2];
    struct weir_stats sum;
    struct weir_op *op, *last;
    uint64_t ops = 0;
    unsigned ranges = 1;
    if (!soak)
        stress_fail("no memory");
    soak__setup(soak, s);
    stress_reach_bound(&soak->soaker[soak->threads].worker, 0);         /* all is touched once: where the ranges are */
    op = weir_op_at(s->pool, 0);
    last = weir_op_at(s->pool, s->config.capacity - 1);
    range[0] = (struct series_range){ op, (size_t)((char *)last - (char *)op) + 1 };
    if (s->config.buffer_size)
        range[ranges++] = (struct series_range){ weir_op_buffer(op), (size_t)((char *)weir_op_buffer(last) - (char *)weir_op_buffer(op)) + 1 };
    series = series_open(s->options->csv, s->options->seconds, range, ranges);
    s->extra_name = "quiet checks";
    soak__load(soak, 0);
    for (unsigned i = 0; i < soak->threads; i++)
        soak__start(soak, i);
    soak__intervals(soak, series);
    soak__gather(soak, 100);
    soak__teardown(soak, &sum, &ops);
    report_line(s, &sum, ops, (unsigned)s->extra);
    series_close(series);
    free(soak);
}

const struct workload workload_soak = {
    .name = "soak",
    .prose = "One pool for the whole time, under a load that rises above the capacity and falls again: every kind of call, trims, threads that exit\n"
             "and new ones. Now and then all stand still and the pool proves its equation. --csv writes memory and the times of gets, an\n"
             "interval a row; stress/soak.sh plots them. Memory must be flat (from 30 seconds on).",
    .run = soak__run,
};
