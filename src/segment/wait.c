/* src/segment/wait.c - what blocks between processes: get_wait, and the lock of those few who take turns.
 *
 * A waiter says `waiting`, fences, tries once more, and sleeps on `wakes`. Whoever puts makes the op visible, fences, and looks at `waiting` in each
 * slow path; all caches are shut by a get that finds nothing, so the next put of any thread is in a slow path. It hands its slots to the depot, takes
 * `waiting` away, counts `wakes` up and wakes all. Those who find nothing again say `waiting` again.
 *
 * Nothing is given to a certain waiter, so that none that dies takes an op with it, or somebody else's turn: who is woken competes with whoever gets, and
 * there is no order among waiters of a shared pool. A process that is killed between its put and its wake would leave the others asleep: so no sleep is
 * longer than a nap, after which the waiter looks again.
 *
 * A lock is a futex word with the number of the writer that has it. If its process is found dead after a nap, the next one takes it over: what
 * the locks guard (a bulk get's second try, a trim, the pins) is whole at every instruction.
 *
 *     may run at once     wait, wake: all. Progress: a wait blocks by nature; wake is one system call
 */
#include "segment.h"
#include "../panic.h"

enum { SEGMENT_NAP = 50000000, SEGMENT_LOCK_NAP = 10000000 };   /* nanoseconds */

void segment_wake(struct segment *s)
{
    struct segment_head *head = s->head;
    fence();                                                    /* segment.F3 */
    if (load_relaxed_32(&head->waiting) && swap_32(&head->waiting, 0)) {    /* segment.V1: seen */
        (void)add_32(&head->wakes, 1);                          /* segment.V3 -> segment.V4: look again */
        os_wake_shared(&head->wakes, UINT32_MAX);
    }
}

/* c: the caller's cache; NULL: it has none, and its gets borrow one. */
struct weir_op *segment_wait(struct weir_pool *pool, struct cache *c, int64_t deadline)
{
    struct segment_head *head = pool->segment->head;
    struct weir_op *op;
    uint32_t seen;
    int64_t now;
    if (c)
        count_add(&proxy_of(c)->rec->waits, 1);
    for (;;) {
        seen = load_acquire_32(&head->wakes);                   /* segment.V4 <- segment.V3 */
        store_release_32(&head->waiting, 1);                    /* segment.V2 -> segment.V1: somebody is about to sleep */
        fence();                                                /* segment.F4: waiting, then whatever was put */
        op = c ? segment_get(c) : weir_op_get(pool);
        now = os_now();
        if (op || now >= deadline)
            return op;
        (void)os_wait_shared(&head->wakes, seen, deadline - now < SEGMENT_NAP ? deadline : now + SEGMENT_NAP);
    }
}

bool segment_wanted(const struct weir_pool *pool)
{
    return load_relaxed_32(&pool->segment->head->waiting) != 0;     /* a hint */
}

/* -- locks -------------------------------------------------------------------------------------------------------------------- */

static bool wait__dead(const struct segment *s, uint32_t w)
{
    enum os_life life = w && w <= s->shape.writers ? segment_writer_life(writer_at(s, w)) : OS_DEAD;
    return life == OS_DEAD || life == OS_ZOMBIE;
}

void segment_lock(struct proxy *p, unsigned which)
{
    struct segment *s = p->segment;
    uint32_t *word = &s->head->lock[which].owner, owner = 0;
    while (!cas_32(word, &owner, p->id)) {                      /* segment.L1 -> segment.L1: what it guards */
        if (owner && os_wait_shared(word, owner, os_now() + SEGMENT_LOCK_NAP) && wait__dead(s, owner))
            continue;                                           /* the swap takes it over, if it is still the dead one's */
        owner = 0;
    }
}

void segment_unlock(struct proxy *p, unsigned which)
{
    uint32_t *word = &p->segment->head->lock[which].owner;
    (void)swap_32(word, 0);                                     /* segment.L1 */
    os_wake_shared(word, UINT32_MAX);
}

/* -- n ops or none ------------------------------------------------------------------------------------------------------------ */

/* n gets were none: the count of gets goes down, that of ops stays. */
void segment_not_taken(struct cache *c, unsigned n)
{
    struct writer *r = proxy_of(c)->rec;
    store_release_64(&r->placed, r->placed - n);                /* segment.W3: first: what a thief may take meanwhile is there */
    store_release_64(&r->took, r->took - n);                    /* segment.W1 */
}

struct cache *segment_collectors(struct weir_pool *pool)
{
    struct cache *c = thread_cache_if_any(pool);
    if (!c)
        c = cache_acquire(pool);
    if (c)
        segment_lock(proxy_of(c), LOCK_COLLECTOR);
    return c;
}

void segment_collected(struct cache *c)
{
    if (!c)
        return;
    segment_unlock(proxy_of(c), LOCK_COLLECTOR);
    if (c != thread_cache_if_any(c->pub.pool))
        cache_release(c);
}
