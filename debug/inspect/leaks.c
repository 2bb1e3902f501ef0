/* leaks.c - `leaks`: what is held and should not be, by holder and site. The report itself is the library's own (debug/report.h). */
#include "inspect.h"
#include "symbols.h"

#include "../spec.h"

#include <stdio.h>
#include <string.h>

/* Without --min-age the age limit is that of the pool's own spec. */
static int64_t leaks__age(const struct reader *r, const struct options *o)
{
    struct spec spec;
    if (o->min_age >= 0)
        return o->min_age;
    memset(&spec, 0, sizeof spec);
    return spec_parse(&spec, r->head.spec, "spec") == 0 ? spec.min_age : 0;
}

static int leaks__older(const struct reader_object *o, void *arg)
{
    struct reader_object *oldest = arg;
    if (!oldest->refs || o->age > oldest->age)
        *oldest = *o;
    return 0;
}

/* The oldest is the one to look at. */
static void leaks__next(const struct inspected *in, char *text, size_t size)
{
    struct reader_object oldest;
    memset(&oldest, 0, sizeof oldest);
    reader_each(in->reader, leaks__older, &oldest);
    snprintf(text, size, "weir-inspect show %s %u", in->as, (unsigned)oldest.object);
}

int leaks_pool(struct inspected *in, const struct options *o, bool more, struct out *out, struct out *said)
{
    struct report_options options = { .all = o->all, .rules = o->rules, .more = more, .resolve_arg = in->symbols };
    struct report_out to = { out_write, out };
    struct report_result result = { 0, 0, 0 };
    char next[512];
    options.form = o->json ? REPORT_JSON : o->folded ? REPORT_FOLDED : REPORT_TEXT;
    options.min_age = leaks__age(in->reader, o);
    options.resolve = in->symbols ? symbols_resolve : NULL;
    if (o->since && mark_find(in, o->since, &options.since, said))
        return INSPECT_UNSURE;
    leaks__next(in, next, sizeof next);
    options.next = next;
    report_leaks(in->reader, &options, &to, &result);
    if (options.form == REPORT_TEXT && !result.leaks && !result.unsure)
        out_print(out, "next: weir-inspect show %s\n", in->as);
    return result.leaks ? INSPECT_LEAKS : result.unsure ? INSPECT_UNSURE : INSPECT_CLEAN;
}
