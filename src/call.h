/* call.h - call a function that may free the memory it was named in, and still tell others when it has returned.
 *
 * Purpose    the last release of a rundown calls `done`, which may free the rundown. Afterwards nothing in it may be touched, yet
 *            another thread may wait there for done's return. And a function and its argument are 128 bits, which is all that a
 *            rundown has. Two static tables of the process solve both, without an allocation that could fail at close.
 * Functions  a program has few: each is entered once and is a small number from then on.
 * Calls      one that is going on has a slot; its ticket {slot, number of the call} is left in the object *before* the call, and
 *            who wants to wait takes the ticket there and waits at the slot, which is never freed.
 * Limits     4,095 different functions a process: one more is a panic. 1,024 calls at one time: one more yields until one ends.
 *            In a forked child the calls of other threads never end.
 *
 *             number  begin  end   wait
 *     any of these may run beside any other on any thread. number, end: lock-free. begin: lock-free below the limit. wait: blocks
 */
#ifndef WEIR_CALL_H
#define WEIR_CALL_H

#include <stdint.h>

enum { CALL_NUMBER_BITS = 12 };

typedef void (*call_fn)(void *arg);

/* 1 to 4,095 for a function, the same for ever; 0 for NULL. And back; the number was passed on by a release and an acquire. */
uint32_t weir_call_number(call_fn fn);
call_fn weir_call_function(uint32_t number);

/* A ticket for a call that is about to begin; `near` is any address, for a start of the search. The call has ended. */
uint64_t weir_call_begin(const void *near);
void weir_call_end(uint64_t ticket);

/* 0: the ticket's call has ended, and what it did is visible. -ETIMEDOUT: the deadline on os_now's clock is over. */
int weir_call_wait(uint64_t ticket, int64_t deadline);

#endif
