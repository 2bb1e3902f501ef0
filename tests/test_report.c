/* tests/test_report.c - what reports say, over a reader of this test's own, which says what the case at hand wants.
 *
 * The report's files are compiled with this one, and call test_reader_* here.
 */
#include "support.h"

#include "../debug/report.h"
#include "../debug/suppress.h"
#include "track.h"

#ifdef WEIR_LEAKS_SCHEMA
#include "json_schema.h"
#endif

enum { HOLDERS = 16, SITES = 10, OBJECTS = 64 };
#define MS(n) ((int64_t)(n) * 1000000)

/* -- the reader ------------------------------------------------------------------------------------------------------------ */

static struct debug_holder holders[HOLDERS];
static enum weir_holder_state states[HOLDERS];
static struct debug_site sites[SITES];
static const char *texts[16];
static uint64_t frames[8];
static struct debug_module modules[2];
static struct reader_object objects[OBJECTS];
static unsigned n_objects;
static struct { uint32_t holder, site; } tokens[16];
static struct reader reader;

int reader_each(struct reader *r, int (*fn)(const struct reader_object *o, void *arg), void *arg)
{
    (void)r;
    for (unsigned i = 0; i < n_objects; i++)
        if (fn(&objects[i], arg))
            return 1;
    return 0;
}

struct reader_holder reader_named(const struct reader *r, const struct verdict *v, unsigned i)
{
    uint32_t token = v->holder[i].token;
    (void)r;
    return (struct reader_holder){ token, tokens[token].holder, tokens[token].site, v->holder[i].refs, v->holder[i].since };
}

const struct debug_holder *reader_holder(const struct reader *r, uint32_t holder, struct debug_holder *copy)
{
    (void)r;
    if (!holder || holder >= HOLDERS || !holders[holder].state)
        return NULL;
    *copy = holders[holder];
    return copy;
}

bool reader_holder_ended(struct reader *r, uint32_t holder)
{
    (void)r;
    return holders[holder].state == DEBUG_EXITED;
}

enum weir_holder_state reader_holder_state(struct reader *r, uint32_t holder)
{
    (void)r;
    return states[holder];
}

bool reader_site(const struct reader *r, uint32_t site, struct debug_site *out)
{
    (void)r;
    if (!site || site >= SITES || !sites[site].state)
        return false;
    *out = sites[site];
    return true;
}

const char *reader_text(const struct reader *r, uint32_t at, char *copy, size_t size)
{
    (void)r;
    snprintf(copy, size, "%s", texts[at] ? texts[at] : "");
    return copy;
}

unsigned reader_frames(const struct reader *r, const struct debug_site *site, uint64_t *out, unsigned n)
{
    unsigned first = (unsigned)(site->offset >> 32), all = (unsigned)site->offset;
    (void)r;
    for (unsigned i = 0; i < all && i < n; i++)
        out[i] = frames[first + i];
    return all < n ? all : n;
}

bool reader_module(const struct reader *r, uint32_t module, struct debug_module *out)
{
    (void)r;
    if (module >= 2)
        return false;
    *out = modules[module];
    return true;
}

int64_t reader_now(const struct reader *r)
{
    (void)r;
    return MS(100000);
}

/* -- what is there --------------------------------------------------------------------------------------------------------- */

static void holder_is(uint32_t i, const char *name, int64_t pid, int64_t tid, enum weir_holder_state state)
{
    holders[i] = (struct debug_holder){ .state = DEBUG_READY, .process = { 1, 1, pid, 1 }, .tid = tid, .beat = 2500 };
    snprintf(holders[i].name, sizeof holders[i].name, "%s", name);
    states[i] = state;
}

static struct reader_object *object_is(uint32_t object, uint32_t refs, int64_t age_ms, enum weir_certainty certainty)
{
    struct reader_object *o = &objects[n_objects++];
    memset(o, 0, sizeof *o);
    o->object = object;
    o->refs = refs;
    o->handle = UINT64_C(0x700000000) | (object + 1);
    o->address = 0x7f0000001000;
    o->age = MS(age_ms);
    o->birth = (uint64_t)((100000 - age_ms) / 10 + 1);
    o->stable = true;
    o->verdict.certainty = certainty;
    return o;
}

