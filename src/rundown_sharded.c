/* rundown_sharded.c - the rundown of an object that every thread hits.
 *
 *     +-----------------------------+   +---------------+ +---------------+       a shard:  63                       1   0
 *     | the middle: a weir_rundown  |   | shard 0       | | shard 1       | ...            +--------------------------+---+
 *     | shards                      |   |               | |               |                | acquires minus releases, |SHU|
 *     +-----------------------------+   +---------------+ +---------------+                | signed                   |  T|
 *       read by all, written at close     64 bytes, one thread's or a few's                +--------------------------+---+
 *
 * Purpose    acquire and release on a line that other cores leave alone, and still find the one moment when all have ended. (The
 *            idea is Linux's percpu-ref: many counts while open, one count once closing.)
 * Invariant  an operation counts as +1 in the shard that it was acquired in and as -1 where it is released: in an open shard
 *            or, if that one is shut, in the middle. The sum of all is the operations in progress, plus BIAS in the middle until
 *            the shards' share has been moved there. A single shard can be negative, or any size: an operation may end on
 *            another thread.
 *
 * Close. (1) The middle is closed: from then on every acquire fails at its first look. Its count is BIAS, so it can't run down.
 * (2) Each shard is shut by an `or` that also reads its count. An acquire or release that came before in the shard's own order is in
 * that count. One that comes after finds SHUT in the value it got back: the acquire has failed (what it added is garbage, nobody
 * reads the shard again), the release goes to the middle. So each lands in exactly one place, and no fence, barrier or grace
 * period is needed: the read-modify-write on the shard decides. (3) The sum of what was read, less BIAS, is added to the
 * middle at once. Now its count is exact. Until here it lay between BIAS and BIAS less the operations in progress, never
 * near 0; from here on it only falls, and the last takes it to 0 once.
 *
 * Why an acquire looks at the middle before its shard: the shards are shut one by one. An acquire that fails in a shut one tells
 * its thread that closing has begun; no later acquire may succeed in a shard that is still open.
 *
 *               acquire  release  close   wait   destroy
 *     acquire   any      any      any     any    no
 *     release   any      any      any     any    no          destroy: alone, or in done
 *     close     any      any      panic   any    no
 *     wait      any      any      any     any    no
 *
 * Progress   acquire wait-free; release wait-free but for done; close takes a step for each shard. wait sleeps.
 */
#include "rundown_private.h"

#include <errno.h>

#include <weir/inline/atomic.h>
#include "atomic.h"
#include "os/os.h"
#include "panic.h"

enum { SHARDED_LINE = 64, SHARDED_MAX = 4096, SHARDED_SHUT = 1, SHARDED_ONE = 2 };

#define SHARDED_BIAS (INT64_C(1) << 31)         /* over RUNDOWN_MAX, and so are both together under 2^32 */

struct sharded_shard {
    uint64_t word;
    uint64_t unused[SHARDED_LINE / sizeof(uint64_t) - 1];
};

struct weir_rundown_sharded {
    struct weir_rundown middle;
    uint32_t mask;                              /* shards, a power of two, less one */
    uint64_t unused[5];
    struct sharded_shard shard[];
};

_Static_assert(sizeof(struct weir_rundown_sharded) == SHARDED_LINE, "the shards begin on a line of their own");

static uint64_t *sharded__mine(struct weir_rundown_sharded *rundown)
{
    return &rundown->shard[os_thread_number() & rundown->mask].word;
}

static int64_t sharded__count(uint64_t word)
{
    return (int64_t)(word & ~(uint64_t)SHARDED_SHUT) / SHARDED_ONE;
}

static size_t sharded__bytes(uint32_t shards)
{
    return sizeof(struct weir_rundown_sharded) + shards * sizeof(struct sharded_shard);
}

int weir_rundown_sharded_create(struct weir_rundown_sharded **out, unsigned shards)
{
    uint32_t n = 1;
    if (!out)
        return error_set(-EINVAL, "weir_rundown_sharded_create: out is NULL");
    if (shards > SHARDED_MAX)
        return error_set(-EINVAL, "weir_rundown_sharded_create: shards is %u, at most %d would be right", shards, SHARDED_MAX);
    if (shards == 0)
        shards = os_cpus();
    while (n < shards && n < SHARDED_MAX)
        n *= 2;
    struct weir_rundown_sharded *rundown = os_pages(sharded__bytes(n));
    if (!rundown)
        return error_set(-ENOMEM, "weir_rundown_sharded_create: no memory for %u shards", (unsigned)n);
    weir_rundown_init(&rundown->middle);
    weir_rundown_adjust(&rundown->middle, SHARDED_BIAS);
    rundown->mask = n - 1;
    *out = rundown;
    return 0;
}

bool weir_rundown_sharded_acquire(struct weir_rundown_sharded *rundown)
{
    if (load_acquire_64(&rundown->middle.word[0]) & RUNDOWN_CLOSING)   /* rundown.A1 <- rundown.R1 */
        return false;
    WEIR_POINT("sharded.acquire");
    return !(add_64(sharded__mine(rundown), SHARDED_ONE) & SHARDED_SHUT);      /* sharded.A1 <- sharded.R1, when it fails */
}

void weir_rundown_sharded_release(struct weir_rundown_sharded *rundown)
{
    uint64_t old = sub_64(sharded__mine(rundown), SHARDED_ONE);         /* sharded.R2 -> sharded.A2: what the operation did */
    WEIR_POINT("sharded.release");
    if (old & SHARDED_SHUT)
        weir_rundown_release(&rundown->middle);                         /* still held: the operation counts there */
}

void weir_rundown_sharded_close(struct weir_rundown_sharded *rundown, void (*done)(void *arg), void *arg)
{
    int64_t sum = 0;
    weir_rundown_close(&rundown->middle, done, arg);
    for (uint32_t i = 0; i <= rundown->mask; i++) {
        WEIR_POINT("sharded.shut");
        uint64_t word = or_64(&rundown->shard[i].word, SHARDED_SHUT);   /* sharded.R1 -> sharded.A1; sharded.A2 <- sharded.R2 */
        sum += sharded__count(word);
    }
    if (sum < 0 || sum > (int64_t)RUNDOWN_MAX)
        weir_panic("sharded rundown %p: %lld operations in progress at close, 0 to 2^30 would be right; "
                   "each acquire needs its release", (void *)rundown, (long long)sum);
    WEIR_POINT("sharded.sum");
    weir_rundown_adjust(&rundown->middle, sum - SHARDED_BIAS);          /* the last access: it may be gone now */
}

int weir_rundown_sharded_wait(struct weir_rundown_sharded *rundown, int64_t timeout_ns)
{
    return weir_rundown_wait(&rundown->middle, timeout_ns);
}

int weir_rundown_sharded_destroy(struct weir_rundown_sharded *rundown)
{
    int64_t sum = 0;
    if (!rundown)
        return 0;
    uint64_t middle = load_acquire_64(&rundown->middle.word[0]);        /* rundown.A3 <- rundown.R3 */
    if (!(middle & RUNDOWN_CLOSING))
        for (uint32_t i = 0; i <= rundown->mask; i++)
            sum += sharded__count(load_acquire_64(&rundown->shard[i].word));    /* sharded.A2 <- sharded.R2 */
    if (sum != 0 || (middle & (RUNDOWN_CLOSING | RUNDOWN_DOWN)) == RUNDOWN_CLOSING)
        return error_set(-EBUSY, "weir_rundown_sharded_destroy: operations are in progress; close it and wait first");
    os_pages_free(rundown, sharded__bytes(rundown->mask + 1));
    return 0;
}
