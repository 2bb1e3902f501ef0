/* planted.c - four exchanges between two threads, each of which only one order in the library makes right.
 *
 * Purpose    ThreadSanitizer must find a release that was taken away (plant.py), and must find nothing with all of them there.
 * How        once the second thread has begun the two meet by relaxed stores and loads alone, which order nothing: whatever order there is,
 *            the library gave it. Each thread does one thing, once, so a run either has the race or not; no chance is involved.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

enum { CAPACITY = 64, CACHE = 32 };     /* magazines of 16 */

static int turn;                        /* whose turn it is: counts up */
static struct weir_pool *pool;
static struct weir_op *op[CAPACITY];
static struct weir_rundown rundown;
static long account;

static void say(int next)
{
    __atomic_store_n(&turn, next, __ATOMIC_RELAXED);
}

static void await(int next)
{
    while (__atomic_load_n(&turn, __ATOMIC_RELAXED) != next)
        (void)sched_yield();
}

static void begin(void)
{
    __atomic_store_n(&turn, 1, __ATOMIC_RELEASE);
}

static void begun(void)
{
    while (__atomic_load_n(&turn, __ATOMIC_ACQUIRE) != 1)
        (void)sched_yield();
}

static int get(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++)
        if (!(op[i] = weir_op_get(pool)))
            return fprintf(stderr, "planted: no op %u\n", i);
    return 0;
}

static void scribble(struct weir_op *at)
{
    memset(weir_op_buffer(at), 1, 8);
}

/* -- depot: a new cache brings empty magazines; another thread's flush takes them ---------------------------------------------- */

static void *depot_other(void *arg)
{
    begun();
    weir_op_put(weir_op_get(pool));
    say(2);
    return arg;
}

static int depot_first(void)
{
    int error = get(0, 48);
    begin();
    await(2);
    weir_op_put_bulk(op, 48);
    return error;
}

/* -- put: an op that was used and put is stolen out of the other thread's cache -------------------------------------------------- */

static void *put_other(void *arg)
{
    struct weir_op *mine;
    begun();
    mine = weir_op_get(pool);
    scribble(mine);
    weir_op_put(mine);
    say(2);
    await(3);
    return arg;
}

static int put_first(void)
{
    int error = get(0, 48);             /* the other finds the last magazine */
    begin();
    await(2);
    error |= get(48, CAPACITY);         /* out of its cache */
    for (unsigned i = 48; i < CAPACITY && !error; i++)
        scribble(op[i]);
    say(3);
    weir_op_put_bulk(op, CAPACITY);
    return error;
}

/* -- rundown: what an operation did, before done ------------------------------------------------------------------------------- */

static void *rundown_other(void *arg)
{
    begun();
    account++;
    weir_rundown_release(&rundown);
    say(2);
    return arg;
}

static void settle(void *arg)
{
    *(long *)arg += 2;
}

static int rundown_first(void)
{
    weir_rundown_init(&rundown);
    if (!weir_rundown_acquire(&rundown))
        return 1;
    begin();
    await(2);
    weir_rundown_close(&rundown, settle, &account);
    return account != 3;
}

/* -- unref: what one holder did, before the last one reuses the op ----------------------------------------------------------------- */

static void *unref_other(void *arg)
{
    begun();
    scribble(op[0]);
    (void)weir_op_unref(op[0]);
    say(2);
    return arg;
}

static int unref_first(void)
{
    int error = get(0, 1);
    weir_op_ref(op[0]);
    begin();
    await(2);
    error |= !weir_op_unref(op[0]);
    error |= get(0, 1);                 /* the very same */
    scribble(op[0]);
    weir_op_put(op[0]);
    return error;
}

/* -------------------------------------------------------------------------------------------------------------------------------- */

static const struct exchange {
    const char *name;
    int (*first)(void);
    void *(*other)(void *arg);
} exchange[] = {
    { "depot", depot_first, depot_other },
    { "put", put_first, put_other },
    { "rundown", rundown_first, rundown_other },
    { "unref", unref_first, unref_other },
};

int main(int argc, char **argv)
{
    struct weir_pool_config config = { .name = "planted", .capacity = CAPACITY, .cache = CACHE, .buffer_size = 64 };
    const struct exchange *e = exchange;
    pthread_t thread;
    int error;
    while (argc == 2 && e < exchange + sizeof exchange / sizeof *exchange && strcmp(e->name, argv[1]) != 0)
        e++;
    if (argc != 2 || e == exchange + sizeof exchange / sizeof *exchange)
        return fprintf(stderr, "planted depot | put | rundown | unref\n"), 2;
    if (weir_pool_create(&pool, &config) || pthread_create(&thread, NULL, e->other, NULL))
        return fprintf(stderr, "planted: %s\n", weir_error_message()), 2;
    error = e->first();
    pthread_join(thread, NULL);
    return error || weir_pool_close(pool) ? fprintf(stderr, "planted: %s\n", weir_error_message()), 1 : 0;
}
