/* histogram.h - how often a call took how long: a bucket's width is at most 1/32 of what lies in it.
 *
 * Values below 64 have a bucket each; above, every power of two is cut into 32. One thread adds to one histogram; they are joined when
 * all threads have stopped.
 */
#ifndef WEIR_BENCH_HISTOGRAM_H
#define WEIR_BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_FINE = 32, HISTOGRAM_BUCKETS = HISTOGRAM_FINE * 40 };

struct histogram {
    uint64_t count[HISTOGRAM_BUCKETS];
};

static inline unsigned histogram_bucket(uint64_t value)
{
    unsigned shift, bucket;
    if (value < 2 * HISTOGRAM_FINE)
        return (unsigned)value;
    shift = 63 - 5 - (unsigned)__builtin_clzll(value);
    bucket = shift * HISTOGRAM_FINE + (unsigned)(value >> shift);
    return bucket < HISTOGRAM_BUCKETS ? bucket : HISTOGRAM_BUCKETS - 1;
}

/* The middle of a bucket. */
static inline double histogram_value(unsigned bucket)
{
    unsigned shift = bucket < 2 * HISTOGRAM_FINE ? 0 : bucket / HISTOGRAM_FINE - 1;
    uint64_t low = (uint64_t)(bucket - shift * HISTOGRAM_FINE) << shift;
    return (double)low + (double)(((uint64_t)1 << shift) - 1) / 2;
}

static inline void histogram_add(struct histogram *h, uint64_t value)
{
    h->count[histogram_bucket(value)]++;
}

static inline void histogram_join(struct histogram *into, const struct histogram *from)
{
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        into->count[i] += from->count[i];
}

static inline uint64_t histogram_total(const struct histogram *h)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        n += h->count[i];
    return n;
}

/* The value that `part` of all (0 to 1) do not exceed; 0 if there are none. */
static inline double histogram_part(const struct histogram *h, double part)
{
    uint64_t most = (uint64_t)(part * (double)histogram_total(h)), n = 0;
    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
        if ((n += h->count[i]) > most)
            return histogram_value(i);
    for (unsigned i = HISTOGRAM_BUCKETS; i-- > 0;)
        if (h->count[i])
            return histogram_value(i);
    return 0;
}

#endif
