/* work-shared.c - one pool, several processes with several threads each, some of which are killed: shared.
 *
 * Purpose    an op is never somebody's twice, whichever process takes it, puts it, waits for it, steals it or is killed meanwhile.
 * Invariant  each op's user area says who has it (process and thread), changed by a swap from what it must be. When all have ended in good order
 *            nothing is live and everything can be got; when some were killed, the walk finds each op in one place or in the hands of the dead.
 * Threads    the main thread forks the processes, kills some in every other era, and looks when all have ended. Each child opens the pool by its name,
 *            so that it lies elsewhere in each, and runs its threads.
 * Goes wrong a child that finds a violation says so and exits 1; one that hangs is ended by its alarm.
 */
#include "workloads.h"

#ifdef _WIN32

const struct workload workload_shared = { .name = "shared", .prose = "Needs fork.", .missing = "this system has no fork" };

#else

#include <weir/error.h>
#include <weir/ref.h>

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* ThreadSanitizer sees one process, and nothing of the order that another one's steps make: there all threads are in one. */
#ifdef __SANITIZE_THREAD__
enum { PROCESSES = 1, THREADS_MOST = 32 };
#else
enum { PROCESSES = 4, THREADS_MOST = 8 };
#endif
enum { HOLDS_MOST = 64, MAIL = 16, ALARM_SECONDS = 120 };

struct shared__area {                   /* of all processes of an era */
    _Atomic uint64_t mail[MAIL];        /* a handle of a published op, whose reference goes to who takes it out; 0: none */
    _Atomic uint32_t over;
    _Atomic uint64_t ops;
};

struct shared__thread {
    struct weir_pool *pool;
    struct shared__area *area;
    struct random random;
    uint32_t who;
    pthread_t id;
    struct weir_op *held[HOLDS_MOST];
    unsigned holds;
};

static char shared__name[40];

/* The word that says who has an op: 0 nobody, MAIL_WHO on its way. */
enum { MAIL_WHO = 0xffff };

static void shared__pass(struct weir_op *op, uint32_t from, uint32_t to)
{
    uint32_t was = __atomic_exchange_n((uint32_t *)weir_op_user(op), to, __ATOMIC_RELAXED);
    if (was != from)
        stress_fail("op %u was to be %x's and is %x's, as %x takes it over", (unsigned)weir_op_index(op), (unsigned)from, (unsigned)was, (unsigned)to);
}

static void shared__take(struct shared__thread *t, struct weir_op *op)
{
    if (!op)
        return;
    shared__pass(op, 0, t->who);
    memset(weir_op_buffer(op), (int)t->who, 64);
    t->held[t->holds++] = op;
}

static void shared__give(struct shared__thread *t)
{
    struct weir_op *op;
    if (!t->holds)
        return;
    op = t->held[--t->holds];
    if (*((unsigned char *)weir_op_buffer(op) + 63) != (unsigned char)t->who)
        stress_fail("the buffer of op %u was changed in the hands of %x", (unsigned)weir_op_index(op), (unsigned)t->who);
    shared__pass(op, t->who, 0);
    if (random_next(&t->random) & 1)
        weir_op_put(op);
    else if (!weir_op_unref(op))
        stress_fail("op %u has another holder", (unsigned)weir_op_index(op));
}

/* One of ours into the mail, by its handle, and whatever lies there back to the pool. */
static void shared__mail(struct shared__thread *t)
{
    struct weir_op *op;
    uint64_t handle = 0;
    if (t->holds) {
        op = t->held[--t->holds];
        shared__pass(op, t->who, MAIL_WHO);
        weir_op_publish(op);
        handle = weir_op_handle(op);
    }
    handle = __atomic_exchange_n((uint64_t *)&t->area->mail[random_below(&t->random, MAIL)], handle, __ATOMIC_ACQ_REL);
    if (!handle)
        return;
    op = weir_op_ref_handle(t->pool, handle);
    if (!op)
        stress_fail("a handle in the mail names nothing: 0x%llx", (unsigned long long)handle);
    if (weir_op_unref(op))
        stress_fail("op %u in the mail had no other reference", (unsigned)weir_op_index(op));
    shared__pass(op, MAIL_WHO, 0);
    (void)weir_op_unref(op);
}

