/* tests/test_guards.c - every guard ships with the bug that it finds: each case plants one in a process of its own and passes only if that process dies of it
 * and its message names what, which op, where, who had it, and what to do next. Programs without a bug, under every guard, say nothing.
 *
 * test_guards --plant NAME runs one bug alone: what the cases start on a system without fork, and under Valgrind. The same file, compiled with
 * AddressSanitizer and linked to a libweir that is not, is the test that such a program's bugs are AddressSanitizer's own reports.
 */
#include "support.h"

#ifdef __linux__
#include "child.h"
#define QUOTE ""
#else
struct told {
    int status;
    char text[8192];
};
#define QUOTE "\""                       /* cmd takes the first and the last one away */
#define popen _popen
#define pclose _pclose
#endif

#include <weir/track.h>

#ifdef __SANITIZE_ADDRESS__
#define ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ASAN 1
#endif
#endif
#ifndef ASAN
#define ASAN 0
#endif

enum { CAPACITY = 16, SIZE = 200 };

static struct weir_pool *pool_guarded(const char *name, const char *debug)
{
    struct weir_pool_config config = { .name = name, .capacity = CAPACITY, .buffer_size = SIZE, .user_size = 64, .debug = debug };
    struct weir_pool *pool = NULL;
    if (weir_pool_create(&pool, &config)) {
        fprintf(stderr, "weir_pool_create: %s\n", weir_error_message());
        exit(1);
    }
    return pool;
}

/* By code that no sanitizer looks into, as a driver's or the kernel's write. */
__attribute__((no_sanitize_address, __noinline__)) static void scribble(char *at, const char *text)
{
    volatile char *to = at;
    while (*text)
        *to++ = *text++;
}

/* In the stacks that tools print: no tail call. */
__attribute__((__noinline__)) static struct weir_op *takes_an_op(struct weir_pool *pool)
{
    struct weir_op *op = weir_op_get(pool);
    __asm__ __volatile__("" : "+r"(op));
    return op;
}

__attribute__((__noinline__)) static void puts_an_op(struct weir_op *op)
{
    weir_op_put(op);
    __asm__ __volatile__("");
}

/* -- the bugs --------------------------------------------------------------------------------------------------------------- */

static void bug_double_put(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    puts_an_op(op);
    puts_an_op(op);
}

static void bug_double_put_in_bulk(const char *debug)
{
    struct weir_op *op[2];
    op[0] = op[1] = takes_an_op(pool_guarded("sessions", debug));
    weir_op_put_bulk(op, 2);
}

static void bug_wrong_cache(const char *debug)
{
    struct weir_pool *right = pool_guarded("sessions", debug), *wrong = pool_guarded("frames", debug);
    struct weir_op *op = takes_an_op(right);
    puts_an_op(takes_an_op(wrong));
    weir_op_put_to(weir_cache_get(wrong), op);
}

static void bug_ref_of_a_free_op(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    puts_an_op(op);
    weir_op_ref(op);
}

static void bug_over_release(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    weir_op_ref(op);
    (void)weir_op_unref(op);
    (void)weir_op_unref(op);
    (void)weir_op_unref(op);
}

static void bug_put_with_references(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    weir_op_ref(op);
    puts_an_op(op);
}

static void bug_put_while_published(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    weir_op_publish(op);
    puts_an_op(op);
}

static void bug_put_in_flight(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    weir_op_submitted(op);
    puts_an_op(op);
}

static void bug_last_unref_in_flight(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    weir_op_ref(op);
    weir_op_submitted(op);
    (void)weir_op_unref(op);
    (void)weir_op_unref(op);
}

static void bug_submitted_twice(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    weir_op_submitted(op);
    weir_op_submitted(op);
}

static void bug_returned_unsubmitted(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    weir_op_submitted(op);
    weir_op_returned(op);
    weir_op_returned(op);
}

