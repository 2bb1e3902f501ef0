/* system_linux.c - signals, sockets and limits on Linux. */
#define _GNU_SOURCE
#include "system.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static sigset_t system_signals;

void system_begin(void)
{
    sigemptyset(&system_signals);
    sigaddset(&system_signals, SIGINT);
    sigaddset(&system_signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &system_signals, NULL);      /* threads inherit it: only system_stopped takes them */
    signal(SIGPIPE, SIG_IGN);                               /* standard output may be a pipe that nobody reads */
}

bool system_stopped(int64_t milliseconds)
{
    struct timespec time = { (time_t)(milliseconds / 1000), (long)(milliseconds % 1000) * 1000000 };
    return sigtimedwait(&system_signals, NULL, &time) > 0;
}

int64_t system_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

unsigned system_cores(void)
{
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
}

size_t system_descriptors(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit))
        return 0;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
        getrlimit(RLIMIT_NOFILE, &limit);
    }
    return (size_t)limit.rlim_cur;
}

weir_handle system_listen(uint16_t *number, const char **error)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(*number), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        if (bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 65535) == 0 &&
            getsockname(fd, (struct sockaddr *)&address, &size) == 0) {
            *number = ntohs(address.sin_port);
            return fd;
        }
    }
    *error = strerror(errno);
    system_close(fd);
    return -1;
}

void system_close(weir_handle handle)
{
    if (handle >= 0)
        close((int)handle);
}

void system_no_delay(weir_handle handle)
{
    int one = 1;
    setsockopt((int)handle, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
}

void system_end_output(weir_handle handle)
{
    shutdown((int)handle, SHUT_WR);
}

void system_end_input(struct weir_stream *stream, weir_handle handle)
{
    (void)stream;
    shutdown((int)handle, SHUT_RD);
}
