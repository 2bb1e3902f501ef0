/* tests/test_stats.c - the statistics: exact when the pool is quiet, each number on its own while it is not. */
#include "support.h"

#include "os/os.h"

static void a_new_pool_has_done_nothing(void **state)
{
    struct weir_pool *pool = pool_of(1000, 0, 64);
    struct weir_stats s = stats_of(pool);
    (void)state;
    assert_int_equal(s.capacity, 1000);
    assert_int_equal(s.free, 1000);
    assert_int_equal(s.live, 0);
    assert_int_equal(s.cached, 0);
    assert_int_equal(s.peak, 0);
    assert_int_equal(s.gets, 0);
    assert_int_equal(s.puts, 0);
    assert_int_equal(s.refills, 0);
    assert_int_equal(s.flushes, 0);
    assert_int_equal(s.steals, 0);
    assert_int_equal(s.empties, 0);
    assert_int_equal(s.waits, 0);
    close_quiet(pool);
}

static void committed_grows_from_initial_to_capacity(void **state)
{
    struct weir_pool_config config = { .capacity = 100000, .buffer_size = 4096, .initial = 30000 };
    struct weir_pool *pool = pool_from(&config);
    uint64_t before = stats_of(pool).committed;
    (void)state;
    assert_in_range(before, 30000, 99999);
    weir_op_put(weir_op_get(pool));
    assert_int_equal(stats_of(pool).committed, before);     /* one op needs no more than is there */
    take_and_put_all(pool, 100000);
    assert_int_equal(stats_of(pool).committed, 100000);
    close_quiet(pool);
    config.initial = 0;
    pool = pool_from(&config);
    assert_true(stats_of(pool).committed < 100000);
    close_quiet(pool);
    config.initial = 100000;
    pool = pool_from(&config);
    assert_int_equal(stats_of(pool).committed, 100000);
    close_quiet(pool);
}

/* After every single call the numbers are right: gets are counted by the ration that bounds them, not when it is used up. */
static void gets_and_puts_are_exact_after_every_call(void **state)
{
    struct weir_pool *pool = pool_of(300, 0, 0);
    struct weir_op *ops[300];
    uint64_t gets = 0, puts = 0;
    unsigned n = 0, seed = 1;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        struct weir_stats s;
        seed = seed * 1103515245 + 12345;
        if (n < 300 && (n == 0 || (seed >> 16) % 100 < (i / 2000 % 2 ? 35 : 65))) {
            ops[n++] = weir_op_get(pool);
            gets++;
        } else {
            weir_op_put(ops[--n]);
            puts++;
        }
        s = stats_of(pool);
        assert_int_equal(s.gets, gets);
        assert_int_equal(s.puts, puts);
        assert_int_equal(s.live, n);
        assert_int_equal(s.live + s.cached + s.free, 300);
    }
    put_all(ops, n);
    close_quiet(pool);
}

static void bulk_and_waiting_gets_count_each_op(void **state)
{
    struct weir_pool *pool = pool_of(100, 0, 0);
    struct weir_op *ops[101], *op;
    (void)state;
    assert_int_equal(weir_op_get_bulk(pool, ops, 60), 60);
    assert_int_equal(stats_of(pool).gets, 60);
    assert_int_equal(weir_op_get_bulk(pool, ops + 60, 41), 0);
    assert_int_equal(stats_of(pool).gets, 60);
    assert_non_null(op = weir_op_get_wait(pool, 1000));
    assert_int_equal(stats_of(pool).gets, 61);
    assert_int_equal(stats_of(pool).live, 61);
    weir_op_put_bulk(ops, 60);
    assert_int_equal(stats_of(pool).puts, 60);
    weir_op_ref(op);
    assert_false(weir_op_unref(op));
    assert_int_equal(stats_of(pool).puts, 60);  /* a reference less is no put */
    assert_true(weir_op_unref(op));
    assert_int_equal(stats_of(pool).puts, 61);
    close_quiet(pool);
}

static void peak_is_the_most_that_was_live(void **state)
{
    struct weir_pool *pool = pool_of(1000, 0, 0);
    struct weir_op **ops;
    (void)state;
    ops = calloc(1000, sizeof *ops);
    for (int i = 0; i < 700; i++)
        ops[i] = weir_op_get(pool);
    assert_int_equal(stats_of(pool).peak, 700);     /* looked at by this very call */
    put_all(ops, 700);
    assert_int_equal(stats_of(pool).peak, 700);
    for (int i = 0; i < 100; i++)
        ops[i] = weir_op_get(pool);
    put_all(ops, 100);
    assert_int_equal(stats_of(pool).peak, 700);
    for (int i = 0; i < 900; i++)
        ops[i] = weir_op_get(pool);
    put_all(ops, 900);                              /* nobody looked: low by at most a cache */
    assert_in_range(stats_of(pool).peak, 900 - 62, 900);
    free(ops);
    take_and_put_all(pool, 1000);
    assert_in_range(stats_of(pool).peak, 1000 - 62, 1000);
    close_quiet(pool);
}

static const char *takes_and_puts_some(void *arg)
{
    struct weir_op *ops[100];
    for (int round = 0; round < 50; round++) {
        unsigned n = 0;
        while (n < 100 && (ops[n] = weir_op_get(arg)))
            n++;
        put_all(ops, n);
    }
    return NULL;
}

