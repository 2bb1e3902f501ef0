/* tests/os_support.h - what the tests of os.h share.
 *
 * cmocka's assertions fail on the main thread only: other threads leave what they saw in plain variables that are read after they
 * were joined.
 */
#ifndef WEIR_TESTS_OS_SUPPORT_H
#define WEIR_TESTS_OS_SUPPORT_H

#include "weir_test.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"
#include "os/os.h"

#ifndef _WIN32
#include <sys/wait.h>
#include <unistd.h>
#endif

#define MIB ((size_t)1 << 20)
enum { SECOND = 1000000000 };

/* Polls until the word is at least so much; false after ten seconds. */
static inline bool reaches(const uint32_t *word, uint32_t wanted)
{
    int64_t until = os_now() + 10 * (int64_t)SECOND;
    while (load_acquire_32(word) < wanted && os_now() < until)
        os_yield();
    return load_acquire_32(word) >= wanted;
}

static inline unsigned char *reserved(size_t bytes, size_t align)
{
    void *base = NULL;
    assert_int_equal(os_reserve(&base, bytes, align), 0);
    assert_non_null(base);
    return base;
}

static inline bool all_bytes_are(const unsigned char *base, size_t bytes, unsigned char value)
{
    for (size_t i = 0; i < bytes; i++) {
        if (base[i] != value)
            return false;
    }
    return true;
}

#ifndef _WIN32
/* Runs the check in a child: 0, or the number of what was wrong. */
static inline int in_a_child(int (*check)(void))
{
    int status = -1;
    fflush(NULL);
    pid_t child = fork();
    if (child == 0)
        _exit(check());
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}
#endif

#endif
