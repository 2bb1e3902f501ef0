/* tests/test_report_exit.c - when reports are written: this program starts itself as one that leaks, with WEIR_DEBUG in its environment, and reads what
 * comes of it: its exit status, standard error, and files in a directory of its own. */
#include "child.h"

#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <weir/track.h>

#include "os/os.h"

/* -- the programs ---------------------------------------------------------------------------------------------------------- */

static struct weir_pool *opened(const char *name)
{
    struct weir_pool_config config = { .name = name, .capacity = 64, .buffer_size = 64 };
    struct weir_pool *pool = NULL;
    int error = weir_pool_create(&pool, &config);
    if (error) {
        fprintf(stderr, "refused: %d: %s\n", error, weir_error_message());
        exit(70);
    }
    return pool;
}

static int leaky(void)
{
    weir_holder_name("worker-1");
    weir_hold_take(weir_op_get(opened("rx-requests")));
    printf("printed without a line's end");
    return 0;
}

static int leaky_and_3(void)
{
    leaky();
    return 3;
}

static int clean(void)
{
    struct weir_pool *pool = opened("rx-requests");
    weir_op_put(weir_op_get(pool));
    return weir_pool_close(pool) ? 71 : 0;
}

static int open_but_clean(void)
{
    weir_op_put(weir_op_get(opened("rx-requests")));
    return 0;
}

static int refused(void)
{
    struct weir_pool *pool = opened("rx-requests");
    struct weir_op *op = weir_op_get(pool);
    if (weir_pool_close(pool) != -EBUSY || !strstr(weir_error_message(), "1 ops are live"))
        return 71;
    weir_op_put(op);
    return weir_pool_close(pool) ? 72 : 0;
}

/* Another pool, of the same file, is made after a report was written there. */
static int refused_then_another(void)
{
    struct weir_pool *pool = opened("rx-requests");
    weir_op_get(pool);
    if (weir_pool_close(pool) != -EBUSY)
        return 71;
    opened("rx-two");
    _exit(0);
}

static struct weir_pool *last_pool;
static struct weir_op *last_op;

static void clean_up(void)
{
    weir_op_put(last_op);
    if (weir_pool_close(last_pool))
        _exit(72);
}

static int cleans_up_at_exit(void)
{
    atexit(clean_up);
    last_pool = opened("rx-requests");
    last_op = weir_op_get(last_pool);
    return 0;
}

static int two_pools_and_a_domain(void)
{
    static struct weir_ref ref;
    struct weir_domain *domain;
    weir_op_get(opened("rx-one"));
    opened("rx-two");
    if (weir_domain_create(&domain, "rx-three", 4, NULL))
        return 70;
    weir_ref_init(&ref, domain, &ref);
    return 0;
}

static int goes_elsewhere(void)
{
    leaky();
    return chdir("/");
}

/* Until standard input ends. By poll: in a read ThreadSanitizer puts signals off. */
static void wait_for_the_end(void)
{
    struct pollfd end = { .fd = STDIN_FILENO, .events = POLLIN };
    while (poll(&end, 1, -1) < 1) {
    }
}

/* Says when it is there. */
static int waits(void)
{
    leaky();
    dprintf(STDOUT_FILENO, "ready");
    wait_for_the_end();
    _exit(0);
}

static int forks(int (*child)(struct weir_pool *))
{
    struct weir_pool *pool = opened("rx-requests");
    struct weir_op *op = weir_op_get(pool);
    int status;
    pid_t pid = fork();
    if (pid == 0)
        exit(child(pool));
    status = child_status(pid);
    weir_op_put(op);
    if (weir_pool_close(pool))
        return 72;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 73;
}

static int child_nothing(struct weir_pool *pool)
{
    (void)pool;
    return 0;
}

static int child_leaks(struct weir_pool *pool)
{
    nap_us(30000);                      /* the times of births are in units of 10 ms: later than the fork's */
    return weir_op_get(pool) ? 0 : 74;
}

static int child_waits(struct weir_pool *pool)
{
    nap_us(30000);
    weir_op_get(pool);
    dprintf(STDOUT_FILENO, "%d ", (int)getpid());
    wait_for_the_end();
    _exit(0);
}

