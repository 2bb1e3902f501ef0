/* src/segment/cache.c - get and put of a shared pool: a writer's slots, n = placed - took of them.
 *
 *     get:  took + 1; then g; stamp[o] = writer; slot[n - 1] = NONE       put:  stamp[o] = writer; slot[n] = o; stamp[o] = 0; placed + 1; then g
 *
 * As in src/cache.c the owner alone stores those two words, one in each call, so that no call waits for the store of the one before. It stores first
 * and tests g after; who wants to divert it shuts g, makes the barrier of all processes and reads them then: either it sees the owner's store, or the
 * owner sees g. The owner, diverted, *settles*: it changes g itself, so that a theft that was under way fails, or finds that the theft came first
 * (TAKEN n) and keeps only what lies at or above n. Nobody waits for an owner that is stopped, or dead, anywhere.
 *
 *     g:  OPEN{seq} -> SHUT{seq} by anybody;  SHUT{seq} -> TAKEN{n, thief, num} by a thief that has read n since;
 *         all else by the owner, each with a new seq: SHUT -> SHUT (a theft under way fails), SHUT -> OPEN, TAKEN -> SHUT (after confirming it)
 *
 * Which op is whose at each instruction, should the owner die there: segment.h. An op in a slot beyond n is this writer's, too: it was claimed, or not
 * counted yet. A stamp comes before the op leaves its slot, and goes after it lies in one.
 *
 * A cache has two magazines' worth of slots, and what it flushes are the upper ones: they are claimed by one store like a get of so many, where the
 * lower ones would have to be moved up under the eyes of thieves. So a thread that is stopped in a flush keeps one magazine from the others.
 *
 *     may run at once     owner's get, put     thieves (steal.c)        lock-free. Where there is no barrier between processes no cache ever
 *     owner               one thread           yes                      opens: each call comes to settle, and of its swap on g and a thief's
 *     thieves                                  yes                      one comes first
 *
 * relaxed slot: published by segment.W3, or by the top that the magazine goes under. relaxed pool: the
 * stamp is for who finds this process dead. relaxed refs, famine: as in src/cache.c. relaxed waiting: behind a fence.
 */
#include "segment.h"
#include "../panic.h"
#include <string.h>

void segment_mark_dirty(struct segment *s)
{
    if (load_relaxed_32(&s->head->dirty) != DIRTY)
        store_release_32(&s->head->dirty, DIRTY);               /* segment.Y1 -> segment.Y2 */
}

static void cache__took(struct writer *r, uint64_t gets)
{
    store_release_64(&r->took, r->took + gets);                 /* segment.W1 -> segment.W2: the claim */
}

static void cache__placed(struct writer *r, uint64_t ops)
{
    store_release_64(&r->placed, r->placed + ops);              /* segment.W3 -> segment.W4: the slots */
}

static uint64_t *cache__pool_word(const struct proxy *p, uint32_t o, uint64_t *home)
{
    uint64_t offset = (uint64_t)(o - 1) * p->stride;
    *home = p->home + offset;
    return &((struct weir_op *)(void *)(p->ops + offset))->pool;
}

static void cache__stamp(const struct proxy *p, uint32_t o, bool ours)
{
    uint64_t home, *word = cache__pool_word(p, o, &home);
    store_relaxed_64(word, ours ? home : home - STAMP(p->id));
    IN_ORDER();                                                 /* segment.C1 */
}

/* -- settle ------------------------------------------------------------------------------------------------------------------- */

/* g says TAKEN n of our slots. What lies above moves down, each op stamped while it does: up to what was claimed, or if the theft reaches into the
 * claim, which then is void, all of it: a magazine may have come into the slots after the thief had counted them. */
static void cache__settle_taken(struct proxy *p, uint64_t g, uint32_t hi)
{
    struct writer *r = p->rec;
    uint32_t taken = G_N(g), had = writer_n(r), n = taken > had ? hi : had, i, o;
    if (taken > p->slots || taken > n)
        weir_panic("shared pool \"%s\": writer %u is corrupt (its g says %llx): something wrote into the pool's memory", p->segment->pool->name,
                   p->id, (unsigned long long)g);
    for (i = 0; i < taken; i++)
        store_relaxed_32(&r->slot[i], SEGMENT_NONE);
    for (i = taken; i < n; i++) {
        o = load_relaxed_32(&r->slot[i]);
        cache__stamp(p, o, true);
        store_relaxed_32(&r->slot[i], SEGMENT_NONE);
        store_relaxed_32(&r->slot[i - taken], o);
    }
    cache__placed(r, (uint64_t)n - taken - had);
    segment_confirm_done(p->segment, G_WHO(g), G_NUM(g));
    WEIR_POINT("segment.settled");
    store_release_64(&r->g, G_SEQUENCE(G_SHUTTED, ++r->opened));    /* segment.G1 -> segment.G2: n and the slots */
    for (i = taken; i < n; i++)
        cache__stamp(p, load_relaxed_32(&r->slot[i - taken]), false);
}

