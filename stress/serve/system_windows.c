/* system_windows.c - the wish to end, sockets and limits on Windows.
 *
 * Ctrl-C and Ctrl-Break set an event that has a name, "weir-serve-stop-<process id>": so a program without a console can stop the
 * server, too.
 */
#include "system.h"

#define WIN32_LEAN_AND_MEAN
#include <winsock2.h>
#include <ws2tcpip.h>
#include <windows.h>
#include <stdio.h>
#include <stdlib.h>

enum { DESCRIPTORS = 16384 };           /* no limit to be asked for; a choice */

static HANDLE system_stop;

static BOOL WINAPI system__on_control(DWORD what)
{
    (void)what;
    SetEvent(system_stop);
    return TRUE;
}

void system_begin(void)
{
    WSADATA data;
    char name[64];
    snprintf(name, sizeof name, "weir-serve-stop-%lu", (unsigned long)GetCurrentProcessId());
    system_stop = CreateEventA(NULL, FALSE, FALSE, name);
    if (!system_stop || WSAStartup(MAKEWORD(2, 2), &data)) {
        fprintf(stderr, "weir-serve: no event, or no Winsock\n");
        exit(1);
    }
    SetConsoleCtrlHandler(system__on_control, TRUE);
}

bool system_stopped(int64_t milliseconds)
{
    return WaitForSingleObject(system_stop, (DWORD)milliseconds) == WAIT_OBJECT_0;
}

int64_t system_now(void)
{
    return (int64_t)GetTickCount64();
}

unsigned system_cores(void)
{
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwNumberOfProcessors;
}

size_t system_descriptors(void)
{
    return DESCRIPTORS;
}

weir_handle system_listen(uint16_t *number, const char **error)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(*number), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    static char text[64];
    int size = sizeof address, one = 1;
    SOCKET s = socket(AF_INET, SOCK_STREAM, IPPROTO_TCP);
    if (s != INVALID_SOCKET) {
        setsockopt(s, SOL_SOCKET, SO_EXCLUSIVEADDRUSE, (const char *)&one, sizeof one);
        if (bind(s, (struct sockaddr *)&address, size) == 0 && listen(s, SOMAXCONN) == 0 &&
            getsockname(s, (struct sockaddr *)&address, &size) == 0) {
            *number = ntohs(address.sin_port);
            return (weir_handle)s;
        }
    }
    snprintf(text, sizeof text, "Winsock's error %d", WSAGetLastError());
    *error = text;
    system_close((weir_handle)s);
    return -1;
}

void system_close(weir_handle handle)
{
    if (handle != -1)
        closesocket((SOCKET)handle);
}

void system_no_delay(weir_handle handle)
{
    BOOL one = TRUE;
    setsockopt((SOCKET)handle, IPPROTO_TCP, TCP_NODELAY, (const char *)&one, sizeof one);
}

void system_end_output(weir_handle handle)
{
    shutdown((SOCKET)handle, SD_SEND);
}

void system_end_input(struct weir_stream *stream, weir_handle handle)
{
    (void)handle;
    (void)weir_cancel(stream, NULL);
}
