/* tests/test_pool_create.c - making and closing pools: every value out of its range, every name that may not be, and what a
 * pool that is refused leaves behind: nothing.
 *
 * A refusal is judged as a whole (refused): the errno, the message (which value was given, what would be right), *out and errno
 * untouched, and the footprint of the process after eight more tries the same as before them. The configurations are large
 * (256 MiB of buffers), so that a reservation that stayed behind shows in any build. What fails because the system gives no
 * memory is in test_pool_memory.c.
 */
#include "footprint.h"

#include "os/os.h"

static struct weir_pool_config good(void)
{
    return (struct weir_pool_config){ .capacity = 65536, .buffer_size = 4096 };
}

enum { NO_OTHER = 1 };              /* an error that is never answered */

static void refused(const struct weir_pool_config *config, int error, int or_error, const char *says_1, const char *says_2,
                    const char *says_3)
{
    struct weir_pool *const untouched = (struct weir_pool *)(uintptr_t)0x5a5a5a5a;
    struct footprint before = { 0, 0, 0, 0 };
    for (int i = 0; i < 10; i++) {
        struct weir_pool *pool = untouched;
        int answer;
        errno = 4711;
        answer = weir_pool_create(&pool, config);
        if (answer != error && answer != or_error)
            fail_msg("answered %d, not %d: %s", answer, error, weir_error_message());
        assert_int_equal(errno, 4711);
        assert_ptr_equal(pool, untouched);
        assert_says(weir_error_message(), says_1, says_2, says_3, (const char *)NULL);
        if (i == 1)                     /* whatever the first failure of a thread sets up is there by now */
            before = footprint_now();
    }
    assert_same_footprint(&before);
}

#define WITH(field, value) (config = good(), config.field = (value), &config)
#define WITH_2(field, value, field_2, value_2)                                                                                  \
    (config = good(), config.field = (value), config.field_2 = (value_2), &config)

static void a_capacity_of_zero_or_over_two_to_the_28_is_refused(void **state)
{
    struct weir_pool_config config;
    (void)state;
    refused(WITH(capacity, 0), -EINVAL, NO_OTHER, "capacity", "0", "268435456|2^28|268,435,456");
    refused(WITH(capacity, (1u << 28) + 1), -EINVAL, NO_OTHER, "capacity", "268435457", "268435456|2^28|268,435,456");
    refused(WITH(capacity, UINT32_MAX), -EINVAL, NO_OTHER, "capacity", "4294967295", "268435456|2^28|268,435,456");
}

static void more_initial_ops_than_the_capacity_are_refused(void **state)
{
    struct weir_pool_config config;
    (void)state;
    refused(WITH(initial, 65537), -EINVAL, NO_OTHER, "initial", "65537", "65536");
    refused(WITH(initial, UINT32_MAX), -EINVAL, NO_OTHER, "initial", "4294967295", "65536");
}

static void a_cache_over_1024_is_refused(void **state)
{
    struct weir_pool_config config;
    (void)state;
    refused(WITH(cache, 1025), -EINVAL, NO_OTHER, "cache", "1025", "1024|1,024");
    refused(WITH(cache, UINT32_MAX), -EINVAL, NO_OTHER, "cache", "4294967295", "1024|1,024");
}

static void an_alignment_that_is_no_power_of_two_is_refused(void **state)
{
    struct weir_pool_config config;
    (void)state;
    refused(WITH(buffer_align, 3), -EINVAL, NO_OTHER, "buffer_align", "3", "power of two|power of 2");
    refused(WITH(buffer_align, 96), -EINVAL, NO_OTHER, "buffer_align", "96", "power of two|power of 2");
    refused(WITH(buffer_align, SIZE_MAX), -EINVAL, NO_OTHER, "buffer_align", "18446744073709551615", "power of two|power of 2");
}

static void an_alignment_over_the_page_size_is_refused(void **state)
{
    struct weir_pool_config config;
    char given[32], right[32];
    (void)state;
    snprintf(given, sizeof given, "%llu", 2ull * os_page_size());
    snprintf(right, sizeof right, "%llu", 1ull * os_page_size());
    refused(WITH(buffer_align, 2 * os_page_size()), -EINVAL, NO_OTHER, "buffer_align", given, right);
}