/* The owner, diverted: its words say n, and slot[n, hi) is claimed. A full fence in any case. How many of the slots had been taken: the claim stands if that
 * is at most n, as it was before. Afterwards g is SHUT by the owner, or OPEN. */
uint32_t segment_settle(struct proxy *p, uint32_t hi)
{
    struct writer *r = p->rec;
    uint64_t g = load_acquire_64(&r->g);                        /* segment.G2 <- segment.G1 */
    for (;;) {
        WEIR_POINT("segment.settle");
        if (G_STATE(g) == G_TAKEN) {
            cache__settle_taken(p, g, hi);
            fence();                                            /* segment.F3 <-> segment.F4: n and g, then dirty and the waiters */
            return G_N(g);
        }
        /* segment.G1: a theft under way fails */
        if (cas_64(&r->g, &g, G_SEQUENCE(G_STATE(g), ++r->opened))) {
            fence_after_swap();                                 /* segment.F3 */
            return 0;
        }
    }
}

/* Claim slot[*at, *at + count), the upper ones. false: a thief was faster, and what is left is counted. */
static bool cache__claim(struct proxy *p, uint32_t count, uint32_t *at)
{
    struct writer *r = p->rec;
    *at = writer_n(r) - count;
    cache__placed(r, (uint64_t)0 - count);
    WEIR_POINT("segment.claimed");
    return segment_settle(p, *at + count) <= *at;
}

/* -- where an op is taken, and where it is put -------------------------------------------------------------------------------------- */

/* Every op that is got comes by here: claimed, in slot n. */
static inline struct weir_op *cache__born(struct proxy *p, uint32_t n)
{
    uint32_t *slot = &p->rec->slot[n];
    uint64_t offset = (uint64_t)(load_relaxed_32(slot) - 1) * p->stride, home = p->home + offset;
    struct weir_op *op = (struct weir_op *)(void *)(p->ops + offset);
    store_relaxed_64(&op->pool, home);
    IN_ORDER();                                                 /* segment.C1 */
    store_relaxed_32(slot, SEGMENT_NONE);
    return op_born(op);
}

/* Every op that is put comes by here: into slot n, not counted yet. */
static inline void cache__place(struct proxy *p, struct writer *r, struct weir_op *op, uint32_t n)
{
    uint64_t offset = (uint64_t)((char *)op - p->ops), home = p->home + offset, plain = p->plain + offset;
    uint32_t o = load_relaxed_32(&op->index) + 1;
    store_relaxed_64(&op->pool, home);
    IN_ORDER();                                                 /* segment.C1 */
    store_relaxed_64(&op->refs, 0);
    store_relaxed_32(&r->slot[n], o);
    IN_ORDER();                                                 /* segment.C1 */
    store_relaxed_64(&op->pool, plain);
}

/* -- slots and magazines -------------------------------------------------------------------------------------------------------- */

/* What the spare magazine holds goes into the slots, above what is there: there is room for it. */
void segment_load(struct proxy *p)
{
    struct writer *r = p->rec;
    struct record *m = record_at(p->segment, r->spare);
    uint32_t i, n = load_relaxed_32(&m->n), had = writer_n(r);
    if (n > p->slots - had)
        weir_panic("shared pool \"%s\" is corrupt: magazine %u says that it holds %u ops", p->segment->pool->name, r->spare, n);
    for (i = 0; i < n; i++)
        store_relaxed_32(&r->slot[had + i], load_relaxed_32(&m->slot[i]));
    IN_ORDER();                                                 /* segment.C1 */
    for (i = 0; i < n; i++)
        store_relaxed_32(&m->slot[i], SEGMENT_NONE);
    store_relaxed_32(&m->n, 0);
    WEIR_POINT("segment.load");
    count_add(&r->in, n);
    cache__placed(r, n);
}

