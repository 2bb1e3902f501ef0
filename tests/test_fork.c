/* tests/test_fork.c - fork with caches full, and while other threads get, put and wait: parent and child both pass
 * weir_pool_check, the child has the ops its forking thread held, can take all that is not live, has no waiters, and what one of
 * them does the other does not feel. Linux only.
 *
 * Runs a second time with WEIR_NO_BARRIER=1. The children make no threads: ThreadSanitizer forbids it after a fork.
 */
#include "child.h"
#include "sleeper.h"

#include <poll.h>

#include "os/os.h"

/* In the child: the equation holds, all that is not live can be had, all goes back, and again. */
static const char *takes_what_is_not_live(void *arg)
{
    struct weir_pool *pool = arg;
    struct weir_stats before = stats_of(pool);
    uint32_t n = (uint32_t)(before.capacity - before.live);
    struct weir_op **ops = calloc(before.capacity, sizeof *ops);
    const char *wrong;
    for (int round = 0; round < 3; round++) {
        if ((wrong = quiet_with(pool, before.live)) || (wrong = take_exactly(pool, ops, n)) ||
            (wrong = quiet_with(pool, before.capacity)))
            return wrong;
        put_all(ops, n);
        if ((wrong = quiet_with(pool, before.live)))
            return wrong;
        NEED(stats_of(pool).live == before.live);
    }
    free(ops);
    return NULL;
}

static const char *takes_all_and_closes(void *arg)
{
    const char *wrong = takes_what_is_not_live(arg);
    if (wrong)
        return wrong;
    NEED(weir_pool_close(arg) == 0);
    return NULL;
}

/* A thread that made a pool, and has used none: weir doesn't know it yet. */
static const char *forks_before_it_uses_any(void *arg)
{
    struct weir_pool_config config = { .capacity = 100 };
    struct weir_pool *pool;
    const char *wrong;
    (void)arg;
    NEED(weir_pool_create(&pool, &config) == 0);
    wrong = child_end(child_start(takes_all_and_closes, pool));
    NEED(weir_pool_close(pool) == 0);
    return wrong;
}

static void a_thread_that_has_used_no_pool_forks(void **state)
{
    (void)state;
    on_another_thread(forks_before_it_uses_any, NULL);
}

static void a_child_takes_what_full_caches_of_the_parents_threads_hold(void **state)
{
    static const uint32_t capacities[] = { 1000, 64, 10, 1 };
    (void)state;
    for (int c = 0; c < 4; c++) {
        struct weir_pool *pool = pool_of(capacities[c], 0, 64);
        struct crew *crew = crew_start(pool, 16);
        for (int round = 0; round < 5; round++) {
            crew_fill(crew, 1 + capacities[c] / 16);
            weir_op_put(weir_op_get(pool));
            in_a_child(takes_all_and_closes, pool);
            assert_quiet(pool, 0);
        }
        take_and_put_all(pool, capacities[c]);
        crew_end(crew);
        close_quiet(pool);
    }
}

struct held {
    struct weir_pool *pool;
    struct weir_op *mine[5], *others[3];
    pthread_barrier_t step;
};

static const char *gives_back_what_it_holds(void *arg)
{
    struct held *h = arg;
    const char *wrong = takes_what_is_not_live(h->pool);
    if (wrong)
        return wrong;
    NEED(stats_of(h->pool).live == 8);          /* the other thread's three stay live here, too */
    for (int i = 0; i < 5; i++) {
        NEED(weir_op_refs(h->mine[i]) == 1);
        NEED(((char *)weir_op_buffer(h->mine[i]))[0] == 'm');
        weir_op_put(h->mine[i]);
    }
    if ((wrong = quiet_with(h->pool, 3)))
        return wrong;
    NEED(weir_pool_close(h->pool) == -EBUSY);
    put_all(h->others, 3);                      /* by their pointers they can be given back */
    NEED(weir_pool_close(h->pool) == 0);
    return NULL;
}

static const char *holds_three(void *arg)
{
    struct held *h = arg;
    for (int i = 0; i < 3; i++)
        NEED(h->others[i] = weir_op_get(h->pool));
    pthread_barrier_wait(&h->step);
    pthread_barrier_wait(&h->step);
    put_all(h->others, 3);
    return NULL;
}

