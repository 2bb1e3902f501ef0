/* turns.c - back-pressure: when every op is in use, connections wait for one, first come, first served.
 *
 * Purpose    an empty pool delays requests and never fails one.
 * Invariant  the list holds connections that have no op and nothing in flight, the oldest first; while it is not empty, the turns' thread
 *            waits in weir_op_get_wait or is on its way there or back.
 *
 * Whichever thread gives an op back hands it to the turns' thread: that is weir_op_get_wait's promise, so no wake-up can be lost
 * here. The op is posted to the port with the connection's address, and a worker goes on with both. A post with an op can't fail.
 *
 * Nobody who waits here holds an op of this pool, and who holds one waits at most for its client to read: so turns come.
 *
 * Threads    turns_wait, turns_waiting: any. One thread of its own
 * Progress   one lock, taken only when the pool is empty
 */
#include "turns.h"

#include "connection.h"
#include "serve.h"

static struct connection *turns__take(struct turns *t)
{
    struct connection *c;
    pthread_mutex_lock(&t->lock);
    c = t->first;
    t->first = c->behind;
    if (!t->first)
        t->last = &t->first;
    t->waiting--;
    pthread_mutex_unlock(&t->lock);
    return c;
}

static bool turns__anybody(struct turns *t)
{
    bool anybody;
    pthread_mutex_lock(&t->lock);
    while (!t->first && !t->stop)
        pthread_cond_wait(&t->moved, &t->lock);
    anybody = t->first != NULL;
    pthread_mutex_unlock(&t->lock);
    return anybody;
}

static void *turns__main(void *arg)
{
    struct turns *t = arg;
    struct server *s = t->server;
    weir_holder_name("turns");
    while (turns__anybody(t)) {
        struct weir_op *op = weir_op_get_wait(s->data, -1);
        struct connection *c = turns__take(t);
        connection_own(c, op);
        (void)weir_port_post(s->port, op, 0, (uintptr_t)c);
    }
    return NULL;
}

int turns_start(struct turns *t, struct server *s)
{
    *t = (struct turns){ .server = s, .last = &t->first };
    pthread_mutex_init(&t->lock, NULL);
    pthread_cond_init(&t->moved, NULL);
    return pthread_create(&t->thread, NULL, turns__main, t);
}

void turns_stop(struct turns *t)
{
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_signal(&t->moved);
    pthread_mutex_unlock(&t->lock);
    pthread_join(t->thread, NULL);
}

void turns_wait(struct turns *t, struct connection *c)
{
    pthread_mutex_lock(&t->lock);
    c->behind = NULL;
    *t->last = c;
    t->last = &c->behind;
    t->waiting++;
    pthread_cond_signal(&t->moved);
    pthread_mutex_unlock(&t->lock);
}

unsigned turns_waiting(struct turns *t)
{
    unsigned n;
    pthread_mutex_lock(&t->lock);
    n = t->waiting;
    pthread_mutex_unlock(&t->lock);
    return n;
}
