/* tests/integration/faults.h - included ahead of a server's source by the compiler (-include): the call that starts an
 * I/O can be told to fail at once, which no peer can bring about at will; and the call that the loop sleeps in is
 * counted.
 */
#ifndef WEIR_INTEGRATION_FAULTS_H
#define WEIR_INTEGRATION_FAULTS_H

#define _GNU_SOURCE

/* From now on one call in `every` fails. faults_end: none any more; how many calls there were. */
void faults_begin(unsigned every);
unsigned faults_end(void);

/* How often the loop has gone to sleep. */
unsigned wake_ups(void);

#if defined(_WIN32)
#include <winsock2.h>
#include <windows.h>
BOOL WINAPI counted_wait(HANDLE port, LPDWORD bytes, PULONG_PTR key, LPOVERLAPPED *overlapped, DWORD milliseconds);
int faulty_receive(SOCKET s, LPWSABUF bufs, DWORD n, LPDWORD bytes, LPDWORD flags, LPWSAOVERLAPPED overlapped,
                   LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
int faulty_send(SOCKET s, LPWSABUF bufs, DWORD n, LPDWORD bytes, DWORD flags, LPWSAOVERLAPPED overlapped,
                LPWSAOVERLAPPED_COMPLETION_ROUTINE routine);
#ifndef FAULTS_DEFINED_HERE
#define GetQueuedCompletionStatus counted_wait
#define WSARecv faulty_receive
#define WSASend faulty_send
#endif
#elif defined(FAULTS_UV)
#include <uv.h>
int faulty_write(uv_write_t *request, uv_stream_t *stream, const uv_buf_t *bufs, unsigned n, uv_write_cb done);
#ifndef FAULTS_DEFINED_HERE
#define uv_write faulty_write
#endif
#else
#include <sys/socket.h>
ssize_t faulty_send(int fd, const void *data, size_t bytes, int flags);
#ifndef FAULTS_DEFINED_HERE
#define send faulty_send
#endif
#endif

#endif
