/* src/segment/shape.c - the geometry of a segment: what follows from a config, and whether a head that was found says the same.
 *
 * One function makes all offsets. The creator writes what it gives, and who opens computes it again from the head's few free numbers and compares
 * every one: so nothing in a segment is believed that this library wouldn't have made itself. All is read from a mapping that can't be written.
 *
 *     threads: any; no state. progress: wait-free, but for asking whether the creator is alive.
 */
#include "segment.h"
#include "../panic.h"
#include <errno.h>
#include <string.h>

static uint64_t shape__round(uint64_t bytes, uint64_t to)
{
    return (bytes + to - 1) / to * to;
}

/* Slots that a pool's name decides, so that a thread's shared pools fall into different ones of its slots: a process maps them all alike. */
static uint32_t shape__offset(const char *name)
{
    uint32_t hash = 0;
    while (*name)
        hash = hash * 31 + (unsigned char)*name++;
    return hash % 8 * 64;
}

static uint64_t shape__part(uint64_t *at, uint64_t bytes)
{
    uint64_t begin = *at;
    *at = shape__round(begin + bytes, SEGMENT_BEFORE);
    return begin;
}

/* The config has been checked. -EINVAL with a message: too many magazines. */
int segment_shape(struct segment_shape *out, const struct weir_pool_config *k, uint32_t red_zone)
{
    const struct track guard = { .guard = red_zone != 0, .red_zone = red_zone };
    struct segment_shape s;
    struct arena arena;
    uint64_t at = shape__round(sizeof(struct segment_head), SEGMENT_BEFORE);
    memset(&s, 0, sizeof s);
    s.capacity = k->capacity;
    s.cache = registry_share(k);
    s.max_threads = k->max_threads ? k->max_threads : SEGMENT_THREADS;
    s.magazine = s.cache < 2 ? 1 : s.cache / 2;
    s.slots = s.cache < 2 ? 1 : 2 * s.magazine;
    s.blocks = (k->capacity - 1) / s.magazine + 1;
    s.writers = 2 * s.max_threads > SEGMENT_WRITERS ? SEGMENT_WRITERS : 2 * s.max_threads;  /* each process has one, too */
    s.before_offset = shape__offset(k->name);
    s.buffer_size = k->buffer_size;
    s.buffer_align = k->buffer_align ? k->buffer_align : 64;
    s.user_size = k->user_size;
    s.red_zone = red_zone;
    if (s.blocks + 2 * s.writers >= SEGMENT_NIL)
        return error_set(-EINVAL, "cache %u is too small for capacity %u of a shared pool: at least %u, or 0 for a choice by capacity",
                         k->cache, k->capacity, k->capacity / (SEGMENT_NIL / 2) * 2 + 2);
    arena_strides(&arena, &guard, k);
    s.op_stride = arena.op_stride;
    s.buffer_stride = arena.buffer_stride;
    s.magazine_stride = shape__round(sizeof(struct record) + s.slots * sizeof(uint32_t), 64);
    s.writer_stride = shape__round(sizeof(struct writer) + s.slots * sizeof(uint32_t), 64);
    s.writers_at = shape__part(&at, (s.writers + 1) * s.writer_stride);
    s.spares_at = shape__part(&at, 2 * s.writers * s.magazine_stride);
    s.magazines_at = shape__part(&at, s.blocks * s.magazine_stride);
    s.ops_at = shape__part(&at, s.capacity * s.op_stride);
    s.buffers_at = shape__part(&at, s.capacity * s.buffer_stride);
    s.bytes = at;
    *out = s;
    return 0;
}

static int shape__refuse_magic(const struct segment_head *head, const char *name)
{
    if (head->magic != SEGMENT_MAKING && head->magic)
        return error_set(WEIR_ECORRUPT, "shared pool \"%s\": the segment is not one of weir's (its magic is 0x%016llx)", name,
                         (unsigned long long)head->magic);
    if (head->magic && os_process_life(&head->creator) == OS_ALIVE)
        return error_set(-EAGAIN, "shared pool \"%s\": process %lld is still creating it", name, (long long)head->creator.pid);
    return error_set(WEIR_ECORRUPT, "shared pool \"%s\": half made, its creator (process %lld) has ended: weir_pool_unlink removes it", name,
                     (long long)head->creator.pid);
}

/* What a head may say; the checks of weir_pool_create, for numbers that came from elsewhere. */
static int shape__check_numbers(const struct segment_head *head, const char *name)
{
    const struct segment_shape *s = &head->shape;
    struct weir_pool_config k;
    struct segment_shape want;
    memset(&k, 0, sizeof k);
    k.name = name;
    k.capacity = s->capacity;
    k.cache = s->cache;
    k.max_threads = s->max_threads;
    k.buffer_size = s->buffer_size;
    k.buffer_align = s->buffer_align;
    k.user_size = s->user_size;
    k.flags = WEIR_POOL_SHARED;
    if (!s->max_threads || !s->buffer_align || s->red_zone > SEGMENT_BEFORE || registry_check(&k) || segment_shape(&want, &k, s->red_zone))
        return error_set(WEIR_ECORRUPT, "shared pool \"%s\": its geometry is none that a pool has (capacity %u, cache %u, max_threads %u, "
                         "buffers of %llu bytes)", name, s->capacity, s->cache, s->max_threads, (unsigned long long)s->buffer_size);
    if (memcmp(&want, s, sizeof want) != 0)
        return error_set(WEIR_ECORRUPT, "shared pool \"%s\": its geometry doesn't agree with itself (capacity %u, %llu bytes; a pool of that "
                         "shape has %llu)", name, s->capacity, (unsigned long long)s->bytes, (unsigned long long)want.bytes);
    return 0;
}

/* The head of a segment of so many bytes. 0, or an error with the reason. */
int segment_check_head(const struct segment_head *head, uint64_t bytes, const char *name)
{
    int error;
    if (bytes < sizeof *head)
        return error_set(WEIR_ECORRUPT, "shared pool \"%s\": the segment has %llu bytes, a head alone has %zu: half made, or not one of weir's; "
                         "weir_pool_unlink removes it", name, (unsigned long long)bytes, sizeof *head);
    if (load_acquire_64(&head->magic) != SEGMENT_MAGIC)         /* segment.M2 <- segment.M1 */
        return shape__refuse_magic(head, name);
    if (head->version != SEGMENT_VERSION || head->head_bytes != sizeof *head)
        return error_set(WEIR_ECORRUPT, "shared pool \"%s\": the segment has version %u with a head of %u bytes, this library knows version %d "
                         "with %zu", name, head->version, head->head_bytes, SEGMENT_VERSION, sizeof *head);
    if (strnlen(head->name, sizeof head->name) == sizeof head->name || strcmp(head->name, name) != 0)
        return error_set(WEIR_ECORRUPT, "shared pool \"%s\": the segment says that it is \"%.63s\"", name, head->name);
    error = shape__check_numbers(head, name);
    if (error)
        return error;
    if (bytes != head->shape.bytes)
        return error_set(WEIR_ECORRUPT, "shared pool \"%s\": the segment has %llu bytes, a pool of its shape has %llu: it was truncated or grown",
                         name, (unsigned long long)bytes, (unsigned long long)head->shape.bytes);
    return 0;
}
