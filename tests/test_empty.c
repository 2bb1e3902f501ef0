/* tests/test_empty.c - the empty pool: get makes no system call however often it is called, and the ways to hear of a pool that
 * runs empty or fills again: the descriptor, low water, reclaimers. Linux only.
 *
 * System calls are counted by strace on a child, which is this program again with --empty: each thread that is counted calls
 * getppid, then what is counted, then getppid again.
 */
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* -- counted by strace -------------------------------------------------------------------------------------------------------- */

enum { GETS = 20000, OTHERS = 4 };

static void marker(void)
{
    syscall(SYS_getppid);
}

struct second {
    struct weir_pool *pool;
    _Atomic int ready;
    bool answered;
};

/* Another thread that gets at the same time; no lock and no yield between its markers. */
static const char *gets_too(void *arg)
{
    struct second *second = arg;
    (void)weir_op_get(second->pool);
    atomic_fetch_add(&second->ready, 1);
    while (atomic_load(&second->ready) < 2) {
    }
    marker();
    for (int i = 0; i < GETS; i++)
        if (weir_op_get(second->pool))
            second->answered = true;
    marker();
    return NULL;
}

/* The child: an empty pool, threads that idle with empty caches, one that gets at the same time. Exit 0: all gets were NULL. */
static int empty_child(bool control)
{
    struct weir_pool *pool = pool_of(1000, 0, 64);
    struct crew *crew = crew_start(pool, OTHERS);
    struct second second = { .pool = pool };
    struct weir_op **ops;
    struct thread thread;
    int answered = 0;
    crew_fill(crew, 20);
    ops = take_all(pool, 1000);
    thread_start(&thread, gets_too, &second);
    while (atomic_load(&second.ready) < 1) {
    }
    (void)weir_op_get(pool);                    /* the last sweep that has something to look at */
    atomic_fetch_add(&second.ready, 1);
    marker();
    for (int i = 0; i < GETS; i++)
        answered += weir_op_get(pool) != NULL || weir_op_get_wait(pool, 0) != NULL;
    if (control)
        (void)syscall(SYS_getpgid, 0);
    marker();
    thread_join(&thread);
    if (answered || second.answered || stats_of(pool).empties < 3 * GETS)
        _exit(1);
    put_all(ops, 1000);
    crew_end(crew);
    _exit(weir_pool_close(pool) ? 2 : 0);
}

/* Lines between the first and the second getppid of each thread; -1: a thread that has only one, or none at all. */
static int calls_between_markers(const char *path, int threads)
{
    struct { int pid, markers; } seen[16] = { { 0, 0 } };
    int calls = 0, complete = 0;
    char line[1024], name[64];
    FILE *f = fopen(path, "r");
    int pid;
    if (!f)
        return -1;
    while (fgets(line, sizeof line, f)) {
        int i = 0;
        if (sscanf(line, "%d %63[a-z0-9_]", &pid, name) != 2)
            continue;
        while (i < 15 && seen[i].pid && seen[i].pid != pid)
            i++;
        seen[i].pid = pid;
        if (!strcmp(name, "getppid"))
            complete += ++seen[i].markers == 2;
        else if (seen[i].markers == 1)
            calls++;
    }
    fclose(f);
    return complete == threads ? calls : -1;
}

