/* weir-compare - one get and put of weir beside the floor and DPDK's rte_mempool.
 *
 * pair       one thread: get, touch, put
 * burst      one thread: 64 gets, each touched, then 64 puts
 * handoff    one thread gets, touches and passes on through a ring; another, on another core, touches and puts
 *
 * 65,536 objects with 4 KiB buffers; a touch is a store to an object's first line. Threads are pinned; the affinity is read before DPDK
 * starts. Peers take turns in every round and the order rotates, so that what the machine does meanwhile hits all alike; a
 * ratio is the median of the rounds' ratios. One thread alone is timed by its processor time, a hand-over by the clock, so that one
 * needs a machine with nothing else to do. Only ratios mean anything: the times are this machine's.
 */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "compare/run.h"

enum { PEERS = 4, ROUNDS_LEAST = 3, ROUNDS_MOST = 101, FLOOR = 0, RTE = 3, PROBE = 300000 };

struct options {
    unsigned rounds, milliseconds;
    bool json, buffer;
    bool wanted[PATTERNS];
};

static const struct peer *const candidates[PEERS] = { &peer_floor, &peer_weir, &peer_weir_cache, &peer_rte };
static const char *const pattern_names[PATTERNS] = { "pair", "burst", "handoff" };

static const char *missing[PEERS];                          /* why; NULL: it is there */
static double ns[PATTERNS][PEERS][ROUNDS_MOST];

void compare_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "weir-compare: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(1);
}

/* -- measuring ------------------------------------------------------------------------------------------------------------------ */

static uint64_t count_for(const struct peer *peer, enum pattern pattern, const struct options *o)
{
    double one = run_measure(peer, pattern, PROBE, o->buffer);
    return (uint64_t)(o->milliseconds * 1e6 / (one > 0.1 ? one : 0.1));
}

static void measure(enum pattern pattern, const struct options *o)
{
    uint64_t count[PEERS];
    for (int i = 0; i < PEERS; i++)
        count[i] = missing[i] ? 0 : count_for(candidates[i], pattern, o);
    for (unsigned round = 0; round < o->rounds; round++)
        for (unsigned turn = 0; turn < PEERS; turn++) {
            unsigned i = (turn + round) % PEERS;
            if (!missing[i])
                ns[pattern][i][round] = run_measure(candidates[i], pattern, count[i], o->buffer);
        }
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double middle(const double *of, unsigned n)
{
    double sorted[ROUNDS_MOST];
    memcpy(sorted, of, n * sizeof *of);
    qsort(sorted, n, sizeof *sorted, ascending);
    return sorted[n / 2];
}

/* The lowest (which = 0) or highest of the rounds. */
static double extreme(const double *of, unsigned n, int which)
{
    double sorted[ROUNDS_MOST];
    memcpy(sorted, of, n * sizeof *of);
    qsort(sorted, n, sizeof *sorted, ascending);
    return sorted[which ? n - 1 : 0];
}

static double ratio(int pattern, int of, int to, unsigned rounds)
{
    double r[ROUNDS_MOST];
    for (unsigned i = 0; i < rounds; i++)
        r[i] = ns[pattern][of][i] / ns[pattern][to][i];
    return middle(r, rounds);
}

/* -- telling -------------------------------------------------------------------------------------------------------------------- */

static void print_ratio(int pattern, int of, int to, unsigned rounds)
{
    if (missing[to])
        printf("  %8s", "-");
    else
        printf("  %7.2fx", ratio(pattern, of, to, rounds));
}

static void table(int patterns, const struct options *o)
{
    printf("%-8s  %-12s  %8s  %8s  %8s  %17s\n", "pattern", "peer", "ns", "x floor", "x rte", "lowest - highest");
    for (int p = 0; p < patterns; p++)
        for (int i = 0; o->wanted[p] && i < PEERS; i++) {
            if (missing[i]) {
                printf("%-8s  %s: missing (%s)\n", pattern_names[p], candidates[i]->name, missing[i]);
                continue;
            }
            printf("%-8s  %-12s  %8.2f", pattern_names[p], candidates[i]->name, middle(ns[p][i], o->rounds));
            print_ratio(p, i, FLOOR, o->rounds);
            print_ratio(p, i, RTE, o->rounds);
            printf("  %7.2f - %7.2f\n", extreme(ns[p][i], o->rounds, 0), extreme(ns[p][i], o->rounds, 1));
        }
    if (patterns <= PATTERN_HANDOFF && o->wanted[PATTERN_HANDOFF])
        printf("%-8s  missing (it needs two processors)\n", pattern_names[PATTERN_HANDOFF]);
    printf("\nns: median of %u rounds, for one object taken and given back; a ratio is the median of the rounds' ratios\n", o->rounds);
    printf("touched: the first line of %s\n", o->buffer ? "the buffer" : "the object (weir and floor: the header)");
    for (int i = 0; i < PEERS; i++)
        printf("%s: %s\n", candidates[i]->name, candidates[i]->what);
}

static void json(int patterns, const struct options *o)
{
    const char *comma = "";
    printf("{\"objects\":%d,\"buffer\":%d,\"touched\":\"%s\",\"rounds\":%u,\"rows\":[", COMPARE_CAPACITY, COMPARE_BUFFER,
           o->buffer ? "buffer" : "header", o->rounds);
    for (int p = 0; p < patterns; p++)
        for (int i = 0; o->wanted[p] && i < PEERS; i++) {
            if (missing[i])
                continue;
            printf("%s\n {\"pattern\":\"%s\",\"peer\":\"%s\",\"ns\":%.3f,\"lowest\":%.3f,\"highest\":%.3f,\"floor\":%.3f", comma,
                   pattern_names[p], candidates[i]->name, middle(ns[p][i], o->rounds), extreme(ns[p][i], o->rounds, 0),
                   extreme(ns[p][i], o->rounds, 1), ratio(p, i, FLOOR, o->rounds));
            if (!missing[RTE])
                printf(",\"rte_mempool\":%.3f", ratio(p, i, RTE, o->rounds));
            printf("}");
            comma = ",";
        }
    printf("],\"missing\":[");
    comma = "";
    for (int i = 0; i < PEERS; i++)
        if (missing[i]) {
            printf("%s{\"peer\":\"%s\",\"why\":\"%s\"}", comma, candidates[i]->name, missing[i]);
            comma = ",";
        }
    printf("]}\n");
}

/* -- the command line ----------------------------------------------------------------------------------------------------------- */

static void usage(FILE *out, int status)
{
    fprintf(out, "usage: weir-compare [--rounds N (%d to %d, 9)] [--ms N (a measurement, 60)] [--touch header|buffer] [--json] [pattern ...]\n"
                 "Measures pair, burst and handoff (or those named) for the floor, weir and rte_mempool; prints ns and ratios.\n", ROUNDS_LEAST,
            ROUNDS_MOST);
    exit(status);
}

static unsigned number(const char *text, unsigned least, unsigned most)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (end == text || *end || n < least || n > most)
        usage(stderr, 2);
    return (unsigned)n;
}

