/* test_stream_close.c - the end of operations and of streams: cancel, close, references, and the ops that a stream keeps. */
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

/* -- the stream's own ops --------------------------------------------------------------------------------------------------- */

static void a_stream_uses_its_own_ops_first(void **state)
{
    struct conn conn = conn_open();
    struct weir_op *a = weir_stream_op_get(conn.stream, conn.pool), *b = weir_stream_op_get(conn.stream, conn.pool);
    struct weir_op *c = weir_stream_op_get(conn.stream, conn.pool), *x, *y;
    struct weir_stats before;
    (void)state;
    memset(weir_op_overlapped(a), 0xff, 32);
    weir_stream_op_put(conn.stream, a);
    weir_stream_op_put(conn.stream, b);
    weir_stream_op_put(conn.stream, c);         /* no room: back to the pool */
    weir_stream_op_put(conn.stream, NULL);
    before = stats_of(conn.pool);
    assert_int_equal(before.live, 2);
    x = weir_stream_op_get(conn.stream, conn.pool);
    y = weir_stream_op_get(conn.stream, conn.pool);
    assert_true((x == a && y == b) || (x == b && y == a));
    assert_int_equal(stats_of(conn.pool).gets, before.gets);
    assert_int_equal(weir_op_refs(x), 1);
    for (int i = 0; i < 32; i++)
        assert_int_equal(((unsigned char *)weir_op_overlapped(a))[i], 0);
    weir_stream_op_put(conn.stream, x);
    weir_stream_op_put(conn.stream, y);
    conn_close(&conn);                          /* and finds the pool whole */
}

static void only_sole_and_private_ops_of_one_pool_are_kept(void **state)
{
    struct conn conn = conn_open();
    struct weir_pool *other = pool_of(4, 0, 64);
    struct weir_op *shared = weir_op_get(conn.pool), *known = weir_op_get(conn.pool);
    struct weir_op *foreign = weir_op_get(other);
    (void)state;
    weir_stream_op_put(conn.stream, weir_stream_op_get(conn.stream, conn.pool));
    assert_int_equal(stats_of(conn.pool).live, 3);
    weir_op_ref(shared);
    weir_stream_op_put(conn.stream, shared);
    assert_int_equal(weir_op_refs(shared), 1);
    weir_op_put(shared);
    weir_op_publish(known);
    weir_stream_op_put(conn.stream, known);
    weir_stream_op_put(conn.stream, foreign);
    assert_int_equal(stats_of(other).live, 0);
    foreign = weir_stream_op_get(conn.stream, other);
    assert_ptr_equal(weir_op_pool(foreign), other);
    weir_op_put(foreign);
    assert_int_equal(stats_of(conn.pool).live, 1);
    close_quiet(other);
    conn_close(&conn);
}

static void an_empty_pool_takes_back_what_streams_keep(void **state)
{
    enum { STREAMS = 20, OPS = 2 * STREAMS };
    struct weir_port *port = port_open();
    struct weir_pool *pool = pool_of(OPS, 0, 0);
    struct weir_stream *stream[STREAMS];
    struct weir_op *op[OPS];
    (void)state;
    for (int i = 0; i < STREAMS; i++)
        stream[i] = stream_open(port, net_socket_tcp(), 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < OPS; i++)
            assert_non_null(op[i] = weir_op_get(pool));
        assert_null(weir_op_get(pool));
        assert_null(weir_stream_op_get(stream[0], pool));
        for (int i = 0; i < OPS; i++)
            weir_stream_op_put(stream[i / 2], op[i]);
        if (round == 0)                 /* later the pool ran empty just now, and streams keep nothing for a while */
            assert_int_equal(stats_of(pool).live, OPS);
    }
    for (int i = 0; i < STREAMS; i++)
        assert_int_equal(weir_stream_close(stream[i], NULL, NULL), 0);
    close_quiet(pool);                  /* before the port: nothing of it is left there */
    assert_int_equal(weir_port_close(port), 0);
}

struct keepers {
    struct weir_pool *pool;
    struct weir_stream *stream[4];
    _Atomic bool stop;
    _Atomic uint64_t kept;
};

static const char *keep_and_use(void *arg)
{
    struct keepers *k = arg;
    for (unsigned i = 0; !atomic_load(&k->stop); i++) {
        struct weir_op *op = weir_stream_op_get(k->stream[i % 4], k->pool);
        if (!op)
            continue;
        NEED(weir_op_refs(op) == 1);
        weir_stream_op_put(k->stream[(i + i / 7) % 4], op);
        atomic_fetch_add_explicit(&k->kept, 1, memory_order_relaxed);
    }
    return NULL;
}

/* Threads put and get streams' ops while another empties the pool again and again: it always gets all but what is in their hands. */
static void keeping_and_taking_back_race_and_lose_nothing(void **state)
{
    enum { THREADS = 3, OPS = 12 };
    struct weir_port *port = port_open();
    struct keepers k = { .pool = pool_of(OPS, 2, 0) };
    struct thread thread[THREADS];
    (void)state;
    for (int i = 0; i < 4; i++)
        k.stream[i] = stream_open(port, net_socket_tcp(), 0);
    for (int i = 0; i < THREADS; i++)
        thread_start(&thread[i], keep_and_use, &k);
    for (int round = 0; round < SCALED(20000, 2000); round++) {
        struct weir_op *op[OPS];
        int n = 0;
        while (n < OPS && (op[n] = weir_op_get(k.pool)))
            n++;
        while (n)
            weir_op_put(op[--n]);
    }
    atomic_store(&k.stop, true);
    for (int i = 0; i < THREADS; i++)
        thread_join(&thread[i]);
    assert_true(atomic_load(&k.kept) > 0);
    take_and_put_all(k.pool, OPS);
    for (int i = 0; i < 4; i++)
        assert_int_equal(weir_stream_close(k.stream[i], NULL, NULL), 0);
    close_quiet(k.pool);
    assert_int_equal(weir_port_close(port), 0);
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
        cmocka_unit_test(a_stream_uses_its_own_ops_first),
        cmocka_unit_test(only_sole_and_private_ops_of_one_pool_are_kept),
        cmocka_unit_test(an_empty_pool_takes_back_what_streams_keep),
        cmocka_unit_test(keeping_and_taking_back_race_and_lose_nothing),
    };
    net_open();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
