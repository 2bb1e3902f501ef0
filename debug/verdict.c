/* verdict.c - the rules of certainty, in one place for all trackers.
 *
 * A tracker's words say of each token how many references were taken minus how many were given back: its *balance*. What may be said of balances:
 *
 *     1. The reading is of one moment: the reader's matter, which gives a decoder nothing else (a line's first word is the same before and
 *        after, and nobody is in the midst of an update).
 *     2. The balances add up to the count. Both changed in every update, so if they don't the words are torn.
 *     3. Every token is registered. Token 0 is of those for whom no table had room: there are references, but nobody is named. Probable.
 *     4. Every balance is positive. One that is negative belongs to somebody who gave back what another took. With plain calls correct programs do
 *        so all day: all balances together are a ledger, who took and who gave back, but not who holds. Ambiguous. Under discipline=own it is what the
 *        program said it never does.
 *
 * If all hold, the balances are certified. That is all that exact balances (slots, a whole journal) need: a proof. A tracker whose balances are found by
 * a search says in wrong_log2 how probable it is that others fit as well, or takes back the certificate (sketch_decode.c, sum.c).
 *
 * What a certified balance says depends on the program, too: under discipline=own, and of holds, its token holds so many references. Without, its
 * token's thread took so many more than it gave back.
 */
#include "verdict.h"

void verdict_say(struct verdict *v, enum weir_certainty certainty, const char *why)
{
    v->certainty = certainty;
    v->why = why;
    v->wrong_log2 = 0;
}

void verdict_clear(struct verdict *v, const char *why)
{
    v->n = 0;
    v->site_unknown = false;
    verdict_say(v, WEIR_AMBIGUOUS, why);
}

bool verdict_balance(struct verdict *v, uint32_t token, int64_t refs, uint32_t since)
{
    unsigned i = 0;
    while (i < v->n && v->holder[i].token != token)
        i++;
    if (i == v->n) {
        if (i == VERDICT_HOLDERS)
            return false;
        v->n++;
        v->holder[i].token = token;
        v->holder[i].refs = 0;
        v->holder[i].since = since;
    } else if (since && (!v->holder[i].since || since < v->holder[i].since)) {
        v->holder[i].since = since;
    }
    v->holder[i].refs += (int32_t)refs;
    return true;
}

/* Drops balances of 0, and sorts. */
static void verdict__order(struct verdict *v)
{
    unsigned n = 0;
    for (unsigned i = 0; i < v->n; i++) {
        __typeof__(v->holder[0]) one = v->holder[i];
        unsigned at = n;
        if (!one.refs)
            continue;
        for (; at > 0 && v->holder[at - 1].token > one.token; at--)
            v->holder[at] = v->holder[at - 1];
        v->holder[at] = one;
        n++;
    }
    v->n = n;
}

void verdict_judge(struct verdict *v, const struct tracker_reading *r)
{
    int64_t sum = 0;
    bool negative = false, unknown = false, nobody = false;
    verdict__order(v);
    for (unsigned i = 0; i < v->n; i++) {
        uint32_t token = v->holder[i].token;
        sum += v->holder[i].refs;
        negative |= v->holder[i].refs < 0;
        nobody |= token == 0;
        unknown |= token && (token >= r->tokens->n || !r->tokens->value[token]);
    }
    if (sum != (int64_t)r->count)
        verdict_say(v, WEIR_AMBIGUOUS, "the balances don't add up to the count: the words are torn");
    else if (unknown)
        verdict_say(v, WEIR_AMBIGUOUS, "a token that no table knows");
    else if (negative && r->own)
        verdict_say(v, WEIR_AMBIGUOUS, "given back by another than who took it, against discipline=own: a ledger of who took and who gave back");
    else if (negative)
        verdict_say(v, WEIR_AMBIGUOUS, "handed over by plain calls: a ledger of who took and who gave back");
    else if (nobody)
        verdict_say(v, WEIR_PROBABLE, "a reference was taken by somebody for whom no table had room");
    else
        verdict_say(v, WEIR_CERTIFIED, NULL);
}

unsigned verdict_name_who(struct verdict *v, const struct tracker_reading *r, uint64_t who, int32_t refs)
{
    const struct tracker_tokens *t = r->tokens;
    v->site_unknown = true;
    for (uint32_t i = 1; i < t->n && v->n < VERDICT_HOLDERS; i++) {
        unsigned named = 0;
        if (!t->value[i] || t->who[i] != who)
            continue;
        while (named < v->n && t->holder[v->holder[named].token] != t->holder[i])
            named++;
        if (named == v->n)
            (void)verdict_balance(v, i, refs, 0);
    }
    return v->n;
}

uint32_t verdict_registered(const struct tracker_tokens *t)
{
    uint32_t n = 0;
    for (uint32_t i = 1; i < t->n; i++)
        n += t->value[i] != 0;
    return n;
}

double verdict_log2(double x)
{
    double whole = 0, part = 0, bit = 0.5;
    for (; x >= 2; x /= 2)
        whole += 1;
    for (; x < 1; x *= 2)
        whole -= 1;
    for (int i = 0; i < 21; i++, bit /= 2) {        /* x = 2^part' with 0 <= part' < 1: squaring shows its next binary digit */
        x *= x;
        if (x >= 2) {
            x /= 2;
            part += bit;
        }
    }
    return whole + part + 2 * bit;
}

unsigned tracker_one(unsigned parameter)
{
    (void)parameter;
    return 1;
}
