/* tests/test_spec.c - the grammar of WEIR_DEBUG: what each word gives, and what each mistake is told.
 *
 * spec.c is compiled with this file: its environment is the variable below, and its default that of a Debug build.
 */
#include "support.h"

#include "../debug/spec.h"

#include <signal.h>

#define SECONDS(s) ((int64_t)((s) * 1e9))

static const char *environment;
const char *test_environment(const char *name);
const char *test_environment(const char *name)
{
    return strcmp(name, "WEIR_DEBUG") == 0 ? environment : NULL;
}

static const struct spec nothing = { .sample = 1, .hung = SECONDS(60) };

/* What a row doesn't say has its default. */
static struct spec with_defaults(struct spec s)
{
    s.sample += !s.sample;
    s.hung += s.hung ? 0 : SECONDS(60);
    return s;
}

/* All but the text, which is compared by itself. */
static const char *differs(const struct spec *a, const struct spec *b)
{
    NEED(a->tracker == b->tracker);
    NEED(a->parameter == b->parameter);
    NEED(a->journal == b->journal);
    NEED(a->sample == b->sample);
    NEED(a->guard == b->guard);
    NEED(a->pages == b->pages);
    NEED(a->stacks == b->stacks);
    NEED(a->own == b->own);
    NEED(a->report == b->report);
    NEED(!strcmp(a->report_file, b->report_file));
    NEED(a->signal == b->signal);
    NEED(a->exit_status == b->exit_status);
    NEED(!strcmp(a->suppress, b->suppress));
    NEED(a->hung == b->hung);
    NEED(a->min_age == b->min_age);
    return NULL;
}

static const struct {
    const char *text;
    struct spec spec;
} right[] = {
    { "guard", { .guard = true, .journal = 8 } },
    { "guard=page", { .guard = true, .pages = true, .journal = 8 } },
    { "guard,journal=0", { .guard = true } },
    { "journal=20,guard", { .guard = true, .journal = 20 } },
    { "guard,track=journal", { .guard = true, .tracker = TRACKER_JOURNAL, .parameter = 16 } },
    { "journal=256", { .journal = 256 } },
    { "track=xor", { .tracker = TRACKER_XOR } },
    { "track=sum", { .tracker = TRACKER_SUM } },
    { "track=sketch", { .tracker = TRACKER_SKETCH, .parameter = 4 } },
    { "track=sketch(1)", { .tracker = TRACKER_SKETCH, .parameter = 1 } },
    { "track=sketch(8)", { .tracker = TRACKER_SKETCH, .parameter = 8 } },
    { "track=slots", { .tracker = TRACKER_SLOTS, .parameter = 8 } },
    { "track=slots(64)", { .tracker = TRACKER_SLOTS, .parameter = 64 } },
    { "track=releasers", { .tracker = TRACKER_RELEASERS } },
    { "track=journal", { .tracker = TRACKER_JOURNAL, .parameter = 16 } },
    { "track=journal(256)", { .tracker = TRACKER_JOURNAL, .parameter = 256 } },
    { "track=xor,sample=1048576", { .tracker = TRACKER_XOR, .sample = 1048576 } },
    { "track=xor,stacks", { .tracker = TRACKER_XOR, .stacks = 16 } },
    { "track=xor,stacks=32", { .tracker = TRACKER_XOR, .stacks = DEBUG_STACK } },
    { "track=slots,discipline=own", { .tracker = TRACKER_SLOTS, .parameter = 8, .own = true } },
    { "report,track=xor", { .tracker = TRACKER_XOR, .report = true } },
    { "report=/tmp/a=b%p.json,track=xor", { .tracker = TRACKER_XOR, .report = true, .report_file = "/tmp/a=b%p.json" } },
    { "guard,report", { .guard = true, .journal = 8, .report = true } },
    { "track=xor,exit=23", { .tracker = TRACKER_XOR, .exit_status = 23 } },
    { "track=xor,exit=255", { .tracker = TRACKER_XOR, .exit_status = 255 } },
    { "track=xor,suppress=weir.supp", { .tracker = TRACKER_XOR, .suppress = "weir.supp" } },
    { "track=xor,hung=0.5", { .tracker = TRACKER_XOR, .hung = SECONDS(0.5) } },
    { "track=xor,min-age=90", { .tracker = TRACKER_XOR, .min_age = SECONDS(90) } },
    { "track=xor,min-age=0.000000001", { .tracker = TRACKER_XOR, .min_age = 1 } },
    { "track=xor,min-age=31535999.999999999", { .tracker = TRACKER_XOR, .min_age = INT64_C(31535999999999999) } },
    { " track=xor ,\tguard ", { .tracker = TRACKER_XOR, .guard = true, .journal = 8 } },
    { "none", { .sample = 0 } },
    { " none ", { .sample = 0 } },
    { "", { .sample = 0 } },
    { " ", { .sample = 0 } },
    { "track=sketch,sample=128,guard,stacks,report=leaks.json,exit=23",
      { .sample = 128, .tracker = TRACKER_SKETCH, .parameter = 4, .guard = true, .journal = 8, .stacks = 16, .report = true,
        .report_file = "leaks.json", .exit_status = 23 } },
};

