/* sink.c - a second process that gets records by handle: buffers of a shared pool, without a copy.
 *
 * Purpose    what a logger or a metrics process beside a server is: it dies on its own, with buffers in its hands or without.
 * Protocol   a record is an op of the shared pool. The server writes {handle, hold} into a pipe; the sink takes a reference by the handle and
 *            writes the same back, with how many it holds now; then the server drops its hold. The sink keeps records until it has a batch of
 *            SINK_BATCH or none comes for a while, "writes" that, and gives all of it back.
 * Invariant  given[index] is the server's hold on a record whose answer has not come. Under the lock: so a record is dropped once, by its answer or by
 *            the sink's end.
 * Threads    sink_record: any worker. The answers: one thread of its own
 * Wrong      the sink dies: its pipe ends, the server drops what is unanswered, and gives it no more. What the sink held is held by a dead process: who
 *            asks weir-inspect is told. A full pipe: the record is dropped, the server never waits.
 *
 * This is where the fault "worker" is planted: at SINK_STOP records the sink stops for good, says so, and waits to be killed.
 */
#define _GNU_SOURCE
#include "sink.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fault.h"
#include "serve.h"

enum { SINK_RECORDS = 256, SINK_BYTES = 128, SINK_BATCH = 8, SINK_STOP = 5, SINK_EVERY = 16, SINK_WAIT_MS = 200 };

const char sink_option[] = "sink-of";

struct sink_message {
    uint64_t handle;            /* 0: none, the sink says how many it holds */
    uint32_t index;             /* of the op */
    uint32_t held;
};

struct sink {
    struct server *server;
    struct weir_pool *pool;
    char name[64];
    pid_t pid;
    int to, from;
    pthread_t thread;
    pthread_mutex_t lock;
    bool ended;
    uint32_t held;              /* as the sink last said */
    weir_hold given[SINK_RECORDS];
};

extern char **environ;

/* -- the process ------------------------------------------------------------------------------------------------------------- */

static bool sink__say(struct sink_message m, unsigned held)
{
    m.held = held;
    return write(STDOUT_FILENO, &m, sizeof m) == (ssize_t)sizeof m;
}

/* A batch, as if it were written somewhere. */
static bool sink__write(struct weir_op **batch, unsigned *n)
{
    for (unsigned i = 0; i < *n; i++)
        weir_op_unref(batch[i]);
    *n = 0;
    return sink__say((struct sink_message){ 0 }, 0);
}

/* true: a record is there, or the end. A batch that is not full waits no longer than that for more. */
static bool sink__more(void)
{
    struct pollfd in = { .fd = STDIN_FILENO, .events = POLLIN };
    return poll(&in, 1, SINK_WAIT_MS) != 0;
}

int sink_main(const char *pool_name, const char *stop_at)
{
    struct weir_op *batch[SINK_BATCH];
    struct sink_message m;
    struct weir_pool *pool;
    unsigned n = 0, stop = (unsigned)strtoul(stop_at, NULL, 10);
    if (weir_pool_open(&pool, pool_name)) {
        fprintf(stderr, "weir-serve: the sink: %s\n", weir_error_message());
        return 1;
    }
    weir_holder_name("sink");
    for (;;) {
        if (n && !sink__more() && !sink__write(batch, &n))
            break;
        if (read(STDIN_FILENO, &m, sizeof m) != (ssize_t)sizeof m)
            break;
        batch[n] = weir_op_ref_handle(pool, m.handle);      /* planted: it dies with this */
        n += batch[n] != NULL;
        if (!sink__say(m, n))
            break;
        while (stop && n == stop)
            pause();
        if (n == SINK_BATCH && !sink__write(batch, &n))
            break;
    }
    (void)sink__write(batch, &n);
    return weir_pool_close(pool) ? 1 : 0;
}

/* -- the server's side --------------------------------------------------------------------------------------------------------- */

static void sink__answered(struct sink *k, const struct sink_message *m)
{
    weir_hold hold = 0;
    pthread_mutex_lock(&k->lock);
    k->held = m->held;
    if (m->handle) {
        hold = k->given[m->index];
        k->given[m->index] = 0;
    }
    pthread_mutex_unlock(&k->lock);
    if (hold)
        weir_hold_drop(weir_op_at(k->pool, m->index), hold);
    if (m->held == SINK_STOP && k->server->options.faults.every[FAULT_WORKER]) {
        printf("the sink, process %d, holds %d records and has stopped\n", (int)k->pid, SINK_STOP);
        fflush(stdout);
    }
}

