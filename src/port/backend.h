/* src/port/backend.h - what the files of weir-port share: packets, streams, the port, and the table that a backend
 * fills in.
 *
 *     weir_recv ...  ->  stream.c  ->  backend->submit  ->  the system  ->  backend->poll  ->  wait.c  ->  weir_port_wait's out
 *                                            |                                                  ^
 *                                            +--- done at once: port_push ----------------->  queue
 *     weir_port_post, weir_port_call, weir_cancel --------- port_push ------------------------->  |
 *
 * A packet is one operation, post or call on its way. It lies in its op (struct weir_op.port), or in the port's
 * reserve.
 *
 * Locks. stream->lock guards the stream's queues, its number and its handle's state; port->lock guards the port's
 * queue, its sleepers and who serves it; port->homes_lock the list of homes. No two are ever held at once, and none
 * while a caller's function runs.
 *
 * Who keeps what. A packet in flight holds one count of its stream's rundown, until it was taken by weir_port_wait. A
 * stream that is not gone keeps its port from being closed. A packet that was pushed may be taken, and its stream, op
 * and even port be gone, before port_push returns: so a push is the last thing that anybody does.
 */
#ifndef WEIR_PORT_BACKEND_H
#define WEIR_PORT_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/inline/error.h>
#include <weir/port.h>
#include <weir/ref.h>
#include <weir/rundown.h>
#include <weir/stream.h>

#include "sys.h"

#define error_set weir_error_set_1

/* -- packets ----------------------------------------------------------------------------------------------------------------- */

enum packet_kind { PACKET_RECV, PACKET_ACCEPT, PACKET_SEND, PACKET_CONNECT, PACKET_POST, PACKET_CALL };
enum side { SIDE_IN, SIDE_OUT, SIDES };

struct packet {
    struct packet *next;
    struct weir_stream *stream;         /* NULL: a post or a call */
    union {
        unsigned char *data;            /* recv, send; accept on Windows: where the system writes addresses */
        const void *address;            /* connect, during the submit */
        void (*fn)(void *);             /* call */
    };
    union {
        size_t wanted;                  /* recv, send, connect */
        void *arg;                      /* call */
    };
    size_t bytes;                       /* done so far, as posted, at the end the completion's */
    union {
        uint64_t sequence;              /* of an operation */
        uintptr_t key;                  /* of a post */
    };
    weir_handle accepted;
    int32_t error;
    uint8_t kind;                       /* enum packet_kind */
    uint8_t status;                     /* enum weir_status */
    bool own : 1;                       /* from the reserve: no op */
    bool cancelled : 1, numbered : 1, waiting : 1;     /* for iocp.c */
};
_Static_assert(sizeof(struct packet) <= sizeof(((struct weir_op *)0)->port), "a packet fits into its op");

/* First in, first out; all zero is empty. */
struct packets {
    struct packet *head, *tail;
    size_t count;
};

static inline void packets_add(struct packets *list, struct packet *p)
{
    p->next = NULL;
    if (list->head)
        list->tail->next = p;
    else
        list->head = p;
    list->tail = p;
    list->count++;
}

static inline struct packet *packets_take(struct packets *list)
{
    struct packet *p = list->head;
    if (p) {
        list->head = p->next;
        list->count--;
    }
    return p;
}

bool packets_remove(struct packets *list, const struct packet *p);      /* false: it isn't in there. Reads nothing of p */
void packets_append(struct packets *list, struct packets *more);        /* `more` is empty afterwards */

static inline struct packet *packet_of(const struct weir_op *op)
{
    return (struct packet *)(uintptr_t)op->port;
}

static inline struct weir_op *packet_op(struct packet *p)
{
    return p->own ? NULL : (struct weir_op *)(void *)((char *)p - offsetof(struct weir_op, port));
}

static inline enum side packet_side(const struct packet *p)
{
    return p->kind == PACKET_RECV || p->kind == PACKET_ACCEPT ? SIDE_IN : SIDE_OUT;
}

/* -- streams ----------------------------------------------------------------------------------------------------------------- */

enum { STREAM_OPS = 2 };        /* idle ops that a stream keeps */

/* Streams lie in chunks that the port frees when it ends: an event for a stream that is gone finds a stream still, one
 * without operations or another, and is no more than a hint to try. */
