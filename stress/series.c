/* series.c - the rows of a soak: a file of comma-separated values, the resident memory, the verdict.
 *
 * Purpose    half an hour in a form that a plot can show: a row an interval, all numbers of that interval alone.
 * Threads    the main thread's alone.
 * Goes wrong a system that doesn't tell the resident memory: the fields stay empty and the verdict says so.
 */
#include "series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __linux__
#include <sys/mman.h>
#include <unistd.h>
#endif

#include "engine.h"

enum { MOST_ROWS = 1 << 17, MOST_RANGES = 4, JUDGED_SECONDS = 30 };

struct series {
    FILE *csv;
    double seconds;             /* of the whole run */
    double *at, *rss;           /* KiB */
    unsigned rows, ranges;
    struct series_range range[MOST_RANGES];
};

#ifdef __linux__

/* KiB; below 0: not known. */
static double series__rss(void)
{
    long long size, resident;
    FILE *f = fopen("/proc/self/statm", "r");
    int n = f ? fscanf(f, "%lld %lld", &size, &resident) : 0;
    if (f)
        fclose(f);
    return n == 2 ? (double)resident * (double)sysconf(_SC_PAGESIZE) / 1024 : -1;
}

static double series__resident(const struct series_range *r)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), begin = (size_t)(uintptr_t)r->base / page * page;
    size_t pages = ((size_t)(uintptr_t)r->base + r->bytes - begin + page - 1) / page, n = 0;
    unsigned char *in = calloc(pages, 1);
    if (!in || mincore((void *)(uintptr_t)begin, pages * page, in) != 0) {
        free(in);
        return -1;
    }
    for (size_t i = 0; i < pages; i++)
        n += in[i] & 1;
    free(in);
    return (double)n * (double)page / 1024;
}

#else

static double series__rss(void) { return -1; }
static double series__resident(const struct series_range *r) { (void)r; return -1; }

#endif

struct series *series_open(const char *csv, double seconds, const struct series_range *range, unsigned ranges)
{
    struct series *s = calloc(1, sizeof *s);
    if (!s || !(s->at = calloc(MOST_ROWS, sizeof *s->at)) || !(s->rss = calloc(MOST_ROWS, sizeof *s->rss)))
        stress_fail("no memory for %d rows", MOST_ROWS);
    s->seconds = seconds;
    s->ranges = ranges < MOST_RANGES ? ranges : MOST_RANGES;
    memcpy(s->range, range, s->ranges * sizeof *range);
    if (csv && !(s->csv = fopen(csv, "w")))
        stress_fail("%s can't be written", csv);
    if (s->csv)
        fprintf(s->csv, "seconds,load_percent,rss_kib,pool_resident_kib,pool_committed_kib,live,cached,free,rate,nulls,get_p50_ns,"
                        "get_p99_ns,get_p9999_ns,get_max_ns,clock_p99_ns,clock_p9999_ns,clock_max_ns\n");
    return s;
}

static void series__kib(FILE *f, double kib)
{
    if (kib < 0)
        fprintf(f, ",");
    else
        fprintf(f, ",%.0f", kib);
}

static void series__write(struct series *s, const struct series_row *row, double rss)
{
    double resident = 0;
    for (unsigned i = 0; i < s->ranges && resident >= 0; i++) {
        double more = series__resident(&s->range[i]);
        resident = more < 0 ? more : resident + more;
    }
    fprintf(s->csv, "%.2f,%.1f", row->seconds, row->load);
    series__kib(s->csv, rss);
    series__kib(s->csv, resident);
    series__kib(s->csv, (double)row->committed / 1024);
    fprintf(s->csv, ",%llu,%llu,%llu,%.0f,%.0f", (unsigned long long)row->stats.live, (unsigned long long)row->stats.cached,
            (unsigned long long)row->stats.free, row->rate, row->nulls);
    fprintf(s->csv, ",%.0f,%.0f,%.0f,%.0f,%.0f,%.0f,%.0f\n", histogram_quantile(row->get, 0.5), histogram_quantile(row->get, 0.99),
            histogram_quantile(row->get, 0.9999), histogram_quantile(row->get, 1), histogram_quantile(row->floor, 0.99),
            histogram_quantile(row->floor, 0.9999), histogram_quantile(row->floor, 1));
    fflush(s->csv);
}

void series_add(struct series *s, const struct series_row *row)
{
    double rss = series__rss();
    if (s->csv)
        series__write(s, row, rss);
    if (s->rows == MOST_ROWS)
        return;
    s->at[s->rows] = row->seconds;
    s->rss[s->rows++] = rss;
}

static int series__compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The median of the rows from one time to another. */
static double series__median(const struct series *s, double from, double to)
{
    double *some = malloc((s->rows + 1) * sizeof *some), median;
    unsigned n = 0;
    if (!some)
        stress_fail("no memory for a median");
    for (unsigned i = 0; i < s->rows; i++)
        if (s->at[i] > from && s->at[i] <= to)
            some[n++] = s->rss[i];
    qsort(some, n, sizeof *some, series__compare);
    median = n ? some[n / 2] : 0;
    free(some);
    return median;
}

void series_close(struct series *s)
{
    double first = series__median(s, 0.1 * s->seconds, 0.4 * s->seconds), last = series__median(s, 0.7 * s->seconds, s->seconds + 1);
    if (s->csv && fclose(s->csv) != 0)
        stress_fail("the rows could not be written to their end");
    if (s->rows && s->rss[0] < 0)
        printf("soak: memory is not judged, this system does not tell the resident set\n");
    else if (s->seconds < JUDGED_SECONDS)
        printf("soak: memory is not judged in less than %d seconds\n", JUDGED_SECONDS);
    else if (last > first * 1.05 + 1024)
        stress_fail("memory grows: the median resident set of the first third is %.1f MiB, of the last %.1f", first / 1024, last / 1024);
    else
        printf("soak: memory is flat: the median resident set of the first third is %.1f MiB, of the last %.1f\n", first / 1024, last / 1024);
    free(s->at);
    free(s->rss);
    free(s);
}
