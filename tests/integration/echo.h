/* tests/integration/echo.h - the two functions that own_epoll.c, own_iocp.c and libuv.c each have, in both variants.
 *
 * The three are echo servers around a loop that is not weir's. Compiled with -DBEFORE they allocate, else they use a
 * pool; the lines that differ stand between #ifdef BEFORE and #endif, and the pages beside them show those lines.
 */
#ifndef WEIR_INTEGRATION_ECHO_H
#define WEIR_INTEGRATION_ECHO_H

#include <stdint.h>

struct weir_pool;

/* echo_pool - what echo_serve takes its buffers from.
 *
 * owns      after: the caller, until weir_pool_close
 * returns   NULL: this variant allocates, or no pool could be made
 */
struct weir_pool *echo_pool(unsigned capacity);

/* echo_serve - accept so many connections, send back what each of them sends, return when all have ended.
 *
 * owns      the caller keeps listener (a listening socket) and pool; afterwards every op is back
 * threads   one a listener; other threads may use the pool meanwhile
 * returns   0; -1: the system refused something that the loop can't do without
 */
int echo_serve(intptr_t listener, unsigned connections, struct weir_pool *pool);

#endif
