/* test_port.c - the port by itself: made, posted to, called on, waited on by many, closed. */
#include "support.h"

#include <weir/port.h>

#include "net.h"

static struct weir_port *port_open(void)
{
    struct weir_port *port = NULL;
    int error = weir_port_create(&port, NULL);
    if (error)
        fail_msg("weir_port_create: %d: %s", error, weir_error_message());
    return port;
}

/* Exactly one completion that is there now, or comes soon. */
static struct weir_completion take(struct weir_port *port)
{
    struct weir_completion c;
    memset(&c, 0xee, sizeof c);
    assert_int_equal(weir_port_wait(port, &c, 1, PATIENCE * INT64_C(1000000000)), 1);
    return c;
}

static void assert_nothing_waits(struct weir_port *port)
{
    struct weir_completion c;
    assert_int_equal(weir_port_wait(port, &c, 1, 0), 0);
}

/* -- making ----------------------------------------------------------------------------------------------------------------- */

static void a_port_says_what_carries_it(void **state)
{
#ifdef _WIN32
    const char *here = "iocp", *elsewhere = "epoll";
#else
    const char *here = "epoll", *elsewhere = "iocp";
#endif
    struct weir_port_config config = { .concurrency = 3, .backend = here };
    struct weir_port *port = port_open();
    (void)state;
    assert_string_equal(weir_port_backend(port), here);
    assert_int_equal(weir_port_close(port), 0);
    assert_int_equal(weir_port_create(&port, &config), 0);
    assert_string_equal(weir_port_backend(port), here);
    assert_int_equal(weir_port_close(port), 0);
    config.backend = elsewhere;
    port = NULL;
    assert_int_equal(weir_port_create(&port, &config), -EINVAL);
    assert_says(weir_error_message(), elsewhere, here, (char *)NULL);
    config.backend = "";
    assert_int_equal(weir_port_create(&port, &config), -EINVAL);
    assert_null(port);
}

static void bad_arguments_are_refused_with_a_message(void **state)
{
    struct weir_port *port = port_open();
    struct weir_completion c;
    (void)state;
    assert_int_equal(weir_port_create(NULL, NULL), -EINVAL);
    assert_int_equal(weir_port_wait(NULL, &c, 1, 0), -EINVAL);
    assert_int_equal(weir_port_wait(port, NULL, 1, 0), -EINVAL);
    assert_int_equal(weir_port_wait(port, &c, 0, 0), -EINVAL);
    assert_says(weir_error_message(), "n is 0", (char *)NULL);
    assert_int_equal(weir_port_post(NULL, NULL, 0, 0), -EINVAL);
    assert_int_equal(weir_port_call(port, NULL, NULL, NULL), -EINVAL);
    assert_says(weir_error_message(), "fn", (char *)NULL);
    assert_int_equal(weir_port_close(NULL), -EINVAL);
    assert_string_equal(weir_port_backend(NULL), "");
    assert_int_equal(weir_port_close(port), 0);
}

/* -- waiting and posting ---------------------------------------------------------------------------------------------------- */

static void a_wait_ends_with_its_time(void **state)
{
    struct weir_port *port = port_open();
    struct weir_completion c;
    int64_t begin = now_ns();
    (void)state;
    errno = 4711;
    assert_int_equal(weir_port_wait(port, &c, 1, 0), 0);
    assert_int_equal(weir_port_wait(port, &c, 1, 1), 0);
    assert_int_equal(weir_port_wait(port, &c, 1, 3000000), 0);
    assert_true(now_ns() - begin >= 3000000);
    assert_int_equal(errno, 4711);
    assert_int_equal(weir_port_close(port), 0);
}

