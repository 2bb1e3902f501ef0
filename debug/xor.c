/* xor.c - one word: the exclusive or of pid << 32 | tid of everybody who took a reference or gave one back.
 *
 * Who takes and gives back changes the word twice, which is not at all. So if one reference is left, and everybody gave back his own, the word is
 * its holder: pid in the upper half and thread id in the lower, plain in any debugger. This is the seed's own answer: one extra integer an object.
 *
 *      63            32 31             0
 *     +----------------+----------------+
 *     |      pid       |      tid       |
 *     +----------------+----------------+
 *
 * Invariant   the word is the exclusive or of `who` over all updates of this life.
 * Threads     any at once. Progress: lock-free, one compare-and-swap a step. Steps: 1.
 * Certified   count 1, discipline=own, and the word is a registered holder's: every other holder's balance is 0 and vanishes, so it is a proof.
 *             Without discipline=own the word of a ledger such as A + B - C is the exclusive or of three thread ids, which are near each other and
 *             may well give a fourth one's: probable at most.
 * Can't tell  more than one reference, be they two holders' or one's twice (which leaves 0): ambiguous, nobody is named. Nor which site.
 */
#include "verdict.h"

#include "../src/atomic.h"

static void xor__first(uint64_t *words, const struct tracker_update *u)
{
    store_relaxed_64(words, u->token->who);             /* nobody else changes it yet; the line's first word says when it counts */
}

static void xor__change(uint64_t *words, const struct tracker_update *u)
{
    uint64_t old = load_relaxed_64(words);              /* a guess: the swap checks it */
    while (!cas_64(words, &old, old ^ u->token->who)) { /* xor.W1 -> reader.A1: itself alone; the line's first word orders it */
    }
}

static bool xor__undo(uint64_t *copy, unsigned parameter, uint64_t value, uint64_t who, uint32_t token, int sign, unsigned steps)
{
    (void)parameter, (void)value, (void)token, (void)sign;
    if (steps > 1)
        return false;
    if (steps)
        copy[0] ^= who;
    return true;
}

static void xor__decode(struct verdict *out, const struct tracker_reading *r)
{
    verdict_clear(out, NULL);
    if (r->count == 0 && r->words[0] == 0)
        verdict_say(out, r->own ? WEIR_CERTIFIED : WEIR_PROBABLE, NULL);
    else if (r->count != 1)
        verdict_say(out, WEIR_AMBIGUOUS, "xor names the holder of the only reference: there are more, of one holder or of several");
    else if (r->words[0] == 0)
        verdict_say(out, WEIR_AMBIGUOUS, "taken by somebody for whom no table had room, or given back by another than who took it");
    else if (verdict_name_who(out, r, r->words[0], 1) == 0)
        verdict_say(out, WEIR_AMBIGUOUS, "the word is no registered holder's: handed over by plain calls, or no table had room");
    else if (out->n > 1)
        verdict_say(out, WEIR_AMBIGUOUS, "one of these: the system gave their thread id twice");
    else if (!r->own)
        verdict_say(out, WEIR_PROBABLE, "without discipline=own several who took and gave back may look like this one");
    else
        verdict_say(out, WEIR_CERTIFIED, NULL);
}

const struct tracker tracker_xor = {
    .name = "xor", .words = tracker_one, .first = xor__first, .add = xor__change, .take_back = xor__change,
    .steps = tracker_one, .undo = xor__undo, .decode = xor__decode
};
