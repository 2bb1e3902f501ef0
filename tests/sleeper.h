/* tests/sleeper.h - threads that wait for an op, and how a test knows that they sleep and in which order they were served. */
#ifndef WEIR_TESTS_SLEEPER_H
#define WEIR_TESTS_SLEEPER_H

#include "support.h"

#ifdef __linux__
#include <sys/syscall.h>
#include <unistd.h>
#endif

struct sleeper {
    struct thread thread;
    struct weir_pool *pool;
    int64_t timeout;
    _Atomic int *turn;                  /* counts those that came back */
    _Atomic long tid;
    _Atomic int came_back;              /* 0: not yet; else the turn, from 1 on */
    struct weir_op *op;
    int64_t slept;
};

static inline const char *sleeper_body(void *arg)
{
    struct sleeper *s = arg;
    int64_t begin = now_ns();
#ifdef __linux__
    atomic_store(&s->tid, syscall(SYS_gettid));
#else
    atomic_store(&s->tid, 1);
#endif
    s->op = weir_op_get_wait(s->pool, s->timeout);
    s->slept = now_ns() - begin;
    atomic_store(&s->came_back, atomic_fetch_add(s->turn, 1) + 1);
    return NULL;
}

#ifdef __linux__
/* The kernel's word for what a thread of this process does: it sleeps. */
static inline bool thread_sleeps(long tid)
{
    char path[64], text[512] = { 0 }, *end;
    FILE *f;
    snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
    f = fopen(path, "r");
    if (!f)
        return false;
    (void)!fread(text, 1, sizeof text - 1, f);
    fclose(f);
    end = strrchr(text, ')');
    return end && end[2] == 'S';
}
#else
static inline bool thread_sleeps(long tid)
{
    (void)tid;
    nap_us(20000);
    return true;
}
#endif

/* It waits in the library's queue: the pool has counted one wait more than before, and the thread sleeps. */
static inline void sleeper_start_as(struct sleeper *s, struct weir_pool *pool, int64_t timeout, _Atomic int *turn, thread_body body)
{
    uint64_t waits = stats_of(pool).waits;
    memset(s, 0, sizeof *s);
    s->pool = pool;
    s->timeout = timeout;
    s->turn = turn;
    thread_start(&s->thread, body, s);
    assert_true(EVENTUALLY(atomic_load(&s->came_back) ||
                           (stats_of(pool).waits > waits && atomic_load(&s->tid) && thread_sleeps(atomic_load(&s->tid)))));
}

static inline void sleeper_start(struct sleeper *s, struct weir_pool *pool, int64_t timeout, _Atomic int *turn)
{
    sleeper_start_as(s, pool, timeout, turn, sleeper_body);
}

static inline bool sleeper_is_back(struct sleeper *s)
{
    return EVENTUALLY(atomic_load(&s->came_back));
}

#endif
