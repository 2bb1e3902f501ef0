/* weir-shared-bench - what a pool between processes costs beside a private one: pair and hand-over, both pools in one run.
 *
 * Purpose    the two ratios of src/decisions/0011-shared-pools.md.
 * How        windows of a few microseconds, the pools taking turns; of each the fastest twentieth's upper end is taken, so that a machine that does
 *            other things as well disturbs only the other windows. Pair: one thread gets, touches, puts. Hand-over: one thread gets and sends, another
 *            puts, each on a processor of its own; a window is timed by the first.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <weir/weir.h>

enum { WINDOWS = 4000, PAIRS = 1000, SENDS = 512, SECONDS = 4, RING = 512 };

static struct weir_op *ring[RING];
static _Alignas(128) unsigned long sent;
static _Alignas(128) unsigned long received;
static _Alignas(128) unsigned long last;        /* to be sent in all; ~0: not known yet */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void pin(unsigned processor)
{
    cpu_set_t all, one;
    sched_getaffinity(0, sizeof all, &all);
    for (unsigned i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &all) && processor-- == 0) {
            CPU_ZERO(&one);
            CPU_SET(i, &one);
            pthread_setaffinity_np(pthread_self(), sizeof one, &one);
            return;
        }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double fastest(double *window, unsigned n)
{
    qsort(window, n, sizeof *window, by_size);
    return window[n / 20];
}

static double pair(struct weir_pool *pool)
{
    double begin = now();
    for (unsigned i = 0; i < PAIRS; i++) {
        struct weir_op *op = weir_op_get(pool);
        *(volatile uint64_t *)(void *)op = i;
        weir_op_put(op);
    }
    return (now() - begin) / PAIRS;
}

static void *receive(void *arg)
{
    (void)arg;
    pin(1);
    for (unsigned long i = 0; i != __atomic_load_n(&last, __ATOMIC_RELAXED);) {
        if (__atomic_load_n(&sent, __ATOMIC_ACQUIRE) == i)
            continue;
        weir_op_put(ring[i++ % RING]);
        __atomic_store_n(&received, i, __ATOMIC_RELEASE);
    }
    return NULL;
}

static double handoff(struct weir_pool *pool)
{
    static double window[WINDOWS];
    double end = now() + SECONDS * 1e9;
    unsigned n;
    pthread_t other;
    sent = received = 0;
    last = ~0ul;
    pthread_create(&other, NULL, receive, NULL);
    for (n = 0; n < WINDOWS && now() < end; n++) {
        double begin = now();
        for (unsigned i = 0; i < SENDS; i++) {
            struct weir_op *op;
            while (!(op = weir_op_get(pool)))
                sched_yield();
            *(volatile uint64_t *)(void *)op = i;
            while (sent - __atomic_load_n(&received, __ATOMIC_ACQUIRE) >= RING) {
            }
            ring[sent % RING] = op;
            __atomic_store_n(&sent, sent + 1, __ATOMIC_RELEASE);
        }
        window[n] = (now() - begin) / SENDS;
    }
    __atomic_store_n(&last, sent, __ATOMIC_RELAXED);
    pthread_join(other, NULL);
    return fastest(window, n);
}

static struct weir_pool *make(const char *name, unsigned flags)
{
    struct weir_pool_config config = { .name = name, .capacity = 65536, .buffer_size = 4096, .flags = flags };
    struct weir_pool *pool;
    if (weir_pool_create(&pool, &config)) {
        fprintf(stderr, "weir-shared-bench: %s\n", weir_error_message());
        exit(1);
    }
    return pool;
}

int main(void)
{
    static double shared_window[WINDOWS], private_window[WINDOWS];
    struct weir_pool *shared, *private;
    struct weir_stats stats;
    double s, p;
    char name[40];
    snprintf(name, sizeof name, "shared-bench-%ld", (long)getpid());
    shared = make(name, WEIR_POOL_SHARED);
    (void)weir_pool_unlink(name);                               /* it goes with this process */
    private = make("private", 0);
    weir_pool_stats(shared, &stats);
    printf("%-8s %9s %9s %7s   ns%s\n", "", "shared", "private", "ratio", stats.fenced ? " (no barrier between processes: every call fenced)" : "");
    pin(0);
    for (unsigned i = 0; i < WINDOWS; i++) {
        shared_window[i] = pair(shared);
        private_window[i] = pair(private);
    }
    s = fastest(shared_window, WINDOWS);
    p = fastest(private_window, WINDOWS);
    printf("%-8s %9.2f %9.2f %6.2fx\n", "pair", s, p, s / p);
    if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
        return printf("%-8s left out: one processor\n", "handoff"), 0;
    s = handoff(shared);
    p = handoff(private);
    printf("%-8s %9.2f %9.2f %6.2fx\n", "handoff", s, p, s / p);
    return 0;
}
