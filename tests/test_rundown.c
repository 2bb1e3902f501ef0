/* test_rundown.c - rundowns: the one word and the sharded one go through the same cases; then what each has of its own. */
#include "support.h"

#include <weir/rundown.h>

#ifdef WEIR_POINTS
#include "../stress/points.h"
#endif

/* -- both forms by the same verbs -------------------------------------------------------------------------------------------- */

struct verbs {
    void *(*open)(void);
    void (*discard)(void *r);
    bool (*acquire)(void *r);
    void (*release)(void *r);
    void (*close)(void *r, void (*done)(void *), void *arg);
    int (*wait)(void *r, int64_t timeout_ns);
};

static void *word_open(void)
{
    struct weir_rundown *r = malloc(sizeof *r);
    weir_rundown_init(r);
    return r;
}
static bool word_acquire(void *r) { return weir_rundown_acquire(r); }
static void word_release(void *r) { weir_rundown_release(r); }
static void word_close(void *r, void (*done)(void *), void *arg) { weir_rundown_close(r, done, arg); }
static int word_wait(void *r, int64_t timeout_ns) { return weir_rundown_wait(r, timeout_ns); }

static void *sharded_open(void)
{
    struct weir_rundown_sharded *r = NULL;
    if (weir_rundown_sharded_create(&r, 4))
        abort();
    return r;
}
static void sharded_discard(void *r)
{
    if (weir_rundown_sharded_destroy(r))
        abort();
}
static bool sharded_acquire(void *r) { return weir_rundown_sharded_acquire(r); }
static void sharded_release(void *r) { weir_rundown_sharded_release(r); }
static void sharded_close(void *r, void (*done)(void *), void *arg) { weir_rundown_sharded_close(r, done, arg); }
static int sharded_wait(void *r, int64_t timeout_ns) { return weir_rundown_sharded_wait(r, timeout_ns); }

static struct verbs word = { word_open, free, word_acquire, word_release, word_close, word_wait };
static struct verbs sharded = { sharded_open, sharded_discard, sharded_acquire, sharded_release, sharded_close, sharded_wait };

static void *opened(const struct verbs *v)
{
    return v->open();
}

/* What done leaves behind. */
struct ending {
    const struct verbs *v;
    void *r;
    _Atomic unsigned times;
    pthread_t on;
    _Atomic bool may_return;    /* for done that takes its time */
};

static void count_the_end(void *arg)
{
    struct ending *e = arg;
    e->on = pthread_self();
    atomic_fetch_add(&e->times, 1);
}

static void end_and_free(void *arg)
{
    struct ending *e = arg;
    e->v->discard(e->r);
    count_the_end(e);
}

static void end_slowly(void *arg)
{
    struct ending *e = arg;
    count_the_end(e);
    while (!atomic_load(&e->may_return))
        sched_yield();
}

/* -- one thread -------------------------------------------------------------------------------------------------------------- */

static void it_can_be_acquired_and_released_while_open(void **state)
{
    const struct verbs *v = *state;
    void *r = v->open();
    for (int i = 0; i < 100; i++)
        assert_true(v->acquire(r));
    for (int i = 0; i < 100; i++)
        v->release(r);
    assert_int_equal(v->wait(r, 0), -ETIMEDOUT);
    assert_int_equal(v->wait(r, 1000), -ETIMEDOUT);
    v->close(r, NULL, NULL);
    assert_int_equal(v->wait(r, 0), 0);
    v->discard(r);
}

static void closing_an_idle_one_calls_done_at_once(void **state)
{
    const struct verbs *v = *state;
    struct ending e = { .v = v, .r = opened(v) };
    v->close(e.r, count_the_end, &e);
    assert_int_equal(e.times, 1);
    assert_true(pthread_equal(e.on, pthread_self()));
    assert_int_equal(v->wait(e.r, 0), 0);
    assert_false(v->acquire(e.r));
    assert_int_equal(e.times, 1);
    v->discard(e.r);
}

