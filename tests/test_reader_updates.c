/* tests/test_reader_updates.c - what the reader (debug/reader.c) makes of updates that were cut short by a kill, or that go on while it reads. */
#include "reader_support.h"

#ifndef _WIN32
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

/* -- updates that were cut short ---------------------------------------------------------------------------------------------------- */

static void start_over(void)
{
    tear_down(NULL);
    set_up(NULL);
}

static void a_dead_threads_take_is_taken_back_wherever_it_was_cut_and_counts_as_the_deads_reference(void **state)
{
    struct reader_object o;
    (void)state;
    for (unsigned steps = 0; steps <= 7; steps++) {
        start_over();
        image_cut(&im, 3, 2, 1, steps);
        o = open_and_read(3);
        assert_held_by_both(&o);
    }
}

static void a_dead_threads_give_is_taken_back_wherever_it_was_cut(void **state)
{
    struct reader_object o;
    (void)state;
    for (unsigned steps = 0; steps <= 7; steps++) {
        start_over();
        image_cut(&im, 5, 2, -1, steps);
        o = open_and_read(5);
        assert_held_by_both(&o);
    }
}

static void the_dead_may_be_the_only_one_who_holds(void **state)
{
    struct reader_object o;
    (void)state;
    image_cut(&im, 3, 2, 1, 4);
    image_give(&im, 3, 1);
    o = open_and_read(3);
    assert_true(o.stable);
    assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_int_equal(o.verdict.n, 1);
    assert_holds(&o, 2, 1);
}

/* Holder 3, who had token 4. */
static void another_dies(void)
{
    image_holder_dead(&im, 3, "other");
    image_token(&im, 4, 3, 2);
}

static void two_who_died_in_one_line_are_both_taken_back(void **state)
{
    struct reader_object o;
    (void)state;
    another_dies();
    image_cut(&im, 5, 2, 1, 3);
    image_cut(&im, 5, 4, 1, 5);
    o = open_and_read(5);
    assert_true(o.stable);
    assert_int_equal(o.refs, 4);
    assert_int_equal(o.verdict.n, 3);
    assert_holds(&o, 2, 2);
    assert_holds(&o, 4, 1);
}

/* Five hold it; the second one's give is in the words, the fourth one's has not begun. That can't be told from five of which the fourth has two and the second
 * none, and only that has few enough for a sketch(4). */
static void one_of_two_who_died_is_not_certified_for_the_other(void **state)
{
    struct reader_object o;
    (void)state;
    another_dies();
    image_token(&im, 5, 1, 2);
    for (uint32_t token = 3; token <= 5; token++)
        image_take(&im, 5, token);
    image_cut(&im, 5, 2, -1, 7);
    image_holder_at(&im, 3)->intent = INTENT(5, 4, -1);
    o = open_and_read(5);
    assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_non_null(o.verdict.why);
}

static void nothing_is_taken_back_while_its_thread_lives_and_then_nothing_is_certified(void **state)
{
    struct reader_object o;
    (void)state;
    image_cut(&im, 3, 3, 1, 2);
    o = open_and_read(3);
    assert_false(o.stable);
    assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_non_null(o.verdict.why);
}

static void an_active_line_without_an_intent_of_the_dead_is_not_certified(void **state)
{
    struct reader_object o;
    (void)state;
    image_cut(&im, 3, 2, 1, 7);
    image_holder_at(&im, 2)->intent = INTENT(4, 2, 1);                  /* of another object */
    o = open_and_read(3);
    assert_false(o.stable);
    assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
}

static void an_intent_whose_update_had_ended_does_not_count(void **state)
{
    struct reader_object o;
    (void)state;
    image_holder_at(&im, 2)->intent = INTENT(5, 2, 1);                  /* killed between the last step and clearing it */
    o = open_and_read(5);
    assert_held_by_both(&o);
}

static void two_readings_that_are_both_possible_are_none(void **state)
{
    struct reader_object o;
    (void)state;
    another_dies();
    image_cut(&im, 3, 2, 1, 0);
    image_holder_at(&im, 3)->intent = INTENT(3, 4, 1);                  /* one of the two took it, the other had ended or not begun */
    o = open_and_read(3);
    assert_false(o.stable);
    assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
}

/* -- beside a writer ------------------------------------------------------------------------------------------------------------------ */

/* A thread that writes to the segment while the test reads it. */
static struct { pthread_t thread; bool runs; uint32_t stop, rounds; } writer;

static void start_writer(void *(*body)(void *))
{
    writer.stop = writer.rounds = 0;
    assert_int_equal(pthread_create(&writer.thread, NULL, body, NULL), 0);
    writer.runs = true;
    assert_true(EVENTUALLY(load_acquire_32(&writer.rounds) > 10));
}

