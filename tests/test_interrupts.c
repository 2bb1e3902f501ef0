/* tests/test_interrupts.c - what op.h says of interrupts: which functions a signal handler may call, that a signal harms neither a
 * get, a put nor a wait, that none of them is a cancellation point, and that a longjmp out of a callback leaves the pool whole. Linux
 * only.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "child.h"
#include "sleeper.h"

/* -- signal handlers ------------------------------------------------------------------------------------------------------------ */

struct seen {
    struct weir_pool *pool;
    struct weir_op *op;
    void *buffer, *user;
    uint64_t handle;
    uint32_t index;
    struct _OVERLAPPED *overlapped;
};
static struct seen expected;
static _Atomic int handled, handled_wrong;

static void looks_at_the_op(int number)
{
    struct weir_op *op = expected.op;
    int saved = errno;
    (void)number;
    if (weir_op_buffer(op) != expected.buffer || weir_op_buffer_size(op) != 512 || weir_op_user(op) != expected.user ||
        weir_op_pool(op) != expected.pool || weir_op_index(op) != expected.index ||
        weir_op_handle(op) != expected.handle || weir_op_overlapped(op) != expected.overlapped ||
        weir_op_from_overlapped(expected.overlapped) != op || weir_op_from_user(expected.user) != op ||
        weir_op_from_buffer(expected.pool, (char *)expected.buffer + 100) != op || errno != saved)
        atomic_fetch_add(&handled_wrong, 1);
    atomic_fetch_add(&handled, 1);
}

static void handle_signals(void (*fn)(int), int flags)
{
    struct sigaction action = { .sa_flags = flags };
    action.sa_handler = fn;
    sigemptyset(&action.sa_mask);
    assert_int_equal(sigaction(SIGUSR1, &action, NULL), 0);
}

struct worker {
    struct weir_pool *pool;
    _Atomic bool stop;
};

static const char *gets_and_puts(void *arg)
{
    struct worker *w = arg;
    struct weir_op *ops[30];
    while (!atomic_load(&w->stop)) {
        unsigned n = 0;
        while (n < 30 && (ops[n] = weir_op_get(w->pool)))
            n++;
        put_all(ops, n);
        if ((n = weir_op_get_bulk(w->pool, ops, 7)))
            weir_op_put_bulk(ops, n);
        weir_op_put(weir_op_get_wait(w->pool, 1000));
        if (SANITIZED)
            nap_us(1);                  /* ThreadSanitizer keeps signals back until the C library is called */
    }
    return NULL;
}

static void accessors_are_safe_in_a_handler_that_interrupts_get_and_put(void **state)
{
    struct weir_pool_config config = { .capacity = 40, .buffer_size = 512, .user_size = 32 };
    struct worker worker = { .pool = pool_from(&config) };
    struct thread thread[3];
    struct weir_op *op = weir_op_get(worker.pool);
    (void)state;
    expected = (struct seen){ worker.pool, op, weir_op_buffer(op), weir_op_user(op), weir_op_handle(op), weir_op_index(op),
                              weir_op_overlapped(op) };
    handle_signals(looks_at_the_op, SA_RESTART);
    for (int i = 0; i < 3; i++)
        thread_start(&thread[i], gets_and_puts, &worker);
    for (int i = 0; i < SCALED(20000, 3000); i++) {
        assert_int_equal(pthread_kill(thread[i % 3].id, SIGUSR1), 0);
        if (i % 50 == 0)
            sched_yield();
    }
    assert_true(EVENTUALLY(atomic_load(&handled) > 100));
    atomic_store(&worker.stop, true);
    for (int i = 0; i < 3; i++)
        thread_join(&thread[i]);
    assert_int_equal(handled_wrong, 0);
    signal(SIGUSR1, SIG_DFL);
    weir_op_put(op);
    take_and_put_all(worker.pool, 40);
    close_quiet(worker.pool);
}

static void counts(int number)
{
    (void)number;
    atomic_fetch_add(&handled, 1);
}

static void a_signal_does_not_end_a_wait(void **state)
{
    struct weir_pool *pool = pool_of(1, 0, 0);
    struct weir_op *op = weir_op_get(pool);
    struct sleeper sleeper;
    _Atomic int turn = 0;
    (void)state;
    handle_signals(counts, 0);                  /* no SA_RESTART: the system call is interrupted */
    sleeper_start(&sleeper, pool, -1, &turn);
    for (int i = 0; i < 20; i++) {
        int before = atomic_load(&handled);
        assert_int_equal(pthread_kill(sleeper.thread.id, SIGUSR1), 0);
        assert_true(EVENTUALLY(atomic_load(&handled) > before));
        assert_true(EVENTUALLY(thread_sleeps(atomic_load(&sleeper.tid)) || atomic_load(&sleeper.came_back)));
        assert_int_equal(atomic_load(&sleeper.came_back), 0);
    }
    weir_op_put(op);
    assert_true(sleeper_is_back(&sleeper));
    thread_join(&sleeper.thread);
    assert_non_null(sleeper.op);
    weir_op_put(sleeper.op);
    signal(SIGUSR1, SIG_DFL);
    close_quiet(pool);
}

