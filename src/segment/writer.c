/* src/segment/writer.c - which thread is which writer: records in the segment, and the proxies that stand for them in a process.
 *
 * A thread that uses a shared pool has a struct cache like any other: a proxy, which is shut for ever, so that each get comes to segment_get. Behind
 * it stands a record of the segment. Records are taken by a swap of their state, which names the process and counts the claims; then the rest of who
 * it is follows, the pid last: whoever reads it while it changes hands can tell. A record's memory is allocated when the first of its number is
 * needed; then it brings two magazines along (depot.c says why).
 *
 *     may run at once     claim    release        all lock-free but for memory; a proxy's memory is found under the pool's cache_lock
 *     claim                yes      yes
 *
 * A thread that exits empties its slots and leaves the record FREE. What dies leaves it USED, with all that it held.
 *
 * A forked child has its parent's mapping, but none of its records: fork_mend gives each proxy that a thread of the child still has another
 * record. A child that calls exec pays nothing.
 */
#include "segment.h"
#include "../panic.h"
#include <errno.h>
#include <string.h>

static uint64_t writer__used(const struct segment *s, uint64_t unused)
{
    return (uint64_t)(uint32_t)s->self.pid << 32 | (uint32_t)(unused + WRITER_CLAIM) | WRITER_USED;
}

/* Memory for record w and its two magazines, and all below. Idempotent: who allocates anew finds it there. */
static int writer__ready(struct segment *s, uint32_t w)
{
    const struct segment_shape *k = &s->shape;
    uint32_t have = load_acquire_32(&s->head->writers_ready);   /* segment.R2 */
    uint64_t page = os_page_size(), from, to;
    int error;
    while (have <= w) {
        from = (k->writers_at + have * k->writer_stride) / page * page;
        to = (k->writers_at + (w + 1) * k->writer_stride + page - 1) / page * page;
        error = os_segment_allocate(&s->os, from, to - from);
        if (error)
            return error;
        from = (k->spares_at + (have ? 2 * (have - 1) : 0) * k->magazine_stride) / page * page;
        to = (k->spares_at + 2 * w * k->magazine_stride + page - 1) / page * page;
        error = w ? os_segment_allocate(&s->os, from, to - from) : 0;
        if (error)
            return error;
        if (cas_32(&s->head->writers_ready, &have, w + 1))      /* segment.R1 -> segment.R2: the memory */
            have = w + 1;
    }
    return 0;
}

/* Fresh records are all 0, which for spare and g is not their rest. Repeated by who finds it cut short. */
static void writer__bear(struct proxy *p)
{
    struct writer *r = p->rec;
    uint32_t first = p->segment->shape.blocks + 2 * (p->id - 1);
    if (!r->born) {
        store_release_64(&r->g, G_SEQUENCE(G_SHUTTED, 0));      /* segment.G1: a new cache starts shut */
        r->spare = first;
        IN_ORDER();                                             /* segment.C1 */
        r->born = 1;
    }
    if (r->born == 1) {
        if (r->spare == first)
            segment_push(p, STACK_EMPTY);
        r->spare = first + 1;
        IN_ORDER();                                             /* segment.C1 */
        r->born = 2;
    }
}

/* A field of who has a record. */
static void writer__set(uint64_t *field, uint64_t value)
{
    store_release_64(field, value);                             /* segment.P2 -> segment.P3: the claim before it */
}

static uint64_t writer__field(const uint64_t *field)
{
    return load_acquire_64(field);                              /* segment.P3 <- segment.P2 */
}

/* Who has it, once it is claimed: each field after the claim, the pid last of all. */
static void writer__says(struct writer *r, const struct os_process *process)
{
    r->tid = os_thread_id();
    r->tid_start = os_thread_start();
    writer__set(&r->process.boot, process->boot);
    writer__set(&r->process.space, process->space);
    writer__set(&r->process.start, process->start);
    writer__set((uint64_t *)&r->process.pid, (uint64_t)process->pid);
}

/* The number of a record of our own. -EAGAIN: all are in use; -ENOSPC: there is no memory for one more. */
static int writer__claim(struct segment *s)
{
    uint32_t i;
    int error;
    for (i = 1; i <= s->shape.writers; i++) {
        struct writer *r = writer_at(s, i);
        uint64_t unused;
        error = writer__ready(s, i);
        if (error)
            return error;
        unused = load_relaxed_64(&r->state);
        if (unused & WRITER_USED || !cas_64(&r->state, &unused, writer__used(s, unused)))   /* segment.F2 <- segment.F1 */
            continue;
        writer__says(r, &s->self);
        return (int)i;
    }
    return -EAGAIN;
}

static void writer__bind(struct proxy *p, uint32_t w)
{
    struct segment *s = p->segment;
    p->rec = writer_at(s, w);
    p->id = w;
    p->c.id = w;
    p->slots = s->shape.slots;
    p->ops = s->pool->arena.ops;
    p->stride = s->shape.op_stride;
    p->plain = op_home(s, op_at(s, 0));
    p->home = p->plain | STAMP(w);
    p->c.slot = p->inbox;
    p->c.pub.base = p->inbox;
    p->c.pub.ration = 0;
    p->c.pub.g = G_SHUT;
    p->c.pub.l = NULL;
    writer__bear(p);
}

