/* scenario_pool.c - get, put and what runs beside them: the depot, theft, waiters, thread exit, bulk.
 *
 * The oracle. Each op has a stamp: whoever gets it finds 0 there and leaves its own, whoever puts it takes that away. In most scenarios the threads
 * together never want more than the capacity, so no get may answer NULL. At the end live + cached + free = capacity, proved by weir_pool_check, and
 * one thread gets every op that is not live.
 */
#include "explore.h"

#include <weir/weir.h>

enum { OPS = 16 };

static struct weir_pool *pool;
static uint64_t owner[OPS];
static struct weir_op *hand[EXPLORE_THREADS + 1][OPS];      /* what each thread holds */
static unsigned held[EXPLORE_THREADS + 1];
static bool exited[EXPLORE_THREADS + 1];

static void pool__own(struct weir_op *op)
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
static bool pool__try(void)
{
    struct weir_op *op = weir_op_get(pool);
    if (op)
        pool__own(op);
    return op != NULL;
}

static void pool__get(void)
{
    if (!pool__try())
        explore_fail("get answered NULL to thread %u, and there were ops", explore_self());
}

static void pool__put(void)
{
    weir_op_put(pool__let_go());
}

static void pool__flush(void)
{
    weir_thread_flush(pool);
}

static void pool__get_put(void)
{
    pool__get();
    pool__put();
}

static void pool__try_put(void)
{
    if (pool__try())
        pool__put();
}

static void pool__put_try_put(void)
{
    pool__put();
    pool__try_put();
}

static void pool__all_back(void)
{
    while (held[explore_self()])
        pool__put();
}

/* Every thread has a cache, empty; all ops are in the depot. */
static void pool__warm(void)
{
    pool__get_put();
    pool__flush();
}

static void pool__make(uint32_t capacity, uint32_t cache)
{
    struct weir_pool_config config = { .name = "explored", .capacity = capacity, .cache = cache };
    unsigned i;
    if (weir_pool_create(&pool, &config))
        explore_fail("%s", weir_error_message());
    for (i = 0; i < EXPLORE_THREADS; i++)
        explore_as(i, pool__warm);
}

static void pool__take_rest(void)
{
    while (pool__try()) {
    }
}

/* All ops into one thread's hands and back to the depot: each block has been used. */
static void pool__touch_all(void)
{
    pool__take_rest();
    pool__all_back();
    pool__flush();
}

static void pool__check(void)
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
    pool__take_rest();
    got = held[explore_self()];
    if (got + live != stats.capacity)
        explore_fail("one thread got %llu ops of %llu, %llu are live", (unsigned long long)got, (unsigned long long)stats.capacity,
                     (unsigned long long)live);
    pool__all_back();
    for (i = 0; i < EXPLORE_THREADS; i++)
        if (!exited[i])
            explore_as(i, pool__all_back);
    if (weir_pool_check(pool))
        explore_fail("%s", weir_error_message());
}

/* -- the depot: magazines of one op, so that most calls go there ---------------------------------------------------------------- */

static void depot__one(void)            /* one magazine in the depot: the other op is thread 2's, which rests */
{
    pool__make(2, 1);
    explore_as(2, pool__get);
}

static void depot__two(void)
{
    pool__make(2, 1);
    explore_as(2, pool__touch_all);
}

static void depot__three(void)
{
    pool__make(3, 1);
    explore_as(2, pool__touch_all);
}

static void depot__flush(void)
{
    pool__get_put();
    pool__flush();
}

static void depot__two_and_two(void)
{
    pool__get();
    pool__get();
    pool__put();
    pool__put();
}

/* -- theft: thread 0's cache is open and holds ops, the depot is bare ----------------------------------------------------------- */

static void steal__own_two(void)
{
    pool__get();
    pool__get();
    pool__put();
    pool__put();
}

static void steal__rest(void)           /* thread 2 holds the other ops for good */
{
    while (held[2] < 6)
        pool__get();
    explore_as(0, steal__own_two);
}

static void steal__setup(void)          /* magazines of 2; one, full, in thread 0's open cache */
{
    pool__make(8, 4);
    explore_as(2, steal__rest);
}

static void steal__fenced(void)         /* where the system has no barrier: no cache ever opens */
{
    explore_no_barrier();
    steal__setup();
}

static void steal__one_out(void)        /* the same, and thread 0 has one of the two in its hands */
{
    steal__setup();
    explore_as(0, pool__get);
}

static void steal__fenced_out(void)
{
    steal__fenced();
    explore_as(0, pool__get);
}

static void steal__put_get(void)
{
    pool__put();
    pool__get();
}

/* -- waiters --------------------------------------------------------------------------------------------------------------------- */

static void waiter__setup(void)         /* thread 0 holds the only op */
{
    pool__make(1, 1);
    explore_as(0, pool__get);
}

static void waiter__open(void)          /* thread 0 holds one of two; the other is in its open cache, a second one is thread 2's */
{
    pool__make(8, 4);
    explore_as(2, steal__rest);
    explore_as(0, steal__own_two);
    explore_as(0, pool__get);
    explore_as(0, pool__get);
}

