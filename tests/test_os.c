/* tests/test_os.c - os.h: what both systems promise, and what only one of them can be asked.
 *
 * cmocka's assertions fail on the main thread only: other threads leave what they saw in plain variables that are read after they
 * were joined. The process is started again by itself, with a word as argument, for what is decided once a process.
 */
#include "weir_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "os/common.h"
#include "os/os.h"

#ifdef _WIN32
#include <process.h>
#include <windows.h>
#else
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#endif

#define MIB ((size_t)1 << 20)
enum { SECOND = 1000000000 };

static const char *program;

/* Polls until the word is at least so much; false after ten seconds. */
static bool reaches(const uint32_t *word, uint32_t wanted)
{
    int64_t until = os_now() + 10 * (int64_t)SECOND;
    while (load_acquire_32(word) < wanted && os_now() < until)
        os_yield();
    return load_acquire_32(word) >= wanted;
}

/* -- memory ------------------------------------------------------------------------------------------------------------ */

static unsigned char *reserved(size_t bytes, size_t align)
{
    void *base = NULL;
    assert_int_equal(os_reserve(&base, bytes, align), 0);
    assert_non_null(base);
    return base;
}

static bool all_bytes_are(const unsigned char *base, size_t bytes, unsigned char value)
{
    for (size_t i = 0; i < bytes; i++) {
        if (base[i] != value)
            return false;
    }
    return true;
}

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

/* -- threads ----------------------------------------------------------------------------------------------------------- */

/* What fn saw. It is the library's one and only fn in this process, so all cases share it. */
static struct {
    uint32_t runs, dying, refused, value_gone, on_owner;
} seen;

struct owner {
    uint32_t runs;
    unsigned thread;
};

static void on_exit_fn(void *value)
{
    struct owner *owner = value;
    add_32(&owner->runs, 1);
    add_32(&seen.runs, 1);
    add_32(&seen.dying, os_thread_dying());
    add_32(&seen.refused, os_thread_set(value) == -ECANCELED);
    add_32(&seen.value_gone, os_thread_value() == NULL);
    add_32(&seen.on_owner, owner->thread == os_thread_number());
}

static void *sets_its_value(void *value)
{
    struct owner *owner = value;
    owner->thread = os_thread_number();
    if (os_thread_value() != NULL || os_thread_dying() || os_thread_set(owner) != 0 || os_thread_value() != owner ||
        os_thread_dying())
        return NULL;
    return value;
}

static void fn_runs_once_at_thread_exit_with_the_value(void **state)
{
    (void)state;
    struct owner owner[8] = {{0}};
    pthread_t thread[8];
    void *result;
    memset(&seen, 0, sizeof seen);
    for (int i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, sets_its_value, &owner[i]), 0);
    for (int i = 0; i < 8; i++) {
        pthread_join(thread[i], &result);
        assert_ptr_equal(result, &owner[i]);
    }
    assert_true(reaches(&seen.on_owner, 8));        /* on Windows a thread ends a little after its join */
    for (int i = 0; i < 8; i++)
        assert_int_equal(owner[i].runs, 1);
    assert_int_equal(seen.dying, 8);
    assert_int_equal(seen.refused, 8);
    assert_int_equal(seen.value_gone, 8);
    assert_null(os_thread_value());
    assert_false(os_thread_dying());
}

static void *sets_and_clears_its_value(void *value)
{
    struct owner *owner = value;
    owner->thread = os_thread_number();
    return os_thread_set(owner) == 0 && os_thread_set(NULL) == 0 && os_thread_value() == NULL ? value : NULL;
}

static void fn_does_not_run_for_a_value_that_was_cleared(void **state)
{
    (void)state;
    struct owner cleared = {0}, kept = {0};
    pthread_t thread;
    void *result;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(pthread_create(&thread, NULL, sets_and_clears_its_value, &cleared), 0);
    pthread_join(thread, &result);
    assert_ptr_equal(result, &cleared);
    assert_int_equal(pthread_create(&thread, NULL, sets_its_value, &kept), 0);
    pthread_join(thread, NULL);
    assert_true(reaches(&seen.on_owner, 1));
    assert_int_equal(cleared.runs, 0);
    assert_int_equal(kept.runs, 1);
}

static void *takes_its_number(void *number)
{
    *(unsigned *)number = os_thread_number();
    return os_thread_number() == *(unsigned *)number ? number : NULL;
}

