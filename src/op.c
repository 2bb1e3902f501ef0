/* src/op.c - what is not inlined of op.h: accessors, the in-flight state, and the panics of put.
 *
 * refs is one word: the count, 0 for a free op, and above it the marks PUBLISHED, SUBMITTED, SATURATED, NAMED. Put takes exactly 1 for good;
 * everything else arrives at weir_op_put_odd_1, which says what is wrong, unless it is the mark NAMED alone. Finding out whose op it is takes
 * the registry's lock, which
 * only a caller's bug does.
 */
#include "pool_private.h"
#include "panic.h"
#include <weir/ref.h>
#include <string.h>

static _Noreturn void op__put_wrong(struct weir_op *op, uint64_t refs, const void *site)
{
    if (!refs)
        op_panic_at(op, site, "one of the two puts is too many; who shares an op counts it by weir_op_ref and weir_op_unref",
                 "was put twice: it was given back already, and nobody may hold it");
    if (refs & WEIR_REFS_SUBMITTED)
        op_panic_at(op, site, "put it where its completion is dequeued, after weir_op_returned; who gives up on the I/O cancels it first",
                 "was put while it is submitted: the system still owns it until its completion (weir_op_returned)");
    if (refs & WEIR_REFS_SATURATED)
        op_panic_at(op, site, "look for a weir_op_ref in a loop without its weir_op_unref", "was put, but its count is saturated: it is never given back");
    if (refs & WEIR_REFS_PUBLISHED)
        op_panic_at(op, site, "replace this put by weir_op_unref", "was put, but it is published: give it back by weir_op_unref");
    op_panic_at(op, site, "replace this put by weir_op_unref, or see who of its holders is missing one",
             "was put with %u references: only a sole owner puts, others call weir_op_unref", weir_op_refs(op));
}

/* The caller's op, or nobody's: panic. Only what this thread's slots don't know takes the registry's lock. */
static void op__check(struct weir_op *op, const void *site)
{
    struct weir_pool *pool = weir_op_pool(op);
    uint32_t index = weir_op_index(op);
    if (thread_cache_known(pool) && index < pool->capacity && arena_op(pool, index) == op)
        return;
    misuse_unless_op(op, site);
}

/* A put of something else than an op that the caller alone holds, unseen and unwatched. */
void op_put_odd(struct weir_op *op, const void *site)
{
    const uint64_t fine = WEIR_REFS_NAMED | WEIR_REFS_GUARDED | WEIR_REFS_TRACKED;
    uint64_t refs;
    if (!op)
        return;
    op__check(op, site);
    refs = load_relaxed_64(&op->refs);
    if (refs & (WEIR_REFS_GUARDED | WEIR_REFS_TRACKED)) {
        if (refs & ~WEIR_REFS_COUNT & ~fine)
            op__put_wrong(op, refs, site);
        if (!(refs & WEIR_REFS_TRACKED) && (refs & WEIR_REFS_COUNT) != 1)
            op__put_wrong(op, refs, site);
        if (!op_end_watched(op, refs, site))
            op__put_wrong(op, refs, site);
    } else if (refs == (1 | WEIR_REFS_NAMED)) {                 /* not odd: but its handle is to be another */
        op_unname(op);
    } else {
        op__put_wrong(op, refs, site);
    }
    weir_op_put(op);
}

void weir_op_put_odd_1(struct weir_op *op)
{
    op_put_odd(op, __builtin_return_address(0));
}

/* As above, into a cache that the caller names: an odd put sees at once that this is another pool's. */
void weir_cache_put_odd_1(struct weir_cache *cache, struct weir_op *op)
{
    const void *site = __builtin_return_address(0);
    if (op && weir_op_pool(op) != cache->pool && misuse_unless_op(op, site) != cache->pool)
        op_panic_at(op, site, "weir_op_put finds the right cache; weir_op_put_to takes ops of the cache's own pool alone",
                    "was put into a cache of pool \"%s\"", cache->pool->name);
    op_put_odd(op, site);
}

static struct weir_op *op__get_by(struct cache *c, const void *site)
{
    struct weir_op *op;
    cache_set_site(c, site);
    op = weir_op_get_from(&c->pub);
    cache_set_site(c, NULL);
    return op;
}

