/* src/pool_private.h - a pool and a cache, as the files of the core see them.
 *
 *     live + cached + free = capacity
 *
 * live: with the callers, or in the hands of a call; cached: in loaded and previous magazines; free: in the depot's magazines, or never
 * used yet. Who owns which field is said beside it; "keeper" is the one thread that may write it without a swap.
 */
#ifndef WEIR_POOL_PRIVATE_H
#define WEIR_POOL_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <weir/inline/atomic.h>
#include <weir/cache.h>         /* before op.h: clang wants its attributes before the bodies */
#include <weir/op.h>
#include <weir/stats.h>
#include "atomic.h"
#include "magazine.h"
#include "os/os.h"
#include "track.h"

#define CACHE_LINE __attribute__((aligned(64)))

enum {
    CACHE_MAGAZINES = 6,        /* that each cache brings along: see depot.c for why a put never lacks one */
    CACHE_CHUNK = 1024,         /* caches in one chunk of the table */
    CACHE_CHUNKS = 64,
    WAITERS = 1024,             /* that can queue at once; later ones look again now and then */
    RECLAIMERS = 64,
    POOLS_MAX = 4096,
    FAMINE = 64                 /* puts after a NULL that go straight to the depot */
};

#define CACHE_CHUNK_BYTES (CACHE_CHUNK * sizeof(struct cache *))

enum { CLEAN = 0, DIRTY = 1 };
enum {
    ODD_FORKED = 1,             /* the child has not put things right yet, see fork.c */
    ODD_SHARED = 2,             /* between processes: segment/ */
    ODD_WATCHED = 4             /* ... and the debug layer looks at it */
};
enum { CACHE_FREE = 0, CACHE_USED = 1, CACHE_KEPT = 2 };

struct cache {
    struct weir_cache pub;      /* ration, base, pool: the owner's; g, l: whoever diverts it, and the owner */
    /* What others look through when they search for ops. Written by the owner. */
    CACHE_LINE uint64_t both;   /* {ration:32, n:32} while ration says BOTH */
    uint32_t loaded;            /* the magazine that get and put work on */
    uint32_t prev;              /* a FULL one, or NONE */
    uint32_t transit;           /* one that is about to be popped and loaded, or that a theft copies into, or NONE */
    uint32_t spare;             /* an EMPTY one, or NONE */
    uint32_t shuts;             /* how often it was shut: the sequence in g */
    uint32_t id;
    uint32_t state;             /* CACHE_FREE (pool->kept: CACHE_KEPT) -> CACHE_USED by swap; back by the owner at its exit */
    struct cache *next;         /* in pool->caches; never changes */
    struct weir_op **slot;      /* the loaded magazine's, for the owner */
    char *magazines;            /* CACHE_MAGAZINES records */
    size_t bytes;               /* of the memory that this struct and its magazines lie in */
    /* Counters: written by the owner, read by all. */
    CACHE_LINE uint64_t granted;    /* gets paid for by rations given out so far */
    uint64_t in;                /* ops that came into a loaded magazine from FULL ones */
    uint64_t out;               /* ops that left loaded magazines (of this cache, or by this thief) as FULL ones */
    uint64_t refills, flushes, steals, empties, waits;
    uint32_t looks;             /* refills since the level was last looked at */
    uint64_t sample_at;         /* the get, counted from the cache's first, that is to be followed; watched pools only */
    uint64_t sample_state;      /* of the random gaps between them */
    const void *site;           /* where a get that is under way was called from, if it came through another of the library's functions */
    struct weir_op *hand;       /* the op of the put in progress: given back to its caller if a panic is left by longjmp */
};

_Static_assert(offsetof(struct cache, pub) == 0, "a weir_cache is the head of a cache");

struct stack {                  /* {tag:40, magazine:24} */
    CACHE_LINE uint64_t head;
};

struct waiter_slot {            /* {lap:32, what:32}, see waiter.c */
    uint64_t word;
};

struct reclaimer {
    unsigned (*fn)(struct weir_pool *, void *);
    void *arg;
    uint32_t running;           /* calls in progress */
};

struct arena {
    char *ops, *buffers, *magazines;    /* three reserved ranges */
    size_t ops_bytes, buffers_bytes, magazines_bytes;
    size_t op_stride, buffer_stride, magazine_stride;
    uint32_t step;              /* ops committed at a time */
    bool huge;
    CACHE_LINE uint32_t committed;      /* ops, only grows */
    uint32_t generation;        /* a fresh header's: above all that were given back */
};

