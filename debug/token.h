/* debug/token.h - who does it, and where: a thread's tokens, found by return address or by site.
 *
 * A token is a number that stands for (holder, site), or for a holder alone. The thread keeps those it has used in a table of its own, by
 * address, so that a reference finds its token, with the powers that a sketch adds, in a few instructions. Nothing is allocated per reference.
 */
#ifndef WEIR_DEBUG_TOKEN_H
#define WEIR_DEBUG_TOKEN_H

#include <stdint.h>
#include "layout.h"
#include <weir/track.h>         /* struct weir_site */

struct watch;

struct thread_token {           /* process memory, its thread's alone */
    const void *key;            /* the return address, the weir_site, or a stack's digest */
    uint32_t index;             /* in the segment; 0: the table is full, nobody in particular */
    uint32_t holder, site;      /* site 0: the holder alone */
    uint64_t who;               /* pid << 32 | tid, for xor */
    uint64_t power[DEBUG_POWERS];   /* value^1, value^2, ... modulo SKETCH_PRIME by sketch_powers (sketch.h): 2k - 1 of a sketch, else value^1
                                       alone. Index 0 has value 0 */
};

/* The calling thread in one watch: its holder's entry and its tokens. Registers the thread at first use. Never NULL: a thread that can have no record
 * gets the watch's "nobody", which any number of threads may use at once. */
struct watched_thread {
    struct watch *watch;
    struct debug_holder *holder;    /* in the segment */
    uint32_t index;                 /* its entry; 0: nobody */
};
struct watched_thread *watched_thread(struct watch *w);

/* The token of (holder, place of a plain call): `site` is a return address, NULL: not known; with stacks the whole stack from there. Plain calls write it into
 * journals and places alone; into lines goes the holder's own token (token_of_site with NULL), since who gives back can't know which take it undoes. Of
 * a hold: (holder, weir_site), in lines as well. Never NULL. Owned by the thread until its next call of these. Where no token is left, it is the
 * holder's own with that site, and numbers.unnamed says so. Without a journal plain calls' places have no tokens of their own. */
const struct thread_token *token_of_address(struct watched_thread *t, const void *site);
const struct thread_token *token_of_site(struct watched_thread *t, const struct weir_site *site);

/* The balance: one more or less by the token's own thread, or by another (a hold that somebody else drops). A take is counted before the line's update, what is
 * given back after it: a token whose thread is gone and whose balance is 0 may be used again. Token 0: what is taken is counted as unnamed.
 */
void token_count(struct watched_thread *t, uint32_t token, int sign);

/* At least as much as is there from the call's begin to its end: of a token whose hold is in the caller's hands 1 or more. Takes and drops of others go on
 * meanwhile. */
int64_t token_balance(const struct debug_token *token);

/* At a thread's exit, for all of its watches: holders become DEBUG_EXITED, the memory goes. */
void token_thread_exit(void *mine);

/* At a watch's close, before its segment goes: no thread's record leads there any more, and what these files kept for it is freed. Nobody uses it then. */
void token_forget(struct watch *w);

/* Around a fork: no thread is in the midst of registering or leaving. The watches' own locks are the caller's to take, before. */
void token_hold(void);
void token_let_go(void);

/* In a forked child, between these two: what the threads kept that it doesn't have is freed. Then, for each watch whose segment is a private copy: the surviving
 * thread's entry gets its new identity; all others of this process are DEAD there. A shared watch: the thread gets a new entry at its next call. */
void token_forked_threads(void);
void token_forked(struct watch *w);

#endif
