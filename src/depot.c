/* src/depot.c - the lock-free global free list: three stacks of magazines, and the blocks that were never used.
 *
 *     full     magazines of M ops (or M + 1, out of a put that was stopped)
 *     part     magazines of fewer: what threads leave at their exit, and single ops while the pool is short of them. Served first, so
 *              that they don't pile up
 *     empty    records without ops
 *     virgin   a counter: block b has been handed out if b < virgin
 *
 * A head is one word {tag:40, magazine:24}; every change advances the tag of the head that was *observed*, so that a swap fails if the
 * stack has changed at all (no ABA for 2^40 changes). The link of a magazine lies in its record, which is never unmapped.
 *
 *     may run at once      push   pop   pop_virgin   all lock-free: who fails has been overtaken by who succeeded
 *     push                  yes   yes      yes
 *     pop                         yes      yes
 *
 * Seen by who searches: a pop first makes sure that the pool is marked dirty and lists the magazine as in transit, then swaps. A sweep
 * takes the mark away and then advances the tags of the empty stacks: a pop that read the mark before the sweep fails its swap. So
 * after a sweep that found nothing, ops can't be in a cache without the mark being set again.
 *
 * relaxed transit: back to none, because no magazine was popped.
 *
 * Never out of records. There are ceil(capacity / M) in the arena and six with each cache. Full ones are at most the former, a
 * cache lists at most four (loaded, prev, transit, spare), and partial ones can be merged: whatever else exists is empty.
 */
#include "pool_private.h"
#include "panic.h"

#define HEAD_INDEX(h) ((uint32_t)(h) & 0xffffff)
#define HEAD_AFTER(h, index) ((((h) >> 24) + 1) << 24 | (index))

void depot_push(struct weir_pool *pool, struct stack *stack, struct magazine *m)
{
    uint64_t h = load_relaxed_64(&stack->head);                 /* the swap below verifies it */
    (void)pool;
    do {
        store_relaxed_32(&m->next, HEAD_INDEX(h));
        WEIR_POINT("depot.push");
    } while (!cas_64(&stack->head, &h, HEAD_AFTER(h, magazine_index(m))));   /* depot.R1 -> depot.A1: the magazine and its link */
}

/* The top magazine, listed as c's transit, or NULL. c NULL: the caller needs no listing (it holds the pool still). */
struct magazine *depot_pop(struct weir_pool *pool, struct stack *stack, struct cache *c)
{
    uint64_t h = load_acquire_64(&stack->head);                 /* depot.A1 */
    struct magazine *m;
    while (HEAD_INDEX(h) != MAGAZINE_NONE) {
        m = magazine_at(pool, HEAD_INDEX(h));
        if (c) {
            mark_dirty(pool);
            store_release_32(&c->transit, magazine_index(m));            /* depot.T1 -> steal.T2: before the swap */
        }
        WEIR_POINT("depot.pop");
        if (cas_64(&stack->head, &h, HEAD_AFTER(h, load_relaxed_32(&m->next)))) /* depot.A2 -> steal.A4: transit and dirty */
            return m;
    }
    if (c)
        store_relaxed_32(&c->transit, MAGAZINE_NONE);
    return NULL;
}

/* The next block that was never used, listed as c's transit. Its memory is committed and its record filled in before it is taken, so
 * that a thief finds it whole. NULL: there is none, or no memory for it. */
struct magazine *depot_pop_virgin(struct weir_pool *pool, struct cache *c)
{
    uint32_t block = load_acquire_32(&pool->virgin);            /* depot.V1 <- depot.V2 */
    while (block < pool->blocks) {
        uint32_t end = pool->capacity - block * pool->magazine > pool->magazine ? (block + 1) * pool->magazine : pool->capacity;
        if (load_acquire_32(&pool->arena.committed) < end && arena_commit(pool, end))   /* arena.C2 */
            break;
        mark_dirty(pool);
        store_release_32(&c->transit, block);                   /* depot.T1: before the swap */
        fence();                                                /* trim.B2: transit, then arena.generation */
        arena_prepare_block(pool, block);
        WEIR_POINT("depot.virgin");
        if (cas_32(&pool->virgin, &block, block + 1))           /* depot.V2 -> depot.V1: the block's record */
            return magazine_at(pool, block);
    }
    store_relaxed_32(&c->transit, MAGAZINE_NONE);
    return NULL;
}

struct magazine *depot_pop_ops(struct weir_pool *pool, struct cache *c)
{
    struct magazine *m = depot_pop(pool, &pool->part, c);
    if (!m)
        m = depot_pop(pool, &pool->full, c);
    return m;
}

