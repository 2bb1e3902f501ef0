/* window.c - see window.h.
 *
 * A measurement is a window: threads run their loops in batches from before it begins until after it has ended, each counting its own
 * batches, and the main thread reads all counters and the clock when the window opens and when it closes. So nothing depends on
 * when a thread gets to run: 64 threads on 2 processors take a tenth of a second until each has had its turn.
 *
 * Threads    phase is the main thread's; done is each thread's own. In a hand-over the giver announces each batch before it begins it, so
 *            that the taker takes as many as are given.
 */
#define _GNU_SOURCE
#include "window.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "team.h"

enum phase { PHASE_WAIT, PHASE_LEAD_IN, PHASE_OPEN, PHASE_STOP };
enum { SECONDS_MOST = 20 };

struct runner {
    struct job job;
    bench_loop *loop;
    struct histogram kept, outside;     /* inside the window, and outside */
    uint64_t done __attribute__((aligned(128)));
};

static struct runner *runners;
static struct lane *lanes;
static struct {
    int64_t stamp;
    unsigned stamper;
} given __attribute__((aligned(64)));
static unsigned phase __attribute__((aligned(64)));
static unsigned ready;
static uint64_t announced __attribute__((aligned(64)));
static bool giver_ended;
static bool is_handoff;

/* -- the threads ------------------------------------------------------------------------------------------------------------------ */

/* Order: a loop's own atomics order its objects; phase and done are looked at, nothing is read through them. */
static enum phase window__phase(void)
{
    return __atomic_load_n(&phase, __ATOMIC_RELAXED);
}

static void window__batch(struct runner *r)
{
    r->loop(&r->job);
    __atomic_store_n(&r->done, r->done + r->job.count, __ATOMIC_RELAXED);
}

static void window__give(struct runner *r)
{
    while (window__phase() != PHASE_STOP) {
        __atomic_fetch_add(&announced, 1, __ATOMIC_RELAXED);
        window__batch(r);
    }
    __atomic_store_n(&giver_ended, true, __ATOMIC_RELEASE);             /* window.E1 -> window.E2: announced is final */
}

static void window__take(struct runner *r)
{
    uint64_t taken = 0;
    for (;;) {
        bool ended = __atomic_load_n(&giver_ended, __ATOMIC_ACQUIRE);   /* window.E2 <- window.E1 */
        if (taken < __atomic_load_n(&announced, __ATOMIC_RELAXED)) {
            window__batch(r);
            taken++;
        } else if (ended)
            break;
    }
}

static void window__thread(unsigned thread)
{
    struct runner *r = &runners[thread];
    enum phase now;
    __atomic_fetch_add(&ready, 1, __ATOMIC_RELAXED);
    while (window__phase() == PHASE_WAIT)
        sched_yield();
    if (is_handoff && thread == 0)
        window__give(r);
    else if (is_handoff)
        window__take(r);
    else
        while ((now = window__phase()) != PHASE_STOP) {
            r->job.histogram = now == PHASE_OPEN ? &r->kept : &r->outside;
            window__batch(r);
        }
}

/* -- the window ------------------------------------------------------------------------------------------------------------------- */

static void window__sleep(double seconds)
{
    struct timespec t = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };
    nanosleep(&t, NULL);
}

/* One thread alone is timed by the processor time that it had: what else the machine does then costs it caches, not time. */
static struct window window__sample(const struct bench_request *q)
{
    struct window s = { 0 };
    for (unsigned i = is_handoff ? 1 : 0; i < q->threads; i++)
        s.done += __atomic_load_n(&runners[i].done, __ATOMIC_RELAXED);
    s.ticks = clock_ticks();
    s.ns = q->threads == 1 && q->unit == BENCH_NS ? team_used_ns(0) : clock_ns();
    return s;
}

/* What was done in the window, and how long it was; a window in which nothing was done stays open. */
static struct window window__measured(const struct bench_request *q)
{
    struct window from, to;
    int64_t began = clock_ns();
    from = window__sample(q);
    __atomic_store_n(&phase, PHASE_OPEN, __ATOMIC_RELAXED);
    do {
        window__sleep(q->seconds);
        to = window__sample(q);
        if (clock_ns() - began > SECONDS_MOST * INT64_C(1000000000))
            bench_fail("nothing was done in %d seconds", SECONDS_MOST);
    } while (to.done == from.done);
    return (struct window){ to.done - from.done, to.ticks - from.ticks, to.ns - from.ns };
}

static void window__prepare(const struct bench_request *q, bench_loop *loop, bench_loop *taker, const struct job *pattern)
{
    is_handoff = taker != NULL;
    announced = 0;
    giver_ended = false;
    ready = 0;
    phase = PHASE_WAIT;
    memset(&given, 0, sizeof given);
    lane_init(&lanes[0]);
    lane_init(&lanes[1]);
    for (unsigned i = 0; i < q->threads; i++) {
        struct runner *r = &runners[i];
        memset(r, 0, sizeof *r);
        r->loop = i > 0 && taker ? taker : loop;
        r->job = *pattern;
        r->job.thread = i;
        r->job.random = UINT64_C(0x9e3779b97f4a7c15) * (i + 1);
        r->job.there = &lanes[0];
        r->job.back = &lanes[1];
        r->job.stamp = &given.stamp;
        r->job.stamper = &given.stamper;
        r->job.histogram = &r->outside;
    }
}

struct window window_run(const struct bench_request *q, bench_loop *loop, bench_loop *taker, const struct job *pattern)
{
    struct window s;
    window__prepare(q, loop, taker, pattern);
    team_begin(window__thread, 0, q->threads);
    while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < q->threads)
        window__sleep(1e-5);
    __atomic_store_n(&phase, PHASE_LEAD_IN, __ATOMIC_RELAXED);
    window__sleep(q->seconds / 8);
    s = window__measured(q);
    __atomic_store_n(&phase, PHASE_STOP, __ATOMIC_RELAXED);
    team_end();
    return s;
}

double window_quantile(unsigned threads, double share)
{
    static uint64_t all[HISTOGRAM_CLASSES];
    memset(all, 0, sizeof all);
    for (unsigned i = 0; i < threads; i++)
        histogram_read(all, &runners[i].kept);
    return histogram_quantile(all, share);
}

void window_open(void)
{
    runners = aligned_alloc(128, BENCH_THREADS * sizeof *runners);
    lanes = aligned_alloc(64, 2 * sizeof *lanes);
    if (!runners || !lanes)
        bench_fail("no memory for its threads");
}

void window_close(void)
{
    free(lanes);
    free(runners);
}
