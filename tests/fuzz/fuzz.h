/* tests/fuzz/fuzz.h - what the fuzz targets share: the input as numbers, panics that are expected, a second thread, the end.
 *
 * A target turns its input into a sequence of public calls and keeps a model beside it that knows what each must answer. The decoding never
 * changes meaning: a command's number and its arguments stay as they are, new commands get new numbers, so that the corpus stays what it is.
 * An input that has come to its end reads as zeros.
 *
 * libFuzzer and replay.c both call LLVMFuzzerTestOneInput. What the model does not expect is said and ends by abort.
 */
#ifndef WEIR_TESTS_FUZZ_H
#define WEIR_TESTS_FUZZ_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fuzz_input {
    const uint8_t *data;
    size_t size, at;
};

static inline bool fuzz_more(const struct fuzz_input *in)
{
    return in->at < in->size;
}

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
    return in->at < in->size ? in->data[in->at++] : 0;
}

static inline uint32_t fuzz_u32(struct fuzz_input *in)
{
    uint32_t n = 0;
    for (int i = 0; i < 4; i++)
        n |= (uint32_t)fuzz_u8(in) << (8 * i);
    return n;
}

static inline uint32_t fuzz_below(struct fuzz_input *in, uint32_t n)
{
    return n ? fuzz_u8(in) % n : 0;
}

/* The model is wrong or the library is. */
void fuzz_fail(const char *format, ...) __attribute__((__format__(__printf__, 1, 2), __noreturn__));

#define FUZZ_NEED(condition)                                                                                                    \
    do {                                                                                                                        \
        if (!(condition))                                                                                                       \
            fuzz_fail("%s:%d: not so: %s", __FILE__, __LINE__, #condition);                                                     \
    } while (0)

/* Run fn(arg): true if it panicked, out of which it was then left by longjmp. Any other panic ends the program.
 * fn NULL: nothing is run, but from now on this is how panics are met. */
bool fuzz_panics(void (*fn)(void *arg), void *arg);

/* Run fn(arg) on the second thread, which lives as long as the program, and wait for it. */
void fuzz_on_second_thread(void (*fn)(void *arg), void *arg);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
