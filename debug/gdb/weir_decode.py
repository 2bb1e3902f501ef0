"""weir_decode.py - who holds an object, by its tracker's words: the rules of the trackers' files in debug/, in Python.

decode(segment, object) answers a Verdict: a certainty, the balances that are named as (token, refs), and why it is not certified. It works on a process
that is stopped. Whoever was stopped in the midst of an update of this very object leaves words that don't fit together: then nobody is named.
"""
from weir_segment import MASK, PRIME, TRACKERS, token_value

CERTIFIED, PROBABLE, AMBIGUOUS, OVERFLOW = "certified", "probable", "ambiguous", "overflow"


class Verdict:
    def __init__(self, certainty, why="", balances=()):
        self.certainty, self.why, self.balances = certainty, why, sorted(balances)


def judge(segment, o, balances):
    """The rules of debug/verdict.c for exact balances, token -> references."""
    balances = {t: n for t, n in balances.items() if n}
    own = "discipline=own" in segment.flags()
    out = lambda certainty, why="": Verdict(certainty, why, balances.items())
    if sum(balances.values()) != o.refs:
        return out(AMBIGUOUS, "the balances don't add up to the count: the words are torn")
    if any(t and t not in segment.tokens() for t in balances):
        return out(AMBIGUOUS, "a token that no table knows")
    if any(n < 0 for n in balances.values()):
        return out(AMBIGUOUS, "given back by another than who took it, against discipline=own" if own else
                   "handed over by plain calls: a ledger of who took and who gave back")
    if 0 in balances:
        return out(PROBABLE, "a reference was taken by somebody for whom no table had room")
    return out(CERTIFIED)


def by_who(segment, fits, refs):
    """One token of each holder whose pid << 32 | tid fits."""
    named = {}
    for index, t in segment.tokens().items():
        h = segment.holder(t.holder)
        if h and t.holder not in named and fits((h.pid << 32 | h.tid) & MASK):
            named[t.holder] = (index, refs)
    return list(named.values())


def xor(segment, o):
    word, own = o.words[1], "discipline=own" in segment.flags()
    if o.refs != 1:
        return Verdict(AMBIGUOUS, "xor names the holder of the only reference: there are more, of one holder or of several")
    named = by_who(segment, lambda who: who == word, 1) if word else []
    if not named:
        return Verdict(AMBIGUOUS, "the word %#x is no registered holder's" % word)
    if len(named) > 1:
        return Verdict(AMBIGUOUS, "one of these: the system gave their thread id twice", named)
    if not own:
        return Verdict(PROBABLE, "without discipline=own several who took and gave back may look like this one", named)
    return Verdict(CERTIFIED, "", named)


