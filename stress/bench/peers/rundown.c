/* rundown.c - rundowns on one object that every thread hits: acquire and release with nothing in between, and a whole life.
 *
 * RUNDOWN_WORD: one word; RUNDOWN_SHARDED: a line a shard; else the floor, a one-word rundown for each thread, which nobody shares.
 * A life: create, acquire, close, release, and the end by that release.
 *
 * Oracle  each acquire must succeed, and each rundown must run down exactly once when all have left.
 */
#include <stdlib.h>

#include <weir/rundown.h>

#include "../peer.h"

struct own_word {
    struct weir_rundown rundown;
    char unused[128 - sizeof(struct weir_rundown)];
};

static unsigned rundowns;
static uint64_t ended;

static void rundown__ends(void *arg)
{
    (void)arg;
    __atomic_fetch_add(&ended, 1, __ATOMIC_RELAXED);
}

#if defined(RUNDOWN_SHARDED)
#define WHAT "weir_rundown_sharded: as many lines as processors"
static struct weir_rundown_sharded *shared;
#define RUNDOWN_OF(j) ((void)(j), shared)
#define RUNDOWN_ACQUIRE weir_rundown_sharded_acquire
#define RUNDOWN_RELEASE weir_rundown_sharded_release
#define RUNDOWN_CLOSE weir_rundown_sharded_close
#define RUNDOWN_BEGIN(r) \
    struct weir_rundown_sharded *r = NULL; \
    if (weir_rundown_sharded_create(&(r), 0)) \
        bench_fail("no memory for a rundown")
#define RUNDOWN_END(r) (void)weir_rundown_sharded_destroy(r)
#else
static struct own_word *word;
#define RUNDOWN_ACQUIRE weir_rundown_acquire
#define RUNDOWN_RELEASE weir_rundown_release
#define RUNDOWN_CLOSE weir_rundown_close
#define RUNDOWN_BEGIN(r) \
    struct weir_rundown on_stack, *r = &on_stack; \
    weir_rundown_init(r)
#define RUNDOWN_END(r) (void)(r)
#if defined(RUNDOWN_WORD)
#define WHAT "weir_rundown: one word that all threads share"
#define RUNDOWN_OF(j) ((void)(j), &word[0].rundown)
#else
#define WHAT "weir_rundown, a word for each thread on a line of its own: the floor"
#define RUNDOWN_OF(j) (&word[(j)->thread].rundown)
#endif
#endif

static void rundown__ref(struct job *j)
{
    for (uint64_t i = 0; i < j->count; i++) {
        if (__builtin_expect(!RUNDOWN_ACQUIRE(RUNDOWN_OF(j)), 0))
            bench_fail("an open rundown let nobody in");
        RUNDOWN_RELEASE(RUNDOWN_OF(j));
    }
}

static void rundown__life(struct job *j)
{
    uint64_t before = __atomic_load_n(&ended, __ATOMIC_RELAXED);
    for (uint64_t i = 0; i < j->count; i++) {
        RUNDOWN_BEGIN(r);
        (void)RUNDOWN_ACQUIRE(r);
        RUNDOWN_CLOSE(r, rundown__ends, NULL);
        RUNDOWN_RELEASE(r);
        RUNDOWN_END(r);
    }
    if (__atomic_load_n(&ended, __ATOMIC_RELAXED) != before + j->count)
        bench_fail("a life did not end once");
}

static const char *rundown__open(uint32_t capacity, size_t size, unsigned threads)
{
    (void)capacity;
    (void)size;
#if defined(RUNDOWN_SHARDED)
    (void)threads;
    rundowns = 1;
    return weir_rundown_sharded_create(&shared, 0) ? "no memory for a rundown" : NULL;
#else
    rundowns = threads;
    word = aligned_alloc(128, threads * sizeof *word);
    for (unsigned i = 0; word && i < threads; i++)
        weir_rundown_init(&word[i].rundown);
    return word ? NULL : "no memory for its rundowns";
#endif
}

static void rundown__enter(unsigned thread)
{
    (void)thread;
}

static void rundown__leave(void)
{
}

static const char *rundown__close(struct whereabouts *where)
{
    uint64_t before = ended;
    (void)where;
#if defined(RUNDOWN_SHARDED)
    weir_rundown_sharded_close(shared, rundown__ends, NULL);
    if (weir_rundown_sharded_destroy(shared))
        return "somebody is still in it";
#else
    for (unsigned i = 0; i < rundowns; i++)
        weir_rundown_close(&word[i].rundown, rundown__ends, NULL);
    free(word);
#endif
    return ended == before + rundowns ? NULL : "a rundown did not run down once";
}

static const struct peer peer = {
    .what = WHAT,
    .ref = rundown__ref,
    .life = rundown__life,
    .open = rundown__open,
    .enter = rundown__enter,
    .leave = rundown__leave,
    .close = rundown__close,
};

const struct peer *bench_peer(void)
{
    return &peer;
}
