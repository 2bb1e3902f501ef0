/* iocp.c - the port over Windows' own completion port.
 *
 * An operation is begun as an overlapped one, with the op's OVERLAPPED; its packet comes out of the completion port in
 * whichever thread is there. Packets that need no system (posts, and operations that failed as they began) go by the
 * port's own queue, because PostQueuedCompletionStatus can fail and a post must not.
 *
 * In flight. Each stream lists its operations in the order in which they began, until their packets are taken: so that
 * close and cancel know them, and to number them. Receives complete in the order they began, and so do sends; but two
 * threads may take the packets of two receives and come here in the other order. So who takes a packet numbers those of
 * its direction that began before it, too: they are done, and their takers find the number. (Not if it failed: one that
 * was cancelled says nothing of others.)
 *
 * Waiting. Winsock refuses a send on a socket that is not connected yet. One that is submitted while a connect is under
 * way is `waiting` in the list, and begun when the connect is over, well or not.
 *
 * The handle is closed when no operation is in progress: never under a pending one.
 *
 *              submit  packet  cancel  detach       as epoll.c: all under the stream's lock, which is held while an operation begins
 *     submit   lock    lock    lock    -
 *     packet           lock    lock    -
 *     cancel                   lock    -
 */
#include "sockets.h"

#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <windows.h>

#include <errno.h>

enum { IOCP_BATCH = 64, IOCP_WAKES = 100 };

/* -- the port ---------------------------------------------------------------------------------------------------------------- */

static int iocp__begin(struct weir_port *port)
{
    WSADATA data;
    int error = WSAStartup(MAKEWORD(2, 2), &data);      /* never cleaned up: the program's sockets may outlive the port */
    if (error)
        return error_from_windows((uint32_t)error);
    port->handle = CreateIoCompletionPort(INVALID_HANDLE_VALUE, NULL, 0, port->concurrency);
    return port->handle ? 0 : error_from_windows(GetLastError());
}

static void iocp__end(struct weir_port *port)
{
    CloseHandle(port->handle);
}

/* A wake-up that the system has no memory for is tried again for a while, and then with the next packet. */
static void iocp__wake(struct weir_port *port)
{
    for (int i = 0; i < IOCP_WAKES; i++) {
        if (PostQueuedCompletionStatus(port->handle, 0, 0, NULL))
            return;
        Sleep(1);
    }
    port->token = false;
}

/* -- streams ----------------------------------------------------------------------------------------------------------------- */

static int iocp__attach(struct weir_stream *stream)
{
    int error = sockets_adopt(stream);
    if (error)
        return error;
    if (!CreateIoCompletionPort((HANDLE)stream->handle, stream->port->handle, (ULONG_PTR)stream, 0))
        return error_from_windows(GetLastError());
    return 0;
}

static void iocp__detach(struct weir_stream *stream)
{
    closesocket((SOCKET)stream->handle);
}

static void iocp__number(struct weir_stream *stream, struct packet *p)
{
    if (!p->numbered)
        p->sequence = stream->sequence++;
    p->numbered = true;
}

/* The operation is over. It is in its list, and leaves it. */
static void iocp__finish(struct weir_stream *stream, struct packet *p, int error, struct packets *done)
{
    struct packets *list = &stream->pending[packet_side(p)];
    sockets_finish(stream, p, error);
    if (!p->error && (p->kind == PACKET_RECV || p->kind == PACKET_SEND))
        for (struct packet *before = list->head; before != p; before = before->next)
            iocp__number(stream, before);
    iocp__number(stream, p);
    packets_remove(list, p);
    packets_add(done, p);
}

/* -- operations -------------------------------------------------------------------------------------------------------------- */

/* The connect is over: begin what has waited for that. */
static void iocp__go_on(struct weir_stream *stream, struct packets *done)
{
    struct packet *p = stream->pending[SIDE_OUT].head, *next;
    for (; p; p = next) {
        int error;
        next = p->next;
        p->waiting = false;
        error = sockets_start(stream, p);
        if (error)
            iocp__finish(stream, p, error, done);
    }
}

