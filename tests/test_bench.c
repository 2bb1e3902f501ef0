/* test_bench.c - weir-bench as a program: every pattern once, so short that the times mean nothing; what it writes, and what it refuses.
 *
 * WEIR_BENCH is its path. The peers are those that every build has.
 */
#include "weir_test.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define OURS "floor,weir,weir-cache,weir-shared,weir-shared-cache,weir-plugin,weir-plugin-cache,mutex,rundown-own,rundown-word,rundown-sharded"

static char directory[] = "/tmp/weir-bench-XXXXXX";
static char output[400000];

/* What the command prints, both ways; returns its exit status. */
static int run(const char *format, ...)
{
    char command[2000];
    va_list args;
    FILE *pipe;
    size_t n;
    int status;
    va_start(args, format);
    vsnprintf(command, sizeof command, format, args);
    va_end(args);
    strcat(command, " 2>&1");
    pipe = popen(command, "r");
    assert_non_null(pipe);
    n = fread(output, 1, sizeof output - 1, pipe);
    output[n] = 0;
    status = pclose(pipe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int make_directory(void **state)
{
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state)
{
    (void)state;
    return run("rm -rf %s", directory);
}

static void is(int status, int expected)
{
    if (status != expected)
        fail_msg("exit status %d, not %d:\n%.4000s", status, expected, output);
}

static void has(const char *text)
{
    if (!strstr(output, text))
        fail_msg("\"%s\" is not in:\n%s", text, output);
}

static json_t *load(void)
{
    char file[200];
    json_error_t error;
    json_t *all;
    snprintf(file, sizeof file, "%s/all.json", directory);
    all = json_load_file(file, 0, &error);
    if (!all)
        fail_msg("line %d: %s", error.line, error.text);
    return all;
}

static const char *string(const json_t *object, const char *name)
{
    const char *s = json_string_value(json_object_get(object, name));
    if (!s)
        fail_msg("there is no \"%s\"", name);
    return s;
}

static double value_of(const json_t *row, const char *name)
{
    return json_real_value(json_object_get(json_object_get(json_object_get(row, "values"), name), "median"));
}

static double first_value_of(const json_t *row)
{
    json_t *values = json_object_get(row, "values");
    const char *name = json_object_iter_key(json_object_iter(values));
    assert_non_null(name);
    return value_of(row, name);
}

/* Every number is there, and weir has a row of its own in every case. */
static void check_case(const json_t *c)
{
    size_t i;
    const json_t *row;
    int ours = 0;
    json_array_foreach(json_object_get(c, "rows"), i, row) {
        ours += strncmp(string(row, "peer"), "weir", 4) == 0 || strncmp(string(row, "peer"), "rundown-w", 9) == 0;
        if (strcmp(string(c, "pattern"), "wait") != 0 && !(first_value_of(row) > 0))
            fail_msg("%s of %s is not above 0", string(c, "pattern"), string(row, "peer"));
        if (strcmp(string(c, "pattern"), "fill") == 0)
            assert_true(value_of(row, "reached") == 100.0);
    }
    if (ours == 0)
        fail_msg("weir has no row in %s, %s", string(c, "pattern"), string(c, "case"));
}

/* The patterns that --list names, up to the peers; returns how many. */
static int listed(char names[][40], int most)
{
    int n = 0;
    char *rest = NULL;
    is(run("%s --list", WEIR_BENCH), 0);
    for (char *line = strtok_r(output, "\n", &rest); line && strcmp(line, "peers") != 0; line = strtok_r(NULL, "\n", &rest))
        if (line[0] == ' ' && n < most && sscanf(line, "%39s", names[n]) == 1)
            n++;
    return n;
}

static bool measured(const json_t *cases, const char *pattern)
{
    size_t i;
    const json_t *c;
    json_array_foreach(cases, i, c)
        if (strcmp(string(c, "pattern"), pattern) == 0)
            return true;
    return false;
}

static void every_pattern_is_measured_and_weir_has_its_rows(void **state)
{
    char names[40][40];
    int n;
    size_t i;
    json_t *all, *c;
    (void)state;
    is(run("%s --objects 4096 --rounds 1 --seconds 0.002 --peer %s --json %s/all.json --csv %s/csv", WEIR_BENCH, OURS, directory,
                         directory), 0);
    all = load();
    n = listed(names, 40);
    assert_true(n > 10);
    for (int k = 0; k < n; k++)
        if (!measured(json_object_get(all, "cases"), names[k]))
            fail_msg("%s is not in the JSON", names[k]);
    json_array_foreach(json_object_get(all, "cases"), i, c)
        check_case(c);
    assert_int_equal(json_array_size(json_object_get(all, "peers")), 11);
    json_decref(all);
}

static void every_pool_proves_its_equation_at_the_end(void **state)
{
    json_t *all, *end;
    size_t i;
    int pools = 0;
    (void)state;
    all = load();
    json_array_foreach(json_object_get(all, "at_the_end"), i, end) {
        json_int_t live = json_integer_value(json_object_get(end, "live")), cached = json_integer_value(json_object_get(end, "cached"));
        assert_int_equal(live, 0);
        assert_int_equal(live + cached + json_integer_value(json_object_get(end, "free")), json_integer_value(json_object_get(end, "capacity")));
        pools += strncmp(string(end, "peer"), "weir", 4) == 0;
    }
    assert_true(pools > 20);
    json_decref(all);
}

static void the_plots_files_have_a_line_for_each_peer(void **state)
{
    (void)state;
    is(run("cat %s/csv/pair.csv %s/csv/caption.txt", directory, directory), 0);
    has("case,x,peer,median,lower quartile,upper quartile\n\"\",0,floor,");
    has("\n\"\",0,weir,");
    has("processors");
}

static void an_unknown_pattern_is_named_and_refused(void **state)
{
    (void)state;
    is(run("%s --only pair,pear", WEIR_BENCH), 2);
    has("--only pear: there is none of that name; --list shows them");
    is(run("%s --peer wier", WEIR_BENCH), 2);
    has("--peer wier: there is none of that name; --list shows them");
    is(run("%s --rounds 0", WEIR_BENCH), 2);
    has("a whole number from 1 to");
    is(run("%s --rounds 2.5", WEIR_BENCH), 2);
    has("--rounds 2.5");
}

static void a_peer_that_is_not_installed_is_named_with_its_package(void **state)
{
    (void)state;
    is(run("cp %s %s/weir-bench && mkdir %s/bench && ln -s $(dirname %s)/bench/bench-mutex %s/bench/", WEIR_BENCH, directory,
                         directory, WEIR_BENCH, directory), 0);
    is(run("%s/weir-bench --only pair --rounds 1 --seconds 0.001 --objects 4096 --peer rte,mutex", directory), 0);
    has("missing: Debian's libdpdk-dev");
}

static void a_peer_that_fails_has_a_row_that_says_so(void **state)
{
    (void)state;
    is(run("printf '#!/bin/sh\\nexit 3\\n' >%s/bench/bench-rte && chmod +x %s/bench/bench-rte", directory, directory), 0);
    is(run("%s/weir-bench --only pair --rounds 1 --seconds 0.001 --objects 4096 --peer rte,mutex", directory), 1);
    has("FAILED: it has ended");
    has("  mutex       ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pattern_is_measured_and_weir_has_its_rows),
        cmocka_unit_test(every_pool_proves_its_equation_at_the_end),
        cmocka_unit_test(the_plots_files_have_a_line_for_each_peer),
        cmocka_unit_test(an_unknown_pattern_is_named_and_refused),
        cmocka_unit_test(a_peer_that_is_not_installed_is_named_with_its_package),
        cmocka_unit_test(a_peer_that_fails_has_a_row_that_says_so),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
