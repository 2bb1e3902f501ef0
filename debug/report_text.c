/* debug/report_text.c - a report for people: how much, where and by whom, then the oldest objects one by one, then what to do next.
 *
 * Plain calls know who took and who gave back, not who holds: what they say is "taken by", and "not given back by it", unless the program keeps the discipline
 * that who takes gives back. A hold's taker is its holder. Nothing is said more certainly than the verdict has it.
 */
#include "report_private.h"
#include "../src/track.h"
#include <stdio.h>
#include <string.h>

static void text__count(struct report_writer *w, uint64_t n, const char *what)
{
    report_print(w, "%llu %s%s", (unsigned long long)n, what, n == 1 ? "" : "s");
}

static const char *text__object(const struct report *p)
{
    return p->scope.r->head.kind == TRACK_DOMAIN ? "object" : "op";
}

static void text__name(struct report *p, uint32_t holder)
{
    struct report_name n;
    report_holder(&p->scope, holder, &n);
    if (n.foreign) {
        report_print(&p->w, "pid %lld `", (long long)n.pid);
        report_clean(&p->w, n.name, '`');
        report_put(&p->w, "`");
    } else {
        report_clean(&p->w, n.name, 0);
    }
    if (!n.known)
        return;
    if (n.state == WEIR_HUNG) {
        report_put(&p->w, " (hung, no sign for ");
        report_seconds(&p->w, n.silent);
        report_put(&p->w, ")");
    } else if (n.state == WEIR_ZOMBIE) {
        report_put(&p->w, " (a zombie)");
    } else if (n.state == WEIR_DEAD) {
        report_put(&p->w, n.ended ? " (it has ended)" : " (dead, killed)");
    }
}

static void text__place(struct report *p, const struct report_place *place, bool whole)
{
    if (*place->file) {
        report_clean(&p->w, place->file, 0);
        report_print(&p->w, ":%d", place->line);
        if (whole && *place->function) {
            report_put(&p->w, " (");
            report_clean(&p->w, place->function, 0);
            report_put(&p->w, ")");
        }
        return;
    }
    report_clean(&p->w, place->function, 0);
    if (whole && *place->build_id)
        report_print(&p->w, " (build id %s)", place->build_id);
}

static bool text__is_ledger(const struct report *p, uint32_t site)
{
    return !(p->scope.r->head.flags & DEBUG_OWN) && !report_site_is_hold(&p->scope, site);
}

/* -- one object ----------------------------------------------------------------------------------------------------------- */

static void text__taken(struct report *p, const struct reader_object *o, const struct reader_holder *h)
{
    struct report_place place;
    uint32_t sites[2];
    unsigned n = report_taken_at(&p->scope, o, h, sites);
    bool ledger = text__is_ledger(p, h->site);
    if (h->refs < 0) {
        report_print(&p->w, ", %d more given back than taken by ", -h->refs);
        text__name(p, h->holder);
        return;
    }
    report_print(&p->w, ledger ? ", %d taken by " : ", %d by ", h->refs);
    text__name(p, h->holder);
    for (unsigned i = 0; i < n && report_site(&p->scope, sites[i], &place); i++) {
        report_put(&p->w, i ? " or " : ledger ? " at " : " taken at ");
        text__place(p, &place, false);
    }
    if (ledger)
        report_put(&p->w, " and not given back by it");
}

static void text__certainty(struct report *p, const struct verdict *v)
{
    report_print(&p->w, "; %s", report_certainties[v->certainty]);
    if (v->certainty == WEIR_CERTIFIED && v->wrong_log2 < 0)
        report_print(&p->w, ", wrong with at most 2^%d", (int)v->wrong_log2);
    if (v->certainty != WEIR_CERTIFIED && v->why)
        report_print(&p->w, ": %s", v->why);
}

static void text__single(struct report *p, const struct reader_object *o)
{
    int64_t named = 0;
    report_print(&p->w, "%s %u", text__object(p), o->object);
    if (o->address)
        report_print(&p->w, " at 0x%llx", (unsigned long long)o->address);
    report_put(&p->w, ": ");
    text__count(&p->w, o->refs, "reference");
    for (unsigned i = 0; i < o->verdict.n; i++) {
        struct reader_holder h = reader_named(p->scope.r, &o->verdict, i);
        text__taken(p, o, &h);
        named += h.refs;
    }
    if (o->verdict.n && named < (int64_t)o->refs)
        report_print(&p->w, ", %lld by nobody known", (long long)((int64_t)o->refs - named));
    text__certainty(p, &o->verdict);
    report_put(&p->w, "; ");
    report_seconds(&p->w, o->age);
    report_put(&p->w, " old\n");
}

/* -- by site and holder --------------------------------------------------------------------------------------------------- */

/* Who has most references of this site, of those not yet said. NULL: there is none left. */
static struct report_pair *text__next(struct report *p, uint32_t site)
{
    struct report_pair *best = NULL;
    for (uint32_t i = 0; i < REPORT_PAIRS; i++)
        if (p->pair[i].refs && p->pair[i].site == site && (!best || p->pair[i].refs > best->refs))
            best = &p->pair[i];
    return best;
}