static int counted_by_strace(const char *mode)
{
    char self[1024] = { 0 }, trace[] = "/tmp/weir-strace-XXXXXX", options[512];
    const char *given = getenv("ASAN_OPTIONS");
    int fd = mkstemp(trace), status = -1, calls;
    pid_t pid;
    assert_true(fd >= 0);
    close(fd);
    assert_true(readlink("/proc/self/exe", self, sizeof self - 1) > 0);
    snprintf(options, sizeof options, "%s:detect_leaks=0", given ? given : "");     /* it can't work under strace */
    fflush(stdout);
    pid = fork();
    if (pid == 0) {
        setenv("ASAN_OPTIONS", options, 1);
        alarm(PATIENCE);
        execlp("strace", "strace", "-f", "-qq", "-o", trace, self, mode, (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        fail_msg("strace is missing: install Debian package strace");
    if (!WIFEXITED(status) || WEXITSTATUS(status))
        fail_msg("the child under strace ended with wait status 0x%x (may this system trace at all?)", (unsigned)status);
    calls = calls_between_markers(trace, 2);
    if (calls != (strcmp(mode, "--empty-control") == 0))
        fail_msg("%d system calls between the markers; the trace is %s", calls, trace);
    unlink(trace);
    return calls;
}

static void get_on_an_empty_pool_makes_no_system_call(void **state)
{
    (void)state;
    assert_int_equal(counted_by_strace("--empty-control"), 1);      /* one that is made is counted */
    assert_int_equal(counted_by_strace("--empty"), 0);
}

static void get_on_an_empty_pool_returns_null_and_is_counted(void **state)
{
    struct weir_pool *pool = pool_of(3, 0, 0);
    struct weir_op **ops = take_all(pool, 3);       /* one NULL */
    (void)state;
    for (int i = 0; i < 10; i++)
        assert_null(weir_op_get(pool));
    for (int i = 0; i < 10; i++)
        assert_null(weir_op_get_from(weir_cache_get(pool)));
    assert_int_equal(stats_of(pool).empties, 21);
    put_all(ops, 3);
    free(ops);
    close_quiet(pool);
}

/* -- the descriptor ------------------------------------------------------------------------------------------------------------ */

static bool readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int n = poll(&p, 1, 0);
    assert_true(n >= 0);
    return n == 1 && (p.revents & POLLIN);
}

static void the_descriptor_is_readable_from_the_first_put_after_null_until_the_next_null(void **state)
{
    struct weir_pool *pool = pool_of(10, 0, 0);
    int fd = weir_pool_fd(pool);
    struct weir_op **ops;
    (void)state;
    assert_true(fd >= 0);
    assert_false(readable(fd));
    weir_op_put(weir_op_get(pool));
    assert_false(readable(fd));                 /* it has not run empty yet */
    ops = take_all(pool, 10);                   /* ends in a NULL */
    for (int round = 0; round < 20; round++) {
        assert_false(readable(fd));
        weir_op_put(ops[0]);
        assert_true(readable(fd));
        assert_true(readable(fd));
        assert_int_equal(weir_pool_fd(pool), fd);
        ops[0] = weir_op_get(pool);
        assert_non_null(ops[0]);
        assert_true(readable(fd));              /* taken, but no get has answered NULL since */
        weir_op_put(ops[0]);
        weir_op_put(ops[1]);
        assert_true(readable(fd));
        ops[0] = weir_op_get(pool);
        ops[1] = weir_op_get(pool);
        assert_true(readable(fd));
        if (round % 2)
            assert_null(weir_op_get(pool));
        else
            assert_null(weir_op_get_wait(pool, round % 4 ? 0 : 1000000));
    }
    assert_false(readable(fd));
    put_all(ops, 10);
    free(ops);
    close_quiet(pool);
}

/* A loop that hears NULL, asks for the descriptor and polls it must not miss the put that came in between. */
static void a_descriptor_asked_for_late_is_as_readable_as_an_early_one(void **state)
{
    struct weir_pool *pool = pool_of(10, 0, 0);
    struct weir_op **ops = take_all(pool, 10);
    (void)state;
    weir_op_put(ops[0]);
    assert_true(readable(weir_pool_fd(pool)));
    ops[0] = weir_op_get(pool);
    put_all(ops, 10);
    free(ops);
    close_quiet(pool);
}

struct putter {
    struct weir_pool *pool;
    struct weir_op *op;
    int way;
};

static const char *puts_one(void *arg)
{
    struct putter *p = arg;
    switch (p->way) {
    case 0: weir_op_put(p->op); break;
    case 1: weir_op_put_bulk(&p->op, 1); break;
    case 2: weir_op_put_to(weir_cache_get(p->pool), p->op); break;
    default: NEED(weir_op_unref(p->op));
    }
    return NULL;
}

/* The putter's cache has room: its put moves no magazine. */
static const char *warms_up_and_puts_one(void *arg)
{
    struct putter *p = arg, own;
    for (p->way = 0; p->way < 4; p->way++) {
        struct pollfd poll_it = { .fd = weir_pool_fd(p->pool), .events = POLLIN };
        struct weir_op *op;
        own = (struct putter){ p->pool, p->op, p->way };
        NEED(poll(&poll_it, 1, 0) == 0);
        puts_one(&own);
        NEED(poll(&poll_it, 1, 0) == 1);
        NEED((op = weir_op_get(p->pool)) == p->op);
        NEED(weir_op_get(p->pool) == NULL);
        NEED(poll(&poll_it, 1, 0) == 0);
    }
    weir_op_put(p->op);
    return NULL;
}

static void a_put_of_any_kind_on_any_thread_makes_it_readable(void **state)
{
    struct weir_pool *pool = pool_of(100, 0, 0);
    struct putter putter = { pool, NULL, 0 };
    struct weir_op **ops;
    (void)state;
    assert_true(weir_pool_fd(pool) >= 0);
    ops = take_all(pool, 100);
    putter.op = ops[50];
    on_another_thread(warms_up_and_puts_one, &putter);
    assert_true(readable(weir_pool_fd(pool)));
    assert_non_null(ops[50] = weir_op_get(pool));
    put_all(ops, 100);
    free(ops);
    close_quiet(pool);
}

/* -- low water ------------------------------------------------------------------------------------------------------------------ */

struct level {
    int calls;
    uint64_t live;                      /* seen by the call */
    pthread_t thread;
    struct weir_op *give;               /* the call gives it back */
    struct weir_op *take[4];            /* the call takes as many as are asked for */
    int takes;
};

static void went_low(struct weir_pool *pool, void *arg)
{
    struct level *level = arg;
    level->calls++;
    level->live = stats_of(pool).live;
    level->thread = pthread_self();
    for (int i = 0; i < level->takes; i++)
        level->take[i] = weir_op_get(pool);
    if (level->give)
        weir_op_put(level->give);
}

static void low_water_calls_once_when_the_level_goes_below_and_again_after_it_was_back(void **state)
{
    struct weir_pool *pool = pool_of(100, 0, 0);
    struct level level = { 0 };
    struct weir_op *ops[100];
    (void)state;
    assert_int_equal(weir_pool_low_water(pool, 10, went_low, &level), 0);
    for (int i = 0; i < 90; i++)
        ops[i] = weir_op_get(pool);
    assert_int_equal(level.calls, 0);           /* ten are left: not below ten */
    ops[90] = weir_op_get(pool);
    assert_int_equal(level.calls, 1);           /* nine */
    assert_true(pthread_equal(level.thread, pthread_self()));
    for (int i = 91; i < 100; i++)
        ops[i] = weir_op_get(pool);
    assert_null(weir_op_get(pool));
    for (int i = 99; i >= 91; i--)
        weir_op_put(ops[i]);
    assert_int_equal(level.calls, 1);           /* nine are left: not back yet */
    ops[91] = weir_op_get(pool);
    assert_int_equal(level.calls, 1);
    weir_op_put(ops[91]);
    weir_op_put(ops[90]);                       /* ten: back */
    assert_int_equal(level.calls, 1);
    ops[90] = weir_op_get(pool);
    assert_int_equal(level.calls, 2);
    put_all(ops, 91);
    close_quiet(pool);
}

/* At each level, with one op that comes back and goes again. */
static void low_water_is_told_again_after_each_return_to_the_level(void **state)
{
    (void)state;
    for (uint32_t ops = 1; ops <= 8; ops++) {
        struct level level = { 0 };
        struct weir_pool *pool = pool_of(8, 0, 64);
        struct weir_op *held[8];
        uint32_t n = 0;
        assert_int_equal(weir_pool_low_water(pool, ops, went_low, &level), 0);
        while (n < 9 - ops)
            held[n++] = weir_op_get(pool);
        assert_int_equal(level.calls, 1);
        for (int i = 2; i < 6; i++) {
            weir_op_put(held[--n]);
            held[n++] = weir_op_get(pool);
            assert_int_equal(level.calls, i);
        }
        put_all(held, n);
        close_quiet(pool);
    }
}

static void low_water_may_put_and_get_in_its_call(void **state)
{
    struct weir_pool *pool = pool_of(20, 0, 0);
    struct level level = { 0 };
    struct weir_op *ops[20];
    (void)state;
    assert_int_equal(weir_pool_low_water(pool, 5, went_low, &level), 0);
    for (int i = 0; i < 15; i++)
        ops[i] = weir_op_get(pool);
    level.give = ops[0];
    level.takes = 3;
    ops[0] = weir_op_get(pool);                 /* below: the call takes three and gives one back */
    assert_int_equal(level.calls, 1);
    assert_non_null(ops[0]);
    assert_quiet(pool, 18);
    for (int i = 0; i < 3; i++)
        weir_op_put(level.take[i]);
    put_all(ops, 15);
    close_quiet(pool);
}

static void low_water_is_replaced_and_removed(void **state)
{
    struct weir_pool *pool = pool_of(20, 0, 0);
    struct level first = { 0 }, second = { 0 };
    (void)state;
    assert_int_equal(weir_pool_low_water(pool, 5, went_low, &first), 0);
    assert_int_equal(weir_pool_low_water(pool, 5, went_low, &second), 0);
    take_and_put_all(pool, 20);
    assert_int_equal(first.calls, 0);
    assert_int_equal(second.calls, 1);
    assert_int_equal(weir_pool_low_water(pool, 21, went_low, &first), -EINVAL);
    assert_says(weir_error_message(), "21", "20", NULL);
    take_and_put_all(pool, 20);
    assert_int_equal(second.calls, 2);          /* a refused call changes nothing */
    assert_int_equal(weir_pool_low_water(pool, 0, went_low, &second), 0);
    take_and_put_all(pool, 20);
    assert_int_equal(weir_pool_low_water(pool, 5, went_low, &first), 0);
    assert_int_equal(weir_pool_low_water(pool, 5, NULL, NULL), 0);
    take_and_put_all(pool, 20);
    assert_int_equal(first.calls, 0);
    assert_int_equal(second.calls, 2);
    assert_int_equal(weir_pool_low_water(pool, 20, went_low, &first), 0);
    weir_op_put(weir_op_get(pool));             /* the very first get goes below the capacity */
    assert_int_equal(first.calls, 1);
    close_quiet(pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_on_an_empty_pool_makes_no_system_call),
        cmocka_unit_test(get_on_an_empty_pool_returns_null_and_is_counted),
        cmocka_unit_test(the_descriptor_is_readable_from_the_first_put_after_null_until_the_next_null),
        cmocka_unit_test(a_descriptor_asked_for_late_is_as_readable_as_an_early_one),
        cmocka_unit_test(a_put_of_any_kind_on_any_thread_makes_it_readable),
        cmocka_unit_test(low_water_calls_once_when_the_level_goes_below_and_again_after_it_was_back),
        cmocka_unit_test(low_water_is_told_again_after_each_return_to_the_level),
        cmocka_unit_test(low_water_may_put_and_get_in_its_call),
        cmocka_unit_test(low_water_is_replaced_and_removed),
    };
    if (argc > 1)
        return empty_child(!strcmp(argv[1], "--empty-control"));
    return cmocka_run_group_tests(tests, NULL, NULL);
}
