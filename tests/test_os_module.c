/* tests/test_os_module.c - os.h's modules, stacks, environment and page protection. */
#include "os_support.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <sched.h>
#include <signal.h>
#endif

static int something = 4711;

static struct os_module module_of(const void *address)
{
    struct os_module module;
    memset(&module, 0xee, sizeof module);
    assert_int_equal(os_module_of(address, &module), 0);
    return module;
}

static void this_program_is_found_by_its_code_and_by_its_data(void **state)
{
    (void)state;
    struct os_module module = module_of(&something), same;
    const void *address;
    struct os_module (*function)(const void *) = module_of;
    memcpy(&address, &function, sizeof address);
    same = module_of(address);
    assert_string_equal(module.path, same.path);
    assert_int_equal(module.base, same.base);
    assert_non_null(strstr(module.path, "test_os_module"));
}

/* The linker was told the id (on Windows: to make one). */
static void the_build_id_is_the_linkers(void **state)
{
    (void)state;
    static const uint8_t expected[20] = {0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff, 1, 2, 3, 4};
    struct os_module module = module_of(&something);
    assert_int_equal(module.id_bytes, 20);
#ifdef _WIN32
    (void)expected;
#else
    assert_memory_equal(module.build_id, expected, 20);
#endif
}

static void the_systems_library_is_another_module(void **state)
{
    (void)state;
    struct os_module ours = module_of(&something);
#ifdef _WIN32
    struct os_module theirs = module_of((const void *)(uintptr_t)GetProcAddress(GetModuleHandleA("kernel32.dll"), "Sleep"));
#else
    const void *address;
    int (*function)(void) = sched_yield;        /* no sanitizer has one of its own */
    memcpy(&address, &function, sizeof address);
    struct os_module theirs = module_of(address);
#endif
    assert_string_not_equal(ours.path, theirs.path);
    assert_true(ours.base != theirs.base);
}

static void what_is_of_no_module_is_enoent(void **state)
{
    (void)state;
    struct os_module module;
    void *pages = os_pages(4096);
    assert_non_null(pages);
    assert_int_equal(os_module_of(pages, &module), -ENOENT);
    assert_int_equal(os_module_of(NULL, &module), -ENOENT);
    os_pages_free(pages, 4096);
}

#ifndef _WIN32
extern const char __executable_start[];         /* NOLINT: the linker's name; linked at 0 if the program can be moved */

static void the_base_is_the_distance_between_where_it_was_linked_for_and_where_it_is(void **state)
{
    (void)state;
    struct os_module module = module_of(&something);
    uint64_t start = (uint64_t)(uintptr_t)__executable_start;
#if defined(__PIE__) || defined(__pie__)
    assert_int_equal(module.base, start);
#else
    assert_true(module.base == 0 || module.base == start);
#endif
}
#endif

/* -- stacks ------------------------------------------------------------------------------------------------------------- */

struct walk {
    const void *from, *frame[40];
    unsigned n, wanted;
    volatile int after;
};

__attribute__((noinline)) static void walks(struct walk *w, const void *from)
{
    w->n = os_stack(w->frame, w->wanted, from);
    w->after++;
}

__attribute__((noinline)) static void calls_from_here(struct walk *w)
{
    w->from = __builtin_return_address(0);
    walks(w, w->from);
    w->after++;
}

__attribute__((noinline)) static void calls_deep(struct walk *w, int depth)
{
    if (depth == 0)
        calls_from_here(w);
    else
        calls_deep(w, depth - 1);
    w->after++;
}

#if defined(__GLIBC__) || defined(_WIN32)
static void a_stack_begins_where_it_was_asked_to(void **state)
{
    (void)state;
    struct walk w = {.wanted = 40};
    calls_deep(&w, 3);
    assert_true(w.n >= 5);
    assert_ptr_equal(w.frame[0], w.from);
    for (unsigned i = 0; i < 4; i++)
        assert_non_null(strstr(module_of(w.frame[i]).path, "test_os_module"));
}

