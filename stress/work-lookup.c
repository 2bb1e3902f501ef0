/* work-lookup.c - references that many threads count, and handles that outlive their ops: lookup.
 *
 * Purpose    an op goes back exactly once, after its last reference, whoever drops that; a look-up by handle gives the op of that life or NULL.
 * How        an owner takes an op, writes its pattern, publishes it (or not: then references are handed on by pointer), and leaves its handle in
 *            a shared slot; others look it up, read it, keep it for a while, let go.
 * Invariant  `refs` of a life is raised after a reference was taken and lowered before it is given back, so it never exceeds the true count: who
 *            gets the op anew must find 0. A handle that was seen dead stays dead.
 * Threads    any. `refs` and the slots are atomics; the handle of a life is plain, and ordered by the library alone.
 * Goes wrong an op that is given out while somebody refers to it; a stale handle that finds the next life.
 */
#include "workloads.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <weir/ref.h>

enum { KEPT = 12, OLD = 16 };

struct life {
    atomic_int refs;
    uint64_t handle;            /* written by the owner before it hands anything on */
};

/* A handle that a thread remembers. */
struct past {
    uint64_t handle;
    bool gone;
};

struct lookup {
    struct life *life;
    unsigned slots;
    _Atomic uint64_t *handle;           /* who swaps one out drops the reference that goes with it */
    _Atomic(struct weir_op *) *passed;  /* a pointer that carries a reference */
};

static void lookup__shape(struct stress *s, struct weir_pool_config *c, struct random *r)
{
    const uint32_t capacities[] = { s->options->threads / 8 + 1, s->options->threads, 4 * s->options->threads };
    c->capacity = capacities[random_below(r, 3)];
}

static void lookup__open(struct stress *s)
{
    struct lookup *l = calloc(1, sizeof *l);
    unsigned n = s->options->threads / 4 + 2;
    if (!l || !(l->life = calloc(s->config.capacity, sizeof *l->life)) || !(l->handle = calloc(n, sizeof *l->handle)) ||
        !(l->passed = calloc(n, sizeof *l->passed)))
        stress_fail("no memory for %u slots", n);
    l->slots = n;
    s->own = l;
    s->extra_name = "found";
    s->more_name = "gone";
}

static void lookup__close(struct stress *s)
{
    struct lookup *l = s->own;
    free(l->life);
    free(l->handle);
    free(l->passed);
    free(l);
    s->own = NULL;
}

static struct life *lookup__life(struct worker *w, const struct weir_op *op)
{
    struct lookup *l = w->stress->own;
    return &l->life[weir_op_index(op)];
}

static void lookup__raised(struct worker *w, struct weir_op *op)
{
    atomic_fetch_add_explicit(&lookup__life(w, op)->refs, 1, memory_order_relaxed);
}

static void lookup__drop(struct worker *w, struct weir_op *op)
{
    oracle_read(w->oracle, op);
    atomic_fetch_sub_explicit(&lookup__life(w, op)->refs, 1, memory_order_relaxed);
    if (weir_op_unref(op)) {
        w->puts++;
        w->ops++;
    }
}

/* A new life. NULL: none is to be had. */
static struct weir_op *lookup__born(struct worker *w)
{
    struct weir_op *op = random_below(&w->random, 4) ? weir_op_get(w->pool) : weir_op_get_wait(w->pool, 100000);
    struct life *life;
    int refs;
    if (!op)
        return NULL;
    life = lookup__life(w, op);
    refs = atomic_load_explicit(&life->refs, memory_order_relaxed);
    if (refs != 0 || weir_op_refs(op) != 1)
        stress_fail("op %u was given out with %u references, while others have %d", (unsigned)weir_op_index(op), (unsigned)weir_op_refs(op),
                    refs);
    oracle_drop(w->oracle, weir_op_index(op));
    stress_taken(w, op);
    oracle_send(w->oracle, w->who, op);
    life->handle = weir_op_handle(op);
    lookup__raised(w, op);
    return op;
}

static void lookup__publish(struct worker *w)
{
    struct lookup *l = w->stress->own;
    struct weir_op *op = lookup__born(w);
    uint64_t old;
    if (!op)
        return;
    weir_op_publish(op);
    old = atomic_exchange_explicit(&l->handle[random_below(&w->random, l->slots)], weir_op_handle(op), memory_order_acq_rel);
    if (old) {
        op = weir_op_at(w->pool, (uint32_t)old - 1);
        if (!op || weir_op_handle(op) != old)
            stress_fail("handle %llx has a reference and is not its op's any more", (unsigned long long)old);
        lookup__drop(w, op);
    }
}

/* One more, or several, each to go its own way. */
static void lookup__pass(struct worker *w, struct weir_op *op)
{
    struct lookup *l = w->stress->own;
    weir_op_ref(op);
    lookup__raised(w, op);
    op = atomic_exchange_explicit(&l->passed[random_below(&w->random, l->slots)], op, memory_order_acq_rel);
    if (op)
        lookup__drop(w, op);
}

