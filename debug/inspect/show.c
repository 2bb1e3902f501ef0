/* show.c - `show`: a pool's numbers, holders and sites; or one op's biography: its references, who has them, and its journal. */
#include "inspect.h"

#include "../../src/track.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { SITES = 20, EVENTS = 256 };

static void show__next(const struct inspected *in, const char *more, struct out *out)
{
    out_print(out, "next: weir-inspect leaks %s%s\n", in->as, more);
}

/* -- a pool ------------------------------------------------------------------------------------------------------------------------- */

static void show__followed(struct reader *r, const struct tally *t, struct out *out)
{
    char tracker[32], age[32];
    const struct debug_numbers *n = &r->numbers;
    inspect_tracker(r, tracker, sizeof tracker);
    if (r->head.sample > 1)
        out_print(out, "  tracker   %s; one life in %u is followed, so figures of what is followed stand for about %u times as many\n", tracker,
                  (unsigned)r->head.sample, (unsigned)r->head.sample);
    else
        out_print(out, "  tracker   %s; %s\n", tracker, r->head.sample ? "every life is followed" : "no life is followed");
    if (r->head.kind == TRACK_POOL) {
        inspect_age(reader_now(r) - (int64_t)(n->at <= UINT32_MAX ? n->at : 0) * DEBUG_UNIT, age, sizeof age);
        out_print(out, "  numbers   live %" PRIu64 ", cached %" PRIu64 ", free %" PRIu64 ", peak %" PRIu64 ", committed %" PRIu64 " of %" PRIu64 ", gets %" PRIu64
                  ", puts %" PRIu64 ": as of %s ago\n", n->live, n->cached, n->free, n->peak, n->committed, n->capacity, n->gets, n->puts, age);
    }
    out_print(out, "  followed  %" PRIu64 " held now, by %" PRIu64 " references; %" PRIu64 " certified, %" PRIu64 " could not be read stably\n", t->objects,
              t->references, t->certified, t->unsure);
    out_print(out, "            %" PRIu64 " lives so far, %" PRIu64 " untracked for lack of memory, %" PRIu64 " references without a name for lack of room\n",
              n->lives, n->untracked, n->unnamed);
}

static void show__holders(const struct inspected *in, const struct tally *t, struct out *out)
{
    struct reader *r = in->reader;
    struct debug_holder h;
    char who[160], age[32];
    out_print(out, "holders\n");
    for (uint32_t i = 1; i < r->head.holders; i++) {
        int64_t refs;
        if (!reader_holder(r, i, &h))
            continue;
        refs = tally_holder(t, r, i);
        inspect_holder(in, i, who, sizeof who);
        inspect_age(reader_now(r) - (int64_t)(h.beat <= UINT32_MAX ? h.beat : 0) * DEBUG_UNIT, age, sizeof age);
        out_print(out, "  %8" PRId64 " references  %s, last sign %s ago\n", refs, who, age);
    }
    if (t->refs[0])
        out_print(out, "  %8" PRId64 " references  of holders that could not be named\n", t->refs[0]);
}

int show_pool(struct inspected *in, const struct options *o, struct out *out)
{
    struct reader *r = in->reader;
    struct tally_site site[SITES];
    char age[32], place[DESCRIBED];
    struct tally t;
    unsigned n;
    if (o->json) {
        json_pool(in, out);
        return INSPECT_CLEAN;
    }
    tally_take(r, &t);
    inspect_age(reader_now(r), age, sizeof age);
    out_print(out, "%s \"%s\" of pid %" PRId64 " (%s), made %s ago, %u %ss of %" PRIu64 " bytes\n", inspect_kind(r), r->head.name, r->head.owner.pid,
              inspect_life(r), age, (unsigned)r->head.objects, inspect_thing(r), r->head.buffer_size);
    out_print(out, "  segment   %s\n  spec      %s\n", in->path, r->head.spec);
    show__followed(r, &t, out);
    show__holders(in, &t, out);
    n = tally_sites(&t, r, site, SITES);
    if (n)
        out_print(out, "sites\n");
    for (unsigned i = 0; i < n; i++) {
        inspect_place(in, site[i].site, place, sizeof place);
        out_print(out, "  %8" PRId64 " references  taken at %s\n", site[i].refs, place);
    }
    tally_free(&t);
    show__next(in, "", out);
    return INSPECT_CLEAN;
}

/* -- an op -------------------------------------------------------------------------------------------------------------------------- */

static const char *show__event(unsigned event)
{
    static const char *const words[] = {
        [TRACK_TAKE] = "taken", [TRACK_GIVE] = "given back", [TRACK_MOVE] = "moved", [TRACK_SUBMIT] = "submitted", [TRACK_RETURN] = "returned",
        [TRACK_BORN] = "born", [TRACK_LAST] = "last",
    };
    return event < sizeof words / sizeof words[0] ? words[event] : "?";
}

