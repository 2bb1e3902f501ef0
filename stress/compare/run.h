/* run.h - two pinned threads that run peers' loops, and the clock around them. */
#ifndef WEIR_COMPARE_RUN_H
#define WEIR_COMPARE_RUN_H

#include "peer.h"

enum pattern { PATTERN_PAIR, PATTERN_BURST, PATTERN_HANDOFF, PATTERNS };

/* run_open - take the affinity that the process has now; before any peer is opened. returns how many processors there are */
int run_open(void);

/* run_start - make the threads, pinned to the first two processors (one if there are no more), and let each enter all
 * peers; then all peers are warmed. Peers are a NULL-terminated list and live until run_stop. */
void run_start(const struct peer *const *peers);
void run_stop(void);

/* run_measure - nanoseconds for one object of `count`, taken and given back. PATTERN_HANDOFF needs two processors. */
double run_measure(const struct peer *peer, enum pattern pattern, uint64_t count, bool buffer);

#endif
