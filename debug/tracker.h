/* debug/tracker.h - what a tracker is: words beside the count, how an update changes them, and what can be read out of them.
 *
 * One file a tracker: xor.c sum.c sketch.c slots.c releasers.c journal.c. All writers' functions are lock-free, are called by any threads at once on the same
 * line, and must be right at every prefix of their steps: a step is one atomic operation on one word, and a reader that knows who died in an
 * update (its intent) takes back each prefix in a copy.
 */
#ifndef WEIR_DEBUG_TRACKER_H
#define WEIR_DEBUG_TRACKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/track.h>
#include "layout.h"
#include "token.h"

enum { VERDICT_HOLDERS = 64 };  /* more than any tracker names at once */

struct tracker_update {
    const struct thread_token *token;
    uint32_t time;              /* units since `created` */
    unsigned parameter;         /* k or n */
    struct watch *watch;        /* releasers take nodes from its segment; else unused */
};

/* -- reading. All of it works on copies: a line's words as they stood at one stable moment, and tables that a reader has checked. */
struct tracker_tokens {         /* the registered tokens, by index; those not READY have value 0 */
    uint32_t n;
    const uint64_t *value;      /* [n], token_value of each */
    const uint32_t *holder;     /* [n] */
    const uint64_t *who;        /* [n], pid << 32 | tid of its holder */
};

struct tracker_reading {
    const uint64_t *words;      /* the tracker's, a copy; never changed by a decoder */
    unsigned parameter, n_words;
    uint32_t count;             /* the references there are, of the same moment */
    bool own;                   /* discipline=own */
    const struct tracker_tokens *tokens;
    const struct debug_node *nodes;     /* of releasers; n_nodes of them; NULL: none */
    uint32_t n_nodes;
};

struct verdict {
    enum weir_certainty certainty;
    unsigned n;                 /* holders named */
    struct { uint32_t token; int32_t refs; uint32_t since; } holder[VERDICT_HOLDERS];   /* since: units, 0: not known */
    bool site_unknown;          /* the tokens stand for their holders alone: what they say of a site is not meant */
    double wrong_log2;          /* certified: the probability of a wrong reading is at most 2^this; 0: it is a proof */
    const char *why;            /* static text: why it is not certified, or NULL */
};

struct tracker {
    const char *name;
    unsigned least, most, usual;                                /* its parameter; 0, 0, 0: it has none */
    unsigned (*words)(unsigned parameter);                      /* of a line */
    unsigned powers;                                            /* 1: tokens need 2k - 1 powers; 0: none */
    void (*first)(uint64_t *words, const struct tracker_update *u);     /* a life begins: the words are anything; nobody else looks at them */
    void (*add)(uint64_t *words, const struct tracker_update *u);
    void (*take_back)(uint64_t *words, const struct tracker_update *u); /* the inverse: a reference of that token is given back */
    void (*over)(uint64_t *words, const struct tracker_update *u);      /* the life is over: releasers give back nodes; NULL: nothing */
    /* Of a dead updater: changes the copy as if the first `steps` steps of its update (sign, token) had not happened; 0 <= steps <= steps(parameter).
     * false: there is no such prefix, and the copy is as it was. value: of the token; who: pid << 32 | tid of its holder. */
    unsigned (*steps)(unsigned parameter);
    bool (*undo)(uint64_t *copy, unsigned parameter, uint64_t value, uint64_t who, uint32_t token, int sign, unsigned steps);
    void (*decode)(struct verdict *out, const struct tracker_reading *r);
};

extern const struct tracker tracker_xor, tracker_sum, tracker_sketch, tracker_slots, tracker_releasers, tracker_journal;
extern const struct tracker *const trackers[TRACKERS];          /* by enum debug_tracker; [TRACKER_NONE] is NULL */

#endif