static void sizes_that_overflow_are_refused(void **state)
{
    struct weir_pool_config config;
    char given[32];
    (void)state;
    refused(WITH(buffer_size, SIZE_MAX), -EINVAL, -ENOMEM, "buffer_size", "18446744073709551615", NULL);
    refused(WITH(buffer_size, SIZE_MAX - 62), -EINVAL, -ENOMEM, "buffer_size", "18446744073709551553", NULL);
    refused(WITH(buffer_size, SIZE_MAX / 65536 + 1), -EINVAL, -ENOMEM, "buffer_size", "281474976710656", NULL);
    refused(WITH(buffer_size, SIZE_MAX / 65536), -EINVAL, -ENOMEM, "buffer_size", "281474976710655", NULL);
    for (unsigned bit = 50; bit < 64; bit++) {
        snprintf(given, sizeof given, "%llu", 1ull << bit);
        refused(WITH(buffer_size, (size_t)1 << bit), -EINVAL, -ENOMEM, "buffer_size", given, NULL);
    }
    refused(WITH(user_size, 65537), -EINVAL, NO_OTHER, "user_size", "65537", "65536|65,536");
    refused(WITH(user_size, SIZE_MAX), -EINVAL, NO_OTHER, "user_size", "18446744073709551615", "65536|65,536");
}

static void null_is_refused(void **state)
{
    struct weir_pool_config config = good();
    struct weir_pool *pool = NULL;
    struct weir_stats stats;
    (void)state;
    assert_int_equal(weir_pool_create(NULL, &config), -EINVAL);
    assert_says(weir_error_message(), "NULL", NULL);
    assert_int_equal(weir_pool_create(&pool, NULL), -EINVAL);
    assert_says(weir_error_message(), "NULL", NULL);
    assert_null(pool);
    assert_int_equal(weir_pool_close(NULL), -EINVAL);
    assert_int_equal(weir_pool_stats(NULL, &stats), -EINVAL);
    pool = pool_from(&config);
    assert_int_equal(weir_pool_stats(pool, NULL), -EINVAL);
    assert_int_equal(weir_pool_reclaimer(pool, NULL, NULL), -EINVAL);
    close_quiet(pool);
}

static void an_empty_an_over_long_and_an_ill_formed_name_are_refused(void **state)
{
    static const char *const ill_formed[] = { "a b", "a/b", "../x", "caf\xc3\xa9", "a\nb", "a:b", "%s%n", "a\\b" };
    struct weir_pool_config config;
    char name[65];
    (void)state;
    refused(WITH(name, ""), -EINVAL, NO_OTHER, "name", "63", NULL);
    memset(name, 'n', 64);
    name[64] = 0;
    refused(WITH(name, name), -EINVAL, NO_OTHER, "name", "63", NULL);
    for (size_t i = 0; i < sizeof ill_formed / sizeof *ill_formed; i++)
        refused(WITH(name, ill_formed[i]), -EINVAL, NO_OTHER, "name", "A-Z", ". _ -|._-");
    refused(WITH(name, "a b"), -EINVAL, NO_OTHER, "a b", NULL, NULL);
}

static void a_name_is_copied_and_may_have_63_letters(void **state)
{
    struct weir_pool_config config;
    struct weir_pool *pool;
    char name[64];
    (void)state;
    memset(name, 'n', 63);
    memcpy(name, "Az09._-", 7);
    name[63] = 0;
    pool = pool_from(WITH(name, name));
    memset(name, 'x', 63);
    assert_int_equal(strlen(weir_pool_name(pool)), 63);
    assert_memory_equal(weir_pool_name(pool), "Az09._-nnnn", 11);
    close_quiet(pool);
}

static void a_taken_name_is_refused_until_its_pool_is_closed(void **state)
{
    struct weir_pool_config config;
    struct weir_pool *pool = pool_from(WITH(name, "requests")), *again;
    (void)state;
    refused(WITH(name, "requests"), -EEXIST, NO_OTHER, "name", "requests", NULL);
    close_quiet(pool);
    again = pool_from(WITH(name, "requests"));
    close_quiet(again);
}

/* Generated names are "pool-N", and step over a name that somebody has chosen himself. */
static void generated_names_are_unique_among_the_chosen_ones(void **state)
{
    struct weir_pool *first = pool_of(10, 0, 0), *chosen[4], *next;
    struct weir_pool_config config;
    unsigned n;
    char name[32];
    (void)state;
    assert_int_equal(sscanf(weir_pool_name(first), "pool-%u", &n), 1);
    refused(WITH(name, weir_pool_name(first)), -EEXIST, NO_OTHER, "name", weir_pool_name(first), NULL);
    for (unsigned i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "pool-%u", n + 1 + i);
        chosen[i] = pool_from(WITH(name, name));
    }
    next = pool_of(10, 0, 0);
    assert_memory_equal(weir_pool_name(next), "pool-", 5);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_not_equal(weir_pool_name(next), weir_pool_name(chosen[i]));
        close_quiet(chosen[i]);
    }
    close_quiet(next);
    close_quiet(first);
}

