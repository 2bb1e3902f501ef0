/* tests/test_os_barrier.c - os.h's process-wide barrier: what it orders, who can forbid it, and that it works after fork.
 *
 * Whether it works is decided once a process, so this program starts itself again, with a word that says what to do.
 */
#include "os_support.h"

#ifdef _WIN32
#include <process.h>
#else
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#endif

static const char *program;

/* Dekker's entry, over and over, with a barrier on the heavy side only. Each side counts its own word up, then looks at the
 * other's. The light side's entry L and the heavy side's entry H must not miss each other: if H saw less than L, then L saw at least H. */
enum { LIGHT_ENTRIES = 1 << 20, HEAVY_ENTRIES = 1 << 18 };
struct dekker {
    uint32_t light, apart[63], heavy, away[63];          /* in one cache line they would be ordered by chance */
    uint32_t light_saw[LIGHT_ENTRIES + 1], heavy_saw[HEAVY_ENTRIES + 1];
};

static void *light_side(void *arg)
{
    struct dekker *d = arg;
    for (uint32_t i = 1; i <= LIGHT_ENTRIES; i++) {
        for (volatile uint32_t spin = 0; spin < i % 32; spin++) {
        }
        store_relaxed_32(&d->light, i);
        __asm__ __volatile__("" : : : "memory");        /* the machine's order is what the barrier is for */
        d->light_saw[i] = load_relaxed_32(&d->heavy);
    }
    return NULL;
}

/* How many entries were made while the light side ran, too: it had gone on since the entry before. */
static uint32_t heavy_side(struct dekker *d)
{
    uint32_t i = 0, while_both = 0, light = 0;
    while (i < HEAVY_ENTRIES && light < LIGHT_ENTRIES) {
        store_relaxed_32(&d->heavy, ++i);
        os_barrier();
        d->heavy_saw[i] = load_relaxed_32(&d->light);
        while_both += d->heavy_saw[i] != light;
        light = d->heavy_saw[i];
    }
    return while_both;
}

static uint32_t missed(const struct dekker *d)
{
    uint32_t count = 0;
    for (uint32_t i = 1; i <= d->heavy; i++)
        count += d->heavy_saw[i] < LIGHT_ENTRIES && d->light_saw[d->heavy_saw[i] + 1] < i;
    return count;
}

static void the_barrier_orders_the_other_side_that_has_no_fence(void **state)
{
    (void)state;
    if (!os_barrier_works()) {          /* then it is a fence of the caller alone, and nothing can be asked of it but to return */
        os_barrier();
        return;
    }
    struct dekker *d = calloc(1, sizeof *d);
    uint32_t met = 0, missing = 0;
    assert_non_null(d);
    for (int64_t enough = os_now() + 20 * (int64_t)SECOND; met < 10000 && os_now() < enough;) {
        pthread_t thread;
        d->light = d->heavy = 0;
        assert_int_equal(pthread_create(&thread, NULL, light_side, d), 0);
        met += heavy_side(d);
        pthread_join(thread, NULL);
        missing += missed(d);
    }
    free(d);
    assert_true(met > 0);
    assert_int_equal(missing, 0);
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

#ifndef _WIN32
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
    struct dekker *d = calloc(1, sizeof *d);
    pthread_t thread;
    if (d == NULL || pthread_create(&thread, NULL, light_side, d) != 0)
        return 2;
    (void)heavy_side(d);
    pthread_join(thread, NULL);
    if (missed(d) != 0)
        return 3;
    free(d);
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
        cmocka_unit_test(the_barrier_orders_the_other_side_that_has_no_fence),
        cmocka_unit_test(the_environment_forbids_the_barrier),
#ifndef _WIN32
        cmocka_unit_test(hooks_run_around_every_fork_and_the_barrier_works_in_the_child),
        cmocka_unit_test(a_sandbox_that_forbids_the_barrier_is_noticed),
        cmocka_unit_test(a_barrier_that_is_forbidden_later_stops_the_program),
#endif
    };
    program = argv[0];
    if (argc == 2)
        return as_told(argv[1]);
#ifndef _WIN32
    os_on_fork(before_fork, parent_of_fork, child_of_fork);
    os_on_fork(NULL, NULL, other_child_of_fork);
#endif
    return cmocka_run_group_tests(cases, NULL, NULL);
}
