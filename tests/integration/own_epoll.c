/* tests/integration/own_epoll.c - an echo server with an epoll loop of its own; the page is own-epoll.md.
 *
 * A connection holds a buffer from the read that fills it to the write that empties it, and none while its peer is
 * silent. BEFORE it is malloc's; else it is an op's, and a connection that finds the pool empty is not read from until
 * ops are back:
 *
 *     reading -- a get answers NULL --> starved (out of the epoll set, in a list) -- weir_pool_fd readable --> reading
 *
 * Invariant: while the list has members, the pool's descriptor is armed in the epoll set (once, EPOLLONESHOT), and who
 * becomes readable queues behind them. Only who holds no op is in the list.
 *
 * Threads: one. The ops may be put by any.
 */
#define _GNU_SOURCE
#include "echo.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef BEFORE
enum { CHUNK = 4096 };
#else
#include <weir/weir.h>
#endif

struct connection {
    int fd;
    uint32_t events;                    /* asked of epoll */
    size_t from, to;                    /* read and not sent yet */
#ifdef BEFORE
    char *data;                         /* NULL: none */
#else
    struct weir_op *op;                 /* NULL: none */
    struct connection *next;            /* starved, too */
#endif
};

struct loop {
    int epoll, listener;
    unsigned to_accept, open;
    struct weir_pool *pool;
    struct connection *starved, **starved_end;
};

#ifdef BEFORE
struct weir_pool *echo_pool(unsigned capacity)
{
    (void)capacity;
    return NULL;
}

static char *data_of(struct connection *c)
{
    return c->data;
}
#else /* page: pool.after */
struct weir_pool *echo_pool(unsigned capacity)
{
    struct weir_pool_config config = {
        .name = "echo",
        .capacity = capacity,           /* the most chunks at once */
        .buffer_size = 4096,
    };
    struct weir_pool *pool = NULL;
    return weir_pool_create(&pool, &config) ? NULL : pool;
}
/* page: */

static char *data_of(struct connection *c)
{
    return weir_op_buffer(c->op);
}
#endif

/* 0: nothing, not even EPOLLHUP, which epoll reports unasked and over and over. */
static void want(struct loop *loop, struct connection *c, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = c };
    int how = !events ? EPOLL_CTL_DEL : c->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (events != c->events && epoll_ctl(loop->epoll, how, c->fd, &event))
        abort();
    c->events = events;
}

#ifdef BEFORE /* page: release.before */
static void release(struct connection *c)
{
    free(c->data);
    c->data = NULL;
}
#else /* page: release.after */
static void release(struct connection *c)
{
    weir_op_put(c->op);
    c->op = NULL;
}
#endif /* page: */

static void hang_up(struct loop *loop, struct connection *c)
{
    release(c);
    close(c->fd);
    free(c);
    loop->open--;
}

/* Send what is there; a socket that takes no more is asked again when it does, and not read from until then. */
static void on_writable(struct loop *loop, struct connection *c)
{
    while (c->from < c->to) {
        ssize_t n = send(c->fd, data_of(c) + c->from, c->to - c->from, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            want(loop, c, EPOLLOUT);
            return;
        }
        if (n < 0) {
            hang_up(loop, c);
            return;
        }
        c->from += (size_t)n;
    }
    release(c);
    want(loop, c, EPOLLIN);
}

/* The buffer is there, with n bytes in it, or what read says instead. */
static void on_read(struct loop *loop, struct connection *c, ssize_t n)
{
    if (n > 0) {
        c->from = 0;
        c->to = (size_t)n;
        on_writable(loop, c);
    } else if (n < 0 && errno == EAGAIN) {
        release(c);
        want(loop, c, EPOLLIN);
    } else {
        hang_up(loop, c);
    }
}

