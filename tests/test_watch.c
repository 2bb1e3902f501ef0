/* tests/test_watch.c - how a watch's segment comes and goes with the processes that have it. */
#include "support.h"
#include "os/os.h"
#include <weir/weir.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static bool there_is(const char *name, pid_t pid)
{
    char segment[128];
    struct os_segment s;
    snprintf(segment, sizeof segment, "debug.%s.%d", name, (int)pid);
    if (os_segment_open(&s, segment, 0, false))
        return false;
    os_segment_close(&s);
    return true;
}

/* The child gives back what the fork gave it and closes its pool in good order. Its exit status. */
static int child_that_closes(struct weir_pool *pool, struct weir_op *op, long commits)
{
    int status;
    pid_t pid;
    os_fail_commit_after(commits);
    pid = fork();
    os_fail_commit_after(-1);
    if (pid == 0) {
        bool own = there_is("forked", getpid());
        if (own != (commits < 0))
            _exit(2);
        if (weir_leaks(pool, 0, NULL, NULL) != 1)
            _exit(3);
        weir_op_put(op);
        if (weir_pool_close(pool))
            _exit(4);
        _exit(there_is("forked", getpid()) ? 5 : 0);
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

/* -1: there is room; 0: not for its tables; 1: not for its lines. */
static void a_child_with_room_or_without_leaves_its_parents_segment_alone(void **state)
{
    struct weir_pool_config config = { .name = "forked", .capacity = 100, .debug = "track=sketch" };
    struct weir_pool *pool = pool_from(&config);
    struct weir_op *op = weir_op_get(pool);
    (void)state;
    for (long commits = -1; commits <= 1; commits++) {
        assert_int_equal(child_that_closes(pool, op, commits), 0);
        assert_true(there_is("forked", getpid()));
        assert_int_equal(weir_leaks(pool, 0, NULL, NULL), 1);
    }
    weir_op_put(op);
    close_quiet(pool);
    assert_false(there_is("forked", getpid()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_with_room_or_without_leaves_its_parents_segment_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