static void the_child_has_what_its_forking_thread_held(void **state)
{
    struct held h = { .pool = pool_of(100, 0, 64) };
    struct thread thread;
    (void)state;
    pthread_barrier_init(&h.step, NULL, 2);
    thread_start(&thread, holds_three, &h);
    pthread_barrier_wait(&h.step);
    for (int i = 0; i < 5; i++) {
        h.mine[i] = weir_op_get(h.pool);
        memset(weir_op_buffer(h.mine[i]), 'm', 64);
    }
    for (int round = 0; round < 5; round++)
        in_a_child(gives_back_what_it_holds, &h);
    assert_quiet(h.pool, 8);                    /* nothing of it is felt here */
    put_all(h.mine, 5);
    pthread_barrier_wait(&h.step);
    thread_join(&thread);
    pthread_barrier_destroy(&h.step);
    close_quiet(h.pool);
}

static const char *forks_again(void *arg)
{
    const char *wrong = takes_what_is_not_live(arg);
    return wrong ? wrong : child_end(child_start(takes_what_is_not_live, arg));
}

static void a_child_of_a_child_is_as_whole(void **state)
{
    struct weir_pool *pool = pool_of(500, 0, 0);
    struct crew *crew = crew_start(pool, 8);
    (void)state;
    crew_fill(crew, 30);
    in_a_child(forks_again, pool);
    crew_end(crew);
    close_quiet(pool);
}

/* -- while others work --------------------------------------------------------------------------------------------------------- */

struct busy {
    struct weir_pool *pool;
    _Atomic bool stop;
};

static const char *gets_and_puts(void *arg)
{
    struct busy *busy = arg;
    while (!atomic_load(&busy->stop)) {
        struct weir_op *a = weir_op_get(busy->pool), *b = weir_op_get(busy->pool);
        weir_op_put(a);
        weir_op_put(b);
    }
    return NULL;
}

static const char *does_everything(void *arg)
{
    struct busy *busy = arg;
    struct weir_op *ops[40];
    for (unsigned i = 0; !atomic_load(&busy->stop); i++) {
        unsigned n = weir_op_get_bulk(busy->pool, ops, 1 + i % 40);
        struct weir_op *op = weir_op_get_wait(busy->pool, i % 3 * 10000);
        weir_op_put_bulk(ops, n);
        weir_op_put(op);
        if (i % 16 == 0)
            weir_thread_flush(busy->pool);
        if (i % 256 == 0)
            weir_pool_trim(busy->pool);
    }
    return NULL;
}

static const char *takes_what_is_not_live_in_many(void *arg)
{
    const char *wrong = weir_pool_check(arg) ? weir_error_message() : NULL;
    struct weir_stats s = stats_of(arg);
    if (wrong)
        return wrong;
    NEED(s.live <= 6 * 41);
    return takes_what_is_not_live(arg);
}

static void forks_while_threads_work(uint32_t capacity, uint32_t cache, thread_body body, int threads, int forks)
{
    struct busy busy = { .pool = pool_of(capacity, cache, 64) };
    struct thread thread[8];
    const char *wrong = NULL;
    for (int i = 0; i < threads; i++)
        thread_start(&thread[i], body, &busy);
    for (int i = 0; i < forks && !wrong; i++) {
        weir_op_put(weir_op_get(busy.pool));
        wrong = child_end(child_start(takes_what_is_not_live_in_many, busy.pool));
    }
    atomic_store(&busy.stop, true);             /* the threads use this frame: they end before anything is asserted */
    for (int i = 0; i < threads; i++)
        thread_join(&thread[i]);
    assert_right(wrong);
    take_and_put_all(busy.pool, capacity);
    close_quiet(busy.pool);
}

static void fork_while_other_threads_get_and_put_leaves_both_whole(void **state)
{
    (void)state;
    forks_while_threads_work(1000, 0, gets_and_puts, 4, SCALED(200, 40));
    forks_while_threads_work(1000, 1, gets_and_puts, 4, SCALED(200, 40));
}

static void fork_while_other_threads_steal_from_each_other_leaves_both_whole(void **state)
{
    (void)state;
    forks_while_threads_work(6, 0, gets_and_puts, 6, SCALED(200, 40));
    forks_while_threads_work(3, 0, gets_and_puts, 6, SCALED(100, 20));
}

static void fork_while_other_threads_do_everything_leaves_both_whole(void **state)
{
    (void)state;
    forks_while_threads_work(100, 0, does_everything, 4, SCALED(200, 40));
}

static const char *forks_many_times(void *arg)
{
    struct busy *busy = arg;
    for (int i = 0; i < SCALED(50, 10); i++) {
        const char *wrong;
        weir_op_put(weir_op_get(busy->pool));
        wrong = child_end(child_start(takes_what_is_not_live_in_many, busy->pool));
        if (wrong)
            return wrong;
    }
    return NULL;
}

