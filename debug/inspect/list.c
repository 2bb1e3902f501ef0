/* list.c - `list`: each watched pool and domain of this machine in a line. */
#include "inspect.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

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
