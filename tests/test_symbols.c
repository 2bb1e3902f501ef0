/* test_symbols.c - debug/inspect/symbols.c names the right line, or says why it names none.
 *
 * The subject, tests/symbols/subject.c, is built here with a build id that the test chooses, and is stripped, moved and rebuilt as programs
 * are. Its places are known by a comment at the end of their lines.
 */
#include "weir_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../debug/inspect/symbols.h"

static const char source[] = WEIR_SOURCE "/tests/symbols/subject.c";
static char work[] = "/tmp/weir-symbols-XXXXXX";
static uint64_t offsets[4];
static const char *const marks[] = { "plain", "wrapped", "inlined", "main" };
enum { PLAIN, WRAPPED, INLINED, MAIN, MARKS };

#define run(...) run_command(__VA_ARGS__, NULL)

/* One shell command, its parts side by side, in the test's own directory. */
static void run_command(const char *part, ...)
{
    char command[4096];
    va_list parts;
    int n = snprintf(command, sizeof command, "cd '%s' && ", work);
    va_start(parts, part);
    for (; part; part = va_arg(parts, const char *))
        n += snprintf(command + n, sizeof command - (size_t)n, "%s", part);
    va_end(parts);
    if (system(command))
        fail_msg("failed: %s", command);
}

static void compile(const char *flags, const char *id, const char *out)
{
    run(WEIR_CC " -std=gnu11 -w ", flags, " -I" WEIR_SOURCE "/tests/symbols/include -Wl,--build-id=0x", id, " -o ", out, " ", source);
}

static const char id_text[] = "0123456789abcdef0123456789abcdef01234567", other_text[] = "ffff456789abcdef0123456789abcdef01234567";

static struct debug_module module_with(const char *text)
{
    struct debug_module m = { .state = DEBUG_READY, .id_bytes = 20 };
    for (unsigned i = 0, byte; i < 20; i++) {
        sscanf(text + 2 * i, "%2x", &byte);
        m.build_id[i] = (uint8_t)byte;
    }
    return m;
}

static int line_of(const char *mark)
{
    char line[512], wanted[64];
    FILE *f = fopen(source, "r");
    int n = 0;
    snprintf(wanted, sizeof wanted, "/* at:%s */", mark);
    while (f && fgets(line, sizeof line, f)) {
        n++;
        if (strstr(line, wanted)) {
            fclose(f);
            return n;
        }
    }
    fail_msg("%s has no %s", source, wanted);
    return 0;
}

/* What the subject says of itself. */
static void read_offsets(const char *program)
{
    char command[256], mark[32];
    unsigned long offset;
    FILE *f;
    snprintf(command, sizeof command, "%s/%s", work, program);
    f = popen(command, "r");
    assert_non_null(f);
    for (int i = 0; i < MARKS; i++) {
        assert_int_equal(fscanf(f, "%31s %lx", mark, &offset), 2);
        assert_string_equal(mark, marks[i]);
        offsets[i] = offset;
    }
    assert_int_equal(pclose(f), 0);
}

struct refusal {
    int n;
    char path[256], why[256];
};
static void note_refusal(const char *path, const char *why, void *arg)
{
    struct refusal *r = arg;
    r->n++;
    snprintf(r->path, sizeof r->path, "%s", path);
    snprintf(r->why, sizeof r->why, "%s", why);
}

static struct symbols *opened(const char *directory)
{
    char path[256];
    struct symbols *s;
    snprintf(path, sizeof path, "%s/%s", work, directory ? directory : "");
    s = symbols_open(directory ? path : NULL, false);
    assert_non_null(s);
    return s;
}

static bool ask(struct symbols *s, const char *program, const char *id, int mark, struct report_symbol *out)
{
    struct debug_module m = module_with(id);
    char path[256];
    snprintf(path, sizeof path, "%s/%s", work, program);
    return symbols_resolve(&m, path, offsets[mark], out, s);
}

static void names(struct symbols *s, const char *program, int mark, const char *function)
{
    struct report_symbol found;
    assert_true(ask(s, program, id_text, mark, &found));
    assert_string_equal(found.file, source);
    assert_string_equal(found.function, function);
    assert_int_equal(found.line, line_of(marks[mark]));
}

static void names_all(struct symbols *s, const char *program)
{
    names(s, program, PLAIN, "plain");
    names(s, program, WRAPPED, "by_wrapper");
    names(s, program, INLINED, "inlined_by_user");
    names(s, program, MAIN, "main");
}

static void refuses(struct symbols *s, const char *program, const char *id, const char *why)
{
    struct refusal r = { 0 };
    struct report_symbol found;
    assert_false(ask(s, program, id, PLAIN, &found));
    symbols_each_refused(s, note_refusal, &r);
    assert_int_equal(r.n, 1);
    if (strncmp(r.why, why, strlen(why)))
        fail_msg("refused because \"%s\", not because \"%s\"", r.why, why);
}

/* -- the cases ---------------------------------------------------------------------------------------------------------------- */

static void the_line_of_a_call_is_named(void **state)
{
    struct symbols *s = opened(NULL);
    (void)state;
    names_all(s, "whole");
    names_all(s, "whole");              /* from what is kept */
    symbols_close(s);
}

static void a_build_without_optimisation_is_named_too(void **state)
{
    struct symbols *s;
    uint64_t kept[MARKS];
    (void)state;
    memcpy(kept, offsets, sizeof kept);
    compile("-g -O0", id_text, "unoptimised");
    read_offsets("unoptimised");
    s = opened(NULL);
    names_all(s, "unoptimised");
    symbols_close(s);
    memcpy(offsets, kept, sizeof kept);
}

