/* tests/test_waiter.c - weir_op_get_wait: woken by a put of any kind on any thread, served first come first served, deadlines of 0,
 * short and for ever, none starves, and one whose time is over in the middle of the queue harms nobody.
 *
 * Runs a second time with WEIR_NO_BARRIER=1.
 */
#include "sleeper.h"

#include "os/os.h"

enum { MS = 1000000 };

static void a_wait_that_need_not_wait_returns_at_once(void **state)
{
    static const int64_t timeouts[] = { 0, 1, -1, INT64_MAX };
    struct weir_pool *pool = pool_of(10, 0, 0);
    (void)state;
    for (int i = 0; i < 4; i++) {
        struct weir_op *op = weir_op_get_wait(pool, timeouts[i]);
        assert_non_null(op);
        weir_op_put(op);
    }
    assert_int_equal(stats_of(pool).waits, 0);
    close_quiet(pool);
}

static void a_wait_finds_what_lies_in_the_cache_of_an_idle_thread(void **state)
{
    struct weir_pool *pool = pool_of(16, 0, 0);
    struct crew *crew = crew_start(pool, 8);
    struct weir_op *ops[16];
    (void)state;
    for (int round = 0; round < 20; round++) {
        crew_fill(crew, 2);
        for (int i = 0; i < 16; i++)
            assert_non_null(ops[i] = weir_op_get_wait(pool, i % 2 ? -1 : 0));
        assert_null(weir_op_get_wait(pool, 0));
        put_all(ops, 16);
    }
    assert_int_equal(stats_of(pool).waits, 0);
    crew_end(crew);
    close_quiet(pool);
}

static void a_deadline_of_0_answers_null_without_waiting(void **state)
{
    struct weir_pool *pool = pool_of(4, 0, 0);
    struct weir_op **ops = take_all(pool, 4);
    (void)state;
    for (int i = 0; i < 100; i++)
        assert_null(weir_op_get_wait(pool, 0));
    assert_int_equal(stats_of(pool).waits, 0);
    put_all(ops, 4);
    free(ops);
    close_quiet(pool);
}

static void a_short_deadline_is_kept_and_never_early(void **state)
{
    static const int64_t timeouts[] = { 1, 1000, MS, 30 * MS };
    struct weir_pool *pool = pool_of(4, 0, 0);
    struct weir_op **ops = take_all(pool, 4);
    (void)state;
    for (int i = 0; i < 4; i++) {
        int64_t begin = now_ns();
        errno = 4711;
        assert_null(weir_op_get_wait(pool, timeouts[i]));
        assert_int_equal(errno, 4711);
        assert_true(now_ns() - begin >= timeouts[i]);
    }
    assert_quiet(pool, 4);
    put_all(ops, 4);
    free(ops);
    close_quiet(pool);
}

/* -- any put wakes -------------------------------------------------------------------------------------------------------------- */

struct putter {
    struct weir_pool *pool;
    struct weir_op *op;
    int way;
    pthread_barrier_t turn;
    bool stop;
};

static void put_in_some_way(struct putter *p)
{
    switch (p->way) {
    case 0: weir_op_put(p->op); break;
    case 1: weir_op_put_to(weir_cache_get(p->pool), p->op); break;
    case 2: weir_op_put_bulk(&p->op, 1); break;
    default: (void)weir_op_unref(p->op);
    }
}

/* Its cache is warm and has room: by itself the put would end there. */
static const char *puts_when_told(void *arg)
{
    struct putter *p = arg;
    for (int i = 0; i < 20; i++)
        weir_op_put(weir_op_get(p->pool));
    for (;;) {
        pthread_barrier_wait(&p->turn);
        pthread_barrier_wait(&p->turn);
        if (p->stop)
            return NULL;
        put_in_some_way(p);
    }
}

static void a_waiter_is_woken_by_a_put_that_would_have_hit_its_threads_cache(void **state)
{
    struct weir_pool *pool = pool_of(100, 0, 0);
    struct putter putter = { .pool = pool };
    _Atomic int turn = 0;
    struct weir_op **ops;
    struct sleeper sleeper;
    struct thread thread;
    (void)state;
    pthread_barrier_init(&putter.turn, NULL, 2);
    thread_start(&thread, puts_when_told, &putter);
    pthread_barrier_wait(&putter.turn);         /* it is warm */
    ops = take_all(pool, 100);
    for (int round = 0; round < 80; round++) {
        sleeper_start(&sleeper, pool, round % 2 ? -1 : PATIENCE * INT64_C(1000000000), &turn);
        putter.op = ops[round];
        putter.way = round / 2 % 4;
        pthread_barrier_wait(&putter.turn);
        assert_true(sleeper_is_back(&sleeper));
        thread_join(&sleeper.thread);
        assert_non_null(sleeper.op);
        ops[round] = sleeper.op;
        pthread_barrier_wait(&putter.turn);
    }
    putter.stop = true;
    pthread_barrier_wait(&putter.turn);
    thread_join(&thread);
    pthread_barrier_destroy(&putter.turn);
    assert_quiet(pool, 100);
    put_all(ops, 100);
    free(ops);
    close_quiet(pool);
}

