/* weir-track-bench - what it costs to know who holds it: bytes of an object, and the time of get and put, ref and unref, take and drop, for each
 * tracker beside a pool that is not watched; and what each tracker can name.
 *
 * A shell: options in, measurements, the table out. track/cases.c says which trackers and which figures are to be reached, track/measure.c how time is
 * measured, track/memory.c memory, track/names.c what is named. Only ratios mean anything: the times are this machine's.
 */
#define _GNU_SOURCE
#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/options.h"
#include "bench/peer.h"
#include "track/track.h"

enum { ROUNDS = 31, OBJECTS = 65536, OBJECTS_LEAST = 4096 };

struct track_bench bench_track = { .rounds = ROUNDS, .objects = OBJECTS, .seconds = 0.004 };
static const char *json_file, *csv_directory;

static void usage(FILE *out)
{
    fprintf(out, "usage: weir-track-bench [options]        all trackers: about 20 seconds\n"
                 "  --list               the trackers and what is measured\n"
                 "  --tracker NAME       this one, beside off; may be given again\n"
                 "  --rounds N           1 to %d; otherwise %d\n"
                 "  --seconds S          of one measurement; otherwise %g\n"
                 "  --objects N          in the pool whose memory is looked at, %d and more; otherwise %d\n"
                 "  --json FILE          all that was measured, each round of it\n"
                 "  --csv DIRECTORY      the file that the plot is drawn from\n"
                 "Exit status 0: all was measured, and nothing certified was wrong; 1: a tracker failed; 2: usage.\n",
            BENCH_ROUNDS_MOST, ROUNDS, bench_track.seconds, OBJECTS_LEAST, OBJECTS);
}

void bench_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "weir-track-bench: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    exit(1);
}

void track_failed(unsigned c, const char *what)
{
    if (!bench_track.of[c].failed[0])
        bench_track.failures++;
    snprintf(bench_track.of[c].failed, sizeof bench_track.of[c].failed, "%.290s", what);
}

static void list(void)
{
    printf("trackers\n");
    for (unsigned i = 0; i < tracker_cases_n; i++)
        printf("  %-22s %s\n", tracker_cases[i].name, tracker_cases[i].record);
    printf("what is measured\n");
    for (enum work w = 0; w < WORKS; w++)
        printf("  %-22s %s\n", work_name[w], work_what[w]);
}

static void options_read(int argc, char **argv)
{
    static const struct option long_options[] = {
        { "list", 0, NULL, 'l' }, { "tracker", 1, NULL, 't' }, { "rounds", 1, NULL, 'r' }, { "seconds", 1, NULL, 's' }, { "objects", 1, NULL, 'n' },
        { "json", 1, NULL, 'j' }, { "csv", 1, NULL, 'c' }, { "help", 0, NULL, 'h' }, { NULL, 0, NULL, 0 },
    };
    bool some = false;
    int c, which;
    while ((c = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
        switch (c) {
        case 'l': list(); exit(0);
        case 't':
            if ((which = tracker_case_index(optarg)) < 0)
                option_refuse("tracker", optarg, "there is none of that name; --list shows them");
            bench_track.wanted[which] = some = true;
            break;
        case 'r': bench_track.rounds = option_count("rounds", optarg, 1, BENCH_ROUNDS_MOST); break;
        case 's': bench_track.seconds = option_number("seconds", optarg, 0.0001, 10); break;
        case 'n': bench_track.objects = option_count("objects", optarg, OBJECTS_LEAST, 1 << 24); break;
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
    bench_track.wanted[CASE_OFF] = true;
    for (unsigned i = 0; !some && i < tracker_cases_n; i++)
        bench_track.wanted[i] = true;
}

int main(int argc, char **argv)
{
    int64_t began = clock_ns();
    bench_track.command = machine_command("weir-track-bench", argc, argv);
    options_read(argc, argv);
    machine_get();                  /* the load is others' as yet */
    names_all();
    memory_all();
    measure_all();
    bench_track.took = (double)(clock_ns() - began) / 1e9;
    track_table(stdout);
    if (option_write(json_file, track_json) | option_write(csv_directory, track_csv))
        return 1;
    return bench_track.failures ? 1 : 0;
}
