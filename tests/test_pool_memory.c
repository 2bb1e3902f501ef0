/* tests/test_pool_memory.c - the system gives no address space (setrlimit in a child) or no memory at a commit (injected by
 * os_fail_commit_after): errors are said, ops are neither lost nor doubled, nothing leaks, and when there is memory again the
 * pool goes on. Linux only.
 */
#include "child.h"
#include "footprint.h"

#include <sys/resource.h>

#include "os/os.h"

/* Room for what malloc and the sanitizers want, and far less than a pool of 64 GiB. */
static const char *creates_in_too_little_address_space(void *arg)
{
    struct weir_pool_config large = { .capacity = 1u << 20, .buffer_size = 65536 };
    struct weir_pool_config small = { .capacity = 1000, .buffer_size = 4096 };
    struct rlimit limit = { statm_field(0) + ((size_t)1 << 29), RLIM_INFINITY };
    struct weir_pool *untouched = arg, *pool = untouched;
    struct footprint before;
    limit.rlim_max = limit.rlim_cur;
    NEED(setrlimit(RLIMIT_AS, &limit) == 0);
    NEED(weir_pool_create(&pool, &large) == -ENOMEM);
    NEED(pool == untouched);
    NEED(text_says(weir_error_message(), "address space"));
    NEED(text_says(weir_error_message(), "1048576|68719476736|65536"));
    before = footprint_now();
    for (int i = 0; i < 20; i++)
        NEED(weir_pool_create(&pool, &large) == -ENOMEM);
    NEED(footprint_now().mapped <= before.mapped + FOOTPRINT_SLACK);
    NEED(weir_pool_create(&pool, &small) == 0);
    NEED(weir_op_get(pool) != NULL);
    return NULL;
}

static void out_of_address_space_is_said_and_a_smaller_pool_serves(void **state)
{
    int any;
    (void)state;
    in_a_child(creates_in_too_little_address_space, &any);
}

/* Each commit that a creation makes fails once. */
static void create_survives_a_failure_of_each_of_its_commits(void **state)
{
    struct weir_pool_config config = { .capacity = 65536, .initial = 65536, .buffer_size = 4096, .user_size = 100 };
    struct weir_pool *const untouched = (struct weir_pool *)(uintptr_t)0x5a5a5a5a;
    struct weir_pool *pool;
    struct footprint before;
    long after;
    (void)state;
    close_quiet(pool_from(&config));
    for (after = 0; after < 1000; after++) {
        int error = 0;
        for (int i = 0; i < 5; i++) {
            pool = untouched;
            os_fail_commit_after(after);
            error = weir_pool_create(&pool, &config);
            os_fail_commit_after(-1);
            if (!error)
                break;
            assert_int_equal(error, -ENOMEM);
            assert_ptr_equal(pool, untouched);
            assert_says(weir_error_message(), "memory", NULL);
            if (i == 1)
                before = footprint_now();
        }
        if (!error)
            break;
        assert_same_footprint(&before);
    }
    assert_in_range(after, 1, 999);     /* at least one commit did fail */
    take_and_put_all(pool, 65536);
    close_quiet(pool);
}

static void a_get_without_memory_answers_null_and_the_pool_goes_on_later(void **state)
{
    struct weir_pool *pool = pool_of(20000, 0, 4096);
    struct weir_op **ops = calloc(20000, sizeof *ops);
    uint32_t n = 0, refusals = 0;
    (void)state;
    /* Some commits succeed, the next fails: the pool stops short of its capacity, at each step of its growth. */
    while (n < 20000 && refusals < 10000) {
        os_fail_commit_after((long)(refusals % 8));
        while (n < 20000 && (ops[n] = weir_op_get(pool)))
            n++;
        if (n == 20000)
            break;
        refusals++;
        assert_true(stats_of(pool).live < 20000);
        assert_int_equal(stats_of(pool).live, n);
        os_fail_commit_after(0);
        assert_null(weir_op_get(pool));
        assert_null(weir_op_get_wait(pool, 0));
        assert_null(weir_op_get_wait(pool, 1000000));
        os_fail_commit_after(-1);       /* the check wants some, too */
        assert_quiet(pool, n);
    }
    os_fail_commit_after(-1);
    assert_in_range(refusals, 1, 9999);
    assert_null(weir_op_get(pool));
    assert_quiet(pool, 20000);
    put_all(ops, n);
    free(ops);
    take_and_put_all(pool, 20000);
    close_quiet(pool);
}