static void the_peak_of_several_threads_is_never_over_the_capacity(void **state)
{
    struct weir_pool *pool = pool_of(500, 0, 0);
    struct thread thread[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        thread_start(&thread[i], takes_and_puts_some, pool);
    for (int i = 0; i < 100; i++) {
        struct weir_stats s = stats_of(pool);
        assert_true(s.peak <= 500);
        assert_true(s.live <= 500 && s.cached <= 500 && s.free <= 500);
        assert_true(s.committed <= 500);
    }
    for (int i = 0; i < 4; i++)
        thread_join(&thread[i]);
    assert_in_range(stats_of(pool).peak, 1, 500);
    close_quiet(pool);
}

static void refills_and_flushes_count_the_magazines_that_moved(void **state)
{
    struct weir_pool *pool = pool_of(10000, 100, 0);
    struct weir_stats s, after;
    (void)state;
    take_and_put_all(pool, 10000);
    s = stats_of(pool);
    assert_in_range(s.refills, 100, 10000);     /* a cache holds 100: 10,000 ops are at least 100 refills */
    assert_in_range(s.flushes, 99, 10000);
    assert_int_equal(s.steals, 0);
    for (int i = 0; i < 10000; i++)
        weir_op_put(weir_op_get(pool));
    after = stats_of(pool);
    assert_int_equal(after.refills, s.refills);     /* one op to and fro moves no magazine */
    assert_int_equal(after.flushes, s.flushes);
    close_quiet(pool);
}

static void steals_count_what_was_taken_from_other_threads_caches(void **state)
{
    struct weir_pool *pool = pool_of(160, 0, 0);
    struct crew *crew = crew_start(pool, 8);
    struct weir_op **ops;
    (void)state;
    crew_fill(crew, 20);
    assert_true(stats_of(pool).cached >= 8);
    ops = take_all(pool, 160);
    assert_in_range(stats_of(pool).steals, 1, 160);
    put_all(ops, 160);
    free(ops);
    crew_end(crew);
    close_quiet(pool);
}

static const char *waits_for_one(void *arg)
{
    struct weir_op *op = weir_op_get_wait(arg, -1);
    NEED(op);
    weir_op_put(op);
    return NULL;
}

static void empties_and_waits_count_refusals_and_sleeps(void **state)
{
    struct weir_pool *pool = pool_of(10, 0, 0);
    struct weir_op **ops = take_all(pool, 10);      /* and one NULL */
    struct thread thread[3];
    (void)state;
    assert_int_equal(stats_of(pool).empties, 1);
    for (int i = 0; i < 5; i++)
        assert_null(weir_op_get(pool));
    assert_int_equal(stats_of(pool).empties, 6);
    assert_int_equal(stats_of(pool).waits, 0);
    assert_null(weir_op_get_wait(pool, 100000));
    assert_int_equal(stats_of(pool).waits, 1);
    for (int i = 0; i < 3; i++)
        thread_start(&thread[i], waits_for_one, pool);
    assert_true(EVENTUALLY(stats_of(pool).waits == 4));
    put_all(ops, 10);
    for (int i = 0; i < 3; i++)
        thread_join(&thread[i]);
    assert_int_equal(stats_of(pool).waits, 4);
    free(ops);
    close_quiet(pool);
}

static void a_thread_that_ended_is_still_in_the_sums(void **state)
{
    struct weir_pool *pool = pool_of(500, 0, 0);
    (void)state;
    for (int i = 1; i <= 20; i++) {
        on_another_thread(takes_and_puts_some, pool);
        assert_int_equal(stats_of(pool).gets, 5000 * i);
        assert_int_equal(stats_of(pool).puts, 5000 * i);
    }
    assert_quiet(pool, 0);
    close_quiet(pool);
}

/* A program that was compiled when the struct was shorter. */
static void an_older_program_gets_the_fields_it_knows(void **state)
{
    struct weir_pool *pool = pool_of(10, 0, 0);
    struct weir_stats s;
    unsigned char *end = (unsigned char *)&s + offsetof(struct weir_stats, steals);
    (void)state;
    weir_op_put(weir_op_get(pool));
    memset(&s, 0xee, sizeof s);
    assert_int_equal(weir_pool_stats_1(pool, &s, offsetof(struct weir_stats, steals)), 0);
    assert_int_equal(s.gets, 1);
    for (unsigned char *p = end; p < (unsigned char *)(&s + 1); p++)
        assert_int_equal(*p, 0xee);
    close_quiet(pool);
}

static void fenced_says_whether_the_system_has_a_barrier(void **state)
{
    struct weir_pool *pool = pool_of(10, 0, 0);
    (void)state;
    if (getenv("WEIR_NO_BARRIER"))
        assert_int_equal(stats_of(pool).fenced, 1);
    assert_int_equal(stats_of(pool).fenced, !os_barrier_works());
    close_quiet(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_pool_has_done_nothing),
        cmocka_unit_test(committed_grows_from_initial_to_capacity),
        cmocka_unit_test(gets_and_puts_are_exact_after_every_call),
        cmocka_unit_test(bulk_and_waiting_gets_count_each_op),
        cmocka_unit_test(peak_is_the_most_that_was_live),
        cmocka_unit_test(the_peak_of_several_threads_is_never_over_the_capacity),
        cmocka_unit_test(refills_and_flushes_count_the_magazines_that_moved),
        cmocka_unit_test(steals_count_what_was_taken_from_other_threads_caches),
        cmocka_unit_test(empties_and_waits_count_refusals_and_sleeps),
        cmocka_unit_test(a_thread_that_ended_is_still_in_the_sums),
        cmocka_unit_test(an_older_program_gets_the_fields_it_knows),
        cmocka_unit_test(fenced_says_whether_the_system_has_a_barrier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
