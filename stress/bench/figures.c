/* figures.c - the figures to reach, each beside what was measured.
 *
 * A ratio of times is to be at most so much, a ratio of rates at least. Both sides were measured in the same round of the same run; the ratio is
 * the median of the rounds'. Where one side is missing, that is what is said.
 */
#include <string.h>

#include "bench.h"

struct wanted {
    const char *what, *pattern, *label;
    enum kind against;
    double limit;
};

/* weir against a peer */
static const struct wanted against[] = {
    { "pair: time", "pair", "", KIND_RTE, 0.50 },
    { "pair: time", "pair", "", KIND_MALLOC, 0.35 },
    { "burst: time", "burst", "", KIND_RTE, 0.50 },
    { "burst: time", "burst", "", KIND_MALLOC, 0.25 },
    { "handoff: time", "handoff", "", KIND_RTE, 0.55 },
    { "handoff: time", "handoff", "", KIND_MALLOC, 0.15 },
    { "crowd, 2 threads: rate", "crowd", "2 threads", KIND_RTE, 0.95 },
    { "crowd, 2 threads: rate", "crowd", "2 threads", KIND_MALLOC, 0.95 },
    { "crowd, 32 threads: rate", "crowd", "32 threads", KIND_RTE, 0.95 },
    { "crowd, 32 threads: rate", "crowd", "32 threads", KIND_MALLOC, 0.95 },
    { "tail, 32 threads: p99.99 of a get", "tail", "32 threads", KIND_RTE, 1.15 },
    { "tail, 32 threads: p99.99 of a get", "tail", "32 threads", KIND_MALLOC, 0.90 },
};

/* 64 threads against 2, the same peer */
static const struct wanted scaling[] = {
    { "threads, 64 against 2: rate", "threads", NULL, KIND_WEIR, 0.90 },
    { "crowd, 64 against 2: rate", "crowd", NULL, KIND_WEIR, 0.90 },
    { "tail, 64 against 2: p99.99 of a get", "tail", NULL, KIND_WEIR, 3.0 },
    { "tail, 64 against 2: p99.99 of a get", "tail", NULL, KIND_FLOOR, 3.0 },
};

static const char *const ours[] = { "weir", "weir-cache" };

static unsigned figures__pattern(const char *name)
{
    unsigned p = 0;
    while (strcmp(bench_patterns[p].name, name) != 0)
        p++;
    return p;
}

static unsigned figures__case(unsigned pattern, const char *label)
{
    unsigned c = 0;
    while (strcmp(bench_patterns[pattern].cases[c].label, label) != 0)
        c++;
    return c;
}

static bool figures__less(unsigned pattern)
{
    const struct value_name *names;
    unit_values(bench_patterns[pattern].unit, &names);
    return names[0].less;
}

static struct figure figures__against(const struct wanted *w, const char *who)
{
    unsigned pattern = figures__pattern(w->pattern), c = figures__case(pattern, w->label);
    int other = best_of(pattern, c, w->against, 0);
    struct figure f = { .what = w->what, .limit = w->limit, .at_most = figures__less(pattern) };
    snprintf(f.who, sizeof f.who, "%s against %s", who, w->against == KIND_MALLOC ? "the best malloc" : "rte");
    if (other < 0)
        return f;
    if (w->against == KIND_MALLOC)
        snprintf(f.who, sizeof f.who, "%s against %s", who, bench_peers[other].name);
    f.measured = ratio_of(&bench.result[pattern][c][peer_index(who)], &bench.result[pattern][c][other], 0);
    f.known = f.measured > 0;
    return f;
}

static struct figure figures__scaling(const struct wanted *w, const char *who)
{
    unsigned pattern = figures__pattern(w->pattern), few = figures__case(pattern, "2 threads"), many = figures__case(pattern, "64 threads");
    const struct result(*of)[BENCH_PEERS_MOST] = bench.result[pattern];
    struct figure f = { .what = w->what, .limit = w->limit, .at_most = figures__less(pattern) };
    int i = peer_index(who);
    snprintf(f.who, sizeof f.who, "%s", who);
    f.measured = ratio_of(&of[many][i], &of[few][i], 0);
    f.known = f.measured > 0;
    return f;
}

/* Those of the patterns that were asked for. */
unsigned figures_all(struct figure *out, unsigned most)
{
    unsigned n = 0;
    for (unsigned i = 0; i < sizeof against / sizeof against[0]; i++)
        for (unsigned k = 0; bench.wanted_pattern[figures__pattern(against[i].pattern)] && k < 2 && n < most; k++)
            out[n++] = figures__against(&against[i], ours[k]);
    for (unsigned i = 0; i < sizeof scaling / sizeof scaling[0]; i++)
        for (unsigned k = 0; bench.wanted_pattern[figures__pattern(scaling[i].pattern)] && k < (scaling[i].against == KIND_WEIR ? 2 : 1) && n < most; k++)
            out[n++] = figures__scaling(&scaling[i], scaling[i].against == KIND_WEIR ? ours[k] : "floor");
    return n;
}

bool figure_reached(const struct figure *f)
{
    return f->known && (f->at_most ? f->measured <= f->limit : f->measured >= f->limit);
}
