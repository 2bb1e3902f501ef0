/* src/waiter.c - get_wait: a queue of tickets, served first come, first served, by whichever thread puts.
 *
 * A waiter takes a ticket t from tail and moves into slot t % WAITERS, whose word is {lap:32, what:32}:
 *
 *     {any lap, FREE}         nobody's
 *     {t / WAITERS, WAITING}  ticket t's, nothing given yet
 *     {t / WAITERS, i+2}      op i was given; the waiter takes it and makes it FREE
 *
 * Who has an op and sees head != tail moves head on by a swap and then swaps the op into that ticket's slot; if the slot is not that
 * ticket's and WAITING, its waiter has left or not come yet: the next. A giver that is stopped between the two holds one op back, and
 * delays one waiter.
 *
 * A ticket may come to nothing. Its slot may still be in use: the waiter of WAITERS tickets ago was given an op and stands still. Or head
 * has passed it before the waiter had moved in. The waiter moves in, fences (waiter.M1) and looks at head; a giver moves head, fences, looks
 * at the slot. So one of them sees the other. A waiter that was passed moves out again, unless it has been given an op after all, and takes
 * another ticket: no waiter depends on another one that is stopped.
 *
 *     may run at once     wait    give          wait blocks by nature; give is lock-free
 *     wait                 yes     yes
 *     give                         yes
 *
 * No wake-up is lost: a waiter advances tail (waiter.T1), moves in, and *then* searches everywhere once; whoever puts makes
 * the op visible, fences (waiter.F1), and then looks at tail. Caches that were open are shut by that search, and none is opened past a waiter: cache_rearm
 * looks after its fence and serves. While anybody waits no get overtakes: it serves first.
 */
#include "pool_private.h"
#include "panic.h"

enum { WAITER_NAP = 1000000 };  /* nanoseconds */

enum { SLOT_FREE = 0, SLOT_WAITING = 1, SLOT_OP = 2 };      /* SLOT_OP: the index is added */

#define SLOT_WORD(ticket, what) ((uint64_t)(uint32_t)((ticket) / WAITERS) << 32 | (what))
#define SLOT_WHAT(word) ((uint32_t)(word))

/* The half of a slot's word that changes when an op is given. */
static uint32_t *waiter__futex(struct waiter_slot *slot)
{
    const union { uint32_t half; unsigned char byte[4]; } one = { 1 };
    return (uint32_t *)(void *)&slot->word + (one.byte[0] ? 0 : 1);
}

/* Give an op that is in hand (not live) to the first waiter. false: nobody waits. */
bool waiters_give(struct weir_pool *pool, struct weir_op *op)
{
    uint64_t h = load_acquire_64(&pool->waiters_head), word;    /* waiter.H2 <- waiter.H1 */
    struct waiter_slot *slot;
    while (h != load_acquire_64(&pool->waiters_tail)) {         /* waiter.T2 */
        if (!cas_64(&pool->waiters_head, &h, h + 1))            /* waiter.H1 -> waiter.H2: the ticket is served */
            continue;
        WEIR_POINT("waiter.give");
        slot = &pool->waiter[h % WAITERS];
        word = SLOT_WORD(h, SLOT_WAITING);
        fence();                                                /* waiter.F3 <-> waiter.M1: head, then the slot */
        if (cas_64(&slot->word, &word, SLOT_WORD(h, weir_op_index(op) + SLOT_OP))) {    /* waiter.G1 -> waiter.G2: the op */
            os_wake(waiter__futex(slot), INT32_MAX);
            return true;
        }
        h = load_acquire_64(&pool->waiters_head);               /* waiter.H2: that one has left, the next */
    }
    return false;
}

/* As long as somebody waits and an op can be found, bring them together. */
void waiters_serve(struct weir_pool *pool, struct cache *c)
{
    struct weir_op *op;
    while (waiters_any(pool)) {
        op = cache_take(c);
        if (!op)
            return;
        if (!waiters_give(pool, op)) {                          /* the last one has left meanwhile */
            cache_place(c, op);
            fence();                                            /* waiter.F3 <-> steal.F2: w, then dirty, as whoever opens a cache */
            mark_dirty(pool);                                   /* a sweep may have found nothing while the op was in hand */
            fence();                                            /* waiter.F1: the op and the mark, then the waiters once more */
        }
    }
}

void waiters_serve_any(struct weir_pool *pool)
{
    struct cache *own, *c;
    fence();                                                    /* waiter.F1 */
    if (!waiters_any(pool))
        return;
    own = thread_cache_if_any(pool);
    c = own ? own : cache_acquire(pool);
    if (!c)
        return;
    waiters_serve(pool, c);
    if (!own)
        cache_release(c);
}

/* In a forked child: relaxed word, waiters_head, waiters_tail: nobody else runs. */
void waiters_reset(struct weir_pool *pool)
{
    uint32_t i;
    for (i = 0; i < WAITERS; i++)
        store_relaxed_64(&pool->waiter[i].word, 0);
    store_relaxed_64(&pool->waiters_head, 0);
    store_relaxed_64(&pool->waiters_tail, 0);
}

