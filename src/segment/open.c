/* src/segment/open.c - shared pools: create, open, close, unlink.
 *
 * Creating. The segment's name is taken first, by the system, so that one of two creators gets -EEXIST. The head says MAKING and whose it is; all
 * else is filled in; the magic comes last (segment.M1). A creator that dies in between leaves what weir_pool_open refuses with that reason.
 *
 * Opening. The head is checked in a mapping that can't be written (shape.c). Only then the segment is mapped for writing, and the head must be, byte
 * for byte, the one that was checked. From then on the process believes its own copy of the shape, whatever others write.
 *
 * The first writer that a process takes is its kept one (thread.c: a put must always find its way back).
 *
 *     threads: under registry_opening. progress: maps memory; may block in the file system.
 */
#include "segment.h"
#include "../panic.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define OPEN_PATIENCE INT64_C(200000000)        /* ns: for the creator's name */
#define OPEN_NAP INT64_C(200000)

_Static_assert(sizeof(struct weir_pool) + 8 * 64 + sizeof(struct segment) <= SEGMENT_BEFORE,
               "the private part of a shared pool lies in front of its mapping");

static void open__name(char *out, size_t size, const char *name)
{
    snprintf(out, size, "pool.%s", name);
}

/* The private part, which os_segment_* has reserved in front of the mapping. */
static int open__place(struct weir_pool **out, const struct os_segment *os, const struct segment_shape *shape, uint32_t id)
{
    char *before = (char *)os->base - SEGMENT_BEFORE;
    struct weir_pool *pool = (struct weir_pool *)(void *)(before + shape->before_offset);
    struct segment *s = (struct segment *)(void *)(pool + 1);
    if (os_commit(before, SEGMENT_BEFORE))
        return error_set(-ENOMEM, "no memory for a shared pool's own %d bytes", SEGMENT_BEFORE);
    s->os = *os;
    s->base = os->base;
    s->head = os->base;
    s->shape = *shape;
    s->pool = pool;
    pool->segment = s;
    pool->odd = ODD_SHARED;
    pool->id = id;
    pool->event = -1;
    pool->capacity = shape->capacity;
    pool->magazine = shape->magazine;
    pool->blocks = shape->blocks;
    pool->buffer_size = shape->buffer_size;
    pool->user_size = shape->user_size;
    pool->arena.ops = s->base + shape->ops_at;
    pool->arena.buffers = shape->buffer_stride ? s->base + shape->buffers_at : NULL;
    pool->arena.op_stride = shape->op_stride;
    pool->arena.buffer_stride = shape->buffer_stride;
    pool->arena.ops_bytes = shape->capacity * shape->op_stride;
    pool->arena.buffers_bytes = shape->capacity * shape->buffer_stride;
    (void)os_process_self(&s->self);
    *out = pool;
    return 0;
}

static int open__attach(struct weir_pool *pool)
{
    struct segment *s = pool->segment;
    pool->barrier = !s->head->fenced;
    if (pool->barrier && !os_barrier_shared_works())
        return error_set(-ENOTSUP, "shared pool \"%s\" relies on membarrier between processes, which this process may not call: create it by "
                         "a process with WEIR_NO_BARRIER=1 in its environment", s->head->name);
    memcpy(pool->name, s->head->name, sizeof pool->name);
    return segment_keep_one(s);
}

/* -- create ------------------------------------------------------------------------------------------------------------------- */

static int open__make(struct os_segment *os, const char *file, const char *name, const struct segment_shape *shape, unsigned mode)
{
    char path[256] = "";
    int error = os_segment_create(os, file, shape->bytes, SEGMENT_BEFORE, mode ? mode : 0600);
    (void)os_segment_path(file, path, sizeof path);
    if (error == -EEXIST)
        return error_set(error, "shared pool \"%s\" exists already (%s): weir_pool_open opens it, weir_pool_unlink removes it", name, path);
    if (error)
        return error_set(error, "shared pool \"%s\": the system makes no segment of %llu bytes (%s): %s", name,
                         (unsigned long long)shape->bytes, path, weir_strerror(error));
    error = os_segment_allocate(os, 0, shape->writers_at);
    if (error)
        (void)error_set(error, "shared pool \"%s\": no room for its head in %s", name, path);
    return error;
}

/* All but the magic. The memory is fresh: what isn't said is 0. */
static int open__fill(struct segment *s, const char *name)
{
    struct segment_head *head = s->head;
    uint32_t i;
    memset(head, 0, sizeof *head);
    head->creator = s->self;
    store_release_64(&head->magic, SEGMENT_MAKING);             /* segment.M1: whose it is */
    WEIR_POINT("segment.making");
    head->version = SEGMENT_VERSION;
    head->head_bytes = sizeof *head;
    head->nonce = (uint64_t)os_now() ^ (uint64_t)s->self.pid << 40;
    head->shape = s->shape;
    head->fenced = !os_barrier_shared_works();
    memcpy(head->name, name, strlen(name) + 1);
    for (i = 0; i < STACKS; i++)
        head->stack[i].word = TOP(0, i == STACK_VIRGIN ? 0 : SEGMENT_NIL, 0);
    head->dirty = DIRTY;
    return 0;
}

