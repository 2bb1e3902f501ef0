/* tests/test_os_wait.c - os.h's clock, waits and wakes, lock and events. */
#include "os_support.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <fcntl.h>
#include <poll.h>
#endif

static void the_clock_only_goes_on(void **state)
{
    (void)state;
    int64_t before = os_now(), after = before;
    assert_true(before > 0);
    for (int i = 0; i < 10000; i++) {
        int64_t now = os_now();
        assert_true(now >= after);
        after = now;
    }
    assert_true(after > before);
    assert_true(after - before < 60 * (int64_t)SECOND);
}

static void wait_returns_at_once_if_the_word_differs(void **state)
{
    (void)state;
    uint32_t word = 3;
    assert_int_equal(os_wait(&word, 4, INT64_MAX), 0);
    assert_int_equal(os_wait(&word, 4, 0), 0);
}

static void wait_times_out_at_the_deadline_and_not_before(void **state)
{
    (void)state;
    uint32_t word = 3;
    int64_t deadline = os_now() + 20000000;
    int result;
    assert_int_equal(os_wait(&word, 3, 0), -ETIMEDOUT);
    assert_int_equal(os_wait(&word, 3, INT64_MIN), -ETIMEDOUT);
    assert_int_equal(os_wait(&word, 3, os_now() - 1), -ETIMEDOUT);
    while ((result = os_wait(&word, 3, deadline)) == 0)
        assert_true(os_now() < deadline + 10 * (int64_t)SECOND);
    assert_int_equal(result, -ETIMEDOUT);
    assert_true(os_now() >= deadline);
}

struct sleeper {
    uint32_t *word;
    uint32_t asleep, awake;
    int64_t deadline;
};

static void *sleeps_while_zero(void *arg)
{
    struct sleeper *sleeper = arg;
    add_32(&sleeper->asleep, 1);
    while (load_acquire_32(sleeper->word) == 0) {
        if (os_wait(sleeper->word, 0, sleeper->deadline) == -ETIMEDOUT)
            return NULL;
    }
    add_32(&sleeper->awake, 1);
    return NULL;
}

static void wake_ends_the_sleep_of_all_with_and_without_deadline(void **state)
{
    (void)state;
    for (int forever = 0; forever < 2; forever++) {
        uint32_t word = 0;
        struct sleeper sleeper = {&word, 0, 0, forever ? INT64_MAX : os_now() + 600 * (int64_t)SECOND};
        pthread_t thread[4];
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, sleeps_while_zero, &sleeper), 0);
        assert_true(reaches(&sleeper.asleep, 4));
        for (int i = 0; i < 1000; i++)          /* they may be on their way still; either way they end */
            os_yield();
        store_release_32(&word, 1);
        os_wake(&word, 4);
        for (int i = 0; i < 4; i++)
            pthread_join(thread[i], NULL);
        assert_int_equal(sleeper.awake, 4);
    }
}

static void wakes_of_one_end_the_sleeps_one_by_one(void **state)
{
    (void)state;
    uint32_t word = 0;
    struct sleeper sleeper = {&word, 0, 0, INT64_MAX};
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, sleeps_while_zero, &sleeper), 0);
    assert_true(reaches(&sleeper.asleep, 4));
    store_release_32(&word, 1);
    os_wake(&word, 0);
    for (int i = 0; i < 4; i++)
        os_wake(&word, 1);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(sleeper.awake, 4);
}

struct contended {
    struct os_lock lock;
    uint64_t counter, start;
};

enum { CONTENDERS = 4, TURNS = 50000 };

static void *counts_under_the_lock(void *arg)
{
    struct contended *c = arg;
    for (int i = 0; i < TURNS; i++) {
        os_lock(&c->lock);
        uint64_t read = *(volatile uint64_t *)&c->counter;
        if (i % 512 == 0)
            os_yield();                 /* others find it locked, and sleep */
        *(volatile uint64_t *)&c->counter = read + 1;
        os_unlock(&c->lock);
    }
    return NULL;
}

