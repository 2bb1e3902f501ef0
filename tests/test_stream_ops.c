/* test_stream_ops.c - the ops that a stream keeps for itself, and that an empty pool takes back. */
#include "port_support.h"
#include "sleeper.h"

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

/* A pool lets 64 ask to be asked: more ports than that may come and go. */
static void streams_that_come_and_go_leave_no_trace_in_a_pool(void **state)
{
    struct weir_pool *pool = pool_of(4, 0, 0);
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct weir_port *port = port_open();
        struct weir_stream *stream = stream_open(port, net_socket_tcp(), 0);
        weir_stream_op_put(stream, weir_op_get(pool));
        assert_int_equal(stats_of(pool).live, 1);
        assert_int_equal(weir_stream_close(stream, NULL, NULL), 0);
        assert_int_equal(stats_of(pool).live, 0);
        assert_int_equal(weir_port_close(port), 0);
    }
    take_and_put_all(pool, 4);
    close_quiet(pool);
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

static void an_op_is_not_kept_from_who_sleeps_for_one(void **state)
{
    struct weir_port *port = port_open();
    struct weir_pool *pool = pool_of(1, 0, 0);
    struct weir_stream *stream;
    struct sleeper sleeper;
    struct weir_op *op;
    _Atomic int turn = 0;
    weir_handle mine, peer;
    (void)state;
    net_pair(&mine, &peer);
    stream = stream_open(port, mine, 0);
    weir_stream_op_put(stream, weir_op_get(pool));      /* kept: nobody wants it */
    assert_int_equal(stats_of(pool).live, 1);
    op = weir_stream_op_get(stream, pool);
    sleeper_start(&sleeper, pool, -1, &turn);           /* sleeps when this returns */
    assert_true(weir_pool_wanted(pool));
    weir_stream_op_put(stream, op);
    thread_join(&sleeper.thread);
    assert_ptr_equal(sleeper.op, op);
    weir_op_put(op);
    assert_int_equal(weir_stream_close(stream, NULL, NULL), 0);
    net_close(peer);
    close_quiet(pool);
    assert_int_equal(weir_port_close(port), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_uses_its_own_ops_first),
        cmocka_unit_test(only_sole_and_private_ops_of_one_pool_are_kept),
        cmocka_unit_test(an_empty_pool_takes_back_what_streams_keep),
        cmocka_unit_test(streams_that_come_and_go_leave_no_trace_in_a_pool),
        cmocka_unit_test(keeping_and_taking_back_race_and_lose_nothing),
        cmocka_unit_test(an_op_is_not_kept_from_who_sleeps_for_one),
    };
    net_open();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
