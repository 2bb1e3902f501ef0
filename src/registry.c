/* src/registry.c - every pool of this process: create, close, find.
 *
 * The list changes under two locks: `opening`, which create, close and weir_pool_each hold from begin to end, and registry_lock, which is
 * held for the change alone, and for a look. So what weir_pool_each calls may use pools. Get and put take neither, but for a thread's first
 * put to a pool. Order: opening, registry_lock; opening, the threads' lock (thread.c).
 */
#include "pool_private.h"
#include "panic.h"
#include <weir/ref.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct os_lock registry_opening, registry_lock;
static struct weir_pool *pools;
static uint64_t ids[POOLS_MAX / 64];
static uint32_t generated;

struct weir_pool *registry_first(void)
{
    return pools;
}

static uint32_t registry__take_id(void)
{
    uint32_t id;
    for (id = 0; id < POOLS_MAX; id++)
        if (!(ids[id / 64] >> (id % 64) & 1)) {
            ids[id / 64] |= UINT64_C(1) << (id % 64);
            return id;
        }
    return POOLS_MAX;
}

/* -- what a config may say ------------------------------------------------------------------------------------------------ */

static const char name_letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";

int registry_check_name(const char *name)
{
    size_t length, good;
    if (!name)
        return 0;
    length = strlen(name);
    good = strspn(name, name_letters);
    if (!length)
        return error_set(-EINVAL, "name \"\" is empty: 1 to 63 of A-Z a-z 0-9 . _ -, or NULL for a generated one");
    if (length > 63)
        return error_set(-EINVAL, "name \"%.20s...\" has %zu characters: at most 63", name, length);
    if (good != length)
        return error_set(-EINVAL, "name \"%s\" has the character 0x%02x at %zu: only A-Z a-z 0-9 . _ - are allowed", name,
                         (unsigned char)name[good], good);
    return 0;
}

static int registry__check_sizes(const struct weir_pool_config *k)
{
    size_t page = os_page_size(), most = (size_t)1 << 46;
    if (k->buffer_align && (k->buffer_align & (k->buffer_align - 1)))
        return error_set(-EINVAL, "buffer_align %zu is not a power of two: 1 to %zu, or 0 for 64", k->buffer_align, page);
    if (k->buffer_align > page)
        return error_set(-EINVAL, "buffer_align %zu is over the page size: at most %zu", k->buffer_align, page);
    if (k->user_size > 65536)
        return error_set(-EINVAL, "user_size %zu is too large: at most 65536", k->user_size);
    if (k->buffer_size > most || k->buffer_size * (uint64_t)k->capacity / k->capacity != k->buffer_size ||
        (k->buffer_size + page + 65536 + 256) > most / k->capacity)
        return error_set(-EINVAL, "buffer_size %zu times capacity %u is too large: together at most %zu bytes", k->buffer_size, k->capacity,
                         most);
    return 0;
}

static int registry__check_shared(const struct weir_pool_config *k)
{
    if (!k->name)
        return error_set(-EINVAL, "name is NULL: other processes open a shared pool by its name");
    if (k->max_threads > 4095)
        return error_set(-EINVAL, "max_threads %u is too large: 1 to 4095, or 0 for 1024", k->max_threads);
    if (k->mode & ~0777u)
        return error_set(-EINVAL, "mode 0%o has more than permission bits: at most 0777, or 0 for 0600", k->mode);
    if (k->flags & WEIR_POOL_NUMA)
        return error_set(-ENOTSUP, "flags has WEIR_POOL_NUMA and WEIR_POOL_SHARED: a segment's pages lie where they are first touched; leave "
                         "WEIR_POOL_NUMA out");
    return 0;
}

static int registry__check_flags(const struct weir_pool_config *k)
{
    unsigned known = WEIR_POOL_SHARED | WEIR_POOL_HUGEPAGES | WEIR_POOL_NUMA;
    if (k->flags & ~known)
        return error_set(-EINVAL, "flags 0x%x has bits that mean nothing: only those in 0x%x do", k->flags, known);
    if (k->flags & WEIR_POOL_SHARED)
        return registry__check_shared(k);
    if (k->flags & WEIR_POOL_NUMA && !os_node_exists(k->numa_node))
        return error_set(-ENODEV, "numa_node %d does not exist on this machine; leave WEIR_POOL_NUMA out, or name a node that does",
                         k->numa_node);
    return 0;
}

