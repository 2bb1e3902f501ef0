/* slots.c - n words beside the count, each one token's: who holds, how many references, since when.
 *
 *      63         33 32        17 16         0
 *     +-------------+------------+------------+
 *     |  since 31   | refs 16    |  token 17  |     0: free. refs is signed, and never 0 in a slot that is taken
 *     +-------------+------------+------------+
 *     and behind the n of them a word that counts the updates for which there was no room: lost
 *
 * A token looks for its own slot, first where a hash of its number points, then everywhere; if it has none it claims a free one. Who gives back the last
 * reference of a token clears its slot. A token whose references are given back by others (plain calls hand over) stays, and theirs have negative
 * numbers: a ledger.
 *
 * Invariant   while lost is 0, the sum over all slots of a token is its balance. It need not be one slot: two threads that bring the same token at
 *             once may each find no slot and claim one. Whoever reads adds them up.
 * Threads     any at once: every change of a slot is one compare-and-swap of the whole word, and means the same whatever happened to the word
 *             before, so a word that went away and came back does no harm.
 * Progress    lock-free: a swap that fails means that another one succeeded. At most n words are looked at each time.
 * Steps       1: the swap, or the addition to lost.
 * Certified   lost is 0, and the common rules (verdict.c): a proof, for any number of references. Names every holder, its site, and since when it holds.
 * Goes wrong  more than n tokens at once, or 2^15 references of one: lost is not 0 from then on, until the life is over. Overflow; what the slots
 *             say is listed, and is probable at most. `since` is not known after 2^31 units (248 days).
 */
#include "verdict.h"

#include "../src/atomic.h"

enum { SLOT_TOKEN_BITS = 17, SLOT_REFS_BITS = 16, SLOT_MOST = (1 << (SLOT_REFS_BITS - 1)) - 1 };
_Static_assert(DEBUG_TOKENS <= 1 << SLOT_TOKEN_BITS, "a token's number fits into a slot");

static uint32_t slot__token(uint64_t slot) { return (uint32_t)slot & ((1 << SLOT_TOKEN_BITS) - 1); }
static int32_t slot__refs(uint64_t slot) { return (int16_t)(uint16_t)(slot >> SLOT_TOKEN_BITS); }
static uint32_t slot__since(uint64_t slot) { return (uint32_t)(slot >> (SLOT_TOKEN_BITS + SLOT_REFS_BITS)); }

static uint64_t slot__make(uint32_t token, int32_t refs, uint32_t since)
{
    if (refs == 0)
        return 0;
    return (uint64_t)(since >> 31 ? 0 : since) << (SLOT_TOKEN_BITS + SLOT_REFS_BITS) |
           (uint64_t)(uint16_t)refs << SLOT_TOKEN_BITS | token;
}

static unsigned slots__words(unsigned n)
{
    return n + 1;
}

/* Where a token looks first. */
static unsigned slots__start(uint32_t token, unsigned n)
{
    return (unsigned)((uint64_t)(token * UINT32_C(0x9e3779b1)) * n >> 32);
}

/* The slot to change: the token's own, else a free one; n if there is neither. *seen: what it held. */
static unsigned slots__look(const uint64_t *words, unsigned n, uint32_t token, uint64_t *seen)
{
    unsigned free_one = n, at = slots__start(token, n);
    for (unsigned i = 0; i < n; i++, at = at + 1 == n ? 0 : at + 1) {
        uint64_t slot = load_relaxed_64(&words[at]);        /* a guess: the swap checks it */
        if (slot && slot__token(slot) == token) {
            *seen = slot;
            return at;
        }
        if (!slot && free_one == n)
            free_one = at;
    }
    *seen = 0;
    return free_one;
}

static uint64_t slots__changed(uint64_t slot, uint32_t token, int sign, uint32_t time)
{
    return slot ? slot__make(token, slot__refs(slot) + sign, slot__since(slot)) : slot__make(token, sign, time);
}

static bool slots__full(uint64_t slot, int sign)
{
    return slot && slot__refs(slot) == sign * SLOT_MOST;
}

static void slots__update(uint64_t *words, const struct tracker_update *u, int sign)
{
    const unsigned n = u->parameter;
    const uint32_t token = u->token->index;
    for (;;) {
        uint64_t slot;
        unsigned at = slots__look(words, n, token, &slot);
        if (at == n || slots__full(slot, sign)) {
            (void)add_64(&words[n], 1);                     /* slots.W1 -> reader.A1: itself alone; the line's first word orders it */
            return;
        }
        if (cas_64(&words[at], &slot, slots__changed(slot, token, sign, u->time)))  /* slots.W1 */
            return;
    }
}

static void slots__first(uint64_t *words, const struct tracker_update *u)
{
    const unsigned n = u->parameter, mine = slots__start(u->token->index, n);
    for (unsigned i = 0; i <= n; i++)       /* nobody else changes them yet; the line's first word says when they count */
        store_relaxed_64(&words[i], i == mine ? slot__make(u->token->index, 1, u->time) : 0);   /* as the line above says */
}

static void slots__add(uint64_t *words, const struct tracker_update *u)
{
    slots__update(words, u, 1);
}

static void slots__take_back(uint64_t *words, const struct tracker_update *u)
{
    slots__update(words, u, -1);
}

/* As an update of the other sign: what counts is the token's sum. If that finds no room, the update had found none either, or freed it for another. */
static bool slots__undo(uint64_t *copy, unsigned n, uint64_t value, uint64_t who, uint32_t token, int sign, unsigned steps)
{
    uint64_t slot;
    unsigned at;
    (void)value, (void)who;
    if (steps > 1)
        return false;
    if (steps == 0)
        return true;
    at = slots__look(copy, n, token, &slot);
    if (at == n || slots__full(slot, -sign))
        copy[n]++;
    else
        copy[at] = slots__changed(slot, token, -sign, 0);
    return true;
}

static void slots__decode(struct verdict *out, const struct tracker_reading *r)
{
    const unsigned n = r->parameter;
    verdict_clear(out, NULL);
    if (n < tracker_slots.least || n > tracker_slots.most || r->n_words != n + 1) {
        out->why = "not the words of slots";
        return;
    }
    for (unsigned i = 0; i < n; i++)
        if (r->words[i])
            (void)verdict_balance(out, slot__token(r->words[i]), slot__refs(r->words[i]), slot__since(r->words[i]));
    verdict_judge(out, r);
    if (r->words[n])
        verdict_say(out, WEIR_OVERFLOW, "there were more holders than slots: those named have, or had, references, and there may be others");
}

const struct tracker tracker_slots = {
    .name = "slots", .least = 1, .most = VERDICT_HOLDERS, .usual = 8, .words = slots__words,
    .first = slots__first, .add = slots__add, .take_back = slots__take_back,
    .steps = tracker_one, .undo = slots__undo, .decode = slots__decode
};
