/* report.c - the lines that a stress run prints, and its end on the first violation.
 *
 * Purpose    one line a workload; on a violation the message, the seed, the pool's shape and the command that runs it again.
 * Invariant  stress_fail prints once: whoever comes second stands still until the first has ended the program. It writes in one
 *            piece and without stdio, so that it also works in a forked child.
 * Threads    any. The watchman is a thread of its own: a run that does not end in its time and two minutes more hangs.
 */
#include "engine.h"

#include <weir/error.h>

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { REPORT_GRACE_SECONDS = 120 };

static const struct stress_options *report_options;
static _Atomic(const struct stress *) report_stress;
static atomic_flag report_failed = ATOMIC_FLAG_INIT;

static pthread_mutex_t watch_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t watch_moved = PTHREAD_COND_INITIALIZER;
static struct timespec watch_until;
static bool watch_ends;
static pthread_t watchman;

static int report__add(char *out, size_t size, int at, const char *format, ...)
{
    va_list args;
    int n;
    va_start(args, format);
    n = vsnprintf(out + at, size - (size_t)at, format, args);
    va_end(args);
    return n < 0 || (size_t)(at + n) >= size ? (int)size - 1 : at + n;
}

void stress_fail(const char *format, ...)
{
    const struct stress_options *o = report_options;
    const struct stress *s = atomic_load(&report_stress);
    char text[2048], what[1024];
    va_list args;
    int n;
    ssize_t written;
    while (atomic_flag_test_and_set(&report_failed))
        stress_yield();
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    n = report__add(text, sizeof text, 0, "\nweir-stress: VIOLATION in %s: %s\n", s ? s->workload->name : "its start", what);
    if (s)
        n = report__add(text, sizeof text, n, "  pool: capacity %u, initial %u, cache %u, buffer %u aligned %u, user %u, flags %u\n",
                        (unsigned)s->config.capacity, (unsigned)s->config.initial, (unsigned)s->config.cache,
                        (unsigned)s->config.buffer_size, (unsigned)s->config.buffer_align, (unsigned)s->config.user_size,
                        s->config.flags);
    n = report__add(text, sizeof text, n, "  again: weir-stress --seed 0x%llx --threads %u --seconds %g",
                    (unsigned long long)o->seed, o->threads, o->seconds);
    if (o->capacity >= 0)
        n = report__add(text, sizeof text, n, " --capacity %ld", o->capacity);
    if (o->cache >= 0)
        n = report__add(text, sizeof text, n, " --cache %ld", o->cache);
    if (o->buffer >= 0)
        n = report__add(text, sizeof text, n, " --buffer %ld", o->buffer);
    if (o->yield >= 0)
        n = report__add(text, sizeof text, n, " --yield %ld", o->yield);
    n = report__add(text, sizeof text, n, " %s\n", s ? s->workload->name : "");
    written = write(2, text, (unsigned)n);
    (void)written;
    if (getenv("WEIR_STRESS_ABORT"))
        abort();
    _Exit(1);
}

static void report__panic(const char *message, void *arg)
{
    (void)arg;
    stress_fail("panic: %s", message);
}

static void *report__watch(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&watch_lock);
    while (!watch_ends) {
        struct timespec now, until = watch_until;
        pthread_cond_timedwait(&watch_moved, &watch_lock, &until);
        clock_gettime(CLOCK_REALTIME, &now);
        if (!watch_ends && now.tv_sec > watch_until.tv_sec)
            stress_fail("it has not come to its end, %d seconds after it should have: a thread hangs", REPORT_GRACE_SECONDS);
    }
    pthread_mutex_unlock(&watch_lock);
    return NULL;
}

static void report__deadline(double seconds)
{
    pthread_mutex_lock(&watch_lock);
    clock_gettime(CLOCK_REALTIME, &watch_until);
    watch_until.tv_sec += (time_t)seconds + REPORT_GRACE_SECONDS;
    pthread_cond_signal(&watch_moved);
    pthread_mutex_unlock(&watch_lock);
}

void report_watched(void)
{
    watch_ends = false;
    if (pthread_create(&watchman, NULL, report__watch, NULL) != 0)
        stress_fail("no thread for the watchman");
}

void report_unwatched(void)
{
    pthread_mutex_lock(&watch_lock);
    watch_ends = true;
    pthread_cond_signal(&watch_moved);
    pthread_mutex_unlock(&watch_lock);
    pthread_join(watchman, NULL);
}

void report_open(const struct stress_options *options)
{
    report_options = options;
    weir_set_panic(report__panic, NULL);
    report__deadline(options->seconds);
    report_watched();
    printf("weir-stress: seed 0x%llx, %u threads, %g s a workload\n", (unsigned long long)options->seed, options->threads,
           options->seconds);
    fflush(stdout);
}

void report_now(const struct stress *s, double seconds)
{
    atomic_store(&report_stress, s);
    report__deadline(seconds);
}

void report_line(const struct stress *s, const struct weir_stats *sum, uint64_t ops, unsigned rounds)
{
    printf("%-8s ok  ops %llu  rounds %u  refills %llu  flushes %llu  steals %llu  empties %llu  waits %llu  peak %llu%s",
           s->workload->name, (unsigned long long)ops, rounds, (unsigned long long)sum->refills,
           (unsigned long long)sum->flushes, (unsigned long long)sum->steals, (unsigned long long)sum->empties,
           (unsigned long long)sum->waits, (unsigned long long)sum->peak, sum->fenced ? "  fenced" : "");
    if (s->extra_name)
        printf("  %s %llu", s->extra_name, (unsigned long long)s->extra);
    if (s->more_name)
        printf("  %s %llu", s->more_name, (unsigned long long)s->more);
    printf("\n");
    fflush(stdout);
}

void report_close(void)
{
    report_unwatched();
    weir_set_panic(NULL, NULL);
}