/* NULL: it is gone, and must stay so. */
static struct weir_op *lookup__find(struct worker *w, uint64_t handle)
{
    struct weir_op *op = weir_op_ref_handle(w->pool, handle);
    if (!op) {
        w->stress->more++;
        return NULL;
    }
    lookup__raised(w, op);
    if (weir_op_handle(op) != handle || lookup__life(w, op)->handle != handle)
        stress_fail("the look-up of handle %llx found op %u with handle %llx", (unsigned long long)handle, (unsigned)weir_op_index(op),
                    (unsigned long long)weir_op_handle(op));
    oracle_read(w->oracle, op);
    w->stress->extra++;
    return op;
}

/* A handle that lies in a slot now, and one that lay there once. */
static void lookup__look(struct worker *w, struct past *past)
{
    struct lookup *l = w->stress->own;
    struct past *old = &past[random_below(&w->random, OLD)];
    uint64_t handle = atomic_load_explicit(&l->handle[random_below(&w->random, l->slots)], memory_order_acquire);
    struct weir_op *op = handle ? lookup__find(w, handle) : NULL;
    if (op && w->holds < KEPT && w->holds < w->oracle->capacity)
        w->held[w->holds++] = op;
    else if (op)
        lookup__drop(w, op);
    op = old->handle ? lookup__find(w, old->handle) : NULL;
    if (op && old->gone)
        stress_fail("handle %llx was gone and has come back as op %u", (unsigned long long)old->handle, (unsigned)weir_op_index(op));
    if (op)
        lookup__drop(w, op);
    old->gone = old->handle && !op;
    if (handle && (!old->gone || random_below(&w->random, 8) == 0))
        *old = (struct past){ handle, false };
}

/* By address, of whatever life it has now: the reference is a true one of that life. */
static void lookup__address(struct worker *w)
{
    struct weir_op *op = weir_op_at(w->pool, random_below(&w->random, w->oracle->capacity));
    if (!op || !weir_op_ref_unless_zero(op))
        return;
    lookup__raised(w, op);
    lookup__drop(w, op);
}

static void lookup__let_go(struct worker *w)
{
    unsigned i = random_below(&w->random, w->holds);
    struct weir_op *op = w->held[i];
    if (random_below(&w->random, 3) == 0) {
        lookup__pass(w, op);
        return;
    }
    w->held[i] = w->held[--w->holds];
    lookup__drop(w, op);
}

static void lookup__empty(struct worker *w)
{
    struct lookup *l = w->stress->own;
    while (w->holds)
        lookup__drop(w, w->held[--w->holds]);
    for (unsigned i = w->number; i < l->slots; i += w->stress->options->threads) {
        uint64_t handle = atomic_exchange_explicit(&l->handle[i], 0, memory_order_acq_rel);
        struct weir_op *op = atomic_exchange_explicit(&l->passed[i], NULL, memory_order_acq_rel);
        if (handle)
            lookup__drop(w, weir_op_at(w->pool, (uint32_t)handle - 1));
        if (op)
            lookup__drop(w, op);
    }
}

static void lookup__work(struct worker *w)
{
    struct past past[OLD] = { { 0, false } };
    while (!stress_over(w)) {
        uint32_t what = random_below(&w->random, 16);
        if (what < 4)
            lookup__publish(w);
        else if (what < 6 && w->holds < KEPT && w->holds < w->oracle->capacity) {
            struct weir_op *op = lookup__born(w);
            if (op)
                w->held[w->holds++] = op;
        } else if (what == 6)
            lookup__address(w);
        else if (what < 12)
            lookup__look(w, past);
        else if (w->holds)
            lookup__let_go(w);
    }
    while (w->holds)
        lookup__drop(w, w->held[--w->holds]);
}

/* The slots; then, when all have let go of everything, each thread's share of the lives. */
static void lookup__drain(struct worker *w)
{
    struct lookup *l = w->stress->own;
    lookup__empty(w);
    meeting_meet(w->stress->workers);
    for (uint32_t i = w->number; i < w->oracle->capacity; i += w->stress->options->threads) {
        if (atomic_load_explicit(&l->life[i].refs, memory_order_relaxed) != 0)
            stress_fail("everybody has let go and op %u has %d references", (unsigned)i, l->life[i].refs);
        oracle_drop(w->oracle, i);
    }
}

const struct workload workload_lookup = {
    .name = "lookup",
    .prose = "Threads publish ops and leave their handles in few shared slots, look up what others left there, by handle or by address, pass on\n"
             "references, and let go in any order. A handle leads to the op of its life or nowhere, the last reference alone gives it back.",
    .shape = lookup__shape,
    .open = lookup__open,
    .work = lookup__work,
    .drain = lookup__drain,
    .close = lookup__close,
};
