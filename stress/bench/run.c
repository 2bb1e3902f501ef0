/* run.c - see run.h.
 *
 * A measurement is a window: threads run their loops in batches from before it begins until after it has ended, each counting its own
 * batches, and the main thread reads all counters and the clock when the window opens and when it closes. So nothing depends on
 * when a thread gets to run: 64 threads on 2 processors take a tenth of a second until each has had its turn.
 *
 * Invariant  a loop's objects are all put when the measurement has ended: what the crowd left in its slots, what was held to empty the pool.
 * Threads    phase is the main thread's; done is each thread's own. In a hand-over the giver announces each batch before it begins it, so
 *            that the taker takes as many as are given.
 */
#define _GNU_SOURCE
#include "run.h"

#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "team.h"

enum phase { PHASE_WAIT, PHASE_LEAD_IN, PHASE_OPEN, PHASE_STOP };
enum { LOAD = 1024, LIFE_BATCH = 16, SAMPLE_SECONDS_MOST = 20 };

struct runner {
    struct job job;
    bench_loop *loop;
    struct histogram kept, outside;     /* inside the window, and outside */
    uint64_t done __attribute__((aligned(128)));
    char unused[120];
};

static const struct peer *peer;
static unsigned processors;
static uint32_t capacity;
static struct runner *runners;
static struct job holder;               /* thread 0's, for what is held outside of the window */
static struct lane *lanes;
static void *slots[BENCH_SLOTS] __attribute__((aligned(64)));
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
static enum phase run__phase(void)
{
    return __atomic_load_n(&phase, __ATOMIC_RELAXED);
}

static void run__batch(struct runner *r)
{
    r->loop(&r->job);
    __atomic_store_n(&r->done, r->done + r->job.count, __ATOMIC_RELAXED);
}

static void run__give(struct runner *r)
{
    while (run__phase() != PHASE_STOP) {
        __atomic_fetch_add(&announced, 1, __ATOMIC_RELAXED);
        run__batch(r);
    }
    __atomic_store_n(&giver_ended, true, __ATOMIC_RELEASE);             /* run.E1 -> run.E2: announced is final */
}

static void run__take(struct runner *r)
{
    uint64_t taken = 0;
    for (;;) {
        bool ended = __atomic_load_n(&giver_ended, __ATOMIC_ACQUIRE);   /* run.E2 <- run.E1 */
        if (taken < __atomic_load_n(&announced, __ATOMIC_RELAXED)) {
            run__batch(r);
            taken++;
        } else if (ended)
            break;
    }
}

static void run__thread(unsigned thread)
{
    struct runner *r = &runners[thread];
    enum phase now;
    __atomic_fetch_add(&ready, 1, __ATOMIC_RELAXED);
    while (run__phase() == PHASE_WAIT)
        sched_yield();
    if (is_handoff && thread == 0)
        run__give(r);
    else if (is_handoff)
        run__take(r);
    else
        while ((now = run__phase()) != PHASE_STOP) {
            r->job.histogram = now == PHASE_OPEN ? &r->kept : &r->outside;
            run__batch(r);
        }
}

/* -- the window ------------------------------------------------------------------------------------------------------------------- */

struct sample {
    uint64_t done, ticks;
    int64_t ns;
};

static void run__sleep(double seconds)
{
    struct timespec t = { (time_t)seconds, (long)((seconds - (double)(time_t)seconds) * 1e9) };
    nanosleep(&t, NULL);
}

/* One thread alone is timed by the processor time that it had: what else the machine does then costs it caches, not time. */
static struct sample run__sample(const struct bench_request *q)
{
    struct sample s = { 0 };
    for (unsigned i = is_handoff ? 1 : 0; i < q->threads; i++)
        s.done += __atomic_load_n(&runners[i].done, __ATOMIC_RELAXED);
    s.ticks = clock_ticks();
    s.ns = q->threads == 1 && q->unit == BENCH_NS ? team_used_ns(0) : clock_ns();
    return s;
}

/* What was done in the window, and how long it was; a window in which nothing was done stays open. */
static struct sample run__window(const struct bench_request *q)
{
    struct sample from, to;
    int64_t began = clock_ns();
    from = run__sample(q);
    __atomic_store_n(&phase, PHASE_OPEN, __ATOMIC_RELAXED);
    do {
        run__sleep(q->seconds);
        to = run__sample(q);
        if (clock_ns() - began > SAMPLE_SECONDS_MOST * INT64_C(1000000000))
            bench_fail("nothing was done in %d seconds", SAMPLE_SECONDS_MOST);
    } while (to.done == from.done);
    return (struct sample){ to.done - from.done, to.ticks - from.ticks, to.ns - from.ns };
}

