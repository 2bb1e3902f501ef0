/* debug/objects.c - a domain's lines: objects that are counted by a weir_ref have no index of their own, so each that is followed is lent one.
 *
 * Purpose    a line for each followed object, without memory of its own: lines that are free again form a stack whose links lie in the objects' words.
 * Invariant  a line is in the stack, or some object's, or was never used; its birth is 0 unless it is somebody's.
 *
 *     begin and end may run at once, by any threads; progress: lock-free. The stack's head carries a tag, so that a line that was taken and came back
 *     between a look and the swap is noticed: 2^32 changes would have to pass meanwhile.
 */
#include "../src/atomic.h"
#include "watch_private.h"

static uint32_t objects__pop(struct watch *w)
{
    uint64_t head = load_acquire_64(&w->spare), next;           /* objects.A2 <- objects.A1: the link */
    do {
        if (!(uint32_t)head)
            return TRACK_NONE;
        next = load_relaxed_64(watch_object(w, (uint32_t)head - 1));    /* verified by the swap */
    } while (!cas_64(&w->spare, &head, ((head >> 32) + 1) << 32 | (uint32_t)next));     /* objects.A1, objects.A2 */
    return (uint32_t)head - 1;
}

static uint32_t objects__fresh(struct watch *w)
{
    uint32_t line = load_relaxed_32(&w->fresh);                 /* relaxed fresh: verified by the swap */
    do {
        if (line >= w->head->objects)
            return TRACK_NONE;
    } while (!cas_32(&w->fresh, &line, line + 1));              /* objects.F1 -> objects.F1: the number alone */
    return line;
}

static void objects__push(struct watch *w, uint32_t line)
{
    uint64_t head = load_relaxed_64(&w->spare);                 /* verified by the swap */
    do
        store_relaxed_64(watch_object(w, line), (uint32_t)head);
    while (!cas_64(&w->spare, &head, ((head >> 32) + 1) << 32 | (line + 1)));   /* objects.A1 -> objects.A2: the link */
}

/* One life in `sample` is followed. TRACK_NONE: not this one, or no line or memory is left for it, which is counted. */
uint32_t objects_begin(struct track *t, const void *address, const void *site)
{
    struct watch *w = watch_of(t);
    uint32_t line;
    if (!t->sample || (t->sample > 1 && add_32(&w->births, 1) % t->sample != 0))   /* objects.B1 -> objects.B1: the number alone */
        return TRACK_NONE;
    line = objects__pop(w);
    if (line == TRACK_NONE)
        line = objects__fresh(w);
    if (line == TRACK_NONE || !life_ready(w, line)) {
        (void)add_64(&w->head->numbers.untracked, 1);           /* life.N1 */
        return TRACK_NONE;                                      /* a fresh line without memory stays unused: its chunk has none */
    }
    store_relaxed_64(watch_object(w, line), (uint64_t)(uintptr_t)address);     /* published by life.L1 */
    life_begin_object(w, line, site);
    return line;
}

const void *objects_address(const struct track *t, uint32_t object)
{
    return (const void *)(uintptr_t)load_relaxed_64(watch_object((const struct watch *)(const void *)t, object));
}

void objects_end(struct watch *w, uint32_t object)
{
    objects__push(w, object);
}
