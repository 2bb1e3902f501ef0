/* tests/test_op_misuse.c - what is a caller's bug reaches the panic hook: double put, put with references left, put of a published
 * or submitted op, a pointer that is no op, submitted twice. The message says which op and of which pool, and after a longjmp
 * out of the hook the call has changed nothing: the equation holds and the pool works on.
 */
#include "support.h"

#ifdef __linux__
#include "child.h"
#endif

enum { CAPACITY = 5000, VICTIM = 4711 };

/* A pool of which one op is held: the one that messages must name. */
struct scene {
    struct weir_pool *pool;
    struct weir_op *op;
};

static struct scene scene_make(void)
{
    struct weir_pool_config config = { .name = "misused", .capacity = CAPACITY, .buffer_size = 256 };
    struct scene s = { pool_from(&config), NULL };
    struct weir_op **ops = take_all(s.pool, CAPACITY);
    for (int i = 0; i < CAPACITY; i++)
        if (weir_op_index(ops[i]) == VICTIM)
            s.op = ops[i];
        else
            weir_op_put(ops[i]);
    free(ops);
    assert_non_null(s.op);
    return s;
}

/* The victim's put works exactly once more, and nothing is missing or there twice. */
static void scene_end(struct scene *s)
{
    assert_quiet(s->pool, 1);
    weir_op_put(s->op);
    take_and_put_all(s->pool, CAPACITY);
    close_quiet(s->pool);
}

#define THE_OP "4711", "misused"

static void a_double_put_panics(void **state)
{
    struct scene s = scene_make();
    (void)state;
    weir_op_put(s.op);
    assert_panics(weir_op_put(s.op), THE_OP, "free|given back|put twice|double");
    assert_panics(weir_op_put_to(weir_cache_get(s.pool), s.op), THE_OP);
    assert_panics(weir_op_put_bulk(&s.op, 1), THE_OP);
    assert_panics((void)weir_op_unref(s.op), THE_OP);
    assert_quiet(s.pool, 0);
    take_and_put_all(s.pool, CAPACITY);
    close_quiet(s.pool);
}

static void the_second_of_the_same_op_in_a_bulk_panics(void **state)
{
    struct scene s = scene_make();
    struct weir_op *twice[2] = { s.op, s.op };
    (void)state;
    assert_panics(weir_op_put_bulk(twice, 2), THE_OP);
    assert_quiet(s.pool, weir_op_refs(s.op));
    if (weir_op_refs(s.op) == 1)
        weir_op_put(s.op);
    take_and_put_all(s.pool, CAPACITY);
    close_quiet(s.pool);
}

static const char *puts_an_op_that_is_back(void *arg)
{
    struct scene *s = arg;
    struct catcher catcher;
    NEED(PANICKED(&catcher, weir_op_put(s->op)));
    NEED(text_says(catcher.text, "4711") && text_says(catcher.text, "misused"));
    for (int i = 0; i < 1000; i++)
        weir_op_put(weir_op_get(s->pool));
    NEED(PANICKED(&catcher, weir_op_put(s->op)) || weir_op_refs(s->op));
    return NULL;
}

static void a_double_put_by_another_thread_panics_there(void **state)
{
    struct scene s = scene_make();
    (void)state;
    weir_op_put(s.op);
    on_another_thread(puts_an_op_that_is_back, &s);
    take_and_put_all(s.pool, CAPACITY);
    close_quiet(s.pool);
}

static void a_put_with_references_left_panics(void **state)
{
    struct scene s = scene_make();
    (void)state;
    weir_op_ref(s.op);
    assert_panics(weir_op_put(s.op), THE_OP, "reference");
    assert_panics(weir_op_put_to(weir_cache_get(s.pool), s.op), THE_OP, "reference");
    assert_panics(weir_op_put_bulk(&s.op, 1), THE_OP, "reference");
    assert_int_equal(weir_op_refs(s.op), 2);
    assert_false(weir_op_unref(s.op));
    scene_end(&s);
}

static void a_put_of_a_published_op_panics(void **state)
{
    struct scene s = scene_make();
    (void)state;
    weir_op_publish(s.op);
    assert_panics(weir_op_put(s.op), THE_OP, "published");
    assert_quiet(s.pool, 1);
    assert_true(weir_op_unref(s.op));
    assert_quiet(s.pool, 0);
    take_and_put_all(s.pool, CAPACITY);
    close_quiet(s.pool);
}

