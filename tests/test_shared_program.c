/* tests/test_shared_program.c - a shared pool with another program, which was started and not forked: on every system. test_shared.c goes into each call.
 *
 * The other program is this one, told by its arguments what to do and with which op. Its exit status is 0, or the line that was not so.
 */
#include "support.h"

#include <weir/weir.h>

#ifdef _WIN32
#include <process.h>
#include <windows.h>
#else
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

enum { CAPACITY = 60, HELD = 5 };

static const char *program;
static char name[40];

/* -- the other program --------------------------------------------------------------------------------------------------------------- */

#define IS(condition)                                                                                                           \
    do {                                                                                                                        \
        if (!(condition))                                                                                                       \
            return __LINE__ % 251 + 1;                                                                                          \
    } while (0)

static int takes_all_and_gives_back(struct weir_pool *pool, uint64_t handle)
{
    struct weir_op *op = weir_op_ref_handle(pool, handle), *all[CAPACITY];
    unsigned n = 0;
    IS(op && weir_op_refs(op) == 2);
    IS(strcmp(weir_op_buffer(op), "a question") == 0);
    strcpy(weir_op_buffer(op), "an answer");
    IS(!weir_op_unref(op));
    while (n < CAPACITY && (all[n] = weir_op_get(pool)))
        n++;
    IS(n == CAPACITY - 1);                              /* all but that one, wherever they lay */
    weir_op_put_bulk(all, n);
    IS(!weir_op_ref_handle(pool, handle + (UINT64_C(1) << 32)));
    return weir_pool_close(pool) == 0 ? 0 : 250;
}

static int waits_for_one(struct weir_pool *pool, uint64_t handle)
{
    struct weir_op *op = weir_op_get_wait(pool, INT64_C(1000000000) * PATIENCE);
    IS(op && (uint32_t)weir_op_handle(op) == (uint32_t)handle);    /* the only one that is free */
    weir_op_put(op);
    return weir_pool_close(pool) == 0 ? 0 : 250;
}

/* Whoever ends by this gives nothing back. */
static int dies_holding(struct weir_pool *pool, uint64_t handle)
{
    (void)handle;
    for (int i = 0; i < HELD; i++)
        IS(weir_op_get(pool));
#ifdef _WIN32
    TerminateProcess(GetCurrentProcess(), 7);
#else
    kill(getpid(), SIGKILL);
#endif
    return 250;
}

static int (*const roles[])(struct weir_pool *pool, uint64_t handle) = { takes_all_and_gives_back, waits_for_one, dies_holding };
enum role { TAKES_ALL, WAITS, DIES };

static int other_program(char **argv)
{
    struct weir_pool *pool;
    IS(weir_pool_open(&pool, argv[2]) == 0);
    return roles[atoi(argv[1])](pool, strtoull(argv[3], NULL, 16));
}

/* -- this one -------------------------------------------------------------------------------------------------------------------------- */

static intptr_t start(enum role role, uint64_t handle)
{
    char word[8], number[24];
    snprintf(word, sizeof word, "%d", (int)role);
    snprintf(number, sizeof number, "%llx", (unsigned long long)handle);
#ifdef _WIN32
    intptr_t child = _spawnl(_P_NOWAIT, program, program, word, name, number, (char *)NULL);
#else
    char *arguments[] = { (char *)program, word, name, number, NULL };
    pid_t child = fork();
    if (child == 0) {
        execv(program, arguments);
        _exit(249);
    }
#endif
    assert_true(child > 0);
    return child;
}

