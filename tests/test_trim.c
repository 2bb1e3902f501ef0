/* tests/test_trim.c - trim gives the memory of free ops back and harms nothing: at least 95% of an idle pool of 1 GiB, the contents
 * of live ops untouched, handles that stay unlike all earlier ones, nothing while registered ranges are in force, and all that
 * while other threads get and put. Linux only.
 *
 * Two measures: the resident memory of the process (not under sanitizers, which keep shadows of what was touched), and by mincore
 * the pages of the ops themselves.
 */
#include "footprint.h"

#include <sys/mman.h>

enum { MIB = 1 << 20 };

/* Resident bytes between the lowest and the highest address of the pool's buffers and headers, both ends included. */
struct extent {
    char *low[2], *high[2];             /* headers, buffers */
};

static void extent_add(struct extent *e, int which, char *begin, size_t bytes)
{
    if (!e->high[which] || begin < e->low[which])
        e->low[which] = begin;
    if (begin + bytes > e->high[which])
        e->high[which] = begin + bytes;
}

static size_t extent_resident(const struct extent *e)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), resident = 0;
    for (int which = 0; which < 2; which++) {
        char *at = (char *)((uintptr_t)e->low[which] & ~(page - 1));
        for (; at < e->high[which]; at += 1024 * page) {
            unsigned char in[1024];
            size_t left = (size_t)(e->high[which] - at), bytes = left < 1024 * page ? left : 1024 * page;
            assert_int_equal(mincore(at, bytes, in), 0);        /* addresses stay: all of it is still mapped */
            for (size_t i = 0; i < (bytes + page - 1) / page; i++)
                resident += in[i] & 1 ? page : 0;
        }
    }
    return resident;
}

static struct extent use_all(struct weir_pool *pool, uint32_t capacity, int fill)
{
    struct weir_op **ops = take_all(pool, capacity);
    struct extent extent = { { NULL, NULL }, { NULL, NULL } };
    for (uint32_t i = 0; i < capacity; i++) {
        memset(weir_op_buffer(ops[i]), fill, weir_op_buffer_size(ops[i]));
        extent_add(&extent, 0, (char *)ops[i], WEIR_OP_HEADER);
        extent_add(&extent, 1, weir_op_buffer(ops[i]), weir_op_buffer_size(ops[i]));
    }
    put_all(ops, capacity);
    free(ops);
    return extent;
}

static void trim_gives_back_95_of_100(uint32_t capacity, size_t buffer_size)
{
    size_t base = resident_now(), given, full, left, pages_full, pages_left;
    struct weir_pool *pool = pool_of(capacity, 0, buffer_size);
    struct crew *crew = crew_start(pool, 4);
    for (int round = 1; round <= 2; round++) {
        struct extent extent = use_all(pool, capacity, round);
        crew_fill(crew, 100);                   /* some of it lies in the caches of other threads */
        full = resident_now();
        pages_full = extent_resident(&extent);
        assert_true(pages_full >= capacity * buffer_size);
        given = weir_pool_trim(pool);
        pages_left = extent_resident(&extent);
        left = resident_now();
        if (pages_left * 20 > pages_full)
            fail_msg("%zu MiB of %zu MiB of ops stay resident", pages_left / MIB, pages_full / MIB);
        if (!SANITIZED && (left - base) * 20 > full - base)
            fail_msg("%zu MiB of %zu MiB of the process stay resident", (left - base) / MIB, (full - base) / MIB);
        assert_true(given >= pages_full / 100 * 95);
        assert_true(given <= pages_full + pages_full / 50 + 4 * MIB);
        assert_quiet(pool, 0);
    }
    take_and_put_all(pool, capacity);
    crew_end(crew);
    close_quiet(pool);
}

static void trim_of_an_idle_pool_of_1_gib_gives_back_95_of_100(void **state)
{
    (void)state;
    trim_gives_back_95_of_100(SCALED(262144, 16384), 4096);
}

static void trim_of_an_idle_pool_of_small_buffers_gives_back_95_of_100(void **state)
{
    (void)state;
    trim_gives_back_95_of_100(SCALED(262144, 65536), 512);
}

static void trim_of_a_new_or_trimmed_pool_gives_back_little_and_twice_is_no_more(void **state)
{
    struct weir_pool *pool = pool_of(100000, 0, 4096);
    (void)state;
    (void)weir_pool_trim(pool);
    assert_quiet(pool, 0);
    (void)use_all(pool, 100000, 1);
    assert_true(weir_pool_trim(pool) > 371 * (size_t)MIB);
    assert_true(weir_pool_trim(pool) < MIB);
    assert_quiet(pool, 0);
    take_and_put_all(pool, 100000);
    close_quiet(pool);
}

