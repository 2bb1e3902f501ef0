/* sockets_windows.c - overlapped operations on Winsock's sockets (sockets.h).
 *
 * AcceptEx and ConnectEx are not in the library's table but asked of each socket, for they are its provider's. AcceptEx
 * needs a socket to accept into and room for two addresses: both are made here, and the room is freed with the
 * operation, so that op and buffer stay the caller's own. ConnectEx needs a socket that is bound.
 */
#include "sockets.h"

#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <mswsock.h>
#include <ws2tcpip.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { SOCKETS_ADDRESS = sizeof(struct sockaddr_storage) + 16 };       /* what AcceptEx wants for each of two */

static int sockets__error(void)
{
    return error_from_windows((uint32_t)WSAGetLastError());
}

/* What a call said that begins an operation. */
static int sockets__begun(bool ok)
{
    if (ok || WSAGetLastError() == WSA_IO_PENDING)
        return 0;                       /* a packet comes in both cases */
    return sockets__error();
}

static SOCKET sockets__of(const struct weir_stream *stream)
{
    return (SOCKET)stream->handle;
}

static LPWSAOVERLAPPED sockets__overlapped(struct packet *p)
{
    return (LPWSAOVERLAPPED)(void *)weir_op_overlapped(packet_op(p));
}

int sockets_adopt(struct weir_stream *stream)
{
    int type = 0, size = sizeof type;
    if (getsockopt(sockets__of(stream), SOL_SOCKET, SO_TYPE, (char *)&type, &size))
        return sockets__error();
    stream->stream = type == SOCK_STREAM;
    return 0;
}

/* -- beginning --------------------------------------------------------------------------------------------------------------- */

static int sockets__recv(struct weir_stream *stream, struct packet *p)
{
    WSABUF buffer = { (ULONG)p->wanted, (char *)p->data };
    DWORD flags = 0;
    return sockets__begun(!WSARecv(sockets__of(stream), &buffer, 1, NULL, &flags, sockets__overlapped(p), NULL));
}

static int sockets__send(struct weir_stream *stream, struct packet *p)
{
    WSABUF buffer = { (ULONG)p->wanted, (char *)p->data };
    return sockets__begun(!WSASend(sockets__of(stream), &buffer, 1, NULL, 0, sockets__overlapped(p), NULL));
}

static bool sockets__extension(SOCKET socket, GUID id, void *fn, DWORD size)
{
    DWORD got = 0;
    return !WSAIoctl(socket, SIO_GET_EXTENSION_FUNCTION_POINTER, &id, sizeof id, fn, size, &got, NULL, NULL);
}

static int sockets__accept(struct weir_stream *stream, struct packet *p)
{
    GUID id = WSAID_ACCEPTEX;
    LPFN_ACCEPTEX accept_ex = NULL;
    WSAPROTOCOL_INFOW info;
    BOOL listens = FALSE;
    int size = sizeof info, listens_size = sizeof listens;
    DWORD got = 0;
    if (getsockopt(sockets__of(stream), SOL_SOCKET, SO_ACCEPTCONN, (char *)&listens, &listens_size))
        return sockets__error();
    if (!listens)
        return -EINVAL;                 /* as Windows would say; Wine would wait for ever */
    if (!sockets__extension(sockets__of(stream), id, &accept_ex, sizeof accept_ex) ||
        getsockopt(sockets__of(stream), SOL_SOCKET, SO_PROTOCOL_INFOW, (char *)&info, &size))
        return sockets__error();
    if (p->accepted == -1)
        p->accepted = (weir_handle)WSASocketW(info.iAddressFamily, info.iSocketType, info.iProtocol, NULL, 0,
                                              WSA_FLAG_OVERLAPPED | WSA_FLAG_NO_HANDLE_INHERIT);
    if (p->accepted == -1)
        return sockets__error();
    if (!p->data)
        p->data = malloc(2 * SOCKETS_ADDRESS);
    if (!p->data)
        return -ENOMEM;
    return sockets__begun(accept_ex(sockets__of(stream), (SOCKET)p->accepted, p->data, 0, SOCKETS_ADDRESS, SOCKETS_ADDRESS, &got,
                                    (LPOVERLAPPED)sockets__overlapped(p)));
}