static void end_writer(void)
{
    if (!writer.runs)
        return;
    store_release_32(&writer.stop, 1);
    pthread_join(writer.thread, NULL);
    writer.runs = false;
}

static int end_writer_and_tear_down(void **state)
{
    end_writer();
    return tear_down(state);
}

static void *take_and_give(void *unused)
{
    (void)unused;
    while (!load_acquire_32(&writer.stop)) {
        image_take(&im, 3, 3);
        image_take(&im, 3, 2);
        image_give(&im, 3, 3);
        image_give(&im, 3, 2);
        add_32(&writer.rounds, 1);
    }
    return NULL;
}

static void what_is_read_beside_a_writer_is_of_one_moment_or_not_certified(void **state)
{
    struct reader_object o;
    unsigned stable = 0;
    (void)state;
    open_reader();
    start_writer(take_and_give);
    for (unsigned i = 0; i < SCALED(20000, 2000) || (stable < 100 && i < 10000000); i++) {
        int named = 0;
        assert_true(reader_object(&reader, 3, &o));
        for (unsigned j = 0; j < o.verdict.n; j++)
            named += o.verdict.holder[j].refs;
        if (!o.stable) {
            assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
            continue;
        }
        stable++;
        assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
        assert_int_equal(named, o.refs);
    }
    assert_true(stable >= 100);
}

#ifndef _WIN32
/* An update exactly between two words of one reading: the line lies across two pages, and the second can't be read until the update was made. */
static struct { char *page; uint32_t object; int times; } between;

static void update_between(int number)
{
    (void)number;
    if (between.times++ || mprotect(between.page, 4096, PROT_READ | PROT_WRITE) != 0)
        _exit(99);
    image_take(&im, between.object, 2);
    image_give(&im, between.object, 1);
    image_take(&im, between.object, 3);
}

static void an_update_between_two_words_of_a_reading_is_seen(void **state)
{
    struct reader_object o;
    uint32_t op = 10;
    (void)state;
    while (((uintptr_t)image_line(&im, op) & 4095) != 4096 - 32)
        op++;
    image_begin(&im, op, 1, 1);
    open_reader();
    between.object = op, between.times = 0, between.page = (char *)image_line(&im, op) + 32;
    signal(SIGSEGV, update_between);
    assert_int_equal(mprotect(between.page, 4096, PROT_NONE), 0);
    assert_true(reader_object(&reader, op, &o));
    signal(SIGSEGV, SIG_DFL);
    assert_int_equal(between.times, 1);
    assert_true(o.stable);
    assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_holds(&o, 2, 1);
    assert_holds(&o, 3, 1);
}
#endif

static void *write_events(void *unused)
{
    (void)unused;
    for (uint32_t i = 0; !load_acquire_32(&writer.stop); i++) {
        image_event(&im, 4, i, TRACK_TAKE, i & 0xffff, i, 1);
        store_release_32(&writer.rounds, i);
    }
    return NULL;
}

static void an_entry_that_is_written_over_while_it_is_read_is_left_out(void **state)
{
    struct reader_event event[8];
    unsigned seen = 0;
    uint64_t lost;
    (void)state;
    open_reader();
    start_writer(write_events);
    for (unsigned i = 0; i < SCALED(100000, 10000) || (!seen && i < 10000000); i++) {
        unsigned n = reader_journal(&reader, 4, event, 8, &lost);
        for (unsigned j = 0; j < n; j++)
            assert_int_equal(event[j].token, event[j].time & 0xffff);
        seen += n;
    }
    assert_int_not_equal(seen, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, end_writer_and_tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_dead_threads_take_is_taken_back_wherever_it_was_cut_and_counts_as_the_deads_reference),
        CASE(a_dead_threads_give_is_taken_back_wherever_it_was_cut),
        CASE(the_dead_may_be_the_only_one_who_holds),
        CASE(two_who_died_in_one_line_are_both_taken_back),
        CASE(one_of_two_who_died_is_not_certified_for_the_other),
        CASE(nothing_is_taken_back_while_its_thread_lives_and_then_nothing_is_certified),
        CASE(an_active_line_without_an_intent_of_the_dead_is_not_certified),
        CASE(an_intent_whose_update_had_ended_does_not_count),
        CASE(two_readings_that_are_both_possible_are_none),
        CASE(what_is_read_beside_a_writer_is_of_one_moment_or_not_certified),
#ifndef _WIN32
        CASE(an_update_between_two_words_of_a_reading_is_seen),
#endif
        CASE(an_entry_that_is_written_over_while_it_is_read_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
