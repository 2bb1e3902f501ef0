/* src/os/windows_process.c - who a process or thread is, and whether it is still there, on Windows.
 *
 * Theory. A pid names a process only together with when that was created, which the system tells by the calendar: so the start is of all boots, and neither
 * a boot nor a namespace is needed. A process that ended while somebody has a handle of it keeps its pid and is signalled: dead. There are no
 * zombies. Who may not be looked at is UNKNOWN, never a guess.
 *
 *   any function x any function: at once.   progress: a few system calls each
 */
#include "os.h"
#include "windows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t windows__time(const FILETIME *time)
{
    return (uint64_t)time->dwHighDateTime << 32 | time->dwLowDateTime;
}

static uint64_t windows__process_start(HANDLE process)
{
    FILETIME start, exit, kernel, user;
    return GetProcessTimes(process, &start, &exit, &kernel, &user) ? windows__time(&start) : 0;
}

static uint64_t windows__thread_start(HANDLE thread)
{
    FILETIME start, exit, kernel, user;
    return GetThreadTimes(thread, &start, &exit, &kernel, &user) ? windows__time(&start) : 0;
}

int os_process_self(struct os_process *out)
{
    DWORD saved = GetLastError();
    *out = (struct os_process){.boot = 1, .pid = GetCurrentProcessId(), .start = windows__process_start(GetCurrentProcess())};
    SetLastError(saved);
    return out->start ? 0 : -ENOENT;
}

/* What a handle's absence means: the system knows no such number, or doesn't let us look. */
static enum os_life windows__absent(void)
{
    return GetLastError() == ERROR_INVALID_PARAMETER ? OS_DEAD : OS_UNKNOWN;
}

static enum os_life windows__life(HANDLE handle, uint64_t start, uint64_t wanted)
{
    if (start == 0 || wanted == 0)
        return OS_UNKNOWN;
    if (start != wanted)
        return OS_DEAD;
    return WaitForSingleObject(handle, 0) == WAIT_OBJECT_0 ? OS_DEAD : OS_ALIVE;
}

enum os_life os_process_life(const struct os_process *process)
{
    DWORD saved = GetLastError();
    enum os_life life = OS_UNKNOWN;
    if (process->boot == 1 && process->pid > 0 && process->pid <= MAXDWORD) {
        HANDLE handle = OpenProcess(PROCESS_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, (DWORD)process->pid);
        life = handle ? windows__life(handle, windows__process_start(handle), process->start) : windows__absent();
        if (handle)
            (void)CloseHandle(handle);
    }
    SetLastError(saved);
    return life;
}

int64_t os_thread_id(void)
{
    return GetCurrentThreadId();
}

uint64_t os_thread_start(void)
{
    DWORD saved = GetLastError();
    uint64_t start = windows__thread_start(GetCurrentThread());
    SetLastError(saved);
    return start;
}

/* Windows 10 has names of threads; older ones, and Wine 8, have none. */
void os_thread_name(char *out, size_t size)
{
    typedef HRESULT(WINAPI * describe_fn)(HANDLE, PWSTR *);
    DWORD saved = GetLastError();
    PWSTR text = NULL;
    if (size > 0)
        out[0] = 0;
    HMODULE kernel = GetModuleHandleA("kernel32.dll");
    describe_fn describe = kernel ? (describe_fn)(uintptr_t)GetProcAddress(kernel, "GetThreadDescription") : NULL;
    if (size > 0 && describe && SUCCEEDED(describe(GetCurrentThread(), &text)) && text) {
        if (WideCharToMultiByte(CP_UTF8, 0, text, -1, out, (int)size, NULL, NULL) == 0)
            out[0] = 0;
        (void)LocalFree(text);
    }
    SetLastError(saved);
}

enum os_life os_thread_life(const struct os_process *process, int64_t tid, uint64_t start)
{
    enum os_life life = os_process_life(process);
    if (life != OS_ALIVE || tid <= 0 || tid > MAXDWORD)
        return life == OS_ALIVE ? OS_DEAD : life;
    DWORD saved = GetLastError();
    HANDLE handle = OpenThread(THREAD_QUERY_LIMITED_INFORMATION | SYNCHRONIZE, FALSE, (DWORD)tid);
    life = handle ? windows__life(handle, windows__thread_start(handle), start) : windows__absent();
    if (handle)
        (void)CloseHandle(handle);
    SetLastError(saved);
    return life;
}