static void held_by(struct reader_object *o, uint32_t token, int32_t refs)
{
    o->verdict.holder[o->verdict.n].token = token;
    o->verdict.holder[o->verdict.n++].refs = refs;
}

/* An object with one reference, which is certainly the token's. */
static void one_reference(uint32_t object, int64_t age_ms, uint32_t token)
{
    held_by(object_is(object, 1, age_ms, WEIR_CERTIFIED), token, 1);
}

/* Tokens: 1 worker-3 at session.c:218; 2 the logger at sink.c:77; 3 worker-3 at a plain call, an address; 4 by a stack; 5 nobody; 6 a hung one. */
static int begin(void **state)
{
    (void)state;
    memset(holders, 0, sizeof holders);
    memset(&reader, 0, sizeof reader);
    reader.head.kind = TRACK_POOL;
    strcpy(reader.head.name, "requests");
    reader.head.owner = (struct debug_process){ 1, 1, 811, 1 };
    reader.head.tokens = 16;
    reader.head.sites = SITES;
    reader.head.sample = 1;
    holder_is(1, "worker-3", 811, 815, WEIR_ALIVE);
    holder_is(2, "logger", 812, 812, WEIR_DEAD);
    holder_is(3, "", 811, 816, WEIR_HUNG);
    texts[1] = "session.c";
    texts[2] = "on_read";
    texts[3] = "sink.c";
    texts[4] = "drain";
    texts[5] = "/usr/lib/libapp.so.1";
    sites[1] = (struct debug_site){ .state = DEBUG_READY, .kind = SITE_SOURCE, .file = 1, .function = 2, .line = 218 };
    sites[2] = (struct debug_site){ .state = DEBUG_READY, .kind = SITE_SOURCE, .file = 3, .function = 4, .line = 77 };
    sites[3] = (struct debug_site){ .state = DEBUG_READY, .kind = SITE_ADDRESS, .module = 1, .offset = 0x1234 };
    sites[4] = (struct debug_site){ .state = DEBUG_READY, .kind = SITE_STACK, .offset = 2 };
    frames[0] = UINT64_C(1) << 48 | 0x2222;
    frames[1] = UINT64_C(1) << 48 | 0x1111;
    modules[1] = (struct debug_module){ .state = DEBUG_READY, .id_bytes = 3, .build_id = { 0xab, 0xcd, 0x01 }, .path = 5 };
    memset(tokens, 0, sizeof tokens);
    tokens[1].holder = tokens[3].holder = tokens[4].holder = 1;
    tokens[2].holder = 2;
    tokens[6].holder = 3;
    tokens[1].site = tokens[6].site = 1;
    tokens[2].site = 2;
    tokens[3].site = 3;
    tokens[4].site = 4;
    n_objects = 0;
    return 0;
}

/* The report, as text, in a buffer that is the next call's, too. */
static struct report_result result;
static char said[65536];
static size_t said_n;

static void gather(void *arg, const char *text, size_t bytes)
{
    (void)arg;
    if (said_n + bytes < sizeof said)
        memcpy(said + said_n, text, bytes);
    said_n += bytes;
    if (said_n < sizeof said)
        said[said_n] = 0;
}

static const char *report(const struct report_options *options)
{
    struct report_out out = { gather, NULL };
    said_n = 0;
    said[0] = 0;
    report_leaks(&reader, options, &out, &result);
    assert_true(said_n < sizeof said);
    return said;
}

static const char *report_as(enum report_form form)
{
    struct report_options options = { .form = form };
    return report(&options);
}

static void the_example(void)
{
    struct reader_object *o = object_is(4711, 2, 93500, WEIR_CERTIFIED);
    held_by(o, 1, 1);
    held_by(o, 2, 1);
    o->verdict.wrong_log2 = -211;
}

