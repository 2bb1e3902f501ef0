/* weir/op.h - ops: take one, use its OVERLAPPED and buffer for one I/O, give it back.
 *
 * An op has one owner at a time, or several that count references (ref.h). Get and put are a handful of instructions on the
 * thread's own cache; an op may be given back by any thread, also one that never takes any.
 *
 * Interrupts. None of these functions may be called in a signal handler: the handler may have interrupted one of them on the
 * same cache. weir_op_buffer, _buffer_size, _user, _pool, _index, _handle, _overlapped and _from_* are safe there. None is a cancellation
 * point, weir_op_get_wait neither: a thread is cancelled before or after it, not inside. A longjmp across them can come only from a
 * callback (the panic hook, low water) and leaves the pool whole.
 *
 * Fork. The child has the ops that its forking thread held, its pools with all other ops accounted for, and no waiters.
 * What other threads of the parent held stays live in the child, too: nobody there can give it back but by its pointer.
 */
#ifndef WEIR_OP_H
#define WEIR_OP_H

#include "pool.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weir_op;
struct _OVERLAPPED;

#ifdef __ELF__
/* Where the system has no OVERLAPPED, weir's own of the same shape (64-bit Windows), so that code can be shared. */
struct _OVERLAPPED {
    uint64_t Internal;          /* status */
    uint64_t InternalHigh;      /* bytes */
    __extension__ union {
        __extension__ struct {
            uint32_t Offset;
            uint32_t OffsetHigh;
        };
        void *Pointer;
        uint64_t offset64;
    };
    void *hEvent;
};
#endif

/* weir_op_get - take one op from the pool.
 *
 * owns      before: the pool; after: the caller alone, one reference. OVERLAPPED zeroed, buffer and user area as they were left; a guarded pool's
 *           buffer (track.h) is poison
 * threads   any, concurrently; the first call of a thread makes its cache
 * progress  wait-free while the cache has ops; lock-free to refill; may commit memory until `capacity` is committed; one
 *           process-wide barrier (a system call) when other threads' caches must be searched, none while they have nothing new
 * errors    NULL: every op of the pool is live, or in a call in progress. Or its memory could not be committed, or a thread's
 *           first call found no memory for a cache: then the statistics say live < capacity
 */
WEIR_API struct weir_op *weir_op_get(struct weir_pool *pool);

/* weir_op_get_wait - take one op, waiting for it if need be.
 *
 * Waiters are served first come, first served, by whichever thread puts next. timeout_ns: -1 for ever, 0 does not wait.
 *
 * owns, threads   as weir_op_get
 * progress  blocks until an op is given back or the time is over
 * errors    NULL: the time is over
 */
WEIR_API struct weir_op *weir_op_get_wait(struct weir_pool *pool, int64_t timeout_ns);

/* weir_op_get_bulk - take n ops or none.
 *
 * owns      after: out[0..n) are the caller's, one reference each; if the result is 0, out is undefined
 * threads   any. Callers that find too little in cache and depot queue: two that each hold half of what is left can't both fail
 * progress  lock-free while cache and depot have enough; else may wait for another bulk caller
 * returns   n, or 0: fewer than n ops could be had. n = 0 gives 0
 */
WEIR_API unsigned weir_op_get_bulk(struct weir_pool *pool, struct weir_op **out, unsigned n);

/* weir_op_put - give an op back. The caller is its sole owner.
 *
 * owns      before: the caller alone; after: the pool
 * threads   any thread, whichever took it
 * progress  wait-free while the cache has room; lock-free to flush. Threads that find no memory for a cache take turns
 * errors    panic, naming the op: already given back (double put), more references than one, published, still submitted, or
 *           not an op of any pool. NULL does nothing
 */
WEIR_API void weir_op_put(struct weir_op *op);

/* weir_op_put_bulk - give back n ops, which may be of different pools. As n calls of weir_op_put, in fewer stores: a thread that is stopped in it
 * keeps up to a magazine of them from the others. */
WEIR_API void weir_op_put_bulk(struct weir_op **ops, unsigned n);

/* What an op carries. All: wait-free, any thread that holds the op.
 *
 * weir_op_buffer       its buffer, aligned as asked; NULL: the pool has none
 * weir_op_buffer_size  usable bytes of the buffer
 * weir_op_user         its user area, 64-byte aligned; NULL: the pool has none
 * weir_op_pool         the pool it belongs to
 * weir_op_index        0 to capacity - 1, its own for ever; also its buffer's in weir_pool_iovecs
 * weir_op_handle       index and generation in one number that is never 0; an op given back since has another. Of a published op it is a
 *                      load; else a compare-and-swap, and the op's return takes a few instructions more
 * weir_op_at           the op with that index, whether live or not; NULL: no such index, or never used yet
 */
WEIR_API void *weir_op_buffer(const struct weir_op *op);
WEIR_API size_t weir_op_buffer_size(const struct weir_op *op);
WEIR_API void *weir_op_user(const struct weir_op *op);
WEIR_API struct weir_pool *weir_op_pool(const struct weir_op *op);
WEIR_API uint32_t weir_op_index(const struct weir_op *op);
WEIR_API uint64_t weir_op_handle(const struct weir_op *op);
WEIR_API struct weir_op *weir_op_at(struct weir_pool *pool, uint32_t index);

/* From an address back to the op. weir_op_from_buffer: any address inside a buffer of this pool; NULL: it is none.
 * weir_op_from_user: exactly what weir_op_user gave; NULL gives NULL. */
WEIR_API struct weir_op *weir_op_from_buffer(struct weir_pool *pool, const void *inside);
WEIR_API struct weir_op *weir_op_from_user(const void *user);

/* The OVERLAPPED to give to the system, and the op of an OVERLAPPED that the system gave back. NULL gives NULL. An OVERLAPPED
 * that may be foreign is asked of weir_pool_owns first. */
WEIR_API struct _OVERLAPPED *weir_op_overlapped(struct weir_op *op);
WEIR_API struct weir_op *weir_op_from_overlapped(struct _OVERLAPPED *overlapped);

/* weir_op_prepare - zero the OVERLAPPED for the op's next use and set its file offset. The op must not be in flight. */
WEIR_API void weir_op_prepare(struct weir_op *op, uint64_t offset);

/* weir_op_submitted, weir_op_returned - for programs with their own loop: say that the kernel owns the op, and that it no
 * longer does. In between, a put of it, or its last unref, is a panic instead of a buffer that changes under its next owner.
 *
 * One I/O at a time: an op whose buffer goes out in several writes at once is referenced for each instead (ref.h).
 * weir_op_submitted comes before the system call, weir_op_returned after its completion was dequeued or the submit failed.
 *
 * threads   the owner; then whoever dequeued it
 * progress  wait-free (one store for an op held once)
 * errors    panic: submitted twice, returned without a submit, or not held
 */
WEIR_API void weir_op_submitted(struct weir_op *op);
WEIR_API void weir_op_returned(struct weir_op *op);

#if defined(__GNUC__) && !defined(__cplusplus)
/* WEIR_AUTO_OP - an op that goes back by weir_op_unref when its variable goes out of scope, unless it was set to NULL.
 *
 *     WEIR_AUTO_OP struct weir_op *op = weir_op_get(pool);
 */
#define WEIR_AUTO_OP __attribute__((__cleanup__(weir_op_auto_unref)))
#endif
WEIR_API void weir_op_auto_unref(struct weir_op **op);

#ifdef __cplusplus
}
#endif

#ifndef WEIR_NO_INLINE
#include "inline/op.h"
#endif
#endif
