/* tests/test_suppress.c - suppressions: what a rule matches, what a bad line is told, and which rules were used. */
#include "support.h"

#include "../debug/suppress.h"

static const struct {
    const char *pattern, *text;
    bool matches;
} globs[] = {
    { "", "", true }, { "", "a", false }, { "a", "a", true }, { "a", "ab", false }, { "ab", "a", false }, { "*", "", true }, { "*", "abc", true },
    { "a*", "a", true }, { "a*", "abc", true }, { "*c", "abc", true }, { "*c", "abcd", false }, { "a*c", "abcbc", true }, { "a**c", "ac", true },
    { "*ab*ab*", "ab", false }, { "*ab*ab*", "abab", true }, { "*.c:218", "session.c:218", true }, { "*.c:21", "session.c:218", false },
    { "*aab", "aaab", true }, { "a?c", "abc", false }, { "a?c", "a?c", true }, { "[ab]", "a", false }, { "*a*b*c*", "xxaxxbxxcxx", true },
    { "*a*b*c*", "xxaxxcxxbxx", false }, { "A", "a", false },
};

static void a_star_stands_for_any_text_and_nothing_else_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof globs / sizeof globs[0]; i++)
        if (suppress_glob(globs[i].pattern, strlen(globs[i].pattern), globs[i].text) != globs[i].matches)
            fail_msg("\"%s\" over \"%s\": %s expected", globs[i].pattern, globs[i].text, globs[i].matches ? "a match" : "no match");
}

/* 28 stars: if each tried all places, this would not end. */
static void many_stars_end_soon(void **state)
{
    char pattern[64], text[4000];
    (void)state;
    for (int i = 0; i < 28; i++)
        memcpy(pattern + 2 * i, "*a", 3);
    memset(text, 'a', sizeof text - 2);
    text[sizeof text - 2] = 'b';
    text[sizeof text - 1] = 0;
    assert_false(suppress_glob(pattern, strlen(pattern), text));
}

static void comments_blanks_and_line_ends_of_any_kind_are_no_rules(void **state)
{
    struct suppress s;
    (void)state;
    assert_int_equal(suppress_open(&s, "# site:a\n\n   \t\n  # more\r\n\tsite:one  \r\nholder:two", "f"), 0);
    assert_int_equal(s.n, 2);
    assert_int_equal(s.rule[0].line, 5);
    assert_int_equal(s.rule[1].line, 6);
    assert_true(suppress_place(&s, "", 0, "one"));
    assert_true(suppress_holder(&s, "two"));
    suppress_close(&s);
    assert_int_equal(suppress_open(&s, "", "f"), 0);
    assert_int_equal(s.n, 0);
    suppress_close(&s);
}

static void a_bad_line_is_named_with_what_would_be_right(void **state)
{
    static const struct { const char *text, *message; } bad[] = {
        { "site:a\n\nleak:malloc\n", "weir.supp, line 3: \"leak:malloc\": " },
        { "site:", "weir.supp, line 1: \"site:\": " },
        { "#\nholder:\n", "weir.supp, line 2: \"holder:\": " },
        { "session.c:218", "weir.supp, line 1: \"session.c:218\": " },
        { "Site:x", "weir.supp, line 1: \"Site:x\": " },
        { "0123456789012345678901234567890123456789xyz", "weir.supp, line 1: \"0123456789012345678901234567890123456789\": " },
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct suppress s;
        char message[256];
        assert_int_equal(suppress_open(&s, bad[i].text, "weir.supp"), -EINVAL);
        snprintf(message, sizeof message, "%ssite:PATTERN, as in site:session.c:218, or holder:PATTERN, as in holder:logger-*", bad[i].message);
        assert_string_equal(weir_error_message(), message);
    }
}

static void more_rules_than_there_is_room_for_are_an_error(void **state)
{
    struct suppress s;
    char *text = calloc(SUPPRESS_RULES + 1, 8);
    (void)state;
    for (unsigned i = 0; i < SUPPRESS_RULES; i++)
        strcpy(text + (size_t)7 * i, "site:a\n");
    assert_int_equal(suppress_open(&s, text, "f"), 0);
    assert_int_equal(s.n, SUPPRESS_RULES);
    suppress_close(&s);
    strcat(text, "site:a\n");
    assert_int_equal(suppress_open(&s, text, "f"), -E2BIG);
    assert_string_equal(weir_error_message(), "f, line 1025: more than 1024 rules");
    free(text);
}

static void a_place_is_its_function_or_its_file_and_line(void **state)
{
    struct suppress s;
    (void)state;
    assert_int_equal(suppress_open(&s, "site:session.c:218\nsite:on_read\nsite:libfoo.so+0x1*\nsite:/src/x.c:*\nholder:session.c:218", "f"), 0);
    assert_true(suppress_place(&s, "session.c", 218, ""));
    assert_true(suppress_place(&s, "/home/me/session.c", 218, "any"));
    assert_false(suppress_place(&s, "mysession.c", 218, "any"));
    assert_false(suppress_place(&s, "session.c", 21, "any"));
    assert_true(suppress_place(&s, "other.c", 1, "on_read"));
    assert_true(suppress_place(&s, "", 0, "libfoo.so+0x1234"));
    assert_false(suppress_place(&s, "", 0, "libfoo.so+0x2234"));
    assert_true(suppress_place(&s, "/src/x.c", 77, ""));
    assert_false(suppress_place(&s, "x.c", 77, ""));
    suppress_close(&s);
}

static void rules_that_matched_are_counted_and_no_others(void **state)
{
    struct suppress s;
    (void)state;
    assert_int_equal(suppress_open(&s, "site:a\nholder:a\nsite:*\nsite:b", "f"), 0);
    assert_true(suppress_place(&s, "", 0, "a"));
    assert_int_equal(s.rule[0].used, 1);
    assert_int_equal(s.rule[1].used, 0);
    assert_int_equal(s.rule[2].used, 1);
    assert_int_equal(s.rule[3].used, 0);
    assert_false(suppress_holder(&s, "b"));
    assert_true(suppress_holder(&s, "a"));
    assert_int_equal(s.rule[1].used, 1);
    suppress_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_star_stands_for_any_text_and_nothing_else_does),
        cmocka_unit_test(many_stars_end_soon),
        cmocka_unit_test(comments_blanks_and_line_ends_of_any_kind_are_no_rules),
        cmocka_unit_test(a_bad_line_is_named_with_what_would_be_right),
        cmocka_unit_test(more_rules_than_there_is_room_for_are_an_error),
        cmocka_unit_test(a_place_is_its_function_or_its_file_and_line),
        cmocka_unit_test(rules_that_matched_are_counted_and_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