/* All of these, whole. */
static void says(const char *text, ...)
{
    const char *part;
    va_list all;
    va_start(all, text);
    while ((part = va_arg(all, const char *)) != NULL)
        if (!strstr(text, part))
            fail_msg("\"%s\" says nothing of \"%s\"", text, part);
    va_end(all);
}

/* -- text ------------------------------------------------------------------------------------------------------------------ */

static void an_op_is_said_with_its_holders_their_places_and_the_bound(void **state)
{
    (void)state;
    the_example();
    assert_string_equal(report_as(REPORT_TEXT),
                        "pool requests of process 811: 1 leak, 2 references, the oldest 93.5 s old\n"
                        "  1 reference in 1 op taken at session.c:218 (on_read), 93.5 s to 93.5 s old\n"
                        "    1 by worker-3\n"
                        "  1 reference in 1 op taken at sink.c:77 (drain), 93.5 s to 93.5 s old\n"
                        "    1 by pid 812 `logger` (dead, killed)\n"
                        "op 4711 at 0x7f0000001000: 2 references, 1 by worker-3 taken at session.c:218, 1 by pid 812 `logger` (dead, killed) taken at sink.c:77; "
                        "certified, wrong with at most 2^-211; 93.5 s old\n");
    assert_int_equal(result.leaks, 1);
    assert_int_equal(result.suppressed, 0);
    assert_int_equal(result.unsure, 0);
}

static void a_plain_calls_taker_is_not_called_a_holder(void **state)
{
    (void)state;
    held_by(object_is(1, 1, 1000, WEIR_PROBABLE), 3, 1);
    says(report_as(REPORT_TEXT), "1 taken by worker-3 at libapp.so.1+0x1234 and not given back by it; probable",
                "taken at libapp.so.1+0x1234 (build id abcd01) and not given back by who took, 1.0 s to", NULL);
    reader.head.flags = DEBUG_OWN;
    says(report_as(REPORT_TEXT), "1 by worker-3 taken at libapp.so.1+0x1234; probable", NULL);
    assert_null(strstr(said, "not given back"));
}

/* A token of a holder alone: the object itself says where it was taken first and last, but a hold's place is not a plain call's. */
static void a_plain_calls_place_is_the_objects_last_or_first(void **state)
{
    struct reader_object *o = object_is(1, 1, 1000, WEIR_CERTIFIED);
    struct report_options options = { .suppress = "site:*+0x2222" };
    (void)state;
    tokens[7].holder = 1;
    held_by(o, 7, 1);
    o->first = o->last = 3;
    says(report_as(REPORT_TEXT), "1 taken by worker-3 at libapp.so.1+0x1234 and not given back by it;", "1 op taken at libapp.so.1+0x1234 (build", NULL);
    o->last = 4;
    says(report_as(REPORT_TEXT), "1 taken by worker-3 at libapp.so.1+0x2222 or libapp.so.1+0x1234 and not", "1 op taken at libapp.so.1+0x2222 (build", NULL);
    says(report_as(REPORT_JSON), "+0x2222 abcd01\",\"refs\":1},{\"file\":\"\",\"line\":0,\"function\":\"libapp.so.1+0x1234 abcd01\",\"refs\":0}]}]}]", NULL);
    report(&options);
    assert_int_equal(result.suppressed, 1);
    o->last = 1;
    says(report_as(REPORT_TEXT), "1 taken by worker-3 at libapp.so.1+0x1234 and not given back by it;", NULL);
    o->first = 1;
    says(report_as(REPORT_TEXT), "1 taken by worker-3 and not given back by it;", "taken at a place that is not known", NULL);
}

static void who_gave_back_more_than_it_took_is_no_culprit(void **state)
{
    struct reader_object *o = object_is(1, 1, 1000, WEIR_AMBIGUOUS);
    (void)state;
    held_by(o, 3, 2);
    held_by(o, 2, -1);
    o->verdict.why = "references were handed on";
    says(report_as(REPORT_TEXT), "op 1 at 0x7f0000001000: 1 reference, 2 taken by worker-3 at libapp.so.1+0x1234 and not given back by it, "
                "1 more given back than taken by pid 812 `logger` (dead, killed); ambiguous: references were handed on; 1.0 s old\n", NULL);
    assert_null(strstr(said, "sink.c"));            /* no group accuses it either */
}

