#!/usr/bin/env python3
"""tests/ordering.py [--write] - every atomic operation of the library has a label and a partner; src/ordering.md lists them.

    /* depot.R1 -> depot.A1: the magazine and its link */     this operation publishes; depot.A1 sees it
    /* depot.A1 <- depot.R1 */                                the other side; what is published is said once
    /* waiter.F1 <-> waiter.F2: the op, then the tail */      a store before a load on both sides: two fences, or the system's barrier

The comment stands in the statement or alone above it. Several labels are parted by `;`: one operation can have two, two operations in
one statement have one each. A label names one side of one protocol, so many operations may carry it; all are on the same word.

It fails if: an operation with an order (acquire, release, read-modify-write, fence) has no label; a partner doesn't exist, or a label has
none; a label is given to two different words, or a pair to words that differ; a side of `->` can't publish, or the other can't see; a
relaxed operation on a word that others synchronise by says no reason, beside it or as `relaxed word: the reason` in a comment of its file
(in a header: for all files); a comment speaks of a label that isn't there; an atomic is not
from the two atomic.h; or src/ordering.md is not what it would write. --write writes it.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PLACES = ("src/*.c", "src/*.h", "src/os/*.c", "src/os/*.h", "src/port/*.c", "src/port/*.h", "src/segment/*.c", "src/segment/*.h", "src/segment/*.c", "src/segment/*.h",
          "debug/*.c", "debug/*.h", "include/weir/inline/*.h", "include/weir/*.h", "include/weir/weir.hpp")
DEFINE = ("src/atomic.h", "include/weir/inline/atomic.h",        # where operations are made: nothing to label in there
          "src/point.c")                                          # the other side is the program's, and no release build has it
WRAPPED = {"load_g": ("load acquire", "g"), "words_store_ration": ("store release", "ration"),
           "words_store_base": ("store release", "base")}
LONE = {"fence": "fence", "fence_after_swap": "fence after a swap", "os_barrier": "system barrier", "os_barrier_shared": "barrier of all processes",
        "IN_ORDER": "compiler fence, for the dead", "WEIR_COMPILER_FENCE": "compiler fence"}
SWAPS = {"cas": "compare-and-swap", "add": "add", "sub": "subtract", "swap": "swap", "or": "or"}
OPERATION = re.compile(r"\b(?:(?P<order>(?:load|store)_(?:relaxed|acquire|release))_(?:8|32|64|ptr)|(?P<rmw>cas|add|sub|swap|or)_(?:32|64|ptr)|"
                       r"WEIR_(?P<inline>[A-Z]+)_(?P<how>RELAXED|ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)|(?P<wrapped>%s)|(?P<lone>%s))\("
                       % ("|".join(WRAPPED), "|".join(LONE)))
RAW = re.compile(r"\b(__atomic_\w+|__sync_\w+|ck_pr_\w+|atomic_(?:load|store|exchange|fetch|compare|thread|signal)\w*|_Atomic)\b")
LABEL = r"[a-z][a-z_]*\.[A-Z][0-9]+"
REASON = re.compile(r"\brelaxed (\w+(?:, \w+)*): (.*?)(?=; relaxed \w|\.(?: |$)|$)")
CLAUSE = re.compile(r"(?P<label>%s)(?:\s*(?P<arrow><->|->|<-)\s*(?P<partners>%s(?:,\s*%s)*))?[:,]?\s*(?P<what>.*)" % (LABEL, LABEL, LABEL), re.S)
PUBLISHES = re.compile("release|swap|add|subtract|or|fence|barrier")
SEES = re.compile("acquire|swap|add|subtract|or|fence|barrier")

errors = []


def fail(where, text):
    errors.append("%s: %s" % (where, text))


def split(text):
    """The code with comments and strings blanked, and the comments: (offset, end, text)."""
    comments = []

    def blank(match):
        found = match.group(0)
        if found.startswith("/*"):
            comments.append((match.start(), match.end(), re.sub(r"\s*\n[ \t]*\*?[ \t]?", " ", found[2:-2]).strip()))
        return re.sub(r"[^\n]", " ", found)

    return re.sub(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S), comments


def word_of(code, at):
    """The last name of the first argument, which begins at `at`; one that is a bare pointer is "*name": any word."""
    depth, end = 0, at
    while depth or code[end] not in ",)":
        depth += (code[end] in "([") - (code[end] in ")]")
        end += 1
    argument = code[at:end].strip()
    bare = re.sub(r"\(\s*(?:const\s+)?\w+\s*\*+\s*\)", "", argument)
    bare = re.sub(r"\[[^\[\]]*(?:\[[^\[\]]*\][^\[\]]*)*\]$", "", bare.strip())
    names = re.findall(r"\w+", bare)
    return names[-1] if "&" in bare and names else "*" + (names[0] if names else argument)


class Site:
    """One operation in the sources."""

    def __init__(self, path, function, line, kind, word):
        self.path, self.function, self.line, self.kind, self.word = path, function, line, kind, word
        self.clauses = []
        self.said = False

    def where(self):
        return "%s:%d" % (self.path, self.line)


def kind_of(match, code):
    word = word_of(code, match.end()) if not match.group("lone") else ""
    if match.group("order"):
        return match.group("order").replace("_", " "), word
    if match.group("rmw"):
        return SWAPS[match.group("rmw")], word
    if match.group("wrapped"):
        return WRAPPED[match.group("wrapped")]
    if match.group("lone"):
        return LONE[match.group("lone")], ""
    name, how = match.group("inline").lower(), match.group("how").lower().replace("_", "-")
    return ("%s %s" % (name, how) if name in ("load", "store") else SWAPS.get(name, name) + ("" if how == "acq-rel" else " " + how)), word


def clauses_of(text):
    """The labelled clauses of a comment, free text after `;` going with the clause before; None if it doesn't begin with a label."""
    found = []
    for part in re.split(r";\s*", text):
        match = CLAUSE.match(part)
        if match:
            found.append([match.group("label"), match.group("arrow"), re.findall(LABEL, match.group("partners") or ""), match.group("what")])
        elif found:
            found[-1][3] += "; " + part
        else:
            return None
    return found