static void run__prepare(const struct bench_request *q, bench_loop *loop, uint64_t count)
{
    is_handoff = q->work == BENCH_HANDOFF;
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
        r->loop = is_handoff && i > 0 ? peer->taker : loop;
        r->job = (struct job){ .count = count, .buffer = q->buffer, .thread = i, .n = { q->n[0], q->n[1], q->n[2] },
                               .random = UINT64_C(0x9e3779b97f4a7c15) * (i + 1), .there = &lanes[0], .back = &lanes[1], .slot = slots,
                               .held = holder.held, .stamp = &given.stamp, .stamper = &given.stamper, .histogram = &r->outside };
    }
}

static struct sample run__flow(const struct bench_request *q, bench_loop *loop, uint64_t count)
{
    struct sample s;
    run__prepare(q, loop, count);
    team_begin(run__thread, 0, q->threads);
    while (__atomic_load_n(&ready, __ATOMIC_RELAXED) < q->threads)
        run__sleep(1e-5);
    __atomic_store_n(&phase, PHASE_LEAD_IN, __ATOMIC_RELAXED);
    run__sleep(q->seconds / 8);
    s = run__window(q);
    __atomic_store_n(&phase, PHASE_STOP, __ATOMIC_RELAXED);
    team_end();
    return s;
}

/* -- what thread 0 does before and after ------------------------------------------------------------------------------------------- */

static bench_loop *alone_loop;

static void run__alone_on(unsigned thread)
{
    holder.thread = thread;
    alone_loop(&holder);
}

static void run__alone(bench_loop *loop, unsigned thread, uint64_t count)
{
    alone_loop = loop;
    holder.count = count;
    team_begin(run__alone_on, thread, 1);
    team_end();
}

/* The floor's arrays are filled before each measurement. */
static void run__before(unsigned threads)
{
    if (peer->before) {
        team_begin(peer->before, 0, threads);
        team_end();
    }
}

/* -- the works that are more than a loop --------------------------------------------------------------------------------------------- */

/* Each other thread takes and gives back as many as a cache can hold at least, then sleeps; thread 0 takes all that it can get. */
static struct bench_answer run__fill(const struct bench_request *q)
{
    struct bench_answer a = { { 0 } };
    int64_t until = clock_ns() + (int64_t)(q->seconds * 1e9), used = 0;
    uint64_t objects = 0, fewest = capacity;
    do {
        for (unsigned t = 1; t < q->threads; t++) {
            run__alone(peer->drain, t, LOAD < capacity / 2 ? LOAD : capacity / 2);
            run__alone(peer->refill, t, 0);
        }
        used -= team_used_ns(0);
        run__alone(peer->drain, 0, (uint64_t)capacity + 1);
        used += team_used_ns(0);
        objects += holder.held_n;
        if (holder.held_n < fewest)
            fewest = holder.held_n;
        run__alone(peer->refill, 0, 0);
    } while (clock_ns() < until);
    a.value[0] = (double)used / (double)(objects ? objects : 1);
    a.value[1] = 100.0 * (double)fewest / capacity;
    return a;
}

static void *run__short_life(void *arg)
{
    struct job j = { .count = BENCH_BURST };
    (void)arg;
    team_pin(1);
    peer->enter(BENCH_THREADS);
    peer->burst(&j);
    peer->leave();
    return NULL;
}

/* A thread is made, enters, takes and gives back 64 objects, leaves and ends. */
static void run__churn(struct job *j)
{
    (void)j;
    pthread_t thread;
    if (pthread_create(&thread, NULL, run__short_life, NULL) != 0)
        bench_fail("a thread can't be made");
    pthread_join(thread, NULL);
}

/* -- all of it --------------------------------------------------------------------------------------------------------------------- */

