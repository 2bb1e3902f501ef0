/* test_stream_close.c - the end of operations and of streams: cancel, close, references. */
#include "port_support.h"

/* -- cancelling ------------------------------------------------------------------------------------------------------------- */

static void one_of_two_is_cancelled_and_the_other_goes_on(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *first = weir_op_get(conn.pool), *second = weir_op_get(conn.pool);
    (void)state;
    assert_int_equal(weir_recv(conn.stream, first, NULL, 0), WEIR_PENDING);
    assert_int_equal(weir_recv(conn.stream, second, NULL, 0), WEIR_PENDING);
    assert_int_equal(weir_cancel(conn.stream, first), 0);
    take_op(&conn, first, WEIR_FAILED, -ECANCELED, 0);
    assert_nothing_waits(conn.port);
    assert_true(net_send(conn.peer, "rest", 4));
    take_op(&conn, second, WEIR_COMPLETED, 0, 4);
    assert_memory_equal(weir_op_buffer(second), "rest", 4);
    assert_int_equal(weir_recv(conn.stream, first, NULL, 0), WEIR_PENDING);     /* the stream works on */
    assert_true(net_send(conn.peer, "more", 4));
    take_op(&conn, first, WEIR_COMPLETED, 0, 4);
    weir_op_put(first);
    weir_op_put(second);
    conn_close(&conn);
}

static void what_is_not_pending_can_not_be_cancelled(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    (void)state;
    assert_int_equal(weir_cancel(conn.stream, op), -ENOENT);
    assert_int_equal(weir_cancel(conn.stream, NULL), 0);
    assert_true(net_send(conn.peer, "x", 1));
    assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
    take_op(&conn, op, WEIR_COMPLETED, 0, 1);
    assert_int_equal(weir_cancel(conn.stream, op), -ENOENT);
    assert_nothing_waits(conn.port);
    weir_op_put(op);
    conn_close(&conn);
}

static void all_of_a_stream_are_cancelled_and_a_send_tells_what_went_out(void **state)
{
    enum { RECEIVES = 5 };
    struct conn conn = conn_open();
    const size_t bytes = 16u << 20;
    char *data = calloc(bytes, 1);
    struct weir_op *out = weir_op_get(conn.pool);
    unsigned seen = 0;
    (void)state;
    net_small_buffers(conn.peer);
    for (int i = 0; i < RECEIVES; i++)
        assert_int_equal(weir_recv(conn.stream, weir_op_get(conn.pool), NULL, 0), WEIR_PENDING);
    assert_int_equal(weir_send(conn.stream, out, data, bytes), WEIR_PENDING);
    assert_int_equal(weir_cancel(conn.stream, NULL), 0);
    for (int i = 0; i < RECEIVES + 1; i++) {
        struct weir_completion c = take(conn.port);
        assert_int_equal(c.status, WEIR_FAILED);
        assert_int_equal(c.error, -ECANCELED);
        assert_true(c.op == out ? c.bytes < bytes : c.bytes == 0);
        assert_false(seen & 1u << weir_op_index(c.op));
        seen |= 1u << weir_op_index(c.op);
        weir_op_put(c.op);
    }
    assert_nothing_waits(conn.port);
    free(data);
    conn_close(&conn);
}

struct pace {
    struct conn *conn;
    int bytes;
    _Atomic int got;
};

/* Sends the next byte when all but the last have arrived. */
static const char *send_bytes(void *arg)
{
    struct pace *pace = arg;
    for (int i = 0; i < pace->bytes; i++) {
        while (atomic_load(&pace->got) < i - 1)
            sched_yield();
        NEED(net_send(pace->conn->peer, "b", 1));
    }
    return NULL;
}

