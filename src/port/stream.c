/* stream.c - a stream's life, and what is submitted to it. How an operation is done is the backend's business.
 *
 *     OPEN     rundown open, closing false         users >= 1, and `users` as a whole holds one count of the rundown
 *     CLOSING  rundown closed, closing true        operations in progress and users run down
 *     GONE     the rundown's `done` has run: the handle is closed, own ops are given back, the slot is the port's, `closed` was called
 *
 * Purpose    let any thread submit, cancel and close at any time, and end the stream once, when it is of no use to
 *            anybody.
 * Invariant  the rundown's count is the operations whose completions have not been taken, submits in progress that may
 *            yet be refused, and one while references are left. Each packet that leaves submit with 0 comes to
 *            weir_port_wait once.
 *
 * A submit that races with close: both take the stream's lock. Either the submit is first, and close finds its
 * operation pending and cancels it (or it is done, and its completion on the way); or close is, and the submit finds
 * `closing` and refuses. After backend->submit the packet may be completed and taken by another thread, and the stream,
 * op and port be gone: a submit touches none of them afterwards, unless it was refused, or has the completed packet in
 * its hand.
 *
 *              submit  cancel  close      ref, unref        all by holders of a reference. close once
 *     submit   any     any     any        any
 *     cancel   any     any     any        any
 *     close    any     any     -EALREADY  any
 */
#include "backend.h"

#include <errno.h>

enum { STREAM_MOST = INT32_MAX };

/* -- life -------------------------------------------------------------------------------------------------------------------- */

static void stream__gone(void *arg)
{
    struct weir_stream *stream = arg;
    struct weir_port *port = stream->port;
    void (*closed)(void *) = stream->closed;
    void *closed_arg = stream->closed_arg;
    port->backend->detach(stream);
    own_empty(stream);
    slots_give(port, stream);
    if (closed)
        closed(closed_arg);
}

int weir_stream_open(struct weir_stream **out, struct weir_port *port, weir_handle handle, uintptr_t key)
{
    struct weir_stream *stream;
    int error = 0;
    if (!out || !port)
        return error_set(-EINVAL, "weir_stream_open: %s is NULL", out ? "port" : "out");
    stream = slots_take(port, &error);
    if (!stream)
        return error_set(error, "weir_stream_open: %s", error == -ESHUTDOWN ? "the port is closed" : "no memory for more streams");
    sys_lock(&stream->lock);            /* an event for who was here before may be looking */
    stream->handle = handle;
    stream->key = key;
    stream->sequence = 0;
    stream->error = 0;
    stream->closing = false;
    stream->closed = NULL;
    error = port->backend->attach(stream);
    sys_unlock(&stream->lock);
    if (error) {
        slots_give(port, stream);
        return error_set(error, "weir_stream_open: handle %lld can't be a stream of this port: %s", (long long)handle,
                         weir_strerror(error));
    }
    weir_rundown_init(&stream->rundown);
    (void)weir_rundown_acquire(&stream->rundown);       /* for `users` */
    weir_ref_init(&stream->users, NULL, stream);
    *out = stream;
    return 0;
}

/* Closes unless that was done before. Who calls it holds a count of the rundown. */
static int stream__shut(struct weir_stream *stream, void (*closed)(void *), void *arg)
{
    struct packets done = { NULL, NULL, 0 };
    struct weir_port *port = stream->port;
    bool before;
    sys_lock(&stream->lock);
    before = stream->closing;
    stream->closing = true;
    if (!before) {
        stream->closed = closed;
        stream->closed_arg = arg;
    }
    sys_unlock(&stream->lock);
    if (before)
        return -EALREADY;
    (void)port->backend->cancel(stream, NULL, &done);
    weir_rundown_close(&stream->rundown, stream__gone, stream);
    if (done.head)
        port_push(port, &done);
    return 0;
}

void weir_stream_ref(struct weir_stream *stream)
{
    weir_ref_get(&stream->users);
}

void weir_stream_unref(struct weir_stream *stream)
{
    if (!stream || !weir_ref_put(&stream->users))
        return;
    (void)stream__shut(stream, NULL, NULL);
    weir_rundown_release(&stream->rundown);
}

