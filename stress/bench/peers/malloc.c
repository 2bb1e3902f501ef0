/* malloc.c - an allocator by malloc and free, as its users have it: linked to the program, whose every malloc is then its own.
 *
 * BENCH_MALLOC, BENCH_FREE: the functions, where the allocator is used by names of its own. BENCH_LIBRARY: what must be part of the name of the
 * file that they come from; a program that got another allocator's refuses to run.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../peer.h"

#ifndef BENCH_MALLOC
#define BENCH_MALLOC malloc
#define BENCH_FREE free
#endif
void *BENCH_MALLOC(size_t);
void BENCH_FREE(void *);

static size_t bytes;

#define LOOP_BEGIN \
    size_t size = bytes; \
    (void)size;
#define LOOP_GET(j) BENCH_MALLOC(size)
#define LOOP_PUT(j, object) ((void)size, BENCH_FREE(object))
#define LOOP_WORD(object, of_buffer) ((void)(of_buffer), (uint64_t *)(object))
#include "../loops.h"

static const char *malloc__open(uint32_t capacity, size_t size, unsigned threads)
{
    static char why[300];
    Dl_info from;
    (void)capacity;
    (void)threads;
    bytes = size;
    if (dladdr((void *)(uintptr_t)BENCH_MALLOC, &from) && strstr(from.dli_fname, BENCH_LIBRARY))
        return NULL;
    snprintf(why, sizeof why, "its functions come from %s, not from " BENCH_LIBRARY, from.dli_fname);
    return why;
}

static void malloc__enter(unsigned thread)
{
    (void)thread;
}

static void malloc__leave(void)
{
}

static const char *malloc__close(struct whereabouts *where)
{
    (void)where;
    return NULL;
}

static const struct peer peer = {
    .what = BENCH_WHAT,
    LOOPS,
    .open = malloc__open,
    .enter = malloc__enter,
    .leave = malloc__leave,
    .close = malloc__close,
};

const struct peer *bench_peer(void)
{
    return &peer;
}
