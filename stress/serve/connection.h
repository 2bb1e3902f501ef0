/* connection.h - one client's connection. The theory is in connection.c. */
#ifndef SERVE_CONNECTION_H
#define SERVE_CONNECTION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/port.h>
#include <weir/ref.h>
#include <weir/track.h>

#include "protocol.h"

struct server;
struct worker;

enum phase {
    PHASE_IDLE,                 /* receives, and no request has begun */
    PHASE_REQUEST,              /* receives the rest of a request */
    PHASE_ANSWER,               /* sends */
    PHASE_TURN,                 /* waits for an op */
    PHASE_LINGER                /* has sent its last, and receives what is thrown away */
};

struct connection {
    struct server *server;
    struct weir_stream *stream;
    weir_handle handle;
    struct weir_ref ref;        /* the stream's, until it is gone */
    struct weir_op *op;         /* the op with a buffer, if it is in the handler's hands or sends */
    weir_hold hold;             /* on that op, also while it is in flight; 0: a plain reference, the only one */
    size_t at, end;             /* what was received and not read yet: [at, end) of the op's buffer */
    struct reply reply;         /* that is being sent */
    size_t thrown_away;         /* bytes, while it lingers */
    bool lean;                  /* waits without a buffer */
    bool readable;              /* a lean one was told that there is something to receive */
    enum phase next_phase;      /* while it waits for its turn */
    /* read by the sweep */
    _Atomic(enum phase) phase;
    _Atomic int64_t since;      /* when it last made progress */
    /* registry.c, turns.c */
    struct connection *next, **link, *behind;
    _Alignas(16) unsigned char protocol[];      /* protocol_size bytes, zero at first */
};

/* A connection was accepted: it becomes a stream, or the handle is closed. */
void connection_open(struct worker *w, weir_handle handle);

/* A receive or a send is done. */
void connection_completed(struct worker *w, struct connection *c, const struct weir_completion *done);

/* The op is the connection's from now on, with the caller's only reference. */
void connection_own(struct connection *c, struct weir_op *op);

/* Its turn: an op that is its own. */
void connection_turn(struct worker *w, struct connection *c, struct weir_op *op);

/* Room for a response that is rendered for this connection alone: SERVE_TEXT bytes. */
char *connection_text(struct connection *c);

#endif
