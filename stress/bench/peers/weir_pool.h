/* weir_pool.h - the pool behind weir's rows, and how it is opened, looked at and closed. */
#ifndef WEIR_BENCH_WEIR_POOL_H
#define WEIR_BENCH_WEIR_POOL_H

#include <weir/weir.h>

#include "../peer.h"

extern struct weir_pool *bench_pool;

const char *bench_pool_open(uint32_t capacity, size_t size, unsigned threads);
void bench_pool_enter(unsigned thread);
void bench_pool_leave(void);

/* The oracle: with all ops put, the pool must prove its equation, and close. */
const char *bench_pool_close(struct whereabouts *where);

#endif
