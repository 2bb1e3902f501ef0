/* histogram.h - how long calls took, by a counter for each of some 1,900 classes: 32 to a doubling, so within 3 percent.
 *
 * One thread counts, others read at any time (relaxed: late by a few calls is no harm). A reader that keeps what it read last time
 * has the calls in between by subtraction. C11 and C++.
 */
#ifndef WEIR_STRESS_HISTOGRAM_H
#define WEIR_STRESS_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_FINE = 32, HISTOGRAM_FINE_BITS = 5, HISTOGRAM_CLASSES = HISTOGRAM_FINE * (64 - HISTOGRAM_FINE_BITS + 1) };

struct histogram {
    uint64_t count[HISTOGRAM_CLASSES];
};

/* Below 32 each number is a class; then 32 classes from one power of two to the next. */
static inline unsigned histogram_class(uint64_t n)
{
    unsigned shift;
    if (n < HISTOGRAM_FINE)
        return (unsigned)n;
    shift = 63 - (unsigned)__builtin_clzll(n) - HISTOGRAM_FINE_BITS;
    return (shift + 1) * HISTOGRAM_FINE + ((unsigned)(n >> shift) & (HISTOGRAM_FINE - 1));
}

/* The middle of a class. */
static inline double histogram_value(unsigned c)
{
    unsigned shift = c / HISTOGRAM_FINE - 1;
    if (c < 2 * HISTOGRAM_FINE)
        return c;
    return (double)((uint64_t)(HISTOGRAM_FINE + c % HISTOGRAM_FINE) << shift) + (double)(((uint64_t)1 << shift) - 1) / 2;
}

static inline void histogram_add(struct histogram *h, uint64_t n)
{
    uint64_t *count = &h->count[histogram_class(n)];
    __atomic_store_n(count, __atomic_load_n(count, __ATOMIC_RELAXED) + 1, __ATOMIC_RELAXED);
}

/* What is counted there now is added to sum. */
static inline void histogram_read(uint64_t *sum, const struct histogram *h)
{
    for (unsigned c = 0; c < HISTOGRAM_CLASSES; c++)
        sum[c] += __atomic_load_n(&h->count[c], __ATOMIC_RELAXED);
}

/* The value below which a share of `count` lies; 1: the largest; 0 if nothing was counted. */
static inline double histogram_quantile(const uint64_t *count, double share)
{
    uint64_t all = 0, below = 0;
    unsigned last = 0;
    for (unsigned c = 0; c < HISTOGRAM_CLASSES; c++)
        all += count[c];
    for (unsigned c = 0; c < HISTOGRAM_CLASSES && (double)below < share * (double)all; c++) {
        below += count[c];
        last = count[c] ? c : last;
    }
    return histogram_value(last);
}

#endif
