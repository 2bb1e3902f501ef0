/* tests/integration/own_iocp.c - an echo server with a GetQueuedCompletionStatus loop of its own; the page is
 * own-iocp.md.
 *
 * Each connection has one operation at a time: a WSARecv, then the WSASends of what it brought. BEFORE, the operation
 * is malloc's and begins with its OVERLAPPED; else it is an op. The listener's AcceptEx keeps an OVERLAPPED of its own
 * in both, as in a program that moves to weir one kind of operation after the other.
 *
 *     receiving -- no op for the next WSARecv --> starved (nothing posted, in a list) -- weir_pool_fd set --> receiving
 *
 * Invariant: while the list has members, a wait for the pool's event is registered, or its packet is in the port. A
 * starved connection has no operation in progress.
 *
 * Threads: one. The ops may be put by any; the wait's callback runs on the system's thread and only posts.
 */
#include <winsock2.h>
#include <mswsock.h>
#include <windows.h>
#include <stdlib.h>
#include <string.h>

#include "echo.h"

struct connection {
    SOCKET socket;
    struct connection *next;            /* starved, too */
};

struct loop {
    HANDLE port;
    SOCKET listener;
    unsigned to_accept, open;
    struct connection *accepting;
    OVERLAPPED accept;                  /* the listener's own */
    char addresses[2 * (sizeof(SOCKADDR_IN) + 16)];
    struct weir_pool *pool;
    struct connection *starved, **starved_end;
    HANDLE wait;
};

static void hang_up(struct loop *loop, struct connection *c)
{
    closesocket(c->socket);
    free(c);
    loop->open--;
}

#ifdef BEFORE
struct weir_pool *echo_pool(unsigned capacity)
{
    (void)capacity;
    return NULL;
}
/* page: io.before */
struct io {
    OVERLAPPED overlapped;              /* first: one address */
    enum { RECEIVE, SEND } kind;
    DWORD from, to;                     /* received and not sent yet */
    char data[4096];
};
/* page: receive.before */
static void receive(struct loop *loop, struct connection *c)
{
    struct io *io = calloc(1, sizeof *io);
    WSABUF buffer;
    DWORD flags = 0;
    if (!io) {
        hang_up(loop, c);
        return;
    }
    io->kind = RECEIVE;
    buffer.buf = io->data;
    buffer.len = sizeof io->data;
    if (WSARecv(c->socket, &buffer, 1, NULL, &flags,
                &io->overlapped, NULL) &&
        WSAGetLastError() != WSA_IO_PENDING) {
        free(io);
        hang_up(loop, c);
    }
}
/* page: */

static void send_rest(struct loop *loop, struct connection *c,
                      struct io *io)
{
    WSABUF buffer;
    buffer.buf = io->data + io->from;
    buffer.len = io->to - io->from;
    io->kind = SEND;
    memset(&io->overlapped, 0, sizeof io->overlapped);
    if (WSASend(c->socket, &buffer, 1, NULL, 0,
                &io->overlapped, NULL) &&
        WSAGetLastError() != WSA_IO_PENDING) {
        free(io);
        hang_up(loop, c);
    }
}
/* page: completed.before */
static void on_completed(struct loop *loop, struct connection *c,
                         OVERLAPPED *overlapped, DWORD bytes)
{
    struct io *io = CONTAINING_RECORD(overlapped, struct io, overlapped);
    if (bytes == 0) {                   /* the end, or an error */
        free(io);
        hang_up(loop, c);
        return;
    }
    if (io->kind == RECEIVE)
        io->to = bytes;
    else
        io->from += bytes;
    if (io->from < io->to) {
        send_rest(loop, c, io);
    } else {
        free(io);
        receive(loop, c);
    }
}
#else /* page: io.after */
#include <weir/weir.h>

struct io {                             /* in the op's user area */
    enum { RECEIVE, SEND } kind;
    DWORD from, to;                     /* received and not sent yet */
};

struct weir_pool *echo_pool(unsigned capacity)
{
    struct weir_pool_config config = {
        .name = "echo",
        .capacity = capacity,           /* the most operations at once */
        .buffer_size = 4096,
        .user_size = sizeof(struct io),
    };
    struct weir_pool *pool = NULL;
    return weir_pool_create(&pool, &config) ? NULL : pool;
}
/* page: starve.after */
/* The pool's event, on a thread of the system's: to the port. */
static void CALLBACK on_event(void *port, BOOLEAN timed_out)
{
    (void)timed_out;
    PostQueuedCompletionStatus(port, 0, 0, NULL);
}

static void arm(struct loop *loop)
{
    HANDLE event = (HANDLE)(intptr_t)weir_pool_fd(loop->pool);
    if (!RegisterWaitForSingleObject(&loop->wait, event, on_event,
                                     loop->port, INFINITE,
                                     WT_EXECUTEONLYONCE))
        abort();
}

/* Receive nothing on c until ops are back. */
static void starve(struct loop *loop, struct connection *c)
{
    if (!loop->starved)
        arm(loop);
    c->next = NULL;
    *loop->starved_end = c;
    loop->starved_end = &c->next;
}
/* page: receive.after */
static void receive_into(struct loop *loop, struct connection *c,
                         struct weir_op *op)
{
    struct io *io = weir_op_user(op);
    WSABUF buffer;
    DWORD flags = 0;
    io->kind = RECEIVE;
    io->from = io->to = 0;              /* as its last user left it */
    buffer.buf = weir_op_buffer(op);
    buffer.len = (ULONG)weir_op_buffer_size(op);
    weir_op_submitted(op);
    if (WSARecv(c->socket, &buffer, 1, NULL, &flags,
                weir_op_overlapped(op), NULL) &&
        WSAGetLastError() != WSA_IO_PENDING) {
        weir_op_returned(op);           /* no packet will come */
        weir_op_put(op);
        hang_up(loop, c);
    }
}

