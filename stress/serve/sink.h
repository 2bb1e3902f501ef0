/* sink.h - a second process that gets records by handle. The theory is in sink.c; where there is none (Windows), sink_none.c says so. */
#ifndef SERVE_SINK_H
#define SERVE_SINK_H

#include <stdbool.h>
#include <stdint.h>

struct server;
struct worker;
struct sink;

/* The process itself: this program, started again with these arguments. It answers the exit status. */
extern const char sink_option[];
int sink_main(const char *pool, const char *stop_at);

int sink_start(struct server *s);               /* 0 or a negative errno, with weir_error_message() or errno's text */
void sink_stop(struct server *s);               /* the sink ends; what it was given has come back, unless it was killed */

/* By a worker, of a request: now and then it becomes a record. */
void sink_record(struct worker *w);

struct weir_pool *sink_pool(const struct server *s);    /* NULL: there is no sink */
void sink_unlink(const struct server *s);       /* its name goes, whether or not it could be closed */

#endif