int segment_create(struct weir_pool **out, const struct weir_pool_config *k, uint32_t id, struct track *track)
{
    struct segment_shape shape;
    struct os_segment os;
    char file[80];
    int error = segment_shape(&shape, k, track && track->guard ? track->red_zone : 0);
    if (error)
        return error;
    open__name(file, sizeof file, k->name);
    memset(&os, 0, sizeof os);
    error = open__make(&os, file, k->name, &shape, k->mode);
    if (!error)
        error = open__place(out, &os, &shape, id);
    if (!error)
        error = open__fill((*out)->segment, k->name);
    if (!error)
        error = open__attach(*out);
    if (error && os.base) {
        os_segment_close(&os);
        (void)os_segment_unlink(file);
    }
    if (error)
        *out = NULL;
    return error;
}

int segment_made(struct weir_pool *pool, const struct weir_pool_config *k)
{
    struct segment *s = pool->segment;
    int error = segment_commit(s, k->initial);
    if (error)
        return error_set(error, "shared pool \"%s\": no room for initial %u ops with %zu bytes of buffer each: a smaller initial, or a larger "
                         "file system for segments (in containers: --shm-size)", k->name, k->initial, k->buffer_size);
    WEIR_POINT("segment.made");
    store_release_64(&s->head->magic, SEGMENT_MAGIC);           /* segment.M1 -> segment.M2: all of the segment */
    return 0;
}

/* -- open --------------------------------------------------------------------------------------------------------------------- */

static int open__system(int error, const char *name, const char *file)
{
    char path[256] = "";
    (void)os_segment_path(file, path, sizeof path);
    if (error == -ENOENT)
        return error_set(error, "there is no shared pool \"%s\" (%s)", name, path);
    return error_set(error, "shared pool \"%s\": %s can't be opened: %s", name, path, weir_strerror(error));
}

/* The part of a head that never changes. */
static bool open__same(const struct segment_head *a, const struct segment_head *b)
{
    return memcmp(a, b, offsetof(struct segment_head, stack)) == 0;
}

/* Between the birth of a segment and its creator's name in it lie a few system calls: who comes then waits a little, as nothing says yet whether the
 * creator lives. */
static void open__await_creator(const struct os_segment *os)
{
    const struct segment_head *head = os->base;
    int64_t until = os_now() + OPEN_PATIENCE;
    uint32_t nobody = 0;
    while (os->bytes >= sizeof *head && !load_acquire_64(&head->magic) && os_now() < until)     /* segment.M2 */
        (void)os_wait(&nobody, 0, os_now() + OPEN_NAP);
}

/* A copy of the head, if it is right. */
static int open__check(struct segment_head *copy, const char *name, const char *file)
{
    struct os_segment os;
    int error = os_segment_open(&os, file, 0, false);
    if (error)
        return open__system(error, name, file);
    open__await_creator(&os);
    error = segment_check_head(os.base, os.bytes, name);
    if (!error) {
        memcpy(copy, os.base, offsetof(struct segment_head, stack));
        if (!open__same(copy, os.base))
            error = error_set(WEIR_ECORRUPT, "shared pool \"%s\": its head changes while it is read", name);
    }
    os_segment_close(&os);
    return error;
}

static void open__tell(struct weir_pool_config *k, const struct segment_shape *shape)
{
    k->capacity = shape->capacity;
    k->cache = shape->cache;
    k->max_threads = shape->max_threads;
    k->buffer_size = shape->buffer_size;
    k->buffer_align = shape->buffer_align;
    k->user_size = shape->user_size;
    k->flags = WEIR_POOL_SHARED;
}

int segment_open(struct weir_pool **out, struct weir_pool_config *k, uint32_t id)
{
    struct segment_head head;
    struct os_segment os;
    char file[80];
    int error;
    open__name(file, sizeof file, k->name);
    error = open__check(&head, k->name, file);
    if (error)
        return error;
    error = os_segment_open(&os, file, SEGMENT_BEFORE, true);
    if (error)
        return open__system(error, k->name, file);
    if (os.bytes != head.shape.bytes || !open__same(&head, os.base))
        error = error_set(-EAGAIN, "shared pool \"%s\" was replaced by another one just now", k->name);
    if (!error)
        error = open__place(out, &os, &head.shape, id);
    if (!error)
        error = open__attach(*out);
    if (error) {
        os_segment_close(&os);
        *out = NULL;
        return error;
    }
    open__tell(k, &head.shape);
    return 0;
}

/* -- close, unlink ------------------------------------------------------------------------------------------------------------ */

/* All that this process has in its caches goes to the depot. */
void segment_free(struct weir_pool *pool)
{
    struct os_segment os = pool->segment->os;
    struct cache *c, *next;
    pool->segment->closing = true;
    for (c = pool->caches; c; c = c->next)
        if (proxy_of(c)->rec)
            segment_cache_release(c);
    for (c = pool->caches; c; c = next) {
        next = c->next;
        os_pages_free(c, c->bytes);
    }
    os_segment_close(&os);
}

int segment_unlink(const char *name)
{
    char file[80];
    int error;
    open__name(file, sizeof file, name);
    error = os_segment_unlink(file);
    return error ? open__system(error, name, file) : 0;
}