static void receive(struct loop *loop, struct connection *c)
{
    struct weir_op *op = loop->starved ? NULL        /* queue */
                                       : weir_op_get(loop->pool);
    if (op)
        receive_into(loop, c, op);
    else
        starve(loop, c);
}
/* page: resume.after */
static int on_ops_back(struct loop *loop)
{
    struct weir_op *op;
    UnregisterWaitEx(loop->wait, NULL);
    while (loop->starved && (op = weir_op_get(loop->pool))) {
        struct connection *c = loop->starved;
        loop->starved = c->next;
        if (!loop->starved)
            loop->starved_end = &loop->starved;
        receive_into(loop, c, op);
    }
    if (loop->starved)
        arm(loop);
    return 0;
}
/* page: */

static void send_rest(struct loop *loop, struct connection *c,
                      struct weir_op *op)
{
    struct io *io = weir_op_user(op);
    WSABUF buffer;
    buffer.buf = (char *)weir_op_buffer(op) + io->from;
    buffer.len = io->to - io->from;
    io->kind = SEND;
    weir_op_prepare(op, 0);
    weir_op_submitted(op);
    if (WSASend(c->socket, &buffer, 1, NULL, 0,
                weir_op_overlapped(op), NULL) &&
        WSAGetLastError() != WSA_IO_PENDING) {
        weir_op_returned(op);           /* no packet will come */
        weir_op_put(op);
        hang_up(loop, c);
    }
}
/* page: completed.after */
static void on_completed(struct loop *loop, struct connection *c,
                         OVERLAPPED *overlapped, DWORD bytes)
{
    struct weir_op *op = weir_op_from_overlapped(overlapped);
    struct io *io = weir_op_user(op);
    weir_op_returned(op);
    if (bytes == 0) {                   /* the end, or an error */
        weir_op_put(op);
        hang_up(loop, c);
        return;
    }
    if (io->kind == RECEIVE)
        io->to = bytes;
    else
        io->from += bytes;
    if (io->from < io->to) {
        send_rest(loop, c, op);
    } else {
        weir_op_put(op);
        receive(loop, c);
    }
}
#endif /* page: */

/* -- accepting: the same before and after -------------------------------------------------------------------------- */

static int accept_next(struct loop *loop)
{
    struct connection *c = calloc(1, sizeof *c);
    const DWORD half = sizeof loop->addresses / 2;
    DWORD bytes;
    if (!c)
        return -1;
    c->socket = WSASocketW(AF_INET, SOCK_STREAM, IPPROTO_TCP, NULL, 0, WSA_FLAG_OVERLAPPED);
    memset(&loop->accept, 0, sizeof loop->accept);
    loop->accepting = c;
    if (AcceptEx(loop->listener, c->socket, loop->addresses, 0, half, half, &bytes, &loop->accept) ||
        WSAGetLastError() == ERROR_IO_PENDING)
        return 0;
    closesocket(c->socket);
    free(c);
    return -1;
}

static int on_accepted(struct loop *loop, BOOL ok)
{
    struct connection *c = loop->accepting;
    loop->open++;
    loop->to_accept--;
    if (!ok ||
        setsockopt(c->socket, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (char *)&loop->listener, sizeof loop->listener) ||
        CreateIoCompletionPort((HANDLE)c->socket, loop->port, (ULONG_PTR)c, 0) != loop->port)
        hang_up(loop, c);
    else
        receive(loop, c);
    return loop->to_accept ? accept_next(loop) : 0;
}

/* -- the loop ------------------------------------------------------------------------------------------------------ */

#ifdef BEFORE /* page: loop.before */
static int on_packet(struct loop *loop, BOOL ok, DWORD bytes,
                     struct connection *c, OVERLAPPED *overlapped)
{
    if (!overlapped)
        return -1;
    if (overlapped == &loop->accept)
        return on_accepted(loop, ok);
    on_completed(loop, c, overlapped, ok ? bytes : 0);
    return 0;
}
#else /* page: loop.after */
static int on_packet(struct loop *loop, BOOL ok, DWORD bytes,
                     struct connection *c, OVERLAPPED *overlapped)
{
    if (!overlapped)                    /* on_event's packet */
        return ok ? on_ops_back(loop) : -1;
    if (!weir_pool_owns(loop->pool, overlapped))
        return on_accepted(loop, ok);   /* not moved to weir yet */
    on_completed(loop, c, overlapped, ok ? bytes : 0);
    return 0;
}
#endif /* page: */

static int run(struct loop *loop)
{
    while (loop->open || loop->to_accept) {
        OVERLAPPED *overlapped = NULL;
        ULONG_PTR key;
        DWORD bytes;
        BOOL ok = GetQueuedCompletionStatus(loop->port, &bytes, &key, &overlapped, INFINITE);
        if (on_packet(loop, ok, bytes, (struct connection *)key, overlapped))
            return -1;
    }
    return 0;
}

int echo_serve(intptr_t listener, unsigned connections, struct weir_pool *pool)
{
    struct loop loop = { .listener = (SOCKET)listener, .to_accept = connections, .pool = pool };
    int result = -1;
    loop.starved_end = &loop.starved;
    loop.port = CreateIoCompletionPort((HANDLE)loop.listener, NULL, 0, 1);
    if (!loop.port)
        return -1;
    if (accept_next(&loop) == 0)
        result = run(&loop);
    CloseHandle(loop.port);
    return result;
}
