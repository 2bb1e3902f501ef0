#!/usr/bin/env python3
"""tests/planted/plant.py <source> <function> <label> <output> - a copy of a source with one operation's order taken away.

The operation is the one in the function that carries the label, a pattern (src/ordering.md lists them): a release or acquire becomes relaxed, and
nothing else changes. If function, label or operation isn't there, or more than one is, it fails: the test that wants it must be told.
For a header, <output> is where a copy of all of include/ goes.
"""
import pathlib
import re
import shutil
import sys

WEAKER = (
    (r"\bstore_release_(32|64|ptr)\(", r"store_relaxed_\1("),
    (r"\bload_acquire_(32|64|ptr)\(", r"load_relaxed_\1("),
    (r"\bWEIR_STORE_RELEASE\(", "WEIR_STORE_RELAXED("),
    (r"\bWEIR_LOAD_ACQUIRE\(", "WEIR_LOAD_RELAXED("),
    (r"\bWEIR_(ADD|SUB)_ACQ_REL\((.*?), 1\)", lambda m: "__atomic_fetch_%s(%s, 1, __ATOMIC_RELAXED)" % (m.group(1).lower(), m.group(2))),
    (r"\b(add|sub)_(32|64)\((.*?), 1\)", r"__atomic_fetch_\1(\3, 1, __ATOMIC_RELAXED)"),
    (r"\bcas_(32|64)\((.*)\)\);", r"__atomic_compare_exchange_n(\2, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));"),
)


def main(source, function, label, output):
    source = pathlib.Path(source)
    lines = source.read_text().split("\n")
    begin = [i for i, line in enumerate(lines) if re.match(r"^[A-Za-z].*\b%s\([^;]*$" % function, line)]
    if not begin:
        return "%s: there is no function %s" % (source, function)
    end = lines.index("}", begin[-1])
    there = [i for i in range(begin[-1], end) if re.search(r"(?:/\*|;)\s*(?:%s)\b" % label, lines[i])]
    planted = 0
    for i in there:
        for strong, weak in WEAKER:
            lines[i], n = re.subn(strong, weak, lines[i])
            planted += n
    if planted != 1:
        return "%s: %d operations in %s carry %s and can be weakened, 1 was expected" % (source, planted, function, label)
    output = pathlib.Path(output)
    if "include" in source.parts:
        include = source.parents[len(source.parts) - 1 - source.parts.index("include") - 1]
        shutil.copytree(include, output, dirs_exist_ok=True)
        output = output / source.relative_to(include)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text("\n".join(lines))
    return 0


sys.exit(main(*sys.argv[1:5]) if len(sys.argv) == 5 else __doc__)
