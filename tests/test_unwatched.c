/* test_unwatched.c - track.h's calls where nobody watches: in a pool and a domain whose string is "none", with the debug layer in the library or
 * without it (WEIR_WITHOUT_LAYER). Everything links and works, and nothing is recorded.
 */
#include "support.h"

#include <weir/weir.h>

#define NOT_WATCHED "none"

static struct weir_pool *unwatched_pool(void)
{
    struct weir_pool_config config = { .name = "unwatched", .capacity = 4, .buffer_size = 64, .debug = NOT_WATCHED };
    return pool_from(&config);
}

static int count_them(const struct weir_leak *leak, void *arg)
{
    (void)leak;
    ++*(int *)arg;
    return 0;
}

static void a_hold_is_one_reference(void **state)
{
    (void)state;
    struct weir_pool *pool = unwatched_pool();
    struct weir_op *op = weir_op_get(pool);
    weir_hold a = weir_hold_take(op);
    weir_hold b = weir_hold_take_at(op, NULL);
    weir_hold c = (weir_hold_take)(op);
    assert_true(a != 0 && b != 0 && c != 0);
    assert_int_equal(weir_op_refs(op), 4);
    assert_false(weir_hold_drop(op, a));
    assert_false(weir_hold_drop(op, b));
    assert_false(weir_op_unref(op));
    assert_true(weir_hold_drop(op, c));
    close_quiet(pool);
}

static void a_moved_hold_is_the_same_reference(void **state)
{
    (void)state;
    struct weir_pool *pool = unwatched_pool();
    struct weir_op *op = weir_op_get(pool);
    weir_hold hold = weir_hold_take(op);
    hold = weir_hold_move(op, hold);
    hold = weir_hold_move_at(op, hold, NULL);
    hold = (weir_hold_move)(op, hold);
    assert_true(hold != 0);
    assert_int_equal(weir_op_refs(op), 2);
    assert_false(weir_hold_drop(op, hold));
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

static void an_object_of_a_domain_counts_as_without_one(void **state)
{
    (void)state;
    struct weir_domain *domain = NULL;
    struct weir_ref ref;
    weir_hold a, b;
    assert_int_equal(weir_domain_create(&domain, "sessions", 100, NOT_WATCHED), 0);
    assert_non_null(domain);
    weir_ref_init(&ref, domain, &ref);
    a = weir_ref_take(&ref);
    b = (weir_ref_take)(&ref);
    assert_true(a != 0 && b != 0);
    weir_ref_get(&ref);
    assert_true(weir_ref_get_unless_zero(&ref));
    assert_int_equal(weir_ref_count(&ref), 5);
    assert_false(weir_ref_drop(&ref, weir_ref_take_at(&ref, NULL)));
    assert_false(weir_ref_put(&ref));
    assert_false(weir_ref_put(&ref));
    assert_false(weir_ref_drop(&ref, a));
    assert_false(weir_ref_put(&ref));
    assert_true(weir_ref_drop(&ref, b));
    assert_false(weir_ref_get_unless_zero(&ref));
    assert_int_equal(weir_domain_close(domain), 0);
}

static void nothing_is_said_to_leak(void **state)
{
    (void)state;
    struct weir_pool *pool = unwatched_pool();
    struct weir_op *op = weir_op_get(pool);
    struct weir_domain *domain;
    struct weir_ref ref;
    int seen = 0;
    assert_int_equal(weir_domain_create(&domain, "sessions", 100, NOT_WATCHED), 0);
    weir_ref_init(&ref, domain, &ref);
    assert_int_equal(weir_leaks(pool, 0, count_them, &seen), 0);
    assert_int_equal(weir_leaks(pool, 0, NULL, NULL), 0);
    assert_int_equal(weir_domain_leaks(domain, 0, count_them, &seen), 0);
    assert_int_equal(seen, 0);
    assert_true(weir_ref_put(&ref));
    assert_int_equal(weir_domain_close(domain), 0);
    weir_op_put(op);
    close_quiet(pool);
}

static void names_and_beats_are_taken(void **state)
{
    (void)state;
    errno = EDOM;
    assert_int_equal(weir_holder_name("worker-3"), 0);
    weir_holder_beat();
    assert_int_equal(errno, EDOM);
}

static void an_over_release_is_found_by_the_count(void **state)
{
    (void)state;
    struct weir_pool *pool = unwatched_pool();
    struct weir_op *op = weir_op_get(pool);
    weir_hold hold = weir_hold_take(op);
    assert_false(weir_hold_drop(op, hold));
    assert_true(weir_op_unref(op));
    assert_panics(weir_hold_drop(op, hold), "unwatched", "op 0", "free|twice|given back");
    close_quiet(pool);
}

#ifdef WEIR_WITHOUT_LAYER
static void what_a_library_without_the_layer_cannot_do_is_refused(void **state)
{
    (void)state;
    struct weir_pool_config config = { .name = "watched", .capacity = 4, .debug = "track=sketch" };
    struct weir_pool *pool;
    struct weir_domain *domain;
    assert_int_equal(weir_pool_create(&pool, &config), -ENOTSUP);
    assert_says(weir_error_message(), "track=sketch", "WEIR_DEBUG_LAYER", NULL);
    assert_int_equal(weir_domain_create(&domain, "sessions", 100, "track=sketch"), -ENOTSUP);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hold_is_one_reference),
        cmocka_unit_test(a_moved_hold_is_the_same_reference),
        cmocka_unit_test(an_object_of_a_domain_counts_as_without_one),
        cmocka_unit_test(nothing_is_said_to_leak),
        cmocka_unit_test(names_and_beats_are_taken),
        cmocka_unit_test(an_over_release_is_found_by_the_count),
#ifdef WEIR_WITHOUT_LAYER
        cmocka_unit_test(what_a_library_without_the_layer_cannot_do_is_refused),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
