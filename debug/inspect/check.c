/* check.c - `check`: does all that a segment says hold together?
 *
 * Purpose    the report is as good as what it is made from. After a crash, or where a report seems odd, this says what of it can be relied on.
 * Holds      every entry of a table points at entries that are there; a line's references are as many as its tracker names, if that is certified; a token's
 *            balance is what the lines say of it, where it is a holder's own (holds, discipline=own): a ledger's may differ, its lives are over.
 * Threads    the owner may go on meanwhile: a balance counts as wrong if it differs in three looks one after the other.
 */
#include "inspect.h"

#include "../../src/track.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOKS = 3, SAID = 50 };

static void check__say(struct check *c, const char *format, ...) __attribute__((__format__(__printf__, 2, 3)));
static void check__say(struct check *c, const char *format, ...)
{
    char line[400];
    va_list args;
    if (c->n++ >= SAID)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    out_print(&c->findings, "%s\n", line);
}

/* -- the tables --------------------------------------------------------------------------------------------------------------------- */

static void check__holders(struct reader *r, struct check *c)
{
    struct debug_holder h;
    for (uint32_t i = 1; i < r->head.holders; i++) {
        if (!reader_holder(r, i, &h))
            continue;
        c->holders++;
        if (h.process.pid <= 0)
            check__say(c, "holder %u: its pid is %" PRId64, (unsigned)i, h.process.pid);
        if (h.intent && intent_object(h.intent) >= r->head.objects)
            check__say(c, "holder %u: it updates %s %u, and there are %u", (unsigned)i, inspect_thing(r), (unsigned)intent_object(h.intent),
                       (unsigned)r->head.objects);
    }
}

static void check__site(struct reader *r, uint32_t i, const struct debug_site *site, struct check *c)
{
    struct debug_module module;
    uint64_t frame;
    char text[8];
    if (site->kind == SITE_SOURCE && (!reader_text(r, site->file, text, sizeof text)[0] || !site->line))
        check__say(c, "site %u: it has no file or line", (unsigned)i);
    if (site->kind == SITE_ADDRESS && !reader_module(r, site->module, &module))
        check__say(c, "site %u: it is in module %u, which isn't there", (unsigned)i, (unsigned)site->module);
    if (site->kind == SITE_STACK && !reader_frames(r, site, &frame, 1))
        check__say(c, "site %u: its frames lie outside of the frames", (unsigned)i);
}

static void check__sites(struct reader *r, struct check *c)
{
    struct debug_site site;
    for (uint32_t i = 1; i < r->head.sites; i++) {
        if (!reader_site(r, i, &site))
            continue;
        c->sites++;
        check__site(r, i, &site, c);
    }
}

static void check__tokens(struct reader *r, struct check *c)
{
    struct debug_token token;
    struct debug_holder holder;
    struct debug_site site;
    for (uint32_t i = 1; i < r->head.tokens; i++) {
        if (!reader_token(r, i, &token))
            continue;
        c->tokens++;
        if (token.holder && !reader_holder(r, token.holder, &holder))
            check__say(c, "token %u: its holder %u isn't there", (unsigned)i, (unsigned)token.holder);
        if (token.site && !reader_site(r, token.site, &site))
            check__say(c, "token %u: its site %u isn't there", (unsigned)i, (unsigned)token.site);
    }
}

/* -- the lines ----------------------------------------------------------------------------------------------------------------------- */

struct check__walk {
    struct inspected *in;
    struct check *check;
    bool every;                 /* all that is held has names, for sure */
};

static int check__object(const struct reader_object *o, void *arg)
{
    struct check__walk *walk = arg;
    struct reader *r = walk->in->reader;
    struct check *c = walk->check;
    int64_t named = 0;
    c->objects++;
    c->unsure += !o->stable;
    walk->every &= o->stable && o->verdict.certainty == WEIR_CERTIFIED;
    for (unsigned i = 0; i < o->verdict.n; i++)
        named += o->verdict.holder[i].refs;
    if (!o->stable)
        check__say(c, "%s %u: %s", inspect_thing(r), (unsigned)o->object, o->verdict.why);
    else if (o->verdict.certainty == WEIR_CERTIFIED && named != o->refs)
        check__say(c, "%s %u: %u references, and %" PRId64 " are named", inspect_thing(r), (unsigned)o->object, (unsigned)o->refs, named);
    if ((int64_t)o->birth * DEBUG_UNIT > reader_now(r) + 2 * DEBUG_UNIT)
        check__say(c, "%s %u: born %u units after the segment was made, which is to come", inspect_thing(r), (unsigned)o->object, (unsigned)o->birth);
    return 0;
}

