/* sink_none.c - sink.h where a program can't start itself again with two pipes. */
#include "sink.h"

#include <errno.h>
#include <stddef.h>

const char sink_option[] = "sink-of";

int sink_main(const char *pool, const char *stop_at)
{
    (void)pool;
    (void)stop_at;
    return 1;
}

int sink_start(struct server *s)
{
    (void)s;
    return ENOSYS;
}

void sink_stop(struct server *s) { (void)s; }

void sink_record(struct worker *w) { (void)w; }

struct weir_pool *sink_pool(const struct server *s)
{
    (void)s;
    return NULL;
}

void sink_unlink(const struct server *s) { (void)s; }
