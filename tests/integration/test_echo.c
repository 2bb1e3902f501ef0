/* tests/integration/test_echo.c - what the three integrations must do, before and after alike, and what only weir's
 * variants do.
 *
 * Linked with one of own_epoll.c, own_iocp.c and libuv.c, which serves on a thread of its own; the clients are
 * blocking sockets. Every case ends with a quiet pool: nothing live, the equation proved, and closed.
 *
 * Clients wait for their echo, so whoever has an op gives it back sooner or later, however few there are.
 */
#include "driver.h"
#include "faults.h"

enum { CLIENTS = 16 };

/* -- before and after ---------------------------------------------------------------------------------------------- */

static void every_byte_comes_back_on_every_connection(void **state)
{
    struct served *s = serve(64, CLIENTS);
    (void)state;
    clients_join(clients_start(s, CLIENTS, 20, false), CLIENTS);
    served_end(s);
}

static void connections_that_say_nothing_end(void **state)
{
    struct served *s = serve(64, CLIENTS);
    (void)state;
    clients_join(clients_start(s, CLIENTS, 0, false), CLIENTS);
    served_end(s);
}

/* Some before a byte was sent, some with the echo on its way. */
static void connections_that_are_reset_give_their_buffers_back(void **state)
{
    static unsigned char data[MOST];
    struct served *s = serve(64, CLIENTS);
    (void)state;
    for (unsigned i = 0; i < CLIENTS; i++) {
        weir_handle handle = net_connect(s->number);
        for (unsigned n = 0; n < i % 4; n++)
            net_send(handle, data, sizeof data);
        if (i >= 8 && i % 4)
            net_recv(handle, data, 1);
        net_reset(handle);
    }
    served_end(s);
}

static void a_call_that_fails_at_once_gives_its_buffer_back(void **state)
{
    struct served *s = serve(64, CLIENTS);
    (void)state;
    faults_begin(7);
    clients_join(clients_start(s, CLIENTS, 20, true), CLIENTS);
    assert_true(faults_end() >= 7);
    served_end(s);
}

#ifndef BEFORE
/* -- only after: the bound ----------------------------------------------------------------------------------------- */

static void fewer_ops_than_connections_serve_them_all(void **state)
{
    struct served *s = serve(2, CLIENTS);
    (void)state;
    clients_join(clients_start(s, CLIENTS, 20, false), CLIENTS);
    assert_true(stats_of(s->pool).peak <= 2);
    served_end(s);
}

static void one_op_serves_them_all(void **state)
{
    struct served *s = serve(1, CLIENTS);
    (void)state;
    clients_join(clients_start(s, CLIENTS, 5, false), CLIENTS);
    served_end(s);
}

/* The loop finds nothing, and is woken by a put that it has not made. */
static void an_empty_pool_stops_the_loop_until_another_thread_puts(void **state)
{
    struct weir_pool *pool = echo_pool(4);
    struct weir_op **ops = take_all(pool, 4);
    uint64_t before = stats_of(pool).empties;
    struct served *s = serve_on(pool, CLIENTS);
    struct client *clients = clients_start(s, CLIENTS, 3, false);
    (void)state;
    assert_true(EVENTUALLY(stats_of(pool).empties > before));
    assert_int_equal(stats_of(pool).gets, 4);
    weir_op_put(ops[0]);
    clients_join(clients, CLIENTS);
    put_all(ops + 1, 3);
    free(ops);
    served_end(s);
}

/* It is woken, finds nothing once more, and must be woken again. */
static void an_op_that_is_gone_when_the_loop_looks_wakes_it_another_time(void **state)
{
    struct weir_pool *pool = echo_pool(1);
    struct weir_op *op = take_one(pool);
    struct served *s = serve_on(pool, 4);
    struct client *clients = clients_start(s, 4, 3, false);
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        weir_op_put(op);
        op = weir_op_get_wait(pool, PATIENCE * INT64_C(1000000000));
        assert_non_null(op);
        nap_us(100);
    }
    weir_op_put(op);
    clients_join(clients, 4);
    served_end(s);
}

/* A loop that sleeps makes a call or two in that time, one that spins makes thousands. */
static void assert_sleeping(void)
{
    unsigned before = wake_ups();
    nap_us(20000);
    assert_true(wake_ups() - before <= 2);
}

