/* debug/biography.c - the last events of an op, out of its line's journal, for the message of a panic.
 *
 *     its last events, in order:
 *         1240 ms ago  taken from the pool by worker-3 (pid 812, thread 815) at serve+0x1a2f
 *           10 ms ago  given back by main (pid 812, thread 812) at session.c:218
 *
 * The line is read while others may write to it: an entry whose number changes under the reader's eyes is left out. It stays as the op's last life
 * left it until the next one begins, so a free op's journal tells of the put.
 *
 * threads   any, at any time; async-signal-safe enough for a thread that is about to die of its fault: no lock, no memory
 */
#include "guard.h"
#include "watch.h"
#include "../src/atomic.h"
#include "../src/panic.h"
#include <stdio.h>
#include <string.h>

enum { STORY_EVENTS = 8 };      /* a message has room for so many */

struct story {
    const struct watch *w;
    char *text;
    size_t size, used;
};

static void story__add(struct story *s, const char *text)
{
    size_t n = strlen(text);
    if (n >= s->size - s->used)
        n = s->size - s->used - 1;
    memcpy(s->text + s->used, text, n);
    s->used += n;
    s->text[s->used] = 0;
}

static const char *story__word(uint32_t event)
{
    static const char *const words[] = {
        [TRACK_TAKE] = "reference taken", [TRACK_GIVE] = "reference given back", [TRACK_MOVE] = "hold moved", [TRACK_SUBMIT] = "submitted",
        [TRACK_RETURN] = "returned by the system", [TRACK_BORN] = "taken from the pool", [TRACK_LAST] = "given back",
    };
    return event < sizeof words / sizeof words[0] && words[event] ? words[event] : "something done";
}

static const char *story__text(const struct watch *w, uint32_t at)
{
    return at < w->head->text_bytes ? w->text + at : "";
}

static void story__module(const struct watch *w, char *out, size_t size, uint32_t module, uint64_t offset)
{
    const char *path = module < w->head->modules ? story__text(w, w->modules[module].path) : "";
    (void)snprintf(out, size, "%s+0x%llx", *path ? misuse_file(path) : "unknown", (unsigned long long)offset);
}

static void story__site(const struct watch *w, char *out, size_t size, uint32_t index)
{
    const struct debug_site *site = &w->sites[index];
    if (!index || index >= w->head->sites || load_relaxed_32(&site->state) != DEBUG_READY) {
        (void)snprintf(out, size, "a place not known");
    } else if (site->kind == SITE_SOURCE) {
        (void)snprintf(out, size, "%s:%u %s", story__text(w, site->file), site->line, story__text(w, site->function));
    } else if (site->kind == SITE_ADDRESS) {
        story__module(w, out, size, site->module, site->offset);
    } else {
        uint64_t frame = site->offset >> 32 < w->head->frames ? w->frames[site->offset >> 32] : 0;
        story__module(w, out, size, (uint32_t)(frame >> 48), frame & UINT64_C(0xffffffffffff));
    }
}

static void story__holder(const struct watch *w, char *out, size_t size, uint32_t index)
{
    const struct debug_holder *h = &w->holders[index];
    if (!index || index >= w->head->holders || load_relaxed_32(&h->state) < DEBUG_READY)
        (void)snprintf(out, size, "somebody not known");
    else
        (void)snprintf(out, size, "%.47s (pid %lld, thread %lld%s)", *h->name ? h->name : "a thread", (long long)h->process.pid, (long long)h->tid,
                       load_relaxed_32(&h->state) == DEBUG_EXITED ? ", which has ended" : "");
}

static void story__event(struct story *s, uint64_t what, uint64_t when)
{
    const struct watch *w = s->w;
    uint32_t token = (uint32_t)what & 0xffffff, ago = watch_time(w) - (uint32_t)(when >> 32);
    const struct debug_token *k = token < w->head->tokens ? &w->tokens[token] : &w->tokens[0];
    char holder[128], site[256], line[512];
    story__holder(w, holder, sizeof holder, k->holder);
    story__site(w, site, sizeof site, k->site);
    (void)snprintf(line, sizeof line, "%s\n    %8lld ms ago  %s by %s at %s", s->used ? "" : "  its last events, in order:",
                   (long long)ago * (DEBUG_UNIT / 1000000), story__word((uint32_t)what >> 24 & 0xff), holder, site);
    story__add(s, line);
}

static void story__read(struct story *s, const uint64_t *words, uint32_t n)
{
    uint64_t all = load_relaxed_64(&words[0]), i = all > n ? all - n : 0;      /* stale: the newest is missing */
    if (all - i > STORY_EVENTS)
        i = all - STORY_EVENTS;
    for (; i < all; i++) {
        const uint64_t *entry = words + 1 + 2 * (i % n);
        uint64_t what = load_relaxed_64(&entry[0]), when = load_relaxed_64(&entry[1]);     /* torn: the number differs, or a time is wrong */
        if (what >> 32 == (uint32_t)(i + 1))
            story__event(s, what, when);
    }
}

void guard_biography(struct track *t, uint32_t object, char *text, size_t size)
{
    struct watch *w = watch_of(t);
    struct story s = { w, text, size, 0 };
    uint64_t *line;
    if (!size)
        return;
    *text = 0;
    if (t == &guard_tools || !w->head || object >= w->head->objects || w->ready[object / DEBUG_CHUNK] != DEBUG_IS_READY)
        return;
    line = watch_line(w, object);
    if (w->head->tracker == TRACKER_JOURNAL)
        story__read(&s, line_tracker(line), w->head->parameter);
    else if (w->head->journal)
        story__read(&s, line_journal(w, line), w->head->journal);
}