static void a_post_comes_out_as_it_went_in(void **state)
{
    struct weir_port *port = port_open();
    struct weir_pool *pool = pool_of(4, 0, 64);
    struct weir_op *op = weir_op_get(pool);
    struct weir_completion c;
    (void)state;
    assert_int_equal(weir_port_post(port, op, 123, 456), 0);
    c = take(port);
    assert_ptr_equal(c.op, op);
    assert_null(c.stream);
    assert_int_equal(c.bytes, 123);
    assert_int_equal(c.key, 456);
    assert_int_equal(c.status, WEIR_POSTED);
    assert_int_equal(c.error, 0);
    assert_int_equal(weir_port_post(port, NULL, 7, 8), 0);
    c = take(port);
    assert_null(c.op);
    assert_int_equal(c.bytes, 7);
    assert_int_equal(c.key, 8);
    assert_int_equal(c.status, WEIR_POSTED);
    assert_nothing_waits(port);
    weir_op_put(op);
    assert_int_equal(weir_port_close(port), 0);
    close_quiet(pool);
}

static void posts_come_out_in_order_one_or_many_at_a_time(void **state)
{
    struct weir_port *port = port_open();
    struct weir_completion c[7];
    uintptr_t next = 0;
    (void)state;
    for (uintptr_t i = 0; i < 100; i++)
        assert_int_equal(weir_port_post(port, NULL, 0, i), 0);
    while (next < 100) {
        int n = weir_port_wait(port, c, 7, -1);
        assert_in_range(n, 1, 7);
        for (int i = 0; i < n; i++)
            assert_int_equal(c[i].key, next++);
    }
    assert_int_equal(weir_port_close(port), 0);
}

static void the_reserve_is_1024_posts_and_an_op_needs_none(void **state)
{
    struct weir_port *port = port_open();
    struct weir_pool *pool = pool_of(4, 0, 0);
    struct weir_op *op = weir_op_get(pool);
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (uintptr_t i = 0; i < 1024; i++)
            assert_int_equal(weir_port_post(port, NULL, 0, i), 0);
        assert_int_equal(weir_port_post(port, NULL, 0, 1), -EAGAIN);
        assert_says(weir_error_message(), "1024", (char *)NULL);
        assert_int_equal(weir_port_call(port, NULL, free, NULL), -EAGAIN);
        assert_int_equal(weir_port_post(port, op, 0, 1024), 0);
        for (uintptr_t i = 0; i < 1025; i++)
            assert_int_equal(take(port).key, i);
    }
    weir_op_put(op);
    assert_int_equal(weir_port_close(port), 0);
    close_quiet(pool);
}

static void a_posted_op_is_the_ports_until_it_is_taken(void **state)
{
    struct weir_port *port = port_open();
    struct weir_pool *pool = pool_of(4, 0, 0);
    struct weir_op *volatile op = weir_op_get(pool);
    (void)state;
    assert_int_equal(weir_port_post(port, op, 0, 0), 0);
    assert_panics(weir_op_put(op), "submitted|in flight");
    assert_panics(weir_op_unref(op), "submitted|in flight");
    assert_panics(weir_port_post(port, op, 0, 0), "submitted|in flight");
    assert_ptr_equal(take(port).op, op);
    assert_nothing_waits(port);
    weir_op_put(op);
    assert_panics(weir_port_post(port, op, 0, 0), "nobody holds it");
    assert_nothing_waits(port);
    assert_int_equal(weir_port_close(port), 0);
    close_quiet(pool);
}

/* -- calls ------------------------------------------------------------------------------------------------------------------- */

struct calls {
    struct weir_port *port;
    struct weir_op *op;
    pthread_t thread;
    int made, error;
};

static void count_call(void *arg)
{
    struct calls *calls = arg;
    calls->thread = pthread_self();
    calls->made++;
    if (calls->op)
        weir_op_put(calls->op);         /* it is this function's now */
}

static void post_from_call(void *arg)
{
    struct calls *calls = arg;
    if (weir_port_post(calls->port, NULL, 1, 2) == 0)
        calls->made++;
}

static void call_again(void *arg)
{
    struct calls *calls = arg;
    calls->made++;
    calls->error = weir_port_call(calls->port, NULL, call_again, calls);
}

