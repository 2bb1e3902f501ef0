/* tests/test_leaks.c - weir_leaks and weir_domain_leaks: a program's own look at what is held. */
#include "support.h"

#include <weir/track.h>

struct seen {
    int n, stop_after;
    struct weir_leak leak[8];
    struct weir_leak_holder holder[8][4];
    char name[8][64], file[8][256], function[8][200], pool[64];
};

static int see(const struct weir_leak *leak, void *arg)
{
    struct seen *s = arg;
    int i = s->n++;
    assert_true(i < 8 && leak->holders <= 4);
    s->leak[i] = *leak;
    snprintf(s->pool, sizeof s->pool, "%s", leak->pool);
    for (unsigned h = 0; h < leak->holders; h++) {
        s->holder[i][h] = leak->holder[h];
        snprintf(s->name[i], sizeof s->name[i], "%s", leak->holder[h].name);
        snprintf(s->file[i], sizeof s->file[i], "%s", leak->holder[h].file);
        snprintf(s->function[i], sizeof s->function[i], "%s", leak->holder[h].function);
    }
    return s->n == s->stop_after;
}

static struct weir_pool *watched(const char *debug)
{
    struct weir_pool_config config = { .name = "leaks", .capacity = 100, .buffer_size = 64, .debug = debug };
    return pool_from(&config);
}

static void a_pool_that_is_not_watched_has_no_leaks(void **state)
{
    struct weir_pool *pool = watched("none");
    struct weir_op *op = weir_op_get(pool);
    struct seen s = { 0 };
    (void)state;
    assert_int_equal(weir_leaks(pool, 0, see, &s), 0);
    assert_int_equal(s.n, 0);
    weir_op_put(op);
    close_quiet(pool);
}

static void a_hold_is_told_with_its_place_and_holder(void **state)
{
    struct weir_pool *pool = watched("track=slots,discipline=own");
    struct weir_op *op;
    struct seen s = { 0 };
    weir_hold hold;
    int line;
    bool found = false;
    (void)state;
    assert_int_equal(weir_holder_name("the main thread"), 0);
    op = weir_op_get(pool);
    line = __LINE__ + 1;
    hold = weir_hold_take(op);
    assert_int_equal(weir_leaks(pool, 0, see, &s), 1);
    assert_int_equal(s.n, 1);
    assert_string_equal(s.pool, "leaks");
    assert_int_equal(s.leak[0].handle, weir_op_handle(op));
    assert_ptr_equal(s.leak[0].object, weir_op_buffer(op));
    assert_int_equal(s.leak[0].refs, 2);
    assert_int_equal(s.leak[0].certainty, WEIR_CERTIFIED);
    assert_true(s.leak[0].age_ns >= 0 && s.leak[0].age_ns < 60 * INT64_C(1000000000));
    assert_int_equal(s.leak[0].holders, 2);
    for (unsigned h = 0; h < 2; h++) {
        const struct weir_leak_holder *one = &s.holder[0][h];
        assert_int_equal(one->state, WEIR_ALIVE);
        assert_int_equal(one->refs, 1);
        found |= one->line == line;
    }
    assert_true(found);
    assert_string_equal(s.name[0], "the main thread");
    weir_hold_drop(op, hold);
    weir_op_put(op);
    assert_int_equal(weir_leaks(pool, 0, NULL, NULL), 0);
    close_quiet(pool);
}

static void a_plain_call_is_told_by_module_and_offset(void **state)
{
    struct weir_pool *pool = watched("track=sketch");
    struct weir_op *op = weir_op_get(pool);
    struct seen s = { 0 };
    (void)state;
    assert_int_equal(weir_leaks(pool, 0, see, &s), 1);
    assert_int_equal(s.leak[0].holders, 1);
    assert_string_equal(s.file[0], "");
    assert_int_equal(s.holder[0][0].line, 0);
    assert_non_null(strstr(s.function[0], "test_leaks"));
    assert_non_null(strstr(s.function[0], "+0x"));
    weir_op_put(op);
    close_quiet(pool);
}

static void the_young_are_left_out_and_a_null_function_only_counts(void **state)
{
    struct weir_pool *pool = watched("track=sketch");
    struct weir_op *ops[3];
    (void)state;
    for (int i = 0; i < 3; i++)
        ops[i] = weir_op_get(pool);
    assert_int_equal(weir_leaks(pool, 0, NULL, NULL), 3);
    assert_int_equal(weir_leaks(pool, INT64_C(3600000000000), NULL, NULL), 0);
    assert_true(EVENTUALLY(weir_leaks(pool, 20000000, NULL, NULL) == 3));
    put_all(ops, 3);
    close_quiet(pool);
}

