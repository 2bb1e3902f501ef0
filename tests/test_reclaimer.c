/* tests/test_reclaimer.c - who keeps ops that nobody uses is asked for them before a get answers NULL. */
#include "support.h"

struct keeper {
    struct weir_op *op[8];
    int n, asked, each;                 /* gives back at most `each` a call */
    pthread_t thread;
};

static unsigned gives_back(struct weir_pool *pool, void *arg)
{
    struct keeper *keeper = arg;
    unsigned n = 0;
    (void)pool;
    keeper->asked++;
    keeper->thread = pthread_self();
    while (keeper->n && n < (unsigned)keeper->each) {
        weir_op_put(keeper->op[--keeper->n]);
        n++;
    }
    return n;
}

static unsigned gives_nothing(struct weir_pool *pool, void *arg)
{
    (void)pool;
    ++*(int *)arg;
    return 0;
}

static void keep(struct keeper *keeper, struct weir_pool *pool, int n)
{
    for (keeper->n = 0; keeper->n < n; keeper->n++)
        keeper->op[keeper->n] = weir_op_get(pool);
}

static void a_get_asks_the_reclaimer_before_it_answers_null(void **state)
{
    struct weir_pool *pool = pool_of(10, 0, 0);
    struct keeper keeper = { .each = 1 };
    struct weir_op *ops[10];
    (void)state;
    keep(&keeper, pool, 4);
    assert_int_equal(weir_pool_reclaimer(pool, gives_back, &keeper), 0);
    for (int i = 0; i < 6; i++)
        ops[i] = weir_op_get(pool);
    assert_int_equal(keeper.asked, 0);          /* there was no need */
    for (int i = 6; i < 10; i++)
        assert_non_null(ops[i] = i % 2 ? weir_op_get(pool) : weir_op_get_wait(pool, 0));
    assert_true(keeper.asked >= 4);
    assert_true(pthread_equal(keeper.thread, pthread_self()));
    assert_null(weir_op_get(pool));
    assert_null(weir_op_get_wait(pool, 0));
    put_all(ops, 10);
    weir_pool_reclaimer_remove(pool, gives_back, &keeper);
    close_quiet(pool);
}

static void a_bulk_get_and_a_waiting_get_ask_too(void **state)
{
    struct weir_pool *pool = pool_of(10, 0, 0);
    struct keeper keeper = { .each = 8 };
    struct weir_op *ops[10], *more;
    (void)state;
    assert_int_equal(weir_pool_reclaimer(pool, gives_back, &keeper), 0);
    keep(&keeper, pool, 8);
    assert_int_equal(weir_op_get_bulk(pool, ops, 10), 10);
    assert_int_equal(weir_op_get_bulk(pool, &more, 1), 0);
    put_all(ops, 10);
    keep(&keeper, pool, 8);
    for (int i = 0; i < 10; i++)
        assert_non_null(ops[i] = weir_op_get_wait(pool, -1));
    put_all(ops, 10);
    weir_pool_reclaimer_remove(pool, gives_back, &keeper);
    close_quiet(pool);
}

static void the_first_that_gives_nothing_does_not_hide_the_second(void **state)
{
    struct weir_pool *pool = pool_of(10, 0, 0);
    struct keeper keeper = { .each = 1 };
    struct weir_op *ops[10];
    int asked = 0;
    (void)state;
    assert_int_equal(weir_pool_reclaimer(pool, gives_nothing, &asked), 0);
    assert_int_equal(weir_pool_reclaimer(pool, gives_back, &keeper), 0);
    keep(&keeper, pool, 8);
    for (int i = 0; i < 10; i++)
        assert_non_null(ops[i] = weir_op_get(pool));
    put_all(ops, 10);
    weir_pool_reclaimer_remove(pool, gives_back, &keeper);
    take_and_put_all(pool, 10);
    assert_true(asked > 0);
    weir_pool_reclaimer_remove(pool, gives_nothing, &asked);
    asked = 0;
    take_and_put_all(pool, 10);
    assert_int_equal(asked, 0);                 /* removed: never called again */
    close_quiet(pool);
}

static void the_sixty_fifth_reclaimer_is_refused(void **state)
{
    struct weir_pool *pool = pool_of(10, 0, 0);
    int asked[65] = { 0 };
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 64; i++)
            assert_int_equal(weir_pool_reclaimer(pool, gives_nothing, &asked[i]), 0);
        assert_int_equal(weir_pool_reclaimer(pool, gives_nothing, &asked[64]), -ENOSPC);
        assert_says(weir_error_message(), "64", NULL);
        take_and_put_all(pool, 10);
        for (int i = 0; i < 64; i++) {
            assert_true(asked[i] >= round + 1);
            weir_pool_reclaimer_remove(pool, gives_nothing, &asked[i]);
        }
        assert_int_equal(asked[64], 0);
    }
    close_quiet(pool);
}

/* -- at a thread's end -------------------------------------------------------------------------------------------------------- */

struct handed {
    struct weir_pool *pool;
    _Atomic(struct weir_op *) kept;
    _Atomic bool served;
    pthread_barrier_t step;
};

static unsigned gives_what_was_handed(struct weir_pool *pool, void *arg)
{
    struct handed *h = arg;
    struct weir_op *op = atomic_exchange(&h->kept, NULL);
    (void)pool;
    weir_op_put(op);
    return op != NULL;
}

static const char *waits_for_the_kept_one(void *arg)
{
    struct handed *h = arg;
    struct weir_op *op = weir_op_get_wait(h->pool, -1);
    NEED(op);
    atomic_store(&h->served, true);
    weir_op_put(op);
    return NULL;
}

