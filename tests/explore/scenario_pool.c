/* scenario_pool.c - get, put, the depot, theft, trim. The oracle is in pool_oracle.c. */
#include "pool_oracle.h"

/* -- the depot: magazines of one op, so that most calls go there ---------------------------------------------------------------- */

static void depot__one(void)            /* one magazine in the depot: the other op is thread 2's, which rests */
{
    pool_make(2, 1);
    explore_as(2, pool_get);
}

static void depot__three(void)
{
    pool_make(3, 1);
    explore_as(2, pool_touch_all);
}

static void depot__flush(void)
{
    pool_get_put();
    pool_flush();
}

/* -- theft: thread 0's cache is open and holds ops, the depot is bare ----------------------------------------------------------- */

static void steal__fenced(void)         /* where the system has no barrier: no cache ever opens */
{
    explore_no_barrier();
    pool_two_cached();
}

static void steal__fenced_out(void)
{
    steal__fenced();
    explore_as(0, pool_get);
}

static void steal__try(void)
{
    (void)pool_try();
}

static void steal__bulk_put_get(void)
{
    pool_put_two();
    pool_try_two();
}

static void steal__put_get(void)
{
    pool_put();
    pool_get();
}

/* -- trim: what it holds meanwhile is out of reach, so NULL may be right ------------------------------------------------------- */

static void trim__trim(void)
{
    (void)weir_pool_trim(pool);
}

/* -- a pop's mark: full magazines in the depot, and the pool is CLEAN ------------------------------------------------------------ */

static void mark__six(void)
{
    while (held[2] < 6)
        pool_get();
    pool_flush();
}

static void mark__setup(void)           /* 6 of 8 ops are thread 2's; the other two are one full magazine, and a trim has swept */
{
    pool_make(8, 4);
    explore_as(2, pool_touch_all);
    explore_as(2, mark__six);
    (void)weir_pool_trim(pool);
}

const struct scenario explore_pool[] = {
    { "depot-1", "get and put on both sides, one op between them", depot__one, { pool_try_put, pool_try_put }, pool_check, 3, 1 },
    { "depot-2", "get and put on both sides, a magazine for each", pool_two_free, { pool_get_put, depot__flush }, pool_check, 3, 1 },
    { "depot-3", "three threads, a magazine for each", depot__three, { pool_get, depot__flush, pool_get }, pool_check, 2, 1 },
    { "depot-more", "two gets and two puts against get and put", depot__three, { pool_cache_two, pool_get_put }, pool_check, 2, 1 },
    { "steal-get", "get by the owner against a get that must steal", pool_two_cached, { pool_get, pool_get }, pool_check, 3, 1 },
    { "steal-put", "put by the owner against a get that must steal", pool_one_cached, { pool_put, pool_get }, pool_check, 3, 1 },
    { "steal-put-get", "put and get by the owner against a get that must steal", pool_one_cached, { steal__put_get, pool_get }, pool_check, 3, 1 },
    { "steal-bulk-get", "bulk get by the owner against a get that must steal", pool_two_cached, { pool_try_two, steal__try }, pool_check, 2, 1 },
    { "steal-bulk-put", "bulk put by the owner against a get that must steal", pool_two_held, { pool_put_two, steal__try }, pool_check, 3, 1 },
    { "steal-bulk", "bulk put and get by the owner against a get that must steal", pool_two_held, { steal__bulk_put_get, steal__try }, pool_check,
      2, 1 },
    { "steal-steal", "two thieves and an owner that gets", pool_one_cached, { pool_put, steal__try, steal__try }, pool_check, 2, 1 },
    { "fenced-get", "steal-get without a barrier of the system", steal__fenced, { pool_get, pool_get }, pool_check, 2, 1 },
    { "fenced-put-get", "steal-put-get without a barrier of the system", steal__fenced_out, { steal__put_get, pool_get }, pool_check, 2, 1 },
    { "trim", "put and get by the owner against a trim", pool_one_cached, { pool_put_try_put, trim__trim }, pool_check, 2, 1 },
    { "pop-mark", "two gets, all that is left is one magazine", mark__setup, { pool_get, pool_get }, pool_check, 3, 1 },
    { 0 }
};
