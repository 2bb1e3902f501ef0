/* test_stream.c - operations on a stream, one behaviour a case: open, receive, send. */
#include "port_support.h"

static char *buffer(const struct weir_op *op)
{
    return weir_op_buffer(op);
}

/* -- opening ---------------------------------------------------------------------------------------------------------------- */

static void a_handle_that_is_no_socket_is_refused_and_stays_the_callers(void **state)
{
    struct weir_port *port = port_open();
    struct weir_stream *stream = (struct weir_stream *)&port;
    uint16_t number;
    weir_handle handle;
    int error;
    (void)state;
    error = weir_stream_open(&stream, port, -1, 0);
    assert_true(error == -EBADF || error == -ENOTSOCK);
    assert_says(weir_error_message(), "-1", (char *)NULL);
    assert_ptr_equal(stream, &port);
    assert_int_equal(weir_stream_open(NULL, port, 0, 0), -EINVAL);
    assert_int_equal(weir_stream_open(&stream, NULL, 0, 0), -EINVAL);
#ifndef _WIN32
    handle = open("/dev/null", O_RDONLY);
    assert_int_equal(weir_stream_open(&stream, port, handle, 0), -ENOTSOCK);
    assert_int_equal(close((int)handle), 0);
#endif
    assert_int_equal(weir_port_close(port), 0);     /* none of them is open */
    port = port_open();
    handle = net_listen(&number);
    stream = stream_open(port, handle, 0);
    assert_int_equal(weir_port_close(port), -EBUSY);
    assert_says(weir_error_message(), "1 stream", (char *)NULL);
    assert_int_equal(weir_stream_close(stream, NULL, NULL), 0);
    assert_int_equal(weir_port_close(port), 0);
}

/* -- receiving -------------------------------------------------------------------------------------------------------------- */

static void recv_gives_what_is_there(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    (void)state;
    assert_true(net_send(conn.peer, "hello", 5));
    assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
    take_op(&conn, op, WEIR_COMPLETED, 0, 5);
    assert_memory_equal(buffer(op), "hello", 5);
    weir_op_put(op);
    conn_close(&conn);
}

static void recv_waits_for_what_comes(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    char data[3];
    (void)state;
    for (int i = 0; i < 50; i++) {
        assert_int_equal(weir_recv(conn.stream, op, data, 3), WEIR_PENDING);
        assert_nothing_waits(conn.port);
        assert_true(net_send(conn.peer, "abcde", 5));
        take_op(&conn, op, WEIR_COMPLETED, 0, 3);
        assert_memory_equal(data, "abc", 3);
        assert_int_equal(weir_recv(conn.stream, op, data, 3), WEIR_PENDING);
        take_op(&conn, op, WEIR_COMPLETED, 0, 2);
        assert_memory_equal(data, "de", 2);
    }
    weir_op_put(op);
    conn_close(&conn);
}

static void recv_tells_the_end_each_time(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    (void)state;
    assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
    net_end_sending(conn.peer);
    take_op(&conn, op, WEIR_END, 0, 0);
    assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
    take_op(&conn, op, WEIR_END, 0, 0);
    assert_int_equal(weir_send(conn.stream, op, "still", 5), WEIR_PENDING);
    take_op(&conn, op, WEIR_COMPLETED, 0, 5);
    weir_op_put(op);
    conn_close(&conn);
}

/* The end is there already when the last bytes are: a receive that does not fill its buffer must not take them for all. */
static void the_end_that_came_with_the_last_bytes_is_told(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct conn conn = conn_open();
        struct weir_op *op = weir_op_get(conn.pool);
        if (i % 2)
            assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
        assert_true(net_send(conn.peer, "last", 4));
        net_close(conn.peer);
        conn.peer = -1;
        if (i % 2 == 0)
            assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
        take_op(&conn, op, WEIR_COMPLETED, 0, 4);
        assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
        take_op(&conn, op, WEIR_END, 0, 0);
        weir_op_put(op);
        conn_close(&conn);
    }
}

