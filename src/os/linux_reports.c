/* src/os/linux_reports.c - what reports need of Linux: a signal, a thread, files, the process's exit.
 *
 * Theory. Nothing here is called unless the debug layer was asked for a report. Files go through system calls of our own: no cancellation points, no
 * buffers that a fork would copy. glibc tells an exit's status (on_exit), and takes an exit() within an exit for what it is: the handlers that are
 * left run, buffers are written, and the later status counts. musl has no on_exit, and its exit is not to be called twice: there the buffers are
 * written by hand, which waits for a thread that holds one (a reader of standard input, say).
 *
 *   any function x any function: may run at once. os_file_write may block as its file does.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "linux.h"
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* -- signals and the thread that answers them ------------------------------------------------------------------------------ */

int os_signal_number(const char *name)
{
    static const struct { const char *name; int number; } known[] = { { "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "HUP", SIGHUP }, { "QUIT", SIGQUIT } };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(known[i].name, name) == 0)
            return known[i].number;
    return -EINVAL;
}

int os_on_signal(int number, void (*fn)(int number))
{
    struct sigaction action;
    int saved = errno, error = 0;
    memset(&action, 0, sizeof action);
    action.sa_handler = fn;
    action.sa_flags = SA_RESTART | SA_ONSTACK;
    (void)sigfillset(&action.sa_mask);
    if (sigaction(number, &action, NULL) != 0) {
        error = -errno;
        errno = saved;
    }
    return error;
}

struct linux_start {
    void (*fn)(void *);
    void *arg;
};

static void *linux__thread_main(void *memory)
{
    struct linux_start start = *(struct linux_start *)memory;
    os_pages_free(memory, sizeof start);
    start.fn(start.arg);
    return NULL;
}

int os_thread_run(void (*fn)(void *), void *arg)
{
    struct linux_start *start = os_pages(sizeof *start);
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all, before;
    int error;
    if (!start)
        return -ENOMEM;
    start->fn = fn;
    start->arg = arg;
    (void)pthread_attr_init(&attributes);
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    error = pthread_create(&thread, &attributes, linux__thread_main, start);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    (void)pthread_attr_destroy(&attributes);
    if (error)
        os_pages_free(start, sizeof *start);
    return -error;
}

/* -- files ---------------------------------------------------------------------------------------------------------------- */

int os_file_create(intptr_t *out, const char *path)
{
    long fd = linux_call(SYS_openat, AT_FDCWD, (long)path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600, 0, 0);
    *out = fd;
    return fd < 0 ? (int)fd : 0;
}

int os_file_write(intptr_t file, const void *data, size_t bytes)
{
    const char *at = data;
    while (bytes > 0) {
        long written = linux_call(SYS_write, (long)file, (long)at, (long)bytes, 0, 0, 0);
        if (written > 0) {
            at += written;
            bytes -= (size_t)written;
        } else if (written != -EINTR) {
            return written < 0 ? (int)written : -EIO;
        }
    }
    return 0;
}

void os_file_close(intptr_t file)
{
    (void)linux_call(SYS_close, (long)file, 0, 0, 0, 0, 0);
}

int os_file_read(char **out, size_t *bytes, const char *path)
{
    enum { MOST = 1 << 20 };
    long fd = linux_call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC | O_NOCTTY, 0, 0, 0), n = 0;
    char *text = fd < 0 ? NULL : os_pages(MOST + 1);
    size_t used = 0;
    if (fd < 0)
        return (int)fd;
    while (text && used <= MOST && (n = linux_call(SYS_read, fd, (long)(text + used), (long)(MOST + 1 - used), 0, 0, 0)) != 0) {
        if (n > 0)
            used += (size_t)n;
        else if (n != -EINTR)
            break;
    }
    (void)linux_call(SYS_close, fd, 0, 0, 0, 0, 0);
    n = !text ? -ENOMEM : used > MOST ? -EFBIG : n;
    *out = n || !text ? NULL : os_pages(used + 1);
    if (n == 0 && !*out)
        n = -ENOMEM;
    if (n == 0)
        memcpy(*out, text, used);
    *bytes = used;
    os_pages_free(text, MOST + 1);
    return (int)n;
}

/* A fifo or device that was named is not waited for. */
int os_file_map(const void **out, size_t *bytes, const char *path)
{
    long fd = linux_call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0, 0, 0);
    int saved = errno, error = 0;
    struct stat info;
    void *base = NULL;
    if (fd < 0)
        return (int)fd;
    if (fstat((int)fd, &info) != 0)
        error = -errno;
    else if (!S_ISREG(info.st_mode) || info.st_size == 0)
        error = -EINVAL;
    else if ((base = mmap(NULL, (size_t)info.st_size, PROT_READ, MAP_SHARED, (int)fd, 0)) == MAP_FAILED)
        error = -errno;
    errno = saved;
    os_file_close(fd);
    *out = error ? NULL : base;
    *bytes = error ? 0 : (size_t)info.st_size;
    return error;
}

void os_file_unmap(const void *base, size_t bytes)
{
    if (base)
        os_release((void *)(uintptr_t)base, bytes);
}

/* getcwd's answer ends in a zero byte, and is "(unreachable)..." outside the root. */
int os_path_absolute(char *out, size_t size, const char *path)
{
    size_t n = strlen(path), at = 0;
    if (*path != '/') {
        long bytes = linux_call(SYS_getcwd, (long)out, (long)size, 0, 0, 0, 0);
        if (bytes < 0)
            return bytes == -ERANGE ? -ENAMETOOLONG : (int)bytes;
        if (*out != '/')
            return -ENOENT;
        at = bytes == 2 ? 0 : (size_t)bytes - 1;
        if (at + 1 < size)
            out[at++] = '/';
    }
    if (n >= size - at)
        return -ENAMETOOLONG;
    memcpy(out + at, path, n + 1);
    return 0;
}

/* -- the exit ------------------------------------------------------------------------------------------------------------- */

static void (*linux__at_exit)(int);

#ifdef __GLIBC__
static void linux__exiting(int status, void *unused)
{
    (void)unused;
    linux__at_exit(status & 0xff);
}

int os_at_exit(void (*fn)(int status))
{
    linux__at_exit = fn;
    return on_exit(linux__exiting, NULL) ? -ENOMEM : 0;
}

_Noreturn void os_exit_with(int status)
{
    exit(status);
}
#else
static void linux__exiting(void)
{
    linux__at_exit(-1);
}

int os_at_exit(void (*fn)(int status))
{
    linux__at_exit = fn;
    return atexit(linux__exiting) ? -ENOMEM : 0;
}

_Noreturn void os_exit_with(int status)
{
    (void)fflush(NULL);
    _exit(status);
}
#endif
