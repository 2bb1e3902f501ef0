/* tests/test_bound.c - the bound is reached: one thread gets every op while the others idle with full caches, the next get
 * answers NULL, every op goes back, and the equation holds. Also: what one thread takes and another gives back strands nothing.
 *
 * Runs a second time with WEIR_NO_BARRIER=1, where every call must be fenced.
 */
#include "footprint.h"

#include "os/os.h"

/* Rounds: the crew fills its caches, this thread takes all, gives all back; then the crew takes from what this thread has. */
static void one_thread_gets_all(uint32_t capacity, unsigned threads, uint32_t cache, unsigned each)
{
    struct weir_pool *pool = pool_of(capacity, cache, 64);
    struct crew *crew = crew_start(pool, threads);
    for (int round = 0; round < 5; round++) {
        struct weir_stats s;
        struct weir_op **ops;
        crew_fill(crew, each);
        assert_quiet(pool, 0);
        s = stats_of(pool);
        if (capacity >= 2 * threads && each * threads <= capacity && round == 0)    /* full, or this proves little */
            assert_true(s.cached >= threads);
        ops = take_all(pool, capacity);
        assert_quiet(pool, capacity);
        s = stats_of(pool);
        assert_int_equal(s.cached, 0);
        assert_int_equal(s.free, 0);
        assert_null(weir_op_get(pool));
        assert_null(weir_op_get_wait(pool, 0));
        put_all(ops, capacity);
        free(ops);
        assert_quiet(pool, 0);
    }
    crew_end(crew);
    take_and_put_all(pool, capacity);
    close_quiet(pool);
}

static void one_thread_alone_gets_all(void **state)
{
    static const uint32_t capacities[] = { 1, 2, 3, 5, 63, 64, 65, 1000, 4096, 100000 };
    (void)state;
    for (size_t i = 0; i < sizeof capacities / sizeof *capacities; i++) {
        one_thread_gets_all(capacities[i], 1, 0, 1);
        one_thread_gets_all(capacities[i], 1, 1, 3);
        one_thread_gets_all(capacities[i], 1, 1024, 100);
    }
}

static void one_thread_gets_all_while_64_idle_threads_have_full_caches(void **state)
{
    (void)state;
    one_thread_gets_all(4096, 64, 0, 64);
    one_thread_gets_all(4096, 64, 64, 64);
    one_thread_gets_all(65536, 64, 1024, 1024);
    one_thread_gets_all(1000, 64, 0, 15);
}

static void one_thread_gets_all_of_a_capacity_below_the_number_of_threads(void **state)
{
    (void)state;
    one_thread_gets_all(10, 64, 0, 1);
    one_thread_gets_all(63, 64, 0, 1);
    one_thread_gets_all(2, 16, 0, 1);
    one_thread_gets_all(1, 16, 0, 1);
    one_thread_gets_all(10, 64, 1, 3);
}

static void one_thread_gets_all_from_caches_of_one_op(void **state)
{
    (void)state;
    one_thread_gets_all(128, 64, 1, 2);
    one_thread_gets_all(1000, 16, 1, 60);
}

static void one_thread_gets_all_from_caches_larger_than_their_share(void **state)
{
    (void)state;
    one_thread_gets_all(100, 16, 1024, 6);
    one_thread_gets_all(2000, 4, 1024, 500);
}

static const char *takes_and_puts_everything(void *arg)
{
    struct weir_pool *pool = arg;
    uint32_t capacity = (uint32_t)stats_of(pool).capacity;
    struct weir_op **ops = calloc(capacity, sizeof *ops);
    const char *wrong = take_exactly(pool, ops, capacity);
    if (!wrong) {
        put_all(ops, capacity);
        wrong = quiet_with(pool, 0);
    }
    free(ops);
    return wrong;
}

static void a_cache_keeps_no_more_than_asked_nor_half_the_capacity(void **state)
{
    static const struct { uint32_t capacity, cache, most; } rows[] = {
        { 1000, 8, 8 }, { 1000, 1, 1 }, { 1000, 1024, 500 }, { 10, 1024, 5 }, { 2, 0, 1 }, { 100000, 1024, 1024 },
        { 100000, 0, 256 }, { 320, 0, 20 }, { 20, 0, 2 } };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct weir_pool *pool = pool_of(rows[i].capacity, rows[i].cache, 0);
        for (int round = 0; round < 3; round++) {
            assert_right(takes_and_puts_everything(pool));
            assert_true(stats_of(pool).cached <= rows[i].most);
        }
        close_quiet(pool);
    }
}