/* Plain calls are known by their holder; where they stood is known of the object's first and last take. */
static void show__places(const struct inspected *in, const struct reader_object *o, struct out *out)
{
    char place[DESCRIBED];
    if (o->first) {
        inspect_place(in, o->first, place, sizeof place);
        out_print(out, "  first taken at %s\n", place);
    }
    if (o->last && o->last != o->first) {
        inspect_place(in, o->last, place, sizeof place);
        out_print(out, "  last taken at %s\n", place);
    }
}

static void show__references(struct inspected *in, const struct reader_object *o, struct out *out)
{
    char who[160], place[DESCRIBED];
    for (unsigned i = 0; i < o->verdict.n; i++) {
        struct reader_holder h = reader_named(in->reader, &o->verdict, i);
        inspect_holder(in, h.holder, who, sizeof who);
        if (h.site) {
            inspect_place(in, h.site, place, sizeof place);
            out_print(out, "  %d by %s taken at %s\n", (int)h.refs, who, place);
        } else {
            out_print(out, "  %d taken by %s%s\n", (int)h.refs, who, in->reader->head.flags & DEBUG_OWN ? "" : " and not given back by it");
        }
    }
    show__places(in, o, out);
    if (o->verdict.why)
        out_print(out, "  %s: %s\n", report_certainties[o->verdict.certainty], o->verdict.why);
    else if (o->verdict.certainty == WEIR_CERTIFIED && o->verdict.wrong_log2 < 0)
        out_print(out, "  certified: it is wrong with a probability of at most 2^%.0f\n", o->verdict.wrong_log2);
}

static void show__journal(struct inspected *in, uint32_t object, struct out *out)
{
    struct reader *r = in->reader;
    struct reader_event event[EVENTS];
    uint64_t lost;
    unsigned n = reader_journal(r, object, event, EVENTS, &lost);
    char who[160], place[DESCRIBED], age[32];
    struct debug_token token;
    if (!r->head.journal && r->head.tracker != TRACKER_JOURNAL) {
        out_print(out, "no journal is kept: journal=16 in the spec keeps one\n");
        return;
    }
    out_print(out, "journal, oldest first, %" PRIu64 " entries before it are lost\n", lost);
    for (unsigned i = 0; i < n; i++) {
        bool known = reader_token(r, event[i].token, &token);
        inspect_age(reader_now(r) - ((int64_t)event[i].time - 1) * DEBUG_UNIT, age, sizeof age);
        inspect_holder(in, known ? token.holder : event[i].thread, who, sizeof who);
        inspect_place(in, known ? token.site : 0, place, sizeof place);
        out_print(out, "  %12s ago  %-10s  %s at %s\n", age, show__event(event[i].event), who, place);
    }
}

int show_op(struct inspected *in, const struct options *o, struct out *out)
{
    struct reader *r = in->reader;
    struct reader_object object;
    char age[32];
    bool held;
    if (o->op >= r->head.objects) {
        out_print(out, "%s \"%s\" has no %s %u: it has 0 to %u\n", inspect_kind(r), r->head.name, inspect_thing(r), (unsigned)o->op,
                  (unsigned)r->head.objects - 1);
        return INSPECT_USAGE;
    }
    held = reader_object(r, o->op, &object);
    object.object = o->op;
    if (o->json) {
        json_op(in, &object, out);
        return !held || object.stable ? INSPECT_CLEAN : INSPECT_UNSURE;
    }
    inspect_age(object.age, age, sizeof age);
    if (held) {
        out_print(out, "%s %u of %s \"%s\" (pid %" PRId64 ", %s): %u reference%s, held for %s; %s\n", inspect_thing(r), (unsigned)o->op, inspect_kind(r),
                  r->head.name, r->head.owner.pid, inspect_life(r), (unsigned)object.refs, object.refs == 1 ? "" : "s", age,
                  report_certainties[object.verdict.certainty]);
        out_print(out, "  handle 0x%" PRIx64 ", %s at 0x%" PRIx64 " in pid %" PRId64 "\n", object.handle,
                  r->head.kind == TRACK_DOMAIN ? "the object" : r->head.buffer_size ? "its buffer" : "the op", object.address, r->head.owner.pid);
        show__references(in, &object, out);
    } else {
        out_print(out, "%s %u of %s \"%s\" (pid %" PRId64 ", %s) is free, or its life is not followed%s\n", inspect_thing(r), (unsigned)o->op, inspect_kind(r),
                  r->head.name, r->head.owner.pid, inspect_life(r), r->head.sample > 1 ? " (the pool is sampled)" : "");
    }
    show__journal(in, o->op, out);
    show__next(in, "", out);
    return !held || object.stable ? INSPECT_CLEAN : INSPECT_UNSURE;
}
