/* tests/debug_support.h - a watch in plain memory, as debug/watch.c would make one in a segment: for tests of the debug layer's parts alone.
 *
 *     struct watch *w = fake_watch((struct fake_shape){ .objects = 100, .tracker = TRACKER_SKETCH, .use = &tracker_sketch, .parameter = 4 });
 *     ...
 *     fake_watch_end(w);          the caller has called token_forget(w) before, if threads registered
 *
 * Sizes that are 0 are those of a small watch. With `shared` the memory is shared with children that are forked later.
 */
#ifndef WEIR_TESTS_DEBUG_SUPPORT_H
#define WEIR_TESTS_DEBUG_SUPPORT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifndef _WIN32
#include <sys/mman.h>
#endif

#include "../debug/watch.h"

struct fake_shape {
    enum track_kind kind;               /* 0: a pool */
    uint32_t objects, holders, sites, tokens, modules, text_bytes, frames, nodes;
    enum debug_tracker tracker;
    const struct tracker *use;          /* NULL: none */
    unsigned parameter, journal, stacks;
    bool own, shared;
};

static inline uint32_t fake_or(uint32_t wanted, uint32_t usual)
{
    return wanted ? wanted : usual;
}

static inline uint64_t fake_part(uint64_t *end, uint64_t bytes)
{
    uint64_t at = *end;
    *end = (at + bytes + 63) / 64 * 64;
    return at;
}

static inline void fake_header(struct debug_header *h, const struct fake_shape *s)
{
    uint64_t end = DEBUG_HEADER;
    memset(h, 0, sizeof *h);
    h->magic = DEBUG_MAGIC;
    h->version = DEBUG_VERSION;
    h->header_bytes = sizeof *h;
    h->kind = s->kind ? s->kind : TRACK_POOL;
    h->state = DEBUG_READY;
    snprintf(h->name, sizeof h->name, "fake");
    h->seed = UINT64_C(0x5eed5eed5eed5eed);
    h->created = os_now();
    h->tracker = s->tracker;
    h->parameter = s->parameter;
    h->tracker_words = s->use ? s->use->words(s->parameter) : 0;
    h->journal = s->journal;
    h->line_words = 1 + h->tracker_words + (s->journal ? 1 + 2 * s->journal : 0);
    h->objects = fake_or(s->objects, 64);
    h->holders = fake_or(s->holders, 64);
    h->sites = fake_or(s->sites, 256);
    h->tokens = fake_or(s->tokens, 1024);
    h->modules = fake_or(s->modules, 32);
    h->text_bytes = fake_or(s->text_bytes, 16384);
    h->frames = fake_or(s->frames, 1024);
    h->nodes = fake_or(s->nodes, 1024);
    h->chunks = (h->objects + DEBUG_CHUNK - 1) / DEBUG_CHUNK;
    h->chunk_bytes = (uint32_t)chunk_lines(h->kind == TRACK_DOMAIN) + 8 * DEBUG_CHUNK * h->line_words;
    h->sample = 1;
    h->flags = (s->stacks ? DEBUG_STACKS : 0u) | (s->own ? DEBUG_OWN : 0u) | (s->shared ? DEBUG_SHARED : 0u);
    h->modules_at = fake_part(&end, h->modules * sizeof(struct debug_module));
    h->holders_at = fake_part(&end, h->holders * sizeof(struct debug_holder));
    h->sites_at = fake_part(&end, h->sites * sizeof(struct debug_site));
    h->tokens_at = fake_part(&end, h->tokens * sizeof(struct debug_token));
    h->text_at = fake_part(&end, h->text_bytes);
    h->frames_at = fake_part(&end, h->frames * UINT64_C(8));
    h->nodes_at = fake_part(&end, h->nodes * sizeof(struct debug_node));
    h->ready_at = fake_part(&end, h->chunks);
    h->chunks_at = fake_part(&end, (uint64_t)h->chunks * h->chunk_bytes);
    h->bytes = end;
}

static inline void *fake_memory(size_t bytes, bool shared)
{
#ifndef _WIN32
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | (shared ? MAP_SHARED : MAP_PRIVATE), -1, 0);
    return memory == MAP_FAILED ? NULL : memory;
#else
    (void)shared;
    return os_pages(bytes);
#endif
}

static inline struct watch *fake_watch(struct fake_shape shape)
{
    static uint32_t ids;
    struct debug_header head;
    struct watch *w = calloc(1, sizeof *w);
    fake_header(&head, &shape);
    char *base = fake_memory((size_t)head.bytes, shape.shared);
    if (w == NULL || base == NULL)
        abort();
    memcpy(base, &head, sizeof head);
    w->segment = (struct os_segment){ .base = base, .bytes = (size_t)head.bytes, .file = -1 };
    w->track.sample = 1;
    w->spec.stacks = shape.stacks;
    w->tracker = shape.use;
    w->head = (void *)base;
    w->modules = (void *)(base + head.modules_at);
    w->holders = (void *)(base + head.holders_at);
    w->sites = (void *)(base + head.sites_at);
    w->tokens = (void *)(base + head.tokens_at);
    w->text = base + head.text_at;
    w->frames = (void *)(base + head.frames_at);
    w->nodes = (void *)(base + head.nodes_at);
    w->ready = (void *)(base + head.ready_at);
    w->chunks = base + head.chunks_at;
    w->id = ids++ % 8;                  /* they are used again, as in earnest */
    memset(w->ready, DEBUG_IS_READY, head.chunks);
    return w;
}

/* An object is followed since then: what holders took since may be in its line. */
static inline void fake_life(struct watch *w, uint32_t object, uint32_t time)
{
    *watch_birth(w, object) = (uint64_t)time << 32 | 1;
    *watch_line(w, object) = LINE_ONE;
}

static inline void fake_watch_end(struct watch *w)
{
#ifndef _WIN32
    (void)munmap(w->segment.base, w->segment.bytes);
#else
    os_pages_free(w->segment.base, w->segment.bytes);
#endif
    free(w);
}

#endif
