/* worker.c - the threads that serve: take a batch of completions, hand each to whom it concerns, again until the port is closed.
 *
 * A completion's stream is the listener, or its key is the connection; a packet that was posted is a connection's turn.
 */
#include "connection.h"
#include "log.h"
#include "serve.h"
#include "system.h"

#include <errno.h>
#include <stdlib.h>

static void worker__one(struct worker *w, const struct weir_completion *done)
{
    struct server *s = w->server;
    if (done->status == WEIR_POSTED)
        connection_turn(w, (struct connection *)done->key, done->op);
    else if (done->stream == s->listener.stream)
        listener_completed(w, done);
    else
        connection_completed(w, (struct connection *)done->key, done);
}

static void *worker__main(void *arg)
{
    struct worker *w = arg;
    struct weir_completion done[SERVE_BATCH];
    char name[32];
    int n;
    snprintf(name, sizeof name, "worker-%u", (unsigned)(w - w->server->workers) + 1);
    weir_holder_name(name);
    n = weir_port_wait(w->server->port, done, SERVE_BATCH, 0);
    sem_post(&w->server->served);
    for (; n >= 0; n = weir_port_wait(w->server->port, done, SERVE_BATCH, -1)) {
        w->now = system_now();
        for (int i = 0; i < n; i++)
            worker__one(w, &done[i]);
        if (w->lines_noted)
            log_flush(w);
    }
    return NULL;
}

/* Until all of them serve the port: a thread that did not come to that before the port is closed would find none. */
static void workers__await(struct server *s)
{
    for (unsigned i = 0; i < s->options.threads; i++)
        while (sem_wait(&s->served))
            ;                               /* a signal came */
}

int workers_start(struct server *s)
{
    int error = sem_init(&s->served, 0, 0) ? errno : 0;
    for (unsigned i = 0; !error && i < s->options.threads; i++) {
        s->workers[i].server = s;
        error = pthread_create(&s->workers[i].thread, NULL, worker__main, &s->workers[i]);
        if (error)
            s->options.threads = i;
    }
    if (!error)
        workers__await(s);
    return error;
}

void workers_join(struct server *s)
{
    for (unsigned i = 0; i < s->options.threads; i++)
        pthread_join(s->workers[i].thread, NULL);
    sem_destroy(&s->served);
}

uint64_t serve_requests(const struct server *s)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < s->options.threads; i++)
        n += atomic_load_explicit(&s->workers[i].requests, memory_order_relaxed);
    return n;
}

uint64_t serve_errors(const struct server *s)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < s->options.threads; i++)
        n += atomic_load_explicit(&s->workers[i].errors, memory_order_relaxed);
    return n;
}