/* It has ended, or was killed: what it did not answer comes back. It is waited for at once: as long as nobody does it is a zombie, not dead. */
static void sink__ended(struct sink *k)
{
    int status = 0;
    pthread_mutex_lock(&k->lock);
    k->ended = true;
    waitpid(k->pid, &status, 0);        /* it has closed its pipe: it won't be long */
    for (uint32_t i = 0; i < SINK_RECORDS; i++)
        if (k->given[i]) {
            weir_hold_drop(weir_op_at(k->pool, i), k->given[i]);
            k->given[i] = 0;
        }
    if (WIFSIGNALED(status))
        atomic_fetch_add(&k->server->options.faults.planted[FAULT_WORKER], k->held);
    pthread_mutex_unlock(&k->lock);
}

static void *sink__answers(void *arg)
{
    struct sink *k = arg;
    struct sink_message m;
    weir_holder_name("sink-answers");
    while (read(k->from, &m, sizeof m) == (ssize_t)sizeof m)
        sink__answered(k, &m);
    sink__ended(k);
    return NULL;
}

static int sink__spawn(struct sink *k)
{
    char stop[8], option[16];
    char *arguments[] = { (char *)"weir-serve", option, k->name, stop, NULL };
    posix_spawn_file_actions_t files;
    int to[2], from[2], error;
    snprintf(stop, sizeof stop, "%d", k->server->options.faults.every[FAULT_WORKER] ? SINK_STOP : 0);
    snprintf(option, sizeof option, "--%s", sink_option);
    if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
        return errno;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, to[0], STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, from[1], STDOUT_FILENO);
    error = posix_spawn(&k->pid, "/proc/self/exe", &files, NULL, arguments, environ);
    posix_spawn_file_actions_destroy(&files);
    close(to[0]);
    close(from[1]);
    k->to = to[1];
    k->from = from[0];
    fcntl(k->to, F_SETFL, O_NONBLOCK);
    return error;
}

int sink_start(struct server *s)
{
    struct sink *k = calloc(1, sizeof *k);
    struct weir_pool_config config = { .capacity = SINK_RECORDS, .buffer_size = SINK_BYTES, .flags = WEIR_POOL_SHARED, .debug = s->options.debug };
    int error;
    if (!k)
        return ENOMEM;
    signal(SIGPIPE, SIG_IGN);           /* it may die at any moment */
    k->server = s;
    config.name = k->name;
    snprintf(k->name, sizeof k->name, "serve-sink-%d", (int)getpid());
    pthread_mutex_init(&k->lock, NULL);
    error = weir_pool_create(&k->pool, &config);
    error = error ? error : sink__spawn(k);
    error = error ? error : pthread_create(&k->thread, NULL, sink__answers, k);
    s->sink = k;
    return error;
}

void sink_stop(struct server *s)
{
    struct sink *k = s->sink;
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    if (!k->ended && k->held == SINK_STOP && s->options.faults.every[FAULT_WORKER])
        kill(k->pid, SIGKILL);          /* it has stopped, and nobody else did */
    pthread_mutex_unlock(&k->lock);
    close(k->to);
    pthread_join(k->thread, NULL);
    close(k->from);
}

static void sink__give(struct sink *k, struct weir_op *op)
{
    struct sink_message m = { weir_op_handle(op), weir_op_index(op), 0 };
    weir_hold hold = weir_hold_take(op);
    bool sent;
    weir_op_unref(op);
    pthread_mutex_lock(&k->lock);
    sent = !k->ended && write(k->to, &m, sizeof m) == (ssize_t)sizeof m;
    if (sent)
        k->given[weir_op_index(op)] = hold;
    pthread_mutex_unlock(&k->lock);
    if (!sent)
        weir_hold_drop(op, hold);
}

void sink_record(struct worker *w)
{
    struct sink *k = w->server->sink;
    struct weir_op *op = k && w->record++ % SINK_EVERY == 0 ? weir_op_get(k->pool) : NULL;
    if (!op)
        return;
    snprintf(weir_op_buffer(op), SINK_BYTES, "%" PRIu64 " requests", atomic_load_explicit(&w->requests, memory_order_relaxed));
    weir_op_publish(op);
    sink__give(k, op);
}

struct weir_pool *sink_pool(const struct server *s)
{
    return s->sink ? s->sink->pool : NULL;
}

void sink_unlink(const struct server *s)
{
    if (s->sink)
        (void)weir_pool_unlink(s->sink->name);
}
