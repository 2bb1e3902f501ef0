/* tests/test_threads.c - threads that come and go: exit hands the cache back, a thread works on after its own destructors have run,
 * flush, cache handles, more pools than a thread remembers, pools that are closed while others still know them.
 *
 * Runs a second time with WEIR_NO_BARRIER=1.
 */
#include "footprint.h"

#include "os/os.h"

static const char *gets_puts_and_exits(void *arg)
{
    struct weir_pool *pool = arg;
    struct weir_op *op = weir_op_get(pool);
    NEED(op);
    weir_op_put(op);
    return NULL;
}

static void ten_thousand_threads_that_get_put_and_exit_leave_nothing(void **state)
{
    enum { BATCH = 50, BATCHES = 200 };
    struct weir_pool *pool = pool_of(1000, 0, 64);
    struct thread thread[BATCH];
    size_t resident = 0;
    (void)state;
    for (int b = 0; b < BATCHES; b++) {
        for (int i = 0; i < BATCH; i++)
            thread_start(&thread[i], gets_puts_and_exits, pool);
        for (int i = 0; i < BATCH; i++)
            thread_join(&thread[i]);
        if (b % 20 == 0)
            assert_int_equal(stats_of(pool).cached, 0);
        if (b == BATCHES / 10)
            resident = resident_now();
    }
    assert_true(resident_now() <= resident + (SCALED(2, 64) << 20));
    assert_quiet(pool, 0);
    assert_int_equal(stats_of(pool).cached, 0);
    assert_int_equal(stats_of(pool).gets, BATCH * BATCHES);
    take_and_put_all(pool, 1000);
    close_quiet(pool);
}

struct holder {
    struct weir_pool *pool;
    struct weir_op *ops[100];
    int n;
};

static const char *takes_and_leaves_live(void *arg)
{
    struct holder *h = arg;
    for (int i = 0; i < h->n; i++)
        NEED(h->ops[i] = weir_op_get(h->pool));
    return NULL;
}

static void what_a_thread_took_outlives_it(void **state)
{
    struct weir_pool *pool = pool_of(100, 0, 0);
    struct holder h = { .pool = pool, .n = 60 };
    (void)state;
    on_another_thread(takes_and_leaves_live, &h);
    assert_quiet(pool, 60);
    assert_int_equal(stats_of(pool).cached, 0);
    put_all(h.ops, 60);
    take_and_put_all(pool, 100);
    close_quiet(pool);
}

static const char *fills_its_cache(void *arg)
{
    struct weir_pool *pool = arg;
    struct weir_op *ops[100];
    for (int i = 0; i < 100; i++)
        NEED(ops[i] = weir_op_get(pool));
    put_all(ops, 100);
    NEED(stats_of(pool).cached > 0);
    return NULL;
}

static void a_thread_that_exits_with_a_full_cache_hands_it_back(void **state)
{
    struct weir_pool *pool = pool_of(1000, 0, 0);
    (void)state;
    for (int i = 0; i < 100; i++) {
        on_another_thread(fills_its_cache, pool);
        assert_int_equal(stats_of(pool).cached, 0);
        assert_int_equal(stats_of(pool).free, 1000);
        assert_quiet(pool, 0);
    }
    take_and_put_all(pool, 1000);
    close_quiet(pool);
}

static void flush_hands_this_threads_cache_back(void **state)
{
    struct weir_pool *pool = pool_of(1000, 0, 0);
    (void)state;
    weir_thread_flush(pool);                    /* nothing to hand back yet */
    for (int i = 0; i < 50; i++) {
        assert_right(fills_its_cache(pool));
        weir_thread_flush(pool);
        assert_int_equal(stats_of(pool).cached, 0);
        assert_quiet(pool, 0);
        weir_thread_flush(pool);
        weir_op_put(weir_op_get(pool));
    }
    close_quiet(pool);
}

static const char *flushes(void *arg)
{
    weir_thread_flush(arg);
    return NULL;
}

