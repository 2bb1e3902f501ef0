"""weir-gdb.py - who holds it, in gdb: on a live process, stopped, and on its core.

    (gdb) source /usr/share/weir/gdb/weir-gdb.py
    (gdb) weir pools                    every pool and domain that is watched, and how full it is
    (gdb) weir leaks [POOL]             every followed object that is held, by holder and place
    (gdb) weir holders POOL             who may hold a reference there, and how many each took and did not give back
    (gdb) weir op 4711 [POOL]           one op: its state, its references, who holds them, its journal

It reads the debug segments out of the process's memory (a core has them: the layer sets bit 3 of coredump_filter), and calls nothing in it. Times are
seconds since the pool was made. weir-inspect says the same without gdb, of dead processes' segments too.
"""
import functools
import os
import re
import subprocess
import sys

import gdb

sys.path.insert(0, os.path.dirname(os.path.abspath(os.path.expanduser(__file__))))
import weir_decode                      # noqa: E402: they lie beside this file
import weir_segment                     # noqa: E402
from weir_segment import ADDRESS, EVENTS, EXITED, SOURCE, STACKED, UNIT      # noqa: E402

SCAN = 64 << 20                         # an anonymous mapping larger than that is not searched
OP_REFS = 32                            # of struct weir_op: {marks 32, count 32}, see weir/inline/layout.h
SUBMITTED = 1 << 33


# -- the segments ---------------------------------------------------------------------------------------------------------------
def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def mappings():
    """(start, end, name) of what is mapped, as /proc or the core's list of files says; of a core, its other parts, too."""
    out = []
    for command, row in (("info proc mappings", r"\s*(0x[0-9a-f]+)\s+(0x[0-9a-f]+)\s+0x[0-9a-f]+\s+0x[0-9a-f]+\s*(?:[rwxps-]{4,5})?\s*(.*)"),
                         ("info files", r"\s*(0x[0-9a-f]+) - (0x[0-9a-f]+) is load()\S*$")):
        try:
            lines = gdb.execute(command, to_string=True).splitlines()
        except gdb.error:
            continue
        for found in filter(None, (re.match(row, line) for line in lines)):
            out.append((int(found[1], 16), int(found[2], 16), found[3].strip()))
    return out


def segment_starts():
    """Where segments begin: their files' mappings, and in anonymous memory (a forked child has private copies) wherever the magic is."""
    starts = set()
    magic = weir_segment.MAGIC.to_bytes(8, "little")
    for start, end, name in mappings():
        if "weir." in name:
            starts.add(start)
        elif not name and end - start <= SCAN:
            at = start
            while at is not None and at < end:
                try:
                    at = gdb.selected_inferior().search_memory(at, end - at, magic)
                except gdb.error:
                    break
                if at is not None:
                    starts |= {at} if at % 4096 == 0 else set()
                    at += 8
    return sorted(starts)


def segments(wanted=None):
    """All watched pools and domains, or those of that name. Others' segments in the process (a shared pool's own) are passed over."""
    if not gdb.selected_inferior().pid:
        raise gdb.GdbError("weir: no process and no core: attach to one, or open one")
    out = []
    for start in segment_starts():
        try:
            if read(start, 8) == weir_segment.MAGIC.to_bytes(8, "little"):
                out.append(weir_segment.Segment(read, start))
        except weir_segment.BadSegment as why:
            print("the segment at %#x is refused: %s" % (start, why))
        except gdb.MemoryError:
            print("a segment at %#x is not in the core (bit 3 of coredump_filter was not set)" % start)
    if not out:
        raise gdb.GdbError("weir: no pool or domain of this process is watched: start it with WEIR_DEBUG=track=sketch")
    named = sorted((s for s in out if wanted is None or s.name == wanted), key=lambda s: s.name)
    if not named:
        raise gdb.GdbError("weir: no watched pool or domain %s; there are: %s" % (wanted, " ".join(sorted({s.name for s in out}))))
    return named


# -- what things are called -----------------------------------------------------------------------------------------------------
def objfile_of(module):
    """gdb's own copy of a module, if its build id is the one that the process wrote down."""
    for o in gdb.objfiles():
        if module.build_id and getattr(o, "build_id", None) == module.build_id and not o.owner:
            return o
    return None


