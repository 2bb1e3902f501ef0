/* sketch_decode.c - out of 2k power sums, up to k tokens and the balance of each.
 *
 * Let m_i be the balances of the tokens v_1 .. v_d that are not 0. The syndromes S_j = sum m_i v_i^j, j = 0 .. 2k - 1 (S_0 is the count), satisfy the linear
 * recurrence whose characteristic polynomial, the *locator*, is (x - v_1) .. (x - v_d). Four steps:
 *
 *     1. Berlekamp-Massey finds the shortest recurrence of the 2k syndromes. If d <= k it is that one, uniquely.
 *     2. Its roots are looked for among the registered tokens. If d <= k there are exactly as many as its degree, all distinct. Berlekamp-Massey
 *        nearly always finds *some* recurrence: what betrays that d > k is here, for a wrong one's roots aren't registered.
 *     3. The balances solve sum m_i v_i^j = S_j, j < d, a Vandermonde system: with P the locator and Q_i = P / (x - v_i),
 *        m_i = (sum over j of the coefficient of x^j in Q_i times S_j) / Q_i(v_i).
 *     4. They are small signed numbers, add up to the count, and give each of the words again, exactly, as 64-bit numbers.
 *
 * If any of these fails, no set of k registered tokens or fewer explains the words: overflow, and nobody is named. If all hold, the balances
 * go to verdict_judge. Two sets of k tokens that have the same 2k syndromes are the same set, since 2k columns of a Vandermonde matrix are independent; so
 * if the truth has at most k tokens, what is found is the truth. It has if all its balances are positive and the count is at most k: under
 * discipline=own and count <= k a certificate is a proof. Otherwise the truth may have more tokens and look like fewer, with at most the probability
 * that sketch__bound_log2 says (derived in debug/README.md); k = 1, whose bound is 2^-31 at worst, is certified at count 1 alone.
 *
 * The value 0 is that of token 0, nobody known: a root like any other. Two tokens with one value are told, not chosen from.
 * Threads: none, it works on copies. Time: 2k^2 products, and k for each registered token.
 */
#include "sketch.h"
#include "verdict.h"

enum { SKETCH_K = (DEBUG_POWERS + 1) / 2 };

struct sketch_roots {
    unsigned n;
    uint32_t token[SKETCH_K + 1];           /* one more than can be right */
    uint64_t value[SKETCH_K + 1];
    int64_t refs[SKETCH_K + 1];
    bool twice;                             /* two tokens have one value */
};

static uint64_t sketch__minus(uint64_t a, uint64_t b)
{
    return a >= b ? a - b : a + SKETCH_PRIME - b;
}

static uint64_t sketch__inverse(uint64_t a)
{
    uint64_t r = 1;
    for (uint64_t e = SKETCH_PRIME - 2; e; e >>= 1, a = sketch_multiply(a, a))
        if (e & 1)
            r = sketch_multiply(r, a);
    return r;
}

static uint64_t sketch__reduce(uint64_t word)
{
    return word >> 63 ? sketch__minus(0, (0 - word) % SKETCH_PRIME) : word % SKETCH_PRIME;
}

/* The shortest recurrence s[i] = -(c[1] s[i-1] + .. + c[length] s[i-length]) of n numbers; c[0] is 1. Its length. */
static unsigned sketch__recurrence(const uint64_t *s, unsigned n, uint64_t *c)
{
    uint64_t before[2 * SKETCH_K + 1] = { 1 }, last = 1, kept[2 * SKETCH_K + 1];
    unsigned length = 0, since = 1;
    for (unsigned i = 0; i <= n; i++)
        c[i] = i == 0;
    for (unsigned i = 0; i < n; i++, since++) {
        uint64_t off = 0, factor;
        for (unsigned j = 0; j <= length; j++)
            off = sketch__minus(off, sketch__minus(0, sketch_multiply(c[j], s[i - j])));
        if (!off)
            continue;
        factor = sketch_multiply(off, sketch__inverse(last));
        for (unsigned j = 0; j <= n; j++)
            kept[j] = c[j];
        for (unsigned j = since; j <= n; j++)
            c[j] = sketch__minus(c[j], sketch_multiply(factor, before[j - since]));
        if (2 * length > i)
            continue;
        length = i + 1 - length;
        for (unsigned j = 0; j <= n; j++)
            before[j] = kept[j];
        last = off;
        since = 0;
    }
    return length;
}

static void sketch__root(struct sketch_roots *roots, uint32_t token, uint64_t value)
{
    for (unsigned i = 0; i < roots->n; i++)
        if (roots->value[i] == value) {
            roots->twice = true;
            return;
        }
    roots->token[roots->n] = token;
    roots->value[roots->n++] = value;
}