static int forks_and_the_child_does_nothing(void)
{
    return forks(child_nothing);
}

static int forks_and_the_child_leaks(void)
{
    return forks(child_leaks);
}

static int forks_and_the_child_waits(void)
{
    return forks(child_waits);
}

static const struct { const char *name; int (*main)(void); } programs[] = {
    { "leaky", leaky },
    { "leaky_and_3", leaky_and_3 },
    { "clean", clean },
    { "open_but_clean", open_but_clean },
    { "refused", refused },
    { "refused_then_another", refused_then_another },
    { "cleans_up_at_exit", cleans_up_at_exit },
    { "two_pools_and_a_domain", two_pools_and_a_domain },
    { "goes_elsewhere", goes_elsewhere },
    { "waits", waits },
    { "forks_and_the_child_does_nothing", forks_and_the_child_does_nothing },
    { "forks_and_the_child_leaks", forks_and_the_child_leaks },
    { "forks_and_the_child_waits", forks_and_the_child_waits },
};

/* -- running them ------------------------------------------------------------------------------------------------------------ */

static char directory[64], self[512];

static struct run {
    pid_t pid;
    int in, out, error;         /* our ends */
    char said[4096], errors[16384];
    int status;                 /* the exit status, or -1 */
} run;

static void program_start(const char *name, const char *debug)
{
    int in[2], out[2], error[2];
    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    assert_int_equal(pipe(error), 0);
    run.pid = fork();
    if (run.pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(error[1], STDERR_FILENO);
        for (int fd = 3; fd < 64; fd++)
            close(fd);
        setenv("WEIR_DEBUG", debug, 1);
        setenv("TSAN_OPTIONS", "die_after_fork=0", 1);          /* the report's thread is started in forked children, too */
        alarm(PATIENCE);
        execl(self, self, name, (char *)NULL);
        _exit(99);
    }
    close(in[0]);
    close(out[1]);
    close(error[1]);
    run.in = in[1];
    run.out = out[0];
    run.error = error[0];
}

static void read_all(int fd, char *text, size_t size)
{
    size_t used = 0;
    ssize_t n;
    while (used + 1 < size && (n = read(fd, text + used, size - 1 - used)) > 0)
        used += (size_t)n;
    text[used] = 0;
    close(fd);
}

