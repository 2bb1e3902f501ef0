/* port.c - the port: made, posted to, served, closed; and the queue that completions wait in. wait.c takes from it.
 *
 * Purpose    one place where what has completed meets the threads that wait for it.
 * Invariant  while the queue holds something, a thread is awake in weir_port_wait, or a wake-up is under way to one
 *            that sleeps, or none sleeps: then the next to wait looks into the queue first.
 *
 * Waking. At most one wake-up is under way at a time (`token`); it is one event in the backend, which wakes one thread,
 * and not all. That thread clears the token and takes what it can carry; if something is left and others sleep, it
 * passes the wake-up on. So n posts to n sleepers wake n threads, one after the other, and n posts to threads that are
 * awake make no system call. The wake is made under the port's lock: a packet can be taken, and be the reason to close
 * the port, before its push returns.
 *
 * Who serves. A thread that calls weir_port_wait keeps the port as its own (one pointer a thread) until it was told
 * -ESHUTDOWN, waits on another, or exits. The port is freed when it is closed, its queue is empty, nobody serves it,
 * and nobody is inside (a thread that could not keep the pointer). So a thread between two waits finds a port that was
 * closed meanwhile still there.
 *
 *            post   wait   close          post and call: any threads. close: once, by the owner. A thread that does not serve the
 *     post   any    any    ends*          port must not post once close may have begun*; one that serves it may, and is told
 *     wait   any    any    any            -ESHUTDOWN
 *     close  ends*  any    -ESHUTDOWN
 *
 * Progress   one lock for all; whoever holds it does so for the time of a list operation, or of one wake-up.
 */
#include "backend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- waking ------------------------------------------------------------------------------------------------------------------ */

void port_pass_on_locked(struct weir_port *port)
{
    if ((!port->queue.head && !port->closed) || port->sleepers == 0 || port->token)
        return;
    port->token = true;
    port->backend->wake(port);
}

void port_push_locked(struct weir_port *port, struct packets *done)
{
    packets_append(&port->queue, done);
    port_pass_on_locked(port);
}

void port_push(struct weir_port *port, struct packets *done)
{
    sys_lock(&port->lock);
    port_push_locked(port, done);
    sys_unlock(&port->lock);
}

/* -- serving, and the end ---------------------------------------------------------------------------------------------------- */

static void port__free(struct weir_port *port)
{
    slots_free(port);
    sys_lock_end(&port->homes_lock);
    sys_lock_end(&port->lock);
    free(port);
}

void port_unlock(struct weir_port *port)
{
    bool over;
    if (port->closed && port->polling == 0 && !port->ended) {
        port->ended = true;
        port->backend->end(port);
    }
    over = port->ended && port->serving == 0 && port->inside == 0 && !port->queue.head;
    sys_unlock(&port->lock);
    if (over)
        port__free(port);
}

void port_leave_locked(struct weir_port *port)
{
    if (sys_thread_value() != port)
        return;
    (void)sys_thread_set(NULL);
    port->serving--;
}

/* A thread that served the port has gone, or serves another now. */
static void port__gone(void *arg)
{
    struct weir_port *port = arg;
    sys_lock(&port->lock);
    port->serving--;
    port_unlock(port);
}

void port_serve(struct weir_port *port)
{
    struct weir_port *before = sys_thread_value();
    if (before == port || !sys_thread_set(port))
        return;
    sys_lock(&port->lock);
    port->serving++;
    sys_unlock(&port->lock);
    if (before)
        port__gone(before);
}

/* -- create and close -------------------------------------------------------------------------------------------------------- */

static const struct backend *port__backend(const char *name)
{
    char known[64] = "";
    for (size_t i = 0; port_backends[i]; i++) {
        size_t n = strlen(known);
        if (!name || strcmp(name, port_backends[i]->name) == 0)
            return port_backends[i];
        snprintf(known + n, sizeof known - n, "%s\"%s\"", n ? ", " : "", port_backends[i]->name);
    }
    (void)error_set(-EINVAL, "weir_port_create: backend \"%.40s\" is not known here; known: %s", name, known);
    return NULL;
}

