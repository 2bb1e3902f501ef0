/* test_stream_load.c - streams that are closed and dropped under load: each op completes exactly once, closed runs
 * once, and in the end nothing is held.
 *
 * The oracle is in each op's user area: what it is doing, set before the submit and swapped back by whoever gets its
 * completion. A second completion, or one for an op that was refused, finds it wrong.
 */
#include "port_support.h"

enum { IDLE, RECEIVING, SENDING, ACCEPTING };

struct mark {
    _Atomic int doing;
};

struct site {
    struct weir_port *port;
    struct weir_pool *pool;
    struct weir_stream *listener;
    uint16_t number;
    unsigned clients, connections;
    _Atomic uint64_t submits, refused, completions, opened, closed, accepts_over;
    _Atomic bool stop, wrong;
};

/* A connection of the server: freed by `closed`. The handlers share one reference, which goes with the last operation. */
struct session {
    struct site *site;
    struct weir_stream *stream;
    _Atomic int busy;               /* operations, and one for who is opening it */
    _Atomic int closes;
};

static void claim(struct site *site, struct weir_op *op, int doing, int before)
{
    struct mark *mark = weir_op_user(op);
    if (atomic_exchange(&mark->doing, doing) != before)
        atomic_store(&site->wrong, true);
}

static bool submitted(struct site *site, struct weir_op *op, int result, int doing)
{
    if (result == WEIR_PENDING)
        return true;                    /* not ours any more */
    if (result != -ESHUTDOWN)
        atomic_store(&site->wrong, true);
    claim(site, op, IDLE, doing);
    atomic_fetch_sub(&site->submits, 1);
    atomic_fetch_add(&site->refused, 1);
    return false;
}

static bool begin_recv(struct site *site, struct weir_stream *stream, struct weir_op *op)
{
    claim(site, op, RECEIVING, IDLE);
    atomic_fetch_add(&site->submits, 1);
    return submitted(site, op, weir_recv(stream, op, NULL, 0), RECEIVING);
}

static bool begin_send(struct site *site, struct weir_stream *stream, struct weir_op *op, size_t bytes)
{
    claim(site, op, SENDING, IDLE);
    atomic_fetch_add(&site->submits, 1);
    return submitted(site, op, weir_send(stream, op, NULL, bytes), SENDING);
}

static bool begin_accept(struct site *site, struct weir_op *op)
{
    claim(site, op, ACCEPTING, IDLE);
    atomic_fetch_add(&site->submits, 1);
    return submitted(site, op, weir_accept(site->listener, op), ACCEPTING);
}

static int finish(struct site *site, const struct weir_completion *c)
{
    struct mark *mark = weir_op_user(c->op);
    int doing = atomic_exchange(&mark->doing, IDLE);
    atomic_fetch_add(&site->completions, 1);
    if (doing == IDLE)
        atomic_store(&site->wrong, true);
    return doing;
}

/* -- a stream closed with receives and sends in flight, from another thread -------------------------------------------------- */

struct duel {
    struct site site;
    struct weir_stream *stream;
    weir_handle peer;
    _Atomic int closed;
};

static void duel_closed(void *arg)
{
    struct duel *duel = arg;
    atomic_fetch_add(&duel->closed, 1);
}

/* Takes completions and submits again until all has come back. */
static const char *duel_serve(void *arg)
{
    struct duel *duel = arg;
    struct weir_completion c[4];
    while (!atomic_load(&duel->site.stop)) {
        int n = weir_port_wait(duel->site.port, c, 4, 1000000);
        NEED(n >= 0);
        for (int i = 0; i < n; i++) {
            int doing = finish(&duel->site, &c[i]);
            NEED(c[i].stream == duel->stream);
            NEED(c[i].status != WEIR_FAILED || c[i].error == -ECANCELED);
            if (c[i].status == WEIR_FAILED || !(doing == SENDING ? begin_send(&duel->site, duel->stream, c[i].op, 4000)
                                                                 : begin_recv(&duel->site, duel->stream, c[i].op)))
                weir_stream_op_put(duel->stream, c[i].op);
        }
    }
    return NULL;
}

static const char *duel_peer(void *arg)
{
    struct duel *duel = arg;
    char data[8192];
    while (net_recv(duel->peer, data, sizeof data) > 0 && net_send(duel->peer, data, 100)) {
    }
    return NULL;
}

static const char *duel_close(void *arg)
{
    struct duel *duel = arg;
    while (atomic_load(&duel->site.completions) < 20)
        sched_yield();
    NEED(weir_stream_close(duel->stream, duel_closed, duel) == 0);
    return NULL;
}

