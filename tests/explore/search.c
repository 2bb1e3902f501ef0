/* search.c - all schedules within a bound, and the states that need not be visited twice.
 *
 * Depth first: a schedule takes the first choice everywhere beyond its prefix; the next one changes the last choice that has an alternative left. Bounds
 * grow one preemption at a time, so a bug is found with as few as it needs. A schedule that comes, with as much of the bound left, into a state
 * whose history was met before is cut off: what follows has been seen. States are told by 64-bit hashes.
 */
#include "search.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct engine *x;

/* All of it beside what is put back. */
static struct search {
    struct table {
        uint64_t *key;
        size_t size, keys;
    } states, outcomes;
    bool uncut;
    struct choice replay[CHOICES];
    unsigned replays;
    char stack[64 << 10];
} *s;

_Noreturn void explore_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(x->failure, sizeof x->failure, format, args);
    va_end(args);
    longjmp(x->out, RESULT_FAILED);
}

static void search__crashed(int number)
{
    explore_fail("%s", number == SIGABRT ? "aborted" : "a wild pointer: the program would have crashed");
}

void search_make(void)
{
    struct sigaction action;
    stack_t stack;
    x = calloc(1, sizeof *x);
    s = calloc(1, sizeof *s);
    if (!x || !s)
        exit(2);
    x->current = QUIET;
    memset(&stack, 0, sizeof stack);
    stack.ss_sp = s->stack;
    stack.ss_size = sizeof s->stack;
    sigaltstack(&stack, NULL);
    memset(&action, 0, sizeof action);
    action.sa_handler = search__crashed;
    action.sa_flags = SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
    sigaction(SIGABRT, &action, NULL);
}

/* -- known states ------------------------------------------------------------------------------------------------------------ */

static void search__forget(struct table *t, size_t size)
{
    free(t->key);
    t->key = calloc(size, sizeof *t->key);
    t->size = size;
    t->keys = 0;
    if (!t->key) {
        fprintf(stderr, "explore: no memory for %zu states\n", size);
        exit(2);
    }
}

static bool search__enter(struct table *t, uint64_t key)
{
    size_t i = (size_t)key & (t->size - 1);
    for (; t->key[i]; i = (i + 1) & (t->size - 1))
        if (t->key[i] == key)
            return true;
    t->key[i] = key;
    t->keys++;
    return false;
}

static bool search__known(struct table *t, uint64_t key)
{
    struct table old = *t;
    size_t i;
    if (t->keys >= t->size / 2) {
        t->key = NULL;
        search__forget(t, 4 * old.size);
        for (i = 0; i < old.size; i++)
            if (old.key[i])
                (void)search__enter(t, old.key[i]);
        free(old.key);
    }
    return search__enter(t, key | 1);
}

bool search_known(uint64_t key)
{
    return !s->uncut && search__known(&s->states, key);
}

void search_uncut(bool uncut)
{
    s->uncut = uncut;
}

/* -- replay ------------------------------------------------------------------------------------------------------------------ */

/* "12.1,40.2": at step 12 the second choice, at step 40 the third. false: that is no schedule. */
bool search_parse(const char *text)
{
    for (s->replays = 0; *text && s->replays < CHOICES; s->replays++) {
        unsigned step, taken;
        int n = 0;
        if (sscanf(text, "%u.%u%n", &step, &taken, &n) != 2)
            return false;
        s->replay[s->replays] = (struct choice){ step, (uint16_t)taken, 0 };
        text += n;
        if (*text == ',')
            text++;
    }
    return true;
}

unsigned search_replayed(unsigned n)
{
    unsigned i;
    for (i = 0; i < s->replays; i++)
        if (s->replay[i].step == x->step)
            return s->replay[i].taken < n ? s->replay[i].taken : 0;
    return 0;
}

void search_print(FILE *out)
{
    unsigned i;
    const char *comma = "";
    for (i = 0; i < x->depth; i++)
        if (x->choice[i].taken) {
            fprintf(out, "%s%u.%u", comma, x->choice[i].step, x->choice[i].taken);
            comma = ",";
        }
}

/* -- all of them --------------------------------------------------------------------------------------------------------------- */

/* The next prefix. false: that was the last. */
static bool search__next(void)
{
    while (x->depth && x->choice[x->depth - 1].taken + 1 >= x->choice[x->depth - 1].of)
        x->depth--;
    if (!x->depth)
        return false;
    x->choice[x->depth - 1].taken++;
    x->prefix = x->depth;
    return true;
}

bool search_bound(unsigned preemptions, unsigned stale, struct count *count)
{
    enum result result;
    x->bound_preemptions = preemptions;
    x->bound_stale = stale;
begin:
    search__forget(&s->states, (size_t)1 << 14);
    search__forget(&s->outcomes, (size_t)1 << 10);
    x->prefix = 0;
    *count = (struct count){ 0, 0, 0, 0 };
    do {
        result = schedule_run();
        if (result == RESULT_AGAIN)
            goto begin;
        if (result == RESULT_FAILED)
            return false;
        if (result == RESULT_ENDED) {
            count->ended++;
            (void)search__known(&s->outcomes, schedule_outcome());
        } else {
            count->cut++;
        }
        count->states = s->states.keys;
        count->outcomes = s->outcomes.keys;
    } while (search__next());
    return true;
}

/* -- for scenarios --------------------------------------------------------------------------------------------------------------- */

unsigned explore_self(void)
{
    return x->current;
}

void explore_as(unsigned thread, void (*fn)(void))
{
    unsigned before = x->current;
    fibre_tls(before, thread);
    x->current = thread;
    fn();
    fibre_tls(thread, before);
    x->current = before;
}