static void what_is_not_known_is_said_so(void **state)
{
    struct reader_object *o = object_is(1, 12, 1000, WEIR_OVERFLOW);
    (void)state;
    o->verdict.why = "more than 4 holders";
    o = object_is(2, 5, 1000, WEIR_PROBABLE);
    held_by(o, 5, 1);
    held_by(o, 1, 1);
    says(report_as(REPORT_TEXT), "op 1 at 0x7f0000001000: 12 references; overflow: more than 4 holders; 1.0 s old\n",
                "5 references, 1 taken by nobody known and not given back by it, 1 by worker-3 taken at session.c:218, 3 by nobody known; probable; 1.0",
                "1 reference in 1 op taken at a place that is not known", NULL);
}

static void who_is_hung_a_zombie_or_has_ended_is_said_so(void **state)
{
    (void)state;
    one_reference(1, 1000, 6);
    one_reference(2, 900, 2);
    says(report_as(REPORT_TEXT), "1 by thread 816 (hung, no sign for 75.0 s) taken at", "`logger` (dead, killed)", NULL);
    states[2] = WEIR_ZOMBIE;
    says(report_as(REPORT_TEXT), "pid 812 `logger` (a zombie) taken", NULL);
    states[2] = WEIR_DEAD;
    holders[2].state = DEBUG_EXITED;
    says(report_as(REPORT_TEXT), "pid 812 `logger` (it has ended) taken", NULL);
}

static void many_leaks_are_grouped_by_place_and_holder_most_first(void **state)
{
    const char *sink, *session;
    (void)state;
    for (uint32_t i = 0; i < 40; i++) {
        struct reader_object *o = object_is(i, 3, 1000 + 100 * i, WEIR_CERTIFIED);
        held_by(o, 2, 1);
        held_by(o, i < 30 ? 1 : 6, 2);
    }
    report_as(REPORT_TEXT);
    sink = strstr(said, "  40 references in 40 ops taken at sink.c:77 (drain), 1.0 s to 4.9 s old\n    40 by pid 812");
    session = strstr(said, "  80 references in 40 ops taken at session.c:218 (on_read), 1.0 s to 4.9 s old\n    60 by worker-3\n    20 by thread 816 (hung");
    assert_true(session && sink && session < sink);
    says(said, "40 leaks, 120 references, the oldest 4.9 s old", "\nand 30 more\n", NULL);
    assert_non_null(strstr(said, "\nop 39 at"));
    assert_non_null(strstr(said, "\nop 30 at"));
    assert_null(strstr(said, "\nop 29 at"));          /* the ten oldest */
    assert_true(strstr(said, "\nop 39 at") < strstr(said, "\nop 38 at"));
}

static void more_holders_than_a_few_are_summed(void **state)
{
    (void)state;
    for (uint32_t t = 8; t < 16; t++) {
        holder_is(t - 4, "one of many", 811, t, WEIR_ALIVE);
        tokens[t].holder = t - 4;
        tokens[t].site = 2;
        one_reference(t, 1000, t);
    }
    says(report_as(REPORT_TEXT), "  8 references in 8 ops taken at sink.c:77", "    3 by others\n", NULL);
}

static void sampling_is_scaled_and_said(void **state)
{
    (void)state;
    reader.head.sample = 128;
    the_example();
    says(report_as(REPORT_TEXT), "  1 op in 128 is followed: about 128 in all\n", NULL);
    says(report_as(REPORT_JSON), "\"sampled\":128}", NULL);
    n_objects = 0;
    says(report_as(REPORT_TEXT), "no leaks among what is followed, 1 in 128\n", NULL);
}

static void what_could_not_be_followed_named_or_read_is_counted(void **state)
{
    (void)state;
    reader.numbers.untracked = 7;
    reader.numbers.unnamed = 9;
    object_is(3, 1, 1000, WEIR_AMBIGUOUS)->stable = false;
    says(report_as(REPORT_TEXT), "no leaks\n", "  7 untracked: there was no memory", "  9 references were taken by nobody known", "  1 could not be read", NULL);
    assert_int_equal(result.unsure, 1);
    assert_int_equal(result.leaks, 0);
    says(report_as(REPORT_JSON), "\"leaks\":[],\"untracked\":7", NULL);
}