/* -- live ops -------------------------------------------------------------------------------------------------------------------- */

static void stamp(struct weir_op *op)
{
    memset(weir_op_overlapped(op), (int)weir_op_index(op) | 1, 32);
    memset(weir_op_user(op), (int)weir_op_index(op) | 2, 40);
    memset(weir_op_buffer(op), (int)weir_op_index(op) | 4, weir_op_buffer_size(op));
}

static bool filled(const void *at, int byte, size_t bytes)
{
    const unsigned char *p = at;
    return p[0] == (unsigned char)byte && !memcmp(p, p + 1, bytes - 1);
}

static bool stamped(struct weir_op *op)
{
    int index = (int)weir_op_index(op);
    return filled(weir_op_overlapped(op), index | 1, 32) && filled(weir_op_user(op), index | 2, 40) &&
           filled(weir_op_buffer(op), index | 4, weir_op_buffer_size(op));
}

static void contents_of_live_ops_are_untouched(void **state)
{
    static const size_t sizes[] = { 64, 1000, 4096, 10000 };
    enum { CAPACITY = 5000 };
    (void)state;
    for (int s = 0; s < 4; s++)
        for (int every = 1; every <= 100; every *= 10) {
            struct weir_pool_config config = { .capacity = CAPACITY, .buffer_size = sizes[s], .user_size = 40 };
            struct weir_pool *pool = pool_from(&config);
            struct weir_op **ops = take_all(pool, CAPACITY);
            uint64_t handles[CAPACITY];
            int live = 0;
            for (int i = 0; i < CAPACITY; i++) {
                stamp(ops[i]);
                if (i % every)
                    weir_op_put(ops[i]);
                else
                    handles[live] = weir_op_handle(ops[i]), ops[live++] = ops[i];
            }
            for (int round = 0; round < 3; round++) {
                (void)weir_pool_trim(pool);
                for (int i = 0; i < live; i++) {
                    assert_true(stamped(ops[i]));
                    assert_int_equal(weir_op_handle(ops[i]), handles[i]);
                    assert_int_equal(weir_op_refs(ops[i]), 1);
                    assert_ptr_equal(weir_op_pool(ops[i]), pool);
                }
                assert_quiet(pool, (uint64_t)live);
                weir_op_put(weir_op_get(pool));
            }
            put_all(ops, (size_t)live);
            free(ops);
            take_and_put_all(pool, CAPACITY);
            close_quiet(pool);
        }
}

/* A handle that comes again would name an op that its holder has given back. */
static void handles_after_a_trim_are_unlike_all_before_it(void **state)
{
    enum { CAPACITY = 20000, ROUNDS = 12 };
    static uint64_t seen[CAPACITY][ROUNDS];
    struct weir_pool *pool = pool_of(CAPACITY, 0, 512);
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        struct weir_op **ops = take_all(pool, CAPACITY);
        for (int i = 0; i < CAPACITY; i++) {
            uint64_t handle = weir_op_handle(ops[i]), *earlier = seen[weir_op_index(ops[i])];
            assert_int_not_equal(handle, 0);
            for (int k = 0; k < round; k++)
                assert_int_not_equal(handle, earlier[k]);
            earlier[round] = handle;
            weir_op_publish(ops[i]);
        }
        for (int i = 0; i < CAPACITY; i++)
            assert_true(weir_op_unref(ops[i]));
        free(ops);
        assert_true(weir_pool_trim(pool) > 0);
        for (int i = 0; i < CAPACITY; i++)
            assert_null(weir_op_ref_handle(pool, seen[i][round]));      /* also while its memory is gone */
    }
    close_quiet(pool);
}

static void a_double_put_is_found_after_a_trim_too(void **state)
{
    struct weir_pool *pool = pool_of(20000, 0, 512);
    struct weir_op **ops = take_all(pool, 20000), *op = ops[12345];
    char index[16];
    (void)state;
    snprintf(index, sizeof index, "%u", (unsigned)weir_op_index(op));
    put_all(ops, 20000);
    free(ops);
    assert_true(weir_pool_trim(pool) > 0);
    assert_panics(weir_op_put(op), index);
    assert_quiet(pool, 0);
    take_and_put_all(pool, 20000);
    close_quiet(pool);
}

