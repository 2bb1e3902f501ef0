/* ground - the ground truth: seeded random programs over threads and processes, whose truth is known, read by those who are asked who holds it.
 *
 *     ground [--runs N] [--seed S] [--inspect PROGRAM] [--verbose]
 *
 * Each run draws a plan from its seed (S, S + 1, ...): a tracker, up to 12 threads in up to 4 processes, takes, gives, moves and hand-overs by plain calls
 * and by holds, 0 to 12 holders that keep 1 to 5 references each, and whether processes are killed with SIGKILL: asleep, in a loop, or at a labelled
 * point in the midst of an update. It is read by weir_leaks in a living process, by the reader on the segment from outside before and after
 * the deaths, and now and then by weir-inspect. The judge (judge.c) compares. In a run in which nobody dies everything goes back in the end: there
 * must be no leak, no panic, and the pool closes.
 *
 * Exit status 0: everything was as it is; 1: the seed of what was not is printed, with its plan; 2: usage.
 */
#define _GNU_SOURCE
#include "ground.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { INSPECT_EACH = 20, PATIENCE_S = 70 };

static struct stage *stage;
static struct score score, by_kind[KINDS];
static const char *inspector;
static unsigned inspected;

static void nap_us(long us)
{
    struct timespec t = { us / 1000000, us % 1000000 * 1000 };
    nanosleep(&t, NULL);
}

/* Without reaping it. */
static bool has_ended(pid_t pid)
{
    siginfo_t info = { 0 };
    return waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid;
}

/* Waits until all actors have done all of it; false: somebody has complained, ended or is late. */
static bool wait_for_all(const pid_t *pid)
{
    time_t until = time(NULL) + PATIENCE_S;
    while (__atomic_load_n(&stage->wave, __ATOMIC_ACQUIRE) < WAVES) {
        for (unsigned i = 0; i < stage->plan.processes; i++)
            if (has_ended(pid[i]))
                return false;
        if (time(NULL) > until)
            return false;
        nap_us(50);
    }
    return true;
}

static void reading_print(const struct reading *r, unsigned op)
{
    static const char *const certainty[] = { "certified", "probable", "ambiguous", "overflow" };
    printf("  op %u is read: %s%s, %u references, %s\n", op, r->listed ? "listed" : "not listed", r->stable ? "" : ", not stably", r->refs,
           certainty[r->certainty]);
    for (unsigned i = 0; i < r->n; i++) {
        unsigned a = 0;
        while (a < stage->plan.actors && stage->tid[a] != r->holder[i].tid)
            a++;
        printf("      %d by actor %u (pid %lld, tid %lld), line %d\n", (int)r->holder[i].refs, a, (long long)r->holder[i].pid,
               (long long)r->holder[i].tid, r->holder[i].line);
    }
}

static bool judge_all(const struct reading *r, bool dead, const char *how, char *wrong)
{
    char why[TEXT];
    for (unsigned op = 0; op < stage->plan.ops; op++) {
        struct score one = { 0 };
        bool right = judge(stage, &r[op], op, dead, &one, why);
        for (size_t i = 0; i < sizeof one / sizeof(unsigned); i++) {
            ((unsigned *)&score)[i] += ((unsigned *)&one)[i];
            ((unsigned *)&by_kind[stage->plan.kind])[i] += ((unsigned *)&one)[i];
        }
        if (!right) {
            reading_print(&r[op], op);
            snprintf(wrong, TEXT, "%s: %.340s", how, why);
            return false;
        }
    }
    return true;
}

static bool read_from_outside(bool dead, bool inspect, char *wrong)
{
    struct reading r[OPS] = { { 0 } };
    if (!read_by_reader(stage, r, wrong) || !judge_all(r, dead, dead ? "the reader, after the deaths" : "the reader", wrong))
        return false;
    if (!inspect || !inspector)
        return true;
    inspected++;
    return read_by_inspector(inspector, stage, r, wrong) && judge_all(r, dead, "weir-inspect", wrong);
}

