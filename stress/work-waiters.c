/* work-waiters.c - more threads than ops: waiters.
 *
 * Purpose    a put wakes who waits; nobody waits for ever, nobody is sent away before his time, no wake-up is lost.
 * Invariant  whoever has an op gives it back without waiting for anything: so everybody who waits is served in the end.
 * Threads    any number waits at once; the longest wait is raised by compare-and-swap.
 * Goes wrong a lost wake-up: the run does not end, and the watchman says so.
 */
#include "workloads.h"

#include <stdatomic.h>
#include <stdlib.h>

struct waiters {
    bool again;                 /* written by one thread between two meetings */
};

static void waiters__shape(struct stress *s, struct weir_pool_config *c, struct random *r)
{
    uint32_t threads = s->options->threads, most = threads > 4 ? threads / 4 : 1;
    c->capacity = random_below(r, 3) ? random_between(r, 1, most) : 1;
}

static void waiters__open(struct stress *s)
{
    s->own = calloc(1, sizeof(struct waiters));
    if (!s->own)
        stress_fail("no memory");
    s->extra_name = "longest wait in us";
}

static void waiters__close(struct stress *s)
{
    free(s->own);
    s->own = NULL;
}

static void waiters__longest(struct stress *s, int64_t ns)
{
    uint64_t longest = atomic_load(&s->extra), us = (uint64_t)ns / 1000;
    while (us > longest && !atomic_compare_exchange_weak(&s->extra, &longest, us)) {
    }
}

/* Half wait for ever, a quarter for 1 us to 2 ms, an eighth not at all. */
static int64_t waiters__deadline(struct random *r)
{
    uint32_t kind = random_below(r, 8);
    return kind < 5 ? -1 : kind < 7 ? (int64_t)random_between(r, 1, 2000) * 1000 : 0;
}

static struct weir_op *waiters__get(struct worker *w, int64_t timeout)
{
    int64_t began = stress_now(), took;
    struct weir_op *op = weir_op_get_wait(w->pool, timeout);
    took = stress_now() - began;
    if (op) {
        stress_taken(w, op);
        waiters__longest(w->stress, took);
    } else if (timeout < 0) {
        stress_fail("weir_op_get_wait was to wait for ever and answered NULL");
    } else if (took < timeout) {
        stress_fail("weir_op_get_wait was to wait for %lld ns and answered NULL after %lld", (long long)timeout, (long long)took);
    }
    return op;
}

static void waiters__keep(struct worker *w, struct weir_op *op)
{
    for (unsigned turns = random_below(&w->random, 4); op && turns; turns--)
        stress_yield();
    if (op)
        stress_put(w, op);
}

/* As they come. Here the next put would make up for a wake-up that was lost. */
static void waiters__mix(struct worker *w)
{
    bool waits = random_below(&w->random, 8);
    waiters__keep(w, waits ? waiters__get(w, waiters__deadline(&w->random)) : stress_get(w));
}

/* Everybody takes one op once: after the last put nobody comes to make up for anything. */
static bool waiters__once_each(struct worker *w)
{
    struct waiters *all = w->stress->own;
    meeting_meet(w->stress->workers);
    waiters__keep(w, waiters__get(w, -1));
    if (meeting_meet(w->stress->workers))
        all->again = !stress_over_now();
    meeting_meet(w->stress->workers);
    return all->again;
}

static void waiters__work(struct worker *w)
{
    do {
        for (unsigned i = 0; i < 20 && !stress_over(w); i++)
            waiters__mix(w);
    } while (waiters__once_each(w));
}

const struct workload workload_waiters = {
    .name = "waiters",
    .prose = "At most one op for four threads. Each thread waits for one (for ever, 1 us to 2 ms, or not at all; some take without\n"
             "waiting), keeps it for a few turns of the processor, gives it back. NULL comes only when the time is over. Again and\n"
             "again all wait for one op each, once: a single wake-up that is lost leaves somebody waiting for good.",
    .shape = waiters__shape,
    .open = waiters__open,
    .work = waiters__work,
    .close = waiters__close,
};
