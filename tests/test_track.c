/* tests/test_track.c - watched pools and domains, as a program sees them: what is followed counts as what is not, and who holds is known.
 *
 * Each case runs with every tracker, since they differ only in what they can name. What each of them names exactly is in test_trackers.c; here the whole way is
 * taken, from weir_op_get to weir_leaks.
 */
#include "support.h"
#include <weir/weir.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const trackers[] = { "track=xor", "track=sum", "track=sketch", "track=sketch(1)", "track=sketch(8)", "track=slots(4)", "track=releasers",
                                        "track=journal(8)", "track=sketch,journal=4", "guard", "guard,track=slots", "track=sketch,stacks",
                                        "track=sketch,sample=4", "journal=8" };
enum { TRACKERS = sizeof trackers / sizeof trackers[0], CAPACITY = 200 };

static struct weir_pool *pool_watched(const char *debug)
{
    struct weir_pool_config config = { .name = "watched", .capacity = CAPACITY, .buffer_size = 256, .user_size = 16, .debug = debug };
    return pool_from(&config);
}

static int count_leaks(struct weir_pool *pool)
{
    return weir_leaks(pool, 0, NULL, NULL);
}

static void for_each_tracker(void (*fn)(struct weir_pool *pool, const char *debug))
{
    int i;
    for (i = 0; i < TRACKERS; i++) {
        struct weir_pool *pool = pool_watched(trackers[i]);
        fn(pool, trackers[i]);
        assert_int_equal(count_leaks(pool), 0);
        close_quiet(pool);
    }
}

/* -- one thread ------------------------------------------------------------------------------------------------------------------------ */

static void get_and_put_each(struct weir_pool *pool, const char *debug)
{
    int round, i;
    (void)debug;
    for (round = 0; round < 50; round++) {
        struct weir_op *op[CAPACITY];
        for (i = 0; i < CAPACITY; i++) {
            op[i] = weir_op_get(pool);
            assert_non_null(op[i]);
            assert_int_equal(weir_op_refs(op[i]), 1);
            memset(weir_op_buffer(op[i]), i, 256);
        }
        assert_null(weir_op_get(pool));
        for (i = 0; i < CAPACITY; i++)
            weir_op_put(op[i]);
    }
}

static void all_ops_come_and_go(void **state)
{
    (void)state;
    for_each_tracker(get_and_put_each);
}

static void count_each(struct weir_pool *pool, const char *debug)
{
    struct weir_op *op[20];
    int i, j;
    (void)debug;
    for (i = 0; i < 20; i++) {
        op[i] = weir_op_get(pool);
        for (j = 0; j < i; j++)
            weir_op_ref(op[i]);
        assert_int_equal(weir_op_refs(op[i]), i + 1);
    }
    for (i = 0; i < 20; i++) {
        for (j = 0; j < i; j++)
            assert_false(weir_op_unref(op[i]));
        assert_int_equal(weir_op_refs(op[i]), 1);
        assert_true(weir_op_unref(op[i]));
    }
}

static void references_count_as_in_a_pool_that_is_not_watched(void **state)
{
    (void)state;
    for_each_tracker(count_each);
}

static void look_up_each(struct weir_pool *pool, const char *debug)
{
    int i;
    (void)debug;
    for (i = 0; i < 40; i++) {
        struct weir_op *op = weir_op_get(pool);
        uint64_t handle;
        weir_op_publish(op);
        handle = weir_op_handle(op);
        assert_ptr_equal(weir_op_ref_handle(pool, handle), op);
        assert_int_equal(weir_op_refs(op), 2);
        assert_true(weir_op_ref_unless_zero(op));
        assert_false(weir_op_unref(op));
        assert_false(weir_op_unref(op));
        assert_true(weir_op_unref(op));
        assert_null(weir_op_ref_handle(pool, handle));
        assert_false(weir_op_ref_unless_zero(op));
    }
}

static void a_look_up_finds_a_followed_op_until_it_is_given_back(void **state)
{
    (void)state;
    for_each_tracker(look_up_each);
}

static void submit_each(struct weir_pool *pool, const char *debug)
{
    int i;
    (void)debug;
    for (i = 0; i < 10; i++) {
        struct weir_op *op = weir_op_get(pool);
        weir_op_submitted(op);
        weir_op_ref(op);
        assert_false(weir_op_unref(op));
        weir_op_returned(op);
        weir_op_put(op);
    }
}

