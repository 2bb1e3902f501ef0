/* tests/test_os_memory.c - os.h's memory: reserve, commit, decommit, discard, release, nodes, huge pages. */
#include "os_support.h"

#include "os/common.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#endif

static void page_sizes_are_powers_of_two(void **state)
{
    (void)state;
    size_t page = os_page_size(), huge = os_huge_page_size();
    assert_true(page >= 4096);
    assert_int_equal(page & (page - 1), 0);
    assert_int_equal(huge & (huge - 1), 0);
    assert_true(huge == 0 || huge > page);
}

static void reserve_honours_every_alignment(void **state)
{
    (void)state;
    for (size_t align = os_page_size(); align <= 1024 * MIB; align *= 2) {
        unsigned char *base = reserved(3 * os_page_size(), align);
        assert_int_equal((uintptr_t)base & (align - 1), 0);
        assert_int_equal(os_commit(base, 3 * os_page_size()), 0);
        base[3 * os_page_size() - 1] = 1;
        os_release(base, 3 * os_page_size());
    }
}

static void reserve_of_more_than_there_is_is_enomem(void **state)
{
    (void)state;
    void *base = &base;
    assert_int_equal(os_reserve(&base, (size_t)1 << 62, os_page_size()), -ENOMEM);
    assert_int_equal(os_reserve(&base, SIZE_MAX - os_page_size() + 1, 2 * MIB), -ENOMEM);
    assert_ptr_equal(base, &base);
}

static void commit_gives_zeroes_and_repeated_keeps_contents(void **state)
{
    (void)state;
    unsigned char *base = reserved(4 * MIB, MIB);
    assert_int_equal(os_commit(base, MIB), 0);
    assert_true(all_bytes_are(base, MIB, 0));
    memset(base, 7, MIB);
    assert_int_equal(os_commit(base, 4 * MIB), 0);
    assert_true(all_bytes_are(base, MIB, 7));
    assert_true(all_bytes_are(base + MIB, 3 * MIB, 0));
    os_release(base, 4 * MIB);
}

static void decommitted_pages_come_back_as_zeroes_and_others_stay(void **state)
{
    (void)state;
    unsigned char *base = reserved(4 * MIB, MIB);
    assert_int_equal(os_commit(base, 4 * MIB), 0);
    memset(base, 7, 4 * MIB);
    assert_int_equal(os_decommit(base + MIB, MIB), 0);
    assert_true(all_bytes_are(base, MIB, 7));
    assert_true(all_bytes_are(base + 2 * MIB, 2 * MIB, 7));
    assert_int_equal(os_commit(base + MIB, MIB), 0);
    assert_true(all_bytes_are(base + MIB, MIB, 0));
    os_release(base, 4 * MIB);
}

static void discarded_pages_stay_accessible(void **state)
{
    (void)state;
    unsigned char *base = reserved(2 * MIB, MIB);
    assert_int_equal(os_commit(base, 2 * MIB), 0);
    memset(base, 7, 2 * MIB);
    assert_int_equal(os_discard(base, MIB), 0);
    for (size_t at = 0; at < MIB; at += os_page_size())
        assert_true(base[at] == 0 || base[at] == 7);
    base[5] = 9;
    assert_int_equal(base[5], 9);
    assert_true(all_bytes_are(base + MIB, MIB, 7));
    os_release(base, 2 * MIB);
}

static void commit_fails_when_it_was_told_to_and_not_before(void **state)
{
    (void)state;
    size_t page = os_page_size();
    unsigned char *base = reserved(MIB, page);
    os_fail_commit_after(2);
    assert_int_equal(os_commit(base, page), 0);
    assert_int_equal(os_commit(base + page, page), 0);
    assert_int_equal(os_commit(base + 2 * page, page), -ENOMEM);
    assert_int_equal(os_commit(base, page), -ENOMEM);
    os_fail_commit_after(0);
    assert_int_equal(os_commit(base, page), -ENOMEM);
    os_fail_commit_after(-1);
    assert_int_equal(os_commit(base + 2 * page, page), 0);
    base[0] = base[page] = base[2 * page] = 1;
    os_release(base, MIB);
}

static void *commits_fifty_times(void *succeeded)
{
    unsigned char *base;
    void *reservation;
    if (os_reserve(&reservation, os_page_size(), os_page_size()) != 0)
        return NULL;
    base = reservation;
    for (int i = 0; i < 50; i++)
        add_32(succeeded, os_commit(base, os_page_size()) == 0);
    os_release(base, os_page_size());
    return NULL;
}

