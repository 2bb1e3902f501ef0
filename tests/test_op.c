/* tests/test_op.c - one op and what it carries: get and put, the OVERLAPPED, buffer, user area, index, handle, the ways back
 * from an address, bulk. Misuse is in test_op_misuse.c.
 */
#include "support.h"

#include "os/os.h"

/* A value for each byte of an op's areas that tells ops and areas apart. */
static unsigned char stamp_of(uint32_t index, unsigned area, size_t at)
{
    uint64_t x = ((uint64_t)index << 34) + ((uint64_t)area << 32) + at + 1;
    x *= UINT64_C(0x9e3779b97f4a7c15);
    return (unsigned char)(x >> 56);
}

static void stamp(void *where, size_t bytes, uint32_t index, unsigned area)
{
    for (size_t i = 0; i < bytes; i++)
        ((unsigned char *)where)[i] = stamp_of(index, area, i);
}

static bool stamped(const void *where, size_t bytes, uint32_t index, unsigned area)
{
    for (size_t i = 0; i < bytes; i++)
        if (((const unsigned char *)where)[i] != stamp_of(index, area, i))
            return false;
    return true;
}

/* Every byte of every area is written, then every byte is read: areas that touch each other show. */
static void areas_are_aligned_and_distinct(size_t buffer_size, size_t buffer_align, size_t user_size)
{
    enum { CAPACITY = 300 };
    struct weir_pool_config config = {
        .capacity = CAPACITY, .buffer_size = buffer_size, .buffer_align = buffer_align, .user_size = user_size };
    struct weir_pool *pool = pool_from(&config);
    struct weir_op **ops = take_all(pool, CAPACITY);
    size_t align = buffer_align ? buffer_align : 64;
    for (int i = 0; i < CAPACITY; i++) {
        struct weir_op *op = ops[i];
        uint32_t index = weir_op_index(op);
        assert_int_equal((uintptr_t)weir_op_overlapped(op) % 64, 0);
        assert_int_equal(weir_op_buffer_size(op), buffer_size);
        assert_int_equal(!weir_op_buffer(op), !buffer_size);
        assert_int_equal(!weir_op_user(op), !user_size);
        assert_int_equal((uintptr_t)weir_op_buffer(op) % align, 0);
        assert_int_equal((uintptr_t)weir_op_user(op) % 64, 0);
        stamp(weir_op_overlapped(op), 32, index, 0);
        stamp(weir_op_user(op), user_size, index, 1);
        stamp(weir_op_buffer(op), buffer_size, index, 2);
    }
    for (int i = 0; i < CAPACITY; i++) {
        struct weir_op *op = ops[i];
        uint32_t index = weir_op_index(op);
        assert_true(stamped(weir_op_overlapped(op), 32, index, 0));
        assert_true(stamped(weir_op_user(op), user_size, index, 1));
        assert_true(stamped(weir_op_buffer(op), buffer_size, index, 2));
        assert_ptr_equal(weir_op_pool(op), pool);
        assert_ptr_equal(weir_op_at(pool, index), op);
    }
    put_all(ops, CAPACITY);
    free(ops);
    close_quiet(pool);
}

static void buffers_and_user_areas_are_aligned_and_distinct(void **state)
{
    static const size_t sizes[] = { 0, 1, 63, 64, 100, 512, 4096, 5000 };
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        for (size_t align = 0; align <= os_page_size(); align = align ? align * 4 : 1)
            areas_are_aligned_and_distinct(sizes[i], align, i % 3 * 50);
    areas_are_aligned_and_distinct(4096, os_page_size(), 1);
    areas_are_aligned_and_distinct(0, 0, 65536);
}

static void the_overlapped_of_a_new_op_is_zero_and_the_rest_as_it_was_left(void **state)
{
    static const unsigned char zero[32];
    struct weir_pool_config config = { .capacity = 1, .buffer_size = 256, .user_size = 16 };
    struct weir_pool *pool = pool_from(&config);
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct weir_op *op = i % 2 ? weir_op_get(pool) : weir_op_get_wait(pool, -1);
        assert_memory_equal(weir_op_overlapped(op), zero, 32);
        if (i > 0) {
            assert_true(stamped(weir_op_buffer(op), 256, (uint32_t)i - 1, 2));
            assert_true(stamped(weir_op_user(op), 16, (uint32_t)i - 1, 1));
        }
        memset(weir_op_overlapped(op), 0xff, 32);
        stamp(weir_op_buffer(op), 256, (uint32_t)i, 2);
        stamp(weir_op_user(op), 16, (uint32_t)i, 1);
        weir_op_put(op);
    }
    close_quiet(pool);
}

