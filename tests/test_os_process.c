/* tests/test_os_process.c - os.h's identity of processes and threads: alive, zombie, dead, a pid used again, what can't be seen. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE             /* unshare */
#endif
#include "os_support.h"

#ifdef _WIN32
#include <windows.h>
#else
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#endif

static struct os_process self(void)
{
    struct os_process me;
    assert_int_equal(os_process_self(&me), 0);
    assert_int_equal(me.pid, os_pid());
    assert_true(me.boot != 0 && me.start != 0);
    return me;
}

static void this_process_is_alive_and_the_same_each_time(void **state)
{
    (void)state;
    struct os_process me = self(), again = self();
    assert_memory_equal(&me, &again, sizeof me);
    assert_int_equal(os_process_life(&me), OS_ALIVE);
}

static void another_start_is_another_process(void **state)
{
    (void)state;
    struct os_process me = self();
    me.start++;
    assert_int_equal(os_process_life(&me), OS_DEAD);
    me.start = 0;
    assert_int_equal(os_process_life(&me), OS_UNKNOWN);
}

static void no_pid_at_all_is_unknown(void **state)
{
    (void)state;
    struct os_process me = self(), nobody = {0};
    assert_int_equal(os_process_life(&nobody), OS_UNKNOWN);
    me.pid = 0;
    assert_int_equal(os_process_life(&me), OS_UNKNOWN);
    me.pid = -1;
    assert_int_equal(os_process_life(&me), OS_UNKNOWN);
}

/* -- threads ------------------------------------------------------------------------------------------------------------ */

struct told {
    int64_t tid;
    uint64_t start;
    uint32_t ready, may_end;
};

static void *tells_who_it_is(void *arg)
{
    struct told *told = arg;
    told->tid = os_thread_id();
    told->start = os_thread_start();
    (void)add_32(&told->ready, 1);
    (void)reaches(&told->may_end, 1);
    return NULL;
}

static bool comes_to(const struct os_process *process, const struct told *told, enum os_life wanted)
{
    int64_t until = os_now() + 10 * (int64_t)SECOND;
    while (os_thread_life(process, told->tid, told->start) != wanted && os_now() < until)
        os_yield();
    return os_thread_life(process, told->tid, told->start) == wanted;
}

static void a_thread_is_alive_until_it_ends(void **state)
{
    (void)state;
    struct os_process me = self();
    struct told told = {0};
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, tells_who_it_is, &told), 0);
    assert_true(reaches(&told.ready, 1));
    assert_int_not_equal(told.tid, os_thread_id());
    assert_true(told.start != 0);
    assert_int_equal(os_thread_life(&me, told.tid, told.start), OS_ALIVE);
    assert_int_equal(os_thread_life(&me, told.tid, told.start + 1), OS_DEAD);
    assert_int_equal(os_thread_life(&me, told.tid, 0), OS_UNKNOWN);
    assert_int_equal(os_thread_life(&me, os_thread_id(), os_thread_start()), OS_ALIVE);
    (void)add_32(&told.may_end, 1);
    pthread_join(thread, NULL);
    assert_true(comes_to(&me, &told, OS_DEAD));
}

static void a_threads_name_is_cut_to_what_there_is_room_for(void **state)
{
    (void)state;
    char name[64] = "x", small[4] = "x", none = 'x';
    os_thread_name(name, sizeof name);
    os_thread_name(small, sizeof small);
    os_thread_name(&none, 0);
    assert_int_equal(none, 'x');
    assert_true(strlen(small) < sizeof small);
#ifndef _WIN32
    char old[16];
    assert_int_equal(prctl(PR_GET_NAME, old), 0);
    assert_string_equal(name, old);
    assert_int_equal(prctl(PR_SET_NAME, "worker-3"), 0);
    os_thread_name(name, sizeof name);
    os_thread_name(small, sizeof small);
    assert_int_equal(prctl(PR_SET_NAME, old), 0);
    assert_string_equal(name, "worker-3");
    assert_string_equal(small, "wor");
#endif
}