struct weir_pool {
    /* Read by all, written at creation. */
    struct arena arena;
    uint32_t capacity, magazine;        /* magazine: M, ops in a full one */
    uint32_t blocks;            /* magazines that the arena holds: ceil(capacity / M) */
    uint32_t id;                /* its place in the registry and in each thread's table */
    bool keep_prev;             /* cache >= 2: a cache has a previous magazine, too */
    bool barrier;               /* os_barrier_works(): else no cache ever opens */
    struct track *track;        /* NULL: the debug layer has nothing to do with it */
    size_t buffer_size, user_size;
    struct segment *segment;    /* NULL: a private pool */
    void *memory;               /* that this struct lies in; NULL: in front of the segment */
    size_t memory_bytes;
    char name[64];
    struct weir_pool *next;     /* in the registry, under its lock */

    /* The depot. */
    struct stack full, part, empty;
    CACHE_LINE uint32_t virgin; /* blocks handed out so far */

    /* What slow paths look at when they end. */
    CACHE_LINE uint32_t dirty;  /* CLEAN: no op has come into a cache since a sweep found none; DIRTY; or a sweep's ticket */
    uint32_t sweeps;            /* tickets given out */
    uint32_t famine;            /* puts that still go straight to the depot */
    uint32_t event_state;       /* watch.c */
    uint32_t watched;           /* low_ops or track: gets are looked at one by one. relaxed watched: seen late, it is seen at the next slow path */
    uint32_t low_ops;           /* 0: no low-water callback */
    uint32_t low_below;         /* relaxed low_ops, low_below: seen late, it is seen at the next slow path */
    uint32_t odd;               /* ODD_*: 0 for a pool whose gets and puts are as cache.c has them */
    uint32_t pinned;            /* weir_pool_iovecs calls in force */
    uint32_t reclaimers;        /* how many of the table are in use, ever */
    CACHE_LINE uint64_t waiters_head;   /* next ticket to be served */
    uint64_t waiters_tail;      /* next ticket to be given out */

    CACHE_LINE struct cache *caches;    /* all of them, newest first; only grows */
    struct cache *kept;         /* for a put by a thread that finds no memory for a cache of its own; never changes */
    uint32_t cache_count;       /* relaxed cache_count: under cache_lock, or roughly how many */
    uint64_t peak;
    uint64_t fork_live;         /* ops that were live when this process was forked off; see fork.c */
    struct cache **chunk[CACHE_CHUNKS];
    struct waiter_slot *waiter;
    struct os_lock collector, trim_lock, event_lock, watch_lock, cache_lock, fork_lock;
    int event;                  /* -1: none */
    void (*low_fn)(struct weir_pool *, void *);
    void *low_arg;
    struct reclaimer reclaimer[RECLAIMERS];
};

static inline struct cache *cache_of(struct weir_cache *c) { return (struct cache *)(void *)c; }

static inline struct weir_op *arena_op(const struct weir_pool *pool, uint32_t index)
{
    return (struct weir_op *)(void *)(pool->arena.ops + (size_t)index * pool->arena.op_stride);
}

static inline struct magazine *magazine_at(const struct weir_pool *pool, uint32_t index)
{
    uint32_t id;
    if (index < pool->blocks)
        return (struct magazine *)(void *)(pool->arena.magazines + (size_t)index * pool->arena.magazine_stride);
    id = (index - pool->blocks) / CACHE_MAGAZINES;
    return (struct magazine *)(void *)(pool->chunk[id / CACHE_CHUNK][id % CACHE_CHUNK]->magazines +
                                       (size_t)((index - pool->blocks) % CACHE_MAGAZINES) * pool->arena.magazine_stride);
}

/* g: shut is above every ration and carries a sequence, so that two shuttings differ; open is 0. */
#define G_SHUT (INT64_C(1) << 62)
static inline bool g_is_shut(int64_t g) { return g != 0; }
static inline int64_t load_g(const struct cache *c) { return (int64_t)load_acquire_64((const uint64_t *)&c->pub.g); }

/* Counters have one writer: a plain add that readers may see late. */
static inline void count_add(uint64_t *counter, uint64_t n) { store_relaxed_64(counter, load_relaxed_64(counter) + n); }