static void two_threads_fork_while_two_others_work(void **state)
{
    struct busy busy = { .pool = pool_of(200, 0, 64) };
    struct thread thread[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        thread_start(&thread[i], i < 2 ? forks_many_times : gets_and_puts, &busy);
    for (int i = 0; i < 2; i++)
        thread_join(&thread[i]);
    atomic_store(&busy.stop, true);
    for (int i = 2; i < 4; i++)
        thread_join(&thread[i]);
    close_quiet(busy.pool);
}

/* What get and put never take: the locks of create and close, of a thread's first call and end, of the panic hook. */
static const char *makes_pools_and_panics(void *arg)
{
    struct busy *busy = arg;
    struct catcher catcher;
    while (!atomic_load(&busy->stop)) {
        struct weir_pool_config config = { .capacity = 20 };
        struct weir_pool *pool = NULL;
        struct weir_op *op;
        NEED(weir_pool_create(&pool, &config) == 0);
        NEED((op = take_one(pool)) != NULL);
        weir_op_put(op);
        for (volatile int i = 0; i < 100; i++)
            NEED(PANICKED(&catcher, weir_op_put(op)));
        NEED(weir_pool_close(pool) == 0);
    }
    return NULL;
}

static const char *makes_a_pool_and_panics(void *arg)
{
    struct weir_pool_config config = { .capacity = 20 };
    struct weir_pool *pool = NULL;
    struct catcher catcher;
    struct weir_op *op;
    NEED(weir_pool_create(&pool, &config) == 0);
    NEED((op = take_one(pool)) != NULL);
    weir_op_put(op);
    NEED(PANICKED(&catcher, weir_op_put(op)));
    NEED(weir_pool_close(pool) == 0);
    return takes_what_is_not_live(arg);
}

static void fork_while_other_threads_make_pools_and_panic_leaves_no_lock_held(void **state)
{
    struct busy busy = { .pool = pool_of(100, 0, 64) };
    struct thread thread[3];
    const char *wrong = NULL;
    (void)state;
    for (int i = 0; i < 3; i++)
        thread_start(&thread[i], makes_pools_and_panics, &busy);
    for (int i = 0; i < SCALED(400, 60) && !wrong; i++)
        wrong = child_end(child_start(makes_a_pool_and_panics, busy.pool));
    atomic_store(&busy.stop, true);
    for (int i = 0; i < 3; i++)
        thread_join(&thread[i]);
    assert_right(wrong);
    take_and_put_all(busy.pool, 100);
    close_quiet(busy.pool);
}

/* -- waiters and descriptors --------------------------------------------------------------------------------------------------- */

/* The waiters are the parent's: a put here goes to the pool and not to one of them. */
static const char *puts_without_waiters(void *arg)
{
    struct held *h = arg;
    const char *wrong;
    weir_op_put(h->mine[0]);
    NEED(weir_op_get(h->pool) == h->mine[0]);
    weir_op_put(h->mine[0]);
    weir_op_put(h->mine[1]);
    if ((wrong = takes_what_is_not_live(h->pool)))
        return wrong;
    NEED((h->mine[0] = weir_op_get_wait(h->pool, -1)));
    NEED((h->mine[1] = weir_op_get_wait(h->pool, 0)));
    NEED(weir_op_get_wait(h->pool, 1000000) == NULL);
    weir_op_put(h->mine[0]);
    weir_op_put(h->mine[1]);
    NEED(weir_pool_close(h->pool) == 0);
    return NULL;
}

static void the_child_has_no_waiters(void **state)
{
    struct held h = { .pool = pool_of(2, 0, 0) };
    struct sleeper sleeper[3];
    _Atomic int turn = 0;
    (void)state;
    h.mine[0] = weir_op_get(h.pool);
    h.mine[1] = weir_op_get(h.pool);
    for (int i = 0; i < 3; i++)
        sleeper_start(&sleeper[i], h.pool, -1, &turn);
    for (int i = 0; i < 5; i++)
        in_a_child(puts_without_waiters, &h);
    assert_int_equal(atomic_load(&turn), 0);
    weir_op_put(h.mine[0]);
    weir_op_put(h.mine[1]);
    for (int i = 0; i < 3; i++) {               /* the parent still has its waiters, in order */
        assert_true(sleeper_is_back(&sleeper[i]));
        thread_join(&sleeper[i].thread);
        weir_op_put(sleeper[i].op);
    }
    close_quiet(h.pool);
}

static bool readable(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 0) == 1;
}