static void the_last_release_calls_done_once(void **state)
{
    const struct verbs *v = *state;
    struct ending e = { .v = v, .r = opened(v) };
    for (int i = 0; i < 5; i++)
        assert_true(v->acquire(e.r));
    v->release(e.r);
    v->close(e.r, count_the_end, &e);
    for (int i = 0; i < 3; i++) {
        assert_false(v->acquire(e.r));
        assert_int_equal(v->wait(e.r, 0), -ETIMEDOUT);
        v->release(e.r);
        assert_int_equal(e.times, 0);
    }
    v->release(e.r);
    assert_int_equal(e.times, 1);
    assert_int_equal(v->wait(e.r, -1), 0);
    v->discard(e.r);
}

static const char *release_elsewhere(void *arg)
{
    struct ending *e = arg;
    e->v->release(e->r);
    NEED(e->times == 1);
    NEED(pthread_equal(e->on, pthread_self()));
    return NULL;
}

static void done_runs_on_the_thread_of_the_last_release(void **state)
{
    const struct verbs *v = *state;
    struct ending e = { .v = v, .r = opened(v) };
    assert_true(v->acquire(e.r));
    v->close(e.r, count_the_end, &e);
    assert_int_equal(e.times, 0);
    on_another_thread(release_elsewhere, &e);
    v->discard(e.r);
}

static void done_may_free_it(void **state)
{
    const struct verbs *v = *state;
    struct ending idle = { .v = v, .r = opened(v) }, busy = { .v = v, .r = opened(v) };
    v->close(idle.r, end_and_free, &idle);
    assert_int_equal(idle.times, 1);
    assert_true(v->acquire(busy.r));
    assert_true(v->acquire(busy.r));
    v->close(busy.r, end_and_free, &busy);
    v->release(busy.r);
    v->release(busy.r);
    assert_int_equal(busy.times, 1);
}

static void done_may_close_and_release_others(void **state)
{
    const struct verbs *v = *state;
    struct ending e[3];
    for (int i = 0; i < 3; i++)
        e[i] = (struct ending){ .v = v, .r = opened(v) };
    assert_true(v->acquire(e[0].r));
    assert_true(v->acquire(e[1].r));
    v->close(e[2].r, count_the_end, &e[2]);
    v->close(e[1].r, e[1].v->release, e[0].r);          /* the end of one releases the next */
    v->close(e[0].r, end_and_free, &e[0]);
    assert_int_equal(e[0].times, 0);
    v->release(e[1].r);
    assert_int_equal(e[0].times, 1);
    v->discard(e[1].r);
    v->discard(e[2].r);
}

static void closing_twice_panics(void **state)
{
    const struct verbs *v = *state;
    struct ending e = { .v = v, .r = opened(v) };
    assert_true(v->acquire(e.r));
    v->close(e.r, count_the_end, &e);
    assert_panics(v->close(e.r, count_the_end, &e), "closed twice");
    v->release(e.r);
    assert_panics(v->close(e.r, NULL, NULL), "closed twice");
    assert_int_equal(e.times, 1);
    v->discard(e.r);
}

static void a_release_too_many_after_the_end_panics(void **state)
{
    const struct verbs *v = *state;
    struct ending e = { .v = v, .r = opened(v) };
    assert_true(v->acquire(e.r));
    v->close(e.r, count_the_end, &e);
    v->release(e.r);
    assert_panics(v->release(e.r), "release without an acquire");
    assert_int_equal(e.times, 1);
    assert_int_equal(v->wait(e.r, 0), 0);
    v->discard(e.r);
}

/* -- waiting ----------------------------------------------------------------------------------------------------------------- */

struct waiter {
    struct ending *e;
    _Atomic bool back;
    struct thread thread;
};

static const char *wait_for_it(void *arg)
{
    struct waiter *w = arg;
    NEED(w->e->v->wait(w->e->r, INT64_MAX) == 0);
    NEED(w->e->times == 1);
    NEED(atomic_load(&w->e->may_return));
    atomic_store(&w->back, true);
    return NULL;
}

