/* tests/track_slot.h - where a thread keeps the debug layer's pointer, without the core: for tests that compile the layer's sources themselves, with
 * thread_track_slot defined as test_track_slot. A test's threads end by track_slot_exit(). */
#ifndef WEIR_TESTS_TRACK_SLOT_H
#define WEIR_TESTS_TRACK_SLOT_H

#include <stdbool.h>
#include <stddef.h>

#include "../debug/token.h"

static __thread void *track_slot_value;
static __thread bool track_slot_dying;

void **thread_track_slot(void);
void **thread_track_slot(void)
{
    return track_slot_dying ? NULL : &track_slot_value;
}

void **thread_track_slot_known(void);
void **thread_track_slot_known(void)
{
    return thread_track_slot();
}

static inline void track_slot_exit(void)
{
    if (track_slot_value)
        token_thread_exit(track_slot_value);
    track_slot_value = NULL;
}

#endif