static void options_read(struct options *o, int argc, char **argv)
{
    static const struct option long_options[] = {
        { "rounds", 1, NULL, 'r' }, { "ms", 1, NULL, 'm' }, { "touch", 1, NULL, 't' }, { "json", 0, NULL, 'j' },
        { "help", 0, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    int c;
    while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (c) {
        case 'r': o->rounds = number(optarg, ROUNDS_LEAST, ROUNDS_MOST); break;
        case 'm': o->milliseconds = number(optarg, 1, 10000); break;
        case 't':
            if (strcmp(optarg, "buffer") != 0 && strcmp(optarg, "header") != 0)
                usage(stderr, 2);
            o->buffer = optarg[0] == 'b';
            break;
        case 'j': o->json = true; break;
        case 'h': usage(stdout, 0); break;
        default: usage(stderr, 2);
        }
    }
    for (int p = 0; p < PATTERNS; p++)
        o->wanted[p] = optind == argc;
    for (int i = optind; i < argc; i++) {
        int p = 0;
        while (p < PATTERNS && strcmp(argv[i], pattern_names[p]) != 0)
            p++;
        if (p == PATTERNS)
            usage(stderr, 2);
        o->wanted[p] = true;
    }
}

int main(int argc, char **argv)
{
    struct options o = { .rounds = 9, .milliseconds = 60 };
    const struct peer *there[PEERS + 1] = { NULL };
    int patterns, n = 0;
    options_read(&o, argc, argv);
    patterns = run_open() >= 2 ? PATTERNS : PATTERN_HANDOFF;
    for (int i = 0; i < PEERS; i++) {
        missing[i] = candidates[i]->missing ? candidates[i]->missing : candidates[i]->open();
        if (!missing[i])
            there[n++] = candidates[i];
    }
    run_start(there);
    for (int p = 0; p < patterns; p++)
        if (o.wanted[p])
            measure((enum pattern)p, &o);
    run_stop();
    while (n)
        there[--n]->close();
    if (o.json)
        json(patterns, &o);
    else
        table(patterns, &o);
    return 0;
}