def code(segment, module_index, offset):
    """A return address, as function and line; module+offset where gdb has no lines."""
    module = segment.module(module_index)
    if not module:
        return "a module that is not known"
    plain = "%s+%#x" % (os.path.basename(module.path) or "?", offset)
    if module.pid != gdb.selected_inferior().pid or not objfile_of(module):
        return plain + (" (build id %s)" % module.build_id if module.build_id else "")
    pc = module.base + offset - 1
    line, block = gdb.find_pc_line(pc), gdb.block_for_pc(pc)
    if line.symtab and not is_wrapper(line.symtab.filename):
        while block and not block.function:
            block = block.superblock
        return "%s:%d (%s)" % (line.symtab.filename, line.line, block.function.print_name if block else "?")
    return inlined(objfile_of(module), offset - 1) or plain


def is_wrapper(file):
    return "include/weir/" in file


@functools.lru_cache(maxsize=None)
def inlined(objfile, offset):
    """A call of weir's was inlined there. gdb's Python does not know the line that it was called from: binutils' addr2line does, and LLVM's, which reads
    what clang writes as well."""
    debug = ([o.filename for o in gdb.objfiles() if o.owner == objfile] or [objfile.filename])[0]
    for command in (["addr2line", "-f", "-i", "-e", debug, hex(offset)], ["llvm-symbolizer", "--obj=" + debug, hex(offset)]):
        try:
            said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("\n")
        except (OSError, subprocess.CalledProcessError):
            continue
        for function, at in zip(said[::2], said[1::2]):
            if not is_wrapper(at) and not at.startswith("?"):
                return "%s (%s)" % (":".join(at.split(" (")[0].split(":")[:2]), function)
    return None


def place(segment, index):
    """What a site says; None: no place is known."""
    site = segment.site(index) if index else None
    if not site:
        return None
    if site.kind == SOURCE:
        return "%s:%d (%s)" % (segment.text(site.file), site.line, segment.text(site.function))
    if site.kind == ADDRESS:
        return code(segment, site.module, site.offset)
    if site.kind == STACKED:
        return " <- ".join(code(segment, m, offset) for m, offset in segment.frames(site)) or None
    return None


def life(holder):
    """What is known of a holder without asking more than /proc: a core can't say who lived on."""
    if holder.state == EXITED:
        return "ended"
    try:
        with open("/proc/%d/task/%d/stat" % (holder.pid, holder.tid)) as f:
            fields = f.read().rsplit(")", 1)[1].split()
    except OSError:
        return "gone"
    return "gone" if int(fields[19]) != holder.thread_start else "zombie" if fields[0] == "Z" else "alive"


def who(segment, index):
    h = segment.holder(index) if index else None
    if not h:
        return "nobody known"
    mine = h.pid == gdb.selected_inferior().pid
    return "%s (%sthread %d)" % (h.name or "-", "" if mine else "pid %d, " % h.pid, h.tid)


def seconds(units):
    return "%.2f s" % (units * UNIT / 1e9)


def balance(segment, o, token, refs):
    """One holder of an object, in words. A token of plain calls has no place: the object knows its first take's and its last one's."""
    t = segment.token(token)
    at = place(segment, t.site) if t else None
    text = "%d by %s" % (refs, who(segment, t.holder if t else 0))
    return text + (" taken at " + at if at else "")


def takes(segment, o, verdict):
    """The object's own places, where its holders' tokens have none."""
    known = [segment.token(token) for token, _ in verdict.balances]
    if known and all(t and t.site for t in known):
        return ""
    first, last = place(segment, o.first), place(segment, o.last)
    if first and last and first != last:
        return "first taken at %s, last at %s" % (first, last)
    return "taken at " + (first or last) if first or last else ""


def state(segment, o):
    """Of an op: what its header says."""
    if segment.is_domain or not segment.head.ops:
        return "held" if o.refs else "free"
    try:
        word = int.from_bytes(read(segment.head.ops + o.index * segment.head.op_stride + OP_REFS, 8), "little")
    except gdb.MemoryError:
        return "its header is not there"
    if word & 0xFFFFFFFF == 0:
        return "free"
    return ("submitted: the kernel owns it" if word & SUBMITTED else "owned") + (", published" if o.published else "")


# -- the commands ---------------------------------------------------------------------------------------------------------------
def table(titles, rows):
    widths = [max(len(str(r[i])) for r in [titles] + rows) for i in range(len(titles))]
    for r in [titles] + rows:
        print("  ".join(str(c).ljust(w) if isinstance(c, str) else str(c).rjust(w) for c, w in zip(r, widths)).rstrip())


class Weir(gdb.Command):
    """Who holds references of weir's pools and domains: weir pools, weir leaks, weir holders, weir op."""

    def __init__(self):
        super().__init__("weir", gdb.COMMAND_DATA, gdb.COMPLETE_NONE, True)


