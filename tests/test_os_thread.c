/* tests/test_os_thread.c - os.h's threads: the value, its end with the thread, fibres, numbers. */
#include "os_support.h"

#ifdef _WIN32
#include <windows.h>
#endif

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

#ifdef _WIN32
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
#endif

int main(void)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(fn_runs_once_at_thread_exit_with_the_value),
        cmocka_unit_test(fn_does_not_run_for_a_value_that_was_cleared),
        cmocka_unit_test(threads_that_live_at_once_have_different_numbers),
        cmocka_unit_test(processors_pid_and_pinning),
#ifdef _WIN32
        cmocka_unit_test(fn_runs_for_a_thread_of_the_system),
        cmocka_unit_test(a_deleted_fibre_is_no_exit_and_the_end_on_another_fibre_is_one),
#else
        cmocka_unit_test(a_thread_is_dying_in_the_destructors_that_follow),
        cmocka_unit_test(a_value_set_in_a_destructor_is_seen_off_too),
#endif
    };
    os_thread_on_exit(on_exit_fn);
    return cmocka_run_group_tests(cases, NULL, NULL);
}