/* Its cache was open when it heard NULL, and open it may be when the waiter comes. */
static void a_waiter_is_woken_by_the_thread_that_took_everything(void **state)
{
    static const uint32_t capacities[] = { 1, 10, 100, 1000 };
    (void)state;
    for (int c = 0; c < 4; c++) {
        uint32_t n = capacities[c];
        struct weir_pool *pool = pool_of(n, 0, 0);
        struct weir_op **ops;
        _Atomic int turn = 0;
        struct sleeper sleeper;
        for (int round = 0; round < 20; round++) {
            for (int i = 0; i < round; i++)
                weir_op_put(weir_op_get(pool));
            ops = take_all(pool, n);
            for (uint32_t i = 0; i < 3; i++) {
                sleeper_start(&sleeper, pool, -1, &turn);
                weir_op_put(ops[i % n]);
                assert_true(sleeper_is_back(&sleeper));
                thread_join(&sleeper.thread);
                assert_non_null(ops[i % n] = sleeper.op);
            }
            put_all(ops, n);
            free(ops);
        }
        close_quiet(pool);
    }
}

static void a_deadline_that_would_overflow_the_clock_is_for_ever(void **state)
{
    static const int64_t timeouts[] = { INT64_MAX, INT64_MAX - 1, INT64_MAX / 2 };
    struct weir_pool *pool = pool_of(1, 0, 0);
    struct weir_op *op = weir_op_get(pool);
    _Atomic int turn = 0;
    struct sleeper sleeper;
    (void)state;
    for (int i = 0; i < 3; i++) {
        sleeper_start(&sleeper, pool, timeouts[i], &turn);
        assert_int_equal(atomic_load(&sleeper.came_back), 0);
        weir_op_put(op);
        assert_true(sleeper_is_back(&sleeper));
        thread_join(&sleeper.thread);
        assert_non_null(op = sleeper.op);
    }
    weir_op_put(op);
    close_quiet(pool);
}

/* -- the queue ------------------------------------------------------------------------------------------------------------------ */

static void waiters_are_served_first_come_first_served(void **state)
{
    enum { WAITERS = 12 };
    struct weir_pool *pool = pool_of(WAITERS, 0, 0);
    (void)state;
    for (int round = 0; round < 5; round++) {
        struct weir_op **ops = take_all(pool, WAITERS);
        struct sleeper sleeper[WAITERS];
        _Atomic int turn = 0;
        for (int i = 0; i < WAITERS; i++)
            sleeper_start(&sleeper[i], pool, -1, &turn);
        for (int i = 0; i < WAITERS; i++) {
            weir_op_put(ops[i]);
            assert_true(sleeper_is_back(&sleeper[i]));
            assert_int_equal(atomic_load(&sleeper[i].came_back), i + 1);
            assert_int_equal(atomic_load(&turn), i + 1);        /* one put, one waiter */
        }
        for (int i = 0; i < WAITERS; i++) {
            thread_join(&sleeper[i].thread);
            assert_non_null(sleeper[i].op);
            weir_op_put(sleeper[i].op);
        }
        free(ops);
        assert_quiet(pool, 0);
    }
    close_quiet(pool);
}

static void a_bulk_of_puts_wakes_as_many_waiters(void **state)
{
    enum { WAITERS = 8 };
    struct weir_pool *pool = pool_of(WAITERS, 0, 0);
    struct weir_op **ops = take_all(pool, WAITERS);
    struct sleeper sleeper[WAITERS];
    _Atomic int turn = 0;
    (void)state;
    for (int i = 0; i < WAITERS; i++)
        sleeper_start(&sleeper[i], pool, -1, &turn);
    weir_op_put_bulk(ops, WAITERS);
    for (int i = 0; i < WAITERS; i++) {
        assert_true(sleeper_is_back(&sleeper[i]));
        thread_join(&sleeper[i].thread);
        assert_non_null(sleeper[i].op);
    }
    assert_quiet(pool, WAITERS);
    for (int i = 0; i < WAITERS; i++)
        weir_op_put(sleeper[i].op);
    free(ops);
    close_quiet(pool);
}

