/* weir/cache.h - a thread's cache, for loops that keep it at hand.
 *
 * weir_op_get finds the calling thread's cache by thread-local storage; that costs 1.7 ns in an executable and more in a plugin.
 * A loop can look once and pass the cache along. The idea is Bonwick's (Magazines and Vmem, 2001): a loaded magazine that
 * get and put work on, a previous one, and whole magazines that move to and from the depot.
 */
#ifndef WEIR_CACHE_H
#define WEIR_CACHE_H

#include "pool.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weir_op;
struct weir_cache;

/* weir_cache_get - this thread's cache of the pool, made on the first call.
 *
 * owns      the thread; valid on this thread alone, until it ends or the pool is closed. Not to be released
 * threads   any
 * progress  allocates on a thread's first call for a pool
 * errors    NULL: no memory for a cache, or this thread's destructors have run (weir_op_get and weir_op_put work even then)
 */
WEIR_API struct weir_cache *weir_cache_get(struct weir_pool *pool);

/* weir_op_get_from, weir_op_put_to - weir_op_get and weir_op_put (op.h) on a cache at hand.
 *
 * threads   the cache's own thread; the op may come from any thread, but from the same pool (another pool's op: panic, found
 *           at the latest when its magazine leaves the cache)
 */
WEIR_API struct weir_op *weir_op_get_from(struct weir_cache *cache);
WEIR_API void weir_op_put_to(struct weir_cache *cache, struct weir_op *op);

#ifdef __cplusplus
}
#endif

#ifndef WEIR_NO_INLINE
#include "inline/cache.h"
#endif
#endif
