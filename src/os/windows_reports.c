/* src/os/windows_reports.c - what reports need of Windows: a thread, files, the process's exit. It has no signals that a program can be sent.
 *
 * Theory. As linux_reports.c. The exit's status isn't told to its handlers. In a DLL they run when the system has ended all other threads already: a
 * lock that one of them held stays locked, so what runs there must not wait for ever.
 *
 *   any function x any function: may run at once.
 */
#include "os.h"
#include "windows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int os_signal_number(const char *name)
{
    (void)name;
    return -ENOTSUP;
}

int os_on_signal(int number, void (*fn)(int number))
{
    (void)number;
    (void)fn;
    return -ENOTSUP;
}

struct windows_start {
    void (*fn)(void *);
    void *arg;
};

static DWORD WINAPI windows__thread_main(void *memory)
{
    struct windows_start start = *(struct windows_start *)memory;
    os_pages_free(memory, sizeof start);
    start.fn(start.arg);
    return 0;
}

int os_thread_run(void (*fn)(void *), void *arg)
{
    struct windows_start *start = os_pages(sizeof *start);
    DWORD saved = GetLastError();
    HANDLE thread;
    if (!start)
        return -ENOMEM;
    start->fn = fn;
    start->arg = arg;
    thread = CreateThread(NULL, 0, windows__thread_main, start, 0, NULL);
    if (thread)
        (void)CloseHandle(thread);
    else
        os_pages_free(start, sizeof *start);
    SetLastError(saved);
    return thread ? 0 : -EAGAIN;
}

/* -- files ---------------------------------------------------------------------------------------------------------------- */

static int windows__file_error(void)
{
    switch (GetLastError()) {
    case ERROR_FILE_NOT_FOUND:
    case ERROR_PATH_NOT_FOUND:
    case ERROR_INVALID_NAME:
        return -ENOENT;
    case ERROR_ACCESS_DENIED:
    case ERROR_SHARING_VIOLATION:
        return -EACCES;
    case ERROR_DISK_FULL:
        return -ENOSPC;
    default:
        return windows_error();
    }
}

static int windows__open(intptr_t *out, const char *path, DWORD access, DWORD how)
{
    DWORD saved = GetLastError();
    HANDLE file = CreateFileA(path, access, FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE, NULL, how, FILE_ATTRIBUTE_NORMAL, NULL);
    int error = file == INVALID_HANDLE_VALUE ? windows__file_error() : 0;
    SetLastError(saved);
    *out = (intptr_t)file;
    return error;
}

int os_file_create(intptr_t *out, const char *path)
{
    return windows__open(out, path, GENERIC_WRITE, CREATE_ALWAYS);
}

int os_file_write(intptr_t file, const void *data, size_t bytes)
{
    DWORD saved = GetLastError();
    const char *at = data;
    int error = 0;
    while (bytes > 0 && !error) {
        DWORD written = 0, part = bytes > 1 << 20 ? 1 << 20 : (DWORD)bytes;
        if (!WriteFile((HANDLE)file, at, part, &written, NULL))
            error = windows__file_error();
        else if (written == 0)
            error = -EIO;
        at += written;
        bytes -= written;
    }
    SetLastError(saved);
    return error;
}

void os_file_close(intptr_t file)
{
    DWORD saved = GetLastError();
    (void)CloseHandle((HANDLE)file);
    SetLastError(saved);
}

int os_file_read(char **out, size_t *bytes, const char *path)
{
    DWORD saved = GetLastError(), n = 0;
    LARGE_INTEGER size = { .QuadPart = 0 };
    intptr_t file;
    int error = windows__open(&file, path, GENERIC_READ, OPEN_EXISTING);
    *out = NULL;
    *bytes = 0;
    if (error)
        return error;
    if (!GetFileSizeEx((HANDLE)file, &size))
        error = -EINVAL;
    else if (size.QuadPart > 1 << 20)
        error = -EFBIG;
    else if ((*out = os_pages((size_t)size.QuadPart + 1)) == NULL)
        error = -ENOMEM;
    else if (!ReadFile((HANDLE)file, *out, (DWORD)size.QuadPart, &n, NULL) || n != (DWORD)size.QuadPart)
        error = -EIO;
    *bytes = (size_t)size.QuadPart;
    if (error && *out) {
        os_pages_free(*out, *bytes + 1);
        *out = NULL;
    }
    os_file_close(file);
    SetLastError(saved);
    return error;
}

/* Windows does not let a file be cut that is mapped. */
int os_file_map(const void **out, size_t *bytes, const char *path)
{
    DWORD saved = GetLastError();
    LARGE_INTEGER size = { .QuadPart = 0 };
    HANDLE section;
    intptr_t file;
    int error = windows__open(&file, path, GENERIC_READ, OPEN_EXISTING);
    *out = NULL;
    *bytes = 0;
    if (error)
        return error;
    if (!GetFileSizeEx((HANDLE)file, &size) || !size.QuadPart)
        error = -EINVAL;
    section = error ? NULL : CreateFileMappingA((HANDLE)file, NULL, PAGE_READONLY, 0, 0, NULL);
    if (section)
        *out = MapViewOfFile(section, FILE_MAP_READ, 0, 0, 0);
    if (!error && !*out)
        error = windows__file_error();
    if (section)
        (void)CloseHandle(section);
    os_file_close(file);
    *bytes = error ? 0 : (size_t)size.QuadPart;
    SetLastError(saved);
    return error;
}

void os_file_unmap(const void *base, size_t bytes)
{
    (void)bytes;
    if (base)
        (void)UnmapViewOfFile(base);
}

int os_path_absolute(char *out, size_t size, const char *path)
{
    DWORD saved = GetLastError(), n = GetFullPathNameA(path, (DWORD)size, out, NULL);
    int error = n >= size ? -ENAMETOOLONG : n == 0 ? -ENOENT : 0;
    SetLastError(saved);
    return error;
}

/* -- the exit ------------------------------------------------------------------------------------------------------------- */

static void (*windows__at_exit)(int);

static void windows__exiting(void)
{
    windows__at_exit(-1);
}

int os_at_exit(void (*fn)(int status))
{
    windows__at_exit = fn;
    return atexit(windows__exiting) ? -ENOMEM : 0;
}

_Noreturn void os_exit_with(int status)
{
    (void)fflush(NULL);
    _exit(status);
}
