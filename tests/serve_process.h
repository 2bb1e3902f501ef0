/* tests/serve_process.h - weir-serve as a process: started on a free port, stopped by a signal, its last words read. Linux only.
 *
 * The program is WEIR_SERVE, a path that CMake gives. A test that ends early leaves no server behind: it is killed with its parent.
 */
#ifndef WEIR_TESTS_SERVE_PROCESS_H
#define WEIR_TESTS_SERVE_PROCESS_H

#include "support.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SERVE_ARGUMENTS = 16 };

struct serve {
    pid_t pid;
    FILE *output;
    uint16_t number;            /* its port */
    int status;                 /* after serve_end: the exit status, or -1 */
    long long requests, errors, taken, given, live;
};

static inline void serve_child(const char *const *options, rlim_t descriptors, int output)
{
    const char *arguments[SERVE_ARGUMENTS + 5] = { WEIR_SERVE, "--json", "--port", "0" };
    struct rlimit limit = { descriptors, descriptors };
    for (int i = 0; i < SERVE_ARGUMENTS && options[i]; i++)
        arguments[4 + i] = options[i];
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (descriptors)
        setrlimit(RLIMIT_NOFILE, &limit);
    dup2(output, STDOUT_FILENO);
    execv(WEIR_SERVE, (char *const *)(uintptr_t)arguments);
    _exit(127);
}

/* descriptors: 0, or the most that it may have. options end with NULL. */
static inline struct serve serve_start_with(rlim_t descriptors, const char *const *options)
{
    struct serve s = { .status = -1 };
    char line[256] = "";
    unsigned number = 0;
    int ends[2];
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    s.pid = fork();
    assert_true(s.pid >= 0);
    if (s.pid == 0)
        serve_child(options, descriptors, ends[1]);
    close(ends[1]);
    s.output = fdopen(ends[0], "r");
    if (!fgets(line, sizeof line, s.output) || sscanf(line, "listening on 127.0.0.1:%u", &number) != 1)
        fail_msg("weir-serve did not say where it listens but \"%s\"", line);
    s.number = (uint16_t)number;
    return s;
}

#define serve_start(...) serve_start_with(0, (const char *const[SERVE_ARGUMENTS + 1]){ __VA_ARGS__ })

static inline void serve_signal(const struct serve *s)
{
    kill(s->pid, SIGTERM);
}

/* Waits for its end, and reads its last line. What it said is shown if that is not as it should be. */
static inline void serve_end(struct serve *s)
{
    char line[4096], all[16384] = "", last[4096] = "";
    int status = 0;
    while (fgets(line, sizeof line, s->output)) {
        strncat(all, line, sizeof all - strlen(all) - 1);
        memcpy(last, line, sizeof last);
    }
    fclose(s->output);
    while (waitpid(s->pid, &status, 0) < 0 && errno == EINTR) {
    }
    s->status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    if (sscanf(last, "{\"requests\":%lld,\"errors\":%lld,\"taken\":%lld,\"given\":%lld,\"live\":%lld}", &s->requests, &s->errors, &s->taken,
               &s->given, &s->live) != 5)
        fail_msg("weir-serve (wait status 0x%x) ended without a report:\n%s", (unsigned)status, all);
    if (s->status)
        fail_msg("weir-serve ended with %d:\n%s", s->status, all);
}

/* Stops it: all ops must have come back. */
static inline void serve_stop(struct serve *s)
{
    serve_signal(s);
    serve_end(s);
    assert_int_equal(s->live, 0);
    assert_int_equal(s->errors, 0);
    assert_int_equal(s->taken, s->given);
    assert_true(s->taken > 0);
}

#endif