/* A proxy that no thread has, or a new one. */
static struct proxy *writer__proxy(struct segment *s)
{
    struct weir_pool *pool = s->pool;
    struct cache *c;
    struct proxy *p;
    for (c = load_acquire_ptr(&pool->caches); c; c = c->next) { /* thread.C2 */
        uint32_t unused = CACHE_FREE;
        if (load_relaxed_32(&c->state) == CACHE_FREE && cas_32(&c->state, &unused, CACHE_USED))     /* thread.F2 */
            return proxy_of(c);
    }
    p = os_pages(sizeof *p);
    if (!p)
        return NULL;
    p->segment = s;
    p->c.pub.pool = pool;
    p->c.bytes = sizeof *p;
    p->c.state = CACHE_USED;
    os_lock(&pool->cache_lock);
    p->c.next = pool->caches;
    store_release_ptr(&pool->caches, p);                        /* thread.C1: the proxy */
    os_unlock(&pool->cache_lock);
    return p;
}

static int writer__acquire(struct weir_pool *pool, struct cache **out)
{
    struct proxy *p = writer__proxy(pool->segment);
    int w = p ? writer__claim(pool->segment) : -ENOMEM;
    if (p && w < 0)
        store_release_32(&p->c.state, CACHE_FREE);              /* thread.F1 */
    if (w < 0)
        return w;
    writer__bind(p, (uint32_t)w);
    *out = &p->c;
    return 0;
}

struct cache *segment_cache_acquire(struct weir_pool *pool)
{
    struct cache *c;
    return writer__acquire(pool, &c) ? NULL : c;
}

void segment_cache_release(struct cache *c)
{
    struct proxy *p = proxy_of(c);
    struct writer *r = p->rec;
    segment_cache_empty(c);
    segment_shut_own(p);                                        /* who has the record next finds it so */
    if (c == c->pub.pool->kept && !p->segment->closing) {
        store_release_32(&c->state, CACHE_KEPT);                /* thread.F1 */
        return;
    }
    p->rec = NULL;
    writer__set((uint64_t *)&r->process.pid, 0);
    store_release_64(&r->state, (uint32_t)load_relaxed_64(&r->state) & ~(uint32_t)WRITER_USED); /* segment.F1 -> segment.F2: all of the record */
    store_release_32(&c->state, CACHE_FREE);                    /* thread.F1 */
}

/* When a process opens the pool. */
int segment_keep_one(struct segment *s)
{
    int error = writer__acquire(s->pool, &s->pool->kept);
    if (error == -EAGAIN)
        return error_set(error, "shared pool \"%s\": all its %u writers are in use: more max_threads, or processes that end in good order",
                         s->head->name, s->shape.writers);
    if (error)
        return error_set(error, "shared pool \"%s\": no room for one more process that uses it: %s", s->head->name, weir_strerror(error));
    store_release_32(&s->pool->kept->state, CACHE_KEPT);        /* thread.F1 */
    return 0;
}

bool segment_writer_used(const struct writer *r)
{
    return load_acquire_64(&r->state) & WRITER_USED;            /* segment.F2 <- segment.F1 */
}

/* A pid that was read names the claim before; a field that was written for a later claim shows that claim's state, and the copy is thrown away. */
bool segment_writer_process(const struct writer *r, struct os_process *out)
{
    uint64_t state = load_acquire_64(&r->state);                /* segment.F2 <- segment.F1 */
    out->pid = (int64_t)writer__field((const uint64_t *)&r->process.pid);
    out->boot = writer__field(&r->process.boot);
    out->space = writer__field(&r->process.space);
    out->start = writer__field(&r->process.start);
    return out->pid && state & WRITER_USED && load_relaxed_64(&r->state) == state;
}

enum os_life segment_writer_life(const struct writer *r)
{
    struct os_process process;
    return segment_writer_process(r, &process) ? os_process_life(&process) : OS_UNKNOWN;
}

/* -- fork --------------------------------------------------------------------------------------------------------------------- */

static void writer__renew(struct segment *s, struct cache *c)
{
    int w = writer__claim(s);
    if (w < 0)
        weir_panic("shared pool \"%s\": a forked child needs two of its %u writers, and gets none (%s): a higher max_threads, or more room",
                   s->pool->name, s->shape.writers, weir_strerror(w));
    writer__bind(proxy_of(c), (uint32_t)w);
}

/* In a forked child, once, under the pool's fork_lock: no record is the child's yet. own: the cache of the thread that it has, or NULL. */
void segment_forked(struct weir_pool *pool, struct cache *own)
{
    struct segment *s = pool->segment;
    struct cache *c;
    (void)os_process_self(&s->self);
    pool->pinned = 0;
    for (c = load_acquire_ptr(&pool->caches); c; c = c->next) { /* thread.C2 */
        proxy_of(c)->rec = NULL;
        if (c != own && c != pool->kept)
            store_release_32(&c->state, CACHE_FREE);            /* thread.F1 */
    }
    writer__renew(s, pool->kept);
    store_release_32(&pool->kept->state, CACHE_KEPT);           /* thread.F1 */
    if (own && own != pool->kept)
        writer__renew(s, own);
}
