/* leaks.c - `leaks`: what is held and should not be, by holder and site. The report itself is the library's own (debug/report.h). */
#include "inspect.h"
#include "symbols.h"

#include "../spec.h"

#include <inttypes.h>
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

static void leaks__next(const struct inspected *in, const struct options *o, char *text, size_t size)
{
    if (o->since)
        snprintf(text, size, "weir-inspect show %s OP, for one op's biography", in->as);
    else
        snprintf(text, size, "weir-inspect show %s OP, for one op's biography; or weir-inspect mark %s NAME, and later leaks %s --since NAME", in->as, in->as,
                 in->as);
}

int leaks_pool(struct inspected *in, const struct options *o, struct out *out, struct out *said)
{
    struct report_options options = { .all = o->all, .suppress = o->suppress, .resolve_arg = in->symbols };
    struct report_out to = { out_write, out };
    struct report_result result = { 0, 0, 0 };
    char next[512];
    options.form = o->json ? REPORT_JSON : o->folded ? REPORT_FOLDED : REPORT_TEXT;
    options.min_age = leaks__age(in->reader, o);
    options.resolve = in->symbols ? symbols_resolve : NULL;
    if (o->since && mark_find(in, o->since, &options.since, said))
        return INSPECT_UNSURE;
    leaks__next(in, o, next, sizeof next);
    options.next = next;
    report_leaks(in->reader, &options, &to, &result);
    if (out->bytes && out->text[out->bytes - 1] != '\n')
        out_write(out, "\n", 1);
    return result.leaks ? INSPECT_LEAKS : result.unsure ? INSPECT_UNSURE : INSPECT_CLEAN;
}
