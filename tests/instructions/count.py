#!/usr/bin/env python3
"""tests/instructions/count.py <program> <compiler> [--write] - instructions of get, put, ref and unref, compared with instructions.txt.

callgrind runs the program (patterns.c) and counts. A number above the file's fails, with both numbers; one below asks for the file to be
written anew. Times are nobody's business here. The numbers depend on the compiler: without a section for it nothing is compared, which is said
and answered by 77 (CTest: skipped). --write puts what was counted into the compiler's section.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

FILE = pathlib.Path(__file__).resolve().parent / "instructions.txt"
HEAD = """# Instructions for one op (or one reference, one operation), counted by callgrind; patterns.c says what each pattern is. CI compares: a rise
# fails, a fall asks for this: cmake --preset release && cmake --build build/release --target update-instructions
"""


def count(program):
    with tempfile.TemporaryDirectory() as where:
        run = subprocess.run(["valgrind", "--tool=callgrind", "--callgrind-out-file=%s/out" % where, program], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True)
        if run.returncode:
            sys.exit("count.py: %s answered %d under valgrind:\n%s" % (program, run.returncode, run.stderr))
        sums = {}
        for part in pathlib.Path(where).glob("out.*"):
            text = part.read_text()
            trigger = re.search(r"^desc: Trigger: Client Request: (\w+) (\d) (\d+)$", text, re.M)
            if trigger:
                sums[trigger.group(1), int(trigger.group(2))] = int(re.search(r"^summary: (\d+)$", text, re.M).group(1)), int(trigger.group(3))
    names = sorted({name for name, _ in sums})
    if not names or len(sums) != 2 * len(names):
        sys.exit("count.py: callgrind left no pairs of counts")
    return {name: round((sums[name, 2][0] - sums[name, 1][0]) / sums[name, 1][1], 2) for name in names}


def kept():
    sections, section = {}, None
    for line in FILE.read_text().splitlines() if FILE.exists() else []:
        if line.startswith("["):
            section = sections.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            name, number = line.split()
            section[name] = float(number)
    return sections


def write(sections):
    text = HEAD
    for compiler in sorted(sections):
        text += "\n[%s]\n" % compiler + "".join("%-22s%8.2f\n" % row for row in sorted(sections[compiler].items()))
    FILE.write_text(text)


def main(program, compiler, *options):
    sections = kept()
    if options == ("--write",):
        sections[compiler] = count(program)
        write(sections)
        print(FILE.read_text())
        return 0
    if compiler not in sections:
        print("not compared: the compiler is %s, instructions.txt has %s" % (compiler, ", ".join(sorted(sections)) or "none"))
        return 77
    now, then, risen, fallen = count(program), sections[compiler], [], []
    for name in sorted(now.keys() | then.keys()):
        a, b = then.get(name), now.get(name)
        (risen if a is None or b is None or b > a else fallen if b < a else []).append(name)
        print("%-22s %8s -> %8s%s" % (name, "none" if a is None else "%.2f" % a, "none" if b is None else "%.2f" % b,
                                      "   RISEN" if name in risen else "   fallen" if name in fallen else ""))
    if fallen:
        print("note: fallen: %s. Keep it: cmake --build build/release --target update-instructions" % ", ".join(fallen))
    if risen:
        print("FAILED: %s" % "; ".join("%s took %s instructions, now %s" % (name, then.get(name, "no"), now.get(name, "no")) for name in risen))
    return 1 if risen else 0


sys.exit(main(*sys.argv[1:]) if len(sys.argv) in (3, 4) else __doc__)