#ifdef _WIN32
/* This program again, told to wait; it is terminated, and its handle is kept. */
static void a_killed_child_is_dead_while_its_handle_is_kept(void **state)
{
    (void)state;
    char path[MAX_PATH], line[MAX_PATH + 32];
    STARTUPINFOA how = {.cb = sizeof how};
    PROCESS_INFORMATION child;
    FILETIME start, exit, kernel, user;
    struct os_process it = self();
    assert_true(GetModuleFileNameA(NULL, path, sizeof path) > 0);
    snprintf(line, sizeof line, "\"%s\" --wait", path);
    assert_true(CreateProcessA(path, line, NULL, NULL, FALSE, 0, NULL, NULL, &how, &child));
    assert_true(GetProcessTimes(child.hProcess, &start, &exit, &kernel, &user));
    it.pid = (int64_t)child.dwProcessId;
    it.start = (uint64_t)start.dwHighDateTime << 32 | start.dwLowDateTime;
    assert_int_equal(os_process_life(&it), OS_ALIVE);
    assert_true(TerminateProcess(child.hProcess, 1));
    assert_int_equal(WaitForSingleObject(child.hProcess, 10000), WAIT_OBJECT_0);
    assert_int_equal(os_process_life(&it), OS_DEAD);
    CloseHandle(child.hThread);
    CloseHandle(child.hProcess);
    assert_int_equal(os_process_life(&it), OS_DEAD);
}

#else
/* A child that says who it is, and does as it is told until it is killed. */
struct child {
    pid_t pid;
    struct os_process process;
    struct told thread;
};

static struct child child_that(void (*does)(void))
{
    struct child child = {0};
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    fflush(NULL);
    child.pid = fork();
    if (child.pid == 0) {
        struct child me = {.pid = getpid(), .thread = {.tid = os_thread_id(), .start = os_thread_start()}};
        alarm(60);
        if (os_process_self(&me.process) || write(ends[1], &me, sizeof me) != sizeof me)
            _exit(1);
        does();
        _exit(0);
    }
    close(ends[1]);
    ssize_t got = read(ends[0], &child, sizeof child);
    close(ends[0]);
    assert_int_equal(got, sizeof child);
    assert_int_equal(child.process.pid, child.pid);
    return child;
}

static void waits(void)
{
    for (;;)
        pause();
}

static void nothing(void)
{
}

