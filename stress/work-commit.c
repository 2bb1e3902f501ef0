/* work-commit.c - memory that fails to commit: commit.
 *
 * Purpose    a get that finds no memory answers NULL, and nothing else happens: no op is lost, and as soon as there is memory the pool grows on.
 * How        os_commit fails on demand (os.h). Thread 0 makes the weather: none, or a few commits more and none then. A pool begins bare, of
 *            large buffers, so that it grows in many small steps; caches and new pools want memory, too.
 * Threads    any; the weather is one relaxed word. Between meetings, with all others standing still and no memory to be had, thread 0 takes
 *            all that there is, gives it back and takes it again: that is the same number, whatever failed in between.
 * Goes wrong a failed step of growth that keeps ops or counts them twice; a put that needs memory.
 */
#include "workloads.h"

#include <errno.h>
#include <weir/error.h>

#include "os/os.h"
#include "slots.h"

enum { NULLS = 20, CREATIONS = 4 };

static void commit__shape(struct stress *s, struct weir_pool_config *c, struct random *r)
{
    uint32_t threads = s->options->threads;
    c->capacity = random_between(r, 8 * threads, 64 * threads);
    c->buffer_size = (size_t)4096 << random_below(r, 4);
    c->cache = c->cache > 64 ? 8 : c->cache;
}

static void commit__open(struct stress *s)
{
    slots_open(s, s->options->threads);
    s->extra_name = "refused";
}

static void commit__weather(struct worker *w)
{
    os_fail_commit_after(random_below(&w->random, 2) ? 0 : (long)random_between(&w->random, 1, 6));
}

static void commit__turn(struct worker *w)
{
    uint32_t capacity = w->oracle->capacity, most = random_between(&w->random, 1, capacity / 8 + 1);
    while (w->holds < most)
        if (!stress_hold_one(w)) {
            w->stress->extra++;
            break;
        }
    if (w->holds) {
        struct weir_op *op = slots_swap_any(w, w->held[--w->holds]);
        if (op)
            stress_put(w, op);                              /* at times the first call that this thread makes */
    }
    stress_put_some(w, random_between(&w->random, 1, capacity / 4 + 1));
}

/* A put may be the first call of a thread, and find no memory for its cache. */
static void commit__put_first(struct worker *w)
{
    struct weir_op *op = slots_swap_any(w, NULL);
    if (op)
        stress_put(w, op);
    else
        stress_yield();
}

static unsigned commit__take_all(struct worker *w)
{
    while (w->holds < w->oracle->capacity && stress_hold_one(w)) {
    }
    return w->holds;
}

static void commit__nothing_more(struct worker *w, unsigned n)
{
    if (n == w->oracle->capacity)
        return;
    for (int i = 0; i < NULLS; i++) {
        if (stress_get(w) || weir_op_get_wait(w->pool, 0) || weir_op_get_wait(w->pool, 1000))
            stress_fail("no memory is to be had, a get has answered NULL, and the next gave an op");
    }
    if (weir_op_get_bulk(w->pool, w->held + n, w->oracle->capacity - n))
        stress_fail("no memory is to be had, and a get in bulk gave all that was left");
    os_fail_commit_after(-1);                               /* the check itself wants memory */
    stress_check_quiet(w->pool, w->oracle->capacity, n, NULL);
    os_fail_commit_after(0);
}

/* New pools: each of their commits may be the one that fails. */
static void commit__create(struct worker *w)
{
    for (int i = 0; i < CREATIONS; i++) {
        struct weir_pool_config c = { .name = "commit-again", .capacity = random_between(&w->random, 1, 2000), .buffer_size = 4096 };
        struct weir_pool *pool = NULL;
        int error;
        c.initial = random_below(&w->random, c.capacity + 1);
        os_fail_commit_after((long)random_below(&w->random, 12));
        error = weir_pool_create(&pool, &c);
        if (error != 0 && error != -ENOMEM)
            stress_fail("weir_pool_create without memory: %s: %s", weir_strerror(error), weir_error_message());
        if (error == 0 && (error = weir_pool_close(pool)) != 0)
            stress_fail("weir_pool_close: %s: %s", weir_strerror(error), weir_error_message());
    }
}

static void commit__work(struct worker *w)
{
    unsigned first, second;
    if (w->number == 0)
        commit__weather(w);
    meeting_meet(w->stress->workers);
    if (w->number % 4 == 3)
        for (int i = 0; i < 50; i++)
            commit__put_first(w);
    while (!stress_over(w)) {
        if (w->number == 0)
            commit__weather(w);
        commit__turn(w);
    }
    meeting_meet(w->stress->workers);
    slots_drain(w);
    stress_put_all(w);
    if (meeting_meet(w->stress->workers)) {
        os_fail_commit_after(0);
        first = commit__take_all(w);
        commit__nothing_more(w, first);
        stress_put_all(w);
        second = commit__take_all(w);
        if (second != first)
            stress_fail("no memory is to be had: %u ops could be got, were given back, and then %u", first, second);
        stress_put_all(w);
        commit__create(w);
        os_fail_commit_after(-1);
    }
    meeting_meet(w->stress->workers);
}

const struct workload workload_commit = {
    .name = "commit",
    .prose = "Pools that begin without memory grow while commits fail at random: a get answers NULL then. All the while ops are handed on and\n"
             "given back, also by threads whose first call that is. Then, with no memory at all, what there is can be got as often as one\n"
             "likes, new pools are refused or made, and with memory back the bound is reached.",
    .shape = commit__shape,
    .open = commit__open,
    .work = commit__work,
    .drain = slots_drain,
    .close = slots_close,
    .counts_tries = true,
    .bare = true,
};
