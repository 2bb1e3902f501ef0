/* debug/report_folded.c - a report for flamegraph.pl: a line for each holder and stack, "pool;holder;outer;...;inner references". */
#include "report_private.h"

static void folded__begin(struct report *p)
{
    (void)p;
}

static void folded__leak(struct report *p, const struct reader_object *o)
{
    (void)p;
    (void)o;
}

static void folded__frame(struct report *p, const struct report_place *place)
{
    report_put(&p->w, ";");
    report_clean(&p->w, *place->function ? place->function : "?", ';');
    if (!*place->file)
        return;
    report_put(&p->w, " (");
    report_clean(&p->w, place->file, ';');
    report_print(&p->w, ":%d)", place->line);
}

static void folded__pair(struct report *p, const struct report_pair *t)
{
    struct report_name name;
    struct report_place place;
    unsigned frames = report_site(&p->scope, t->site, &place);
    report_holder(&p->scope, t->holder, &name);
    report_clean(&p->w, p->scope.r->head.name, ';');
    report_put(&p->w, ";");
    if (name.foreign)
        report_print(&p->w, "pid %lld ", (long long)name.pid);
    report_clean(&p->w, name.name, ';');
    for (unsigned i = frames; i-- > 0;) {
        report_frame(&p->scope, t->site, i, &place);
        folded__frame(p, &place);
    }
    report_print(&p->w, " %llu\n", (unsigned long long)t->refs);
}

static void folded__end(struct report *p)
{
    for (uint32_t i = 0; i < REPORT_PAIRS; i++)
        if (p->pair[i].refs)
            folded__pair(p, &p->pair[i]);
    if (!p->unnamed)
        return;
    report_clean(&p->w, p->scope.r->head.name, ';');
    report_print(&p->w, ";nobody known %llu\n", (unsigned long long)p->unnamed);
}

const struct report_writer_form report_folded = { folded__begin, folded__leak, folded__end };
