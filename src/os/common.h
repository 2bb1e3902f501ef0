/* src/os/common.h - what linux.c and windows.c share, private to src/os. */
#ifndef WEIR_OS_COMMON_H
#define WEIR_OS_COMMON_H

#include "os.h"

bool common_may_commit(void);                       /* false: this commit is to fail, because a test asked for it */
void common_touch(void *base, size_t bytes);        /* faults committed pages in, changing nothing */

#define COMMON_PREFIX "weir."                       /* of a segment's file */
int common_name(const char *name);                  /* a segment's: 0, -EINVAL, -ENAMETOOLONG */

#endif
