/* test_ref.c - references of ops and of other objects, publishing, and look-up by handle. */
#include "support.h"

#include <weir/inline/layout.h>
#include <weir/rundown.h>
#include <weir/track.h>

#ifdef WEIR_POINTS
#include "../stress/points.h"
#endif

static struct weir_pool *small_pool(uint32_t capacity)
{
    struct weir_pool_config config = { .name = "requests", .capacity = capacity, .user_size = 64 };
    return pool_from(&config);
}

/* Not inlined: compilers wonder what a longjmp might do to a get in the caller's frame. */
static __attribute__((noinline)) struct weir_op *take(struct weir_pool *pool)
{
    return weir_op_get(pool);
}

/* -- counting ---------------------------------------------------------------------------------------------------------------- */

static void get_gives_one_reference_and_unref_returns_the_op(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    assert_int_equal(weir_op_refs(op), 1);
    assert_true(weir_op_unref(op));
    assert_int_equal(weir_op_refs(op), 0);
    assert_ptr_equal(weir_op_get(pool), op);
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

static void only_the_last_unref_answers_true(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    for (int i = 0; i < 1000; i++)
        weir_op_ref(op);
    assert_int_equal(weir_op_refs(op), 1001);
    for (int i = 0; i < 1000; i++)
        assert_false(weir_op_unref(op));
    assert_null(weir_op_get(pool));
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

static void an_op_goes_back_by_put_once_the_other_references_are_gone(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    weir_op_ref(op);
    assert_panics(weir_op_put(op), "requests", "op 0", "2|references");
    assert_int_equal(weir_op_refs(op), 2);
    assert_false(weir_op_unref(op));
    weir_op_put(op);
    close_quiet(pool);
}

static void unref_of_null_does_nothing(void **state)
{
    (void)state;
    assert_false(weir_op_unref(NULL));
}

static void ref_of_a_free_op_panics_and_changes_nothing(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    weir_op_put(op);
    assert_panics(weir_op_ref(op), "op 0 of pool \"requests\"", "ref of a free op");
    assert_true(op->refs == 0);
    close_quiet(pool);
}

static void unref_of_a_free_op_panics_and_changes_nothing(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    assert_true(weir_op_unref(op));
    assert_panics((void)weir_op_unref(op), "op 0", "requests");
    close_quiet(pool);
}

static void two_unrefs_too_many_that_race_panic_and_change_nothing(void **state)
{
    (void)state;                                /* the second look comes after the first subtraction: odd case of unref */
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    weir_op_put(op);
    op->refs = (uint64_t)-1;                    /* as the subtraction leaves it */
    assert_panics((void)weir_op_unref_odd_1(op, 0), "op 0 of pool \"requests\"", "unref of a free op");
    assert_true(op->refs == 0);
    close_quiet(pool);
}

static void the_last_unref_of_a_submitted_op_panics_and_it_stays_held(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    weir_op_submitted(op);
    weir_op_ref(op);
    assert_false(weir_op_unref(op));            /* not the last: the kernel is nobody's business */
    assert_panics((void)weir_op_unref(op), "op 0 of pool \"requests\"", "submitted");
    assert_int_equal(weir_op_refs(op), 1);
    assert_null(weir_op_get(pool));
    weir_op_returned(op);
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

static void a_submitted_and_published_op_keeps_both_marks(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    weir_op_publish(op);
    weir_op_submitted(op);
    uint64_t handle = weir_op_handle(op);
    assert_ptr_equal(weir_op_ref_handle(pool, handle), op);
    assert_false(weir_op_unref(op));
    weir_op_returned(op);
    assert_ptr_equal(weir_op_ref_handle(pool, handle), op);
    assert_false(weir_op_unref(op));
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

/* -- saturation -------------------------------------------------------------------------------------------------------------- */

static void a_count_past_the_limit_saturates_panics_once_and_never_frees(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    op->refs = WEIR_REFS_MAX - 1;
    weir_op_ref(op);
    assert_int_equal(weir_op_refs(op), WEIR_REFS_MAX);
    assert_panics(weir_op_ref(op), "op 0 of pool \"requests\"", "2^30");
    weir_op_ref(op);                            /* reported once */
    uint64_t stuck = op->refs;
    for (int i = 0; i < 1000; i++) {
        assert_false(weir_op_unref(op));
        weir_op_ref(op);
        assert_false(weir_op_unref(op));
    }
    assert_true(op->refs == stuck);
    assert_int_equal(weir_pool_close(pool), -EBUSY);
    op->refs = 1;
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

static void of_two_that_find_the_count_full_at_once_one_panics(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    op->refs = WEIR_REFS_MAX + 2;               /* both have added, neither has looked */
    assert_panics(weir_op_ref_odd_1(op, WEIR_REFS_MAX + 1), "op 0 of pool \"requests\"", "2^30");
    weir_op_ref_odd_1(op, WEIR_REFS_MAX);
    assert_true(op->refs == (WEIR_REFS_MAX | WEIR_REFS_SATURATED));
    op->refs = 1;
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

static void a_look_up_saturates_as_well(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    op->refs = WEIR_REFS_MAX | WEIR_REFS_PUBLISHED;
    uint64_t handle = weir_op_handle(op);
    assert_panics((void)weir_op_ref_handle(pool, handle), "op 0 of pool \"requests\"", "2^30");
    assert_ptr_equal(weir_op_ref_handle(pool, handle), op);
    assert_false(weir_op_unref(op));
    op->refs = 1;
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

struct crossing {
    struct weir_op *op;
    _Atomic unsigned panics, freed;
};

static const char *cross_the_limit(void *arg)
{
    struct crossing *c = arg;
    for (int i = 0; i < SCALED(20000, 2000); i++) {
        struct catcher catcher;
        if (PANICKED(&catcher, weir_op_ref(c->op)))
            atomic_fetch_add(&c->panics, 1);
        else if (weir_op_unref(c->op))
            atomic_fetch_add(&c->freed, 1);
    }
    return NULL;
}

static void threads_that_cross_the_limit_together_panic_once(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct crossing c = { .op = take(pool) };
    struct thread thread[4];
    c.op->refs = WEIR_REFS_MAX - 1;
    for (int i = 0; i < 4; i++)
        thread_start(&thread[i], cross_the_limit, &c);
    for (int i = 0; i < 4; i++)
        thread_join(&thread[i]);
    struct catcher catcher;
    for (int i = 0; i < 3; i++)                 /* if they never met above, they do now */
        if (PANICKED(&catcher, weir_op_ref(c.op)))
            c.panics++;
    assert_int_equal(c.panics, 1);
    assert_int_equal(c.freed, 0);
    assert_true(c.op->refs & WEIR_REFS_SATURATED);
    assert_in_range(weir_op_refs(c.op), WEIR_REFS_MAX - 8, WEIR_REFS_MAX + 8);
    c.op->refs = 1;
    assert_true(weir_op_unref(c.op));
    close_quiet(pool);
}

/* -- publishing and look-up -------------------------------------------------------------------------------------------------- */

static void only_a_published_op_is_found_by_its_handle(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    uint64_t handle = weir_op_handle(op);
    assert_null(weir_op_ref_handle(pool, handle));
    assert_false(weir_op_ref_unless_zero(op));
    weir_op_publish(op);
    weir_op_publish(op);
    assert_int_equal(weir_op_refs(op), 1);
    assert_ptr_equal(weir_op_ref_handle(pool, handle), op);
    assert_true(weir_op_ref_unless_zero(op));
    assert_int_equal(weir_op_refs(op), 3);
    assert_panics(weir_op_put(op), "op 0", "requests");
    assert_false(weir_op_unref(op));
    assert_false(weir_op_unref(op));
    assert_panics(weir_op_put(op), "op 0", "requests", "publish");
    assert_true(weir_op_unref(op));
    assert_null(weir_op_ref_handle(pool, handle));
    assert_false(weir_op_ref_unless_zero(op));
    close_quiet(pool);
}

static void the_handle_of_an_earlier_life_finds_nothing(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    uint64_t handle[100];
    for (int i = 0; i < 100; i++) {
        struct weir_op *op = take(pool);
        weir_op_publish(op);
        handle[i] = weir_op_handle(op);
        for (int j = 0; j < i; j++) {
            assert_true(handle[j] != handle[i]);
            assert_null(weir_op_ref_handle(pool, handle[j]));
        }
        assert_ptr_equal(weir_op_ref_handle(pool, handle[i]), op);
        assert_false(weir_op_unref(op));
        assert_true(weir_op_unref(op));
        assert_null(weir_op_ref_handle(pool, handle[i]));
    }
    close_quiet(pool);
}

static void what_is_no_handle_of_this_pool_finds_nothing(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(3);
    struct weir_op *op = take(pool);
    weir_op_publish(op);
    uint64_t handle = weir_op_handle(op);
    assert_null(weir_op_ref_handle(pool, 0));
    assert_null(weir_op_ref_handle(pool, handle & ~UINT64_C(0xffffffff)));
    assert_null(weir_op_ref_handle(pool, handle + 3));
    assert_null(weir_op_ref_handle(pool, handle | UINT64_C(0xffffffff)));
    assert_null(weir_op_ref_handle(pool, UINT64_MAX));
    assert_null(weir_op_ref_handle(NULL, handle));
    assert_int_equal(weir_op_refs(op), 1);
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

static void publishing_keeps_references_that_are_there(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    weir_op_ref(op);
    weir_op_publish(op);
    assert_int_equal(weir_op_refs(op), 2);
    assert_ptr_equal(weir_op_ref_handle(pool, weir_op_handle(op)), op);
    assert_false(weir_op_unref(op));
    assert_false(weir_op_unref(op));
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

static void publishing_a_free_op_panics(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = take(pool);
    weir_op_put(op);
    assert_panics(weir_op_publish(op), "op 0 of pool \"requests\"", "publish");
    close_quiet(pool);
}

/* -- WEIR_AUTO_OP ------------------------------------------------------------------------------------------------------------ */

static struct weir_op *leave_a_scope(struct weir_pool *pool, bool keep)
{
    WEIR_AUTO_OP struct weir_op *op = weir_op_get(pool), *kept = op;
    if (!keep) {
        kept = NULL;
        return NULL;
    }
    op = NULL;
    struct weir_op *result = kept;
    kept = NULL;
    return result;
}

static void an_auto_op_goes_back_at_the_end_of_its_scope_unless_it_was_taken_out(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    assert_null(leave_a_scope(pool, false));
    assert_quiet(pool, 0);
    struct weir_op *op = leave_a_scope(pool, true);
    assert_quiet(pool, 1);
    {
        WEIR_AUTO_OP struct weir_op *none = weir_op_get(pool);
        assert_null(none);
    }
    {
        WEIR_AUTO_OP struct weir_op *shared = op;
        weir_op_ref(op);
        assert_int_equal(weir_op_refs(shared), 2);
    }
    assert_int_equal(weir_op_refs(op), 1);
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

/* -- races ------------------------------------------------------------------------------------------------------------------- */

/* Two threads hold each op and let go at the same time, in both orders of who looks first. Each writes its word of the user area
 * before, and the next owner finds both written. */
struct pair {
    struct weir_pool *pool;
    struct weir_op *_Atomic offered;
    _Atomic uint64_t last;
    int rounds;
};

static const char *second_holder(void *arg)
{
    struct pair *pair = arg;
    for (int i = 0; i < pair->rounds; i++) {
        struct weir_op *op;
        while (!(op = atomic_exchange(&pair->offered, NULL)))
            sched_yield();
        ((uint64_t *)weir_op_user(op))[1]++;
        if (weir_op_unref(op))
            atomic_fetch_add(&pair->last, 1);
    }
    return NULL;
}

static void two_holders_that_let_go_together_return_the_op_once(void **state)
{
    (void)state;
    struct pair pair = { .pool = small_pool(4), .rounds = SCALED(1000000, 100000) };
    struct thread other;
    uint64_t mine = 0, written = 0;
    thread_start(&other, second_holder, &pair);
    for (int i = 0; i < pair.rounds; i++) {
        struct weir_op *op = weir_op_get(pair.pool);
        while (!op) {
            sched_yield();
            op = weir_op_get(pair.pool);
        }
        uint64_t *user = weir_op_user(op);
        if (user[0] != user[1])
            fail_msg("op %u came back before both had let go", (unsigned)weir_op_index(op));
        weir_op_ref(op);
        atomic_store(&pair.offered, op);
        user[0]++;
        written++;
        while (i % 3 == 0 && atomic_load(&pair.offered))
            sched_yield();
        mine += weir_op_unref(op);
        while (atomic_load(&pair.offered))
            sched_yield();
    }
    thread_join(&other);
    assert_int_equal(mine + pair.last, written);
    close_quiet(pair.pool);
}

/* One holder writes and lets go; the other marks the op meanwhile, at times by a plain store over the count that the first has
 * left behind. What the first wrote must still be ordered before the next life (a sanitizer sees it if not). */
enum mark { MARK_SUBMITTED, MARK_RETURNED, MARK_PUBLISHED };

static void mark_beside_an_unref(enum mark mark)
{
    struct pair pair = { .pool = small_pool(1), .rounds = SCALED(100000, 20000) };
    struct thread other;
    uint64_t mine = 0;
    thread_start(&other, second_holder, &pair);
    for (int i = 0; i < pair.rounds; i++) {
        struct weir_op *op;
        while (!(op = weir_op_get(pair.pool)))
            sched_yield();
        assert_int_equal(((uint64_t *)weir_op_user(op))[1], i);
        weir_op_ref(op);
        if (mark == MARK_RETURNED)
            weir_op_submitted(op);
        atomic_store_explicit(&pair.offered, op, memory_order_release);
        while (i % 2 && weir_op_refs(op) > 1)   /* a look that orders nothing */
            sched_yield();
        if (mark == MARK_PUBLISHED)
            weir_op_publish(op);
        if (mark == MARK_SUBMITTED)
            weir_op_submitted(op);
        if (mark == MARK_SUBMITTED || mark == MARK_RETURNED)
            weir_op_returned(op);
        mine += weir_op_unref(op);
    }
    thread_join(&other);
    assert_int_equal(mine + pair.last, pair.rounds);
    close_quiet(pair.pool);
}

static void publishing_beside_an_unref_loses_nothing_of_it(void **state)
{
    (void)state;
    mark_beside_an_unref(MARK_PUBLISHED);
}

static void submitting_beside_an_unref_loses_nothing_of_it(void **state)
{
    (void)state;
    mark_beside_an_unref(MARK_SUBMITTED);
}

static void a_completion_beside_an_unref_loses_nothing_of_it(void **state)
{
    (void)state;
    mark_beside_an_unref(MARK_RETURNED);
}

/* Owners take, stamp, publish, show the handle and let go; seekers look handles up that are mostly stale. The stamp is the
 * handle: who holds an op must find its own handle in it until it lets go, be it by get or by look-up. */
enum { SHELVES = 4, OWNERS = 2, SEEKERS = 2 };
struct bureau {
    struct weir_pool *pool;
    _Atomic uint64_t shelf[SHELVES];
    _Atomic bool stop;
    _Atomic uint64_t found, missed, returned;
};

static const char *own_and_let_go(void *arg)
{
    struct bureau *b = arg;
    uint64_t returned = 0;
    for (int i = 0; i < SCALED(2000000, 150000); i++) {
        struct weir_op *op = weir_op_get(b->pool);
        if (!op) {
            sched_yield();                      /* seekers hold all of them */
            continue;
        }
        uint64_t handle = weir_op_handle(op), *stamp = weir_op_user(op);
        *stamp = handle;
        weir_op_publish(op);
        atomic_store_explicit(&b->shelf[i % SHELVES], handle, memory_order_release);
        if (i % 64 == 0)
            sched_yield();
        NEED(*stamp == handle);
        NEED(weir_op_handle(op) == handle);
        returned += weir_op_unref(op);
    }
    atomic_fetch_add(&b->returned, returned);
    return NULL;
}

static const char *seek(void *arg)
{
    struct bureau *b = arg;
    uint64_t found = 0, missed = 0, returned = 0;
    for (unsigned i = 0; !atomic_load_explicit(&b->stop, memory_order_relaxed); i++) {
        uint64_t handle = atomic_load_explicit(&b->shelf[i % SHELVES], memory_order_acquire);
        struct weir_op *op = weir_op_ref_handle(b->pool, handle);
        if (!op) {
            missed++;
            continue;
        }
        found++;
        NEED(*(uint64_t *)weir_op_user(op) == handle);
        NEED(weir_op_refs(op) > 0);
        if (i % 16 == 0)
            sched_yield();
        NEED(weir_op_handle(op) == handle);
        NEED(*(uint64_t *)weir_op_user(op) == handle);
        returned += weir_op_unref(op);
    }
    atomic_fetch_add(&b->found, found);
    atomic_fetch_add(&b->missed, missed);
    atomic_fetch_add(&b->returned, returned);
    return NULL;
}

static void unref_by_the_owner_against_look_up_never_shows_a_freed_op(void **state)
{
    (void)state;
    struct bureau b = { .pool = small_pool(3) };
    struct thread owner[OWNERS], seeker[SEEKERS];
    for (int i = 0; i < SEEKERS; i++)
        thread_start(&seeker[i], seek, &b);
    for (int i = 0; i < OWNERS; i++)
        thread_start(&owner[i], own_and_let_go, &b);
    for (int i = 0; i < OWNERS; i++)
        thread_join(&owner[i]);
    atomic_store(&b.stop, true);
    for (int i = 0; i < SEEKERS; i++)
        thread_join(&seeker[i]);
    assert_true(b.found > 0);
    assert_true(b.missed > 0);
    assert_true(b.returned <= stats_of(b.pool).puts);   /* and a look-up that came too late may have returned one, unseen */
    close_quiet(b.pool);
}

/* -- any object -------------------------------------------------------------------------------------------------------------- */

static void a_ref_counts_and_tells_the_last(void **state)
{
    (void)state;
    struct weir_ref ref = { { 0, 0 } };
    weir_ref_init(&ref, NULL, &ref);
    assert_int_equal(weir_ref_count(&ref), 1);
    weir_ref_get(&ref);
    assert_true(weir_ref_get_unless_zero(&ref));
    assert_int_equal(weir_ref_count(&ref), 3);
    assert_false(weir_ref_put(&ref));
    assert_false(weir_ref_put(&ref));
    assert_true(weir_ref_put(&ref));
    assert_false(weir_ref_get_unless_zero(&ref));
    assert_int_equal(weir_ref_count(&ref), 0);
}

static void a_ref_that_is_gone_panics_on_get_and_put(void **state)
{
    (void)state;
    struct weir_ref ref = { { 0, 0 } };
    char object[32] = "";
    weir_ref_init(&ref, NULL, object);
    assert_true(weir_ref_put(&ref));
    snprintf(object, sizeof object, "%p", (void *)object);
    assert_panics(weir_ref_get(&ref), object, "get after the last put", "at ", "next: ", "weir_ref_get_unless_zero");
    assert_panics((void)weir_ref_put(&ref), object, "put after the last put", "at ", "next: each put needs its own init or get");
    assert_int_equal(weir_ref_count(&ref), 0);
}

static void a_ref_past_the_limit_saturates_and_panics_once(void **state)
{
    (void)state;
    struct weir_ref ref = { { 0, 0 } };
    for (int by_look_up = 0; by_look_up < 2; by_look_up++) {
        weir_ref_init(&ref, NULL, &ref);
        ref.word[0] = WEIR_REFS_MAX - 1;
        assert_true(weir_ref_get_unless_zero(&ref));
        if (by_look_up)
            assert_panics((void)weir_ref_get_unless_zero(&ref), "2^30");
        else
            assert_panics(weir_ref_get(&ref), "2^30");
        weir_ref_get(&ref);
        assert_true(weir_ref_get_unless_zero(&ref));
        for (int i = 0; i < 100; i++)
            assert_false(weir_ref_put(&ref));
        assert_int_equal(weir_ref_count(&ref), WEIR_REFS_MAX);
    }
}

static void a_count_in_a_domain_that_is_not_watched_counts_like_any_other(void **state)
{
    (void)state;
    struct weir_ref ref;
    struct weir_domain *domain;
    assert_int_equal(weir_domain_create(&domain, "connections", 10, ""), 0);
    weir_ref_init(&ref, domain, &ref);
    weir_ref_get(&ref);
    assert_int_equal(weir_ref_count(&ref), 2);
    assert_false(weir_ref_put(&ref));
    assert_true(weir_ref_put(&ref));
    assert_int_equal(weir_domain_close(domain), 0);
}

static void a_domain_that_can_not_be_is_refused_with_the_reason(void **state)
{
    (void)state;
    struct weir_domain *domain = NULL;
    assert_int_equal(weir_domain_create(&domain, NULL, 10, NULL), -EINVAL);
    assert_int_equal(weir_domain_create(NULL, "connections", 10, NULL), -EINVAL);
    assert_int_equal(weir_domain_create(&domain, "two words", 10, NULL), -EINVAL);
    assert_non_null(strstr(weir_error_message(), "two words"));
    assert_int_equal(weir_domain_create(&domain, "connections", 0, NULL), -EINVAL);
    assert_int_equal(weir_domain_create(&domain, "connections", (1u << 26) + 1, NULL), -EINVAL);
    assert_non_null(strstr(weir_error_message(), "67108865"));
    assert_null(domain);
    assert_int_equal(weir_domain_close(NULL), -EINVAL);
}

struct session {
    struct weir_ref ref;
    _Atomic unsigned ended;
    unsigned written[4], total; /* plain: the last put must order them all */
};
struct sessions {
    struct session *_Atomic current;
    unsigned number;
};

static void end_session(struct session *s)
{
    s->total = s->written[0] + s->written[1] + s->written[2] + s->written[3];
    atomic_fetch_add(&s->ended, 1);
}

static const char *visit(void *arg)
{
    struct sessions *all = arg;
    unsigned me = all->number;
    for (struct session *s; (s = atomic_load_explicit(&all->current, memory_order_acquire));) {
        if (!weir_ref_get_unless_zero(&s->ref))
            continue;
        NEED(atomic_load(&s->ended) == 0);
        s->written[me]++;
        if (weir_ref_put(&s->ref))
            end_session(s);
    }
    return NULL;
}

static void get_unless_zero_against_the_last_put_ends_an_object_once(void **state)
{
    (void)state;
    enum { OBJECTS = SCALED(20000, 3000) };
    struct session *sessions = calloc(OBJECTS, sizeof *sessions);
    struct sessions visitor[3];
    struct thread thread[3];
    for (int i = 0; i < OBJECTS; i++)
        weir_ref_init(&sessions[i].ref, NULL, &sessions[i]);
    for (unsigned t = 0; t < 3; t++) {
        visitor[t] = (struct sessions){ .number = t };
        atomic_store(&visitor[t].current, &sessions[0]);
        thread_start(&thread[t], visit, &visitor[t]);
    }
    for (int i = 0; i < OBJECTS; i++) {
        struct session *next = i + 1 < OBJECTS ? &sessions[i + 1] : NULL;
        sessions[i].written[3]++;
        if (i % 8 == 0)
            sched_yield();
        if (weir_ref_put(&sessions[i].ref))
            end_session(&sessions[i]);
        for (int t = 0; t < 3; t++)
            atomic_store_explicit(&visitor[t].current, next, memory_order_release);
    }
    for (int t = 0; t < 3; t++)
        thread_join(&thread[t]);
    for (int i = 0; i < OBJECTS; i++) {
        struct session *s = &sessions[i];
        assert_int_equal(s->ended, 1);
        assert_int_equal(s->total, s->written[0] + s->written[1] + s->written[2] + s->written[3]);
    }
    free(sessions);
}

/* -- with labelled points: each interleaving on purpose ---------------------------------------------------------------------- */

#ifdef WEIR_POINTS
struct parked {
    struct points_seat seat;
    const char *label;
    struct weir_pool *pool;
    uint64_t handle;            /* 0: unref op */
    weir_hold hold;             /* 0: none; else drop it */
    struct weir_op *op, *found;
    bool last;
    struct thread thread;
};

static const char *call_and_park(void *arg)
{
    struct parked *p = arg;
    points_park(&p->seat, p->label, 1);
    if (p->handle)
        p->found = weir_op_ref_handle(p->pool, p->handle);
    else
        p->last = p->hold ? weir_hold_drop(p->op, p->hold) : weir_op_unref(p->op);
    points_leave(&p->seat);
    return NULL;
}

static void park(struct parked *p)
{
    thread_start(&p->thread, call_and_park, p);
    assert_int_equal(points_wait_parked(&p->seat), POINTS_PARKED);
}

static void go_on(struct parked *p)
{
    points_release(&p->seat);
    thread_join(&p->thread);
}

static struct weir_op *get_published(struct weir_pool *pool)
{
    struct weir_op *op = weir_op_get(pool);
    weir_op_publish(op);
    return op;
}

static void a_look_up_that_is_overtaken_by_a_whole_life_finds_nothing(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = get_published(pool);
    struct parked p = { .label = "look-up.seen", .pool = pool, .handle = weir_op_handle(op) };
    park(&p);
    assert_true(weir_op_unref(op));
    assert_ptr_equal(get_published(pool), op);  /* the same word, the next life */
    go_on(&p);
    assert_null(p.found);
    assert_int_equal(weir_op_refs(op), 1);
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

static void a_look_up_of_an_earlier_life_gives_back_the_later_one_if_it_is_the_last(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = get_published(pool);
    struct parked p = { .label = "look-up.seen", .pool = pool, .handle = weir_op_handle(op) };
    struct parked raised = { .label = "look-up.raised" };
    park(&p);
    assert_true(weir_op_unref(op));
    assert_ptr_equal(get_published(pool), op);
    raised.pool = pool;
    raised.handle = weir_op_handle(op);
    park(&raised);
    go_on(&p);                                  /* its raise and its unref */
    assert_null(p.found);
    assert_false(weir_op_unref(op));
    go_on(&raised);
    assert_ptr_equal(raised.found, op);
    assert_int_equal(weir_op_refs(op), 1);
    assert_true(weir_op_unref(op));
    close_quiet(pool);
}

static void of_two_that_both_saw_two_the_later_is_the_last(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = weir_op_get(pool);
    struct parked p = { .label = "unref.shared", .op = op };
    weir_op_ref(op);
    park(&p);
    assert_false(weir_op_unref(op));
    assert_null(weir_op_get(pool));
    go_on(&p);
    assert_true(p.last);
    close_quiet(pool);
}

static void a_look_up_between_the_last_unref_and_the_put_finds_nothing(void **state)
{
    (void)state;
    struct weir_pool *pool = small_pool(1);
    struct weir_op *op = get_published(pool);
    struct parked p = { .label = "unref.last", .op = op };
    park(&p);
    assert_null(weir_op_ref_handle(pool, weir_op_handle(op)));
    assert_false(weir_op_ref_unless_zero(op));
    go_on(&p);
    assert_true(p.last);
    close_quiet(pool);
}

#ifndef WEIR_WITHOUT_LAYER
/* The marks of a followed op are in its header, the count is elsewhere: what the first said may be over when the second is read. */
static void let_go_beside_the_end_of_an_operation(const char *label, bool by_hold)
{
    struct weir_pool_config config = { .name = "followed", .capacity = 1, .buffer_size = 64, .debug = "track=sum" };
    struct weir_pool *pool = pool_from(&config);
    struct weir_op *op = weir_op_get(pool);
    struct parked p = { .label = label, .op = op };
    if (by_hold)
        p.hold = weir_hold_take(op);
    else
        weir_op_ref(op);
    weir_op_submitted(op);
    park(&p);
    weir_op_returned(op);
    assert_false(weir_op_unref(op));
    go_on(&p);
    assert_true(p.last);
    close_quiet(pool);
}

static void an_unref_beside_the_end_of_a_followed_operation_is_no_early_one(void **state)
{
    (void)state;
    let_go_beside_the_end_of_an_operation("unref.tracked", false);
}

static void nor_is_a_drop(void **state)
{
    (void)state;
    let_go_beside_the_end_of_an_operation("hold.drop", true);
}
#endif

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
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(get_gives_one_reference_and_unref_returns_the_op),
        cmocka_unit_test(only_the_last_unref_answers_true),
        cmocka_unit_test(an_op_goes_back_by_put_once_the_other_references_are_gone),
        cmocka_unit_test(unref_of_null_does_nothing),
        cmocka_unit_test(ref_of_a_free_op_panics_and_changes_nothing),
        cmocka_unit_test(unref_of_a_free_op_panics_and_changes_nothing),
        cmocka_unit_test(two_unrefs_too_many_that_race_panic_and_change_nothing),
        cmocka_unit_test(the_last_unref_of_a_submitted_op_panics_and_it_stays_held),
        cmocka_unit_test(a_submitted_and_published_op_keeps_both_marks),
        cmocka_unit_test(a_count_past_the_limit_saturates_panics_once_and_never_frees),
        cmocka_unit_test(of_two_that_find_the_count_full_at_once_one_panics),
        cmocka_unit_test(a_look_up_saturates_as_well),
        cmocka_unit_test(threads_that_cross_the_limit_together_panic_once),
        cmocka_unit_test(only_a_published_op_is_found_by_its_handle),
        cmocka_unit_test(the_handle_of_an_earlier_life_finds_nothing),
        cmocka_unit_test(what_is_no_handle_of_this_pool_finds_nothing),
        cmocka_unit_test(publishing_keeps_references_that_are_there),
        cmocka_unit_test(publishing_a_free_op_panics),
        cmocka_unit_test(an_auto_op_goes_back_at_the_end_of_its_scope_unless_it_was_taken_out),
        cmocka_unit_test(two_holders_that_let_go_together_return_the_op_once),
        cmocka_unit_test(publishing_beside_an_unref_loses_nothing_of_it),
        cmocka_unit_test(submitting_beside_an_unref_loses_nothing_of_it),
        cmocka_unit_test(a_completion_beside_an_unref_loses_nothing_of_it),
        cmocka_unit_test(unref_by_the_owner_against_look_up_never_shows_a_freed_op),
        cmocka_unit_test(a_ref_counts_and_tells_the_last),
        cmocka_unit_test(a_ref_that_is_gone_panics_on_get_and_put),
        cmocka_unit_test(a_ref_past_the_limit_saturates_and_panics_once),
        cmocka_unit_test(a_count_in_a_domain_that_is_not_watched_counts_like_any_other),
        cmocka_unit_test(a_domain_that_can_not_be_is_refused_with_the_reason),
        cmocka_unit_test(get_unless_zero_against_the_last_put_ends_an_object_once),
#ifdef WEIR_POINTS
        cmocka_unit_test_setup_teardown(a_look_up_that_is_overtaken_by_a_whole_life_finds_nothing, open_points, close_points),
        cmocka_unit_test_setup_teardown(a_look_up_of_an_earlier_life_gives_back_the_later_one_if_it_is_the_last,
                                        open_points, close_points),
        cmocka_unit_test_setup_teardown(of_two_that_both_saw_two_the_later_is_the_last, open_points, close_points),
        cmocka_unit_test_setup_teardown(a_look_up_between_the_last_unref_and_the_put_finds_nothing, open_points, close_points),
#ifndef WEIR_WITHOUT_LAYER
        cmocka_unit_test_setup_teardown(an_unref_beside_the_end_of_a_followed_operation_is_no_early_one, open_points, close_points),
        cmocka_unit_test_setup_teardown(nor_is_a_drop, open_points, close_points),
#endif
#endif
    };
    return cmocka_run_group_tests_name("ref", tests, NULL, NULL);
}
