/* table.c - the table for people: the figures to reach first, then every pattern with each peer's row, then what the peers are. */
#include <string.h>

#include "bench.h"

enum { FIGURES_MOST = 64, CASES_IN_BLOCKS = 8 };

/* -- one number ------------------------------------------------------------------------------------------------------------------- */

static void table__number(FILE *out, int width, double value)
{
    char text[40];
    snprintf(text, sizeof text, value >= 1e6 ? "%.2e" : value >= 1000 ? "%.0f" : value >= 100 ? "%.1f" : "%.2f", value);
    fprintf(out, "%*s", width, text);
}

static void table__ratio(FILE *out, const struct result *row, int of, int to)
{
    double ratio = of < 0 || to < 0 ? 0 : ratio_of(&row[of], &row[to], 0);
    char text[40] = "-";
    if (ratio > 0)
        snprintf(text, sizeof text, ratio >= 1e4 ? "%.1ex" : ratio >= 100 ? "%.0fx" : "%.2fx", ratio);
    fprintf(out, " %9s", text);
}

/* -- a case: a row for each peer ---------------------------------------------------------------------------------------------------- */

/* Missing, failed, or nothing to measure. */
static bool table__absent(FILE *out, unsigned pattern, unsigned c, unsigned peer)
{
    const struct peer_state *s = &bench.peer[peer];
    if (s->failed[pattern][0])
        fprintf(out, " FAILED: %s\n", s->failed[pattern]);
    else if (s->state == STATE_MISSING)
        fprintf(out, " missing: %s\n", s->missing);
    else if (bench.result[pattern][c][peer].rounds == 0)
        fprintf(out, " it has none\n");
    else
        return false;
    return true;
}

static void table__row(FILE *out, unsigned pattern, unsigned c, unsigned peer, unsigned values)
{
    const struct result *row = bench.result[pattern][c];
    struct summary s = summary_of(&row[peer], 0);
    fprintf(out, "  %-18s", bench_peers[peer].name);
    if (table__absent(out, pattern, c, peer))
        return;
    for (unsigned v = 0; v < values; v++)
        table__number(out, 11, summary_of(&row[peer], v).median);
    table__ratio(out, row, (int)peer, best_of(pattern, c, KIND_FLOOR, 0));
    table__ratio(out, row, (int)peer, best_of(pattern, c, KIND_RTE, 0));
    table__ratio(out, row, (int)peer, best_of(pattern, c, KIND_MALLOC, 0));
    table__number(out, 12, s.lower);
    table__number(out, 10, s.upper);
    table__number(out, 12, s.lowest);
    table__number(out, 10, s.highest);
    fprintf(out, "\n");
}

static void table__case(FILE *out, unsigned pattern, unsigned c)
{
    const struct pattern *p = &bench_patterns[pattern];
    const struct value_name *names;
    unsigned values = unit_values(p->unit, &names);
    fprintf(out, "\n%s%s%s: %s; %s is better\n  %-18s", p->name, p->cases[c].label[0] ? ", " : "", p->cases[c].label, names[0].what,
            names[0].less ? "less" : "more", "");
    for (unsigned v = 0; v < values; v++)
        fprintf(out, "%11s", names[v].name);
    fprintf(out, " %9s %9s %9s  %10s%10s  %10s%10s\n", "x floor", "x rte", "x malloc", "quartiles", "", "lowest", "highest");
    for (unsigned i = 0; i < bench_peers_n; i++)
        if (bench.wanted_peer[i] && (bench_peers[i].groups & p->group))
            table__row(out, pattern, c, i, values);
}

/* -- a pattern of many cases: a line for each --------------------------------------------------------------------------------------- */

