/* work-bulk.c - n ops or none: bulk.
 *
 * Purpose    gets in bulk are whole or nothing, and of several that want more than half of all, one gets it.
 * Threads    the second part runs between meetings of all workers: everybody holds nothing and asks at once.
 * Goes wrong two collectors that each hold a part and both fail: that is the violation looked for.
 */
#include "workloads.h"

#include <stdatomic.h>
#include <stdlib.h>

struct bulk {
    atomic_uint winners;
    atomic_bool again;
};

static void bulk__open(struct stress *s)
{
    s->own = calloc(1, sizeof(struct bulk));
    if (!s->own)
        stress_fail("no memory");
}

static void bulk__close(struct stress *s)
{
    free(s->own);
    s->own = NULL;
}

static unsigned bulk__get(struct worker *w, unsigned n)
{
    unsigned got = weir_op_get_bulk(w->pool, w->held + w->holds, n);
    if (got != n && got != 0)
        stress_fail("weir_op_get_bulk of %u gave %u", n, got);
    for (unsigned i = 0; i < got; i++)
        stress_taken(w, w->held[w->holds++]);
    return got;
}

static void bulk__put(struct worker *w, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        stress_giving(w, w->held[w->holds - n + i]);
    weir_op_put_bulk(w->held + w->holds - n, n);
    w->holds -= n;
}

static void bulk__mix(struct worker *w)
{
    unsigned capacity = w->oracle->capacity, room = capacity - w->holds;
    unsigned most = random_below(&w->random, 64) && room > 100 ? 100 : room;
    if (most && !bulk__get(w, random_between(&w->random, 1, most)))
        stress_yield();
    if (random_below(&w->random, 4) == 0 && w->holds < capacity)
        stress_hold_one(w);
    if (random_below(&w->random, 4) == 0)
        stress_put_some(w, random_between(&w->random, 1, 50));
    if (w->holds && random_below(&w->random, 4))
        bulk__put(w, random_between(&w->random, 1, w->holds));
}

/* All hold nothing and ask for more than half. */
static void bulk__contest(struct worker *w)
{
    struct bulk *b = w->stress->own;
    unsigned want = w->oracle->capacity / 2 + 1;
    stress_put_all(w);
    if (meeting_meet(w->stress->workers))
        atomic_store_explicit(&b->winners, 0, memory_order_relaxed);
    meeting_meet(w->stress->workers);
    if (bulk__get(w, want))
        atomic_fetch_add_explicit(&b->winners, 1, memory_order_relaxed);
    if (meeting_meet(w->stress->workers)) {
        unsigned winners = atomic_load_explicit(&b->winners, memory_order_relaxed);
        if (winners != 1)
            stress_fail("all threads asked for %u of %u free ops at once, and %u got them", want, (unsigned)w->oracle->capacity,
                        winners);
        atomic_store_explicit(&b->again, !stress_over_now(), memory_order_relaxed);
    }
    stress_put_all(w);
    meeting_meet(w->stress->workers);
}

static void bulk__work(struct worker *w)
{
    struct bulk *b = w->stress->own;
    do {
        for (unsigned i = 0; i < 50 && !stress_over(w); i++)
            bulk__mix(w);
        bulk__contest(w);
    } while (atomic_load_explicit(&b->again, memory_order_relaxed));
}

const struct workload workload_bulk = {
    .name = "bulk",
    .prose = "Threads take and give back ops in bulk, up to all of them, mixed with single gets and puts; n or none. Between such stretches all\n"
             "hold nothing and ask at once for more than half of all ops: exactly one gets them.",
    .open = bulk__open,
    .work = bulk__work,
    .close = bulk__close,
    .counts_tries = true,
};