static void who_comes_later_does_not_take_what_a_waiter_was_given(void **state)
{
    struct weir_pool *pool = pool_of(1, 0, 0);
    struct weir_op *op = weir_op_get(pool);
    struct sleeper sleeper;
    _Atomic int turn = 0;
    (void)state;
    for (int round = 0; round < 200; round++) {
        sleeper_start(&sleeper, pool, -1, &turn);
        weir_op_put(op);
        assert_null(weir_op_get(pool));         /* the waiter was first */
        assert_true(sleeper_is_back(&sleeper));
        thread_join(&sleeper.thread);
        assert_non_null(op = sleeper.op);
    }
    weir_op_put(op);
    close_quiet(pool);
}

static void a_waiter_in_the_middle_whose_time_is_over_leaves_the_others_in_order(void **state)
{
    struct weir_pool *pool = pool_of(3, 0, 0);
    (void)state;
    for (int gone = 0; gone < 4; gone++) {
        struct weir_op **ops = take_all(pool, 3);
        struct sleeper sleeper[4];
        _Atomic int turn = 0;
        int next = 1;
        for (int i = 0; i < 4; i++)
            sleeper_start(&sleeper[i], pool, i == gone ? 200 * MS : -1, &turn);
        assert_true(sleeper_is_back(&sleeper[gone]));
        assert_int_equal(atomic_load(&turn), 1);
        assert_null(sleeper[gone].op);
        assert_true(sleeper[gone].slept >= 200 * MS);
        for (int i = 0; i < 4; i++) {
            if (i == gone)
                continue;
            weir_op_put(ops[next - 1]);
            assert_true(sleeper_is_back(&sleeper[i]));
            assert_int_equal(atomic_load(&sleeper[i].came_back), ++next);
            assert_non_null(sleeper[i].op);
        }
        for (int i = 0; i < 4; i++) {
            thread_join(&sleeper[i].thread);
            weir_op_put(sleeper[i].op);
        }
        free(ops);
        assert_quiet(pool, 0);
    }
    close_quiet(pool);
}

/* Passes on what those who came back were given. How many have come back. */
static int pass_on(struct sleeper *sleeper, int n)
{
    int back = 0;
    for (int i = 0; i < n; i++) {
        if (!atomic_load(&sleeper[i].came_back))
            continue;
        back++;
        weir_op_put(sleeper[i].op);
        sleeper[i].op = NULL;
    }
    return back;
}

static bool all_sleep(struct sleeper *sleeper, int n)
{
    for (int i = 0; i < n; i++)
        if (!atomic_load(&sleeper[i].tid))
            return false;
    nap_us(20000);
    return thread_sleeps(atomic_load(&sleeper[n - 1].tid));
}

/* More wait than any table may have places for. */
static void a_deadline_is_kept_behind_more_than_a_thousand_waiters(void **state)
{
    enum { WAITERS = 1100 };
    struct weir_pool *pool = pool_of(1, 0, 0);
    struct weir_op *op = weir_op_get(pool);
    struct sleeper *sleeper = calloc(WAITERS + 1, sizeof *sleeper), *last = sleeper + WAITERS;
    _Atomic int turn = 0;
    bool kept;
    (void)state;
    for (int i = 0; i <= WAITERS; i++) {
        sleeper[i].pool = pool;
        sleeper[i].timeout = i < WAITERS ? -1 : 10 * MS;
        sleeper[i].turn = &turn;
        if (i == WAITERS)                       /* the others are asleep, or as good as that */
            assert_true(EVENTUALLY(all_sleep(sleeper, WAITERS)));
        thread_start(&sleeper[i].thread, sleeper_body, &sleeper[i]);
    }
    kept = sleeper_is_back(last) && !last->op;
    weir_op_put(op);                            /* and all are served in the end */
    assert_true(EVENTUALLY(pass_on(sleeper, WAITERS + 1) == WAITERS + 1));
    for (int i = 0; i <= WAITERS; i++)
        thread_join(&sleeper[i].thread);
    free(sleeper);
    assert_true(kept);
    assert_int_equal(stats_of(pool).waits, WAITERS + 1);
    close_quiet(pool);
}

/* -- many ----------------------------------------------------------------------------------------------------------------------- */

struct ring {
    struct weir_pool *pool;
    _Atomic uint64_t turns, holders, wrong;
    uint64_t most;
};
struct ring_member {
    struct ring *ring;
    uint64_t turns;
};

