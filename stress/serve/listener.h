/* listener.h - the listening socket. The theory is in listener.c. */
#ifndef SERVE_LISTENER_H
#define SERVE_LISTENER_H

#include <pthread.h>
#include <stdbool.h>

#include <weir/port.h>

struct server;
struct worker;

enum { LISTENER_ACCEPTS = 4 };

struct listener {
    struct weir_stream *stream;
    pthread_mutex_t lock;
    struct weir_op *parked[LISTENER_ACCEPTS];
    unsigned parked_count;
    bool closing;
};

/* Takes the handle over. 0 or a negative errno. The accepts are submitted by listener_begin. */
int listener_open(struct server *s, weir_handle handle);
void listener_begin(struct server *s);
void listener_completed(struct worker *w, const struct weir_completion *done);

/* A descriptor may be free again: accept on. Any thread. */
void listener_resume(struct server *s);

/* No more connections. Once. */
void listener_close(struct server *s);

#endif
