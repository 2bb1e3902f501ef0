/* child.c - the program of a peer: it opens the peer, answers requests, and looks in the end whether all objects are there.
 *
 * Started by weir-bench: descriptor 0 brings requests, descriptor 3 takes the answers (a peer may print on the others). */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "run.h"
#include "team.h"

void bench_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "weir-bench: " WEIR_BENCH_PEER ": ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    _exit(1);
}

static void child__say(const void *what, size_t bytes)
{
    if (write(BENCH_ANSWERS, what, bytes) != (ssize_t)bytes)        /* a pipe takes as few in one piece */
        bench_fail("nobody listens");
}

static unsigned child__number(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    if (end == text || *end || n < 1 || n > UINT32_MAX)
        bench_fail("%s is not a number: weir-bench starts this program", text);
    return (unsigned)n;
}

static bool child__next(struct bench_request *request)
{
    ssize_t n = read(0, request, sizeof *request);
    if (n != 0 && n != sizeof *request)
        bench_fail("half a request");
    return n != 0;
}

/* The farewell is said when nothing can go wrong any more. */
static void child__end(const struct peer *peer)
{
    struct bench_farewell farewell = { 0 };
    struct whereabouts where = { 0, 0, 0, 0 };
    const char *wrong;
    team_stop();
    run_close();
    wrong = peer->close(&where);
    farewell.capacity = where.capacity;
    farewell.live = where.live;
    farewell.cached = where.cached;
    farewell.free = where.free;
    if (wrong)
        snprintf(farewell.error, sizeof farewell.error, "%s", wrong);
    child__say(&farewell, sizeof farewell);
}

int main(int argc, char **argv)
{
    const struct peer *peer;
    struct bench_request request;
    struct bench_hello hello = { 0 };
    const char *why;
    if (argc != 4)
        bench_fail("weir-bench starts this program, with capacity, size and threads");
    hello.processors = team_processors();
    peer = bench_peer();
    hello.works = run_works(peer);
    snprintf(hello.what, sizeof hello.what, "%s", peer->what);
    why = peer->open(child__number(argv[1]), child__number(argv[2]), child__number(argv[3]));
    if (why)
        snprintf(hello.error, sizeof hello.error, "%s", why);
    else {
        team_start(child__number(argv[3]), peer->enter, peer->leave);
        run_open(peer, hello.processors, child__number(argv[1]));
    }
    child__say(&hello, sizeof hello);
    while (!why && child__next(&request)) {
        struct bench_answer answer = run_measure(&request);
        child__say(&answer, sizeof answer);
    }
    if (!why)
        child__end(peer);
    return 0;
}
