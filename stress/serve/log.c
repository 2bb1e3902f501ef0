/* log.c - the access log: the first line of each request, written out of the buffer that it was received into.
 *
 * Purpose    log without a copy: while lines wait to be written, the log holds a reference to their ops, and the connections go on with others.
 * Invariant  a worker that waits has noted nothing: so the log never keeps an op from those who need one.
 * Threads    each worker its own list; a line is written by one call, so lines of several workers don't mix
 * Wrong      what can't be written is lost, and counted
 *
 * This is where the fault "unref" is planted.
 */
#include "log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "serve.h"

int log_begin(struct server *s)
{
    const char *path = s->options.log;
    if (!path && s->options.faults.every[FAULT_UNREF])
        path = "/dev/null";
    if (!path)
        return 0;
    s->log = fopen(path, "a");
    return s->log ? 0 : errno;
}

void log_end(struct server *s)
{
    if (s->log)
        (void)fclose(s->log);
    s->log = NULL;
}

void log_note(struct worker *w, struct weir_op *op, const char *data, size_t bytes)
{
    struct log_line *line = &w->lines[w->lines_noted];
    const char *end = memchr(data, '\r', bytes);
    if (w->lines_noted == SERVE_LINES)
        return;                         /* a batch of completions with more requests than that: these are not logged */
    weir_op_ref(op);                    /* planted: it may never be given back */
    *line = (struct log_line){ .op = op, .data = data, .bytes = end ? (size_t)(end - data) : bytes };
    w->lines_noted++;
}

void log_flush(struct worker *w)
{
    struct server *s = w->server;
    for (unsigned i = 0; i < w->lines_noted; i++) {
        const struct log_line *line = &w->lines[i];
        if (fprintf(s->log, "%.*s\n", (int)line->bytes, line->data) < 0)
            serve_count(&w->errors, 1);
        if (!fault_strikes(&s->options.faults, FAULT_UNREF))
            weir_op_unref(line->op);
    }
    w->lines_noted = 0;
}