/* Its exit status; -1: it was killed. */
static int end(intptr_t child)
{
    int status = 0;
#ifdef _WIN32
    assert_true(_cwait(&status, child, 0) != -1);
    return status == 7 ? -1 : status;
#else
    assert_int_equal(waitpid((pid_t)child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
#endif
}

static struct weir_pool *shared(const char *debug)
{
    static int made;
    struct weir_pool_config config = { .name = name, .capacity = CAPACITY, .cache = 8, .buffer_size = 4096, .flags = WEIR_POOL_SHARED, .debug = debug };
#ifdef _WIN32
    snprintf(name, sizeof name, "test-program-%lu-%d", (unsigned long)GetCurrentProcessId(), made++);
#else
    snprintf(name, sizeof name, "test-program-%d-%d", (int)getpid(), made++);
#endif
    return pool_from(&config);
}

static void finished(struct weir_pool *pool)
{
    assert_int_equal(weir_pool_close(pool), 0);
    assert_int_equal(weir_pool_unlink(name), 0);
    assert_int_equal(weir_pool_open(&pool, name), -ENOENT);
}

static void another_program_finds_an_op_by_its_handle_and_all_others_wherever_they_lie(void **state)
{
    struct weir_pool *pool = shared(""), *twin;
    struct weir_op *op = weir_op_get(pool), *some[20];
    struct weir_pool_config again = { .name = name, .capacity = 1, .flags = WEIR_POOL_SHARED };
    (void)state;
    assert_int_equal(weir_pool_create(&twin, &again), -EEXIST);
    assert_int_equal(weir_op_get_bulk(pool, some, 20), 20);
    weir_op_put_bulk(some, 20);                         /* some lie in this thread's cache */
    weir_op_publish(op);
    strcpy(weir_op_buffer(op), "a question");
    assert_int_equal(end(start(TAKES_ALL, weir_op_handle(op))), 0);
    assert_string_equal(weir_op_buffer(op), "an answer");
    assert_true(weir_op_unref(op));
    assert_int_equal(weir_pool_check(pool), 0);
    finished(pool);
}

static void a_put_here_wakes_a_get_there(void **state)
{
    struct weir_pool *pool = shared("");
    struct weir_op *all[CAPACITY], *op;
    intptr_t child;
    (void)state;
    for (int i = 0; i < CAPACITY; i++)
        assert_non_null(all[i] = weir_op_get(pool));
    child = start(WAITS, weir_op_handle(all[0]));
    (void)EVENTUALLY(stats_of(pool).empties > 0);        /* it may sleep by now; the test holds either way */
    weir_op_put(all[0]);
    assert_int_equal(end(child), 0);
    weir_op_put_bulk(all + 1, CAPACITY - 1);
    for (int i = 0; i < CAPACITY; i++)
        assert_non_null(all[i] = weir_op_get(pool));
    op = weir_op_get(pool);
    assert_null(op);
    weir_op_put_bulk(all, CAPACITY);
    assert_int_equal(weir_pool_check(pool), 0);
    finished(pool);
}

struct seen {
    int ops, dead, refs;
    int64_t pid;
};

static int see(const struct weir_leak *leak, void *arg)
{
    struct seen *seen = arg;
    seen->ops++;
    for (unsigned i = 0; i < leak->holders; i++) {
        seen->dead += leak->holder[i].state == WEIR_DEAD;
        seen->refs += leak->holder[i].refs;
        seen->pid = leak->holder[i].pid;
    }
    return 0;
}

static void what_a_program_held_that_was_killed_stays_with_it_and_is_named(void **state)
{
    struct weir_pool *pool = shared("track=sketch");
    struct weir_op *op, *all[CAPACITY];
    struct seen seen = { 0 };
    unsigned n = 0;
    (void)state;
    assert_int_equal(end(start(DIES, 0)), -1);
    while (n < CAPACITY && (op = weir_op_get(pool)))
        all[n++] = op;
    assert_int_equal(n, CAPACITY - HELD);
    weir_op_put_bulk(all, n);
    assert_int_equal(weir_leaks(pool, INT64_MAX, see, &seen), HELD);
    assert_int_equal(seen.ops, HELD);
    assert_int_equal(seen.refs, HELD);
    assert_int_equal(seen.dead, HELD);
    assert_true(seen.pid > 0);
    finished(pool);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(another_program_finds_an_op_by_its_handle_and_all_others_wherever_they_lie),
        cmocka_unit_test(a_put_here_wakes_a_get_there),
        cmocka_unit_test(what_a_program_held_that_was_killed_stays_with_it_and_is_named),
    };
    if (argc == 4)
        return other_program(argv);
    program = argv[0];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
