/* log.h - the access log. The theory is in log.c. */
#ifndef SERVE_LOG_H
#define SERVE_LOG_H

#include <stddef.h>

struct server;
struct weir_op;
struct worker;

int log_begin(struct server *s);                /* 0, or an errno; opens options.log */
void log_end(struct server *s);

/* By a worker, while it handles a request: its first line begins at data, in the buffer of the op. */
void log_note(struct worker *w, struct weir_op *op, const char *data, size_t bytes);

/* By a worker, before it waits: what it noted is written, and the ops are let go. */
void log_flush(struct worker *w);

#endif
