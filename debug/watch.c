/* debug/watch.c - a watch's beginning and end: what is asked for, the segment's geometry, the list of all watches.
 *
 * Purpose    make the segment that readers find by its name, and keep it until it has told what it knows: a close in good order unlinks it, a process that
 *            is killed leaves it. Of those that dead processes have left, the newest of each name stays; making another removes the rest.
 * Invariant  a segment says READY only when its header is complete and its tables have memory, so that no later store into them is a fault. Chunks get
 *            theirs when their first line is used (life.c).
 *
 *     may run at once     open and close, under the registry's lock; the list under watch_lock; everything else of a watch is of its own files
 *     progress            may map memory, asks the system who is alive
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../src/panic.h"
#include "../src/pool_private.h"
#include "guard.h"
#include "trigger.h"
#include "watch_private.h"

struct os_lock watch_lock;
static struct watch *watches;
enum { WATCHES_MAX = 2 * POOLS_MAX };           /* pools and domains */
static uint64_t watch__ids[WATCHES_MAX / 64];

struct watch *watch_first(void)
{
    return watches;
}

/* -- geometry ------------------------------------------------------------------------------------------------------------------- */

static uint64_t watch__page(uint64_t bytes)
{
    return (bytes + 4095) / 4096 * 4096;
}

/* A line is not to lie across more cache lines than it must. */
static uint32_t watch__line_words(uint32_t words)
{
    return words <= 2 ? words : words <= 4 ? 4 : (words + 7) / 8 * 8;
}

static void watch__lines(struct debug_header *h, const struct spec *s, const struct track_shape *shape)
{
    const struct tracker *tracker = trackers[s->tracker];
    h->kind = shape->kind;
    h->objects = shape->objects;
    h->tracker = s->tracker;
    h->parameter = s->parameter;
    h->tracker_words = tracker ? tracker->words(s->parameter) : 0;
    h->journal = s->journal;
    h->line_words = watch__line_words(1 + h->tracker_words + (h->journal ? 1 + 2 * h->journal : 0));
    h->sample = s->tracker || s->journal ? s->sample : 0;
    h->chunks = (h->objects - 1) / DEBUG_CHUNK + 1;
    h->chunk_bytes = (uint32_t)watch__page(chunk_lines(shape->kind == TRACK_DOMAIN) + (uint64_t)DEBUG_CHUNK * h->line_words * 8);
    h->flags = (s->guard ? DEBUG_GUARD : 0) | (s->pages ? DEBUG_PAGES : 0) | (s->stacks ? DEBUG_STACKS : 0) | (s->own ? DEBUG_OWN : 0) |
               (shape->shared ? DEBUG_SHARED : 0);
    h->hung = (uint64_t)s->hung;
}

static uint64_t watch__part(uint64_t *at, uint64_t *place, uint64_t n, uint64_t each)
{
    *place = *at;
    return *at += watch__page(n * each);
}

/* Few objects have few holders: nothing here is larger than what could ever be used. */
static void watch__tables(struct debug_header *h, const struct spec *s)
{
    uint64_t at = DEBUG_HEADER;
    h->holders = 1024;
    h->sites = 2048;
    h->tokens = 16384;
    h->modules = DEBUG_MODULES;
    h->text_bytes = 131072;
    h->frames = s->stacks ? 32768 : 0;
    h->nodes = s->tracker == TRACKER_RELEASERS ? 65536 : 0;
    watch__part(&at, &h->modules_at, h->modules, sizeof(struct debug_module));
    watch__part(&at, &h->holders_at, h->holders, sizeof(struct debug_holder));
    watch__part(&at, &h->sites_at, h->sites, sizeof(struct debug_site));
    watch__part(&at, &h->tokens_at, h->tokens, sizeof(struct debug_token));
    watch__part(&at, &h->text_at, h->text_bytes, 1);
    watch__part(&at, &h->frames_at, h->frames, 8);
    watch__part(&at, &h->nodes_at, h->nodes, sizeof(struct debug_node));
    watch__part(&at, &h->ready_at, h->chunks, 1);
    watch__part(&at, &h->chunks_at, h->chunks, h->chunk_bytes);
    h->bytes = at;
    h->text_used = h->frames_used = h->nodes_used = 1;          /* 0 stands for none */
}

