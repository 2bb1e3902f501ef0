/* src/arena.c - the memory of a pool: three ranges of address space, committed in steps.
 *
 *     ops         headers, dense, 64-byte aligned: a stride of 128 bytes and the user area
 *     buffers     aligned as asked, and coloured: where buffers would all begin in the same few cache sets, the stride gets one
 *                 alignment more (a 4,096-byte stride makes bursts several times slower than an odd one)
 *     magazines   one record for each block of M ops; block b's record at first holds the ops [b*M, b*M + M)
 *
 * Reserved once, never moved, released at close: no address that anybody holds ever stops being readable once committed. Trim discards
 * pages (they read as zero or as they were), so nothing must be committed twice.
 *
 *     may run at once        commit   prepare   discard
 *     commit                   yes      yes       yes      lock-free: each step is idempotent, the counter only grows
 *     prepare                           yes       *        lock-free: every word is written by a swap from zero
 *     discard                                     -        one trim at a time
 *     * discard of headers never meets a prepare of the same ops: see trim.c
 *
 * A fresh or discarded header is all zero. prepare fills in what never changes (pool, index, buffer), pool last: who sees it sees
 * all. It may be repeated by anybody at any time.
 */
#include "pool_private.h"
#include "panic.h"
#include <errno.h>
#include <string.h>

static size_t arena__round(size_t bytes, size_t to)
{
    return (bytes + to - 1) / to * to;
}

static uint32_t arena__step(const struct weir_pool *pool)
{
    size_t each = pool->arena.op_stride + pool->arena.buffer_stride;
    size_t goal = pool->arena.huge ? 2 * os_huge_page_size() : (size_t)1 << 20;
    size_t step = goal / each;
    if (step < pool->magazine)
        step = pool->magazine;
    return step > pool->capacity ? pool->capacity : (uint32_t)step;
}

static int arena__reserve(char **out, size_t *bytes, size_t want, size_t align)
{
    void *base = NULL;
    int error;
    *bytes = arena__round(want, align);
    if (!*bytes)
        return 0;
    error = os_reserve(&base, *bytes, align);
    *out = base;
    return error;
}

static int arena__bind(struct arena *a, int node)
{
    int error = os_bind_node(a->ops, a->ops_bytes, node);
    if (!error)
        error = os_bind_node(a->magazines, a->magazines_bytes, node);
    if (!error && a->buffers)
        error = os_bind_node(a->buffers, a->buffers_bytes, node);
    return error;
}

/* A guarded buffer has its red zone behind it, on lines of its own; or it lies in pages of its own. */
static size_t arena__buffer_stride(const struct track *t, size_t size, size_t align)
{
    size_t stride;
    if (!size)
        return 0;
    if (t && t->guard && align < 64)
        align = 64;
    if (t && t->pages)
        return arena__round(size + t->red_zone, os_page_size());
    stride = arena__round(size + (t ? t->red_zone : 0), align);
    if (stride % 4096 == 0 && align <= 1024)
        stride += align < 64 ? 64 : align;
    return stride;
}

void arena_strides(struct arena *a, const struct track *t, const struct weir_pool_config *config)
{
    a->op_stride = WEIR_OP_HEADER + arena__round(config->user_size, 64);
    a->buffer_stride = arena__buffer_stride(t, config->buffer_size, config->buffer_align ? config->buffer_align : 64);
}