static void a_dead_ones_leak_is_a_leak_although_it_was_not_read_stably(void **state)
{
    struct reader_object *o = object_is(3, 1, 1000, WEIR_PROBABLE);
    (void)state;
    o->stable = false;
    held_by(o, 2, 1);
    report_as(REPORT_TEXT);
    assert_int_equal(result.unsure, 1);
    assert_int_equal(result.leaks, 1);
}

static void a_domain_has_objects(void **state)
{
    (void)state;
    reader.head.kind = TRACK_DOMAIN;
    strcpy(reader.head.name, "connections");
    the_example();
    says(report_as(REPORT_TEXT), "domain connections of process 811: 1 leak", "in 1 object taken", "object 4711 at 0x7f0000001000: 2", NULL);
}

static void a_report_ends_with_the_next_command_if_there_is_anything_to_look_at(void **state)
{
    struct report_options options = { .next = "weir-inspect show 811" };
    const char *end;
    (void)state;
    assert_string_equal(report(&options), "pool requests of process 811: no leaks\n");
    the_example();
    report(&options);
    end = strstr(said, "next: weir-inspect show 811\n");
    assert_true(end && strlen(end) == strlen("next: weir-inspect show 811\n"));
}

static void no_name_talks_to_the_terminal(void **state)
{
    (void)state;
    the_example();
    strcpy(holders[1].name, "\x1b[31mred\n");
    strcpy(holders[2].name, "a`b\x7f");
    report_as(REPORT_TEXT);
    says(said, "1 by ?[31mred? taken at", "pid 812 `a:b?` (dead", NULL);
    for (const char *c = said; *c; c++)
        assert_true((unsigned char)*c >= ' ' || *c == '\n');
}

/* -- which are leaks --------------------------------------------------------------------------------------------------------- */

static void the_young_are_no_leaks_unless_somebody_dead_has_them(void **state)
{
    struct report_options options = { .min_age = MS(5000) };
    (void)state;
    one_reference(1, 4999, 1);
    one_reference(2, 5000, 1);
    one_reference(3, 10, 2);
    report(&options);
    assert_int_equal(result.leaks, 2);
    assert_null(strstr(said, "op 1 at"));
    states[2] = WEIR_ZOMBIE;
    report(&options);
    assert_int_equal(result.leaks, 2);
    options.all = true;
    says(report(&options), "3 ops, 3 references", NULL);
}

static void what_was_born_before_the_mark_is_not_listed(void **state)
{
    struct report_options options = { .since = MS(50000) };
    (void)state;
    one_reference(1, 50010, 2);
    one_reference(2, 50000, 2);
    one_reference(3, 49000, 1);
    report(&options);
    assert_int_equal(result.leaks, 2);
    assert_null(strstr(said, "op 1 at"));
}

static void of_a_shared_pool_a_process_reports_what_it_holds(void **state)
{
    struct report_options options = { .pid = 811 };
    (void)state;
    the_example();
    one_reference(2, 50000, 2);
    object_is(3, 1, 50000, WEIR_OVERFLOW);
    report(&options);
    assert_int_equal(result.leaks, 1);
    assert_non_null(strstr(said, "op 4711 at"));
}

/* -- suppressions ------------------------------------------------------------------------------------------------------------ */

static void an_object_is_suppressed_when_all_of_its_holders_are(void **state)
{
    struct report_options options = { .suppress = "site:session.c:218\n" };
    (void)state;
    the_example();
    one_reference(2, 1000, 1);
    says(report(&options), "1 leak, 2 references", "  1 suppressed\n", "1 by worker-3 taken at session.c:218, 1 by pid 812", NULL);
    assert_int_equal(result.leaks, 1);
    assert_int_equal(result.suppressed, 1);
    options.suppress = "site:session.c:218\nholder:log*\n";
    says(report(&options), "no leaks", "  2 suppressed", NULL);
    assert_int_equal(result.leaks, 0);
}

