/* series.h - what a soak writes down as time goes by, and its verdict on memory. */
#ifndef WEIR_STRESS_SERIES_H
#define WEIR_STRESS_SERIES_H

#include <stddef.h>
#include <stdint.h>

#include <weir/stats.h>

#include "histogram.h"

/* Where the soak's pool lies, for its resident memory. */
struct series_range {
    const void *base;
    size_t bytes;
};

/* One interval. */
struct series_row {
    double seconds;             /* since the beginning */
    double load;                /* ops that the threads would hold, percent of the capacity */
    struct weir_stats stats;
    uint64_t committed;         /* bytes */
    double rate;                /* gets and puts a second */
    double nulls;               /* gets answered with NULL, a second */
    const uint64_t *get, *floor;        /* histograms of the interval: ns of a get; of two readings of the clock */
};

struct series;

struct series *series_open(const char *csv, double seconds, const struct series_range *range, unsigned ranges);    /* csv NULL: none */
void series_add(struct series *s, const struct series_row *row);

/* Memory is flat if the median resident set of the last third of the run, its first tenth left out, is at most 5 percent and 1 MiB
 * above the first third's. Prints what it found; a violation if it is not flat. A run of less than 30 seconds is not judged. */
void series_close(struct series *s);

#endif
