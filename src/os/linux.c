/* src/os/linux.c - os.h on Linux, for glibc and musl: the barrier, threads, waiting. Memory is in linux_memory.c.
 *
 * Theory. Each function is one system call or a few, and keeps three promises that the C library's wrappers don't:
 *   errno      stays as it was: errors are values;
 *   cancelling none is a cancellation point: read, write, close and the wait go through syscall(2), which is none;
 *   signals    os_event_set, os_event_reset, os_wake, os_now and os_write_error are async-signal-safe.
 *
 * Threads. The value of a thread is an initial-exec TLS word; a pthread key holds the same value for the sake of its
 * destructor alone. C++ thread_local destructors run before it, other keys' destructors before or after. What can go wrong: a
 * thread that sets its value for the first time in the last of the rounds of key destructors never sees fn.
 *
 * The barrier is membarrier(2), private and expedited. It is asked for once; a program that forbids it later, after threads
 * rely on it, is stopped with a message: to go on would give objects out twice.
 *
 *   any function x any function: may run at once, but os_thread_on_exit comes first and once.
 *   progress: os_wait and os_barrier may block, all else is a bounded number of steps.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "linux.h"
#include "os.h"

#include "../atomic.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Values that are only in the kernel's own headers. */
enum {
    LINUX_BARRIER_QUERY = 0,
    LINUX_BARRIER_GLOBAL = 1 << 1,
    LINUX_BARRIER_REGISTER_GLOBAL = 1 << 2,
    LINUX_BARRIER_PRIVATE = 1 << 3,
    LINUX_BARRIER_REGISTER_PRIVATE = 1 << 4,
    LINUX_FUTEX_WAKE = 1,
    LINUX_FUTEX_WAIT_BITSET = 9,
    LINUX_FUTEX_PRIVATE = 128               /* to the process */
};

long linux_call(long number, long a, long b, long c, long d, long e, long f)
{
    int saved = errno;
    long result = syscall(number, a, b, c, d, e, f);
    if (result == -1) {
        result = -errno;
        errno = saved;
    }
    return result;
}

/* -- the process-wide barrier ------------------------------------------------------------------------------------------ */

enum { LINUX_UNKNOWN, LINUX_WORKS, LINUX_NONE };
static uint32_t linux__barrier_state;       /* its value is all it says; what it stands for is in the kernel */

static long linux__membarrier(int command)
{
    return linux_call(SYS_membarrier, command, 0, 0, 0, 0, 0);
}

/* Two threads may do this at once; both register, and the first answer stays. */
static uint32_t linux__barrier_probe(void)
{
    const long needed = LINUX_BARRIER_PRIVATE | LINUX_BARRIER_REGISTER_PRIVATE;
    uint32_t state = LINUX_NONE, seen = LINUX_UNKNOWN;
    if (secure_getenv("WEIR_NO_BARRIER") == NULL) {
        long known = linux__membarrier(LINUX_BARRIER_QUERY);
        if (known > 0 && (known & needed) == needed && linux__membarrier(LINUX_BARRIER_REGISTER_PRIVATE) == 0 &&
            linux__membarrier(LINUX_BARRIER_PRIVATE) == 0)
            state = LINUX_WORKS;
    }
    return cas_32(&linux__barrier_state, &seen, state) ? state : seen;          /* linux.B1 -> linux.B2: the answer */
}

bool os_barrier_works(void)
{
    uint32_t state = load_acquire_32(&linux__barrier_state);    /* linux.B2 <- linux.B1 */
    if (state == LINUX_UNKNOWN)
        state = linux__barrier_probe();
    return state == LINUX_WORKS;
}

static void linux__barrier(int command, int registering)
{
    long error;
    while ((error = linux__membarrier(command)) != 0) {
        if (error == -ENOMEM) {
            os_yield();                 /* the kernel had no memory for its list of processors */
        } else if (error != -EPERM || linux__membarrier(registering) != 0) {
            os_write_error("weir: membarrier was forbidden after start: set WEIR_NO_BARRIER=1 for this program\n");
            abort();
        }
    }
}

void os_barrier(void)
{
    if (os_barrier_works())
        linux__barrier(LINUX_BARRIER_PRIVATE, LINUX_BARRIER_REGISTER_PRIVATE);
    else
        fence();                                                /* linux.F2 <-> linux.F2: of this thread alone: os_barrier_works said so */
}

