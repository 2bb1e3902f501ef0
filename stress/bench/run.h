/* run.h - one measurement of a peer, as a request asks for it. */
#ifndef WEIR_BENCH_RUN_H
#define WEIR_BENCH_RUN_H

#include "peer.h"
#include "protocol.h"

/* run_open - make what measurements need, with the team started and the peer open; every object is touched once. */
void run_open(const struct peer *peer, unsigned processors, uint32_t capacity);
void run_close(void);

/* Which of the works the peer has: a bit each. */
uint32_t run_works(const struct peer *peer);

struct bench_answer run_measure(const struct bench_request *request);

#endif
