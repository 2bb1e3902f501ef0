/* src/segment/steal.c - a sweep between processes: what other writers have in their slots, of threads that run, sleep, are stopped or dead.
 *
 *     steal(v):  m = spare, empty;  intent = {STEAL, v, k};  m's slots = copies of v's slot[0, n);  CAS(g of v, SHUT{seq}, TAKEN{n, w, k});
 *                it came to pass: intent = NONE, m's ops are ours;   it didn't: m's slots = NONE, intent = NONE
 *
 * g was shut before the barrier and still says the same: so every store of the owner to w is in sight, but for one call, which will find g and
 * settle before it does anything else. The copies count only if g says so, or done[w] is k: the owner says that before it changes g again.
 *
 * The sweep's ticket goes into dirty first; who opens its cache marks dirty after a fence. A sweep that finds nothing, and its own ticket still
 * there, makes it CLEAN: then every cache is shut and was found empty, so that a get which finds the depot bare answers NULL without a system
 * call, until an op has come into a cache again: its owner finds g shut after it has counted it, opens, and marks.
 *
 *     may run at once     sweep    owners      lock-free; nobody is waited for
 *     sweep                yes      yes
 *
 * relaxed slot, n: a thief's copies; the swap says whether they were true.
 */
#include "segment.h"
#include "../panic.h"

enum { STEAL_BATCH = 64 };

/* Divert the owner. What g says then. */
static uint64_t steal__shut(struct writer *v)
{
    uint64_t g = load_acquire_64(&v->g);                        /* segment.G2 */
    while (G_STATE(g) == G_OPENED) {
        uint64_t shut = (g & ~(uint64_t)3) | G_SHUTTED;
        if (cas_64(&v->g, &g, shut))                            /* segment.G1: who wants the owner */
            return shut;
    }
    return g;
}

/* Our own: CLEAN says that no cache is open. */
void segment_shut_own(struct proxy *p)
{
    (void)steal__shut(p->rec);
}

static void steal__over(struct proxy *p, uint32_t k)
{
    store_release_64(&p->rec->intends, INTENT(INTENT_NONE, 0, 0, k));    /* segment.I1: over */
}

/* All of v's slots into the spare magazine. false: there was nothing, or somebody has changed g. */
static bool steal__move(struct proxy *p, uint32_t id, uint64_t g, uint32_t n)
{
    struct writer *r = p->rec, *v = writer_at(p->segment, id);
    struct record *m = record_at(p->segment, r->spare);
    uint32_t k = INTENT_NUM(r->intends) + 1, i;
    bool moved;
    store_release_64(&r->intends, INTENT(INTENT_STEAL, 0, id, k));       /* segment.I1 -> segment.I2: the copies don't count by themselves */
    IN_ORDER();                                                 /* segment.C1 */
    for (i = 0; i < n; i++)
        store_relaxed_32(&m->slot[i], load_relaxed_32(&v->slot[i]));
    store_relaxed_32(&m->n, n);
    WEIR_POINT("segment.steal");
    moved = cas_64(&v->g, &g, G_THEFT(n, p->id, k));            /* segment.G1: the copies */
    WEIR_POINT("segment.stolen");
    if (moved) {
        steal__over(p, k);
        return true;
    }
    for (i = 0; i < n; i++)
        store_relaxed_32(&m->slot[i], SEGMENT_NONE);
    store_relaxed_32(&m->n, 0);
    IN_ORDER();                                                 /* segment.C1 */
    steal__over(p, k);
    return false;
}

/* n ops lie in the spare magazine. Less than a magazine of them goes into our own slots, so that no sweep litters the depot with partial ones. */
static void steal__keep(struct proxy *p, uint32_t n)
{
    uint32_t m = p->segment->shape.magazine;
    if (n >= m) {
        segment_push(p, STACK_FULL);
    } else {
        segment_load(p);
        if (writer_n(p->rec) >= m)
            segment_flush_top(p, m);
    }
    segment_want_empty(p);
}

/* true: v's ops are ours or in the depot now, or may have been missed. */
static bool steal__look(struct proxy *p, uint32_t id, uint64_t g)
{
    struct segment *s = p->segment;
    struct writer *v = writer_at(s, id);
    uint32_t n;
    if (G_STATE(g) != G_SHUTTED)
        return false;
    if (load_acquire_64(&v->g) != g)                            /* segment.G2 */
        return true;
    n = writer_n_seen(v);
    if (!n || n > s->shape.slots)
        return false;
    if (!steal__move(p, id, g, n))
        return true;
    count_add(&p->rec->steals, 1);
    count_add(&p->rec->out, n);
    steal__keep(p, n);
    return true;
}

static bool steal__batch(struct proxy *p, uint32_t *at, uint32_t end)
{
    uint64_t g[STEAL_BATCH];
    uint32_t victim[STEAL_BATCH], n = 0, i;
    bool found = false;
    for (; *at < end && n < STEAL_BATCH; (*at)++) {
        struct writer *v = writer_at(p->segment, *at);
        if (*at == p->id || !segment_writer_used(v))
            continue;
        victim[n] = *at;
        g[n++] = steal__shut(v);
    }
    WEIR_POINT("segment.shut");
    if (n && p->segment->pool->barrier)
        os_barrier_shared();                                    /* segment.B1 <-> segment.C2: g, then took and placed */
    for (i = 0; i < n; i++)
        found |= steal__look(p, victim[i], g[i]);
    return found;
}

/* Search the slots of all other writers. What is found is in our slots or in the depot. true: something was, or an op has come into a cache
 * meanwhile; false: nothing, and dirty is CLEAN or another sweep's ticket. */
bool segment_sweep(struct proxy *p)
{
    struct segment_head *head = p->segment->head;
    uint32_t at = 1, end, ticket;
    bool found = false;
    if (load_acquire_32(&head->dirty) == CLEAN)                 /* segment.Y2 <- segment.Y1 */
        return false;
    ticket = (add_32(&head->sweeps, 1) | 0x40000000) * 2;       /* segment.T1 -> segment.T1: the number alone. Neither DIRTY nor CLEAN */
    (void)swap_32(&head->dirty, ticket);                        /* segment.Y2; segment.Y1: the ticket */
    fence_after_swap();                                         /* segment.F4 <-> segment.F3: dirty, then g and n */
    end = load_acquire_32(&head->writers_ready);                /* segment.R2 <- segment.R1 */
    segment_shut_own(p);
    segment_want_empty(p);
    while (at < end)
        found |= steal__batch(p, &at, end);
    if (found)
        store_release_32(&head->dirty, DIRTY);                  /* segment.Y1: the depot has ops */
    else
        (void)cas_32(&head->dirty, &ticket, CLEAN);             /* segment.Y1: every cache is shut and was looked through */
    return found || ticket == DIRTY;
}