static void start_waiters(struct waiter *w, int n, struct ending *e)
{
    for (int i = 0; i < n; i++) {
        w[i].e = e;
        thread_start(&w[i].thread, wait_for_it, &w[i]);
    }
}

static const char *release_and_end_slowly(void *arg)
{
    struct ending *e = arg;
    e->v->release(e->r);
    return NULL;
}

static void waiters_that_came_before_during_and_after_return_when_done_has_returned(void **state)
{
    const struct verbs *v = *state;
    for (int early = 0; early <= 1; early++) {          /* with nobody there before the end, only the call's own slot is left */
        struct ending e = { .v = v, .r = opened(v) };
        struct waiter before[3] = { 0 }, during[3] = { 0 }, after[1] = { 0 };
        struct thread last;
        assert_true(v->acquire(e.r));
        if (early) {
            start_waiters(before, 1, &e);
            nap_us(2000);                               /* likely asleep by now; right either way */
        }
        v->close(e.r, end_slowly, &e);
        if (early)
            start_waiters(before + 1, 2, &e);
        thread_start(&last, release_and_end_slowly, &e);
        assert_true(EVENTUALLY(atomic_load(&e.times) == 1));
        start_waiters(during, 3, &e);
        assert_int_equal(v->wait(e.r, 0), -ETIMEDOUT);
        assert_int_equal(v->wait(e.r, 2000000), -ETIMEDOUT);
        for (int i = 0; i < 3; i++) {
            assert_false(before[i].back);
            assert_false(during[i].back);
        }
        atomic_store(&e.may_return, true);
        for (int i = 0; i < 3; i++) {
            if (early)
                thread_join(&before[i].thread);
            thread_join(&during[i].thread);
        }
        thread_join(&last);
        start_waiters(after, 1, &e);
        thread_join(&after[0].thread);
        assert_int_equal(v->wait(e.r, 0), 0);
        v->discard(e.r);
    }
}

static const char *wait_without_done(void *arg)
{
    struct ending *e = arg;
    NEED(e->v->wait(e->r, -1) == 0);
    e->v->discard(e->r);                                /* who waits owns the memory */
    return NULL;
}

static void who_waited_may_free_it_at_once(void **state)
{
    const struct verbs *v = *state;
    for (int i = 0; i < SCALED(2000, 500); i++) {
        struct ending e = { .v = v, .r = opened(v) };
        struct thread waiter;
        assert_true(v->acquire(e.r));
        if (i & 1)
            v->close(e.r, NULL, NULL);
        thread_start(&waiter, wait_without_done, &e);
        if (i & 2)
            sched_yield();
        if (i & 1) {
            v->release(e.r);
        } else {
            v->release(e.r);
            v->close(e.r, NULL, NULL);
        }
        thread_join(&waiter);
    }
}

/* -- races ------------------------------------------------------------------------------------------------------------------- */

/* Threads go in and out of an object until it is closed under them; the closer changes each round. `alive` is plain: it is
 * written by done, and every operation that was let in reads it. `inside` counts operations in progress. */
enum { CROWD = 4 };
struct arena {
    const struct verbs *v;
    pthread_barrier_t step;
    int rounds;
    struct ending e;
    unsigned alive, entered[CROWD], sum;
    _Atomic int inside;
    _Atomic unsigned number, failures;
};

static void end_of_the_round(void *arg)
{
    struct arena *a = arg;
    if (atomic_load(&a->inside) != 0)
        atomic_fetch_add(&a->failures, 1);
    a->alive = 0;
    a->sum = a->entered[0] + a->entered[1] + a->entered[2] + a->entered[3];
    count_the_end(&a->e);
}

