/* scenario_counts.c - rundowns and references: nothing is freed under somebody's hands, and everything is freed once.
 *
 * What `done` frees is forbidden from then on: an atomic access to it fails the schedule.
 */
#include "explore.h"

#include <weir/weir.h>

/* -- rundowns: of one word, and sharded ------------------------------------------------------------------------------------------- */

static struct weir_rundown *rundown;
static struct weir_rundown_sharded *sharded;
static struct weir_rundown memory;
static uint64_t inside, ended;      /* operations in progress; calls of done */
static bool waited;

static void rundown__enter(int64_t by)
{
    (void)explore_ghost_add(&inside, (uint64_t)by);
}

static void rundown__done(void *arg)
{
    if (explore_ghost_add(&inside, 0))
        explore_fail("done was called while %llu operations are in progress", (unsigned long long)inside);
    if (explore_ghost(&ended, 1))
        explore_fail("done was called twice");
    if (arg != &memory)
        explore_fail("done got another argument");
    if (waited)
        return;
    if (rundown)
        explore_forbid(rundown, sizeof *rundown);
    else if (weir_rundown_sharded_destroy(sharded))
        explore_fail("%s", weir_error_message());
}

static void rundown__setup(void)
{
    rundown = &memory;
    weir_rundown_init(rundown);
    if (!weir_rundown_acquire(rundown) || !weir_rundown_acquire(rundown))
        explore_fail("an open rundown let nobody in");
    inside = 2;                     /* threads 0 and 1 are in */
}

static void rundown__setup_waited(void)
{
    rundown__setup();
    waited = true;
}

static void rundown__release(void)
{
    rundown__enter(-1);
    weir_rundown_release(rundown);
}

static void rundown__again(void)    /* it is still in while it comes in once more */
{
    if (weir_rundown_acquire(rundown)) {
        rundown__enter(1);
        rundown__release();
    }
    rundown__release();
}

static void rundown__close(void)
{
    weir_rundown_close(rundown, rundown__done, &memory);
}

static void rundown__close_release(void)
{
    rundown__close();
    rundown__release();
}

static void rundown__wait(void)
{
    if (weir_rundown_wait(rundown, -1))
        explore_fail("a wait without end has ended with an error");
    if (explore_ghost_add(&ended, 0) != 1)
        explore_fail("the wait has ended before done");
    explore_forbid(rundown, sizeof *rundown);
}

static void rundown__check(void)
{
    if (inside || ended != 1)
        explore_fail("%llu operations in progress, done was called %llu times", (unsigned long long)inside, (unsigned long long)ended);
}

static void sharded__come_in(void)
{
    if (!weir_rundown_sharded_acquire(sharded))
        explore_fail("an open rundown let nobody in");
}

static void sharded__setup(void)
{
    if (weir_rundown_sharded_create(&sharded, 2))
        explore_fail("%s", weir_error_message());
    explore_as(0, sharded__come_in);
    explore_as(1, sharded__come_in);
    inside = 2;
}

static void sharded__release(void)
{
    rundown__enter(-1);
    weir_rundown_sharded_release(sharded);
}

static void sharded__again(void)
{
    if (weir_rundown_sharded_acquire(sharded)) {
        rundown__enter(1);
        sharded__release();
    }
    sharded__release();
}

static void sharded__close(void)
{
    weir_rundown_sharded_close(sharded, rundown__done, &memory);
}

static void sharded__close_release(void)
{
    sharded__close();
    sharded__release();
}

/* -- references ---------------------------------------------------------------------------------------------------------------------- */

static struct weir_pool *pool;
static struct weir_op *op;
static uint64_t handle, life, contents;     /* life: which one it is; the word that its holders agree on */

static void ref__make(void)
{
    struct weir_pool_config config = { .name = "explored", .capacity = 1, .cache = 1 };
    if (weir_pool_create(&pool, &config))
        explore_fail("%s", weir_error_message());
    op = weir_op_get(pool);
    life = 1;
}

