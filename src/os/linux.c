/* src/os/linux.c - os.h on Linux, for glibc and musl.
 *
 * Theory. Each function is one system call or a few, and keeps three promises that the C library's wrappers don't:
 *   errno      stays as it was: errors are values (linux__call, or a saved errno around mmap and its family);
 *   cancelling none is a cancellation point: read, write, open, close and futex go through syscall(2), which is none.
 *              mmap's family is none either and goes through the C library, so that sanitizers see it;
 *   signals    os_event_set, os_event_reset, os_wake, os_now and os_write_error are async-signal-safe.
 *
 * Memory. A reservation is PROT_NONE | MAP_NORESERVE. Commit is a change of protection, so that repeating it changes
 * nothing; pages appear at the first touch. Decommit drops the pages first and the access afterwards. What can go wrong: with
 * vm.overcommit_memory=2 the kernel keeps charging for what was decommitted until it is released.
 *
 * Threads. The value of a thread is an initial-exec TLS word; a pthread key holds the same value for the sake of its destructor
 * alone. A thread that sets its value for the first time in the last round of key destructors never sees fn.
 *
 * The barrier is membarrier(2), private and expedited. It is asked for once; a program that forbids it later, after threads
 * rely on it, is stopped with a message: to go on would give objects out twice.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "os.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Values that old headers lack, or that are only in the kernel's own. */
enum {
    LINUX_MADV_POPULATE_WRITE = 23,
    LINUX_MADV_DONTNEED_LOCKED = 24,
    LINUX_MPOL_BIND = 2,
    LINUX_BARRIER_QUERY = 0,
    LINUX_BARRIER_PRIVATE = 1 << 3,
    LINUX_BARRIER_REGISTER_PRIVATE = 1 << 4,
    LINUX_NODES = 1024,
    LINUX_FUTEX_WAKE = 1 | 128,             /* 128: private to the process */
    LINUX_FUTEX_WAIT_BITSET = 9 | 128
};

/* A system call whose answer is its result or a negative errno. */
static long linux__call(long number, long a, long b, long c, long d, long e, long f)
{
    int saved = errno;
    long result = syscall(number, a, b, c, d, e, f);
    if (result == -1) {
        result = -errno;
        errno = saved;
    }
    return result;
}

