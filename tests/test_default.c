/* test_default.c - where neither the program nor WEIR_DEBUG says anything, a pool is watched as WEIR_DEBUG_DEFAULT says, which the build passes in here
 * as well; and the environment, then the program's own word, come before it.
 */
#include "support.h"

#include <weir/weir.h>

static int watched(const char *debug)
{
    struct weir_pool_config config = { .name = "default", .capacity = 4, .buffer_size = 64, .debug = debug };
    struct weir_pool *pool = pool_from(&config);
    struct weir_op *op = weir_op_get(pool);
    int leaks = weir_leaks(pool, 0, NULL, NULL);
    weir_op_put(op);
    close_quiet(pool);
    return leaks;
}

static void a_pool_is_watched_as_the_build_says(void **state)
{
    (void)state;
    unsetenv("WEIR_DEBUG");
    assert_int_equal(watched(NULL), strstr(WEIR_DEBUG_DEFAULT, "track=") != NULL);
}

static void the_environment_comes_before_the_build(void **state)
{
    (void)state;
    setenv("WEIR_DEBUG", "none", 1);
    assert_int_equal(watched(NULL), 0);
    setenv("WEIR_DEBUG", "track=slots", 1);
    assert_int_equal(watched(NULL), 1);
    unsetenv("WEIR_DEBUG");
}

static void the_program_comes_before_the_environment(void **state)
{
    (void)state;
    setenv("WEIR_DEBUG", "track=slots", 1);
    assert_int_equal(watched("none"), 0);
    setenv("WEIR_DEBUG", "none", 1);
    assert_int_equal(watched("track=sketch"), 1);
    unsetenv("WEIR_DEBUG");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pool_is_watched_as_the_build_says),
        cmocka_unit_test(the_environment_comes_before_the_build),
        cmocka_unit_test(the_program_comes_before_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