static void a_call_runs_inside_a_wait(void **state)
{
    struct weir_port *port = port_open();
    struct weir_pool *pool = pool_of(4, 0, 0);
    struct calls calls = { port, weir_op_get(pool), 0, 0, 0 };
    (void)state;
    assert_int_equal(weir_port_call(port, calls.op, count_call, &calls), 0);
    assert_int_equal(calls.made, 0);
    assert_panics(weir_op_put(calls.op), "submitted|in flight");
    assert_nothing_waits(port);
    assert_int_equal(calls.made, 1);
    assert_true(pthread_equal(calls.thread, pthread_self()));
    calls.op = NULL;
    for (int i = 0; i < 100; i++)
        assert_int_equal(weir_port_call(port, NULL, count_call, &calls), 0);
    assert_nothing_waits(port);
    assert_int_equal(calls.made, 101);
    assert_int_equal(weir_port_close(port), 0);
    close_quiet(pool);
}

static void a_call_may_post_and_the_wait_goes_on(void **state)
{
    struct calls calls = { port_open(), NULL, 0, 0, 0 };
    (void)state;
    assert_int_equal(weir_port_call(calls.port, NULL, post_from_call, &calls), 0);
    assert_int_equal(take(calls.port).key, 2);
    assert_int_equal(calls.made, 1);
    assert_int_equal(weir_port_close(calls.port), 0);
}

static void completions_are_not_held_back_by_a_call_behind_them(void **state)
{
    struct calls calls = { port_open(), NULL, 0, 0, 0 };
    struct weir_completion c[4];
    (void)state;
    assert_int_equal(weir_port_post(calls.port, NULL, 0, 1), 0);
    assert_int_equal(weir_port_call(calls.port, NULL, count_call, &calls), 0);
    assert_int_equal(weir_port_post(calls.port, NULL, 0, 2), 0);
    assert_int_equal(weir_port_wait(calls.port, c, 4, 0), 1);
    assert_int_equal(c[0].key, 1);
    assert_int_equal(calls.made, 0);
    assert_int_equal(weir_port_wait(calls.port, c, 4, 0), 1);
    assert_int_equal(c[0].key, 2);
    assert_int_equal(calls.made, 1);
    assert_int_equal(weir_port_close(calls.port), 0);
}

static void a_call_that_calls_itself_does_not_keep_a_wait_beyond_its_time(void **state)
{
    struct calls calls = { port_open(), NULL, 0, 0, 0 };
    struct weir_completion c;
    (void)state;
    assert_int_equal(weir_port_call(calls.port, NULL, call_again, &calls), 0);
    assert_nothing_waits(calls.port);
    assert_nothing_waits(calls.port);
    assert_true(calls.made >= 2);
    assert_int_equal(calls.error, 0);
    assert_int_equal(weir_port_close(calls.port), 0);
    assert_int_equal(weir_port_wait(calls.port, &c, 1, -1), -ESHUTDOWN);        /* the last one runs, and is refused */
    assert_int_equal(calls.error, -ESHUTDOWN);
}

/* -- many threads ------------------------------------------------------------------------------------------------------------ */

struct takers {
    struct weir_port *port;
    unsigned batch;
    _Atomic uint64_t taken, sum, serving, ended;
};

static const char *take_until_closed(void *arg)
{
    struct takers *takers = arg;
    struct weir_completion c[16];
    for (int64_t timeout = 0;; timeout = -1) {
        int n = weir_port_wait(takers->port, c, takers->batch, timeout);
        if (n == -ESHUTDOWN)
            break;
        if (timeout == 0)
            atomic_fetch_add(&takers->serving, 1);          /* the port stays for this thread now */
        NEED(n > -(int)(timeout == 0) && n <= (int)takers->batch);
        for (int i = 0; i < n; i++) {
            NEED(c[i].status == WEIR_POSTED);
            atomic_fetch_add(&takers->sum, c[i].key);
            atomic_fetch_add(&takers->taken, 1);
            if (c[i].op)
                weir_op_put(c[i].op);
        }
    }
    atomic_fetch_add(&takers->ended, 1);
    return NULL;
}

struct poster {
    struct takers *takers;
    struct weir_pool *pool;
    uint64_t from, posts;
};

