/* protocol.h - what a connection says: HTTP/1.1 (answer.c), or an echo where its libraries are missing (echo.c). One of them is linked.
 *
 * connection.c does the I/O and asks protocol_step what comes next, whenever something has been received or all has been sent.
 */
#ifndef SERVE_PROTOCOL_H
#define SERVE_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>

struct connection;
struct server;
struct worker;

extern const char protocol_name[];
extern const size_t protocol_size;      /* bytes that it keeps for each connection */

/* What is to be sent. The bytes lie in the connection's op, in memory that is there for ever, or in the op `shared`. */
struct reply {
    const void *data;
    size_t bytes;
    struct weir_op *shared;     /* one reference, which the connection drops when all is sent; NULL: none */
    unsigned requests;          /* that this answers */
    bool last;                  /* then the connection is closed */
    bool linger;                /* ... but the peer may be sending still: receive that, or it loses this reply to a reset */
};

enum step {
    STEP_SEND,                  /* *reply */
    STEP_RECEIVE,               /* all input is used up, and a request has begun */
    STEP_IDLE,                  /* all input is used up, between two requests */
    STEP_CLOSE
};

/* The server's part: begin before anything is accepted, tick once a second, end when all connections are gone. 0 or a negative errno. */
int protocol_begin(struct server *s);
void protocol_tick(struct server *s);
void protocol_end(struct server *s);

void protocol_open(struct connection *c);

/* Reads the connection's input from c->at on, and moves it. */
enum step protocol_step(struct worker *w, struct connection *c, struct reply *reply);

#endif
