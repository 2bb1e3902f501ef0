/* table.c - the table for people: the figures, what each tracker costs, what it can name. */
#include <string.h>

#include "track.h"

static void table__figures(FILE *out)
{
    struct track_figure f[TRACK_FIGURES];
    track_figures(f);
    fprintf(out, "\n%-70s %9s %10s\n", "figures to reach", "asked", "measured");
    for (unsigned i = 0; i < TRACK_FIGURES; i++) {
        fprintf(out, "%-70s <= %5.2f%-1s", f[i].what, f[i].limit, f[i].unit);
        if (f[i].measured < 0)
            fprintf(out, " %10s  not measured\n", "-");
        else
            fprintf(out, " %9.2f%-1s  %s\n", f[i].measured, f[i].unit, f[i].measured <= f[i].limit ? "reached" : "SHORT");
    }
}

static void table__machine(FILE *out)
{
    const struct machine *m = machine_get();
    fprintf(out, "%s\n", bench_track.command);
    fprintf(out, "%s, %u processors, 2 of them used; %s; %s\n", m->cpu, m->processors, m->memory, m->kernel);
    fprintf(out, "%s, %s; %.0f seconds; load average at the start %.2f\n", m->compiler, m->flags, bench_track.took, m->load);
    fprintf(out, "%u rounds, in which the trackers take turns; each number is their median, each ratio the median of the rounds' ratios.\n",
            bench_track.rounds);
}

static void table__cost(FILE *out)
{
    fprintf(out, "\n\n== what it costs: bytes an object beyond header and buffer (KiB of a pool, whatever its objects); ns of one thread for one, and x off\n\n%-22s",
            "");
    fprintf(out, "%8s %8s", "bytes", "KiB");
    for (enum work w = 0; w < WORKS; w++)
        fprintf(out, "%11s %8s", work_name[w], "x off");
    fprintf(out, "\n");
    for (unsigned c = 0; c < tracker_cases_n; c++) {
        if (!bench_track.wanted[c])
            continue;
        fprintf(out, "%-22s", tracker_cases[c].name);
        if (bench_track.of[c].failed[0]) {
            fprintf(out, "  FAILED: %s\n", bench_track.of[c].failed);
            continue;
        }
        fprintf(out, "%8.1f %8.0f", bench_track.of[c].bytes, bench_track.of[c].fixed / 1024);
        for (enum work w = 0; w < WORKS; w++) {
            const struct result *r = &bench_track.of[c].time[w];
            if (r->rounds)
                fprintf(out, "%11.2f %7.2fx", summary_of(r, 0).median, ratio_of(r, &bench_track.of[CASE_OFF].time[w], 0));
            else
                fprintf(out, "%11s %8s", "-", "-");
        }
        fprintf(out, "\n");
    }
    for (enum work w = 0; w < WORKS; w++)
        fprintf(out, "  %-8s %s\n", work_name[w], work_what[w]);
}

static void table__one_name(FILE *out, const struct named *n, const struct scene *scene)
{
    static const char *const how[] = { "certified", "probable", "ambiguous", "overflow" };
    char text[60] = "not read";
    if (n->read && n->how == NAMED_OVERFLOW)
        snprintf(text, sizeof text, "overflow");
    else if (n->read && n->wrong)
        snprintf(text, sizeof text, "WRONG");
    else if (n->read)
        snprintf(text, sizeof text, "%s %u/%u", how[n->how], n->right, scene->holders);
    fprintf(out, " %-14s", text);
}

static void table__names(FILE *out)
{
    fprintf(out, "\n\n== what it can name: how sure it says it is, and of how many of the holders it says rightly how many references they have\n\n%-22s", "");
    for (unsigned s = 0; s < scenes_n; s++)
        fprintf(out, " %-14s", scenes[s].name);
    fprintf(out, "\n");
    for (unsigned c = 0; c < tracker_cases_n; c++) {
        if (!bench_track.wanted[c] || !tracker_cases[c].tracks || tracker_cases[c].sampled)
            continue;
        fprintf(out, "%-22s", tracker_cases[c].name);
        for (unsigned s = 0; s < scenes_n; s++)
            table__one_name(out, &bench_track.of[c].named[s], &scenes[s]);
        fprintf(out, "\n");
    }
    for (unsigned s = 0; s < scenes_n; s++)
        fprintf(out, "  %-8s %s\n", scenes[s].name, scenes[s].what);
}

void track_table(FILE *out)
{
    table__machine(out);
    table__figures(out);
    table__cost(out);
    table__names(out);
    fprintf(out, "\n\n== trackers\n");
    for (unsigned c = 0; c < tracker_cases_n; c++)
        if (bench_track.wanted[c])
            fprintf(out, "  %-22s %-32s %s\n", tracker_cases[c].name, tracker_cases[c].spec, tracker_cases[c].record);
}