static void the_overlapped_of_bulk_ops_is_zero_too(void **state)
{
    static const unsigned char zero[32];
    struct weir_pool *pool = pool_of(100, 0, 0);
    struct weir_op *ops[100];
    (void)state;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(weir_op_get_bulk(pool, ops, 100), 100);
        for (int i = 0; i < 100; i++) {
            assert_memory_equal(weir_op_overlapped(ops[i]), zero, 32);
            memset(weir_op_overlapped(ops[i]), 0xff, 32);
        }
        weir_op_put_bulk(ops, 100);
    }
    close_quiet(pool);
}

static void prepare_zeroes_the_overlapped_and_sets_the_offset(void **state)
{
    struct weir_pool *pool = pool_of(10, 0, 0);
    struct weir_op *op = weir_op_get(pool);
    uint64_t word[4];
    (void)state;
    memset(weir_op_overlapped(op), 0xff, 32);
    weir_op_prepare(op, UINT64_C(0x123456789abcdef0));
    memcpy(word, weir_op_overlapped(op), 32);
    assert_int_equal(word[0], 0);
    assert_int_equal(word[1], 0);
    assert_int_equal(word[2], UINT64_C(0x123456789abcdef0));
    assert_int_equal(word[3], 0);
    weir_op_put(op);
    close_quiet(pool);
}

static void indexes_run_from_0_to_capacity_minus_1_and_stay(void **state)
{
    struct weir_pool *pool = pool_of(1000, 0, 100);
    struct weir_op **ops, *at[1000];
    void *buffer[1000];
    (void)state;
    for (int round = 0; round < 3; round++) {
        ops = take_all(pool, 1000);             /* finds them distinct and below the capacity */
        for (int i = 0; i < 1000; i++) {
            uint32_t index = weir_op_index(ops[i]);
            if (round > 0) {
                assert_ptr_equal(at[index], ops[i]);
                assert_ptr_equal(buffer[index], weir_op_buffer(ops[i]));
            }
            at[index] = ops[i];
            buffer[index] = weir_op_buffer(ops[i]);
        }
        put_all(ops, 1000);
        free(ops);
        for (uint32_t i = 0; i < 1000; i++)
            assert_ptr_equal(weir_op_at(pool, i), at[i]);
    }
    assert_null(weir_op_at(pool, 1000));
    assert_null(weir_op_at(pool, UINT32_MAX));
    close_quiet(pool);
}

static void at_answers_null_for_an_op_that_was_never_used(void **state)
{
    struct weir_pool *pool = pool_of(1u << 20, 0, 4096);
    (void)state;
    assert_null(weir_op_at(pool, (1u << 20) - 1));
    weir_op_put(weir_op_get(pool));
    assert_null(weir_op_at(pool, (1u << 20) - 1));
    close_quiet(pool);
}

static void a_handle_is_never_0_and_changes_whenever_the_op_goes_back(void **state)
{
    struct weir_pool *pool = pool_of(8, 0, 0);
    uint64_t seen[8][50];
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct weir_op **ops = take_all(pool, 8);
        for (int i = 0; i < 8; i++) {
            uint32_t index = weir_op_index(ops[i]);
            uint64_t handle = weir_op_handle(ops[i]);
            assert_int_not_equal(handle, 0);
            assert_int_equal(handle, weir_op_handle(ops[i]));
            for (int k = 0; k < i; k++)
                assert_int_not_equal(handle, weir_op_handle(ops[k]));
            for (int k = 0; k < round; k++)
                assert_int_not_equal(handle, seen[index][k]);
            seen[index][round] = handle;
        }
        put_all(ops, 8);
        free(ops);
    }
    close_quiet(pool);
}

static void every_address_of_a_buffer_leads_to_its_op_and_no_other(void **state)
{
    struct weir_pool *pool = pool_of(100, 0, 1000), *other = pool_of(100, 0, 1000), *bare = pool_of(100, 0, 0);
    struct weir_op **ops = take_all(pool, 100);
    char *lowest = (char *)UINTPTR_MAX, *highest = NULL, local, *heap = malloc(1000);
    (void)state;
    for (int i = 0; i < 100; i++) {
        char *buffer = weir_op_buffer(ops[i]);
        for (int k = 0; k < 1000; k++)
            assert_ptr_equal(weir_op_from_buffer(pool, buffer + k), ops[i]);
        assert_null(weir_op_from_buffer(other, buffer));
        assert_null(weir_op_from_buffer(bare, buffer));
        assert_null(weir_op_from_buffer(pool, ops[i]));
        lowest = buffer < lowest ? buffer : lowest;
        highest = buffer > highest ? buffer : highest;
    }
    assert_null(weir_op_from_buffer(pool, lowest - 4096));
    assert_null(weir_op_from_buffer(pool, highest + 65536));
    assert_null(weir_op_from_buffer(pool, &local));
    assert_null(weir_op_from_buffer(pool, heap));
    assert_null(weir_op_from_buffer(pool, NULL));
    free(heap);
    put_all(ops, 100);
    free(ops);
    close_quiet(pool);
    close_quiet(other);
    close_quiet(bare);
}

