/* debug/reader_check.c - is this a debug segment, whole, of this version, and does each number in its header fit the others and its size?
 *
 * Purpose    reader.c and reader_line.c use the header's numbers without another look: whatever passes here can't lead them out of the segment.
 * Invariant  after 0: every part lies within the segment behind the header, none overlaps another, each has room for as many entries as the header says,
 *            and a line has room for its tracker's words and its journal.
 * Threads    any; looks at a copy of the header alone.
 * Wrong      -EINVAL, and the message begins with the word for it: foreign, version, unfinished, torn, truncated.
 */
#include "../src/panic.h"
#include "reader_private.h"

#include <errno.h>
#include <string.h>

enum { OBJECTS = 1 << 28, JOURNAL = 256, NODES = 1 << 26, PARTS = 10 };

#define torn(...) error_set(-EINVAL, "torn: " __VA_ARGS__)

struct part {
    const char *name;
    uint64_t at, n, each;
};

static int check__kind(const struct debug_header *h, size_t bytes)
{
    if (h->magic != DEBUG_MAGIC)
        return error_set(-EINVAL, "foreign: not a debug segment of weir, its magic is %016llx and not %016llx", (unsigned long long)h->magic,
                         (unsigned long long)DEBUG_MAGIC);
    if (h->version != DEBUG_VERSION)
        return error_set(-EINVAL, "version %u: this reader knows version %d; use the weir-inspect of the library that made it", (unsigned)h->version,
                         DEBUG_VERSION);
    if (h->header_bytes != sizeof *h)
        return torn("a header of %u bytes, version %d has %zu", (unsigned)h->header_bytes, DEBUG_VERSION, sizeof *h);
    if (h->state == DEBUG_CLAIMING)
        return error_set(-EINVAL, "unfinished: it is being made, or its maker (pid %lld) died before it was ready", (long long)h->owner.pid);
    if (h->state != DEBUG_READY && h->state != DEBUG_EXITED)
        return torn("its state is %u", (unsigned)h->state);
    if (h->bytes > bytes)
        return error_set(-EINVAL, "truncated: it has %zu bytes of %llu", bytes, (unsigned long long)h->bytes);
    return 0;
}

static bool check__text(const char *text, size_t size)
{
    size_t n = 0;
    while (n < size && text[n] >= ' ' && text[n] <= '~')
        n++;
    return n < size && !text[n];
}

static int check__counts(const struct debug_header *h)
{
    if (h->kind != TRACK_POOL && h->kind != TRACK_DOMAIN)
        return torn("its kind is %u; a pool is %d, a domain %d", (unsigned)h->kind, TRACK_POOL, TRACK_DOMAIN);
    if (!h->name[0] || !check__text(h->name, sizeof h->name) || !check__text(h->spec, sizeof h->spec))
        return torn("its name or spec is no text");
    if (!h->objects || h->objects > OBJECTS)
        return torn("%u objects, 1 to %d are possible", (unsigned)h->objects, OBJECTS);
    if (!h->holders || h->holders > DEBUG_HOLDERS || !h->sites || h->sites > DEBUG_SITES || !h->tokens || h->tokens > DEBUG_TOKENS ||
        h->modules > DEBUG_MODULES || h->nodes > NODES)
        return torn("%u holders, %u sites, %u tokens, %u modules, %u nodes: more than there can be, or none", (unsigned)h->holders, (unsigned)h->sites,
                    (unsigned)h->tokens, (unsigned)h->modules, (unsigned)h->nodes);
    if (h->created < 0)
        return torn("it was made at %lld", (long long)h->created);
    return 0;
}

static int check__line(const struct debug_header *h)
{
    const struct tracker *t;
    uint32_t words = 0;
    if (h->tracker >= TRACKERS)
        return torn("tracker %u, this reader knows %d", (unsigned)h->tracker, TRACKERS - 1);
    t = trackers[h->tracker];
    if (t && (h->parameter < t->least || h->parameter > t->most))
        return torn("the tracker %s has parameter %u, %u to %u are possible", t->name, (unsigned)h->parameter, t->least, t->most);
    if (t)
        words = t->words(h->parameter);
    if (h->tracker_words != words || h->journal > JOURNAL)
        return torn("%u words for the tracker, which has %u; a journal of %u, at most %d", (unsigned)h->tracker_words, (unsigned)words, (unsigned)h->journal,
                    JOURNAL);
    words += 1 + (h->journal ? 1 + 2 * h->journal : 0);
    if (h->line_words < words || h->line_words > words + 64 || h->line_words > READER_LINE)
        return torn("lines of %u words, %u are needed", (unsigned)h->line_words, (unsigned)words);
    return 0;
}

static int check__chunks(const struct debug_header *h)
{
    uint64_t least = chunk_lines(h->kind == TRACK_DOMAIN) + (uint64_t)DEBUG_CHUNK * 8 * h->line_words;
    if (h->chunk_bytes < least || h->chunk_bytes % 8)
        return torn("chunks of %u bytes, %llu are needed", (unsigned)h->chunk_bytes, (unsigned long long)least);
    if (h->chunks < (h->objects - 1) / DEBUG_CHUNK + 1)
        return torn("%u chunks for %u objects", (unsigned)h->chunks, (unsigned)h->objects);
    return 0;
}

static bool check__apart(const struct part *a, const struct part *b)
{
    return !a->n || !b->n || a->at + a->n * a->each <= b->at || b->at + b->n * b->each <= a->at;
}

static int check__parts(const struct debug_header *h)
{
    const struct part part[PARTS] = {
        { "header", 0, 1, DEBUG_HEADER },
        { "modules", h->modules_at, h->modules, sizeof(struct debug_module) },
        { "holders", h->holders_at, h->holders, sizeof(struct debug_holder) },
        { "sites", h->sites_at, h->sites, sizeof(struct debug_site) },
        { "tokens", h->tokens_at, h->tokens, sizeof(struct debug_token) },
        { "text", h->text_at, h->text_bytes, 1 },
        { "frames", h->frames_at, h->frames, 8 },
        { "nodes", h->nodes_at, h->nodes, sizeof(struct debug_node) },
        { "ready", h->ready_at, h->chunks, 1 },
        { "chunks", h->chunks_at, h->chunks, h->chunk_bytes },
    };
    for (unsigned i = 0; i < PARTS; i++) {
        if (part[i].n && (part[i].at > h->bytes || part[i].n * part[i].each > h->bytes - part[i].at))
            return torn("the %s are at %llu, %llu of %llu bytes, and it has %llu", part[i].name, (unsigned long long)part[i].at,
                        (unsigned long long)part[i].n, (unsigned long long)part[i].each, (unsigned long long)h->bytes);
        if (part[i].n && part[i].each % 8 == 0 && part[i].at % 8)
            return torn("the %s are at %llu, no multiple of 8", part[i].name, (unsigned long long)part[i].at);
        for (unsigned j = 0; j < i; j++)
            if (!check__apart(&part[i], &part[j]))
                return torn("the %s lie over the %s", part[i].name, part[j].name);
    }
    return 0;
}

int reader_check(const struct debug_header *head, size_t bytes)
{
    int error = check__kind(head, bytes);
    if (!error)
        error = check__counts(head);
    if (!error)
        error = check__line(head);
    if (!error)
        error = check__chunks(head);
    return error ? error : check__parts(head);
}