static void giving_back_a_submitted_op_panics(void **state)
{
    struct scene s = scene_make();
    (void)state;
    weir_op_submitted(s.op);
    assert_panics(weir_op_put(s.op), THE_OP, "submitted|kernel|flight");
    assert_panics(weir_op_put_to(weir_cache_get(s.pool), s.op), THE_OP, "submitted|kernel|flight");
    assert_panics(weir_op_put_bulk(&s.op, 1), THE_OP, "submitted|kernel|flight");
    assert_panics((void)weir_op_unref(s.op), THE_OP, "submitted|kernel|flight");
    assert_panics(weir_op_submitted(s.op), THE_OP, "submitted|kernel|flight");
    weir_op_returned(s.op);
    scene_end(&s);
}

static void a_return_without_a_submit_panics(void **state)
{
    struct scene s = scene_make();
    (void)state;
    assert_panics(weir_op_returned(s.op), THE_OP);
    weir_op_submitted(s.op);
    weir_op_returned(s.op);
    assert_panics(weir_op_returned(s.op), THE_OP);
    scene_end(&s);
}

static void submitting_an_op_that_is_not_held_panics(void **state)
{
    struct scene s = scene_make();
    (void)state;
    weir_op_put(s.op);
    assert_panics(weir_op_submitted(s.op), THE_OP);
    assert_panics(weir_op_returned(s.op), THE_OP);
    assert_panics(weir_op_ref(s.op), THE_OP);
    assert_panics(weir_op_publish(s.op), THE_OP);
    take_and_put_all(s.pool, CAPACITY);
    close_quiet(s.pool);
}

static void a_misused_op_of_a_submitted_state_with_references_keeps_both(void **state)
{
    struct scene s = scene_make();
    (void)state;
    weir_op_ref(s.op);
    weir_op_submitted(s.op);
    assert_false(weir_op_unref(s.op));              /* not the last: allowed while it is in flight */
    assert_panics((void)weir_op_unref(s.op), THE_OP, "submitted|kernel|flight");
    weir_op_returned(s.op);
    scene_end(&s);
}

/* -- pointers that are no op ------------------------------------------------------------------------------------------------ */

/* The hexadecimal digits of a pointer, as any %p or %llx would print them. */
static void foreign_put_panics(void *pointer)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%llx", (unsigned long long)(uintptr_t)pointer);
    assert_panics(weir_op_put(pointer), digits, "not an op|no op|foreign|of any pool");
}

static uint64_t foreign[64] __attribute__((aligned(64)));

/* A foreign op's words: whatever lies where the count and the pool would be. */
static void foreign_words(uint64_t *at, uint64_t refs, uint64_t pool)
{
    memset(at, 0, 256);
    at[4] = refs;
    at[6] = pool;
}

static void a_put_of_memory_on_the_stack_or_the_heap_panics(void **state)
{
    uint64_t stack[64] __attribute__((aligned(64)));
    uint64_t *heap = malloc(512);
    struct scene s = scene_make();
    (void)state;
    for (int i = 0; i < 4; i++) {
        static const int fill[] = { 0, 0xff, 0x01, 0x5a };
        memset(stack, fill[i], sizeof stack);
        memset(heap, fill[i], 512);
        memset(foreign, fill[i], sizeof foreign);
        foreign_put_panics(stack);
        foreign_put_panics(heap);
        foreign_put_panics(foreign);
    }
    free(heap);
    scene_end(&s);
}

static void a_put_of_the_middle_of_a_buffer_or_a_header_panics(void **state)
{
    struct scene s = scene_make();
    char *buffer = weir_op_buffer(s.op);
    (void)state;
    memset(buffer, 0, 256);
    foreign_put_panics(buffer);
    foreign_put_panics(buffer + 64);
    memset(buffer, 0xff, 256);
    foreign_put_panics(buffer + 8);
    foreign_put_panics((char *)s.op + 64);
    scene_end(&s);
}

/* The worst foreign memory: where the count would be lies a 1, as in an op that is held once. */
static const char *puts_what_looks_held(void *arg)
{
    const uint64_t pools[] = { 0, (uint64_t)(uintptr_t)foreign, 0x10000, UINT64_C(0xdeadbeefdeadbec0), UINT64_MAX };
    struct catcher catcher;
    (void)arg;
    for (volatile size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        foreign_words(foreign, 1, pools[i]);
        NEED(PANICKED(&catcher, weir_op_put((void *)foreign)));
        NEED(text_says(catcher.text, "not an op|no op|foreign|of any pool"));
    }
    return NULL;
}

static void a_put_of_memory_that_looks_like_a_held_op_panics(void **state)
{
    struct scene s = scene_make();
    (void)state;
    on_another_thread(puts_what_looks_held, NULL);      /* a thread without a cache */
    assert_right(puts_what_looks_held(NULL));
    scene_end(&s);
}

