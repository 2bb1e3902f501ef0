/* weir/stream.h - a stream: one socket on a port, its operations, and when it may be freed.
 *
 * Life. weir_stream_open takes the handle over; operations are submitted and complete on the port (port.h says how);
 * weir_stream_close cancels what is pending; when the last completion has been taken from the port and the last
 * reference is gone, the handle is closed, the stream's own ops go back to their pools, `closed` is called once, and
 * the stream is gone.
 *
 *     OPEN      submits work                             weir_stream_close, or the last reference is dropped
 *     CLOSING   submits answer -ESHUTDOWN                operations in progress and references run down
 *     GONE      the pointer means nothing
 *
 * Who keeps it. The stream counts its operations in progress and its users' references:
 *
 *     event                                    references   operations
 *     weir_stream_open                         1            0            the reference that close drops
 *     weir_stream_ref                          + 1
 *     weir_stream_unref                        - 1
 *     a submit that answers WEIR_PENDING                    + 1
 *     its completion is taken from the port                 - 1          inside weir_port_wait, before the handler sees it
 *     weir_stream_close                        - 1                       open's reference
 *     the last reference goes without a close                            closes the stream, `closed` is nobody
 *
 * So while open's reference stands, a handler may use the stream it is told of. If one thread may close a stream while
 * another handles its completions, the handlers need a reference of their own: take one after open, and drop it when
 * the operations that you submitted have all come back. `closed` then runs after that, and is the place to free what
 * the key points to. Without such a reference `closed` may have run when the last completion's handler begins.
 *
 * Each submit must be made by who holds a reference, and returns before it can matter that the completion is already
 * taken elsewhere: a handler's last action may be a submit that gives the connection to whoever gets its completion.
 *
 * An op carries one operation at a time. Its buffer, or what `data` points to, must stay until the completion.
 *
 * Memory. A stream's few hundred bytes come from its port and go back to it, for the next stream; the port frees them
 * when it is closed.
 */
#ifndef WEIR_STREAM_H
#define WEIR_STREAM_H

#include "port.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef intptr_t weir_handle;       /* a descriptor, or a SOCKET */

enum { WEIR_DONE = 0, WEIR_PENDING = 1 };

/* weir_stream_open - make a socket a stream of the port.
 *
 * On Linux the socket is made non-blocking (all its duplicates are, too). On Windows it must be overlapped, as socket()
 * makes them, and can't be on another completion port.
 *
 * owns      before: the caller owns handle; after 0: the stream does and closes it; the caller has one reference, for
 *           weir_stream_close. After an error: the caller owns handle still
 * threads   any, concurrently
 * progress  takes the port's lock, a few system calls; allocates now and then
 * errors    -EBADF, -ENOTSOCK: not a socket; -ENOMEM; -ESHUTDOWN: the port is closed; -EINVAL: NULL, or (Windows) the
 *           socket is on another port. *out is not written
 */
WEIR_API int weir_stream_open(struct weir_stream **out, struct weir_port *port, weir_handle handle, uintptr_t key);

/* weir_stream_ref, weir_stream_unref - keep a stream, and let it go.
 *
 * owns      ref: one reference more is the caller's; unref: one less, and the stream may be gone
 * threads   any that holds a reference, also while it closes
 * progress  wait-free; the last unref closes the handle and calls `closed`
 * errors    panic: no reference was left. NULL: nothing
 */
WEIR_API void weir_stream_ref(struct weir_stream *stream);
WEIR_API void weir_stream_unref(struct weir_stream *stream);

/* weir_stream_close - cancel what is pending, let no more begin, and have the stream freed when all has come back.
 *
 * What is pending completes, with -ECANCELED if it did not get done before; these completions must be taken from the
 * port. closed(arg) runs exactly once, when the stream is gone, on whichever thread that happens: in here, in
 * weir_stream_unref, or in weir_port_wait. It may call anything, weir_port_close too. The socket itself is closed just
 * before, as by close() or closesocket(): data that was sent is still delivered, and SO_LINGER means what it always
 * does.
 *
 * owns      before: the caller holds open's reference; after 0: not. closed NULL: nobody is told
 * threads   any, concurrently with submits, cancels and completions
 * progress  takes the stream's and the port's lock; a few system calls
 * errors    -EALREADY: closed before: no reference was dropped; -EINVAL: NULL
 */
WEIR_API int weir_stream_close(struct weir_stream *stream, void (*closed)(void *arg), void *arg);

