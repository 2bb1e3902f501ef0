/* debug/report.c - goes over the followed objects of a segment, finds which are leaks, and hands them to the form.
 *
 * A leak is a followed object that is at least min_age old, or that somebody dead holds; born after the mark, and not suppressed. With `all` every followed
 * object is listed. An object that could not be read stably is counted as unsure; it is a leak only if the reading names somebody dead.
 *
 * threads   one a report, beside all writers. progress: O(objects); memory from os_pages alone, and without it the report is "unsure" alone
 */
#include "report_private.h"
#include "../src/os/os.h"
#include "../src/panic.h"
#include <string.h>

static const struct report_writer_form *const forms[] = { [REPORT_TEXT] = &report_text, [REPORT_JSON] = &report_json_form, [REPORT_FOLDED] = &report_folded };

static bool report__known_site(struct report *p, uint32_t site)
{
    struct report_place place;
    unsigned frames = report_site(&p->scope, site, &place);
    bool known = false;
    for (unsigned i = 0; i < frames; i++) {
        if (i)
            report_frame(&p->scope, site, i, &place);
        known |= suppress_place(p->rules, place.file, place.line, place.function);
    }
    return known;
}

/* Rules that match are marked as used, so all are asked. */
static bool report__known(struct report *p, const struct reader_object *o, const struct reader_holder *h)
{
    struct report_name name;
    uint32_t sites[2];
    unsigned n = report_taken_at(&p->scope, o, h, sites);
    bool known;
    report_holder(&p->scope, h->holder, &name);
    known = name.known && suppress_holder(p->rules, name.name);
    for (unsigned i = 0; i < n; i++)
        known |= report__known_site(p, sites[i]);
    return known;
}

static bool report__suppressed(struct report *p, const struct reader_object *o)
{
    int64_t refs = 0;
    bool all = o->verdict.n != 0;
    if (!p->rules)
        return false;
    for (unsigned i = 0; i < o->verdict.n; i++) {
        struct reader_holder h = reader_named(p->scope.r, &o->verdict, i);
        all &= report__known(p, o, &h);
        refs += h.refs;
    }
    return all && refs >= (int64_t)o->refs;
}

/* Of a pool that several processes have: does this one hold it? */
static bool report__is_ours(const struct report *p, const struct reader_object *o)
{
    for (unsigned i = 0; i < o->verdict.n; i++) {
        struct reader_holder h = reader_named(p->scope.r, &o->verdict, i);
        struct debug_holder copy;
        if (h.refs > 0 && reader_holder(p->scope.r, h.holder, &copy) && copy.process.pid == p->options->pid)
            return true;
    }
    return !p->options->pid;
}

static void report__count(struct report *p, const struct reader_object *o)
{
    unsigned at = p->oldest_n;
    int64_t named = 0;
    p->refs += o->refs;
    p->certified += o->verdict.certainty == WEIR_CERTIFIED;
    if (o->age > p->oldest_age)
        p->oldest_age = o->age;
    for (unsigned i = 0; i < o->verdict.n; i++)
        named += o->verdict.holder[i].refs > 0 ? o->verdict.holder[i].refs : 0;
    if (named < (int64_t)o->refs)
        p->unnamed += o->refs - (uint64_t)named;
    while (at && p->oldest[at - 1].age < o->age)
        at--;
    if (at == REPORT_SINGLES)
        return;
    if (p->oldest_n < REPORT_SINGLES)
        p->oldest_n++;
    memmove(&p->oldest[at + 1], &p->oldest[at], (p->oldest_n - at - 1) * sizeof p->oldest[0]);
    p->oldest[at] = *o;
}

/* NULL: the table is full thereabouts. */
static struct report_pair *report__pair(struct report *p, uint32_t site, uint32_t holder)
{
    uint32_t at = (site * UINT32_C(2654435761) ^ holder * UINT32_C(2246822519)) >> 7;
    for (uint32_t i = 0; i < REPORT_PROBES; i++) {
        struct report_pair *pair = &p->pair[(at + i) % REPORT_PAIRS];
        if (!pair->refs)
            *pair = (struct report_pair){ 0, site, holder };
        if (pair->site == site && pair->holder == holder)
            return pair;
    }
    return NULL;
}

