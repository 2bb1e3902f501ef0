/* test_parked.c - the bound is reached while owners stand still between any two labelled points of get and put.
 *
 * An owner brings its cache into a state (just made, full, empty, with a full previous magazine, shut by a sweep, in a famine), and then
 * makes one call, in which it parks at the 1st, 2nd, 3rd ... point that it passes, until the call passes no more. Each time the main
 * thread then takes all that it can get: everything but what the owner holds and the one op of the call. Then the owner goes on, all is
 * given back, and the pool proves its equation.
 */
#include "weir_test.h"
#include "../stress/points.h"
#include "../stress/random.h"
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <weir/weir.h>

enum { CAPACITY = 48, HOARD = 8, HELD = CAPACITY, OWNERS = 5 };

struct owner {
    struct weir_pool *pool;
    void (*state)(struct owner *);      /* brings the cache into a state */
    bool put;                           /* the call: a put of the last op held, else a get */
    unsigned nth;
    struct weir_op *held[HELD];
    unsigned holds;                     /* before the call */
    struct points_seat seat;
    pthread_t thread, hoarder;
    pthread_barrier_t hoarded;
    bool hoards;
};

static void owner_get(struct owner *o, unsigned n)
{
    while (n--) {
        o->held[o->holds] = weir_op_get(o->pool);
        assert_non_null(o->held[o->holds]);
        o->holds++;
    }
}

static void owner_put(struct owner *o, unsigned n)
{
    while (n--)
        weir_op_put(o->held[--o->holds]);
}

/* With a cache of 8, magazines hold 4. */
static void state_new(struct owner *o) { (void)o; }
static void state_one_live(struct owner *o) { owner_get(o, 1); }
static void state_middle(struct owner *o) { owner_get(o, 2); }
static void state_drained(struct owner *o) { owner_get(o, 4); }
static void state_full(struct owner *o) { owner_get(o, 9); owner_put(o, 8); }
static void state_brimful(struct owner *o) { owner_get(o, 13); owner_put(o, 11); }
static void state_previous(struct owner *o) { owner_get(o, 9); owner_put(o, 8); owner_get(o, 4); }

/* All ops have been taken by this thread, so every cache was shut; then some are back. */
static void state_shut(struct owner *o)
{
    struct weir_op *op[CAPACITY];
    unsigned n = 0;
    owner_get(o, 1);
    while (n < CAPACITY && (op[n] = weir_op_get(o->pool)) != NULL)
        n++;
    while (n)
        weir_op_put(op[--n]);
}

/* Another thread, which lives on, has the last ops in its cache, and the owner all others: the call must steal. */
static void *hoarder(void *arg)
{
    struct owner *o = arg;
    struct weir_op *op[HOARD];
    unsigned n = 0;
    while (n < HOARD && (op[n] = weir_op_get(o->pool)) != NULL)
        n++;
    while (n)
        weir_op_put(op[--n]);
    pthread_barrier_wait(&o->hoarded);
    pthread_barrier_wait(&o->hoarded);
    return NULL;
}

static void state_steal(struct owner *o)
{
    assert_int_equal(pthread_barrier_init(&o->hoarded, NULL, 2), 0);
    assert_int_equal(pthread_create(&o->hoarder, NULL, hoarder, o), 0);
    o->hoards = true;
    pthread_barrier_wait(&o->hoarded);
    owner_get(o, CAPACITY - HOARD);
}

static void *owner_run(void *arg)
{
    struct owner *o = arg;
    o->state(o);
    points_park(&o->seat, NULL, o->nth);
    if (o->put) {
        weir_op_put(o->held[o->holds - 1]);
    } else {
        o->held[HELD - 1] = weir_op_get(o->pool);
    }
    points_leave(&o->seat);
    return NULL;
}

static void *owner_run_to_theft(void *arg)
{
    struct owner *o = arg;
    points_park(&o->seat, "steal.taken", 1);
    o->held[HELD - 1] = weir_op_get(o->pool);
    points_leave(&o->seat);
    return NULL;
}

static struct weir_pool *pool_new(void)
{
    struct weir_pool_config config = { .capacity = CAPACITY, .cache = 8, .buffer_size = 64 };
    struct weir_pool *pool;
    assert_int_equal(weir_pool_create(&pool, &config), 0);
    return pool;
}

/* Take what can be had, give it back. How many. */
static unsigned take_all(struct weir_pool *pool)
{
    struct weir_op *op[CAPACITY];
    unsigned n = 0, got;
    while (n < CAPACITY && (op[n] = weir_op_get(pool)) != NULL)
        n++;
    for (got = n; n;)
        weir_op_put(op[--n]);
    return got;
}

