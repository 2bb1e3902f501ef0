/* debug/sketch.h - the arithmetic that the sketch's writers, its decoder and the threads' tokens agree on: powers modulo a prime.
 *
 * SKETCH_PRIME is the largest prime below 2^48. A number x below 2^96 is reduced by 2^48 = 59 (modulo it): its upper half times 59 plus its lower half
 * is below 2^54; once more, and it is below 2^48 + 59 * 2^6; one subtraction is left.
 */
#ifndef WEIR_DEBUG_SKETCH_H
#define WEIR_DEBUG_SKETCH_H

#include <stdint.h>
#include "layout.h"
#include "tracker.h"

#define SKETCH_PRIME (UINT64_C(0x1000000000000) - 59)

enum { SKETCH_RANGE = 1 << 15 };        /* what the balances' absolute values must stay below together: 2^15 * 2^48 is a signed word's range */

__extension__ typedef unsigned __int128 sketch_product;

/* a * b modulo SKETCH_PRIME, for a and b below it. */
static inline uint64_t sketch_multiply(uint64_t a, uint64_t b)
{
    const uint64_t low = (UINT64_C(1) << 48) - 1;
    sketch_product x = (sketch_product)a * b;
    uint64_t r = (uint64_t)(x >> 48) * 59 + ((uint64_t)x & low);
    r = (r >> 48) * 59 + (r & low);
    return r >= SKETCH_PRIME ? r - SKETCH_PRIME : r;
}

/* value^1 to value^n modulo SKETCH_PRIME: what a reference adds to a sketch's words. For value 0 (token 0: nobody known) all are 0. */
void sketch_powers(uint64_t value, unsigned n, uint64_t *out);

/* sketch_decode.c */
void sketch_decode(struct verdict *out, const struct tracker_reading *r);

#endif
