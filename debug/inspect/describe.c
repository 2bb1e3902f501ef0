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

const char *inspect_state(struct reader *r, uint32_t holder)
{
    static const char *const words[] = { [WEIR_ALIVE] = "alive", [WEIR_HUNG] = "hung", [WEIR_ZOMBIE] = "zombie", [WEIR_DEAD] = "dead" };
    return words[reader_holder_state(r, holder)];
}

const char *inspect_kind(const struct reader *r)
{
    return r->head.kind == TRACK_DOMAIN ? "domain" : "pool";
}

const char *inspect_thing(const struct reader *r)
{
    return r->head.kind == TRACK_DOMAIN ? "object" : "op";
}

const char *inspect_certainty(enum weir_certainty certainty)
{
    static const char *const words[] = { "certified", "probable", "ambiguous", "overflow" };
    return words[certainty <= WEIR_OVERFLOW ? certainty : WEIR_AMBIGUOUS];
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

void inspect_holder(struct reader *r, uint32_t holder, char *text, size_t size)
{
    struct debug_holder h;
    char name[sizeof h.name];
    if (!reader_holder(r, holder, &h)) {
        snprintf(text, size, "somebody (no room in the table of holders)");
        return;
    }
    inspect_clean(name, sizeof name, h.name, sizeof h.name);
    snprintf(text, size, "%s (pid %" PRId64 ", tid %" PRId64 ", %s%s)", name[0] ? name : "unnamed", h.process.pid, h.tid, inspect_state(r, holder),
             h.state == DEBUG_EXITED ? ": the thread has ended" : "");
}

/* -- places ------------------------------------------------------------------------------------------------------------------------- */

static const char *describe__base(const char *path)
{
    const char *slash = strrchr(path, '/'), *other = strrchr(path, '\\');
    if (other && (!slash || other > slash))
        slash = other;
    return slash ? slash + 1 : path;
}

/* module and offset; its line if the symbols are there. */
static bool describe__address(const struct inspected *in, uint32_t index, uint64_t offset, struct report_symbol *out)
{
    const struct reader *r = in->reader;
    struct debug_module module;
    char path[256] = "";
    memset(out, 0, sizeof *out);
    if (!reader_module(r, index, &module)) {
        snprintf(out->function, sizeof out->function, "0x%" PRIx64, offset);
        return offset != 0;
    }
    reader_text(r, module.path, path, sizeof path);
    if (in->symbols && symbols_resolve(&module, path, offset, out, in->symbols))
        return true;
    memset(out, 0, sizeof *out);
    snprintf(out->function, sizeof out->function, "%.90s+0x%" PRIx64, path[0] ? describe__base(path) : "?", offset);
    return true;
}

static bool describe__frame(const struct inspected *in, uint64_t frame, struct report_symbol *out)
{
    return describe__address(in, (uint32_t)(frame >> 48), frame & ((UINT64_C(1) << 48) - 1), out);
}

bool inspect_site(const struct inspected *in, uint32_t index, struct report_symbol *out)
{
    struct debug_site site;
    uint64_t frame;
    memset(out, 0, sizeof *out);
    if (!reader_site(in->reader, index, &site))
        return false;
    if (site.kind == SITE_ADDRESS)
        return describe__address(in, site.module, site.offset, out);
    if (site.kind == SITE_STACK)
        return reader_frames(in->reader, &site, &frame, 1) && describe__frame(in, frame, out);
    reader_text(in->reader, site.file, out->file, sizeof out->file);
    reader_text(in->reader, site.function, out->function, sizeof out->function);
    out->line = (int)site.line;
    return true;
}

static size_t describe__symbol(const struct report_symbol *s, char *text, size_t size)
{
    int n;
    if (!s->file[0])
        n = snprintf(text, size, "%s", s->function);
    else
        n = snprintf(text, size, s->function[0] ? "%s:%d (%s)" : "%s:%d", s->file, s->line, s->function);
    return n < 0 ? 0 : (size_t)n < size ? (size_t)n : size - 1;
}

void inspect_place(const struct inspected *in, uint32_t index, char *text, size_t size)
{
    struct report_symbol symbol;
    struct debug_site site;
    uint64_t frame[DEBUG_STACK];
    unsigned n = 0;
    size_t at;
    if (!inspect_site(in, index, &symbol)) {
        snprintf(text, size, "a place that is not known");
        return;
    }
    at = describe__symbol(&symbol, text, size);
    if (reader_site(in->reader, index, &site))
        n = reader_frames(in->reader, &site, frame, DEBUG_STACK);
    for (unsigned i = 1; i < n && at + 4 < size && describe__frame(in, frame[i], &symbol); i++) {
        memcpy(text + at, " < ", 4);
        at += 3 + describe__symbol(&symbol, text + at + 3, size - at - 3);
    }
}