/* -- registered ranges ---------------------------------------------------------------------------------------------------------- */

static void while_iovecs_are_in_force_trim_gives_nothing_back(void **state)
{
    struct weir_pool *pool = pool_of(20000, 0, 4096);
    struct weir_iovec range[4];
    struct extent extent = use_all(pool, 20000, 1);
    size_t full = extent_resident(&extent);
    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(weir_pool_iovecs(pool, range, 4), 1);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(weir_pool_trim(pool), 0);
        assert_true(extent_resident(&extent) >= full);
        weir_pool_iovecs_release(pool);         /* calls count: the first release is not the last */
    }
    assert_true(weir_pool_trim(pool) >= full / 100 * 95);
    close_quiet(pool);
}

/* A fixed read goes straight to the range: what it writes must be what the op's buffer shows, in use or not. */
static void iovecs_reach_the_buffers_of_ops_never_used_before(void **state)
{
    struct weir_pool *pool = pool_of(3000, 0, 1000);
    struct weir_iovec range;
    struct weir_op **ops;
    (void)state;
    assert_int_equal(weir_pool_iovecs(pool, &range, 1), 1);
    assert_int_equal(stats_of(pool).committed, 3000);
    memset(range.base, 0x77, range.bytes);
    ops = take_all(pool, 3000);
    for (int i = 0; i < 3000; i++)
        assert_true(filled(weir_op_buffer(ops[i]), 0x77, 1000));
    put_all(ops, 3000);
    free(ops);
    weir_pool_iovecs_release(pool);
    close_quiet(pool);
}

static void iovecs_cover(uint32_t capacity, size_t size, size_t align, int least)
{
    struct weir_pool_config config = { .capacity = capacity, .buffer_size = size, .buffer_align = align };
    struct weir_pool *pool = pool_from(&config);
    struct weir_iovec range[16] = { { NULL, 0 } }, first[2] = { { NULL, 0 } };
    struct weir_op **ops;
    int n = weir_pool_iovecs(pool, range, 16), at = 0;
    char *before = NULL;
    assert_in_range(n, least, 16);
    assert_int_equal(weir_pool_iovecs(pool, NULL, 0), n);
    assert_int_equal(weir_pool_iovecs(pool, first, 1), n);
    assert_ptr_equal(first[0].base, range[0].base);
    assert_null(first[1].base);
    for (int i = 0; i < n; i++) {
        assert_true(range[i].bytes > 0 && range[i].bytes <= (size_t)1 << 30);
        for (int k = 0; k < i; k++)
            assert_true((char *)range[k].base + range[k].bytes <= (char *)range[i].base ||
                        (char *)range[i].base + range[i].bytes <= (char *)range[k].base);
    }
    ops = take_all(pool, capacity);
    for (uint32_t i = 0; i < capacity; i++) {
        char *buffer = weir_op_buffer(weir_op_at(pool, i));
        while (at < n && !(buffer >= (char *)range[at].base &&
                           buffer + size <= (char *)range[at].base + range[at].bytes)) {
            at++;                       /* in the order of the indexes a range that was left never comes again */
            before = NULL;
        }
        assert_true(at < n);
        assert_true(buffer > before);
        before = buffer;
    }
    put_all(ops, capacity);
    free(ops);
    for (int i = 0; i < 3; i++)
        weir_pool_iovecs_release(pool);
    close_quiet(pool);
}

static void iovecs_cover_every_buffer_in_the_order_of_the_indexes(void **state)
{
    (void)state;
    iovecs_cover(1, 1, 0, 1);
    iovecs_cover(1000, 100, 0, 1);
    iovecs_cover(1000, 100, 1, 1);
    iovecs_cover(10000, 4096, 4096, 1);
    if (!SANITIZED) {
        iovecs_cover(300000, 4096, 0, 2);       /* 1.14 GiB */
        iovecs_cover(12000, 100000, 4096, 2);   /* 1.14 GiB, no divisor of 1 GiB */
    }
}

static void a_release_without_iovecs_panics_and_trim_works_on(void **state)
{
    struct weir_pool *pool = pool_of(1000, 0, 4096);
    struct weir_iovec range;
    (void)state;
    take_and_put_all(pool, 1000);
    assert_panics(weir_pool_iovecs_release(pool), weir_pool_name(pool));
    assert_true(weir_pool_trim(pool) > 0);
    assert_int_equal(weir_pool_iovecs(pool, &range, 1), 1);
    weir_pool_iovecs_release(pool);
    assert_panics(weir_pool_iovecs_release(pool), weir_pool_name(pool));
    close_quiet(pool);
}