static const char *has_a_cache_and_ends(void *arg)
{
    struct handed *h = arg;
    NEED(weir_op_get(h->pool) == NULL);
    pthread_barrier_wait(&h->step);
    pthread_barrier_wait(&h->step);
    return NULL;
}

/* A thread ends while somebody waits and a keeper has an op: whoever looks for ops in that moment, nothing hangs. */
static void a_thread_that_ends_while_somebody_waits_may_ask_a_reclaimer(void **state)
{
    struct handed h = { .pool = pool_of(1, 0, 0) };
    struct thread waiter, ender;
    struct weir_op *op = weir_op_get(h.pool);
    (void)state;
    pthread_barrier_init(&h.step, NULL, 2);
    assert_int_equal(weir_pool_reclaimer(h.pool, gives_what_was_handed, &h), 0);
    thread_start(&ender, has_a_cache_and_ends, &h);
    pthread_barrier_wait(&h.step);
    thread_start(&waiter, waits_for_the_kept_one, &h);
    assert_true(EVENTUALLY(stats_of(h.pool).waits == 1));
    nap_us(20000);                      /* most likely asleep; if not, it finds the op by itself */
    atomic_store(&h.kept, op);
    pthread_barrier_wait(&h.step);
    thread_join(&ender);
    op = atomic_exchange(&h.kept, NULL);
    weir_op_put(op);                    /* nobody asked: now the waiter gets it by a put */
    assert_true(EVENTUALLY(atomic_load(&h.served)));
    thread_join(&waiter);
    pthread_barrier_destroy(&h.step);
    weir_pool_reclaimer_remove(h.pool, gives_what_was_handed, &h);
    close_quiet(h.pool);
}

/* -- remove against a call that runs ------------------------------------------------------------------------------------------- */

struct slow {
    struct weir_pool *pool;
    _Atomic int inside, removing, left, removed_early;
};

static unsigned is_slow(struct weir_pool *pool, void *arg)
{
    struct slow *slow = arg;
    (void)pool;
    atomic_store(&slow->inside, 1);
    while (!atomic_load(&slow->removing))
        sched_yield();
    nap_us(20000);                      /* time for a remove that does not wait to return: it finds `left` unset */
    atomic_store(&slow->left, 1);
    return 0;
}

static const char *gets_null(void *arg)
{
    struct slow *slow = arg;
    NEED(weir_op_get(slow->pool) == NULL);
    return NULL;
}

static const char *removes(void *arg)
{
    struct slow *slow = arg;
    while (!atomic_load(&slow->inside))
        sched_yield();
    atomic_store(&slow->removing, 1);
    weir_pool_reclaimer_remove(slow->pool, is_slow, slow);
    NEED(atomic_load(&slow->left));
    return NULL;
}

static void remove_returns_once_no_call_runs(void **state)
{
    struct slow slow = { .pool = pool_of(10, 0, 0) };
    struct weir_op **ops = take_all(slow.pool, 10);
    struct thread getter, remover;
    (void)state;
    for (int round = 0; round < 10; round++) {
        slow.inside = slow.removing = slow.left = 0;
        assert_int_equal(weir_pool_reclaimer(slow.pool, is_slow, &slow), 0);
        thread_start(&getter, gets_null, &slow);
        thread_start(&remover, removes, &slow);
        thread_join(&getter);
        thread_join(&remover);
    }
    put_all(ops, 10);
    free(ops);
    close_quiet(slow.pool);
}

/* Keepers come and go while threads get from a pool that runs empty all the time. */
static const char *gets_and_puts(void *arg)
{
    struct slow *slow = arg;
    while (!atomic_load(&slow->left)) {
        struct weir_op *a = weir_op_get(slow->pool), *b = weir_op_get(slow->pool);
        weir_op_put(a);
        weir_op_put(b);
    }
    return NULL;
}

static unsigned gives_its_one(struct weir_pool *pool, void *arg)
{
    _Atomic(struct weir_op *) *kept = arg;
    struct weir_op *op = atomic_exchange(kept, NULL);
    (void)pool;
    weir_op_put(op);
    return op != NULL;
}

static void keepers_come_and_go_while_threads_get(void **state)
{
    struct slow slow = { .pool = pool_of(4, 0, 0) };
    struct thread thread[3];
    (void)state;
    for (int i = 0; i < 3; i++)
        thread_start(&thread[i], gets_and_puts, &slow);
    for (int i = 0; i < SCALED(3000, 500); i++) {
        _Atomic(struct weir_op *) *kept = malloc(sizeof *kept);
        atomic_init(kept, weir_op_get(slow.pool));
        assert_int_equal(weir_pool_reclaimer(slow.pool, gives_its_one, kept), 0);
        sched_yield();
        weir_pool_reclaimer_remove(slow.pool, gives_its_one, kept);
        gives_its_one(slow.pool, kept);
        free(kept);                     /* a call that still runs would use it after this */
    }
    slow.left = 1;
    for (int i = 0; i < 3; i++)
        thread_join(&thread[i]);
    take_and_put_all(slow.pool, 4);
    close_quiet(slow.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_get_asks_the_reclaimer_before_it_answers_null),
        cmocka_unit_test(a_bulk_get_and_a_waiting_get_ask_too),
        cmocka_unit_test(the_first_that_gives_nothing_does_not_hide_the_second),
        cmocka_unit_test(the_sixty_fifth_reclaimer_is_refused),
        cmocka_unit_test(a_thread_that_ends_while_somebody_waits_may_ask_a_reclaimer),
        cmocka_unit_test(remove_returns_once_no_call_runs),
        cmocka_unit_test(keepers_come_and_go_while_threads_get),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