/* segment/: a pool between processes. segment/segment.h says how */
int segment_create(struct weir_pool **out, const struct weir_pool_config *k, uint32_t id, struct track *track);
int segment_open(struct weir_pool **out, struct weir_pool_config *k, uint32_t id);     /* by its name; fills in the rest */
int segment_made(struct weir_pool *pool, const struct weir_pool_config *k);     /* from now on others may open it */
void segment_free(struct weir_pool *pool);
int segment_unlink(const char *name);
struct weir_op *segment_get(struct cache *c);
void segment_put(struct cache *c, struct weir_op *op);
void segment_put_down(struct cache *c);
void segment_cache_empty(struct cache *c);
struct cache *segment_cache_acquire(struct weir_pool *pool);
void segment_cache_release(struct cache *c);
struct weir_op *segment_wait(struct weir_pool *pool, struct cache *c, int64_t deadline);
struct cache *segment_collectors(struct weir_pool *pool);       /* alone among the bulk callers of all processes; NULL: no cache to say so with */
void segment_collected(struct cache *c);
void segment_not_taken(struct cache *c, unsigned n);
bool segment_wanted(const struct weir_pool *pool);
uint32_t segment_committed(struct weir_pool *pool);
void segment_stats(struct weir_pool *pool, struct weir_stats *out);
int segment_check(struct weir_pool *pool);
uint32_t segment_held(struct weir_pool *pool, uint32_t *first);
size_t segment_trim(struct weir_pool *pool);
int segment_pin(struct weir_pool *pool);
void segment_unpin(struct weir_pool *pool);
void segment_forked(struct weir_pool *pool, struct cache *own);

/* arena.c */
int arena_create(struct weir_pool *pool, const struct weir_pool_config *config);
void arena_strides(struct arena *a, const struct track *t, const struct weir_pool_config *config);
void arena_destroy(struct weir_pool *pool);
int arena_commit(struct weir_pool *pool, uint32_t ops);
/* index is below what has memory. A shared pool's own number is what it saw last. */
static inline bool arena_has(struct weir_pool *pool, uint32_t index)
{
    return WEIR_LIKELY(index < load_acquire_32(&pool->arena.committed)) || (pool->segment && index < segment_committed(pool)); /* arena.C2 */
}
void arena_prepare_block(struct weir_pool *pool, uint32_t block);
void arena_prepare_ops(struct weir_pool *pool, struct magazine *m, uint64_t s);
struct weir_op *arena_op_of(const struct weir_pool *pool, const void *inside, const char **part);
size_t arena_discard(struct weir_pool *pool, uint32_t from, uint32_t to, bool headers);

/* depot.c */
void depot_push(struct weir_pool *pool, struct stack *stack, struct magazine *m);
struct magazine *depot_pop(struct weir_pool *pool, struct stack *stack, struct cache *c);
struct magazine *depot_pop_ops(struct weir_pool *pool, struct cache *c);
struct magazine *depot_pop_virgin(struct weir_pool *pool, struct cache *c);
struct magazine *depot_pop_empty(struct weir_pool *pool, struct cache *c, bool must);
void depot_give_empty(struct weir_pool *pool, struct cache *c, struct magazine *m);
bool depot_is_bare(struct weir_pool *pool);
void depot_settle_taken(struct weir_pool *pool, struct magazine *m, uint64_t s);

/* cache.c */
struct weir_op *cache_take(struct cache *c);
void cache_empty(struct cache *c);
void cache_rearm(struct cache *c);
void cache_set_l(struct cache *c, uint32_t l);
int64_t cache_shut(struct cache *c);
bool cache_claim_bulk(struct cache *c, struct weir_op **out, uint32_t n);
void cache_put(struct cache *c, struct weir_op *op);
void cache_place(struct cache *c, struct weir_op *op);
static inline struct weir_op *op_born(struct weir_op *op)
{
    store_relaxed_64(&op->refs, 1);
    op->overlapped[0] = op->overlapped[1] = op->overlapped[2] = op->overlapped[3] = 0;
    return op;
}

/* An op in hand that is born in a watched pool; follow: this life is to be followed. */
struct weir_op *op_born_watched(struct weir_pool *pool, struct weir_op *op, bool follow, const void *site);
bool cache_follows(struct cache *c);
struct weir_op *cache_got_watched(struct cache *c, struct weir_op *op, const void *site);
struct weir_op *cache_get_watched(struct cache *c, struct weir_op *op, uint32_t n, const void *site);
struct weir_op *cache_get_shared(struct cache *c, const void *site);
static inline void cache_set_site(struct cache *c, const void *site)
{
    if (WEIR_UNLIKELY(c->pub.pool->track != NULL))
        c->site = site;
}
int track_open(struct track **out, const struct track_shape *shape, const char *spec);     /* under registry_opening */
struct weir_op *op_get_from(struct weir_pool *pool, const void *site);
void op_put_odd(struct weir_op *op, const void *site);
bool op_end_watched(struct weir_op *op, uint64_t refs, const void *site);

