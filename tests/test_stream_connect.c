/* test_stream_connect.c - how connections come about: accept, connect, and running out of descriptors. */
#include "port_support.h"

static void accept_brings_a_handle_that_works(void **state)
{
    struct conn conn = { .port = port_open(), .pool = pool_of(16, 0, 0), .peer = -1 };
    struct weir_op *op[4], *in = weir_op_get(conn.pool);
    struct weir_completion c;
    uint16_t number;
    weir_handle peer[4];
    (void)state;
    conn.stream = stream_open(conn.port, net_listen(&number), CONN_KEY);
    for (int i = 0; i < 4; i++) {
        op[i] = weir_op_get(conn.pool);
        assert_int_equal(weir_accept(conn.stream, op[i]), WEIR_PENDING);
    }
    assert_nothing_waits(conn.port);
    for (int i = 0; i < 4; i++)
        peer[i] = net_connect(number);
    for (int i = 0; i < 4; i++) {
        c = take(conn.port);
        assert_int_equal(c.status, WEIR_COMPLETED);
        assert_ptr_equal(c.stream, conn.stream);
        assert_int_equal(c.bytes, 0);
        op[i] = c.op;                   /* in the order of the connections */
        assert_int_equal(c.sequence, i);
    }
    for (int i = 0; i < 4; i++) {
        struct weir_stream *accepted;
        char data[4];
        assert_int_not_equal(weir_op_accepted(op[i]), -1);
#ifndef _WIN32
        assert_true(fcntl((int)weir_op_accepted(op[i]), F_GETFL) & O_NONBLOCK);
        assert_true(fcntl((int)weir_op_accepted(op[i]), F_GETFD) & FD_CLOEXEC);
#endif
        accepted = stream_open(conn.port, weir_op_accepted(op[i]), 1);
        weir_op_put(op[i]);
        assert_true(net_send(peer[i], "ping", 4));
        assert_int_equal(weir_recv(accepted, in, data, 4), WEIR_PENDING);
        c = take(conn.port);
        assert_ptr_equal(c.stream, accepted);
        assert_int_equal(c.key, 1);
        assert_int_equal(c.bytes, 4);
        assert_int_equal(weir_stream_close(accepted, NULL, NULL), 0);
        assert_int_equal(net_recv(peer[i], data, 1), 0);
        net_close(peer[i]);
    }
    weir_op_put(in);
    conn_close(&conn);
}

static void connections_that_wait_are_accepted_at_once(void **state)
{
    struct conn conn = { .port = port_open(), .pool = pool_of(16, 0, 0), .peer = -1 };
    uint16_t number;
    weir_handle peer[8];
    (void)state;
    conn.stream = stream_open(conn.port, net_listen(&number), CONN_KEY);
    for (int i = 0; i < 8; i++)
        peer[i] = net_connect(number);
    for (int i = 0; i < 8; i++) {
        struct weir_op *op = weir_op_get(conn.pool);
        assert_int_equal(weir_accept(conn.stream, op), WEIR_PENDING);
        take_op(&conn, op, WEIR_COMPLETED, 0, 0);
        net_close(weir_op_accepted(op));
        weir_op_put(op);
        net_close(peer[i]);
    }
    conn_close(&conn);
}

static void accept_on_a_socket_that_does_not_listen_fails(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    struct weir_completion c;
    (void)state;
    assert_int_equal(weir_accept(conn.stream, op), WEIR_PENDING);
    c = take(conn.port);
    assert_int_equal(c.status, WEIR_FAILED);
    assert_true(c.error < 0);
    assert_int_equal(weir_op_accepted(op), -1);
    weir_op_put(op);
    conn_close(&conn);
}

static void connect_completes_and_what_was_sent_meanwhile_follows(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct conn conn = { .port = port_open(), .pool = pool_of(16, 0, 64) };
        struct weir_op *op = weir_op_get(conn.pool), *out = weir_op_get(conn.pool);
        struct sockaddr_in address;
        uint16_t number;
        weir_handle listener = net_listen(&number);
        char data[5];
        address = net_address(number);
        conn.stream = stream_open(conn.port, net_socket_tcp(), CONN_KEY);
        assert_int_equal(weir_connect(conn.stream, op, &address, sizeof address), WEIR_PENDING);
        memset(&address, 0, sizeof address);            /* it was read */
#ifdef _WIN32
        take_op(&conn, op, WEIR_COMPLETED, 0, 0);
        assert_int_equal(weir_send(conn.stream, out, "first", 5), WEIR_PENDING);
#else
        assert_int_equal(weir_send(conn.stream, out, "first", 5), WEIR_PENDING);
        take_op(&conn, op, WEIR_COMPLETED, 0, 0);
#endif
        take_op(&conn, out, WEIR_COMPLETED, 0, 5);
        conn.peer = (weir_handle)accept((net_socket)listener, NULL, NULL);
        assert_true(net_recv_all(conn.peer, data, 5));
        assert_memory_equal(data, "first", 5);
        net_close(listener);
        weir_op_put(op);
        weir_op_put(out);
        conn_close(&conn);
    }
}

static void connect_to_nobody_fails(void **state)
{
    struct conn conn = { .port = port_open(), .pool = pool_of(16, 0, 64), .peer = -1 };
    struct weir_op *op = weir_op_get(conn.pool);
    struct sockaddr_in address;
    uint16_t number;
    (void)state;
    net_close(net_listen(&number));
    address = net_address(number);
    conn.stream = stream_open(conn.port, net_socket_tcp(), CONN_KEY);
    assert_int_equal(weir_connect(conn.stream, op, &address, sizeof address), WEIR_PENDING);
    take_op(&conn, op, WEIR_FAILED, -ECONNREFUSED, 0);
    weir_op_put(op);
    conn_close(&conn);
}

#ifndef _WIN32
#include <sys/resource.h>

static void an_accept_without_a_descriptor_fails_and_the_next_may_succeed(void **state)
{
    struct conn conn = { .port = port_open(), .pool = pool_of(16, 0, 0) };
    struct weir_op *op = weir_op_get(conn.pool);
    struct rlimit limit, none;
    uint16_t number;
    (void)state;
    conn.stream = stream_open(conn.port, net_listen(&number), CONN_KEY);
    conn.peer = net_connect(number);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    assert_int_equal(weir_accept(conn.stream, op), WEIR_PENDING);
    take_op(&conn, op, WEIR_FAILED, -EMFILE, 0);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(weir_accept(conn.stream, op), WEIR_PENDING);
    take_op(&conn, op, WEIR_COMPLETED, 0, 0);
    net_close(weir_op_accepted(op));
    weir_op_put(op);
    conn_close(&conn);
}

static void a_port_without_descriptors_is_refused(void **state)
{
    struct weir_port *port = NULL;
    struct rlimit limit, none;
    int error;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    error = weir_port_create(&port, NULL);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    assert_int_equal(error, -EMFILE);
    assert_null(port);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_brings_a_handle_that_works),
        cmocka_unit_test(connections_that_wait_are_accepted_at_once),
        cmocka_unit_test(accept_on_a_socket_that_does_not_listen_fails),
        cmocka_unit_test(connect_completes_and_what_was_sent_meanwhile_follows),
        cmocka_unit_test(connect_to_nobody_fails),
#ifndef _WIN32
        cmocka_unit_test(an_accept_without_a_descriptor_fails_and_the_next_may_succeed),
        cmocka_unit_test(a_port_without_descriptors_is_refused),
#endif
    };
    net_open();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