/* slot[n, hi), which is claimed, goes into the spare magazine, as far as there is room, from the top. What is left. */
static uint32_t cache__unload(struct proxy *p, uint32_t n, uint32_t hi, uint32_t room)
{
    struct writer *r = p->rec;
    struct record *m = record_at(p->segment, r->spare);
    uint32_t have = load_relaxed_32(&m->n), i;
    room = room > have ? room - have : 0;
    if (room > hi - n)
        room = hi - n;
    for (i = 0; i < room; i++)
        store_relaxed_32(&m->slot[have + i], load_relaxed_32(&r->slot[hi - room + i]));
    IN_ORDER();                                                 /* segment.C1 */
    for (i = 0; i < room; i++)
        store_relaxed_32(&r->slot[hi - room + i], SEGMENT_NONE);
    store_relaxed_32(&m->n, have + room);
    count_add(&r->out, room);
    return hi - room;
}

/* The upper `count` ops to the depot. */
void segment_flush_top(struct proxy *p, uint32_t count)
{
    struct writer *r = p->rec;
    uint32_t at;
    segment_want_empty(p);
    if (writer_n(r) < count || !cache__claim(p, count, &at))
        return;
    (void)cache__unload(p, at, at + count, p->slots);
    segment_push(p, STACK_FULL);
    count_add(&r->flushes, 1);
}

/* All that the slots hold, to the depot. What is less than a magazine joins a partial one, if there is any. */
void segment_flush_all(struct proxy *p)
{
    struct writer *r = p->rec;
    uint32_t m = p->segment->shape.magazine, n, hi, at;
    for (;;) {
        while (writer_n(r) >= m)
            segment_flush_top(p, m);
        n = writer_n(r);
        if (!n) {
            (void)segment_settle(p, 0);
            if (!writer_n(r))
                return;
            continue;
        }
        if (r->spare != SEGMENT_NIL)
            segment_push(p, STACK_EMPTY);
        if (!segment_pop(p, STACK_PART))
            segment_want_empty(p);
        if (!cache__claim(p, n, &at)) {
            if (load_relaxed_32(&record_at(p->segment, r->spare)->n))
                segment_push(p, STACK_PART);
            continue;
        }
        hi = cache__unload(p, 0, n, p->slots);
        if (hi)
            weir_panic("shared pool \"%s\": writer %u is corrupt: a partial magazine has no room for %u ops", p->segment->pool->name, p->id, hi);
        segment_push(p, load_relaxed_32(&record_at(p->segment, r->spare)->n) >= m ? STACK_FULL : STACK_PART);
        count_add(&r->flushes, 1);
    }
}

/* -- the slow paths --------------------------------------------------------------------------------------------------------------- */

/* Every slow path ends here: open the cache if it holds something, then look whether somebody waits for it. */
static void cache__rearm(struct proxy *p)
{
    struct segment *s = p->segment;
    struct writer *r = p->rec;
    uint64_t g = load_acquire_64(&r->g);                        /* segment.G2 */
    if (writer_n(r) > 0) {
        while (s->pool->barrier && G_STATE(g) == G_SHUTTED && !cas_64(&r->g, &g, G_SEQUENCE(G_OPENED, ++r->opened))) {  /* segment.G1: open */
        }
        if (G_STATE(g) == G_TAKEN)
            (void)segment_settle(p, 0);
        fence();                                                /* segment.F3: g, then dirty */
        segment_mark_dirty(s);
    }
    fence();                                                    /* segment.F3: what was put, then the waiters */
    if (WEIR_UNLIKELY(load_relaxed_32(&s->head->waiting))) {
        segment_flush_all(p);
        segment_wake(s);
    }
}

/* One op in the slots, from wherever it can be found. false: every op is live, or in a call, or has no memory. */
bool segment_some(struct proxy *p)
{
    struct segment *s = p->segment;
    (void)segment_settle(p, 0);
    while (!writer_n(p->rec)) {
        if (segment_pop_ops(p)) {
            segment_load(p);
            count_add(&p->rec->refills, 1);
            segment_look(p);
        } else if (segment_sweep(p) || !segment_bare(s) || watch_reclaim(s->pool)) {
            continue;
        } else {
            return false;
        }
    }
    return true;
}

/* Everything that segment_some would look at says that there is nothing. */
static bool cache__nothing_anywhere(struct segment *s)
{
    const struct segment_head *head = s->head;
    return segment_bare(s) && TOP_MAGAZINE(load_acquire_64(&head->stack[STACK_VIRGIN].word)) == SEGMENT_NIL &&  /* segment.D2 */
           TOP_MAGAZINE(load_acquire_64(&head->stack[STACK_TRIMMED].word)) == SEGMENT_NIL &&    /* segment.D2 */
           load_acquire_32(&head->dirty) == CLEAN && segment_bare(s) && !load_acquire_32(&s->pool->reclaimers);     /* segment.Y2; watch.N2 */
}