static void a_reference_of_nobody_known_is_never_suppressed(void **state)
{
    struct report_options options = { .suppress = "site:*\nholder:*" };
    (void)state;
    held_by(object_is(1, 2, 1000, WEIR_PROBABLE), 1, 1);
    object_is(2, 1, 1000, WEIR_OVERFLOW);
    report(&options);
    assert_int_equal(result.leaks, 2);
}

static void a_stack_is_suppressed_by_any_of_its_frames(void **state)
{
    struct report_options options = { .suppress = "site:libapp.so.1+0x1111" };
    (void)state;
    one_reference(1, 1000, 4);
    report(&options);
    assert_int_equal(result.suppressed, 1);
}

static void a_rule_that_matched_nothing_is_named(void **state)
{
    struct report_options options = { .suppress = "# known\nsite:session.c:218\nsite:gone.c:*\nholder:worker-*" };
    (void)state;
    one_reference(1, 1000, 1);
    says(report(&options), "suppressions that nothing matched:\n  line 3: site:gone.c:*\n", NULL);
    assert_null(strstr(said, "line 2:"));
    assert_null(strstr(said, "line 4:"));
    options.form = REPORT_JSON;
    says(report(&options), ",\"unused_suppressions\":[\"site:gone.c:*\"]}\n", NULL);
    options.suppress = "site:session.c:218";
    says(report(&options), ",\"unused_suppressions\":[]}\n", NULL);
}

static void rules_that_several_reports_share_are_named_after_the_last_one(void **state)
{
    struct suppress rules;
    struct report_options options = { .rules = &rules, .more = true };
    (void)state;
    assert_int_equal(suppress_open(&rules, "site:sink.c:77\nsite:session.c:218\nsite:none", "f"), 0);
    one_reference(1, 1000, 1);
    assert_null(strstr(report(&options), "suppressions that"));
    n_objects = 0;
    one_reference(1, 1000, 2);
    options.more = false;
    says(report(&options), "suppressions that nothing matched:\n  line 3: site:none\n", NULL);
    suppress_close(&rules);
}

/* -- JSON -------------------------------------------------------------------------------------------------------------------- */

#define EXAMPLE_JSON \
    "{\"pool\":\"requests\",\"pid\":811,\"leaks\":[{\"op\":4711,\"handle\":\"0x700001268\",\"object\":\"0x7f0000001000\",\"refs\":2," \
    "\"certainty\":\"certified\",\"age_s\":93.500,\"holders\":[{\"name\":\"worker-3\",\"pid\":811,\"tid\":815,\"state\":\"alive\",\"refs\":1," \
    "\"sites\":[{\"file\":\"session.c\",\"line\":218,\"function\":\"on_read\",\"refs\":1}]},{\"name\":\"logger\",\"pid\":812,\"tid\":812," \
    "\"state\":\"dead\",\"refs\":1,\"sites\":[{\"file\":\"sink.c\",\"line\":77,\"function\":\"drain\",\"refs\":1}]}]}]," \
    "\"untracked\":0,\"sampled\":1}\n"

static void json_is_one_object_on_one_line(void **state)
{
    (void)state;
    the_example();
    assert_string_equal(report_as(REPORT_JSON), EXAMPLE_JSON);
    n_objects = 0;
    assert_string_equal(report_as(REPORT_JSON), "{\"pool\":\"requests\",\"pid\":811,\"leaks\":[],\"untracked\":0,\"sampled\":1}\n");
}

static void a_holder_stands_once_with_all_of_its_places(void **state)
{
    struct reader_object *o = object_is(1, 6, 7, WEIR_CERTIFIED);
    (void)state;
    held_by(o, 1, 1);
    held_by(o, 2, 3);
    held_by(o, 3, 2);
    says(report_as(REPORT_JSON), "\"age_s\":0.007,\"holders\":[{\"name\":\"worker-3\",\"pid\":811,\"tid\":815,\"state\":\"alive\",\"refs\":3,\"sites\":"
                "[{\"file\":\"session.c\"", ",\"refs\":1},{\"file\":\"\",\"line\":0,\"function\":\"libapp.so.1+0x1234 abcd01\",\"refs\":2}]},{\"name\":\"logger\"",
                "\"refs\":3}]}]}],\"untracked\"", NULL);
}

