/* wait.c - weir_port_wait: take what has completed, or go and see what the system has.
 *
 * One turn of the loop, under the port's lock but for the poll and a call:
 *
 *     the queue begins with completions or posts   take up to n, return
 *     ... with a call                              run it, begin again
 *     it is empty, and the port is closed          -ESHUTDOWN
 *     it is empty                                  backend->poll: do the I/O that the system says can be done; what that completed
 *                                                  goes to the queue, and from there up to n are returned
 *
 * Every eighth wait that finds the queue filled polls first, without sleeping, so that operations which complete at
 * once and fill the queue again and again do not keep other streams from their turn. Several threads may poll at once:
 * the backend gives each event to one of them. What a poll completed goes behind what waits already, so that a thread which is
 * alone gets the completions of a stream in their order.
 *
 * A call is only run by a thread that has taken nothing yet: its function may take long, and nobody else could have the
 * completions that this thread holds. Any that it leaves in the queue are offered to others before.
 */
#include "backend.h"

#include <errno.h>

enum { WAIT_FAIR = 8, WAIT_MOST = 1 << 20 };

struct wait {
    struct weir_port *port;
    struct weir_completion *out;
    unsigned n;
    int64_t deadline;           /* INT64_MAX: none */
    size_t calls;               /* that may still be run when the time is over: those that were there at the beginning */
    bool late;                  /* the time is over, and the system was asked after that */
};

static void wait__fill(struct weir_completion *out, struct packet *p)
{
    out->op = packet_op(p);
    out->stream = p->stream;
    out->key = p->stream ? p->stream->key : p->key;
    out->bytes = p->bytes;
    out->status = (enum weir_status)p->status;
    out->error = p->error;
    out->sequence = p->stream ? p->sequence : 0;
}

static void wait__release(struct weir_port *port, struct packet *p)
{
    if (!p->own)
        return;
    p->next = port->reserve;
    port->reserve = p;
}

/* Fill out[got ..) from the list, up to a call. Locked. How many out holds then. */
static unsigned wait__take(struct wait *w, struct packets *list, unsigned got)
{
    while (got < w->n && list->head && list->head->kind != PACKET_CALL) {
        struct packet *p = packets_take(list);
        wait__fill(&w->out[got++], p);
        wait__release(w->port, p);
    }
    return got;
}

/* As wait__take from the queue, for a thread that can't run calls any more: they stay, at the head. */
static unsigned wait__take_past_calls(struct wait *w)
{
    struct packets *queue = &w->port->queue, calls = { NULL, NULL, 0 };
    unsigned got = 0;
    while (got < w->n && queue->head) {
        if (queue->head->kind == PACKET_CALL)
            packets_add(&calls, packets_take(queue));
        else
            got = wait__take(w, queue, got);
    }
    packets_append(&calls, queue);
    *queue = calls;
    return got;
}

/* Run the call that the queue begins with. Locked, but not while it runs. */
static void wait__call(struct wait *w)
{
    struct weir_port *port = w->port;
    struct packet *p = packets_take(&port->queue);
    void (*fn)(void *) = p->fn;
    void *arg = p->arg;
    struct weir_op *op = packet_op(p);
    if (w->calls)
        w->calls--;
    wait__release(port, p);
    port_pass_on_locked(port);
    sys_unlock(&port->lock);
    if (op)
        weir_op_returned(op);
    fn(arg);
    sys_lock(&port->lock);
}

static int64_t wait__rest(const struct wait *w)
{
    int64_t rest;
    if (w->deadline == INT64_MAX)
        return -1;
    rest = w->deadline - sys_now();
    return rest > 0 ? rest : 0;
}

/* Ask the system. Locked, but not meanwhile. How many out holds then. call: the queue begins with one that must stay. */
static unsigned wait__poll(struct wait *w, bool sleep, bool call)
{
    struct weir_port *port = w->port;
    struct packets done = { NULL, NULL, 0 };
    int64_t rest;
    bool woken;
    port->polling++;
    port->sleepers += sleep;
    sys_unlock(&port->lock);
    rest = sleep ? wait__rest(w) : 0;
    woken = port->backend->poll(port, &done, w->n, rest);
    if (!done.head && !woken)
        w->late = wait__rest(w) == 0;
    sys_lock(&port->lock);
    port->sleepers -= sleep;
    port->polling--;
    if (woken)
        port->token = false;
    packets_append(&port->queue, &done);
    return call ? wait__take_past_calls(w) : wait__take(w, &port->queue, 0);
}

/* The loop. Locked at begin and end. */
static int wait__turns(struct wait *w)
{
    struct weir_port *port = w->port;
    for (;;) {
        bool fair = port->queue.head && !port->closed && !w->late && ++port->turn % WAIT_FAIR == 0;
        unsigned got = fair ? 0 : wait__take(w, &port->queue, 0);
        bool call = !fair && !got && port->queue.head;
        if (got)
            return (int)got;
        if (call && (w->calls || wait__rest(w) != 0)) {
            wait__call(w);
            continue;
        }
        if (w->late)
            return 0;
        if (!fair && port->closed)
            return call ? 0 : -ESHUTDOWN;
        got = wait__poll(w, !fair && !call, call);
        if (got)
            return (int)got;
    }
}

int weir_port_wait(struct weir_port *port, struct weir_completion *out, unsigned n, int64_t timeout_ns)
{
    struct wait w = { .port = port, .out = out, .n = n < WAIT_MOST ? n : WAIT_MOST, .deadline = INT64_MAX };
    int result;
    if (!port || !out || !n)
        return error_set(-EINVAL, "weir_port_wait: %s", port ? out ? "n is 0; it must be at least 1" : "out is NULL" : "port is NULL");
    if (timeout_ns >= 0) {
        int64_t now = sys_now();
        if (timeout_ns < INT64_MAX - now)
            w.deadline = now + timeout_ns;
    }
    port_serve(port);
    sys_lock(&port->lock);
    port->inside++;
    w.calls = port->queue.count;
    result = wait__turns(&w);
    port_pass_on_locked(port);
    port->inside--;
    if (result == -ESHUTDOWN)
        port_leave_locked(port);
    port_unlock(port);
    for (int i = 0; i < result; i++)
        if (out[i].op)
            weir_op_returned(out[i].op);
    for (int i = 0; i < result; i++)
        if (out[i].stream)
            weir_rundown_release(&out[i].stream->rundown);      /* may be the end of the stream, and call what closed was given */
    return result;
}
