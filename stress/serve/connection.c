/* connection.c - one client's connection: receive, let the protocol answer, send, again.
 *
 * Purpose    carry each request in and its response out with one pooled op, and hold none that others need.
 * Invariant  at most one operation is in flight. Who took its completion has the connection alone, until it submits the next
 *            operation, hands it to the turns, or closes it; that is the last touch. The connection is freed when its stream is gone.
 *
 *     IDLE, REQUEST, LINGER   receive -> data: step;  end, error: close
 *     step                    -> reply: ANSWER;  no more input: give the op back, receive
 *     ANSWER                  send -> done: step, or close after the last;  error: close
 *
 * Who waits with a buffer. The first connections, up to half of the pool, have a receive into a buffer posted while they wait: one
 * system call brings the request. The others are *lean*: they wait with a receive of 0 bytes, whose op has no buffer, and take
 * a buffer when there is something to put into it. So the ops that clients can hold by saying nothing are at most half, and any number of
 * connections is served by the other half, in turns if need be.
 *
 * Who holds what. A connection goes from thread to thread, and its op with it: a plain reference would be taken by one thread and given
 * back by another. That is all right while the connection alone refers to its op. If the log does, too, the connection has a hold instead, so that
 * the debug layer can tell the two apart, whoever gives back.
 *
 * Errors. What the peer does (a reset, an end in mid-request) closes the connection. What the server could not do is counted.
 */
#include "connection.h"

#include <errno.h>
#include <stdlib.h>

#include "serve.h"
#include "sink.h"
#include "system.h"

enum { LINGER_BYTES = 1 << 20 };

static void connection__receive(struct worker *w, struct connection *c, enum phase phase);

char *connection_text(struct connection *c)
{
    return (char *)weir_op_buffer(c->op) + c->server->options.buffer;
}

static void connection__phase(struct worker *w, struct connection *c, enum phase phase)
{
    atomic_store_explicit(&c->phase, phase, memory_order_relaxed);
    atomic_store_explicit(&c->since, w->now, memory_order_relaxed);
}

/* -- begin and end ----------------------------------------------------------------------------------------------------------- */

void connection_own(struct connection *c, struct weir_op *op)
{
    c->hold = 0;
    if (!c->server->log)
        return;
    c->hold = weir_hold_take(op);
    weir_op_unref(op);
}

static void connection__give(struct connection *c)
{
    if (!c->op)
        return;
    if (c->hold)
        weir_hold_drop(c->op, c->hold);
    else
        weir_op_put(c->op);
    c->op = NULL;
    c->hold = 0;
}

static void connection__gone(void *arg)
{
    struct connection *c = arg;
    struct server *s = c->server;
    if (!fault_strikes(&s->options.faults, FAULT_CONNECTION) && weir_ref_put(&c->ref))
        free(c);
    atomic_fetch_sub(&s->streams, 1);
    listener_resume(s);
}

static void connection__close(struct connection *c)
{
    connection__give(c);
    registry_remove(&c->server->registry, c);
    (void)weir_stream_close(c->stream, connection__gone, c);
}

static void connection__broken(struct worker *w, struct connection *c)
{
    serve_count(&w->errors, 1);
    connection__close(c);
}

/* The first connections may keep a buffer while they wait. One op is the shared response's, one is left for the others. */
static bool connection__is_lean(const struct server *s, unsigned open)
{
    return open > (s->options.capacity - 2) / 2;
}

void connection_open(struct worker *w, weir_handle handle)
{
    struct server *s = w->server;
    struct connection *c = calloc(1, sizeof *c + protocol_size);
    if (!c || weir_stream_open(&c->stream, s->port, handle, (uintptr_t)c)) {
        free(c);                        /* it isn't counted yet */
        system_close(handle);
        serve_count(&w->errors, 1);
        return;
    }
    atomic_fetch_add(&s->streams, 1);
    weir_ref_init(&c->ref, s->all, c);  /* planted: it may never be put */
    system_no_delay(handle);
    c->server = s;
    c->handle = handle;
    protocol_open(c);
    connection__phase(w, c, PHASE_IDLE);
    c->lean = connection__is_lean(s, registry_add(&s->registry, c));
    connection__receive(w, c, PHASE_IDLE);
}

/* -- receive ----------------------------------------------------------------------------------------------------------------- */