int registry_check(const struct weir_pool_config *k)
{
    int error;
    if (k->capacity < 1 || k->capacity > (uint32_t)1 << 28)
        return error_set(-EINVAL, "capacity %u is out of range: 1 to %u", k->capacity, (uint32_t)1 << 28);
    if (k->initial > k->capacity)
        return error_set(-EINVAL, "initial %u is over the capacity %u: at most that", k->initial, k->capacity);
    if (k->cache > 2 * MAGAZINE_MAX)
        return error_set(-EINVAL, "cache %u is too large: 1 to %d, or 0 for a choice by capacity", k->cache, 2 * MAGAZINE_MAX);
    error = registry_check_name(k->name);
    if (!error)
        error = registry__check_sizes(k);
    if (!error)
        error = registry__check_flags(k);
    return error;
}

uint32_t registry_share(const struct weir_pool_config *k)
{
    uint32_t cache = k->cache, most = k->capacity / 2;
    if (!cache) {
        cache = k->capacity / 16;
        cache = cache < 2 ? 2 : cache > 256 ? 256 : cache;
    }
    return cache <= most ? cache : most ? most : 1;
}

/* Ops in a magazine: half of what a thread keeps, since it keeps two magazines. */
static int registry__shape(struct weir_pool *pool, const struct weir_pool_config *k)
{
    uint32_t cache = registry_share(k);
    pool->magazine = cache < 2 ? 1 : cache / 2;
    pool->keep_prev = cache >= 2;
    pool->blocks = (pool->capacity - 1) / pool->magazine + 1;
    if (pool->blocks > MAGAZINE_NONE - CACHE_CHUNK * CACHE_CHUNKS * CACHE_MAGAZINES)
        return error_set(-EINVAL, "cache %u is too small for capacity %u: at least 64, or 0 for a choice by capacity", k->cache, k->capacity);
    return 0;
}

/* -- create --------------------------------------------------------------------------------------------------------------- */

/* The struct lies in pages of its own, at an offset by its id, so that a thread's pools fall into different slots. */
static struct weir_pool *registry__allocate(uint32_t id)
{
    size_t offset = (id % 8) * 64;
    size_t bytes = sizeof(struct weir_pool) + offset + WAITERS * sizeof(struct waiter_slot);
    struct weir_pool *pool;
    void *memory = os_pages(bytes);
    if (!memory)
        return NULL;
    pool = (struct weir_pool *)(void *)((char *)memory + offset);
    pool->memory = memory;
    pool->memory_bytes = bytes;
    pool->id = id;
    pool->waiter = (struct waiter_slot *)(void *)(pool + 1);
    pool->event = -1;
    pool->full.head = pool->part.head = pool->empty.head = MAGAZINE_NONE;
    pool->barrier = os_barrier_works();
    return pool;
}

static void registry__free(struct weir_pool *pool)
{
    struct cache *c = pool->caches, *next;
    uint32_t i;
    if (pool->track && pool->arena.ops)
        track_layer->left(pool->track, pool);
    if (pool->segment) {
        struct track *track = pool->track;
        segment_free(pool);
        if (track)
            track_layer->close(track);
        return;
    }
    for (; c; c = next) {
        next = c->next;
        os_pages_free(c, c->bytes);
    }
    for (i = 0; i < CACHE_CHUNKS; i++)
        os_pages_free(pool->chunk[i], CACHE_CHUNK_BYTES);
    arena_destroy(pool);
    if (pool->track)
        track_layer->close(pool->track);
    watch_close(pool);
    os_pages_free(pool->memory, pool->memory_bytes);
}

static struct weir_pool *registry__by_name(const char *name)
{
    struct weir_pool *p = pools;
    while (p && strcmp(p->name, name) != 0)
        p = p->next;
    return p;
}

static void registry__name(struct weir_pool *pool, const char *name)
{
    if (name)
        memcpy(pool->name, name, strlen(name) + 1);
    else
        do
            snprintf(pool->name, sizeof pool->name, "pool-%u", generated++);
        while (registry__by_name(pool->name));
}

static int registry__watch(struct track **out, const struct weir_pool_config *k, const char *name, bool attach)
{
    struct track_shape shape = { .kind = TRACK_POOL, .name = name, .objects = k->capacity, .shared = (k->flags & WEIR_POOL_SHARED) != 0,
                                 .attach = attach, .mode = k->mode ? k->mode : 0600, .buffer_size = k->buffer_size,
                                 .buffer_align = k->buffer_align };
    return track_open(out, &shape, k->debug);
}

