/* process.c - see process.h.
 *
 * A program that is not there was not built: its package is missing. One that ends, does not answer in time or says what is wrong has failed; its row
 * says why, and the others go on.
 */
#define _GNU_SOURCE
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ANSWER_SECONDS = 120 };

extern char **environ;

static bool process__failed(struct process *p, const char *why)
{
    snprintf(bench.peer[p->peer].failed[p->pattern], BENCH_TEXT, "%s", why);
    fprintf(stderr, "\nweir-bench: %s failed in %s: %s\n", bench_peers[p->peer].name, bench_patterns[p->pattern].name, why);
    bench.failures++;
    if (p->pid) {
        kill(p->pid, SIGKILL);
        waitpid(p->pid, NULL, 0);
        close(p->ask);
        close(p->answer);
        p->pid = 0;
    }
    return false;
}

static bool process__missing(unsigned peer, const char *program)
{
    struct peer_state *s = &bench.peer[peer];
    if (access(program, X_OK) == 0)
        return false;
    s->state = STATE_MISSING;
    if (bench_peers[peer].package)
        snprintf(s->missing, sizeof s->missing, "Debian's %s", bench_peers[peer].package);
    else
        snprintf(s->missing, sizeof s->missing, "its program is not in this build");
    return true;
}

static bool process__spawn(struct process *p, char *const *argv, int ask, int answer)
{
    posix_spawn_file_actions_t actions;
    int error;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, answer, BENCH_ANSWERS);
    posix_spawn_file_actions_adddup2(&actions, ask, 0);
    posix_spawn_file_actions_adddup2(&actions, 2, 1);
    error = posix_spawn(&p->pid, argv[0], &actions, NULL, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error)
        p->pid = 0;
    return error == 0;
}

/* Both pipes' ends lie above BENCH_ANSWERS, so that one dup2 can't close the other's source. */
static bool process__pipe(int ends[2])
{
    int low[2];
    if (pipe2(low, O_CLOEXEC) != 0)
        return false;
    for (int i = 0; i < 2; i++) {
        ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, BENCH_ANSWERS + 1);
        close(low[i]);
    }
    return ends[0] >= 0 && ends[1] >= 0;
}

static bool process__read(struct process *p, void *into, size_t bytes)
{
    struct pollfd ready = { .fd = p->answer, .events = POLLIN };
    int n;
    while ((n = poll(&ready, 1, ANSWER_SECONDS * 1000)) < 0 && errno == EINTR) {
    }
    if (n == 0)
        return process__failed(p, "it does not answer");
    if (read(p->answer, into, bytes) != (ssize_t)bytes)
        return process__failed(p, "it has ended; its last words are above");
    return true;
}

bool process_start(struct process *p, unsigned peer, unsigned pattern, unsigned capacity, unsigned size, unsigned threads)
{
    char program[sizeof bench.programs + 64], numbers[3][16];
    char *argv[] = { program, numbers[0], numbers[1], numbers[2], NULL };
    struct bench_hello hello;
    int ask[2], answer[2];
    *p = (struct process){ .peer = peer, .pattern = pattern };
    snprintf(program, sizeof program, "%s/bench-%s", bench.programs, bench_peers[peer].name);
    snprintf(numbers[0], sizeof numbers[0], "%u", capacity);
    snprintf(numbers[1], sizeof numbers[1], "%u", size);
    snprintf(numbers[2], sizeof numbers[2], "%u", threads);
    if (bench.peer[peer].failed[pattern][0] || process__missing(peer, program))
        return false;
    if (!process__pipe(ask) || !process__pipe(answer) || !process__spawn(p, argv, ask[0], answer[1]))
        return process__failed(p, "it can't be started");
    close(ask[0]);
    close(answer[1]);
    p->ask = ask[1];
    p->answer = answer[0];
    if (!process__read(p, &hello, sizeof hello))
        return false;
    if (hello.error[0])
        return process__failed(p, hello.error);
    bench.peer[peer].state = STATE_MEASURED;
    memcpy(bench.peer[peer].what, hello.what, sizeof hello.what);
    p->works = hello.works;
    return true;
}

bool process_ask(struct process *p, const struct bench_request *request, struct bench_answer *answer)
{
    if (write(p->ask, request, sizeof *request) != sizeof *request)
        return process__failed(p, "it has ended; its last words are above");
    return process__read(p, answer, sizeof *answer);
}

bool process_end(struct process *p, struct bench_farewell *farewell)
{
    int status = 0;
    close(p->ask);
    p->ask = open("/dev/null", O_WRONLY | O_CLOEXEC);           /* to close again */
    if (!process__read(p, farewell, sizeof *farewell))
        return false;
    if (farewell->error[0])
        return process__failed(p, farewell->error);
    while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR) {
    }
    p->pid = 0;
    close(p->ask);
    close(p->answer);
    return status == 0 || process__failed(p, "it ended with an error");
}
