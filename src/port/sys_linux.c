/* sys_linux.c - sys.h on Linux. */
#define _GNU_SOURCE
#include "sys.h"

#include <errno.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>

static pthread_once_t thread_once = PTHREAD_ONCE_INIT;
static pthread_key_t thread_key;
static int thread_error;
static void (*thread_fn)(void *);

void sys_lock_init(struct sys_lock *lock)
{
    pthread_mutex_init(&lock->mutex, NULL);
}

void sys_lock_end(struct sys_lock *lock)
{
    pthread_mutex_destroy(&lock->mutex);
}

void sys_lock(struct sys_lock *lock)
{
    pthread_mutex_lock(&lock->mutex);
}

void sys_unlock(struct sys_lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}

int64_t sys_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

unsigned sys_cores(void)
{
    int saved = errno;
    cpu_set_t set;
    long online;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        online = CPU_COUNT(&set);
    else
        online = sysconf(_SC_NPROCESSORS_ONLN);         /* more cores than a cpu_set_t holds */
    errno = saved;
    return online > 0 ? (unsigned)online : 1;
}

static void thread__open(void)
{
    thread_error = -pthread_key_create(&thread_key, thread_fn);
}

int sys_thread_open(void (*fn)(void *))
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    pthread_mutex_lock(&lock);
    thread_fn = fn;
    pthread_mutex_unlock(&lock);
    pthread_once(&thread_once, thread__open);
    return thread_error;
}

void *sys_thread_value(void)
{
    return pthread_getspecific(thread_key);
}

bool sys_thread_set(void *value)
{
    return pthread_setspecific(thread_key, value) == 0;
}
