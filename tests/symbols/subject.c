/* subject.c - a program that calls from places of a known name and says where each call returns to, as an offset in the program.
 *
 * tests/test_symbols.c builds it, strips it, and asks for the lines. It finds a place by the comment at the end of its line: "at:" and the name.
 */
#include <stdint.h>
#include <stdio.h>
#include <weir/inline/wrapper.h>

extern const char __executable_start[];

__attribute__((noinline)) void into_the_library(const char *mark)
{
    printf("%s %lx\n", mark, (unsigned long)((uintptr_t)__builtin_return_address(0) - (uintptr_t)__executable_start));
}

static inline __attribute__((always_inline)) void inlined_by_user(void)
{
    wrapped("inlined");                                 /* at:inlined */
}

__attribute__((noinline)) static void plain(void)
{
    into_the_library("plain");                          /* at:plain */
    __asm__ volatile("");
}

__attribute__((noinline)) static void by_wrapper(void)
{
    wrapped("wrapped");                                 /* at:wrapped */
    __asm__ volatile("");
}

int main(void)
{
    plain();
    by_wrapper();
    inlined_by_user();
    into_the_library("main");                           /* at:main */
    fflush(stdout);
    return 0;
}
