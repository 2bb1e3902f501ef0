/* sketch.c - the sketch: power sums of the holders' tokens, from which up to k of them are found again, each with how many references. */
#include "sketch.h"

void sketch_powers(uint64_t value, unsigned n, uint64_t *out)
{
    uint64_t power = 1;
    for (unsigned i = 0; i < n; i++)
        out[i] = power = sketch_multiply(power, value);
}