static void flush_concerns_the_calling_thread_alone(void **state)
{
    struct weir_pool *pool = pool_of(1000, 0, 0);
    uint64_t cached;
    (void)state;
    assert_right(fills_its_cache(pool));
    cached = stats_of(pool).cached;
    on_another_thread(flushes, pool);
    assert_int_equal(stats_of(pool).cached, cached);
    close_quiet(pool);
}

/* -- after the destructors ---------------------------------------------------------------------------------------------------- */

static pthread_key_t late_key;

struct late {
    struct weir_pool *pool;
    int round, rounds;                  /* of the destructors: POSIX runs four while values are set; a sanitizer ends in the fourth */
    struct weir_op *kept;
    const char *wrong;
};

/* Takes and gives back, in every way, in the middle of the thread's end. */
static const char *works_late(struct late *late)
{
    struct weir_pool *pool = late->pool;
    struct weir_op *op[3];
    for (int i = 0; i < 300; i++) {
        NEED(op[0] = weir_op_get(pool));
        NEED(op[1] = weir_op_get_wait(pool, -1));
        NEED(weir_op_get_bulk(pool, &op[2], 1) == 1);
        NEED(op[0] != op[1] && op[1] != op[2] && op[0] != op[2]);
        weir_op_put(op[1]);
        weir_op_put_bulk(&op[0], 1);
        NEED(weir_op_unref(op[2]));
    }
    weir_op_put(late->kept);
    NEED(late->kept = weir_op_get(pool));
    weir_thread_flush(pool);
#ifdef __linux__
    /* In the second round weir's own destructor has run. */
    if (late->round == 2) {
        NEED(weir_cache_get(pool) == NULL);
    }
#endif
    return NULL;
}

static void late_destructor(void *arg)
{
    struct late *late = arg;
    const char *wrong;
    late->round++;
    wrong = works_late(late);
    if (wrong)
        late->wrong = wrong;
    if (late->round < late->rounds)
        pthread_setspecific(late_key, late);
    else
        weir_op_put(late->kept);
}

static const char *ends_with_a_late_destructor(void *arg)
{
    struct late *late = arg;
    for (int i = 0; i < 50; i++)
        weir_op_put(weir_op_get(late->pool));
    NEED(late->kept = weir_op_get(late->pool));
    NEED(!pthread_setspecific(late_key, late));
    return NULL;
}

static void get_and_put_work_in_a_destructor_that_runs_after_weirs_own(void **state)
{
    struct weir_pool *pool = pool_of(64, 0, 0);
    (void)state;
    weir_op_put(weir_op_get(pool));             /* weir's own key exists before ours */
    weir_thread_flush(pool);
    assert_int_equal(pthread_key_create(&late_key, late_destructor), 0);
    for (int round = 0; round < SCALED(100, 30); round++) {
        struct late late[4];
        struct thread thread[4];
        for (int i = 0; i < 4; i++) {
            late[i] = (struct late){ .pool = pool, .rounds = 1 + (round + i) % SCALED(4, 3) };
            thread_start(&thread[i], ends_with_a_late_destructor, &late[i]);
        }
        for (int i = 0; i < 4; i++) {
            thread_join(&thread[i]);
            assert_right(late[i].wrong);
            assert_int_equal(late[i].round, late[i].rounds);
        }
        assert_quiet(pool, 0);
        assert_int_equal(stats_of(pool).cached, 0);
    }
    pthread_key_delete(late_key);
    take_and_put_all(pool, 64);
    close_quiet(pool);
}

static void puts_late(void *op)
{
    weir_op_put(op);
}

static const char *sets_an_op_aside(void *arg)
{
    NEED(!pthread_setspecific(late_key, arg));
    return NULL;
}

static const char *waits_for_ever(void *arg)
{
    struct holder *h = arg;
    NEED(h->ops[0] = weir_op_get_wait(h->pool, -1));
    return NULL;
}

