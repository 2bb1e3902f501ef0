/* src/thread.c - which cache is this thread's: the thread's table, caches that outlive their threads, thread exit.
 *
 * A thread has a record, made on its first slow call, with a table of its caches by the pool's id; and ten slots in thread-local storage: the
 * first, which the inlined get and put compare with, for the pool that it uses most, eight by the pool's address. A cache belongs to the pool and is never freed before it: a thread that exits empties
 * its caches into the depot and leaves them FREE for the next thread, so that 10,000 threads in a row need one.
 *
 * Records are listed under a lock so that weir_pool_close can take a pool out of every thread's slots: a new pool may get
 * the old one's address. A slot's pool is therefore read and written atomically: its thread changes it, and a close swaps it out.
 *
 *     may run at once      use     exit     close of another pool      acquire is lock-free; the first call of a thread, its exit and
 *     use                  yes     yes      yes                        close take the threads' lock
 */
#include "pool_private.h"
#include "panic.h"
#include <errno.h>
#include <string.h>

enum { THREAD_POOLS = 256 };     /* of small ids: their caches are found in the record itself, which fills a page */

#define NO_POOL ((struct weir_pool *)1)                         /* no pool has this address, and NULL is not it */

struct thread {
    struct thread *next, *prev;
    struct weir_thread_slot *slots;     /* those of thread-local storage, or our own */
    struct weir_thread_slot own[WEIR_THREAD_SLOTS];
    void *track;                /* the debug layer's own; NULL: nothing yet */
    uint32_t misses;            /* of the first slot: whoever misses often moves into it */
    struct cache **table;       /* by pool id; grown by its thread, cleared by close, both under the lock */
    uint32_t size;
    struct cache *few[THREAD_POOLS];    /* the table, until a pool's id needs a longer one */
};

struct os_lock threads_lock;        /* the list, the tables' growth; held while a thread hands its caches back */
static struct thread *threads;

#ifdef __ELF__
__thread struct weir_thread_slot weir_thread_slots_1[WEIR_THREAD_SLOTS]
    __attribute__((tls_model("initial-exec"), visibility("default"))) = {
        { NO_POOL, 0 }, { NO_POOL, 0 }, { NO_POOL, 0 }, { NO_POOL, 0 }, { NO_POOL, 0 }, { NO_POOL, 0 }, { NO_POOL, 0 }, { NO_POOL, 0 },
        { NO_POOL, 0 }, { NO_POOL, 0 }
    };
#endif

/* -- caches --------------------------------------------------------------------------------------------------------------- */

static void cache__format(struct weir_pool *pool, struct cache *c)
{
    uint32_t i;
    for (i = 0; i < CACHE_MAGAZINES; i++) {
        struct magazine *m = (struct magazine *)(void *)(c->magazines + i * pool->arena.magazine_stride);
        m->index = pool->blocks + c->id * CACHE_MAGAZINES + i;
        m->next = MAGAZINE_NONE;
        store_relaxed_64(&m->state, state_after(0, i ? MAGAZINE_EMPTY : MAGAZINE_LOADED, 0, i ? 0 : c->id));
    }
    c->pub.pool = pool;
    c->slot = c->pub.base = ((struct magazine *)(void *)c->magazines)->slot;
    c->pub.ration = 0;
    c->pub.g = G_SHUT;                                          /* a new cache starts shut */
    c->pub.l = NULL;
    c->loaded = pool->blocks + c->id * CACHE_MAGAZINES;
    c->prev = c->transit = MAGAZINE_NONE;
    c->spare = c->loaded + 1;
    c->shuts = 1;                                               /* g is the first */
    c->state = CACHE_USED;
}

/* A new cache with its six magazines; NULL: no memory, or no more ids. Under pool->cache_lock. */
static struct cache *cache__new(struct weir_pool *pool)
{
    uint32_t id = load_relaxed_32(&pool->cache_count);
    size_t head = (sizeof(struct cache) + 63) / 64 * 64;
    size_t bytes = head + CACHE_MAGAZINES * pool->arena.magazine_stride;
    struct cache *c;
    if (id >= CACHE_CHUNK * CACHE_CHUNKS)
        return NULL;
    if (!pool->chunk[id / CACHE_CHUNK]) {
        pool->chunk[id / CACHE_CHUNK] = os_pages(CACHE_CHUNK_BYTES);
        if (!pool->chunk[id / CACHE_CHUNK])
            return NULL;
    }
    c = os_pages(bytes);
    if (!c)
        return NULL;
    c->id = id;
    c->bytes = bytes;
    c->magazines = (char *)c + head;
    cache__format(pool, c);
    pool->chunk[id / CACHE_CHUNK][id % CACHE_CHUNK] = c;
    c->next = pool->caches;
    store_release_ptr(&pool->caches, c);                        /* thread.C1 -> thread.C2: the cache and the table */
    store_release_32(&pool->cache_count, id + 1);               /* thread.N1 -> thread.N2: the cache */
    return c;
}

