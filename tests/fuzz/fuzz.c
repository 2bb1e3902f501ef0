/* tests/fuzz/fuzz.c - see fuzz.h.
 *
 * Threads    the second thread runs while the first waits for it, and never else: all is one sequence, and an input does the same each time.
 */
#include "fuzz.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <weir/error.h>

static _Thread_local jmp_buf *expected;

static pthread_once_t second_once = PTHREAD_ONCE_INIT;
static pthread_t second_thread;
static sem_t second_go, second_done;
static void (*second_fn)(void *);
static void *second_arg;

void fuzz_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("fuzz: ", stderr);
    vfprintf(stderr, format, args);
    fputs("\n", stderr);
    va_end(args);
    abort();
}

static void fuzz__panic(const char *message, void *arg)
{
    (void)arg;
    if (!expected)
        fuzz_fail("a panic that the model does not expect: %s", message);
    longjmp(*expected, 1);
}

bool fuzz_panics(void (*fn)(void *arg), void *arg)
{
    jmp_buf back;
    weir_set_panic(fuzz__panic, NULL);
    if (!fn)
        return false;
    expected = &back;
    if (!setjmp(back)) {
        fn(arg);
        expected = NULL;
        return false;
    }
    expected = NULL;
    return true;
}

static void *fuzz__second(void *arg)
{
    (void)arg;
    for (;;) {
        while (sem_wait(&second_go) != 0) {
        }
        second_fn(second_arg);
        sem_post(&second_done);
    }
    return NULL;
}

static void fuzz__second_start(void)
{
    if (sem_init(&second_go, 0, 0) || sem_init(&second_done, 0, 0) || pthread_create(&second_thread, NULL, fuzz__second, NULL))
        fuzz_fail("no second thread can be made");
}

void fuzz_on_second_thread(void (*fn)(void *arg), void *arg)
{
    pthread_once(&second_once, fuzz__second_start);
    second_fn = fn;
    second_arg = arg;
    sem_post(&second_go);
    while (sem_wait(&second_done) != 0) {
    }
}
