/* work-trim.c - memory that is given back to the system all the time: trim.
 *
 * Purpose    trim takes all that is free into its hands and puts it back, beside gets, puts, bulk, flushes, waiters and registered I/O.
 * Invariant  a free op may lose its contents; one that is held keeps them (the oracle). Whoever has an op gives it back without waiting, so a
 *            wait for ever ends: by a put, or by the end of the trim that had the ops in its hands.
 * Threads    thread 0 trims; thread 1 registers and releases the ranges now and then; some of the others trim, too, seldom.
 * Goes wrong an op under two owners, a header discarded under its owner; a waiter that nobody wakes after a trim.
 */
#include "workloads.h"

#include <weir/error.h>

#include "slots.h"

enum { RANGES = 4, MOST = 60 };

static void trim__shape(struct stress *s, struct weir_pool_config *c, struct random *r)
{
    const uint32_t capacities[] = { s->options->threads / 4 + 1, 3 * s->options->threads, 1000, 2048 };
    c->capacity = capacities[random_below(r, 4)];
    c->flags = 0;
}

static void trim__open(struct stress *s)
{
    slots_open(s, s->options->threads);
    s->extra_name = "trims";
    s->more_name = "KiB given back";
}

static void trim__trim(struct worker *w)
{
    w->stress->more += weir_pool_trim(w->pool) >> 10;
    w->stress->extra++;
}

static void trim__register(struct worker *w)
{
    struct weir_iovec range[RANGES];
    int n;
    if (!w->stress->config.buffer_size)
        return;
    n = weir_pool_iovecs(w->pool, range, RANGES);
    if (n < 1)
        stress_fail("weir_pool_iovecs: %s: %s", weir_strerror(n), weir_error_message());
    if (random_below(&w->random, 2) && weir_pool_trim(w->pool) != 0)
        stress_fail("a trim has given memory back while it was registered");
    weir_pool_iovecs_release(w->pool);
}

static void trim__bulk(struct worker *w)
{
    uint32_t capacity = w->oracle->capacity, n = random_between(&w->random, 1, 16);
    if (w->holds + n > capacity || weir_op_get_bulk(w->pool, w->held + w->holds, n) != n)
        return;
    for (uint32_t i = 0; i < n; i++)
        stress_taken(w, w->held[w->holds++]);
}

static void trim__wait(struct worker *w)
{
    int64_t timeout = !w->holds && random_below(&w->random, 2) ? -1 : (int64_t)random_between(&w->random, 1, 500) * 1000;
    struct weir_op *op = weir_op_get_wait(w->pool, timeout);
    if (!op && timeout < 0)
        stress_fail("weir_op_get_wait was to wait for ever and answered NULL, beside trims");
    if (op) {
        stress_taken(w, op);
        w->held[w->holds++] = op;
    }
}

static void trim__turn(struct worker *w)
{
    uint32_t what = random_below(&w->random, 64);
    if (what < 30)
        while (w->holds < MOST && w->holds < w->oracle->capacity && stress_hold_one(w) && random_below(&w->random, 12)) {
        }
    else if (what < 34)
        trim__bulk(w);
    else if (what < 38 && w->holds < w->oracle->capacity)
        trim__wait(w);
    else if (what == 38)
        weir_thread_flush(w->pool);
    else if (what < 46) {
        struct weir_op *op = slots_swap_any(w, w->holds ? w->held[--w->holds] : NULL);
        if (op)
            stress_put(w, op);
    } else if (what == 46 && random_below(&w->random, 64) == 0) {
        trim__trim(w);
    }
    stress_put_some(w, random_below(&w->random, MOST));
}

/* Nobody may wait for an op that lies in a slot for good: thread 0 clears them while the round lasts and after. */
static void trim__clear_slots(struct worker *w)
{
    for (unsigned i = 0; i < slots_count(w->stress); i++) {
        struct weir_op *op = slots_swap(w, i, NULL);
        if (op)
            stress_put(w, op);
    }
}

static void trim__work(struct worker *w)
{
    bool trims = w->number == 0;
    if (trims)
        while (!stress_over_now()) {
            trim__trim(w);
            trim__clear_slots(w);
        }
    while (!stress_over_now()) {
        if (w->number == 1 && random_below(&w->random, 64) == 0)
            trim__register(w);
        trim__turn(w);
    }
    trim__clear_slots(w);
    stress_put_all(w);
}

const struct workload workload_trim = {
    .name = "trim",
    .prose = "One thread gives the memory of free ops back to the system all the time, another registers and releases the ranges of buffers now\n"
             "and then, the others take, give back, take in bulk, wait, flush and hand on. Contents of held ops stay, waiters are woken.",
    .shape = trim__shape,
    .open = trim__open,
    .work = trim__work,
    .drain = slots_drain,
    .close = slots_close,
    .counts_tries = true,
    .forgets = true,
};
