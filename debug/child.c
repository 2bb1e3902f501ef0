/* debug/child.c - a forked child's watches.
 *
 * A private pool is copied by a fork, its segment is not: the child makes one of its own, named by its own pid, and copies what the parent's says. The parent's
 * other threads go on meanwhile, so the copy is not of one moment; the child's headers are. A line that does not say what its op's header says is made anew:
 * the count is kept, who held it is not known. The surviving thread's entry becomes the child's; what other threads of the parent held
 * stays theirs, and they are dead here.
 *
 * A shared pool's segment stays the parent's and the child's, and the child's thread is another holder there.
 *
 *     threads   the one of the child, before fork returns; the layer's locks are held
 */
#include <stdio.h>
#include <string.h>
#include "../src/atomic.h"
#include "../src/pool_private.h"
#include "trigger.h"
#include "watch_private.h"

/* The references that the op's own header speaks of, if it is followed; 0: it is not. */
static uint32_t child__refs(const struct watch *w, uint32_t object)
{
    uint64_t refs = load_relaxed_64(&arena_op(w->pool, object)->refs);
    return refs & WEIR_REFS_TRACKED ? (uint32_t)((refs & WEIR_REFS_COUNT) - WEIR_REFS_SENTINEL) + 1 : 0;
}

static void child__line(struct watch *w, uint32_t object)
{
    static const struct thread_token nobody = { 0 };
    uint64_t *line = watch_line(w, object);
    uint32_t refs = child__refs(w, object);
    struct tracker_update u = { &nobody, 1, w->head->parameter, w };
    if (line_count(*line) == refs && !line_active(*line))
        return;
    if (refs && w->tracker)
        w->tracker->first(line_tracker(line), &u);
    store_relaxed_64(line, (*line & LINE_PUBLISHED) | refs);    /* the child has one thread */
    if (!refs)
        store_relaxed_64(watch_birth(w, object), 0);
}

static void child__lines(struct watch *w)
{
    uint32_t i, used = load_acquire_32(&w->pool->arena.committed);  /* arena.C2 */
    for (i = life_next(w, 0); i < used && i < w->head->objects; i = life_next(w, i + 1))
        if (line_count(*watch_line(w, i)))
            child__line(w, i);
}

/* All that has memory, into the new segment. false: it has no room for it. */
static bool child__copy(struct watch *w, const struct watch *from)
{
    const struct debug_header *h = from->head;
    uint32_t i;
    memcpy((char *)w->segment.base + DEBUG_HEADER, (const char *)from->segment.base + DEBUG_HEADER, h->ready_at - DEBUG_HEADER);
    for (i = 0; i < h->chunks; i++) {
        if (from->ready[i] != DEBUG_IS_READY)
            continue;
        if (os_segment_allocate(&w->segment, h->chunks_at + (uint64_t)i * h->chunk_bytes, h->chunk_bytes))
            return false;
        memcpy(w->chunks + (size_t)i * h->chunk_bytes, from->chunks + (size_t)i * h->chunk_bytes, h->chunk_bytes);
        w->ready[i] = DEBUG_IS_READY;
    }
    return true;
}

/* A segment of the child's own. Without room for one, a copy that nobody finds: the child's own reports still work. */
static void child__segment(struct watch *w)
{
    struct debug_header h = *w->head;
    struct watch from;
    struct os_process self;
    bool made;
    (void)os_process_self(&self);
    h.owner = (struct debug_process){ self.boot, self.space, self.pid, self.start };
    h.state = DEBUG_CLAIMING;
    h.numbers.seq &= ~UINT64_C(1);
    watch_segment_name(w->segment_name, sizeof w->segment_name, h.name, false);
    stale_remove_exact(w->segment_name, false);
    from = *w;                                                  /* with the child's name: the parent's is the parent's to unlink */
    made = !watch_make_segment(w, &h, 0600);
    if (!made || !child__copy(w, &from)) {
        if (made) {
            os_segment_close(&w->segment);
            (void)os_segment_unlink(w->segment_name);
        }
        *w = from;
        (void)os_segment_private_copy(&w->segment);
        return;
    }
    os_segment_close(&from.segment);
    store_release_32(&w->head->state, DEBUG_READY);             /* header.S1 -> reader.A2: the copy */
}

void child_forked(void)
{
    struct watch *w;
    token_forked_threads();
    for (w = watch_first(); w; w = w->next) {
        if (!(w->head->flags & DEBUG_SHARED)) {
            child__segment(w);
            if (w->pool)
                child__lines(w);
        }
        token_forked(w);
    }
    trigger_forked();
}
