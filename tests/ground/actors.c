/* actors.c - a process of a run: its threads act the plan out, wave by wave.
 *
 *     0  the first actor takes the ops, one reference each           3  hand-overs, all at once
 *     1  noise: balanced steps of all at once                        4  the first references go: what is left is the plan's truth
 *     2  each takes what it is to hold, all at once                  5  the first actor reads; then death, or everything is given back
 *
 * Between two waves all wait for the last. Whoever is to die goes into its loop, noting each step's begin and end, until it is killed, or passes
 * its point. The others wait until the driver has read, and leave.
 *
 * Nothing here uses cmocka: it is not the driver. What is wrong goes to the stage, and the process ends with 1.
 */
#define _GNU_SOURCE
#include "ground.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../../stress/random.h"

enum { CAPACITY = 64, DEPTH = 6, PATIENCE_S = 60 };

struct actor {
    struct stage *stage;
    unsigned number;
    pthread_t thread;
};

static struct weir_pool *pool;
static const struct weir_site site[SITES] = { { "ground", FIRST_LINE, "first" }, { "ground", FIRST_LINE + 1, "second" }, { "ground", FIRST_LINE + 2, "third" } };

__attribute__((__noreturn__, __format__(__printf__, 2, 3))) static void actors__wrong(struct stage *s, const char *format, ...)
{
    char text[TEXT];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (!s->wrong[0])
        memcpy(s->wrong, text, sizeof text);
    _exit(1);
}

static void actors__panic(const char *message, void *arg)
{
    actors__wrong(arg, "a panic: %s", message);
}

/* -- waiting for each other ------------------------------------------------------------------------------------------------------- */
static void actors__until(struct stage *s, const unsigned *word, unsigned value)
{
    struct timespec nap = { 0, 20000 };
    time_t until = time(NULL) + PATIENCE_S;
    for (unsigned i = 0; __atomic_load_n(word, __ATOMIC_ACQUIRE) != value; i++) {
        if (i < 20)
            sched_yield();
        else
            nanosleep(&nap, NULL);
        if (time(NULL) > until)
            actors__wrong(s, "the others did not come");
    }
}

static void actors__wave(struct stage *s)
{
    unsigned wave = __atomic_load_n(&s->wave, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&s->arrived, 1, __ATOMIC_ACQ_REL) == s->plan.actors) {
        __atomic_store_n(&s->arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&s->wave, wave + 1, __ATOMIC_RELEASE);
    } else {
        actors__until(s, &s->wave, wave + 1);
    }
}

/* -- the waves -------------------------------------------------------------------------------------------------------------------- */
static struct weir_op *actors__op(const struct stage *s, unsigned op)
{
    return weir_op_at(pool, s->op[op]);
}

/* Takes and gives at random, at most DEPTH at a time, and ends with nothing. */
static void actors__noise(struct actor *a)
{
    struct stage *s = a->stage;
    struct { struct weir_op *op; weir_hold hold; } mine[DEPTH];
    unsigned n = 0;
    struct random r;
    random_seed(&r, s->plan.seed, 100 + a->number);
    for (unsigned left = s->plan.noise; left || n; left -= left > 0) {
        struct weir_op *op = actors__op(s, random_below(&r, s->plan.ops)), *other;
        if (n == DEPTH || (n && (!left || random_below(&r, 2)))) {
            unsigned i = random_below(&r, n);
            if (mine[i].hold ? weir_hold_drop(mine[i].op, mine[i].hold) : weir_op_unref(mine[i].op))
                actors__wrong(s, "an op went back while its first reference was held");
            mine[i] = mine[--n];
        } else if (random_below(&r, 8) == 0) {
            other = weir_op_get(pool);
            if (other && !weir_op_unref(other))
                actors__wrong(s, "the only reference was not the last");
        } else if (random_below(&r, 2)) {
            weir_op_ref(op);
            mine[n].op = op;
            mine[n++].hold = 0;
        } else {
            mine[n].op = op;
            mine[n++].hold = weir_hold_take_at(op, &site[random_below(&r, SITES)]);
        }
    }
}

static void actors__plant(struct actor *a)
{
    struct stage *s = a->stage;
    for (unsigned op = 0; op < s->plan.ops; op++)
        for (unsigned i = 0; i < s->plan.plant[op].refs[a->number]; i++) {
            if (!s->plan.plant[op].hold[a->number])
                weir_op_ref(actors__op(s, op));
            else
                s->hold[op][a->number][i] = weir_hold_take_at(actors__op(s, op), &site[s->plan.plant[op].site[a->number]]);
        }
}

static void actors__hand_over(struct actor *a)
{
    struct stage *s = a->stage;
    for (unsigned i = 0; i < s->plan.hands; i++) {
        const struct hand *h = &s->plan.hand[i];
        struct weir_op *op = actors__op(s, h->op);
        weir_hold *hold = &s->hold[h->op][h->from][h->slot];
        if (h->by != a->number)
            continue;
        if (h->kind == HAND_PLAIN)
            (void)weir_op_unref(op);
        else if (h->kind == HAND_DROP)
            (void)weir_hold_drop(op, *hold);
        else
            *hold = weir_hold_move_at(op, *hold, &site[h->site]);
    }
}

static void actors__read(struct stage *s)
{
    if (!read_by_library(pool, s, s->own))
        actors__wrong(s, "weir_leaks: %s", weir_error_message());
}

/* -- the end ---------------------------------------------------------------------------------------------------------------------- */

