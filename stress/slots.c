/* slots.c - see slots.h. */
#include "slots.h"

#include <stdatomic.h>
#include <stdlib.h>

struct slots {
    unsigned n;
    _Atomic(struct weir_op *) slot[];
};

void slots_open(struct stress *s, unsigned n)
{
    struct slots *slots = calloc(1, sizeof *slots + n * sizeof slots->slot[0]);
    if (!slots)
        stress_fail("no memory for %u slots", n);
    slots->n = n;
    s->own = slots;
}

void slots_close(struct stress *s)
{
    free(s->own);
    s->own = NULL;
}

unsigned slots_count(const struct stress *s)
{
    const struct slots *slots = s->own;
    return slots->n;
}

struct weir_op *slots_swap(struct worker *w, unsigned i, struct weir_op *op)
{
    struct slots *slots = w->stress->own;
    if (op)
        oracle_send(w->oracle, w->who, op);
    op = atomic_exchange_explicit(&slots->slot[i], op, memory_order_acq_rel);
    if (op)
        oracle_receive(w->oracle, w->who, op);
    return op;
}

struct weir_op *slots_swap_any(struct worker *w, struct weir_op *op)
{
    return slots_swap(w, random_below(&w->random, slots_count(w->stress)), op);
}

void slots_drain(struct worker *w)
{
    for (unsigned i = w->number; i < slots_count(w->stress); i += w->stress->options->threads) {
        struct weir_op *op = slots_swap(w, i, NULL);
        if (op)
            stress_put(w, op);
    }
}
