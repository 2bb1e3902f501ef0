/* random.h - a small seeded generator: xoshiro256**, its state filled by splitmix64 (Blackman and Vigna, 2018; public domain).
 *
 * One a thread, derived from the run's seed and the thread's number: the same seed gives each thread the same decisions. What
 * the scheduler does in between is not replayed.
 */
#ifndef WEIR_STRESS_RANDOM_H
#define WEIR_STRESS_RANDOM_H

#include <stdint.h>

struct random {
    uint64_t s[4];
};

static inline uint64_t random_mix(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static inline void random_seed(struct random *r, uint64_t seed, uint64_t stream)
{
    uint64_t state = seed;
    state = random_mix(&state) ^ (stream * UINT64_C(0xd1342543de82ef95));
    for (int i = 0; i < 4; i++)
        r->s[i] = random_mix(&state);
}

static inline uint64_t random_next(struct random *r)
{
    uint64_t *s = r->s, five = s[1] * 5, result = ((five << 7) | (five >> 57)) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

/* 0 to n - 1; n at least 1. */
static inline uint32_t random_below(struct random *r, uint32_t n)
{
    return (uint32_t)(((random_next(r) >> 32) * n) >> 32);
}

/* from lo to hi, both included */
static inline uint32_t random_between(struct random *r, uint32_t lo, uint32_t hi)
{
    return lo + random_below(r, hi - lo + 1);
}

#endif