/* Cancel against data that comes: whichever is first, the receive completes once, and no byte is lost. */
static void a_cancel_that_races_with_data_completes_once_and_loses_nothing(void **state)
{
    struct conn conn = conn_open();
    struct pace pace = { &conn, SCALED(3000, 1000), 0 };
    struct thread thread;
    int cancelled = 0;
    (void)state;
    thread_start(&thread, send_bytes, &pace);
    for (int i = 0; atomic_load(&pace.got) < pace.bytes; i++) {
        struct weir_op *op = weir_op_get(conn.pool);
        struct weir_completion c;
        int error;
        assert_non_null(op);
        assert_int_equal(weir_recv(conn.stream, op, NULL, 16), WEIR_PENDING);
        if (i % 2)
            sched_yield();
        error = weir_cancel(conn.stream, op);
        assert_true(error == 0 || error == -ENOENT);
        c = take(conn.port);
        assert_ptr_equal(c.op, op);
        assert_int_equal(c.sequence, i);
        if (c.status == WEIR_FAILED) {
            assert_int_equal(c.error, -ECANCELED);
            assert_int_equal(c.bytes, 0);
            cancelled++;
        } else {
            assert_int_equal(c.status, WEIR_COMPLETED);
            atomic_fetch_add(&pace.got, (int)c.bytes);
        }
        assert_nothing_waits(conn.port);
        weir_op_put(op);
    }
    thread_join(&thread);
    assert_int_equal(atomic_load(&pace.got), pace.bytes);
    print_message("    %d receives were cancelled\n", cancelled);
    conn_close(&conn);
}

/* -- closing ---------------------------------------------------------------------------------------------------------------- */

static void close_hands_back_what_is_pending_and_then_calls_once(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op[3];
    char byte;
    (void)state;
    for (int i = 0; i < 3; i++) {
        op[i] = weir_op_get(conn.pool);
        assert_int_equal(weir_recv(conn.stream, op[i], NULL, 0), WEIR_PENDING);
    }
    assert_int_equal(weir_stream_close(conn.stream, count_closed, &conn), 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(atomic_load(&conn.closed), 0);
        assert_int_equal(weir_port_close(conn.port), -EBUSY);
        take_op(&conn, op[i], WEIR_FAILED, -ECANCELED, 0);
        weir_op_put(op[i]);
    }
    assert_int_equal(atomic_load(&conn.closed), 1);
    assert_int_equal(net_recv(conn.peer, &byte, 1), 0);     /* the handle is closed */
    conn.stream = NULL;
    conn_close(&conn);
}

static void an_idle_stream_is_gone_when_close_returns(void **state)
{
    struct conn conn = conn_open();
    char byte;
    (void)state;
    assert_int_equal(weir_stream_close(NULL, NULL, NULL), -EINVAL);
    assert_int_equal(weir_stream_close(conn.stream, count_closed, &conn), 0);
    assert_int_equal(atomic_load(&conn.closed), 1);
    assert_int_equal(net_recv(conn.peer, &byte, 1), 0);
    conn.stream = NULL;
    conn_close(&conn);
}

static void a_reference_keeps_a_closed_stream_which_refuses_submits(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    (void)state;
    weir_stream_ref(conn.stream);
    weir_stream_ref(conn.stream);
    assert_int_equal(weir_stream_close(conn.stream, count_closed, &conn), 0);
    assert_int_equal(weir_recv(conn.stream, op, NULL, 0), -ESHUTDOWN);
    assert_says(weir_error_message(), "weir_recv", "closing", (char *)NULL);
    assert_int_equal(weir_send(conn.stream, op, NULL, 1), -ESHUTDOWN);
    assert_int_equal(weir_accept(conn.stream, op), -ESHUTDOWN);
    assert_int_equal(weir_stream_close(conn.stream, count_closed, &conn), -EALREADY);
    assert_int_equal(weir_cancel(conn.stream, op), -ENOENT);
    weir_op_put(op);                    /* refused: the caller's */
    weir_stream_unref(conn.stream);
    assert_int_equal(atomic_load(&conn.closed), 0);
    assert_int_equal(weir_port_close(conn.port), -EBUSY);
    weir_stream_unref(conn.stream);
    assert_int_equal(atomic_load(&conn.closed), 1);
    conn.stream = NULL;
    conn_close(&conn);
}

static void the_last_reference_closes_a_stream_that_nobody_closed(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *op = weir_op_get(conn.pool);
    char byte;
    (void)state;
    assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
    weir_stream_unref(conn.stream);
    weir_stream_unref(NULL);
    take_op(&conn, op, WEIR_FAILED, -ECANCELED, 0);
    assert_int_equal(net_recv(conn.peer, &byte, 1), 0);
    weir_op_put(op);
    conn.stream = NULL;
    atomic_store(&conn.closed, 1);      /* nobody was to be told */
    conn_close(&conn);
}

struct closer {
    struct conn *conn;
    int error;
};

static void close_the_port(void *arg)
{
    struct closer *closer = arg;
    closer->error = weir_port_close(closer->conn->port);
}

