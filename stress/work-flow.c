/* work-flow.c - ops that travel between threads: mpmc, crowd, handoff.
 *
 * Purpose    the normal case of a server: an op is given back by another thread than the one that took it.
 * Invariant  an op in a slot or a queue is "on its way" for the oracle: its sender has let go, nobody else has it yet.
 * Threads    slots: any; a queue has one thread at each end.
 * Goes wrong an op that arrives twice, or with other contents than it was sent with.
 */
#include "workloads.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "slots.h"

/* -- mpmc ------------------------------------------------------------------------------------------------------------------------ */

static void mpmc__open(struct stress *s)
{
    slots_open(s, 4 * s->options->threads);
}

static void mpmc__work(struct worker *w)
{
    while (!stress_over(w)) {
        unsigned burst = random_between(&w->random, 1, random_below(&w->random, 16) ? 12 : 200);
        while (w->holds < burst && stress_hold_one(w)) {
            unsigned i = random_below(&w->random, w->holds);
            struct weir_op *op = slots_swap_any(w, w->held[i]);
            w->held[i] = op ? op : w->held[w->holds - 1];
            w->holds -= !op;
            burst -= !op;
        }
        if (!w->holds) {
            struct weir_op *op = slots_swap_any(w, NULL);
            if (op)
                stress_put(w, op);
            else
                stress_yield();
        }
        stress_put_some(w, random_between(&w->random, 1, 200));
        if (w->number == 0) {
            struct weir_stats n;
            if (weir_pool_stats(w->pool, &n) || n.capacity != w->oracle->capacity)
                stress_fail("the statistics of a busy pool say a capacity of %llu", (unsigned long long)n.capacity);
        }
    }
}

const struct workload workload_mpmc = {
    .name = "mpmc",
    .prose = "Every thread takes ops in bursts of random length, swaps them with what lies in shared slots, and gives back what it has\n"
             "then, its own and others', in random order. Thread 0 reads the statistics meanwhile. Capacities from 1 to 16,384.",
    .open = mpmc__open,
    .work = mpmc__work,
    .drain = slots_drain,
    .close = slots_close,
};

/* -- crowd ----------------------------------------------------------------------------------------------------------------------- */

static void crowd__open(struct stress *s)
{
    slots_open(s, (s->options->threads + 7) / 8);
}

static void crowd__work(struct worker *w)
{
    while (!stress_over(w)) {
        struct weir_op *op = stress_get(w);
        op = slots_swap_any(w, op);
        if (op)
            stress_put(w, op);
        else
            stress_yield();
    }
}

const struct workload workload_crowd = {
    .name = "crowd",
    .prose = "Every thread takes one op, swaps it with what lies in one of very few shared slots (one for eight threads) and gives that\n"
             "back: nearly every op is given back by another thread, and all threads fight for the same lines.",
    .open = crowd__open,
    .work = crowd__work,
    .drain = slots_drain,
    .close = slots_close,
};

/* -- handoff --------------------------------------------------------------------------------------------------------------------- */

enum { QUEUE_OPS = 128 };

/* head is the giver's, tail the taker's; each reads the other's with acquire and stores its own with release. */
struct queue {
    _Alignas(64) atomic_uint head;
    _Alignas(64) atomic_uint tail;
    _Alignas(64) struct weir_op *op[QUEUE_OPS];
};

static bool queue__push(struct queue *q, struct weir_op *op)
{
    unsigned head = atomic_load_explicit(&q->head, memory_order_relaxed);
    if (head - atomic_load_explicit(&q->tail, memory_order_acquire) == QUEUE_OPS)
        return false;
    q->op[head % QUEUE_OPS] = op;
    atomic_store_explicit(&q->head, head + 1, memory_order_release);
    return true;
}

static struct weir_op *queue__pop(struct queue *q)
{
    unsigned tail = atomic_load_explicit(&q->tail, memory_order_relaxed);
    struct weir_op *op;
    if (tail == atomic_load_explicit(&q->head, memory_order_acquire))
        return NULL;
    op = q->op[tail % QUEUE_OPS];
    atomic_store_explicit(&q->tail, tail + 1, memory_order_release);
    return op;
}

struct pairs {
    void *memory;
    struct queue *queue;
};

static void handoff__open(struct stress *s)
{
    struct pairs *p = calloc(1, sizeof *p);
    unsigned n = (s->options->threads + 1) / 2;
    if (!p || !(p->memory = calloc(n + 1, sizeof *p->queue)))
        stress_fail("no memory for %u queues", n);
    p->queue = (struct queue *)(((uintptr_t)p->memory + 63) & ~(uintptr_t)63);
    s->own = p;
}

static void handoff__close(struct stress *s)
{
    struct pairs *p = s->own;
    free(p->memory);
    free(p);
    s->own = NULL;
}

static struct queue *handoff__queue(struct worker *w)
{
    struct pairs *p = w->stress->own;
    return &p->queue[w->number / 2];
}

/* Takes and hands on; what does not fit yet stays in hand. */
static void handoff__give(struct worker *w)
{
    struct queue *q = handoff__queue(w);
    if (w->holds == 0 && !stress_hold_one(w)) {
        stress_yield();
        return;
    }
    oracle_send(w->oracle, w->who, w->held[0]);
    while (!queue__push(q, w->held[0])) {
        if (stress_over(w)) {
            oracle_receive(w->oracle, w->who, w->held[0]);
            return;
        }
        stress_yield();
    }
    w->holds = 0;
}

static bool handoff__take(struct worker *w)
{
    struct weir_op *op = queue__pop(handoff__queue(w));
    if (!op)
        return false;
    oracle_receive(w->oracle, w->who, op);
    stress_put(w, op);
    return true;
}

static void handoff__work(struct worker *w)
{
    bool alone = w->number % 2 == 0 && w->number + 1 == w->stress->options->threads;
    while (!stress_over(w)) {
        if (w->number % 2 == 0)
            handoff__give(w);
        if ((w->number % 2 || alone) && !handoff__take(w))
            stress_yield();
    }
}

static void handoff__drain(struct worker *w)
{
    bool alone = w->number % 2 == 0 && w->number + 1 == w->stress->options->threads;
    while ((w->number % 2 || alone) && handoff__take(w)) {
    }
}

const struct workload workload_handoff = {
    .name = "handoff",
    .prose = "Threads in pairs: one only takes ops, the other only gives them back; between them a queue of 128. (With an odd number\n"
             "of threads the last does both.) Nothing may be stranded with those who only give back.",
    .open = handoff__open,
    .work = handoff__work,
    .drain = handoff__drain,
    .close = handoff__close,
};
