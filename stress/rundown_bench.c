/* rundown_bench.c - the one-word rundown against the sharded one on one object that every thread hits.
 *
 * Workload   each thread acquires and releases the same rundown, nothing in between, for a set time: the most contention there can
 *            be. Beside them the floor, one word a thread, which nobody shares. Then a whole life on one
 *            thread: create, acquire, close, release, and the end by that release.
 * Method     all forms in turn in one run, so many rounds; the median of each; threads pinned, one after the other over the
 *            processors that the process may use. Times are the thread's processor time for one pair: others' load adds nothing,
 *            but it takes away contention, so a busy machine flatters the one word. Only the ratios mean anything.
 * Oracle     each rundown is closed at the end of its round and must have run down, once, after all threads have left.
 *
 *     rundown_bench [milliseconds of a measurement, 200] [rounds, 5] [most threads, twice the processors]
 */
#define _GNU_SOURCE
#include <weir/rundown.h>

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum form { WORD, SHARDED, FLOOR, FORMS };
static const char *const form_name[FORMS] = { "one word", "sharded", "a word each" };

enum { MOST_THREADS = 64, MOST_ROUNDS = 99, BATCH = 256, ENDS = 200000 };

struct own_word {
    struct weir_rundown rundown;
    char unused[128 - sizeof(struct weir_rundown)];
};

struct bench {
    enum form form;
    unsigned threads;
    struct weir_rundown word;
    struct weir_rundown_sharded *sharded;
    struct own_word *own;
    _Atomic unsigned ready, ended, failures;
    _Atomic bool go, stop;
    _Atomic uint64_t pairs, ns;         /* sums over the threads */
};

struct worker {
    struct bench *bench;
    unsigned number;
    pthread_t thread;
};

static cpu_set_t allowed;

static int64_t used_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void give_up(const char *why)
{
    fprintf(stderr, "rundown_bench: %s\n", why);
    exit(1);
}

/* The nth of the processors that the process may use, in turns. */
static void pin(unsigned n)
{
    int left = (int)(n % (unsigned)CPU_COUNT(&allowed));
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || left-- > 0)
            continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (pthread_setaffinity_np(pthread_self(), sizeof one, &one))
            give_up("a thread can't be pinned");
        return;
    }
}

static unsigned pairs_of_word(struct weir_rundown *r)
{
    unsigned failed = 0;
    for (int i = 0; i < BATCH; i++) {
        failed += !weir_rundown_acquire(r);
        weir_rundown_release(r);
    }
    return failed;
}

static unsigned pairs_of_shards(struct weir_rundown_sharded *r)
{
    unsigned failed = 0;
    for (int i = 0; i < BATCH; i++) {
        failed += !weir_rundown_sharded_acquire(r);
        weir_rundown_sharded_release(r);
    }
    return failed;
}

static void *work(void *arg)
{
    struct worker *w = arg;
    struct bench *b = w->bench;
    uint64_t pairs = 0;
    unsigned failed = 0;
    pin(w->number);
    atomic_fetch_add(&b->ready, 1);
    while (!atomic_load(&b->go))
        sched_yield();
    int64_t began = used_ns();
    for (; !atomic_load_explicit(&b->stop, memory_order_relaxed); pairs += BATCH)
        failed += b->form == SHARDED ? pairs_of_shards(b->sharded)
                                     : pairs_of_word(b->form == WORD ? &b->word : &b->own[w->number].rundown);
    atomic_fetch_add(&b->ns, (uint64_t)(used_ns() - began));
    atomic_fetch_add(&b->pairs, pairs);
    atomic_fetch_add(&b->failures, failed);
    return NULL;
}

static void count_the_end(void *arg)
{
    atomic_fetch_add((_Atomic unsigned *)arg, 1);
}

/* The oracle: each rundown of this form runs down exactly once now. */
static void close_all(struct bench *b)
{
    unsigned expected = b->form == FLOOR ? b->threads : 1;
    if (b->form == WORD)
        weir_rundown_close(&b->word, count_the_end, &b->ended);
    if (b->form == SHARDED) {
        weir_rundown_sharded_close(b->sharded, count_the_end, &b->ended);
        if (weir_rundown_sharded_destroy(b->sharded))
            give_up("the sharded rundown is still busy");
    }
    for (unsigned i = 0; b->form == FLOOR && i < b->threads; i++)
        weir_rundown_close(&b->own[i].rundown, count_the_end, &b->ended);
    if (b->ended != expected || b->failures)
        give_up("a rundown did not run down once, or let somebody stand at the door");
}