int weir_port_create(struct weir_port **out, const struct weir_port_config *config)
{
    static const struct weir_port_config defaults;
    struct weir_port *port;
    const struct backend *backend;
    int error;
    if (!config)
        config = &defaults;
    if (!out)
        return error_set(-EINVAL, "weir_port_create: out is NULL; it must be where the port's address goes");
    backend = port__backend(config->backend);
    if (!backend)
        return -EINVAL;
    error = sys_thread_open(port__gone);
    if (error)
        return error_set(error, "weir_port_create: no thread-local storage left");
    port = calloc(1, sizeof *port);
    if (!port)
        return error_set(-ENOMEM, "weir_port_create: no memory for a port (%zu bytes)", sizeof *port);
    port->backend = backend;
    port->concurrency = config->concurrency ? config->concurrency : sys_cores();
    sys_lock_init(&port->lock);
    sys_lock_init(&port->homes_lock);
    error = backend->begin(port);
    if (error) {
        port__free(port);
        return error_set(error, "weir_port_create: the system refused a port over \"%s\": %s", backend->name, weir_strerror(error));
    }
    *out = port;
    return 0;
}

const char *weir_port_backend(const struct weir_port *port)
{
    return port ? port->backend->name : "";
}

int weir_port_close(struct weir_port *port)
{
    int error = 0;
    size_t streams;
    if (!port)
        return error_set(-EINVAL, "weir_port_close: port is NULL");
    sys_lock(&port->lock);
    streams = port->streams;
    if (port->closed) {
        error = -ESHUTDOWN;
    } else if (streams) {
        error = -EBUSY;
    } else {
        port->closed = true;
        port_pass_on_locked(port);
    }
    port_unlock(port);
    if (error == -EBUSY)
        return error_set(error, "weir_port_close: %zu streams are not gone; close them and take their completions first", streams);
    return error ? error_set(error, "weir_port_close: the port is closed already") : 0;
}

/* -- posts and calls --------------------------------------------------------------------------------------------------------- */

static struct packet *port__reserve(struct weir_port *port)
{
    struct packet *p = port->reserve;
    if (p)
        port->reserve = p->next;
    else if (port->reserve_used < PORT_RESERVE)
        p = &port->reserved[port->reserve_used++];
    if (p)
        p->own = true;
    return p;
}

static int port__send(struct weir_port *port, struct weir_op *op, const struct packet *what, const char *who)
{
    struct packets one = { NULL, NULL, 0 };
    struct packet *p;
    int error = 0;
    if (op)
        weir_op_submitted(op);          /* the one step that may panic: nothing was done before */
    sys_lock(&port->lock);
    if (port->closed)
        error = -ESHUTDOWN;
    else if (!(p = op ? packet_of(op) : port__reserve(port)))
        error = -EAGAIN;
    if (!error) {
        *p = *what;
        p->own = !op;
        packets_add(&one, p);
        port_push_locked(port, &one);
    }
    sys_unlock(&port->lock);
    if (!error)
        return 0;
    if (op)
        weir_op_returned(op);
    if (error == -EAGAIN)
        return error_set(error, "%s: %d packets without an op wait already; use an op, or take some first", who, PORT_RESERVE);
    return error_set(error, "%s: the port is closed", who);
}

int weir_port_post(struct weir_port *port, struct weir_op *op, size_t bytes, uintptr_t key)
{
    struct packet what = { .kind = PACKET_POST, .status = WEIR_POSTED, .bytes = bytes, .key = key };
    if (!port)
        return error_set(-EINVAL, "weir_port_post: port is NULL");
    return port__send(port, op, &what, "weir_port_post");
}

int weir_port_call(struct weir_port *port, struct weir_op *op, void (*fn)(void *arg), void *arg)
{
    struct packet what = { .kind = PACKET_CALL, .fn = fn, .arg = arg };
    if (!port || !fn)
        return error_set(-EINVAL, "weir_port_call: %s is NULL", port ? "fn" : "port");
    return port__send(port, op, &what, "weir_port_call");
}