/* Reads the start of a small file of /sys; 0 bytes if there is none. The text ends in a zero byte. */
static size_t linux__read_file(const char *path, char *text, size_t size)
{
    long fd = linux__call(SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
    long bytes = 0;
    if (fd >= 0) {
        do {
            bytes = linux__call(SYS_read, fd, (long)text, (long)size - 1, 0, 0, 0);
        } while (bytes == -EINTR);
        (void)linux__call(SYS_close, fd, 0, 0, 0, 0, 0);
    }
    text[bytes > 0 ? bytes : 0] = 0;
    return bytes > 0 ? (size_t)bytes : 0;
}

/* -- memory ------------------------------------------------------------------------------------------------------------ */

size_t os_page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

size_t os_huge_page_size(void)
{
    char text[32];
    if (linux__read_file("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size", text, sizeof text) == 0)
        return 0;
    int saved = errno;
    size_t bytes = strtoul(text, NULL, 10);
    errno = saved;
    return bytes;
}

/* A private anonymous range is taken larger than asked and trimmed to the aligned part. */
int os_reserve(void **out, size_t bytes, size_t align)
{
    size_t page = os_page_size();
    size_t extra = align > page ? align - page : 0;
    if (bytes > SIZE_MAX - extra)
        return -ENOMEM;
    int saved = errno;
    char *base = mmap(NULL, bytes + extra, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    int error = errno;
    errno = saved;
    if (base == MAP_FAILED)
        return -error;
    size_t before = extra == 0 ? 0 : (size_t)(-(uintptr_t)base & (align - 1));
    if (before > 0)
        os_release(base, before);
    if (extra > before)
        os_release(base + before + bytes, extra - before);
    *out = base + before;
    return 0;
}

static int linux__protect(void *base, size_t bytes, int access)
{
    int saved = errno;
    int error = mprotect(base, bytes, access) == 0 ? 0 : errno;
    errno = saved;
    return -error;
}

static int linux__advise(void *base, size_t bytes, int advice)
{
    int saved = errno;
    int error = madvise(base, bytes, advice) == 0 ? 0 : errno;
    errno = saved;
    return -error;
}

static long linux__commits_left = -1;

/* Takes one of the commits that may still succeed; false: this one is to fail. */
static bool linux__may_commit(void)
{
    long left = __atomic_load_n(&linux__commits_left, __ATOMIC_RELAXED);
    while (left > 0 && !__atomic_compare_exchange_n(&linux__commits_left, &left, left - 1, false, __ATOMIC_RELAXED,
                                                    __ATOMIC_RELAXED)) {
    }
    return left != 0;
}

void os_fail_commit_after(long after)
{
    __atomic_store_n(&linux__commits_left, after, __ATOMIC_RELAXED);
}

int os_commit(void *base, size_t bytes)
{
    if (!linux__may_commit())
        return -ENOMEM;
    return linux__protect(base, bytes, PROT_READ | PROT_WRITE);
}

/* Under mlockall MADV_DONTNEED is refused; Linux 5.18 has a form of it for locked pages. */
int os_discard(void *base, size_t bytes)
{
    int error = linux__advise(base, bytes, MADV_DONTNEED);
    if (error == -EINVAL)
        error = linux__advise(base, bytes, LINUX_MADV_DONTNEED_LOCKED);
    return error;
}

int os_decommit(void *base, size_t bytes)
{
    int error = os_discard(base, bytes);
    return error != 0 ? error : linux__protect(base, bytes, PROT_NONE);
}

void os_release(void *base, size_t bytes)
{
    int saved = errno;
    (void)munmap(base, bytes);
    errno = saved;
}

int os_advise_huge(void *base, size_t bytes)
{
    int error = linux__advise(base, bytes, MADV_HUGEPAGE);
    return error == -EINVAL ? -ENOTSUP : error;     /* EINVAL: a kernel without transparent huge pages */
}

/* The nodes that have memory, as the kernel lists them ("0", "0-1", "0,2-3"). A kernel that tells nothing has node 0 alone. */
static unsigned linux__count_nodes(int wanted, bool *found)
{
    char text[1024];
    unsigned count = 0;
    *found = false;
    if (linux__read_file("/sys/devices/system/node/has_memory", text, sizeof text) == 0)
        memcpy(text, "0", 2);
    int saved = errno;
    for (char *at = text; *at >= '0' && *at <= '9';) {
        long first = strtol(at, &at, 10);
        long last = *at == '-' ? strtol(at + 1, &at, 10) : first;
        count += (unsigned)(last - first + 1);
        *found = *found || (wanted >= first && wanted <= last);
        at += *at == ',';
    }
    errno = saved;
    return count;
}

bool os_node_exists(int node)
{
    bool found;
    (void)linux__count_nodes(node, &found);
    return found;
}

/* On a machine with one node there is nothing to bind, which matters in containers that forbid mbind. */
int os_bind_node(void *base, size_t bytes, int node)
{
    const unsigned bits = 8 * sizeof(unsigned long);
    unsigned long mask[LINUX_NODES / 8 / sizeof(unsigned long)] = {0};
    bool found;
    unsigned nodes = linux__count_nodes(node, &found);
    if (!found || node >= LINUX_NODES)
        return -EINVAL;
    if (nodes == 1)
        return 0;
    mask[(unsigned)node / bits] = 1ul << ((unsigned)node % bits);
    return (int)linux__call(SYS_mbind, (long)base, (long)bytes, LINUX_MPOL_BIND, (long)mask, LINUX_NODES + 1, 0);
}

/* Kernels before 5.14 don't know MADV_POPULATE_WRITE: there one byte of each page is written with what it holds. */
int os_populate(void *base, size_t bytes)
{
    int error = linux__advise(base, bytes, LINUX_MADV_POPULATE_WRITE);
    if (error != -EINVAL)
        return error;
    size_t page = os_page_size();
    for (size_t at = 0; at < bytes; at += page)
        (void)__atomic_fetch_or((unsigned char *)base + at, 0, __ATOMIC_RELAXED);
    return 0;
}

/* -- the process-wide barrier ------------------------------------------------------------------------------------------ */

enum { LINUX_UNKNOWN, LINUX_WORKS, LINUX_FORBIDDEN };
static int linux__barrier_state;

static long linux__membarrier(int command)
{
    return linux__call(SYS_membarrier, command, 0, 0, 0, 0, 0);
}

/* Two threads may do this at once; both register, and the first answer stays. */
static int linux__barrier_probe(void)
{
    const long needed = LINUX_BARRIER_PRIVATE | LINUX_BARRIER_REGISTER_PRIVATE;
    int state = LINUX_FORBIDDEN, seen = LINUX_UNKNOWN;
    if (secure_getenv("WEIR_NO_BARRIER") == NULL) {
        long known = linux__membarrier(LINUX_BARRIER_QUERY);
        if (known > 0 && (known & needed) == needed && linux__membarrier(LINUX_BARRIER_REGISTER_PRIVATE) == 0 &&
            linux__membarrier(LINUX_BARRIER_PRIVATE) == 0)
            state = LINUX_WORKS;
    }
    if (!__atomic_compare_exchange_n(&linux__barrier_state, &seen, state, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
        state = seen;
    return state;
}

bool os_barrier_works(void)
{
    int state = __atomic_load_n(&linux__barrier_state, __ATOMIC_ACQUIRE);
    if (state == LINUX_UNKNOWN)
        state = linux__barrier_probe();
    return state == LINUX_WORKS;
}

void os_barrier(void)
{
    if (!os_barrier_works()) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        return;
    }
    long error;
    while ((error = linux__membarrier(LINUX_BARRIER_PRIVATE)) != 0) {
        if (error == -ENOMEM) {
            os_yield();                 /* the kernel had no memory for its list of processors */
        } else if (error != -EPERM || linux__membarrier(LINUX_BARRIER_REGISTER_PRIVATE) != 0) {
            os_write_error("weir: membarrier was forbidden after start: set WEIR_NO_BARRIER=1 for this program\n");
            abort();
        }
    }
}

/* -- threads ----------------------------------------------------------------------------------------------------------- */

static __thread void *linux__value __attribute__((tls_model("initial-exec")));
static __thread bool linux__dying __attribute__((tls_model("initial-exec")));
static pthread_key_t linux__key;
static int linux__key_error = EINVAL;   /* of making the key; EINVAL: os_thread_on_exit was not called */
static void (*linux__exit_fn)(void *);

/* The C library has emptied the key before; os_thread_set fills it no more: so this runs once a thread. */
static void linux__thread_exit(void *value)
{
    linux__dying = true;
    linux__value = NULL;
    linux__exit_fn(value);
}

void os_thread_on_exit(void (*fn)(void *))
{
    linux__exit_fn = fn;
    linux__key_error = pthread_key_create(&linux__key, linux__thread_exit);
}

void *os_thread_value(void)
{
    return linux__value;
}

int os_thread_set(void *value)
{
    if (linux__dying)
        return -ECANCELED;
    int error = linux__key_error;
    if (error == 0)
        error = pthread_setspecific(linux__key, value);
    if (error == 0)
        linux__value = value;
    return -error;
}

bool os_thread_dying(void)
{
    return linux__dying;
}

void os_yield(void)
{
    (void)sched_yield();
}

/* The mask of the process is that of its first thread; 8,192 processors are the most a kernel is built for. */
unsigned os_cpus(void)
{
    unsigned long mask[8192 / 8 / sizeof(unsigned long)] = {0};
    unsigned count = 0;
    if (linux__call(SYS_sched_getaffinity, getpid(), sizeof mask, (long)mask, 0, 0, 0) > 0) {
        for (size_t i = 0; i < sizeof mask / sizeof mask[0]; i++)
            count += (unsigned)__builtin_popcountl(mask[i]);
    }
    return count > 0 ? count : 1;
}

int64_t os_pid(void)
{
    return getpid();
}

/* Child hooks run in the order of registration: the barrier works again before any other hook runs. */
static void linux__fork_child(void)
{
    if (__atomic_load_n(&linux__barrier_state, __ATOMIC_ACQUIRE) == LINUX_WORKS)
        (void)linux__membarrier(LINUX_BARRIER_REGISTER_PRIVATE);
}

void os_on_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    static int registered;
    int error = 0;
    if (__atomic_exchange_n(&registered, 1, __ATOMIC_ACQ_REL) == 0)
        error = pthread_atfork(NULL, NULL, linux__fork_child);
    if (error != 0 || pthread_atfork(before, parent, child) != 0)
        os_write_error("weir: no memory for a fork handler: a forked child must not use weir\n");
}

/* -- waiting ----------------------------------------------------------------------------------------------------------- */

/* The form of futex with an absolute deadline; its clock is CLOCK_MONOTONIC. */
int os_wait(uint32_t *word, uint32_t expected, int64_t deadline)
{
    struct { long seconds, nanoseconds; } until = {0, 0}, *limit = NULL;
    if (deadline != INT64_MAX) {
        limit = &until;
        if (deadline > 0) {
            until.seconds = (long)(deadline / 1000000000);
            until.nanoseconds = (long)(deadline % 1000000000);
        }
    }
    long result = linux__call(SYS_futex, (long)word, LINUX_FUTEX_WAIT_BITSET, (long)expected, (long)limit, 0,
                              (long)UINT32_MAX);
    return result == -ETIMEDOUT ? -ETIMEDOUT : 0;
}

void os_wake(uint32_t *word, unsigned n)
{
    long most = n > INT32_MAX ? INT32_MAX : (long)n;
    (void)linux__call(SYS_futex, (long)word, LINUX_FUTEX_WAKE, most, 0, 0, 0);
}

int64_t os_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Drepper, "Futexes are tricky", the third mutex: 0 free, 1 locked, 2 locked and somebody may sleep. */
void os_lock(struct os_lock *lock)
{
    uint32_t seen = 0;
    if (__atomic_compare_exchange_n(&lock->word, &seen, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))
        return;
    while (__atomic_exchange_n(&lock->word, 2, __ATOMIC_ACQUIRE) != 0)
        (void)os_wait(&lock->word, 2, INT64_MAX);
}

void os_unlock(struct os_lock *lock)
{
    if (__atomic_exchange_n(&lock->word, 0, __ATOMIC_RELEASE) == 2)
        os_wake(&lock->word, 1);
}

int os_event_create(void)
{
    return (int)linux__call(SYS_eventfd2, 0, EFD_NONBLOCK | EFD_CLOEXEC, 0, 0, 0, 0);
}

/* EAGAIN: the counter is full, so the event is set. */
void os_event_set(int event)
{
    uint64_t one = 1;
    (void)linux__call(SYS_write, event, (long)&one, sizeof one, 0, 0, 0);
}

void os_event_reset(int event)
{
    uint64_t count;
    (void)linux__call(SYS_read, event, (long)&count, sizeof count, 0, 0, 0);
}

void os_event_close(int event)
{
    (void)linux__call(SYS_close, event, 0, 0, 0, 0, 0);
}

/* -- the last resort --------------------------------------------------------------------------------------------------- */

void os_write_error(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        long written = linux__call(SYS_write, STDERR_FILENO, (long)text, (long)left, 0, 0, 0);
        if (written > 0) {
            text += written;
            left -= (size_t)written;
        } else if (written != -EINTR) {
            return;
        }
    }
}

/* The shared library is linked with -z nodelete. */
void os_pin_library(void)
{
}