static void each_word_gives_what_the_manual_says(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++) {
        struct spec s, expected = with_defaults(right[i].spec);
        const char *wrong;
        int error;
        memset(&s, 0xee, sizeof s);
        error = spec_parse(&s, right[i].text, "debug");
        if (error)
            fail_msg("\"%s\": %d: %s", right[i].text, error, weir_error_message());
        wrong = differs(&s, &expected);
        if (wrong)
            fail_msg("\"%s\": %s", right[i].text, wrong);
        assert_string_equal(s.text, right[i].text);
    }
}

#define KNOWN "known: guard[=page] track=NAME[(n)] sample=N stacks[=N] journal=N discipline=own report[=FILE] signal=NAME exit=N " \
              "suppress=FILE hung=SECONDS min-age=SECONDS none"
#define TRACKERS_KNOWN "known: xor, sum, sketch(1-8), slots(1-64), releasers, journal(1-256)"

static const struct {
    const char *text, *message;
} wrong[] = {
    { "tracks=xor", "debug: unknown word \"tracks\"; " KNOWN },
    { "track=xor,Guard", "debug: unknown word \"Guard\"; " KNOWN },
    { "0123456789012345678901234567890123456789abc", "debug: unknown word \"0123456789012345678901234567890123456789\"; " KNOWN },
    { "guard,,track=xor", "debug: an empty word, a comma too many: words stand between single commas, as in guard,track=xor" },
    { "guard,", "debug: an empty word, a comma too many: words stand between single commas, as in guard,track=xor" },
    { "=5", "debug: unknown word \"\"; " KNOWN },
    { "guard=pages", "debug: \"guard=pages\": guard, or guard=page" },
    { "guard=", "debug: \"guard=\": guard, or guard=page" },
    { "track", "debug: \"track=\": no such tracker; " TRACKERS_KNOWN },
    { "track=", "debug: \"track=\": no such tracker; " TRACKERS_KNOWN },
    { "track=skeptic", "debug: \"track=skeptic\": no such tracker; " TRACKERS_KNOWN },
    { "track=sketch:4", "debug: \"track=sketch:4\": no such tracker; " TRACKERS_KNOWN },
    { "track=sketch(9)", "debug: \"track=sketch(9)\": sketch takes a number from 1 to 8, as in track=sketch(4)" },
    { "track=sketch(0)", "debug: \"track=sketch(0)\": sketch takes a number from 1 to 8, as in track=sketch(4)" },
    { "track=sketch(4", "debug: \"track=sketch(4\": sketch takes a number from 1 to 8, as in track=sketch(4)" },
    { "track=sketch()", "debug: \"track=sketch()\": sketch takes a number from 1 to 8, as in track=sketch(4)" },
    { "track=sketch(4)x", "debug: \"track=sketch(4)x\": sketch takes a number from 1 to 8, as in track=sketch(4)" },
    { "track=slots(65)", "debug: \"track=slots(65)\": slots takes a number from 1 to 64, as in track=slots(8)" },
    { "track=journal(257)", "debug: \"track=journal(257)\": journal takes a number from 1 to 256, as in track=journal(16)" },
    { "track=xor(1)", "debug: \"track=xor(1)\": xor takes no number" },
    { "track=xor,sample=0", "debug: \"sample=0\": a number from 1 to 1048576" },
    { "track=xor,sample=1048577", "debug: \"sample=1048577\": a number from 1 to 1048576" },
    { "track=xor,sample=4294967297", "debug: \"sample=4294967297\": a number from 1 to 1048576" },
    { "track=xor,sample=99999999999999999999999", "debug: \"sample=99999999999999999999999\": a number from 1 to 1048576" },
    { "track=xor,sample", "debug: \"sample=\": a number from 1 to 1048576" },
    { "track=xor,sample=-1", "debug: \"sample=-1\": a number from 1 to 1048576" },
    { "track=xor,sample=+1", "debug: \"sample=+1\": a number from 1 to 1048576" },
    { "track=xor,sample=1k", "debug: \"sample=1k\": a number from 1 to 1048576" },
    { "track=xor,stacks=33", "debug: \"stacks=33\": a number from 1 to 32" },
    { "journal=257", "debug: \"journal=257\": a number from 0 to 256" },
    { "track=xor,discipline", "debug: \"discipline=\": discipline=own alone is known: who takes gives back" },
    { "track=xor,discipline=any", "debug: \"discipline=any\": discipline=own alone is known: who takes gives back" },
    { "guard,discipline=own", "debug: \"discipline\" without a tracker: add track=NAME; " TRACKERS_KNOWN },
    { "track=xor,report=", "debug: \"report=\" names no file: one without a comma in its name, as in report=leaks.json" },
    { "track=xor,suppress", "debug: \"suppress=\" names no file: one without a comma in its name, as in suppress=weir.supp" },
    { "track=xor,exit=0", "debug: \"exit=0\": a number from 1 to 255" },
    { "track=xor,exit=256", "debug: \"exit=256\": a number from 1 to 255" },
    { "track=xor,hung=0", "debug: \"hung=0\": seconds, more than 0 and less than 31536000, as in hung=2.5" },
    { "track=xor,hung=1.", "debug: \"hung=1.\": seconds, more than 0 and less than 31536000, as in hung=2.5" },
    { "track=xor,hung=.5", "debug: \"hung=.5\": seconds, more than 0 and less than 31536000, as in hung=2.5" },
    { "track=xor,hung=1.0000000001", "debug: \"hung=1.0000000001\": seconds, more than 0 and less than 31536000, as in hung=2.5" },
    { "track=xor,min-age=31536000", "debug: \"min-age=31536000\": seconds, more than 0 and less than 31536000, as in min-age=2.5" },
    { "track=xor,min-age=5s", "debug: \"min-age=5s\": seconds, more than 0 and less than 31536000, as in min-age=2.5" },
    { "track=xor,track=sum", "debug: \"track\" is said twice: once is enough, and two might contradict each other" },
    { "guard,guard=page", "debug: \"guard\" is said twice: once is enough, and two might contradict each other" },
    { "none,guard", "debug: \"none\" stands beside other words: leave it out, or leave them out" },
    { "guard,none", "debug: \"none\" stands beside other words: leave it out, or leave them out" },
    { "none=1", "debug: \"none=1\": none takes no value" },
    { "track=journal,journal=8", "debug: \"journal=8\" beside track=journal, which keeps one itself: say track=journal(n) alone" },
    { "exit=23", "debug: \"exit\", but nothing is followed: add track=NAME, journal=N or guard, as in track=sketch,exit" },
    { "guard,journal=0,report", "debug: \"report\", but nothing is followed: add track=NAME, journal=N or guard, as in track=sketch,report" },
    { "sample=128", "debug: \"sample\", but nothing is followed: add track=NAME, journal=N or guard, as in track=sketch,sample" },
    { "track=xor,signal=SEGV", "debug: \"signal=SEGV\": one of USR1, USR2, HUP, QUIT" },
    { "track=xor,signal", "debug: \"signal=\": one of USR1, USR2, HUP, QUIT" },
};

