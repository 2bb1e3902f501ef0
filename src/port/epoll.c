/* epoll.c - the port over epoll: readiness turned into completions.
 *
 * Each stream has a queue of operations for each direction. An operation that finds its queue empty is tried at once.
 * What can't be done yet waits in the queue; an event of epoll says that its direction is ready, and whichever thread
 * got the event does the I/O there and then, and has the completions in its hands.
 *
 * Invariant  under stream->lock: an operation waits in a direction's queue only if that direction is not ready and is
 *            watched. ready is cleared only by an attempt that found the system with nothing more, after which the next
 *            change is a new event.
 *
 * Watching. Events are edge-triggered: nothing is re-armed. A direction is watched from the first time that an
 * operation had to wait on it: most streams are added once, for reading, and never changed. Adding tells at once if the
 * socket is ready by then, so no change falls between the attempt and the watch. With all waiting threads in epoll_wait
 * on one descriptor, the kernel wakes one a change.
 *
 * Events are hints. One may be handled late, when another thread has done its I/O, or the stream is gone and its memory
 * another stream (slots.c): it sets ready, and costs an attempt in vain. Nothing is concluded from an event but that it
 * is time to try.
 *
 * Waking. An eventfd in the same set, edge-triggered and never read: each write is one event for one thread, also when
 * nobody is in epoll_wait yet.
 *
 *             submit  event  cancel  detach        submit, cancel: holders of a reference. event: any thread in poll. detach: once,
 *     submit  lock    lock   lock    -             when there are no operations and no references
 *     event           lock   lock    lock
 *     cancel                 lock    -
 *
 * Progress   a stream's lock is held for system calls that don't wait. Cancellation of threads (pthread_cancel) is held
 *            off in them.
 */
#define _GNU_SOURCE
#include "sockets.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "atomic.h"

enum { EPOLL_BATCH = 64 };
enum {
    EPOLL_IN = EPOLLIN | EPOLLRDHUP | EPOLLPRI,
    EPOLL_MORE = EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR        /* tells more than that there are bytes */
};

/* What a public function must leave as it was, and hold off, around system calls. */
struct epoll__calls {
    int saved_errno;
    int cancelable;
};

static struct epoll__calls epoll__enter(void)
{
    struct epoll__calls calls = { errno, 0 };
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &calls.cancelable);
    return calls;
}

static void epoll__leave(struct epoll__calls calls)
{
    pthread_setcancelstate(calls.cancelable, NULL);
    errno = calls.saved_errno;
}

/* -- the port ---------------------------------------------------------------------------------------------------------------- */

static void epoll__close(int fd)
{
    struct epoll__calls calls = epoll__enter();
    if (fd >= 0)
        close(fd);
    epoll__leave(calls);
}

static int epoll__begin(struct weir_port *port)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLET, .data.ptr = NULL };
    int saved = errno, error = 0;
    port->event = -1;
    port->poll = epoll_create1(EPOLL_CLOEXEC);
    if (port->poll >= 0)
        port->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (port->event < 0 || epoll_ctl(port->poll, EPOLL_CTL_ADD, port->event, &event) < 0) {
        error = -errno;
        epoll__close(port->event);
        epoll__close(port->poll);
    }
    errno = saved;
    return error;
}

static void epoll__end(struct weir_port *port)
{
    epoll__close(port->event);
    epoll__close(port->poll);
}

static void epoll__wake(struct weir_port *port)
{
    struct epoll__calls calls = epoll__enter();
    uint64_t one = 1;
    while (write(port->event, &one, sizeof one) < 0 && errno == EINTR) {
    }
    epoll__leave(calls);
}

/* -- streams ----------------------------------------------------------------------------------------------------------------- */

static int epoll__attach(struct weir_stream *stream)
{
    int saved = errno;
    int error = sockets_adopt(stream);
    stream->ready[SIDE_IN] = true;      /* not known: try */
    stream->ready[SIDE_OUT] = true;
    stream->watched = 0;
    errno = saved;
    return error;
}

static void epoll__detach(struct weir_stream *stream)
{
    struct epoll__calls calls = epoll__enter();
    int fd = (int)stream->handle;
    if (stream->watched)                /* close would leave it watched if a forked child has the descriptor, too */
        epoll_ctl(stream->port->poll, EPOLL_CTL_DEL, fd, NULL);
    close(fd);
    epoll__leave(calls);
}

/* Watch this direction. 0, or a negative errno. */
static int epoll__watch(struct weir_stream *stream, enum side side)
{
    uint32_t wanted = stream->watched | (side == SIDE_IN ? (uint32_t)EPOLL_IN : (uint32_t)EPOLLOUT);
    struct epoll_event event = { .events = wanted | EPOLLET, .data.ptr = stream };
    if (wanted == stream->watched)
        return 0;
    if (epoll_ctl(stream->port->poll, stream->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, (int)stream->handle, &event) < 0)
        return -errno;
    stream->watched = wanted;
    return 0;
}

static void epoll__finish(struct weir_stream *stream, struct packet *p, struct packets *done)
{
    p->sequence = stream->sequence++;
    packets_add(done, p);
}