static void waiter__wait(void)
{
    struct weir_op *op = weir_op_get_wait(pool, -1);
    if (!op)
        explore_fail("a wait without end has ended with nothing");
    pool__own(op);
}

static void waiter__wait_put(void)
{
    waiter__wait();
    pool__put();
}

static void waiter__wait_a_while(void)
{
    struct weir_op *op = weir_op_get_wait(pool, 1000);
    if (op) {
        pool__own(op);
        pool__put();
    }
}

/* -- thread exit ----------------------------------------------------------------------------------------------------------------- */

static void exit__two(void)
{
    pool__get();
    pool__get();
}

static void exit__setup(void)           /* thread 0 holds the two that are left; whoever checks has a cache already, and takes over nobody's */
{
    pool__make(8, 4);
    pool__warm();
    explore_as(2, steal__rest);
    explore_as(0, exit__two);
}

static void exit__exit(void)
{
    exited[explore_self()] = true;
    explore_exit();
}

static void exit__put_exit(void)        /* with two: a whole magazine goes to the depot and comes back for one waiter */
{
    pool__all_back();
    exit__exit();
}

/* -- trim: what it holds meanwhile is out of reach, so NULL may be right ------------------------------------------------------- */

static void trim__trim(void)
{
    (void)weir_pool_trim(pool);
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
        pool__own(ops[i]);
    while (n--)
        pool__put();
}

static void bulk__check(void)
{
    if (!bulk_winners)
        explore_fail("two wanted both ops, and neither got them");
    pool__check();
}

/* -- a pop's mark: full magazines in the depot, and the pool is CLEAN ------------------------------------------------------------ */

static void mark__six(void)
{
    while (held[2] < 6)
        pool__get();
    pool__flush();
}

static void mark__setup(void)           /* 6 of 8 ops are thread 2's; the other two are one full magazine, and a trim has swept */
{
    pool__make(8, 4);
    explore_as(2, pool__touch_all);
    explore_as(2, mark__six);
    (void)weir_pool_trim(pool);
}

const struct scenario explore_pool[] = {
    { "depot-1", "get and put on both sides, one op between them", depot__one, { pool__try_put, pool__try_put }, pool__check, 3, 1 },
    { "depot-2", "get and put on both sides, a magazine for each", depot__two, { pool__get_put, depot__flush }, pool__check, 3, 1 },
    { "depot-3", "three threads, a magazine for each", depot__three, { pool__get, depot__flush, pool__get }, pool__check, 2, 1 },
    { "depot-more", "two gets and two puts against get and put", depot__three, { depot__two_and_two, pool__get_put }, pool__check, 2, 1 },
    { "steal-get", "get by the owner against a get that must steal", steal__setup, { pool__get, pool__get }, pool__check, 3, 1 },
    { "steal-put", "put by the owner against a get that must steal", steal__one_out, { pool__put, pool__get }, pool__check, 3, 1 },
    { "steal-put-get", "put and get by the owner against a get that must steal", steal__one_out, { steal__put_get, pool__get }, pool__check, 3, 1 },
    { "steal-steal", "two thieves and an owner that gets", steal__one_out, { pool__put, pool__try_put, pool__try_put }, pool__check, 2, 1 },
    { "fenced-get", "steal-get without a barrier of the system", steal__fenced, { pool__get, pool__get }, pool__check, 2, 1 },
    { "fenced-put-get", "steal-put-get without a barrier of the system", steal__fenced_out, { steal__put_get, pool__get }, pool__check, 2, 1 },
    { "trim", "put and get by the owner against a trim", steal__one_out, { pool__put_try_put, trim__trim }, pool__check, 2, 1 },
    { "waiter", "a waiter against a put", waiter__setup, { pool__put, waiter__wait_put }, pool__check, 3, 1 },
    { "waiter-open", "a waiter against a put into an open cache", waiter__open, { pool__put, waiter__wait_put }, pool__check, 3, 1 },
    { "waiter-late", "a waiter whose time may be over against a put", waiter__setup, { pool__put, waiter__wait_a_while }, pool__check, 3, 1 },
    { "waiters", "two waiters, one op", waiter__setup, { pool__put, waiter__wait_put, waiter__wait_put }, pool__check, 2, 1 },
    { "exit-steal", "thread exit against a get that must steal", steal__setup, { exit__exit, pool__get }, pool__check, 3, 1 },
    { "exit-put", "put and thread exit against a get that must steal", steal__one_out, { exit__put_exit, pool__get }, pool__check, 3, 1 },
    { "exit-waiter", "thread exit against a waiter whose time may be over", exit__setup, { exit__put_exit, waiter__wait_a_while }, pool__check, 3, 1 },
    { "bulk", "two that want everything", depot__two, { bulk__all, bulk__all }, bulk__check, 2, 1 },
    { "pop-mark", "two gets, all that is left is one magazine", mark__setup, { pool__get, pool__get }, pool__check, 3, 1 },
    { 0 }
};