/* What another library's I/O looks like to who takes every completion for its own. */
static uint64_t foreign_io[64];

static void bug_foreign_put(const char *debug)
{
    (void)pool_guarded("sessions", debug);
    puts_an_op(weir_op_from_overlapped((struct _OVERLAPPED *)(void *)foreign_io));
}

static void bug_foreign_returned(const char *debug)
{
    (void)pool_guarded("sessions", debug);
    weir_op_returned(weir_op_from_overlapped((struct _OVERLAPPED *)(void *)foreign_io));
}

static void bug_foreign_unref(const char *debug)
{
    (void)pool_guarded("sessions", debug);
    (void)weir_op_unref(weir_op_from_overlapped((struct _OVERLAPPED *)(void *)foreign_io));
}

static void bug_write_after_put(const char *debug)
{
    struct weir_pool *pool = pool_guarded("sessions", debug);
    struct weir_op *op = takes_an_op(pool);
    char *kept = weir_op_buffer(op);
    puts_an_op(op);
    scribble(kept + 100, "hello");
    (void)takes_an_op(pool);
}

static void bug_write_behind_the_buffer(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    scribble((char *)weir_op_buffer(op) + SIZE - 2, "xyAB");
    puts_an_op(op);
}

static void bug_write_before_the_buffer(const char *debug)
{
    struct weir_pool *pool = pool_guarded("sessions", debug);
    struct weir_op *op[2] = { takes_an_op(pool), takes_an_op(pool) }, *second = op[weir_op_index(op[1]) != 0];
    scribble((char *)weir_op_buffer(second) - 1, "A");
    puts_an_op(second);
}

/* The last reference goes by unref. */
static void bug_write_behind_a_referenced_buffer(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    weir_op_ref(op);
    scribble((char *)weir_op_buffer(op) + SIZE, "A");
    (void)weir_op_unref(op);
    (void)weir_op_unref(op);
}

static void bug_use_after_put(const char *debug)
{
    struct weir_pool *pool = pool_guarded("sessions", debug);
    struct weir_op *op = takes_an_op(pool);
    char *kept = weir_op_buffer(op);
    kept[12] = 'a';
    puts_an_op(op);
    *(volatile char *)(kept + 12) = 'b';
}

static void bug_use_beyond(const char *debug)
{
    struct weir_pool *pool = pool_guarded("sessions", debug);
    volatile char *buffer = weir_op_buffer(takes_an_op(pool));
    buffer[SIZE - 1] = 'a';
    buffer[SIZE] = 'b';
}

static void bug_hidden_use_after_put(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    char *kept = weir_op_buffer(op);
    puts_an_op(op);
    scribble(kept + 12, "hello");
}

static void bug_hold_dropped_twice(const char *debug)
{
    struct weir_op *op = takes_an_op(pool_guarded("sessions", debug));
    weir_hold hold = weir_hold_take(op);
    (void)weir_hold_drop(op, hold);
    (void)weir_hold_drop(op, hold);
}

static void bug_hold_of_another_op(const char *debug)
{
    struct weir_pool *pool = pool_guarded("sessions", debug);
    struct weir_op *one = takes_an_op(pool), *other = takes_an_op(pool);
    (void)weir_hold_drop(other, weir_hold_take(one));
}

/* -- no bug ------------------------------------------------------------------------------------------------------------------ */

static unsigned clean_random(unsigned *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 16;
}

