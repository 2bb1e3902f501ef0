/* debug/report_place.c - sites and holders, as text.
 *
 * A place that a macro wrote down has file, line and function. A return address has them if the report's resolver finds them; else it is named by
 * module and offset, with the build id, which a debugger or addr2line turns into a line later, on another machine too.
 * threads: one a reader. Nothing in the segment is believed: the reader checks it.
 */
#include "report_private.h"
#include <stdio.h>
#include <string.h>

const char *const report_states[] = { "alive", "hung", "zombie", "dead" };
const char *const report_certainties[] = { "certified", "probable", "ambiguous", "overflow" };

static void place__hex(char *out, size_t size, const uint8_t *id, unsigned n)
{
    for (unsigned i = 0; i < n && 2 * i + 2 < size; i++)
        (void)snprintf(out + (size_t)2 * i, 3, "%02x", id[i]);
}

static void place__address(const struct report_scope *s, uint32_t module, uint64_t offset, struct report_place *out)
{
    struct debug_module m;
    struct report_symbol symbol;
    char path[256];
    const char *base;
    if (!reader_module(s->r, module, &m)) {
        (void)snprintf(out->function, sizeof out->function, "0x%llx", (unsigned long long)offset);
        return;
    }
    (void)reader_text(s->r, m.path, path, sizeof path);
    memset(&symbol, 0, sizeof symbol);
    if (s->resolve && s->resolve(&m, path, offset, &symbol, s->resolve_arg)) {
        memcpy(out->file, symbol.file, sizeof out->file);
        (void)snprintf(out->function, sizeof out->function, "%s", symbol.function);
        out->line = symbol.line;
        if (*out->file)
            return;
    }
    place__hex(out->build_id, sizeof out->build_id, m.build_id, m.id_bytes);
    base = strrchr(path, '/') ? strrchr(path, '/') + 1 : strrchr(path, '\\') ? strrchr(path, '\\') + 1 : path;
    if (!*out->function)
        (void)snprintf(out->function, sizeof out->function, "%.160s+0x%llx", *base ? base : "?", (unsigned long long)offset);
}

unsigned report_site(const struct report_scope *s, uint32_t site, struct report_place *out)
{
    struct debug_site copy;
    memset(out, 0, sizeof *out);
    if (!site || !reader_site(s->r, site, &copy))
        return 0;
    if (copy.kind == SITE_SOURCE) {
        (void)reader_text(s->r, copy.file, out->file, sizeof out->file);
        (void)reader_text(s->r, copy.function, out->function, sizeof out->function);
        out->line = (int)(copy.line & INT32_MAX);
    } else if (copy.kind == SITE_ADDRESS) {
        place__address(s, copy.module, copy.offset, out);
    } else {
        uint64_t frames[REPORT_FRAMES];
        unsigned n = reader_frames(s->r, &copy, frames, REPORT_FRAMES);
        if (n)
            place__address(s, (uint32_t)(frames[0] >> 48), frames[0] & UINT64_C(0xffffffffffff), out);
        return n;
    }
    return 1;
}

void report_frame(const struct report_scope *s, uint32_t site, unsigned frame, struct report_place *out)
{
    struct debug_site copy;
    uint64_t frames[REPORT_FRAMES];
    if (!reader_site(s->r, site, &copy) || copy.kind != SITE_STACK) {
        (void)report_site(s, site, out);
        return;
    }
    memset(out, 0, sizeof *out);
    if (frame < reader_frames(s->r, &copy, frames, REPORT_FRAMES))
        place__address(s, (uint32_t)(frames[frame] >> 48), frames[frame] & UINT64_C(0xffffffffffff), out);
}

/* Two addresses of one line look alike. (Of stacks the outer frames may differ.) */
static bool place__same_line(const struct report_scope *s, uint32_t a, uint32_t b)
{
    struct report_place one, other;
    if (a == b)
        return true;
    return report_site(s, a, &one) == 1 && report_site(s, b, &other) == 1 && *one.file && one.line == other.line && strcmp(one.file, other.file) == 0;
}

unsigned report_taken_at(const struct report_scope *s, const struct reader_object *o, const struct reader_holder *h, uint32_t out[2])
{
    const uint32_t places[2] = { o->last, o->first };
    unsigned n = 0;
    if (h->site) {
        out[0] = h->site;
        return 1;
    }
    for (unsigned i = 0; i < 2; i++)            /* a hold's place is its own token's, not this one's */
        if (places[i] && !report_site_is_hold(s, places[i]) && !(n && place__same_line(s, out[0], places[i])))
            out[n++] = places[i];
    return n;
}

bool report_site_is_hold(const struct report_scope *s, uint32_t site)
{
    struct debug_site copy;
    return reader_site(s->r, site, &copy) && copy.kind == SITE_SOURCE;
}

void report_holder(const struct report_scope *s, uint32_t holder, struct report_name *out)
{
    struct debug_holder copy;
    memset(out, 0, sizeof *out);
    if (!reader_holder(s->r, holder, &copy)) {
        (void)snprintf(out->name, sizeof out->name, "nobody known");
        return;
    }
    out->known = true;
    out->pid = copy.process.pid;
    out->tid = copy.tid;
    out->state = reader_holder_state(s->r, holder);
    out->ended = copy.state == DEBUG_EXITED;
    out->silent = reader_now(s->r) - (int64_t)(copy.beat & UINT32_MAX) * DEBUG_UNIT;
    out->foreign = memcmp(&copy.process, &s->r->head.owner, sizeof copy.process) != 0;
    if (*copy.name)
        memcpy(out->name, copy.name, sizeof copy.name);
    else
        (void)snprintf(out->name, sizeof out->name, "thread %lld", (long long)copy.tid);
}

/* A thread that took by a plain call and has ended in good order may have handed it on: in a correct program it has. */
static bool place__may_be_elsewhere(struct reader *r, const struct reader_holder *h)
{
    struct report_scope scope = { r, NULL, NULL };
    return !(r->head.flags & DEBUG_OWN) && !report_site_is_hold(&scope, h->site) && reader_holder_ended(r, h->holder);
}

bool report_is_of_the_dead(struct reader *r, const struct reader_object *o)
{
    for (unsigned i = 0; i < o->verdict.n; i++) {
        struct reader_holder h = reader_named(r, &o->verdict, i);
        if (h.holder && h.refs > 0 && reader_holder_state(r, h.holder) >= WEIR_ZOMBIE && !place__may_be_elsewhere(r, &h))
            return true;
    }
    return false;
}
