/* debug/guard.h - guards: what is done to an op's buffer while nobody holds it, and what is looked at when it comes and goes.
 *
 *     stride i - 1 | before i |        buffer i        | behind i |  gap  | before i + 1 |      buffer i + 1
 *                  +----------+------------------------+----------+-------+--------------+
 *                    red zone   poison while it is free   red zone
 *
 * Three kinds, by track.guard, track.pages and the track itself:
 *     guard         poison and red zones
 *     guard=page    the buffer's pages can't be accessed while the op is free; the red zone is behind the buffer only, in its own last page
 *     guard_tools   nothing is written: AddressSanitizer or Valgrind is told. Of every pool with buffers, without being asked for, in a program that was
 *                   built with the one or runs under the other
 * Where a tool is there, the two others tell it as well, so a use after put is its own report first.
 */
#ifndef WEIR_DEBUG_GUARD_H
#define WEIR_DEBUG_GUARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "../src/track.h"

struct watch;
struct weir_pool;

enum {
    GUARD_POISON = 0xdf,        /* a pointer of these bytes can't be followed, a length is absurd, a string doesn't end */
    GUARD_ZONE = 0xed,
    GUARD_RED_ZONE = 64         /* track.red_zone: half of it behind a buffer, half before the next one */
};

/* -- a guarded pool's life, in this order. open: reads the flags in w->head, fills in guard, pages and red_zone of w->track; a shared pool's pages
 * give way to poison. 0 or -ENOMEM. placed: the arena is there. left: it is about to go. */
int guard_open(struct watch *w, const struct track_shape *shape);
void guard_placed(struct track *t, struct weir_pool *pool);
void guard_left(struct track *t, struct weir_pool *pool);
void guard_close(struct watch *w);

/* The track of pools that are watched for a tool's sake alone: no watch is behind it, and of the layer's functions only those below may be called with
 * it. NULL from guard_implied: no tool is there, or the pool has no buffers or is shared. */
extern struct track guard_tools;
struct track *guard_implied(const struct track_shape *shape);

/* -- as track.h says. A panic of taken leaves the op held once, by nobody, and without marks: out of use, but not lost to who goes on after it. */
void guard_taken(struct track *t, struct weir_pool *pool, uint32_t object, const void *site);
void guard_given(struct track *t, struct weir_pool *pool, uint32_t object, const void *site);
void guard_discarded(struct track *t, uint32_t from, uint32_t to);
void guard_biography(struct track *t, uint32_t object, char *text, size_t size);

/* -- between the guard's files ------------------------------------------------------------------------------------------------ */

struct guard_place {            /* where an op's buffer lies, and how much around it is its own */
    char *buffer;
    size_t size, before, behind;
};
struct guard_place guard_place(const struct track *t, const struct weir_pool *pool, uint32_t object);

/* guard_report.c: what differs, and the panic that says it. Places count from the buffer's first byte: -1 is right before it. */
enum guard_part { GUARD_BUFFER, GUARD_BEHIND, GUARD_BEFORE };
struct guard_change {
    ptrdiff_t first, last;
    size_t bytes;               /* that differ */
    char shown[16];             /* from the first on */
    size_t n;
};
void guard_compare(struct guard_change *out, const struct guard_place *p, ptrdiff_t from, size_t n, unsigned char was);
_Noreturn void guard_panic(struct track *t, const struct weir_pool *pool, uint32_t object, const struct guard_change *change, enum guard_part part,
                           bool held, const void *site);

/* guard_tell.c: what the tools are told; nothing where none is there. */
enum guard_tool { GUARD_NO_TOOL = 0, GUARD_ASAN = 1, GUARD_VALGRIND = 2 };
unsigned guard_tool(void);
void guard_tell_open(const struct guard_place *p);              /* buffer and zones may be accessed: by the guard itself */
void guard_tell_taken(const struct weir_pool *pool, const struct guard_place *p, bool as_it_was);
void guard_tell_given(const struct weir_pool *pool, const struct guard_place *p);
void guard_tell_placed(const struct weir_pool *pool);
void guard_tell_left(const struct weir_pool *pool);

/* guard_fault.c: faults in pages of free ops. false: no room to note the pool, faults in it stay without a word of ours. */
bool guard_fault_watch(struct track *t, struct weir_pool *pool);
void guard_fault_forget(const struct weir_pool *pool);

#endif
