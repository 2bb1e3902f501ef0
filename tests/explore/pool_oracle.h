/* pool_oracle.h - see pool_oracle.c. */
#ifndef EXPLORE_POOL_ORACLE_H
#define EXPLORE_POOL_ORACLE_H

#include <weir/weir.h>
#include "explore.h"

extern struct weir_pool *pool;
extern unsigned held[EXPLORE_THREADS + 1];              /* how many ops each thread holds */
extern bool exited[EXPLORE_THREADS + 1];

void pool_own(struct weir_op *op);                      /* the calling thread was given it */
bool pool_try(void);                                    /* false: NULL, which is right only if others may hold all */
void pool_get(void);                                    /* NULL is wrong */
void pool_put(void);
void pool_put_two(void);                                /* by one bulk put */
void pool_try_two(void);                                /* by one bulk get, which may answer 0 */
void pool_flush(void);
void pool_get_put(void);
void pool_try_put(void);
void pool_put_try_put(void);
void pool_all_back(void);
void pool_warm(void);                                   /* makes the calling thread's cache, and leaves it empty */
void pool_make(uint32_t capacity, uint32_t cache);      /* every thread has a cache, empty; all ops are in the depot */
void pool_take_rest(void);
void pool_touch_all(void);                              /* all ops into the thread's hands and back to the depot: each block has been used */
void pool_check(void);

/* Where schedules begin. */
void pool_two_free(void);                               /* two ops, both in the depot, a magazine each */
void pool_two_cached(void);                             /* thread 0's open cache holds a magazine of two, the depot is bare */
void pool_one_cached(void);                             /* the same, and thread 0 has one of the two in its hands */
void pool_two_held(void);                               /* the same, and it has both: its cache is open and empty */
void pool_cache_two(void);                              /* the calling thread gets two ops and puts them back */
void pool_hold_rest(void);                              /* thread 2 holds the other ops for good; then thread 0 pool_cache_two */

#endif
