/* rundown_private.h - what the sharded rundown needs of the one-word one. */
#ifndef WEIR_RUNDOWN_PRIVATE_H
#define WEIR_RUNDOWN_PRIVATE_H

#include <weir/rundown.h>

#define RUNDOWN_COUNT UINT64_C(0xffffffff)
#define RUNDOWN_MAX (UINT64_C(1) << 30)
#define RUNDOWN_CLOSING (UINT64_C(1) << 32)     /* nobody is let in; a count of 0 is the end */
#define RUNDOWN_DOWN (UINT64_C(1) << 33)        /* the end: word[1] is the ticket of the call of done */
#define RUNDOWN_WAITED (UINT64_C(1) << 34)      /* somebody may sleep on the upper half */

/* Add `by`, of either sign, to the count; if closing has begun and 0 is reached, this is the last release. */
void weir_rundown_adjust(struct weir_rundown *rundown, int64_t by);

#endif