static void a_reset_fails_what_is_pending_and_the_buffers_come_back(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        op[i] = weir_op_get(conn.pool);
        assert_int_equal(weir_recv(conn.stream, op[i], NULL, 0), WEIR_PENDING);
    }
    net_reset(conn.peer);
    conn.peer = -1;
    for (int i = 0; i < 3; i++) {
        struct weir_completion c = take(conn.port);
        assert_ptr_equal(c.op, op[i]);
        if (i == 0) {
            assert_int_equal(c.status, WEIR_FAILED);
            assert_int_equal(c.error, -ECONNRESET);
        }
        assert_int_not_equal(c.status, WEIR_COMPLETED);
        assert_int_equal(c.bytes, 0);
        weir_op_put(op[i]);
    }
    conn_close(&conn);
}

static void a_receive_of_nothing_tells_that_there_is_something(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    char data[1];
    (void)state;
    assert_int_equal(weir_recv(conn.stream, op, data, 0), WEIR_PENDING);
    assert_nothing_waits(conn.port);
    assert_true(net_send(conn.peer, "xyz", 3));
    take_op(&conn, op, WEIR_COMPLETED, 0, 0);
    assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
    take_op(&conn, op, WEIR_COMPLETED, 0, 3);
    assert_int_equal(weir_recv(conn.stream, op, data, 0), WEIR_PENDING);
    assert_nothing_waits(conn.port);
    net_end_sending(conn.peer);
    take_op(&conn, op, WEIR_COMPLETED, 0, 0);
    assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
    take_op(&conn, op, WEIR_END, 0, 0);
    weir_op_put(op);
    conn_close(&conn);
}

static void more_than_the_buffer_holds_is_refused(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    (void)state;
    assert_int_equal(weir_recv(conn.stream, op, NULL, CONN_BUFFER + 1), -EINVAL);
    assert_says(weir_error_message(), "4097", "4096", (char *)NULL);
    assert_int_equal(weir_send(conn.stream, op, NULL, CONN_BUFFER + 1), -EINVAL);
    assert_int_equal(weir_send(conn.stream, op, "", (size_t)INT32_MAX + 1), -EINVAL);
    assert_int_equal(weir_recv(NULL, op, NULL, 0), -EINVAL);
    assert_int_equal(weir_recv(conn.stream, NULL, NULL, 0), -EINVAL);
    assert_says(weir_error_message(), "op is NULL", (char *)NULL);
    assert_int_equal(weir_accept(NULL, op), -EINVAL);
    assert_int_equal(weir_connect(conn.stream, op, NULL, 16), -EINVAL);
    assert_int_equal(weir_cancel(NULL, NULL), -EINVAL);
    weir_op_put(op);                    /* the caller's all along */
    conn_close(&conn);
}

static void an_op_in_flight_can_not_be_put_or_submitted_again(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *volatile op = weir_op_get(conn.pool);
    (void)state;
    assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
    assert_panics(weir_op_put(op), "submitted");
    assert_panics(weir_recv(conn.stream, op, NULL, 0), "submitted");
    assert_panics(weir_stream_op_put(conn.stream, op), "submitted");
    assert_true(net_send(conn.peer, "1", 1));
    take_op(&conn, op, WEIR_COMPLETED, 0, 1);
    weir_op_put(op);
    assert_panics(weir_recv(conn.stream, op, NULL, 0), "nobody holds it");
    conn_close(&conn);
}

/* A packet that is posted again whenever it is taken keeps the port's queue filled for ever. */
static void a_queue_that_is_never_empty_does_not_keep_streams_from_their_turn(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    struct weir_completion c;
    int turns = 0;
    (void)state;
    assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
    assert_true(net_send(conn.peer, "!", 1));
    assert_int_equal(weir_port_post(conn.port, NULL, 0, 1), 0);
    for (;;) {
        c = take(conn.port);
        if (c.status != WEIR_POSTED)
            break;
        assert_true(++turns < 100);
        assert_int_equal(weir_port_post(conn.port, NULL, 0, 1), 0);
    }
    assert_ptr_equal(c.op, op);
    assert_int_equal(take(conn.port).status, WEIR_POSTED);
    weir_op_put(op);
    conn_close(&conn);
}