struct weir_stream {
    struct sys_lock lock;               /* lives as long as the chunk */
    struct weir_port *port;
    weir_handle handle;
    uintptr_t key;
    /* under the lock */
    struct packets pending[SIDES];      /* the oldest first */
    uint64_t sequence;                  /* operations completed */
    int error;                          /* the first that the connection died of, for operations that find it dead later */
    bool closing;
    bool stream;                        /* bytes without bounds: 0 of them is the end */
    bool ready[SIDES];                  /* epoll.c */
    bool drains;                        /* epoll.c */
    uint32_t watched;                   /* epoll.c */
    void (*closed)(void *);
    void *closed_arg;
    /* counts */
    struct weir_rundown rundown;        /* operations in progress, and one while `users` is not 0 */
    struct weir_ref users;
    /* own.c */
    struct weir_op *own[STREAM_OPS];    /* swapped in and out; NULL: no op */
    struct home *home;
    /* slots.c, under port->lock */
    struct weir_stream *next_free;
};

/* -- the port ---------------------------------------------------------------------------------------------------------------- */

enum { PORT_RESERVE = 1024 };

struct weir_port {
    struct sys_lock lock;
    const struct backend *backend;
    unsigned concurrency;               /* the backend's to keep; never 0 */
    /* under the lock */
    struct packets queue;               /* completed, posted, to be called */
    unsigned polling;                   /* threads in backend->poll */
    unsigned sleepers;                  /* ... that may sleep there */
    unsigned inside;                    /* threads in weir_port_wait */
    unsigned serving;                   /* threads that have it as their own (sys_thread_value) */
    unsigned turn;                      /* counts waits that found the queue filled */
    bool token;                         /* a wake-up is under way: backend->wake was called and no poll has told of it */
    bool closed;
    bool ended;                         /* backend->end was called */
    size_t streams;                     /* not gone */
    struct weir_stream *free_streams;
    struct packet *reserve;             /* free packets of the reserve */
    unsigned reserve_used;              /* those above have never been used */
    /* -- */
    struct chunk *chunks;               /* the newest first; grows by a release store */
    struct sys_lock homes_lock;
    struct home *homes;
    union {
        struct {
            int poll, event;            /* epoll.c */
        };
        void *handle;                   /* iocp.c */
    };
    struct packet reserved[PORT_RESERVE];
};

/* -- a backend --------------------------------------------------------------------------------------------------------------- */

struct backend {
    const char *name;
    int (*begin)(struct weir_port *port);
    void (*end)(struct weir_port *port);            /* no thread is in poll, no stream is open */

    /* The handle becomes the stream's, or a negative errno; sets what it keeps in the stream. detach closes it. */
    int (*attach)(struct weir_stream *stream);
    void (*detach)(struct weir_stream *stream);

    /* Begin the operation. 0: it is in the backend's hands, or done and in the list; negative: refused, as if it had never been.
     * A stream that is closing refuses with -ESHUTDOWN. Once an operation is in the backend's hands, another thread may complete it. */
    int (*submit)(struct weir_stream *stream, struct packet *p, struct packets *done);

    /* Cancel p, or all for NULL. Those that are cancelled at once are in the list. 0, or -ENOENT: p is not pending. */
    int (*cancel)(struct weir_stream *stream, const struct packet *p, struct packets *done);

    /* Wait for about as many events as `max`, and add what they complete. Returns at once if any, after the time, or for no reason;
     * -1 for ever. true: it has seen a wake. */
    bool (*poll)(struct weir_port *port, struct packets *done, unsigned max, int64_t timeout_ns);

    /* Makes one thread come out of poll: one that is there, or the next. Never blocks. Called under port->lock. */
    void (*wake)(struct weir_port *port);
};

extern const struct backend *const port_backends[];         /* known on this system, the best first; NULL ends it */

/* -- between the files ------------------------------------------------------------------------------------------------------- */

/* Give completed packets to whoever waits. The last thing to do with them, their streams and their port (see above). */
void port_push(struct weir_port *port, struct packets *done);
void port_push_locked(struct weir_port *port, struct packets *done);    /* the same under port->lock */
void port_pass_on_locked(struct weir_port *port);                       /* wake one more sleeper if there is something for it */

void port_serve(struct weir_port *port);            /* this thread serves it from now on */
void port_leave_locked(struct weir_port *port);     /* ... and no longer; the last locked step before port_unlock */
void port_unlock(struct weir_port *port);           /* unlocks, and frees the port if it has ended */

struct weir_stream *slots_take(struct weir_port *port, int *error);     /* also counts it; NULL: -ENOMEM, -ESHUTDOWN */
void slots_give(struct weir_port *port, struct weir_stream *stream);    /* the last touch of both */
void slots_free(struct weir_port *port);
void slots_each(struct weir_port *port, void (*fn)(struct weir_stream *stream, void *arg), void *arg);

void own_empty(struct weir_stream *stream);         /* gives back the ops that the stream keeps, for ever */

int error_from_windows(uint32_t error);             /* a negative errno; decode.c */

#endif
