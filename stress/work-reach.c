/* work-reach.c - the bound is reached: steal.
 *
 * Purpose    one thread gets all `capacity` ops although they lie in the caches of threads that stand still.
 * Invariant  everybody meets before and after each theft; nobody but the thieves calls the pool in between.
 * Goes wrong an op that is out of reach, or one that two thieves get.
 */
#include "workloads.h"

#include <stdatomic.h>
#include <stdlib.h>

struct steal {
    unsigned thieves, first;    /* written by one thread between two meetings */
    bool again;
    atomic_uint taken;
};

static void steal__shape(struct stress *s, struct weir_pool_config *c, struct random *r)
{
    uint32_t threads = s->options->threads;
    const uint32_t capacities[] = { (threads + 1) / 2, threads + 1, 8 * threads, 64 * threads };
    c->capacity = capacities[random_below(r, 4)];
}

static void steal__open(struct stress *s)
{
    s->own = calloc(1, sizeof(struct steal));
    if (!s->own)
        stress_fail("no memory");
    s->extra_name = "thefts";
}

static void steal__close(struct stress *s)
{
    free(s->own);
    s->own = NULL;
}

/* Fill this thread's cache as far as the others leave something. */
static void steal__fill(struct worker *w)
{
    uint32_t capacity = w->oracle->capacity, share = capacity / w->stress->options->threads + 1;
    for (unsigned turns = random_between(&w->random, 1, 3); turns; turns--) {
        while (w->holds < share && stress_hold_one(w)) {
        }
        stress_put_all(w);
    }
}

static void steal__decide(struct worker *w, struct steal *t)
{
    unsigned threads = w->stress->options->threads;
    t->thieves = random_below(&w->random, 2) ? 1 : random_between(&w->random, 1, threads < 4 ? threads : 4);
    t->first = random_below(&w->random, threads);
    t->again = !stress_over_now();
    atomic_store_explicit(&t->taken, 0, memory_order_relaxed);
    w->stress->extra++;
}

/* Several thieves at once may each see NULL while another is in a call: the first looks again when all have stopped. */
static void steal__take(struct worker *w, struct steal *t)
{
    unsigned threads = w->stress->options->threads, place = (w->number + threads - t->first) % threads;
    if (place < t->thieves)
        while (w->holds < w->oracle->capacity && stress_hold_one(w)) {
        }
    if (place)
        atomic_fetch_add_explicit(&t->taken, w->holds, memory_order_relaxed);
    meeting_meet(w->stress->workers);
    if (place)
        return;
    if (t->thieves > 1)
        while (w->holds < w->oracle->capacity && stress_hold_one(w)) {
        }
    if (w->holds + atomic_load_explicit(&t->taken, memory_order_relaxed) != w->oracle->capacity)
        stress_fail("%u thieves, all others idle: %u + %u ops were got of %u", t->thieves, w->holds,
                    atomic_load_explicit(&t->taken, memory_order_relaxed), (unsigned)w->oracle->capacity);
    if (stress_get(w))
        stress_fail("all %u ops were live and a get gave another", (unsigned)w->oracle->capacity);
}

static void steal__work(struct worker *w)
{
    struct steal *t = w->stress->own;
    do {
        steal__fill(w);
        if (meeting_meet(w->stress->workers))
            steal__decide(w, t);
        meeting_meet(w->stress->workers);
        steal__take(w, t);
        meeting_meet(w->stress->workers);
        stress_put_all(w);
        if (random_below(&w->random, 8) == 0)
            weir_thread_flush(w->pool);
    } while (t->again);
}

const struct workload workload_steal = {
    .name = "steal",
    .prose = "All threads fill their caches and stand still. One takes ops until NULL and must then have all of them; or up to four at once,\n"
             "who together must. They give back, everybody fills up again; repeated.",
    .shape = steal__shape,
    .open = steal__open,
    .work = steal__work,
    .close = steal__close,
};