/* -- order ------------------------------------------------------------------------------------------------------------------ */

struct ordered {
    struct weir_port *port;
    unsigned char *data;            /* by sequence, one byte each */
    uint64_t expected;
    _Atomic uint64_t taken;
};

static const char *receive_bytes(void *arg)
{
    struct ordered *o = arg;
    struct weir_completion c;
    while (atomic_load(&o->taken) < o->expected) {
        int n = weir_port_wait(o->port, &c, 1, 10000000);
        if (n == 0)
            continue;
        NEED(n == 1 && c.status == WEIR_COMPLETED && c.bytes == 1);
        NEED(c.sequence < o->expected && !o->data[c.sequence]);
        o->data[c.sequence] = *(unsigned char *)weir_op_buffer(c.op);
        if (atomic_fetch_add(&o->taken, 1) + 8 < o->expected)
            NEED(weir_recv(c.stream, c.op, NULL, 1) == WEIR_PENDING);
        else
            weir_op_put(c.op);
    }
    return NULL;
}

static void the_sequence_puts_what_many_threads_received_in_order(void **state)
{
    enum { THREADS = 4 };
    struct conn conn = conn_open();
    struct ordered o = { .port = conn.port, .expected = SCALED(20000, 3000) };
    struct thread thread[THREADS];
    unsigned char *sent = malloc(o.expected);
    (void)state;
    o.data = calloc(o.expected, 1);
    for (uint64_t i = 0; i < o.expected; i++)
        sent[i] = (unsigned char)(1 + i % 251);
    for (int i = 0; i < 8; i++)
        assert_int_equal(weir_recv(conn.stream, weir_op_get(conn.pool), NULL, 1), WEIR_PENDING);
    for (int i = 0; i < THREADS; i++)
        thread_start(&thread[i], receive_bytes, &o);
    for (uint64_t i = 0; i < o.expected; i += 500)
        assert_true(net_send(conn.peer, sent + i, 500));
    for (int i = 0; i < THREADS; i++)
        thread_join(&thread[i]);
    assert_memory_equal(o.data, sent, o.expected);
    free(o.data);
    free(sent);
    conn_close(&conn);
}

static void the_sequence_counts_all_of_a_streams_operations(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *in = weir_op_get(conn.pool), *out = weir_op_get(conn.pool);
    struct weir_completion c;
    (void)state;
    assert_int_equal(weir_recv(conn.stream, in, NULL, 0), WEIR_PENDING);
    for (uint64_t i = 0; i < 3; i++) {
        assert_int_equal(weir_send(conn.stream, out, "x", 1), WEIR_PENDING);
        c = take(conn.port);
        assert_ptr_equal(c.op, out);
        assert_int_equal(c.sequence, i);
    }
    assert_int_equal(weir_cancel(conn.stream, in), 0);
    c = take(conn.port);
    assert_ptr_equal(c.op, in);
    assert_int_equal(c.sequence, 3);
    weir_op_put(in);
    weir_op_put(out);
    conn_close(&conn);
}

/* -- sending ---------------------------------------------------------------------------------------------------------------- */

struct reader {
    weir_handle handle;
    size_t bytes;
    uint64_t at;
};

static unsigned char byte_at(uint64_t at)
{
    return (unsigned char)(at * 2654435761u >> 11);
}

static const char *read_pattern(void *arg)
{
    struct reader *r = arg;
    static unsigned char data[65536];
    while (r->bytes) {
        long got = net_recv(r->handle, data, r->bytes < sizeof data ? r->bytes : sizeof data);
        NEED(got > 0);
        for (long i = 0; i < got; i++)
            NEED(data[i] == byte_at(r->at++));
        r->bytes -= (size_t)got;
    }
    return NULL;
}

