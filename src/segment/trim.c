/* src/segment/trim.c - the memory of free buffers back to the file system, and the arena as ranges for registered I/O.
 *
 * Trim makes full magazines of all that is partial, then takes one full magazine after the other from the depot, marks it TRIMMED, punches its buffers'
 * whole pages out of the segment and puts it onto the stack of trimmed ones, from which it comes back only after its buffers have been allocated
 * anew (depot.c). Pages go if all the ops that lie in them are in the same magazine: with buffers of a page or more every one of them. Headers and
 * records stay.
 *
 *     may run at once     with get, put and all else; trims and iovecs one after the other, between processes, too
 *
 * What a trim that dies leaves: a magazine that is marked, in its hand. What weir_pool_iovecs pinned is pinned until its process is recovered.
 */
#include "segment.h"
#include "../panic.h"
#include <errno.h>

static bool trim__pinned(const struct segment *s)
{
    uint32_t w, end = load_acquire_32(&s->head->writers_ready); /* segment.R2 */
    for (w = 1; w < end; w++)
        if (load_relaxed_32(&writer_at(s, w)->pinned))          /* under the lock of trims */
            return true;
    return false;
}

static void trim__sort(uint32_t *index, uint32_t n)
{
    uint32_t i, k, x;
    for (i = 1; i < n; i++) {
        x = index[i];
        for (k = i; k > 0 && index[k - 1] > x; k--)
            index[k] = index[k - 1];
        index[k] = x;
    }
}

/* The whole pages in the buffers of ops [from, to). Bytes. */
static size_t trim__punch(const struct segment *s, uint64_t from, uint64_t to)
{
    const struct segment_shape *k = &s->shape;
    uint64_t page = os_page_size(), begin = (k->buffers_at + from * k->buffer_stride + page - 1) / page * page;
    uint64_t end = (k->buffers_at + to * k->buffer_stride) / page * page;
    return begin < end && !os_segment_punch(&s->os, begin, end - begin) ? end - begin : 0;
}

static size_t trim__magazine(const struct segment *s, struct record *m)
{
    uint32_t index[2 * MAGAZINE_MAX], n = load_relaxed_32(&m->n), i, from = 0;
    size_t bytes = 0;
    for (i = 0; i < n; i++)
        index[i] = load_relaxed_32(&m->slot[i]) - 1;            /* in hand */
    trim__sort(index, n);
    for (i = 1; i <= n; i++)
        if (i == n || index[i] != index[i - 1] + 1) {
            bytes += trim__punch(s, index[from], (uint64_t)index[i - 1] + 1);
            from = i;
        }
    return bytes;
}

/* All partial magazines together, so that what is trimmed is full. The last one may stay. */
static void trim__gather(struct proxy *p)
{
    uint32_t m = p->segment->shape.magazine;
    for (;;) {
        if (p->rec->spare != SEGMENT_NIL)
            segment_push(p, STACK_EMPTY);
        if (!segment_pop(p, STACK_PART))
            break;
        segment_load(p);
        if (writer_n(p->rec) >= m)
            segment_flush_top(p, m);
    }
    segment_flush_all(p);
}

static size_t trim__all(struct proxy *p)
{
    struct segment *s = p->segment;
    uint32_t most = s->shape.blocks;
    size_t bytes = 0;
    if (p->rec->spare != SEGMENT_NIL)
        segment_push(p, STACK_EMPTY);
    while (most-- > 0 && segment_pop(p, STACK_FULL)) {
        struct record *m = record_at(s, p->rec->spare);
        store_relaxed_32(&m->marks, RECORD_READY | RECORD_TRIMMED);
        IN_ORDER();                                             /* segment.C1 */
        bytes += trim__magazine(s, m);
        segment_push(p, STACK_TRIMMED);
    }
    return bytes;
}

size_t segment_trim(struct weir_pool *pool)
{
    struct cache *own = thread_cache_if_any(pool), *c = own ? own : cache_acquire(pool);
    size_t bytes = 0;
    if (!c)
        return 0;
    segment_lock(proxy_of(c), LOCK_TRIM);
    if (pool->arena.buffers && !trim__pinned(pool->segment)) {
        segment_flush_all(proxy_of(c));
        (void)segment_sweep(proxy_of(c));
        segment_flush_all(proxy_of(c));
        trim__gather(proxy_of(c));
        bytes = trim__all(proxy_of(c));
    }
    segment_unlock(proxy_of(c), LOCK_TRIM);
    segment_cache_empty(c);
    if (!own)
        cache_release(c);
    return bytes;
}

/* -- registered I/O ------------------------------------------------------------------------------------------------------- */

/* All buffers have memory and keep it, from now on until the release. The kept writer says so for the process. */
int segment_pin(struct weir_pool *pool)
{
    struct segment *s = pool->segment;
    struct cache *own = thread_cache_if_any(pool), *c = own ? own : cache_acquire(pool);
    uint32_t *pinned = &proxy_of(pool->kept)->rec->pinned;
    int error;
    if (!c)
        return -ENOMEM;
    segment_lock(proxy_of(c), LOCK_TRIM);
    error = segment_commit(s, s->shape.capacity);
    if (!error)
        error = os_segment_allocate(&s->os, s->shape.buffers_at, s->shape.bytes - s->shape.buffers_at);
    if (!error)
        error = os_populate(pool->arena.buffers, s->shape.bytes - s->shape.buffers_at);
    if (!error)
        store_relaxed_32(pinned, load_relaxed_32(pinned) + 1);
    segment_unlock(proxy_of(c), LOCK_TRIM);
    if (!own)
        cache_release(c);
    return error;
}

/* Under the pool's trim_lock, as segment_pin. */
void segment_unpin(struct weir_pool *pool)
{
    uint32_t *pinned = &proxy_of(pool->kept)->rec->pinned;
    store_relaxed_32(pinned, load_relaxed_32(pinned) - 1);
}