/* Registering is idempotent, and cheap beside opening a segment. */
bool os_barrier_shared_works(void)
{
    const long needed = LINUX_BARRIER_GLOBAL | LINUX_BARRIER_REGISTER_GLOBAL;
    long known = secure_getenv("WEIR_NO_BARRIER") ? 0 : linux__membarrier(LINUX_BARRIER_QUERY);
    return known > 0 && (known & needed) == needed && linux__membarrier(LINUX_BARRIER_REGISTER_GLOBAL) == 0 &&
           linux__membarrier(LINUX_BARRIER_GLOBAL) == 0;
}

void os_barrier_shared(void)
{
    linux__barrier(LINUX_BARRIER_GLOBAL, LINUX_BARRIER_REGISTER_GLOBAL);
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

unsigned os_thread_number(void)
{
    static __thread unsigned number __attribute__((tls_model("initial-exec")));
    static uint32_t last;
    if (number == 0)
        number = add_32(&last, 1) + 1;                  /* linux.N1 -> linux.N1: the number alone */
    return number;
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
    if (linux_call(SYS_sched_getaffinity, getpid(), sizeof mask, (long)mask, 0, 0, 0) > 0) {
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
    if (load_relaxed_32(&linux__barrier_state) == LINUX_WORKS)      /* the child has one thread, and the answer */
        (void)linux__membarrier(LINUX_BARRIER_REGISTER_PRIVATE);
}

void os_on_fork(void (*before)(void), void (*parent)(void), void (*child)(void))
{
    static uint32_t registered;
    int error = 0;
    if (swap_32(&registered, 1) == 0)       /* linux.F1 -> linux.F1: one caller registers our own hook */
        error = pthread_atfork(NULL, NULL, linux__fork_child);
    if (error != 0 || pthread_atfork(before, parent, child) != 0)
        os_write_error("weir: no memory for a fork handler: a forked child must not use weir\n");
}

/* -- waiting ----------------------------------------------------------------------------------------------------------- */

/* The form of futex with an absolute deadline; its clock is CLOCK_MONOTONIC. */
static int linux__wait(uint32_t *word, uint32_t expected, int64_t deadline, int private)
{
    struct { long seconds, nanoseconds; } until = {0, 0}, *limit = NULL;
    if (deadline != INT64_MAX) {
        limit = &until;
        if (deadline > 0) {
            until.seconds = (long)(deadline / 1000000000);
            until.nanoseconds = (long)(deadline % 1000000000);
        }
    }
    long result = linux_call(SYS_futex, (long)word, LINUX_FUTEX_WAIT_BITSET | private, (long)expected, (long)limit, 0,
                              (long)UINT32_MAX);
    return result == -ETIMEDOUT ? -ETIMEDOUT : 0;
}

static void linux__wake(uint32_t *word, unsigned n, int private)
{
    long most = n > INT32_MAX ? INT32_MAX : (long)n;
    (void)linux_call(SYS_futex, (long)word, LINUX_FUTEX_WAKE | private, most, 0, 0, 0);
}

int os_wait(uint32_t *word, uint32_t expected, int64_t deadline)
{
    return linux__wait(word, expected, deadline, LINUX_FUTEX_PRIVATE);
}

void os_wake(uint32_t *word, unsigned n)
{
    linux__wake(word, n, LINUX_FUTEX_PRIVATE);
}

int os_wait_shared(uint32_t *word, uint32_t expected, int64_t deadline)
{
    return linux__wait(word, expected, deadline, 0);
}

void os_wake_shared(uint32_t *word, unsigned n)
{
    linux__wake(word, n, 0);
}

int64_t os_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t os_now_real(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t os_now_coarse(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int os_event_create(void)
{
    return (int)linux_call(SYS_eventfd2, 0, EFD_NONBLOCK | EFD_CLOEXEC, 0, 0, 0, 0);
}

/* EAGAIN: the counter is full, so the event is set. */
void os_event_set(int event)
{
    uint64_t one = 1;
    (void)linux_call(SYS_write, event, (long)&one, sizeof one, 0, 0, 0);
}

void os_event_reset(int event)
{
    uint64_t count;
    (void)linux_call(SYS_read, event, (long)&count, sizeof count, 0, 0, 0);
}

void os_event_close(int event)
{
    (void)linux_call(SYS_close, event, 0, 0, 0, 0, 0);
}

/* -- the last resort --------------------------------------------------------------------------------------------------- */

void os_write_error(const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        long written = linux_call(SYS_write, STDERR_FILENO, (long)text, (long)left, 0, 0, 0);
        if (written > 0) {
            text += written;
            left -= (size_t)written;
        } else if (written != -EINTR) {
            return;
        }
    }
}

/* The shared library is linked with -z nodelete. A plugin that links the static one has to be linked so itself. */
void os_pin_library(void)
{
}
