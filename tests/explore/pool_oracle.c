/* pool_oracle.c - calls of the pool with the oracle around them.
 *
 * Each op has a stamp: whoever gets it finds 0 there and leaves its own, whoever puts it takes that away. In most scenarios the threads together
 * never want more than the capacity, so no get may answer NULL. At the end live + cached + free = capacity, proved by weir_pool_check, and
 * one thread gets every op that is not live.
 */
#include "pool_oracle.h"
#include "explore.h"

enum { OPS = 16 };

struct weir_pool *pool;
static uint64_t owner[OPS];
static struct weir_op *hand[EXPLORE_THREADS + 1][OPS];      /* what each thread holds */
unsigned held[EXPLORE_THREADS + 1];
bool exited[EXPLORE_THREADS + 1];

void pool_own(struct weir_op *op)
{
    unsigned me = explore_self();
    uint64_t before = explore_ghost(&owner[weir_op_index(op)], me + 1);
    if (before)
        explore_fail("op %u was given to thread %u, and thread %u holds it", (unsigned)weir_op_index(op), me, (unsigned)before - 1);
    hand[me][held[me]++] = op;
}

static struct weir_op *pool__let_go(void)
{
    unsigned me = explore_self();
    struct weir_op *op = hand[me][--held[me]];
    uint64_t before = explore_ghost(&owner[weir_op_index(op)], 0);
    if (before != me + 1)
        explore_fail("op %u of thread %u was also given to thread %u", (unsigned)weir_op_index(op), me, (unsigned)before - 1);
    return op;
}

/* NULL is right only if others may hold all. */
bool pool_try(void)
{
    struct weir_op *op = weir_op_get(pool);
    if (op)
        pool_own(op);
    return op != NULL;
}

void pool_get(void)
{
    if (!pool_try())
        explore_fail("get answered NULL to thread %u, and there were ops", explore_self());
}

void pool_put(void)
{
    weir_op_put(pool__let_go());
}

void pool_put_two(void)
{
    struct weir_op *ops[2];
    ops[0] = pool__let_go();
    ops[1] = pool__let_go();
    weir_op_put_bulk(ops, 2);
}

void pool_try_two(void)
{
    struct weir_op *ops[2];
    unsigned n = weir_op_get_bulk(pool, ops, 2), i;
    for (i = 0; i < n; i++)
        pool_own(ops[i]);
}

void pool_flush(void)
{
    weir_thread_flush(pool);
}

void pool_get_put(void)
{
    pool_get();
    pool_put();
}

void pool_try_put(void)
{
    if (pool_try())
        pool_put();
}

void pool_put_try_put(void)
{
    pool_put();
    pool_try_put();
}

void pool_all_back(void)
{
    while (held[explore_self()])
        pool_put();
}

/* Every thread has a cache, empty; all ops are in the depot. */
void pool_warm(void)
{
    pool_get_put();
    pool_flush();
}

void pool_make(uint32_t capacity, uint32_t cache)
{
    struct weir_pool_config config = { .name = "explored", .capacity = capacity, .cache = cache };
    unsigned i;
    if (weir_pool_create(&pool, &config))
        explore_fail("%s", weir_error_message());
    for (i = 0; i < EXPLORE_THREADS; i++)
        explore_as(i, pool_warm);
}

void pool_take_rest(void)
{
    while (pool_try()) {
    }
}

/* All ops into one thread's hands and back to the depot: each block has been used. */
void pool_touch_all(void)
{
    pool_take_rest();
    pool_all_back();
    pool_flush();
}

void pool_check(void)
{
    struct weir_stats stats;
    uint64_t live = 0, got;
    unsigned i;
    if (weir_pool_check(pool) || weir_pool_stats(pool, &stats))
        explore_fail("%s", weir_error_message());
    for (i = 0; i < EXPLORE_THREADS; i++)
        live += held[i];
    if (stats.live != live)
        explore_fail("%llu ops are live, the statistics say %llu", (unsigned long long)live, (unsigned long long)stats.live);
    pool_take_rest();
    got = held[explore_self()];
    if (got + live != stats.capacity)
        explore_fail("one thread got %llu ops of %llu, %llu are live", (unsigned long long)got, (unsigned long long)stats.capacity,
                     (unsigned long long)live);
    pool_all_back();
    for (i = 0; i < EXPLORE_THREADS; i++)
        if (!exited[i])
            explore_as(i, pool_all_back);
    if (weir_pool_check(pool))
        explore_fail("%s", weir_error_message());
}

/* -- where schedules begin ------------------------------------------------------------------------------------------------------ */

void pool_two_free(void)
{
    pool_make(2, 1);
    explore_as(2, pool_touch_all);
}

void pool_cache_two(void)
{
    pool_get();
    pool_get();
    pool_put();
    pool_put();
}

void pool_hold_rest(void)
{
    while (held[2] < 6)
        pool_get();
    explore_as(0, pool_cache_two);
}

void pool_two_cached(void)      /* magazines of two */
{
    pool_make(8, 4);
    explore_as(2, pool_hold_rest);
}

void pool_one_cached(void)
{
    pool_two_cached();
    explore_as(0, pool_get);
}

void pool_two_held(void)
{
    pool_one_cached();
    explore_as(0, pool_get);
}