static void a_string_of_any_bytes_is_a_json_string(void **state)
{
    (void)state;
    the_example();
    strcpy(holders[1].name, "a\"b\\c\n\x01\x7f\xc3\xa9\xe2\x82\xac\xff\xc3(\xed\xa0\x80\xc0\xaf");
    strcpy(holders[2].name, "\xf0\x9f\x98\x80\xf5\x80\x80\x80\xe2\x82");
    says(report_as(REPORT_JSON), "\"a\\\"b\\\\c\\u000a\\u0001\\u007f\xc3\xa9\xe2\x82\xac\\u00ff\\u00c3(\\u00ed\\u00a0\\u0080\\u00c0\\u00af\"",
                "\"\xf0\x9f\x98\x80\\u00f5\\u0080\\u0080\\u0080\\u00e2\\u0082\"", NULL);
}

#ifdef WEIR_LEAKS_SCHEMA
static void json_keeps_to_its_schema_and_the_schema_is_strict(void **state)
{
    struct report_options options = { .form = REPORT_JSON, .suppress = "site:none" };
    json_t *value, *leak;
    struct reader_object *o;
    (void)state;
    the_example();
    object_is(2, 9, 1, WEIR_OVERFLOW);
    o = object_is(3, 2, 1, WEIR_AMBIGUOUS);
    held_by(o, 3, 3);
    held_by(o, 6, -1);
    held_by(o, 5, 1);
    strcpy(holders[1].name, "\xff\"\\\x01");
    value = json_loads(report(&options), 0, NULL);
    assert_non_null(value);
    assert_right(schema_wrong(WEIR_LEAKS_SCHEMA, value));
    leak = json_array_get(json_object_get(value, "leaks"), 0);
    json_object_set_new(leak, "certainty", json_string("sure"));
    assert_string_equal(schema_wrong(WEIR_LEAKS_SCHEMA, value), "certainty: not so: enum");
    json_object_set_new(leak, "certainty", json_string("probable"));
    assert_null(schema_wrong(WEIR_LEAKS_SCHEMA, value));
    json_object_set_new(leak, "handle", json_string("0x"));
    assert_non_null(schema_wrong(WEIR_LEAKS_SCHEMA, value));
    json_object_set_new(leak, "handle", json_string("0x1"));
    json_object_set_new(leak, "extra", json_null());
    assert_non_null(schema_wrong(WEIR_LEAKS_SCHEMA, value));
    json_object_del(leak, "extra");
    json_object_del(leak, "holders");
    assert_non_null(schema_wrong(WEIR_LEAKS_SCHEMA, value));
    json_decref(value);
}
#endif

/* -- folded stacks ------------------------------------------------------------------------------------------------------------ */

static bool resolve(const struct debug_module *module, const char *path, uint64_t offset, struct report_symbol *out, void *arg)
{
    (void)module;
    assert_string_equal(path, "/usr/lib/libapp.so.1");
    assert_ptr_equal(arg, &reader);
    if (offset == 0x1111)
        return false;
    snprintf(out->file, sizeof out->file, "app;x.c");
    snprintf(out->function, sizeof out->function, "read_%llx", (unsigned long long)offset);
    out->line = 12;
    return true;
}

