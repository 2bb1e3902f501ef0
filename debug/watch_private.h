/* debug/watch_private.h - what the layer's files ask of each other about a watch. */
#ifndef WEIR_DEBUG_WATCH_PRIVATE_H
#define WEIR_DEBUG_WATCH_PRIVATE_H

#include "../src/atomic.h"
#include "reader.h"
#include "watch.h"

/* watch.c */
int watch_begin(struct track **out, const struct track_shape *shape, const char *text);
void watch_placed(struct track *t, struct weir_pool *pool);
void watch_end(struct track *t);
void watch_unlink(const char *name);             /* of a shared pool */
void watch_segment_name(char *out, size_t size, const char *name, bool shared);
int watch_make_segment(struct watch *w, const struct debug_header *geometry, unsigned mode);

/* stale.c: segments that dead processes have left. */
void stale_remove(const char *name);                            /* of this name, all but the newest */
void stale_remove_exact(const char *segment, bool shared);      /* this one, if who made it is dead */

/* life.c: the functions of the layer's table, and those by a token that is known. */
struct life_by {                /* who does it */
    struct watched_thread *thread;
    const struct thread_token *token;   /* into the line */
    const struct thread_token *place;   /* into the journal and the places */
};
bool life_begin(struct track *t, uint32_t object, uint32_t generation, const void *site);
bool life_ref(struct track *t, uint32_t object, const void *site);
bool life_ref_by(struct watch *w, uint32_t object, const struct life_by *by);
enum track_left life_unref(struct track *t, uint32_t object, const void *site);
enum track_left life_unref_by(struct watch *w, uint32_t object, const struct life_by *by);
enum track_raise life_raise(struct track *t, uint32_t object, const uint64_t *header, uint64_t mask, uint64_t expected, const void *site);
void life_end(struct track *t, uint32_t object, const void *site);
void life_publish(struct track *t, uint32_t object);
uint32_t life_refs(const struct track *t, uint32_t object);
void life_note(struct track *t, uint32_t object, unsigned event, const void *site);
void life_begin_object(struct watch *w, uint32_t object, const void *site);
void life_move(struct watch *w, uint32_t object, const struct life_by *to, const struct life_by *from);
bool life_ready(struct watch *w, uint32_t object);
uint32_t life_next(const struct watch *w, uint32_t i);
uint32_t life_followed(const struct track *t);
uint32_t life_oldest(const struct watch *w);                    /* birth of the oldest life that is followed now; UINT32_MAX: none is */

/* objects.c: a domain's lines. */
uint32_t objects_begin(struct track *t, const void *address, const void *site);
const void *objects_address(const struct track *t, uint32_t object);
void objects_end(struct watch *w, uint32_t object);

/* numbers.c */
void numbers_publish_slow(struct watch *w, uint32_t now);
static inline void numbers_publish(struct watch *w, uint32_t now)
{
    if (load_relaxed_64(&w->head->numbers.at) != now)           /* the later of two says the same */
        numbers_publish_slow(w, now);
}

/* child.c */
void child_forked(void);

#endif
