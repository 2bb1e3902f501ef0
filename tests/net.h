/* tests/net.h - plain blocking sockets on the loopback, on Linux and Windows: the other side of what the port's tests
 * do.
 *
 * Nothing here uses weir's own streams. A failure ends the program: it says nothing about weir.
 */
#ifndef WEIR_TESTS_NET_H
#define WEIR_TESTS_NET_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <weir/stream.h>

#ifdef _WIN32
#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
typedef SOCKET net_socket;
#else
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>
typedef int net_socket;
#endif

static inline void net_fail(const char *what)
{
#ifdef _WIN32
    fprintf(stderr, "%s: error %d\n", what, WSAGetLastError());
#else
    fprintf(stderr, "%s: %s\n", what, strerror(errno));
#endif
    abort();
}

static inline void net_open(void)
{
#ifdef _WIN32
    WSADATA data;
    if (WSAStartup(MAKEWORD(2, 2), &data))
        net_fail("WSAStartup");
#endif
}

static inline void net_close(weir_handle handle)
{
#ifdef _WIN32
    closesocket((net_socket)handle);
#else
    close((int)handle);
#endif
}

/* Close so that the peer gets a reset. */
static inline void net_reset(weir_handle handle)
{
    struct linger linger = { 1, 0 };
    setsockopt((net_socket)handle, SOL_SOCKET, SO_LINGER, (const char *)&linger, sizeof linger);
    net_close(handle);
}

static inline void net_end_sending(weir_handle handle)
{
    shutdown((net_socket)handle, 1);        /* SHUT_WR, SD_SEND */
}

static inline weir_handle net_socket_tcp(void)
{
    weir_handle handle = (weir_handle)socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (handle == -1)
        net_fail("socket");
    return handle;
}

/* A socket on which nothing ever comes. */
static inline weir_handle net_silent(void)
{
    struct sockaddr_in address;
    weir_handle handle = (weir_handle)socket(AF_INET, SOCK_DGRAM, IPPROTO_UDP);
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (handle == -1 || bind((net_socket)handle, (struct sockaddr *)&address, sizeof address))
        net_fail("socket");
    return handle;
}

static inline struct sockaddr_in net_address(uint16_t number)
{
    struct sockaddr_in address;
    memset(&address, 0, sizeof address);
    address.sin_family = AF_INET;
    address.sin_port = htons(number);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

static inline uint16_t net_number(weir_handle handle)
{
    struct sockaddr_in address;
    socklen_t size = sizeof address;
    if (getsockname((net_socket)handle, (struct sockaddr *)&address, &size))
        net_fail("getsockname");
    return ntohs(address.sin_port);
}

/* A listener on a free port; its number. */
static inline weir_handle net_listen(uint16_t *number)
{
    weir_handle handle = net_socket_tcp();
    struct sockaddr_in address = net_address(0);
    if (bind((net_socket)handle, (struct sockaddr *)&address, sizeof address) || listen((net_socket)handle, 1024))
        net_fail("listen");
    *number = net_number(handle);
    return handle;
}

/* -1: refused, or the system can't now. */
static inline weir_handle net_try_connect(uint16_t number)
{
    struct sockaddr_in address = net_address(number);
    weir_handle handle = net_socket_tcp();
    if (connect((net_socket)handle, (struct sockaddr *)&address, sizeof address) == 0)
        return handle;
    net_close(handle);
    return -1;
}

static inline weir_handle net_connect(uint16_t number)
{
    weir_handle handle = net_try_connect(number);
    if (handle == -1)
        net_fail("connect");
    return handle;
}

/* Two connected TCP sockets. */
static inline void net_pair(weir_handle *a, weir_handle *b)
{
    uint16_t number;
    weir_handle listener = net_listen(&number);
    *a = net_connect(number);
    *b = (weir_handle)accept((net_socket)listener, NULL, NULL);
    if (*b == -1)
        net_fail("accept");
    net_close(listener);
}

static inline void net_small_buffers(weir_handle handle)
{
    int bytes = 16384;
    setsockopt((net_socket)handle, SOL_SOCKET, SO_SNDBUF, (const char *)&bytes, sizeof bytes);
    setsockopt((net_socket)handle, SOL_SOCKET, SO_RCVBUF, (const char *)&bytes, sizeof bytes);
}

/* false: the connection is gone. */
static inline bool net_send(weir_handle handle, const void *data, size_t bytes)
{
    const char *p = data;
#ifdef _WIN32
    const int flags = 0;
#else
    const int flags = MSG_NOSIGNAL;
#endif
    while (bytes) {
        int chunk = bytes > 65536 ? 65536 : (int)bytes;
        long sent = (long)send((net_socket)handle, p, (size_t)chunk, flags);
        if (sent <= 0)
            return false;
        p += sent;
        bytes -= (size_t)sent;
    }
    return true;
}

/* Bytes, 0 at the end, -1 for an error. */
static inline long net_recv(weir_handle handle, void *data, size_t bytes)
{
    return (long)recv((net_socket)handle, data, bytes, 0);
}

/* Until so many bytes are there; false: the end or an error comes before. */
static inline bool net_recv_all(weir_handle handle, void *data, size_t bytes)
{
    char *p = data;
    while (bytes) {
        long got = net_recv(handle, p, bytes);
        if (got <= 0)
            return false;
        p += got;
        bytes -= (size_t)got;
    }
    return true;
}

#endif