static void it_stops_when_it_is_told_to(void **state)
{
    struct weir_pool *pool = watched("track=sketch");
    struct weir_op *ops[3];
    struct seen s = { .stop_after = 2 };
    (void)state;
    for (int i = 0; i < 3; i++)
        ops[i] = weir_op_get(pool);
    assert_int_equal(weir_leaks(pool, 0, see, &s), 2);
    assert_int_equal(s.n, 2);
    put_all(ops, 3);
    close_quiet(pool);
}

static struct weir_op *kept;

static const char *get_and_end(void *pool)
{
    weir_holder_name("gone");
    kept = weir_op_get(pool);
    return kept ? NULL : "no op";
}

/* However young: nobody is there any more to give it back. */
static void what_an_ended_thread_has_is_told_at_once(void **state)
{
    struct weir_pool *pool = watched("track=sketch,discipline=own");
    struct seen s = { 0 };
    (void)state;
    on_another_thread(get_and_end, pool);
    assert_int_equal(weir_leaks(pool, INT64_C(3600000000000), see, &s), 1);
    assert_int_equal(s.holder[0][0].state, WEIR_DEAD);
    assert_string_equal(s.name[0], "gone");
    weir_op_put(kept);
    close_quiet(pool);
}

/* By plain calls it may have handed it on, as this one did. */
static void who_handed_on_and_ended_is_not_accused(void **state)
{
    struct weir_pool *pool = watched("track=sketch");
    (void)state;
    on_another_thread(get_and_end, pool);
    assert_int_equal(weir_leaks(pool, INT64_C(3600000000000), NULL, NULL), 0);
    assert_int_equal(weir_leaks(pool, 0, NULL, NULL), 1);
    weir_op_put(kept);
    close_quiet(pool);
}

static int use_the_pool(const struct weir_leak *leak, void *pool)
{
    struct weir_op *op = weir_op_get(pool);
    struct weir_pool_config config = { .name = "meanwhile", .capacity = 2, .debug = "track=xor" };
    struct weir_pool *other = pool_from(&config);
    (void)leak;
    weir_op_put(op);
    assert_int_equal(weir_pool_close(other), 0);
    return weir_leaks(pool, 0, NULL, NULL) != 1;
}

static void its_function_may_call_anything_but_close(void **state)
{
    struct weir_pool *pool = watched("track=sketch");
    struct weir_op *op = weir_op_get(pool);
    (void)state;
    assert_int_equal(weir_leaks(pool, 0, use_the_pool, pool), 1);
    weir_op_put(op);
    close_quiet(pool);
}

static void a_domains_objects_are_told_by_their_addresses(void **state)
{
    struct weir_domain *domain;
    struct { int fd; struct weir_ref ref; } connection;
    struct seen s = { 0 };
    weir_hold hold;
    (void)state;
    assert_int_equal(weir_domain_create(&domain, "connections", 10, "track=slots"), 0);
    weir_ref_init(&connection.ref, domain, &connection);
    hold = weir_ref_take(&connection.ref);
    assert_int_equal(weir_domain_leaks(domain, 0, see, &s), 1);
    assert_ptr_equal(s.leak[0].object, &connection);
    assert_int_equal(s.leak[0].refs, 2);
    assert_string_equal(s.pool, "connections");
    assert_int_equal(weir_domain_close(domain), -EBUSY);
    assert_false(weir_ref_drop(&connection.ref, hold));
    assert_true(weir_ref_put(&connection.ref));
    assert_int_equal(weir_domain_leaks(domain, 0, NULL, NULL), 0);
    assert_int_equal(weir_domain_close(domain), 0);
}

static void null_is_an_error_that_is_said(void **state)
{
    (void)state;
    assert_int_equal(weir_leaks(NULL, 0, NULL, NULL), -EINVAL);
    assert_says(weir_error_message(), "weir_leaks: pool is NULL", NULL);
    assert_int_equal(weir_domain_leaks(NULL, 0, NULL, NULL), -EINVAL);
    assert_says(weir_error_message(), "weir_domain_leaks: domain is NULL", NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_that_is_not_watched_has_no_leaks),
        cmocka_unit_test(a_hold_is_told_with_its_place_and_holder),
        cmocka_unit_test(a_plain_call_is_told_by_module_and_offset),
        cmocka_unit_test(the_young_are_left_out_and_a_null_function_only_counts),
        cmocka_unit_test(it_stops_when_it_is_told_to),
        cmocka_unit_test(what_an_ended_thread_has_is_told_at_once),
        cmocka_unit_test(who_handed_on_and_ended_is_not_accused),
        cmocka_unit_test(its_function_may_call_anything_but_close),
        cmocka_unit_test(a_domains_objects_are_told_by_their_addresses),
        cmocka_unit_test(null_is_an_error_that_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
