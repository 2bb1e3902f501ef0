/* src/port/sockets.h - one attempt at an operation on a non-blocking socket: the part of epoll.c that names system calls. Linux. */
#ifndef WEIR_PORT_SOCKETS_H
#define WEIR_PORT_SOCKETS_H

#include "backend.h"

enum attempt { ATTEMPT_DONE, ATTEMPT_BLOCKED };

/* Make the handle non-blocking and find out what it is: stream->stream, stream->drains. 0 or a negative errno. */
int sockets_adopt(struct weir_stream *stream);

/* Try as far as it goes without waiting. DONE: the packet has its status, bytes and error, and stream->ready is cleared if that was all
 * for now. BLOCKED: the direction has nothing more, ready is cleared; bytes may have grown. stream->lock is held. */
enum attempt sockets_try(struct weir_stream *stream, struct packet *p);

/* Begin to connect, then as sockets_try. */
enum attempt sockets_connect(struct weir_stream *stream, struct packet *p);

#endif
