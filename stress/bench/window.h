/* window.h - threads run a loop; what they did in a window of time is counted. */
#ifndef WEIR_BENCH_WINDOW_H
#define WEIR_BENCH_WINDOW_H

#include "peer.h"
#include "protocol.h"

struct window {
    uint64_t done, ticks;       /* the loops' counts; clock_ticks */
    int64_t ns;                 /* one thread alone whose time per object is asked for: its processor time; else the wall's */
};

/* window_run - the request's threads run the loop (in a hand-over, with a taker: thread 1 the taker) for its seconds, and an eighth before.
 * pattern: the job, but for what is each thread's own. */
struct window window_run(const struct bench_request *request, bench_loop *loop, bench_loop *taker, const struct job *pattern);

/* window_quantile - of what the threads' histograms took in the last window. */
double window_quantile(unsigned threads, double share);

void window_open(void);
void window_close(void);

#endif