/* Without a cache of this thread's: a borrowed one, emptied afterwards. */
static struct weir_op *op__get_borrowed(struct weir_pool *pool, const void *site)
{
    struct cache *c = cache_acquire(pool);
    struct weir_op *op;
    if (!c)
        return NULL;
    op = op__get_by(c, site);
    cache_release(c);
    return op;
}

struct weir_op *op_get_from(struct weir_pool *pool, const void *site)
{
    struct cache *c = thread_cache(pool);
    return c ? op__get_by(c, site) : op__get_borrowed(pool, site);
}

/* Where this thread finds the pool between processes that it uses most, if nothing else is odd about it. */
#ifdef __ELF__
#define SHARED_KNOWN(of) (load_relaxed_ptr(&weir_thread_slots_1[WEIR_THREAD_SHARED].pool) == (of))
#define SHARED_CACHE cache_of(weir_thread_slots_1[WEIR_THREAD_SHARED].cache)
#else
#define SHARED_KNOWN(of) false
#define SHARED_CACHE NULL
#endif

struct weir_op *weir_op_get_any_1(struct weir_pool *pool)
{
    if (SHARED_KNOWN(pool))
        return segment_get(SHARED_CACHE);
    if (!pool)
        weir_panic("weir_op_get: pool is NULL");
    return op_get_from(pool, __builtin_return_address(0));
}

/* Of a shared pool's op, by a thread that hasn't put one yet. */
static __attribute__((noinline)) void op__put_shared(struct weir_op *op)
{
    struct weir_pool *pool = weir_op_pool(op);
    struct cache *c;
    op__check(op, NULL);
    c = thread_cache(pool);
    if (!c) {
        c = cache_acquire(pool);
        c = c ? c : cache_acquire_kept(pool);
        segment_put(c, op);
        cache_release(c);
        return;
    }
    fork_check(pool);
    segment_put(c, op);
}

static __attribute__((noinline)) void op__put_any(struct weir_op *op, const void *site)
{
    struct weir_pool *pool = weir_op_pool(op);
    struct cache *c;
    c = thread_cache_known(pool);                               /* compares the address, and reads nothing of what may be no pool */
    if (c) {
        weir_cache_put_1(&c->pub, op);
        return;
    }
    misuse_unless_op(op, site);
    c = thread_cache(pool);
    if (c) {
        weir_op_put_to(&c->pub, op);
        return;
    }
    c = cache_acquire(pool);
    if (!c)
        c = cache_acquire_kept(pool);
    weir_op_put_to(&c->pub, op);
    cache_release(c);
}

/* Thin, because it is all that stands between the inlined put and the one of shared pools. */
void weir_op_put_any_1(struct weir_op *op)
{
    uint64_t pool = load_relaxed_64(&op->pool);
    if (WEIR_UNLIKELY(!(pool & WEIR_OP_SHARED)))
        op__put_any(op, __builtin_return_address(0));
    else if (WEIR_LIKELY(SHARED_KNOWN((struct weir_pool *)((uintptr_t)op - (pool & WEIR_OP_DISTANCE)))))
        segment_put(SHARED_CACHE, op);
    else
        op__put_shared(op);
}

#ifndef __ELF__
struct weir_op *weir_op_get(struct weir_pool *pool)
{
    struct weir_thread_slot *s = thread_slots();
    if (WEIR_LIKELY(s && WEIR_LOAD_RELAXED(&s->pool) == pool))
        return weir_op_get_from(s->cache);
    return weir_op_get_any_1(pool);
}

void weir_op_put(struct weir_op *op)
{
    struct weir_thread_slot *s = thread_slots();
    if (WEIR_UNLIKELY(!op) || WEIR_UNLIKELY(WEIR_LOAD_RELAXED(&op->refs) != 1))
        weir_op_put_odd_1(op);
    else if (WEIR_LIKELY(s && WEIR_LOAD_RELAXED(&s->pool) == weir_op_pool(op)))
        weir_cache_put_1(s->cache, op);
    else
        weir_op_put_any_1(op);
}
#endif

/* -- accessors ------------------------------------------------------------------------------------------------------------ */

size_t weir_op_buffer_size(const struct weir_op *op)
{
    return weir_op_pool(op)->buffer_size;
}