static const char *come_and_go(void *arg)
{
    struct arena *a = arg;
    unsigned me = atomic_fetch_add(&a->number, 1);
    for (int round = 0; round < a->rounds; round++) {
        unsigned n = 0;
        pthread_barrier_wait(&a->step);
        for (;; n++) {
            if (me == (unsigned)round % CROWD && n == (unsigned)round % 7)
                a->v->close(a->e.r, end_of_the_round, a);
            if (!a->v->acquire(a->e.r))
                break;
            atomic_fetch_add_explicit(&a->inside, 1, memory_order_relaxed);
            NEED(a->alive == 1);
            a->entered[me]++;
            if ((n + me) % 16 == 0)
                sched_yield();
            atomic_fetch_sub_explicit(&a->inside, 1, memory_order_relaxed);
            a->v->release(a->e.r);
        }
        NEED(a->v->wait(a->e.r, -1) == 0);
        NEED(a->alive == 0 && a->e.times == 1);
        pthread_barrier_wait(&a->step);
    }
    return NULL;
}

static void acquire_and_release_against_close_end_it_once_after_the_last(void **state)
{
    struct arena a = { .v = *state, .rounds = SCALED(20000, 2000) };
    struct thread thread[CROWD];
    unsigned entered = 0;
    pthread_barrier_init(&a.step, NULL, CROWD + 1);
    for (int i = 0; i < CROWD; i++)
        thread_start(&thread[i], come_and_go, &a);
    for (int round = 0; round < a.rounds; round++) {
        a.e = (struct ending){ .r = opened(a.v) };
        a.alive = 1;
        pthread_barrier_wait(&a.step);
        pthread_barrier_wait(&a.step);
        assert_int_equal(a.e.times, 1);
        assert_int_equal(a.sum, a.entered[0] + a.entered[1] + a.entered[2] + a.entered[3]);
        a.v->discard(a.e.r);
    }
    for (int i = 0; i < CROWD; i++) {
        thread_join(&thread[i]);
        entered += a.entered[i];
    }
    assert_int_equal(a.failures, 0);
    assert_true(entered > 0);
    pthread_barrier_destroy(&a.step);
}

/* Each thread has been let in before; all leave while it is closed; done frees it. */
struct exodus {
    const struct verbs *v;
    pthread_barrier_t step;
    int rounds;
    struct ending e;
    _Atomic unsigned number;
};

static const char *leave(void *arg)
{
    struct exodus *x = arg;
    unsigned me = atomic_fetch_add(&x->number, 1);
    for (int round = 0; round < x->rounds; round++) {
        pthread_barrier_wait(&x->step);
        if (me == 0)
            x->v->close(x->e.r, end_and_free, &x->e);
        else
            x->v->release(x->e.r);              /* of another thread's acquire */
        pthread_barrier_wait(&x->step);
    }
    return NULL;
}

static void it_is_freed_by_done_while_others_leave(void **state)
{
    struct exodus x = { .v = *state, .rounds = SCALED(20000, 3000) };
    struct thread thread[CROWD];
    pthread_barrier_init(&x.step, NULL, CROWD + 1);
    for (int i = 0; i < CROWD; i++)
        thread_start(&thread[i], leave, &x);
    for (int round = 0; round < x.rounds; round++) {
        x.e = (struct ending){ .v = x.v, .r = opened(x.v) };
        for (int i = 1; i < CROWD; i++)
            assert_true(x.v->acquire(x.e.r));
        pthread_barrier_wait(&x.step);
        pthread_barrier_wait(&x.step);
        assert_int_equal(x.e.times, 1);
    }
    for (int i = 0; i < CROWD; i++)
        thread_join(&thread[i]);
    pthread_barrier_destroy(&x.step);
}

/* -- one word alone ---------------------------------------------------------------------------------------------------------- */

static void all_zero_is_an_open_rundown(void **state)
{
    (void)state;
    static struct weir_rundown r;
    assert_true(weir_rundown_acquire(&r));
    weir_rundown_close(&r, NULL, NULL);
    assert_false(weir_rundown_acquire(&r));
    weir_rundown_release(&r);
    assert_int_equal(weir_rundown_wait(&r, -1), 0);
    weir_rundown_init(&r);
    assert_true(weir_rundown_acquire(&r));
    weir_rundown_release(&r);
}

static void a_release_too_many_panics_and_changes_nothing(void **state)
{
    (void)state;
    struct weir_rundown r;
    weir_rundown_init(&r);
    assert_panics(weir_rundown_release(&r), "release without an acquire");
    assert_true(weir_rundown_acquire(&r));
    weir_rundown_release(&r);
    weir_rundown_close(&r, NULL, NULL);
    assert_int_equal(weir_rundown_wait(&r, 0), 0);
}