/* Sizes have been checked by weir_pool_create: nothing here overflows. */
int arena_create(struct weir_pool *pool, const struct weir_pool_config *config)
{
    struct arena *a = &pool->arena;
    size_t page = os_page_size();
    int error;
    a->huge = (config->flags & WEIR_POOL_HUGEPAGES) != 0 && os_huge_page_size() != 0;
    if (a->huge)
        page = os_huge_page_size();
    arena_strides(a, pool->track, config);
    a->magazine_stride = arena__round(sizeof(struct magazine) + (pool->magazine + 1) * sizeof(struct weir_op *), 64);
    a->step = arena__step(pool);
    a->generation = 1;
    error = arena__reserve(&a->ops, &a->ops_bytes, pool->capacity * a->op_stride, page);
    if (!error)
        error = arena__reserve(&a->buffers, &a->buffers_bytes, pool->capacity * a->buffer_stride, page);
    if (!error)
        error = arena__reserve(&a->magazines, &a->magazines_bytes, pool->blocks * a->magazine_stride, os_page_size());
    if (error)
        return error_set(error, "no address space for capacity %u with %zu bytes an op: a smaller capacity or buffer_size, or a higher "
                         "limit (RLIMIT_AS)", pool->capacity, a->op_stride + a->buffer_stride + a->magazine_stride / pool->magazine);
    if (config->flags & WEIR_POOL_NUMA && (error = arena__bind(a, config->numa_node)) != 0)
        return error_set(error, "numa_node %d: the system refuses to place memory there", config->numa_node);
    return 0;
}

void arena_destroy(struct weir_pool *pool)
{
    struct arena *a = &pool->arena;
    if (a->ops)
        os_release(a->ops, a->ops_bytes);
    if (a->buffers)
        os_release(a->buffers, a->buffers_bytes);
    if (a->magazines)
        os_release(a->magazines, a->magazines_bytes);
}

/* Commit [from, to) items of a range, whole pages around them. */
static int arena__commit_range(const struct arena *a, char *base, size_t stride, size_t limit, size_t from, size_t to)
{
    size_t page = a->huge ? os_huge_page_size() : os_page_size();
    size_t begin = from * stride / page * page, end = arena__round(to * stride, page);
    int error;
    if (!base || !stride)
        return 0;
    if (end > limit)
        end = limit;
    error = os_commit(base + begin, end - begin);
    if (!error && a->huge)
        (void)os_advise_huge(base + begin, end - begin);        /* a wish: ordinary pages serve as well */
    return error;
}

/* Have the first `ops` ops committed, and the magazines that hold them. 0 or -ENOMEM: the counter says how far it came. */
int arena_commit(struct weir_pool *pool, uint32_t ops)
{
    struct arena *a = &pool->arena;
    uint32_t have = load_acquire_32(&a->committed);             /* arena.C2 */
    while (have < ops) {
        uint32_t to = pool->capacity - have > a->step ? have + a->step : pool->capacity;
        size_t page = os_page_size(), first = have / pool->magazine, last = (to - 1) / pool->magazine + 1;
        size_t begin = first * a->magazine_stride / page * page;
        size_t end = arena__round(last * a->magazine_stride, page);
        int error = arena__commit_range(a, a->ops, a->op_stride, a->ops_bytes, have, to);
        if (!error)
            error = arena__commit_range(a, a->buffers, a->buffer_stride, a->buffers_bytes, have, to);
        if (!error)
            error = os_commit(a->magazines + begin, end - begin);
        if (error)
            return error;
        WEIR_POINT("arena.committed");
        if (cas_32(&a->committed, &have, to))                   /* arena.C1 -> arena.C2: the memory below is accessible */
            have = to;
    }
    return 0;
}

static void arena__prepare_op(struct weir_pool *pool, uint32_t index)
{
    struct weir_op *op = arena_op(pool, index);
    uint64_t none = 0, buffer = 0;
    uint32_t zero = 0;
    if (WEIR_LIKELY(load_acquire_64(&op->pool) != 0))       /* arena.P2 */
        return;
    /* Never 0, so that the swap of a filler who is late fails. trim.B1: set before any header is discarded. */
    /* arena.F1 -> arena.F1: filled once; trim.G2 <- trim.G1 */
    (void)cas_32(&op->generation, &zero, load_acquire_32(&pool->arena.generation));
    WEIR_POINT("arena.generation");
    zero = 0;
    (void)cas_32(&op->index, &zero, index);                     /* arena.F2 -> arena.F2: filled once */
    if (pool->arena.buffers)
        buffer = (uint64_t)(uintptr_t)(pool->arena.buffers + index * pool->arena.buffer_stride) - (uint64_t)(uintptr_t)op;
    if (pool->arena.buffers)
        (void)cas_64((uint64_t *)&op->buffer, &none, buffer);   /* arena.F3 -> arena.F3: filled once */
    none = 0;
    (void)cas_64(&op->pool, &none, (uint64_t)(uintptr_t)pool);  /* arena.P1 -> arena.P2: the fields above */
}

