/* tests/test_token.c - debug/token.c: a thread's tokens by address, their values, balances, and what a full table leaves. */
#include "os_support.h"

#include "../debug/sketch.h"
#include "../debug/token_private.h"
#include "debug_support.h"
#include "track_slot.h"

static const struct tracker powers_4 = { .name = "powers", .powers = 1, .words = NULL };

static struct watch *begin(struct fake_shape shape)
{
    return fake_watch(shape);
}

static void end(struct watch *w)
{
    token_forget(w);
    fake_watch_end(w);
}

static int64_t own(const struct watch *w, uint32_t token) { return w->tokens[token].own; }
static int64_t others(const struct watch *w, uint32_t token) { return w->tokens[token].others; }

static unsigned ready_tokens(const struct watch *w)
{
    unsigned n = 0;
    for (uint32_t i = 0; i < w->head->tokens; i++)
        n += w->tokens[i].state == DEBUG_READY;
    return n;
}

static void check_token(const struct watch *w, const struct thread_token *t, const struct watched_thread *of)
{
    const struct debug_token *entry = &w->tokens[t->index];
    assert_int_not_equal(t->index, 0);
    assert_int_equal(entry->state, DEBUG_READY);
    assert_int_equal(entry->holder, of->index);
    assert_int_equal(t->holder, of->index);
    assert_int_equal(t->site, entry->site);
    assert_true(t->who == ((uint64_t)os_pid() << 32 | (uint32_t)os_thread_id()));
    assert_true(t->power[0] == token_value(w->head->seed, t->index, entry->salt));
}

static void the_same_place_is_the_same_token(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ 0 });
    static const struct weir_site a = { "a.c", 1, "f" }, b = { "a.c", 2, "f" };
    static int here[2];
    struct watched_thread *t = watched_thread(w);
    struct thread_token first = *token_of_site(t, &a), second = *token_of_site(t, &b), alone = *token_of_site(t, NULL),
                        address = *token_of_address(t, &here[0]);
    check_token(w, &first, t);
    check_token(w, &second, t);
    check_token(w, &alone, t);
    check_token(w, &address, t);
    assert_true(first.index != second.index && first.index != alone.index && first.index != address.index && second.index != alone.index);
    assert_int_equal(alone.site, 0);
    assert_true(first.site && second.site && address.site && first.site != second.site && address.site != first.site);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(token_of_site(t, &a)->index, first.index);
        assert_int_equal(token_of_site(t, NULL)->index, alone.index);
        assert_int_equal(token_of_address(t, NULL)->index, alone.index);
        assert_int_equal(token_of_address(t, &here[0])->index, address.index);
    }
    assert_int_equal(ready_tokens(w), 4);
    end(w);
}

static void a_sketch_finds_its_powers_in_the_token_and_others_the_value_alone(void **state)
{
    (void)state;
    static const struct weir_site a = { "a.c", 1, "f" };
    for (unsigned k = 1; k <= 8; k++) {
        struct watch *w = begin((struct fake_shape){ 0 });
        w->tracker = &powers_4;
        w->head->parameter = k;
        const struct thread_token *t = token_of_site(watched_thread(w), &a);
        uint64_t value = token_value(w->head->seed, t->index, w->tokens[t->index].salt), power = 1;
        for (unsigned i = 0; i < DEBUG_POWERS; i++) {
            power = sketch_multiply(power, value);
            assert_true(t->power[i] == (i < 2 * k - 1 ? power : 0));
        }
        end(w);
    }
    struct watch *w = begin((struct fake_shape){ 0 });
    const struct thread_token *t = token_of_site(watched_thread(w), NULL);
    assert_true(t->power[0] != 0);
    assert_true(t->power[1] == 0);
    end(w);
}

static void thousands_of_places_are_each_found_again(void **state)
{
    (void)state;
    enum { PLACES = 3000 };
    struct watch *w = begin((struct fake_shape){ .tokens = 4096, .sites = 4096 });
    static struct weir_site site[PLACES];
    static uint32_t index[PLACES];
    struct watched_thread *t = watched_thread(w);
    for (int i = 0; i < PLACES; i++) {
        site[i] = (struct weir_site){ "a.c", 1 + i, "f" };
        index[i] = token_of_site(t, &site[i])->index;
    }
    for (int i = 0; i < PLACES; i++) {
        const struct thread_token *token = token_of_site(t, &site[i]);
        assert_int_equal(token->index, index[i]);
        assert_int_equal(w->sites[token->site].line, i + 1);
        check_token(w, token, t);
    }
    assert_int_equal(ready_tokens(w), PLACES + 1);
    end(w);
}