/* Do what can be done of a direction's queue. */
static void epoll__run(struct weir_stream *stream, enum side side, struct packets *done)
{
    struct packets *queue = &stream->pending[side];
    while (queue->head && stream->ready[side] && sockets_try(stream, queue->head) == ATTEMPT_DONE)
        epoll__finish(stream, packets_take(queue), done);
}

/* -- operations -------------------------------------------------------------------------------------------------------------- */

/* The operation is the only one of its direction: try it, and watch if it must wait. */
static int epoll__first(struct weir_stream *stream, struct packet *p, struct packets *done)
{
    enum side side = packet_side(p);
    enum attempt attempt = ATTEMPT_BLOCKED;
    int error;
    if (p->kind == PACKET_CONNECT)
        attempt = sockets_connect(stream, p);
    else if (stream->ready[side])
        attempt = sockets_try(stream, p);
    if (attempt == ATTEMPT_DONE) {
        epoll__finish(stream, p, done);
        return 0;
    }
    error = epoll__watch(stream, side);
    if (error && p->bytes == 0 && p->kind != PACKET_CONNECT)
        return error;                   /* nothing has happened yet */
    if (error) {
        p->status = WEIR_FAILED;
        p->error = error;
        epoll__finish(stream, p, done);
        return 0;
    }
    packets_add(&stream->pending[side], p);
    return 0;
}

static int epoll__submit(struct weir_stream *stream, struct packet *p, struct packets *done)
{
    struct epoll__calls calls = epoll__enter();
    int error = -ESHUTDOWN;
    sys_lock(&stream->lock);
    if (!stream->closing) {
        struct packets *queue = &stream->pending[packet_side(p)];
        error = 0;
        if (!queue->head)
            error = epoll__first(stream, p, done);
        else if (p->kind == PACKET_CONNECT)
            error = -EBUSY;
        else
            packets_add(queue, p);
    }
    sys_unlock(&stream->lock);
    epoll__leave(calls);
    return error;
}

static void epoll__cancel_one(struct weir_stream *stream, struct packet *p, struct packets *done)
{
    p->status = WEIR_FAILED;
    p->error = -ECANCELED;
    epoll__finish(stream, p, done);
}

static int epoll__cancel(struct weir_stream *stream, const struct packet *p, struct packets *done)
{
    struct packet *found = NULL;
    sys_lock(&stream->lock);
    for (int side = 0; side < SIDES; side++) {
        struct packets *queue = &stream->pending[side];
        if (p && packets_remove(queue, p))
            epoll__cancel_one(stream, found = (struct packet *)(uintptr_t)p, done);
        while (!p && queue->head)
            epoll__cancel_one(stream, found = packets_take(queue), done);
    }
    sys_unlock(&stream->lock);
    return p && !found ? -ENOENT : 0;
}

/* -- events ------------------------------------------------------------------------------------------------------------------ */

static void epoll__event(struct weir_stream *stream, uint32_t events, struct packets *done)
{
    sys_lock(&stream->lock);
    if (events & EPOLL_MORE)
        stream->drains = false;
    if (events & (EPOLLIN | EPOLL_MORE))
        stream->ready[SIDE_IN] = true;
    if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
        stream->ready[SIDE_OUT] = true;
    epoll__run(stream, SIDE_IN, done);
    epoll__run(stream, SIDE_OUT, done);
    sys_unlock(&stream->lock);
}

/* epoll_wait in nanoseconds, or rounded up to milliseconds where the kernel is older than 5.11 or forbids it. */
static int epoll__sleep(int poll, struct epoll_event *events, int max, int64_t ns)
{
    static uint32_t coarse;
    struct {
        int64_t seconds, ns;
    } time = { ns / 1000000000, ns % 1000000000 };
    if (ns <= 0)
        return epoll_wait(poll, events, max, ns < 0 ? -1 : 0);
#ifdef SYS_epoll_pwait2
    if (!load_relaxed_32(&coarse)) {            /* whoever doesn't know it yet finds out */
        int n = (int)syscall(SYS_epoll_pwait2, poll, events, max, &time, NULL, 0);
        if (n >= 0 || (errno != ENOSYS && errno != EPERM))
            return n;
        store_relaxed_32(&coarse, 1);
    }
#endif
    if (ns > INT64_C(1000000) * 86400000)
        ns = INT64_C(1000000) * 86400000;
    return epoll_wait(poll, events, max, (int)((ns + 999999) / 1000000));
}

static bool epoll__poll(struct weir_port *port, struct packets *done, unsigned max, int64_t timeout_ns)
{
    struct epoll__calls calls = epoll__enter();
    struct epoll_event events[EPOLL_BATCH];
    bool woken = false;
    int n = epoll__sleep(port->poll, events, max < EPOLL_BATCH ? (int)max : EPOLL_BATCH, timeout_ns);
    for (int i = 0; i < n; i++) {
        if (events[i].data.ptr)
            epoll__event(events[i].data.ptr, events[i].events, done);
        else
            woken = true;
    }
    epoll__leave(calls);
    return woken;
}

static const struct backend epoll_backend = {
    .name = "epoll",
    .begin = epoll__begin,
    .end = epoll__end,
    .attach = epoll__attach,
    .detach = epoll__detach,
    .submit = epoll__submit,
    .cancel = epoll__cancel,
    .poll = epoll__poll,
    .wake = epoll__wake,
};

const struct backend *const port_backends[] = { &epoll_backend, NULL };
