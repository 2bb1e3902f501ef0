/* weir_pool.h - the one pool that both of weir's rows use, so that they do not differ in where its memory lies. */
#ifndef WEIR_COMPARE_WEIR_POOL_H
#define WEIR_COMPARE_WEIR_POOL_H

#include <weir/cache.h>
#include <weir/pool.h>

extern struct weir_pool *compare_pool;

const char *compare_pool_open(void);        /* counted */
void compare_pool_close(void);
void compare_pool_enter(void);
void compare_pool_leave(void);

#endif
