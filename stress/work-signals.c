/* work-signals.c - a storm of signals: signals.
 *
 * Purpose    wherever in a call of the library a signal comes, the call goes on as if nothing had been; a wait that is interrupted (the handler
 *            is installed without SA_RESTART) neither ends before its time nor loses the op that it waits for.
 * How        thread 0 sends a signal to all others in turn, and a timer of the process sends one to whoever runs. The handler does what op.h
 *            allows there: it asks the accessors about an op that the interrupted thread holds.
 * Invariant  `mine` is set after the op was taken and cleared before it is given back, by its own thread alone.
 * Goes wrong a lost wake-up: the run does not end. An errno that the library lets through.
 */
#include "workloads.h"

#ifdef _WIN32

const struct workload workload_signals = { .name = "signals", .prose = "Needs signals.", .missing = "this system has no signals" };

#else

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

enum { STORM = SIGUSR1, TIMER_MICROSECONDS = 500 };

struct hit {
    struct weir_pool *pool;
    uint64_t handle;
    struct weir_op *op;
};

static _Thread_local volatile struct hit mine;
static atomic_ullong handled;
static struct sigaction before[2];
static struct itimerval timer_before;

/* Async-signal-safe: accessors, a relaxed count, and stress_fail, which ends all. */
static void signals__handler(int number)
{
    int error = errno;
    struct weir_op *op = mine.op;
    (void)number;
    atomic_fetch_add_explicit(&handled, 1, memory_order_relaxed);
    if (op) {
        struct weir_pool *pool = mine.pool;
        unsigned char *buffer = weir_op_buffer(op);
        if (weir_op_pool(op) != pool || weir_op_handle(op) != mine.handle || weir_op_at(pool, weir_op_index(op)) != op)
            stress_fail("in a signal handler op %u is not what it was when it was taken", (unsigned)weir_op_index(op));
        if (weir_op_from_overlapped(weir_op_overlapped(op)) != op ||
            (weir_op_user(op) && weir_op_from_user(weir_op_user(op)) != op) ||
            (buffer && weir_op_from_buffer(pool, buffer + weir_op_buffer_size(op) - 1) != op))
            stress_fail("in a signal handler an address of op %u does not lead back to it", (unsigned)weir_op_index(op));
    }
    errno = error;
}

static void signals__open(struct stress *s)
{
    struct sigaction action;
    struct itimerval every = { { 0, TIMER_MICROSECONDS }, { 0, TIMER_MICROSECONDS } };
    memset(&action, 0, sizeof action);
    action.sa_handler = signals__handler;
    sigemptyset(&action.sa_mask);
    s->own = calloc(s->options->threads, sizeof(pthread_t));
    if (!s->own || sigaction(STORM, &action, &before[0]) || sigaction(SIGALRM, &action, &before[1]) ||
        setitimer(ITIMER_REAL, &every, &timer_before))
        stress_fail("no signals can be had here");
    s->extra_name = "signals";
}

static void signals__close(struct stress *s)
{
    unsigned long long n = atomic_exchange_explicit(&handled, 0, memory_order_relaxed);
    if (setitimer(ITIMER_REAL, &timer_before, NULL) || sigaction(STORM, &before[0], NULL) || sigaction(SIGALRM, &before[1], NULL))
        stress_fail("the signals can't be put back as they were");
    if (n == 0)
        stress_fail("no signal has come");
    s->extra += n;
    free(s->own);
    s->own = NULL;
}

static void signals__storm(struct worker *w)
{
    pthread_t *thread = w->stress->own;
    unsigned next = 0;
    while (!stress_over_now()) {
        if (pthread_kill(thread[next++ % w->stress->options->threads], STORM) != 0)
            stress_fail("a thread can't be sent a signal");
        if (next % 16 == 0)
            stress_yield();
    }
}

static void signals__keep(struct worker *w, struct weir_op *op)
{
    mine.pool = w->pool;
    mine.handle = weir_op_handle(op);
    mine.op = op;
    w->held[w->holds++] = op;
}

static void signals__let_go(struct worker *w)
{
    mine.op = NULL;
    stress_put_some(w, random_between(&w->random, 1, w->holds));
}

/* For ever only by who holds nothing: then whoever has the ops gives them back without waiting for good. */
static struct weir_op *signals__wait(struct worker *w)
{
    int64_t timeout = !w->holds && random_below(&w->random, 2) ? -1 : (int64_t)random_between(&w->random, 1, 1000) * 1000;
    int64_t began = stress_now(), took;
    struct weir_op *op = weir_op_get_wait(w->pool, timeout);
    took = stress_now() - began;
    if (op)
        stress_taken(w, op);
    else if (timeout < 0 || took < timeout)
        stress_fail("weir_op_get_wait was to wait for %lld ns and answered NULL after %lld, in a storm of signals", (long long)timeout,
                    (long long)took);
    return op;
}

static void signals__turn(struct worker *w)
{
    bool room = w->holds < 16 && w->holds < w->oracle->capacity;
    struct weir_op *op = NULL;
    errno = EDOM;
    if (room)
        op = random_below(&w->random, 4) ? stress_get(w) : signals__wait(w);
    if (op)
        signals__keep(w, op);
    if (w->holds && (!op || random_below(&w->random, 2)))
        signals__let_go(w);
    if (!op && !w->holds)
        stress_yield();
    if (errno != EDOM)
        stress_fail("errno was changed to %d by a call of the library, in a storm of signals", errno);
}

static void signals__work(struct worker *w)
{
    ((pthread_t *)w->stress->own)[w->number] = pthread_self();
    meeting_meet(w->stress->workers);
    if (w->number == 0 && w->stress->options->threads > 1)
        signals__storm(w);
    while (!stress_over(w))
        signals__turn(w);
    mine.op = NULL;
    stress_put_all(w);
}

const struct workload workload_signals = {
    .name = "signals",
    .prose = "One thread sends signals to all threads as fast as it can, and a timer sends some to whoever runs. The others take, wait (for ever,\n"
             "or 1 us to 1 ms) and give back; in the handler the accessors are asked about an op that the interrupted thread holds.",
    .open = signals__open,
    .work = signals__work,
    .close = signals__close,
};

#endif