static void threads_that_live_at_once_have_different_numbers(void **state)
{
    (void)state;
    unsigned other = 0;
    pthread_t thread;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, takes_its_number, &other), 0);
    pthread_join(thread, &result);
    assert_ptr_equal(result, &other);
    assert_int_equal(os_thread_number(), os_thread_number());
    assert_int_not_equal(os_thread_number(), other);
}

static void processors_pid_and_pinning(void **state)
{
    (void)state;
    assert_true(os_cpus() >= 1);
    assert_true(os_cpus() <= 8192);
#ifdef _WIN32
    assert_int_equal(os_pid(), (int64_t)GetCurrentProcessId());
#else
    assert_int_equal(os_pid(), (int64_t)getpid());
#endif
    os_pin_library();
    os_pin_library();
}

/* -- the barrier ------------------------------------------------------------------------------------------------------- */

/* Dekker's entry with the fence on one side only. The light side must see the heavy side's flag or be seen. */
struct dekker {
    uint32_t light, heavy, round, done, light_saw, both_missed;
};

static void *light_side(void *arg)
{
    struct dekker *d = arg;
    for (uint32_t i = 1; load_acquire_32(&d->done) == 0; i++) {
        while (load_acquire_32(&d->round) < i) {
            if (load_acquire_32(&d->done) != 0)
                return NULL;
        }
        store_relaxed_32(&d->light, i);
        __asm__ __volatile__("" : : : "memory");        /* the machine's order is what the barrier is for */
        store_release_32(&d->light_saw, load_relaxed_32(&d->heavy) == i ? 2 * i + 1 : 2 * i);
    }
    return NULL;
}

static void the_barrier_orders_the_other_side_that_has_no_fence(void **state)
{
    (void)state;
    struct dekker d = {0};
    pthread_t thread;
    if (!os_barrier_works()) {          /* then it is a fence of the caller alone, and nothing can be asked of it but to return */
        os_barrier();
        return;
    }
    assert_int_equal(pthread_create(&thread, NULL, light_side, &d), 0);
    for (uint32_t i = 1; i <= 20000; i++) {
        store_release_32(&d.round, i);
        for (uint32_t spin = 0; spin < i % 64; spin++)
            pause_cpu();
        store_relaxed_32(&d.heavy, i);
        os_barrier();
        bool heavy_saw = load_relaxed_32(&d.light) == i;
        if (!reaches(&d.light_saw, 2 * i))
            break;
        if (!heavy_saw && load_acquire_32(&d.light_saw) == 2 * i)
            d.both_missed++;
    }
    store_release_32(&d.done, 1);
    pthread_join(thread, NULL);
    assert_true(d.light_saw >= 40000);
    assert_int_equal(d.both_missed, 0);
}

/* This program again, with one argument; the status it exits with, or minus the signal that ended it. */
static int run_self(const char *word)
{
#ifdef _WIN32
    return (int)_spawnl(_P_WAIT, program, program, word, (char *)NULL);
#else
    char *arguments[] = {(char *)program, (char *)word, NULL};
    int status = -1;
    pid_t child = fork();
    if (child == 0) {
        execv(program, arguments);
        _exit(99);
    }
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
#endif
}

enum { SAYS_WORKS = 10, SAYS_NONE = 11 };

static void set_environment(const char *name, const char *value)
{
#ifdef _WIN32
    char text[64];
    snprintf(text, sizeof text, "%s=%s", name, value == NULL ? "" : value);
    assert_int_equal(_putenv(text), 0);
#else
    assert_int_equal(value == NULL ? unsetenv(name) : setenv(name, value, 1), 0);
#endif
}

static void the_environment_forbids_the_barrier(void **state)
{
    (void)state;
    set_environment("WEIR_NO_BARRIER", NULL);
    assert_int_equal(run_self("barrier"), os_barrier_works() ? SAYS_WORKS : SAYS_NONE);
    set_environment("WEIR_NO_BARRIER", "1");
    assert_int_equal(run_self("barrier"), SAYS_NONE);
    set_environment("WEIR_NO_BARRIER", NULL);
}

/* -- waiting ----------------------------------------------------------------------------------------------------------- */

static void the_clock_only_goes_on(void **state)
{
    (void)state;
    int64_t before = os_now(), after = before;
    assert_true(before > 0);
    for (int i = 0; i < 10000; i++) {
        int64_t now = os_now();
        assert_true(now >= after);
        after = now;
    }
    assert_true(after > before);
    assert_true(after - before < 60 * (int64_t)SECOND);
}

