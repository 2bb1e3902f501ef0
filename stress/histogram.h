/* histogram.h - how long calls took, by a counter for each of some 1,000 classes: 16 to a doubling, so within 6 percent.
 *
 * One thread counts, others read at any time (relaxed: late by a few calls is no harm). A reader that keeps what it read last time
 * has the calls in between by subtraction.
 */
#ifndef WEIR_STRESS_HISTOGRAM_H
#define WEIR_STRESS_HISTOGRAM_H

#include <stdatomic.h>
#include <stdint.h>

enum { HISTOGRAM_CLASSES = 976 };

struct histogram {
    _Atomic uint64_t count[HISTOGRAM_CLASSES];
};

/* Below 16 each number is a class; then 16 classes from one power of two to the next. */
static inline unsigned histogram_class(uint64_t n)
{
    unsigned power;
    if (n < 16)
        return (unsigned)n;
    power = 63 - (unsigned)__builtin_clzll(n);
    return (power - 3) * 16 + (unsigned)((n >> (power - 4)) & 15);
}

/* The middle of a class. */
static inline double histogram_value(unsigned class)
{
    unsigned power = class / 16 + 3;
    return class < 16 ? class : (double)(16 + class % 16) * (double)(UINT64_C(1) << (power - 4)) + (double)(UINT64_C(1) << (power - 4)) / 2;
}

static inline void histogram_add(struct histogram *h, uint64_t n)
{
    _Atomic uint64_t *count = &h->count[histogram_class(n)];
    atomic_store_explicit(count, atomic_load_explicit(count, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* The value below which a share of `count` lies; 1: the largest. */
static inline double histogram_quantile(const uint64_t *count, double share)
{
    uint64_t all = 0, below = 0;
    unsigned last = 0;
    for (unsigned i = 0; i < HISTOGRAM_CLASSES; i++)
        all += count[i];
    for (unsigned i = 0; i < HISTOGRAM_CLASSES && (double)below < share * (double)all; i++) {
        below += count[i];
        last = count[i] ? i : last;
    }
    return histogram_value(last);
}

#endif
