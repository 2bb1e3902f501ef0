/* measure.c - how long get and put, ref and unref, take and drop take in a pool that is watched.
 *
 * In each round each tracker has a new pool, and does each work for a window of time; the order of the trackers rotates. So what the machine does
 * meanwhile, and where pages happen to lie, hits all alike, and a ratio is taken within a round. Two threads, pinned to two processors, both known to
 * the pool before the window begins, as are their tokens.
 *
 * Alone, a thread's own processor time is counted; two at once are on the wall's clock, and a window counts from when both run to when the
 * first has seen its end.
 */
#include <pthread.h>
#include <string.h>
#include <weir/weir.h>
#include <weir/track.h>

#include "../bench/clock.h"
#include "../bench/team.h"
#include "track.h"

enum { BATCH = 256, CAPACITY = 65536, BUFFER = 4096, THREADS = 2 };

#define OPAQUE(p) __asm__ volatile("" : "+r"(p) : : "memory")

static struct {
    struct weir_pool *pool;
    struct weir_op *op;
    enum work work;
    unsigned threads;
} job;
static struct {
    double ns;                  /* of one, in the window */
    unsigned running, stop;
} shared __attribute__((aligned(64)));
static double ns_of[THREADS];

static void measure__batch(enum work work, struct weir_pool *pool, struct weir_op *op)
{
    for (unsigned i = 0; i < BATCH; i++)
        switch (work) {
        case WORK_PAIR: {
            struct weir_op *mine = weir_op_get(pool);
            OPAQUE(mine);
            weir_op_put(mine);
            break;
        }
        case WORK_REF:
        case WORK_SHARED:
            weir_op_ref(op);
            OPAQUE(op);
            (void)weir_op_unref(op);
            break;
        case WORK_HOLD: {
            weir_hold hold = weir_hold_take(op);
            OPAQUE(op);
            (void)weir_hold_drop(op, hold);
            break;
        }
        case WORKS:
            break;
        }
}

/* Order: nothing is read through these words; they say when. */
static void measure__run(unsigned thread)
{
    clockid_t clock = job.threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    int64_t until, from;
    uint64_t batches = 0;
    for (unsigned i = 0; i < 4; i++)                            /* tokens, caches, pages */
        measure__batch(job.work, job.pool, job.op);
    __atomic_fetch_add(&shared.running, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&shared.running, __ATOMIC_RELAXED) < job.threads)
        clock_pause();
    from = clock_ns_of(clock);
    until = clock_ns() + (int64_t)(bench_track.seconds * 1e9);
    while (clock_ns() < until && !__atomic_load_n(&shared.stop, __ATOMIC_RELAXED)) {
        measure__batch(job.work, job.pool, job.op);
        batches++;
    }
    __atomic_store_n(&shared.stop, 1, __ATOMIC_RELAXED);
    ns_of[thread] = (double)(clock_ns_of(clock) - from) / (double)((batches ? batches : 1) * BATCH);
}

static double measure__window(enum work work)
{
    double ns = 0;
    job.work = work;
    job.threads = work == WORK_SHARED ? THREADS : 1;
    shared.running = shared.stop = 0;
    team_begin(measure__run, 0, job.threads);
    team_end();
    for (unsigned i = 0; i < job.threads; i++)
        ns += ns_of[i] / job.threads;
    return ns;
}

static void measure__take(unsigned thread)
{
    (void)thread;
    job.op = weir_op_get(job.pool);
}

static void measure__give(unsigned thread)
{
    (void)thread;
    (void)weir_op_unref(job.op);
    weir_thread_flush(job.pool);
}

static void measure__case(unsigned c, unsigned round)
{
    struct weir_pool_config config = { .name = "track-bench", .capacity = CAPACITY, .buffer_size = BUFFER, .debug = tracker_cases[c].spec };
    if (bench_track.of[c].failed[0])
        return;
    if (weir_pool_create(&job.pool, &config) != 0) {
        track_failed(c, weir_error_message());
        return;
    }
    team_begin(measure__take, 0, 1);
    team_end();
    for (enum work work = 0; work < WORKS; work++) {
        struct result *r = &bench_track.of[c].time[work];
        if (tracker_cases[c].sampled && work != WORK_PAIR)
            continue;
        r->value[0][round] = measure__window(work);
        r->rounds = round + 1;
    }
    team_begin(measure__give, 0, 1);
    team_end();
    if (weir_pool_close(job.pool) != 0)
        track_failed(c, weir_error_message());
}

static void measure__nothing(void)
{
}

void measure_all(void)
{
    team_processors();
    team_start(THREADS, team_pin, measure__nothing);
    for (unsigned round = 0; round < bench_track.rounds; round++)
        for (unsigned turn = 0; turn < tracker_cases_n; turn++) {
            unsigned c = (turn + round) % tracker_cases_n;
            if (bench_track.wanted[c])
                measure__case(c, round);
        }
    team_stop();
}