static void iovecs_of_a_pool_without_buffers_are_refused(void **state)
{
    struct weir_pool *pool = pool_of(10, 0, 0);
    struct weir_iovec range;
    (void)state;
    assert_int_equal(weir_pool_iovecs(pool, &range, 1), -EINVAL);
    assert_says(weir_error_message(), "buffer", NULL);
    close_quiet(pool);
}

/* -- while others work ---------------------------------------------------------------------------------------------------------- */

struct busy {
    struct weir_pool *pool;
    _Atomic bool stop;
    _Atomic uint64_t wrong, rounds;
};

static const char *stamps_and_looks(void *arg)
{
    struct busy *busy = arg;
    struct weir_op *ops[64];
    unsigned n, seed = (unsigned)(uintptr_t)&n;
    while (!atomic_load(&busy->stop)) {
        seed = seed * 1103515245 + 12345;
        for (n = 0; n < 1 + (seed >> 16) % 64 && (ops[n] = weir_op_get(busy->pool)); n++)
            stamp(ops[n]);
        if (seed >> 30 == 0)
            sched_yield();
        for (unsigned i = 0; i < n; i++)
            if (!stamped(ops[i]))
                atomic_fetch_add(&busy->wrong, 1);
        put_all(ops, n);
        atomic_fetch_add(&busy->rounds, 1);
    }
    return NULL;
}

static void trims_while_threads_work(uint32_t capacity, size_t buffer_size, int threads, int trims)
{
    struct weir_pool_config config = { .capacity = capacity, .buffer_size = buffer_size, .user_size = 40 };
    struct busy busy = { .pool = pool_from(&config) };
    struct thread thread[4];
    for (int i = 0; i < threads; i++)
        thread_start(&thread[i], stamps_and_looks, &busy);
    for (int i = 0; i < trims; i++) {
        uint64_t rounds = atomic_load(&busy.rounds);
        (void)weir_pool_trim(busy.pool);
        assert_true(EVENTUALLY(atomic_load(&busy.rounds) > rounds + 2));
    }
    atomic_store(&busy.stop, true);
    for (int i = 0; i < threads; i++)
        thread_join(&thread[i]);
    assert_int_equal(busy.wrong, 0);
    take_and_put_all(busy.pool, capacity);
    close_quiet(busy.pool);
}

static void trim_while_other_threads_get_and_put_harms_none(void **state)
{
    (void)state;
    trims_while_threads_work(2000, 4096, 4, SCALED(500, 100));
    trims_while_threads_work(300, 100, 4, SCALED(500, 100));
    trims_while_threads_work(50, 5000, 3, SCALED(500, 100));
}

static void a_pool_larger_than_its_use_is_never_empty_while_it_is_trimmed(void **state)
{
    struct busy busy = { .pool = pool_of(10000, 0, 512) };
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct weir_op *ops[100];
        for (int k = 0; k < 100; k++)
            assert_non_null(ops[k] = weir_op_get(busy.pool));
        put_all(ops, 100);
        (void)weir_pool_trim(busy.pool);
    }
    close_quiet(busy.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trim_of_an_idle_pool_of_1_gib_gives_back_95_of_100),
        cmocka_unit_test(trim_of_an_idle_pool_of_small_buffers_gives_back_95_of_100),
        cmocka_unit_test(trim_of_a_new_or_trimmed_pool_gives_back_little_and_twice_is_no_more),
        cmocka_unit_test(contents_of_live_ops_are_untouched),
        cmocka_unit_test(handles_after_a_trim_are_unlike_all_before_it),
        cmocka_unit_test(a_double_put_is_found_after_a_trim_too),
        cmocka_unit_test(while_iovecs_are_in_force_trim_gives_nothing_back),
        cmocka_unit_test(iovecs_reach_the_buffers_of_ops_never_used_before),
        cmocka_unit_test(iovecs_cover_every_buffer_in_the_order_of_the_indexes),
        cmocka_unit_test(a_release_without_iovecs_panics_and_trim_works_on),
        cmocka_unit_test(iovecs_of_a_pool_without_buffers_are_refused),
        cmocka_unit_test(trim_while_other_threads_get_and_put_harms_none),
        cmocka_unit_test(a_pool_larger_than_its_use_is_never_empty_while_it_is_trimmed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