static const char *works_without_a_bug(void *arg)
{
    struct weir_pool *pool = arg;
    unsigned seed = (unsigned)(uintptr_t)&seed;
    for (int i = 0; i < 3000; i++) {
        struct weir_op *op[4];
        unsigned n = weir_op_get_bulk(pool, op, 1 + clean_random(&seed) % 4);
        if (!n && (op[0] = weir_op_get(pool)))
            n = 1;
        for (unsigned k = 0; k < n; k++)
            memset(weir_op_buffer(op[k]), (int)clean_random(&seed), weir_op_buffer_size(op[k]));
        if (n && i % 3 == 0) {
            weir_op_ref(op[0]);
            weir_op_submitted(op[0]);
            weir_op_returned(op[0]);
            if (weir_op_unref(op[0]))
                return "an unref of two was the last";
        }
        if (n && i % 5 == 0) {
            weir_hold hold = weir_hold_take(op[0]);
            hold = weir_hold_move(op[0], hold);
            if (weir_hold_drop(op[0], hold))
                return "a hold beside a reference was the last";
        }
        if (i % 2)
            weir_op_put_bulk(op, n);
        else
            while (n)
                (void)weir_op_unref(op[--n]);
        if (i % 500 == 0)
            (void)weir_pool_trim(pool);
    }
    return NULL;
}

static void no_bug(const char *debug)
{
    struct weir_pool *pool = pool_guarded("clean", debug);
    struct thread threads[3];
    for (int i = 0; i < 3; i++) {
        threads[i].body = works_without_a_bug;
        threads[i].arg = pool;
        if (pthread_create(&threads[i].id, NULL, thread_main, &threads[i]))
            exit(1);
    }
    for (int i = 0; i < 3; i++) {
        void *wrong = NULL;
        pthread_join(threads[i].id, &wrong);
        if (wrong)
            fprintf(stderr, "%s\n", (const char *)wrong);
    }
    if (weir_pool_check(pool) || weir_pool_close(pool))
        fprintf(stderr, "%s\n", weir_error_message());
}

/* -- planting ---------------------------------------------------------------------------------------------------------------- */

struct planted {
    const char *name;
    void (*bug)(const char *debug);
    const char *debug;
};

static const char *planted_runs(void *arg)
{
    const struct planted *p = arg;
    p->bug(p->debug);
    return NULL;
}

#define PLANT(what, spec) { #what "/" spec, what, spec }
static const struct planted planted[] = {
    PLANT(bug_double_put, "guard"), PLANT(bug_double_put, "guard=page"), PLANT(bug_double_put, "guard,track=sketch"),
    PLANT(bug_double_put_in_bulk, "guard"), PLANT(bug_wrong_cache, "guard"), PLANT(bug_ref_of_a_free_op, "guard"),
    PLANT(bug_over_release, "guard"), PLANT(bug_over_release, "track=sketch,journal=8"), PLANT(bug_put_with_references, "guard"),
    PLANT(bug_put_while_published, "guard"), PLANT(bug_put_in_flight, "guard"), PLANT(bug_last_unref_in_flight, "guard"),
    PLANT(bug_submitted_twice, "guard"), PLANT(bug_returned_unsubmitted, "guard"), PLANT(bug_foreign_put, "guard"),
    PLANT(bug_foreign_returned, "guard"), PLANT(bug_foreign_unref, "guard"), PLANT(bug_write_after_put, "guard"),
    PLANT(bug_write_behind_the_buffer, "guard"), PLANT(bug_write_behind_the_buffer, "guard=page"), PLANT(bug_write_before_the_buffer, "guard"),
    PLANT(bug_write_behind_a_referenced_buffer, "guard"), PLANT(bug_hidden_use_after_put, "guard=page"),
    PLANT(bug_hold_dropped_twice, "guard,track=slots"), PLANT(bug_hold_of_another_op, "guard,track=slots"), PLANT(bug_use_after_put, ""),
    PLANT(bug_use_after_put, "guard"), PLANT(bug_use_beyond, ""), PLANT(bug_use_beyond, "guard"), PLANT(no_bug, ""), PLANT(no_bug, "guard"),
    PLANT(no_bug, "guard=page"), PLANT(no_bug, "guard,track=sketch,sample=3"), PLANT(no_bug, "guard,track=slots,journal=4"),
};

