/* tests/child.h - run something in a forked child, which answers NULL or what was wrong. Linux only.
 *
 * The child may not use cmocka's assertions (they would run the parent's remaining tests twice) and leaves by _exit. It is
 * killed by its own alarm if it hangs.
 */
#ifndef WEIR_TESTS_CHILD_H
#define WEIR_TESTS_CHILD_H

#include "support.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static inline pid_t child_start(thread_body body, void *arg)
{
    pid_t pid;
    fflush(stdout);
    fflush(stderr);
    pid = fork();
    if (pid == 0) {
        const char *wrong;
        signal(SIGALRM, SIG_DFL);
        alarm(PATIENCE);
        wrong = body(arg);
        if (wrong)
            dprintf(STDERR_FILENO, "in the child: %s\n", wrong);
        _exit(wrong ? 1 : 0);
    }
    return pid;
}

static inline int child_status(pid_t pid)
{
    int status = -1;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
}

static inline const char *child_end(pid_t pid)
{
    static _Thread_local char text[80];
    int status;
    if (pid < 0)
        return "fork failed";
    status = child_status(pid);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return NULL;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return "the child hung";
    snprintf(text, sizeof text, "the child ended with wait status 0x%x", (unsigned)status);
    return text;
}

static inline void in_a_child(thread_body body, void *arg)
{
    assert_right(child_end(child_start(body, arg)));
}

/* -- a child that is to die, and what it says of that ------------------------------------------------------------------------ */

struct told {
    int status;
    char text[8192];            /* what it wrote to standard error */
};

static inline void told_by_a_child(struct told *told, thread_body body, void *arg)
{
    int pipe_ends[2];
    size_t n = 0;
    ssize_t got;
    pid_t pid;
    fflush(stdout);
    fflush(stderr);
    if (pipe(pipe_ends))
        fail_msg("pipe: %s", strerror(errno));
    pid = fork();
    if (pid == 0) {
        const char *wrong;
        dup2(pipe_ends[1], STDERR_FILENO);
        close(pipe_ends[0]);
        close(pipe_ends[1]);
        for (int sig = 1; sig < 32; sig++)      /* cmocka's handlers would go on with the parent's tests */
            if (sig != SIGKILL && sig != SIGSTOP)
                signal(sig, SIG_DFL);
        alarm(PATIENCE);
        wrong = body(arg);
        if (wrong)
            dprintf(STDERR_FILENO, "in the child: %s\n", wrong);
        _exit(wrong ? 1 : 0);
    }
    close(pipe_ends[1]);
    while (n < sizeof told->text - 1 && (got = read(pipe_ends[0], told->text + n, sizeof told->text - 1 - n)) > 0)
        n += (size_t)got;
    told->text[n] = 0;
    close(pipe_ends[0]);
    told->status = child_status(pid);
}

#endif
