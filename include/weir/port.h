/* weir/port.h - a completion port: where the operations of many streams come back, to any number of threads.
 *
 * The model is that of Windows' I/O completion ports, and on Windows it is one. An operation is *submitted* with an op
 * (stream.h), the op belongs to the port meanwhile, and some thread that waits gets its *completion*.
 *
 * Who owns the op is decided by the submit call's result alone:
 *
 *     result            the op is                    a completion comes
 *     WEIR_PENDING (1)  the port's                   exactly once, whatever happens: done, failed, cancelled, stream closed
 *     WEIR_DONE (0)     the caller's again           never. No call answers it in this version
 *     negative errno    the caller's, as before      never. The call itself was refused; nothing was begun
 *
 * All that goes wrong on a connection comes as a completion, also when it is known at once. So a completion with an
 * error is the one place to handle it, and a negative result means a bug, a closed stream or port, or a lack of memory.
 *
 *     what it was                        status          bytes               error        op and stream
 *     recv: data came                    WEIR_COMPLETED  1 or more           0            as submitted
 *     recv: the peer has ended           WEIR_END        0                   0            as submitted
 *     recv of 0 bytes: there is          WEIR_COMPLETED  0                   0            as submitted
 *       something to read, or the end
 *     send: all is gone                  WEIR_COMPLETED  all of them         0            as submitted
 *     accept, connect                    WEIR_COMPLETED  0                   0            as submitted; weir_op_accepted(op)
 *     any of them, failed                WEIR_FAILED     sent before that    -errno       as submitted: the buffer comes back
 *     cancelled, or stream closed        WEIR_FAILED     sent before that    -ECANCELED   as submitted: the buffer comes back
 *     a post                             WEIR_POSTED     as posted           0            the op or NULL; stream NULL
 *     a call                             none: its function has run inside weir_port_wait
 *
 *     error                    what it means, and what to do
 *     -ECONNRESET, -EPIPE,     the connection is gone. Close the stream
 *     -ECONNABORTED, -ETIMEDOUT
 *     -ENOBUFS, -ENOMEM        the system lacks buffers, or (Windows) pages that may be locked. The stream lives: back off, try
 *                              again when other operations have completed. Receives that lock pages while nothing comes are
 *                              the usual cause: receive 0 bytes first, and into a buffer when that completes
 *     -EMFILE, -ENFILE         an accept without a descriptor to be had; the connection still waits. Close something, or
 *                              submit the next accept only when a stream has closed: at once it would fail at once
 *
 * Order. Each completion of a stream carries the stream's sequence number: 0, 1, 2, ... in the order in which its
 * operations completed, over all kinds, with none left out. Completions that several threads took are put in order by
 * it.
 *
 * What a handler may rely on. A completion names the stream, and does not keep it: see "Who keeps it" in stream.h.
 *
 * A port can't be used in a forked child.
 */
#ifndef WEIR_PORT_H
#define WEIR_PORT_H

#include <stddef.h>
#include <stdint.h>
#include "op.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weir_port;
struct weir_stream;

enum weir_status { WEIR_COMPLETED, WEIR_END, WEIR_FAILED, WEIR_POSTED };

struct weir_completion {
    struct weir_op *op;             /* the caller's again */
    struct weir_stream *stream;
    uintptr_t key;                  /* the stream's, or the post's */
    size_t bytes;
    enum weir_status status;
    int error;                      /* 0, or a negative errno with WEIR_FAILED */
    uint64_t sequence;              /* the stream's; 0 for a post */
};

/* Every zero is a stated default; so is a config that is NULL. */
struct weir_port_config {
    unsigned concurrency;           /* how many threads should run at once; 0: the cores. The system's IOCP keeps to it on Windows;
                                       over epoll it is kept for later and not enforced */
    const char *backend;            /* NULL: the best there is; "epoll" on Linux, "iocp" on Windows */
};

/* weir_port_create - make a port.
 *
 * owns      after: the caller owns *out until weir_port_close. The config is copied
 * threads   any, concurrently
 * progress  allocates, asks the system for two descriptors
 * errors    -EINVAL: out is NULL, or a backend that is not known here (weir_error_message() names it, and those that
 *           are); -ENOMEM; -EMFILE, -ENFILE: no descriptors. *out is not written
 */
WEIR_API int weir_port_create(struct weir_port **out, const struct weir_port_config *config);

/* weir_port_backend - what carries it: "epoll" or "iocp". Static text. NULL port: "" */
WEIR_API const char *weir_port_backend(const struct weir_port *port);

