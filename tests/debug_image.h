/* tests/debug_image.h - debug segments made by hand, byte for byte as debug/layout.h describes them: they pin the format, and need none of the code
 * that writes real ones (but the trackers, whose words they hold). For the tests of the reader, of weir-inspect and of the gdb script.
 *
 * An update can be stopped half-way, as by a kill: image_cut leaves `steps` of the tracker's words as after it and the rest as before, the line active,
 * and its intent in the holder's entry.
 */
#ifndef WEIR_TESTS_DEBUG_IMAGE_H
#define WEIR_TESTS_DEBUG_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../debug/reader.h"
#include "../debug/sketch.h"
#include "../debug/watch.h"
#include "../src/atomic.h"
#include "os/os.h"

struct image {
    char *base;
    size_t bytes;
    struct debug_header *head;
    uint32_t text;              /* used */
};

struct image_shape {
    enum track_kind kind;
    enum debug_tracker tracker;
    unsigned parameter, journal, objects, flags;
};

static inline void *image_at(const struct image *im, uint64_t at) { return im->base + at; }
static inline struct debug_holder *image_holder_at(const struct image *im, uint32_t i) { return (struct debug_holder *)image_at(im, im->head->holders_at) + i; }
static inline struct debug_token *image_token_at(const struct image *im, uint32_t i) { return (struct debug_token *)image_at(im, im->head->tokens_at) + i; }
static inline struct debug_site *image_site_at(const struct image *im, uint32_t i) { return (struct debug_site *)image_at(im, im->head->sites_at) + i; }
static inline char *image_chunk(const struct image *im, uint32_t object)
{
    return image_at(im, im->head->chunks_at + (uint64_t)(object / DEBUG_CHUNK) * im->head->chunk_bytes);
}
static inline uint64_t *image_birth(const struct image *im, uint32_t object)
{
    return (uint64_t *)(void *)image_chunk(im, object) + object % DEBUG_CHUNK;
}
static inline uint32_t *image_places(const struct image *im, uint32_t object)
{
    return (uint32_t *)(void *)(image_chunk(im, object) + 8 * DEBUG_CHUNK) + object % DEBUG_CHUNK;
}
static inline uint64_t *image_object(const struct image *im, uint32_t object)
{
    return (uint64_t *)(void *)(image_chunk(im, object) + 12 * DEBUG_CHUNK) + object % DEBUG_CHUNK;
}
static inline uint64_t *image_line(const struct image *im, uint32_t object)
{
    uint64_t *lines = (uint64_t *)(void *)(image_chunk(im, object) + (im->head->kind == TRACK_DOMAIN ? 20 : 12) * DEBUG_CHUNK);
    return lines + (size_t)(object % DEBUG_CHUNK) * im->head->line_words;
}

static inline uint64_t image__part(uint64_t *end, uint64_t bytes)
{
    uint64_t at = *end;
    *end = (at + bytes + 63) & ~UINT64_C(63);
    return at;
}

static inline void image__lay_out(struct debug_header *h, const struct image_shape *shape)
{
    const struct tracker *t = trackers[shape->tracker];
    uint64_t end = DEBUG_HEADER;
    h->tracker = shape->tracker;
    h->parameter = shape->parameter;
    h->tracker_words = t ? t->words(shape->parameter) : 0;
    h->journal = shape->journal;
    h->line_words = 1 + h->tracker_words + (h->journal ? 1 + 2 * h->journal : 0);
    h->line_words += h->line_words & 1;
    h->objects = shape->objects;
    h->holders = 8, h->sites = 16, h->tokens = 32, h->modules = 2, h->text_bytes = 1024, h->frames = 32, h->nodes = 64;
    h->chunks = (shape->objects - 1) / DEBUG_CHUNK + 1;
    h->chunk_bytes = (uint32_t)((shape->kind == TRACK_DOMAIN ? 20 : 12) * DEBUG_CHUNK + DEBUG_CHUNK * 8 * h->line_words);
    h->modules_at = image__part(&end, h->modules * sizeof(struct debug_module));
    h->holders_at = image__part(&end, h->holders * sizeof(struct debug_holder));
    h->sites_at = image__part(&end, h->sites * sizeof(struct debug_site));
    h->tokens_at = image__part(&end, h->tokens * sizeof(struct debug_token));
    h->text_at = image__part(&end, h->text_bytes);
    h->frames_at = image__part(&end, h->frames * 8);
    h->nodes_at = image__part(&end, h->nodes * 8);
    h->ready_at = image__part(&end, h->chunks);
    h->chunks_at = image__part(&end, (uint64_t)h->chunks * h->chunk_bytes);
    h->bytes = end;
}

