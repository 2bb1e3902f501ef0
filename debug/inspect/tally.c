/* tally.c - what the verdicts of all followed objects come to: references by token, and from there by holder and by site. */
#include "inspect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct tally__walk {
    struct reader *r;
    struct tally *out;
};

static int tally__add(const struct reader_object *o, void *arg)
{
    const struct tally__walk *walk = arg;
    struct tally *t = walk->out;
    int64_t left = o->refs;
    t->objects++;
    t->references += o->refs;
    t->certified += o->stable && o->verdict.certainty == WEIR_CERTIFIED;
    t->unsure += !o->stable;
    for (unsigned i = 0; i < o->verdict.n; i++) {
        struct reader_holder h = reader_named(walk->r, &o->verdict, i);
        t->refs[h.token] += h.refs;
        t->places[h.site ? h.site : o->last] += h.refs;         /* a holder's own token has no site: the object's last take says where */
        left -= h.refs;
    }
    t->refs[0] += left;
    return 0;
}

void tally_take(struct reader *r, struct tally *out)
{
    struct tally__walk walk = { r, out };
    memset(out, 0, sizeof *out);
    out->refs = calloc(r->head.tokens, sizeof *out->refs);
    out->places = calloc(r->head.sites, sizeof *out->places);
    if (!out->refs || !out->places) {
        fputs("weir-inspect: no memory for the tokens\n", stderr);
        exit(INSPECT_UNSURE);
    }
    reader_each(r, tally__add, &walk);
}

void tally_free(struct tally *t)
{
    free(t->refs);
    free(t->places);
}

int64_t tally_holder(const struct tally *t, struct reader *r, uint32_t holder)
{
    struct debug_token token;
    int64_t refs = 0;
    for (uint32_t i = 1; i < r->head.tokens; i++)
        if (t->refs[i] && reader_token(r, i, &token) && token.holder == holder)
            refs += t->refs[i];
    return refs;
}

static int tally__more(const void *a, const void *b)
{
    const struct tally_site *x = a, *y = b;
    return x->refs == y->refs ? (x->site > y->site) - (x->site < y->site) : x->refs < y->refs ? 1 : -1;
}

unsigned tally_sites(const struct tally *t, struct reader *r, struct tally_site *out, unsigned n)
{
    struct tally_site *all = calloc(r->head.sites, sizeof *all);
    unsigned found = 0;
    if (!all)
        return 0;
    for (uint32_t i = 0; i < r->head.sites; i++)
        all[i] = (struct tally_site){ i, i ? t->places[i] : 0 };
    qsort(all, r->head.sites, sizeof *all, tally__more);
    while (found < n && found < r->head.sites && all[found].refs > 0) {
        out[found] = all[found];
        found++;
    }
    free(all);
    return found;
}