int weir_stream_close(struct weir_stream *stream, void (*closed)(void *arg), void *arg)
{
    if (!stream)
        return error_set(-EINVAL, "weir_stream_close: stream is NULL");
    if (stream__shut(stream, closed, arg))
        return error_set(-EALREADY, "weir_stream_close: the stream was closed before");
    weir_stream_unref(stream);
    return 0;
}

/* -- operations -------------------------------------------------------------------------------------------------------------- */

static int stream__submit(struct weir_stream *stream, struct weir_op *op, const struct packet *what, const char *who)
{
    struct packets done = { NULL, NULL, 0 };
    struct weir_port *port = stream->port;
    struct packet *p = packet_of(op);
    int error = -ESHUTDOWN;
    bool in;
    weir_op_submitted(op);              /* the one step that may panic: nothing was done before */
    in = weir_rundown_acquire(&stream->rundown);
    if (in) {
        *p = *what;
        p->stream = stream;
        p->status = WEIR_COMPLETED;
        p->accepted = -1;
        error = port->backend->submit(stream, p, &done);
    }
    if (!error) {
        if (done.head)
            port_push(port, &done);
        return WEIR_PENDING;
    }
    weir_op_returned(op);
    if (in)
        weir_rundown_release(&stream->rundown);
    return error_set(error, "%s: %s", who, error == -ESHUTDOWN ? "the stream is closing" : weir_strerror(error));
}

static int stream__missing(const char *who, const struct weir_stream *stream)
{
    return error_set(-EINVAL, "%s: %s is NULL", who, stream ? "op" : "stream");
}

int weir_recv(struct weir_stream *stream, struct weir_op *op, void *data, size_t bytes)
{
    struct packet what = { .kind = PACKET_RECV, .data = data, .wanted = bytes };
    if (!stream || !op)
        return stream__missing("weir_recv", stream);
    if (!data) {
        size_t room = weir_op_buffer_size(op);
        if (bytes > room)
            return error_set(-EINVAL, "weir_recv: %zu bytes into the op's buffer, which has %zu", bytes, room);
        what.data = weir_op_buffer(op);
        what.wanted = bytes ? bytes : room;
    }
    if (what.wanted > STREAM_MOST)
        what.wanted = STREAM_MOST;
    return stream__submit(stream, op, &what, "weir_recv");
}

int weir_send(struct weir_stream *stream, struct weir_op *op, const void *data, size_t bytes)
{
    struct packet what = { .kind = PACKET_SEND, .data = (unsigned char *)(uintptr_t)data, .wanted = bytes };
    if (!stream || !op)
        return stream__missing("weir_send", stream);
    if (!data) {
        if (bytes > weir_op_buffer_size(op))
            return error_set(-EINVAL, "weir_send: %zu bytes of the op's buffer, which has %zu", bytes, weir_op_buffer_size(op));
        what.data = weir_op_buffer(op);
    }
    if (bytes > STREAM_MOST)
        return error_set(-EINVAL, "weir_send: %zu bytes at once; at most %d", bytes, STREAM_MOST);
    return stream__submit(stream, op, &what, "weir_send");
}

int weir_accept(struct weir_stream *listener, struct weir_op *op)
{
    struct packet what = { .kind = PACKET_ACCEPT };
    if (!listener || !op)
        return stream__missing("weir_accept", listener);
    return stream__submit(listener, op, &what, "weir_accept");
}

weir_handle weir_op_accepted(const struct weir_op *op)
{
    return packet_of(op)->accepted;
}

int weir_connect(struct weir_stream *stream, struct weir_op *op, const void *address, size_t bytes)
{
    struct packet what = { .kind = PACKET_CONNECT, .address = address, .wanted = bytes };
    if (!stream || !op)
        return stream__missing("weir_connect", stream);
    if (!address || bytes < sizeof(uint16_t) || bytes > 1024)
        return error_set(-EINVAL, "weir_connect: an address of %zu bytes; it must be a socket address", address ? bytes : 0);
    return stream__submit(stream, op, &what, "weir_connect");
}

int weir_cancel(struct weir_stream *stream, struct weir_op *op)
{
    struct packets done = { NULL, NULL, 0 };
    int error;
    if (!stream)
        return error_set(-EINVAL, "weir_cancel: stream is NULL");
    error = stream->port->backend->cancel(stream, op ? packet_of(op) : NULL, &done);
    if (done.head)
        port_push(stream->port, &done);
    return error ? error_set(error, "weir_cancel: the op is not pending on this stream") : 0;
}