static const char *has_a_descriptor_of_its_own(void *arg)
{
    struct held *h = arg;
    int fd = weir_pool_fd(h->pool);
    NEED(fd >= 0);
    NEED(!readable(fd));
    weir_op_put(h->mine[0]);
    NEED(readable(fd));
    return NULL;
}

static const char *runs_empty(void *arg)
{
    struct held *h = arg;
    NEED(weir_op_get(h->pool) != NULL);
    NEED(weir_op_get(h->pool) == NULL);
    NEED(!readable(weir_pool_fd(h->pool)));
    return NULL;
}

static void what_a_child_does_does_not_show_on_the_parents_descriptor(void **state)
{
    struct held h = { .pool = pool_of(1, 0, 0) };
    int fd = weir_pool_fd(h.pool);
    (void)state;
    h.mine[0] = weir_op_get(h.pool);
    assert_null(weir_op_get(h.pool));
    in_a_child(has_a_descriptor_of_its_own, &h);
    assert_false(readable(fd));                 /* no op has come back here */
    weir_op_put(h.mine[0]);
    assert_true(readable(fd));
    in_a_child(runs_empty, &h);
    assert_true(readable(fd));                  /* no get has answered NULL here */
    close_quiet(h.pool);
}

/* A call of a reclaimer runs on another thread at the fork. In the child it never ends, nor is it waited for. */
struct keeper {
    struct weir_pool *pool;
    _Atomic bool inside, go_on;
};

static unsigned stays_inside(struct weir_pool *pool, void *arg)
{
    struct keeper *keeper = arg;
    (void)pool;
    atomic_store(&keeper->inside, true);
    while (!atomic_load(&keeper->go_on))
        nap_us(100);
    return 0;
}

static const char *gets_null(void *arg)
{
    struct keeper *keeper = arg;
    NEED(weir_op_get(keeper->pool) == NULL);
    return NULL;
}

static const char *removes_and_adds(void *arg)
{
    struct keeper *keeper = arg;
    weir_pool_reclaimer_remove(keeper->pool, stays_inside, keeper);
    atomic_store(&keeper->go_on, true);
    NEED(weir_op_get(keeper->pool) == NULL);
    for (int i = 0; i < 64; i++)
        NEED(weir_pool_reclaimer(keeper->pool, stays_inside, keeper + i) == 0);
    return NULL;
}

static void a_reclaimer_that_ran_at_the_fork_can_be_removed_in_the_child(void **state)
{
    struct keeper keeper = { .pool = pool_of(1, 0, 0) };
    struct weir_op *op = weir_op_get(keeper.pool);
    struct thread thread;
    const char *wrong;
    (void)state;
    assert_int_equal(weir_pool_reclaimer(keeper.pool, stays_inside, &keeper), 0);
    thread_start(&thread, gets_null, &keeper);
    while (!atomic_load(&keeper.inside))
        sched_yield();
    wrong = child_end(child_start(removes_and_adds, &keeper));
    atomic_store(&keeper.go_on, true);
    thread_join(&thread);
    assert_right(wrong);
    weir_pool_reclaimer_remove(keeper.pool, stays_inside, &keeper);
    weir_op_put(op);
    close_quiet(keeper.pool);
}

static void the_statistics_say_whether_every_call_is_fenced(void **state)
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
        cmocka_unit_test(a_thread_that_has_used_no_pool_forks),
        cmocka_unit_test(a_child_takes_what_full_caches_of_the_parents_threads_hold),
        cmocka_unit_test(the_child_has_what_its_forking_thread_held),
        cmocka_unit_test(a_child_of_a_child_is_as_whole),
        cmocka_unit_test(fork_while_other_threads_get_and_put_leaves_both_whole),
        cmocka_unit_test(fork_while_other_threads_steal_from_each_other_leaves_both_whole),
        cmocka_unit_test(fork_while_other_threads_do_everything_leaves_both_whole),
        cmocka_unit_test(two_threads_fork_while_two_others_work),
        cmocka_unit_test(fork_while_other_threads_make_pools_and_panic_leaves_no_lock_held),
        cmocka_unit_test(the_child_has_no_waiters),
        cmocka_unit_test(what_a_child_does_does_not_show_on_the_parents_descriptor),
        cmocka_unit_test(a_reclaimer_that_ran_at_the_fork_can_be_removed_in_the_child),
        cmocka_unit_test(the_statistics_say_whether_every_call_is_fenced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
