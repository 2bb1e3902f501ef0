/* debug/guard_report.c - what a guard says: which bytes differ, where it was found, what happened to the op, and what to do next.
 *
 * Nothing here knows who wrote: the message names who finds it, and the journal who had the op before. A use that the tools or the pages catch is
 * caught in the act; that is what each message ends with.
 *
 * threads   by who panics, with the bytes that differ in its hands alone; no memory is taken
 */
#include "../src/pool_private.h"      /* first: it declares before it defines what is inline */
#include "guard.h"
#include "watch.h"
#include "../src/panic.h"
#include <stdio.h>
#include <string.h>

void guard_compare(struct guard_change *out, const struct guard_place *p, ptrdiff_t from, size_t n, unsigned char was)
{
    const char *bytes = p->buffer + from;
    size_t i;
    memset(out, 0, sizeof *out);
    for (i = 0; i < n; i++) {
        if ((unsigned char)bytes[i] == was)
            continue;
        if (!out->bytes++)
            out->first = from + (ptrdiff_t)i;
        out->last = from + (ptrdiff_t)i;
    }
    n = (size_t)(out->last - out->first) + 1;
    out->n = n < sizeof out->shown ? n : sizeof out->shown;
    memcpy(out->shown, p->buffer + out->first, out->n);
}

/* 68 65 6c 6c 6f "hello", and dots for what is not printed. */
static void guard__show(char *text, size_t size, const struct guard_change *c)
{
    char hex[3 * sizeof c->shown + 1] = "", plain[sizeof c->shown + 1];
    size_t i;
    for (i = 0; i < c->n; i++) {
        unsigned char byte = (unsigned char)c->shown[i];
        (void)snprintf(hex + 3 * i, 4, "%02x ", byte);
        plain[i] = byte >= 0x20 && byte < 0x7f ? (char)byte : '.';
    }
    plain[c->n] = 0;
    (void)snprintf(text, size, "%s\"%s\"%s", hex, plain, (size_t)(c->last - c->first) + 1 > c->n ? ", and more" : "");
}

static const char *guard__what(enum guard_part part, bool held)
{
    if (part == GUARD_BUFFER)
        return "was written to after it was put: %zu bytes of its buffer are not as the put left them";
    if (part == GUARD_BEHIND)
        return held ? "was overrun while it was held: %zu bytes behind its buffer were written"
                    : "was overrun while it was free: %zu bytes behind its buffer were written";
    return held ? "was underrun while it was held: %zu bytes before its buffer were written"
                : "was underrun while it was free: %zu bytes before its buffer were written";
}

static const char *guard__next(enum guard_part part, bool held)
{
    if (part == GUARD_BUFFER)
        return "look for a pointer that was kept beyond that put, or an I/O that was still in flight (weir_op_submitted tells the pool of those); "
               "guard=page, AddressSanitizer and Valgrind stop it in the act";
    return held ? "compare the lengths that its holders write with weir_op_buffer_size; AddressSanitizer and Valgrind stop it in the act"
                : "the writer held a neighbour or kept a pointer; AddressSanitizer and Valgrind stop it in the act";
}

_Noreturn void guard_panic(struct track *t, const struct weir_pool *pool, uint32_t object, const struct guard_change *change, enum guard_part part,
                           bool held, const void *site)
{
    char parts[128], shown[96], what[400];
    (void)snprintf(parts, sizeof parts, guard__what(part, held), change->bytes);
    guard__show(shown, sizeof shown, change);
    (void)snprintf(what, sizeof what, "op %u of pool \"%s\" %s, from byte %td to byte %td of %zu: %s, found by this %s", (unsigned)object, pool->name, parts,
                   change->first, change->last, pool->buffer_size, shown, held ? "put" : "get");
    misuse_panic(t, object, site, guard__next(part, held), what);
}