def summed(segment, o):
    word = o.words[1]
    if o.refs >= 1 << 16:
        return Verdict(OVERFLOW, "2^16 references and more don't fit into the sum")
    named = []
    if o.refs and word % o.refs == 0:
        named = by_who(segment, lambda who: token_value(who, 0, 0) == word // o.refs, o.refs)
    if not named:
        return Verdict(AMBIGUOUS, "no single holder has them all: there are several, or plain calls handed them over")
    if len(named) > 1:
        return Verdict(AMBIGUOUS, "one of these: the system gave their thread id twice", named)
    if o.refs > 1:
        return Verdict(PROBABLE, "the sum is certified for a single reference alone", named)
    return Verdict(CERTIFIED, "", named)


# -- the sketch: power sums s[j] = sum of balance * value^j modulo PRIME, j = 0 to 2k - 1, s[0] the count ------------------------------
def locator(s):
    """Berlekamp-Massey: the shortest c with s[i] + c[1] s[i-1] + ... = 0, c[0] = 1."""
    c, b, length, shift, last = [1], [1], 0, 1, 1
    for i in range(len(s)):
        d = sum(c[j] * s[i - j] for j in range(min(len(c), i + 1))) % PRIME
        if d == 0:
            shift += 1
            continue
        factor, before = d * pow(last, -1, PRIME), c
        c = c + [0] * (len(b) + shift - len(c))
        for j, x in enumerate(b):
            c[j + shift] = (c[j + shift] - factor * x) % PRIME
        if 2 * length <= i:
            b, last, length, shift = before, d, i + 1 - length, 1
        else:
            shift += 1
    return (c + [0] * length)[:length + 1], length


def root(c, value):
    x = 0
    for term in c:
        x = (x * value + term) % PRIME
    return x == 0


def multiplicities(values, s):
    """Solves sum of m * value^j = s[j] for the first len(values) of s."""
    n = len(values)
    rows = [[pow(v, j, PRIME) for v in values] + [s[j]] for j in range(n)]
    for i in range(n):
        pivot = next(r for r in range(i, n) if rows[r][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        inverse = pow(rows[i][i], -1, PRIME)
        rows[i] = [x * inverse % PRIME for x in rows[i]]
        for r in range(n):
            if r != i and rows[r][i]:
                factor = rows[r][i]
                rows[r] = [(x - factor * y) % PRIME for x, y in zip(rows[r], rows[i])]
    return [row[n] if row[n] < PRIME // 2 else row[n] - PRIME for row in rows]


def sketch(segment, o):
    k, words = segment.head.parameter, o.words[1:2 * segment.head.parameter]
    overflow = Verdict(OVERFLOW, "more holders than the sketch of %d can name" % k)
    s = [o.refs] + [(w - (1 << 64) if w >> 63 else w) % PRIME for w in words]
    c, length = locator(s)
    values = {t.value: index for index, t in segment.tokens().items()}
    values[0] = 0                       # token 0: nobody known
    found = [v for v in values if root(c, v)] if 0 < length <= k else []
    if length > k or len(found) != length:
        return overflow
    m = multiplicities(found, s)
    powers = lambda j: sum(n * pow(v, j, PRIME) for v, n in zip(found, m)) & MASK
    if any(powers(j) != w for j, w in enumerate(words, 1)):
        return overflow
    verdict = judge(segment, o, {values[v]: n for v, n in zip(found, m)})
    if verdict.certainty == CERTIFIED and k == 1 and o.refs > 1:
        return Verdict(PROBABLE, "a sketch of 1 is certified for a single reference alone", verdict.balances)
    return verdict


# -- the trackers that keep a list ----------------------------------------------------------------------------------------------
def slots(segment, o):
    """{since 31, refs 16, token 17} each, and behind them how many updates found no room."""
    balances, n = {}, segment.head.parameter
    for word in filter(None, o.words[1:1 + n]):
        refs = word >> 17 & 0xFFFF
        token = word & 0x1FFFF
        balances[token] = balances.get(token, 0) + (refs - (1 << 16) if refs >> 15 else refs)
    if o.words[1 + n]:
        return Verdict(OVERFLOW, "there were more holders than slots: those named have, or had, references, and there may be others", balances.items())
    return judge(segment, o, balances)


def journal(segment, o):
    events, lost = segment.journal(o)
    balances = {}
    for event, token, _, _ in events:
        balances[token] = balances.get(token, 0) + SIGNS.get(event, 0)
    verdict = judge(segment, o, balances)
    if not lost:
        return verdict
    if verdict.certainty in (CERTIFIED, PROBABLE):
        return Verdict(PROBABLE, "older entries were dropped; those that are left add up to the count", verdict.balances)
    return Verdict(OVERFLOW, "older entries were dropped: those named have taken more than they gave back since, and there may be others",
                   [(t, n) for t, n in verdict.balances if n > 0])


def releasers(segment, o):
    """Whoever isn't in the list of those that gave back may still hold: one token of each such holder."""
    known, node, length = set(), o.words[1] & 0xFFFFFFFF, o.words[1] >> 32
    while node and length:
        word = segment.node(node)
        token = segment.token(word >> 32)
        known.add(token.holder if token else 0)
        node, length = word & 0xFFFFFFFF, length - 1
    candidates = {}
    for index, t in segment.tokens().items():
        if t.holder not in known:
            candidates.setdefault(t.holder, (index, 1))
    named = list(candidates.values())
    if o.words[2] & 0xFFFFFFFF:
        return Verdict(OVERFLOW, "there were no nodes left for all releases: some of these candidates have released", named)
    if "discipline=own" in segment.flags() and len(named) == o.refs:
        return Verdict(PROBABLE, "as many have released nothing as there are references; that each of them took one is assumed", named)
    return Verdict(AMBIGUOUS, "candidates: who has released nothing, which may never have taken it; others may have taken twice", named)


def none(segment, o):
    return Verdict(AMBIGUOUS, "no tracker is on that names holders")


SIGNS = {0: 1, 1: -1, 5: 1}             # of the journal's events: take, give, born
DECODERS = {"none": none, "xor": xor, "sum": summed, "sketch": sketch, "slots": slots, "releasers": releasers, "journal": journal}


def decode(segment, o):
    if o.active:
        return Verdict(AMBIGUOUS, "it was stopped in the midst of an update of this object: let it run and look again")
    return DECODERS[TRACKERS[segment.head.tracker]](segment, o)
