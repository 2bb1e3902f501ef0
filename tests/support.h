/* tests/support.h - what the suites share: making and closing pools, proving the equation, taking everything, a crew of idle
 * threads with full caches, catching a panic, bounded polling.
 *
 * cmocka's assertions may only fail on the main thread (they longjmp). Code that runs on other threads or in a child answers
 * NULL, or a text that says what was wrong (NEED); the main thread asserts on that text. Every wait here is bounded: what does
 * not come about within PATIENCE seconds is a failure and not a hang.
 */
#ifndef WEIR_TESTS_SUPPORT_H
#define WEIR_TESTS_SUPPORT_H

#include "weir_test.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <weir/cache.h>
#include <weir/error.h>
#include <weir/op.h>
#include <weir/pool.h>
#include <weir/ref.h>
#include <weir/stats.h>

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif
#define SCALED(normal, sanitized) (SANITIZED ? (sanitized) : (normal))

enum { PATIENCE = SANITIZED ? 120 : 60 };

#define STRINGIFIED_(x) #x
#define STRINGIFIED(x) STRINGIFIED_(x)
#define NEED(condition)                                                                                                         \
    do {                                                                                                                        \
        if (!(condition))                                                                                                       \
            return __FILE__ ":" STRINGIFIED(__LINE__) ": not so: " #condition;                                                  \
    } while (0)

static inline int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static inline void nap_us(long us)
{
    struct timespec t = { us / 1000000, us % 1000000 * 1000 };
    nanosleep(&t, NULL);
}

/* Polls until the condition holds; false when it never did. */
#define EVENTUALLY(condition)                                                                                                   \
    __extension__({                                                                                                             \
        int64_t until_ = now_ns() + PATIENCE * INT64_C(1000000000);                                                             \
        bool holds_;                                                                                                            \
        while (!(holds_ = (condition)) && now_ns() < until_)                                                                    \
            nap_us(200);                                                                                                        \
        holds_;                                                                                                                 \
    })

/* -- texts ---------------------------------------------------------------------------------------------------------------- */

/* Each argument is one thing that the text must contain, in any of the ways separated by '|'; the last argument is NULL. */
static inline bool text_says(const char *text, const char *ways)
{
    while (*ways) {
        size_t n = strcspn(ways, "|");
        char way[128];
        snprintf(way, sizeof way, "%.*s", (int)n, ways);
        if (strstr(text, way))
            return true;
        ways += n + (ways[n] == '|');
    }
    return false;
}

static inline void assert_says_v(const char *text, va_list all)
{
    const char *ways;
    while ((ways = va_arg(all, const char *)))
        if (!text_says(text, ways))
            fail_msg("the message \"%s\" says nothing of \"%s\"", text, ways);
}

static inline void assert_says(const char *text, ...)
{
    va_list all;
    va_start(all, text);
    assert_says_v(text, all);
    va_end(all);
}

/* -- panics --------------------------------------------------------------------------------------------------------------- */

struct catcher {
    jmp_buf back;
    char text[2048];
};
static _Thread_local struct catcher *catching;

static inline void catch_panic(const char *message, void *arg)
{
    struct catcher *c = catching;
    (void)arg;
    if (!c) {
        fprintf(stderr, "a panic that no test expected: %s\n", message);
        abort();
    }
    snprintf(c->text, sizeof c->text, "%s", message);
    longjmp(c->back, 1);
}

/* Runs the statement; true if it panicked, and its message is then in the catcher. */
#define PANICKED(catcher, statement)                                                                                            \
    __extension__({                                                                                                             \
        volatile bool panicked_ = false;                                                                                        \
        weir_set_panic(catch_panic, NULL);                                                                                      \
        (catcher)->text[0] = 0;                                                                                                 \
        catching = (catcher);                                                                                                   \
        if (!setjmp((catcher)->back)) {                                                                                         \
            statement;                                                                                                          \
        } else {                                                                                                                \
            panicked_ = true;                                                                                                   \
        }                                                                                                                       \
        catching = NULL;                                                                                                        \
        panicked_;                                                                                                              \
    })

