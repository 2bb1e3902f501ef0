/* main.c - weir-serve from its start to its end.
 *
 *     start    pools, port, protocol, listener, turns, workers; "listening on 127.0.0.1:N"
 *     serve    this thread ticks once a second: a new page, time-outs, accepts that rest
 *     drain    at SIGINT or SIGTERM: no new connections; idle ones are ended, the others after the request they are in; after
 *              options.drain seconds, or at a second signal, whatever is in flight is cancelled
 *     end      all streams are gone, so the port can be closed, which ends the workers; then the pools must be whole
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "protocol.h"
#include "serve.h"
#include "sink.h"
#include "system.h"

enum { TICK_MS = 1000, DRAIN_STEP_MS = 10 };

static void main__need(int error, const char *what)
{
    if (!error)
        return;
    fprintf(stderr, "weir-serve: %s: %s\n", what, error < 0 ? weir_error_message() : strerror(error));
    exit(1);
}

static void main__pools(struct server *s)
{
    const struct options *o = &s->options;
    struct weir_pool_config data = { .name = "serve", .capacity = o->capacity, .buffer_size = (size_t)o->buffer + SERVE_TEXT, .debug = o->debug };
    struct weir_pool_config bare = { .name = "serve-bare", .capacity = o->connections + 2 * LISTENER_ACCEPTS, .debug = o->debug };
    main__need(weir_pool_create(&s->data, &data), "the pool");
    main__need(weir_pool_create(&s->bare, &bare), "the pool without buffers");
    main__need(weir_domain_create(&s->all, "connections", o->connections, o->debug), "the domain");
}

static void main__listen(struct server *s)
{
    uint16_t number = (uint16_t)s->options.port;
    const char *error = "";
    weir_handle handle = system_listen(&number, &error);
    if (handle == -1) {
        fprintf(stderr, "weir-serve: can't listen on 127.0.0.1:%u: %s\n", s->options.port, error);
        exit(1);
    }
    main__need(listener_open(s, handle), "the listener");
    s->options.port = number;
}

static void main__start(struct server *s)
{
    struct weir_port_config port = { .concurrency = s->options.threads };
    s->started = system_now();
    s->workers = calloc(s->options.threads, sizeof *s->workers);
    main__need(s->workers ? 0 : ENOMEM, "the workers");
    registry_init(&s->registry);
    main__pools(s);
    main__need(log_begin(s), "the log");
    main__need(s->options.sink ? sink_start(s) : 0, "the sink");
    main__need(weir_port_create(&s->port, &port), "the port");
    main__need(protocol_begin(s), "the protocol");
    main__listen(s);
    main__need(turns_start(&s->turns, s), "a thread");
    main__need(workers_start(s), "a thread");
    listener_begin(s);
    printf("listening on 127.0.0.1:%u\n", s->options.port);
    fflush(stdout);
}

static void main__serve(struct server *s)
{
    while (!system_stopped(TICK_MS)) {
        protocol_tick(s);
        registry_sweep(s, SWEEP_TIMEOUTS);
        listener_resume(s);
    }
}

static void main__drain(struct server *s)
{
    int64_t until = system_now() + (int64_t)s->options.drain * 1000;
    bool hurry = false;
    atomic_store(&s->draining, true);
    listener_close(s);
    while (atomic_load(&s->streams)) {
        hurry = hurry || system_now() >= until;
        registry_sweep(s, hurry ? SWEEP_ALL : SWEEP_IDLE);
        hurry = system_stopped(DRAIN_STEP_MS) || hurry;
    }
}

static void main__end(struct server *s)
{
    turns_stop(&s->turns);              /* before the close: it posts to the port and does not serve it */
    main__need(weir_port_close(s->port), "the port");
    workers_join(s);
    sink_stop(s);
    log_end(s);
    protocol_end(s);
}

int main(int argc, char **argv)
{
    static struct server server;
    bool clean;
    if (argc == 4 && strncmp(argv[1], "--", 2) == 0 && strcmp(argv[1] + 2, sink_option) == 0)
        return sink_main(argv[2], argv[3]);
    system_begin();
    weir_holder_name("main");
    options_read(&server.options, argc, argv);
    main__start(&server);
    main__serve(&server);
    main__drain(&server);
    main__end(&server);
    clean = report_close(&server);
    free(server.workers);
    return clean ? 0 : 1;
}
