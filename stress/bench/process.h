/* process.h - a peer's program as a child process. */
#ifndef WEIR_BENCH_PROCESS_H
#define WEIR_BENCH_PROCESS_H

#include <sys/types.h>

#include "bench.h"

struct process {
    unsigned peer, pattern;
    pid_t pid;                  /* 0: none */
    int ask, answer;
    uint32_t works;
};

/* process_start - start the peer's program and hear its hello. returns false: missing or failed, and bench.peer says why */
bool process_start(struct process *p, unsigned peer, unsigned pattern, unsigned capacity, unsigned size, unsigned threads);

/* process_ask - one measurement. returns false: it has failed, and is no more */
bool process_ask(struct process *p, const struct bench_request *request, struct bench_answer *answer);

/* process_end - hear its farewell. returns false: something is wrong, and bench.peer says what */
bool process_end(struct process *p, struct bench_farewell *farewell);

#endif
