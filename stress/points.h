/* points.h - what can be done at the labelled points of weir's sources.
 *
 * Between every two steps of get, put and their slow paths stands a WEIR_POINT("module.step"). A build with -DWEIR_POINTS=1 calls
 * out at each; every other build has nothing there. Two things are done with it: seeded random yields, so that threads are
 * taken off the processor where it hurts (the idea is urcu's debug-yield), and parking: a thread stops at a point until it is let go,
 * so that a test can try everything that others may do while an owner stands still right there.
 *
 * The bookkeeping uses relaxed atomics alone until a thread really parks: it orders nothing that the library does not order.
 */
#ifndef WEIR_STRESS_POINTS_H
#define WEIR_STRESS_POINTS_H

#include <stdbool.h>
#include <stdint.h>

/* points_open - install the hook; points_close - remove it. Any parked thread must have been released.
 * returns false: program or library was built without WEIR_POINTS, no point will ever be passed */
bool points_open(void);
void points_close(void);

/* points_yield - from now on every thread gives way at per_mille of a thousand points, at random from the seed: mostly by a
 * yield, at times by a short sleep. 0: no more. Threads number themselves by their first point. */
void points_yield(uint64_t seed, unsigned per_mille);

/* A place to stop, shared by the thread that is to park and the one that waits for it. Starts as zero; owned by the test and
 * alive until both are done with it. */
struct points_seat {
    const char *label;          /* NULL: any */
    unsigned left;              /* passes until it parks */
    unsigned state;
    const char *at;             /* the label it parked at */
};

/* points_park - the calling thread will stop when it passes `label` for the nth time from now (the first is 1), once. label
 * NULL counts every point: nth = 1, 2, 3 ... until points_wait_parked says POINTS_LEFT stops it at each point of a call in turn. */
void points_park(struct points_seat *seat, const char *label, unsigned nth);

/* points_leave - the calling thread has done what it had to; if it has not parked by now it never will. Call it after the
 * last library call, before the thread ends. */
void points_leave(struct points_seat *seat);

/* points_wait_parked - wait until the seat's thread has parked or left. May begin before points_park. */
enum points_found { POINTS_PARKED, POINTS_LEFT, POINTS_LATE };      /* LATE: neither, for a minute */
enum points_found points_wait_parked(struct points_seat *seat);

/* points_release - let the parked thread go on; if it has not parked yet, it will not. Once a seat. */
void points_release(struct points_seat *seat);

/* points_at - the label at which the thread parked; NULL if it has not. */
const char *points_at(struct points_seat *seat);

/* points_labels - the different labels that have been passed so far, by any thread since points_open. Writes at most n.
 * returns how many there are */
unsigned points_labels(const char **out, unsigned n);

#endif