static void shared__bulk(struct shared__thread *t)
{
    struct weir_op *ops[8];
    unsigned n = 1 + random_below(&t->random, 8);
    if (t->holds + n > HOLDS_MOST)
        return;
    n = weir_op_get_bulk(t->pool, ops, n);
    while (n)
        shared__take(t, ops[--n]);
}

static void shared__one(struct shared__thread *t)
{
    uint32_t r = random_below(&t->random, 1000);
    bool room = t->holds < HOLDS_MOST;
    if (r < 440 && room)
        shared__take(t, weir_op_get(t->pool));
    else if (r < 900)
        shared__give(t);
    else if (r < 940)
        shared__mail(t);
    else if (r < 970)
        shared__bulk(t);
    else if (r < 990 && room)
        shared__take(t, weir_op_get_wait(t->pool, 100000));
    else if (r < 998)
        weir_thread_flush(t->pool);
    else
        (void)weir_pool_trim(t->pool);
}

static void *shared__work(void *arg)
{
    struct shared__thread *t = arg;
    uint64_t ops = 0;
    while (!t->area->over) {
        shared__one(t);
        ops++;
    }
    while (t->holds)
        shared__give(t);
    t->area->ops += ops;
    return NULL;
}

static _Noreturn void shared__process(struct stress *s, struct shared__area *area, unsigned process, unsigned threads, uint64_t stream)
{
    struct shared__thread t[THREADS_MOST];
    struct weir_pool *pool;
    int error;
    alarm(ALARM_SECONDS);
    error = weir_pool_open(&pool, shared__name);
    if (error)
        stress_fail("weir_pool_open: %s: %s", weir_strerror(error), weir_error_message());
    for (unsigned i = 0; i < threads; i++) {
        t[i] = (struct shared__thread){ .pool = pool, .area = area, .who = 1 + process * THREADS_MOST + i };
        random_seed(&t[i].random, s->options->seed, stream + i);
        if (pthread_create(&t[i].id, NULL, shared__work, &t[i]))
            stress_fail("no thread can be made here");
    }
    for (unsigned i = 0; i < threads; i++)
        pthread_join(t[i].id, NULL);
    error = weir_pool_close(pool);
    if (error)
        stress_fail("weir_pool_close in a process that gave all back: %s", weir_error_message());
    _exit(0);                                   /* not _Exit: a sanitizer may have something to say */
}

/* All have ended in good order: what is in the mail is the last that is held. */
static void shared__look_whole(struct weir_pool *pool, struct shared__area *area, uint32_t capacity)
{
    struct weir_op **ops = malloc((capacity + 1) * sizeof *ops);
    uint32_t n = 0;
    for (unsigned i = 0; i < MAIL; i++)
        if (area->mail[i]) {
            struct weir_op *op = weir_op_ref_handle(pool, area->mail[i]);
            if (!op || weir_op_unref(op))
                stress_fail("a handle is left in the mail, and names nothing");
            shared__pass(op, MAIL_WHO, 0);
            (void)weir_op_unref(op);
        }
    stress_check_quiet(pool, capacity, 0, NULL);
    while (n <= capacity && (ops[n] = weir_op_get(pool)))
        shared__pass(ops[n++], 0, 1);
    if (n != capacity)
        stress_fail("%u ops can be got, and there are %u", (unsigned)n, (unsigned)capacity);
    while (n) {
        shared__pass(ops[--n], 1, 0);
        weir_op_put(ops[n]);
    }
    free(ops);
}