static __attribute__((noinline)) struct weir_op *cache__get_empty(struct proxy *p)
{
    struct segment_head *head = p->segment->head;
    struct writer *r = p->rec;
    struct weir_op *op = NULL;
    uint32_t at;
    if (!cache__nothing_anywhere(p->segment))
        while (!op && segment_some(p))
            if (cache__claim(p, 1, &at))
                op = cache__born(p, at);
    if (!op) {
        if (load_relaxed_32(&head->famine) != FAMINE)
            store_relaxed_32(&head->famine, FAMINE);
        count_add(&r->empties, 1);
        return NULL;
    }
    cache__took(r, 1);                                          /* a get: in between n is one too small, which a thief may take */
    cache__placed(r, 1);
    cache__rearm(p);
    return op;
}

/* A get has claimed slot[n], and g is not open. */
static __attribute__((noinline)) struct weir_op *cache__get_diverted(struct proxy *p, uint32_t n)
{
    struct weir_op *op;
    if (segment_settle(p, n + 1) > n) {
        segment_not_taken(&p->c, 1);                            /* it was none */
        return cache__get_empty(p);
    }
    op = cache__born(p, n);
    cache__rearm(p);
    return op;
}

struct weir_op *segment_get(struct cache *c)
{
    struct proxy *p = proxy_of(c);
    struct writer *r = p->rec;
    uint64_t took = r->took;
    uint32_t n = (uint32_t)(r->placed - took);
    if (WEIR_UNLIKELY(!n))
        return cache__get_empty(p);
    n--;
    store_release_64(&r->took, took + 1);                       /* segment.W1: the claim */
    WEIR_COMPILER_FENCE();                                      /* segment.C2 <-> segment.B1: took, placed, then g; for a thief g, then those */
    WEIR_POINT("segment.get");
    if (WEIR_UNLIKELY(G_STATE(load_acquire_64(&r->g)) != G_OPENED))     /* segment.G2 */
        return cache__get_diverted(p, n);
    /* The next one's header; at the bottom, whatever the word below the slots makes of it: a prefetch never faults. */
    WEIR_PREFETCH_WRITE((char *)((uintptr_t)p->ops + (uintptr_t)(load_relaxed_32(r->slot + n - 1) - 1) * p->stride));
    return cache__born(p, n);
}

static __attribute__((noinline)) void cache__put_diverted(struct proxy *p)
{
    struct segment_head *head = p->segment->head;
    uint32_t famine = load_relaxed_32(&head->famine);
    (void)segment_settle(p, 0);
    if (famine) {                                               /* the pool was empty just now: others look in the depot first */
        store_relaxed_32(&head->famine, famine - 1);
        segment_flush_all(p);
    }
    cache__rearm(p);
}

static __attribute__((noinline)) void cache__put_full(struct proxy *p, struct weir_op *op)
{
    segment_flush_top(p, p->segment->shape.magazine);
    segment_put(&p->c, op);
}

void segment_put(struct cache *c, struct weir_op *op)
{
    struct proxy *p = proxy_of(c);
    struct writer *r = p->rec;
    uint64_t placed = r->placed;
    uint32_t n = (uint32_t)(placed - r->took);
    if (WEIR_UNLIKELY(n >= p->slots)) {
        cache__put_full(p, op);
        return;
    }
    cache__place(p, r, op, n);
    store_release_64(&r->placed, placed + 1);                   /* segment.W3: the slot */
    WEIR_COMPILER_FENCE();                                      /* segment.C2 */
    WEIR_POINT("segment.put");
    if (WEIR_UNLIKELY(G_STATE(load_acquire_64(&r->g)) != G_OPENED))     /* segment.G2 */
        cache__put_diverted(p);
}

void segment_cache_empty(struct cache *c)
{
    segment_flush_all(proxy_of(c));
    segment_wake(proxy_of(c)->segment);
}

/* What weir_op_put_to put down in the proxy. */
void segment_put_down(struct cache *c)
{
    struct proxy *p = proxy_of(c);
    struct weir_op *op = c->pub.base[-1];
    c->pub.base = p->inbox;
    segment_put(c, op);
}