static void each_mistake_is_named_with_what_would_be_right(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct spec s;
        int error;
#ifdef _WIN32
        if (strstr(wrong[i].text, "signal"))
            continue;                   /* refused for another reason, below */
#endif
        error = spec_parse(&s, wrong[i].text, "debug");
        if (error != -EINVAL)
            fail_msg("\"%s\": %d, not -EINVAL", wrong[i].text, error);
        assert_string_equal(weir_error_message(), wrong[i].message);
    }
}

/* The longest text, of the longest source, loses nothing of its message to the buffer's 255 bytes. */
static void no_message_is_cut(void **state)
{
    const char *names[] = { "guard", "track", "sample", "stacks", "discipline", "signal", "hung", "min-age", "none", "nothing known" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct spec s;
        char text[256];
        snprintf(text, sizeof text, "%s=%0200d", names[i], 7);
        assert_true(spec_parse(&s, text, "WEIR_DEBUG_DEFAULT") < 0);
        assert_true(strlen(weir_error_message()) < 254);
    }
}

static void a_text_that_is_too_long_is_refused(void **state)
{
    struct spec s;
    char text[400];
    (void)state;
    memset(text, 0, sizeof text);
    snprintf(text, sizeof text, "track=xor,report=");
    memset(text + strlen(text), 'x', 255 - strlen(text));
    assert_int_equal(spec_parse(&s, text, "debug"), 0);
    assert_int_equal(strlen(s.report_file), 255 - strlen("track=xor,report="));
    text[255] = 'x';
    assert_int_equal(spec_parse(&s, text, "debug"), -EINVAL);
    assert_string_equal(weir_error_message(), "debug: a text of 256 bytes: at most 255");
}

