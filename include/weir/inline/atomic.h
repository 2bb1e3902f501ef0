/* weir/inline/atomic.h - the few atomic operations that the inlined fast paths need, in named orders.
 *
 * Compiler builtins only (gcc and clang, C11 and C++17): a user's build needs no Concurrency Kit, and a ThreadSanitizer build
 * of a user's program sees every one of them. The library itself uses src/atomic.h.
 */
#ifndef WEIR_INLINE_ATOMIC_H
#define WEIR_INLINE_ATOMIC_H

#if defined(__SANITIZE_THREAD__)
#define WEIR_SEEN_BY_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WEIR_SEEN_BY_TSAN 1
#endif
#endif

/* A labelled point: nothing, but in a build with -DWEIR_POINTS=1 (library and program alike) a call, at which the stress
 * programs and tests yield or park. */
#if defined(WEIR_POINTS) && WEIR_POINTS
#include "export.h"
#ifdef __cplusplus
extern "C" {
#endif
WEIR_API extern void (*weir_point_hook_1)(const char *label);
WEIR_API void weir_point_1(const char *label);
#ifdef __cplusplus
}
#endif
#define WEIR_POINT(label) weir_point_1(label)
#else
#define WEIR_POINT(label) ((void)0)
#endif

#define WEIR_LOAD_RELAXED(p) __atomic_load_n((p), __ATOMIC_RELAXED)
#define WEIR_LOAD_ACQUIRE(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define WEIR_STORE_RELAXED(p, v) __atomic_store_n((p), (v), __ATOMIC_RELAXED)
#define WEIR_STORE_RELEASE(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define WEIR_ADD_RELAXED(p, v) __atomic_fetch_add((p), (v), __ATOMIC_RELAXED)
#define WEIR_SUB_RELEASE(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_RELEASE)
#define WEIR_SUB_ACQ_REL(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_ACQ_REL)
/* A relaxed load and a compare, in one instruction where the compiler would make two: it does not fold atomic loads. ABOVE: *p > v,
 * signed; ATMOST: *p <= v, addresses; DIFFERS: *p != v. 64-bit words. */
#if defined(__x86_64__) && defined(__GCC_ASM_FLAG_OUTPUTS__) && !defined(WEIR_SEEN_BY_TSAN)
#define WEIR_COMPARE(flag, p, v)                                                                              \
    (__extension__({                                                                                          \
        int weir_flag;                                                                                        \
        __asm__ __volatile__("cmpq %2, %1" : "=@cc" flag(weir_flag) : "m"(*(p)), "er"(v));                    \
        weir_flag;                                                                                            \
    }))
#define WEIR_ABOVE_RELAXED(p, v) WEIR_COMPARE("g", p, v)
#define WEIR_ATMOST_RELAXED(p, v) WEIR_COMPARE("be", p, v)
#define WEIR_DIFFERS_RELAXED(p, v) WEIR_COMPARE("ne", p, v)
#else
#define WEIR_ABOVE_RELAXED(p, v) (WEIR_LOAD_RELAXED(p) > (v))
#define WEIR_ATMOST_RELAXED(p, v) (WEIR_LOAD_RELAXED(p) <= (v))
#define WEIR_DIFFERS_RELAXED(p, v) (WEIR_LOAD_RELAXED(p) != (v))
#endif
/* Keep an address in a register, instead of computing it twice. */
#define WEIR_ONCE(address) __asm__("" : "+r"(address))
/* Keeps the compiler from moving a load above a store; the machine's order is the other side's business (the system barrier). */
#define WEIR_COMPILER_FENCE() __atomic_signal_fence(__ATOMIC_SEQ_CST)
/* Fetch a line to write it. The builtin means it only if the target is said to have the instruction; every x86-64 that lacks it takes
 * it for no operation. */
#if defined(__x86_64__)
#define WEIR_PREFETCH_WRITE(p) __asm__ __volatile__("prefetchw %0" : : "m"(*(const char *)(p)))
#else
#define WEIR_PREFETCH_WRITE(p) __builtin_prefetch((p), 1, 3)
#endif

#endif
