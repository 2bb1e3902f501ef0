/* work-churn.c - threads that are born, use the pool and exit: churn.
 *
 * Purpose    a thread's exit hands its cache back, whatever the thread did and in whatever order its destructors run.
 * Invariant  a parent waits for its child and uses no ops meanwhile, so the child holds ops in the parent's name.
 * Threads    as many parents as there are threads, each with one child at a time; children swap ops through shared slots.
 * Goes wrong ops stay behind with the dead: the check at the round's end does not get them all.
 */
#include "workloads.h"

#include <pthread.h>
#include <stdlib.h>

#include "slots.h"

static pthread_key_t churn_key;
static pthread_once_t churn_once = PTHREAD_ONCE_INIT;

/* What a child leaves to its destructor: an op to give back, then or in the next round of destructors, when the library's own
 * has run for certain. */
struct last_will {
    struct worker *worker;
    bool once_more;
};

static void churn__destructor(void *arg)
{
    struct last_will *will = arg;
    struct worker *w = will->worker;
    w->cache = NULL;
    if (will->once_more) {
        will->once_more = false;
        if (stress_hold_one(w))
            stress_put_some(w, 1);
        pthread_setspecific(churn_key, will);
        return;
    }
    stress_hold_one(w);
    stress_put_all(w);
    free(will);
}

static void churn__key(void)
{
    if (pthread_key_create(&churn_key, churn__destructor) != 0)
        stress_fail("no thread-local key");
}

static void churn__open(struct stress *s)
{
    pthread_once(&churn_once, churn__key);
    slots_open(s, s->options->threads);
    s->extra_name = "threads";
}

static void *churn__life(void *arg)
{
    struct worker *w = arg;
    unsigned ops = random_below(&w->random, 40);
    if (random_below(&w->random, 2))
        w->cache = weir_cache_get(w->pool);
    if (random_below(&w->random, 2)) {
        struct last_will *will = malloc(sizeof *will);
        if (!will)
            stress_fail("no memory for a last will");
        will->worker = w;
        will->once_more = random_below(&w->random, 2);
        pthread_setspecific(churn_key, will);
        ops++;
    }
    while (ops-- && w->holds < w->oracle->capacity) {
        struct weir_op *op = slots_swap_any(w, stress_get(w));     /* NULL takes one out of a slot */
        if (op)
            w->held[w->holds++] = op;
    }
    if (pthread_getspecific(churn_key))
        stress_put_some(w, w->holds / 2);
    else
        stress_put_all(w);
    return NULL;
}

static void churn__work(struct worker *w)
{
    while (!stress_over_now()) {
        pthread_t child;
        if (pthread_create(&child, NULL, churn__life, w) != 0)
            stress_fail("a thread can't be made");
        pthread_join(child, NULL);
        w->cache = NULL;
        w->stress->extra++;
    }
}

const struct workload workload_churn = {
    .name = "churn",
    .prose = "Each thread has children, one at a time: a child is born, takes up to 40 ops, swaps them with what lies in shared slots, gives\n"
             "back what it has and exits; half of them give back the last ones, and take another, in a thread-local destructor.",
    .open = churn__open,
    .work = churn__work,
    .drain = slots_drain,
    .close = slots_close,
};
