/* tests/test_os_reports.c - what reports need of the system: files, a thread, signals, the exit. */
#include "os_support.h"

#ifndef _WIN32
#include <signal.h>
#include <sys/stat.h>
#endif
#include <stdio.h>

static void a_file_holds_what_was_written_last(void **state)
{
    intptr_t file;
    char *text;
    size_t bytes;
    (void)state;
    errno = 77;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(os_file_create(&file, "test_os_reports.tmp"), 0);
        assert_int_equal(os_file_write(file, i ? "short" : "much longer", i ? 5 : 11), 0);
        os_file_close(file);
    }
    assert_int_equal(os_file_read(&text, &bytes, "test_os_reports.tmp"), 0);
    assert_int_equal(bytes, 5);
    assert_string_equal(text, "short");
    os_pages_free(text, bytes + 1);
#ifndef _WIN32
    struct stat s;
    assert_int_equal(stat("test_os_reports.tmp", &s), 0);
    assert_int_equal(s.st_mode & 0777, 0600);
#endif
    assert_int_equal(errno, 77);
    assert_int_equal(remove("test_os_reports.tmp"), 0);
}

static void a_file_that_is_not_there_or_cannot_be_made_is_an_error(void **state)
{
    intptr_t file;
    char *text;
    size_t bytes;
    (void)state;
    errno = 77;
    assert_int_equal(os_file_read(&text, &bytes, "no such file"), -ENOENT);
    assert_int_equal(os_file_create(&file, "no such folder/file"), -ENOENT);
    assert_int_equal(errno, 77);
}

static void a_file_over_a_mebibyte_is_refused(void **state)
{
    intptr_t file;
    char *text, *data = calloc(1, MIB + 1);
    size_t bytes;
    (void)state;
    assert_int_equal(os_file_create(&file, "test_os_reports.tmp"), 0);
    assert_int_equal(os_file_write(file, data, MIB), 0);
    assert_int_equal(os_file_read(&text, &bytes, "test_os_reports.tmp"), 0);
    assert_int_equal(bytes, MIB);
    os_pages_free(text, bytes + 1);
    assert_int_equal(os_file_write(file, data, 1), 0);
    os_file_close(file);
    assert_int_equal(os_file_read(&text, &bytes, "test_os_reports.tmp"), -EFBIG);
    free(data);
    assert_int_equal(remove("test_os_reports.tmp"), 0);
}

static void a_path_is_made_absolute_if_it_fits(void **state)
{
    char out[600], relative[400];
    size_t n;
    (void)state;
    errno = 77;
    assert_int_equal(os_path_absolute(out, sizeof out, "leaks.json"), 0);
    n = strlen(out);
    assert_true(n > 11 && strlen("leaks.json") < n);
    assert_string_equal(out + n - 10, "leaks.json");
#ifdef _WIN32
    assert_true(out[n - 11] == '\\' && out[1] == ':');
    (void)relative;
#else
    char here[512];
    assert_non_null(getcwd(here, sizeof here));
    assert_memory_equal(out, here, strlen(here));
    assert_int_equal(out[strlen(here)], '/');
    assert_int_equal(n, strlen(here) + 11);
    assert_int_equal(os_path_absolute(out, n + 1, "leaks.json"), 0);
    assert_int_equal(os_path_absolute(out, n, "leaks.json"), -ENAMETOOLONG);
    assert_int_equal(os_path_absolute(out, 3, "leaks.json"), -ENAMETOOLONG);
    assert_int_equal(os_path_absolute(out, 9, "/tmp/x.y"), 0);
    assert_string_equal(out, "/tmp/x.y");
    assert_int_equal(os_path_absolute(out, 8, "/tmp/x.y"), -ENAMETOOLONG);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(os_path_absolute(relative, sizeof relative, "x"), 0);
    assert_int_equal(chdir(here), 0);
    assert_string_equal(relative, "/x");
#endif
    assert_int_equal(errno, 77);
}

static uint32_t ran;

static void note_and_wake(void *arg)
{
    __atomic_store_n(&ran, (uint32_t)(uintptr_t)arg, __ATOMIC_RELEASE);
    os_wake(&ran, 1);
}

static void a_thread_runs_what_it_was_given(void **state)
{
    (void)state;
    assert_int_equal(os_thread_run(note_and_wake, (void *)(uintptr_t)4711), 0);
    while (__atomic_load_n(&ran, __ATOMIC_ACQUIRE) != 4711)
        (void)os_wait(&ran, 0, INT64_MAX);
}

#ifndef _WIN32
static void note_signal(int number)
{
    ran = (uint32_t)number;
}

static void a_signal_reaches_its_function(void **state)
{
    (void)state;
    assert_int_equal(os_signal_number("USR1"), SIGUSR1);
    assert_int_equal(os_signal_number("SIGUSR1"), -EINVAL);
    assert_int_equal(os_on_signal(SIGUSR1, note_signal), 0);
    errno = 77;
    assert_int_equal(os_on_signal(SIGKILL, note_signal), -EINVAL);
    assert_int_equal(errno, 77);
    raise(SIGUSR1);
    assert_int_equal(ran, SIGUSR1);
}

static int wanted, told_status;

static void at_exit(int status)
{
    told_status = status;
    if (write(STDERR_FILENO, "", 0) == 0 && wanted)
        os_exit_with(wanted);
}

/* The handler answers with 23; what the program had printed must come out all the same. */
static int exit_with(int status, int answer, char *printed, size_t size)
{
    int both[2], wait_status;
    pid_t pid;
    ssize_t n;
    assert_int_equal(pipe(both), 0);
    fflush(stdout);
    fflush(stderr);
    pid = fork();
    if (pid == 0) {
        dup2(both[1], STDOUT_FILENO);
        wanted = answer;
        if (os_at_exit(at_exit))
            _exit(99);
        printf("printed");
        exit(status);
    }
    close(both[1]);
    n = read(both[0], printed, size - 1);
    printed[n > 0 ? n : 0] = 0;
    close(both[0]);
    waitpid(pid, &wait_status, 0);
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
}

static void an_exit_can_be_given_another_status_and_loses_no_output(void **state)
{
    char printed[64];
    (void)state;
    assert_int_equal(exit_with(0, 23, printed, sizeof printed), 23);
    assert_string_equal(printed, "printed");
    assert_int_equal(exit_with(3, 0, printed, sizeof printed), 3);
    assert_string_equal(printed, "printed");
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_holds_what_was_written_last),
        cmocka_unit_test(a_file_that_is_not_there_or_cannot_be_made_is_an_error),
        cmocka_unit_test(a_file_over_a_mebibyte_is_refused),
        cmocka_unit_test(a_path_is_made_absolute_if_it_fits),
        cmocka_unit_test(a_thread_runs_what_it_was_given),
#ifndef _WIN32
        cmocka_unit_test(a_signal_reaches_its_function),
        cmocka_unit_test(an_exit_can_be_given_another_status_and_loses_no_output),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