static const char *duel_once(struct duel *duel)
{
    struct thread serve[2], peer, closer;
    weir_handle mine;
    duel->site.stop = false;
    duel->site.completions = duel->site.submits = 0;
    duel->closed = 0;
    net_pair(&mine, &duel->peer);
    NEED(weir_stream_open(&duel->stream, duel->site.port, mine, 0) == 0);
    weir_stream_ref(duel->stream);      /* the handlers' */
    for (int i = 0; i < 4; i++)
        NEED(begin_recv(&duel->site, duel->stream, weir_op_get(duel->site.pool)));
    for (int i = 0; i < 4; i++)
        NEED(begin_send(&duel->site, duel->stream, weir_op_get(duel->site.pool), 4000));
    thread_start(&closer, duel_close, duel);
    thread_start(&peer, duel_peer, duel);
    for (int i = 0; i < 2; i++)
        thread_start(&serve[i], duel_serve, duel);
    thread_join(&closer);
    NEED(EVENTUALLY(atomic_load(&duel->site.completions) == atomic_load(&duel->site.submits)));
    atomic_store(&duel->site.stop, true);
    for (int i = 0; i < 2; i++)
        thread_join(&serve[i]);
    NEED(atomic_load(&duel->closed) == 0);
    weir_stream_unref(duel->stream);    /* nothing is in flight, and this was the last */
    NEED(atomic_load(&duel->closed) == 1);
    thread_join(&peer);
    net_close(duel->peer);
    NEED(!atomic_load(&duel->site.wrong));
    return quiet_with(duel->site.pool, 0);
}

static struct site site_open(uint32_t capacity)
{
    struct weir_pool_config config = { .capacity = capacity, .buffer_size = 4096, .user_size = sizeof(struct mark) };
    struct weir_op **all;
    struct site site;
    memset(&site, 0, sizeof site);
    site.port = port_open();
    site.pool = pool_from(&config);
    all = take_all(site.pool, capacity);
    for (uint32_t i = 0; i < capacity; i++)
        memset(weir_op_user(all[i]), 0, sizeof(struct mark));
    put_all(all, capacity);
    free(all);
    return site;
}

static void a_stream_closed_by_another_thread_in_full_flight_ends_once(void **state)
{
    int rounds = SCALED(200, 40);
    struct duel duel;
    (void)state;
#ifdef _WIN32
    rounds = 10;
#endif
    memset(&duel, 0, sizeof duel);
    duel.site = site_open(32);
    for (int i = 0; i < rounds; i++)
        assert_right(duel_once(&duel));
    print_message("    %d streams\n", rounds);
    assert_int_equal(weir_port_close(duel.site.port), 0);
    close_quiet(duel.site.pool);
}

/* -- a server of whose clients most just vanish ------------------------------------------------------------------------------- */

static void session_closed(void *arg)
{
    struct session *session = arg;
    if (atomic_fetch_add(&session->closes, 1) || atomic_load(&session->busy))
        atomic_store(&session->site->wrong, true);
    atomic_fetch_add(&session->site->closed, 1);
    free(session);
}

static void session_close(struct session *session)
{
    int error = weir_stream_close(session->stream, session_closed, session);
    if (error && error != -EALREADY)
        atomic_store(&session->site->wrong, true);
}

/* An operation of the session has ended, and no other follows it. */
static void session_less(struct session *session)
{
    struct weir_stream *stream = session->stream;
    if (atomic_fetch_sub(&session->busy, 1) == 1) {
        session_close(session);         /* nothing is in flight and nobody will submit: at the latest now */
        weir_stream_unref(stream);
    }
}

static void session_recv(struct session *session, struct weir_op *op)
{
    atomic_fetch_add(&session->busy, 1);
    if (op && begin_recv(session->site, session->stream, op))
        return;
    if (op)
        weir_stream_op_put(session->stream, op);
    session_less(session);
}

static void session_begin(struct site *site, weir_handle handle)
{
    struct session *session = calloc(1, sizeof *session);
    session->site = site;
    session->busy = 1;
    if (weir_stream_open(&session->stream, site->port, handle, (uintptr_t)session)) {
        atomic_store(&site->wrong, true);
        return;
    }
    atomic_fetch_add(&site->opened, 1);
    weir_stream_ref(session->stream);
    session_recv(session, weir_stream_op_get(session->stream, site->pool));
    session_recv(session, weir_stream_op_get(session->stream, site->pool));
    session_less(session);
}

