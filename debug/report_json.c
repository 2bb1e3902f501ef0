/* debug/report_json.c - a report for programs: one JSON object on one line, as debug/leaks.schema.json describes it. Several reports in one file are a line
 * each. What a leak's holders did at several places stands with the holder once. */
#include "report_private.h"
#include <string.h>

static void json__begin(struct report *p)
{
    report_put(&p->w, "{\"pool\":");
    report_json(&p->w, p->scope.r->head.name);
    report_print(&p->w, ",\"pid\":%lld,\"leaks\":[", (long long)p->scope.r->head.owner.pid);
}

/* Thousandths, whatever the locale says of decimals. */
static void json__age(struct report_writer *w, int64_t ns)
{
    int64_t ms = (ns < 0 ? 0 : ns) / 1000000;
    report_print(w, "%lld.%03d", (long long)(ms / 1000), (int)(ms % 1000));
}

static void json__site(struct report *p, uint32_t site, int32_t refs)
{
    struct report_place place;
    char function[256];
    (void)report_site(&p->scope, site, &place);
    memcpy(function, place.function, sizeof place.function);
    if (*place.build_id) {
        strcat(function, " ");
        strcat(function, place.build_id);
    }
    report_put(&p->w, "{\"file\":");
    report_json(&p->w, place.file);
    report_print(&p->w, ",\"line\":%d,\"function\":", place.line);
    report_json(&p->w, function);
    report_print(&p->w, ",\"refs\":%d}", refs);
}

/* Of two places that may be it the first has the references. */
static void json__sites(struct report *p, const struct reader_object *o, const struct reader_holder *h)
{
    uint32_t sites[2] = { 0, 0 };
    unsigned n = report_taken_at(&p->scope, o, h, sites);
    json__site(p, sites[0], h->refs);
    if (n < 2)
        return;
    report_put(&p->w, ",");
    json__site(p, sites[1], 0);
}

/* The holder of the verdict's i-th entry, with all of its places. */
static void json__holder(struct report *p, const struct reader_object *o, unsigned i)
{
    const struct verdict *v = &o->verdict;
    struct reader_holder h = reader_named(p->scope.r, v, i);
    struct report_name name;
    int64_t refs = 0;
    for (unsigned j = i; j < v->n; j++)
        if (reader_named(p->scope.r, v, j).holder == h.holder)
            refs += v->holder[j].refs;
    report_holder(&p->scope, h.holder, &name);
    report_put(&p->w, "{\"name\":");
    report_json(&p->w, name.name);
    report_print(&p->w, ",\"pid\":%lld,\"tid\":%lld,\"state\":\"%s\",\"refs\":%lld,\"sites\":[", (long long)name.pid, (long long)name.tid,
                 report_states[name.state], (long long)refs);
    for (unsigned j = i; j < v->n; j++) {
        struct reader_holder same = reader_named(p->scope.r, v, j);
        if (same.holder != h.holder)
            continue;
        if (j != i)
            report_put(&p->w, ",");
        json__sites(p, o, &same);
    }
    report_put(&p->w, "]}");
}

static void json__leak(struct report *p, const struct reader_object *o)
{
    report_put(&p->w, p->result->leaks > 1 ? "," : "");
    report_print(&p->w, "{\"op\":%u,\"handle\":\"0x%llx\",\"object\":\"0x%llx\",\"refs\":%u,\"certainty\":\"%s\",\"age_s\":", o->object,
                 (unsigned long long)o->handle, (unsigned long long)o->address, o->refs, report_certainties[o->verdict.certainty]);
    json__age(&p->w, o->age);
    report_put(&p->w, ",\"holders\":[");
    for (unsigned i = 0; i < o->verdict.n; i++) {
        uint32_t holder = reader_named(p->scope.r, &o->verdict, i).holder;
        unsigned before = 0;
        while (before < i && reader_named(p->scope.r, &o->verdict, before).holder != holder)
            before++;
        if (before < i)
            continue;
        if (i)
            report_put(&p->w, ",");
        json__holder(p, o, i);
    }
    report_put(&p->w, "]}");
}

static void json__unused(struct report *p, const struct suppress_rule *rule, bool first)
{
    char text[256];
    size_t n = rule->bytes < sizeof text ? rule->bytes : sizeof text - 1;
    memcpy(text, rule->text, n);
    text[n] = 0;
    report_put(&p->w, first ? "" : ",");
    report_json(&p->w, text);
}

static void json__end(struct report *p)
{
    uint32_t sample = p->scope.r->head.sample;
    report_print(&p->w, "],\"untracked\":%llu,\"sampled\":%u", (unsigned long long)p->scope.r->numbers.untracked, sample ? sample : 1);
    if (p->rules && !p->options->more) {
        report_put(&p->w, ",\"unused_suppressions\":[");
        report_unused(p, json__unused);
        report_put(&p->w, "]");
    }
    report_put(&p->w, "}\n");
}

const struct report_writer_form report_json_form = { json__begin, json__leak, json__end };