static inline struct debug_process image_self(void)
{
    struct os_process p;
    if (os_process_self(&p))
        abort();
    return (struct debug_process){ p.boot, p.space, p.pid, p.start };
}

static inline struct image image_make(const char *name, const struct image_shape *shape)
{
    struct image im = { 0 };
    struct debug_header h;
    memset(&h, 0, sizeof h);
    h.magic = DEBUG_MAGIC, h.version = DEBUG_VERSION, h.header_bytes = sizeof h, h.kind = shape->kind, h.state = DEBUG_READY;
    snprintf(h.name, sizeof h.name, "%s", name);
    h.owner = image_self();
    h.seed = 0x1234567;
    h.created = os_now() - INT64_C(100) * 1000000000;          /* 100 s ago */
    h.created_real = INT64_C(1700000000) * 1000000000;
    h.sample = 1, h.flags = shape->flags, h.hung = UINT64_C(1000) * 1000000000;
    snprintf(h.spec, sizeof h.spec, "track=%s", trackers[shape->tracker] ? trackers[shape->tracker]->name : "none");
    image__lay_out(&h, shape);
    if (shape->kind == TRACK_POOL)
        h.ops = 0x10000, h.op_stride = 128, h.buffers = 0x7f0000000000, h.buffer_stride = 4096, h.buffer_size = 4000;
    im.bytes = (size_t)h.bytes;
    im.base = os_pages(im.bytes);
    if (!im.base)
        abort();
    memcpy(im.base, &h, sizeof h);
    im.head = (struct debug_header *)(void *)im.base;
    memset(image_at(&im, h.ready_at), DEBUG_IS_READY, h.chunks);
    im.text = 1;
    return im;
}

static inline void image_free(struct image *im)
{
    os_pages_free(im->base, im->bytes);
    im->base = NULL;
}

static inline uint32_t image_text(struct image *im, const char *text)
{
    uint32_t at = im->text;
    size_t n = strlen(text) + 1;
    if (at + n > im->head->text_bytes)
        abort();
    memcpy((char *)image_at(im, im->head->text_at) + at, text, n);
    im->text += (uint32_t)n;
    return at;
}

static inline void image_holder(struct image *im, uint32_t i, const char *name, struct debug_process process, int64_t tid, uint64_t thread_start)
{
    struct debug_holder *h = image_holder_at(im, i);
    h->state = DEBUG_READY, h->incarnation = 1, h->process = process, h->tid = tid, h->thread_start = thread_start;
    h->beat = (uint64_t)((os_now() - im->head->created) / DEBUG_UNIT);
    snprintf(h->name, sizeof h->name, "%s", name);
}

static inline void image_holder_self(struct image *im, uint32_t i, const char *name)
{
    image_holder(im, i, name, image_self(), os_thread_id(), os_thread_start());
}

/* Of a process that has ended: our own pid, with another start. */
static inline void image_holder_dead(struct image *im, uint32_t i, const char *name)
{
    struct debug_process p = image_self();
    p.start++;
    image_holder(im, i, name, p, p.pid, p.start);
}

static inline void image_site(struct image *im, uint32_t i, const char *file, uint32_t line, const char *function)
{
    struct debug_site *s = image_site_at(im, i);
    s->file = image_text(im, file), s->function = image_text(im, function), s->line = line, s->kind = SITE_SOURCE, s->state = DEBUG_READY;
}

static inline void image_token(struct image *im, uint32_t i, uint32_t holder, uint32_t site)
{
    struct debug_token *t = image_token_at(im, i);
    t->holder = holder, t->site = site, t->salt = 7 * i, t->state = DEBUG_READY;
}

/* -- updates ------------------------------------------------------------------------------------------------------------------------ */

static inline struct thread_token image__mine(const struct image *im, uint32_t token)
{
    const struct debug_token *t = image_token_at(im, token);
    const struct debug_holder *h = image_holder_at(im, t->holder);
    struct thread_token out = { .index = token, .holder = t->holder, .site = t->site };
    out.who = (uint64_t)h->process.pid << 32 | (uint32_t)h->tid;
    sketch_powers(token_value(im->head->seed, token, t->salt), im->head->tracker == TRACKER_SKETCH ? 2 * im->head->parameter - 1 : 1, out.power);
    return out;
}

