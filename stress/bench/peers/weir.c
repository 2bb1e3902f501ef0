/* weir.c - weir as its users have it: default configuration, inlined get and put, the cache found by thread-local storage.
 *
 * WEIR_BENCH_CACHE: the other way, with the cache at hand: weir_op_get_from and weir_op_put_to. */
#include "weir_pool.h"

#define LOOP_WORD(object, of_buffer) \
    ((of_buffer) ? (uint64_t *)weir_op_buffer((struct weir_op *)(object)) : (uint64_t *)(void *)weir_op_overlapped((struct weir_op *)(object)))
#define LOOP_REF(object) weir_op_ref((struct weir_op *)(object))
#define LOOP_UNREF(object) weir_op_unref((struct weir_op *)(object))
#define LOOP_UNREF_LAST(j, object) weir_op_unref((struct weir_op *)(object))
#define LOOP_GET_WAIT(j, ns) weir_op_get_wait(bench_pool, ns)
#define LOOP_BOUND

#ifdef WEIR_BENCH_CACHE
#define WHAT "weir_op_get_from, weir_op_put_to on a cache at hand (bulk: one at a time)"
#define LOOP_BEGIN \
    struct weir_cache *cache = weir_cache_get(bench_pool); \
    (void)cache;
#define LOOP_GET(j) weir_op_get_from(cache)
#define LOOP_PUT(j, object) weir_op_put_to(cache, (struct weir_op *)(object))
#else
#define WHAT "weir_op_get, weir_op_put: inlined, default configuration"
#define LOOP_BEGIN \
    struct weir_pool *pool = bench_pool; \
    (void)pool;
#define LOOP_GET(j) weir_op_get(pool)
#define LOOP_PUT(j, object) weir_op_put((struct weir_op *)(object))
#define LOOP_GET_BULK(j, objects, n) (weir_op_get_bulk(pool, (struct weir_op **)(objects), n) == (n))
#define LOOP_PUT_BULK(j, objects, n) weir_op_put_bulk((struct weir_op **)(objects), n)
#endif
#include "../loops.h"

static const struct peer peer = {
    .what = WHAT WEIR_BENCH_LINKED,
    LOOPS,
    .open = bench_pool_open,
    .enter = bench_pool_enter,
    .leave = bench_pool_leave,
    .close = bench_pool_close,
};

#ifdef WEIR_BENCH_PLUGIN
__attribute__((__visibility__("default"))) const struct peer *bench_plugin_peer(void)
#else
const struct peer *bench_peer(void)
#endif
{
    return &peer;
}
