/* team.h - the threads of a peer's program: pinned in turns to the first two processors that it may use, kept to its end. */
#ifndef WEIR_BENCH_TEAM_H
#define WEIR_BENCH_TEAM_H

#include <stdint.h>

enum { TEAM_PROCESSORS = 2 };

/* team_processors - take the affinity that the process has now, before its peer is opened. returns how many are used, 1 or 2 */
unsigned team_processors(void);

/* team_pin - pin the calling thread as the thread of that number. */
void team_pin(unsigned thread);

/* team_start, team_stop - make n threads, each of which calls enter(its number); let them end by leave(). */
void team_start(unsigned n, void (*enter)(unsigned), void (*leave)(void));
void team_stop(void);

/* team_begin - threads [first, first + n) call work(their number). team_end returns when they have. */
void team_begin(void (*work)(unsigned), unsigned first, unsigned n);
void team_end(void);

/* The processor time of a thread. */
int64_t team_used_ns(unsigned thread);

#endif