/* -- cancellation ---------------------------------------------------------------------------------------------------------------- */

static bool cancelled(struct thread *t)
{
    struct timespec until;
    void *result = NULL;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE / 4;
    if (pthread_timedjoin_np(t->id, &result, &until))
        fail_msg("a thread that was cancelled goes on");
    if (result != PTHREAD_CANCELED)
        assert_right(result);
    return result == PTHREAD_CANCELED;
}

/* With a cancellation pending: none of these is a cancellation point, not even a wait that sleeps. */
static __attribute__((__noinline__)) void does_all_that_is_no_cancellation_point(struct worker *w)
{
    for (int i = 0; i < 100; i++) {
        struct weir_op *ops[20];
        for (int k = 0; k < 10; k++)
            ops[k] = weir_op_get(w->pool);
        for (int k = 10; k < 20; k++)
            ops[k] = weir_op_get_wait(w->pool, k % 2 ? -1 : 0);
        put_all(ops, 20);
        weir_op_put_bulk(ops, weir_op_get_bulk(w->pool, ops, 20));
        weir_thread_flush(w->pool);
        weir_pool_trim(w->pool);
    }
}

/* Cancelled in a function without arrays of its own: AddressSanitizer takes such an unwinding for a use after scope. */
static const char *is_cancelled_at_the_end(void *arg)
{
    struct worker *w = arg;
    pthread_cancel(pthread_self());
    does_all_that_is_no_cancellation_point(w);
    atomic_store(&w->stop, true);
    pthread_testcancel();
    return "the cancellation was lost";
}

static void get_and_put_are_no_cancellation_points(void **state)
{
    struct worker worker = { .pool = pool_of(2000, 0, 4096) };     /* its first gets commit memory, too */
    (void)state;
    for (int i = 0; i < 20; i++) {
        struct thread thread;
        atomic_store(&worker.stop, false);
        thread_start(&thread, is_cancelled_at_the_end, &worker);
        assert_true(cancelled(&thread));
        assert_true(atomic_load(&worker.stop));     /* it came to the end */
        assert_quiet(worker.pool, 0);
    }
    close_quiet(worker.pool);
}

static __attribute__((__noinline__)) void sleeps(void *arg)
{
    (void)sleeper_body(arg);
}

static const char *sleeps_and_is_cancelled_after_it(void *arg)
{
    sleeps(arg);
    pthread_testcancel();
    return "the cancellation was lost";
}

/* Its place in the queue stays its own, and what it is given it can still give back before it goes. */
static void a_thread_that_is_cancelled_while_it_waits_is_served_first(void **state)
{
    struct weir_pool *pool = pool_of(3, 0, 0);
    (void)state;
    for (int gone = 0; gone < 3; gone++) {
        struct weir_op **ops = take_all(pool, 3);
        struct sleeper sleeper[3];
        _Atomic int turn = 0;
        for (int i = 0; i < 3; i++)
            sleeper_start_as(&sleeper[i], pool, -1, &turn, i == gone ? sleeps_and_is_cancelled_after_it : sleeper_body);
        assert_int_equal(pthread_cancel(sleeper[gone].thread.id), 0);
        for (int i = 0; i < 3; i++) {
            weir_op_put(ops[i]);
            assert_true(sleeper_is_back(&sleeper[i]));
            assert_int_equal(atomic_load(&sleeper[i].came_back), i + 1);
            assert_int_equal(cancelled(&sleeper[i].thread), i == gone);
            assert_non_null(sleeper[i].op);
        }
        assert_quiet(pool, 3);
        for (int i = 0; i < 3; i++)
            weir_op_put(sleeper[i].op);
        free(ops);
        assert_quiet(pool, 0);
    }
    close_quiet(pool);
}

struct race {
    struct weir_pool *pool;
    struct weir_op *op;
    _Atomic bool waiting;
};

static const char *waits_and_puts(void *arg)
{
    struct race *race = arg;
    struct weir_op *op;
    atomic_store(&race->waiting, true);
    op = weir_op_get_wait(race->pool, -1);
    NEED(op);
    weir_op_put(op);
    pthread_testcancel();
    return NULL;
}

/* Whatever comes first, the op is in the pool afterwards. */
static void a_put_against_a_cancellation_loses_no_op(void **state)
{
    struct race race = { .pool = pool_of(1, 0, 0) };
    (void)state;
    for (int round = 0; round < SCALED(2000, 300); round++) {
        struct thread thread;
        race.op = weir_op_get(race.pool);
        assert_non_null(race.op);
        atomic_store(&race.waiting, false);
        thread_start(&thread, waits_and_puts, &race);
        while (!atomic_load(&race.waiting))
            sched_yield();
        for (int i = 0; i < round % 40; i++)
            nap_us(i % 4 ? 0 : 1);
        if (round % 2) {
            assert_int_equal(pthread_cancel(thread.id), 0);
            weir_op_put(race.op);
        } else {
            weir_op_put(race.op);
            (void)pthread_cancel(thread.id);
        }
        (void)cancelled(&thread);
        assert_quiet(race.pool, 0);
    }
    close_quiet(race.pool);
}

