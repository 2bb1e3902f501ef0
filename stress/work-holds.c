/* work-holds.c - references that are held by name, handed on and dropped by whoever has them: holds.
 *
 * Purpose    a correct program is never accused: no hold that is there is said to be gone, no drop to be early, and when all is given back nothing is
 *            left that the tracker could name.
 * How        each life is held by holds alone: its taker's, which takes over from get's reference, and more for whom it is handed to, through few shared
 *            boxes. Who takes one out drops it, or moves it to itself and goes on. Between, ops are submitted and returned.
 * Invariant  `refs` of a life is raised after a hold was taken and lowered before it is dropped, so it never exceeds the true count: who
 *            gets the op anew must find 0.
 * Threads    any. A box carries an op and its hold together.
 * Goes wrong a panic, which the run reports; an op that is given out while somebody holds it; a leak where there is none.
 */
#include "workloads.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <weir/ref.h>
#include <weir/track.h>

enum { KEPT = 8 };

struct carried {
    struct weir_op *op;
    weir_hold hold;
};

struct holds {
    atomic_int *refs;           /* [capacity], of each op's life */
    atomic_bool *busy;          /* [capacity]: submitted */
    unsigned boxes;
    _Atomic(struct carried *) *box;
};

struct hand {
    struct carried kept[KEPT];
    unsigned n;
};

static void holds__shape(struct stress *s, struct weir_pool_config *c, struct random *r)
{
    static const char *const specs[] = {
        "track=sketch", "track=sketch,discipline=own", "track=slots", "track=xor", "track=sum", "track=journal(8)", "track=releasers", "track=sketch,sample=3",
        "track=sketch(1),journal=4", "track=slots(2)",
    };
    const uint32_t capacities[] = { 1, s->options->threads / 4 + 1, 2 * s->options->threads };
    c->capacity = capacities[random_below(r, 3)];
    c->debug = specs[random_below(r, sizeof specs / sizeof specs[0])];
}

static void holds__open(struct stress *s)
{
    struct holds *h = calloc(1, sizeof *h);
    unsigned n = s->options->threads / 8 + 2;
    if (!h || !(h->refs = calloc(s->config.capacity, sizeof *h->refs)) || !(h->busy = calloc(s->config.capacity, sizeof *h->busy)) ||
        !(h->box = calloc(n, sizeof *h->box)))
        stress_fail("no memory for %u boxes", n);
    h->boxes = n;
    s->own = h;
    s->extra_name = "moved";
    s->more_name = "submitted";
}

static void holds__close(struct stress *s)
{
    struct holds *h = s->own;
    free(h->refs);
    free(h->busy);
    free(h->box);
    free(h);
    s->own = NULL;
}

static atomic_int *holds__refs(struct worker *w, const struct weir_op *op)
{
    return &((struct holds *)w->stress->own)->refs[weir_op_index(op)];
}

static weir_hold holds__take(struct worker *w, struct weir_op *op)
{
    weir_hold hold = weir_hold_take(op);
    atomic_fetch_add_explicit(holds__refs(w, op), 1, memory_order_relaxed);
    return hold;
}

static void holds__drop(struct worker *w, struct carried c)
{
    oracle_read(w->oracle, c.op);
    atomic_fetch_sub_explicit(holds__refs(w, c.op), 1, memory_order_relaxed);
    if (weir_hold_drop(c.op, c.hold)) {
        w->puts++;
        w->ops++;
    }
}

/* A new life, held by a hold alone. false: none is to be had. */
static bool holds__born(struct worker *w, struct carried *out)
{
    struct weir_op *op = random_below(&w->random, 4) ? weir_op_get(w->pool) : weir_op_get_wait(w->pool, 100000);
    int refs;
    if (!op)
        return false;
    refs = atomic_load_explicit(holds__refs(w, op), memory_order_relaxed);
    if (refs != 0 || weir_op_refs(op) != 1)
        stress_fail("op %u was given out with %u references, while others have %d", (unsigned)weir_op_index(op), (unsigned)weir_op_refs(op), refs);
    oracle_drop(w->oracle, weir_op_index(op));
    stress_taken(w, op);
    oracle_send(w->oracle, w->who, op);
    *out = (struct carried){ op, holds__take(w, op) };
    if (weir_op_unref(op))
        stress_fail("op %u went back although it is held", (unsigned)weir_op_index(op));
    return true;
}

