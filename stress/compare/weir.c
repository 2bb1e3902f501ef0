/* weir.c - weir as its users have it: default configuration, inlined get and put, the cache found by thread-local storage. */
#include <weir/error.h>
#include <weir/op.h>

#include "peer.h"
#include "weir_pool.h"

#define LOOP(name) weir__##name
#define LOOP_BEGIN struct weir_pool *pool = compare_pool;
#define LOOP_GET(j) weir_op_get(pool)
#define LOOP_PUT(j, object) ((void)pool, weir_op_put(object))
#define LOOP_GET_FAR(j) weir_op_get(pool)
#define LOOP_PUT_FAR(j, object) ((void)pool, weir_op_put(object))
#define LOOP_WORD(object, of_buffer) \
    ((of_buffer) ? (uint64_t *)weir_op_buffer(object) : (uint64_t *)(void *)weir_op_overlapped(object))
#include "loops.h"

struct weir_pool *compare_pool;
static int opened;

const char *compare_pool_open(void)
{
    struct weir_pool_config c = { .capacity = COMPARE_CAPACITY, .initial = COMPARE_CAPACITY, .buffer_size = COMPARE_BUFFER };
    if (opened++)
        return NULL;
    return weir_pool_create(&compare_pool, &c) ? weir_error_message() : NULL;
}

void compare_pool_close(void)
{
    if (--opened == 0 && weir_pool_close(compare_pool))
        compare_fail("weir_pool_close: %s", weir_error_message());
}

void compare_pool_enter(void)
{
    weir_cache_get(compare_pool);
}

void compare_pool_leave(void)
{
}

const struct peer peer_weir = {
    .name = "weir",
    .what = "weir_op_get, weir_op_put: inlined, static library, default configuration",
    .open = compare_pool_open,
    .enter = compare_pool_enter,
    .leave = compare_pool_leave,
    .warm = weir__warm,
    .pair = weir__pair,
    .burst = weir__burst,
    .giver = weir__giver,
    .taker = weir__taker,
    .close = compare_pool_close,
};