static void more_than_the_limit_in_progress_panics(void **state)
{
    (void)state;
    struct weir_rundown r;
    weir_rundown_init(&r);
    r.word[0] = (UINT64_C(1) << 30) - 1;
    assert_true(weir_rundown_acquire(&r));
    assert_panics((void)weir_rundown_acquire(&r), "2^30");
    weir_rundown_release(&r);
    assert_true(weir_rundown_acquire(&r));
}

/* -- sharded alone ----------------------------------------------------------------------------------------------------------- */

static void bad_shards_are_refused(void **state)
{
    (void)state;
    struct weir_rundown_sharded *r = NULL;
    assert_int_equal(weir_rundown_sharded_create(NULL, 1), -EINVAL);
    assert_int_equal(weir_rundown_sharded_create(&r, 4097), -EINVAL);
    assert_says(weir_error_message(), "4097", "4096", NULL);
    assert_null(r);
    assert_int_equal(weir_rundown_sharded_destroy(NULL), 0);
}

static void any_number_of_shards_works(void **state)
{
    (void)state;
    static const unsigned numbers[] = { 0, 1, 2, 3, 5, 64, 4096 };
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        struct weir_rundown_sharded *r = NULL;
        assert_int_equal(weir_rundown_sharded_create(&r, numbers[i]), 0);
        assert_true(weir_rundown_sharded_acquire(r));
        weir_rundown_sharded_close(r, NULL, NULL);
        assert_false(weir_rundown_sharded_acquire(r));
        weir_rundown_sharded_release(r);
        assert_int_equal(weir_rundown_sharded_wait(r, 0), 0);
        assert_int_equal(weir_rundown_sharded_destroy(r), 0);
    }
}

static void destroying_a_busy_one_changes_nothing(void **state)
{
    (void)state;
    struct weir_rundown_sharded *r = sharded_open();
    assert_true(weir_rundown_sharded_acquire(r));
    assert_int_equal(weir_rundown_sharded_destroy(r), -EBUSY);
    weir_rundown_sharded_close(r, NULL, NULL);
    assert_int_equal(weir_rundown_sharded_destroy(r), -EBUSY);
    weir_rundown_sharded_release(r);
    assert_int_equal(weir_rundown_sharded_destroy(r), 0);
    r = sharded_open();                                 /* never closed, nobody in it */
    assert_true(weir_rundown_sharded_acquire(r));
    weir_rundown_sharded_release(r);
    assert_int_equal(weir_rundown_sharded_destroy(r), 0);
}

struct handed {
    struct weir_rundown_sharded *r;
    int times;
};

static const char *acquire_for_others(void *arg)
{
    struct handed *h = arg;
    for (int i = 0; i < h->times; i++)
        NEED(weir_rundown_sharded_acquire(h->r));
    return NULL;
}

static void operations_may_end_on_other_threads_than_they_began(void **state)
{
    (void)state;
    struct handed h = { .r = sharded_open(), .times = 10000 };
    struct ending e = { .v = &sharded, .r = h.r };
    for (int thread = 0; thread < 5; thread++)          /* each in the next shard */
        on_another_thread(acquire_for_others, &h);
    for (int i = 0; i < 5 * h.times - 1; i++)
        weir_rundown_sharded_release(h.r);
    weir_rundown_sharded_close(h.r, count_the_end, &e);
    assert_int_equal(e.times, 0);
    weir_rundown_sharded_release(h.r);
    assert_int_equal(e.times, 1);
    sharded_discard(h.r);
}

static void a_release_too_many_panics_when_it_is_closed(void **state)
{
    (void)state;
    static struct weir_rundown_sharded *r;              /* it never runs down: for ever */
    r = sharded_open();
    weir_rundown_sharded_release(r);
    assert_int_equal(weir_rundown_sharded_destroy(r), -EBUSY);
    assert_panics(weir_rundown_sharded_close(r, NULL, NULL), "-1 operations");
    assert_int_equal(weir_rundown_sharded_destroy(r), -EBUSY);
}