static void a_signal_is_known_by_its_name_where_there_are_signals(void **state)
{
    struct spec s;
    (void)state;
#ifdef _WIN32
    assert_int_equal(spec_parse(&s, "track=xor,signal=USR2", "debug"), -ENOTSUP);
    assert_says(weir_error_message(), "this system has no signals", NULL);
#else
    assert_int_equal(spec_parse(&s, "track=xor,signal=USR2", "debug"), 0);
    assert_int_equal(s.signal, SIGUSR2);
#endif
}

static void no_text_asks_for_nothing(void **state)
{
    struct spec s;
    (void)state;
    assert_int_equal(spec_parse(&s, NULL, "debug"), 0);
    assert_null(differs(&s, &nothing));
    assert_false(spec_asks(&s));
}

static void the_config_comes_before_the_environment_and_that_before_the_default(void **state)
{
    struct spec s;
    (void)state;
    environment = "track=sum";
    assert_int_equal(spec_choose(&s, "track=slots"), 0);
    assert_int_equal(s.tracker, TRACKER_SLOTS);
    assert_int_equal(spec_choose(&s, NULL), 0);
    assert_int_equal(s.tracker, TRACKER_SUM);
    environment = NULL;
    assert_int_equal(spec_choose(&s, NULL), 0);
    assert_int_equal(s.tracker, TRACKER_XOR);
    assert_true(s.guard);
}

static void an_empty_text_asks_for_nothing_wherever_it_stands(void **state)
{
    struct spec s;
    (void)state;
    environment = "guard";
    assert_int_equal(spec_choose(&s, ""), 0);
    assert_false(spec_asks(&s));
    assert_int_equal(spec_choose(&s, "none"), 0);
    assert_false(spec_asks(&s));
    environment = "";
    assert_int_equal(spec_choose(&s, NULL), 0);
    assert_false(spec_asks(&s));
    environment = NULL;
}

static void the_message_says_where_the_word_stood(void **state)
{
    struct spec s;
    (void)state;
    environment = "gard";
    assert_int_equal(spec_choose(&s, NULL), -EINVAL);
    assert_says(weir_error_message(), "WEIR_DEBUG: unknown word \"gard\"", NULL);
    assert_int_equal(spec_choose(&s, "gard"), -EINVAL);
    assert_says(weir_error_message(), "debug: unknown word \"gard\"", NULL);
    environment = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_word_gives_what_the_manual_says),
        cmocka_unit_test(each_mistake_is_named_with_what_would_be_right),
        cmocka_unit_test(no_message_is_cut),
        cmocka_unit_test(a_text_that_is_too_long_is_refused),
        cmocka_unit_test(a_signal_is_known_by_its_name_where_there_are_signals),
        cmocka_unit_test(no_text_asks_for_nothing),
        cmocka_unit_test(the_config_comes_before_the_environment_and_that_before_the_default),
        cmocka_unit_test(an_empty_text_asks_for_nothing_wherever_it_stands),
        cmocka_unit_test(the_message_says_where_the_word_stood),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
