/* tests/integration/try.c - a main for own_epoll.c, own_iocp.c and libuv.c: eight clients that send a line each, and
 * the server.
 *
 * One thread does all of it: the clients' lines fit into the sockets' buffers, so they can be sent before anybody
 * serves, and what comes back can be read when the server is done.
 */
#include "echo.h"

#include <stdio.h>
#include <string.h>

#ifdef _WIN32
#include <winsock2.h>
typedef SOCKET descriptor;
#else
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
typedef int descriptor;
#define closesocket close
#endif

#ifndef BEFORE
#include <weir/weir.h>
#endif

enum { CLIENTS = 8 };
static const char line[] = "over the weir\n";

static struct sockaddr_in listen_somewhere(descriptor listener)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
#ifdef _WIN32
    int size = sizeof address;
#else
    socklen_t size = sizeof address;
#endif
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, CLIENTS) ||
        getsockname(listener, (struct sockaddr *)&address, &size))
        perror("a listening socket");
    return address;
}

static void send_line(descriptor client, const struct sockaddr_in *address)
{
    if (connect(client, (const struct sockaddr *)address, sizeof *address) || send(client, line, sizeof line, 0) < 0)
        perror("a client");
    shutdown(client, 1);                        /* that was all: SHUT_WR, SD_SEND */
}

static int came_back(descriptor client)
{
    char back[sizeof line];
    size_t got = 0;
    while (got < sizeof back) {
        int n = (int)recv(client, back + got, sizeof back - got, 0);
        if (n <= 0)
            return 0;
        got += (size_t)n;
    }
    return memcmp(back, line, sizeof line) == 0;
}

/* The pool is quiet: what it has done, and that it can be closed. */
static int last_words(struct weir_pool *pool)
{
#ifndef BEFORE
    struct weir_stats stats;
    if (!pool || weir_pool_stats(pool, &stats))
        return 1;
    printf("ops taken %u, given back %u, live %u\n", (unsigned)stats.gets, (unsigned)stats.puts, (unsigned)stats.live);
    if (weir_pool_check(pool) || weir_pool_close(pool)) {
        printf("%s\n", weir_error_message());
        return 1;
    }
#endif
    (void)pool;
    return 0;
}

int main(void)
{
    struct weir_pool *pool;
    struct sockaddr_in address;
    descriptor listener, client[CLIENTS];
    int i, back = 0, failed;
#ifdef _WIN32
    WSADATA data;
    WSAStartup(MAKEWORD(2, 2), &data);
#endif
    listener = socket(AF_INET, SOCK_STREAM, 0);
    address = listen_somewhere(listener);
    for (i = 0; i < CLIENTS; i++) {
        client[i] = socket(AF_INET, SOCK_STREAM, 0);
        send_line(client[i], &address);
    }
    pool = echo_pool(64);
    failed = echo_serve((intptr_t)listener, CLIENTS, pool);
    for (i = 0; i < CLIENTS; i++) {
        back += came_back(client[i]);
        closesocket(client[i]);
    }
    closesocket(listener);
    printf("%d of %d lines came back\n", back, CLIENTS);
    return last_words(pool) || failed || back != CLIENTS;
}
