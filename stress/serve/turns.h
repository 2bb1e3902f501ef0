/* turns.h - connections that wait for an op. The theory is in turns.c. */
#ifndef SERVE_TURNS_H
#define SERVE_TURNS_H

#include <pthread.h>
#include <stdbool.h>

struct connection;
struct server;

struct turns {
    struct server *server;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t moved;
    struct connection *first, **last;
    unsigned waiting;
    bool stop;
};

int turns_start(struct turns *t, struct server *s);     /* 0 or an errno */
void turns_stop(struct turns *t);                       /* when nobody waits and nobody will */

/* The pool had no op. The connection is the turns' until a worker takes a completion WEIR_POSTED with its address as the key and
 * the op that is now the connection's. */
void turns_wait(struct turns *t, struct connection *c);
unsigned turns_waiting(struct turns *t);

#endif
