/* tests/port_support.h - what the tests of streams share: a port, a pool and a connection whose one end is a stream,
 * and taking completions within bounded time. */
#ifndef WEIR_TESTS_PORT_SUPPORT_H
#define WEIR_TESTS_PORT_SUPPORT_H

#include "support.h"

#include <weir/stream.h>

#include "net.h"

#define SECONDS INT64_C(1000000000)

struct conn {
    struct weir_port *port;
    struct weir_pool *pool;
    struct weir_stream *stream;
    weir_handle peer;
    _Atomic int closed;             /* how often closed was called */
};

static inline struct weir_port *port_open(void)
{
    struct weir_port *port = NULL;
    int error = weir_port_create(&port, NULL);
    if (error)
        fail_msg("weir_port_create: %d: %s", error, weir_error_message());
    return port;
}

static inline struct weir_stream *stream_open(struct weir_port *port, weir_handle handle, uintptr_t key)
{
    struct weir_stream *stream = NULL;
    int error = weir_stream_open(&stream, port, handle, key);
    if (error)
        fail_msg("weir_stream_open: %d: %s", error, weir_error_message());
    assert_non_null(stream);
    return stream;
}

static inline void count_closed(void *arg)
{
    struct conn *conn = arg;
    atomic_fetch_add(&conn->closed, 1);
}

enum { CONN_KEY = 4711, CONN_BUFFER = 4096 };

static inline struct conn conn_open(void)
{
    struct conn conn = { .port = port_open(), .pool = pool_of(16, 0, CONN_BUFFER) };
    weir_handle mine;
    net_pair(&mine, &conn.peer);
    conn.stream = stream_open(conn.port, mine, CONN_KEY);
    return conn;
}

/* One completion, which must come. */
static inline struct weir_completion take(struct weir_port *port)
{
    struct weir_completion c;
    int n;
    memset(&c, 0xee, sizeof c);
    n = weir_port_wait(port, &c, 1, PATIENCE * SECONDS);
    if (n != 1)
        fail_msg("weir_port_wait answered %d where a completion should come", n);
    return c;
}

static inline void assert_nothing_waits(struct weir_port *port)
{
    struct weir_completion c;
    assert_int_equal(weir_port_wait(port, &c, 1, 0), 0);
}

/* The next completion is this op's, with this status, error and bytes; it is given back. */
static inline void take_op(struct conn *conn, struct weir_op *op, enum weir_status status, int error, size_t bytes)
{
    struct weir_completion c = take(conn->port);
    assert_ptr_equal(c.op, op);
    assert_ptr_equal(c.stream, conn->stream);
    assert_int_equal(c.key, CONN_KEY);
    if (c.status != status || c.error != error)
        fail_msg("status %d, error %d (%s) instead of status %d, error %d", c.status, c.error, weir_strerror(c.error), status, error);
    assert_int_equal(c.bytes, bytes);
}

/* Close all: nothing is left anywhere. */
static inline void conn_close(struct conn *conn)
{
    struct weir_completion c;
    if (conn->stream) {
        assert_int_equal(weir_stream_close(conn->stream, count_closed, conn), 0);
        while (!atomic_load(&conn->closed)) {
            c = take(conn->port);
            if (c.op)
                weir_op_put(c.op);
        }
    }
    assert_int_equal(atomic_load(&conn->closed), 1);
    assert_nothing_waits(conn->port);
    if (conn->peer != -1)
        net_close(conn->peer);
    assert_int_equal(weir_port_close(conn->port), 0);
    close_quiet(conn->pool);
}

#endif
