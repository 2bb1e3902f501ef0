/* src/os/linux_process.c - who a process or thread is, and whether it is still there, by /proc.
 *
 * Theory. A pid names a process only together with when that started (field 22 of its stat), in one pid namespace of one boot of the machine; the start
 * is counted in the reader's time namespace, so that must be the same one too. Nothing is asked of the process itself, and no privilege is needed.
 *
 * Never a guess: DEAD is said when the kernel says that there is no such pid, when the pid started at another time, or when the machine was started
 * since. What can't be looked at (another namespace, a /proc that hides others' processes or is another namespace's) is UNKNOWN. A process whose
 * first thread has left by pthread_exit looks like a zombie but for its number of threads, and is alive.
 *
 *   any function x any function: at once.   progress: a few system calls each
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "linux.h"
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct linux_stat {
    char state;                                 /* field 3: Z and X are no more */
    uint64_t threads;                           /* field 20 */
    uint64_t start;                             /* field 22 */
};

static uint64_t linux__number(const char *text)
{
    int saved = errno;
    uint64_t number = strtoull(text, NULL, 10);
    errno = saved;
    return number;
}

/* The name, field 2, may hold anything, spaces and brackets too: the fields are counted from the last bracket. */
static int linux__stat(const char *path, struct linux_stat *out)
{
    char text[1024];
    long bytes = linux_read_file(path, text, sizeof text);
    if (bytes < 0)
        return (int)bytes;
    char *at = strrchr(text, ')');
    if (at == NULL || at[1] != ' ' || at[2] == 0)
        return -ESRCH;                          /* read while it went away */
    out->state = *(at += 2);
    for (int field = 3; field < 22; field++) {
        if (field == 20)
            out->threads = linux__number(at);
        at = strchr(at, ' ');
        if (at == NULL)
            return -ESRCH;
        at++;
    }
    out->start = linux__number(at);
    return 0;
}

/* Of a process as well: that of its first thread, which says the same as /proc/PID/stat. That one qemu-user answers itself, with a start of its own. */
static int linux__task_stat(int64_t pid, int64_t tid, struct linux_stat *out)
{
    char path[96];
    (void)snprintf(path, sizeof path, "/proc/%lld/task/%lld/stat", (long long)pid, (long long)tid);
    return linux__stat(path, out);
}

/* "pid:[4026531836]"; 0: the system doesn't say. */
static uint64_t linux__namespace(const char *path)
{
    char text[64];
    long bytes = linux_call(SYS_readlinkat, AT_FDCWD, (long)path, (long)text, sizeof text - 1, 0, 0);
    text[bytes > 0 ? bytes : 0] = 0;
    char *bracket = strchr(text, '[');
    return bracket ? linux__number(bracket + 1) & UINT32_MAX : 0;
}

static uint64_t linux__space(void)
{
    return linux__namespace("/proc/self/ns/time") << 32 | linux__namespace("/proc/self/ns/pid");
}

/* FNV-1a, 64 bits. */
static uint64_t linux__boot(void)
{
    char text[64];
    uint64_t digest = UINT64_C(0xcbf29ce484222325);
    if (linux_read_file("/proc/sys/kernel/random/boot_id", text, sizeof text) <= 0)
        return 0;
    for (const char *at = text; *at && *at != '\n'; at++)
        digest = (digest ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
    return digest;
}

/* Our pid in the namespace that /proc shows: in a container that was given another one's, not our own. */
static int64_t linux__pid_in_proc(void)
{
    char text[32];
    long bytes = linux_call(SYS_readlinkat, AT_FDCWD, (long)"/proc/self", (long)text, sizeof text - 1, 0, 0);
    text[bytes > 0 ? bytes : 0] = 0;
    return (int64_t)linux__number(text);
}

int os_process_self(struct os_process *out)
{
    struct linux_stat stat = {0};
    int64_t first = linux__pid_in_proc();
    int error = linux__task_stat(first, first, &stat);
    *out = (struct os_process){.boot = linux__boot(), .space = linux__space(), .pid = getpid(), .start = stat.start};
    return error ? error : out->boot == 0 || (uint32_t)out->space == 0 ? -ENOENT : 0;
}

static bool linux__same_space(const struct os_process *process, enum os_life *otherwise)
{
    uint64_t boot = linux__boot(), space = linux__space();
    *otherwise = boot != 0 && process->boot != 0 && process->boot != boot ? OS_DEAD : OS_UNKNOWN;
    return process->boot == boot && boot != 0 && process->space == space && (uint32_t)space != 0 && process->pid > 0 && linux__pid_in_proc() == getpid();
}

/* What can't be read: is the pid there at all? Signal 0 is sent to nobody. */
static enum os_life linux__pid_life(int64_t pid)
{
    return linux_call(SYS_kill, (long)pid, 0, 0, 0, 0, 0) == -ESRCH ? OS_DEAD : OS_UNKNOWN;
}

enum os_life os_process_life(const struct os_process *process)
{
    struct linux_stat stat = {0};
    enum os_life life;
    if (!linux__same_space(process, &life))
        return life;
    if (linux__task_stat(process->pid, process->pid, &stat))
        return linux__pid_life(process->pid);
    if (process->start == 0)
        return OS_UNKNOWN;
    if (stat.start != process->start)
        return OS_DEAD;
    if (stat.state == 'Z' || stat.state == 'X')
        return stat.threads > 1 ? OS_ALIVE : OS_ZOMBIE;
    return OS_ALIVE;
}

int64_t os_thread_id(void)
{
    return linux_call(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

uint64_t os_thread_start(void)
{
    struct linux_stat stat = {0};
    return linux__stat("/proc/thread-self/stat", &stat) == 0 ? stat.start : 0;
}

void os_thread_name(char *out, size_t size)
{
    char name[16] = "";
    if (size == 0)
        return;
    (void)linux_call(SYS_prctl, PR_GET_NAME, (long)name, 0, 0, 0, 0);
    (void)snprintf(out, size, "%.15s", name);
}

/* Of a process that is there and can be seen, a thread that can't be found is no more. */
enum os_life os_thread_life(const struct os_process *process, int64_t tid, uint64_t start)
{
    struct linux_stat stat = {0};
    enum os_life life = os_process_life(process);
    if (life != OS_ALIVE)
        return life;
    int error = linux__task_stat(process->pid, tid, &stat);
    if (error)
        return error == -ENOENT || error == -ESRCH ? OS_DEAD : OS_UNKNOWN;
    if (start == 0)
        return OS_UNKNOWN;
    return stat.start != start || stat.state == 'Z' || stat.state == 'X' ? OS_DEAD : OS_ALIVE;
}
