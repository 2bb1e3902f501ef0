/* registry.h - the connections that are open. The theory is in registry.c. */
#ifndef SERVE_REGISTRY_H
#define SERVE_REGISTRY_H

#include <pthread.h>
#include <stdint.h>

struct connection;
struct server;

struct registry {
    pthread_mutex_t lock;
    struct connection *first;
    unsigned open;              /* in the list */
    uint64_t accepted;          /* ever */
};

enum sweep {
    SWEEP_TIMEOUTS,             /* what made no progress for too long */
    SWEEP_IDLE,                 /* ... and what waits for a request that has not begun */
    SWEEP_ALL                   /* everything, whatever it does */
};

void registry_init(struct registry *r);

/* How many are open now. The connection has its stream and nothing in flight. */
unsigned registry_add(struct registry *r, struct connection *c);

/* Before its stream is closed. */
void registry_remove(struct registry *r, struct connection *c);

/* Any thread. */
void registry_count(struct registry *r, unsigned *open, uint64_t *accepted);
void registry_sweep(struct server *s, enum sweep what);

#endif