static void what_was_put_is_got_again_without_memory_for_more(void **state)
{
    struct weir_pool *pool = pool_of(20000, 0, 4096);
    struct weir_op *op = weir_op_get(pool);
    (void)state;
    os_fail_commit_after(0);
    for (int i = 0; i < 1000; i++) {
        assert_non_null(op);
        memset(weir_op_buffer(op), i, 4096);
        weir_op_put(op);
        op = weir_op_get(pool);
    }
    os_fail_commit_after(-1);
    weir_op_put(op);
    close_quiet(pool);
}

static const char *puts_its_first_op(void *op)
{
    weir_op_put(op);
    return NULL;
}

static void a_thread_without_memory_for_a_cache_gives_back_all_the_same(void **state)
{
    struct weir_pool *pool = pool_of(300, 0, 64);
    struct weir_op **ops = take_all(pool, 300);
    struct thread thread[100];
    (void)state;
    os_fail_commit_after(0);
    for (int i = 0; i < 100; i++)
        thread_start(&thread[i], puts_its_first_op, ops[i]);
    for (int i = 0; i < 100; i++)
        thread_join(&thread[i]);
    os_fail_commit_after(-1);
    assert_quiet(pool, 200);
    put_all(ops + 100, 200);
    free(ops);
    take_and_put_all(pool, 300);
    close_quiet(pool);
}

static void a_bulk_without_memory_takes_nothing(void **state)
{
    struct weir_pool *pool = pool_of(20000, 0, 4096);
    struct weir_op **ops = calloc(20000, sizeof *ops);
    (void)state;
    for (int after = 0; after < 2; after++) {
        os_fail_commit_after(after);
        assert_int_equal(weir_op_get_bulk(pool, ops, 20000), 0);
        os_fail_commit_after(-1);
        assert_quiet(pool, 0);
    }
    assert_int_equal(weir_op_get_bulk(pool, ops, 20000), 20000);
    assert_quiet(pool, 20000);
    weir_op_put_bulk(ops, 20000);
    free(ops);
    close_quiet(pool);
}

static void a_trimmed_pool_without_memory_loses_no_op(void **state)
{
    struct weir_pool *pool = pool_of(20000, 0, 4096);
    struct weir_op **ops = take_all(pool, 20000);
    uint32_t n = 0;
    (void)state;
    put_all(ops, 20000);
    assert_true(weir_pool_trim(pool) > 0);
    os_fail_commit_after(0);
    while (n < 20000 && (ops[n] = weir_op_get(pool)))
        n++;
    os_fail_commit_after(-1);
    assert_quiet(pool, n);
    put_all(ops, n);
    free(ops);
    take_and_put_all(pool, 20000);
    close_quiet(pool);
}

static void iovecs_without_memory_answer_enomem_and_pin_nothing(void **state)
{
    struct weir_pool *pool = pool_of(20000, 0, 4096);
    struct weir_iovec ranges[8];
    (void)state;
    os_fail_commit_after(0);
    assert_int_equal(weir_pool_iovecs(pool, ranges, 8), -ENOMEM);
    os_fail_commit_after(-1);
    assert_true(strlen(weir_error_message()) > 0);
    take_and_put_all(pool, 20000);
    assert_true(weir_pool_trim(pool) > 0);
    assert_int_equal(weir_pool_iovecs(pool, ranges, 8), 1);
    weir_pool_iovecs_release(pool);
    close_quiet(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(out_of_address_space_is_said_and_a_smaller_pool_serves),
        cmocka_unit_test(create_survives_a_failure_of_each_of_its_commits),
        cmocka_unit_test(a_get_without_memory_answers_null_and_the_pool_goes_on_later),
        cmocka_unit_test(what_was_put_is_got_again_without_memory_for_more),
        cmocka_unit_test(a_thread_without_memory_for_a_cache_gives_back_all_the_same),
        cmocka_unit_test(a_bulk_without_memory_takes_nothing),
        cmocka_unit_test(a_trimmed_pool_without_memory_loses_no_op),
        cmocka_unit_test(iovecs_without_memory_answer_enomem_and_pin_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