static const char *gets_one(void *arg)
{
    struct weir_op *op = weir_op_get(arg);
    NEED(op);
    weir_op_put(op);
    return NULL;
}

/* The put of a thread whose cache is open moves nothing: the op must be found all the same. */
static void what_a_thread_puts_back_after_null_is_found_by_the_others(void **state)
{
    (void)state;
    for (uint32_t capacity = 1; capacity < 5000; capacity += 1 + capacity / 2)
        for (int puts = 1; puts <= 4 && (uint32_t)puts <= capacity; puts++) {
            struct weir_pool *pool = pool_of(capacity, 0, 0);
            for (int warm = 0; warm < 3; warm++) {
                struct weir_op **ops;
                for (int i = 0; i < warm; i++)
                    weir_op_put(weir_op_get(pool));
                ops = take_all(pool, capacity);
                put_all(ops, (size_t)puts);
                on_another_thread(gets_one, pool);
                put_all(ops + puts, capacity - (size_t)puts);
                free(ops);
                assert_quiet(pool, 0);
            }
            close_quiet(pool);
        }
}

static void each_thread_in_turn_gets_all(void **state)
{
    struct weir_pool *pool = pool_of(777, 0, 0);
    (void)state;
    for (int i = 0; i < 50; i++) {
        on_another_thread(takes_and_puts_everything, pool);
        assert_right(takes_and_puts_everything(pool));
    }
    close_quiet(pool);
}

/* Eight threads take until NULL at once. Some may be refused while an op is on its way between two places, but what they hold
 * and what is left is all there is, each once. */
struct rush {
    struct weir_pool *pool;
    pthread_barrier_t *start;
    _Atomic unsigned *refused;
    struct weir_op **ops;
    unsigned n;
};

static const char *takes_until_null(void *arg)
{
    struct rush *rush = arg;
    struct weir_op *op;
    pthread_barrier_wait(rush->start);
    while ((op = weir_op_get(rush->pool)))
        rush->ops[rush->n++] = op;
    atomic_fetch_add(rush->refused, 1);
    pthread_barrier_wait(rush->start);
    put_all(rush->ops, rush->n);
    return NULL;
}

static void threads_that_rush_for_the_last_op_get_each_op_once(void **state)
{
    enum { THREADS = 8, CAPACITY = 1000 };
    struct weir_pool *pool = pool_of(CAPACITY, 0, 0);
    (void)state;
    for (int round = 0; round < SCALED(200, 50); round++) {
        struct rush rush[THREADS];
        struct thread thread[THREADS];
        pthread_barrier_t start;
        _Atomic unsigned refused = 0;
        unsigned char seen[CAPACITY] = { 0 };
        unsigned n = 0;
        struct weir_op *op, *rest[CAPACITY];
        pthread_barrier_init(&start, NULL, THREADS + 1);
        for (int i = 0; i < THREADS; i++) {
            rush[i] = (struct rush){ pool, &start, &refused, calloc(CAPACITY + 1, sizeof(void *)), 0 };
            thread_start(&thread[i], takes_until_null, &rush[i]);
        }
        pthread_barrier_wait(&start);
        assert_true(EVENTUALLY(atomic_load(&refused) == THREADS));
        while ((op = weir_op_get(pool)))
            rest[n++] = op;
        for (unsigned i = 0; i < n; i++)
            seen[weir_op_index(rest[i])]++;
        for (int i = 0; i < THREADS; i++)
            for (unsigned k = 0; k < rush[i].n; k++)
                seen[weir_op_index(rush[i].ops[k])]++;
        put_all(rest, n);
        pthread_barrier_wait(&start);
        for (int i = 0; i < THREADS; i++) {
            thread_join(&thread[i]);
            free(rush[i].ops);
        }
        pthread_barrier_destroy(&start);
        for (int i = 0; i < CAPACITY; i++)
            assert_int_equal(seen[i], 1);
        assert_quiet(pool, 0);
        assert_int_equal(stats_of(pool).cached, 0);
    }
    close_quiet(pool);
}

