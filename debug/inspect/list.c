/* list.c - `list`: each watched pool and domain of this machine in a line. */
#include "inspect.h"

#include "../../src/track.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static int list__count(const struct reader_object *o, void *arg)
{
    (void)o;
    ++*(uint64_t *)arg;
    return 0;
}

/* The owner writes its numbers now and then. Where every life is followed, the lines say how many are live now. */
void list_row(const struct inspected *in, struct list_row *out)
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
    reader_each(r, list__count, &out->followed);
    out->capacity = r->head.objects;
    out->live = n->live < out->capacity ? n->live : out->capacity;
    if (r->head.kind == TRACK_DOMAIN || (r->head.sample == 1 && !n->untracked) || out->live < out->followed)
        out->live = out->followed;
    out->cached = n->cached < out->capacity - out->live ? n->cached : out->capacity - out->live;
    out->free = out->capacity - out->live - out->cached;
}

static void list__followed(const struct list_row *row, char *text, size_t size)
{
    if (!row->watched)
        snprintf(text, size, "not watched");
    else if (!row->sample)
        snprintf(text, size, "no lives, guards alone");
    else if (row->sample == 1)
        snprintf(text, size, "all");
    else
        snprintf(text, size, "1 life in %" PRIu64 ", %" PRIu64 " now", row->sample, row->followed);
}

int list_print(const struct list_row *row, unsigned n, const struct options *o, struct out *out)
{
    bool watched = false;
    char followed[80];
    if (o->json) {
        json_list(row, n, out);
        return INSPECT_CLEAN;
    }
    if (!n) {
        out_print(out, "No watched pool or domain on this machine that you can read.\n"
                       "next: start a program with WEIR_DEBUG=track=sketch in its environment, then weir-inspect list\n");
        return INSPECT_CLEAN;
    }
    out_print(out, "%-20s %-6s %8s %-7s %9s %9s %9s %9s  %-12s %s\n", "NAME", "KIND", "PID", "STATE", "CAPACITY", "LIVE", "CACHED", "FREE", "TRACKER", "FOLLOWED");
    for (unsigned i = 0; i < n; i++) {
        watched |= row[i].watched;
        list__followed(&row[i], followed, sizeof followed);
        out_print(out, "%-20s %-6s %8" PRId64 " %-7s %9" PRIu64 " %9" PRIu64 " %9" PRIu64 " %9" PRIu64 "  %-12s %s\n", row[i].name, row[i].kind, row[i].pid,
                  row[i].state, row[i].capacity, row[i].live, row[i].cached, row[i].free, row[i].tracker, followed);
    }
    out_print(out, watched ? "next: weir-inspect leaks\n" : "next: start its programs with WEIR_DEBUG=track=sketch, then weir-inspect leaks\n");
    return INSPECT_CLEAN;
}
