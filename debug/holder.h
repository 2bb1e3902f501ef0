/* debug/holder.h - the table of holders: who can hold a reference, by what the system says of them.
 *
 * A holder is a thread. It is known by its process (boot, namespace, pid, start) and its own number and start, so that one that is gone is never taken for
 * another that was given the same numbers.
 */
#ifndef WEIR_DEBUG_HOLDER_H
#define WEIR_DEBUG_HOLDER_H

#include <stdint.h>
#include "watch.h"
#include "../src/atomic.h"

/* As the kernel says, at this moment. A thread that ended in good order is DEAD (state is DEBUG_EXITED: a report says "exited"), and so is one of a process that
 * is; ZOMBIE: its process ended and is not waited for; HUNG: it is there, and has given no sign for longer than hung_units (0: nobody is). What can't be seen
 * from here is never called dead. */
enum weir_holder_state holder_state(const struct debug_holder *holder, int64_t now_units, uint64_t hung_units);

struct holder_identity {
    struct debug_process process;
    int64_t tid;
    uint64_t start;
    char name[48];
};

/* An entry for a thread, under w->lock; 0: the table is full of those that are there and of what others left, and numbers.unnamed is one more. */
uint32_t holder_claim(struct watch *w, const struct holder_identity *who);
void holder_exit(const struct watch *w, struct debug_holder *holder);

/* The same entry is another's from now on: the thread of a forked child that survived. */
void holder_become(struct debug_holder *holder, const struct holder_identity *who);
void holder_rename(struct debug_holder *holder, const char *name);      /* cut at 47 bytes; any mixture of two names ends in a zero byte */

/* Gives back the entries of holders that are gone, with their tokens, where no reference counts on them; with `tokens` also single tokens of those that keep
 * some. False: there were none. Under w->lock. */
bool holder_collect(struct watch *w, bool tokens);

/* A sign of life of a thread that has the time at hand. */
static inline void holder_sign(struct watched_thread *t, uint32_t time)
{
    if (t->index)
        store_relaxed_64(&t->holder->beat, time);
}

#endif
