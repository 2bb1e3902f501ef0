/* weir_pool.c - see weir_pool.h. The configuration is the default one: all that is chosen is how many ops of what size. */
#include "weir_pool.h"

struct weir_pool *bench_pool;

const char *bench_pool_open(uint32_t capacity, size_t size, unsigned threads)
{
    struct weir_pool_config c = { .capacity = capacity, .initial = capacity, .buffer_size = size };
    (void)threads;
    return weir_pool_create(&bench_pool, &c) ? weir_error_message() : NULL;
}

void bench_pool_enter(unsigned thread)
{
    (void)thread;
    if (!weir_cache_get(bench_pool))
        bench_fail("no memory for a thread's cache");
}

void bench_pool_leave(void)
{
}

const char *bench_pool_close(struct whereabouts *where)
{
    struct weir_stats s;
    if (weir_pool_stats(bench_pool, &s))
        return weir_error_message();
    *where = (struct whereabouts){ s.capacity, s.live, s.cached, s.free };
    if (weir_pool_check(bench_pool) || weir_pool_close(bench_pool))
        return weir_error_message();
    return NULL;
}
