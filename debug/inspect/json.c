/* json.c - list, show, check and mark as JSON, by jansson. (leaks' JSON is the library's own report.) */
#include "inspect.h"

#include "../../src/track.h"

#ifdef WEIR_HAVE_JANSSON
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

bool json_built(void) { return true; }

static int json__write(const char *text, size_t bytes, void *out)
{
    out_write(out, text, bytes);
    return 0;
}

static void json__print(json_t *value, struct out *out)
{
    if (!value || json_dump_callback(value, json__write, out, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(12)) != 0) {
        fputs("weir-inspect: no memory for the JSON\n", stderr);
        exit(INSPECT_UNSURE);
    }
    json_decref(value);
    out_write(out, "\n", 1);
}

/* Text of a segment may be no UTF-8. */
static json_t *json__text(const char *text)
{
    char clean[512];
    json_t *value = json_string(text);
    size_t i = 0;
    if (value)
        return value;
    for (; text[i] && i + 1 < sizeof clean; i++)
        clean[i] = (unsigned char)text[i] < 128 ? text[i] : '?';
    clean[i] = 0;
    return json_string(clean);
}

static json_t *json__hex(uint64_t number)
{
    return json_sprintf("0x%" PRIx64, number);
}

static json_t *json__seconds(int64_t ns)
{
    return json_real((double)(ns / 1000000) / 1e3);
}

void json_list(const struct list_row *row, unsigned n, struct out *out)
{
    json_t *all = json_array();
    for (unsigned i = 0; i < n; i++)
        json_array_append_new(all, json_pack("{so ss sI ss sI sI sI sI ss}", "name", json__text(row[i].name), "kind", row[i].kind, "pid", (json_int_t)row[i].pid,
                                             "state", row[i].state, "capacity", (json_int_t)row[i].capacity, "live", (json_int_t)row[i].live, "cached",
                                             (json_int_t)row[i].cached, "free", (json_int_t)row[i].free, "tracker", row[i].tracker));
    json__print(all, out);
}

static void json__site(json_t *to, const struct inspected *in, uint32_t site)
{
    struct report_place symbol;
    inspect_site(in, site, &symbol);
    json_object_set_new(to, "file", json__text(symbol.file));
    json_object_set_new(to, "line", json_integer(symbol.line));
    json_object_set_new(to, "function", json__text(symbol.function));
}

static json_t *json__holder(struct reader *r, uint32_t holder)
{
    struct report_scope scope = { r, NULL, NULL };
    struct report_name h;
    report_holder(&scope, holder, &h);
    return json_pack("{so sI sI ss}", "name", json__text(h.name), "pid", (json_int_t)h.pid, "tid", (json_int_t)h.tid, "state", report_states[h.state]);
}

static json_t *json__holders(struct reader *r, const struct tally *t)
{
    json_t *all = json_array();
    struct debug_holder h;
    for (uint32_t i = 1; i < r->head.holders; i++) {
        json_t *one;
        if (!reader_holder(r, i, &h))
            continue;
        one = json__holder(r, i);
        json_object_set_new(one, "refs", json_integer(tally_holder(t, r, i)));
        json_object_set_new(one, "silent_s", json__seconds(reader_now(r) - (int64_t)(h.beat <= UINT32_MAX ? h.beat : 0) * DEBUG_UNIT));
        json_array_append_new(all, one);
    }
    return all;
}

static json_t *json__sites(const struct inspected *in, const struct tally *t)
{
    json_t *all = json_array();
    struct tally_site site[64];
    unsigned n = tally_sites(t, in->reader, site, 64);
    for (unsigned i = 0; i < n; i++) {
        json_t *one = json_object();
        json__site(one, in, site[i].site);
        json_object_set_new(one, "refs", json_integer(site[i].refs));
        json_array_append_new(all, one);
    }
    return all;
}

void json_pool(struct inspected *in, struct out *out)
{
    struct reader *r = in->reader;
    const struct debug_numbers *n = &r->numbers;
    struct list_row row;
    struct tally t;
    json_t *all;
    inspect_row(in, &row);
    tally_take(r, &t);
    all = json_pack("{so ss sI ss so ss sI sI sI sI sI sI sI}", "name", json__text(row.name), "kind", row.kind, "pid", (json_int_t)row.pid, "state", row.state,
                    "spec", json__text(r->head.spec), "tracker", row.tracker, "capacity", (json_int_t)row.capacity, "live", (json_int_t)row.live, "cached",
                    (json_int_t)row.cached, "free", (json_int_t)row.free, "peak", (json_int_t)n->peak, "gets", (json_int_t)n->gets, "puts",
                    (json_int_t)n->puts);
    if (all)
        json_object_update_new(all, json_pack("{sI sI sI sI sI sI so so so}", "sampled", (json_int_t)row.sample, "followed", (json_int_t)t.objects, "refs",
                                              (json_int_t)t.references, "lives", (json_int_t)n->lives, "untracked", (json_int_t)n->untracked, "unnamed",
                                              (json_int_t)n->unnamed, "age_s", json__seconds(reader_now(r)), "holders", json__holders(r, &t), "sites",
                                              json__sites(in, &t)));
    tally_free(&t);
    json__print(all, out);
}