static void connection__receive_into(struct worker *w, struct connection *c, struct weir_op *op, enum phase phase)
{
    c->readable = false;
    c->op = NULL;
    connection__phase(w, c, phase);
    if (weir_recv(c->stream, op, NULL, c->server->options.buffer) == WEIR_PENDING)
        return;                         /* and it may be another thread's by now */
    c->op = op;
    connection__broken(w, c);
}

/* Wait until there is something to receive, without a buffer. */
static void connection__peek(struct worker *w, struct connection *c, enum phase phase)
{
    struct weir_op *op = weir_stream_op_get(c->stream, c->server->bare);    /* there is one for each connection */
    connection__phase(w, c, phase);
    if (op && weir_recv(c->stream, op, NULL, 0) == WEIR_PENDING)
        return;
    weir_op_put(op);
    connection__broken(w, c);
}

static void connection__receive(struct worker *w, struct connection *c, enum phase phase)
{
    struct weir_op *op;
    connection__give(c);                /* whoever waits longest gets it */
    if (c->lean && !c->readable) {
        connection__peek(w, c, phase);
        return;
    }
    op = weir_op_get(c->server->data);
    if (op) {
        connection_own(c, op);
        connection__receive_into(w, c, op, phase);
        return;
    }
    c->next_phase = phase;
    connection__phase(w, c, PHASE_TURN);
    turns_wait(&c->server->turns, c);
}

void connection_turn(struct worker *w, struct connection *c, struct weir_op *op)
{
    connection__receive_into(w, c, op, c->next_phase);
}

/* -- answer ------------------------------------------------------------------------------------------------------------------ */

static void connection__send(struct worker *w, struct connection *c)
{
    connection__phase(w, c, PHASE_ANSWER);
    if (weir_send(c->stream, c->op, c->reply.data, c->reply.bytes) == WEIR_PENDING)
        return;
    weir_op_unref(c->reply.shared);
    connection__broken(w, c);
}

static void connection__go_on(struct worker *w, struct connection *c)
{
    c->reply = (struct reply){ 0 };
    switch (protocol_step(w, c, &c->reply)) {
    case STEP_SEND:
        connection__send(w, c);
        break;
    case STEP_RECEIVE:
        connection__receive(w, c, PHASE_REQUEST);
        break;
    case STEP_IDLE:
        connection__receive(w, c, PHASE_IDLE);
        break;
    case STEP_CLOSE:
        connection__close(c);
        break;
    }
}

static void connection__sent(struct worker *w, struct connection *c, const struct weir_completion *done)
{
    weir_op_unref(c->reply.shared);
    if (done->status != WEIR_COMPLETED) {
        connection__close(c);
        return;
    }
    serve_count(&w->requests, c->reply.requests);
    sink_record(w);
    if (!c->reply.last) {
        connection__go_on(w, c);
    } else if (c->reply.linger) {
        system_end_output(c->handle);
        connection__receive(w, c, PHASE_LINGER);
    } else {
        connection__close(c);
    }
}

static void connection__lingers(struct worker *w, struct connection *c)
{
    c->thrown_away += c->end;
    if (c->thrown_away > LINGER_BYTES)
        connection__close(c);
    else
        connection__receive(w, c, PHASE_LINGER);
}

/* -- completions ------------------------------------------------------------------------------------------------------------- */

static void connection__peeked(struct worker *w, struct connection *c, const struct weir_completion *done, enum phase phase)
{
    weir_stream_op_put(c->stream, done->op);
    c->readable = done->status == WEIR_COMPLETED;
    if (c->readable)
        connection__receive(w, c, phase);
    else
        connection__close(c);
}

static void connection__received(struct worker *w, struct connection *c, const struct weir_completion *done, enum phase phase)
{
    c->op = done->op;
    c->at = 0;
    c->end = done->bytes;
    if (done->status != WEIR_COMPLETED)
        connection__close(c);           /* the end, a reset, a time-out, the drain */
    else if (phase == PHASE_LINGER)
        connection__lingers(w, c);
    else
        connection__go_on(w, c);
}

void connection_completed(struct worker *w, struct connection *c, const struct weir_completion *done)
{
    enum phase phase = atomic_load_explicit(&c->phase, memory_order_relaxed);
    if (phase == PHASE_ANSWER)
        connection__sent(w, c, done);
    else if (weir_op_pool(done->op) == c->server->bare)
        connection__peeked(w, c, done, phase);
    else
        connection__received(w, c, done, phase);
}