/* The records that it brought along for the depot: not under the lock, so that nobody waits for a thread that is stopped in a push. */
static void cache__stock(struct weir_pool *pool, struct cache *c)
{
    uint32_t i;
    for (i = 2; i < CACHE_MAGAZINES; i++)
        depot_push(pool, &pool->empty, magazine_at(pool, pool->blocks + c->id * CACHE_MAGAZINES + i));
}

struct cache *cache_acquire(struct weir_pool *pool)
{
    struct cache *c;
    fork_check(pool);
    if (pool->segment)
        return segment_cache_acquire(pool);
    for (c = load_acquire_ptr(&pool->caches); c; c = c->next) { /* thread.C2 */
        uint32_t unused = CACHE_FREE;
        if (load_relaxed_32(&c->state) == CACHE_FREE && cas_32(&c->state, &unused, CACHE_USED))     /* thread.F2 */
            return c;
    }
    os_lock(&pool->cache_lock);
    c = cache__new(pool);
    os_unlock(&pool->cache_lock);
    if (c)
        cache__stock(pool, c);
    return c;
}

/* An op must always find its way back: each pool keeps one cache for whoever can't have another. They take turns. */
struct cache *cache_acquire_kept(struct weir_pool *pool)
{
    uint32_t unused = CACHE_KEPT;
    while (!cas_32(&pool->kept->state, &unused, CACHE_USED)) {  /* thread.F2 */
        unused = CACHE_KEPT;
        os_yield();
    }
    return pool->kept;
}

/* At creation. */
int cache_keep_one(struct weir_pool *pool)
{
    pool->kept = cache__new(pool);
    if (!pool->kept)
        return error_set(-ENOMEM, "no memory for the pool's own cache");
    cache__stock(pool, pool->kept);
    store_release_32(&pool->kept->state, CACHE_KEPT);           /* thread.F1 */
    return 0;
}

void cache_release(struct cache *c)
{
    if (c->pub.pool->segment) {
        segment_cache_release(c);
        return;
    }
    cache_empty(c);
    store_release_32(&c->state, c == c->pub.pool->kept ? CACHE_KEPT : CACHE_FREE);  /* thread.F1 -> thread.F2: all of the cache */
}

/* -- threads -------------------------------------------------------------------------------------------------------------- */

static void thread__unlist(struct thread *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        threads = t->next;
    if (t->next)
        t->next->prev = t->prev;
}

static void thread__free(struct thread *t)
{
    if (t->table != t->few)
        os_pages_free(t->table, t->size * sizeof *t->table);
    os_pages_free(t, sizeof *t);
}

/* At a thread's exit, on that thread. The lock keeps the pools from being closed meanwhile. */
static void thread__exit(void *value)
{
    struct thread *t = value;
    uint32_t i;
    os_lock(&threads_lock);
    for (i = 0; i < WEIR_THREAD_SLOTS; i++)
        store_relaxed_ptr(&t->slots[i].pool, NO_POOL);
    for (i = 0; i < t->size; i++)
        if (t->table[i]) {
            fork_check(t->table[i]->pub.pool);
            cache_release(t->table[i]);
        }
    if (t->track)
        track_layer->thread_exit(t->track);
    thread__unlist(t);
    os_unlock(&threads_lock);
    thread__free(t);
}

/* What has to be done once in a process, before the first pool: what happens at a thread's exit and in a fork, and that the code stays
 * where it is as long as a thread may come to exit. */
void thread_start(void)
{
    static bool started;
    if (started)
        return;
    started = true;
    os_pin_library();
    os_thread_on_exit(thread__exit);
    os_on_fork(fork_before, fork_parent, fork_child);
}

static struct thread *thread__self(void)
{
    struct thread *t = os_thread_value();
#ifndef __ELF__
    uint32_t i;
#endif
    if (t || os_thread_dying())
        return t;
    t = os_pages(sizeof *t);
    if (!t)
        return NULL;
    t->table = t->few;
    t->size = THREAD_POOLS;
#ifdef __ELF__
    t->slots = weir_thread_slots_1;
#else
    t->slots = t->own;
    for (i = 0; i < WEIR_THREAD_SLOTS; i++)
        t->own[i].pool = NO_POOL;
#endif
    os_lock(&threads_lock);
    if (os_thread_set(t)) {
        os_unlock(&threads_lock);
        thread__free(t);
        return NULL;
    }
    t->next = threads;
    if (threads)
        threads->prev = t;
    threads = t;
    os_unlock(&threads_lock);
    return t;
}

void thread_track_begin(void)
{
    os_lock(&registry_opening);
    thread_start();
    os_unlock(&registry_opening);
}

void **thread_track_slot(void)
{
    struct thread *t = thread__self();
    return t ? &t->track : NULL;
}

void **thread_track_slot_known(void)
{
    struct thread *t = os_thread_value();
    return t ? &t->track : NULL;
}

static bool thread__grow(struct thread *t, uint32_t id)
{
    uint32_t size = t->size, had = t->size;
    struct cache **table, **old;
    while (size <= id)
        size *= 2;
    table = os_pages(size * sizeof *table);
    if (!table)
        return false;
    os_lock(&threads_lock);                                     /* a close clears its pool's entry */
    old = t->table;
    memcpy(table, old, had * sizeof *table);
    t->table = table;
    t->size = size;
    os_unlock(&threads_lock);
    if (old != t->few)
        os_pages_free(old, had * sizeof *table);
    return true;
}