static void a_full_table_leaves_the_holders_own_token(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ .tokens = 4 });
    struct weir_site site[40];
    struct watched_thread *t = watched_thread(w);
    uint32_t alone = token_of_site(t, NULL)->index;
    for (int i = 0; i < 40; i++) {
        site[i] = (struct weir_site){ "a.c", 1 + i, "f" };
        const struct thread_token *token = token_of_site(t, &site[i]);
        assert_int_equal(token->index == alone, i >= 2);
        assert_int_equal(w->sites[token->site].line, i + 1);
        assert_true(token->power[0] == token_value(w->head->seed, token->index, w->tokens[token->index].salt));
    }
    assert_int_equal(w->head->numbers.unnamed, 38);
    end(w);
}

static void without_memory_for_a_bigger_table_tokens_are_still_right(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ 0 });
    struct weir_site site[40];
    struct watched_thread *t = watched_thread(w);
    for (int i = 0; i < 40; i++)
        site[i] = (struct weir_site){ "a.c", 1 + i, "f" };
    (void)token_of_site(t, &site[0]);
    os_fail_commit_after(0);
    for (int i = 0; i < 40; i++)
        assert_int_equal(w->sites[token_of_site(t, &site[i])->site].line, i + 1);
    os_fail_commit_after(-1);
    for (int i = 0; i < 40; i++) {
        const struct thread_token *token = token_of_site(t, &site[i]);
        assert_int_equal(w->sites[token->site].line, i + 1);
        check_token(w, token, t);
    }
    end(w);
}

/* -- balances ----------------------------------------------------------------------------------------------------------------------------- */

struct elsewhere {
    struct watch *watch;
    const struct weir_site *site;
    uint32_t token, foreign, holder;
    uint64_t value;
    int sign, times;
    bool leave;                 /* without giving back what it took */
};

static void *is_elsewhere(void *arg)
{
    struct elsewhere *e = arg;
    struct watched_thread *t = watched_thread(e->watch);
    const struct thread_token *token = token_of_site(t, e->site);
    e->token = token->index;
    e->value = token->power[0];
    e->holder = t->index;
    for (int i = 0; i < e->times; i++)
        token_count(t, e->foreign ? e->foreign : e->token, e->sign);
    track_slot_exit();
    return NULL;
}

static void elsewhere(struct elsewhere *e)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, is_elsewhere, e), 0);
    pthread_join(thread, NULL);
}

static void a_balance_is_its_threads_part_and_the_others(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ 0 });
    static const struct weir_site a = { "a.c", 1, "f" };
    struct watched_thread *t = watched_thread(w);
    uint32_t token = token_of_site(t, &a)->index;
    for (int i = 0; i < 5; i++)
        token_count(t, token, 1);
    token_count(t, token, -1);
    struct elsewhere e = { .watch = w, .site = &a, .foreign = token, .sign = -1, .times = 3 };
    elsewhere(&e);
    assert_int_not_equal(e.token, token);                   /* the same place, another holder */
    assert_int_equal(own(w, token), 4);
    assert_int_equal(others(w, token), -3);
    assert_int_equal(own(w, e.token), 0);
    token_count(t, w->head->tokens, 1);                     /* no token: nothing */
    token_count(t, UINT32_MAX, -1);
    for (uint32_t i = w->head->text_used; i < 64; i++)
        assert_int_equal(w->text[i], 0);                    /* it lies behind the tokens */
    end(w);
}

static void *drops_a_thousand(void *arg)
{
    struct elsewhere *e = arg;
    struct watched_thread *t = watched_thread(e->watch);
    for (int i = 0; i < 1000; i++)
        token_count(t, e->foreign, -1);
    track_slot_exit();
    return NULL;
}

static void no_drop_of_another_thread_is_lost(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ 0 });
    struct watched_thread *t = watched_thread(w);
    struct elsewhere e = { .watch = w, .foreign = token_of_site(t, NULL)->index };
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, drops_a_thousand, &e), 0);
    for (int i = 0; i < 4000; i++)
        token_count(t, e.foreign, 1);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(own(w, e.foreign), 4000);
    assert_int_equal(others(w, e.foreign), -4000);
    end(w);
}

static void what_nobody_takes_is_counted_as_unnamed(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ 0 });
    static int here;
    static const struct weir_site a = { "a.c", 1, "f" };
    track_slot_exit();
    track_slot_dying = true;
    struct watched_thread *t = watched_thread(w);
    assert_int_equal(t->index, 0);
    assert_ptr_equal(t->watch, w);
    assert_int_equal(token_of_site(t, NULL)->index, 0);
    assert_int_equal(token_of_site(t, &a)->index, 0);
    assert_int_equal(token_of_address(t, &here)->index, 0);
    assert_true(token_of_site(t, NULL)->power[0] == 0 && token_of_site(t, NULL)->who == 0);
    token_count(t, 0, 1);
    token_count(t, 0, 1);
    token_count(t, 0, -1);
    track_slot_dying = false;
    assert_int_equal(w->head->numbers.unnamed, 2);
    assert_int_equal(w->tokens[0].own, 0);
    assert_int_equal(ready_tokens(w), 0);
    end(w);
}

