/* sketch.c - the sketch's writers: power sums of the holders' tokens, out of which up to k of them are found again, each with how many references.
 *
 *     word[j - 1] = S_j = sum over all tokens of balance * (value^j mod p)        j = 1 .. 2k - 1; S_0 is the count itself, in the line's first word
 *
 *      the line of a sketch(4), one cache line:
 *     +--------------+-----+-----+-----+-----+-----+-----+-----+
 *     | ver act n    | S_1 | S_2 | S_3 | S_4 | S_5 | S_6 | S_7 |
 *     +--------------+-----+-----+-----+-----+-----+-----+-----+
 *
 * A token's value has 47 random bits, p is the largest prime below 2^48 (sketch.h), and its powers were computed when the thread first used it: a
 * reference adds 2k - 1 numbers that lie ready, and one that is given back subtracts them. Nothing is reduced: the words are signed, each power is
 * below 2^48, so a word is the exact integer while the balances' absolute values add up to less than 2^15.
 *
 * Invariant   the words are these sums, modulo 2^64; in every order of updates, since addition knows none.
 * Threads     any at once. Progress: wait-free, one addition a step.
 * Steps       2k - 1, word by word from the first: an update that was cut short by a kill has added to the first few words. With the two of the
 *             line's first word and none at all, 2k + 2 states a reader can meet (debug/README.md).
 * What may be said of them, and how they are decoded: sketch_decode.c.
 */
#include "sketch.h"
#include "tracker.h"

#include "../src/atomic.h"

void sketch_powers(uint64_t value, unsigned n, uint64_t *out)
{
    uint64_t power = 1;
    for (unsigned i = 0; i < n; i++)
        out[i] = power = sketch_multiply(power, value);
}

static unsigned sketch__words(unsigned k)
{
    return 2 * k - 1;
}

static void sketch__first(uint64_t *words, const struct tracker_update *u)
{
    const unsigned n = sketch__words(u->parameter);
    for (unsigned i = 0; i < n; i++)
        store_relaxed_64(&words[i], u->token->power[i]);        /* nobody else changes it yet; the line's first word says when it counts */
}

static void sketch__add(uint64_t *words, const struct tracker_update *u)
{
    const unsigned n = sketch__words(u->parameter);
    for (unsigned i = 0; i < n; i++)
        (void)add_64(&words[i], u->token->power[i]);            /* sketch.W1 -> reader.A1: itself alone; the line's first word orders it */
}

static void sketch__take_back(uint64_t *words, const struct tracker_update *u)
{
    const unsigned n = sketch__words(u->parameter);
    for (unsigned i = 0; i < n; i++)
        (void)sub_64(&words[i], u->token->power[i]);            /* sketch.W1 */
}

static bool sketch__undo(uint64_t *copy, unsigned k, uint64_t value, uint64_t who, uint32_t token, int sign, unsigned steps)
{
    uint64_t power[DEBUG_POWERS];
    (void)who, (void)token;
    if (steps > sketch__words(k))
        return false;
    sketch_powers(value, steps, power);
    for (unsigned i = 0; i < steps; i++)
        copy[i] -= sign > 0 ? power[i] : 0 - power[i];
    return true;
}

const struct tracker tracker_sketch = {
    .name = "sketch", .least = 1, .most = (DEBUG_POWERS + 1) / 2, .usual = 4, .words = sketch__words, .powers = 1,
    .first = sketch__first, .add = sketch__add, .take_back = sketch__take_back,
    .steps = sketch__words, .undo = sketch__undo, .decode = sketch_decode
};