#ifdef BEFORE /* page: read.before */
static void on_readable(struct loop *loop, struct connection *c)
{
    c->data = malloc(CHUNK);
    if (!c->data) {
        hang_up(loop, c);
        return;
    }
    on_read(loop, c, read(c->fd, c->data, CHUNK));
}
#else /* page: starve.after */
/* Look at the pool's descriptor once. */
static void arm(struct loop *loop)
{
    struct epoll_event event = { .events = EPOLLIN | EPOLLONESHOT,
                                 .data.ptr = loop->pool };
    if (epoll_ctl(loop->epoll, EPOLL_CTL_MOD,
                  weir_pool_fd(loop->pool), &event))
        abort();
}

/* Stop reading from c until ops are back. */
static void starve(struct loop *loop, struct connection *c)
{
    want(loop, c, 0);
    if (!loop->starved)
        arm(loop);
    c->next = NULL;
    *loop->starved_end = c;
    loop->starved_end = &c->next;
}
/* page: read.after */
static void read_into(struct loop *loop, struct connection *c,
                      struct weir_op *op)
{
    c->op = op;
    on_read(loop, c, read(c->fd, weir_op_buffer(op),
                          weir_op_buffer_size(op)));
}

static void on_readable(struct loop *loop, struct connection *c)
{
    struct weir_op *op = loop->starved ? NULL        /* queue */
                                       : weir_op_get(loop->pool);
    if (!op) {
        starve(loop, c);
        return;
    }
    read_into(loop, c, op);
}
/* page: resume.after */
/* The pool's descriptor is readable: whoever starved longest first. */
static void on_ops_back(struct loop *loop)
{
    struct weir_op *op;
    while (loop->starved && (op = weir_op_get(loop->pool))) {
        struct connection *c = loop->starved;
        loop->starved = c->next;
        if (!loop->starved)
            loop->starved_end = &loop->starved;
        read_into(loop, c, op);
    }
    if (loop->starved)
        arm(loop);
}
#endif /* page: */

static void on_connection(struct loop *loop)
{
    int fd = accept4(loop->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct connection *c;
    if (fd < 0)
        return;
    c = calloc(1, sizeof *c);
    if (!c)
        abort();
    c->fd = fd;
    loop->open++;
    want(loop, c, EPOLLIN);
    if (!--loop->to_accept)
        epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener, NULL);
}

#ifdef BEFORE
static int watch_pool(struct loop *loop)
{
    (void)loop;
    return 0;
}

static void on_event(struct loop *loop, void *who)
{
    struct connection *c = who;
    if (who == loop)
        on_connection(loop);
    else if (c->data)
        on_writable(loop, c);
    else
        on_readable(loop, c);
}
#else /* page: loop.after */
/* At the start: in the set, and asked for nothing. */
static int watch_pool(struct loop *loop)
{
    struct epoll_event event = { .events = 0,
                                 .data.ptr = loop->pool };
    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD,
                     weir_pool_fd(loop->pool), &event);
}

static void on_event(struct loop *loop, void *who)
{
    struct connection *c = who;
    if (who == loop)
        on_connection(loop);
    else if (who == loop->pool)
        on_ops_back(loop);
    else if (c->op)
        on_writable(loop, c);
    else
        on_readable(loop, c);
}
#endif /* page: */

static int run(struct loop *loop)
{
    struct epoll_event events[64];
    while (loop->open || loop->to_accept) {
        int n = epoll_wait(loop->epoll, events, 64, -1);
        if (n < 0 && errno != EINTR)
            return -1;
        for (int i = 0; i < n; i++)
            on_event(loop, events[i].data.ptr);
    }
    return 0;
}

int echo_serve(intptr_t listener, unsigned connections, struct weir_pool *pool)
{
    struct loop loop = { .epoll = epoll_create1(EPOLL_CLOEXEC), .listener = (int)listener, .pool = pool };
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = &loop };
    int result = -1;
    loop.to_accept = connections;
    loop.starved_end = &loop.starved;
    if (loop.epoll < 0)
        return -1;
    if (epoll_ctl(loop.epoll, EPOLL_CTL_ADD, loop.listener, &event) == 0 && watch_pool(&loop) == 0)
        result = run(&loop);
    close(loop.epoll);
    return result;
}