static void wait_returns_at_once_if_the_word_differs(void **state)
{
    (void)state;
    uint32_t word = 3;
    assert_int_equal(os_wait(&word, 4, INT64_MAX), 0);
    assert_int_equal(os_wait(&word, 4, 0), 0);
}

static void wait_times_out_at_the_deadline_and_not_before(void **state)
{
    (void)state;
    uint32_t word = 3;
    int64_t deadline = os_now() + 20000000;
    int result;
    assert_int_equal(os_wait(&word, 3, 0), -ETIMEDOUT);
    assert_int_equal(os_wait(&word, 3, INT64_MIN), -ETIMEDOUT);
    assert_int_equal(os_wait(&word, 3, os_now() - 1), -ETIMEDOUT);
    while ((result = os_wait(&word, 3, deadline)) == 0)
        assert_true(os_now() < deadline + 10 * (int64_t)SECOND);
    assert_int_equal(result, -ETIMEDOUT);
    assert_true(os_now() >= deadline);
}

struct sleeper {
    uint32_t *word;
    uint32_t asleep, awake;
    int64_t deadline;
};

static void *sleeps_while_zero(void *arg)
{
    struct sleeper *sleeper = arg;
    add_32(&sleeper->asleep, 1);
    while (load_acquire_32(sleeper->word) == 0) {
        if (os_wait(sleeper->word, 0, sleeper->deadline) == -ETIMEDOUT)
            return NULL;
    }
    add_32(&sleeper->awake, 1);
    return NULL;
}

static void wake_ends_the_sleep_of_all_with_and_without_deadline(void **state)
{
    (void)state;
    for (int forever = 0; forever < 2; forever++) {
        uint32_t word = 0;
        struct sleeper sleeper = {&word, 0, 0, forever ? INT64_MAX : os_now() + 600 * (int64_t)SECOND};
        pthread_t thread[4];
        for (int i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&thread[i], NULL, sleeps_while_zero, &sleeper), 0);
        assert_true(reaches(&sleeper.asleep, 4));
        for (int i = 0; i < 1000; i++)          /* they may be on their way still; either way they end */
            os_yield();
        store_release_32(&word, 1);
        os_wake(&word, 4);
        for (int i = 0; i < 4; i++)
            pthread_join(thread[i], NULL);
        assert_int_equal(sleeper.awake, 4);
    }
}

static void wakes_of_one_end_the_sleeps_one_by_one(void **state)
{
    (void)state;
    uint32_t word = 0;
    struct sleeper sleeper = {&word, 0, 0, INT64_MAX};
    pthread_t thread[4];
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, sleeps_while_zero, &sleeper), 0);
    assert_true(reaches(&sleeper.asleep, 4));
    store_release_32(&word, 1);
    os_wake(&word, 0);
    for (int i = 0; i < 4; i++)
        os_wake(&word, 1);
    for (int i = 0; i < 4; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(sleeper.awake, 4);
}

struct contended {
    struct os_lock lock;
    uint64_t counter, start;
};

enum { CONTENDERS = 4, TURNS = 50000 };

static void *counts_under_the_lock(void *arg)
{
    struct contended *c = arg;
    for (int i = 0; i < TURNS; i++) {
        os_lock(&c->lock);
        uint64_t read = *(volatile uint64_t *)&c->counter;
        if (i % 512 == 0)
            os_yield();                 /* others find it locked, and sleep */
        *(volatile uint64_t *)&c->counter = read + 1;
        os_unlock(&c->lock);
    }
    return NULL;
}

static void the_lock_excludes_and_is_free_afterwards(void **state)
{
    (void)state;
    struct contended c = {{0}, 0, 0};
    pthread_t thread[CONTENDERS];
    for (int i = 0; i < CONTENDERS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, counts_under_the_lock, &c), 0);
    for (int i = 0; i < CONTENDERS; i++)
        pthread_join(thread[i], NULL);
    assert_int_equal(c.counter, (uint64_t)CONTENDERS * TURNS);
    assert_int_equal(c.lock.word, 0);
}

/* An event loop's look at the event. */
static bool is_set(int event, int milliseconds)
{
#ifdef _WIN32
    return WaitForSingleObject((HANDLE)(intptr_t)event, (DWORD)milliseconds) == WAIT_OBJECT_0;
#else
    struct pollfd look = {.fd = event, .events = POLLIN};
    return poll(&look, 1, milliseconds) == 1 && (look.revents & POLLIN);
#endif
}