static void shared__end(pid_t pid, bool killed)
{
    int status = 0;
    if (waitpid(pid, &status, 0) != pid)
        stress_fail("a process is gone");
    if (killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        return;
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        stress_fail("a process ended with status %x%s", (unsigned)status,
                    WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ": it hung" : "");
}

static void shared__nap(struct random *r, uint32_t least, uint32_t most)
{
    struct timespec t = { 0, (long)random_between(r, least, most) * 1000 };
    nanosleep(&t, NULL);
}

/* One pool, its processes, their end. */
static void shared__era(struct stress *s, struct shared__area *area, struct random *r, bool kills, struct weir_stats *sum)
{
    struct weir_pool_config config = { .name = shared__name, .flags = WEIR_POOL_SHARED, .user_size = 16,
                                       .capacity = s->options->capacity > 0 ? (uint32_t)s->options->capacity : random_between(r, 20, 3000),
                                       .cache = s->options->cache >= 0 ? (uint32_t)s->options->cache : random_below(r, 64),
                                       .buffer_size = s->options->buffer >= 64 ? (size_t)s->options->buffer : 64 * (size_t)random_between(r, 1, 80) };
    unsigned threads = (s->options->threads + PROCESSES - 1) / PROCESSES, dead = kills ? random_between(r, 1, PROCESSES) : 0;
    struct weir_stats n;
    struct weir_pool *pool;
    pid_t pid[PROCESSES];
    int error;
    threads = threads > THREADS_MOST ? THREADS_MOST : threads;
    memset(area, 0, sizeof *area);
    (void)weir_pool_unlink(shared__name);
    error = weir_pool_create(&pool, &config);
    if (error)
        stress_fail("weir_pool_create: %s: %s", weir_strerror(error), weir_error_message());
    s->config = config;
    fflush(stdout);
    report_unwatched();
    for (unsigned i = 0; i < PROCESSES; i++) {
        uint64_t stream = random_next(r);
        pid[i] = fork();
        if (pid[i] < 0)
            stress_fail("no process can be made here");
        if (!pid[i])
            shared__process(s, area, i, threads, stream);
    }
    report_watched();
    shared__nap(r, 20000, 200000);
    for (unsigned i = 0; i < dead; i++) {
        kill(pid[i], SIGKILL);
        s->extra++;
        shared__nap(r, 0, 20000);
    }
    area->over = 1;
    for (unsigned i = 0; i < PROCESSES; i++)
        shared__end(pid[i], i < dead);
    weir_pool_stats(pool, &n);
    sum->refills += n.refills;
    sum->flushes += n.flushes;
    sum->steals += n.steals;
    sum->empties += n.empties;
    sum->waits += n.waits;
    sum->peak = n.peak > sum->peak ? n.peak : sum->peak;
    if (dead)
        error = weir_pool_check(pool);
    else
        shared__look_whole(pool, area, config.capacity);
    if (error)
        stress_fail("after %u processes were killed, weir_pool_check: %s", dead, weir_error_message());
    error = weir_pool_close(pool);
    if (error)
        stress_fail("weir_pool_close: %s", weir_error_message());
    (void)weir_pool_unlink(shared__name);
}

static void shared__run(struct stress *s)
{
    struct shared__area *area = mmap(NULL, sizeof *area, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int64_t end = stress_now() + (int64_t)(s->options->seconds * 1e9);
    struct weir_stats sum = { 0 };
    struct random r;
    uint64_t ops = 0;
    unsigned eras = 0;
    if (area == MAP_FAILED)
        stress_fail("no memory that processes share");
    snprintf(shared__name, sizeof shared__name, "weir-stress-%ld", (long)getpid());
    random_seed(&r, s->options->seed, 0x5a4d);
    s->extra_name = "killed";
    report_now(s, s->options->seconds);
    do {
        shared__era(s, area, &r, eras % 2 == 1, &sum);
        ops += area->ops;
        eras++;
    } while (stress_now() < end || eras < 2);
    munmap(area, sizeof *area);
    report_line(s, &sum, ops, eras);
}

const struct workload workload_shared = {
    .name = "shared",
    .prose = "Four processes open one shared pool, each with a quarter of the threads, up to eight. Ops are taken, put, waited for, taken in bulk, trimmed, and\n"
             "sent from any to any by handle. In every other era some processes are killed at a random moment: the others go on, and then each op is\n"
             "in one place or in the hands of the dead.",
    .run = shared__run,
};

#endif
