/* debug/guard.c - poison, red zones and page protection.
 *
 * Purpose    a write to a buffer that was given back, or beyond its ends, is found: at once (pages, tools), when the op is next taken (poison), or when
 *            it is given back (red zones).
 * Invariant  an object's bit in `poisoned` is set while its whole buffer is poison and its zones are whole. Both zones of a held op are whole.
 *            An op's zones are its own: the half before its buffer lies in the stride of the op before, which never touches it.
 * Trims      take whole pages of free ops, which read as zero afterwards: discarded() clears the bits. The zone before a buffer that begins a page lies in a
 *            page that may be the neighbour's alone: found all zero, it counts as taken by a trim.
 * Shared     a trim in another process clears no bit here. There a part of the buffer that makes up all it has of a page, and is zero, counts as
 *            taken. Page protection is of one process alone, so a shared pool's guard is poison even if pages were asked for.
 *
 *     may run at once     taken, given: one thread an op, its only holder (or who has just claimed it). discarded: who has claimed all those ops.
 *                         Bits of several ops share a word: hence the read-modify-writes. What one holder sets the next sees, since the op was
 *                         handed to it; no bit publishes anything.
 *     progress            lock-free; pages: a system call each
 *
 * What can go wrong: a system has only so many mappings (Linux: 65,530), and each free op between held ones is one. What can't be protected is poisoned.
 */
#include "../src/pool_private.h"      /* first: it declares before it defines what is inline */
#include "guard.h"
#include "watch.h"
#include <errno.h>
#include <string.h>

/* -- bits ----------------------------------------------------------------------------------------------------------------- */

static size_t guard__bytes(uint32_t objects)
{
    return (objects / 64 + 1) * sizeof(uint64_t);
}

static void guard__set(struct track *t, uint32_t object)
{
    (void)or_64(&watch_of(t)->poisoned[object / 64], UINT64_C(1) << (object % 64));     /* guard.B1 -> guard.B1: only this op's bit */
}

/* Was it set? It no longer is. */
static bool guard__clear(struct track *t, uint32_t object)
{
    uint64_t *word = &watch_of(t)->poisoned[object / 64], bit = UINT64_C(1) << (object % 64);
    if (!(load_relaxed_64(word) & bit))                         /* our own op's bit: nobody else changes it */
        return false;
    (void)sub_64(word, bit);                                    /* guard.B1 -> guard.B1: only this op's bit */
    return true;
}

/* -- a pool's life -------------------------------------------------------------------------------------------------------- */

int guard_open(struct watch *w, const struct track_shape *shape)
{
    if (!(w->head->flags & DEBUG_GUARD) || shape->kind != TRACK_POOL || !shape->buffer_size)
        return 0;
    w->poisoned = os_pages(guard__bytes(shape->objects));
    if (!w->poisoned)
        return -ENOMEM;
    w->track.guard = true;
    w->track.pages = (w->head->flags & DEBUG_PAGES) && !shape->shared;
    w->track.red_zone = GUARD_RED_ZONE;
    return 0;
}

void guard_placed(struct track *t, struct weir_pool *pool)
{
    if (!t->guard)
        return;
    guard_tell_placed(pool);
    if (t->pages)
        (void)guard_fault_watch(t, pool);
}

void guard_left(struct track *t, struct weir_pool *pool)
{
    if (!t->guard)
        return;
    if (t->pages)
        guard_fault_forget(pool);
    guard_tell_left(pool);
}

void guard_close(struct watch *w)
{
    if (w->poisoned)
        os_pages_free(w->poisoned, guard__bytes(w->head->objects));
    w->poisoned = NULL;
}

/* -- where ---------------------------------------------------------------------------------------------------------------- */

struct guard_place guard_place(const struct track *t, const struct weir_pool *pool, uint32_t object)
{
    const struct arena *a = &pool->arena;
    struct guard_place p = { a->buffers + (size_t)object * a->buffer_stride, pool->buffer_size, 0, t->red_zone / 2 };
    if (!t->pages && object)
        p.before = t->red_zone / 2;
    return p;
}

static bool guard__all(const char *bytes, size_t n, unsigned char what)
{
    return !n || ((unsigned char)bytes[0] == what && !memcmp(bytes, bytes + 1, n - 1));
}

/* -- pages ---------------------------------------------------------------------------------------------------------------- */

static bool guard__protect(const struct weir_pool *pool, const struct guard_place *p, bool accessible)
{
    return !os_protect(p->buffer, pool->arena.buffer_stride, accessible);
}