static void text__site(struct report *p, uint32_t site)
{
    const struct report_by_site *s = &p->by_site[site];
    struct report_pair *t;
    struct report_place place;
    uint64_t left = s->refs;
    report_put(&p->w, "  ");
    text__count(&p->w, s->refs, "reference");
    report_put(&p->w, " in ");
    text__count(&p->w, s->objects, text__object(p));
    report_put(&p->w, report_site(&p->scope, site, &place) ? " taken at " : " taken at a place that is not known");
    text__place(p, &place, true);
    if (text__is_ledger(p, site))
        report_put(&p->w, " and not given back by who took");
    report_put(&p->w, ", ");
    report_seconds(&p->w, s->youngest);
    report_put(&p->w, " to ");
    report_seconds(&p->w, s->oldest);
    report_put(&p->w, " old\n");
    for (unsigned i = 0; i < REPORT_WHO && (t = text__next(p, site)) != NULL; i++) {
        report_print(&p->w, "    %llu by ", (unsigned long long)t->refs);
        text__name(p, t->holder);
        report_put(&p->w, "\n");
        left -= t->refs;
        t->refs = 0;
    }
    if (left)
        report_print(&p->w, "    %llu by others\n", (unsigned long long)left);
}

static void text__sites(struct report *p)
{
    uint32_t sites = 0, shown = 0;
    for (uint32_t i = 0; i < p->scope.r->head.sites; i++)
        sites += p->by_site[i].refs != 0;
    for (; shown < REPORT_GROUPS && shown < sites; shown++) {
        uint32_t best = 0;
        for (uint32_t i = 1; i < p->scope.r->head.sites; i++)
            if (p->by_site[i].refs > p->by_site[best].refs)
                best = i;
        text__site(p, best);
        p->by_site[best].refs = 0;
    }
    if (shown < sites)
        report_print(&p->w, "  and %u more places\n", sites - shown);
}

/* -- the whole ------------------------------------------------------------------------------------------------------------ */

static void text__begin(struct report *p)
{
    (void)p;
}

static void text__leak(struct report *p, const struct reader_object *o)
{
    (void)p;
    (void)o;
}

static void text__head(struct report *p)
{
    const struct debug_header *h = &p->scope.r->head;
    report_print(&p->w, "%s ", h->kind == TRACK_DOMAIN ? "domain" : "pool");
    report_clean(&p->w, h->name, 0);
    report_print(&p->w, " of process %lld: ", (long long)h->owner.pid);
    if (p->result->leaks) {
        text__count(&p->w, p->result->leaks, p->options->all ? text__object(p) : "leak");
        report_put(&p->w, ", ");
        text__count(&p->w, p->refs, "reference");
        report_put(&p->w, ", the oldest ");
        report_seconds(&p->w, p->oldest_age);
        report_put(&p->w, " old\n");
    } else {
        report_put(&p->w, p->options->all ? "nothing is held" : "no leaks");
        if (h->sample > 1)
            report_print(&p->w, " among what is followed, 1 in %u", h->sample);
        report_put(&p->w, "\n");
    }
}

static void text__remarks(struct report *p)
{
    const struct debug_numbers *n = &p->scope.r->numbers;
    uint32_t sample = p->scope.r->head.sample;
    if (sample > 1 && p->result->leaks) {
        report_print(&p->w, "  1 %s in %u is followed: about ", text__object(p), sample);
        report_print(&p->w, "%llu in all\n", (unsigned long long)sample * p->result->leaks);
    }
    if (n->untracked)
        report_print(&p->w, "  %llu untracked: there was no memory to follow them\n", (unsigned long long)n->untracked);
    if (n->unnamed)
        report_print(&p->w, "  %llu references were taken by nobody known: a table is full\n", (unsigned long long)n->unnamed);
    if (p->result->unsure)
        report_print(&p->w, "  %u could not be read: they changed each time\n", p->result->unsure);
    if (p->result->suppressed)
        report_print(&p->w, "  %u suppressed\n", p->result->suppressed);
}

static void text__unused(struct report *p, const struct suppress_rule *rule, bool first)
{
    if (first)
        report_put(&p->w, "suppressions that nothing matched:\n");
    report_print(&p->w, "  line %u: %.*s\n", rule->line, rule->bytes > 200 ? 200 : (int)rule->bytes, rule->text);
}

static void text__end(struct report *p)
{
    text__head(p);
    text__remarks(p);
    text__sites(p);
    for (unsigned i = 0; i < p->oldest_n; i++)
        text__single(p, &p->oldest[i]);
    if (p->result->leaks > p->oldest_n)
        report_print(&p->w, "and %u more\n", p->result->leaks - p->oldest_n);
    report_unused(p, text__unused);
    if (p->options->next && (p->result->leaks || p->result->unsure))
        report_print(&p->w, "next: %s\n", p->options->next);
}

const struct report_writer_form report_text = { text__begin, text__leak, text__end };