def read(path, sites, mentions, reasons):
    text = (ROOT / path).read_text()
    code, comments = split(text)
    line_at = lambda offset: text.count("\n", 0, offset) + 1
    for start, _, comment in comments:
        mentions += [(("%s:%d" % (path, line_at(start))), label) for label in re.findall(r"\b" + LABEL + r"\b", comment)]
        for match in REASON.finditer(comment):
            for word in match.group(1).split(", "):
                reasons[(word, "" if path.endswith(".h") else path)] = match.group(2)
    if path in DEFINE:
        return
    for match in RAW.finditer(code):
        fail("%s:%d" % (path, line_at(match.start())), "%s: atomics come from src/atomic.h or weir/inline/atomic.h" % match.group(0))
    functions = [(match.start(), match.group(1)) for match in re.finditer(r"^(?!#|__)[A-Za-z][^\n;={}]*?\b(\w+)\([^\n;]*(?:\n|\{)", code, re.M)]
    groups = {}
    for match in OPERATION.finditer(code):
        function = next((name for at, name in reversed(functions) if at <= match.start()), "")
        definition = re.match(r"[^\n]*\b%s\s*\(" % re.escape(match.group(0)[:-1]), code[code.rfind("\n", 0, match.start()) + 1:]) and \
            re.search(r"^(?:static|void|bool|WEIR_API)\b[^=]*$", code[code.rfind("\n", 0, match.start()) + 1:match.start()])
        if function in WRAPPED or definition:
            continue
        kind, word = kind_of(match, code)
        site = Site(path, function, line_at(match.start()), kind, word)
        sites.append(site)
        begin = max(code.rfind(c, 0, match.start()) for c in ";{}") + 1
        begin = re.compile(r"\s*").match(code, begin).end()
        depth, end = 0, match.start()
        while end < len(code) and (code[end] not in ";{" or depth > 0):
            depth += (code[end] == "(") - (code[end] == ")")
            end += 1
        first, last = line_at(begin), line_at(min(end, len(code) - 1))
        near = [c for c in comments if first <= line_at(c[0]) <= last or
                (line_at(c[1]) == first - 1 and not code[code.rfind("\n", 0, c[0]) + 1:c[0]].strip())]
        site.said = bool(near)
        labelled = [c for c in near if clauses_of(c[2])]
        labelled.sort(key=lambda c: (line_at(c[0]) != site.line, line_at(c[0]) < first, c[0]))
        if labelled and not ("relaxed" in kind and line_at(labelled[0][0]) != site.line):
            groups.setdefault(labelled[0], []).append(site)
    for comment, group in groups.items():
        clauses = clauses_of(comment[2])
        ordered = [site for site in group if "relaxed" not in site.kind]
        if ordered and len(ordered) < len(group) and len(clauses) != len(group):
            group = ordered
        if len(group) == 1:
            group[0].clauses = clauses
        elif len(clauses) in (1, len(group)):
            for i, site in enumerate(group):
                site.clauses = [clauses[i % len(clauses)]]
        else:
            fail(group[0].where(), "%d operations and %d labels: one each, parted by `;`" % (len(group), len(clauses)))