/* ns of a pair on one thread. */
static double measure(enum form form, unsigned threads, long ms)
{
    struct bench b = { .form = form, .threads = threads };
    struct worker worker[MOST_THREADS];
    struct timespec span = { ms / 1000, ms % 1000 * 1000000 };
    weir_rundown_init(&b.word);
    b.own = aligned_alloc(128, threads * sizeof *b.own);
    if (!b.own || (form == SHARDED && weir_rundown_sharded_create(&b.sharded, 0)))
        give_up("no memory");
    for (unsigned i = 0; i < threads; i++) {
        weir_rundown_init(&b.own[i].rundown);
        worker[i] = (struct worker){ .bench = &b, .number = i };
        if (pthread_create(&worker[i].thread, NULL, work, &worker[i]))
            give_up("a thread can't be started");
    }
    while (atomic_load(&b.ready) < threads)
        sched_yield();
    atomic_store(&b.go, true);
    nanosleep(&span, NULL);
    atomic_store(&b.stop, true);
    for (unsigned i = 0; i < threads; i++)
        pthread_join(worker[i].thread, NULL);
    close_all(&b);
    free(b.own);
    return (double)b.ns / (double)b.pairs;
}

/* ns of a whole life with one operation that outlasts the close. */
static double measure_life(enum form form)
{
    _Atomic unsigned ended = 0;
    int64_t began = used_ns();
    for (int i = 0; i < ENDS; i++) {
        struct weir_rundown word;
        struct weir_rundown_sharded *sharded = NULL;
        if (form == WORD) {
            weir_rundown_init(&word);
            (void)weir_rundown_acquire(&word);
            weir_rundown_close(&word, count_the_end, &ended);
            weir_rundown_release(&word);
        } else {
            if (weir_rundown_sharded_create(&sharded, 0))
                give_up("no memory");
            (void)weir_rundown_sharded_acquire(sharded);
            weir_rundown_sharded_close(sharded, count_the_end, &ended);
            weir_rundown_sharded_release(sharded);
            (void)weir_rundown_sharded_destroy(sharded);
        }
    }
    if (ended != ENDS)
        give_up("a life did not end once");
    return (double)(used_ns() - began) / ENDS;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *of, unsigned n)
{
    qsort(of, n, sizeof *of, by_size);
    return of[n / 2];
}

static long argument(int argc, char **argv, int i, long otherwise, long most)
{
    char *end = NULL;
    long value = argc > i ? strtol(argv[i], &end, 10) : otherwise;
    if (value < 1 || value > most || (end && *end)) {
        fprintf(stderr, "rundown_bench: %s: 1 to %ld would be right\n", argc > i ? argv[i] : "default", most);
        fprintf(stderr, "usage: rundown_bench [milliseconds] [rounds] [most threads]\n");
        exit(2);
    }
    return value;
}

int main(int argc, char **argv)
{
    static double ns[FORMS][MOST_ROUNDS];
    if (sched_getaffinity(0, sizeof allowed, &allowed))
        give_up("the affinity can't be read");
    unsigned cpus = (unsigned)CPU_COUNT(&allowed);
    long ms = argument(argc, argv, 1, 200, 60000);
    unsigned rounds = (unsigned)argument(argc, argv, 2, 5, MOST_ROUNDS);
    unsigned most = (unsigned)argument(argc, argv, 3, 2 * cpus < MOST_THREADS ? 2 * cpus : MOST_THREADS, MOST_THREADS);
    printf("rundown, one object that every thread hits: ns of processor time for acquire + release; "
           "%u processors, median of %u x %ld ms\n", cpus, rounds, ms);
    printf("%8s %14s %14s %14s %18s %18s\n", "threads", form_name[WORD], form_name[SHARDED], form_name[FLOOR], "word / sharded",
           "sharded / floor");
    for (unsigned threads = 1; threads <= most; threads *= 2) {
        double mid[FORMS];
        for (unsigned round = 0; round < rounds; round++)
            for (int form = 0; form < FORMS; form++)
                ns[form][round] = measure(form, threads, ms);
        for (int form = 0; form < FORMS; form++)
            mid[form] = median(ns[form], rounds);
        printf("%8u %14.1f %14.1f %14.1f %18.2f %18.2f\n", threads, mid[WORD], mid[SHARDED], mid[FLOOR], mid[WORD] / mid[SHARDED],
               mid[SHARDED] / mid[FLOOR]);
        fflush(stdout);
    }
    for (unsigned round = 0; round < rounds; round++)
        for (int form = WORD; form <= SHARDED; form++)
            ns[form][round] = measure_life(form);
    double word = median(ns[WORD], rounds), sharded = median(ns[SHARDED], rounds);
    printf("%8s %14.1f %14.1f %14s %18.2f\n", "a life", word, sharded, "", word / sharded);
    return 0;
}