static void registry__watched(struct weir_pool *pool, struct track *track)
{
    pool->track = track;
    pool->watched = track != NULL;
    if (pool->segment && track)
        pool->odd |= ODD_WATCHED;                               /* nobody else has the pool yet */
}

static int registry__fill(struct weir_pool *pool, const struct weir_pool_config *k)
{
    int error;
    pool->capacity = k->capacity;
    pool->buffer_size = k->buffer_size;
    pool->user_size = k->user_size;
    registry__name(pool, k->name);
    error = registry__shape(pool, k);
    if (!error)
        error = registry__watch(&pool->track, k, pool->name, false);
    registry__watched(pool, pool->track);
    if (!error)
        error = arena_create(pool, k);
    if (!error && pool->track)
        track_layer->placed(pool->track, pool);
    if (!error)
        error = cache_keep_one(pool);
    if (!error && k->initial && arena_commit(pool, k->initial))
        error = error_set(-ENOMEM, "no memory for initial %u ops of %zu bytes: a smaller initial or buffer_size", k->initial,
                          pool->arena.op_stride + pool->arena.buffer_stride);
    return error;
}

/* A shared pool that is watched: before it is made, since guards change its shape; after it was opened, which says what it is. */
static int registry__make_shared(struct weir_pool **out, struct weir_pool_config *k, uint32_t id)
{
    struct track *track = NULL;
    int error = registry__watch(&track, k, k->name, false);
    if (error)
        return error;
    error = segment_create(out, k, id, track);
    if (error && track)
        track_layer->close(track);
    if (error)
        return error;
    registry__watched(*out, track);
    if (track)
        track_layer->placed(track, *out);
    error = segment_made(*out, k);
    if (error)
        (void)segment_unlink(k->name);
    return error;
}

static int registry__open_shared(struct weir_pool **out, struct weir_pool_config *k, uint32_t id)
{
    struct track *track = NULL;
    int error = segment_open(out, k, id);
    if (!error)
        error = registry__watch(&track, k, k->name, true);
    if (error)
        return error;
    registry__watched(*out, track);
    if (track)
        track_layer->placed(track, *out);
    return 0;
}

static int registry__make(struct weir_pool **out, struct weir_pool_config *k, uint32_t id)
{
    *out = registry__allocate(id);
    return *out ? registry__fill(*out, k) : error_set(-ENOMEM, "no memory for the pool's own %zu bytes", sizeof **out);
}

static int registry__create(struct weir_pool **out, struct weir_pool_config *k, int (*make)(struct weir_pool **, struct weir_pool_config *, uint32_t))
{
    struct weir_pool *pool = NULL;
    uint32_t id;
    int error;
    id = registry__take_id();
    if (id == POOLS_MAX)
        return error_set(-ENOSPC, "%d pools are open: close one first", POOLS_MAX);
    error = make(&pool, k, id);
    if (error) {
        if (pool)
            registry__free(pool);
        ids[id / 64] &= ~(UINT64_C(1) << (id % 64));
        return error;
    }
    os_lock(&registry_lock);
    pool->next = pools;
    pools = pool;
    os_unlock(&registry_lock);
    *out = pool;
    return 0;
}

int weir_pool_create_1(struct weir_pool **out, const struct weir_pool_config *config, size_t size)
{
    struct weir_pool_config k;
    int error;
    if (!out || !config)
        return error_set(-EINVAL, "weir_pool_create: %s is NULL", out ? "config" : "out");
    if (size < offsetof(struct weir_pool_config, debug))
        return error_set(-EINVAL, "weir_pool_create: a config of %zu bytes: sizeof *config is %zu", size, sizeof k);
    memset(&k, 0, sizeof k);
    memcpy(&k, config, size < sizeof k ? size : sizeof k);
    error = registry_check(&k);
    if (error)
        return error;
    os_lock(&registry_opening);
    thread_start();
    if (k.name && registry__by_name(k.name))
        error = error_set(-EEXIST, "name \"%s\" is taken by another pool of this process: another name, or NULL", k.name);
    else
        error = registry__create(out, &k, k.flags & WEIR_POOL_SHARED ? registry__make_shared : registry__make);
    os_unlock(&registry_opening);
    return error;
}