static const struct planted *planted_named(const char *name)
{
    for (size_t i = 0; i < sizeof planted / sizeof *planted; i++)
        if (strcmp(planted[i].name, name) == 0)
            return &planted[i];
    return NULL;
}

#if !defined(__linux__) || defined(VALGRIND)
static const char *self;

static void told_by_a_command(struct told *told, const char *before, const char *name)
{
    char command[1200];
    size_t n = 0, got;
    FILE *out;
    snprintf(command, sizeof command, QUOTE "%s\"%s\" --plant \"%s\" 2>&1" QUOTE, before, self, name);
    fflush(stdout);
    out = popen(command, "r");
    assert_non_null(out);
    while (n < sizeof told->text - 1 && (got = fread(told->text + n, 1, sizeof told->text - 1 - n, out)) > 0)
        n += got;
    told->text[n] = 0;
    told->status = pclose(out);
}
#endif

static void plant(struct told *told, const char *name)
{
    const struct planted *p = planted_named(name);
    assert_non_null(p);
#ifdef __linux__
    told_by_a_child(told, planted_runs, (void *)(uintptr_t)p);
#else
    told_by_a_command(told, "", name);
#endif
}

/* The process died, and its message says all of that. */
static void assert_caught(const char *name, ...)
{
    struct told told;
    va_list all;
    plant(&told, name);
    if (told.status == 0)
        fail_msg("%s was not caught; the process said: %s", name, told.text);
    va_start(all, name);
    assert_says_v(told.text, all);
    va_end(all);
}

#define THE_OP "op 0 of pool \"sessions\"|op 1 of pool \"sessions\""
#define STORY "its last events, in order:"

static void a_double_put_is_caught(void **state)
{
    (void)state;
    assert_caught("bug_double_put/guard", THE_OP, "was put twice", STORY, "taken from the pool by ", "given back by ", "test_guards", "next: ", NULL);
    assert_caught("bug_double_put/guard=page", THE_OP, "was put twice", STORY, "next: ", NULL);
    assert_caught("bug_double_put/guard,track=sketch", THE_OP, "was put twice", STORY, "next: ", NULL);
    assert_caught("bug_double_put_in_bulk/guard", THE_OP, "was put twice", STORY, "next: ", NULL);
}

static void a_put_to_another_pool_s_cache_is_caught(void **state)
{
    (void)state;
    assert_caught("bug_wrong_cache/guard", THE_OP, "pool \"frames\"", STORY, "next: ", NULL);
}

static void a_reference_to_a_free_op_is_caught(void **state)
{
    (void)state;
    assert_caught("bug_ref_of_a_free_op/guard", THE_OP, "free", STORY, "given back by ", "next: ", NULL);
}

static void an_over_release_is_caught(void **state)
{
    (void)state;
    assert_caught("bug_over_release/guard", THE_OP, "given back already|put twice", STORY, "next: ", NULL);
    assert_caught("bug_over_release/track=sketch,journal=8", THE_OP, "given back already|put twice", STORY, "next: ", NULL);
}

static void a_put_by_who_is_not_alone_is_caught(void **state)
{
    (void)state;
    assert_caught("bug_put_with_references/guard", THE_OP, "2 references", STORY, "reference taken by", "next: ", NULL);
    assert_caught("bug_put_while_published/guard", THE_OP, "published", STORY, "next: ", NULL);
}

static void a_use_while_the_system_has_it_is_caught(void **state)
{
    (void)state;
    assert_caught("bug_put_in_flight/guard", THE_OP, "was put while it is submitted", STORY, "submitted by", "next: ", NULL);
    assert_caught("bug_last_unref_in_flight/guard", THE_OP, "last", "submitted", STORY, "next: ", NULL);
    assert_caught("bug_submitted_twice/guard", THE_OP, "submitted twice", STORY, "next: ", NULL);
    assert_caught("bug_returned_unsubmitted/guard", THE_OP, "was not submitted", STORY, "returned by the system", "next: ", NULL);
}

