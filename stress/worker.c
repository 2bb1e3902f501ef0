/* worker.c - one thread's ops: every get and put of a workload goes through here and meets the oracle.
 *
 * Threads    each worker is its own thread's. A worker may be set up again on another pool.
 */
#include "engine.h"

#include <sched.h>
#include <stdlib.h>

void stress_worker_init(struct worker *w, struct stress *s, unsigned number, uint64_t stream)
{
    w->stress = s;
    w->number = number;
    w->who = number + 1;
    w->cache = NULL;
    w->ops = 0;
    random_seed(&w->random, s->options->seed, stream);
}

void stress_worker_pool(struct worker *w, struct weir_pool *pool, struct oracle *oracle)
{
    w->pool = pool;
    w->oracle = oracle;
    w->holds = 0;
    w->gets = w->puts = w->nulls = 0;
    w->held = malloc(oracle->capacity * sizeof *w->held);
    if (!w->held)
        stress_fail("no memory for a worker's list of %u ops", (unsigned)oracle->capacity);
}

void stress_worker_end(struct worker *w)
{
    free(w->held);
    w->held = NULL;
    w->cache = NULL;
}

void stress_yield(void)
{
    sched_yield();
}

void stress_taken(struct worker *w, struct weir_op *op)
{
    w->gets++;
    w->ops++;
    oracle_take(w->oracle, w->who, op);
}

void stress_giving(struct worker *w, struct weir_op *op)
{
    w->puts++;
    w->ops++;
    oracle_give(w->oracle, w->who, op);
}

struct weir_op *stress_get(struct worker *w)
{
    bool at_hand = w->cache && (random_next(&w->random) & 1);
    struct weir_op *op = at_hand ? weir_op_get_from(w->cache) : weir_op_get(w->pool);
    if (op)
        stress_taken(w, op);
    else
        w->nulls++;
    return op;
}

void stress_put(struct worker *w, struct weir_op *op)
{
    bool at_hand = w->cache && (random_next(&w->random) & 1);
    stress_giving(w, op);
    if (at_hand)
        weir_op_put_to(w->cache, op);
    else
        weir_op_put(op);
}

bool stress_hold_one(struct worker *w)
{
    struct weir_op *op = stress_get(w);
    if (op)
        w->held[w->holds++] = op;
    return op != NULL;
}

void stress_put_some(struct worker *w, unsigned n)
{
    while (n-- && w->holds) {
        unsigned i = random_below(&w->random, w->holds);
        struct weir_op *op = w->held[i];
        w->held[i] = w->held[--w->holds];
        stress_put(w, op);
    }
}

void stress_put_all(struct worker *w)
{
    stress_put_some(w, w->holds);
}