/* By the only holder of an op that is going back: handles that it had are no longer its own, and it has no marks any more. */
static inline void op_unname(struct weir_op *op)
{
    store_relaxed_32(&op->generation, load_relaxed_32(&op->generation) + 1);
    store_relaxed_64(&op->refs, 1);
}

/* An op comes into a cache. A stale look does no harm: see depot.c for pops, steal.c for caches that open. */
static inline void mark_dirty(struct weir_pool *pool)
{
    if (load_relaxed_32(&pool->dirty) != DIRTY)
        store_release_32(&pool->dirty, DIRTY);                  /* depot.D1 -> steal.D2 */
}

/* steal.c */
bool steal_sweep(struct weir_pool *pool, struct cache *c);

/* thread.c */
struct cache *thread_cache(struct weir_pool *pool);             /* NULL: no memory, or the thread is dying */
struct cache *cache_acquire(struct weir_pool *pool);            /* any free one, or a new one; NULL: no memory */
struct cache *cache_acquire_kept(struct weir_pool *pool);
int cache_keep_one(struct weir_pool *pool);
void cache_release(struct cache *c);
void thread_forget_pool(struct weir_pool *pool);
void thread_start(void);                                        /* under registry_opening */
void thread_forget_others(void);                                /* in a forked child */
struct weir_thread_slot *thread_slots(void);                    /* NULL: this thread has none */
struct cache *thread_cache_known(struct weir_pool *pool);
struct cache *thread_cache_if_any(struct weir_pool *pool);

/* waiter.c */
static inline bool waiters_any(const struct weir_pool *pool)
{
    return load_acquire_64(&pool->waiters_head) != load_acquire_64(&pool->waiters_tail);    /* waiter.H2; waiter.T2 */
}
bool waiters_give(struct weir_pool *pool, struct weir_op *op);
void waiters_serve(struct weir_pool *pool, struct cache *c);
void waiters_serve_any(struct weir_pool *pool);                 /* by a thread that may have no cache */
void waiters_reset(struct weir_pool *pool);

/* watch.c */
unsigned watch_reclaim(struct weir_pool *pool);
enum { EVENT_IDLE = 0, EVENT_ARMED = 1, EVENT_SET = 2 };
bool watch_ran_empty(struct weir_pool *pool);                   /* true: look once more */
void watch_came_back_slow(struct weir_pool *pool);
static inline void watch_came_back(struct weir_pool *pool)
{
    if (WEIR_UNLIKELY(load_relaxed_32(&pool->event_state) == EVENT_ARMED))  /* after the caller's fence */
        watch_came_back_slow(pool);
}
bool watch_low_slow(struct weir_pool *pool);
void watch_call_low(struct weir_pool *pool);
static inline bool watch_low(struct weir_pool *pool)            /* true: the caller runs low_fn when it has finished */
{
    return load_relaxed_32(&pool->low_ops) && watch_low_slow(pool);
}
void watch_level_rose_slow(struct weir_pool *pool);
static inline void watch_level_rose(struct weir_pool *pool)
{
    if (WEIR_UNLIKELY(load_relaxed_32(&pool->low_below)))
        watch_level_rose_slow(pool);
}
uint32_t watch_ration(struct cache *c, uint32_t n, uint32_t *l);
void watch_close(struct weir_pool *pool);

/* stats.c */
struct census {
    uint64_t loaded, cached, out;   /* ops in loaded magazines; these and those in previous ones; all that are not FULL anywhere */
};
void stats_census(struct weir_pool *pool, struct census *out);
uint64_t stats_live(struct weir_pool *pool);
bool stats_any_free(struct weir_pool *pool);
void stats_look(struct weir_pool *pool, struct cache *c);

/* registry.c */
extern struct os_lock registry_opening, registry_lock;
extern struct os_lock threads_lock;
int registry_check_name(const char *name);
int registry_check(const struct weir_pool_config *k);
uint32_t registry_share(const struct weir_pool_config *k);      /* most ops that a thread keeps */
struct weir_pool *registry_first(void);                         /* under registry_opening */
struct weir_pool *registry_find(const void *inside, struct weir_op **op, const char **part);

/* fork.c */
void fork_before(void);
void fork_parent(void);
void fork_child(void);
void fork_mend(struct weir_pool *pool);
static inline void fork_check(struct weir_pool *pool)
{
    if (WEIR_UNLIKELY(load_acquire_32(&pool->odd) & ODD_FORKED))    /* fork.F2 <- fork.F1 */
        fork_mend(pool);
}

#endif
