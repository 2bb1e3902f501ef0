/* run.c - see run.h.
 *
 * Invariant  a loop's objects are all put when the measurement has ended: what the crowd left in its slots, what was held to empty the pool.
 * Threads    the main thread asks; while one thread works alone the others sleep.
 */
#include "run.h"

#include <pthread.h>
#include <stdlib.h>

#include "team.h"
#include "window.h"

enum { LOAD = 1024, LIFE_BATCH = 16 };

static const struct peer *peer;
static unsigned processors;
static uint32_t capacity;
static struct job holder;               /* for what is held outside of the window */
static void *slots[BENCH_SLOTS] __attribute__((aligned(64)));

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

static struct bench_answer run__answer(const struct bench_request *q, const struct window *s)
{
    struct bench_answer a = { { 0 } };
    double ns = (double)s->ns, n = (double)s->done, tick = ns / (double)(s->ticks ? s->ticks : 1);
    switch (q->unit) {
    case BENCH_NS: a.value[0] = ns * (q->work == BENCH_HANDOFF ? 1 : q->threads < processors ? q->threads : processors) / n; break;
    case BENCH_RATE: a.value[0] = n / ns * 1e3; break;
    case BENCH_LIVES: a.value[0] = ns / n / 1e3; break;
    case BENCH_PARTS:
        a.value[0] = window_quantile(q->threads, 0.9999) * tick;
        a.value[1] = window_quantile(q->threads, 0.5) * tick;
        a.value[2] = window_quantile(q->threads, 0.99) * tick;
        a.value[3] = window_quantile(q->threads, 0.999) * tick;
        break;
    case BENCH_WAKE:
        a.value[0] = window_quantile(q->threads, 0.5) / 1e3;
        a.value[1] = window_quantile(q->threads, 0.999) / 1e3;
        break;
    default: bench_fail("unit %d is not of a loop", (int)q->unit);
    }
    return a;
}

struct bench_answer run_measure(const struct bench_request *q)
{
    bool holds = q->work == BENCH_NULL || (q->work == BENCH_REF && peer->drain);
    bench_loop *loop = q->work < BENCH_WORKS ? run__loop(q->work) : NULL;
    struct job job = { .buffer = q->buffer, .n = { q->n[0], q->n[1], q->n[2] }, .slot = slots, .held = holder.held };
    struct window s;
    if (!loop || q->threads < 1 || q->threads > BENCH_THREADS || (q->work == BENCH_HANDOFF && q->threads != 2))
        bench_fail("work %d on %u threads can't be done", (int)q->work, q->threads);
    run__before(q->threads);
    if (q->work == BENCH_FILL)
        return run__fill(q);
    if (holds)
        run__alone(peer->drain, 0, q->work == BENCH_NULL ? (uint64_t)capacity + 1 : 1);
    job.count = q->work == BENCH_WAIT || q->work == BENCH_CHURN ? 1 : q->work == BENCH_LIFE ? LIFE_BATCH : BENCH_BATCH;
    s = window_run(q, loop, q->work == BENCH_HANDOFF ? peer->taker : NULL, &job);
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
    holder = (struct job){ .slot = slots, .held = calloc((size_t)capacity + 1, sizeof(void *)) };
    if (!holder.held)
        bench_fail("no memory for what it holds");
    window_open();
    run__before(1);
    if (peer->warm)
        run__alone(peer->warm, 0, capacity);
}

void run_close(void)
{
    window_close();
    free(holder.held);
}
