/* registry.c - all open connections, for who must reach those that wait for something: time-outs and the drain.
 *
 * Purpose    bring a connection to its end from outside, without a lock on the path of a request.
 * Invariant  a connection in the list has its stream: it is taken out before weir_stream_close. So under the lock the stream and the
 *            descriptor of each connection in the list may be used.
 *
 * The sweep never closes. It makes what is in flight complete, and the completion's handler closes:
 *
 *     waits for a request   the input is ended. A request that has arrived is still received, whole, and answered; then comes the end
 *     is in a request       the same
 *     answers               its send is cancelled
 *     waits for its turn    nothing: its turn comes, or the cancelled ones give it their ops
 *
 * The phase is read while the connection goes on, so it may be of yesterday. Ending the input of a connection that is answering does no
 * harm to the answer. A send is cancelled only if there was no progress in all the time, or everything must go.
 *
 * Threads    add and remove: the thread that has the connection. sweep: any
 * Progress   one lock; the sweep holds it for a walk, a system call for each connection that it ends
 */
#include "registry.h"

#include "connection.h"
#include "serve.h"
#include "system.h"

enum { LINGER_MS = 2000 };

void registry_init(struct registry *r)
{
    *r = (struct registry){ 0 };
    pthread_mutex_init(&r->lock, NULL);
}

unsigned registry_add(struct registry *r, struct connection *c)
{
    unsigned open;
    pthread_mutex_lock(&r->lock);
    c->next = r->first;
    c->link = &r->first;
    if (c->next)
        c->next->link = &c->next;
    r->first = c;
    r->accepted++;
    open = ++r->open;
    pthread_mutex_unlock(&r->lock);
    return open;
}

void registry_remove(struct registry *r, struct connection *c)
{
    pthread_mutex_lock(&r->lock);
    *c->link = c->next;
    if (c->next)
        c->next->link = c->link;
    r->open--;
    pthread_mutex_unlock(&r->lock);
}

void registry_count(struct registry *r, unsigned *open, uint64_t *accepted)
{
    pthread_mutex_lock(&r->lock);
    *open = r->open;
    *accepted = r->accepted;
    pthread_mutex_unlock(&r->lock);
}

static void registry__end(struct connection *c, enum phase phase, bool hard)
{
    if (phase == PHASE_TURN)
        return;
    if (phase == PHASE_ANSWER || hard)
        (void)weir_cancel(c->stream, NULL);
    else
        system_end_input(c->stream, c->handle);
}

void registry_sweep(struct server *s, enum sweep what)
{
    int64_t now = system_now(), patience = s->options.timeout ? (int64_t)s->options.timeout * 1000 : INT64_MAX;
    pthread_mutex_lock(&s->registry.lock);
    for (struct connection *c = s->registry.first; c; c = c->next) {
        enum phase phase = atomic_load_explicit(&c->phase, memory_order_relaxed);
        int64_t quiet = now - atomic_load_explicit(&c->since, memory_order_relaxed);
        bool late = quiet > (phase == PHASE_LINGER && patience > LINGER_MS ? LINGER_MS : patience);
        if (what == SWEEP_ALL || late || (what == SWEEP_IDLE && phase == PHASE_IDLE))
            registry__end(c, phase, what == SWEEP_ALL);
    }
    pthread_mutex_unlock(&s->registry.lock);
}
