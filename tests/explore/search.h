/* search.h - the exploration of one scenario, for main. */
#ifndef EXPLORE_SEARCH_H
#define EXPLORE_SEARCH_H

#include <stdio.h>
#include "engine.h"

struct count {
    uint64_t ended, cut;            /* schedules that came to their end; into a known state */
    uint64_t states, outcomes;      /* of those states; different ends */
};

void search_make(void);
void search_uncut(bool uncut);              /* every schedule to its end: slow, and must have the same outcomes */
bool search_parse(const char *schedule);
void search_print(FILE *out);               /* the schedule that has failed */
bool search_bound(unsigned preemptions, unsigned stale, struct count *count);   /* false: one has failed */

#endif