static void report__group(struct report *p, const struct reader_object *o)
{
    for (unsigned i = 0; i < o->verdict.n; i++) {
        struct reader_holder h = reader_named(p->scope.r, &o->verdict, i);
        struct report_by_site *site;
        struct report_pair *pair;
        uint32_t at[2] = { 0, 0 };
        (void)report_taken_at(&p->scope, o, &h, at);
        if (h.refs <= 0 || at[0] >= p->scope.r->head.sites)
            continue;
        pair = report__pair(p, at[0], h.holder);
        if (pair)
            pair->refs += (uint64_t)h.refs;
        else
            p->unnamed += (uint64_t)h.refs;
        site = &p->by_site[at[0]];
        if (!site->objects || o->age < site->youngest)
            site->youngest = o->age;
        if (o->age > site->oldest)
            site->oldest = o->age;
        site->objects += site->last != o->object + 1;
        site->last = o->object + 1;
        site->refs += (uint64_t)h.refs;
    }
}

static int report__object(const struct reader_object *o, void *arg)
{
    struct report *p = arg;
    bool dead;
    if (p->options->since && (int64_t)o->birth * DEBUG_UNIT <= p->options->since)
        return 0;
    dead = report_is_of_the_dead(p->scope.r, o);
    if (!(p->options->all || dead || o->age >= p->options->min_age) || !report__is_ours(p, o))
        return 0;
    if (!o->stable)
        p->result->unsure++;
    if (!o->stable && !dead && !p->options->all)
        return 0;
    if (report__suppressed(p, o)) {
        p->result->suppressed++;
        return 0;
    }
    p->result->leaks++;
    report__count(p, o);
    report__group(p, o);
    forms[p->options->form]->leak(p, o);
    return 0;
}

void report_unused(struct report *p, void (*say)(struct report *p, const struct suppress_rule *rule, bool first))
{
    bool first = true;
    for (unsigned i = 0; p->rules && !p->options->more && i < p->rules->n; i++) {
        if (p->rules->rule[i].used)
            continue;
        say(p, &p->rules->rule[i], first);
        first = false;
    }
}

static struct report *report__open(struct reader *r, const struct report_options *options, const struct report_out *out, struct report_result *result)
{
    size_t pairs = REPORT_PAIRS * sizeof(struct report_pair), sites = (size_t)r->head.sites * sizeof(struct report_by_site);
    size_t bytes = sizeof(struct report) + pairs + sites;
    struct report *p = os_pages(bytes);
    if (!p)
        return NULL;
    p->bytes = bytes;
    p->pair = (struct report_pair *)(void *)(p + 1);
    p->by_site = (struct report_by_site *)(void *)((char *)(p + 1) + pairs);
    p->scope = (struct report_scope){ r, options->resolve, options->resolve_arg };
    p->options = options;
    p->result = result;
    p->w.out = out;
    p->rules = options->rules;
    if (!p->rules && options->suppress && !suppress_open(&p->own_rules, options->suppress, "suppressions"))
        p->rules = &p->own_rules;
    return p;
}

void report_leaks(struct reader *r, const struct report_options *options, const struct report_out *out, struct report_result *result)
{
    static const char none[] = "no memory for a report\n";
    struct report *p;
    memset(result, 0, sizeof *result);
    p = report__open(r, options, out, result);
    if (!p) {
        result->unsure++;
        if (options->form == REPORT_TEXT)
            out->write(out->arg, none, sizeof none - 1);
        return;
    }
    forms[options->form]->begin(p);
    (void)reader_each(r, report__object, p);
    forms[options->form]->end(p);
    report_flush(&p->w);
    if (p->rules == &p->own_rules)
        suppress_close(&p->own_rules);
    os_pages_free(p, p->bytes);
}
