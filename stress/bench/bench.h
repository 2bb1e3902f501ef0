/* bench.h - what weir-bench's own side shares: peers, patterns, and what was measured.
 *
 * A pattern has cases (so many threads, objects of that size), a case has results: for each peer the values of each round. All of
 * it lies in `bench`; measure.c writes it, the rest read.
 */
#ifndef WEIR_BENCH_BENCH_H
#define WEIR_BENCH_BENCH_H

#include <stdio.h>

#include "protocol.h"

enum { BENCH_PEERS_MOST = 24, BENCH_CASES_MOST = 40, BENCH_PATTERNS_MOST = 20, BENCH_ROUNDS_MOST = 101, BENCH_PROCESSORS = 2 };

/* -- peers ------------------------------------------------------------------------------------------------------------------------ */

/* What a peer is there for: all gets and puts; a bound that one thread can reach; a get that waits; ... */
enum group { GROUP_POOL = 1, GROUP_BOUND = 2, GROUP_EMPTY = 4, GROUP_WAIT = 8, GROUP_CHURN = 16, GROUP_LINKED = 32, GROUP_REFS = 64,
             GROUP_RUNDOWN = 128, GROUP_DPDK = 256 };
enum kind { KIND_WEIR, KIND_FLOOR, KIND_RTE, KIND_MALLOC, KIND_OTHER };

struct peer_entry {
    const char *name;           /* its program is bench-<name> */
    const char *package;        /* Debian's, without which the program is not built; NULL: it always is */
    enum kind kind;
    unsigned groups;
};
extern const struct peer_entry bench_peers[];
extern const unsigned bench_peers_n;

int peer_index(const char *name);       /* -1: there is none */

/* -- patterns --------------------------------------------------------------------------------------------------------------------- */

struct bench_case {
    const char *label;
    unsigned threads;
    unsigned size;
    unsigned n[3];
    enum bench_work work;
    bool buffer;
    double x;                   /* its place on a plot's axis */
};

struct pattern {
    const char *name, *prose;
    enum bench_unit unit;
    enum group group;           /* of peers */
    unsigned rounds;
    double seconds;             /* of one measurement */
    unsigned capacity;          /* 0: the option's */
    const struct bench_case *cases;
    unsigned cases_n;
};
extern const struct pattern bench_patterns[];
extern const unsigned bench_patterns_n;

/* The values of a unit by name, and whether less is better. */
struct value_name {
    const char *name, *what;
    bool less;
};
unsigned unit_values(enum bench_unit unit, const struct value_name **names);
unsigned pattern_threads(const struct pattern *pattern);        /* the most */
unsigned pattern_capacity(const struct pattern *pattern, const struct bench_case *c);

/* -- what was measured ------------------------------------------------------------------------------------------------------------ */

struct result {
    unsigned rounds;            /* 0: not measured */
    double value[BENCH_VALUES][BENCH_ROUNDS_MOST];
};

enum state { STATE_UNUSED, STATE_MEASURED, STATE_MISSING };

struct peer_state {
    enum state state;
    char what[BENCH_TEXT];
    char missing[BENCH_TEXT];   /* why */
    char failed[BENCH_PATTERNS_MOST][BENCH_TEXT];       /* not "": why, in that pattern */
};

struct closing {
    unsigned pattern, peer;
    struct bench_farewell farewell;
};

struct bench {
    unsigned rounds;            /* 0: the pattern's */
    double seconds;             /* 0: the pattern's */
    unsigned objects, processors;
    bool wanted_pattern[BENCH_PATTERNS_MOST], wanted_peer[BENCH_PEERS_MOST];
    const char *command;
    char programs[4096];        /* the directory of the peers' programs */
    struct peer_state peer[BENCH_PEERS_MOST];
    struct result result[BENCH_PATTERNS_MOST][BENCH_CASES_MOST][BENCH_PEERS_MOST];
    struct closing *closing;
    unsigned closings;
    unsigned failures;
    double took;                /* seconds, all of it */
};
extern struct bench bench;

void bench_measure(unsigned pattern);                   /* measure.c */

/* -- what it says ----------------------------------------------------------------------------------------------------------------- */

struct summary {
    double median, lower, upper, lowest, highest;       /* lower, upper: the quartiles */
};
struct summary summary_of(const struct result *r, unsigned value);

/* The median of the rounds' ratios; 0: one of them was not measured. */
double ratio_of(const struct result *a, const struct result *b, unsigned value);

/* The peer of that kind with the best median in that case; -1: none was measured. */
int best_of(unsigned pattern, unsigned c, enum kind kind, unsigned value);

/* A figure to reach: what it asks for, what was measured. */
struct figure {
    const char *what;           /* "pair: time against rte_mempool" */
    char who[BENCH_TEXT];       /* whose, against whom */
    double limit, measured;
    bool at_most;               /* else: at least */
    bool known;                 /* false: something that it needs was not measured */
};
unsigned figures_all(struct figure *out, unsigned most);
bool figure_reached(const struct figure *f);

struct machine {
    char cpu[200], kernel[200], memory[64], compiler[200], flags[400];
    unsigned processors;        /* of the machine */
    double load;                /* its load average when the program began: what others did */
};
const struct machine *machine_get(void);
const char *machine_command(const char *program, int argc, char **argv);       /* as it can be given again: without the files that it writes */

void table_print(FILE *out);
int json_write(const char *file);       /* 0, or -errno */
int csv_write(const char *directory);   /* a file for each pattern, and caption.txt; 0, or -errno */

#endif
