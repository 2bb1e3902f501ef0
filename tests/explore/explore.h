/* explore.h - what a scenario may ask of the explorer.
 *
 * A scenario is two or three threads, each a function of real calls of the library. `setup` runs once, without interleaving; what memory
 * looks like then is where every schedule begins. After each schedule `check` runs, when all is quiet.
 */
#ifndef EXPLORE_H
#define EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EXPLORE_THREADS = 3 };

struct scenario {
    const char *name;
    const char *what;               /* for people: who runs against whom */
    void (*setup)(void);
    void (*thread[EXPLORE_THREADS])(void);
    void (*check)(void);
    unsigned preemptions;           /* explored by default; more by --preemptions */
    unsigned stale;                 /* stores that may be late for somebody */
};

extern const struct scenario explore_pool[], explore_beside[], explore_counts[], explore_trackers[];      /* each ends with a name of NULL */

/* What the oracle says no to: ends the schedule, which is printed. */
_Noreturn void explore_fail(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

/* In setup and check alone: call fn as that thread, with its thread-local storage. */
void explore_as(unsigned thread, void (*fn)(void));

/* The calling thread, 0 to 2; in setup and check outside explore_as: 3. */
unsigned explore_self(void);

/* The calling thread exits: what the system runs then is run. Nothing of the library afterwards. */
void explore_exit(void);

/* In setup alone, before a pool is made: the system has no process-wide barrier. */
void explore_no_barrier(void);

/* An oracle's word: exchanged, or added to, in one step that all threads see at once and that orders nothing else. What it was. */
uint64_t explore_ghost(uint64_t *word, uint64_t value);
uint64_t explore_ghost_add(uint64_t *word, uint64_t value);

/* From here on this memory is gone: whoever touches it atomically has failed. */
void explore_forbid(const void *p, size_t bytes);

#endif
