/* main.c - explore [options] [scenario ...]: every scenario under all schedules of the bound, and how many those were.
 *
 *   --list                what there is
 *   --preemptions <n>     instead of the scenario's own bound;  --stale <n> likewise
 *   --model sc|tso|pso    how stores reach memory: at once; in order; in any order but for releases (the default, and the weakest)
 *   --share <k>/<n>       every n-th scenario, from the k-th on
 *   --replay <schedule>   one scenario's one schedule, step by step
 *   --compare             of the explorer itself: the same outcomes with and without cutting off what comes into a known state
 *   --find                a bug has been planted: 0 only if it is found
 *
 * 0: every schedule was right. 1: one was not, and is printed. 2: usage.
 */
#include "search.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir/error.h>

static const char *const models[] = { "sc", "tso", "pso" };

struct options {
    int preemptions, stale;
    unsigned share, shares;
    bool find, list, compare;
    const char *replay;
    char **names;
};

static int main__usage(void)
{
    fprintf(stderr, "usage: explore [--list] [--preemptions n] [--stale n] [--model sc|tso|pso] [--share k/n] [--compare] [--find] [--replay schedule] [scenario ...]\n");
    return 2;
}

static bool main__model(const char *name)
{
    unsigned i;
    for (i = 0; i < 3; i++)
        if (strcmp(name, models[i]) == 0) {
            x->model = (enum model)i;
            return true;
        }
    return false;
}

static double main__seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void main__panicked(const char *message, void *arg)
{
    (void)arg;
    explore_fail("panic: %s", message);
}

static bool main__setup(const struct scenario *k)
{
    fibre_pristine();
    memory_new_scenario();
    x->scenario = k;
    for (x->threads = 0; x->threads < EXPLORE_THREADS && k->thread[x->threads]; x->threads++) {
    }
    if (setjmp(x->out)) {
        printf("%s: setup: %s\n", k->name, x->failure);
        return false;
    }
    weir_set_panic(main__panicked, NULL);
    k->setup();
    fibre_keep();
    return true;
}

static bool main__replay(const struct scenario *k, const struct options *o)
{
    enum result result;
    x->replay = x->trace = true;
    x->bound_preemptions = x->bound_stale = 1000000;
    if (!search_parse(o->replay))
        return false;
    result = schedule_run();
    printf("%s: %s\n", k->name, result == RESULT_FAILED ? x->failure : "nothing is wrong");
    return result != RESULT_FAILED;
}

static bool main__explore(const struct scenario *k, const struct options *o)
{
    unsigned most = o->preemptions < 0 ? k->preemptions : (unsigned)o->preemptions, p;
    unsigned stale = x->model == MODEL_SC ? 0 : o->stale < 0 ? k->stale : (unsigned)o->stale;
    double begin = main__seconds();
    struct count count, all = { 0, 0, 0, 0 };
    bool good = main__setup(k);
    if (good && o->replay)
        return main__replay(k, o);
    for (p = 0; good && p <= most; p++) {
        good = search_bound(p, stale < p ? stale : p, &count);
        all.ended += count.ended;
        all.cut += count.cut;
        all.outcomes = count.outcomes;
    }
    if (good && o->compare) {
        search_uncut(true);
        good = search_bound(most, stale < most ? stale : most, &count);
        if (good && count.outcomes != all.outcomes) {
            snprintf(x->failure, sizeof x->failure, "the explorer itself is wrong: what it cut off had other outcomes");
            good = false;
        }
        search_uncut(false);
        printf("%-18s without cutting off: %llu schedules, %llu outcomes\n", k->name, (unsigned long long)count.ended,
               (unsigned long long)count.outcomes);
    }
    printf("%-18s %s, %u preemptions, %u late stores: %llu schedules to the end, %llu into a known state, %llu outcomes; %.1f s\n", k->name,
           models[x->model], p - 1, stale, (unsigned long long)all.ended, (unsigned long long)all.cut, (unsigned long long)all.outcomes,
           main__seconds() - begin);
    if (!good) {
        printf("%s: %s\n  replay it: explore --model %s %s --replay ", k->name, x->failure, models[x->model], k->name);
        search_print(stdout);
        printf("\n");
    }
    fflush(stdout);
    return good;
}

static bool main__wanted(const struct options *o, const char *name)
{
    char **n;
    for (n = o->names; *n; n++)
        if (strcmp(*n, name) == 0)
            return true;
    return !o->names[0];
}

/* How many have failed; -1: there was none to run. */
static int main__all(const struct options *o)
{
    const struct scenario *lists[] = { explore_pool, explore_beside, explore_counts, explore_trackers }, *k;
    unsigned i;
    int failed = 0, ran = 0;
    unsigned number = 0;
    for (i = 0; i < sizeof lists / sizeof lists[0]; i++)
        for (k = lists[i]; k->name; k++) {
            if (!main__wanted(o, k->name) || (o->shares && number++ % o->shares != o->share - 1))
                continue;
            ran++;
            if (o->list)
                printf("%-18s %s\n", k->name, k->what);
            else if (!main__explore(k, o))
                failed++;
            if (failed && o->find)
                return failed;
        }
    return ran ? failed : -1;
}

int main(int argc, char **argv)
{
    struct options o = { -1, -1, 0, 0, false, false, false, NULL, NULL };
    int i, names = 0, failed;
    search_make();
    x->model = MODEL_PSO;
    o.names = argv;                                             /* the names are gathered at the front */
    for (i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (argv[i][0] != '-')
            argv[names++] = argv[i];
        else if (strcmp(argv[i], "--list") == 0)
            o.list = true;
        else if (strcmp(argv[i], "--find") == 0)
            o.find = true;
        else if (strcmp(argv[i], "--compare") == 0)
            o.compare = true;
        else if (strcmp(argv[i], "--preemptions") == 0)
            o.preemptions = atoi(value), i++;
        else if (strcmp(argv[i], "--stale") == 0)
            o.stale = atoi(value), i++;
        else if (strcmp(argv[i], "--share") == 0 && sscanf(value, "%u/%u", &o.share, &o.shares) == 2)
            i++;
        else if (strcmp(argv[i], "--replay") == 0)
            o.replay = value, i++;
        else if (strcmp(argv[i], "--model") == 0 && main__model(value))
            i++;
        else
            return main__usage();
    }
    argv[names] = NULL;
    fibre_make();
    failed = main__all(&o);
    if (failed < 0)
        return main__usage();
    if (o.find) {
        printf(failed ? "the planted bug was found\n" : "the planted bug was NOT found\n");
        return failed == 0;
    }
    return failed != 0;
}