static void an_event_is_readable_from_set_to_reset(void **state)
{
    (void)state;
    int event = os_event_create();
    assert_true(event >= 0);
    assert_false(is_set(event, 0));
    os_event_reset(event);              /* never blocks, also if it wasn't set */
    os_event_set(event);
    assert_true(is_set(event, 0));
    assert_true(is_set(event, 0));
    os_event_set(event);
    os_event_reset(event);
    assert_false(is_set(event, 0));
    os_event_close(event);
}

static void *sets_the_event(void *event)
{
    os_event_set(*(int *)event);
    return NULL;
}

static void an_event_ends_the_wait_of_another_thread(void **state)
{
    (void)state;
    int event = os_event_create();
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, sets_the_event, &event), 0);
    assert_true(is_set(event, 10000));
    pthread_join(thread, NULL);
    os_event_close(event);
}

#ifdef _WIN32
/* -- Windows only ------------------------------------------------------------------------------------------------------ */

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

/* Without winpthreads: the system's own threads, and fibres. */
static DWORD WINAPI sets_its_value_natively(void *value)
{
    ((struct owner *)value)->thread = os_thread_number();
    return os_thread_set(value) == 0;
}

static void fn_runs_for_a_thread_of_the_system(void **state)
{
    (void)state;
    struct owner owner = {0};
    HANDLE thread = CreateThread(NULL, 0, sets_its_value_natively, &owner, 0, NULL);
    DWORD set = 0;
    memset(&seen, 0, sizeof seen);
    assert_int_equal(WaitForSingleObject(thread, 10000), WAIT_OBJECT_0);
    GetExitCodeThread(thread, &set);
    CloseHandle(thread);
    assert_int_equal(set, 1);
    assert_int_equal(owner.runs, 1);
    assert_int_equal(seen.dying, 1);
}

struct fibres {
    struct owner *owner;
    void *main, *first, *second;
    HANDLE set, deleted;
    uint32_t runs_when_deleted;
    bool value_is_the_threads, end_on_second;
};

static void WINAPI first_fibre(void *arg)
{
    struct fibres *f = arg;
    (void)os_thread_set(f->owner);
    SwitchToFiber(f->main);
}

static void WINAPI second_fibre(void *arg)
{
    struct fibres *f = arg;
    f->value_is_the_threads = os_thread_value() == f->owner;
    if (f->end_on_second)
        ExitThread(0);
    SwitchToFiber(f->main);
}

static DWORD WINAPI has_fibres(void *arg)
{
    struct fibres *f = arg;
    f->main = ConvertThreadToFiber(NULL);
    f->first = CreateFiber(0, first_fibre, f);
    f->second = CreateFiber(0, second_fibre, f);
    SwitchToFiber(f->first);
    SetEvent(f->set);
    WaitForSingleObject(f->deleted, 10000);         /* another thread deletes the fibre that set the value */
    f->runs_when_deleted = load_acquire_32(&f->owner->runs);
    SwitchToFiber(f->second);
    return 0;
}

static void a_deleted_fibre_is_no_exit_and_the_end_on_another_fibre_is_one(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct owner owner = {0};
        struct fibres f = {.owner = &owner, .end_on_second = i == 1};
        f.set = CreateEventA(NULL, TRUE, FALSE, NULL);
        f.deleted = CreateEventA(NULL, TRUE, FALSE, NULL);
        HANDLE thread = CreateThread(NULL, 0, has_fibres, &f, 0, NULL);
        assert_int_equal(WaitForSingleObject(f.set, 10000), WAIT_OBJECT_0);
        DeleteFiber(f.first);
        assert_int_equal(owner.runs, 0);
        assert_false(os_thread_dying());
        SetEvent(f.deleted);
        assert_int_equal(WaitForSingleObject(thread, 10000), WAIT_OBJECT_0);
        assert_true(f.value_is_the_threads);
        assert_int_equal(f.runs_when_deleted, 0);
        assert_int_equal(owner.runs, 1);
        CloseHandle(thread);
        CloseHandle(f.set);
        CloseHandle(f.deleted);
    }
}

#else
/* -- Linux only -------------------------------------------------------------------------------------------------------- */

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