static void an_overlapped_that_is_not_ours_is_caught(void **state)
{
    (void)state;
    assert_caught("bug_foreign_put/guard", "not an op of any open pool", "next: ", NULL);
    assert_caught("bug_foreign_returned/guard", "not an op of any open pool", "next: ", NULL);
    assert_caught("bug_foreign_unref/guard", "not an op of any open pool", "next: ", NULL);
}

static void a_write_after_the_put_is_caught_at_the_next_get(void **state)
{
    (void)state;
    assert_caught("bug_write_after_put/guard", THE_OP, "was written to after it was put", "5 bytes", "from byte 100 to byte 104 of 200",
                  "68 65 6c 6c 6f \"hello\"", "found by this get", STORY, "given back by ", "next: ", NULL);
}

static void a_write_beyond_the_buffer_is_caught_at_the_put(void **state)
{
    (void)state;
    assert_caught("bug_write_behind_the_buffer/guard", THE_OP, "overrun while it was held", "2 bytes", "from byte 200 to byte 201 of 200",
                  "41 42 \"AB\"", "found by this put", STORY, "taken from the pool by ", "next: ", NULL);
    assert_caught("bug_write_behind_the_buffer/guard=page", THE_OP, "overrun while it was held", "next: ", NULL);
    assert_caught("bug_write_before_the_buffer/guard", THE_OP, "underrun while it was held", "1 bytes", "from byte -1 to byte -1", STORY, "next: ", NULL);
    assert_caught("bug_write_behind_a_referenced_buffer/guard", THE_OP, "overrun while it was held", STORY, "next: ", NULL);
}

static void a_use_of_protected_pages_is_caught_in_the_act(void **state)
{
    (void)state;
    assert_caught("bug_hidden_use_after_put/guard=page", THE_OP, "was used after it was put: at byte 12 of its buffer of 200", STORY, "given back by ",
                  "next: ", NULL);
}

static void a_wrong_hold_is_caught(void **state)
{
    (void)state;
    assert_caught("bug_hold_dropped_twice/guard,track=slots", THE_OP, "hold 0x", "before", "at test_guards", STORY, "next: ", NULL);
    assert_caught("bug_hold_of_another_op/guard,track=slots", THE_OP, "hold 0x", "another", "at test_guards", STORY, "next: ", NULL);
}

static void programs_without_a_bug_are_never_accused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof planted / sizeof *planted; i++) {
        struct told told;
        if (planted[i].bug != no_bug)
            continue;
        plant(&told, planted[i].name);
        if (told.status || *told.text)
            fail_msg("%s: status 0x%x, and it said: %s", planted[i].name, (unsigned)told.status, told.text);
    }
}

static void protected_buffers_are_not_registered(void **state)
{
    struct weir_pool *pages = pool_guarded("pages", "guard=page"), *poison = pool_guarded("poison", "guard");
    struct weir_iovec out[4];
    (void)state;
    assert_int_equal(weir_pool_iovecs(pages, out, 4), -ENOTSUP);
    assert_says(weir_error_message(), "\"pages\"", "guard=page", (char *)NULL);
    assert_int_equal(weir_pool_iovecs(poison, out, 4), 1);
    weir_pool_iovecs_release(poison);
    close_quiet(pages);
    close_quiet(poison);
}

#if ASAN
static void a_use_after_put_is_asan_s_own_report(void **state)
{
    (void)state;
    assert_caught("bug_use_after_put/", "AddressSanitizer: use-after-poison", "WRITE of size 1", "bug_use_after_put", NULL);
    assert_caught("bug_use_after_put/guard", "AddressSanitizer: use-after-poison", "WRITE of size 1", "bug_use_after_put", NULL);
}