/* The headers of a RAW magazine, whose word is s, before its ops are used. The caller lists some magazine as its transit. */
void arena_prepare_ops(struct weir_pool *pool, struct magazine *m, uint64_t s)
{
    uint32_t i;
    fence();                                                    /* trim.B2 <-> trim.B1: transit, then the word and arena.generation */
    if (load_acquire_64(&m->state) != s)                        /* magazine.S2 */
        return;                                                 /* others have them: what the caller does next fails */
    for (i = 0; i < state_n(s); i++) {
        const char *op = (const char *)load_relaxed_ptr(&m->slot[i]);
        arena__prepare_op(pool, (uint32_t)((size_t)(op - pool->arena.ops) / pool->arena.op_stride));
    }
}

/* A block that is used for the first time: its headers, its record's slots, and last the record's word. Committed already. */
void arena_prepare_block(struct weir_pool *pool, uint32_t block)
{
    struct magazine *m = magazine_at(pool, block);
    uint32_t from = block * pool->magazine, i, zero = 0;
    uint32_t n = pool->capacity - from < pool->magazine ? pool->capacity - from : pool->magazine;
    uint64_t fresh = 0;
    if (load_acquire_64(&m->state))                             /* magazine.S2 */
        return;
    for (i = 0; i < n; i++) {
        arena__prepare_op(pool, from + i);
        (void)cas_ptr(&m->slot[i], NULL, arena_op(pool, from + i)); /* arena.F4 -> arena.F4: filled once */
    }
    (void)cas_32(&m->index, &zero, block);                      /* arena.F5 -> arena.F5: filled once */
    WEIR_POINT("arena.prepared");
    (void)cas_64(&m->state, &fresh, state_after(0, MAGAZINE_FULL, n, 0));   /* magazine.S1 -> magazine.S2: the slots and headers */
}

/* Which op an address lies in, and in which part of it; NULL: in none. */
struct weir_op *arena_op_of(const struct weir_pool *pool, const void *inside, const char **part)
{
    const struct arena *a = &pool->arena;
    const char *p = inside;
    size_t offset;
    if (a->ops && p >= a->ops && p < a->ops + pool->capacity * a->op_stride) {
        offset = (size_t)(p - a->ops) % a->op_stride;
        *part = offset == 0 ? "op" : offset < WEIR_OP_HEADER ? "header" : "user area";
        return arena_op(pool, (uint32_t)((size_t)(p - a->ops) / a->op_stride));
    }
    if (a->buffers && p >= a->buffers && p < a->buffers + pool->capacity * a->buffer_stride) {
        offset = (size_t)(p - a->buffers) % a->buffer_stride;
        *part = offset < pool->buffer_size ? "buffer" : "gap behind a buffer";
        return arena_op(pool, (uint32_t)((size_t)(p - a->buffers) / a->buffer_stride));
    }
    return NULL;
}

static size_t arena__discard_range(char *base, size_t stride, size_t page, uint32_t from, uint32_t to)
{
    size_t begin, end;
    if (!base || !stride)
        return 0;
    begin = arena__round(from * stride, page);
    end = to * stride / page * page;
    return begin < end && !os_discard(base + begin, end - begin) ? end - begin : 0;
}

/* Give back the whole pages that lie in ops [from, to), all of which are in the caller's hands. Bytes. */
size_t arena_discard(struct weir_pool *pool, uint32_t from, uint32_t to, bool headers)
{
    struct arena *a = &pool->arena;
    size_t page = os_page_size(), bytes = arena__discard_range(a->buffers, a->buffer_stride, page, from, to);
    if (headers)
        bytes += arena__discard_range(a->ops, a->op_stride, page, from, to);
    return bytes;
}