static void owners_finish(struct owner *o, unsigned n)
{
    struct weir_pool *pool = o->pool;
    unsigned i;
    for (i = 0; i < n; i++) {
        points_release(&o[i].seat);
        pthread_join(o[i].thread, NULL);
        if (o[i].put)
            o[i].holds--;
        else if (o[i].held[HELD - 1])
            weir_op_put(o[i].held[HELD - 1]);
        owner_put(&o[i], o[i].holds);
        if (o[i].hoards) {
            pthread_barrier_wait(&o[i].hoarded);
            pthread_join(o[i].hoarder, NULL);
            pthread_barrier_destroy(&o[i].hoarded);
        }
    }
    if (weir_pool_check(pool) != 0)
        fail_msg("%s", weir_error_message());
    assert_int_equal(take_all(pool), CAPACITY);
    if (weir_pool_close(pool) != 0)
        fail_msg("%s", weir_error_message());
}

/* Park owners, see that all but one op each can be had. Returns whether any of them parked. */
static bool park_and_take(struct owner *o, unsigned n)
{
    struct weir_pool *pool = pool_new();
    unsigned i, parked = 0, out = 0, got;
    char where[300] = "";
    assert_int_equal(take_all(pool), CAPACITY);
    for (i = 0; i < 200; i++)                   /* after a NULL, puts go straight to the depot for a while */
        weir_op_put(weir_op_get(pool));
    weir_thread_flush(pool);
    for (i = 0; i < n; i++) {
        o[i].pool = pool;
        assert_int_equal(pthread_create(&o[i].thread, NULL, owner_run, &o[i]), 0);
        switch (points_wait_parked(&o[i].seat)) {
        case POINTS_PARKED:
            parked++;
            out += o[i].put ? o[i].holds : o[i].holds + 1;      /* the one op of the call included */
            snprintf(where + strlen(where), sizeof where - strlen(where), " %s", points_at(&o[i].seat));
            break;
        case POINTS_LEFT:
            out += o[i].put ? o[i].holds - 1 : o[i].holds + (o[i].held[HELD - 1] != NULL);
            break;
        default:
            fail_msg("an owner neither parked nor left within a minute");
        }
    }
    got = take_all(pool);
    if (got + out < CAPACITY)
        fail_msg("parked at%s: %u of %u can be had, %u are out", where, got, CAPACITY, out);
    owners_finish(o, n);
    return parked != 0;
}

static void at_every_point(void (*state)(struct owner *), bool put)
{
    unsigned nth;
    for (nth = 1; nth < 500; nth++) {
        struct owner o;
        memset(&o, 0, sizeof o);
        o.state = state;
        o.put = put;
        o.nth = nth;
        if (!park_and_take(&o, 1))
            return;
    }
    fail_msg("a call that passes 500 points");
}

#define AT_EVERY_POINT(call, state, is_put) \
    static void all_but_one_op_can_be_had_while_##call##_stands_still_##state(void **unused) \
    { \
        (void)unused; \
        at_every_point(state_##state, is_put); \
    }

AT_EVERY_POINT(get, new, false)
AT_EVERY_POINT(get, middle, false)
AT_EVERY_POINT(get, drained, false)
AT_EVERY_POINT(get, full, false)
AT_EVERY_POINT(get, previous, false)
AT_EVERY_POINT(get, shut, false)
AT_EVERY_POINT(get, steal, false)
AT_EVERY_POINT(put, one_live, true)
AT_EVERY_POINT(put, middle, true)
AT_EVERY_POINT(put, drained, true)
AT_EVERY_POINT(put, full, true)
AT_EVERY_POINT(put, brimful, true)
AT_EVERY_POINT(put, shut, true)
AT_EVERY_POINT(put, steal, true)

static void all_but_one_op_each_can_be_had_while_several_owners_stand_still_anywhere(void **unused)
{
    static void (*const states[])(struct owner *) = { state_new, state_one_live, state_middle, state_drained, state_full };
    uint64_t seed = 20260101;
    unsigned round, i;
    (void)unused;
    for (round = 0; round < 400; round++) {
        struct owner o[OWNERS];
        struct random r;
        random_seed(&r, seed, round);
        memset(o, 0, sizeof o);
        for (i = 0; i < OWNERS; i++) {
            o[i].state = states[1 + random_below(&r, 4)];
            o[i].put = random_below(&r, 2);
            o[i].nth = 1 + (unsigned)random_below(&r, 24);
        }
        (void)park_and_take(o, OWNERS);
    }
}

/* A thief stands still after its theft; the owner that it stole from goes on, and what was stolen can still be had. */
static void stolen_ops_can_be_had_while_the_thief_stands_still_and_the_victim_goes_on(void **unused)
{
    struct weir_pool *pool = pool_new();
    struct weir_op *mine[CAPACITY];
    struct owner thief;
    unsigned n = 0, got = 0;
    (void)unused;
    memset(&thief, 0, sizeof thief);
    thief.pool = pool;
    while (n < CAPACITY)
        assert_non_null(mine[n++] = weir_op_get(pool));
    weir_op_put(mine[--n]);                     /* the bound was not met yet: this stays in our cache, with two more */
    weir_op_put(mine[--n]);
    weir_op_put(mine[--n]);
    assert_int_equal(pthread_create(&thief.thread, NULL, owner_run_to_theft, &thief), 0);
    assert_int_equal(points_wait_parked(&thief.seat), POINTS_PARKED);
    while (n < CAPACITY && (mine[n] = weir_op_get(pool)) != NULL)
        n++, got++;
    assert_int_equal(got, 3);                   /* the thief has none of them in its hands yet */
    while (n)
        weir_op_put(mine[--n]);
    owners_finish(&thief, 1);
}

/* The queue of waiters has 1,024 slots. One whose waiter was given an op and stands still is not free when its turn comes again. */
enum { WAITER_SLOTS = 1024 };

struct waits {
    struct weir_pool *pool;
    struct points_seat seat;
    const char *label;
    int64_t timeout;
    struct weir_op *got;
    sem_t done;
    pthread_t thread;
};

static void *waits_run(void *arg)
{
    struct waits *w = arg;
    points_park(&w->seat, w->label, 1);
    w->got = weir_op_get_wait(w->pool, w->timeout);
    points_leave(&w->seat);
    sem_post(&w->done);
    return NULL;
}

static void waits_start(struct waits *w, struct weir_pool *pool, const char *label, int64_t timeout)
{
    memset(w, 0, sizeof *w);
    w->pool = pool;
    w->label = label;
    w->timeout = timeout;
    sem_init(&w->done, 0, 0);
    assert_int_equal(pthread_create(&w->thread, NULL, waits_run, w), 0);
    assert_int_equal(points_wait_parked(&w->seat), POINTS_PARKED);
}

static void waits_end(struct waits *w)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 60;
    points_release(&w->seat);
    if (sem_timedwait(&w->done, &until) != 0)
        fail_msg("a waiter was not served within a minute, and ops are free");
    pthread_join(w->thread, NULL);
    sem_destroy(&w->done);
}