static const char *passes_round(void *arg)
{
    struct ring_member *self = arg;
    struct ring *ring = self->ring;
    bool last = false;
    while (!last) {
        struct weir_op *op = weir_op_get_wait(ring->pool, -1);
        if (!op || atomic_fetch_add(&ring->holders, 1))
            atomic_fetch_add(&ring->wrong, 1);
        last = atomic_fetch_add(&ring->turns, 1) >= ring->most;
        if (!last)
            self->turns++;
        atomic_fetch_sub(&ring->holders, 1);
        weir_op_put(op);
    }
    return NULL;
}

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The op starts when all wait: from then on, in order is round robin. */
static void of_32_waiters_and_one_op_passed_round_none_starves(void **state)
{
    enum { MEMBERS = 32 };
    struct ring ring = { .pool = pool_of(1, 0, 0), .most = MEMBERS * SCALED(1000, 200) };
    struct ring_member member[MEMBERS];
    struct thread thread[MEMBERS];
    struct weir_op *op = weir_op_get(ring.pool);
    uint64_t turns[MEMBERS];
    (void)state;
    for (int i = 0; i < MEMBERS; i++) {
        member[i] = (struct ring_member){ .ring = &ring };
        thread_start(&thread[i], passes_round, &member[i]);
    }
    assert_true(EVENTUALLY(stats_of(ring.pool).waits == MEMBERS));
    weir_op_put(op);
    for (int i = 0; i < MEMBERS; i++)
        thread_join(&thread[i]);
    assert_int_equal(ring.wrong, 0);
    for (int i = 0; i < MEMBERS; i++)
        turns[i] = member[i].turns;
    qsort(turns, MEMBERS, sizeof turns[0], by_number);
    /* The system may keep a few of them from running just when they have taken their ticket: they queue anew. */
    if (!turns[0] || turns[MEMBERS / 4] < turns[MEMBERS - 1] / 2)
        fail_msg("one was served %llu times, a quarter of them at most %llu times, another %llu times", (unsigned long long)turns[0],
                 (unsigned long long)turns[MEMBERS / 4], (unsigned long long)turns[MEMBERS - 1]);
    close_quiet(ring.pool);
}

struct impatient {
    struct weir_pool *pool;
    unsigned rounds, seed;
    uint64_t served, late;
};

static const char *waits_a_little(void *arg)
{
    struct impatient *self = arg;
    for (unsigned i = 0; i < self->rounds; i++) {
        struct weir_op *op;
        self->seed = self->seed * 1103515245 + 12345;
        op = weir_op_get_wait(self->pool, (int64_t)(self->seed >> 16) % 100 * 1000);
        if (op) {
            struct weir_op *second = i % 8 ? NULL : weir_op_get_wait(self->pool, 20000);
            self->served++;
            if (i % 3 == 0)
                sched_yield();
            weir_op_put(op);
            weir_op_put(second);
        } else {
            self->late++;
        }
    }
    return NULL;
}

/* Deadlines and puts meet in every way. An op that is given to a waiter whose time is just over must not be lost. */
static void deadlines_against_puts_lose_no_op(void **state)
{
    enum { THREADS = 12 };
    static const uint32_t capacities[] = { 1, 3 };
    (void)state;
    for (int c = 0; c < 2; c++) {
        struct weir_pool *pool = pool_of(capacities[c], 0, 0);
        struct impatient self[THREADS];
        struct thread thread[THREADS];
        uint64_t served = 0, late = 0;
        for (int i = 0; i < THREADS; i++) {
            self[i] = (struct impatient){ pool, SCALED(5000, 500), (unsigned)i * 77 + 1, 0, 0 };
            thread_start(&thread[i], waits_a_little, &self[i]);
        }
        for (int i = 0; i < THREADS; i++) {
            thread_join(&thread[i]);
            served += self[i].served;
            late += self[i].late;
        }
        assert_true(served > 0 && late > 0);
        assert_quiet(pool, 0);
        take_and_put_all(pool, capacities[c]);
        close_quiet(pool);
    }
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
        cmocka_unit_test(a_wait_that_need_not_wait_returns_at_once),
        cmocka_unit_test(a_wait_finds_what_lies_in_the_cache_of_an_idle_thread),
        cmocka_unit_test(a_deadline_of_0_answers_null_without_waiting),
        cmocka_unit_test(a_short_deadline_is_kept_and_never_early),
        cmocka_unit_test(a_waiter_is_woken_by_a_put_that_would_have_hit_its_threads_cache),
        cmocka_unit_test(a_waiter_is_woken_by_the_thread_that_took_everything),
        cmocka_unit_test(a_deadline_that_would_overflow_the_clock_is_for_ever),
        cmocka_unit_test(waiters_are_served_first_come_first_served),
        cmocka_unit_test(a_bulk_of_puts_wakes_as_many_waiters),
        cmocka_unit_test(who_comes_later_does_not_take_what_a_waiter_was_given),
        cmocka_unit_test(a_waiter_in_the_middle_whose_time_is_over_leaves_the_others_in_order),
        cmocka_unit_test(a_deadline_is_kept_behind_more_than_a_thousand_waiters),
        cmocka_unit_test(of_32_waiters_and_one_op_passed_round_none_starves),
        cmocka_unit_test(deadlines_against_puts_lose_no_op),
        cmocka_unit_test(the_statistics_say_whether_every_call_is_fenced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