static void a_followed_op_can_be_submitted(void **state)
{
    (void)state;
    for_each_tracker(submit_each);
}

static void bulk_each(struct weir_pool *pool, const char *debug)
{
    struct weir_op *op[CAPACITY];
    int i;
    (void)debug;
    for (i = 0; i < 10; i++) {
        assert_int_equal(weir_op_get_bulk(pool, op, CAPACITY), CAPACITY);
        weir_op_put_bulk(op, CAPACITY);
        assert_int_equal(weir_op_get_bulk(pool, op, 32), 32);
        weir_op_put_bulk(op, 32);
    }
}

static void bulk_calls_are_followed_too(void **state)
{
    (void)state;
    for_each_tracker(bulk_each);
}

static void every_life_is_followed_unless_it_is_sampled(void **state)
{
    struct weir_pool *pool = pool_watched("track=sketch");
    struct weir_op *op[CAPACITY];
    int i;
    (void)state;
    assert_int_equal(weir_op_get_bulk(pool, op, 50), 50);
    for (i = 50; i < 150; i++)
        op[i] = weir_op_get(pool);
    for (i = 150; i < CAPACITY; i++)
        op[i] = weir_op_get_wait(pool, 0);
    assert_int_equal(count_leaks(pool), CAPACITY);
    weir_op_put_bulk(op, CAPACITY);
    close_quiet(pool);
}

static void one_life_in_a_hundred_is_followed_when_that_is_asked_for(void **state)
{
    struct weir_pool_config config = { .name = "sampled", .capacity = 20000, .buffer_size = 16, .debug = "track=sketch,sample=100" };
    struct weir_pool *pool = pool_from(&config);
    struct weir_op **op = calloc(20000, sizeof *op);
    int i, followed;
    (void)state;
    for (i = 0; i < 20000; i++)
        op[i] = weir_op_get(pool);
    followed = count_leaks(pool);
    if (followed < 150 || followed > 260)
        fail_msg("%d of 20,000 lives are followed", followed);
    for (i = 0; i < 20000; i++)
        weir_op_put(op[i]);
    assert_int_equal(count_leaks(pool), 0);
    free(op);
    close_quiet(pool);
}

/* -- who ------------------------------------------------------------------------------------------------------------------------------- */

struct seen {
    int leaks;
    uint32_t refs;
    enum weir_certainty certainty;
    unsigned holders;
    char name[64], file[64];
    int line, holder_refs;
    int64_t pid;
    const void *object;
};

static int see(const struct weir_leak *leak, void *arg)
{
    struct seen *s = arg;
    s->leaks++;
    s->refs = leak->refs;
    s->certainty = leak->certainty;
    s->holders = leak->holders;
    s->object = leak->object;
    if (leak->holders) {
        snprintf(s->name, sizeof s->name, "%s", leak->holder[0].name);
        snprintf(s->file, sizeof s->file, "%s", leak->holder[0].file);
        s->line = leak->holder[0].line;
        s->holder_refs = leak->holder[0].refs;
        s->pid = leak->holder[0].pid;
    }
    return 0;
}

static void a_plain_reference_names_its_thread(void **state)
{
    struct weir_pool *pool = pool_watched("track=sketch");
    struct weir_op *op;
    struct seen seen = { 0 };
    (void)state;
    assert_int_equal(weir_holder_name("worker-3"), 0);
    op = weir_op_get(pool);
    weir_op_ref(op);
    assert_int_equal(weir_leaks(pool, 0, see, &seen), 1);
    assert_int_equal(seen.refs, 2);
    assert_int_equal(seen.certainty, WEIR_CERTIFIED);
    assert_int_equal(seen.holders, 1);
    assert_int_equal(seen.holder_refs, 2);
    assert_string_equal(seen.name, "worker-3");
    assert_ptr_equal(seen.object, weir_op_buffer(op));
    (void)weir_op_unref(op);
    (void)weir_op_unref(op);
    close_quiet(pool);
}

