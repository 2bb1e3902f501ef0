/* tests/integration/driver.h - a server on a thread of its own, and clients on theirs, for test_echo.c.
 *
 * A client sends some bytes, waits for their echo, and so on; then it ends its side and wants to see the server's end.
 * Those that may break are content with anything.
 */
#ifndef WEIR_INTEGRATION_DRIVER_H
#define WEIR_INTEGRATION_DRIVER_H

#include "support.h"
#include "net.h"
#include "echo.h"

enum { MOST = 20000 };                   /* bytes of a round */

/* -- the server ---------------------------------------------------------------------------------------------------- */

struct served {
    struct thread thread;
    weir_handle listener;
    uint16_t number;
    unsigned connections;
    struct weir_pool *pool;
};

static inline const char *served_run(void *arg)
{
    struct served *s = arg;
    NEED(echo_serve(s->listener, s->connections, s->pool) == 0);
    return NULL;
}

static inline struct served *serve_on(struct weir_pool *pool, unsigned connections)
{
    struct served *s = calloc(1, sizeof *s);
    net_open();
    s->listener = net_listen(&s->number);
    s->connections = connections;
    s->pool = pool;
    thread_start(&s->thread, served_run, s);
    return s;
}

static inline struct served *serve(unsigned capacity, unsigned connections)
{
    return serve_on(echo_pool(capacity), connections);
}

static inline void served_end(struct served *s)
{
    thread_join(&s->thread);
    net_close(s->listener);
#ifndef BEFORE
    close_quiet(s->pool);
#endif
    free(s);
}

/* -- the clients --------------------------------------------------------------------------------------------------- */

struct client {
    struct thread thread;
    uint16_t number;
    unsigned id, rounds;
    bool may_break;
};

static inline void fill(unsigned char *data, size_t bytes, uint32_t seed)
{
    for (size_t i = 0; i < bytes; i++) {
        seed = seed * 1664525 + 1013904223;
        data[i] = (unsigned char)(seed >> 24);
    }
}

static inline const char *client_round(weir_handle handle, unsigned id, unsigned round)
{
    static _Thread_local unsigned char sent[MOST], back[MOST];
    size_t bytes = 1 + (id * 7919 + round * 104729) % MOST;
    fill(sent, bytes, id << 16 | round);
    memset(back, 0, bytes);
    NEED(net_send(handle, sent, bytes));
    NEED(net_recv_all(handle, back, bytes));
    NEED(memcmp(sent, back, bytes) == 0);
    return NULL;
}

/* Rounds of sending and waiting for the echo; then, unless the connection broke, the server ends it after us. */
static inline const char *client_run(void *arg)
{
    struct client *c = arg;
    weir_handle handle = net_connect(c->number);
    const char *wrong = NULL;
    unsigned char byte;
    for (unsigned round = 0; round < c->rounds && !wrong; round++)
        wrong = client_round(handle, c->id, round);
    net_end_sending(handle);
    if (!wrong && net_recv(handle, &byte, 1) != 0 && !c->may_break)
        wrong = "the server did not end the connection";
    net_close(handle);
    return c->may_break ? NULL : wrong;
}

static inline struct client *clients_start(struct served *s, unsigned n, unsigned rounds, bool may_break)
{
    struct client *clients = calloc(n, sizeof *clients);
    for (unsigned i = 0; i < n; i++) {
        clients[i].number = s->number;
        clients[i].id = i;
        clients[i].rounds = rounds;
        clients[i].may_break = may_break;
        thread_start(&clients[i].thread, client_run, &clients[i]);
    }
    return clients;
}

static inline void clients_join(struct client *clients, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        thread_join(&clients[i].thread);
    free(clients);
}

#endif
