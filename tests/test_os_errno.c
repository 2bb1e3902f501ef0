/* tests/test_os_errno.c - os.h leaves errno, and on Windows GetLastError, as they were; and speaks up as a last resort. */
#include "os_support.h"

#ifdef _WIN32
#include <windows.h>
#endif

#ifdef _WIN32
static void get_last_error_is_left_alone(void **state)
{
    (void)state;
    void *base = NULL;
    uint32_t word = 0;
    int event;
    errno = 77;
    SetLastError(4711);
#define LEFT_ALONE(call) do { (void)(call); assert_int_equal(GetLastError(), 4711); assert_int_equal(errno, 77); } while (0)
    LEFT_ALONE(os_reserve(&base, (size_t)1 << 62, 65536));
    LEFT_ALONE(os_reserve(&base, 4 * MIB, 2 * MIB));
    LEFT_ALONE(os_commit(base, MIB));
    LEFT_ALONE(os_commit((void *)65536, MIB));
    LEFT_ALONE(os_discard(base, MIB));
    LEFT_ALONE(os_decommit(base, MIB));
    LEFT_ALONE(os_decommit((void *)65536, MIB));
    LEFT_ALONE(os_node_exists(0));
    LEFT_ALONE(os_bind_node(base, MIB, 0));
    LEFT_ALONE((os_release(base, 4 * MIB), 0));
    LEFT_ALONE((os_release((void *)65536, MIB), 0));
    LEFT_ALONE(os_barrier_works());
    LEFT_ALONE((os_barrier(), 0));
    LEFT_ALONE(os_thread_value());
    LEFT_ALONE(os_thread_set(NULL));
    LEFT_ALONE(os_cpus());
    LEFT_ALONE(os_wait(&word, 0, os_now() + 1000000));
    LEFT_ALONE((os_wake(&word, 1), 0));
    LEFT_ALONE(event = os_event_create());
    LEFT_ALONE((os_event_set(event), 0));
    LEFT_ALONE((os_event_reset(event), 0));
    LEFT_ALONE((os_event_close(event), 0));
    LEFT_ALONE((os_event_set(event), 0));
    LEFT_ALONE((os_pin_library(), 0));
}

#else
static void errno_is_left_alone(void **state)
{
    (void)state;
    void *base = NULL;
    uint32_t word = 0;
    int event;
    errno = 77;
#define LEFT_ALONE(call) do { (void)(call); assert_int_equal(errno, 77); } while (0)
    LEFT_ALONE(os_page_size());
    LEFT_ALONE(os_huge_page_size());
    LEFT_ALONE(os_reserve(&base, (size_t)1 << 62, 4096));
    LEFT_ALONE(os_reserve(&base, 4 * MIB, 2 * MIB));
    LEFT_ALONE(os_commit(base, MIB));
    LEFT_ALONE(os_commit((char *)base + 1, MIB));
    LEFT_ALONE(os_populate(base, MIB));
    LEFT_ALONE(os_discard((char *)base + 1, MIB));
    LEFT_ALONE(os_decommit((char *)base + 1, MIB));
    LEFT_ALONE(os_advise_huge((char *)base + 1, MIB));
    LEFT_ALONE(os_node_exists(0));
    LEFT_ALONE(os_node_exists(1000));
    LEFT_ALONE(os_bind_node(base, MIB, 0));
    LEFT_ALONE((os_release(base, 4 * MIB), 0));
    LEFT_ALONE((os_release((char *)base + 1, 4 * MIB), 0));
    LEFT_ALONE(os_barrier_works());
    LEFT_ALONE((os_barrier(), 0));
    LEFT_ALONE(os_thread_value());
    LEFT_ALONE(os_thread_set(NULL));
    LEFT_ALONE(os_cpus());
    LEFT_ALONE(os_wait(&word, 1, INT64_MAX));
    LEFT_ALONE(os_wait(&word, 0, 0));
    LEFT_ALONE((os_wake(&word, 1), 0));
    LEFT_ALONE(event = os_event_create());
    LEFT_ALONE((os_event_reset(event), 0));
    LEFT_ALONE((os_event_set(event), 0));
    LEFT_ALONE((os_event_close(event), 0));
    LEFT_ALONE((os_event_set(event), 0));
    LEFT_ALONE((os_event_reset(event), 0));
}

static void write_error_writes_all_to_standard_error(void **state)
{
    (void)state;
    int ends[2], saved = dup(2);
    char text[64] = {0};
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], 2);
    os_write_error("weir: one line\n");
    dup2(saved, 2);
    close(saved);
    close(ends[1]);
    assert_int_equal(read(ends[0], text, sizeof text - 1), 15);
    close(ends[0]);
    assert_string_equal(text, "weir: one line\n");
}
#endif

int main(void)
{
    static const struct CMUnitTest cases[] = {
#ifdef _WIN32
        cmocka_unit_test(get_last_error_is_left_alone),
#else
        cmocka_unit_test(errno_is_left_alone),
        cmocka_unit_test(write_error_writes_all_to_standard_error),
#endif
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
