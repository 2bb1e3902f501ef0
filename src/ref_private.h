/* src/ref_private.h - what a count in an op's header and one in any object have in common. The argument is in ref.c. */
#ifndef WEIR_REF_PRIVATE_H
#define WEIR_REF_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>
#include <weir/inline/layout.h>
#include "atomic.h"
#include "track.h"

enum ref_raise { REF_RAISED, REF_GONE, REF_FULL, REF_TRACKED };

struct weir_ref;
struct weir_domain;

/* domain.c, for holds. By a holder: is the ref followed, and where? The end of a followed one, after its last reference. */
bool ref_tracked(const struct weir_ref *ref, struct track **track, uint32_t *line);
void ref_end(struct weir_ref *ref, struct track *track, uint32_t line, const void *site);
struct track *domain_track(const struct weir_domain *domain);

/* Take back a change of the word, unless somebody has changed it since: that somebody found it wrong already. */
static inline void ref_undo(uint64_t *word, uint64_t now, uint64_t before)
{
    (void)cas_64(word, &now, before);                           /* ref.R1: takes back what it did */
}

/* Of a followed op whose header said SUBMITTED: is there one reference, and does it still say so? Who returned it may have let go between the two. */
static inline bool ref_last_is_submitted(const struct track *t, uint32_t index, const uint64_t *header)
{
    return track_layer->refs(t, index) == 1 && (load_acquire_64(header) & WEIR_REFS_SUBMITTED);     /* ref.A1 <- ref.R1 */
}

/* Sets the mark on a word whose count is full. true: this call was the first. */
static inline bool ref_saturate(uint64_t *word)
{
    return !(or_64(word, WEIR_REFS_SATURATED) & WEIR_REFS_SATURATED);   /* ref.R1: the mark */
}

/* One more, by who may hold nothing: only if `marks` are set and the count is not 0. REF_TRACKED: the count is not here. */
static inline enum ref_raise ref_raise(uint64_t *word, uint64_t marks)
{
    uint64_t old = load_acquire_64(word);                       /* ref.A3 <- ref.R3, for a full count, which is not raised */
    do {
        if ((old & (marks | WEIR_REFS_TRACKED)) != marks || !(old & WEIR_REFS_COUNT))
            return (old & marks) == marks && (old & WEIR_REFS_TRACKED) ? REF_TRACKED : REF_GONE;
        if ((old & WEIR_REFS_COUNT) >= WEIR_REFS_MAX)
            return REF_FULL;
        WEIR_POINT("look-up.seen");
    } while (!cas_64(word, &old, old + 1));                     /* ref.A3 <- ref.R3: what was so when it was published */
    WEIR_POINT("look-up.raised");
    return REF_RAISED;
}

/* As ref_raise, of a tracked count; header: where it would be. What was raised counts along there. */
static inline enum ref_raise ref_raise_tracked(struct track *t, uint32_t index, uint64_t *header, uint64_t mask, uint64_t expected, const void *site)
{
    enum track_raise raise = track_layer->raise(t, index, header, mask, expected, site);
    if (raise == TRACK_RAISED)
        (void)add_64(header, 1);                                /* ref.R1: held by now */
    return raise == TRACK_RAISED ? REF_RAISED : raise == TRACK_FULL ? REF_FULL : REF_GONE;
}

#endif