static void user_area_and_overlapped_lead_back_to_the_op(void **state)
{
    static const size_t sizes[] = { 1, 64, 65, 1000, 65536 };
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct weir_pool_config config = { .capacity = 50, .user_size = sizes[i] };
        struct weir_pool *pool = pool_from(&config);
        struct weir_op **ops = take_all(pool, 50);
        for (int k = 0; k < 50; k++) {
            assert_ptr_equal(weir_op_from_user(weir_op_user(ops[k])), ops[k]);
            assert_ptr_equal(weir_op_from_overlapped(weir_op_overlapped(ops[k])), ops[k]);
        }
        put_all(ops, 50);
        free(ops);
        close_quiet(pool);
    }
    assert_null(weir_op_from_user(NULL));
    assert_null(weir_op_from_overlapped(NULL));
}

static void owns_knows_every_part_of_an_op_and_nothing_else(void **state)
{
    struct weir_pool_config config = { .capacity = 100, .buffer_size = 1000, .user_size = 200 };
    struct weir_pool *pool = pool_from(&config), *other = pool_from(&config);
    struct weir_op **ops = take_all(pool, 100);
    char local, *heap = malloc(1000);
    (void)state;
    for (int i = 0; i < 100; i++) {
        const char *parts[] = { (char *)weir_op_overlapped(ops[i]), (char *)weir_op_overlapped(ops[i]) + 31, (char *)ops[i],
                                weir_op_user(ops[i]), (char *)weir_op_user(ops[i]) + 199,
                                weir_op_buffer(ops[i]), (char *)weir_op_buffer(ops[i]) + 999 };
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
            assert_true(weir_pool_owns(pool, parts[k]));
            assert_false(weir_pool_owns(other, parts[k]));
            assert_false(weir_pool_owns(NULL, parts[k]));
        }
    }
    assert_false(weir_pool_owns(pool, &local));
    assert_false(weir_pool_owns(pool, heap));
    assert_false(weir_pool_owns(pool, pool_from));
    assert_false(weir_pool_owns(pool, NULL));
    assert_false(weir_pool_owns(pool, (void *)UINTPTR_MAX));
    free(heap);
    put_all(ops, 100);
    free(ops);
    close_quiet(pool);
    close_quiet(other);
}

static void a_submitted_op_goes_back_after_it_returned(void **state)
{
    struct weir_pool *pool = pool_of(4, 0, 64);
    (void)state;
    for (int i = 0; i < 100; i++) {
        struct weir_op *op = weir_op_get(pool);
        weir_op_submitted(op);
        weir_op_returned(op);
        weir_op_prepare(op, 7);
        weir_op_submitted(op);
        weir_op_returned(op);
        weir_op_put(op);
    }
    close_quiet(pool);
}

static void bulk_takes_n_or_none(void **state)
{
    struct weir_pool *pool = pool_of(100, 0, 0);
    struct weir_op *ops[101], *rest[100];
    (void)state;
    assert_int_equal(weir_op_get_bulk(pool, ops, 0), 0);
    assert_int_equal(weir_op_get_bulk(pool, ops, 101), 0);
    assert_quiet(pool, 0);
    for (unsigned n = 1; n <= 100; n++) {
        unsigned char seen[100] = { 0 };
        assert_int_equal(weir_op_get_bulk(pool, ops, n), n);
        for (unsigned i = 0; i < n; i++)
            assert_int_equal(seen[weir_op_index(ops[i])]++, 0);
        assert_int_equal(weir_op_get_bulk(pool, rest, 101 - n), 0);
        assert_int_equal(weir_op_get_bulk(pool, rest, 100 - n), 100 - n);
        for (unsigned i = 0; i < 100 - n; i++)
            assert_int_equal(seen[weir_op_index(rest[i])]++, 0);
        assert_null(weir_op_get(pool));
        weir_op_put_bulk(ops, n);
        assert_quiet(pool, 100 - n);
        weir_op_put_bulk(rest, 100 - n);
    }
    close_quiet(pool);
}