/* Into a box; what lay there is dropped. */
static void holds__put(struct worker *w, struct carried c)
{
    struct holds *h = w->stress->own;
    struct carried *in = malloc(sizeof *in), *out;
    if (!in)
        stress_fail("no memory for what a box carries");
    *in = c;
    out = atomic_exchange_explicit(&h->box[random_below(&w->random, h->boxes)], in, memory_order_acq_rel);
    if (out)
        holds__drop(w, *out);
    free(out);
}

static void holds__receive(struct worker *w, struct hand *hand)
{
    struct holds *h = w->stress->own;
    struct carried *out = atomic_exchange_explicit(&h->box[random_below(&w->random, h->boxes)], NULL, memory_order_acq_rel);
    if (out && hand->n < KEPT && random_below(&w->random, 2)) {
        out->hold = weir_hold_move(out->op, out->hold);
        hand->kept[hand->n++] = *out;
        w->stress->extra++;
    } else if (out) {
        holds__drop(w, *out);
    }
    free(out);
}

/* The system has it for a moment; another holder may let go just then. */
static void holds__submit(struct worker *w, struct weir_op *op)
{
    atomic_bool *busy = &((struct holds *)w->stress->own)->busy[weir_op_index(op)];
    if (atomic_exchange_explicit(busy, true, memory_order_acquire))
        return;
    weir_op_submitted(op);
    if (random_below(&w->random, 4) == 0)
        stress_yield();
    weir_op_returned(op);
    atomic_store_explicit(busy, false, memory_order_release);
    w->stress->more++;
}

static void holds__let_go(struct worker *w, struct hand *hand)
{
    unsigned i = random_below(&w->random, hand->n);
    struct carried c = hand->kept[i];
    hand->kept[i] = hand->kept[--hand->n];
    if (random_below(&w->random, 2))
        holds__put(w, c);
    else
        holds__drop(w, c);
}

static void holds__work(struct worker *w)
{
    struct hand hand = { .n = 0 };
    while (!stress_over(w)) {
        uint32_t what = random_below(&w->random, 16);
        struct weir_op *op = hand.n ? hand.kept[random_below(&w->random, hand.n)].op : NULL;
        if (what < 4 && hand.n < KEPT)
            hand.n += holds__born(w, &hand.kept[hand.n]);
        else if (what < 7 && op)
            holds__put(w, (struct carried){ op, holds__take(w, op) });
        else if (what < 11)
            holds__receive(w, &hand);
        else if (what < 13 && op)
            holds__submit(w, op);
        else if (op)
            holds__let_go(w, &hand);
    }
    while (hand.n)
        holds__drop(w, hand.kept[--hand.n]);
}

/* The boxes; then, when all have let go of everything, each thread's share of the lives, and what the tracker says. */
static void holds__drain(struct worker *w)
{
    struct holds *h = w->stress->own;
    for (unsigned i = w->number; i < h->boxes; i += w->stress->options->threads) {
        struct carried *out = atomic_exchange_explicit(&h->box[i], NULL, memory_order_acq_rel);
        if (out)
            holds__drop(w, *out);
        free(out);
    }
    meeting_meet(w->stress->workers);
    for (uint32_t i = w->number; i < w->oracle->capacity; i += w->stress->options->threads) {
        if (atomic_load_explicit(&h->refs[i], memory_order_relaxed) != 0)
            stress_fail("everybody has let go and op %u has %d references", (unsigned)i, h->refs[i]);
        oracle_drop(w->oracle, i);
    }
    if (w->number == 0 && weir_leaks(w->pool, 0, NULL, NULL) != 0)
        stress_fail("everybody has let go and %d leaks are named with %s", weir_leaks(w->pool, 0, NULL, NULL), w->stress->config.debug);
}

const struct workload workload_holds = {
    .name = "holds",
    .prose = "Threads hold ops of a watched pool by holds, hand these on through few boxes, move them to themselves, drop those of others, submit and\n"
             "return ops meanwhile. Nobody may be accused of anything, and at the end no tracker names anybody.",
    .shape = holds__shape,
    .open = holds__open,
    .work = holds__work,
    .drain = holds__drain,
    .close = holds__close,
#ifdef WEIR_WITHOUT_LAYER
    .missing = "this library was built without its debug layer",
#endif
};