/* -- one thread only gets, one only puts -------------------------------------------------------------------------------------- */

enum { LANE = 256, MILLION = 1000000 };

struct one_way {
    struct weir_pool *pool;
    uint64_t ops;
    struct weir_op *lane[LANE];
    _Atomic uint64_t in, out;
    size_t resident[2];                 /* after a tenth, at the end */
    pthread_barrier_t idle;
};

static const char *only_gets(void *arg)
{
    struct one_way *w = arg;
    for (uint64_t i = 0; i < w->ops; i++) {
        struct weir_op *op;
        while (!(op = weir_op_get(w->pool)))
            sched_yield();
        while (i - atomic_load_explicit(&w->out, memory_order_acquire) == LANE)
            sched_yield();
        w->lane[i % LANE] = op;
        atomic_store_explicit(&w->in, i + 1, memory_order_release);
    }
    pthread_barrier_wait(&w->idle);
    pthread_barrier_wait(&w->idle);
    return NULL;
}

static const char *only_puts(void *arg)
{
    struct one_way *w = arg;
    for (uint64_t i = 0; i < w->ops; i++) {
        while (atomic_load_explicit(&w->in, memory_order_acquire) == i)
            sched_yield();
        weir_op_put(w->lane[i % LANE]);
        atomic_store_explicit(&w->out, i + 1, memory_order_release);
        if (i == w->ops / 10)
            w->resident[0] = resident_now();
    }
    w->resident[1] = resident_now();
    pthread_barrier_wait(&w->idle);
    pthread_barrier_wait(&w->idle);
    return NULL;
}

static void goes_one_way(uint32_t capacity, uint64_t ops)
{
    struct one_way w = { .pool = pool_of(capacity, 0, 256), .ops = ops };
    struct thread getter, putter;
    pthread_barrier_init(&w.idle, NULL, 3);
    thread_start(&getter, only_gets, &w);
    thread_start(&putter, only_puts, &w);
    pthread_barrier_wait(&w.idle);
    assert_quiet(w.pool, 0);
    take_and_put_all(w.pool, capacity);         /* both idle, caches as they are: nothing is stranded */
    pthread_barrier_wait(&w.idle);
    thread_join(&getter);
    thread_join(&putter);
    pthread_barrier_destroy(&w.idle);
    assert_int_equal(stats_of(w.pool).gets, ops + capacity);
    assert_true(w.resident[1] <= w.resident[0] + (SCALED(2, 32) << 20));
    close_quiet(w.pool);
}

static void ten_million_ops_from_a_getter_to_a_putter_strand_nothing(void **state)
{
    (void)state;
    goes_one_way(4096, SCALED(10, 1) * (uint64_t)MILLION);
}

static void a_getter_and_a_putter_share_a_small_pool(void **state)
{
    (void)state;
    goes_one_way(1, SCALED(100000, 20000));
    goes_one_way(2, SCALED(100000, 20000));
    goes_one_way(10, SCALED(200000, 20000));
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
        cmocka_unit_test(one_thread_alone_gets_all),
        cmocka_unit_test(one_thread_gets_all_while_64_idle_threads_have_full_caches),
        cmocka_unit_test(one_thread_gets_all_of_a_capacity_below_the_number_of_threads),
        cmocka_unit_test(one_thread_gets_all_from_caches_of_one_op),
        cmocka_unit_test(one_thread_gets_all_from_caches_larger_than_their_share),
        cmocka_unit_test(a_cache_keeps_no_more_than_asked_nor_half_the_capacity),
        cmocka_unit_test(what_a_thread_puts_back_after_null_is_found_by_the_others),
        cmocka_unit_test(each_thread_in_turn_gets_all),
        cmocka_unit_test(threads_that_rush_for_the_last_op_get_each_op_once),
        cmocka_unit_test(ten_million_ops_from_a_getter_to_a_putter_strand_nothing),
        cmocka_unit_test(a_getter_and_a_putter_share_a_small_pool),
        cmocka_unit_test(the_statistics_say_whether_every_call_is_fenced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
