/* engine.h - what all stress workloads share: options, eras, rounds, threads, the quiet checks, and how a violation is told.
 *
 * A workload runs for a number of seconds in eras. An era is one pool of a random shape (or the shape that was asked for) and
 * one set of threads; it has a few rounds. A round:
 *
 *     all threads: work() until stress_over()      the workload's own idea, an oracle in each op
 *     all threads: drain()                         everything goes back
 *     the main thread, the others standing still with whatever their caches hold:
 *         no op is held; live is 0; live + cached + free = capacity; gets and puts are what the threads counted;
 *         weir_pool_check; then the main thread takes all `capacity` ops, the next get is NULL, and puts them back
 *
 * At an era's end the threads exit, after which nothing may be cached, and the pool is closed. Every decision comes from the
 * seed; what the scheduler does in between does not. The first violation ends the program.
 */
#ifndef WEIR_STRESS_ENGINE_H
#define WEIR_STRESS_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include <weir/cache.h>
#include <weir/op.h>
#include <weir/pool.h>
#include <weir/stats.h>

#include "meeting.h"
#include "oracle.h"
#include "random.h"

struct stress_options {
    uint64_t seed;
    unsigned threads;
    double seconds;             /* a workload */
    long capacity, cache, buffer;       /* -1: chosen by the workload, another in each era */
    const char *csv;            /* for a soak: where to write its rows; NULL: nowhere */
    long yield;                 /* per mille at labelled points, where the build has them; -1: chosen */
};

struct stress;

/* A thread of a workload: its own. */
struct worker {
    struct stress *stress;
    struct weir_pool *pool;
    struct weir_cache *cache;   /* NULL: go by thread-local storage alone */
    struct oracle *oracle;
    struct random random;
    unsigned number;            /* 0 to threads - 1; `threads` is the main thread */
    unsigned who;               /* for the oracle */
    unsigned looks;             /* stress_over's */
    unsigned holds;
    struct weir_op **held;      /* room for the whole capacity */
    uint64_t gets, puts, nulls; /* on this pool */
    uint64_t ops;               /* gets and puts, on any pool */
};

/* What a workload is. Hooks that are NULL do nothing. */
struct workload {
    const char *name;
    const char *prose;
    void (*shape)(struct stress *s, struct weir_pool_config *config, struct random *r);     /* narrow the random shape */
    void (*open)(struct stress *s);                     /* main thread, pool is there, threads are not */
    void (*work)(struct worker *w);
    void (*drain)(struct worker *w);                    /* after every thread's work() has returned */
    void (*close)(struct stress *s);                    /* main thread, threads have gone */
    void (*run)(struct stress *s);                      /* instead of all that: no eras, it ends with report_line */
    bool counts_tries;          /* its gets in bulk that come to nothing may be counted as gets and puts */
    bool bare;                  /* its pools begin without committed memory */
    bool forgets;               /* it trims: a free op may lose its contents */
    const char *missing;        /* not NULL: why this system can't run it */
};

struct stress {
    const struct workload *workload;
    const struct stress_options *options;
    struct weir_pool_config config;
    struct weir_pool *pool;
    struct oracle oracle;
    struct meeting *all, *workers;      /* with and without the main thread */
    struct worker *worker;      /* threads + 1 */
    void *own;                  /* the workload's */
    _Atomic uint64_t extra;     /* the workload's own figure, named in its line */
    const char *extra_name;
    _Atomic uint64_t more;      /* another one */
    const char *more_name;
};

/* The main loop: run one workload for its seconds and print its line. */
void stress_run(const struct workload *workload, const struct stress_options *options);

/* True once this round is to end. stress_over looks at the clock now and then, for tight loops; stress_over_now at every call. */
bool stress_over(struct worker *w);
bool stress_over_now(void);

/* One op through the pool's own calls (by thread-local storage or by the cache at hand, as the seed says) with the oracle. */
struct weir_op *stress_get(struct worker *w);
void stress_put(struct worker *w, struct weir_op *op);
void stress_taken(struct worker *w, struct weir_op *op);        /* the workload called another get itself */
void stress_giving(struct worker *w, struct weir_op *op);       /* ... and is about to call another put */

/* The worker's own list. stress_hold_one answers whether it got one; stress_put_some gives back n at random. */
bool stress_hold_one(struct worker *w);
void stress_put_some(struct worker *w, unsigned n);
void stress_put_all(struct worker *w);

/* Nanoseconds on a clock that only goes on. */
int64_t stress_now(void);

/* Give the processor away: an op or a place is not to be had just now. */
void stress_yield(void);

/* Set up a worker: who it is and its random stream; then a pool to work on (the counts begin at 0); the end of that. */
void stress_worker_init(struct worker *w, struct stress *s, unsigned number, uint64_t stream);
void stress_worker_pool(struct worker *w, struct weir_pool *pool, struct oracle *oracle);
void stress_worker_end(struct worker *w);

/* For a pool on which nobody is in a call: the equation, the count of live ops, the walk. out may be NULL. */
void stress_check_quiet(struct weir_pool *pool, uint32_t capacity, uint64_t live, struct weir_stats *out);

/* Take all ops of a quiet pool but the `live` that others hold, see NULL, put them back. The worker must hold nothing. */
void stress_reach_bound(struct worker *w, uint64_t live);

/* A violation: the message, the seed, the shape, the command to run again; then the end. */
void stress_fail(const char *format, ...) __attribute__((__format__(__printf__, 1, 2), __noreturn__));

/* Say once what the run is, for stress_fail; then it also catches panics, and rounds that never end. */
void report_open(const struct stress_options *options);
void report_now(const struct stress *s, double seconds);        /* the run that messages are about; must be over after seconds */
void report_line(const struct stress *s, const struct weir_stats *sum, uint64_t ops, unsigned rounds);
void report_unwatched(void);                                    /* without the watchman's thread until report_watched: for a fork of one thread */
void report_watched(void);
void report_close(void);

#endif