/* -- with labelled points: each interleaving on purpose ---------------------------------------------------------------------- */

#ifdef WEIR_POINTS
enum parked_call { TO_ACQUIRE, TO_CLOSE, TO_WAIT, TO_RELEASE };
struct parked {
    struct points_seat seat;
    const char *label;
    enum parked_call call;
    struct ending *e;
    bool acquired;
    int waited;
    struct thread thread;
};

static const char *call_and_park(void *arg)
{
    struct parked *p = arg;
    const struct verbs *v = p->e->v;
    points_park(&p->seat, p->label, 1);
    switch (p->call) {
    case TO_ACQUIRE: p->acquired = v->acquire(p->e->r); break;
    case TO_CLOSE: v->close(p->e->r, count_the_end, p->e); break;
    case TO_WAIT: p->waited = v->wait(p->e->r, -1); break;
    case TO_RELEASE: v->release(p->e->r); break;
    }
    points_leave(&p->seat);
    return NULL;
}

static struct parked *park(struct parked *p)
{
    thread_start(&p->thread, call_and_park, p);
    assert_int_equal(points_wait_parked(&p->seat), POINTS_PARKED);
    return p;
}

static void go_on(struct parked *p)
{
    points_release(&p->seat);
    thread_join(&p->thread);
}

/* The acquire has looked and found it open; before it counts, it is closed, and done has run. */
static void an_acquire_that_is_overtaken_by_a_close_fails(void **state)
{
    struct ending e = { .v = *state, .r = opened(*state) };
    struct parked p = { .label = e.v == &word ? "rundown.acquire" : "sharded.acquire", .call = TO_ACQUIRE, .e = &e };
    park(&p);
    e.v->close(e.r, count_the_end, &e);
    assert_int_equal(e.times, 1);
    go_on(&p);
    assert_false(p.acquired);
    assert_int_equal(e.times, 1);
    assert_int_equal(e.v->wait(e.r, 0), 0);
    e.v->discard(e.r);
}

/* Closing has begun, and stands still. All others leave: done waits for the closer, and has the right argument. */
static void a_close_in_progress_counts_as_an_operation(void **state)
{
    static const char *const labels[] = { "rundown.closing", "sharded.shut", "sharded.sum" };
    const struct verbs *v = *state;
    for (int i = 0; i < (v == &word ? 1 : 3); i++) {
        struct ending e = { .v = v, .r = opened(v) };
        struct parked p = { .label = labels[i], .call = TO_CLOSE, .e = &e };
        assert_true(v->acquire(e.r));
        assert_true(v->acquire(e.r));
        park(&p);
        assert_false(v->acquire(e.r));
        v->release(e.r);
        v->release(e.r);
        assert_int_equal(e.times, 0);
        assert_int_equal(v->wait(e.r, 0), -ETIMEDOUT);
        go_on(&p);
        assert_int_equal(e.times, 1);
        assert_true(pthread_equal(e.on, p.thread.id));
        assert_int_equal(v->wait(e.r, 0), 0);
        v->discard(e.r);
    }
}

/* Half of the operations end before the shards are shut, half of them later: none counts twice. */
static void a_release_beside_a_close_counts_once(void **state)
{
    const struct verbs *v = *state;
    struct ending e = { .v = v, .r = opened(v) };
    struct parked p = { .label = v == &word ? "rundown.closing" : "sharded.sum", .call = TO_CLOSE, .e = &e };
    for (int i = 0; i < 4; i++)
        assert_true(v->acquire(e.r));
    v->release(e.r);
    park(&p);
    v->release(e.r);
    go_on(&p);
    v->release(e.r);
    assert_int_equal(e.times, 0);
    v->release(e.r);
    assert_int_equal(e.times, 1);
    v->discard(e.r);
}

