/* cases.c - the trackers that are measured, and the figures that two of them have to reach. */
#include <string.h>

#include "track.h"

const struct tracker_case tracker_cases[] = {
    { "off", "none", "nothing: the pool is not watched", false, false },
    { "xor", "track=xor", "1 word: the xor of the holders' {pid, tid}", false, true },
    { "sum", "track=sum", "1 word: the sum of the holders' tokens", false, true },
    { "sketch(1)", "track=sketch(1)", "1 word: the power sum of the tokens", false, true },
    { "sketch(2)", "track=sketch(2)", "3 words: power sums", false, true },
    { "sketch(3)", "track=sketch(3)", "5 words: power sums", false, true },
    { "sketch(4)", "track=sketch(4)", "7 words: power sums; with the count a cache line", false, true },
    { "sketch(5)", "track=sketch(5)", "9 words: power sums", false, true },
    { "sketch(6)", "track=sketch(6)", "11 words: power sums", false, true },
    { "sketch(7)", "track=sketch(7)", "13 words: power sums", false, true },
    { "sketch(8)", "track=sketch(8)", "15 words: power sums", false, true },
    { "slots(8)", "track=slots(8)", "8 words, one for each token, and what found none", false, true },
    { "releasers", "track=releasers", "a list that grows with each release", false, true },
    { "journal(16)", "track=journal(16)", "the last 16 events", false, true },
    { "sketch(4), stacks", "track=sketch(4),stacks", "7 words; the site is a stack", false, true },
    { "guard", "guard", "poison and red zones of a 4 KiB buffer, 8 events", false, false },
    { "sketch(4), sample=128", "track=sketch(4),sample=128", "7 words, one life in 128", true, true },
};
const unsigned tracker_cases_n = sizeof tracker_cases / sizeof *tracker_cases;

const char *const work_name[WORKS] = { "pair", "ref", "shared", "hold" };
const char *const work_what[WORKS] = { "get, touch, put", "ref + unref, alone", "ref + unref, 2 threads on one op", "hold: take + drop, alone" };

int tracker_case_index(const char *name)
{
    for (unsigned i = 0; i < tracker_cases_n; i++)
        if (strcmp(tracker_cases[i].name, name) == 0)
            return (int)i;
    return -1;
}

static double cases__ratio(const char *name, enum work work)
{
    int c = tracker_case_index(name);
    double ratio = ratio_of(&bench_track.of[c].time[work], &bench_track.of[CASE_OFF].time[work], 0);
    return ratio > 0 ? ratio : -1;
}

void track_figures(struct track_figure *out)
{
    int sketch = tracker_case_index("sketch(4)");
    double bytes = bench_track.of[sketch].bytes;
    out[0] = (struct track_figure){ "one life in 128 tracked: a pair, of an untracked one's time", 1.10,
                                    cases__ratio("sketch(4), sample=128", WORK_PAIR), "x" };
    out[1] = (struct track_figure){ "sketch(4), every object: ref + unref, of an untracked one's time", 12, cases__ratio("sketch(4)", WORK_REF), "x" };
    out[2] = (struct track_figure){ "sketch(4): bytes an object beyond header and buffer", 88, bytes > 0 ? bytes : -1, "" };
}