static void a_hold_names_its_line(void **state)
{
    struct weir_pool *pool = pool_watched("track=sketch");
    struct weir_op *op = weir_op_get(pool);
    struct seen seen = { 0 };
    weir_hold hold;
    int line;
    (void)state;
    hold = weir_hold_take(op); line = __LINE__;
    assert_false(weir_op_unref(op));        /* the reference of the get: by the same thread, plain */
    assert_int_equal(weir_leaks(pool, 0, see, &seen), 1);
    assert_int_equal(seen.refs, 1);
    assert_int_equal(seen.certainty, WEIR_CERTIFIED);
    assert_int_equal(seen.line, line);
    assert_non_null(strstr(seen.file, "test_track.c"));
    assert_true(weir_hold_drop(op, hold));
    close_quiet(pool);
}

struct hand_over {
    struct weir_pool *pool;
    struct weir_op *op;
    weir_hold hold;
    struct weir_ref *ref;
};

static void *receive(void *arg)
{
    struct hand_over *h = arg;
    assert_int_equal(weir_holder_name("receiver"), 0);
    h->hold = weir_hold_move(h->op, h->hold);
    return NULL;
}

static void a_hold_that_is_moved_names_who_has_it_now(void **state)
{
    struct weir_pool *pool = pool_watched("track=slots");
    struct hand_over h = { .op = weir_op_get(pool) };
    struct seen seen = { 0 };
    pthread_t thread;
    (void)state;
    h.hold = weir_hold_take(h.op);
    assert_false(weir_op_unref(h.op));
    assert_int_equal(pthread_create(&thread, NULL, receive, &h), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(weir_leaks(pool, 0, see, &seen), 1);
    assert_int_equal(seen.certainty, WEIR_CERTIFIED);
    assert_string_equal(seen.name, "receiver");
    assert_true(weir_hold_drop(h.op, h.hold));
    close_quiet(pool);
}

static void *give_back(void *arg)
{
    struct hand_over *h = arg;
    if (h->op)
        (void)weir_op_unref(h->op);
    if (h->ref)
        (void)weir_ref_put(h->ref);
    return NULL;
}

static void who_gives_back_what_another_took_is_not_accused(void **state)
{
    struct weir_pool *pool = pool_watched("track=sketch");
    struct hand_over h = { .op = weir_op_get(pool) };
    struct seen seen = { 0 };
    pthread_t thread;
    (void)state;
    weir_op_ref(h.op);
    assert_int_equal(pthread_create(&thread, NULL, give_back, &h), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(weir_leaks(pool, 0, see, &seen), 1);
    assert_int_equal(seen.refs, 1);
    assert_int_not_equal(seen.certainty, WEIR_CERTIFIED);
    assert_true(weir_op_unref(h.op));
    assert_int_equal(count_leaks(pool), 0);
    close_quiet(pool);
}

/* -- domains --------------------------------------------------------------------------------------------------------------------------- */

static void a_domain_follows_counts_in_any_object(void **state)
{
    struct weir_domain *domain;
    struct connection { struct weir_ref ref; } c[10];
    struct seen seen = { 0 };
    int i;
    (void)state;
    assert_int_equal(weir_domain_create(&domain, "connections", 100, "track=sketch"), 0);
    for (i = 0; i < 10; i++) {
        weir_ref_init(&c[i].ref, domain, &c[i]);
        weir_ref_get(&c[i].ref);
        assert_int_equal(weir_ref_count(&c[i].ref), 2);
        assert_true(weir_ref_get_unless_zero(&c[i].ref));
        assert_false(weir_ref_put(&c[i].ref));
        assert_false(weir_ref_put(&c[i].ref));
    }
    assert_int_equal(weir_domain_leaks(domain, 0, NULL, NULL), 10);
    assert_int_equal(weir_domain_close(domain), -EBUSY);
    for (i = 1; i < 10; i++) {
        assert_true(weir_ref_put(&c[i].ref));
        assert_false(weir_ref_get_unless_zero(&c[i].ref));
    }
    assert_int_equal(weir_domain_leaks(domain, 0, see, &seen), 1);
    assert_ptr_equal(seen.object, &c[0]);
    assert_int_equal(seen.certainty, WEIR_CERTIFIED);
    assert_true(weir_ref_put(&c[0].ref));
    assert_int_equal(weir_domain_close(domain), 0);
}

static void a_domain_that_is_full_counts_on_without_following(void **state)
{
    struct weir_domain *domain;
    struct weir_ref ref[5];
    int i, round;
    (void)state;
    assert_int_equal(weir_domain_create(&domain, "few", 3, "track=slots"), 0);
    for (round = 0; round < 20; round++) {
        for (i = 0; i < 5; i++)
            weir_ref_init(&ref[i], domain, &ref[i]);
        assert_int_equal(weir_domain_leaks(domain, 0, NULL, NULL), 3);
        for (i = 0; i < 5; i++)
            assert_true(weir_ref_put(&ref[i]));
    }
    assert_int_equal(weir_domain_close(domain), 0);
}

/* -- threads --------------------------------------------------------------------------------------------------------------------------- */

enum { CROWD = 4, ROUNDS = 3000 };

struct crowd {
    struct weir_pool *pool;
    struct weir_op *shared;
    uint64_t handle;
    struct weir_ref ref;
};

static void *crowd_run(void *arg)
{
    struct crowd *c = arg;
    int i;
    for (i = 0; i < ROUNDS; i++) {
        struct weir_op *op = weir_op_get(c->pool), *found;
        weir_hold hold = weir_hold_take(c->shared);
        weir_op_ref(c->shared);
        weir_ref_get(&c->ref);
        found = weir_op_ref_handle(c->pool, c->handle);
        if (found)
            (void)weir_op_unref(found);
        (void)weir_op_unref(c->shared);
        (void)weir_hold_drop(c->shared, hold);
        (void)weir_ref_put(&c->ref);
        if (op) {
            weir_op_ref(op);
            (void)weir_op_unref(op);
            weir_op_put(op);
        }
    }
    return NULL;
}

static void threads_leave_what_they_found(void **state)
{
    static const char *const each[] = { "track=sketch", "track=slots(16)", "track=xor,journal=8", "track=releasers", "guard,track=sum", "track=sketch,sample=3" };
    size_t k;
    (void)state;
    for (k = 0; k < sizeof each / sizeof each[0]; k++) {
        struct crowd c = { .pool = pool_watched(each[k]) };
        struct weir_domain *domain;
        struct seen seen = { 0 };
        pthread_t thread[CROWD];
        int i;
        assert_int_equal(weir_domain_create(&domain, "counts", 10, each[k][0] == 'g' ? "track=sum" : each[k]), 0);
        weir_ref_init(&c.ref, domain, &c);
        c.shared = weir_op_get(c.pool);
        weir_op_publish(c.shared);
        c.handle = weir_op_handle(c.shared);
        for (i = 0; i < CROWD; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, crowd_run, &c), 0);
        for (i = 0; i < CROWD; i++)
            assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(weir_op_refs(c.shared), 1);
        assert_int_equal(weir_ref_count(&c.ref), 1);
        if (strcmp(each[k], "track=sketch") == 0 || strcmp(each[k], "track=slots(16)") == 0) {
            assert_int_equal(weir_leaks(c.pool, 0, see, &seen), 1);
            assert_int_equal(seen.certainty, WEIR_CERTIFIED);
            assert_int_equal(seen.holder_refs, 1);
        }
        assert_true(weir_op_unref(c.shared));
        assert_true(weir_ref_put(&c.ref));
        assert_int_equal(count_leaks(c.pool), 0);
        close_quiet(c.pool);
        assert_int_equal(weir_domain_close(domain), 0);
    }
}

static void *take_and_leave(void *arg)
{
    struct hand_over *h = arg;
    h->op = weir_op_get(h->pool);
    return NULL;
}

/* Balances of threads that hand on what they took are never 0 again: their entries are used again all the same. */
static void threads_that_hand_on_and_end_leave_room_for_others(void **state)
{
    struct weir_pool *pool = pool_watched("track=sketch");
    struct hand_over h = { .pool = pool };
    struct seen seen = { 0 };
    pthread_t thread;
    int i;
    (void)state;
    for (i = 0; i < 2500; i++) {
        assert_int_equal(pthread_create(&thread, NULL, take_and_leave, &h), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
        if (i < 2499)
            weir_op_put(h.op);
    }
    assert_int_equal(weir_leaks(pool, 0, see, &seen), 1);
    assert_int_equal(seen.certainty, WEIR_CERTIFIED);
    assert_int_equal(seen.holder_refs, 1);
    weir_op_put(h.op);
    close_quiet(pool);
}

/* One takes holds at one place, others drop them. No hold is dropped twice, so nobody is told that it was. */
enum { HOLDS = SCALED(100000, 5000), BOXES = 4, DROPPERS = 3 };

struct boxes {
    struct weir_op *op;
    _Atomic weir_hold box[BOXES];
    _Atomic bool over;
};

static void *drops(void *arg)
{
    struct boxes *b = arg;
    for (unsigned i = 0;; i++) {
        weir_hold hold = atomic_exchange(&b->box[i % BOXES], 0);
        if (hold)
            (void)weir_hold_drop(b->op, hold);
        else if (b->over && i % BOXES == 0)
            return NULL;
        else
            sched_yield();
    }
}

static void holds_that_others_drop_at_once_are_never_said_to_be_dropped_before(void **state)
{
    struct weir_pool *pool = pool_watched("track=sketch");
    struct boxes b = { .op = weir_op_get(pool) };
    pthread_t thread[DROPPERS];
    (void)state;
    for (int i = 0; i < DROPPERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, drops, &b), 0);
    for (unsigned i = 0; i < HOLDS; i++) {
        weir_hold none = 0, hold = weir_hold_take(b.op);
        while (!atomic_compare_exchange_strong(&b.box[i % BOXES], &none, hold)) {
            none = 0;
            sched_yield();
        }
    }
    b.over = true;
    for (int i = 0; i < DROPPERS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (unsigned i = 0; i < BOXES; i++)
        if (b.box[i])
            (void)weir_hold_drop(b.op, b.box[i]);
    assert_int_equal(weir_op_refs(b.op), 1);
    weir_op_put(b.op);
    close_quiet(pool);
}

struct lookers {
    struct weir_pool *pool;
    _Atomic uint64_t handle;
    _Atomic bool over;
    _Atomic unsigned found, wrong;
};

static void *look_on(void *arg)
{
    struct lookers *l = arg;
    while (!l->over) {
        uint64_t handle = l->handle;
        struct weir_op *op = weir_op_ref_handle(l->pool, handle);
        if (!op)
            continue;
        l->found++;
        l->wrong += weir_op_handle(op) != handle;
        (void)weir_op_unref(op);
    }
    return NULL;
}

/* The last reference of a published op goes while others look it up: with the handle that it had, nobody finds it again. */
static void look_ups_beside_the_last_reference_find_the_life_they_ask_for(void **state)
{
    static const char *const each[] = { "guard", "track=sketch", "guard,track=slots,sample=2" };
    size_t k;
    (void)state;
    for (k = 0; k < sizeof each / sizeof each[0]; k++) {
        struct lookers l = { .pool = pool_watched(each[k]) };
        pthread_t thread[3];
        int i;
        for (i = 0; i < 3; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, look_on, &l), 0);
        for (i = 0; i < 30000 || (!l.found && i < 3000000); i++) {
            struct weir_op *op = weir_op_get(l.pool);
            weir_op_publish(op);
            l.handle = weir_op_handle(op);
            (void)weir_op_unref(op);
        }
        l.over = true;
        for (i = 0; i < 3; i++)
            assert_int_equal(pthread_join(thread[i], NULL), 0);
        assert_int_equal(l.wrong, 0);
        assert_int_equal(count_leaks(l.pool), 0);
        close_quiet(l.pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ops_come_and_go),
        cmocka_unit_test(references_count_as_in_a_pool_that_is_not_watched),
        cmocka_unit_test(a_look_up_finds_a_followed_op_until_it_is_given_back),
        cmocka_unit_test(a_followed_op_can_be_submitted),
        cmocka_unit_test(bulk_calls_are_followed_too),
        cmocka_unit_test(every_life_is_followed_unless_it_is_sampled),
        cmocka_unit_test(one_life_in_a_hundred_is_followed_when_that_is_asked_for),
        cmocka_unit_test(a_plain_reference_names_its_thread),
        cmocka_unit_test(a_hold_names_its_line),
        cmocka_unit_test(a_hold_that_is_moved_names_who_has_it_now),
        cmocka_unit_test(who_gives_back_what_another_took_is_not_accused),
        cmocka_unit_test(a_domain_follows_counts_in_any_object),
        cmocka_unit_test(a_domain_that_is_full_counts_on_without_following),
        cmocka_unit_test(threads_leave_what_they_found),
        cmocka_unit_test(threads_that_hand_on_and_end_leave_room_for_others),
        cmocka_unit_test(holds_that_others_drop_at_once_are_never_said_to_be_dropped_before),
        cmocka_unit_test(look_ups_beside_the_last_reference_find_the_life_they_ask_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