static struct cache *thread__make(struct weir_pool *pool)
{
    struct thread *t = thread__self();
    struct cache *c;
    if (!t || (pool->id >= t->size && !thread__grow(t, pool->id)))
        return NULL;
    c = cache_acquire(pool);
    if (c)
        store_relaxed_ptr(&t->table[pool->id], c);
    return c;
}

struct weir_thread_slot *thread_slots(void)
{
    struct thread *t = os_thread_value();
    return t ? t->slots : NULL;
}

struct cache *thread_cache_if_any(struct weir_pool *pool)
{
    struct thread *t = os_thread_value();
    return t && pool->id < t->size ? load_relaxed_ptr(&t->table[pool->id]) : NULL;
}

/* The slot for the pool that is used most: the inlined get and put look into one, those of shared pools, which are not inlined, into another. */
static struct weir_thread_slot *thread__first(struct thread *t, const struct weir_pool *pool)
{
    return pool->segment ? &t->slots[WEIR_THREAD_SHARED] : t->slots;
}

static void thread__fill(struct weir_thread_slot *s, struct weir_pool *pool, struct weir_cache *cache)
{
    if (pool->segment && load_acquire_32(&pool->odd) != ODD_SHARED)     /* fork.F2: no slot until it has been put right; none, if it is watched */
        return;
    store_relaxed_ptr(&s->cache, cache);
    store_relaxed_ptr(&s->pool, pool);
}

/* This thread's cache of the pool by its slots alone, NULL: not there. The pool that misses the first slot often moves into it. */
struct cache *thread_cache_known(struct weir_pool *pool)
{
    struct thread *t;
    struct weir_thread_slot *s;
#ifdef __ELF__
    if (load_relaxed_ptr(&weir_thread_slots_1->pool) == pool)
        return cache_of(weir_thread_slots_1->cache);
#endif
    t = os_thread_value();
    s = t ? &t->slots[WEIR_THREAD_SLOT(pool)] : NULL;
    if (!t || load_relaxed_ptr(&s->pool) != pool)
        return NULL;
    if (++t->misses % 64 == 0)
        thread__fill(thread__first(t, pool), pool, s->cache);
    return cache_of(s->cache);
}

/* This thread's cache of the pool, found or made. */
struct cache *thread_cache(struct weir_pool *pool)
{
    struct thread *t;
    struct cache *c = thread_cache_known(pool);
    if (c)
        return c;
    c = thread_cache_if_any(pool);
    if (!c)
        c = thread__make(pool);
    if (c) {
        t = os_thread_value();
        thread__fill(&t->slots[WEIR_THREAD_SLOT(pool)], pool, &c->pub);
        if (load_relaxed_ptr(&thread__first(t, pool)->pool) == NO_POOL)
            thread__fill(thread__first(t, pool), pool, &c->pub);
    }
    return c;
}

/* The pool is being closed: no thread may find it by its address again, and none is handing its cache back afterwards. */
void thread_forget_pool(struct weir_pool *pool)
{
    struct thread *t;
    os_lock(&threads_lock);
    for (t = threads; t; t = t->next) {
        /* thread.P1 -> thread.P1: unless its thread has another pool there */
        (void)cas_ptr(&t->slots[WEIR_THREAD_SHARED].pool, pool, NO_POOL);
        (void)cas_ptr(&t->slots->pool, pool, NO_POOL);          /* thread.P1 -> thread.P1: unless its thread has another pool there */
        /* thread.P1 -> thread.P1: unless its thread has another pool there */
        (void)cas_ptr(&t->slots[WEIR_THREAD_SLOT(pool)].pool, pool, NO_POOL);
        if (pool->id < t->size)
            store_relaxed_ptr(&t->table[pool->id], NULL);
    }
    os_unlock(&threads_lock);
}

/* In a forked child: the other threads are gone, and their records with them. */
void thread_forget_others(void)
{
    struct thread *self = os_thread_value(), *t = threads, *next;
    for (; t; t = next) {
        next = t->next;
        if (t != self)
            thread__free(t);
    }
    threads = self;
    if (!self)
        return;
    self->next = self->prev = NULL;
    store_relaxed_ptr(&self->slots[WEIR_THREAD_SHARED].pool, NO_POOL);  /* its writer is the parent's */
}

struct weir_cache *weir_cache_get(struct weir_pool *pool)
{
    struct cache *c;
    if (!pool)
        weir_panic("weir_cache_get: pool is NULL");
    c = thread_cache(pool);
    return c ? &c->pub : NULL;
}

void weir_thread_flush(struct weir_pool *pool)
{
    struct cache *c;
    if (!pool)
        weir_panic("weir_thread_flush: pool is NULL");
    fork_check(pool);
    c = thread_cache_if_any(pool);
    if (c)
        cache_empty(c);
}