static void what_this_version_does_not_do_is_said(void **state)
{
    struct weir_pool_config config;
    (void)state;
    refused(WITH_2(name, NULL, flags, WEIR_POOL_SHARED), -EINVAL, NO_OTHER, "name", "NULL", NULL);
    refused(WITH_2(name, "shared", flags, WEIR_POOL_SHARED | WEIR_POOL_NUMA), -ENOTSUP, NO_OTHER, "SHARED", "NUMA", NULL);
    refused(WITH(flags, 1u << 20), -EINVAL, NO_OTHER, "flags", NULL, NULL);
    close_quiet(pool_from(WITH(debug, "")));
}

static void an_absent_numa_node_is_refused(void **state)
{
    struct weir_pool_config config;
    (void)state;
    refused(WITH_2(numa_node, 1000, flags, WEIR_POOL_NUMA), -ENODEV, NO_OTHER, "node", "1000", NULL);
    refused(WITH_2(numa_node, INT32_MAX, flags, WEIR_POOL_NUMA), -ENODEV, NO_OTHER, "node", "2147483647", NULL);
    refused(WITH_2(numa_node, -1, flags, WEIR_POOL_NUMA), -ENODEV, -EINVAL, "node", "-1", NULL);
}

static void a_present_numa_node_and_huge_pages_serve(void **state)
{
    static const unsigned flags[] = { WEIR_POOL_NUMA, WEIR_POOL_HUGEPAGES, WEIR_POOL_NUMA | WEIR_POOL_HUGEPAGES };
    struct weir_pool_config config;
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct weir_pool *pool = pool_from(WITH_2(flags, flags[i], capacity, 5000));
        struct weir_op **ops = take_all(pool, 5000);
        for (int k = 0; k < 5000; k++)
            memset(weir_op_buffer(ops[k]), k, 4096);
        for (int k = 0; k < 5000; k++)
            assert_int_equal(((unsigned char *)weir_op_buffer(ops[k]))[4095], k & 255);
        put_all(ops, 5000);
        free(ops);
        close_quiet(pool);
    }
}

static void pools_come_and_go_and_leave_nothing(void **state)
{
    struct footprint before = { 0, 0, 0, 0 };
    (void)state;
    for (int i = 0; i < 40; i++) {
        struct weir_pool *pool = pool_of(65536, 0, 4096);
        for (int k = 0; k < 1000; k++)
            weir_op_put(weir_op_get(pool));
        take_and_put_all(pool, 65536);
        if (i % 2)
            assert_true(weir_pool_fd(pool) >= 0);
        close_quiet(pool);
        if (i == 7)
            before = footprint_now();
    }
    assert_same_footprint(&before);
}

static void pool_4097_is_refused_and_the_others_work(void **state)
{
    static struct weir_pool *pools[4097];
    struct weir_pool_config config = { .capacity = 1 };
    int error = 0;
    unsigned n = 0;
    (void)state;
    while (n < 4097 && !(error = weir_pool_create(&pools[n], &config)))
        n++;
    assert_int_equal(n, 4096);
    assert_int_equal(error, -ENOSPC);
    assert_says(weir_error_message(), "4096|4,096", NULL);
    for (unsigned i = 0; i < n; i++) {
        struct weir_op *op = weir_op_get(pools[i]);
        assert_non_null(op);
        assert_ptr_equal(weir_op_pool(op), pools[i]);
        weir_op_put(op);
    }
    for (unsigned i = 0; i < n; i++)
        assert_int_equal(weir_pool_close(pools[i]), 0);
    close_quiet(pool_from(&config));
}

static void close_with_live_ops_answers_ebusy_and_the_pool_works_on(void **state)
{
    struct weir_pool_config config = { .name = "busy", .capacity = 100, .buffer_size = 512 };
    struct weir_pool *pool = pool_from(&config);
    struct weir_op *op[3];
    (void)state;
    for (int i = 0; i < 3; i++)
        op[i] = weir_op_get(pool);
    for (int i = 0; i < 3; i++) {
        char lowest[16];
        uint32_t low = UINT32_MAX;
        for (int k = i; k < 3; k++)
            low = weir_op_index(op[k]) < low ? weir_op_index(op[k]) : low;
        snprintf(lowest, sizeof lowest, "%u", (unsigned)low);
        assert_int_equal(weir_pool_close(pool), -EBUSY);
        assert_says(weir_error_message(), i == 0 ? "3" : i == 1 ? "2" : "1", "busy", lowest, NULL);
        assert_quiet(pool, (uint64_t)(3 - i));
        weir_op_put(weir_op_get(pool));
        weir_op_put(op[i]);
    }
    take_and_put_all(pool, 100);
    close_quiet(pool);
}

static int count_pools(struct weir_pool *pool, void *arg)
{
    struct weir_pool **wanted = arg;
    for (int i = 0; i < 3; i++)
        if (wanted[i] == pool)
            wanted[i] = NULL;
    return 0;
}

static int stop_at(struct weir_pool *pool, void *arg)
{
    return pool == arg ? 23 : 0;
}

