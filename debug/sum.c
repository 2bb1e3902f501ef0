/* sum.c - one word: the sum of the holders' values, 47 random-looking bits for each pid << 32 | tid, added by who takes and subtracted by who gives back.
 *
 * Where xor loses a holder that holds twice, the sum is twice its value: if all n references are one holder's, the word is n times the value
 * of a registered holder. The seed adds pids; two of those (or thread ids) add up to twice a third one's all too often, so a hash of them is added.
 * It stands for the holder alone, not for its site: one who holds by two lines of the source is still one. (A sketch(1) is the same word for
 * tokens, holder and site.)
 *
 * Invariant   the word is the sum over all holders of balance times value, exact while there are fewer than 2^16 references.
 * Threads     any at once. Progress: wait-free, one addition a step. Steps: 1.
 * Certified   count 1. Under discipline=own that is a proof: all other balances are 0. Without, a ledger's sum such as A + B - C is one of H registered
 *             values with a probability of H / 2^47 at most: the bound. For more references (one holder n times, or a sum that looks like it) no
 *             certificate: probable.
 * Can't tell  two holders: the sum is no multiple of a registered value. Ambiguous.
 */
#include "verdict.h"

#include "../src/atomic.h"

enum { SUM_MOST = 1 << 16 };    /* references: 2^16 values of 47 bits */

static uint64_t sum__value(uint64_t who)
{
    return who ? token_value(who, 0, 0) : 0;
}

static void sum__first(uint64_t *words, const struct tracker_update *u)
{
    store_relaxed_64(words, sum__value(u->token->who));     /* nobody else changes it yet; the line's first word says when it counts */
}

static void sum__add(uint64_t *words, const struct tracker_update *u)
{
    (void)add_64(words, sum__value(u->token->who));         /* sum.W1 -> reader.A1: itself alone; the line's first word orders it */
}

static void sum__take_back(uint64_t *words, const struct tracker_update *u)
{
    (void)sub_64(words, sum__value(u->token->who));         /* sum.W1 */
}

static bool sum__undo(uint64_t *copy, unsigned parameter, uint64_t value, uint64_t who, uint32_t token, int sign, unsigned steps)
{
    (void)parameter, (void)value, (void)token;
    if (steps > 1)
        return false;
    if (steps)
        copy[0] -= sign > 0 ? sum__value(who) : 0 - sum__value(who);
    return true;
}

/* Names every holder whose value this is. */
static unsigned sum__name(struct verdict *out, const struct tracker_reading *r, uint64_t value)
{
    const struct tracker_tokens *t = r->tokens;
    uint64_t last = 0;
    for (uint32_t i = 1; i < t->n; i++)
        if (t->value[i] && t->who[i] != last && sum__value(t->who[i]) == value)
            (void)verdict_name_who(out, r, last = t->who[i], (int32_t)r->count);
    return out->n;
}

static void sum__decode(struct verdict *out, const struct tracker_reading *r)
{
    verdict_clear(out, NULL);
    if (r->count == 0 && r->words[0] == 0)
        verdict_say(out, r->own ? WEIR_CERTIFIED : WEIR_PROBABLE, NULL);
    else if (r->count >= SUM_MOST)
        verdict_say(out, WEIR_OVERFLOW, "2^16 references and more don't fit into the sum");
    else if (r->count == 0 || r->words[0] % r->count || sum__name(out, r, r->words[0] / r->count) == 0)
        verdict_say(out, WEIR_AMBIGUOUS, "no single holder has them all: there are several, or plain calls handed them over");
    else if (out->n > 1)
        verdict_say(out, WEIR_AMBIGUOUS, "one of these: the system gave their thread id twice");
    else if (r->count > 1)
        verdict_say(out, WEIR_PROBABLE, "the sum is certified for a single reference alone");
    else {
        verdict_say(out, WEIR_CERTIFIED, NULL);
        if (!r->own)
            out->wrong_log2 = verdict_log2(verdict_registered(r->tokens)) - 47;
    }
}

const struct tracker tracker_sum = {
    .name = "sum", .words = tracker_one, .first = sum__first, .add = sum__add, .take_back = sum__take_back,
    .steps = tracker_one, .undo = sum__undo, .decode = sum__decode
};