static void a_folded_line_is_a_stack_from_its_outer_end_and_a_number(void **state)
{
    struct report_options options = { .form = REPORT_FOLDED, .resolve = resolve, .resolve_arg = &reader };
    (void)state;
    the_example();
    held_by(object_is(1, 3, 1, WEIR_CERTIFIED), 4, 3);
    held_by(object_is(2, 2, 1, WEIR_CERTIFIED), 4, 1);
    strcpy(holders[2].name, "lo;g");
    says(report(&options), "requests;worker-3;on_read (session.c:218) 1\n", "requests;pid 812 lo:g;drain (sink.c:77) 1\n",
         "requests;worker-3;libapp.so.1+0x1111;read_2222 (app:x.c:12) 4\n", "requests;nobody known 1\n", NULL);
    assert_int_equal(strlen(said), strlen("requests;worker-3;on_read (session.c:218) 1\nrequests;pid 812 lo:g;drain (sink.c:77) 1\n"
                                          "requests;worker-3;libapp.so.1+0x1111;read_2222 (app:x.c:12) 4\nrequests;nobody known 1\n"));
}

static void a_resolved_address_has_file_and_line_in_all_forms(void **state)
{
    struct report_options options = { .resolve = resolve, .resolve_arg = &reader };
    (void)state;
    one_reference(1, 1, 3);
    says(report(&options), "taken by worker-3 at app;x.c:12 and", "taken at app;x.c:12 (read_1234) and not", NULL);
    options.form = REPORT_JSON;
    says(report(&options), "{\"file\":\"app;x.c\",\"line\":12,\"function\":\"read_1234\",\"refs\":1}", NULL);
}

static void two_addresses_of_one_line_are_one_place(void **state)
{
    struct report_options options = { .resolve = resolve, .resolve_arg = &reader };
    struct reader_object *o = object_is(1, 1, 1000, WEIR_CERTIFIED);
    (void)state;
    sites[5] = (struct debug_site){ .state = DEBUG_READY, .kind = SITE_ADDRESS, .module = 1, .offset = 0x5678 };
    tokens[7].holder = 1;
    held_by(o, 7, 1);
    o->first = 3;
    o->last = 5;
    says(report(&options), "taken by worker-3 at app;x.c:12 and not", NULL);
    options.resolve = NULL;
    says(report(&options), "taken by worker-3 at libapp.so.1+0x5678 or libapp.so.1+0x1234 and not", NULL);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup(name, begin)
    const struct CMUnitTest tests[] = {
        CASE(an_op_is_said_with_its_holders_their_places_and_the_bound),
        CASE(a_plain_calls_taker_is_not_called_a_holder),
        CASE(a_plain_calls_place_is_the_objects_last_or_first),
        CASE(who_gave_back_more_than_it_took_is_no_culprit),
        CASE(what_is_not_known_is_said_so),
        CASE(who_is_hung_a_zombie_or_has_ended_is_said_so),
        CASE(many_leaks_are_grouped_by_place_and_holder_most_first),
        CASE(more_holders_than_a_few_are_summed),
        CASE(sampling_is_scaled_and_said),
        CASE(what_could_not_be_followed_named_or_read_is_counted),
        CASE(a_dead_ones_leak_is_a_leak_although_it_was_not_read_stably),
        CASE(a_domain_has_objects),
        CASE(a_report_ends_with_the_next_command_if_there_is_anything_to_look_at),
        CASE(no_name_talks_to_the_terminal),
        CASE(the_young_are_no_leaks_unless_somebody_dead_has_them),
        CASE(what_was_born_before_the_mark_is_not_listed),
        CASE(of_a_shared_pool_a_process_reports_what_it_holds),
        CASE(an_object_is_suppressed_when_all_of_its_holders_are),
        CASE(a_reference_of_nobody_known_is_never_suppressed),
        CASE(a_stack_is_suppressed_by_any_of_its_frames),
        CASE(a_rule_that_matched_nothing_is_named),
        CASE(rules_that_several_reports_share_are_named_after_the_last_one),
        CASE(json_is_one_object_on_one_line),
        CASE(a_holder_stands_once_with_all_of_its_places),
        CASE(a_string_of_any_bytes_is_a_json_string),
#ifdef WEIR_LEAKS_SCHEMA
        CASE(json_keeps_to_its_schema_and_the_schema_is_strict),
#endif
        CASE(a_folded_line_is_a_stack_from_its_outer_end_and_a_number),
        CASE(a_resolved_address_has_file_and_line_in_all_forms),
        CASE(two_addresses_of_one_line_are_one_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
