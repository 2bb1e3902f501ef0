/* debug/watch.h - one watched pool or domain: the track that the core sees, and the segment behind it. */
#ifndef WEIR_DEBUG_WATCH_H
#define WEIR_DEBUG_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include "../src/os/os.h"
#include "../src/track.h"
#include "layout.h"
#include "spec.h"
#include "token.h"
#include "tracker.h"

struct weir_pool;

struct watch {
    struct track track;         /* first: what the core sees */
    struct spec spec;
    const struct tracker *tracker;      /* NULL: guards or a journal alone */
    struct os_segment segment;
    char segment_name[DEBUG_NAME + 32];
    struct debug_header *head;  /* in the segment, as all of these */
    struct debug_module *modules;
    struct debug_holder *holders;
    struct debug_site *sites;
    struct debug_token *tokens;
    char *text;
    uint64_t *frames;
    struct debug_node *nodes;
    uint8_t *ready;
    char *chunks;
    struct weir_pool *pool;     /* NULL: a domain */
    uint32_t id;                /* small, unique in this process while it is open: for tables by watch */
    bool attached;              /* another process made the segment */
    struct os_lock lock;        /* registration of threads, sites, modules: never on the path of a reference that has its token */
    struct watch *next;         /* in the list of all, under watch_lock */
    uint64_t *poisoned;         /* guards: a bit an object, set while its poison can be relied on */
    uint64_t spare;             /* domains: lines that are free again, {tag 32, line + 1} */
    uint32_t fresh;             /* domains: lines that were ever used */
    uint32_t births;            /* domains: lives that have begun, followed or not */
    void *locals;               /* token.c's and site.c's own, process memory */
};

/* All watches of this process. */
extern struct os_lock watch_lock;
struct watch *watch_first(void);                                /* under watch_lock */

static inline struct watch *watch_of(struct track *t) { return (struct watch *)(void *)t; }
static inline uint32_t watch_time(const struct watch *w)        /* now, in units, never 0 */
{
    int64_t age = os_now_coarse() - w->head->created;           /* which may lie a little before */
    return age < 0 ? 1 : (uint32_t)(age / DEBUG_UNIT) + 1;
}

static inline char *watch__chunk(const struct watch *w, uint32_t object)
{
    return w->chunks + (size_t)(object / DEBUG_CHUNK) * w->head->chunk_bytes;
}
static inline uint64_t *watch_birth(const struct watch *w, uint32_t object)
{
    return (uint64_t *)(void *)watch__chunk(w, object) + object % DEBUG_CHUNK;
}
static inline uint64_t *watch_object(const struct watch *w, uint32_t object)     /* domains only: the object's address */
{
    return (uint64_t *)(void *)(watch__chunk(w, object) + CHUNK_OBJECTS) + object % DEBUG_CHUNK;
}
static inline uint32_t *watch_places(const struct watch *w, uint32_t object)
{
    return (uint32_t *)(void *)(watch__chunk(w, object) + CHUNK_PLACES) + object % DEBUG_CHUNK;
}
static inline uint64_t *watch_line(const struct watch *w, uint32_t object)
{
    uint64_t *lines = (uint64_t *)(void *)(watch__chunk(w, object) + chunk_lines(w->head->kind == TRACK_DOMAIN));
    return lines + (size_t)(object % DEBUG_CHUNK) * w->head->line_words;
}
static inline uint64_t *line_tracker(uint64_t *line) { return line + 1; }
static inline uint64_t *line_journal(const struct watch *w, uint64_t *line) { return line + 1 + w->head->tracker_words; }

/* journal.c, for the journal beside a tracker and for a life's notes. thread: a holder's entry. begin: a new life's, before its first note. */
void journal_begin(uint64_t *words, unsigned n);
void journal_write(uint64_t *words, unsigned n, unsigned event, uint32_t token, uint32_t thread, uint32_t time);

#endif
