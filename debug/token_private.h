/* debug/token_private.h - what token.c, threads.c, holder.c and site.c share: a thread's record in one watch, and what a watch keeps in process memory. */
#ifndef WEIR_DEBUG_TOKEN_PRIVATE_H
#define WEIR_DEBUG_TOKEN_PRIVATE_H

#include "holder.h"

enum { RECORD_TOKENS = 16 };            /* in the record itself, which is a page */

/* An open-addressing table: a key of 0 is a free place, and there is always one. */
struct record {
    struct watched_thread t;            /* first */
    struct thread_token alone;          /* the holder's own */
    struct thread_token last;           /* what found no room in the table */
    unsigned stacks;                    /* frames of a plain call's site; 0: its address alone */
    unsigned powers;                    /* that the tracker wants of a token */
    bool shared;                        /* the segment is other processes', too */
    uint32_t mask, used;
    unsigned shift;
    uint64_t *keys;
    struct thread_token *tokens;
    size_t bytes;                       /* of the pages that both are in; 0: the two below */
    uint64_t first_keys[RECORD_TOKENS];
    struct thread_token first_tokens[RECORD_TOKENS];
};
_Static_assert(sizeof(struct record) <= 4096, "a record is a page");

struct site_map {                       /* of this process's addresses, to entries; a key of 0 is a free place */
    uint32_t mask, used;
    struct { uint64_t key; uint32_t site; } place[];
};

struct locals {
    struct record nobody;
    uint32_t holder_next, token_next, site_next;        /* where the last search ended: what was used longest ago comes first */
    int64_t collect_after;              /* ns: it found nothing before */
    struct site_map *map;
    size_t map_bytes;
};

/* token.c */
void record_begin(struct record *r, struct watch *w, uint32_t holder);
void record_identify(struct record *r);                 /* its tokens take the pid and number that its holder has now */
void record_end(struct record *r);

/* site.c. The entry of a key, if it is known; and from now on. Under w->lock. */
uint32_t site_known(const struct locals *l, uint64_t key);
void site_know(struct locals *l, uint64_t key, uint32_t site);

/* threads.c. NULL: no memory. */
struct locals *watch_locals(struct watch *w);

/* holder.c. Claims a free entry of a table of `n`, looking from *next on; 0: there is none. The state is each entry's first word. */
uint32_t table_claim(void *entries, size_t entry_bytes, uint32_t n, uint32_t *next);

/* Fills a claimed entry but for its state, a word at a time: who reads it meanwhile sees by its first word that it changed. Then makes it READY. */
void table_fill(void *entry, const void *from, size_t bytes);
static inline uint32_t *table_state(void *entry) { return entry; }

#endif