static const char *post_all(void *arg)
{
    struct poster *poster = arg;
    for (uint64_t i = 0; i < poster->posts; i++) {
        struct weir_op *op = i % 3 ? weir_op_get_wait(poster->pool, -1) : NULL;
        int error;
        while ((error = weir_port_post(poster->takers->port, op, 0, (uintptr_t)(poster->from + i))) == -EAGAIN)
            sched_yield();
        NEED(error == 0);
    }
    return NULL;
}

static void each_post_is_taken_once_by_one_of_many(void **state)
{
    enum { TAKERS = 8, POSTERS = 4 };
    const uint64_t posts = SCALED(20000, 4000);
    struct weir_pool *pool = pool_of(64, 0, 0);
    struct takers takers = { .port = port_open(), .batch = 5 };
    struct thread taker[TAKERS], thread[POSTERS];
    struct poster poster[POSTERS];
    uint64_t all = posts * POSTERS;
    (void)state;
    for (int i = 0; i < TAKERS; i++)
        thread_start(&taker[i], take_until_closed, &takers);
    for (int i = 0; i < POSTERS; i++) {
        poster[i] = (struct poster){ &takers, pool, (uint64_t)i * posts, posts };
        thread_start(&thread[i], post_all, &poster[i]);
    }
    for (int i = 0; i < POSTERS; i++)
        thread_join(&thread[i]);
    assert_true(EVENTUALLY(atomic_load(&takers.taken) == all && atomic_load(&takers.serving) == TAKERS));
    assert_true(atomic_load(&takers.sum) == all * (all - 1) / 2);
    assert_int_equal(weir_port_close(takers.port), 0);
    for (int i = 0; i < TAKERS; i++)
        thread_join(&taker[i]);
    close_quiet(pool);
}

/* A thread that takes one packet and does nothing more until all others have theirs. */
static const char *take_one_and_meet(void *arg)
{
    struct takers *takers = arg;
    struct weir_completion c;
    int n = weir_port_wait(takers->port, &c, 1, -1);
    NEED(n == 1);
    atomic_fetch_add(&takers->taken, 1);
    NEED(EVENTUALLY(atomic_load(&takers->taken) == takers->batch));
    return NULL;
}

static void as_many_sleepers_wake_as_there_are_posts(void **state)
{
    enum { SLEEPERS = 32 };
    (void)state;
    for (int round = 0; round < SCALED(50, 10); round++) {
        struct takers takers = { .port = port_open(), .batch = SLEEPERS };
        struct thread thread[SLEEPERS];
        for (int i = 0; i < SLEEPERS; i++)
            thread_start(&thread[i], take_one_and_meet, &takers);
        if (round % 2)
            nap_us(2000);               /* most of them sleep by then, or not: both must do */
        for (int i = 0; i < SLEEPERS; i++)
            assert_int_equal(weir_port_post(takers.port, NULL, 0, 0), 0);
        for (int i = 0; i < SLEEPERS; i++)
            thread_join(&thread[i]);
        assert_int_equal(weir_port_close(takers.port), 0);
    }
}

/* -- closing ----------------------------------------------------------------------------------------------------------------- */

static void close_wakes_all_who_wait(void **state)
{
    enum { SLEEPERS = 16 };
    (void)state;
    for (int round = 0; round < SCALED(50, 10); round++) {
        struct takers takers = { .port = port_open(), .batch = 1 };
        struct thread thread[SLEEPERS];
        for (int i = 0; i < SLEEPERS; i++)
            thread_start(&thread[i], take_until_closed, &takers);
        for (int i = 0; i < SLEEPERS; i++)
            assert_int_equal(weir_port_post(takers.port, NULL, 0, 0), 0);
        assert_true(EVENTUALLY(atomic_load(&takers.serving) == SLEEPERS));
        if (round % 2)
            assert_true(EVENTUALLY(atomic_load(&takers.taken) == SLEEPERS));
        assert_int_equal(weir_port_close(takers.port), 0);
        for (int i = 0; i < SLEEPERS; i++)
            thread_join(&thread[i]);
        assert_int_equal(atomic_load(&takers.ended), SLEEPERS);
        assert_int_equal(atomic_load(&takers.taken), SLEEPERS);
    }
}