/* All below runs in a child: 0, or the number of the check that failed. */
static int in_a_child(int (*check)(void))
{
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(check());
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
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

static void an_event_set_too_often_still_does_not_block(void **state)
{
    (void)state;
    int event = os_event_create();
    uint64_t almost_all = UINT64_MAX - 1;
    assert_int_equal(fcntl(event, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(write(event, &almost_all, sizeof almost_all), sizeof almost_all);
    os_event_set(event);
    assert_true(is_set(event, 0));
    os_event_reset(event);
    assert_false(is_set(event, 0));
    os_event_close(event);
}

/* A key that is made after weir's: its destructor runs after weir's within the same round. */
static pthread_key_t later_key;
static uint32_t later_saw_dying, later_was_refused, later_runs;

static void later_destructor(void *value)
{
    add_32(&later_runs, 1);
    add_32(&later_saw_dying, os_thread_dying() && os_thread_value() == NULL);
    add_32(&later_was_refused, os_thread_set(value) == -ECANCELED);
    if (load_relaxed_32(&later_runs) < 3)
        pthread_setspecific(later_key, value);      /* another round */
}

static void *has_a_later_destructor(void *value)
{
    pthread_setspecific(later_key, value);
    return sets_its_value(value);
}

static void a_thread_is_dying_in_the_destructors_that_follow(void **state)
{
    (void)state;
    struct owner owner = {0};
    pthread_t thread;
    assert_int_equal(pthread_key_create(&later_key, later_destructor), 0);
    assert_int_equal(pthread_create(&thread, NULL, has_a_later_destructor, &owner), 0);
    pthread_join(thread, NULL);
    pthread_key_delete(later_key);
    assert_int_equal(owner.runs, 1);
    assert_int_equal(later_runs, 3);
    assert_int_equal(later_saw_dying, 3);
    assert_int_equal(later_was_refused, 3);
}

/* A thread that uses the library for the first time in a destructor. */
static void sets_in_a_destructor(void *value)
{
    struct owner *owner = value;
    owner->thread = os_thread_number();
    (void)os_thread_set(value);
}

static void *has_an_early_destructor(void *value)
{
    pthread_setspecific(later_key, value);
    return NULL;
}

static void a_value_set_in_a_destructor_is_seen_off_too(void **state)
{
    (void)state;
    struct owner owner = {0};
    pthread_t thread;
    assert_int_equal(pthread_key_create(&later_key, sets_in_a_destructor), 0);
    assert_int_equal(pthread_create(&thread, NULL, has_an_early_destructor, &owner), 0);
    pthread_join(thread, NULL);
    pthread_key_delete(later_key);
    assert_int_equal(owner.runs, 1);
}

static void *waits_for_ever(void *arg)
{
    return sleeps_while_zero(arg);
}

static void a_wait_is_no_cancellation_point(void **state)
{
    (void)state;
    uint32_t word = 0;
    struct sleeper sleeper = {&word, 0, 0, INT64_MAX};
    pthread_t thread;
    void *result;
    assert_int_equal(pthread_create(&thread, NULL, waits_for_ever, &sleeper), 0);
    assert_true(reaches(&sleeper.asleep, 1));
    assert_int_equal(pthread_cancel(thread), 0);
    for (int i = 0; i < 1000; i++)
        os_yield();
    store_release_32(&word, 1);
    os_wake(&word, 1);
    pthread_join(thread, &result);
    assert_null(result);
    assert_int_equal(sleeper.awake, 1);
}

/* fork: the hooks, in order, and a barrier that still works in the child. */
static uint32_t before_runs, parent_runs, child_runs;
static void before_fork(void) { before_runs++; }
static void parent_of_fork(void) { parent_runs++; }
static void child_of_fork(void) { child_runs++; }
static void other_child_of_fork(void) { child_runs += child_runs == 1 ? 10 : 100; }

static int forked_child_is_whole(void)
{
    os_barrier();
    if (before_runs != 1 || parent_runs != 0 || child_runs != 11)
        return 1;
    struct dekker d = {0};
    pthread_t thread;
    if (pthread_create(&thread, NULL, light_side, &d) != 0)
        return 2;
    os_barrier();
    store_release_32(&d.done, 1);
    pthread_join(thread, NULL);
    return 0;
}

static void hooks_run_around_every_fork_and_the_barrier_works_in_the_child(void **state)
{
    (void)state;
    before_runs = parent_runs = child_runs = 0;
    assert_int_equal(in_a_child(forked_child_is_whole), 0);
    assert_int_equal(before_runs, 1);
    assert_int_equal(parent_runs, 1);
    assert_int_equal(child_runs, 0);
}

/* From now on membarrier is refused, as in a container or a sandbox that forbids it. */
static void forbid_membarrier(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),          /* the number of the call */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog filter = {sizeof code / sizeof code[0], code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0)
        _exit(98);
}

static void a_sandbox_that_forbids_the_barrier_is_noticed(void **state)
{
    (void)state;
    assert_int_equal(run_self("forbidden"), SAYS_NONE);
}

/* To go on would be to give objects out twice. Nothing is asked where it never worked. */
static void a_barrier_that_is_forbidden_later_stops_the_program(void **state)
{
    (void)state;
    assert_int_equal(run_self("forbidden-later"), os_barrier_works() ? -SIGABRT : SAYS_NONE);
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

/* What the process does that run_self starts. */
static int as_told(const char *word)
{
#ifndef _WIN32
    struct rlimit none = {0, 0};
    (void)setrlimit(RLIMIT_CORE, &none);
    if (strcmp(word, "forbidden") == 0)
        forbid_membarrier();
    if (strcmp(word, "forbidden-later") == 0 && os_barrier_works()) {
        close(STDERR_FILENO);
        forbid_membarrier();
        os_barrier();
    }
#endif
    (void)word;
    return os_barrier_works() ? SAYS_WORKS : SAYS_NONE;
}

int main(int argc, char **argv)
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
        cmocka_unit_test(fn_runs_once_at_thread_exit_with_the_value),
        cmocka_unit_test(fn_does_not_run_for_a_value_that_was_cleared),
        cmocka_unit_test(threads_that_live_at_once_have_different_numbers),
        cmocka_unit_test(processors_pid_and_pinning),
        cmocka_unit_test(the_barrier_orders_the_other_side_that_has_no_fence),
        cmocka_unit_test(the_environment_forbids_the_barrier),
        cmocka_unit_test(the_clock_only_goes_on),
        cmocka_unit_test(wait_returns_at_once_if_the_word_differs),
        cmocka_unit_test(wait_times_out_at_the_deadline_and_not_before),
        cmocka_unit_test(wake_ends_the_sleep_of_all_with_and_without_deadline),
        cmocka_unit_test(wakes_of_one_end_the_sleeps_one_by_one),
        cmocka_unit_test(the_lock_excludes_and_is_free_afterwards),
        cmocka_unit_test(an_event_is_readable_from_set_to_reset),
        cmocka_unit_test(an_event_ends_the_wait_of_another_thread),
#ifdef _WIN32
        cmocka_unit_test(released_memory_is_free),
        cmocka_unit_test(get_last_error_is_left_alone),
        cmocka_unit_test(fn_runs_for_a_thread_of_the_system),
        cmocka_unit_test(a_deleted_fibre_is_no_exit_and_the_end_on_another_fibre_is_one),
#else
        cmocka_unit_test(a_reservation_takes_no_more_than_was_asked),
        cmocka_unit_test(released_address_space_can_be_had_again),
        cmocka_unit_test(reserved_and_decommitted_memory_has_no_access),
        cmocka_unit_test(populate_makes_resident_and_discard_and_decommit_give_back),
        cmocka_unit_test(commit_says_enomem_when_the_kernel_does),
        cmocka_unit_test(locked_memory_is_given_back),
        cmocka_unit_test(errno_is_left_alone),
        cmocka_unit_test(an_event_set_too_often_still_does_not_block),
        cmocka_unit_test(a_thread_is_dying_in_the_destructors_that_follow),
        cmocka_unit_test(a_value_set_in_a_destructor_is_seen_off_too),
        cmocka_unit_test(a_wait_is_no_cancellation_point),
        cmocka_unit_test(hooks_run_around_every_fork_and_the_barrier_works_in_the_child),
        cmocka_unit_test(a_sandbox_that_forbids_the_barrier_is_noticed),
        cmocka_unit_test(a_barrier_that_is_forbidden_later_stops_the_program),
        cmocka_unit_test(write_error_writes_all_to_standard_error),
#endif
    };
    program = argv[0];
    if (argc == 2)
        return as_told(argv[1]);
    os_thread_on_exit(on_exit_fn);
#ifndef _WIN32
    os_on_fork(before_fork, parent_of_fork, child_of_fork);
    os_on_fork(NULL, NULL, other_child_of_fork);
#endif
    return cmocka_run_group_tests(cases, NULL, NULL);
}