/* -- what a trim leaves ----------------------------------------------------------------------------------------------------- */

/* Is each page's part of these bytes either what it was, or all zero? */
static bool guard__kept_or_zero(const char *at, size_t n, unsigned char was)
{
    const char *end = at + n, *next;
    for (; at < end; at = next) {
        next = at + (os_page_size() - (uintptr_t)at % os_page_size());
        if (next > end)
            next = end;
        if (!guard__all(at, (size_t)(next - at), was) && !guard__all(at, (size_t)(next - at), 0))
            return false;
    }
    return true;
}

/* May another process have trimmed a free op here, which no bit of ours knows of? */
static bool guard__is_shared(struct track *t)
{
    return (watch_of(t)->head->flags & DEBUG_SHARED) != 0;
}

/* -- red zones and poison --------------------------------------------------------------------------------------------------- */

static void guard__fill_zones(const struct guard_place *p)
{
    memset(p->buffer - p->before, GUARD_ZONE, p->before);
    memset(p->buffer + p->size, GUARD_ZONE, p->behind);
}

/* The zone before a buffer that begins a page is in a page that may be the neighbour's but for it, and the neighbour's was trimmed. */
static bool guard__before_is_whole(struct track *t, const struct guard_place *p, bool held)
{
    const char *zone = p->buffer - p->before;
    if (guard__all(zone, p->before, GUARD_ZONE))
        return true;
    return ((uintptr_t)p->buffer % os_page_size() == 0 || (!held && guard__is_shared(t))) && guard__kept_or_zero(zone, p->before, GUARD_ZONE);
}

static bool guard__behind_is_whole(struct track *t, const struct guard_place *p, bool held)
{
    const char *zone = p->buffer + p->size;
    if (guard__all(zone, p->behind, GUARD_ZONE))
        return true;
    return !held && guard__is_shared(t) && guard__kept_or_zero(zone, p->behind, GUARD_ZONE);
}

/* Both are whole again afterwards in any case, so that who goes on after the panic finds no second one. */
static void guard__check_zones(struct track *t, struct weir_pool *pool, uint32_t object, const struct guard_place *p, bool held, const void *site)
{
    bool behind = !guard__behind_is_whole(t, p, held);
    struct guard_change change;
    if (behind)
        guard_compare(&change, p, (ptrdiff_t)p->size, p->behind, GUARD_ZONE);
    else if (!guard__before_is_whole(t, p, held))
        guard_compare(&change, p, -(ptrdiff_t)p->before, p->before, GUARD_ZONE);
    else
        return;
    guard__fill_zones(p);
    guard_panic(t, pool, object, &change, behind ? GUARD_BEHIND : GUARD_BEFORE, held, site);
}

static void guard__check_poison(struct track *t, struct weir_pool *pool, uint32_t object, const struct guard_place *p, const void *site)
{
    struct guard_change change;
    if (guard__all(p->buffer, p->size, GUARD_POISON))
        return;
    if (guard__is_shared(t) && guard__kept_or_zero(p->buffer, p->size, GUARD_POISON))
        return;
    guard_compare(&change, p, 0, p->size, GUARD_POISON);
    guard__fill_zones(p);
    guard_panic(t, pool, object, &change, GUARD_BUFFER, false, site);
}

/* -- an op comes and goes ------------------------------------------------------------------------------------------------- */

void guard_taken(struct track *t, struct weir_pool *pool, uint32_t object, const void *site)
{
    struct guard_place p = guard_place(t, pool, object);
    if (t->pages)
        (void)guard__protect(pool, &p, true);
    if (t != &guard_tools) {
        guard_tell_open(&p);
        if (guard__clear(t, object)) {
            guard__check_poison(t, pool, object, &p, site);
            guard__check_zones(t, pool, object, &p, false, site);
        }
        guard__fill_zones(&p);
    }
    guard_tell_taken(pool, &p, t == &guard_tools || t->pages);
}

void guard_given(struct track *t, struct weir_pool *pool, uint32_t object, const void *site)
{
    struct guard_place p = guard_place(t, pool, object);
    if (t != &guard_tools) {
        guard_tell_open(&p);
        guard__check_zones(t, pool, object, &p, true, site);
        if (!t->pages || !guard__protect(pool, &p, false)) {
            memset(p.buffer, GUARD_POISON, p.size);
            guard__set(t, object);
        }
    }
    guard_tell_given(pool, &p);
}

void guard_discarded(struct track *t, uint32_t from, uint32_t to)
{
    for (; t != &guard_tools && from < to; from++)
        (void)guard__clear(t, from);
}