static void closed_may_close_the_port(void **state)
{
    struct conn conn = conn_open();
    struct closer closer = { &conn, -1 };
    struct weir_op *op = weir_op_get(conn.pool);
    struct weir_completion c;
    (void)state;
    assert_int_equal(weir_recv(conn.stream, op, NULL, 0), WEIR_PENDING);
    assert_int_equal(weir_stream_close(conn.stream, close_the_port, &closer), 0);
    assert_int_equal(closer.error, -1);
    take_op(&conn, op, WEIR_FAILED, -ECANCELED, 0);
    assert_int_equal(closer.error, 0);
    assert_int_equal(weir_port_wait(conn.port, &c, 1, -1), -ESHUTDOWN);
    weir_op_put(op);
    net_close(conn.peer);
    close_quiet(conn.pool);
}

struct race {
    struct conn *conn;
    _Atomic int round, begun, closed, over, submits;
};

/* In each round: submit receives until the stream refuses. */
static const char *submit_until_refused(void *arg)
{
    struct race *race = arg;
    struct conn *conn = race->conn;
    for (int round = 1;; round++) {
        int now, result = WEIR_PENDING, submits = 0;
        while ((now = atomic_load(&race->round)) >= 0 && now < round)
            sched_yield();
        if (now < 0)
            return NULL;
        while (result == WEIR_PENDING) {
            struct weir_op *op = weir_op_get(conn->pool);
            if (!op && atomic_load(&race->closed) == round)
                break;
            if (!op)
                continue;               /* the closer is late: all ops are pending already */
            result = weir_recv(conn->stream, op, NULL, 0);
            if (result == WEIR_PENDING)
                submits++;
            else
                weir_op_put(op);
            atomic_store(&race->begun, round);
        }
        NEED(result == -ESHUTDOWN || result == WEIR_PENDING);
        atomic_store(&race->submits, submits);
        atomic_store(&race->over, round);
    }
}

/* A submit is refused, or its completion comes: there is no third, at whichever instant close comes between. */
static void a_submit_that_races_with_close_is_refused_or_comes_back(void **state)
{
    struct conn conn = { .port = port_open(), .pool = pool_of(2000, 0, 64), .peer = -1 };
    struct race race = { .conn = &conn };
    struct thread thread;
    int rounds = SCALED(1500, 300), all = 0;
    (void)state;
#ifdef _WIN32
    rounds = 100;
#endif
    thread_start(&thread, submit_until_refused, &race);
    for (int round = 1; round <= rounds; round++) {
        int back = 0;
        conn.stream = stream_open(conn.port, net_silent(), CONN_KEY);
        weir_stream_ref(conn.stream);
        atomic_store(&conn.closed, 0);
        atomic_store(&race.round, round);
        while (atomic_load(&race.begun) < round)
            sched_yield();
        assert_int_equal(weir_stream_close(conn.stream, count_closed, &conn), 0);
        atomic_store(&race.closed, round);
        assert_true(EVENTUALLY(atomic_load(&race.over) == round));
        weir_stream_unref(conn.stream);
        for (; !atomic_load(&conn.closed); back++) {
            struct weir_completion c = take(conn.port);
            assert_int_equal(c.error, -ECANCELED);
            weir_op_put(c.op);
        }
        assert_int_equal(back, atomic_load(&race.submits));
        all += back;
    }
    atomic_store(&race.round, -1);
    thread_join(&thread);
    print_message("    %d receives were submitted before %d closes\n", all, rounds);
    conn.stream = NULL;
    conn_close(&conn);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_of_two_is_cancelled_and_the_other_goes_on),
        cmocka_unit_test(what_is_not_pending_can_not_be_cancelled),
        cmocka_unit_test(all_of_a_stream_are_cancelled_and_a_send_tells_what_went_out),
        cmocka_unit_test(a_cancel_that_races_with_data_completes_once_and_loses_nothing),
        cmocka_unit_test(close_hands_back_what_is_pending_and_then_calls_once),
        cmocka_unit_test(an_idle_stream_is_gone_when_close_returns),
        cmocka_unit_test(a_reference_keeps_a_closed_stream_which_refuses_submits),
        cmocka_unit_test(the_last_reference_closes_a_stream_that_nobody_closed),
        cmocka_unit_test(closed_may_close_the_port),
        cmocka_unit_test(a_submit_that_races_with_close_is_refused_or_comes_back),
    };
    net_open();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