#ifdef __linux__
/* What a fast put can't see is seen when its magazine leaves the cache. The pools stay broken: so in a child. */
static const char *puts_into_the_wrong_cache(void *arg)
{
    struct weir_pool *right = pool_of(100, 0, 0), *wrong = pool_of(100, 0, 0);
    struct weir_op *op = take_one(right);
    struct catcher catcher;
    (void)arg;
    weir_op_put(take_one(wrong));
    NEED(PANICKED(&catcher, (weir_op_put_to(weir_cache_get(wrong), op), weir_thread_flush(wrong))));
    return NULL;
}

/* The panic changed nothing: the wrong op is still where it was put, and can be taken out and given back rightly. */
static const char *repairs_the_wrong_cache(void *arg)
{
    struct weir_pool *right = pool_of(100, 0, 0), *wrong = pool_of(100, 0, 0);
    struct weir_op *op = take_one(right), *got;
    struct catcher catcher;
    const char *bad;
    (void)arg;
    weir_op_put(take_one(wrong));
    NEED(PANICKED(&catcher, (weir_op_put_to(weir_cache_get(wrong), op), weir_thread_flush(wrong))));
    NEED((got = weir_op_get_from(weir_cache_get(wrong))) == op);
    weir_op_put(op);
    if ((bad = quiet_with(right, 0)) || (bad = quiet_with(wrong, 0)))
        return bad;
    return NULL;
}

/* A put whose flush finds another pool's op has put nothing itself. */
static const char *puts_until_the_magazine_leaves(void *arg)
{
    struct weir_pool *right = pool_of(100, 0, 0), *wrong = pool_of(1000, 100, 0);
    struct weir_op *foreigner = take_one(right), *op[600];
    struct catcher catcher;
    volatile int n = 0;
    (void)arg;
    for (int i = 0; i < 600; i++)
        op[i] = take_one(wrong);
    weir_op_put_to(weir_cache_get(wrong), foreigner);
    while (n < 600 && !PANICKED(&catcher, weir_op_put(op[n])))
        n++;
    NEED(n < 600);
    NEED(weir_op_refs(op[n]) == 1);
    NEED(stats_of(wrong).live == (uint64_t)(600 - n) - 1);      /* the foreigner counts as one that came back */
    return NULL;
}

static const char *puts_a_copy_of_an_op(void *arg)
{
    struct weir_pool *pool = pool_of(100, 0, 0);
    struct weir_op *op = take_one(pool);
    struct catcher catcher;
    (void)arg;
    memcpy(foreign, op, WEIR_OP_HEADER);
    NEED(PANICKED(&catcher, (weir_op_put((void *)foreign), weir_thread_flush(pool))));
    return NULL;
}

static void an_op_of_another_pool_is_found_when_its_magazine_leaves_the_cache(void **state)
{
    (void)state;
    in_a_child(puts_into_the_wrong_cache, NULL);
}

static void an_op_of_another_pool_that_was_found_can_be_taken_out_again(void **state)
{
    (void)state;
    in_a_child(repairs_the_wrong_cache, NULL);
}

static void a_put_that_finds_an_op_of_another_pool_has_changed_nothing(void **state)
{
    (void)state;
    in_a_child(puts_until_the_magazine_leaves, NULL);
}

static void a_copy_of_an_op_is_found_when_its_magazine_leaves_the_cache(void **state)
{
    (void)state;
    in_a_child(puts_a_copy_of_an_op, NULL);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_double_put_panics),
        cmocka_unit_test(the_second_of_the_same_op_in_a_bulk_panics),
        cmocka_unit_test(a_double_put_by_another_thread_panics_there),
        cmocka_unit_test(a_put_with_references_left_panics),
        cmocka_unit_test(a_put_of_a_published_op_panics),
        cmocka_unit_test(giving_back_a_submitted_op_panics),
        cmocka_unit_test(a_return_without_a_submit_panics),
        cmocka_unit_test(submitting_an_op_that_is_not_held_panics),
        cmocka_unit_test(a_misused_op_of_a_submitted_state_with_references_keeps_both),
        cmocka_unit_test(a_put_of_memory_on_the_stack_or_the_heap_panics),
        cmocka_unit_test(a_put_of_the_middle_of_a_buffer_or_a_header_panics),
        cmocka_unit_test(a_put_of_memory_that_looks_like_a_held_op_panics),
#ifdef __linux__
        cmocka_unit_test(an_op_of_another_pool_is_found_when_its_magazine_leaves_the_cache),
        cmocka_unit_test(an_op_of_another_pool_that_was_found_can_be_taken_out_again),
        cmocka_unit_test(a_put_that_finds_an_op_of_another_pool_has_changed_nothing),
        cmocka_unit_test(a_copy_of_an_op_is_found_when_its_magazine_leaves_the_cache),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