def check(sites, mentions, reasons):
    at, pairs = {}, {}
    for site in sites:
        if not site.clauses and "relaxed" not in site.kind:
            fail(site.where(), "%s of %s in %s has no label" % (site.kind, site.word or "nothing", site.function))
        for clause in site.clauses:
            at.setdefault(clause[0], []).append(site)
    for label, there in sorted(at.items()):
        words = {site.word: site for site in reversed(there) if not site.word.startswith("*")}
        if len(words) > 1:
            fail(there[0].where(), "%s is defined twice: %s" % (label, " and ".join("for %s in %s" % (w, s.where()) for w, s in sorted(words.items()))))
    for site in sites:
        for label, arrow, partners, _ in site.clauses:
            for partner in partners:
                if partner not in at:
                    fail(site.where(), "%s: its partner %s doesn't exist" % (label, partner))
                    continue
                a, b = (partner, label) if arrow == "<-" else (label, partner)
                pairs.setdefault(tuple(sorted((a, b))) if arrow == "<->" else (a, b), arrow == "<->")
    partners = {}
    for (a, b), both in sorted(pairs.items()):
        partners.setdefault(a, []).append(("<-> " if both else "-> ") + b)
        if a != b:
            partners.setdefault(b, []).append(("<-> " if both else "<- ") + a)
        if both:
            continue
        for label, able, verb in ((a, PUBLISHES, "publish"), (b, SEES, "see what was published")):
            for site in at[label]:
                if "relaxed" in site.kind or not able.search(site.kind):
                    fail(site.where(), "%s -> %s: %s can't %s" % (a, b, site.kind, verb))
        words = {s.word for s in at[a] + at[b] if s.word and not s.word.startswith("*")}
        if len(words) > 1:
            fail(at[a][0].where(), "%s -> %s: different words: %s" % (a, b, ", ".join(sorted(words))))
    for label in sorted(at):
        if label not in partners:
            fail(at[label][0].where(), "%s has no partner" % label)
    synchronising = {s.word for s in sites if s.word and "relaxed" not in s.kind and not s.word.startswith("*")}
    for site in sites:
        reason = (site.word, "") in reasons or (site.word, site.path) in reasons
        if "relaxed" in site.kind and site.word in synchronising and not site.said and not reason:
            fail(site.where(), "%s of %s, by which others synchronise, says no reason" % (site.kind, site.word))
    for word, path in sorted(reasons):
        if not any("relaxed" in site.kind and site.word == word and path in ("", site.path) for site in sites):
            fail(path or "a header", "gives a reason for relaxed operations on %s, and there are none" % word)
    for where, label in mentions:
        if label not in at:
            fail(where, "speaks of %s, which no operation has" % label)
    return at, partners


HEAD = """# Every atomic and its partner

Made by `python3 tests/ordering.py --write` out of the comments beside the operations, and checked by the test `ordering`, whose head says
the rules. `a -> b`: what came before a is seen after b. `a <-> b`: each side stores and then loads, with a full fence between them (or the
system's barrier for all threads at once), so at least one of them sees the other's store. An operation's own order is what src/atomic.h and
weir/inline/atomic.h say; nothing here leans on an order that x86 alone gives.

| label | operation | word | in | partner | what |
| --- | --- | --- | --- | --- | --- |
"""

TAIL = """
## Relaxed

Why that is enough where the word is one of the above, as a file or, for all files, a header says. The other relaxed operations on such words
say it beside themselves. A word that is not above is nobody's to synchronise by: its owner's own, a hint, or published by one that is.

| word | in | why |
| --- | --- | --- |
"""


def render(sites, at, partners, reasons):
    rows = {}
    for site in sites:
        for label, _, _, what in site.clauses:
            key = (label, site.kind, "" if not site.word else site.word.lstrip("*"), "%s: %s" % (site.path, site.function))
            texts = rows.setdefault(key, [])
            if what and what not in texts:
                texts.append(what)
    order = lambda key: (re.sub(r"\d+$", "", key[0][0]), int(re.search(r"\d+$", key[0][0]).group(0)), key[0][3], key[0][1])
    out = HEAD
    seen = None
    for (label, kind, word, where), texts in sorted(rows.items(), key=order):
        out += "| %s | %s | %s | %s | %s | %s |\n" % (label, kind, word, where, "" if label == seen else ", ".join(partners.get(label, [])),
                                                     "; ".join(texts).replace("|", "\\|"))
        seen = label
    out += TAIL
    for (word, path), reason in sorted(reasons.items()):
        out += "| %s | %s | %s |\n" % (word, path or "all", reason)
    return out


def main():
    sites, mentions, reasons = [], [], {}
    paths = sorted({str(p.relative_to(ROOT)) for place in PLACES for p in ROOT.glob(place)})
    for path in paths:
        read(path, sites, mentions, reasons)
    at, partners = check(sites, mentions, reasons)
    page = ROOT / "src/ordering.md"
    text = render(sites, at, partners, reasons)
    if "--write" in sys.argv[1:]:
        page.write_text(text)
    elif not page.exists() or page.read_text() != text:
        fail("src/ordering.md", "is not what the sources say: python3 tests/ordering.py --write")
    for error in errors:
        print(error)
    print("%d operations in %d files, %d labels%s" % (len(sites), len({s.path for s in sites}), len(at),
                                                      "" if not errors else ": %d FAILURES" % len(errors)))
    return 1 if errors else 0


sys.exit(main())
