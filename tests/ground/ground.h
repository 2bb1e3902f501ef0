/* ground.h - a run whose truth is known: what is done, by whom, what came of it, and what was read.
 *
 * A *plan* is drawn from a seed before anything happens. *Actors* (threads of one process, or of several on a shared pool) act it out and note on the
 * *stage*, memory that all processes share, who they are and how far they got. So the driver knows the truth whatever becomes of them, and the
 * *judge* compares it with each *reading*.
 */
#ifndef WEIR_TESTS_GROUND_H
#define WEIR_TESTS_GROUND_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/weir.h>
#include <weir/track.h>

enum { ACTORS = 12, PROCESSES = 4, OPS = 2, REFS = 5, SITES = 3, HANDS = 16, HOLDERS_READ = 128, TEXT = 400, WAVES = 6, FIRST_LINE = 1000 };

/* -- the plan -------------------------------------------------------------------------------------------------------------------- */
enum kind { KIND_XOR, KIND_SUM, KIND_SKETCH, KIND_SLOTS, KIND_RELEASERS, KIND_JOURNAL, KINDS };
enum hand_kind {
    HAND_MOVE,                  /* `by` takes over a hold of `from` */
    HAND_DROP,                  /* `by` drops a hold of `from` */
    HAND_PLAIN                  /* `by` gives back by a plain call what `from` took by one */
};
enum death {
    DEATH_NONE,
    DEATH_QUIET,                /* kill -9 while they sleep */
    DEATH_BUSY,                 /* ... while they take and give in a loop */
    DEATH_POINT                 /* ... by a thread's own hand, at one of the library's labelled points */
};

struct hand {
    enum hand_kind kind;
    uint8_t op, from, by, slot, site;
};

struct plan {
    uint64_t seed;
    enum kind kind;
    unsigned k;                 /* sketch's k, slots' n, the journal's n */
    bool own;                   /* discipline=own: nothing is handed on */
    char spec[80];
    unsigned processes, actors, ops;
    unsigned noise;             /* balanced steps of each actor before, all at once */
    struct {
        uint8_t refs[ACTORS];   /* that the actor takes */
        bool hold[ACTORS];      /* by holds, of this site, or by plain calls */
        uint8_t site[ACTORS];
    } plant[OPS];
    struct hand hand[HANDS];
    unsigned hands;
    enum death death;
    bool dies[PROCESSES];
    unsigned busy_us, point;    /* when */
};

void plan_draw(struct plan *out, uint64_t seed);
void plan_print(const struct plan *p);
static inline unsigned plan_process(const struct plan *p, unsigned actor) { return actor % p->processes; }

/* What an actor holds of an op: [0] by plain calls, [1 + site] by holds. */
struct truth {
    int32_t held[OPS][ACTORS][1 + SITES];
};
void plan_truth(const struct plan *p, struct truth *out);

/* -- the stage ------------------------------------------------------------------------------------------------------------------- */
struct reading_holder {
    int64_t pid, tid;
    enum weir_holder_state state;
    int32_t refs;
    int line;                   /* FIRST_LINE + site: a hold's; else not known */
};
struct reading {
    bool listed, stable;
    enum weir_certainty certainty;
    uint32_t refs;
    unsigned n;
    struct reading_holder holder[HOLDERS_READ];
};

struct stage {
    struct plan plan;
    char pool[64];
    unsigned arrived, wave;     /* the barrier */
    unsigned over;              /* the driver: survivors may end */
    int64_t pid[ACTORS], tid[ACTORS];
    uint32_t op[OPS];           /* indices */
    weir_hold hold[OPS][ACTORS][REFS];
    struct {
        uint32_t begun, ended;  /* steps of the loop in which it was killed: even ones take, odd ones give */
    } busy[ACTORS];
    struct reading own[OPS];    /* by weir_leaks, on actor 0 */
    char wrong[TEXT];           /* the first complaint of an actor */
};

/* What an actor does in its loop. */
static inline unsigned busy_op(const struct plan *p, unsigned actor) { return actor % p->ops; }
static inline unsigned busy_token(const struct plan *p, unsigned actor) { return (p->seed + actor) % 2 ? 1 + actor % SITES : 0; }

/* -- who does what --------------------------------------------------------------------------------------------------------------- */
void actors_process(struct stage *s, unsigned process) __attribute__((__noreturn__));  /* the whole life of a process */

/* read.c: by the library in the process, by the reader on the segment, by weir-inspect. false: *wrong says why. */
bool read_by_library(struct weir_pool *pool, struct stage *s, struct reading *out);
bool read_by_reader(const struct stage *s, struct reading *out, char *wrong);
bool read_by_inspector(const char *program, const struct stage *s, struct reading *out, char *wrong);
void read_remove(const struct stage *s);                /* the segments */

/* judge.c: false, and why, if a reading says what isn't so. dead: the processes that are to die have died. */
struct score {
    unsigned readings, must_certify, certified, probable, ambiguous, overflow, cut_short, cut_short_certified;
};
bool judge(const struct stage *s, const struct reading *r, unsigned op, bool dead, struct score *score, char *wrong);

/* Those who die are reaped before they are read of, or not: dead, or a zombie. */
static inline bool plan_reaps(const struct plan *p) { return p->seed % 2; }

#endif