/* -- reuse --------------------------------------------------------------------------------------------------------------------------------- */

static void tokens_are_used_again_when_their_thread_is_gone_and_all_was_given_back(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ .tokens = 8 });        /* three threads with two each, and one place left */
    static const struct weir_site a = { "a.c", 1, "f" };
    struct elsewhere first = { .watch = w, .site = &a, .sign = 1, .times = 1 }, second = first, third = { .watch = w, .site = &a },
                     fourth = third;
    fake_life(w, 0, 1);                                     /* of which the first and the second keep one each */
    elsewhere(&first);                                      /* leaves with a reference */
    elsewhere(&third);                                      /* leaves with none */
    elsewhere(&second);
    uint32_t salt = w->tokens[third.token].salt;
    assert_int_equal(w->tokens[third.token].state, DEBUG_READY);
    elsewhere(&fourth);                                     /* finds one place, and needs two */
    assert_true(fourth.token != first.token && fourth.token != second.token && fourth.token != 0);
    assert_int_equal(w->tokens[first.token].state, DEBUG_READY);
    assert_int_equal(w->tokens[first.token].holder, first.holder);
    assert_int_equal(own(w, first.token), 1);
    assert_int_equal(w->holders[first.holder].state, DEBUG_EXITED);
    assert_int_equal(own(w, second.token), 1);
    /* Now what the first held is given back by somebody else. */
    token_count(watched_thread(w), first.token, -1);
    struct elsewhere many[6];
    bool again = false;
    for (int i = 0; i < 6; i++) {
        many[i] = third;
        elsewhere(&many[i]);
        assert_int_not_equal(many[i].token, second.token);
        assert_int_not_equal(many[i].token, 0);
        again = again || many[i].token == first.token;
        assert_true(many[i].value != first.value && many[i].value != third.value);
    }
    assert_true(again);
    assert_true(w->tokens[third.token].salt > salt);
    end(w);
}

/* -- stacks ---------------------------------------------------------------------------------------------------------------------------------- */

#if defined(__GLIBC__) || defined(_WIN32)
__attribute__((noinline)) static uint32_t takes(struct watched_thread *t, volatile int *after)
{
    uint32_t site = token_of_address(t, __builtin_return_address(0))->site;
    (*after)++;
    return site;
}
__attribute__((noinline)) static uint32_t by_one_way(struct watched_thread *t, volatile int *after)
{
    uint32_t site = takes(t, after);
    (*after)++;
    return site;
}
__attribute__((noinline)) static uint32_t by_another_way(struct watched_thread *t, volatile int *after)
{
    uint32_t site = by_one_way(t, after);
    (*after)++;
    return site;
}

static void with_stacks_the_way_there_makes_the_difference(void **state)
{
    (void)state;
    struct watch *w = begin((struct fake_shape){ .stacks = 8 });
    struct watched_thread *t = watched_thread(w);
    volatile int after = 0, rounds = 6;             /* not known to the compiler, which would unroll the loop into six places */
    uint32_t site[6], (*volatile way)(struct watched_thread *, volatile int *);
    for (int i = 0; i < rounds; i++) {
        way = i < 3 ? by_one_way : by_another_way;
        site[i] = way(t, &after);
    }
    assert_true(site[0] && site[0] == site[1] && site[1] == site[2]);
    assert_true(site[3] && site[3] == site[4] && site[4] == site[5]);
    assert_int_not_equal(site[0], site[3]);
    assert_int_equal(w->sites[site[0]].kind, SITE_STACK);
    assert_true((uint32_t)w->sites[site[3]].offset <= 8);
    assert_int_equal(w->frames[w->sites[site[0]].offset >> 32] & UINT64_C(0xffffffffffff),
                     w->frames[w->sites[site[3]].offset >> 32] & UINT64_C(0xffffffffffff));     /* both begin in by_one_way */
    end(w);
}
#endif

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(the_same_place_is_the_same_token),
        cmocka_unit_test(a_sketch_finds_its_powers_in_the_token_and_others_the_value_alone),
        cmocka_unit_test(thousands_of_places_are_each_found_again),
        cmocka_unit_test(a_full_table_leaves_the_holders_own_token),
        cmocka_unit_test(without_memory_for_a_bigger_table_tokens_are_still_right),
        cmocka_unit_test(a_balance_is_its_threads_part_and_the_others),
        cmocka_unit_test(no_drop_of_another_thread_is_lost),
        cmocka_unit_test(what_nobody_takes_is_counted_as_unnamed),
        cmocka_unit_test(tokens_are_used_again_when_their_thread_is_gone_and_all_was_given_back),
#if defined(__GLIBC__) || defined(_WIN32)
        cmocka_unit_test(with_stacks_the_way_there_makes_the_difference),
#endif
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
