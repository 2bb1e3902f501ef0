/* work-fork.c - a fork in the middle of everything: fork.
 *
 * Purpose    whatever the other threads were doing, the child has a whole pool, and the parent too.
 * Invariant  in the child: every op is in one place; those that the forking thread held are its own; those of other threads stay live;
 *            all the rest can be got.
 * Threads    thread 0 forks, the others take and give back. The child has one thread and calls the pool, the oracle, _Exit.
 * Goes wrong a lock that another thread held at the fork: the child hangs, its alarm ends it, the parent says so.
 */
#include "workloads.h"

#ifdef _WIN32

const struct workload workload_fork = { .name = "fork", .prose = "Needs fork.", .missing = "this system has no fork" };

#else

#include <weir/error.h>

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CHILD_SECONDS = 60 };

static void fork__open(struct stress *s)
{
    s->extra_name = "forks";
}

static void fork__child(struct worker *w)
{
    struct weir_stats n;
    uint32_t capacity = w->oracle->capacity;
    int error;
    alarm(CHILD_SECONDS);
    error = weir_pool_check(w->pool);
    if (error)
        stress_fail("in a forked child, weir_pool_check: %s: %s", weir_strerror(error), weir_error_message());
    stress_put_all(w);
    weir_pool_stats(w->pool, &n);
    if (n.live + n.cached + n.free != capacity)
        stress_fail("in a forked child, live %llu + cached %llu + free %llu are not %u", (unsigned long long)n.live,
                    (unsigned long long)n.cached, (unsigned long long)n.free, (unsigned)capacity);
    stress_reach_bound(w, n.live);
    error = weir_pool_check(w->pool);
    if (error)
        stress_fail("in a forked child that has used its pool, weir_pool_check: %s: %s", weir_strerror(error),
                    weir_error_message());
    _Exit(0);
}

static void fork__once(struct worker *w)
{
    int status = 0;
    pid_t child = fork();
    if (child < 0)
        stress_fail("no fork can be made here");
    if (child == 0)
        fork__child(w);
    if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
        stress_fail("a forked child ended with status %x%s", (unsigned)status,
                    WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM ? ": it hung" : "");
    w->stress->extra++;
}

static void fork__work(struct worker *w)
{
    while (!stress_over(w)) {
        unsigned n = random_between(&w->random, 1, 60);
        while (w->holds < n && w->holds < w->oracle->capacity && stress_hold_one(w)) {
        }
        if (w->number == 0)
            fork__once(w);
        if (!w->holds)
            stress_yield();
        stress_put_some(w, random_between(&w->random, 1, 60));
    }
}

const struct workload workload_fork = {
    .name = "fork",
    .prose = "All threads take and give back ops; one of them forks again and again. The child walks its pool, gives back what the forking\n"
             "thread held, takes all that the others did not hold, and ends; the parent goes on meanwhile.",
    .open = fork__open,
    .work = fork__work,
};

#endif