/* Looks for the roots of x^length + c[1] x^(length-1) + .. + c[length] among the registered tokens. */
static void sketch__find(struct sketch_roots *roots, const uint64_t *c, unsigned length, const struct tracker_tokens *t)
{
    roots->n = 0;
    roots->twice = false;
    if (length && c[length] == 0)
        sketch__root(roots, 0, 0);
    for (uint32_t i = 1; i < t->n; i++) {
        uint64_t value = t->value[i], sum = 1;
        if (!value)
            continue;
        for (unsigned j = 1; j <= length; j++) {
            sum = sketch_multiply(sum, value) + c[j];
            sum = sum >= SKETCH_PRIME ? sum - SKETCH_PRIME : sum;
        }
        if (sum == 0)
            sketch__root(roots, i, value);
    }
}

/* The balance of the i-th root, by synthetic division of the locator. */
static int64_t sketch__balance(const struct sketch_roots *roots, unsigned i, const uint64_t *c, const uint64_t *s)
{
    uint64_t v = roots->value[i], q = 1, top = 0, below = 0;
    for (unsigned j = roots->n; j-- > 0;) {                 /* q: the coefficient of x^j in P / (x - v) */
        top = sketch__minus(top, sketch__minus(0, sketch_multiply(q, s[j])));
        below = sketch__minus(sketch_multiply(below, v), sketch__minus(0, q));
        q = sketch__minus(sketch_multiply(q, v), sketch__minus(0, c[roots->n - j]));
    }
    top = sketch_multiply(top, sketch__inverse(below));
    return top > SKETCH_PRIME / 2 ? (int64_t)top - (int64_t)SKETCH_PRIME : (int64_t)top;
}

/* Are these balances in range, and do they give the count and every word again? */
static bool sketch__verify(const struct sketch_roots *roots, const struct tracker_reading *r)
{
    uint64_t word[DEBUG_POWERS] = { 0 };
    int64_t sum = 0, all = 0;
    for (unsigned i = 0; i < roots->n; i++) {
        uint64_t power[DEBUG_POWERS];
        int64_t refs = roots->refs[i];
        if (refs == 0 || refs >= SKETCH_RANGE || refs <= -SKETCH_RANGE)
            return false;
        sum += refs;
        all += refs < 0 ? -refs : refs;
        sketch_powers(roots->value[i], r->n_words, power);
        for (unsigned j = 0; j < r->n_words; j++)
            word[j] += (uint64_t)refs * power[j];
    }
    for (unsigned j = 0; j < r->n_words; j++)
        if (word[j] != r->words[j])
            return false;
    return sum == (int64_t)r->count && all < SKETCH_RANGE;
}

/* The probability, as its logarithm, that words of others look like n references of at most k of H registered tokens: for each number of tokens d the
 * C(H, d) choices and C(n-1, d-1) ways to share n, each of which fits with at most (2k-1)! / 2^(47(2k-1)). */
static double sketch__bound_log2(unsigned k, uint32_t n, uint32_t registered)
{
    double ways = 0, choices = registered, shares = 1, orders = 1;
    for (unsigned d = 1; d <= k && d <= n && d <= registered; d++) {
        ways += choices * shares;
        choices *= (double)(registered - d) / (d + 1);
        shares *= (double)(n - d) / d;
    }
    for (unsigned j = 2; j <= 2 * k - 1; j++)
        orders *= j;
    return verdict_log2(ways * orders) - 47.0 * (2 * k - 1);
}

static bool sketch__solve(struct sketch_roots *roots, const struct tracker_reading *r)
{
    uint64_t s[2 * SKETCH_K], c[2 * SKETCH_K + 1];
    unsigned length;
    s[0] = r->count;
    for (unsigned j = 1; j < 2 * r->parameter; j++)
        s[j] = sketch__reduce(r->words[j - 1]);
    length = sketch__recurrence(s, 2 * r->parameter, c);
    if (length > r->parameter)
        return false;
    sketch__find(roots, c, length, r->tokens);
    if (roots->n != length)
        return false;
    for (unsigned i = 0; i < length; i++)
        roots->refs[i] = sketch__balance(roots, i, c, s);
    return sketch__verify(roots, r);
}

void sketch_decode(struct verdict *out, const struct tracker_reading *r)
{
    struct sketch_roots roots;
    unsigned k = r->parameter;
    verdict_clear(out, NULL);
    if (k < tracker_sketch.least || k > tracker_sketch.most || r->n_words != 2 * k - 1) {
        out->why = "not the words of a sketch";
        return;
    }
    if (!sketch__solve(&roots, r)) {
        verdict_say(out, WEIR_OVERFLOW, "more holders, or more references, than the sketch can tell");
        return;
    }
    for (unsigned i = 0; i < roots.n; i++)
        (void)verdict_balance(out, roots.token[i], roots.refs[i], 0);
    verdict_judge(out, r);
    if (roots.twice)
        verdict_say(out, WEIR_AMBIGUOUS, "two registered tokens have one value");
    else if (out->certainty == WEIR_CERTIFIED && k == 1 && r->count > 1)
        verdict_say(out, WEIR_PROBABLE, "a sketch(1) is certified for a single reference alone");
    else if (out->certainty == WEIR_CERTIFIED && roots.n > 0 && !(r->own && r->count <= k))
        out->wrong_log2 = sketch__bound_log2(k, r->count, verdict_registered(r->tokens));
}