/* weir_stream_op_get, weir_stream_op_put - an op for this stream: its own first, then the pool's.
 *
 * A stream keeps up to two idle ops for its next operations, so that a busy connection reuses its own without going to
 * the pool. op_get is weir_op_get(pool) otherwise, and leaves the op the same: OVERLAPPED zeroed, one reference. op_put
 * keeps the op if there is room, the caller is its sole owner, it is not published, and it is of the first pool that
 * the stream kept one of; otherwise it is weir_op_unref. Ops that streams keep count as live; when the pool is empty it
 * takes them back, and when the stream closes they go back.
 *
 * owns      get: after, the caller's alone. put: before, one reference is the caller's; after, not
 * threads   any that holds a reference, concurrently
 * progress  wait-free, or weir_op_get's and weir_op_unref's; the first op_put of a stream takes a lock of the port
 * errors    op_get: NULL: the pool is empty. op_put: panic: the op is free, or in flight. A NULL op: nothing
 */
WEIR_API struct weir_op *weir_stream_op_get(struct weir_stream *stream, struct weir_pool *pool);
WEIR_API void weir_stream_op_put(struct weir_stream *stream, struct weir_op *op);

/* weir_recv - receive what comes, up to `bytes`.
 *
 * data NULL: the op's buffer, and `bytes` 0 then means all of it. data not NULL and `bytes` 0, or an op without a
 * buffer: a receive of 0 bytes, which completes when there is something to read, or the end. Receives of one stream
 * complete in the order in which they were submitted.
 *
 * owns      WEIR_PENDING: op and data are the port's until the completion; else the caller's
 * threads   any that holds a reference, concurrently. Two threads that submit at once: either order
 * progress  takes the stream's lock; one or two system calls, none waits
 * errors    -EINVAL: NULL, or more bytes than the op's buffer has; -ESHUTDOWN: the stream is closing; -ENOMEM, -ENOSPC
 *           (Linux: the limit of watched descriptors). panic: the op is in flight already, or free
 */
WEIR_API int weir_recv(struct weir_stream *stream, struct weir_op *op, void *data, size_t bytes);

/* weir_send - send all of it: completes when the last byte is with the system, or it fails.
 *
 * data NULL: from the op's buffer. Sends of one stream go out in the order in which they were submitted, each as a
 * whole. When one fails, the completion's bytes tell how many went out before. At most 2 GiB - 1 at once.
 *
 * owns, threads, progress, errors   as weir_recv
 */
WEIR_API int weir_send(struct weir_stream *stream, struct weir_op *op, const void *data, size_t bytes);

/* weir_accept - accept one connection on a listening socket. The completion's op tells its handle: weir_op_accepted.
 *
 * Several may be in flight. The handle is the caller's: to open as a stream, or to close. It is not inherited by other
 * programs, and on Linux non-blocking. A connection that was reset before it was accepted is passed over. Op and buffer
 * are not read or written.
 *
 * owns, threads, progress, errors   as weir_recv
 */
WEIR_API int weir_accept(struct weir_stream *listener, struct weir_op *op);

/* weir_op_accepted - the handle that a completed weir_accept of this op brought; -1 if it failed. Means nothing after
 * another operation with the op. Wait-free. */
WEIR_API weir_handle weir_op_accepted(const struct weir_op *op);

/* weir_connect - connect to a socket address (struct sockaddr of so many bytes), which is read before the call returns.
 *
 * Sends may be submitted meanwhile and go out after it. Receives may not: they fail with -ENOTCONN. On Windows an
 * unbound socket is bound to any address first.
 *
 * owns, threads, progress, errors   as weir_recv; -EBUSY: sends or a connect are pending; -EINVAL also: not an address
 */
WEIR_API int weir_connect(struct weir_stream *stream, struct weir_op *op, const void *address, size_t bytes);

/* weir_cancel - cancel one operation, or all of the stream's that are pending (op NULL).
 *
 * Each still completes once: with -ECANCELED, or as it would have if it got done before. On Linux the completion is in
 * the port when the call returns; on Windows it comes soon. A send that was cancelled may have gone out in part: its
 * bytes say so.
 *
 * owns      nothing changes: the ops come back by their completions
 * threads   any that holds a reference, concurrently
 * progress  takes the stream's lock, looks through its pending operations
 * errors    -ENOENT: that op is not pending on this stream (its completion may wait in the port); with op NULL: 0,
 *           whether or not anything was pending; -EINVAL: stream is NULL
 */
WEIR_API int weir_cancel(struct weir_stream *stream, struct weir_op *op);

#ifdef __cplusplus
}
#endif
#endif