static void each_visits_every_open_pool_until_told_to_stop(void **state)
{
    struct weir_pool *pools[3], *wanted[3];
    (void)state;
    for (int i = 0; i < 3; i++)
        wanted[i] = pools[i] = pool_of(10, 0, 0);
    assert_int_equal(weir_pool_each(count_pools, wanted), 0);
    for (int i = 0; i < 3; i++)
        assert_null(wanted[i]);
    assert_int_equal(weir_pool_each(stop_at, pools[1]), 23);
    close_quiet(pools[1]);
    assert_int_equal(weir_pool_each(stop_at, pools[1]), 0);
    close_quiet(pools[0]);
    close_quiet(pools[2]);
}

/* It holds the lock of create and close; get and put take none that it could hold. */
static int uses_the_pool(struct weir_pool *pool, void *arg)
{
    struct weir_op *op = weir_op_get(pool), *held = arg;
    if (!op || weir_op_pool(op) != pool || weir_pool_check(pool) || stats_of(pool).capacity != 10)
        return 1;
    weir_op_put(op);
    if (held && weir_op_pool(held) == pool)
        weir_op_put(held);
    weir_thread_flush(pool);
    weir_pool_trim(pool);
    return 0;
}

static const char *uses_each_pool_for_the_first_time(void *arg)
{
    NEED(weir_pool_each(uses_the_pool, arg) == 0);
    return NULL;
}

static void the_function_given_to_each_may_use_the_pools(void **state)
{
    struct weir_pool *pools[12];
    struct weir_op *op;
    (void)state;
    for (int i = 0; i < 12; i++)
        pools[i] = pool_of(10, 0, 64);
    assert_int_equal(weir_pool_each(uses_the_pool, NULL), 0);
    op = weir_op_get(pools[3]);
    on_another_thread(uses_each_pool_for_the_first_time, op);
    for (int i = 0; i < 12; i++)
        close_quiet(pools[i]);
}

static const char *has_no_message_yet(void *arg)
{
    (void)arg;
    NEED(strcmp(weir_error_message(), "") == 0);
    NEED(weir_pool_close(NULL) == -EINVAL);
    NEED(strcmp(weir_error_message(), "") != 0);
    return NULL;
}

static void each_thread_has_its_own_message(void **state)
{
    struct weir_pool_config config;
    struct weir_pool *pool;
    (void)state;
    assert_int_equal(weir_pool_create(&pool, WITH(cache, 1025)), -EINVAL);
    on_another_thread(has_no_message_yet, NULL);
    assert_says(weir_error_message(), "1025", NULL);
}

static void every_error_has_a_text(void **state)
{
    static const int errors[] = { -EINVAL, -EEXIST, -ENOMEM, -ENODEV, -ENOTSUP, -ENOSPC, -EBUSY, WEIR_ECORRUPT };
    (void)state;
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        assert_string_not_equal(weir_strerror(errors[i]), "unknown error");
        assert_true(strlen(weir_strerror(errors[i])) > 0);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(weir_strerror(errors[i]), weir_strerror(errors[k]));
    }
    assert_string_equal(weir_strerror(-4000), "unknown error");
    assert_string_equal(weir_strerror(-100000), "unknown error");
    assert_string_equal(weir_strerror(INT32_MIN), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_capacity_of_zero_or_over_two_to_the_28_is_refused),
        cmocka_unit_test(more_initial_ops_than_the_capacity_are_refused),
        cmocka_unit_test(a_cache_over_1024_is_refused),
        cmocka_unit_test(an_alignment_that_is_no_power_of_two_is_refused),
        cmocka_unit_test(an_alignment_over_the_page_size_is_refused),
        cmocka_unit_test(sizes_that_overflow_are_refused),
        cmocka_unit_test(null_is_refused),
        cmocka_unit_test(an_empty_an_over_long_and_an_ill_formed_name_are_refused),
        cmocka_unit_test(a_name_is_copied_and_may_have_63_letters),
        cmocka_unit_test(a_taken_name_is_refused_until_its_pool_is_closed),
        cmocka_unit_test(generated_names_are_unique_among_the_chosen_ones),
        cmocka_unit_test(what_this_version_does_not_do_is_said),
        cmocka_unit_test(an_absent_numa_node_is_refused),
        cmocka_unit_test(a_present_numa_node_and_huge_pages_serve),
        cmocka_unit_test(pools_come_and_go_and_leave_nothing),
        cmocka_unit_test(pool_4097_is_refused_and_the_others_work),
        cmocka_unit_test(close_with_live_ops_answers_ebusy_and_the_pool_works_on),
        cmocka_unit_test(each_visits_every_open_pool_until_told_to_stop),
        cmocka_unit_test(the_function_given_to_each_may_use_the_pools),
        cmocka_unit_test(each_thread_has_its_own_message),
        cmocka_unit_test(every_error_has_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