static int iocp__submit(struct weir_stream *stream, struct packet *p, struct packets *done)
{
    struct packets *list = &stream->pending[packet_side(p)];
    int error = 0, failed;
    sys_lock(&stream->lock);
    if (stream->closing) {
        error = -ESHUTDOWN;
    } else if (p->kind == PACKET_CONNECT && list->head) {
        error = -EBUSY;
    } else {
        p->waiting = list->head && list->head->kind == PACKET_CONNECT;
        packets_add(list, p);
        failed = p->waiting ? 0 : sockets_start(stream, p);
        if (failed)
            iocp__finish(stream, p, failed, done);
    }
    sys_unlock(&stream->lock);
    return error;
}

/* One that is in the list. false: the system has it no more, its packet is on the way. */
static bool iocp__cancel_one(struct weir_stream *stream, struct packet *p, struct packets *done)
{
    p->cancelled = true;
    if (!p->waiting)
        return CancelIoEx((HANDLE)stream->handle, (LPOVERLAPPED)weir_op_overlapped(packet_op(p)));
    iocp__finish(stream, p, -ECANCELED, done);
    return true;
}

static int iocp__cancel(struct weir_stream *stream, const struct packet *p, struct packets *done)
{
    bool found = false;
    sys_lock(&stream->lock);
    for (int side = 0; side < SIDES; side++) {
        struct packet *next, *q = stream->pending[side].head;
        for (; q; q = next) {
            next = q->next;
            if (!p || q == p)
                found |= iocp__cancel_one(stream, q, done);
        }
    }
    sys_unlock(&stream->lock);
    return p && !found ? -ENOENT : 0;
}

/* -- packets ----------------------------------------------------------------------------------------------------------------- */

/* A connection that was reset before it was accepted: is there another? */
static bool iocp__accept_again(struct weir_stream *stream, struct packet *p, int *error)
{
    if (p->cancelled || stream->closing || !sockets_passed_over(p, *error))
        return false;
    *error = sockets_start(stream, p);
    return *error == 0;
}

static void iocp__packet(struct packet *p, struct packets *done)
{
    struct weir_stream *stream = p->stream;
    int error;
    sys_lock(&stream->lock);
    error = sockets_result(stream, p);
    if (!iocp__accept_again(stream, p, &error)) {
        bool connect = p->kind == PACKET_CONNECT;
        iocp__finish(stream, p, error, done);
        if (connect)
            iocp__go_on(stream, done);
    }
    sys_unlock(&stream->lock);
}

/* In milliseconds, rounded up; a wait that ends too early is the caller's to repeat. */
static DWORD iocp__time(int64_t ns)
{
    if (ns < 0)
        return INFINITE;
    if (ns > INT64_C(1000000) * 86400000)
        return 86400000;
    return (DWORD)((ns + 999999) / 1000000);
}

static bool iocp__poll(struct weir_port *port, struct packets *done, unsigned max, int64_t timeout_ns)
{
    OVERLAPPED_ENTRY entry[IOCP_BATCH];
    ULONG n = 0;
    bool woken = false;
    if (!GetQueuedCompletionStatusEx(port->handle, entry, max < IOCP_BATCH ? max : IOCP_BATCH, &n, iocp__time(timeout_ns), FALSE))
        return false;
    for (ULONG i = 0; i < n; i++) {
        struct weir_op *op = weir_op_from_overlapped((struct _OVERLAPPED *)(void *)entry[i].lpOverlapped);
        if (op)
            iocp__packet(packet_of(op), done);
        else
            woken = true;
    }
    return woken;
}

static const struct backend iocp_backend = {
    .name = "iocp",
    .begin = iocp__begin,
    .end = iocp__end,
    .attach = iocp__attach,
    .detach = iocp__detach,
    .submit = iocp__submit,
    .cancel = iocp__cancel,
    .poll = iocp__poll,
    .wake = iocp__wake,
};

const struct backend *const port_backends[] = { &iocp_backend, NULL };
