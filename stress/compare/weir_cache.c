/* weir_cache.c - weir with the cache at hand, for loops that look it up once: weir_op_get_from and weir_op_put_to. */
#include <weir/op.h>

#include "peer.h"
#include "weir_pool.h"

#define LOOP(name) weir_cache__##name
#define LOOP_BEGIN struct weir_cache *cache = weir_cache_get(compare_pool);
#define LOOP_GET(j) weir_op_get_from(cache)
#define LOOP_PUT(j, object) weir_op_put_to(cache, object)
#define LOOP_GET_FAR(j) weir_op_get_from(cache)
#define LOOP_PUT_FAR(j, object) weir_op_put_to(cache, object)
#define LOOP_WORD(object, of_buffer) \
    ((of_buffer) ? (uint64_t *)weir_op_buffer(object) : (uint64_t *)(void *)weir_op_overlapped(object))
#include "loops.h"

const struct peer peer_weir_cache = {
    .name = "weir cache",
    .what = "weir_op_get_from, weir_op_put_to on a cache at hand",
    .open = compare_pool_open,
    .enter = compare_pool_enter,
    .leave = compare_pool_leave,
    .warm = weir_cache__warm,
    .pair = weir_cache__pair,
    .burst = weir_cache__burst,
    .giver = weir_cache__giver,
    .taker = weir_cache__taker,
    .close = compare_pool_close,
};
