/* Stands for weir's inlined calls: a wrapper in a wrapper, in a file whose path says that it is weir's. */
#ifndef WRAPPER_H
#define WRAPPER_H

void into_the_library(const char *mark);

static inline __attribute__((always_inline)) void wrapped_twice(const char *mark)
{
    into_the_library(mark);
    __asm__ volatile("");               /* the call is no tail call */
}

static inline __attribute__((always_inline)) void wrapped(const char *mark)
{
    wrapped_twice(mark);
}

#endif
