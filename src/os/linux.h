/* src/os/linux.h - what the Linux files share, private to src/os. */
#ifndef WEIR_OS_LINUX_H
#define WEIR_OS_LINUX_H

#include <stddef.h>

/* A system call whose answer is its result or a negative errno; leaves errno alone and is no cancellation point. */
long linux_call(long number, long a, long b, long c, long d, long e, long f);

/* The start of a small file of /proc or /sys, ending in a zero byte: how many bytes, or a negative errno. */
long linux_read_file(const char *path, char *text, size_t size);

/* mprotect and madvise, as all of os.h: negative errors, errno as it was. */
int linux_protect(void *base, size_t bytes, int access);
int linux_advise(void *base, size_t bytes, int advice);

#endif
