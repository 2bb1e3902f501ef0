/* scenario_beside.c - what runs beside get and put: waiters, thread exit, bulk. The oracle is in pool_oracle.c. */
#include "pool_oracle.h"

/* -- waiters --------------------------------------------------------------------------------------------------------------------- */

static void waiter__setup(void)         /* thread 0 holds the only op */
{
    pool_make(1, 1);
    explore_as(0, pool_get);
}

static void waiter__open(void)          /* thread 0 holds one of two; the other is in its open cache, a second one is thread 2's */
{
    pool_make(8, 4);
    explore_as(2, pool_hold_rest);
    explore_as(0, pool_cache_two);
    explore_as(0, pool_get);
    explore_as(0, pool_get);
}

static void waiter__wait(void)
{
    struct weir_op *op = weir_op_get_wait(pool, -1);
    if (!op)
        explore_fail("a wait without end has ended with nothing");
    pool_own(op);
}

static void waiter__wait_put(void)
{
    waiter__wait();
    pool_put();
}

static void waiter__wait_a_while(void)
{
    struct weir_op *op = weir_op_get_wait(pool, 1000);
    if (op) {
        pool_own(op);
        pool_put();
    }
}

/* -- thread exit ----------------------------------------------------------------------------------------------------------------- */

static void exit__two(void)
{
    pool_get();
    pool_get();
}

static void exit__setup(void)           /* thread 0 holds the two that are left; whoever checks has a cache already, and takes over nobody's */
{
    pool_make(8, 4);
    pool_warm();
    explore_as(2, pool_hold_rest);
    explore_as(0, exit__two);
}

static void exit__exit(void)
{
    exited[explore_self()] = true;
    explore_exit();
}

static void exit__put_exit(void)        /* with two: a whole magazine goes to the depot and comes back for one waiter */
{
    pool_all_back();
    exit__exit();
}

/* -- bulk: of two that want all, one gets all -------------------------------------------------------------------------------------- */

static uint64_t bulk_winners;

static void bulk__all(void)
{
    struct weir_op *ops[2];
    unsigned n = weir_op_get_bulk(pool, ops, 2), i;
    if (n)
        (void)explore_ghost(&bulk_winners, 1);
    for (i = 0; i < n; i++)
        pool_own(ops[i]);
    while (n--)
        pool_put();
}

static void bulk__check(void)
{
    if (!bulk_winners)
        explore_fail("two wanted both ops, and neither got them");
    pool_check();
}

const struct scenario explore_beside[] = {
    { "waiter", "a waiter against a put", waiter__setup, { pool_put, waiter__wait_put }, pool_check, 3, 1 },
    { "waiter-open", "a waiter against a put into an open cache", waiter__open, { pool_put, waiter__wait_put }, pool_check, 3, 1 },
    { "waiter-late", "a waiter whose time may be over against a put", waiter__setup, { pool_put, waiter__wait_a_while }, pool_check, 3, 1 },
    { "waiters", "two waiters, one op", waiter__setup, { pool_put, waiter__wait_put, waiter__wait_put }, pool_check, 2, 1 },
    { "exit-steal", "thread exit against a get that must steal", pool_two_cached, { exit__exit, pool_get }, pool_check, 3, 1 },
    { "exit-put", "put and thread exit against a get that must steal", pool_one_cached, { exit__put_exit, pool_get }, pool_check, 3, 1 },
    { "exit-waiter", "thread exit against a waiter whose time may be over", exit__setup, { exit__put_exit, waiter__wait_a_while }, pool_check, 3, 1 },
    { "bulk", "two that want everything", pool_two_free, { bulk__all, bulk__all }, bulk__check, 2, 1 },
    { 0 }
};
