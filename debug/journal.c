/* journal.c - the last n events of an object's life, oldest dropped: who took and who gave back, in order. A tracker, or beside another one.
 *
 *     words[0]              how many entries were ever written in this life
 *     words[1 + 2 (i % n)]  entry i: {number 32, event 8, token 24} and {time 32, thread 32: a holder's entry}. number is i + 1: the entry is written, and is that one
 *
 * A writer claims i by a fetch-and-add, stores the second word and then the first, which says that the entry is there. Nobody waits for it.
 *
 * Invariant   while at most n entries were written and each claimed entry has its number, they are all events of this life.
 * Threads     any at once. Two writers that are a whole round apart may meet in one entry; then a number is wrong, and the entry counts as one that
 *             is not written, or its time and thread are the other's. token and event are of the number beside them, always.
 * Progress    wait-free: an addition and two stores.
 * Steps       3: the claim, the second word, the first.
 * Certified   as a tracker: nothing was dropped, no entry is missing, and the common rules (verdict.c): a proof. If some were dropped: probable if what
 *             is left adds up to the count, else overflow. Names holder, site, and since when.
 */
#include "verdict.h"

#include "../src/atomic.h"
#include "watch.h"

enum { JOURNAL_VOID = 0xff };   /* an event that didn't happen: only in a reader's copy */

static uint64_t *journal__entry(uint64_t *words, unsigned n, uint64_t i) { return words + 1 + 2 * (i % n); }
static uint64_t journal__make(uint64_t i, unsigned event, uint32_t token)
{
    return (uint64_t)(uint32_t)(i + 1) << 32 | (uint64_t)(event & 0xff) << 24 | (token & 0xffffff);
}
static bool journal__written(uint64_t first, uint64_t i) { return (uint32_t)(first >> 32) == (uint32_t)(i + 1); }
static unsigned journal__event(uint64_t first) { return (unsigned)(first >> 24) & 0xff; }
static uint32_t journal__token(uint64_t first) { return (uint32_t)first & 0xffffff; }
static uint64_t journal__oldest(const uint64_t *words, unsigned n) { return words[0] > n ? words[0] - n : 0; }

static unsigned journal__words(unsigned n)
{
    return 1 + 2 * n;
}

void journal_write(uint64_t *words, unsigned n, unsigned event, uint32_t token, uint32_t thread, uint32_t time)
{
    uint64_t i = add_64(words, 1);                      /* journal.R1 -> reader.A6: how many there are, written or about to be */
    uint64_t *entry = journal__entry(words, n, i);
    store_relaxed_64(entry + 1, (uint64_t)time << 32 | thread);     /* the first word says when it is there */
    store_release_64(entry, journal__make(i, event, token));        /* journal.R1 -> reader.A6: the second word */
}

static void journal__update(uint64_t *words, const struct tracker_update *u, enum track_event event)
{
    journal_write(words, u->parameter, event, u->token->index, u->token->holder, u->time);
}

/* A life begins: entries of the last one have numbers, too. */
void journal_begin(uint64_t *words, unsigned n)
{
    uint64_t written = load_relaxed_64(words);      /* nobody else changes it yet; the line's first word says when it counts */
    for (uint64_t i = 0; i < n && i < written; i++)
        store_relaxed_64(journal__entry(words, n, i), 0);
    store_relaxed_64(words, 0);                         /* as above */
}

static void journal__first(uint64_t *words, const struct tracker_update *u)
{
    journal_begin(words, u->parameter);
    journal__update(words, u, TRACK_BORN);
}

static void journal__add(uint64_t *words, const struct tracker_update *u)
{
    journal__update(words, u, TRACK_TAKE);
}

static void journal__take_back(uint64_t *words, const struct tracker_update *u)
{
    journal__update(words, u, TRACK_GIVE);
}

static unsigned journal__steps(unsigned n)
{
    (void)n;
    return 3;
}

/* An update that got as far as its claim, or one word further, left an entry that is not written; a whole one is the newest of its kind. Either is made one of an
 * event that didn't happen. */
static bool journal__undo(uint64_t *copy, unsigned n, uint64_t value, uint64_t who, uint32_t token, int sign, unsigned steps)
{
    (void)value, (void)who;
    if (steps > 3)
        return false;
    if (steps == 0)
        return true;
    for (uint64_t i = copy[0]; i-- > journal__oldest(copy, n);) {
        uint64_t *entry = journal__entry(copy, n, i);
        bool whole = journal__written(*entry, i) && journal__token(*entry) == token &&
                     journal__event(*entry) == (sign > 0 ? TRACK_TAKE : TRACK_GIVE);
        if (steps < 3 ? journal__written(*entry, i) : !whole)
            continue;
        *entry = journal__make(i, JOURNAL_VOID, token);
        return true;
    }
    return false;
}

/* +1, -1, or 0: says nothing of references. */
static int journal__sign(uint64_t first)
{
    switch (journal__event(first)) {
    case TRACK_BORN:
    case TRACK_TAKE:
        return 1;
    case TRACK_GIVE:
        return -1;
    default:
        return 0;
    }
}

/* When the token's balance rose from 0 for the last time. */
static void journal__since(struct verdict *v, uint32_t token, int sign, uint32_t time)
{
    for (unsigned i = 0; i < v->n; i++)
        if (v->holder[i].token == token && v->holder[i].refs == sign)
            v->holder[i].since = time;
}

static void journal__judge(struct verdict *out, const struct tracker_reading *r, unsigned missing, bool room)
{
    unsigned kept = 0;
    bool dropped = r->words[0] > r->parameter;
    verdict_judge(out, r);
    if (!room)
        verdict_say(out, WEIR_OVERFLOW, "more holders than can be listed");
    else if (missing)
        verdict_say(out, WEIR_AMBIGUOUS, "an entry of the journal is not written");
    else if (dropped && out->certainty <= WEIR_PROBABLE)
        verdict_say(out, WEIR_PROBABLE, "older entries were dropped; those that are left add up to the count");
    else if (dropped)
        verdict_say(out, WEIR_OVERFLOW, "older entries were dropped: those named have taken more than they gave back since, and there may be others");
    if (out->certainty != WEIR_OVERFLOW)
        return;
    for (unsigned i = 0; i < out->n; i++)       /* who took before what is left, and gave back since, is nobody to name */
        if (out->holder[i].refs > 0)
            out->holder[kept++] = out->holder[i];
    out->n = kept;
}

static void journal__decode(struct verdict *out, const struct tracker_reading *r)
{
    const unsigned n = r->parameter;
    unsigned missing = 0;
    bool room = true;
    verdict_clear(out, NULL);
    if (n < tracker_journal.least || n > tracker_journal.most || r->n_words != journal__words(n)) {
        out->why = "not the words of a journal";
        return;
    }
    for (uint64_t i = journal__oldest(r->words, n); i < r->words[0]; i++) {
        const uint64_t *entry = r->words + 1 + 2 * (i % n);
        int sign = journal__sign(entry[0]);
        if (!journal__written(entry[0], i))
            missing++;
        else if (sign) {
            room &= verdict_balance(out, journal__token(entry[0]), sign, 0);
            journal__since(out, journal__token(entry[0]), sign, (uint32_t)(entry[1] >> 32));
        }
    }
    journal__judge(out, r, missing, room);
}

const struct tracker tracker_journal = {
    .name = "journal", .least = 1, .most = 256, .usual = 16, .words = journal__words,
    .first = journal__first, .add = journal__add, .take_back = journal__take_back,
    .steps = journal__steps, .undo = journal__undo, .decode = journal__decode
};