static void watch__point(struct watch *w)
{
    char *base = w->segment.base;
    struct debug_header *h = w->head = (struct debug_header *)(void *)base;
    w->modules = (struct debug_module *)(void *)(base + h->modules_at);
    w->holders = (struct debug_holder *)(void *)(base + h->holders_at);
    w->sites = (struct debug_site *)(void *)(base + h->sites_at);
    w->tokens = (struct debug_token *)(void *)(base + h->tokens_at);
    w->text = base + h->text_at;
    w->frames = (uint64_t *)(void *)(base + h->frames_at);
    w->nodes = (struct debug_node *)(void *)(base + h->nodes_at);
    w->ready = (uint8_t *)base + h->ready_at;
    w->chunks = base + h->chunks_at;
    w->tracker = trackers[h->tracker];
    w->track.sample = h->sample;
}

/* -- the segment ------------------------------------------------------------------------------------------------------------------ */

static uint64_t watch__random(const void *salt)
{
    uint64_t x = (uint64_t)os_now() ^ (uint64_t)os_pid() << 32 ^ (uint64_t)(uintptr_t)salt;
    return token_value(x, (uint32_t)x, (uint32_t)(x >> 32)) ^ x << 20;
}

static void watch__sign(struct debug_header *h, const char *name, const struct spec *s)
{
    struct os_process self;
    (void)os_process_self(&self);
    h->magic = DEBUG_MAGIC;
    h->version = DEBUG_VERSION;
    h->header_bytes = sizeof *h;
    snprintf(h->name, sizeof h->name, "%s", name);
    h->owner = (struct debug_process){ self.boot, self.space, self.pid, self.start };
    h->seed = watch__random(h);
    h->created = os_now();
    h->created_real = os_now_real();
    snprintf(h->spec, sizeof h->spec, "%s", s->text);
}

void watch_segment_name(char *out, size_t size, const char *name, bool shared)
{
    if (shared)
        snprintf(out, size, "debug.%s", name);
    else
        snprintf(out, size, "debug.%s.%lld", name, (long long)os_pid());
}

/* A whole segment, which says CLAIMING still. */
int watch_make_segment(struct watch *w, const struct debug_header *geometry, unsigned mode)
{
    int error = os_segment_create(&w->segment, w->segment_name, geometry->bytes, 0, mode);
    if (error)
        return error;
    error = os_segment_allocate(&w->segment, 0, geometry->chunks_at);
    if (error) {
        os_segment_close(&w->segment);
        (void)os_segment_unlink(w->segment_name);
        return error;
    }
    memcpy(w->segment.base, geometry, sizeof *geometry);
    watch__point(w);
    return 0;
}

static int watch__create(struct watch *w, const struct track_shape *shape)
{
    struct debug_header h = { 0 };
    int error, tries;
    watch__lines(&h, &w->spec, shape);
    watch__tables(&h, &w->spec);
    watch__sign(&h, shape->name, &w->spec);
    h.state = DEBUG_CLAIMING;
    h.buffer_size = shape->buffer_size;
    watch_segment_name(w->segment_name, sizeof w->segment_name, shape->name, shape->shared);
    stale_remove(shape->name);
    for (tries = 0; (error = watch_make_segment(w, &h, shape->shared ? shape->mode : 0600)) == -EEXIST && tries < 2; tries++)
        stale_remove_exact(w->segment_name, shape->shared);
    if (error)
        return error_set(error, "debug \"%.40s\": no segment \"%s\" of %llu bytes: %s", w->spec.text, w->segment_name, (unsigned long long)h.bytes,
                         error == -ENOSPC ? "the file system is full" : weir_strerror(error));
    store_release_32(&w->head->state, DEBUG_READY);             /* header.S1 -> reader.A2: the whole header */
    return 0;
}

/* A segment that another process of the shared pool made. -ENOENT: it asked for none. */
static int watch__attach(struct watch *w, const struct track_shape *shape)
{
    struct reader r;
    int error;
    watch_segment_name(w->segment_name, sizeof w->segment_name, shape->name, true);
    error = os_segment_open(&w->segment, w->segment_name, 0, true);
    if (error)
        return error;
    error = reader_open(&r, w->segment.base, w->segment.bytes);
    if (!error) {
        if (r.head.objects != shape->objects || r.head.kind != (uint32_t)shape->kind)
            error = error_set(-EINVAL, "debug segment \"%s\" is of another pool: it has %u objects, the pool %u", w->segment_name, r.head.objects,
                              shape->objects);
        reader_close(&r);
    }
    if (!error)
        error = spec_parse(&w->spec, ((struct debug_header *)w->segment.base)->spec, "debug");
    if (error) {
        os_segment_close(&w->segment);
        return error;
    }
    watch__point(w);
    w->attached = true;
    return 0;
}