static void a_send_completes_when_all_of_it_is_gone(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    const size_t bytes = SCALED(16u, 4u) << 20;
    unsigned char *data = malloc(bytes);
    struct reader reader = { conn.peer, bytes, 0 };
    struct thread thread;
    (void)state;
    for (size_t i = 0; i < bytes; i++)
        data[i] = byte_at(i);
    assert_int_equal(weir_send(conn.stream, op, data, bytes), WEIR_PENDING);
    assert_nothing_waits(conn.port);    /* nobody reads */
    thread_start(&thread, read_pattern, &reader);
    take_op(&conn, op, WEIR_COMPLETED, 0, bytes);
    thread_join(&thread);
    free(data);
    weir_op_put(op);
    conn_close(&conn);
}

static void sends_go_out_whole_and_in_order(void **state)
{
    enum { SENDS = 12, BYTES = 300001 };
    struct conn conn = conn_open();
    struct weir_op *op[SENDS];
    unsigned char *data = malloc((size_t)SENDS * BYTES);
    struct reader reader = { conn.peer, (size_t)SENDS * BYTES, 0 };
    struct thread thread;
    (void)state;
    for (size_t i = 0; i < (size_t)SENDS * BYTES; i++)
        data[i] = byte_at(i);
    for (int i = 0; i < SENDS; i++) {
        op[i] = weir_op_get(conn.pool);
        assert_int_equal(weir_send(conn.stream, op[i], data + (size_t)i * BYTES, BYTES), WEIR_PENDING);
    }
    thread_start(&thread, read_pattern, &reader);
    for (int i = 0; i < SENDS; i++) {
        take_op(&conn, op[i], WEIR_COMPLETED, 0, BYTES);
        weir_op_put(op[i]);
    }
    thread_join(&thread);
    free(data);
    conn_close(&conn);
}

static void a_send_of_nothing_is_done(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    (void)state;
    assert_int_equal(weir_send(conn.stream, op, NULL, 0), WEIR_PENDING);
    take_op(&conn, op, WEIR_COMPLETED, 0, 0);
    memcpy(buffer(op), "own", 3);
    assert_int_equal(weir_send(conn.stream, op, NULL, 3), WEIR_PENDING);
    take_op(&conn, op, WEIR_COMPLETED, 0, 3);
    assert_true(net_recv_all(conn.peer, buffer(op), 3));
    assert_memory_equal(buffer(op), "own", 3);
    weir_op_put(op);
    conn_close(&conn);
}

static void a_send_to_who_has_gone_fails_and_the_buffer_comes_back(void **state)
{
    struct conn conn = conn_open();
    const size_t bytes = 8u << 20;
    char *data = calloc(bytes, 1);
    struct weir_op *op = weir_op_get(conn.pool);
    struct weir_completion c;
    int sends = 0;
    (void)state;
    assert_int_equal(weir_send(conn.stream, op, data, bytes), WEIR_PENDING);
    assert_nothing_waits(conn.port);
    net_reset(conn.peer);
    conn.peer = -1;
    c = take(conn.port);
    assert_int_equal(c.status, WEIR_FAILED);
    assert_true(c.error == -ECONNRESET || c.error == -EPIPE || c.error == -ECONNABORTED);
    assert_true(c.bytes < bytes);
    do {                                /* what comes later fails as well, sooner or later */
        assert_int_equal(weir_send(conn.stream, op, "late", 4), WEIR_PENDING);
        c = take(conn.port);
    } while (c.status == WEIR_COMPLETED && ++sends < 100);
    assert_int_equal(c.status, WEIR_FAILED);
    free(data);
    weir_op_put(op);
    conn_close(&conn);
}

#ifndef _WIN32
/* -- what only Linux has ------------------------------------------------------------------------------------------------------ */

#include <signal.h>

static void urgent_bytes_do_not_hide_what_follows(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    size_t got = 0;
    (void)state;
    assert_true(net_send(conn.peer, "before", 6));
    assert_int_equal(send((int)conn.peer, "!", 1, MSG_OOB), 1);
    assert_true(net_send(conn.peer, "after", 5));
    while (got < 11) {                  /* a receive ends at the urgent byte, and the next begins behind it */
        struct weir_completion c;
        assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
        c = take(conn.port);
        assert_int_equal(c.status, WEIR_COMPLETED);
        got += c.bytes;
    }
    weir_op_put(op);
    conn_close(&conn);
}

