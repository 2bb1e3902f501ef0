/* weir/stats.h - what a pool has done and where its ops are.
 *
 * Always on: gets are counted by the ration that bounds them anyway, the rest where magazines move, so the fast path pays
 * nothing. Read while other threads work, the numbers are each right but not of one instant; when the pool is quiet,
 * live + cached + free = capacity and gets - puts = live hold exactly.
 */
#ifndef WEIR_STATS_H
#define WEIR_STATS_H

#include <stddef.h>
#include <stdint.h>
#include "inline/export.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weir_pool;

struct weir_stats {
    uint64_t capacity;          /* the bound */
    uint64_t committed;         /* ops whose memory has been committed */
    uint64_t live;              /* held by callers */
    uint64_t cached;            /* in the caches of threads */
    uint64_t free;              /* in the depot, or not committed yet */
    uint64_t peak;              /* the most live ops that were seen: looked at where magazines move and by this call, so it
                                   can be low by at most `cache` ops a thread */
    uint64_t gets;              /* ops taken */
    uint64_t puts;              /* ops given back */
    uint64_t refills;           /* magazines that a cache took from the depot */
    uint64_t flushes;           /* magazines that a cache gave to the depot */
    uint64_t steals;            /* magazines taken out of another thread's cache */
    uint64_t empties;           /* gets that were answered with NULL */
    uint64_t waits;             /* weir_op_get_wait calls that had to wait */
    uint64_t fenced;            /* 1: the system has no process-wide barrier, every get and put pays for a fence */
};

/* weir_pool_stats - copy the statistics.
 *
 * owns      nothing changes hands; out is the caller's
 * threads   any, concurrently
 * progress  lock-free; looks at every cache of the pool once
 * errors    -EINVAL: pool or out is NULL
 */
WEIR_API int weir_pool_stats_1(struct weir_pool *pool, struct weir_stats *out, size_t size);
WEIR_API int weir_pool_stats(struct weir_pool *pool, struct weir_stats *out);

#ifndef WEIR_NO_INLINE
WEIR_INLINE int weir_pool_stats(struct weir_pool *pool, struct weir_stats *out)
{
    return weir_pool_stats_1(pool, out, sizeof *out);
}
#endif

#ifdef __cplusplus
}
#endif
#endif