class Pools(gdb.Command):
    """weir pools: every watched pool and domain. The numbers are those that it last wrote down; "followed" is counted now."""

    def __init__(self):
        super().__init__("weir pools", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        rows = []
        for s in segments():
            n, followed = s.numbers, sum(1 for _ in s.objects())
            if not n.capacity:          # nothing was written down yet, or never is: a domain
                n.capacity, n.live = s.head.objects, followed
                n.free = n.capacity - n.live
            rows.append((s.name, "domain" if s.is_domain else "pool", s.head.pid, n.capacity, n.live, n.cached, n.free, followed, s.head.sample, s.tracker(),
                         ",".join(s.flags()) or "-"))
        table(("name", "kind", "pid", "capacity", "live", "cached", "free", "followed", "sample", "tracker", "also"), rows)


class Leaks(gdb.Command):
    """weir leaks [POOL]: every followed object that is held now, by holder and place; the program says which of them are leaks."""

    def __init__(self):
        super().__init__("weir leaks", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for s in segments(argument.strip() or None):
            groups = {}
            for o in s.objects():
                v = weir_decode.decode(s, o)
                said = [balance(s, o, token, refs) for token, refs in v.balances] or ["nobody named: " + v.why]
                groups.setdefault("; ".join(filter(None, [", ".join(said), takes(s, o, v), v.certainty])), []).append(o.index)
            print("%s: %d followed" % (s.name, sum(map(len, groups.values()))))
            for said, found in sorted(groups.items(), key=lambda g: -len(g[1])):
                print("  %d held: %s; for example %s" % (len(found), said, " ".join(map(str, found[:3]))))


class Holders(gdb.Command):
    """weir holders POOL: who may hold a reference, and what each took and did not give back, by place."""

    def __init__(self):
        super().__init__("weir holders", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        if not argument.strip():
            raise gdb.GdbError("weir holders POOL: which one? `weir pools` lists them")
        for s in segments(argument.strip()):
            by_holder = {}
            for t in s.tokens().values():
                by_holder.setdefault(t.holder, []).append(t)
            rows = [(h.name or "-", h.pid, h.tid, life(h), sum(t.own + t.others for t in by_holder.get(h.index, [])),
                     seconds(h.beat), "in the midst of an update" if h.intent & 1 else "") for h in s.holders()]
            table(("name", "pid", "tid", "state", "balance", "last sign", ""), rows)
            for h in s.holders():
                for t in by_holder.get(h.index, []):
                    if t.site and t.own + t.others:
                        print("  %s: %d at %s" % (h.name or h.tid, t.own + t.others, place(s, t.site) or "a place that is not known"))


class Op(gdb.Command):
    """weir op N [POOL]: op N (an object of a domain, too) of that pool, or of every watched one that follows such an op."""

    def __init__(self):
        super().__init__("weir op", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        words = gdb.string_to_argv(argument)
        if not words or not words[0].isdigit() or len(words) > 2:
            raise gdb.GdbError("weir op N [POOL]: N is an op's index, as `weir leaks` says it")
        found = False
        for s in segments(words[1] if len(words) > 1 else None):
            o = s.object(int(words[0]))
            if o:
                found = True
                self.show(s, o)
        if not found:
            print("op %s is not followed: it is free, or was not in the sample" % words[0])

    def show(self, s, o):
        v = weir_decode.decode(s, o)
        print("%s %d of %s %s%s" % ("object" if s.is_domain else "op", o.index, "domain" if s.is_domain else "pool", s.name,
                                    ", at %#x" % o.address if o.address else ""))
        print("  state       %s" % state(s, o))
        print("  references  %d" % o.refs)
        print("  since       %s" % seconds(o.born))
        if takes(s, o, v):
            print("  places      %s" % takes(s, o, v))
        for token, refs in v.balances:
            print("  holder      %s" % balance(s, o, token, refs))
        print("  certainty   %s%s" % (v.certainty, ": " + v.why if v.why else ""))
        for h in s.intents(o.index):
            print("  update      %s is in the midst of one" % who(s, h.index))
        events, lost = s.journal(o)
        if lost:
            print("  journal     %d older events were written over" % lost)
        for event, token, time, thread in events:
            t = s.token(token)
            at = place(s, t.site) if t else None
            print("  journal     %10s  %-7s %s%s" % (seconds(time), EVENTS[event] if event < len(EVENTS) else "?", who(s, thread), " at " + at if at else ""))


Weir()
Pools()
Leaks()
Holders()
Op()