/* Neither while a connection starves, nor when ops are back and the pool's descriptor stays readable. */
static void the_loop_sleeps_when_there_is_nothing_to_do(void **state)
{
    struct weir_pool *pool = echo_pool(2);
    struct weir_op **ops = take_all(pool, 2);
    uint64_t before = stats_of(pool).empties;
    struct served *s = serve_on(pool, 2);
    weir_handle handle = net_connect(s->number);
    struct client *client;
    (void)state;
    assert_true(net_send(handle, "x", 1));
    assert_true(EVENTUALLY(stats_of(pool).empties > before));
    assert_sleeping();
    client = clients_start(s, 1, 1, false);
    put_all(ops, 2);
    free(ops);
    clients_join(client, 1);
    assert_sleeping();
    net_close(handle);
    served_end(s);
}

/* -- peers that send and do not read ------------------------------------------------------------------------------- */

enum { FLOOD = 24 << 20, FLOODS = 2 };

struct flood {
    struct thread sender, reader;
    weir_handle handle;
    _Atomic size_t sent;
};

static const char *flood_send(void *arg)
{
    static _Thread_local unsigned char data[MOST];
    struct flood *f = arg;
    for (size_t n; (n = FLOOD - atomic_load(&f->sent)) > 0; atomic_fetch_add(&f->sent, n)) {
        n = n < MOST ? n : MOST;
        fill(data, n, (uint32_t)atomic_load(&f->sent));
        NEED(net_send(f->handle, data, n));
    }
    net_end_sending(f->handle);
    return NULL;
}

static const char *flood_read(void *arg)
{
    static _Thread_local unsigned char back[MOST], data[MOST];
    struct flood *f = arg;
    for (size_t got = 0, n; got < FLOOD; got += n) {
        n = FLOOD - got < MOST ? FLOOD - got : MOST;
        fill(data, n, (uint32_t)got);
        NEED(net_recv_all(f->handle, back, n));
        NEED(memcmp(data, back, n) == 0);
    }
    return NULL;
}

/* The system must not grow its buffers to the size of the flood. */
static void flood_begin(struct flood *f, uint16_t number)
{
    int bytes = 1 << 18;
    f->handle = net_connect(number);
    setsockopt((net_socket)f->handle, SOL_SOCKET, SO_SNDBUF, (const char *)&bytes, sizeof bytes);
    setsockopt((net_socket)f->handle, SOL_SOCKET, SO_RCVBUF, (const char *)&bytes, sizeof bytes);
    thread_start(&f->sender, flood_send, f);
}

static size_t floods_sent(struct flood *floods)
{
    size_t sent = 0;
    for (unsigned i = 0; i < FLOODS; i++)
        sent += atomic_load(&floods[i].sent);
    return sent;
}

/* Until nothing moves for a while, or all is sent. */
static void wait_until_they_stall(struct flood *floods)
{
    size_t seen = 0;
    for (unsigned still = 0; still < 100 && seen < (size_t)FLOODS * FLOOD; nap_us(1000)) {
        size_t sent = floods_sent(floods);
        still = sent == seen ? still + 1 : 0;
        seen = sent;
    }
}

/* The sockets' buffers and the pool's bound stop them, whoever else needs an op waits, and all arrives once they read. */
static void peers_that_do_not_read_are_not_read_from(void **state)
{
    struct served *s = serve(1, FLOODS + 1);
    static struct flood floods[FLOODS];
    struct client *other;
    (void)state;
    for (unsigned i = 0; i < FLOODS; i++)
        flood_begin(&floods[i], s->number);
    wait_until_they_stall(floods);
    assert_true(floods_sent(floods) < (size_t)FLOODS * FLOOD);
    other = clients_start(s, 1, 2, false);
    for (unsigned i = 0; i < FLOODS; i++)
        thread_start(&floods[i].reader, flood_read, &floods[i]);
    for (unsigned i = 0; i < FLOODS; i++) {
        thread_join(&floods[i].sender);
        thread_join(&floods[i].reader);
        net_close(floods[i].handle);
    }
    clients_join(other, 1);
    served_end(s);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_byte_comes_back_on_every_connection),
        cmocka_unit_test(connections_that_say_nothing_end),
        cmocka_unit_test(connections_that_are_reset_give_their_buffers_back),
        cmocka_unit_test(a_call_that_fails_at_once_gives_its_buffer_back),
#ifndef BEFORE
        cmocka_unit_test(fewer_ops_than_connections_serve_them_all),
        cmocka_unit_test(one_op_serves_them_all),
        cmocka_unit_test(an_empty_pool_stops_the_loop_until_another_thread_puts),
        cmocka_unit_test(an_op_that_is_gone_when_the_loop_looks_wakes_it_another_time),
        cmocka_unit_test(the_loop_sleeps_when_there_is_nothing_to_do),
        cmocka_unit_test(peers_that_do_not_read_are_not_read_from),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
