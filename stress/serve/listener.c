/* listener.c - a few accepts in flight on one listening stream; they rest while there is no room for another connection.
 *
 * Purpose    accept as long as there are descriptors and fewer connections than the limit; no busy loop when there are not.
 * Invariant  each of the accepts' ops is in flight, in a handler's hands, parked, or has ended; each that has not ended holds a reference
 *            of the stream. After `closing` was set under the lock none is parked.
 *
 * An accept that finds no descriptor fails at once, and would again: it is parked. Whoever sees a connection go resumes it, and the
 * main thread does once a second, as a descriptor may have come free elsewhere.
 *
 * Threads    completed: any worker. resume: any. close: the main thread, once
 * Progress   one lock for the parked ones, taken when a connection goes or can't come
 */
#include "listener.h"

#include <errno.h>

#include "connection.h"
#include "serve.h"
#include "system.h"

static void listener__gone(void *arg)
{
    struct server *s = arg;
    atomic_fetch_sub(&s->streams, 1);
}

/* This accept ends for ever. */
static void listener__end(struct server *s, struct weir_op *op)
{
    weir_op_put(op);
    weir_stream_unref(s->listener.stream);
}

static void listener__park(struct server *s, struct weir_op *op)
{
    struct listener *l = &s->listener;
    bool closing;
    pthread_mutex_lock(&l->lock);
    closing = l->closing;
    if (!closing)
        l->parked[l->parked_count++] = op;
    pthread_mutex_unlock(&l->lock);
    if (closing)
        listener__end(s, op);
}

static struct weir_op *listener__unpark(struct listener *l)
{
    struct weir_op *op = NULL;
    pthread_mutex_lock(&l->lock);
    if (l->parked_count)
        op = l->parked[--l->parked_count];
    pthread_mutex_unlock(&l->lock);
    return op;
}

static void listener__accept(struct server *s, struct weir_op *op)
{
    if (weir_accept(s->listener.stream, op) < 0)        /* closing, or no memory */
        listener__park(s, op);
}

int listener_open(struct server *s, weir_handle handle)
{
    int error = weir_stream_open(&s->listener.stream, s->port, handle, 0);
    if (error)
        return error;
    atomic_fetch_add(&s->streams, 1);
    pthread_mutex_init(&s->listener.lock, NULL);
    return 0;
}

void listener_begin(struct server *s)
{
    for (int i = 0; i < LISTENER_ACCEPTS; i++) {
        struct weir_op *op = weir_op_get(s->bare);      /* the pool has one for each accept and each connection */
        weir_stream_ref(s->listener.stream);
        listener__accept(s, op);
    }
}

static bool listener__full(struct server *s)
{
    return atomic_load(&s->streams) > s->options.connections;       /* the listener is one of the streams */
}

void listener_completed(struct worker *w, const struct weir_completion *done)
{
    struct server *s = w->server;
    weir_handle handle = weir_op_accepted(done->op);
    if (done->status != WEIR_COMPLETED) {
        if (done->error != -ECANCELED && done->error != -EMFILE && done->error != -ENFILE)
            serve_count(&w->errors, 1);
        listener__park(s, done->op);
        return;
    }
    connection_open(w, handle);
    if (!listener__full(s)) {
        listener__accept(s, done->op);
        return;
    }
    listener__park(s, done->op);
    if (!listener__full(s))             /* one went before this was parked, and resumed nothing */
        listener_resume(s);
}

void listener_resume(struct server *s)
{
    struct weir_op *op = listener__full(s) ? NULL : listener__unpark(&s->listener);
    if (op)
        listener__accept(s, op);
}

void listener_close(struct server *s)
{
    struct listener *l = &s->listener;
    struct weir_op *op;
    pthread_mutex_lock(&l->lock);
    l->closing = true;
    pthread_mutex_unlock(&l->lock);
    while ((op = listener__unpark(l)))
        listener__end(s, op);
    (void)weir_stream_close(l->stream, listener__gone, s);
}
