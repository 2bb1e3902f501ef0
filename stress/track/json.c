/* json.c - all that was measured, every round of it, as JSON: a line for each tracker; and the file that the plot reads. */
#include <errno.h>
#include <jansson.h>
#include <sys/stat.h>

#include "track.h"

static json_t *json__time(const struct result *r, const struct result *off)
{
    struct summary s = summary_of(r, 0);
    json_t *rounds = json_array();
    for (unsigned i = 0; i < r->rounds; i++)
        json_array_append_new(rounds, json_real(r->value[0][i]));
    return json_pack("{s:f, s:f, s:f, s:f, s:o}", "ns", s.median, "lower_quartile", s.lower, "upper_quartile", s.upper, "ratio",
                     ratio_of(r, off, 0), "rounds", rounds);
}

static json_t *json__named(unsigned c)
{
    static const char *const how[] = { "certified", "probable", "ambiguous", "overflow" };
    json_t *all = json_object();
    for (unsigned s = 0; s < scenes_n; s++) {
        const struct named *n = &bench_track.of[c].named[s];
        if (n->read)
            json_object_set_new(all, scenes[s].name, json_pack("{s:s, s:i, s:i, s:i}", "certainty", how[n->how], "holders",
                                                               (int)scenes[s].holders, "named", (int)n->named, "right", (int)n->right));
    }
    return all;
}

static json_t *json__case(unsigned c)
{
    json_t *times = json_object();
    if (bench_track.of[c].failed[0])
        return json_pack("{s:s, s:s, s:o}", "tracker", tracker_cases[c].name, "failed", bench_track.of[c].failed, "time", times);
    for (enum work w = 0; w < WORKS; w++)
        if (bench_track.of[c].time[w].rounds)
            json_object_set_new(times, work_name[w], json__time(&bench_track.of[c].time[w], &bench_track.of[CASE_OFF].time[w]));
    return json_pack("{s:s, s:s, s:f, s:f, s:o, s:o}", "tracker", tracker_cases[c].name, "debug", tracker_cases[c].spec, "bytes_an_object",
                     bench_track.of[c].bytes, "bytes_a_pool", bench_track.of[c].fixed, "time", times, "names", json__named(c));
}

static json_t *json__figures(void)
{
    struct track_figure f[TRACK_FIGURES];
    json_t *all = json_array();
    track_figures(f);
    for (unsigned i = 0; i < TRACK_FIGURES; i++)
        if (f[i].measured >= 0)
            json_array_append_new(all, json_pack("{s:s, s:f, s:f, s:b}", "figure", f[i].what, "at_most", f[i].limit, "measured", f[i].measured,
                                                 "reached", f[i].measured <= f[i].limit));
    return all;
}

int track_json(const char *file)
{
    const struct machine *m = machine_get();
    json_t *all, *cases = json_array();
    int result;
    for (unsigned c = 0; c < tracker_cases_n; c++)
        if (bench_track.wanted[c])
            json_array_append_new(cases, json__case(c));
    all = json_pack("{s:s, s:s, s:f, s:{s:s, s:i, s:s, s:s, s:s, s:f}, s:o, s:o}", "program", "weir-track-bench", "command", bench_track.command,
                    "seconds", bench_track.took, "machine", "cpu", m->cpu, "processors", (int)m->processors, "kernel", m->kernel, "compiler",
                    m->compiler, "flags", m->flags, "load", m->load, "figures", json__figures(), "trackers", cases);
    result = all ? json_dump_file(all, file, JSON_COMPACT | JSON_REAL_PRECISION(6)) : -1;
    json_decref(all);
    return result == 0 ? 0 : -EIO;
}

int track_csv(const char *directory)
{
    char path[4096];
    FILE *out;
    if (mkdir(directory, 0777) != 0 && errno != EEXIST)
        return -errno;
    snprintf(path, sizeof path, "%s/track.csv", directory);
    out = fopen(path, "w");
    if (!out)
        return -errno;
    fprintf(out, "tracker|bytes|pair|ref|shared|hold\n");
    for (unsigned c = 0; c < tracker_cases_n; c++) {
        if (!bench_track.wanted[c] || bench_track.of[c].failed[0])
            continue;
        fprintf(out, "%s|%.6g", tracker_cases[c].name, bench_track.of[c].bytes);
        for (enum work w = 0; w < WORKS; w++) {
            double ratio = ratio_of(&bench_track.of[c].time[w], &bench_track.of[CASE_OFF].time[w], 0);
            fprintf(out, ratio > 0 ? "|%.6g" : "|NaN", ratio);
        }
        fprintf(out, "\n");
    }
    return fclose(out) ? -errno : 0;
}
