/* summary.c - medians, quartiles and ratios of what was measured. */
#include <stdlib.h>
#include <string.h>

#include "bench.h"

static int summary__ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Between two of the values where the part lies between them. */
static double summary__at(const double *sorted, unsigned n, double part)
{
    double place = part * (n - 1);
    unsigned low = (unsigned)place;
    return low + 1 < n ? sorted[low] + (place - low) * (sorted[low + 1] - sorted[low]) : sorted[n - 1];
}

static struct summary summary__of(const double *values, unsigned n)
{
    double sorted[BENCH_ROUNDS_MOST];
    if (n == 0)
        return (struct summary){ 0 };
    memcpy(sorted, values, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, summary__ascending);
    return (struct summary){ .median = summary__at(sorted, n, 0.5), .lower = summary__at(sorted, n, 0.25),
                             .upper = summary__at(sorted, n, 0.75), .lowest = sorted[0], .highest = sorted[n - 1] };
}

struct summary summary_of(const struct result *r, unsigned value)
{
    return summary__of(r->value[value], r->rounds);
}

double ratio_of(const struct result *a, const struct result *b, unsigned value)
{
    double ratios[BENCH_ROUNDS_MOST];
    unsigned rounds = a->rounds < b->rounds ? a->rounds : b->rounds, n = 0;
    for (unsigned i = 0; i < rounds; i++)
        if (b->value[value][i] > 0)
            ratios[n++] = a->value[value][i] / b->value[value][i];
    return summary__of(ratios, n).median;
}
