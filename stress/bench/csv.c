/* csv.c - a file for each pattern, as plots want it: a line for each peer in each case, with the median and quartiles of the unit's first value;
 * and caption.txt, which says what the numbers belong to. What was not measured has no line. */
#include <errno.h>
#include <sys/stat.h>

#include "bench.h"

static FILE *csv__open(const char *directory, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return fopen(path, "w");
}

static void csv__lines(FILE *out, unsigned pattern, unsigned c)
{
    for (unsigned i = 0; i < bench_peers_n; i++) {
        const struct result *r = &bench.result[pattern][c][i];
        struct summary s = summary_of(r, 0);
        if (r->rounds)
            fprintf(out, "\"%s\",%g,%s,%.6g,%.6g,%.6g\n", bench_patterns[pattern].cases[c].label, bench_patterns[pattern].cases[c].x,
                    bench_peers[i].name, s.median, s.lower, s.upper);
    }
}

static int csv__pattern(const char *directory, unsigned pattern)
{
    char name[100];
    FILE *out;
    snprintf(name, sizeof name, "%s.csv", bench_patterns[pattern].name);
    out = csv__open(directory, name);
    if (!out)
        return -errno;
    fprintf(out, "case,x,peer,median,lower quartile,upper quartile\n");
    for (unsigned c = 0; c < bench_patterns[pattern].cases_n; c++)
        csv__lines(out, pattern, c);
    return fclose(out) ? -errno : 0;
}

int csv_write(const char *directory)
{
    const struct machine *m = machine_get();
    FILE *out;
    if (mkdir(directory, 0777) != 0 && errno != EEXIST)
        return -errno;
    for (unsigned p = 0; p < bench_patterns_n; p++) {
        int error = bench.wanted_pattern[p] ? csv__pattern(directory, p) : 0;
        if (error)
            return error;
    }
    out = csv__open(directory, "caption.txt");
    if (!out)
        return -errno;
    fprintf(out, "%s, %u processors, %u used; %s; %s, %s; load average at the start %.2f\n", m->cpu, m->processors, bench.processors,
            m->kernel, m->compiler, m->flags, m->load);
    return fclose(out) ? -errno : 0;
}