static void injected_failures_count_the_commits_of_all_threads(void **state)
{
    (void)state;
    uint32_t succeeded = 0;
    pthread_t thread[4];
    os_fail_commit_after(117);
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, commits_fifty_times, &succeeded), 0);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    os_fail_commit_after(-1);
    assert_int_equal(succeeded, 117);
}

static void populate_changes_no_contents(void **state)
{
    (void)state;
    unsigned char *base = reserved(2 * MIB, 2 * MIB);
    assert_int_equal(os_commit(base, 2 * MIB), 0);
    memset(base, 0xa5, MIB);
    assert_int_equal(os_populate(base, 2 * MIB), 0);
    assert_true(all_bytes_are(base, MIB, 0xa5));
    assert_true(all_bytes_are(base + MIB, MIB, 0));
    os_release(base, 2 * MIB);
}

static void touching_changes_no_contents(void **state)
{
    (void)state;
    unsigned char *base = reserved(MIB, MIB);
    assert_int_equal(os_commit(base, MIB), 0);
    memset(base, 0xa5, MIB);
    common_touch(base, MIB);            /* what os_populate does where the system can't */
    assert_true(all_bytes_are(base, MIB, 0xa5));
    os_release(base, MIB);
}

static void node_zero_can_be_bound_and_an_absent_node_is_refused(void **state)
{
    (void)state;
    unsigned char *base = reserved(MIB, MIB);
    int absent = 1;
    assert_true(os_node_exists(0));
    while (os_node_exists(absent))
        absent++;
    assert_false(os_node_exists(-1));
    assert_false(os_node_exists(INT32_MAX));
    if (!os_node_exists(1))
        assert_int_equal(os_bind_node(base, MIB, 0), 0);
    assert_int_equal(os_bind_node(base, MIB, absent), -EINVAL);
    assert_int_equal(os_bind_node(base, MIB, -1), -EINVAL);
    assert_int_equal(os_bind_node(base, MIB, INT32_MAX), -EINVAL);
    assert_int_equal(os_commit(base, MIB), 0);
    base[0] = 1;
    os_release(base, MIB);
}

static void huge_pages_are_a_wish_that_breaks_nothing(void **state)
{
    (void)state;
    unsigned char *base = reserved(4 * MIB, 2 * MIB);
    int error = os_advise_huge(base, 4 * MIB);
    assert_true(error == 0 || (error == -ENOTSUP && os_huge_page_size() == 0));
    assert_int_equal(os_commit(base, 4 * MIB), 0);
    memset(base, 3, 4 * MIB);
    assert_int_equal(os_decommit(base, 4 * MIB), 0);
    os_release(base, 4 * MIB);
}

#ifdef _WIN32
static void released_memory_is_free(void **state)
{
    (void)state;
    unsigned char *base = reserved(64 * MIB, 32 * MIB);
    MEMORY_BASIC_INFORMATION info;
    assert_int_equal(os_commit(base + MIB, MIB), 0);
    assert_int_equal(VirtualQuery(base, &info, sizeof info), sizeof info);
    assert_ptr_equal(info.AllocationBase, base);
    assert_int_equal(info.State, MEM_RESERVE);
    os_release(base, 64 * MIB);
    assert_int_equal(VirtualQuery(base, &info, sizeof info), sizeof info);
    assert_int_equal(info.State, MEM_FREE);
}

#else
/* A number of /proc/self/status that is said in KiB, in bytes. */
static size_t process_size(const char *name)
{
    char line[128];
    unsigned long kib = 0;
    FILE *file = fopen("/proc/self/status", "r");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, name, strlen(name)) == 0)
            kib = strtoul(line + strlen(name), NULL, 10);
    }
    if (file != NULL)
        fclose(file);
    return (size_t)kib * 1024;
}

static void a_reservation_takes_no_more_than_was_asked(void **state)
{
    (void)state;
    size_t before = process_size("VmSize:"), after;
    assert_true(before > 0);
    unsigned char *base = reserved(3 * MIB, 1024 * MIB);
    unsigned char *other = reserved(5 * MIB, 1024 * MIB);
    after = process_size("VmSize:");
    assert_true(after >= before + 8 * MIB);
    assert_true(after < before + 64 * MIB);
    os_release(base, 3 * MIB);
    os_release(other, 5 * MIB);
}

static void released_address_space_can_be_had_again(void **state)
{
    (void)state;
    const size_t bytes = (size_t)1 << 38, align = (size_t)1 << 36;
    for (int i = 0; i < 4096; i++)          /* 1,024 TiB, 256 TiB of it to trim; a process has 128 TiB */
        os_release(reserved(bytes, align), bytes);
}