/* A release has counted down in its shard, and stands still before it counts down in the middle. */
static void a_release_on_its_way_to_the_middle_still_holds_it(void **state)
{
    struct ending e = { .v = *state, .r = opened(*state) };
    struct parked p = { .label = "sharded.release", .call = TO_RELEASE, .e = &e };
    assert_true(e.v->acquire(e.r));
    e.v->close(e.r, count_the_end, &e);
    park(&p);
    assert_int_equal(e.times, 0);
    go_on(&p);
    assert_int_equal(e.times, 1);
    e.v->discard(e.r);
}

/* The last release stands still at each step of the end; nobody is told before done has returned. */
static void a_wait_beside_the_end_returns_after_done(void **state)
{
    static const char *const labels[] = { "rundown.ending", "rundown.down" };
    for (int i = 0; i < 4; i++) {
        struct ending e = { .v = *state, .r = opened(*state) };
        struct parked last = { .label = labels[i % 2], .call = TO_RELEASE, .e = &e };
        struct parked waiter = { .label = "rundown.waiting", .call = TO_WAIT, .e = &e };
        assert_true(e.v->acquire(e.r));
        e.v->close(e.r, count_the_end, &e);
        if (i >= 2)
            park(&waiter);                      /* between its mark and its sleep */
        park(&last);
        assert_int_equal(e.v->wait(e.r, 0), -ETIMEDOUT);
        assert_int_equal(e.v->wait(e.r, 100000), -ETIMEDOUT);
        go_on(&last);
        if (i >= 2) {
            go_on(&waiter);
            assert_int_equal(waiter.waited, 0);
        }
        assert_int_equal(e.v->wait(e.r, 0), 0);
        e.v->discard(e.r);
    }
}

static int open_points(void **state)
{
    (void)state;
    return points_open() ? 0 : -1;
}

static int close_points(void **state)
{
    (void)state;
    points_close();
    return 0;
}
#define BOTH_PARKED(test)                                                                                                       \
    { "word: " #test, test, open_points, close_points, &word },                                                                 \
    { "sharded: " #test, test, open_points, close_points, &sharded }
#endif

#define BOTH(test) { "word: " #test, test, NULL, NULL, &word }, { "sharded: " #test, test, NULL, NULL, &sharded }

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(it_can_be_acquired_and_released_while_open),
        BOTH(closing_an_idle_one_calls_done_at_once),
        BOTH(the_last_release_calls_done_once),
        BOTH(done_runs_on_the_thread_of_the_last_release),
        BOTH(done_may_free_it),
        BOTH(done_may_close_and_release_others),
        BOTH(closing_twice_panics),
        BOTH(a_release_too_many_after_the_end_panics),
        BOTH(waiters_that_came_before_during_and_after_return_when_done_has_returned),
        BOTH(who_waited_may_free_it_at_once),
        BOTH(acquire_and_release_against_close_end_it_once_after_the_last),
        BOTH(it_is_freed_by_done_while_others_leave),
#ifdef WEIR_POINTS
        BOTH_PARKED(an_acquire_that_is_overtaken_by_a_close_fails),
        BOTH_PARKED(a_close_in_progress_counts_as_an_operation),
        BOTH_PARKED(a_release_beside_a_close_counts_once),
        BOTH_PARKED(a_wait_beside_the_end_returns_after_done),
        { "sharded: a_release_on_its_way_to_the_middle_still_holds_it", a_release_on_its_way_to_the_middle_still_holds_it,
          open_points, close_points, &sharded },
#endif
        cmocka_unit_test(all_zero_is_an_open_rundown),
        cmocka_unit_test(a_release_too_many_panics_and_changes_nothing),
        cmocka_unit_test(more_than_the_limit_in_progress_panics),
        cmocka_unit_test(bad_shards_are_refused),
        cmocka_unit_test(any_number_of_shards_works),
        cmocka_unit_test(destroying_a_busy_one_changes_nothing),
        cmocka_unit_test(operations_may_end_on_other_threads_than_they_began),
        cmocka_unit_test(a_release_too_many_panics_when_it_is_closed),
    };
    return cmocka_run_group_tests_name("rundown", tests, NULL, NULL);
}
