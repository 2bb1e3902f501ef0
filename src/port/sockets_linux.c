/* sockets_linux.c - one attempt at each kind of operation (sockets.h).
 *
 * stream->ready[side] says whether another attempt may get on: it is cleared by EAGAIN, and set by the next event. On
 * TCP a receive that did not fill its buffer has emptied the socket, so it counts as EAGAIN and saves the attempt that
 * would say so. That is wrong where an event was seen before which tells more than "there are bytes" (the end, an
 * error, urgent data): epoll.c clears stream->drains then, and an attempt is always made. An event that comes later
 * sets ready anyway.
 *
 * The connection's first error goes to whoever finds it; Linux tells it once. It is kept in stream->error for those
 * that come later and would only hear EPIPE or nothing.
 */
#define _GNU_SOURCE
#include "sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

static int sockets__option(int fd, int name, int *value)
{
    socklen_t size = sizeof *value;
    return getsockopt(fd, SOL_SOCKET, name, value, &size) ? -errno : 0;
}

int sockets_adopt(struct weir_stream *stream)
{
    int fd = (int)stream->handle, type = 0, protocol = 0, flags;
    int error = fd == stream->handle ? sockets__option(fd, SO_TYPE, &type) : -EBADF;
    if (error)
        return error;
    flags = fcntl(fd, F_GETFL);
    if (flags < 0 || (!(flags & O_NONBLOCK) && fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0))
        return -errno;
    stream->stream = type == SOCK_STREAM || type == SOCK_SEQPACKET;
    if (type == SOCK_STREAM)
        (void)sockets__option(fd, SO_PROTOCOL, &protocol);
    stream->drains = protocol == IPPROTO_TCP;
    return 0;
}

/* -- how an attempt ends ----------------------------------------------------------------------------------------------------- */

static enum attempt sockets__blocked(struct weir_stream *stream, struct packet *p)
{
    stream->ready[packet_side(p)] = false;
    return ATTEMPT_BLOCKED;
}

static enum attempt sockets__failed(struct weir_stream *stream, struct packet *p, int error)
{
    if (error == EPIPE && stream->error)
        error = stream->error;
    else if (error == ECONNRESET || error == ETIMEDOUT || error == EHOSTUNREACH || error == ENETUNREACH || error == ECONNREFUSED)
        stream->error = error;
    p->status = WEIR_FAILED;
    p->error = -error;
    return ATTEMPT_DONE;
}

static bool sockets__would_block(int error)
{
    return error == EAGAIN || error == EWOULDBLOCK;
}

/* -- the kinds --------------------------------------------------------------------------------------------------------------- */

/* 0 bytes: is there anything to read, or the end? */
static enum attempt sockets__peek(struct weir_stream *stream, struct packet *p)
{
    char byte;
    ssize_t got;
    do
        got = recv((int)stream->handle, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        return ATTEMPT_DONE;
    return sockets__would_block(errno) ? sockets__blocked(stream, p) : sockets__failed(stream, p, errno);
}

static enum attempt sockets__recv(struct weir_stream *stream, struct packet *p)
{
    ssize_t got;
    if (p->wanted == 0)
        return sockets__peek(stream, p);
    do
        got = recv((int)stream->handle, p->data, p->wanted, MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return sockets__would_block(errno) ? sockets__blocked(stream, p) : sockets__failed(stream, p, errno);
    p->bytes = (size_t)got;
    if (got == 0 && stream->stream)
        p->status = WEIR_END;
    else if (p->bytes < p->wanted && stream->drains)
        stream->ready[SIDE_IN] = false;
    return ATTEMPT_DONE;
}

static enum attempt sockets__send(struct weir_stream *stream, struct packet *p)
{
    do {
        ssize_t sent = send((int)stream->handle, p->data + p->bytes, p->wanted - p->bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent >= 0)
            p->bytes += (size_t)sent;
        else if (sockets__would_block(errno))
            return sockets__blocked(stream, p);
        else if (errno != EINTR)
            return sockets__failed(stream, p, errno);
    } while (p->bytes < p->wanted);
    return ATTEMPT_DONE;
}

/* What Linux tells of the connection that was next, and not of the listener: that connection is gone, there may be another. */
static bool sockets__passed_over(int error)
{
    switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

static enum attempt sockets__accept(struct weir_stream *stream, struct packet *p)
{
    int fd;
    do
        fd = accept4((int)stream->handle, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    while (fd < 0 && sockets__passed_over(errno));
    if (fd < 0)
        return sockets__would_block(errno) ? sockets__blocked(stream, p) : sockets__failed(stream, p, errno);
    p->accepted = fd;
    return ATTEMPT_DONE;
}

/* Is it connected now? An event may have been a stray one: ask, and believe only a socket that says yes or no. */
static enum attempt sockets__connected(struct weir_stream *stream, struct packet *p)
{
    struct pollfd now = { .fd = (int)stream->handle, .events = POLLOUT };
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    int error = 0;
    if (poll(&now, 1, 0) <= 0)
        return sockets__blocked(stream, p);
    if (sockets__option(now.fd, SO_ERROR, &error) < 0)
        error = errno;
    if (!error && getpeername(now.fd, (struct sockaddr *)&peer, &size) < 0)
        error = stream->error ? stream->error : errno;
    return error ? sockets__failed(stream, p, error) : ATTEMPT_DONE;
}

enum attempt sockets_connect(struct weir_stream *stream, struct packet *p)
{
    if (connect((int)stream->handle, p->address, (socklen_t)p->wanted) == 0)
        return ATTEMPT_DONE;
    if (errno == EINPROGRESS || errno == EINTR)
        return sockets__blocked(stream, p);
    return sockets__failed(stream, p, errno);
}

enum attempt sockets_try(struct weir_stream *stream, struct packet *p)
{
    switch (p->kind) {
    case PACKET_RECV:
        return sockets__recv(stream, p);
    case PACKET_SEND:
        return sockets__send(stream, p);
    case PACKET_ACCEPT:
        return sockets__accept(stream, p);
    default:
        return sockets__connected(stream, p);
    }
}
