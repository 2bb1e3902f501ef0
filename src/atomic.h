/* src/atomic.h - the atomic operations of the library, named by their order. The only file that includes Concurrency Kit's ck_pr.
 *
 * Every operation is on a naturally aligned uint32_t or uint64_t (int64_t, pointers: the macros cast). On x86-64 ck_pr's inline
 * assembly gives exactly the instruction that the name says. ThreadSanitizer cannot see assembly, so in its build the same
 * operations are said with the compiler's builtins: the same orders, nothing stronger.
 *
 *   load_relaxed load_acquire store_relaxed store_release
 *   cas (acquire and release, full on x86; *expected is updated on failure)   add sub swap or (acquire and release)
 *   fence (full: orders a store before a later load)
 *   fence_after_swap (behind a read-modify-write: orders it, and the stores before it, before later loads. Nothing on x86, whose locked
 *   instructions are full fences; elsewhere acquire and release are less than that)
 */
#ifndef WEIR_ATOMIC_H
#define WEIR_ATOMIC_H

#include <stdbool.h>
#include <stdint.h>

#if defined(__SANITIZE_THREAD__)
#define WEIR_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEIR_TSAN 1
#endif
#endif

#ifndef WEIR_TSAN
#include <ck_pr.h>

#define WEIR_ATOMIC_FAMILY(bits)                                                                                              \
    static inline uint##bits##_t load_relaxed_##bits(const uint##bits##_t *p) { return ck_pr_load_##bits(p); }                \
    static inline uint##bits##_t load_acquire_##bits(const uint##bits##_t *p)                                                 \
    {                                                                                                                         \
        uint##bits##_t v = ck_pr_load_##bits(p);                                                                              \
        ck_pr_fence_acquire();                                                                                                \
        return v;                                                                                                             \
    }                                                                                                                         \
    static inline void store_relaxed_##bits(uint##bits##_t *p, uint##bits##_t v) { ck_pr_store_##bits(p, v); }                \
    static inline void store_release_##bits(uint##bits##_t *p, uint##bits##_t v)                                              \
    {                                                                                                                         \
        ck_pr_fence_release();                                                                                                \
        ck_pr_store_##bits(p, v);                                                                                             \
    }                                                                                                                         \
    static inline bool cas_##bits(uint##bits##_t *p, uint##bits##_t *expected, uint##bits##_t v)                              \
    {                                                                                                                         \
        bool ok;                                                                                                              \
        ck_pr_fence_release();                                                                                                \
        ok = ck_pr_cas_##bits##_value(p, *expected, v, expected);                                                             \
        ck_pr_fence_acquire();                                                                                                \
        return ok;                                                                                                            \
    }                                                                                                                         \
    static inline uint##bits##_t add_##bits(uint##bits##_t *p, uint##bits##_t v)                                              \
    {                                                                                                                         \
        ck_pr_fence_release();                                                                                                \
        v = ck_pr_faa_##bits(p, v);                                                                                           \
        ck_pr_fence_acquire();                                                                                                \
        return v;                                                                                                             \
    }                                                                                                                         \
    static inline uint##bits##_t swap_##bits(uint##bits##_t *p, uint##bits##_t v)                                             \
    {                                                                                                                         \
        ck_pr_fence_release();                                                                                                \
        v = ck_pr_fas_##bits(p, v);                                                                                           \
        ck_pr_fence_acquire();                                                                                                \
        return v;                                                                                                             \
    }
static inline void fence(void) { ck_pr_fence_memory(); }
static inline void fence_after_swap(void) { ck_pr_fence_atomic_load(); }
static inline void pause_cpu(void) { ck_pr_stall(); }

#else

#define WEIR_ATOMIC_FAMILY(bits)                                                                                              \
    static inline uint##bits##_t load_relaxed_##bits(const uint##bits##_t *p) { return __atomic_load_n(p, __ATOMIC_RELAXED); } \
    static inline uint##bits##_t load_acquire_##bits(const uint##bits##_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); } \
    static inline void store_relaxed_##bits(uint##bits##_t *p, uint##bits##_t v) { __atomic_store_n(p, v, __ATOMIC_RELAXED); } \
    static inline void store_release_##bits(uint##bits##_t *p, uint##bits##_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); } \
    static inline bool cas_##bits(uint##bits##_t *p, uint##bits##_t *expected, uint##bits##_t v)                              \
    {                                                                                                                         \
        return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);                        \
    }                                                                                                                         \
    static inline uint##bits##_t add_##bits(uint##bits##_t *p, uint##bits##_t v)                                              \
    {                                                                                                                         \
        return __atomic_fetch_add(p, v, __ATOMIC_ACQ_REL);                                                                    \
    }                                                                                                                         \
    static inline uint##bits##_t swap_##bits(uint##bits##_t *p, uint##bits##_t v)                                             \
    {                                                                                                                         \
        return __atomic_exchange_n(p, v, __ATOMIC_ACQ_REL);                                                                   \
    }
/* A full fence that tells ThreadSanitizer nothing: an exchange on a variable that nobody else sees. */
static inline void fence(void)
{
    uint32_t own = 0;
    (void)__atomic_exchange_n(&own, 1, __ATOMIC_SEQ_CST);
    __asm__ __volatile__("" : : "r"(&own) : "memory");
}
static inline void fence_after_swap(void)
{
#if defined(__x86_64__)
    __asm__ __volatile__("" : : : "memory");
#else
    fence();
#endif
}
static inline void pause_cpu(void) { __asm__ __volatile__("" : : : "memory"); }

#endif

WEIR_ATOMIC_FAMILY(32)
WEIR_ATOMIC_FAMILY(64)

static inline uint32_t sub_32(uint32_t *p, uint32_t v) { return add_32(p, 0 - v); }
static inline uint64_t sub_64(uint64_t *p, uint64_t v) { return add_64(p, 0 - v); }
static inline uint32_t or_32(uint32_t *p, uint32_t v)
{
    uint32_t old = load_relaxed_32(p);
    while (!cas_32(p, &old, old | v)) {
    }
    return old;
}
static inline uint64_t or_64(uint64_t *p, uint64_t v)
{
    uint64_t old = load_relaxed_64(p);
    while (!cas_64(p, &old, old | v)) {
    }
    return old;
}

/* A byte that says yes or no. The builtins are right everywhere, and TSan sees them. */
static inline uint8_t load_acquire_8(const uint8_t *p) { return __atomic_load_n(p, __ATOMIC_ACQUIRE); }
static inline void store_release_8(uint8_t *p, uint8_t v) { __atomic_store_n(p, v, __ATOMIC_RELEASE); }

/* Pointers are words: one place that says so. */
static inline void *load_relaxed_ptr(const void *p) { return (void *)(uintptr_t)load_relaxed_64((const uint64_t *)p); }
static inline void *load_acquire_ptr(const void *p) { return (void *)(uintptr_t)load_acquire_64((const uint64_t *)p); }
static inline void store_relaxed_ptr(void *p, const void *v) { store_relaxed_64((uint64_t *)p, (uint64_t)(uintptr_t)v); }
static inline void store_release_ptr(void *p, const void *v) { store_release_64((uint64_t *)p, (uint64_t)(uintptr_t)v); }
static inline bool cas_ptr(void *p, const void *expected, const void *v)
{
    uint64_t e = (uint64_t)(uintptr_t)expected;
    return cas_64((uint64_t *)p, &e, (uint64_t)(uintptr_t)v);
}

_Static_assert(sizeof(void *) == 8, "weir keeps pointers in 64-bit words");

#endif