/* -- open, close -------------------------------------------------------------------------------------------------------------------- */

static int watch__list(struct watch *w)
{
    uint32_t id;
    os_lock(&watch_lock);
    for (id = 0; id < WATCHES_MAX && watch__ids[id / 64] >> (id % 64) & 1; id++) {
    }
    if (id < WATCHES_MAX) {
        watch__ids[id / 64] |= UINT64_C(1) << (id % 64);
        w->id = id;
        w->next = watches;
        watches = w;
    }
    os_unlock(&watch_lock);
    return id < WATCHES_MAX ? 0 : error_set(-ENOSPC, "%d pools and domains are watched: close one first, or debug \"none\"", WATCHES_MAX);
}

static void watch__unlist(struct watch *w)
{
    struct watch **at;
    os_lock(&watch_lock);
    for (at = &watches; *at != w; at = &(*at)->next) {
    }
    *at = w->next;
    watch__ids[w->id / 64] &= ~(UINT64_C(1) << (w->id % 64));
    os_unlock(&watch_lock);
}

static void watch__free(struct watch *w)
{
    token_forget(w);
    guard_close(w);
    os_segment_close(&w->segment);
    os_pages_free(w, sizeof *w);
}

static void watch__unmake(struct watch *w)
{
    guard_close(w);                                             /* while its head is there */
    if (!w->attached)
        (void)os_segment_unlink(w->segment_name);
    os_segment_close(&w->segment);
}

static int watch__make(struct watch *w, const struct track_shape *shape)
{
    int error = shape->attach ? watch__attach(w, shape) : watch__create(w, shape);
    if (error)
        return error;
    if (!guard_open(w, shape))
        return 0;
    watch__unmake(w);
    return error_set(-ENOMEM, "no memory for the guards of %u ops", w->head->objects);
}

int watch_begin(struct track **out, const struct track_shape *shape, const char *text)
{
    struct spec spec;
    struct watch *w;
    int error = shape->attach ? 0 : spec_choose(&spec, text);
    *out = NULL;
    if (error || (!shape->attach && !spec_asks(&spec)))
        return error;
    error = shape->attach ? 0 : trigger_check(&spec);
    if (error)
        return error;
    w = os_pages(sizeof *w);
    if (!w)
        return error_set(-ENOMEM, "no memory for a watch's %zu bytes", sizeof *w);
    if (!shape->attach)
        w->spec = spec;
    error = watch__make(w, shape);
    if (error) {
        os_pages_free(w, sizeof *w);
        return error == -ENOENT && shape->attach ? 0 : error;
    }
    error = watch__list(w);
    if (error) {
        watch__unmake(w);
        os_pages_free(w, sizeof *w);
        return error;
    }
    os_keep_in_core();
    trigger_start(w);
    *out = &w->track;
    return 0;
}

void watch_placed(struct track *t, struct weir_pool *pool)
{
    struct watch *w = watch_of(t);
    w->pool = pool;
    if (w->attached)
        return;
    w->head->ops = (uint64_t)(uintptr_t)pool->arena.ops;
    w->head->op_stride = pool->arena.op_stride;
    w->head->buffers = (uint64_t)(uintptr_t)pool->arena.buffers;
    w->head->buffer_stride = pool->arena.buffer_stride;
    w->head->buffer_size = pool->buffer_size;
}

void watch_unlink(const char *name)
{
    char segment[sizeof ((struct watch *)0)->segment_name];
    watch_segment_name(segment, sizeof segment, name, true);
    (void)os_segment_unlink(segment);
}

/* In good order: nobody will ask any more. A shared pool's segment is unlinked with the pool's. */
void watch_end(struct track *t)
{
    struct watch *w = watch_of(t);
    watch__unlist(w);
    if (!(w->head->flags & DEBUG_SHARED)) {
        store_release_32(&w->head->state, DEBUG_EXITED);        /* header.S1 -> reader.A2: nobody will write any more */
        (void)os_segment_unlink(w->segment_name);
    }
    watch__free(w);
}