/* Echo what came; some connections are closed by the server at once. A failed or ended operation closes the connection. */
static void session_event(struct session *session, const struct weir_completion *c, int doing)
{
    if (c->status != WEIR_COMPLETED) {
        session_close(session);
        weir_stream_op_put(session->stream, c->op);
    } else if (doing == SENDING) {
        session_recv(session, c->op);
    } else {
        if (*(char *)weir_op_buffer(c->op) == 'q')
            session_close(session);
        atomic_fetch_add(&session->busy, 1);
        if (!begin_send(session->site, session->stream, c->op, c->bytes)) {
            weir_stream_op_put(session->stream, c->op);
            session_less(session);
        }
    }
    session_less(session);
}

static void accept_over(struct site *site, struct weir_op *op)
{
    weir_op_put(op);
    atomic_fetch_add(&site->accepts_over, 1);
}

static const char *serve(void *arg)
{
    struct site *site = arg;
    struct weir_completion c[8];
    for (;;) {
        int n = weir_port_wait(site->port, c, 8, -1);
        if (n == -ESHUTDOWN)
            return NULL;
        NEED(n > 0);
        for (int i = 0; i < n; i++) {
            int doing;
            if (c[i].status == WEIR_POSTED)
                continue;
            doing = finish(site, &c[i]);
            if (doing != ACCEPTING) {
                session_event((struct session *)c[i].key, &c[i], doing);
            } else if (c[i].status == WEIR_COMPLETED) {
                session_begin(site, weir_op_accepted(c[i].op));
                if (!begin_accept(site, c[i].op))
                    accept_over(site, c[i].op);
            } else {
                if (c[i].error != -ECANCELED)
                    atomic_store(&site->wrong, true);
                accept_over(site, c[i].op);
            }
        }
    }
}

/* One client: connections that talk a little or not at all, and end in one way or another. */
static const char *drop(void *arg)
{
    struct site *site = arg;
    char data[2000];
    unsigned seed = (unsigned)(uintptr_t)&data;
    memset(data, 'x', sizeof data);
    for (unsigned i = 0; i < site->connections; i++) {
        weir_handle handle = net_try_connect(site->number);
        int requests;
        if (handle == -1)
            continue;
        seed = seed * 1103515245u + 12345u;
        requests = (int)(seed >> 16) % 4;
        for (int r = 0; r < requests; r++) {
            data[0] = seed >> 24 == 7 ? 'q' : 'x';
            if (!net_send(handle, data, sizeof data) || ((seed >> (r + 8)) & 1 && net_recv(handle, data, sizeof data) <= 0))
                break;
        }
        if (seed >> 20 & 1)
            net_reset(handle);
        else
            net_close(handle);
    }
    return NULL;
}

static void connections_dropped_abruptly_leave_nothing(void **state)
{
    enum { CLIENTS = 8, SERVERS = 4, ACCEPTS = 16 };
    struct site site = site_open(1024);
    struct thread client[CLIENTS], server[SERVERS];
    (void)state;
#ifdef _WIN32
    site.connections = 100;
#else
    site.connections = SCALED(10000, 4000) / CLIENTS;
#endif
    site.listener = stream_open(site.port, net_listen(&site.number), 0);
    weir_stream_ref(site.listener);     /* the servers' */
    for (int i = 0; i < ACCEPTS; i++)
        assert_true(begin_accept(&site, weir_op_get(site.pool)));
    for (int i = 0; i < SERVERS; i++)
        thread_start(&server[i], serve, &site);
    for (int i = 0; i < CLIENTS; i++)
        thread_start(&client[i], drop, &site);
    for (int i = 0; i < CLIENTS; i++)
        thread_join(&client[i]);
    assert_int_equal(weir_stream_close(site.listener, NULL, NULL), 0);
    weir_stream_unref(site.listener);
    assert_true(EVENTUALLY(atomic_load(&site.accepts_over) == ACCEPTS));        /* no session begins any more */
    assert_true(EVENTUALLY(atomic_load(&site.closed) == atomic_load(&site.opened)));
    assert_int_equal(weir_port_close(site.port), 0);
    for (int i = 0; i < SERVERS; i++)
        thread_join(&server[i]);
    assert_int_equal(atomic_load(&site.completions), atomic_load(&site.submits));
    assert_int_equal(atomic_load(&site.closed), atomic_load(&site.opened));
    assert_false(atomic_load(&site.wrong));
    print_message("    %d connections, %d operations, %d refused\n", (int)site.opened, (int)site.submits, (int)site.refused);
    assert_true(site.opened > site.connections * CLIENTS / 2);
    close_quiet(site.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_closed_by_another_thread_in_full_flight_ends_once),
        cmocka_unit_test(connections_dropped_abruptly_leave_nothing),
    };
    net_open();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