static void table__matrix(FILE *out, unsigned pattern)
{
    const struct pattern *p = &bench_patterns[pattern];
    const struct value_name *names;
    unit_values(p->unit, &names);
    fprintf(out, "\n%s: %s, the median; %s is better\n  %-36s", p->name, names[0].what, names[0].less ? "less" : "more", "");
    for (unsigned i = 0; i < bench_peers_n; i++)
        if (bench.wanted_peer[i] && (bench_peers[i].groups & p->group))
            fprintf(out, " %10s", bench_peers[i].name);
    fprintf(out, " %10s\n", "weir x rte");
    for (unsigned c = 0; c < p->cases_n; c++) {
        fprintf(out, "  %-36s", p->cases[c].label);
        for (unsigned i = 0; i < bench_peers_n; i++)
            if (bench.wanted_peer[i] && (bench_peers[i].groups & p->group)) {
                if (bench.result[pattern][c][i].rounds)
                    table__number(out, 11, summary_of(&bench.result[pattern][c][i], 0).median);
                else
                    fprintf(out, " %10s", bench.peer[i].failed[pattern][0] ? "FAILED" : "missing");
            }
        table__ratio(out, bench.result[pattern][c], peer_index("weir"), peer_index("rte"));
        fprintf(out, "\n");
    }
}

static void table__pattern(FILE *out, unsigned pattern)
{
    const struct pattern *p = &bench_patterns[pattern];
    fprintf(out, "\n\n== %s: %s\n", p->name, p->prose);
    if (bench.processors < BENCH_PROCESSORS && p->cases[0].work == BENCH_HANDOFF)
        fprintf(out, "\n%s: missing: it needs two processors\n", p->name);
    else if (p->cases_n > CASES_IN_BLOCKS)
        table__matrix(out, pattern);
    else
        for (unsigned c = 0; c < p->cases_n; c++)
            table__case(out, pattern, c);
}

/* -- all of it ---------------------------------------------------------------------------------------------------------------------- */

static void table__figures(FILE *out)
{
    struct figure f[FIGURES_MOST];
    unsigned n = figures_all(f, FIGURES_MOST);
    if (n)
        fprintf(out, "\n%-38s %-32s %9s %10s\n", "figures to reach", "", "asked", "measured");
    for (unsigned i = 0; i < n; i++) {
        fprintf(out, "%-38s %-32s %s %5.2fx", f[i].what, f[i].who, f[i].at_most ? "<=" : ">=", f[i].limit);
        if (f[i].known)
            fprintf(out, " %9.2fx  %s\n", f[i].measured, figure_reached(&f[i]) ? "reached" : "SHORT");
        else
            fprintf(out, " %10s  not measured\n", "-");
    }
}

static void table__machine(FILE *out)
{
    const struct machine *m = machine_get();
    fprintf(out, "%s\n", bench.command);
    fprintf(out, "%s, %u processors, %u of them used; %s; %s\n", m->cpu, m->processors, bench.processors, m->memory, m->kernel);
    fprintf(out, "%s, %s; %.0f seconds; load average at the start %.2f\n\n", m->compiler, m->flags, bench.took, m->load);
    fprintf(out, "%u objects of 4,096 bytes unless it says otherwise. Touched: an object's first line (weir, floor: the header's).\n"
                 "Each peer is a program of several threads, pinned in turns. Each number is the median of the rounds, in which the\n"
                 "peers take turns; a ratio is the median of the rounds' ratios, of the first column. x malloc: the best of the mallocs.\n",
            bench.objects);
}

static void table__peers(FILE *out)
{
    fprintf(out, "\n\n== peers\n");
    for (unsigned i = 0; i < bench_peers_n; i++)
        if (bench.peer[i].state != STATE_UNUSED)
            fprintf(out, "  %-18s %s%s\n", bench_peers[i].name, bench.peer[i].state == STATE_MISSING ? "missing: " : "",
                    bench.peer[i].state == STATE_MISSING ? bench.peer[i].missing : bench.peer[i].what);
}

void table_print(FILE *out)
{
    table__machine(out);
    table__figures(out);
    for (unsigned i = 0; i < bench_patterns_n; i++)
        if (bench.wanted_pattern[i])
            table__pattern(out, i);
    table__peers(out);
}