static void ref__warm(void)
{
    struct weir_op *own = weir_op_get(pool);
    if (own)
        weir_op_put(own);
    weir_thread_flush(pool);
}

static void ref__setup(void)
{
    explore_as(0, ref__make);
    explore_as(1, ref__warm);
    explore_as(2, ref__warm);
    weir_op_publish(op);
    handle = weir_op_handle(op);
}

static void ref__setup_two(void)    /* threads 0 and 1 hold it */
{
    explore_as(0, ref__make);
    explore_as(1, ref__warm);
    weir_op_ref(op);
}

static void ref__check_two(void)
{
    if (life != 0)
        explore_fail("nobody was told that it was the last");
    if (weir_pool_check(pool))
        explore_fail("%s", weir_error_message());
}

/* The holder gives it up. Nobody may find it unless he says that he was not the last. */
static void ref__drop(void)
{
    if (explore_ghost(&contents, 0) == UINT64_MAX)
        explore_fail("freed under a holder's hands");
    if (weir_op_unref(op))
        (void)explore_ghost(&life, 0);
}

static void ref__drop_again(void)   /* and takes the next one, which is the same op in a new life */
{
    struct weir_op *next;
    ref__drop();
    next = weir_op_get(pool);
    if (!next)
        return;
    (void)explore_ghost(&contents, 77);
    if (weir_op_refs(next) != 1)
        explore_fail("a fresh op has %u references", (unsigned)weir_op_refs(next));
    if (explore_ghost(&contents, 0) != 77)
        explore_fail("somebody else holds a fresh op");
    weir_op_put(next);
}

static void ref__look_up(void)
{
    struct weir_op *found = weir_op_ref_handle(pool, handle);
    if (!found)
        return;
    if (weir_op_handle(found) != handle)
        explore_fail("the look-up found another life");
    if (explore_ghost(&contents, 0) == 77)
        explore_fail("the look-up found an op that was given to somebody else");
    if (weir_op_handle(found) != handle)
        explore_fail("the op was given back under the hands of who looked it up");
    if (weir_op_unref(found))
        (void)explore_ghost(&life, 0);
}

static void ref__check(void)
{
    struct weir_op *got;
    if (weir_pool_check(pool))
        explore_fail("%s", weir_error_message());
    got = weir_op_get(pool);
    if (!got)
        explore_fail("nobody holds the op, and it is not in the pool");
    if (life)
        explore_fail("nobody was told that it was the last");
    weir_op_put(got);
}

const struct scenario explore_counts[] = {
    { "rundown", "close against two releases, one after another acquire", rundown__setup, { rundown__close_release, rundown__again }, rundown__check, 3, 1 },
    { "rundown-3", "close against two releases", rundown__setup, { rundown__release, rundown__release, rundown__close }, rundown__check, 3, 1 },
    { "rundown-wait", "close and release against release and a wait", rundown__setup_waited, { rundown__close_release, rundown__release, rundown__wait }, rundown__check, 3, 1 },
    { "sharded", "close against two releases, one after another acquire", sharded__setup, { sharded__close_release, sharded__again }, rundown__check, 3, 1 },
    { "sharded-3", "close against two releases", sharded__setup, { sharded__release, sharded__release, sharded__close }, rundown__check, 3, 1 },
    { "look-up", "the last unref against a look-up by handle", ref__setup, { ref__drop, ref__look_up }, ref__check, 3, 1 },
    { "look-up-reborn", "the last unref and the next life against a look-up", ref__setup, { ref__drop_again, ref__look_up }, ref__check, 3, 1 },
    { "look-ups", "the last unref against two look-ups", ref__setup, { ref__drop, ref__look_up, ref__look_up }, ref__check, 2, 1 },
    { "unref", "two holders", ref__setup_two, { ref__drop, ref__drop }, ref__check_two, 3, 1 },
    { 0 }
};
