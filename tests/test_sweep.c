/* test_sweep.c - what a search of all caches may leave behind: nothing that a later get can't find. */
#include "support.h"

struct other {
    struct weir_pool *pool;
    pthread_barrier_t step;
};

/* Uses its cache until that is open, runs empty with an op in hand, gives that back, and idles. */
static const char *runs_empty_and_puts(void *arg)
{
    struct other *other = arg;
    struct weir_op *op = weir_op_get(other->pool);
    NEED(op);
    weir_op_put(op);
    op = weir_op_get(other->pool);
    NEED(op);
    NEED(!weir_op_get(other->pool));
    weir_op_put(op);
    pthread_barrier_wait(&other->step);
    pthread_barrier_wait(&other->step);
    return NULL;
}

static void what_is_put_after_its_own_search_is_found_by_others(void **state)
{
    struct other other = { .pool = pool_of(2, 0, 64) };
    struct weir_op *mine = weir_op_get(other.pool), *found;
    struct thread t;
    (void)state;
    assert_non_null(mine);
    pthread_barrier_init(&other.step, NULL, 2);
    thread_start(&t, runs_empty_and_puts, &other);
    pthread_barrier_wait(&other.step);
    found = take_one(other.pool);
    pthread_barrier_wait(&other.step);
    thread_join(&t);
    pthread_barrier_destroy(&other.step);
    assert_non_null(found);
    weir_op_put(found);
    weir_op_put(mine);
    close_quiet(other.pool);
}

static void a_waiter_gets_what_is_put_after_its_threads_own_search(void **state)
{
    struct other other = { .pool = pool_of(2, 0, 64) };
    struct weir_op *mine = weir_op_get(other.pool), *found;
    struct thread t;
    (void)state;
    assert_non_null(mine);
    pthread_barrier_init(&other.step, NULL, 2);
    thread_start(&t, runs_empty_and_puts, &other);
    pthread_barrier_wait(&other.step);
    found = weir_op_get_wait(other.pool, INT64_C(1000000000));
    pthread_barrier_wait(&other.step);
    thread_join(&t);
    pthread_barrier_destroy(&other.step);
    assert_non_null(found);
    weir_op_put(found);
    weir_op_put(mine);
    close_quiet(other.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_after_its_own_search_is_found_by_others),
        cmocka_unit_test(a_waiter_gets_what_is_put_after_its_threads_own_search),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