static void a_use_beyond_the_buffer_is_asan_s_own_report(void **state)
{
    (void)state;
    assert_caught("bug_use_beyond/", "AddressSanitizer: use-after-poison", "WRITE of size 1", "bug_use_beyond", NULL);
    assert_caught("bug_use_beyond/guard", "AddressSanitizer: use-after-poison", "WRITE of size 1", "bug_use_beyond", NULL);
}
#endif

#ifdef VALGRIND
static void valgrind_says(const char *name, ...)
{
    struct told told;
    va_list all;
    told_by_a_command(&told, VALGRIND " -q --error-exitcode=9 ", name);
    assert_true(WIFEXITED(told.status));
    assert_int_equal(WEXITSTATUS(told.status), 9);
    va_start(all, name);
    assert_says_v(told.text, all);
    va_end(all);
}

static void a_use_after_put_is_valgrind_s_own_report(void **state)
{
    (void)state;
    valgrind_says("bug_use_after_put/", "Invalid write of size 1", "bug_use_after_put", "12 bytes inside a block of size 200 free'd", "puts_an_op",
                  "Block was alloc'd at", "takes_an_op", NULL);
    valgrind_says("bug_use_after_put/guard", "Invalid write of size 1", "12 bytes inside a block of size 200 free'd", NULL);
}

static void a_use_beyond_the_buffer_is_valgrind_s_own_report(void **state)
{
    (void)state;
    valgrind_says("bug_use_beyond/", "Invalid write of size 1", "bug_use_beyond", "0 bytes after a block of size 200", "takes_an_op", NULL);
    valgrind_says("bug_use_beyond/guard", "Invalid write of size 1", "bug_use_beyond", NULL);
}

static void valgrind_finds_nothing_in_a_program_without_a_bug(void **state)
{
    struct told told;
    (void)state;
    told_by_a_command(&told, VALGRIND " -q --error-exitcode=9 ", "no_bug/guard");
    assert_string_equal(told.text, "");
    assert_int_equal(told.status, 0);
    told_by_a_command(&told, VALGRIND " -q --error-exitcode=9 ", "no_bug/");
    assert_string_equal(told.text, "");
    assert_int_equal(told.status, 0);
}
#endif

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_double_put_is_caught),
        cmocka_unit_test(a_put_to_another_pool_s_cache_is_caught),
        cmocka_unit_test(a_reference_to_a_free_op_is_caught),
        cmocka_unit_test(an_over_release_is_caught),
        cmocka_unit_test(a_put_by_who_is_not_alone_is_caught),
        cmocka_unit_test(a_use_while_the_system_has_it_is_caught),
        cmocka_unit_test(an_overlapped_that_is_not_ours_is_caught),
        cmocka_unit_test(a_write_after_the_put_is_caught_at_the_next_get),
        cmocka_unit_test(a_write_beyond_the_buffer_is_caught_at_the_put),
        cmocka_unit_test(a_use_of_protected_pages_is_caught_in_the_act),
        cmocka_unit_test(a_wrong_hold_is_caught),
        cmocka_unit_test(programs_without_a_bug_are_never_accused),
        cmocka_unit_test(protected_buffers_are_not_registered),
#if ASAN
        cmocka_unit_test(a_use_after_put_is_asan_s_own_report),
        cmocka_unit_test(a_use_beyond_the_buffer_is_asan_s_own_report),
#endif
#ifdef VALGRIND
        cmocka_unit_test(a_use_after_put_is_valgrind_s_own_report),
        cmocka_unit_test(a_use_beyond_the_buffer_is_valgrind_s_own_report),
        cmocka_unit_test(valgrind_finds_nothing_in_a_program_without_a_bug),
#endif
    };
#if !defined(__linux__) || defined(VALGRIND)
    self = argv[0];
#endif
    if (argc == 3 && strcmp(argv[1], "--plant") == 0) {
        const struct planted *p = planted_named(argv[2]);
        if (!p)
            return 2;
        (void)planted_runs((void *)(uintptr_t)p);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