static int sockets__bind(SOCKET socket, int family)
{
    struct sockaddr_storage any;
    int size = sizeof any;
    if (!getsockname(socket, (struct sockaddr *)&any, &size))
        return 0;                       /* bound already */
    memset(&any, 0, sizeof any);
    any.ss_family = (short)family;
    size = family == AF_INET6 ? (int)sizeof(struct sockaddr_in6) : (int)sizeof(struct sockaddr_in);
    return bind(socket, (struct sockaddr *)&any, size) ? sockets__error() : 0;
}

static int sockets__connect(struct weir_stream *stream, struct packet *p)
{
    GUID id = WSAID_CONNECTEX;
    LPFN_CONNECTEX connect_ex = NULL;
    const struct sockaddr *address = p->address;
    int error = sockets__bind(sockets__of(stream), address->sa_family);
    if (error)
        return error;
    if (!sockets__extension(sockets__of(stream), id, &connect_ex, sizeof connect_ex))
        return sockets__error();
    return sockets__begun(connect_ex(sockets__of(stream), address, (int)p->wanted, NULL, 0, NULL, (LPOVERLAPPED)sockets__overlapped(p)));
}

int sockets_start(struct weir_stream *stream, struct packet *p)
{
    memset(sockets__overlapped(p), 0, sizeof(OVERLAPPED));
    switch (p->kind) {
    case PACKET_RECV:
        return sockets__recv(stream, p);
    case PACKET_SEND:
        return sockets__send(stream, p);
    case PACKET_ACCEPT:
        return sockets__accept(stream, p);
    default:
        return sockets__connect(stream, p);
    }
}

/* -- ending ------------------------------------------------------------------------------------------------------------------ */

int sockets_result(struct weir_stream *stream, struct packet *p)
{
    SOCKET socket = sockets__of(stream);
    DWORD bytes = 0, flags = 0;
    bool ok = WSAGetOverlappedResult(socket, sockets__overlapped(p), &bytes, FALSE, &flags);
    if (p->kind == PACKET_RECV || p->kind == PACKET_SEND)
        p->bytes = bytes;
    else if (ok && p->kind == PACKET_ACCEPT)        /* it becomes a socket like any other */
        ok = !setsockopt((SOCKET)p->accepted, SOL_SOCKET, SO_UPDATE_ACCEPT_CONTEXT, (const char *)&socket, sizeof socket);
    else if (ok)
        ok = !setsockopt(socket, SOL_SOCKET, SO_UPDATE_CONNECT_CONTEXT, NULL, 0);
    return ok ? 0 : sockets__error();
}

static void sockets__drop_accepted(struct packet *p)
{
    if (p->accepted != -1)
        closesocket((SOCKET)p->accepted);
    p->accepted = -1;
}

/* What the system tells of the connection that was next, and not of the listener: it was gone before it was accepted. */
bool sockets_passed_over(struct packet *p, int error)
{
    if (p->kind != PACKET_ACCEPT)
        return false;
    if (error != -ECONNRESET && error != -ECONNABORTED && error != -ENOTCONN && error != -EAGAIN)
        return false;
    sockets__drop_accepted(p);
    return true;
}

void sockets_finish(struct weir_stream *stream, struct packet *p, int error)
{
    if (p->kind == PACKET_ACCEPT) {
        free(p->data);
        p->data = NULL;
        if (error)
            sockets__drop_accepted(p);
    }
    p->error = error;
    if (error)
        p->status = WEIR_FAILED;
    else if (p->kind == PACKET_RECV && p->bytes == 0 && p->wanted && stream->stream)
        p->status = WEIR_END;
}
