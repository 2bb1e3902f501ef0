/* weir-bench - one get and put of weir beside what else there is: DPDK's rte_mempool, the mallocs, lock-free lists, a mutex, the floor.
 *
 * A shell: options in, patterns one after the other, the table out. bench/patterns.c says what is measured, bench/peers.c beside whom,
 * bench/peer.h how it is fair, bench/figures.c what is to be reached. Only ratios mean anything: the times are this machine's.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <libgen.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/clock.h"
#include "bench/options.h"

enum { OBJECTS = 65536, OBJECTS_LEAST = 4096 };

struct bench bench = { .objects = OBJECTS };
static const char *json_file, *csv_directory;

static void usage(FILE *out)
{
    fprintf(out, "usage: weir-bench [options]        all patterns, all peers: about 8 minutes\n"
                 "  --list               the patterns and the peers\n"
                 "  --only PATTERN,...   these patterns\n"
                 "  --peer PEER,...      these peers\n"
                 "  --rounds N           of each measurement, 1 to %d; otherwise each pattern's own number\n"
                 "  --seconds S          of one measurement; otherwise each pattern's own\n"
                 "  --objects N          in a pool, %d to %d; less for objects above 4 KiB (256 MiB a peer)\n"
                 "  --json FILE          all that was measured, each round of it\n"
                 "  --csv DIRECTORY      a file a pattern, for plots\n"
                 "Exit status 0: all was measured but what is named as missing; 1: a peer failed; 2: usage.\n",
            BENCH_ROUNDS_MOST, OBJECTS_LEAST, OBJECTS);
}

static int pattern_index(const char *name)
{
    for (unsigned i = 0; i < bench_patterns_n; i++)
        if (strcmp(bench_patterns[i].name, name) == 0)
            return (int)i;
    return -1;
}

static void choose(const char *option, char *names, int (*index)(const char *), bool *wanted)
{
    char *rest = NULL;
    for (char *name = strtok_r(names, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
        int i = index(name);
        if (i < 0)
            option_refuse(option, name, "there is none of that name; --list shows them");
        wanted[i] = true;
    }
}

static void list(void)
{
    printf("patterns\n");
    for (unsigned i = 0; i < bench_patterns_n; i++)
        printf("  %-10s %s\n", bench_patterns[i].name, bench_patterns[i].prose);
    printf("peers\n");
    for (unsigned i = 0; i < bench_peers_n; i++)
        printf("  %-18s %s%s\n", bench_peers[i].name, bench_peers[i].package ? "needs Debian's " : "",
               bench_peers[i].package ? bench_peers[i].package : "");
}

static void options_read(int argc, char **argv)
{
    static const struct option long_options[] = {
        { "list", 0, NULL, 'l' }, { "only", 1, NULL, 'o' }, { "peer", 1, NULL, 'p' }, { "rounds", 1, NULL, 'r' }, { "seconds", 1, NULL, 's' },
        { "objects", 1, NULL, 'n' }, { "json", 1, NULL, 'j' }, { "csv", 1, NULL, 'c' }, { "help", 0, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    bool only = false, peer = false;
    int c;
    while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (c) {
        case 'l': list(); exit(0);
        case 'o': choose("only", optarg, pattern_index, bench.wanted_pattern); only = true; break;
        case 'p': choose("peer", optarg, peer_index, bench.wanted_peer); peer = true; break;
        case 'r': bench.rounds = option_count("rounds", optarg, 1, BENCH_ROUNDS_MOST); break;
        case 's': bench.seconds = option_number("seconds", optarg, 0.0001, 60); break;
        case 'n': bench.objects = option_count("objects", optarg, OBJECTS_LEAST, OBJECTS); break;
        case 'j': json_file = optarg; break;
        case 'c': csv_directory = optarg; break;
        case 'h': usage(stdout); exit(0);
        default: usage(stderr); exit(2);
        }
    }
    if (optind < argc) {
        usage(stderr);
        exit(2);
    }
    for (unsigned i = 0; !only && i < bench_patterns_n; i++)
        bench.wanted_pattern[i] = true;
    for (unsigned i = 0; !peer && i < bench_peers_n; i++)
        bench.wanted_peer[i] = true;
}

static void programs_find(void)
{
    char self[sizeof bench.programs] = "";
    if (readlink("/proc/self/exe", self, sizeof self - sizeof "/bench") < 0) {
        fprintf(stderr, "weir-bench: /proc/self/exe can't be read\n");
        exit(1);
    }
    snprintf(bench.programs, sizeof bench.programs, "%.4000s/bench", dirname(self));
}

static void processors_count(void)
{
    cpu_set_t mine;
    int n = sched_getaffinity(0, sizeof mine, &mine) == 0 ? CPU_COUNT(&mine) : 1;
    bench.processors = n < BENCH_PROCESSORS ? (unsigned)n : BENCH_PROCESSORS;
}

int main(int argc, char **argv)
{
    int64_t began = clock_ns();
    bench.command = machine_command("weir-bench", argc, argv);
    options_read(argc, argv);
    programs_find();
    processors_count();
    machine_get();                  /* the load is others' as yet */
    signal(SIGPIPE, SIG_IGN);       /* a peer that ends is seen where its answer is read */
    for (unsigned i = 0; i < bench_patterns_n; i++)
        if (bench.wanted_pattern[i]) {
            fprintf(stderr, "%s%s", i ? " " : "", bench_patterns[i].name);
            bench_measure(i);
        }
    fprintf(stderr, "\n");
    bench.took = (double)(clock_ns() - began) / 1e9;
    table_print(stdout);
    if (option_write(json_file, json_write) | option_write(csv_directory, csv_write))
        return 1;
    return bench.failures ? 1 : 0;
}
