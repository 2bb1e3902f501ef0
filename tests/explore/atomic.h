/* atomic.h - both of weir's atomic headers, replaced: every atomic operation is a call into the explorer.
 *
 * Included ahead of everything (-include) where the library and the scenarios are compiled for the explorer. It sets the guards of
 * src/atomic.h and of include/weir/inline/atomic.h, so that those say nothing more. What either of them gains must be said here as well, or the
 * explorer doesn't compile.
 */
#ifndef EXPLORE_ATOMIC_H
#define EXPLORE_ATOMIC_H
#define WEIR_ATOMIC_H
#define WEIR_INLINE_ATOMIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ORDER_NONE orders nothing but the word itself; ORDER_RELEASE: after all stores before it; ORDER_FULL: both ways. */
enum { ORDER_NONE, ORDER_RELEASE, ORDER_FULL };
enum { RMW_ADD, RMW_SWAP, RMW_OR };


uint64_t explore_load(const void *p, unsigned size, const char *site);
void explore_store(void *p, unsigned size, uint64_t v, unsigned order, const char *site);
bool explore_cas(void *p, unsigned size, uint64_t *expected, uint64_t v, const char *site);
uint64_t explore_rmw(void *p, unsigned size, unsigned what, uint64_t v, unsigned order, const char *site);
void explore_fence(const char *site);

#define EXPLORE_TEXT_OF(x) #x
#define EXPLORE_TEXT(x) EXPLORE_TEXT_OF(x)
#define EXPLORE_SITE __FILE__ ":" EXPLORE_TEXT(__LINE__)

/* -- include/weir/inline/atomic.h ------------------------------------------------------------------------------------------ */

#define WEIR_POINT(label) ((void)0)
#define WEIR_LOAD_RELAXED(p) ((__typeof__(*(p)))explore_load((p), sizeof *(p), EXPLORE_SITE))
#define WEIR_LOAD_ACQUIRE(p) WEIR_LOAD_RELAXED(p)
#define WEIR_STORE_RELAXED(p, v) explore_store((p), sizeof *(p), (uint64_t)(v), ORDER_NONE, EXPLORE_SITE)
#define WEIR_STORE_RELEASE(p, v) explore_store((p), sizeof *(p), (uint64_t)(v), ORDER_RELEASE, EXPLORE_SITE)
#define EXPLORE_RMW(p, what, v, order) ((__typeof__(*(p)))explore_rmw((p), sizeof *(p), (what), (uint64_t)(v), (order), EXPLORE_SITE))
#define WEIR_ADD_RELAXED(p, v) EXPLORE_RMW(p, RMW_ADD, v, ORDER_NONE)
#define WEIR_SUB_RELEASE(p, v) EXPLORE_RMW(p, RMW_ADD, 0 - (uint64_t)(v), ORDER_FULL)
#define WEIR_SUB_ACQ_REL(p, v) EXPLORE_RMW(p, RMW_ADD, 0 - (uint64_t)(v), ORDER_FULL)
#define WEIR_ABOVE_RELAXED(p, v) (WEIR_LOAD_RELAXED(p) > (v))
#define WEIR_ATMOST_RELAXED(p, v) (WEIR_LOAD_RELAXED(p) <= (v))
#define WEIR_DIFFERS_RELAXED(p, v) (WEIR_LOAD_RELAXED(p) != (v))
#define WEIR_ONCE(address) ((void)0)
#define WEIR_COMPILER_FENCE() ((void)0)
#define WEIR_PREFETCH_WRITE(p) ((void)0)

/* -- src/atomic.h ---------------------------------------------------------------------------------------------------------- */

static inline bool explore_cas_32(uint32_t *p, uint32_t *expected, uint32_t v, const char *site)
{
    uint64_t e = *expected;
    bool ok = explore_cas(p, 4, &e, v, site);
    *expected = (uint32_t)e;
    return ok;
}
static inline bool explore_cas_64(uint64_t *p, uint64_t *expected, uint64_t v, const char *site)
{
    return explore_cas(p, 8, expected, v, site);
}
static inline bool explore_cas_ptr(void *p, const void *expected, const void *v, const char *site)
{
    uint64_t e = (uint64_t)(uintptr_t)expected;
    return explore_cas(p, 8, &e, (uint64_t)(uintptr_t)v, site);
}

#define load_relaxed_32(p) ((uint32_t)explore_load((p), 4, EXPLORE_SITE))
#define load_relaxed_64(p) explore_load((p), 8, EXPLORE_SITE)
#define load_relaxed_ptr(p) ((void *)(uintptr_t)explore_load((p), 8, EXPLORE_SITE))
#define load_acquire_32(p) load_relaxed_32(p)
#define load_acquire_64(p) load_relaxed_64(p)
#define load_acquire_ptr(p) load_relaxed_ptr(p)
#define store_relaxed_32(p, v) explore_store((p), 4, (uint32_t)(v), ORDER_NONE, EXPLORE_SITE)
#define store_relaxed_64(p, v) explore_store((p), 8, (v), ORDER_NONE, EXPLORE_SITE)
#define store_relaxed_ptr(p, v) explore_store((p), 8, (uint64_t)(uintptr_t)(v), ORDER_NONE, EXPLORE_SITE)
#define store_release_32(p, v) explore_store((p), 4, (uint32_t)(v), ORDER_RELEASE, EXPLORE_SITE)
#define store_release_64(p, v) explore_store((p), 8, (v), ORDER_RELEASE, EXPLORE_SITE)
#define store_release_ptr(p, v) explore_store((p), 8, (uint64_t)(uintptr_t)(v), ORDER_RELEASE, EXPLORE_SITE)
#define cas_32(p, expected, v) explore_cas_32((p), (expected), (v), EXPLORE_SITE)
#define cas_64(p, expected, v) explore_cas_64((p), (expected), (v), EXPLORE_SITE)
#define cas_ptr(p, expected, v) explore_cas_ptr((p), (expected), (v), EXPLORE_SITE)
#define add_32(p, v) ((uint32_t)explore_rmw((p), 4, RMW_ADD, (v), ORDER_FULL, EXPLORE_SITE))
#define add_64(p, v) explore_rmw((p), 8, RMW_ADD, (v), ORDER_FULL, EXPLORE_SITE)
#define sub_32(p, v) ((uint32_t)explore_rmw((p), 4, RMW_ADD, 0 - (uint64_t)(v), ORDER_FULL, EXPLORE_SITE))
#define sub_64(p, v) explore_rmw((p), 8, RMW_ADD, 0 - (uint64_t)(v), ORDER_FULL, EXPLORE_SITE)
#define swap_32(p, v) ((uint32_t)explore_rmw((p), 4, RMW_SWAP, (v), ORDER_FULL, EXPLORE_SITE))
#define swap_64(p, v) explore_rmw((p), 8, RMW_SWAP, (v), ORDER_FULL, EXPLORE_SITE)
#define or_32(p, v) ((uint32_t)explore_rmw((p), 4, RMW_OR, (v), ORDER_FULL, EXPLORE_SITE))
#define or_64(p, v) explore_rmw((p), 8, RMW_OR, (v), ORDER_FULL, EXPLORE_SITE)
#define fence() explore_fence(EXPLORE_SITE)
#define fence_after_swap() ((void)0)            /* the read-modify-write has let all stores out */
#define pause_cpu() ((void)0)

#endif