void *weir_op_user(const struct weir_op *op)
{
    return weir_op_pool(op)->user_size ? (char *)(uintptr_t)op + WEIR_OP_HEADER : NULL;
}

struct weir_op *weir_op_from_user(const void *user)
{
    return user ? (struct weir_op *)(void *)((char *)(uintptr_t)user - WEIR_OP_HEADER) : NULL;
}

/* The mark makes the return raise the generation. An op that is published has it raised in any case, and a free one has no handle. */
uint64_t weir_op_handle(const struct weir_op *op)
{
    uint64_t *word = (uint64_t *)(uintptr_t)&op->refs, refs = load_relaxed_64(word);
    while ((refs & WEIR_REFS_COUNT) && !(refs & (WEIR_REFS_NAMED | WEIR_REFS_PUBLISHED)) &&
           !cas_64(word, &refs, refs | WEIR_REFS_NAMED)) {      /* ref.R1: the mark alone */
    }
    return (uint64_t)load_relaxed_32(&op->generation) << 32 | ((uint64_t)weir_op_index(op) + 1);
}

struct weir_op *weir_op_at(struct weir_pool *pool, uint32_t index)
{
    struct weir_op *op;
    if (!pool || !arena_has(pool, index))
        return NULL;
    op = arena_op(pool, index);
    return load_acquire_64(&op->pool) ? op : NULL;              /* arena.P2 */
}

struct weir_op *weir_op_from_buffer(struct weir_pool *pool, const void *inside)
{
    const char *part = "";
    struct weir_op *op = pool && inside ? arena_op_of(pool, inside, &part) : NULL;
    return op && strcmp(part, "buffer") == 0 ? op : NULL;
}

void weir_op_prepare(struct weir_op *op, uint64_t offset)
{
    op->overlapped[0] = op->overlapped[1] = op->overlapped[3] = 0;
    op->overlapped[2] = offset;
}

/* -- in flight ------------------------------------------------------------------------------------------------------------ */

/* Set or clear the mark: a store for who holds the op alone and unseen, else a swap. */
void weir_op_submitted(struct weir_op *op)
{
    uint64_t refs = load_acquire_64(&op->refs);     /* ref.A1 <- ref.R1: the store below ends what unrefs released by */
    if (refs == 1) {
        store_relaxed_64(&op->refs, 1 | WEIR_REFS_SUBMITTED);
        return;
    }
    do {
        if (!(refs & WEIR_REFS_COUNT))
            op_panic_at(op, __builtin_return_address(0), "submit it before it is put; who hands it to the system and on holds a reference for each",
                     "was submitted, but nobody holds it: it was given back");
        if (refs & WEIR_REFS_SUBMITTED)
            op_panic_at(op, __builtin_return_address(0), "call weir_op_returned where the first one's completion is dequeued, or take an op for each I/O",
                     "was submitted twice: one I/O at a time, and weir_op_returned in between");
    } while (!cas_64(&op->refs, &refs, refs | WEIR_REFS_SUBMITTED));    /* ref.R1 */
    if (refs & WEIR_REFS_TRACKED)
        track_layer->note(weir_op_pool(op)->track, weir_op_index(op), TRACK_SUBMIT, __builtin_return_address(0));
}

void weir_op_returned(struct weir_op *op)
{
    uint64_t refs = load_acquire_64(&op->refs);     /* ref.A1 <- ref.R1: the store below ends what unrefs released by */
    if (refs == (1 | WEIR_REFS_SUBMITTED)) {
        store_relaxed_64(&op->refs, 1);
        return;
    }
    do {
        if (!(refs & WEIR_REFS_SUBMITTED))
            op_panic_at(op, __builtin_return_address(0), "call weir_op_submitted before the system call that this completion is of, and returned once for it",
                     "returned, but it was not submitted (weir_op_submitted comes before the system call)");
    } while (!cas_64(&op->refs, &refs, refs & ~WEIR_REFS_SUBMITTED));   /* ref.R1 */
    if (refs & WEIR_REFS_TRACKED)
        track_layer->note(weir_op_pool(op)->track, weir_op_index(op), TRACK_RETURN, __builtin_return_address(0));
}