static void put_bulk_gives_each_op_to_its_own_pool_and_steps_over_null(void **state)
{
    struct weir_pool *pool[3] = { pool_of(40, 0, 0), pool_of(50, 0, 16), pool_of(60, 0, 0) };
    struct weir_op *ops[100];
    (void)state;
    for (int i = 0; i < 90; i++)
        ops[i] = weir_op_get(pool[i % 3]);
    for (int i = 90; i < 100; i++)
        ops[i] = NULL;
    ops[95] = ops[10];
    ops[10] = NULL;
    for (int i = 0; i < 3; i++)
        assert_quiet(pool[i], 30);
    weir_op_put_bulk(ops, 100);
    weir_op_put_bulk(ops, 0);
    weir_op_put(NULL);
    for (int i = 0; i < 3; i++)
        close_quiet(pool[i]);
}

enum { DUEL_CAPACITY = 2000, DUEL_WANT = 1500 };

struct duel {
    struct weir_pool *pool;
    _Atomic unsigned here;              /* arrivals: both start at once, without a system call in between */
    bool won[2];
    unsigned rounds;
    unsigned both_lost, both_won, neither_n_nor_0;
};
struct duellist {
    struct duel *duel;
    unsigned me;
};

static void duel_meet(struct duel *duel, unsigned *meetings)
{
    unsigned all = 2 * ++*meetings;
    atomic_fetch_add(&duel->here, 1);
    for (unsigned spins = 0; atomic_load(&duel->here) < all; spins++)
        if (spins > 10000)
            sched_yield();
}

static const char *takes_three_quarters(void *arg)
{
    struct duellist *self = arg;
    struct duel *duel = self->duel;
    struct weir_op **ops = calloc(DUEL_WANT, sizeof *ops);
    unsigned meetings = 0;
    for (unsigned i = 0; i < duel->rounds; i++) {
        unsigned got;
        duel_meet(duel, &meetings);
        got = weir_op_get_bulk(duel->pool, ops, DUEL_WANT);
        duel->won[self->me] = got == DUEL_WANT;
        duel_meet(duel, &meetings);
        if (self->me == 0) {
            duel->both_lost += !duel->won[0] && !duel->won[1];
            duel->both_won += duel->won[0] && duel->won[1];
            duel->neither_n_nor_0 += got != DUEL_WANT && got != 0;
        }
        duel_meet(duel, &meetings);
        weir_op_put_bulk(ops, got);
    }
    free(ops);
    return NULL;
}

/* Each wants three quarters of the pool: two that both fail would each have held a part that the other lacked. */
static void of_two_bulk_callers_that_want_the_same_ops_one_gets_them(void **state)
{
    struct duel duel = { .pool = pool_of(DUEL_CAPACITY, 0, 0), .rounds = SCALED(5000, 1000) };
    struct duellist self[2] = { { &duel, 0 }, { &duel, 1 } };
    struct thread thread[2];
    (void)state;
    for (int i = 0; i < 2; i++)
        thread_start(&thread[i], takes_three_quarters, &self[i]);
    for (int i = 0; i < 2; i++)
        thread_join(&thread[i]);
    assert_int_equal(duel.both_lost, 0);
    assert_int_equal(duel.both_won, 0);
    assert_int_equal(duel.neither_n_nor_0, 0);
    close_quiet(duel.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_and_user_areas_are_aligned_and_distinct),
        cmocka_unit_test(the_overlapped_of_a_new_op_is_zero_and_the_rest_as_it_was_left),
        cmocka_unit_test(the_overlapped_of_bulk_ops_is_zero_too),
        cmocka_unit_test(prepare_zeroes_the_overlapped_and_sets_the_offset),
        cmocka_unit_test(indexes_run_from_0_to_capacity_minus_1_and_stay),
        cmocka_unit_test(at_answers_null_for_an_op_that_was_never_used),
        cmocka_unit_test(a_handle_is_never_0_and_changes_whenever_the_op_goes_back),
        cmocka_unit_test(every_address_of_a_buffer_leads_to_its_op_and_no_other),
        cmocka_unit_test(user_area_and_overlapped_lead_back_to_the_op),
        cmocka_unit_test(owns_knows_every_part_of_an_op_and_nothing_else),
        cmocka_unit_test(a_submitted_op_goes_back_after_it_returned),
        cmocka_unit_test(bulk_takes_n_or_none),
        cmocka_unit_test(put_bulk_gives_each_op_to_its_own_pool_and_steps_over_null),
        cmocka_unit_test(of_two_bulk_callers_that_want_the_same_ops_one_gets_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