/* weir_port_wait - take up to n completions; wait for the first if there is none.
 *
 * A thread that has waited on a port *serves* it: until it waits on another port, was told -ESHUTDOWN, or ends. The
 * port's memory stays for those that serve it. Functions of weir_port_call run in here, and so does what
 * weir_stream_close was given to call. timeout_ns: -1 waits for ever, 0 does not wait. Windows rounds it up to its
 * clock's steps.
 *
 * owns      after: the ops of out[0..result) are the caller's
 * threads   any number at once. One completion wakes one thread
 * progress  blocks until there is a completion, the time is over, or the port is closed. No cancellation point: to end
 *           a thread, post a packet that tells it to, or close the port
 * returns   how many, 1 to n; 0: the time is over; -ESHUTDOWN: the port is closed and nothing is left in it: the port
 *           is gone for this thread, it must not use it again
 * errors    -EINVAL: NULL, or n is 0
 */
WEIR_API int weir_port_wait(struct weir_port *port, struct weir_completion *out, unsigned n, int64_t timeout_ns);

/* weir_port_post - send a packet to whichever thread waits next: status WEIR_POSTED with these bytes and this key.
 *
 * With an op it can't fail for lack of anything: the link is in the op. Without, it takes one of a reserve of 1,024.
 *
 * owns      before: the caller owns op; after 0: the port, until the packet is taken; after an error: the caller
 * threads   any, concurrently
 * progress  takes the port's lock for a moment; a system call when a thread must be woken
 * errors    -EAGAIN: no op, and 1,024 such packets wait; -ESHUTDOWN: the port is closed; -EINVAL: port is NULL.
 *           panic: the op is in flight already, or free
 */
WEIR_API int weir_port_post(struct weir_port *port, struct weir_op *op, size_t bytes, uintptr_t key);

/* weir_port_call - run fn(arg) on a thread that waits: the port as a pool of threads.
 *
 * fn runs inside that thread's weir_port_wait, with no lock held; it may call anything, block, and submit. It must
 * return.
 *
 * owns      before: the caller owns op; after 0: the port until fn begins, then fn; after an error: the caller
 * threads, progress, errors   as weir_port_post; -EINVAL also: fn is NULL
 */
WEIR_API int weir_port_call(struct weir_port *port, struct weir_op *op, void (*fn)(void *arg), void *arg);

/* weir_port_close - end a port.
 *
 * From then on posts are refused (-ESHUTDOWN). Packets that wait in it are still handed out; when none is left, each
 * weir_port_wait, also those that sleep in it now, answers -ESHUTDOWN. The memory is freed when nothing is left in it
 * and no thread serves it. So threads that serve the port need not be told before; any other thread must not touch it
 * again, also one that was started to serve it and has not come to its first wait: who starts threads and may close soon
 * has each wait once (timeout_ns 0), and knows of it, before.
 *
 * owns      before: the caller; after 0: nobody; after an error: the caller, and the port works on
 * threads   one; it may serve the port itself. Others may wait and post meanwhile if they serve it
 * progress  takes the port's lock, wakes the sleepers
 * errors    -EBUSY: streams are open, or closed and not gone yet (the message says how many): close them and take their
 *           completions; -ESHUTDOWN: closed before; -EINVAL: NULL
 */
WEIR_API int weir_port_close(struct weir_port *port);

/* weir_completion_decode - for programs with their own IOCP loop: what the results of GetQueuedCompletionStatus mean.
 *
 *     ok   overlapped   it is                                  returns      out
 *     yes  yes          an operation that is done, bytes > 0   1            WEIR_COMPLETED
 *     yes  yes          an operation that is done, 0 bytes     1            WEIR_END (an accept, a connect, a send of nothing: done)
 *     no   yes          an operation that failed               1            WEIR_FAILED and error (at a file's end: WEIR_END)
 *     yes  no           a packet that was posted without one   1            WEIR_POSTED
 *     no   no           no packet: the time is over            0            untouched
 *     no   no           no packet: the port was closed         -ESHUTDOWN   untouched
 *     no   no           no packet: any other error             -errno       untouched
 *
 * ok is the call's result, error is GetLastError() if that was 0 (of GetQueuedCompletionStatusEx: RtlNtStatusToDosError
 * of the entry's Internal). A pure function, there on every system: it reads nothing but its arguments, out->op
 * included. The op's program calls weir_op_returned(out->op) itself. out->stream is NULL, out->sequence 0.
 *
 * errors    -EINVAL: out is NULL
 */
WEIR_API int weir_completion_decode(struct weir_completion *out, int ok, uint32_t error, uint32_t bytes, uintptr_t key,
                                    void *overlapped);

#ifdef __cplusplus
}
#endif

#include "stream.h"
#endif