static void datagrams_come_one_by_one_and_an_empty_one_is_no_end(void **state)
{
    struct conn conn = { .port = port_open(), .pool = pool_of(16, 0, 64) };
    struct weir_op *op = weir_op_get(conn.pool);
    int fd[2];
    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, fd), 0);
    conn.peer = fd[1];
    conn.stream = stream_open(conn.port, fd[0], CONN_KEY);
    assert_int_equal(send(fd[1], "one", 3, 0), 3);
    assert_int_equal(send(fd[1], "", 0, 0), 0);
    assert_int_equal(send(fd[1], "three", 5, 0), 5);
    for (size_t i = 0; i < 3; i++) {
        static const size_t bytes[] = { 3, 0, 5 };
        assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
        take_op(&conn, op, WEIR_COMPLETED, 0, bytes[i]);
    }
    weir_op_put(op);
    conn_close(&conn);
}

static void on_signal(int number)
{
    (void)number;
}

static const char *interrupt(void *arg)
{
    struct conn *conn = arg;
    (void)conn;
    for (int i = 0; i < 20; i++) {
        nap_us(500);
        kill(getpid(), SIGUSR1);
    }
    return net_send(conn->peer, "!", 1) ? NULL : "the peer could not send";
}

static void a_signal_does_not_end_a_wait(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    struct sigaction action = { .sa_handler = on_signal }, before;
    struct thread thread;
    (void)state;
    sigaction(SIGUSR1, &action, &before);
    assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
    thread_start(&thread, interrupt, &conn);
    take_op(&conn, op, WEIR_COMPLETED, 0, 1);
    thread_join(&thread);
    sigaction(SIGUSR1, &before, NULL);
    weir_op_put(op);
    conn_close(&conn);
}

static void errno_stays_as_it_was(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    struct weir_completion c;
    (void)state;
    errno = 4711;
    (void)weir_recv(conn.stream, op, NULL, 0);      /* EAGAIN inside */
    (void)weir_port_wait(conn.port, &c, 1, 0);
    (void)weir_cancel(conn.stream, op);
    (void)weir_port_wait(conn.port, &c, 1, -1);
    (void)weir_stream_open(&(struct weir_stream *){ NULL }, conn.port, -1, 0);
    assert_int_equal(errno, 4711);
    weir_op_put(op);
    conn_close(&conn);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_handle_that_is_no_socket_is_refused_and_stays_the_callers),
        cmocka_unit_test(recv_gives_what_is_there),
        cmocka_unit_test(recv_waits_for_what_comes),
        cmocka_unit_test(recv_tells_the_end_each_time),
        cmocka_unit_test(the_end_that_came_with_the_last_bytes_is_told),
        cmocka_unit_test(a_reset_fails_what_is_pending_and_the_buffers_come_back),
        cmocka_unit_test(a_receive_of_nothing_tells_that_there_is_something),
        cmocka_unit_test(more_than_the_buffer_holds_is_refused),
        cmocka_unit_test(an_op_in_flight_can_not_be_put_or_submitted_again),
        cmocka_unit_test(a_queue_that_is_never_empty_does_not_keep_streams_from_their_turn),
        cmocka_unit_test(the_sequence_puts_what_many_threads_received_in_order),
        cmocka_unit_test(the_sequence_counts_all_of_a_streams_operations),
        cmocka_unit_test(a_send_completes_when_all_of_it_is_gone),
        cmocka_unit_test(sends_go_out_whole_and_in_order),
        cmocka_unit_test(a_send_of_nothing_is_done),
        cmocka_unit_test(a_send_to_who_has_gone_fails_and_the_buffer_comes_back),
#ifndef _WIN32
        cmocka_unit_test(urgent_bytes_do_not_hide_what_follows),
        cmocka_unit_test(datagrams_come_one_by_one_and_an_empty_one_is_no_end),
        cmocka_unit_test(a_signal_does_not_end_a_wait),
        cmocka_unit_test(errno_stays_as_it_was),
#endif
    };
    net_open();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