int weir_pool_open(struct weir_pool **out, const char *name)
{
    struct weir_pool_config k = { .name = name };
    int error;
    if (!out || !name)
        return error_set(-EINVAL, "weir_pool_open: %s is NULL", out ? "name" : "out");
    error = registry_check_name(name);
    if (error)
        return error;
    os_lock(&registry_opening);
    thread_start();
    error = registry__create(out, &k, registry__open_shared);
    os_unlock(&registry_opening);
    return error;
}

int weir_pool_unlink(const char *name)
{
    int error = name ? registry_check_name(name) : error_set(-EINVAL, "weir_pool_unlink: name is NULL");
    if (!error)
        error = segment_unlink(name);
    if (!error && track_layer)
        track_layer->unlink(name);
    return error;
}

/* -- close, find ---------------------------------------------------------------------------------------------------------- */

/* A shared pool is busy as long as threads of this process hold ops that they took. */
static int registry__busy_shared(struct weir_pool *pool)
{
    uint32_t first = 0, held = segment_held(pool, &first);
    if (held && watch_reclaim(pool))
        held = segment_held(pool, &first);
    if (!held)
        return 0;
    if (pool->track)
        track_layer->busy(pool->track);
    return error_set(-EBUSY, "shared pool \"%s\": %u ops that this process took are live, the first is op %u with %u references: give them back "
                     "first", pool->name, held, first, weir_op_refs(weir_op_at(pool, first)));
}

static int registry__busy(struct weir_pool *pool)
{
    uint64_t live = pool->segment ? 0 : stats_live(pool);
    uint32_t i;
    if (pool->segment)
        return registry__busy_shared(pool);
    if (live && watch_reclaim(pool))
        live = stats_live(pool);
    if (!live)
        return 0;
    if (pool->track)
        track_layer->busy(pool->track);
    for (i = 0; i < pool->capacity; i++) {
        struct weir_op *op = weir_op_at(pool, i);
        uint64_t refs = op ? load_relaxed_64(&op->refs) : 0;
        if (refs)
            return error_set(-EBUSY, "pool \"%s\": %llu ops are live, the first is op %u with %u references: give them back first", pool->name,
                             (unsigned long long)live, i, weir_op_refs(op));
    }
    return error_set(-EBUSY, "pool \"%s\": %llu ops are in calls in progress: close it when no thread uses it", pool->name,
                     (unsigned long long)live);
}

int weir_pool_close(struct weir_pool *pool)
{
    struct weir_pool **at;
    int error;
    if (!pool)
        return error_set(-EINVAL, "weir_pool_close: pool is NULL");
    fork_check(pool);
    error = registry__busy(pool);
    if (error)
        return error;
    os_lock(&registry_opening);
    for (at = &pools; *at && *at != pool; at = &(*at)->next) {
    }
    if (*at) {
        os_lock(&registry_lock);
        *at = pool->next;
        os_unlock(&registry_lock);
        ids[pool->id / 64] &= ~(UINT64_C(1) << (pool->id % 64));
        thread_forget_pool(pool);
        registry__free(pool);
    } else {
        error = error_set(-EINVAL, "weir_pool_close: %p is not an open pool", (void *)pool);
    }
    os_unlock(&registry_opening);
    return error;
}

int weir_pool_each(int (*fn)(struct weir_pool *, void *), void *arg)
{
    struct weir_pool *p;
    int result = 0;
    if (!fn)
        return error_set(-EINVAL, "weir_pool_each: fn is NULL");
    os_lock(&registry_opening);
    for (p = pools; p && !result; p = p->next)
        result = fn(p, arg);
    os_unlock(&registry_opening);
    return result;
}

const char *weir_pool_name(const struct weir_pool *pool)
{
    return pool->name;
}

bool weir_pool_owns(const struct weir_pool *pool, const void *inside)
{
    const char *part;
    return pool && inside && arena_op_of(pool, inside, &part) != NULL;
}

/* The pool in one of whose ops an address lies; NULL: none. */
struct weir_pool *registry_find(const void *inside, struct weir_op **op, const char **part)
{
    struct weir_pool *p;
    *op = NULL;
    os_lock(&registry_lock);
    for (p = pools; p; p = p->next)
        if ((*op = arena_op_of(p, inside, part)) != NULL)
            break;
    os_unlock(&registry_lock);
    return p;
}
