/* describe.c - the words for what a segment holds: holders, places, ages, states. All that comes out of a segment and is printed goes through here, and
 * loses what could talk to a terminal. */
#include "inspect.h"
#include "symbols.h"

#include "../../src/os/os.h"
#include "../../src/track.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static enum os_life describe__life(const struct debug_process *p)
{
    struct os_process process = { p->boot, p->space, p->pid, p->start };
    return os_process_life(&process);
}

const char *inspect_life(const struct reader *r)
{
    static const char *const words[] = { [OS_ALIVE] = "alive", [OS_ZOMBIE] = "zombie", [OS_DEAD] = "dead", [OS_UNKNOWN] = "unknown" };
    enum os_life life = describe__life(&r->head.owner);
    struct debug_holder holder;
    for (uint32_t i = 1; (r->head.flags & DEBUG_SHARED) && life != OS_ALIVE && i < r->head.holders; i++)
        if (reader_holder(r, i, &holder) && describe__life(&holder.process) == OS_ALIVE)
            life = OS_ALIVE;
    return words[life];
}

const char *inspect_kind(const struct reader *r)
{
    return r->head.kind == TRACK_DOMAIN ? "domain" : "pool";
}

const char *inspect_thing(const struct reader *r)
{
    return r->head.kind == TRACK_DOMAIN ? "object" : "op";
}

void inspect_tracker(const struct reader *r, char *text, size_t size)
{
    if (!r->tracker)
        snprintf(text, size, "%s", r->head.journal ? "journal" : "none");
    else if (r->tracker->most)
        snprintf(text, size, "%s(%u)", r->tracker->name, (unsigned)r->head.parameter);
    else
        snprintf(text, size, "%s", r->tracker->name);
}

void inspect_age(int64_t ns, char *text, size_t size)
{
    int64_t s = ns / 1000000000;
    if (s < 100)
        snprintf(text, size, "%.1f s", (double)ns / 1e9);
    else if (s < 7200)
        snprintf(text, size, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
    else if (s < 48 * 3600)
        snprintf(text, size, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
    else
        snprintf(text, size, "%" PRId64 " days %" PRId64 " h", s / 86400, s / 3600 % 24);
}

void inspect_clean(char *text, size_t size, const char *from, size_t n)
{
    size_t i;
    for (i = 0; i + 1 < size && i < n && from[i]; i++)
        text[i] = (unsigned char)from[i] < ' ' || from[i] == 127 ? '?' : from[i];
    text[i] = 0;
}

static void describe__scope(const struct inspected *in, struct report_scope *out)
{
    *out = (struct report_scope){ in->reader, in->symbols ? symbols_resolve : NULL, in->symbols };
}

void inspect_holder(const struct inspected *in, uint32_t holder, char *text, size_t size)
{
    struct report_scope scope;
    struct report_name n;
    char name[sizeof n.name];
    describe__scope(in, &scope);
    report_holder(&scope, holder, &n);
    inspect_clean(name, sizeof name, n.name, sizeof n.name);
    if (n.known)
        snprintf(text, size, "%s (pid %" PRId64 ", tid %" PRId64 ", %s)", name, n.pid, n.tid, n.ended ? "has ended" : report_states[n.state]);
    else
        snprintf(text, size, "%s", name);
}

/* -- places ------------------------------------------------------------------------------------------------------------------------- */

bool inspect_site(const struct inspected *in, uint32_t site, struct report_place *out)
{
    struct report_scope scope;
    describe__scope(in, &scope);
    return report_site(&scope, site, out) != 0;
}

static size_t describe__one(const struct report_place *p, char *text, size_t size)
{
    char function[sizeof p->function], file[sizeof p->file];
    int n;
    inspect_clean(function, sizeof function, p->function, sizeof p->function);
    inspect_clean(file, sizeof file, p->file, sizeof p->file);
    if (file[0])
        n = snprintf(text, size, function[0] ? "%s:%d (%s)" : "%s:%d", file, p->line, function);
    else
        n = snprintf(text, size, "%s", function);
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

void inspect_place(const struct inspected *in, uint32_t site, char *text, size_t size)
{
    struct report_scope scope;
    struct report_place place;
    unsigned n;
    size_t at;
    describe__scope(in, &scope);
    n = report_site(&scope, site, &place);
    if (!n) {
        snprintf(text, size, "a place that is not known");
        return;
    }
    at = describe__one(&place, text, size);
    for (unsigned i = 1; i < n && at + 4 < size; i++) {
        report_frame(&scope, site, i, &place);
        memcpy(text + at, " < ", 4);
        at += 3 + describe__one(&place, text + at + 3, size - at - 3);
    }
}

static int describe__count(const struct reader_object *o, void *arg)
{
    (void)o;
    ++*(uint64_t *)arg;
    return 0;
}

/* The owner writes its numbers now and then. Where every life is followed, the lines say how many are live now. */
void inspect_row(const struct inspected *in, struct list_row *out)
{
    struct reader *r = in->reader;
    const struct debug_numbers *n = &r->numbers;
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "%s", r->head.name);
    snprintf(out->kind, sizeof out->kind, "%s", inspect_kind(r));
    snprintf(out->state, sizeof out->state, "%s", inspect_life(r));
    inspect_tracker(r, out->tracker, sizeof out->tracker);
    out->watched = true;
    out->pid = r->head.owner.pid;
    out->sample = r->head.sample;
    reader_each(r, describe__count, &out->followed);
    out->capacity = r->head.objects;
    out->live = n->live < out->capacity ? n->live : out->capacity;
    if (r->head.kind == TRACK_DOMAIN || (r->head.sample == 1 && !n->untracked) || out->live < out->followed)
        out->live = out->followed;
    out->cached = n->cached < out->capacity - out->live ? n->cached : out->capacity - out->live;
    out->free = out->capacity - out->live - out->cached;
}
