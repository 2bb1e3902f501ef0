/* schedule.c - who goes on: one schedule from its beginning to its end.
 *
 * A preemption is a switch away from a thread that could go on; it is possible before each access of a shared word, and costs one of the bound's. A
 * switch from a thread that sleeps, waits for a lock, yields or has ended costs nothing. Time stands still, but when a sleeper is chosen that
 * nobody has woken: then its deadline is over.
 *
 * Each place where there is a choice has a step number, which does not depend on the bound nor on which words are shared: so a list of the steps at which
 * something else than the first was chosen replays the schedule.
 */
#include "engine.h"

#include <stdio.h>

static bool schedule__may_run(unsigned thread)
{
    const struct vthread *t = &x->thread[thread];
    switch (t->status) {
    case READY: return true;
    case LOCKED: return *(const volatile uint32_t *)t->on == 0;
    case ASLEEP: return t->deadline != INT64_MAX;
    default: return false;
    }
}

/* Those that may run, `first` before others; sleepers only after all others. How many. */
static unsigned schedule__options(unsigned *option, unsigned first)
{
    unsigned n = 0, pass, i;
    for (pass = 0; pass < 2; pass++)
        for (i = 0; i < x->threads; i++) {
            unsigned t = (first + i) % x->threads;
            if ((x->thread[t].status == ASLEEP) == (pass == 1) && schedule__may_run(t))
                option[n++] = t;
        }
    return n;
}

uint64_t schedule_outcome(void)
{
    uint64_t key = x->memory_hash;
    unsigned i;
    for (i = 0; i < x->threads; i++)
        key = mix(key, x->thread[i].hash);
    return key;
}

static uint64_t schedule__key(unsigned kind)
{
    uint64_t key = mix(schedule_outcome(), x->buffers_hash);
    unsigned i;
    for (i = 0; i < x->threads; i++)
        key = mix(key, x->thread[i].status);
    key = mix(key, (uint64_t)x->now);
    return mix(key, (uint64_t)x->current | (uint64_t)kind << 4 | (uint64_t)x->preemptions << 16 | (uint64_t)x->stale << 24);
}

unsigned schedule_choose(unsigned n, unsigned kind)
{
    struct choice *c;
    uint64_t key;
    if (x->replay)
        return search_replayed(n);
    if (x->depth < x->prefix) {
        if (n == 1)
            return 0;
        c = &x->choice[x->depth++];
        if (c->of != n || c->step != x->step)
            explore_fail("the explorer itself is wrong: step %u had %u choices and step %u has %u now", c->step, c->of, x->step, n);
        return c->taken;
    }
    key = schedule__key(kind);
    if (n == 1 && key % 8 != 0)                                 /* where nothing is to be chosen some states are enough */
        return 0;
    if (search_known(key))
        longjmp(x->out, RESULT_KNOWN);
    if (n == 1)
        return 0;
    if (x->depth == CHOICES)
        explore_fail("more than %d choices in one schedule", CHOICES);
    c = &x->choice[x->depth++];
    c->step = x->step;
    c->of = (uint16_t)n;
    c->taken = 0;
    return 0;
}

static void schedule__go(unsigned thread)
{
    struct vthread *t = &x->thread[thread];
    if (t->status == ASLEEP) {
        t->late = true;
        if (x->now < t->deadline)
            x->now = t->deadline;
        t->hash = mix(t->hash, (uint64_t)x->now);
    }
    t->status = READY;
    if (x->trace && thread != x->current)
        printf("%5u         on goes thread %u%s\n", x->step, thread, t->late ? ", its time is over" : "");
    if (thread != x->current)
        fibre_switch(thread);
    x->step++;
}

void schedule_point(void)
{
    unsigned option[ALL], n = 1, c;
    if (x->preemptions)
        n = schedule__options(option, x->current);
    c = schedule_choose(n, 0);
    if (c) {
        x->preemptions--;
        schedule__go(option[c]);
    }
}

static _Noreturn void schedule__nobody(void)
{
    char who[64];
    unsigned i, n = 0;
    for (i = 0; i < x->threads; i++)
        if (x->thread[i].status != DONE)
            n += (unsigned)snprintf(who + n, sizeof who - n, "%s%u", n ? ", " : "", i);
    if (n)
        explore_fail("thread %s waits and nobody will ever wake it", who);
    longjmp(x->out, RESULT_ENDED);
}

void schedule_block(void)
{
    unsigned option[ALL], n;
    if (++x->step > STEPS)
        explore_fail("no end after %d steps: somebody goes round in circles", STEPS);
    n = schedule__options(option, x->current);
    if (!n)
        schedule__nobody();
    schedule__go(option[schedule_choose(n, 3)]);
}

/* To another, if there is one. What is in buffers does not stay there for ever. */
void schedule_yield(void)
{
    unsigned option[ALL], n;
    if (!x->running)
        return;
    if (++x->step > STEPS)
        explore_fail("no end after %d steps: somebody yields for ever", STEPS);
    memory_drain_everybody();
    x->thread[x->current].hash = mix(x->thread[x->current].hash, 0);
    n = schedule__options(option, x->current + 1);
    if (n > 1)
        n--;                                                    /* without the caller, which is the last, or a sleeper */
    schedule__go(option[schedule_choose(n, 4)]);
}

enum result schedule_run(void)
{
    volatile int result;
    unsigned i, first;
    fibre_put_back();
    memory_begin();
    for (i = 0; i < x->threads; i++) {
        struct vthread *t = &x->thread[i];
        t->started = t->late = false;
        t->status = READY;
    }
    x->step = 0;
    x->depth = 0;
    x->now = 1;
    x->preemptions = x->bound_preemptions;
    x->stale = x->bound_stale;
    result = setjmp(x->out);
    if (result == 0) {
        x->running = true;
        x->step = 1;
        first = schedule_choose(x->threads, 5);
        fibre_tls(QUIET, first);
        x->current = first;
        fibre_start(first);
    }
    x->running = false;
    memory_leave(x->current);
    fibre_tls(x->current, QUIET);
    x->current = QUIET;
    if (result == RESULT_ENDED) {
        memory_drain_everybody();
        result = setjmp(x->out);
        if (result == 0) {
            x->scenario->check();
            result = RESULT_ENDED;
        }
    }
    fibre_tls(x->current, QUIET);
    x->current = QUIET;
    return (enum result)result;
}