bool depot_is_bare(struct weir_pool *pool)
{
    return HEAD_INDEX(load_acquire_64(&pool->part.head)) == MAGAZINE_NONE &&    /* depot.A1 */
           HEAD_INDEX(load_acquire_64(&pool->full.head)) == MAGAZINE_NONE;  /* depot.A1 */
}

/* m's word s says TAKEN: the magazine that its ops were copied to may not know yet that they count. Make sure it does. */
void depot_settle_taken(struct weir_pool *pool, struct magazine *m, uint64_t s)
{
    struct magazine *to = magazine_at(pool, state_other(s));
    uint64_t t = load_acquire_64(&to->state);                   /* magazine.S2 */
    if (state_what(t) == MAGAZINE_PENDING && state_other(t) == magazine_index(m))
        (void)cas_64(&to->state, &t, state_after(t, MAGAZINE_FULL, state_n(t), 0)); /* magazine.S1: it has been said for us */
}

void depot_give_empty(struct weir_pool *pool, struct cache *c, struct magazine *m)
{
    if (c->spare == MAGAZINE_NONE)
        c->spare = magazine_index(m);
    else
        depot_push(pool, &pool->empty, m);
}

/* Two partial magazines into one. Returns the other, EMPTY, or NULL if there weren't two or both are still needed. */
static struct magazine *depot__merge(struct weir_pool *pool)
{
    struct magazine *a = depot_pop(pool, &pool->part, NULL), *b;
    uint64_t sa, sb;
    uint32_t na, nb, marks;
    if (!a)
        return NULL;
    sa = load_acquire_64(&a->state);                            /* magazine.S2 */
    marks = state_other(sa);
    /* magazine.S1: nobody's but ours */
    if (state_what(sa) != MAGAZINE_FULL || !cas_64(&a->state, &sa, state_after(sa, MAGAZINE_EMPTY, 0, 0))) {
        if (state_what(sa) == MAGAZINE_TAKEN)
            depot_settle_taken(pool, a, sa);
        store_release_64(&a->state, state_after(sa, MAGAZINE_EMPTY, 0, 0)); /* magazine.S1 */
        return a;
    }
    na = state_n(sa);
    b = depot_pop(pool, &pool->part, NULL);
    sb = b ? load_acquire_64(&b->state) : 0;                    /* magazine.S2 */
    /* magazine.S1: nobody's but ours */
    if (b && state_what(sb) == MAGAZINE_FULL && cas_64(&b->state, &sb, state_after(sb, MAGAZINE_EMPTY, 0, 0))) {
        for (nb = state_n(sb); nb && na < pool->magazine; na++)
            store_relaxed_ptr(&a->slot[na], load_relaxed_ptr(&b->slot[--nb]));
        marks = ((marks | state_other(sb)) & MAGAZINE_RAW) | (marks & state_other(sb) & MAGAZINE_SPENT);
        if (nb) {
            /* magazine.S1: what is left of it */
            store_release_64(&b->state, state_after(load_relaxed_64(&b->state), MAGAZINE_FULL, nb, state_other(sb)));
            depot_push(pool, &pool->part, b);
            b = NULL;
        }
    } else if (b) {
        if (state_what(sb) == MAGAZINE_TAKEN)
            depot_settle_taken(pool, b, sb);
        store_release_64(&b->state, state_after(sb, MAGAZINE_EMPTY, 0, 0)); /* magazine.S1 */
    }
    store_release_64(&a->state, state_after(load_relaxed_64(&a->state), MAGAZINE_FULL, na, marks)); /* magazine.S1: the slots */
    depot_push(pool, na >= pool->magazine ? &pool->full : &pool->part, a);
    return b;
}

/* A record without ops. must: there is one (see above), search on; else NULL when none is at hand. */
struct magazine *depot_pop_empty(struct weir_pool *pool, struct cache *c, bool must)
{
    struct magazine *m;
    uint64_t s;
    if (c->spare != MAGAZINE_NONE) {
        m = magazine_at(pool, c->spare);
        c->spare = MAGAZINE_NONE;
        return m;
    }
    for (;;) {
        m = depot_pop(pool, &pool->empty, NULL);
        if (m || !must)
            return m;
        m = depot__merge(pool);
        if (m)
            return m;
        m = depot_pop(pool, &pool->full, NULL);                 /* a theft in place may have left an empty one here */
        if (m) {
            s = load_acquire_64(&m->state);                     /* magazine.S2 */
            if (state_what(s) == MAGAZINE_FULL) {
                depot_push(pool, &pool->full, m);
            } else {
                if (state_what(s) == MAGAZINE_TAKEN)
                    depot_settle_taken(pool, m, s);
                store_release_64(&m->state, state_after(s, MAGAZINE_EMPTY, 0, 0));  /* magazine.S1 */
                return m;
            }
        }
    }
}