static void a_killed_child_is_a_zombie_until_it_is_waited_for(void **state)
{
    (void)state;
    siginfo_t info;
    struct child child = child_that(waits);
    assert_int_equal(os_process_life(&child.process), OS_ALIVE);
    assert_int_equal(os_thread_life(&child.process, child.thread.tid, child.thread.start), OS_ALIVE);
    assert_int_equal(kill(child.pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)child.pid, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(os_process_life(&child.process), OS_ZOMBIE);
    assert_int_equal(os_thread_life(&child.process, child.thread.tid, child.thread.start), OS_ZOMBIE);
    struct os_process other = child.process;
    other.start++;
    assert_int_equal(os_process_life(&other), OS_DEAD);             /* the zombie is another one's */
    assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
    assert_int_equal(os_process_life(&child.process), OS_DEAD);
    assert_int_equal(os_thread_life(&child.process, child.thread.tid, child.thread.start), OS_DEAD);
}

static void a_child_of_fork_is_not_its_parent(void **state)
{
    (void)state;
    struct os_process me = self();
    struct child child = child_that(nothing);
    assert_int_not_equal(child.process.pid, me.pid);
    assert_int_equal(child.process.boot, me.boot);
    assert_int_equal(child.process.space, me.space);
    assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
}

static void *pauses(void *arg)
{
    (void)arg;
    waits();
    return NULL;
}

static void leaves_its_first_thread(void)
{
    pthread_t thread;
    if (pthread_create(&thread, NULL, pauses, NULL) == 0)
        pthread_exit(NULL);
}

static bool state_is(pid_t pid, char wanted)
{
    char path[64], text[256] = "";
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    size_t got = fread(text, 1, sizeof text - 1, file);
    fclose(file);
    text[got] = 0;
    return strrchr(text, ')') && strrchr(text, ')')[2] == wanted;
}

static void a_process_whose_first_thread_has_left_is_alive(void **state)
{
    (void)state;
    struct child child = child_that(leaves_its_first_thread);
    int64_t until = os_now() + 10 * (int64_t)SECOND;
    while (!state_is(child.pid, 'Z') && os_now() < until)
        os_yield();
    assert_true(state_is(child.pid, 'Z'));
    assert_int_equal(os_process_life(&child.process), OS_ALIVE);
    assert_int_equal(os_thread_life(&child.process, child.thread.tid, child.thread.start), OS_DEAD);
    kill(child.pid, SIGKILL);
    assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
}

static void a_name_with_brackets_confuses_nobody(void **state)
{
    (void)state;
    struct os_process me = self();
    char old[16];
    uint64_t start = os_thread_start();
    assert_int_equal(prctl(PR_GET_NAME, old), 0);
    assert_int_equal(prctl(PR_SET_NAME, ") Z 1 (x 2 3"), 0);
    enum os_life life = os_process_life(&me), thread = os_thread_life(&me, os_thread_id(), start);
    uint64_t again = os_thread_start();
    assert_int_equal(prctl(PR_SET_NAME, old), 0);
    assert_int_equal(life, OS_ALIVE);
    assert_int_equal(thread, OS_ALIVE);
    assert_true(again == start);
}

static void another_boot_is_dead_and_another_namespace_unknown(void **state)
{
    (void)state;
    struct os_process boot = self(), pids = self(), time = self();
    boot.boot ^= 1;
    pids.space ^= 1;
    time.space ^= UINT64_C(1) << 40;
    assert_int_equal(os_process_life(&boot), OS_DEAD);
    assert_int_equal(os_process_life(&pids), OS_UNKNOWN);
    assert_int_equal(os_process_life(&time), OS_UNKNOWN);
    assert_int_equal(os_thread_life(&pids, os_thread_id(), os_thread_start()), OS_UNKNOWN);
    boot.space ^= 1;
    assert_int_equal(os_process_life(&boot), OS_DEAD);
}

/* In a pid namespace of its own, with the /proc of the old one: 0, or what was wrong. */
static struct os_process outside;
static int is_in_another_namespace(void)
{
    struct os_process me, forged = outside;
    if (os_process_self(&me) != 0 || me.pid != 1 || me.space == outside.space)
        return 1;
    if (os_process_life(&outside) != OS_UNKNOWN)
        return 2;
    forged.space = me.space;                    /* /proc would show a process of this pid: of the other namespace */
    return os_process_life(&forged) == OS_UNKNOWN ? 0 : 3;
}
static int goes_into_another_namespace(void)
{
    return unshare(CLONE_NEWPID) ? 99 : in_a_child(is_in_another_namespace);
}

static void a_process_in_another_pid_namespace_sees_nobody_of_this_one(void **state)
{
    (void)state;
    outside = self();
    int wrong = in_a_child(goes_into_another_namespace);
    if (wrong == 99) {
        print_message("missing: the right to make a pid namespace\n");
        skip();
    }
    assert_int_equal(wrong, 0);
}

static void errno_is_left_alone(void **state)
{
    (void)state;
    struct os_process me = self(), no_one = self();
    char name[8];
    no_one.pid = 0x3fffffff;
#define LEFT_ALONE(call) do { errno = 77; (void)(call); assert_int_equal(errno, 77); } while (0)
    LEFT_ALONE(os_process_self(&me));
    LEFT_ALONE(os_process_life(&me));
    LEFT_ALONE(os_process_life(&no_one));
    LEFT_ALONE(os_thread_id());
    LEFT_ALONE(os_thread_start());
    LEFT_ALONE((os_thread_name(name, sizeof name), 0));
    LEFT_ALONE(os_thread_life(&me, 0x3fffffff, 1));
    assert_int_equal(os_process_life(&no_one), OS_DEAD);
    assert_int_equal(os_thread_life(&me, 0x3fffffff, 1), OS_DEAD);
}
#endif

int main(int argc, char **argv)
{
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(this_process_is_alive_and_the_same_each_time),
        cmocka_unit_test(another_start_is_another_process),
        cmocka_unit_test(no_pid_at_all_is_unknown),
        cmocka_unit_test(a_thread_is_alive_until_it_ends),
        cmocka_unit_test(a_threads_name_is_cut_to_what_there_is_room_for),
#ifdef _WIN32
        cmocka_unit_test(a_killed_child_is_dead_while_its_handle_is_kept),
#else
        cmocka_unit_test(a_killed_child_is_a_zombie_until_it_is_waited_for),
        cmocka_unit_test(a_child_of_fork_is_not_its_parent),
        cmocka_unit_test(a_process_whose_first_thread_has_left_is_alive),
        cmocka_unit_test(a_name_with_brackets_confuses_nobody),
        cmocka_unit_test(another_boot_is_dead_and_another_namespace_unknown),
        cmocka_unit_test(a_process_in_another_pid_namespace_sees_nobody_of_this_one),
        cmocka_unit_test(errno_is_left_alone),
#endif
    };
    (void)argv;
#ifdef _WIN32
    if (argc > 1)
        Sleep(60000);           /* until it is terminated */
#endif
    return argc > 1 ? 1 : cmocka_run_group_tests(cases, NULL, NULL);
}