/* Releasers and slots look at the update's time and segment. */
static inline void image__update(const struct image *im, uint64_t *words, uint32_t token, int how)
{
    const struct tracker *t = trackers[im->head->tracker];
    struct thread_token mine = image__mine(im, token);
    struct watch watch = { .head = im->head, .nodes = image_at(im, im->head->nodes_at), .tracker = t };
    struct tracker_update u = { &mine, 5000, im->head->parameter, &watch };
    if (t)
        (how == 0 ? t->first : how > 0 ? t->add : t->take_back)(words, &u);
}

static inline void image_begin(struct image *im, uint32_t object, uint32_t generation, uint32_t token)
{
    uint64_t *line = image_line(im, object);
    image__update(im, line + 1, token, 0);
    *line = (*line & ~LINE_COUNT) + LINE_VERSION + LINE_ONE;
    *image_birth(im, object) = UINT64_C(5001) << 32 | generation;       /* 50 s after it was made */
    *image_places(im, object) = image_token_at(im, token)->site << 16 | image_token_at(im, token)->site;
    add_64((uint64_t *)&image_token_at(im, token)->own, 1);
}

static inline void image_take(struct image *im, uint32_t object, uint32_t token)
{
    uint64_t *line = image_line(im, object);
    add_64(line, LINE_VERSION + LINE_ACTIVE + LINE_ONE);
    image__update(im, line + 1, token, 1);
    sub_64(line, LINE_ACTIVE);
    add_64((uint64_t *)&image_token_at(im, token)->own, 1);
}

static inline void image_give(struct image *im, uint32_t object, uint32_t token)
{
    uint64_t *line = image_line(im, object);
    add_64(line, LINE_VERSION + LINE_ACTIVE);
    image__update(im, line + 1, token, -1);
    sub_64(line, LINE_ACTIVE + LINE_ONE);
    sub_64((uint64_t *)&image_token_at(im, token)->own, 1);
}

/* An update that its thread does not end. */
static inline void image_cut(struct image *im, uint32_t object, uint32_t token, int sign, unsigned steps)
{
    uint64_t *line = image_line(im, object), *after = malloc(8 * (size_t)im->head->tracker_words);
    image_holder_at(im, image_token_at(im, token)->holder)->intent = INTENT(object, token, sign);
    *line += LINE_VERSION + LINE_ACTIVE + (sign > 0 ? LINE_ONE : 0);
    memcpy(after, line + 1, 8 * (size_t)im->head->tracker_words);
    image__update(im, after, token, sign);
    memcpy(line + 1, after, 8 * (size_t)(steps < im->head->tracker_words ? steps : im->head->tracker_words));
    free(after);
}

/* The i-th event of an object's life, written by hand. */
static inline void image_event(struct image *im, uint32_t object, uint32_t i, unsigned event, uint32_t token, uint32_t time, uint32_t thread)
{
    uint64_t *words = image_line(im, object) + 1 + im->head->tracker_words, *pair = words + 1 + 2 * (i % im->head->journal);
    store_release_64(words, i + 1);
    store_release_64(pair + 1, (uint64_t)time << 32 | thread);
    store_release_64(pair, (uint64_t)(i + 1) << 32 | event << 24 | token);
}

/* A pool with two holders, the second one dead, three sites and tokens, and ops 3, 4, 5 held; op 5 by both. The journal, if there is one, knows op 5. */
static inline struct image image_usual(const char *name, const struct image_shape *shape)
{
    struct image im = image_make(name, shape);
    image_holder_self(&im, 1, "worker-3");
    image_holder_dead(&im, 2, "logger");
    image_site(&im, 1, "session.c", 218, "on_read");
    image_site(&im, 2, "sink.c", 77, "sink_write");
    image_site(&im, 3, "session.c", 300, "on_close");
    image_token(&im, 1, 1, 1);
    image_token(&im, 2, 2, 2);
    image_token(&im, 3, 1, 3);
    for (uint32_t op = 3; op <= 5; op++)
        image_begin(&im, op, 7 + op, 1);
    image_take(&im, 5, 2);
    if (im.head->journal) {
        image_event(&im, 5, 0, TRACK_BORN, 1, 5001, 1);
        image_event(&im, 5, 1, TRACK_TAKE, 2, 5002, 2);
    }
    im.head->numbers = (struct debug_numbers){ .at = 9000, .capacity = shape->objects, .committed = shape->objects, .live = 3, .cached = 2,
                                               .free = shape->objects - 5, .peak = 9, .gets = 100, .puts = 97, .lives = 100 };
    return im;
}

static inline bool image_write(const struct image *im, const char *path)
{
    FILE *f = fopen(path, "wb");
    bool good = f && fwrite(im->base, 1, im->bytes, f) == im->bytes;
    if (f && fclose(f) != 0)
        good = false;
    return good;
}

#endif