static void a_stack_is_as_long_as_there_is_room_for(void **state)
{
    (void)state;
    struct walk w = {.wanted = 2};
    w.frame[2] = &w;
    calls_deep(&w, 3);
    assert_int_equal(w.n, 2);
    assert_ptr_equal(w.frame[0], w.from);
    assert_ptr_equal(w.frame[2], &w);
    w.wanted = 0;
    calls_deep(&w, 3);
    assert_int_equal(w.n, 0);
}

static void a_place_that_is_not_on_the_stack_leaves_the_whole_stack(void **state)
{
    (void)state;
    struct walk w = {.wanted = 40};
    walks(&w, &something);
    assert_true(w.n >= 2);
    assert_ptr_not_equal(w.frame[0], &something);
}
#else
static void there_are_no_stacks_here(void **state)
{
    (void)state;
    struct walk w = {.wanted = 40};
    calls_deep(&w, 3);
    assert_int_equal(w.n, 0);
}
#endif

/* -- the environment, protection ------------------------------------------------------------------------------------------ */

static void the_environment_is_read(void **state)
{
    (void)state;
    assert_null(os_environment("WEIR_TEST_OF_ITS_OWN"));
#ifdef _WIN32
    assert_int_equal(_putenv("WEIR_TEST_OF_ITS_OWN=yes"), 0);
#else
    assert_int_equal(setenv("WEIR_TEST_OF_ITS_OWN", "yes", 1), 0);
#endif
    assert_string_equal(os_environment("WEIR_TEST_OF_ITS_OWN"), "yes");
}

#ifndef _WIN32
static unsigned char *protected_page;
static int touches(void)
{
    struct sigaction usual = {.sa_handler = SIG_DFL};
    sigaction(SIGSEGV, &usual, NULL);
    sigaction(SIGBUS, &usual, NULL);
    return protected_page[0] == 7 ? 0 : 1;
}
#endif

static void protected_pages_keep_their_contents(void **state)
{
    (void)state;
    size_t page = os_page_size();
    unsigned char *pages = os_pages(3 * page);
    assert_non_null(pages);
    memset(pages, 7, 3 * page);
    assert_int_equal(os_protect(pages + page, page, false), 0);
    assert_true(all_bytes_are(pages, page, 7));
    assert_true(all_bytes_are(pages + 2 * page, page, 7));
#ifndef _WIN32
    protected_page = pages + page;
    assert_int_not_equal(in_a_child(touches), 0);
    protected_page = pages;
    assert_int_equal(in_a_child(touches), 0);
#endif
    assert_int_equal(os_protect(pages + page, page, true), 0);
    assert_true(all_bytes_are(pages, 3 * page, 7));
    pages[page] = 8;
    os_pages_free(pages, 3 * page);
}

#ifndef _WIN32
static void errno_is_left_alone(void **state)
{
    (void)state;
    struct os_module module;
    const void *frame[4];
#define LEFT_ALONE(call) do { errno = 77; (void)(call); assert_int_equal(errno, 77); } while (0)
    LEFT_ALONE(os_module_of(&something, &module));
    LEFT_ALONE(os_module_of(NULL, &module));
    LEFT_ALONE(os_stack(frame, 4, NULL));
    LEFT_ALONE(os_environment("PATH"));
    LEFT_ALONE(os_protect((void *)(uintptr_t)os_page_size(), os_page_size(), false));       /* nothing is there */
}
#endif

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(this_program_is_found_by_its_code_and_by_its_data),
        cmocka_unit_test(the_build_id_is_the_linkers),
        cmocka_unit_test(the_systems_library_is_another_module),
        cmocka_unit_test(what_is_of_no_module_is_enoent),
#if defined(__GLIBC__) || defined(_WIN32)
        cmocka_unit_test(a_stack_begins_where_it_was_asked_to),
        cmocka_unit_test(a_stack_is_as_long_as_there_is_room_for),
        cmocka_unit_test(a_place_that_is_not_on_the_stack_leaves_the_whole_stack),
#else
        cmocka_unit_test(there_are_no_stacks_here),
#endif
        cmocka_unit_test(the_environment_is_read),
        cmocka_unit_test(protected_pages_keep_their_contents),
#ifndef _WIN32
        cmocka_unit_test(the_base_is_the_distance_between_where_it_was_linked_for_and_where_it_is),
        cmocka_unit_test(errno_is_left_alone),
#endif
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
