/* tests/integration/faults.c - the calls of faults.h: each Nth one fails at once, and the loop's sleeps are counted.
 *
 * epoll_wait stands in place of the C library's for the whole program, so that libuv's calls are counted, too.
 * Threads: any; the counts are atomic.
 */
#define FAULTS_DEFINED_HERE
#include "faults.h"
#include <stdatomic.h>
#include <stdbool.h>
#ifndef _WIN32
#include <dlfcn.h>
#include <errno.h>
#include <sys/epoll.h>
#endif

static _Atomic unsigned faults__every, faults__calls, faults__wake_ups;

void faults_begin(unsigned every)
{
    atomic_store(&faults__calls, 0);
    atomic_store(&faults__every, every);
}

unsigned faults_end(void)
{
    atomic_store(&faults__every, 0);
    return atomic_load(&faults__calls);
}

unsigned wake_ups(void)
{
    return atomic_load(&faults__wake_ups);
}

static bool faults__now(void)
{
    unsigned every = atomic_load(&faults__every);
    return every && atomic_fetch_add(&faults__calls, 1) % every == every - 1;
}

#if defined(_WIN32)
BOOL WINAPI counted_wait(HANDLE port, LPDWORD bytes, PULONG_PTR key, LPOVERLAPPED *overlapped, DWORD milliseconds)
{
    atomic_fetch_add(&faults__wake_ups, 1);
    return GetQueuedCompletionStatus(port, bytes, key, overlapped, milliseconds);
}

int faulty_receive(SOCKET s, LPWSABUF bufs, DWORD n, LPDWORD bytes, LPDWORD flags, LPWSAOVERLAPPED overlapped,
                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    if (!faults__now())
        return WSARecv(s, bufs, n, bytes, flags, overlapped, routine);
    WSASetLastError(WSAENOBUFS);
    return SOCKET_ERROR;
}

int faulty_send(SOCKET s, LPWSABUF bufs, DWORD n, LPDWORD bytes, DWORD flags, LPWSAOVERLAPPED overlapped,
                LPWSAOVERLAPPED_COMPLETION_ROUTINE routine)
{
    if (!faults__now())
        return WSASend(s, bufs, n, bytes, flags, overlapped, routine);
    WSASetLastError(WSAENOBUFS);
    return SOCKET_ERROR;
}
#elif defined(FAULTS_UV)
int faulty_write(uv_write_t *request, uv_stream_t *stream, const uv_buf_t *bufs, unsigned n, uv_write_cb done)
{
    return faults__now() ? UV_ENOBUFS : uv_write(request, stream, bufs, n, done);
}
#else
ssize_t faulty_send(int fd, const void *data, size_t bytes, int flags)
{
    if (!faults__now())
        return send(fd, data, bytes, flags);
    errno = ENOBUFS;
    return -1;
}
#endif

#ifndef _WIN32
/* In place of the C library's, for libuv's calls, too. */
int epoll_wait(int epoll, struct epoll_event *events, int n, int milliseconds)
{
    int (*next)(int, struct epoll_event *, int, int) = dlsym(RTLD_NEXT, "epoll_wait");
    atomic_fetch_add(&faults__wake_ups, 1);
    return next(epoll, events, n, milliseconds);
}

int epoll_pwait(int epoll, struct epoll_event *events, int n, int milliseconds, const sigset_t *mask)
{
    int (*next)(int, struct epoll_event *, int, int, const sigset_t *) = dlsym(RTLD_NEXT, "epoll_pwait");
    atomic_fetch_add(&faults__wake_ups, 1);
    return next(epoll, events, n, milliseconds, mask);
}
#endif
