/* debug/verdict.h - what all trackers' decoders end with: balances put together, and how sure one may be of them. */
#ifndef WEIR_DEBUG_VERDICT_H
#define WEIR_DEBUG_VERDICT_H

#include "tracker.h"

/* Nobody named, ambiguous, for that reason. */
void verdict_clear(struct verdict *v, const char *why);

/* The token's balance changes by refs; since: of its first change, 0: not known. false: more tokens than a verdict names. */
bool verdict_balance(struct verdict *v, uint32_t token, int64_t refs, uint32_t since);

/* The balances are all of them, and exact: drops those that are 0, puts the others in the order of their tokens, and says how sure a reading is of which this is
 * so. certified: every rule holds, and wrong_log2 is 0. */
void verdict_judge(struct verdict *v, const struct tracker_reading *r);

void verdict_say(struct verdict *v, enum weir_certainty certainty, const char *why);

/* Names the holders of this pid << 32 | tid, each with refs: two of them if the id was used again. How many. */
unsigned verdict_name_who(struct verdict *v, const struct tracker_reading *r, uint64_t who, int32_t refs);

/* How many tokens are registered. */
uint32_t verdict_registered(const struct tracker_tokens *t);

double verdict_log2(double x);          /* x > 0: rounded up, by at most 2^-20. libm is not the library's to use */

unsigned tracker_one(unsigned parameter);       /* 1: the words, or the steps, of those that have one */

#endif