static void a_stripped_program_has_no_lines_and_says_so(void **state)
{
    struct symbols *s = opened(NULL);
    (void)state;
    refuses(s, "stripped", id_text, "no debug information");
    symbols_close(s);
}

static void a_debug_file_is_found_by_build_id(void **state)
{
    struct symbols *s = opened("by-id");
    (void)state;
    names_all(s, "stripped");
    symbols_close(s);
}

static void a_debug_file_is_found_by_the_link_in_the_program(void **state)
{
    struct symbols *s = opened("by-link");
    (void)state;
    names_all(s, "linked");
    symbols_close(s);
}

static void a_debug_file_serves_when_the_program_is_gone(void **state)
{
    struct symbols *s = opened("by-id");
    (void)state;
    names_all(s, "never-was-here");
    symbols_close(s);
    s = opened("by-name");
    names_all(s, "moved");
    symbols_close(s);
}

static void a_program_that_is_gone_is_said(void **state)
{
    struct symbols *s = opened(NULL);
    (void)state;
    refuses(s, "never-was-here", id_text, "no such file");
    symbols_close(s);
}

static void a_program_that_was_rebuilt_is_refused(void **state)
{
    struct symbols *s = opened(NULL);
    (void)state;
    refuses(s, "whole", other_text, "build id differs");
    symbols_close(s);
}

static void a_debug_file_of_another_build_is_refused(void **state)
{
    struct symbols *s = opened("wrong");
    (void)state;
    refuses(s, "stripped", id_text, "no debug information");
    symbols_close(s);
}

static void a_rebuilt_program_does_not_hide_the_right_debug_file(void **state)
{
    struct symbols *s = opened("by-id");
    (void)state;
    names_all(s, "rebuilt");
    symbols_close(s);
}

static void a_module_without_a_build_id_is_refused(void **state)
{
    struct symbols *s = opened(NULL);
    struct debug_module m = { .state = DEBUG_READY };
    struct report_symbol found;
    struct refusal r = { 0 };
    char path[256];
    (void)state;
    snprintf(path, sizeof path, "%s/whole", work);
    assert_false(symbols_resolve(&m, path, offsets[PLAIN], &found, s));
    symbols_each_refused(s, note_refusal, &r);
    assert_int_equal(strncmp(r.why, "no build id", 11), 0);
    symbols_close(s);
}

/* A segment may say anything: another kind of file, a fifo that nobody writes to, an address that is in no function. */
static void nonsense_is_refused_and_blocks_nothing(void **state)
{
    struct symbols *s = opened(NULL);
    struct debug_module m = module_with(id_text);
    struct report_symbol found;
    char path[256];
    (void)state;
    snprintf(path, sizeof path, "%s/fifo", work);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_false(symbols_resolve(&m, path, 1, &found, s));
    assert_false(symbols_resolve(&m, work, 1, &found, s));
    assert_false(symbols_resolve(&m, source, 1, &found, s));
    assert_false(symbols_resolve(&m, "", 1, &found, s));
    snprintf(path, sizeof path, "%s/whole", work);
    assert_false(symbols_resolve(&m, path, 0, &found, s));
    assert_false(symbols_resolve(&m, path, UINT64_MAX, &found, s));
    assert_false(symbols_resolve(&m, path, 1, &found, s));
    m.id_bytes = UINT32_MAX;
    assert_false(symbols_resolve(&m, path, offsets[PLAIN], &found, s));
    symbols_close(s);
}

static int build(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(work));
    compile("-g -O2", id_text, "whole");
    read_offsets("whole");
    run("mkdir -p by-id/.build-id/01 by-link by-name wrong/.build-id/01");
    run(WEIR_OBJCOPY " --only-keep-debug whole by-id/.build-id/01/", id_text + 2, ".debug");
    run(WEIR_OBJCOPY " --strip-all whole stripped");
    run("cp by-id/.build-id/01/*.debug by-link/subject.debug && cp by-link/subject.debug by-name/moved.debug");
    run(WEIR_OBJCOPY " --strip-all --add-gnu-debuglink=by-link/subject.debug whole linked");
    compile("-g -O0 -DREBUILT", other_text, "rebuilt");
    run(WEIR_OBJCOPY " --only-keep-debug rebuilt wrong/.build-id/01/", id_text + 2, ".debug");
    return 0;
}

static int clean(void **state)
{
    (void)state;
    run("rm -rf '", work, "'");
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_line_of_a_call_is_named),
        cmocka_unit_test(a_build_without_optimisation_is_named_too),
        cmocka_unit_test(a_stripped_program_has_no_lines_and_says_so),
        cmocka_unit_test(a_debug_file_is_found_by_build_id),
        cmocka_unit_test(a_debug_file_is_found_by_the_link_in_the_program),
        cmocka_unit_test(a_debug_file_serves_when_the_program_is_gone),
        cmocka_unit_test(a_program_that_is_gone_is_said),
        cmocka_unit_test(a_program_that_was_rebuilt_is_refused),
        cmocka_unit_test(a_debug_file_of_another_build_is_refused),
        cmocka_unit_test(a_rebuilt_program_does_not_hide_the_right_debug_file),
        cmocka_unit_test(a_module_without_a_build_id_is_refused),
        cmocka_unit_test(nonsense_is_refused_and_blocks_nothing),
    };
    return cmocka_run_group_tests(tests, build, clean);
}
