/* serve.h - what the files of weir-serve share: the server, its workers, its connections.
 *
 * weir-serve is a server on weir's port. Every read and every write is an operation of a pooled op:
 *
 *     listener.c    accepts                       an op without a buffer
 *     connection.c  receives, sends               one op with a buffer that carries requests in and their responses out
 *     page.c        the response of "/"           one op that a thread renders once a second, and that every send refers to
 *     turns.c       the pool is empty             connections wait for an op, first come, first served
 *     log.c         the access log                refers to the ops that requests came in, until their lines are written
 *     sink.c        records of a shared pool      go to a second process by handle
 *     fault.c       planted bugs                  for the demonstration that they are found
 *     registry.c    all connections               time-outs, and the drain
 *     protocol.h    what is said                  HTTP/1.1 (http.c, answer.c, page.c, status.c), or on Windows an echo (echo.c)
 *
 * An op's buffer has two parts, [0, options.buffer) for what comes in and SERVE_TEXT bytes behind it for a response that
 * is rendered for this connection alone. So a connection never needs a second op while it holds one, and no two can wait for each other.
 *
 * Threads. Any number of workers wait on the port. A connection has at most one operation in flight, and belongs to the thread that
 * took its completion until that thread submits the next: it needs no lock. The main thread ticks once a second and drains.
 */
#ifndef SERVE_H
#define SERVE_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <weir/port.h>
#include <weir/stream.h>
#include <weir/weir.h>

#include "fault.h"
#include "listener.h"
#include "registry.h"
#include "turns.h"

enum { SERVE_TEXT = 2048, SERVE_BATCH = 16, SERVE_LINES = 64 };

struct options {
    unsigned port;
    unsigned threads;
    unsigned capacity;          /* ops with a buffer */
    unsigned buffer;            /* bytes of a receive */
    unsigned connections;       /* at once; the listener stops there */
    unsigned timeout;           /* seconds without progress; 0: none */
    unsigned drain;             /* seconds that a drain gives to what is in flight */
    bool json;
    const char *log;            /* the access log's file; NULL: none */
    bool sink;
    const char *debug;          /* of all pools and the domain; NULL: the environment says */
    struct faults faults;
};

struct log_line {               /* log.c: a request's first line, in the buffer of an op that this is a reference to */
    struct weir_op *op;
    const char *data;
    size_t bytes;
};

/* One thread that serves. The counters are its own to write and anybody's to read. */
struct worker {
    struct server *server;
    pthread_t thread;
    int64_t now;                /* milliseconds, when its batch was taken */
    struct log_line lines[SERVE_LINES];
    unsigned lines_noted, record;
    _Alignas(64) atomic_uint_fast64_t requests;
    atomic_uint_fast64_t errors;
};

struct server {
    struct options options;
    struct weir_port *port;
    sem_t served;               /* posted by each worker when it serves the port */
    struct weir_pool *data;     /* ops with a buffer: requests and responses */
    struct weir_pool *bare;     /* ops without: accepts, and receives of 0 bytes */
    struct weir_domain *all;    /* the connections */
    FILE *log;
    struct sink *sink;
    struct listener listener;
    struct registry registry;
    struct turns turns;
    struct worker *workers;
    int64_t started;
    atomic_size_t streams;      /* opened and not gone: connections and the listener */
    atomic_bool draining;
};

/* By the counter's only writer: no read-modify-write. Who reads it sees some value of late. */
static inline void serve_count(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* Whoever reads false when it is true goes on as before, and the next sweep ends it. */
static inline bool serve_draining(const struct server *s)
{
    return atomic_load_explicit(&s->draining, memory_order_relaxed);
}

uint64_t serve_requests(const struct server *s);
uint64_t serve_errors(const struct server *s);

/* worker.c. workers_start: 0 or an errno; those that were started run until the port is closed. */
int workers_start(struct server *s);
void workers_join(struct server *s);

/* report.c: what the server did and what is still held. true: nothing is. Closes the pools if so. */
bool report_close(struct server *s);

/* options.c: ends the program on a usage error. */
void options_read(struct options *o, int argc, char **argv);

#endif