/* Calls it in a child; true: it died of SIGSEGV. */
static bool access_faults(unsigned char *at)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGSEGV, SIG_DFL);
        *(volatile unsigned char *)at = 1;
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
}

static void reserved_and_decommitted_memory_has_no_access(void **state)
{
    (void)state;
    unsigned char *base = reserved(2 * MIB, MIB);
    assert_true(access_faults(base));
    assert_int_equal(os_commit(base, MIB), 0);
    assert_false(access_faults(base));
    assert_true(access_faults(base + MIB));
    assert_int_equal(os_decommit(base, MIB), 0);
    assert_true(access_faults(base));
    os_release(base, 2 * MIB);
}

static size_t resident_pages(unsigned char *base, size_t bytes)
{
    unsigned char page[1024];
    size_t count = 0;
    assert_true(bytes / os_page_size() <= sizeof page);
    assert_int_equal(mincore(base, bytes, page), 0);
    for (size_t i = 0; i < bytes / os_page_size(); i++)
        count += page[i] & 1;
    return count;
}

static void populate_makes_resident_and_discard_and_decommit_give_back(void **state)
{
    (void)state;
    size_t bytes = 256 * os_page_size();
    unsigned char *base = reserved(bytes, os_page_size());
    assert_int_equal(os_commit(base, bytes), 0);
    assert_int_equal(resident_pages(base, bytes), 0);
    assert_int_equal(os_populate(base, bytes), 0);
    assert_int_equal(resident_pages(base, bytes), 256);
    assert_int_equal(os_discard(base, bytes / 2), 0);
    assert_int_equal(resident_pages(base, bytes), 128);
    assert_true(all_bytes_are(base, bytes, 0));
    assert_int_equal(os_decommit(base, bytes), 0);
    assert_int_equal(resident_pages(base, bytes), 0);
    os_release(base, bytes);
}

static int commit_over_the_limit(void)
{
    void *base;
    struct rlimit limit = {process_size("VmData:") + 64 * MIB, RLIM_INFINITY};
    if (os_reserve(&base, 1024 * MIB, MIB) != 0)
        return 1;
    if (process_size("VmData:") == 0 || setrlimit(RLIMIT_DATA, &limit) != 0)
        return 2;
    errno = 77;
    if (os_commit(base, 1024 * MIB) != -ENOMEM || errno != 77)
        return 3;
    return os_commit(base, MIB) != 0 ? 4 : 0;
}

static void commit_says_enomem_when_the_kernel_does(void **state)
{
    (void)state;
    assert_int_equal(in_a_child(commit_over_the_limit), 0);
}

static void locked_memory_is_given_back(void **state)
{
    (void)state;
    unsigned char *base = reserved(MIB, MIB);
    assert_int_equal(os_commit(base, MIB), 0);
    assert_int_equal(mlock(base, MIB), 0);
    memset(base, 7, MIB);
    assert_int_equal(os_decommit(base, MIB), 0);
    assert_int_equal(os_commit(base, MIB), 0);
    assert_true(all_bytes_are(base, MIB, 0));
    os_release(base, MIB);
}
#endif

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(page_sizes_are_powers_of_two),
        cmocka_unit_test(reserve_honours_every_alignment),
        cmocka_unit_test(reserve_of_more_than_there_is_is_enomem),
        cmocka_unit_test(commit_gives_zeroes_and_repeated_keeps_contents),
        cmocka_unit_test(decommitted_pages_come_back_as_zeroes_and_others_stay),
        cmocka_unit_test(discarded_pages_stay_accessible),
        cmocka_unit_test(commit_fails_when_it_was_told_to_and_not_before),
        cmocka_unit_test(injected_failures_count_the_commits_of_all_threads),
        cmocka_unit_test(populate_changes_no_contents),
        cmocka_unit_test(touching_changes_no_contents),
        cmocka_unit_test(node_zero_can_be_bound_and_an_absent_node_is_refused),
        cmocka_unit_test(huge_pages_are_a_wish_that_breaks_nothing),
#ifdef _WIN32
        cmocka_unit_test(released_memory_is_free),
#else
        cmocka_unit_test(a_reservation_takes_no_more_than_was_asked),
        cmocka_unit_test(released_address_space_can_be_had_again),
        cmocka_unit_test(reserved_and_decommitted_memory_has_no_access),
        cmocka_unit_test(populate_makes_resident_and_discard_and_decommit_give_back),
        cmocka_unit_test(commit_says_enomem_when_the_kernel_does),
        cmocka_unit_test(locked_memory_is_given_back),
#endif
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
