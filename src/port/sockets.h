/* src/port/sockets.h - the operations on a socket, for epoll.c and iocp.c: the parts that name the calls of the system's sockets. */
#ifndef WEIR_PORT_SOCKETS_H
#define WEIR_PORT_SOCKETS_H

#include "backend.h"

/* Find out what the handle is, and make it fit: stream->stream; on Linux stream->drains, and the handle non-blocking. 0
 * or a negative errno. */
int sockets_adopt(struct weir_stream *stream);

/* -- Linux: one attempt at an operation on a non-blocking socket. stream->lock is held ----------------------------------------- */

enum attempt { ATTEMPT_DONE, ATTEMPT_BLOCKED };

/* Try as far as it goes without waiting. DONE: the packet has its status, bytes and error, and stream->ready is cleared
 * if that was all for now. BLOCKED: the direction has nothing more, ready is cleared; bytes may have grown. */
enum attempt sockets_try(struct weir_stream *stream, struct packet *p);

/* Begin to connect, then as sockets_try. */
enum attempt sockets_connect(struct weir_stream *stream, struct packet *p);

/* -- Windows: an overlapped operation ------------------------------------------------------------------------------------------ */

/* Begin it. 0: its packet will come to the port; negative: it has failed, and none will. stream->lock is held. */
int sockets_start(struct weir_stream *stream, struct packet *p);

/* Its packet has come: 0 or a negative errno, and p->bytes. */
int sockets_result(struct weir_stream *stream, struct packet *p);

/* An accept that failed with this error only because a connection was gone too early: it may be begun again. */
bool sockets_passed_over(struct packet *p, int error);

/* It is over with this error: p gets its status, and what it needed meanwhile is freed. */
void sockets_finish(struct weir_stream *stream, struct packet *p, int error);

#endif