/* Whatever is left goes back: a hold by its holder or by somebody else, plain references by the first actor. */
static void actors__give_all_back(struct actor *a)
{
    struct stage *s = a->stage;
    struct truth t;
    plan_truth(&s->plan, &t);
    for (unsigned op = 0; op < s->plan.ops; op++) {
        int32_t plain = 0;
        for (unsigned i = 0; i < s->plan.actors; i++) {
            plain += t.held[op][i][0];
            if (!s->plan.plant[op].hold[i] || (i + s->plan.seed) % s->plan.actors != a->number)
                continue;
            for (unsigned k = 0; k < s->plan.plant[op].refs[i]; k++) {
                bool dropped = false;
                for (unsigned h = 0; h < s->plan.hands; h++)
                    dropped |= s->plan.hand[h].kind == HAND_DROP && s->plan.hand[h].op == op && s->plan.hand[h].from == i && s->plan.hand[h].slot == k;
                if (!dropped)
                    (void)weir_hold_drop(actors__op(s, op), s->hold[op][i][k]);
            }
        }
        for (int32_t i = 0; a->number == 0 && i < plain; i++)
            (void)weir_op_unref(actors__op(s, op));
    }
}

static unsigned points_left;

static void actors__point(const char *label)
{
    (void)label;
    if (__atomic_load_n(&points_left, __ATOMIC_RELAXED) && __atomic_sub_fetch(&points_left, 1, __ATOMIC_RELAXED) == 0)
        kill(getpid(), SIGKILL);
}

/* Until death. */
__attribute__((__noreturn__)) static void actors__loop(struct actor *a)
{
    struct stage *s = a->stage;
    struct weir_op *op = actors__op(s, busy_op(&s->plan, a->number));
    unsigned token = busy_token(&s->plan, a->number);
    weir_hold hold = 0;
    if (s->plan.death == DEATH_POINT)
        weir_point_hook_1 = actors__point;
    for (;;) {
        __atomic_store_n(&s->busy[a->number].begun, s->busy[a->number].begun + 1, __ATOMIC_RELEASE);
        if (!token)
            weir_op_ref(op);
        else
            hold = weir_hold_take_at(op, &site[token - 1]);
        __atomic_store_n(&s->busy[a->number].ended, s->busy[a->number].ended + 1, __ATOMIC_RELEASE);
        __atomic_store_n(&s->busy[a->number].begun, s->busy[a->number].begun + 1, __ATOMIC_RELEASE);
        if (!token)
            (void)weir_op_unref(op);
        else
            (void)weir_hold_drop(op, hold);
        __atomic_store_n(&s->busy[a->number].ended, s->busy[a->number].ended + 1, __ATOMIC_RELEASE);
    }
}

static void actors__end(struct actor *a)
{
    struct stage *s = a->stage;
    if (s->plan.death != DEATH_NONE) {
        if (s->plan.dies[plan_process(&s->plan, a->number)] && s->plan.death != DEATH_QUIET)
            actors__loop(a);
        actors__until(s, &s->over, 1);
        return;
    }
    actors__until(s, &s->over, 1);
    actors__give_all_back(a);
    actors__wave(s);
    if (a->number == 0 && weir_leaks(pool, 0, NULL, NULL) != 0)
        actors__wrong(s, "everything was given back, and there are leaks");
}

static void *actors__act(void *arg)
{
    struct actor *a = arg;
    struct stage *s = a->stage;
    s->pid[a->number] = getpid();
    s->tid[a->number] = gettid();
    for (unsigned op = 0; a->number == 0 && op < s->plan.ops; op++) {
        struct weir_op *first = weir_op_get(pool);
        if (!first)
            actors__wrong(s, "a get from a fresh pool is NULL");
        s->op[op] = weir_op_index(first);
    }
    actors__wave(s);
    actors__noise(a);
    actors__wave(s);
    actors__plant(a);
    actors__wave(s);
    actors__hand_over(a);
    actors__wave(s);
    for (unsigned op = 0; a->number == 0 && op < s->plan.ops; op++)
        (void)weir_op_unref(actors__op(s, op));
    actors__wave(s);
    if (a->number == 0)
        actors__read(s);
    actors__wave(s);
    actors__end(a);
    return NULL;
}

static void actors__pool(struct stage *s, unsigned process)
{
    struct weir_pool_config config = { .name = s->pool, .capacity = CAPACITY, .buffer_size = 64, .debug = s->plan.spec,
                                       .flags = s->plan.processes > 1 ? WEIR_POOL_SHARED : 0, .max_threads = 64 };
    time_t until = time(NULL) + PATIENCE_S;
    int error;
    if (process == 0) {
        if (weir_pool_create(&pool, &config) != 0)
            actors__wrong(s, "create: %s", weir_error_message());
        return;
    }
    while ((error = weir_pool_open(&pool, s->pool)) != 0) {
        if ((error != -ENOENT && error != -EAGAIN) || time(NULL) > until)
            actors__wrong(s, "open: %s", weir_error_message());
        sched_yield();
    }
}

void actors_process(struct stage *s, unsigned process)
{
    struct actor actor[ACTORS];
    weir_set_panic(actors__panic, s);
    points_left = s->plan.point;
    actors__pool(s, process);
    for (unsigned i = 0; i < s->plan.actors; i++) {
        actor[i] = (struct actor){ .stage = s, .number = i };
        if (plan_process(&s->plan, i) == process && pthread_create(&actor[i].thread, NULL, actors__act, &actor[i]) != 0)
            actors__wrong(s, "no thread");
    }
    for (unsigned i = 0; i < s->plan.actors; i++)
        if (plan_process(&s->plan, i) == process)
            pthread_join(actor[i].thread, NULL);
    if (s->plan.death == DEATH_NONE && weir_pool_close(pool) != 0)
        actors__wrong(s, "close: %s", weir_error_message());
    _exit(0);
}