/* -- longjmp out of callbacks ----------------------------------------------------------------------------------------------------- */

static const char *panics_again_and_again(void *arg)
{
    struct worker *w = arg;
    struct catcher catcher;
    for (volatile int i = 0; i < SCALED(2000, 300); i++) {
        struct weir_op *op = take_one(w->pool), *twice[2];
        if (!op)
            continue;
        weir_op_ref(op);
        NEED(PANICKED(&catcher, weir_op_put(op)));
        NEED(!weir_op_unref(op));
        NEED(PANICKED(&catcher, weir_op_returned(op)));
        weir_op_submitted(op);
        NEED(PANICKED(&catcher, (void)weir_op_unref(op)));
        weir_op_returned(op);
        weir_op_put(op);
        if (weir_op_get_bulk(w->pool, twice, 2)) {
            weir_op_submitted(twice[1]);
            NEED(PANICKED(&catcher, weir_op_put_bulk(&twice[1], 1)));
            weir_op_returned(twice[1]);
            weir_op_put_bulk(twice, 2);
        }
    }
    return NULL;
}

static void a_longjmp_from_the_panic_hook_leaves_the_pool_whole(void **state)
{
    struct worker worker = { .pool = pool_of(12, 0, 0) };
    struct thread thread[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        thread_start(&thread[i], panics_again_and_again, &worker);
    for (int i = 0; i < 4; i++)
        thread_join(&thread[i]);
    take_and_put_all(worker.pool, 12);
    close_quiet(worker.pool);
}

static jmp_buf out_of_low_water;

static void jumps(struct weir_pool *pool, void *arg)
{
    (void)pool;
    ++*(int *)arg;
    longjmp(out_of_low_water, 1);
}

/* Static, not locals: their values must survive the longjmp. */
static struct weir_op *low_ops[20];
static int low_held, low_calls;

static void a_longjmp_out_of_low_water_leaves_the_pool_whole(void **state)
{
    struct weir_pool *pool = pool_of(20, 0, 0);
    (void)state;
    assert_int_equal(weir_pool_low_water(pool, 5, jumps, &low_calls), 0);
    for (int round = 1; round <= 10; round++) {
        low_held = 0;
        if (!setjmp(out_of_low_water))
            while (low_held < 20 && (low_ops[low_held] = weir_op_get(pool)))
                low_held++;
        assert_int_equal(low_calls, round);
        assert_quiet(pool, (uint64_t)low_held);     /* the get that was left took nothing */
        put_all(low_ops, (size_t)low_held);
    }
    assert_int_equal(weir_pool_low_water(pool, 0, NULL, NULL), 0);
    take_and_put_all(pool, 20);
    close_quiet(pool);
}

/* -- the hook itself ---------------------------------------------------------------------------------------------------------------- */

static void returns(const char *message, void *arg)
{
    (void)message;
    *(int *)arg = 1;
}

static const char *double_puts(struct weir_op *op)
{
    weir_op_put(op);
    weir_op_put(op);
    return "the second put returned";
}

static const char *has_a_hook_that_returns(void *arg)
{
    int called = 0;
    (void)arg;
    weir_set_panic(returns, &called);
    return double_puts(weir_op_get(pool_of(10, 0, 0)));
}

static const char *has_the_default_hook(void *arg)
{
    int *to = arg;
    struct weir_pool_config config = { .name = "broken", .capacity = 10 };
    dup2(*to, STDERR_FILENO);
    weir_set_panic(catch_panic, NULL);
    weir_set_panic(NULL, NULL);                 /* the default again */
    return double_puts(weir_op_get(pool_from(&config)));
}

static void a_hook_that_returns_is_followed_by_abort(void **state)
{
    int status = child_status(child_start(has_a_hook_that_returns, NULL));
    (void)state;
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

static void the_default_hook_writes_to_standard_error_and_aborts(void **state)
{
    char text[1024] = { 0 };
    int pipes[2], status;
    (void)state;
    assert_int_equal(pipe(pipes), 0);
    status = child_status(child_start(has_the_default_hook, &pipes[1]));
    close(pipes[1]);
    assert_true(read(pipes[0], text, sizeof text - 1) > 0);
    close(pipes[0]);
    assert_says(text, "broken", NULL);
    assert_int_equal(text[strlen(text) - 1], '\n');
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accessors_are_safe_in_a_handler_that_interrupts_get_and_put),
        cmocka_unit_test(a_signal_does_not_end_a_wait),
        cmocka_unit_test(get_and_put_are_no_cancellation_points),
        cmocka_unit_test(a_thread_that_is_cancelled_while_it_waits_is_served_first),
        cmocka_unit_test(a_put_against_a_cancellation_loses_no_op),
        cmocka_unit_test(a_longjmp_from_the_panic_hook_leaves_the_pool_whole),
        cmocka_unit_test(a_longjmp_out_of_low_water_leaves_the_pool_whole),
        cmocka_unit_test(a_hook_that_returns_is_followed_by_abort),
        cmocka_unit_test(the_default_hook_writes_to_standard_error_and_aborts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
