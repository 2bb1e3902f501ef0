/* debug/guard_fault.c - guard=page: a use of a buffer that was put is a fault, and before the system's default happens it is said whose buffer that was.
 *
 * Purpose    the program dies at the very instruction that used the buffer, with a core file as ever; the message adds what no core file knows.
 * Invariant  an entry of the table is a pool whose pages are protected while its ops are free: `from` is set last, and cleared first.
 * Chained    who handled faults before us does so after us (os_on_fault). The handler stays for the life of the process, and is silent when no pool
 *            is in the table.
 *
 *     may run at once     watch, forget: any, entries are claimed by swap. The handler reads at any moment, on the thread that faulted: it takes no lock,
 *                         and believes an entry only if the op is free. A pool that is closed while another thread faults in it is that program's
 *                         second bug.
 *     progress            wait-free
 */
#include "../src/pool_private.h"      /* first: it declares before it defines what is inline */
#include "guard.h"
#include "watch.h"
#include "../src/panic.h"
#include <stdio.h>

enum { GUARD_FAULTS = 256 };    /* pools with guard=page at once; of those beyond, a fault is the system's alone */

static struct guard_range {
    uint64_t pool;              /* 0: the entry is free; claimed by swap */
    uint64_t track;
    uint64_t from, bytes;       /* from 0: not to be used yet, or no more */
} guard__range[GUARD_FAULTS];

static void guard__say(const struct weir_pool *pool, struct track *t, uint32_t object, size_t offset, const void *code)
{
    char text[2048], story[1024] = "", where[320];
    misuse_where(where, sizeof where, code);
    guard_biography(t, object, story, sizeof story);
    (void)snprintf(text, sizeof text, "weir: op %u of pool \"%s\" was used after it was put: at byte %zu of its buffer of %zu\n  at %s%s%s\n  next: the "
                   "debugger or the core file shows this very instruction; look for a pointer that was kept beyond that put\n", (unsigned)object,
                   pool->name, offset, pool->buffer_size, where, *story ? "\n" : "", story);
    os_write_error(text);
}

/* In a signal handler, on the thread that faulted. */
static void guard__fault(const void *address, const void *code)
{
    unsigned i;
    for (i = 0; i < GUARD_FAULTS; i++) {
        const struct guard_range *r = &guard__range[i];
        uint64_t from = load_acquire_64(&r->from), offset = (uint64_t)(uintptr_t)address - from;    /* guard.F2 <- guard.F1 */
        const struct weir_pool *pool = load_relaxed_ptr(&r->pool);      /* of before guard.F1 */
        uint32_t object;
        if (!from || offset >= load_relaxed_64(&r->bytes))      /* of before guard.F1 */
            continue;
        object = (uint32_t)(offset / pool->arena.buffer_stride);
        if (object < load_relaxed_32(&pool->arena.committed) && !load_relaxed_64(&arena_op(pool, object)->refs))   /* a first look */
            guard__say(pool, load_relaxed_ptr(&r->track), object, (size_t)(offset % pool->arena.buffer_stride), code);  /* of before guard.F1 */
        return;
    }
}

bool guard_fault_watch(struct track *t, struct weir_pool *pool)
{
    unsigned i;
    os_on_fault(guard__fault);
    for (i = 0; i < GUARD_FAULTS; i++) {
        struct guard_range *r = &guard__range[i];
        if (!cas_ptr(&r->pool, NULL, pool))                     /* guard.E1 -> guard.E1: the entry alone */
            continue;
        store_relaxed_ptr(&r->track, t);                        /* published by guard.F1 */
        store_relaxed_64(&r->bytes, (uint64_t)pool->capacity * pool->arena.buffer_stride);  /* published by guard.F1 */
        store_release_64(&r->from, (uint64_t)(uintptr_t)pool->arena.buffers);       /* guard.F1 -> guard.F2: the entry */
        return true;
    }
    return false;
}

void guard_fault_forget(const struct weir_pool *pool)
{
    unsigned i;
    for (i = 0; i < GUARD_FAULTS; i++) {
        struct guard_range *r = &guard__range[i];
        uint64_t mine = (uint64_t)(uintptr_t)pool;
        if (load_relaxed_64(&r->pool) != mine)                  /* ours was written by this pool's creator */
            continue;
        store_release_64(&r->from, 0);                          /* guard.F1 -> guard.F2: nothing is to be believed */
        (void)cas_64(&r->pool, &mine, 0);                       /* guard.E1 -> guard.E1: the entry alone */
    }
}
