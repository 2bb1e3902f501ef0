/* tests/integration/libuv.c - an echo server on libuv; the page is libuv.md.
 *
 * libuv asks for a buffer (alloc_cb), reads into it and hands it over (read_cb); a write needs the bytes until its
 * callback. BEFORE each read's buffer and each write's request are malloc's. Else both are one op: the request lies in
 * the op's user area, and two references count who still needs the bytes, the read callback and the write.
 *
 *     reading -- alloc_cb has no op: UV_ENOBUFS --> starved (uv_read_stop, in a list) -- weir_pool_fd readable --> reading
 *
 * Invariant: while the list has members the loop polls the pool's descriptor. A starved connection has no read in
 * progress and is closed by nobody else, as only read_cb begins to close.
 *
 * Threads: one. The ops may be put by any.
 */
#include "echo.h"

#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

struct connection {
    uv_tcp_t tcp;
    unsigned writing;                   /* writes in progress */
    bool ended;                         /* nothing more to read */
    struct connection *next;            /* starved, too */
};

struct server {
    uv_loop_t loop;
    uv_tcp_t listener;
    unsigned to_accept, open;
    struct weir_pool *pool;
    uv_poll_t ops_back;
    struct connection *starved, **starved_end;
};

static struct server *server_of(struct connection *c)
{
    return c->tcp.data;
}

#ifdef BEFORE
struct weir_pool *echo_pool(unsigned capacity)
{
    (void)capacity;
    return NULL;
}

static int poll_pool(struct server *server)
{
    (void)server;
    return 0;
}
#else /* page: pool.after */
#include <weir/weir.h>

struct weir_pool *echo_pool(unsigned capacity)
{
    struct weir_pool_config config = {
        .name = "echo",
        .capacity = capacity,           /* the most reads and writes at once */
        .buffer_size = 16384,
        .user_size = sizeof(uv_write_t),
    };
    struct weir_pool *pool = NULL;
    return weir_pool_create(&pool, &config) ? NULL : pool;
}
#endif /* page: */

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf);

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = (struct connection *)handle;
    struct server *server = server_of(c);
    free(c);
    if (--server->open || server->to_accept)
        return;
    if (server->pool)
        uv_close((uv_handle_t *)&server->ops_back, NULL);
}

