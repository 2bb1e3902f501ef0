/* json.c - all that was measured, every round of it, as JSON: a line for each case, each figure, each peer. */
#include <errno.h>
#include <jansson.h>

#include "bench.h"

enum { FIGURES_MOST = 64 };

static json_t *json__values(const struct result *r, unsigned value)
{
    struct summary s = summary_of(r, value);
    json_t *rounds = json_array();
    for (unsigned i = 0; i < r->rounds; i++)
        json_array_append_new(rounds, json_real(r->value[value][i]));
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:o}", "median", s.median, "lower_quartile", s.lower, "upper_quartile", s.upper, "lowest",
                     s.lowest, "highest", s.highest, "rounds", rounds);
}

static void json__ratio(json_t *ratios, const char *name, unsigned pattern, unsigned c, unsigned peer, enum kind kind)
{
    const struct result *row = bench.result[pattern][c];
    int to = best_of(pattern, c, kind, 0);
    if (to >= 0)
        json_object_set_new(ratios, name, json_pack("{s:s, s:f}", "peer", bench_peers[to].name, "ratio", ratio_of(&row[peer], &row[to], 0)));
}

static json_t *json__row(unsigned pattern, unsigned c, unsigned peer)
{
    const struct value_name *names;
    unsigned n = unit_values(bench_patterns[pattern].unit, &names);
    json_t *values = json_object(), *ratios = json_object();
    for (unsigned v = 0; v < n; v++)
        json_object_set_new(values, names[v].name, json__values(&bench.result[pattern][c][peer], v));
    json__ratio(ratios, "floor", pattern, c, peer, KIND_FLOOR);
    json__ratio(ratios, "rte", pattern, c, peer, KIND_RTE);
    json__ratio(ratios, "malloc", pattern, c, peer, KIND_MALLOC);
    return json_pack("{s:s, s:o, s:o}", "peer", bench_peers[peer].name, "values", values, "ratios", ratios);
}

static json_t *json__case(unsigned pattern, unsigned c)
{
    const struct pattern *p = &bench_patterns[pattern];
    const struct bench_case *k = &p->cases[c];
    json_t *rows = json_array();
    for (unsigned i = 0; i < bench_peers_n; i++)
        if (bench.result[pattern][c][i].rounds)
            json_array_append_new(rows, json__row(pattern, c, i));
    return json_pack("{s:s, s:s, s:i, s:i, s:i, s:b, s:o}", "pattern", p->name, "case", k->label, "threads", (int)k->threads, "size",
                     (int)k->size, "objects", (int)pattern_capacity(p, k), "touches_buffer", k->buffer, "rows", rows);
}

static json_t *json__cases(void)
{
    json_t *all = json_array();
    for (unsigned p = 0; p < bench_patterns_n; p++)
        for (unsigned c = 0; bench.wanted_pattern[p] && c < bench_patterns[p].cases_n; c++)
            json_array_append_new(all, json__case(p, c));
    return all;
}

static json_t *json__peer(unsigned i)
{
    const struct peer_state *s = &bench.peer[i];
    json_t *failed = json_object();
    for (unsigned p = 0; p < bench_patterns_n; p++)
        if (s->failed[p][0])
            json_object_set_new(failed, bench_patterns[p].name, json_string(s->failed[p]));
    if (s->state == STATE_MISSING)
        return json_pack("{s:s, s:s, s:o}", "peer", bench_peers[i].name, "missing", s->missing, "failed", failed);
    return json_pack("{s:s, s:s, s:o}", "peer", bench_peers[i].name, "what", s->what, "failed", failed);
}

static json_t *json__peers(void)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < bench_peers_n; i++)
        if (bench.peer[i].state != STATE_UNUSED)
            json_array_append_new(all, json__peer(i));
    return all;
}

/* Where each pool's objects were when all had been put. */
static json_t *json__equations(void)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < bench.closings; i++) {
        const struct closing *c = &bench.closing[i];
        json_array_append_new(all, json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "pattern", bench_patterns[c->pattern].name, "peer",
                                             bench_peers[c->peer].name, "capacity", (json_int_t)c->farewell.capacity, "live",
                                             (json_int_t)c->farewell.live, "cached", (json_int_t)c->farewell.cached, "free",
                                             (json_int_t)c->farewell.free));
    }
    return all;
}

static json_t *json__figures(void)
{
    struct figure f[FIGURES_MOST];
    unsigned n = figures_all(f, FIGURES_MOST);
    json_t *all = json_array();
    for (unsigned i = 0; i < n; i++)
        if (f[i].known)
            json_array_append_new(all, json_pack("{s:s, s:s, s:s, s:f, s:f, s:b}", "figure", f[i].what, "who", f[i].who, "asked",
                                                 f[i].at_most ? "at most" : "at least", "limit", f[i].limit, "measured", f[i].measured,
                                                 "reached", figure_reached(&f[i])));
    return all;
}

static json_t *json__machine(void)
{
    const struct machine *m = machine_get();
    return json_pack("{s:s, s:i, s:i, s:s, s:s, s:s, s:s, s:f}", "cpu", m->cpu, "processors", (int)m->processors, "used", (int)bench.processors,
                     "memory", m->memory, "kernel", m->kernel, "compiler", m->compiler, "flags", m->flags, "load", m->load);
}

/* Takes the value over. */
static void json__member(FILE *out, const char *name, json_t *value)
{
    fprintf(out, ",\n\"%s\":", name);
    json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
    json_decref(value);
}

static void json__lines(FILE *out, const char *name, json_t *array)
{
    size_t i;
    json_t *element;
    fprintf(out, ",\n\"%s\":[", name);
    json_array_foreach(array, i, element) {
        fprintf(out, i ? ",\n " : "\n ");
        json_dumpf(element, out, JSON_COMPACT | JSON_REAL_PRECISION(6));
    }
    fprintf(out, "\n]");
    json_decref(array);
}

int json_write(const char *file)
{
    FILE *out = fopen(file, "w");
    bool failed;
    if (!out)
        return -errno;
    fprintf(out, "{\"program\":\"weir-bench\"");
    json__member(out, "command", json_string(bench.command));
    json__member(out, "machine", json__machine());
    json__member(out, "seconds", json_real(bench.took));
    json__lines(out, "figures", json__figures());
    json__lines(out, "cases", json__cases());
    json__lines(out, "peers", json__peers());
    json__lines(out, "at_the_end", json__equations());
    fprintf(out, "}\n");
    failed = ferror(out) != 0;
    return fclose(out) || failed ? -EIO : 0;
}
