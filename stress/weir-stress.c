/* weir-stress - run the workloads under many threads, with an oracle in every op.
 *
 * A shell: options in, workloads one after the other, exit status out. engine.h tells what a run is.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "points.h"
#include "workloads.h"

static const struct workload *const workloads[] = {
    &workload_mpmc, &workload_handoff, &workload_churn, &workload_crowd, &workload_waiters,
    &workload_steal, &workload_bulk, &workload_close, &workload_fork, &workload_trim,
    &workload_lookup, &workload_holds, &workload_commit, &workload_signals, &workload_parked, &workload_shared, &workload_soak,
};

enum { WORKLOADS = sizeof workloads / sizeof workloads[0], MOST_LABELS = 256, THREADS_MOST = 4096 };

static void usage(FILE *out)
{
    fprintf(out, "usage: weir-stress [options] [workload ...]        all workloads if none is named\n"
                 "  --threads N     64\n"
                 "  --seconds S     5, a workload\n"
                 "  --seed N        from the clock; printed. Decides shapes and every thread's choices, not the scheduler's\n"
                 "  --capacity N    ops of the pool; each workload chooses, another in each of its eras\n"
                 "  --cache N       most ops a thread keeps; likewise\n"
                 "  --buffer BYTES  likewise\n"
                 "  --csv FILE      the rows of soak\n"
                 "  --yield N       give way at N of a thousand labelled points (a build with WEIR_POINTS); 5\n"
                 "Exit status 0: no violation; 1: a violation, told with its seed (WEIR_STRESS_ABORT set: abort); 2: usage.\n");
    for (int i = 0; i < WORKLOADS; i++)
        fprintf(out, "\n%s%s%s%s\n%s\n", workloads[i]->name, workloads[i]->missing ? " (left out: " : "",
                workloads[i]->missing ? workloads[i]->missing : "", workloads[i]->missing ? ")" : "", workloads[i]->prose);
}

static long number(const char *option, const char *text, long least, long most)
{
    char *end;
    long n = strtol(text, &end, 0);
    if (end == text || *end || n < least || n > most) {
        fprintf(stderr, "weir-stress: --%s %s: a number from %ld to %ld\n", option, text, least, most);
        exit(2);
    }
    return n;
}

static double seconds(const char *text)
{
    char *end;
    double n = strtod(text, &end);
    if (end == text || *end || !(n > 0 && n <= 1e6)) {
        fprintf(stderr, "weir-stress: --seconds %s: a number above 0\n", text);
        exit(2);
    }
    return n;
}

static void options_read(struct stress_options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        { "threads", 1, NULL, 't' }, { "seconds", 1, NULL, 's' }, { "seed", 1, NULL, 'r' }, { "capacity", 1, NULL, 'c' },
        { "cache", 1, NULL, 'm' }, { "buffer", 1, NULL, 'b' }, { "yield", 1, NULL, 'y' }, { "csv", 1, NULL, 'f' }, { "help", 0, NULL, 'h' },
        { NULL, 0, NULL, 0 },
    };
    int c;
    while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (c) {
        case 't': o->threads = (unsigned)number("threads", optarg, 1, THREADS_MOST); break;
        case 's': o->seconds = seconds(optarg); break;
        case 'r': o->seed = strtoull(optarg, NULL, 0); break;
        case 'c': o->capacity = number("capacity", optarg, 1, 1L << 28); break;
        case 'm': o->cache = number("cache", optarg, 0, 1024); break;
        case 'b': o->buffer = number("buffer", optarg, 0, 1L << 30); break;
        case 'y': o->yield = number("yield", optarg, 0, 1000); break;
        case 'f': o->csv = optarg; break;
        case 'h': usage(stdout); exit(0);
        default: usage(stderr); exit(2);
        }
    }
}

static const struct workload *workload_named(const char *name)
{
    for (int i = 0; i < WORKLOADS; i++)
        if (strcmp(workloads[i]->name, name) == 0)
            return workloads[i];
    fprintf(stderr, "weir-stress: there is no workload %s; --help lists them\n", name);
    exit(2);
}

static void run(const struct workload *workload, const struct stress_options *o)
{
    if (workload->missing)
        printf("%-8s left out: %s\n", workload->name, workload->missing);
    else
        stress_run(workload, o);
}

int main(int argc, char **argv)
{
    struct timespec now;
    struct stress_options o = { .threads = 64, .seconds = 5, .capacity = -1, .cache = -1, .buffer = -1, .yield = -1 };
    const char *labels[MOST_LABELS];
    clock_gettime(CLOCK_REALTIME, &now);
    o.seed = (uint64_t)now.tv_sec * 1000003 ^ (uint64_t)now.tv_nsec;
    o.seed = random_mix(&o.seed) >> 16;
    options_read(&o, argc, argv);
    for (int i = optind; i < argc; i++)
        workload_named(argv[i]);
    report_open(&o);
    if (points_open())
        points_yield(o.seed, o.yield < 0 ? 5 : (unsigned)o.yield);
    for (int i = optind; i < argc; i++)
        run(workload_named(argv[i]), &o);
    for (int i = 0; optind == argc && i < WORKLOADS; i++)
        run(workloads[i], &o);
    if (points_labels(labels, MOST_LABELS))
        printf("%u labelled points were passed\n", points_labels(labels, MOST_LABELS));
    points_close();
    report_close();
    return 0;
}