static bench_loop *run__loop(enum bench_work work)
{
    switch (work) {
    case BENCH_PAIR: return peer->pair;
    case BENCH_BURST_OF: return peer->burst;
    case BENCH_HANDOFF: return peer->giver;
    case BENCH_CROWD: return peer->crowd;
    case BENCH_TAIL: return peer->tail;
    case BENCH_BULK: return peer->bulk;
    case BENCH_KEEP_N: return peer->keep;
    case BENCH_FILL: return peer->null_path && !peer->before ? peer->drain : NULL;      /* the floor's bound is each thread's own */
    case BENCH_NULL: return peer->null_path;
    case BENCH_WAIT: return peer->wait;
    case BENCH_CHURN: return peer->burst && !peer->before ? run__churn : NULL;
    case BENCH_REF: return peer->ref;
    case BENCH_LAST: return peer->last;
    case BENCH_LIFE: return peer->life;
    case BENCH_WORKS: break;
    }
    return NULL;
}

uint32_t run_works(const struct peer *of)
{
    uint32_t works = 0;
    peer = of;
    for (int i = 0; i < BENCH_WORKS; i++)
        if (run__loop((enum bench_work)i))
            works |= UINT32_C(1) << i;
    return works;
}

static double run__part(const struct bench_request *q, double part)
{
    static uint64_t all[HISTOGRAM_CLASSES];
    memset(all, 0, sizeof all);
    for (unsigned i = 0; i < q->threads; i++)
        histogram_read(all, &runners[i].kept);
    return histogram_quantile(all, part);
}

static struct bench_answer run__answer(const struct bench_request *q, const struct sample *s)
{
    struct bench_answer a = { { 0 } };
    double ns = (double)s->ns, n = (double)s->done, tick = ns / (double)(s->ticks ? s->ticks : 1);
    switch (q->unit) {
    case BENCH_NS: a.value[0] = ns * (is_handoff ? 1 : q->threads < processors ? q->threads : processors) / n; break;
    case BENCH_RATE: a.value[0] = n / ns * 1e3; break;
    case BENCH_LIVES: a.value[0] = ns / n / 1e3; break;
    case BENCH_PARTS:
        a.value[0] = run__part(q, 0.9999) * tick;
        a.value[1] = run__part(q, 0.5) * tick;
        a.value[2] = run__part(q, 0.99) * tick;
        a.value[3] = run__part(q, 0.999) * tick;
        break;
    case BENCH_WAKE:
        a.value[0] = run__part(q, 0.5) / 1e3;
        a.value[1] = run__part(q, 0.999) / 1e3;
        break;
    default: bench_fail("unit %d is not of a loop", (int)q->unit);
    }
    return a;
}

struct bench_answer run_measure(const struct bench_request *q)
{
    bool holds = q->work == BENCH_NULL || (q->work == BENCH_REF && peer->drain);
    uint64_t count = q->work == BENCH_WAIT || q->work == BENCH_CHURN ? 1 : q->work == BENCH_LIFE ? LIFE_BATCH : BENCH_BATCH;
    bench_loop *loop = q->work < BENCH_WORKS ? run__loop(q->work) : NULL;
    struct sample s;
    if (!loop || q->threads < 1 || q->threads > BENCH_THREADS || (q->work == BENCH_HANDOFF && q->threads != 2))
        bench_fail("work %d on %u threads can't be done", (int)q->work, q->threads);
    run__before(q->threads);
    if (q->work == BENCH_FILL)
        return run__fill(q);
    if (holds)
        run__alone(peer->drain, 0, q->work == BENCH_NULL ? (uint64_t)capacity + 1 : 1);
    s = run__flow(q, loop, count);
    if (holds)
        run__alone(peer->refill, 0, 0);
    if (q->work == BENCH_CROWD || q->work == BENCH_TAIL)
        run__alone(peer->settle, 0, 0);
    return run__answer(q, &s);
}

void run_open(const struct peer *of, unsigned processors_used, uint32_t objects)
{
    peer = of;
    processors = processors_used;
    capacity = objects;
    runners = aligned_alloc(128, BENCH_THREADS * sizeof *runners);
    lanes = aligned_alloc(64, 2 * sizeof *lanes);
    holder = (struct job){ .slot = slots, .held = calloc((size_t)capacity + 1, sizeof(void *)) };
    if (!runners || !lanes || !holder.held)
        bench_fail("no memory for its threads");
    run__before(1);
    if (peer->warm)
        run__alone(peer->warm, 0, capacity);
}

void run_close(void)
{
    free(holder.held);
    free(lanes);
    free(runners);
}