#define assert_panics(statement, ...)                                                                                           \
    do {                                                                                                                        \
        struct catcher catcher_;                                                                                                \
        if (!PANICKED(&catcher_, statement))                                                                                    \
            fail_msg("no panic: %s", #statement);                                                                               \
        assert_says(catcher_.text, __VA_ARGS__, (const char *)NULL);                                                            \
    } while (0)

/* -- pools ---------------------------------------------------------------------------------------------------------------- */

static inline struct weir_pool *pool_from(const struct weir_pool_config *config)
{
    struct weir_pool *pool = NULL;
    int error = weir_pool_create(&pool, config);
    if (error)
        fail_msg("weir_pool_create: %d: %s", error, weir_error_message());
    assert_non_null(pool);
    return pool;
}

static inline struct weir_pool *pool_of(uint32_t capacity, uint32_t cache, size_t buffer_size)
{
    struct weir_pool_config config = { .capacity = capacity, .cache = cache, .buffer_size = buffer_size };
    return pool_from(&config);
}

static inline struct weir_stats stats_of(struct weir_pool *pool)
{
    struct weir_stats stats;
    memset(&stats, 0xee, sizeof stats);
    if (weir_pool_stats(pool, &stats))
        abort();
    return stats;
}

/* A quiet pool: the equation holds, op by op and in the statistics, and exactly so many are live. */
static inline const char *quiet_with(struct weir_pool *pool, uint64_t live)
{
    static _Thread_local char text[512];
    struct weir_stats s;
    int error = weir_pool_check(pool);
    if (error) {
        snprintf(text, sizeof text, "weir_pool_check: %d: %.300s", error, weir_error_message());
        return text;
    }
    s = stats_of(pool);
    if (s.live == live && s.live + s.cached + s.free == s.capacity && s.gets - s.puts == s.live)
        return NULL;
    snprintf(text, sizeof text, "live %llu (expected %llu) + cached %llu + free %llu, capacity %llu; gets %llu, puts %llu",
             (unsigned long long)s.live, (unsigned long long)live, (unsigned long long)s.cached, (unsigned long long)s.free,
             (unsigned long long)s.capacity, (unsigned long long)s.gets, (unsigned long long)s.puts);
    return text;
}

static inline void assert_right(const char *wrong)
{
    if (wrong)
        fail_msg("%s", wrong);
}

#define assert_quiet(pool, live) assert_right(quiet_with((pool), (live)))

static inline void close_quiet(struct weir_pool *pool)
{
    int error;
    assert_quiet(pool, 0);
    error = weir_pool_close(pool);
    if (error)
        fail_msg("weir_pool_close: %d: %s", error, weir_error_message());
}

static inline void put_all(struct weir_op **ops, size_t n)
{
    for (size_t i = 0; i < n; i++)
        weir_op_put(ops[i]);
}

/* Takes n ops, which must all be different, and finds the pool empty after them. */
static inline const char *take_exactly(struct weir_pool *pool, struct weir_op **ops, uint32_t n)
{
    static _Thread_local char text[160];
    uint32_t capacity = (uint32_t)stats_of(pool).capacity;
    unsigned char *seen = calloc(capacity, 1);
    const char *wrong = NULL;
    for (uint32_t i = 0; i < n && !wrong; i++) {
        ops[i] = weir_op_get(pool);
        if (!ops[i]) {
            snprintf(text, sizeof text, "get answered NULL after %u of %u ops", (unsigned)i, (unsigned)n);
            wrong = text;
            put_all(ops, i);
        } else if (weir_op_index(ops[i]) >= capacity || seen[weir_op_index(ops[i])]++) {
            snprintf(text, sizeof text, "op %u was given twice, or there is none", (unsigned)weir_op_index(ops[i]));
            wrong = text;
        }
    }
    free(seen);
    if (wrong)
        return wrong;
    NEED(weir_op_get(pool) == NULL);
    return NULL;
}

/* weir_op_get, not inlined: for functions that also catch panics, where gcc fears for what longjmp might clobber. */
static __attribute__((__noinline__, __unused__)) struct weir_op *take_one(struct weir_pool *pool)
{
    return weir_op_get(pool);
}

static inline struct weir_op **take_all(struct weir_pool *pool, uint32_t n)
{
    struct weir_op **ops = calloc(n, sizeof *ops);
    assert_right(take_exactly(pool, ops, n));
    return ops;
}

static inline void take_and_put_all(struct weir_pool *pool, uint32_t n)
{
    struct weir_op **ops = take_all(pool, n);
    put_all(ops, n);
    free(ops);
}

/* -- threads -------------------------------------------------------------------------------------------------------------- */

typedef const char *(*thread_body)(void *arg);      /* NULL, or what was wrong */

struct thread {
    pthread_t id;
    thread_body body;
    void *arg;
};

static inline void *thread_main(void *self)
{
    struct thread *t = self;
    return (void *)(uintptr_t)t->body(t->arg);
}

static inline void thread_start(struct thread *t, thread_body body, void *arg)
{
    t->body = body;
    t->arg = arg;
    assert_int_equal(pthread_create(&t->id, NULL, thread_main, t), 0);
}

static inline void thread_join(struct thread *t)
{
    void *wrong = NULL;
    assert_int_equal(pthread_join(t->id, &wrong), 0);
    assert_right(wrong);
}

static inline void on_another_thread(thread_body body, void *arg)
{
    struct thread t;
    thread_start(&t, body, arg);
    thread_join(&t);
}

/* -- a crew: threads that fill their caches on command and are idle otherwise ---------------------------------------------- */

struct crew {
    struct weir_pool *pool;
    unsigned threads, each;
    _Atomic bool stop;
    pthread_barrier_t step;
    struct thread *thread;
};

static inline const char *crew_member(void *arg)
{
    struct crew *crew = arg;
    struct weir_op **ops;
    for (;;) {
        unsigned n = 0;
        pthread_barrier_wait(&crew->step);
        if (atomic_load(&crew->stop))
            return NULL;
        ops = calloc(crew->each, sizeof *ops);
        while (n < crew->each && (ops[n] = weir_op_get(crew->pool)))
            n++;
        pthread_barrier_wait(&crew->step);
        put_all(ops, n);
        free(ops);
        pthread_barrier_wait(&crew->step);
    }
}

static inline struct crew *crew_start(struct weir_pool *pool, unsigned threads)
{
    struct crew *crew = calloc(1, sizeof *crew);
    crew->pool = pool;
    crew->threads = threads;
    pthread_barrier_init(&crew->step, NULL, threads + 1);
    crew->thread = calloc(threads, sizeof *crew->thread);
    for (unsigned i = 0; i < threads; i++)
        thread_start(&crew->thread[i], crew_member, crew);
    return crew;
}

/* All members hold up to `each` ops at once, give them back, and idle. */
static inline void crew_fill(struct crew *crew, unsigned each)
{
    crew->each = each;
    pthread_barrier_wait(&crew->step);
    pthread_barrier_wait(&crew->step);
    pthread_barrier_wait(&crew->step);
}

static inline void crew_end(struct crew *crew)
{
    atomic_store(&crew->stop, true);
    pthread_barrier_wait(&crew->step);
    for (unsigned i = 0; i < crew->threads; i++)
        thread_join(&crew->thread[i]);
    pthread_barrier_destroy(&crew->step);
    free(crew->thread);
    free(crew);
}

#endif