/* The putter's first and only call is in its destructor. */
static void a_put_in_a_destructor_wakes_a_waiter(void **state)
{
    struct weir_pool *pool = pool_of(1, 0, 0);
    struct holder h = { .pool = pool };
    struct weir_op *op = weir_op_get(pool);
    struct thread waiter;
    (void)state;
    assert_int_equal(pthread_key_create(&late_key, puts_late), 0);
    for (uint64_t i = 0; i < 50; i++) {
        thread_start(&waiter, waits_for_ever, &h);
        assert_true(EVENTUALLY(stats_of(pool).waits == i + 1));
        on_another_thread(sets_an_op_aside, op);
        thread_join(&waiter);
        op = h.ops[0];
    }
    pthread_key_delete(late_key);
    weir_op_put(op);
    close_quiet(pool);
}

/* -- handles of caches --------------------------------------------------------------------------------------------------------- */

static const char *has_its_own_cache(void *arg)
{
    struct weir_cache **other = arg;
    struct weir_pool *pool = weir_op_pool((struct weir_op *)(void *)other[1]);
    struct weir_cache *own = weir_cache_get(pool);
    NEED(own && own != other[0]);
    NEED(own == weir_cache_get(pool));
    for (int i = 0; i < 1000; i++) {
        struct weir_op *op = weir_op_get_from(own);
        NEED(op);
        weir_op_put_to(own, op);
    }
    return NULL;
}

static void a_cache_at_hand_is_this_threads_and_the_same_every_time(void **state)
{
    struct weir_pool *pool = pool_of(500, 0, 0), *second = pool_of(500, 0, 0);
    struct weir_cache *cache = weir_cache_get(pool);
    struct weir_op *op[500];
    (void)state;
    assert_non_null(cache);
    assert_ptr_equal(weir_cache_get(pool), cache);
    assert_ptr_not_equal(weir_cache_get(second), cache);
    for (int i = 0; i < 500; i++) {
        op[i] = i % 2 ? weir_op_get(pool) : weir_op_get_from(cache);
        assert_non_null(op[i]);
        assert_ptr_equal(weir_op_pool(op[i]), pool);
    }
    assert_null(weir_op_get_from(cache));
    assert_null(weir_op_get(pool));
    for (int i = 0; i < 500; i++)
        if (i % 3)
            weir_op_put(op[i]);
        else
            weir_op_put_to(cache, op[i]);
    weir_op_put_to(cache, NULL);
    assert_quiet(pool, 0);
    assert_ptr_equal(weir_cache_get(pool), cache);
    weir_thread_flush(pool);
    assert_ptr_equal(weir_cache_get(pool), cache);
    op[0] = weir_op_get_from(cache);
    on_another_thread(has_its_own_cache, (void *[]){ cache, op[0] });
    weir_op_put_to(cache, op[0]);
    close_quiet(pool);
    close_quiet(second);
}

enum { MANY = 40 };

static const char *uses_many_pools(void *arg)
{
    struct weir_pool **pools = arg;
    struct weir_op *op[MANY];
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < MANY; i++) {
            NEED(op[i] = weir_op_get(pools[i]));
            NEED(weir_op_pool(op[i]) == pools[i]);
        }
        for (int i = 0; i < MANY; i++)
            weir_op_put(op[(i * 7 + round) % MANY]);
    }
    return NULL;
}

static void a_thread_uses_many_pools_in_turn(void **state)
{
    struct weir_pool *pools[MANY];
    struct thread thread[4];
    (void)state;
    for (int i = 0; i < MANY; i++)
        pools[i] = pool_of(64, 0, 16);
    for (int i = 0; i < 4; i++)
        thread_start(&thread[i], uses_many_pools, pools);
    for (int i = 0; i < 4; i++)
        thread_join(&thread[i]);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(stats_of(pools[i]).cached, 0);
        close_quiet(pools[i]);
    }
}