/* -- balances -------------------------------------------------------------------------------------------------------------------------- */

static bool check__owned(struct reader *r, const struct debug_token *token)
{
    struct debug_site site;
    return (r->head.flags & DEBUG_OWN) || (reader_site(r, token->site, &site) && site.kind == SITE_SOURCE);
}

/* An update that was cut short by death has counted for the token already, or not yet. */
static int64_t check__cut(struct reader *r, uint32_t token)
{
    struct debug_holder h;
    int64_t n = 0;
    for (uint32_t i = 1; i < r->head.holders; i++)
        n += reader_holder(r, i, &h) && h.intent && intent_token(h.intent) == token;
    return n;
}

static void check__balances(struct reader *r, struct check *c)
{
    uint8_t *wrong = calloc(r->head.tokens, 1);
    struct debug_token token;
    for (unsigned look = 1; wrong && look <= LOOKS; look++) {
        struct tally t;
        bool any = false;
        reader_refresh(r);
        tally_take(r, &t);
        for (uint32_t i = 1; i < r->head.tokens; i++) {
            int64_t balance, off;
            if (wrong[i] != look - 1 || !reader_token(r, i, &token) || !check__owned(r, &token))
                continue;
            balance = (int64_t)((uint64_t)token.own + (uint64_t)token.others);
            off = (int64_t)((uint64_t)balance - (uint64_t)t.refs[i]);
            if (off == 0 || ((off == 1 || off == -1) && check__cut(r, i)))
                continue;
            wrong[i] = (uint8_t)look;
            any = true;
            if (look == LOOKS)
                check__say(c, "token %u: its balance is %" PRId64 ", and the lines say %" PRId64, (unsigned)i, balance, t.refs[i]);
        }
        tally_free(&t);
        if (!any)
            break;
    }
    free(wrong);
}

void check_all(struct inspected *in, struct check *c)
{
    struct reader *r = in->reader;
    struct check__walk walk = { in, c, true };
    const struct debug_numbers *n = &r->numbers;
    memset(c, 0, sizeof *c);
    check__holders(r, c);
    check__sites(r, c);
    check__tokens(r, c);
    reader_each(r, check__object, &walk);
    if (walk.every)
        check__balances(r, c);
    if (n->live > r->head.objects || n->cached > r->head.objects || n->free > r->head.objects)
        check__say(c, "numbers: live %" PRIu64 ", cached %" PRIu64 ", free %" PRIu64 " of %u", n->live, n->cached, n->free, (unsigned)r->head.objects);
    if (c->n > SAID)
        out_print(&c->findings, "and %u more\n", c->n - SAID);
}

int check_pool(struct inspected *in, const struct options *o, struct out *out)
{
    struct reader *r = in->reader;
    struct check c;
    int status;
    check_all(in, &c);
    status = c.n ? INSPECT_UNSURE : INSPECT_CLEAN;
    if (o->json) {
        json_check(in, &c, out);
    } else {
        out_print(out, "%s \"%s\" of pid %" PRId64 " (%s): %" PRIu64 " held, %" PRIu64 " holders, %" PRIu64 " sites, %" PRIu64 " tokens\n", inspect_kind(r),
                  r->head.name, r->head.owner.pid, inspect_life(r), c.objects, c.holders, c.sites, c.tokens);
        out_print(out, "%s", c.n ? c.findings.text : "all of it holds together\n");
        out_print(out, "next: weir-inspect %s %s\n", c.n ? "show" : "leaks", in->as);
    }
    out_free(&c.findings);
    return status;
}
