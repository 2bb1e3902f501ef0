/* team.c - see team.h.
 *
 * Invariant  under the lock, pending is the number of threads with work they have not done. A thread without work sleeps.
 * Threads    commands come from the main thread alone, which pins nothing and sleeps while the others work.
 */
#define _GNU_SOURCE
#include "team.h"

#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "peer.h"
#include "protocol.h"

struct member {
    pthread_t thread;
    void (*work)(unsigned);     /* under the lock; NULL: none */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t given = PTHREAD_COND_INITIALIZER, done = PTHREAD_COND_INITIALIZER;
static struct member members[BENCH_THREADS];
static unsigned members_n, pending;
static int processor[TEAM_PROCESSORS];
static unsigned processors;
static bool stopping;
static void (*member_leave)(void);

unsigned team_processors(void)
{
    cpu_set_t mine;
    if (sched_getaffinity(0, sizeof mine, &mine) != 0)
        bench_fail("the affinity can't be read");
    for (int cpu = 0; cpu < CPU_SETSIZE && processors < TEAM_PROCESSORS; cpu++)
        if (CPU_ISSET(cpu, &mine))
            processor[processors++] = cpu;
    return processors;
}

void team_pin(unsigned thread)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(processor[thread % processors], &one);
    if (pthread_setaffinity_np(pthread_self(), sizeof one, &one) != 0)
        bench_fail("a thread can't be pinned to processor %d", processor[thread % processors]);
}

static void *team__member(void *arg)
{
    struct member *m = arg;
    unsigned number = (unsigned)(m - members);
    void (*work)(unsigned);
    team_pin(number);
    for (;;) {
        pthread_mutex_lock(&lock);
        while (!m->work && !stopping)
            pthread_cond_wait(&given, &lock);
        work = m->work;
        pthread_mutex_unlock(&lock);
        if (!work)
            break;
        work(number);
        pthread_mutex_lock(&lock);
        m->work = NULL;
        if (--pending == 0)
            pthread_cond_signal(&done);
        pthread_mutex_unlock(&lock);
    }
    member_leave();
    return NULL;
}

void team_start(unsigned n, void (*enter)(unsigned), void (*leave)(void))
{
    if (n > BENCH_THREADS)
        bench_fail("%u threads are too many", n);
    member_leave = leave;
    for (members_n = 0; members_n < n; members_n++)
        if (pthread_create(&members[members_n].thread, NULL, team__member, &members[members_n]) != 0)
            bench_fail("a thread can't be made");
    team_begin(enter, 0, n);
    team_end();
}

void team_stop(void)
{
    pthread_mutex_lock(&lock);
    stopping = true;
    pthread_cond_broadcast(&given);
    pthread_mutex_unlock(&lock);
    for (unsigned i = 0; i < members_n; i++)
        pthread_join(members[i].thread, NULL);
}

void team_begin(void (*work)(unsigned), unsigned first, unsigned n)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = first; i < first + n; i++)
        members[i].work = work;
    pending = n;
    pthread_cond_broadcast(&given);
    pthread_mutex_unlock(&lock);
}

void team_end(void)
{
    pthread_mutex_lock(&lock);
    while (pending)
        pthread_cond_wait(&done, &lock);
    pthread_mutex_unlock(&lock);
}

int64_t team_used_ns(unsigned thread)
{
    clockid_t clock;
    if (pthread_getcpuclockid(members[thread].thread, &clock) != 0)
        bench_fail("a thread has no clock");
    return clock_ns_of(clock);
}