/* Out of the slot, unless an op has been given. */
static bool waiter__leave(struct waiter_slot *slot, uint64_t ticket)
{
    uint64_t word = SLOT_WORD(ticket, SLOT_WAITING);
    return cas_64(&slot->word, &word, SLOT_WORD(ticket, SLOT_FREE));        /* waiter.G3 -> waiter.G1: it has left */
}

/* Into the ticket's slot. false: the ticket has come to nothing. */
static bool waiter__move_in(struct weir_pool *pool, uint64_t ticket)
{
    struct waiter_slot *slot = &pool->waiter[ticket % WAITERS];
    uint64_t word = load_relaxed_64(&slot->word);               /* the swap below verifies it */
    if (SLOT_WHAT(word) != SLOT_FREE || !cas_64(&slot->word, &word, SLOT_WORD(ticket, SLOT_WAITING)))   /* waiter.M2 */
        return false;
    WEIR_POINT("waiter.moved");
    fence();                                                    /* waiter.M1 <-> waiter.F3: the slot, then head */
    return (int64_t)(load_acquire_64(&pool->waiters_head) - ticket) <= 0 || !waiter__leave(slot, ticket);   /* waiter.H2 */
}

/* Sleep until the ticket's slot says something, or the time is over. The op, or NULL. */
static struct weir_op *waiter__sleep(struct weir_pool *pool, uint64_t ticket, int64_t deadline)
{
    struct waiter_slot *slot = &pool->waiter[ticket % WAITERS];
    uint64_t word = load_acquire_64(&slot->word);               /* waiter.G2 */
    bool late = false;
    while (SLOT_WHAT(word) == SLOT_WAITING) {
        if (late && waiter__leave(slot, ticket))
            return NULL;
        if (!late)
            late = os_wait(waiter__futex(slot), SLOT_WAITING, deadline) != 0;
        word = load_acquire_64(&slot->word);                    /* waiter.G2 */
    }
    store_release_64(&slot->word, SLOT_WORD(ticket, SLOT_FREE));        /* waiter.G3 -> waiter.M2: the next one's */
    return arena_op(pool, SLOT_WHAT(word) - SLOT_OP);
}

/* The next ticket, unless WAITERS of them are out: then look again now and then. false: the time is over. */
static bool waiter__queue(struct weir_pool *pool, uint64_t *ticket, int64_t deadline)
{
    uint64_t t = load_acquire_64(&pool->waiters_tail);          /* waiter.T2 */
    int64_t nap = WAITER_NAP;
    uint32_t nobody = 0;
    for (;;) {
        if (t - load_acquire_64(&pool->waiters_head) < WAITERS) {   /* waiter.H2 */
            if (cas_64(&pool->waiters_tail, &t, t + 1)) {       /* waiter.T1 -> waiter.T2 */
                *ticket = t;
                return true;
            }
            continue;
        }
        if (os_now() >= deadline)
            return false;
        (void)os_wait(&nobody, 0, deadline - os_now() < nap ? deadline : os_now() + nap);
        nap = nap < 16 * WAITER_NAP ? 2 * nap : nap;
        t = load_acquire_64(&pool->waiters_tail);               /* waiter.T2 */
    }
}

static struct weir_op *waiter__wait(struct weir_pool *pool, struct cache *c, int64_t deadline, const void *site)
{
    uint64_t ticket;
    struct weir_op *op;
    if (c)
        count_add(&c->waits, 1);
    do {
        if (!waiter__queue(pool, &ticket, deadline))
            return NULL;
        WEIR_POINT("waiter.ticket");
    } while (!waiter__move_in(pool, ticket));
    fence();                                                    /* waiter.F2 <-> waiter.F1: the ticket, then whatever was put */
    if (c) {
        (void)cache_shut(c);
        waiters_serve(pool, c);
    }
    op = waiter__sleep(pool, ticket, deadline);
    if (op && c)
        count_add(&c->granted, 1);
    if (op && WEIR_UNLIKELY(pool->track != NULL))
        return op_born_watched(pool, op, c && cache_follows(c), site);
    return op ? op_born(op) : NULL;
}

struct weir_op *weir_op_get_wait(struct weir_pool *pool, int64_t timeout_ns)
{
    struct cache *c, *borrowed = NULL;
    struct weir_op *op;
    int64_t deadline = INT64_MAX, now;
    if (!pool)
        weir_panic("weir_op_get_wait: pool is NULL");
    fork_check(pool);
    op = waiters_any(pool) && timeout_ns != 0 ? NULL : op_get_from(pool, __builtin_return_address(0));
    if (op || timeout_ns == 0)
        return op;
    if (timeout_ns > 0) {
        now = os_now();
        deadline = timeout_ns < INT64_MAX - now ? now + timeout_ns : INT64_MAX;
    }
    c = thread_cache(pool);
    if (!c)
        c = borrowed = cache_acquire(pool);
    op = pool->segment ? segment_wait(pool, c, deadline) : waiter__wait(pool, c, deadline, __builtin_return_address(0));
    if (borrowed)
        cache_release(borrowed);
    return op;
}
