/* run.c - see run.h.
 *
 * Invariant  thread 0 runs pair, burst and a hand-over's giving side, thread 1 the taking side; each stays on its processor. While
 *            one thread runs alone, the other sleeps.
 * Threads    a command is handed over under the lock; for a hand-over both then meet on a spinning counter, so that they start together.
 *            The time of a hand-over is from that meeting to the taker's last put.
 */
#define _GNU_SOURCE
#include "run.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

enum command { COMMAND_NONE, COMMAND_ENTER, COMMAND_WARM, COMMAND_RUN, COMMAND_STOP };

struct runner {
    pthread_t thread;
    unsigned cpu;
    enum command command;
    int64_t began, ended;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;
static struct runner runners[2];
static unsigned runners_n;
static const struct peer *const *peers_all;
static const struct peer *peer_now;
static enum pattern pattern_now;
static struct job job_now;
static struct lane *lanes;
static atomic_int starting;

/* A thread that runs alone is timed by the processor's time that it had: what else the machine does then costs it caches, not time. */
static int64_t run__clock(bool handoff)
{
    struct timespec t;
    clock_gettime(handoff ? CLOCK_MONOTONIC : CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void run__pin(unsigned cpu)
{
    cpu_set_t one;
    CPU_ZERO(&one);
    CPU_SET(cpu, &one);
    if (pthread_setaffinity_np(pthread_self(), sizeof one, &one) != 0)
        compare_fail("a thread can't be pinned to processor %u", cpu);
}

static void run__loop(struct runner *r)
{
    bool handoff = pattern_now == PATTERN_HANDOFF;
    if (peer_now->before)
        peer_now->before(handoff);
    if (handoff) {
        atomic_fetch_sub(&starting, 1);
        while (atomic_load(&starting) > 0)
            ck_pr_stall();
    }
    r->began = run__clock(handoff);
    if (handoff && r == &runners[1])
        peer_now->taker(&job_now);
    else if (handoff)
        peer_now->giver(&job_now);
    else if (pattern_now == PATTERN_PAIR)
        peer_now->pair(&job_now);
    else
        peer_now->burst(&job_now);
    r->ended = run__clock(handoff);
}

static void run__enter_all(void)
{
    for (const struct peer *const *p = peers_all; *p; p++)
        (*p)->enter();
}

static void run__leave_all(void)
{
    for (const struct peer *const *p = peers_all; *p; p++)
        (*p)->leave();
}

static void *run__thread(void *arg)
{
    struct runner *r = arg;
    enum command command = COMMAND_NONE;
    run__pin(r->cpu);
    while (command != COMMAND_STOP) {
        pthread_mutex_lock(&lock);
        while (r->command == COMMAND_NONE)
            pthread_cond_wait(&moved, &lock);
        command = r->command;
        pthread_mutex_unlock(&lock);
        if (command == COMMAND_ENTER)
            run__enter_all();
        else if (command == COMMAND_WARM) {
            if (peer_now->before)
                peer_now->before(false);
            peer_now->warm(&job_now);
        } else if (command == COMMAND_RUN)
            run__loop(r);
        else
            run__leave_all();
        pthread_mutex_lock(&lock);
        r->command = COMMAND_NONE;
        pthread_cond_broadcast(&moved);
        pthread_mutex_unlock(&lock);
    }
    return NULL;
}

/* The first n runners do it; returns when they have. */
static void run__do(enum command command, unsigned n)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < n; i++)
        runners[i].command = command;
    pthread_cond_broadcast(&moved);
    for (unsigned i = 0; i < n; i++)
        while (runners[i].command != COMMAND_NONE)
            pthread_cond_wait(&moved, &lock);
    pthread_mutex_unlock(&lock);
}

int run_open(void)
{
    cpu_set_t mine;
    int processors = 0;
    if (pthread_getaffinity_np(pthread_self(), sizeof mine, &mine) != 0)
        compare_fail("the affinity can't be read");
    for (unsigned cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &mine) && processors++ < 2)
            runners[runners_n++].cpu = cpu;
    return processors;
}

void run_start(const struct peer *const *peers)
{
    peers_all = peers;
    lanes = aligned_alloc(64, (2 * sizeof *lanes + 63) & ~(size_t)63);
    if (!lanes)
        compare_fail("no memory for the rings");
    for (unsigned i = 0; i < runners_n; i++)
        if (pthread_create(&runners[i].thread, NULL, run__thread, &runners[i]) != 0)
            compare_fail("a thread can't be made");
    run__do(COMMAND_ENTER, runners_n);
    for (; *peers; peers++) {
        peer_now = *peers;
        job_now = (struct job){ .count = COMPARE_CAPACITY };
        run__do(COMMAND_WARM, 1);
    }
}

void run_stop(void)
{
    run__do(COMMAND_STOP, runners_n);
    for (unsigned i = 0; i < runners_n; i++)
        pthread_join(runners[i].thread, NULL);
    free(lanes);
}

double run_measure(const struct peer *peer, enum pattern pattern, uint64_t count, bool buffer)
{
    unsigned n = pattern == PATTERN_HANDOFF ? 2 : 1;
    peer_now = peer;
    pattern_now = pattern;
    if (n > runners_n)
        compare_fail("a hand-over needs two processors");
    ck_ring_init(&lanes[0].ring, COMPARE_RING);
    ck_ring_init(&lanes[1].ring, COMPARE_RING);
    count = (count + COMPARE_BURST - 1) / COMPARE_BURST * COMPARE_BURST;
    job_now = (struct job){ .count = count, .buffer = buffer, .there = &lanes[0], .back = &lanes[1] };
    atomic_store(&starting, (int)n);
    run__do(COMMAND_RUN, n);
    return (double)(runners[n - 1].ended - runners[0].began) / (double)count;
}