static void a_waiter_that_stands_still_with_its_op_holds_up_none_that_comes_later(void **unused)
{
    static const int64_t timeouts[] = { -1, 1000000 };
    (void)unused;
    for (int i = 0; i < 2; i++) {
        struct weir_pool_config config = { .capacity = 2 };
        struct weir_pool *pool;
        struct weir_op *op[2];
        struct waits still, later;
        assert_int_equal(weir_pool_create(&pool, &config), 0);
        assert_non_null(op[0] = weir_op_get(pool));
        assert_non_null(op[1] = weir_op_get(pool));
        waits_start(&still, pool, "waiter.moved", -1);
        weir_op_put(op[0]);                     /* the op of who stands still */
        for (int j = 1; j < WAITER_SLOTS; j++)
            assert_null(weir_op_get_wait(pool, 1));
        waits_start(&later, pool, "waiter.ticket", timeouts[i]);
        if (timeouts[i] < 0)
            weir_op_put(op[1]);
        waits_end(&later);
        assert_true((later.got != NULL) == (timeouts[i] < 0));
        waits_end(&still);
        assert_non_null(still.got);
        weir_op_put(still.got);
        weir_op_put(later.got ? later.got : op[1]);
        assert_int_equal(weir_pool_check(pool), 0);
        assert_int_equal(weir_pool_close(pool), 0);
    }
}

static int labels_were_passed(void **unused)
{
    const char *labels[200];
    unsigned n = points_labels(labels, 200), i;
    (void)unused;
    print_message("points passed:");
    for (i = 0; i < n && i < 200; i++)
        print_message(" %s", labels[i]);
    print_message("\n");
    points_close();
    return n >= 20 ? 0 : -1;
}

static int points_are_there(void **unused)
{
    (void)unused;
    return points_open() ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_but_one_op_can_be_had_while_get_stands_still_new),
        cmocka_unit_test(all_but_one_op_can_be_had_while_get_stands_still_middle),
        cmocka_unit_test(all_but_one_op_can_be_had_while_get_stands_still_drained),
        cmocka_unit_test(all_but_one_op_can_be_had_while_get_stands_still_full),
        cmocka_unit_test(all_but_one_op_can_be_had_while_get_stands_still_previous),
        cmocka_unit_test(all_but_one_op_can_be_had_while_get_stands_still_shut),
        cmocka_unit_test(all_but_one_op_can_be_had_while_get_stands_still_steal),
        cmocka_unit_test(all_but_one_op_can_be_had_while_put_stands_still_one_live),
        cmocka_unit_test(all_but_one_op_can_be_had_while_put_stands_still_middle),
        cmocka_unit_test(all_but_one_op_can_be_had_while_put_stands_still_drained),
        cmocka_unit_test(all_but_one_op_can_be_had_while_put_stands_still_full),
        cmocka_unit_test(all_but_one_op_can_be_had_while_put_stands_still_brimful),
        cmocka_unit_test(all_but_one_op_can_be_had_while_put_stands_still_shut),
        cmocka_unit_test(all_but_one_op_can_be_had_while_put_stands_still_steal),
        cmocka_unit_test(all_but_one_op_each_can_be_had_while_several_owners_stand_still_anywhere),
        cmocka_unit_test(a_waiter_that_stands_still_with_its_op_holds_up_none_that_comes_later),
        cmocka_unit_test(stolen_ops_can_be_had_while_the_thief_stands_still_and_the_victim_goes_on),
    };
    return cmocka_run_group_tests(tests, points_are_there, labels_were_passed);
}
