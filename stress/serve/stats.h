/* stats.h - what /stats says. */
#ifndef SERVE_STATS_H
#define SERVE_STATS_H

#include <stddef.h>

struct server;

void stats_begin(void);         /* once, before any thread */

/* The server's numbers as JSON, with a newline. Any thread. Bytes, or 0: there is no room or no memory. */
size_t stats_text(struct server *s, char *text, size_t size);

#endif