static void kill_them(pid_t *pid)
{
    if (stage->plan.death == DEATH_BUSY)
        nap_us(stage->plan.busy_us);
    for (unsigned i = 0; i < stage->plan.processes; i++) {
        if (!stage->plan.dies[i])
            continue;
        for (unsigned tries = 0; stage->plan.death == DEATH_POINT && tries < 2000 && !has_ended(pid[i]); tries++)
            nap_us(50);                                         /* it dies by itself */
        kill(pid[i], SIGKILL);
    }
    for (unsigned i = 0; i < stage->plan.processes; i++)
        if (stage->plan.dies[i]) {
            waitid(P_PID, (id_t)pid[i], &(siginfo_t){ 0 }, plan_reaps(&stage->plan) ? WEXITED : WEXITED | WNOWAIT);
            if (plan_reaps(&stage->plan))
                pid[i] = 0;
        }
}

/* All have read and wait: what is on the stage is the truth. */
static bool look(pid_t *pid, bool inspect, char *wrong)
{
    if (!wait_for_all(pid)) {
        snprintf(wrong, TEXT, "%s", stage->wrong[0] ? stage->wrong : "a process ended, or nothing went on");
        return false;
    }
    if (!judge_all(stage->own, false, "weir_leaks", wrong))
        return false;
    if (stage->plan.death == DEATH_NONE)
        return read_from_outside(false, inspect, wrong);
    kill_them(pid);
    return read_from_outside(true, inspect, wrong);
}

static bool end_them(const pid_t *pid, bool right, char *wrong)
{
    __atomic_store_n(&stage->over, 1, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < stage->plan.processes; i++) {
        int status = 0;
        if (!pid[i])
            continue;
        if (!right)
            kill(pid[i], SIGKILL);
        waitpid(pid[i], &status, 0);
        if (right && !stage->plan.dies[i] && status != 0) {
            snprintf(wrong, TEXT, "process %u ended with wait status 0x%x: %.300s", i, (unsigned)status, stage->wrong);
            right = false;
        }
    }
    return right;
}

static bool run(uint64_t seed, bool inspect, char *wrong)
{
    pid_t pid[PROCESSES];
    bool right;
    memset(stage, 0, sizeof *stage);
    plan_draw(&stage->plan, seed);
    snprintf(stage->pool, sizeof stage->pool, "ground-%d-%llu", (int)getpid(), (unsigned long long)seed);
    fflush(NULL);
    for (unsigned i = 0; i < stage->plan.processes; i++) {
        pid[i] = fork();
        if (pid[i] == 0)
            actors_process(stage, i);
    }
    right = end_them(pid, look(pid, inspect, wrong), wrong);
    read_remove(stage);
    return right;
}

static void say(const char *what, const struct score *s)
{
    printf("%-10s %7u readings: %7u certified, %6u probable, %6u ambiguous, %6u overflow; %6u of one that was killed in its loop, %6u of these certified\n",
           what, s->readings, s->certified, s->probable, s->ambiguous, s->overflow, s->cut_short, s->cut_short_certified);
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = { { "runs", 1, NULL, 'r' }, { "seed", 1, NULL, 's' }, { "inspect", 1, NULL, 'i' },
                                                  { "verbose", 0, NULL, 'v' }, { NULL, 0, NULL, 0 } };
    static const char *const kind[KINDS] = { "xor", "sum", "sketch", "slots", "releasers", "journal" };
    unsigned long long runs = 1000, seed = 1;
    bool verbose = false;
    char wrong[TEXT] = "";
    int c;
    while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1)
        switch (c) {
        case 'r': runs = strtoull(optarg, NULL, 0); break;
        case 's': seed = strtoull(optarg, NULL, 0); break;
        case 'i': inspector = optarg; break;
        case 'v': verbose = true; break;
        default: fprintf(stderr, "usage: ground [--runs N] [--seed S] [--inspect PROGRAM] [--verbose]\n"); return 2;
        }
    unsetenv("WEIR_DEBUG");
    stage = mmap(NULL, sizeof *stage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (stage == MAP_FAILED)
        return perror("ground"), 1;
    for (unsigned long long i = 0; i < runs; i++) {
        bool right = run(seed + i, i % INSPECT_EACH == 0, wrong);
        if (verbose || !right)
            plan_print(&stage->plan);
        if (!right) {
            printf("FAILED: %s\nagain: %s --runs 1 --seed %llu\n", wrong, argv[0], seed + i);
            return 1;
        }
    }
    for (unsigned i = 0; i < KINDS; i++)
        say(kind[i], &by_kind[i]);
    say("in all", &score);
    printf("%llu runs from seed %llu, %u read by weir-inspect, too: nothing certified was wrong\n", runs, seed, inspected);
    return 0;
}