/* -- pools that end ------------------------------------------------------------------------------------------------------------ */

/* Idle threads with caches of a pool that is closed; the next one likely lies at the same address. */
static void a_thread_that_knew_a_closed_pool_uses_the_next_one(void **state)
{
    (void)state;
    struct crew *crew = crew_start(NULL, 8);
    for (int round = 0; round < SCALED(200, 50); round++) {
        uint32_t capacity = 64 + (uint32_t)round % 3;
        struct weir_pool *pool = pool_of(capacity, 0, 64);
        crew->pool = pool;
        crew_fill(crew, 8);
        assert_quiet(pool, 0);
        assert_int_equal(stats_of(pool).gets, 64);
        if (round % 2)
            take_and_put_all(pool, capacity);
        close_quiet(pool);
    }
    crew_end(crew);
}

struct leaver {
    struct weir_pool *pool;
    _Atomic int done;
};

static const char *works_and_leaves(void *arg)
{
    struct leaver *l = arg;
    struct weir_op *ops[20];
    for (int i = 0; i < 20; i++)
        NEED(ops[i] = weir_op_get(l->pool));
    put_all(ops, 20);
    atomic_fetch_add(&l->done, 1);      /* the last use of the pool; the thread's end comes after it */
    return NULL;
}

static void close_waits_for_threads_that_are_just_handing_their_caches_back(void **state)
{
    (void)state;
    for (int round = 0; round < SCALED(1000, 200); round++) {
        struct leaver leaver = { .pool = pool_of(100, 0, 64) };
        struct thread thread[4];
        for (int i = 0; i < 4; i++)
            thread_start(&thread[i], works_and_leaves, &leaver);
        while (atomic_load(&leaver.done) < 4)
            sched_yield();
        assert_int_equal(weir_pool_close(leaver.pool), 0);
        for (int i = 0; i < 4; i++)
            thread_join(&thread[i]);
    }
}

static const char *makes_pools(void *arg)
{
    (void)arg;
    for (int i = 0; i < 100; i++) {
        struct weir_pool_config config = { .capacity = 50, .buffer_size = 64 };
        struct weir_pool *pool;
        struct weir_op *ops[50];
        NEED(weir_pool_create(&pool, &config) == 0);
        NEED(!take_exactly(pool, ops, 50));
        put_all(ops, 50);
        NEED(!quiet_with(pool, 0));
        NEED(weir_pool_close(pool) == 0);
    }
    return NULL;
}

static void pools_are_made_and_closed_by_many_threads_at_once(void **state)
{
    struct thread thread[8];
    (void)state;
    for (int i = 0; i < 8; i++)
        thread_start(&thread[i], makes_pools, NULL);
    for (int i = 0; i < 8; i++)
        thread_join(&thread[i]);
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
        cmocka_unit_test(ten_thousand_threads_that_get_put_and_exit_leave_nothing),
        cmocka_unit_test(what_a_thread_took_outlives_it),
        cmocka_unit_test(a_thread_that_exits_with_a_full_cache_hands_it_back),
        cmocka_unit_test(flush_hands_this_threads_cache_back),
        cmocka_unit_test(flush_concerns_the_calling_thread_alone),
        cmocka_unit_test(get_and_put_work_in_a_destructor_that_runs_after_weirs_own),
        cmocka_unit_test(a_put_in_a_destructor_wakes_a_waiter),
        cmocka_unit_test(a_cache_at_hand_is_this_threads_and_the_same_every_time),
        cmocka_unit_test(a_thread_uses_many_pools_in_turn),
        cmocka_unit_test(a_thread_that_knew_a_closed_pool_uses_the_next_one),
        cmocka_unit_test(close_waits_for_threads_that_are_just_handing_their_caches_back),
        cmocka_unit_test(pools_are_made_and_closed_by_many_threads_at_once),
        cmocka_unit_test(the_statistics_say_whether_every_call_is_fenced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
