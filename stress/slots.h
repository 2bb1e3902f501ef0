/* slots.h - places that all threads of a workload swap ops through.
 *
 * A swap is one exchange with acquire and release: the op's contents travel with the pointer. While it lies in a slot an op is "on
 * its way" for the oracle.
 */
#ifndef WEIR_STRESS_SLOTS_H
#define WEIR_STRESS_SLOTS_H

#include "engine.h"

/* In s->own until slots_close. */
void slots_open(struct stress *s, unsigned n);
void slots_close(struct stress *s);
unsigned slots_count(const struct stress *s);

/* Put op (or NULL) into slot i of n and take what was there; the worker holds that then. */
struct weir_op *slots_swap(struct worker *w, unsigned i, struct weir_op *op);
struct weir_op *slots_swap_any(struct worker *w, struct weir_op *op);

/* This worker's share of the slots is emptied and given back. */
void slots_drain(struct worker *w);

#endif
