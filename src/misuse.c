/* src/misuse.c - what is said of a caller's bug with an op: what is wrong, with which op of which pool, where the call was made, what happened to the op
 * before, and what to do next.
 *
 *     op 4711 of pool "sessions" was put twice: it was given back already, and nobody may hold it
 *       at serve+0x1a2f
 *       its last events, in order:
 *            1240 ms ago  taken from the pool by worker-3 (pid 812, thread 815) at serve+0x19f0
 *              10 ms ago  given back by main (pid 812, thread 812) at serve+0x1b04
 *       next: one of the two puts is too many: the first is the last of its events
 *
 * The events are the debug layer's: of an op that it doesn't follow nothing is known, and the last line says how to have that. A place is a return
 * address, as module and offset: addr2line -e module offset, or weir-inspect, make a line of it.
 *
 * What can go wrong: what looks like an op may be none (another library's OVERLAPPED, memory that was freed). Nothing in it is believed before
 * the registry has found it.
 *
 * threads   any, on the way to the panic hook; takes the registry's lock, which no get or put that goes well takes
 */
#include "pool_private.h"
#include "panic.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { MISUSE_WHAT = 512, MISUSE_STORY = 1024 };

const char *misuse_file(const char *path)
{
    const char *file = path;
    for (; *path; path++)
        if (*path == '/' || *path == '\\')
            file = path + 1;
    return file;
}

void misuse_where(char *text, size_t size, const void *site)
{
    struct os_module module;
    if (!site || os_module_of(site, &module)) {
        (void)snprintf(text, size, "a place not known");
        return;
    }
    (void)snprintf(text, size, "%s+0x%llx", misuse_file(module.path), (unsigned long long)((uintptr_t)site - module.base));
}

_Noreturn void misuse_panic(struct track *t, uint32_t object, const void *site, const char *next, const char *what)
{
    char story[MISUSE_STORY] = "", where[300];
    bool untold;
    misuse_where(where, sizeof where, site);
    if (t && track_layer)
        track_layer->biography(t, object, story, sizeof story);
    untold = track_layer && object != TRACK_NONE && !*story;
    weir_panic("%s\n  at %s%s%s\n  next: %s%s", what, where, *story ? "\n" : "", story, next,
               untold ? "; with WEIR_DEBUG=guard in the environment this message has its last events" : "");
}

static _Noreturn void misuse__foreign(const void *address, const struct weir_op *found, const struct weir_pool *pool, const char *part, const void *site)
{
    char what[MISUSE_WHAT];
    if (pool) {
        (void)snprintf(what, sizeof what, "%p was given back or used as an op, which is no op: it lies in the %s of op %u of pool \"%s\"", address, part,
                       (unsigned)((size_t)((const char *)found - pool->arena.ops) / pool->arena.op_stride), pool->name);
        misuse_panic(NULL, TRACK_NONE, site, "weir_op_from_buffer or weir_op_from_user give the op", what);
    }
    (void)snprintf(what, sizeof what, "%p was given back or used as an op, which is not an op of any open pool", address);
    misuse_panic(NULL, TRACK_NONE, site, "if this is a completion of other I/O, ask weir_pool_owns before weir_op_from_overlapped; if it was an op, its pool "
                 "is closed", what);
}

struct weir_pool *misuse_unless_op(const struct weir_op *op, const void *site)
{
    const char *part = "";
    struct weir_op *found;
    struct weir_pool *pool = registry_find(op, &found, &part);
    if (!pool || found != op || strcmp(part, "op") != 0)
        misuse__foreign(op, found, pool, part, site);
    return pool;
}

_Noreturn void op_panic_at(const struct weir_op *op, const void *site, const char *next, const char *format, ...)
{
    const struct weir_pool *pool = misuse_unless_op(op, site);      /* by its address: a header that was trimmed says nothing */
    uint32_t index = (uint32_t)((size_t)((const char *)op - pool->arena.ops) / pool->arena.op_stride);
    char what[MISUSE_WHAT];
    int n = snprintf(what, sizeof what, "op %u of pool \"%s\" ", (unsigned)index, pool->name);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what + n, sizeof what - (size_t)n, format, args);
    va_end(args);
    misuse_panic(pool->track, index, site, next, what);
}