static void what_waits_in_a_closed_port_is_still_handed_out(void **state)
{
    struct weir_port *port = port_open();
    struct weir_pool *pool = pool_of(8, 0, 0);
    struct weir_op *op[3];
    struct weir_completion c;
    (void)state;
    for (uintptr_t i = 0; i < 3; i++) {
        op[i] = weir_op_get(pool);
        assert_int_equal(weir_port_post(port, op[i], 0, i), 0);
    }
    assert_int_equal(weir_port_close(port), 0);
    for (uintptr_t i = 0; i < 2; i++) {
        c = take(port);
        assert_ptr_equal(c.op, op[i]);
        weir_op_put(op[i]);
    }
    assert_int_equal(weir_port_post(port, op[0] = weir_op_get(pool), 0, 0), -ESHUTDOWN);
    weir_op_put(op[0]);                 /* the caller's still */
    assert_int_equal(weir_port_call(port, NULL, free, NULL), -ESHUTDOWN);
    assert_int_equal(weir_port_close(port), -ESHUTDOWN);
    c = take(port);
    assert_ptr_equal(c.op, op[2]);
    weir_op_put(op[2]);
    assert_int_equal(weir_port_wait(port, &c, 1, -1), -ESHUTDOWN);
    close_quiet(pool);
}

static void a_thread_that_serves_a_port_may_come_back_after_its_close(void **state)
{
    struct weir_port *port = port_open();
    struct weir_completion c;
    (void)state;
    assert_nothing_waits(port);         /* from here on this thread serves it */
    assert_int_equal(weir_port_close(port), 0);
    assert_int_equal(weir_port_post(port, NULL, 0, 0), -ESHUTDOWN);
    assert_int_equal(weir_port_wait(port, &c, 1, -1), -ESHUTDOWN);
}

static const char *serve_and_exit(void *arg)
{
    struct weir_completion c;
    NEED(weir_port_wait(arg, &c, 1, 0) == 0);
    return NULL;
}

static void threads_that_served_and_ended_do_not_keep_a_port(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {     /* the leak checker and the descriptors would tell */
        struct weir_port *port = port_open();
        on_another_thread(serve_and_exit, port);
        assert_nothing_waits(port);
        assert_int_equal(weir_port_close(port), 0);
    }
}

#ifndef _WIN32
static unsigned descriptors(void)
{
    unsigned n = 0;
    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void a_closed_port_keeps_no_descriptors(void **state)
{
    struct weir_port *port;
    unsigned before = descriptors();
    (void)state;
    port = port_open();
    assert_nothing_waits(port);
    assert_true(descriptors() > before);
    assert_int_equal(weir_port_close(port), 0);
    assert_int_equal(descriptors(), before);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_port_says_what_carries_it),
        cmocka_unit_test(bad_arguments_are_refused_with_a_message),
        cmocka_unit_test(a_wait_ends_with_its_time),
        cmocka_unit_test(a_post_comes_out_as_it_went_in),
        cmocka_unit_test(posts_come_out_in_order_one_or_many_at_a_time),
        cmocka_unit_test(the_reserve_is_1024_posts_and_an_op_needs_none),
        cmocka_unit_test(a_posted_op_is_the_ports_until_it_is_taken),
        cmocka_unit_test(a_call_runs_inside_a_wait),
        cmocka_unit_test(a_call_may_post_and_the_wait_goes_on),
        cmocka_unit_test(completions_are_not_held_back_by_a_call_behind_them),
        cmocka_unit_test(a_call_that_calls_itself_does_not_keep_a_wait_beyond_its_time),
        cmocka_unit_test(each_post_is_taken_once_by_one_of_many),
        cmocka_unit_test(as_many_sleepers_wake_as_there_are_posts),
        cmocka_unit_test(close_wakes_all_who_wait),
        cmocka_unit_test(what_waits_in_a_closed_port_is_still_handed_out),
        cmocka_unit_test(a_thread_that_serves_a_port_may_come_back_after_its_close),
        cmocka_unit_test(threads_that_served_and_ended_do_not_keep_a_port),
#ifndef _WIN32
        cmocka_unit_test(a_closed_port_keeps_no_descriptors),
#endif
    };
    net_open();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
