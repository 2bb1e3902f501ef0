/* test_call.c - the tables that keep functions as numbers and calls in progress as slots. Both fill up here: so it is a program
 * of its own. */
#include "support.h"

#include <weir/rundown.h>

#include "call.h"
#ifdef WEIR_POINTS
#include "../stress/points.h"
#endif

static const char *one_call_more(void *arg)
{
    *(_Atomic uint64_t *)arg = weir_call_begin(arg);
    return NULL;
}

static void a_call_beyond_the_table_waits_until_one_ends(void **state)
{
    (void)state;
    uint64_t ticket[1024];
    _Atomic uint64_t more = 0;
    struct thread thread;
    for (int i = 0; i < 1024; i++) {
        ticket[i] = weir_call_begin(&ticket[i]);
        for (int j = 0; j < i; j++)
            assert_true(ticket[j] != ticket[i]);
        assert_int_equal(weir_call_wait(ticket[i], 0), -ETIMEDOUT);
    }
    thread_start(&thread, one_call_more, &more);
    nap_us(2000);
    assert_true(atomic_load(&more) == 0);
    weir_call_end(ticket[77]);
    assert_int_equal(weir_call_wait(ticket[77], 0), 0);
    thread_join(&thread);
    assert_int_equal(weir_call_wait(ticket[77], 0), 0); /* the slot's next call is another one */
    assert_int_equal(weir_call_wait(more, 0), -ETIMEDOUT);
    ticket[77] = more;
    for (int i = 0; i < 1024; i++) {
        weir_call_end(ticket[i]);
        assert_int_equal(weir_call_wait(ticket[i], 0), 0);
    }
}

static _Atomic unsigned held[1024];

static const char *begin_and_end(void *near)
{
    for (int i = 0; i < SCALED(300000, 50000); i++) {
        uint64_t ticket = weir_call_begin(near);
        NEED(atomic_fetch_add_explicit(&held[ticket >> 32], 1, memory_order_relaxed) == 0);
        NEED(weir_call_wait(ticket, 0) == -ETIMEDOUT);
        atomic_fetch_sub_explicit(&held[ticket >> 32], 1, memory_order_relaxed);
        weir_call_end(ticket);
    }
    return NULL;
}

static void no_two_calls_have_one_slot(void **state)
{
    (void)state;
    struct thread thread[4];
    for (int t = 0; t < 4; t++)
        thread_start(&thread[t], begin_and_end, thread);        /* all begin their search at the same place */
    for (int t = 0; t < 4; t++)
        thread_join(&thread[t]);
}

static const char *enter_functions(void *arg)
{
    (void)arg;
    for (uintptr_t i = 1; i <= 3000; i++) {
        call_fn fn = (call_fn)(i * 64);
        uint32_t number = weir_call_number(fn);
        NEED(number >= 1 && number <= 4095);
        NEED(weir_call_function(number) == fn);
        NEED(weir_call_number(fn) == number);
    }
    return NULL;
}

static void end(void *arg)
{
    ++*(int *)arg;
}

static void functions_keep_their_numbers_and_one_too_many_panics(void **state)
{
    (void)state;
    struct thread thread[4];
    struct catcher catcher;
    volatile uintptr_t i = 1;
    volatile uint32_t number = 1;
    struct weir_rundown rundown = { { 0, 0 } }, early = { { 0, 0 } };
    int ended = 0;
    weir_rundown_close(&early, end, &ended);
    assert_int_equal(weir_call_number(NULL), 0);
    for (int t = 0; t < 4; t++)
        thread_start(&thread[t], enter_functions, NULL);
    for (int t = 0; t < 4; t++)
        thread_join(&thread[t]);
    while (i < 5000 && !PANICKED(&catcher, number = weir_call_number((call_fn)(i * 64)))) {
        assert_in_range(number, 1, 4095);
        i++;
    }
    assert_in_range(i, 4000, 4096);                     /* some were there before */
    assert_says(catcher.text, "4095", "done", NULL);
    weir_rundown_close(&rundown, end, &ended);          /* what is there already still works */
    assert_int_equal(ended, 2);
}

#ifdef WEIR_POINTS
struct entry {
    struct points_seat seat;
    uintptr_t fn;
    uint32_t number;
    struct thread thread;
};

static const char *enter_one(void *arg)
{
    struct entry *e = arg;
    points_park(&e->seat, "call.number", 1);
    e->number = weir_call_number((call_fn)e->fn);
    points_leave(&e->seat);
    return NULL;
}

/* Each has seen an empty place, and most of those places are taken before it goes on. */
static void a_function_does_not_take_the_place_of_another(void **state)
{
    (void)state;
    struct entry entry[8] = { 0 };
    static uint32_t number[3001];
    for (uintptr_t i = 0; i < 8; i++) {
        entry[i].fn = (3001 + i) * 64;
        thread_start(&entry[i].thread, enter_one, &entry[i]);
        assert_int_equal(points_wait_parked(&entry[i].seat), POINTS_PARKED);
    }
    for (uintptr_t i = 1; i <= 3000; i++)
        number[i] = weir_call_number((call_fn)(i * 64));
    for (int i = 0; i < 8; i++) {
        points_release(&entry[i].seat);
        thread_join(&entry[i].thread);
        assert_true(weir_call_function(entry[i].number) == (call_fn)entry[i].fn);
    }
    for (uintptr_t i = 1; i <= 3000; i++)
        assert_true(weir_call_function(number[i]) == (call_fn)(i * 64));
    for (int i = 0; i < 8; i++)
        assert_int_equal(weir_call_number((call_fn)entry[i].fn), entry[i].number);
}

static int open_points(void **state)
{
    (void)state;
    return points_open() ? 0 : -1;
}

static int close_points(void **state)
{
    (void)state;
    points_close();
    return 0;
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_calls_have_one_slot),
        cmocka_unit_test(a_call_beyond_the_table_waits_until_one_ends),
#ifdef WEIR_POINTS
        cmocka_unit_test_setup_teardown(a_function_does_not_take_the_place_of_another, open_points, close_points),
#endif
        cmocka_unit_test(functions_keep_their_numbers_and_one_too_many_panics),
    };
    return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
