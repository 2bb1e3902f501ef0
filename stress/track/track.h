/* track.h - what weir-track-bench's parts share: the trackers, what is measured of each, and what came out.
 *
 * measure.c, memory.c and names.c write `bench_track`, the rest reads.
 */
#ifndef WEIR_TRACK_BENCH_H
#define WEIR_TRACK_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "../bench/bench.h"

/* One way to watch a pool. */
struct tracker_case {
    const char *name;
    const char *spec;           /* weir_pool_config.debug */
    const char *record;         /* what it keeps of an object */
    bool sampled;               /* one life in many: what one op's references cost says nothing */
    bool tracks;                /* it has names to tell */
};
extern const struct tracker_case tracker_cases[];
extern const unsigned tracker_cases_n;
enum { TRACKER_CASES_MOST = 24, CASE_OFF = 0 };
int tracker_case_index(const char *name);       /* -1: there is none */

/* What is timed: ns of one thread for one. */
enum work { WORK_PAIR, WORK_REF, WORK_SHARED, WORK_HOLD, WORKS };
extern const char *const work_name[WORKS], *const work_what[WORKS];

/* What can be named: who holds an op whose holders are known. */
enum { SCENES_MOST = 12 };
struct scene {
    const char *name, *what;
    unsigned holders, refs;     /* each of so many threads takes so many */
    bool holds;                 /* by holds, else by plain calls */
    bool handed;                /* one more takes two, and another gives one of them back */
};
extern const struct scene scenes[];
extern const unsigned scenes_n;
struct named {
    bool read;                  /* the op was among the leaks */
    enum { NAMED_CERTIFIED, NAMED_PROBABLE, NAMED_AMBIGUOUS, NAMED_OVERFLOW } how;
    unsigned named, right;      /* holders; those that hold so many as was said */
    bool wrong;                 /* certified, and not so */
};

struct track_bench {
    unsigned rounds, objects;
    double seconds;             /* of one measurement */
    bool wanted[TRACKER_CASES_MOST];
    const char *command;
    double took;
    unsigned failures;
    struct {
        char failed[300];       /* not "": why it was not measured */
        struct result time[WORKS];
        double bytes, fixed;    /* of an object beyond header and buffer; of a pool, whatever its objects */
        struct named named[SCENES_MOST];
    } of[TRACKER_CASES_MOST];
};
extern struct track_bench bench_track;

void track_failed(unsigned c, const char *what);
void measure_all(void);         /* rounds, trackers taking turns */
void memory_all(void);
void names_all(void);

struct track_figure {
    const char *what;
    double limit, measured;     /* at most; measured < 0: not measured */
    const char *unit;
};
enum { TRACK_FIGURES = 3 };
void track_figures(struct track_figure *out);

void track_table(FILE *out);
int track_json(const char *file);       /* 0, or -errno */
int track_csv(const char *directory);

#endif