/* What was read goes out before the connection is closed. */
static void close_when_written(struct connection *c)
{
    if (c->ended && !c->writing)
        uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static void on_end(struct connection *c)
{
    uv_read_stop((uv_stream_t *)&c->tcp);
    c->ended = true;
    close_when_written(c);
}

/* A write that failed needs nothing more: the next read says why, too. */
static void on_one_written(struct connection *c)
{
    c->writing--;
    close_when_written(c);
}

#ifdef BEFORE /* page: alloc.before */
static void on_alloc(uv_handle_t *handle, size_t suggested,
                     uv_buf_t *buf)
{
    (void)handle;
    buf->base = malloc(suggested);
    buf->len = buf->base ? suggested : 0;
}
/* page: write.before */
struct write {
    uv_write_t request;                 /* first: one address */
    char *data;
};

static void on_written(uv_write_t *request, int status)
{
    struct write *w = (struct write *)request;
    struct connection *c = (struct connection *)request->handle;
    (void)status;
    free(w->data);
    free(w);
    on_one_written(c);
}

static void send_back(struct connection *c, char *data, size_t n)
{
    uv_buf_t out = uv_buf_init(data, (unsigned)n);
    struct write *w = malloc(sizeof *w);
    if (w)
        w->data = data;
    if (!w || uv_write(&w->request, (uv_stream_t *)&c->tcp, &out, 1,
                       on_written)) {
        free(data);
        free(w);
        on_end(c);
    } else {
        c->writing++;
    }
}
/* page: read.before */
static void on_read(uv_stream_t *stream, ssize_t nread,
                    const uv_buf_t *buf)
{
    struct connection *c = (struct connection *)stream;
    if (nread > 0) {
        send_back(c, buf->base, (size_t)nread);     /* frees it */
        return;
    }
    if (nread < 0)                      /* 0: nothing to read now */
        on_end(c);
    free(buf->base);
}
#else /* page: alloc.after */
static void on_alloc(uv_handle_t *handle, size_t suggested,
                     uv_buf_t *buf)
{
    struct connection *c = (struct connection *)handle;
    struct weir_op *op = weir_op_get(server_of(c)->pool);
    (void)suggested;
    buf->base = op ? weir_op_buffer(op) : NULL;
    buf->len = op ? weir_op_buffer_size(op) : 0;
}
/* page: write.after */
static void on_written(uv_write_t *request, int status)
{
    struct weir_op *op = weir_op_from_user(request);
    struct connection *c = (struct connection *)request->handle;
    (void)status;
    weir_op_returned(op);
    weir_op_unref(op);                  /* the write's */
    on_one_written(c);
}

static void send_back(struct connection *c, struct weir_op *op,
                      size_t n)
{
    uv_buf_t out = uv_buf_init(weir_op_buffer(op), (unsigned)n);
    uv_write_t *request = weir_op_user(op);
    weir_op_ref(op);                    /* the write's */
    weir_op_submitted(op);
    if (uv_write(request, (uv_stream_t *)&c->tcp, &out, 1,
                 on_written)) {
        weir_op_returned(op);           /* no callback will come */
        weir_op_unref(op);
        on_end(c);
    } else {
        c->writing++;
    }
}
/* page: starve.after */
/* One connection reads again. The descriptor stays readable while
 * there are ops: libuv calls again for the next. */
static void on_ops_back(uv_poll_t *poll, int status, int events)
{
    struct server *server = poll->data;
    struct connection *c = server->starved;
    (void)status;
    (void)events;
    server->starved = c->next;
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
    if (!server->starved) {
        server->starved_end = &server->starved;
        uv_poll_stop(poll);
    }
}

static void starve(struct connection *c)
{
    struct server *server = server_of(c);
    uv_read_stop((uv_stream_t *)&c->tcp);
    if (!server->starved)
        uv_poll_start(&server->ops_back, UV_READABLE, on_ops_back);
    c->next = NULL;
    *server->starved_end = c;
    server->starved_end = &c->next;
}
/* page: read.after */
static void on_read(uv_stream_t *stream, ssize_t nread,
                    const uv_buf_t *buf)
{
    struct connection *c = (struct connection *)stream;
    struct weir_op *op = weir_op_from_buffer(server_of(c)->pool,
                                             buf->base);
    if (nread > 0)
        send_back(c, op, (size_t)nread);    /* takes its own reference */
    else if (nread == UV_ENOBUFS)
        starve(c);
    else if (nread < 0)                 /* 0: nothing to read now */
        on_end(c);
    weir_op_unref(op);                  /* alloc's; NULL: there is none */
}
/* page: poll.after */
static int poll_pool(struct server *server)
{
    server->starved_end = &server->starved;
    server->ops_back.data = server;
    return uv_poll_init(&server->loop, &server->ops_back,
                        weir_pool_fd(server->pool));
}
#endif /* page: */

static void on_connection(uv_stream_t *stream, int status)
{
    struct server *server = stream->data;
    struct connection *c = calloc(1, sizeof *c);
    if (status || !c)
        abort();
    uv_tcp_init(&server->loop, &c->tcp);
    c->tcp.data = server;
    if (uv_accept(stream, (uv_stream_t *)&c->tcp))
        abort();
    server->open++;
    if (!--server->to_accept)
        uv_close((uv_handle_t *)&server->listener, NULL);
    uv_read_start((uv_stream_t *)&c->tcp, on_alloc, on_read);
}

int echo_serve(intptr_t listener, unsigned connections, struct weir_pool *pool)
{
    struct server server = { .to_accept = connections, .pool = pool };
    signal(SIGPIPE, SIG_IGN);           /* libuv leaves that to the program */
    if (uv_loop_init(&server.loop))
        return -1;
    uv_tcp_init(&server.loop, &server.listener);
    server.listener.data = &server;
    if (poll_pool(&server) || uv_tcp_open(&server.listener, dup((int)listener)) ||
        uv_listen((uv_stream_t *)&server.listener, 128, on_connection))
        return -1;
    uv_run(&server.loop, UV_RUN_DEFAULT);
    return uv_loop_close(&server.loop) ? -1 : 0;
}
