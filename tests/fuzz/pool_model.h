/* tests/fuzz/pool_model.h - what the model of fuzz_pool knows of a pool, and how it is kept. */
#ifndef WEIR_TESTS_FUZZ_POOL_MODEL_H
#define WEIR_TESTS_FUZZ_POOL_MODEL_H

#include <weir/weir.h>

#include "fuzz.h"

enum { POOLS = 2, MOST = 160, STALE = 8, STASH = 8 };

struct entry {
    struct weir_op *op;         /* NULL: not held */
    uint32_t refs;
    bool published, submitted, seen;
    uint64_t handle;            /* of this life, or of the last */
    uint8_t mark;               /* what the buffer and the user area were filled with */
};

struct model {
    struct weir_pool *pool;
    struct weir_pool_config config;
    char name[16];
    struct entry entry[MOST];
    uint64_t live, gets;
    uint64_t stale[STALE];
    uint32_t low;
    bool below, low_unsure;
    unsigned users;             /* 1: the first thread has called, 2: the second. Both: low water is known roughly, as pool.h says */
    unsigned low_calls, pinned, reclaimers;
    struct weir_op *stash[STASH];       /* what the reclaimer can give back */
    unsigned stashed, reclaimed;
    bool trimmed;
};

extern struct model models[POOLS];
extern bool poor;               /* a commit may fail */

/* A call that may be a caller's bug. */
enum call { CALL_PUT, CALL_PUT_TO, CALL_PUT_BULK, CALL_REF, CALL_UNREF, CALL_PUBLISH, CALL_SUBMITTED, CALL_RETURNED, CALL_RELEASE };

struct called {
    enum call call;
    struct weir_pool *pool;
    struct weir_op *op;
    bool answer;
};

/* Make the call: it must panic, or must not. */
void model_must(struct called *c, bool panic);
/* Write a mark into buffer and user area; see that it is still there (zero: or gone, by a trim). */
void model_fill(const struct model *m, struct entry *e, uint8_t mark);
void model_compare(const struct model *m, const struct entry *e, bool zero);
/* The entry of an op of this pool. */
struct entry *model_of(struct model *m, const struct weir_op *op);
/* The pool gave this op; it has gone back. Before a put, not after. */
void model_born(struct model *m, struct weir_op *op);
void model_died(struct model *m, struct entry *e);
/* A get has gone by, before which low water had been told `calls` times. */
void model_level(struct model *m, unsigned calls, bool got);
/* The low-water call, and a reclaimer that gives one of the stash. */
void model_low(struct weir_pool *pool, void *arg);
unsigned model_reclaim(struct weir_pool *pool, void *arg);
/* An op that is held and not stashed, by a number; NULL: none. */
struct entry *model_pick(struct model *m, uint32_t n);
/* The statistics say what the model says; the walk. */
void model_quiet(struct model *m);
void model_check(struct model *m);

#endif