static void the_lock_excludes_and_is_free_afterwards(void **state)
{
    (void)state;
    struct contended c = {{0}, 0, 0};
    pthread_t thread[CONTENDERS];
    for (int i = 0; i < CONTENDERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, counts_under_the_lock, &c), 0);
    for (int i = 0; i < CONTENDERS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(c.counter, (uint64_t)CONTENDERS * TURNS);
    assert_int_equal(c.lock.word, 0);
}

/* An event loop's look at the event. */
static bool is_set(int event, int milliseconds)
{
#ifdef _WIN32
    return WaitForSingleObject((HANDLE)(intptr_t)event, (DWORD)milliseconds) == WAIT_OBJECT_0;
#else
    struct pollfd look = {.fd = event, .events = POLLIN};
    return poll(&look, 1, milliseconds) == 1 && (look.revents & POLLIN);
#endif
}

static void an_event_is_readable_from_set_to_reset(void **state)
{
    (void)state;
    int event = os_event_create();
    assert_true(event >= 0);
    assert_false(is_set(event, 0));
    os_event_reset(event);              /* never blocks, also if it wasn't set */
    os_event_set(event);
    assert_true(is_set(event, 0));
    assert_true(is_set(event, 0));
    os_event_set(event);
    os_event_reset(event);
    assert_false(is_set(event, 0));
    os_event_close(event);
}

static void *sets_the_event(void *event)
{
    os_event_set(*(int *)event);
    return NULL;
}

static void an_event_ends_the_wait_of_another_thread(void **state)
{
    (void)state;
    int event = os_event_create();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, sets_the_event, &event), 0);
    assert_true(is_set(event, 10000));
    pthread_join(thread, NULL);
    os_event_close(event);
}

#ifndef _WIN32
static void an_event_set_too_often_still_does_not_block(void **state)
{
    (void)state;
    int event = os_event_create();
    uint64_t almost_all = UINT64_MAX - 1;
    assert_int_equal(fcntl(event, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(write(event, &almost_all, sizeof almost_all), sizeof almost_all);
    os_event_set(event);
    assert_true(is_set(event, 0));
    os_event_reset(event);
    assert_false(is_set(event, 0));
    os_event_close(event);
}

static void *waits_for_ever(void *arg)
{
    return sleeps_while_zero(arg);
}

static void a_wait_is_no_cancellation_point(void **state)
{
    (void)state;
    uint32_t word = 0;
    struct sleeper sleeper = {&word, 0, 0, INT64_MAX};
    pthread_t thread;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, waits_for_ever, &sleeper), 0);
    assert_true(reaches(&sleeper.asleep, 1));
    assert_int_equal(pthread_cancel(thread), 0);
    for (int i = 0; i < 1000; i++)
        os_yield();
    store_release_32(&word, 1);
    os_wake(&word, 1);
    pthread_join(thread, &result);
    assert_null(result);
    assert_int_equal(sleeper.awake, 1);
}
#endif

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(the_clock_only_goes_on),
        cmocka_unit_test(wait_returns_at_once_if_the_word_differs),
        cmocka_unit_test(wait_times_out_at_the_deadline_and_not_before),
        cmocka_unit_test(wake_ends_the_sleep_of_all_with_and_without_deadline),
        cmocka_unit_test(wakes_of_one_end_the_sleeps_one_by_one),
        cmocka_unit_test(the_lock_excludes_and_is_free_afterwards),
        cmocka_unit_test(an_event_is_readable_from_set_to_reset),
        cmocka_unit_test(an_event_ends_the_wait_of_another_thread),
#ifndef _WIN32
        cmocka_unit_test(an_event_set_too_often_still_does_not_block),
        cmocka_unit_test(a_wait_is_no_cancellation_point),
#endif
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