static void program_end(void)
{
    int status;
    close(run.in);
    read_all(run.out, run.said, sizeof run.said);
    read_all(run.error, run.errors, sizeof run.errors);
    status = child_status(run.pid);
    run.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int program(const char *name, const char *debug)
{
    program_start(name, debug);
    program_end();
    return run.status;
}

/* The contents of a file in the directory, or NULL. Valid until the next call. */
static const char *contents(const char *name)
{
    static char text[65536];
    int fd = open(name, O_RDONLY);
    if (fd < 0)
        return NULL;
    read_all(fd, text, sizeof text);
    return text;
}

static bool file_says(const char *name, const char *part)
{
    const char *text = contents(name);
    return text && strstr(text, part);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static int in_a_directory(void **state)
{
    (void)state;
    strcpy(directory, "/tmp/weir-report-XXXXXX");
    return !mkdtemp(directory) || chdir(directory);
}

/* What processes that did not close their pools have left. */
static int unlink_ours(const char *name, void *arg)
{
    (void)arg;
    if (strncmp(name, "debug.rx-", 9) == 0)
        (void)os_segment_unlink(name);
    return 0;
}

static int out_of_the_directory(void **state)
{
    glob_t found;
    (void)state;
    (void)os_segment_each(unlink_ours, NULL);
    if (glob("*", 0, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++)
            unlink(found.gl_pathv[i]);
        globfree(&found);
    }
    return chdir("/") || rmdir(directory);
}

/* -- at exit ------------------------------------------------------------------------------------------------------------------ */

static void a_leak_at_exit_is_reported_and_loses_no_output(void **state)
{
    (void)state;
    assert_int_equal(program("leaky", "track=slots,report"), 0);
    assert_string_equal(run.said, "printed without a line's end");
    assert_says(run.errors, "weir: leaks at exit\npool rx-requests of process ", ": 1 leak, 2 references", "by worker-1 taken at", "test_report_exit.c:",
                "; certified", "next: weir-inspect leaks debug.rx-requests.", NULL);
}

static void exit_23_answers_23_instead_of_0_alone(void **state)
{
    (void)state;
    assert_int_equal(program("leaky", "track=slots,exit=23"), 23);
    assert_string_equal(run.errors, "");
    assert_string_equal(run.said, "printed without a line's end");
    assert_int_equal(program("leaky", "track=sketch,exit=77,report"), 77);
#ifdef __GLIBC__
    assert_int_equal(program("leaky_and_3", "track=slots,exit=23"), 3);
#else
    assert_int_equal(program("leaky_and_3", "track=slots,exit=23"), 23);
#endif
    assert_int_equal(program("clean", "track=slots,exit=23"), 0);
    assert_int_equal(program("open_but_clean", "track=slots,exit=23"), 0);
}

static void who_has_no_leaks_hears_nothing(void **state)
{
    (void)state;
    assert_int_equal(program("clean", "track=slots,report"), 0);
    assert_string_equal(run.errors, "");
    assert_int_equal(program("open_but_clean", "track=slots,report"), 0);
    assert_string_equal(run.errors, "");
    assert_int_equal(program("leaky", ""), 0);
    assert_string_equal(run.errors, "");
}

static void what_is_young_is_no_leak(void **state)
{
    (void)state;
    assert_int_equal(program("leaky", "track=slots,report,exit=23,min-age=3600"), 0);
    assert_string_equal(run.errors, "");
}

static void what_a_programs_own_exit_handler_gives_back_is_no_leak(void **state)
{
    (void)state;
    assert_int_equal(program("cleans_up_at_exit", "track=slots,report,exit=23"), 0);
    assert_string_equal(run.errors, "");
}

/* -- files -------------------------------------------------------------------------------------------------------------------- */

static void a_files_ending_says_its_form(void **state)
{
    (void)state;
    assert_int_equal(program("leaky", "track=slots,report=leaks.json"), 0);
    assert_string_equal(run.errors, "");
    assert_true(file_says("leaks.json", "{\"pool\":\"rx-requests\",\"pid\":"));
    assert_true(file_says("leaks.json", "\"name\":\"worker-1\""));
    assert_int_equal(program("leaky", "track=slots,report=leaks.folded"), 0);
    assert_true(file_says("leaks.folded", "rx-requests;worker-1;leaky ("));
    assert_int_equal(program("leaky", "track=slots,report=leaks.txt"), 0);
    assert_true(file_says("leaks.txt", "pool rx-requests of process"));
}

static void an_old_report_is_gone_when_all_is_well(void **state)
{
    (void)state;
    write_file("leaks.json", "old");
    assert_int_equal(program("clean", "track=slots,report=leaks.json"), 0);
    assert_string_equal(contents("leaks.json"), "");
    assert_int_equal(program("open_but_clean", "track=slots,report=leaks.json"), 0);
    assert_true(file_says("leaks.json", "\"leaks\":[],"));
}

static void all_pools_and_domains_of_a_process_share_a_file_a_line_each(void **state)
{
    const char *text;
    unsigned lines = 0;
    (void)state;
    assert_int_equal(program("two_pools_and_a_domain", "track=slots,report=leaks.json,exit=23"), 23);
    text = contents("leaks.json");
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 3);
    assert_true(file_says("leaks.json", "{\"pool\":\"rx-one\""));
    assert_true(file_says("leaks.json", "{\"pool\":\"rx-two\""));
    assert_true(file_says("leaks.json", "{\"pool\":\"rx-three\""));
}

static void the_file_is_where_it_was_asked_for_although_the_program_went_elsewhere(void **state)
{
    (void)state;
    assert_int_equal(program("goes_elsewhere", "track=slots,report=leaks-%p.json"), 0);
    char name[64];
    snprintf(name, sizeof name, "leaks-%d.json", (int)run.pid);
    assert_true(file_says(name, "worker-1"));
}

static void a_file_that_cannot_be_made_is_said_when_the_pool_is(void **state)
{
    (void)state;
    assert_int_equal(program("leaky", "track=slots,report=no/such/folder/leaks.json"), 70);
    assert_says(run.errors, "refused: -2: report=/tmp/weir-report-", "no/such/folder/leaks.json: no such name", NULL);
}

/* -- at a close that is refused ------------------------------------------------------------------------------------------------ */

static void a_close_that_is_refused_says_who_holds(void **state)
{
    (void)state;
    assert_int_equal(program("refused", "track=slots,report,min-age=3600"), 0);
    assert_says(run.errors, "weir: not closed: ops are live\npool rx-requests of process ", ": 1 leak, 1 reference", "\nop ", NULL);
    assert_null(strstr(run.errors, "leaks at exit"));
}

static void a_report_stays_when_another_pool_is_made(void **state)
{
    (void)state;
    assert_int_equal(program("refused_then_another", "track=slots,report=leaks.txt"), 0);
    assert_true(file_says("leaks.txt", ": 1 leak, 1 reference"));
}

/* -- suppressions ---------------------------------------------------------------------------------------------------------------- */

static void a_suppressed_leak_is_none_and_unused_rules_are_named(void **state)
{
    (void)state;
    write_file("known", "# known\nholder:worker-*\nsite:gone.c:*\n");
    assert_int_equal(program("leaky", "track=slots,report,exit=23,suppress=known"), 0);
    assert_says(run.errors, ": no leaks\n  1 suppressed\n", "suppressions that nothing matched:\n  line 3: site:gone.c:*\n", NULL);
    write_file("known", "site:gone.c:*\n");
    assert_int_equal(program("leaky", "track=slots,exit=23,suppress=known"), 23);
}

static void rules_of_several_pools_are_unused_if_none_used_them(void **state)
{
    const char *first;
    (void)state;
    write_file("known", "site:gone.c:*\nsite:test_report_exit*\n");
    assert_int_equal(program("two_pools_and_a_domain", "track=slots,report,suppress=known"), 0);
    first = strstr(run.errors, "suppressions that nothing matched:\n  line 1: site:gone.c:*\n");
    assert_non_null(first);
    assert_null(strstr(first + 1, "suppressions that"));
    assert_null(strstr(run.errors, "line 2"));
}

static void a_bad_suppression_is_said_when_the_pool_is_made(void **state)
{
    (void)state;
    write_file("known", "\nleak:malloc\n");
    assert_int_equal(program("leaky", "track=slots,suppress=known"), 70);
    assert_says(run.errors, "/known, line 2: \"leak:malloc\": site:PATTERN", NULL);
    assert_int_equal(program("leaky", "track=slots,suppress=unknown"), 70);
    assert_says(run.errors, "/unknown: no such name", NULL);
}

/* -- on a signal ----------------------------------------------------------------------------------------------------------------- */

static void wait_for(const char *what)
{
    size_t n = strlen(what), got = 0;
    char c;
    while (got < n && read(run.out, &c, 1) == 1)
        got = c == what[got] ? got + 1 : c == what[0];
    assert_int_equal(got, n);
}

static void a_signal_has_a_report_written_as_often_as_it_comes(void **state)
{
    (void)state;
    program_start("waits", "track=slots,report=now.txt,signal=USR2");
    wait_for("ready");
    for (int i = 0; i < 2; i++) {
        kill(run.pid, SIGUSR2);
        assert_true(EVENTUALLY(file_says("now.txt", "next: weir-inspect leaks")));
        assert_int_equal(truncate("now.txt", 0), 0);
    }
    program_end();
    assert_int_equal(run.status, 0);
    assert_string_equal(run.errors, "");
}

static void a_signals_report_goes_to_standard_error_if_no_file_is_named(void **state)
{
    char text[64];
    (void)state;
    program_start("waits", "track=slots,signal=HUP");
    wait_for("ready");
    kill(run.pid, SIGHUP);
    assert_int_equal(read(run.error, text, 27), 27);
    assert_memory_equal(text, "weir: a report, on a signal", 27);
    program_end();
    assert_int_equal(run.status, 0);
}

/* -- after a fork ------------------------------------------------------------------------------------------------------------------ */

static void a_forked_child_does_not_answer_for_its_parents_ops(void **state)
{
    (void)state;
    assert_int_equal(program("forks_and_the_child_does_nothing", "track=slots,report,exit=23"), 0);
    assert_string_equal(run.errors, "");
}

static void a_forked_child_reports_its_own_in_a_file_of_its_own(void **state)
{
    glob_t found;
    (void)state;
    assert_int_equal(program("forks_and_the_child_leaks", "track=slots,report=own-%p.json,exit=23"), 23);
    assert_int_equal(glob("own-*.json", 0, NULL, &found), 0);
    assert_int_equal(found.gl_pathc, 2);                /* the parent's is empty: it closed its pool */
    for (size_t i = 0; i < 2; i++) {
        bool parents = (int)run.pid == atoi(found.gl_pathv[i] + 4);
        assert_true(contents(found.gl_pathv[i]) != NULL);
        if (parents)
            assert_string_equal(contents(found.gl_pathv[i]), "");
        else
            assert_true(file_says(found.gl_pathv[i], "\"leaks\":[{\"op\":") && !file_says(found.gl_pathv[i], ",{\"op\":"));
    }
    globfree(&found);
}

/* Not under ThreadSanitizer, which has no threads started in forked children of a process with threads. */
static __attribute__((__unused__)) void a_forked_child_answers_to_the_signal_too(void **state)
{
    char digits[16] = "", name[64];
    size_t n = 0;
    (void)state;
    program_start("forks_and_the_child_waits", "track=slots,report=leaks-%p.json,signal=USR1");
    while (n + 1 < sizeof digits && read(run.out, digits + n, 1) == 1 && digits[n] != ' ')
        n++;
    assert_true(atoi(digits) > 1);
    kill(atoi(digits), SIGUSR1);
    snprintf(name, sizeof name, "leaks-%d.json", atoi(digits));
    assert_true(EVENTUALLY(file_says(name, "\"sampled\":1}\n")));
    program_end();
    assert_int_equal(run.status, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_leak_at_exit_is_reported_and_loses_no_output),
        cmocka_unit_test(exit_23_answers_23_instead_of_0_alone),
        cmocka_unit_test(who_has_no_leaks_hears_nothing),
        cmocka_unit_test(what_is_young_is_no_leak),
        cmocka_unit_test(what_a_programs_own_exit_handler_gives_back_is_no_leak),
        cmocka_unit_test(a_files_ending_says_its_form),
        cmocka_unit_test(an_old_report_is_gone_when_all_is_well),
        cmocka_unit_test(all_pools_and_domains_of_a_process_share_a_file_a_line_each),
        cmocka_unit_test(the_file_is_where_it_was_asked_for_although_the_program_went_elsewhere),
        cmocka_unit_test(a_file_that_cannot_be_made_is_said_when_the_pool_is),
        cmocka_unit_test(a_close_that_is_refused_says_who_holds),
        cmocka_unit_test(a_report_stays_when_another_pool_is_made),
        cmocka_unit_test(rules_of_several_pools_are_unused_if_none_used_them),
        cmocka_unit_test(a_suppressed_leak_is_none_and_unused_rules_are_named),
        cmocka_unit_test(a_bad_suppression_is_said_when_the_pool_is_made),
        cmocka_unit_test(a_signal_has_a_report_written_as_often_as_it_comes),
        cmocka_unit_test(a_signals_report_goes_to_standard_error_if_no_file_is_named),
        cmocka_unit_test(a_forked_child_does_not_answer_for_its_parents_ops),
        cmocka_unit_test(a_forked_child_reports_its_own_in_a_file_of_its_own),
#ifndef __SANITIZE_THREAD__
        cmocka_unit_test(a_forked_child_answers_to_the_signal_too),
#endif
    };
    ssize_t n;
    for (size_t i = 0; argc > 1 && i < sizeof programs / sizeof programs[0]; i++)
        if (!strcmp(programs[i].name, argv[1]))
            return programs[i].main();
#ifdef __SANITIZE_THREAD__
    puts("left out: a_forked_child_answers_to_the_signal_too: ThreadSanitizer has no threads started in such a child");
#endif
    n = readlink("/proc/self/exe", self, sizeof self - 1);
    if (n <= 0)
        return 1;
    return cmocka_run_group_tests(tests, in_a_directory, out_of_the_directory);
}