static json_t *json__journal(struct inspected *in, uint32_t object, uint64_t *lost)
{
    static const char *const events[] = { "take", "give", "move", "submit", "return", "born", "last" };
    struct reader_event event[256];
    struct reader *r = in->reader;
    unsigned n = reader_journal(r, object, event, 256, lost);
    json_t *all = json_array();
    for (unsigned i = 0; i < n; i++) {
        struct debug_token token;
        bool known = reader_token(r, event[i].token, &token);
        json_t *one = json__holder(r, known ? token.holder : event[i].thread);
        json_object_set_new(one, "event", json_string(event[i].event < sizeof events / sizeof events[0] ? events[event[i].event] : "?"));
        json_object_set_new(one, "age_s", json__seconds(reader_now(r) - ((int64_t)event[i].time - 1) * DEBUG_UNIT));
        json__site(one, in, known ? token.site : 0);
        json_array_append_new(all, one);
    }
    return all;
}

void json_op(struct inspected *in, const struct reader_object *o, struct out *out)
{
    struct reader *r = in->reader;
    json_t *holders = json_array(), *journal, *all;
    uint64_t lost = 0;
    for (unsigned i = 0; i < o->verdict.n; i++) {
        struct reader_holder h = reader_named(r, &o->verdict, i);
        json_t *one = json__holder(r, h.holder), *site = json_object();
        json__site(site, in, h.site);
        json_object_set_new(site, "refs", json_integer(h.refs));
        json_object_set_new(one, "refs", json_integer(h.refs));
        json_object_set_new(one, "sites", json_pack("[o]", site));
        json_array_append_new(holders, one);
    }
    journal = json__journal(in, o->object, &lost);
    all = json_pack("{so sI sI so so sI ss so so so sI}", "pool", json__text(r->head.name), "pid", (json_int_t)r->head.owner.pid, "op", (json_int_t)o->object,
                    "handle", json__hex(o->handle), "object", json__hex(o->address), "refs", (json_int_t)o->refs, "certainty",
                    o->refs ? report_certainties[o->verdict.certainty] : "free", "age_s", json__seconds(o->age), "holders", holders, "journal", journal, "lost",
                    (json_int_t)lost);
    json__print(all, out);
}

void json_check(struct inspected *in, const struct check *c, struct out *out)
{
    const struct reader *r = in->reader;
    json_t *findings = json_array();
    for (const char *line = c->findings.text; line && *line;) {
        const char *end = line;
        while (*end && *end != '\n')
            end++;
        json_array_append_new(findings, json_stringn(line, (size_t)(end - line)));
        line = *end ? end + 1 : end;
    }
    json__print(json_pack("{so sI sb sI sI sI so}", "pool", json__text(r->head.name), "pid", (json_int_t)r->head.owner.pid, "holds", c->n == 0, "held",
                          (json_int_t)c->objects, "unsure", (json_int_t)c->unsure, "found", (json_int_t)c->n, "findings", findings),
                out);
}

void json_mark(struct inspected *in, const char *name, int64_t at, struct out *out)
{
    const struct reader *r = in->reader;
    json__print(json_pack("{so sI ss so}", "pool", json__text(r->head.name), "pid", (json_int_t)r->head.owner.pid, "mark", name, "at_s", json__seconds(at)), out);
}

#else

bool json_built(void) { return false; }
void json_list(const struct list_row *row, unsigned n, struct out *out) { (void)row, (void)n, (void)out; }
void json_pool(struct inspected *in, struct out *out) { (void)in, (void)out; }
void json_op(struct inspected *in, const struct reader_object *o, struct out *out) { (void)in, (void)o, (void)out; }
void json_check(struct inspected *in, const struct check *c, struct out *out) { (void)in, (void)c, (void)out; }
void json_mark(struct inspected *in, const char *name, int64_t at, struct out *out) { (void)in, (void)name, (void)at, (void)out; }

#endif
