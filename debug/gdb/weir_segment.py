"""weir_segment.py - a debug segment (debug/layout.h), read out of any memory: the half of the gdb script that knows no gdb.

A Segment is given a function read(address, size) -> bytes, which raises on memory that isn't there, and the address where the segment begins. It
believes nothing: what does not fit the segment's own size is refused by BadSegment, or read as nothing. Nothing is written.

Everything here says the same as debug/layout.h and the trackers' files; a segment of another version is refused.
"""
import struct

MAGIC = 0x3167756265776972
VERSION = 1
CHUNK = 1024
UNIT = 10_000_000                       # ns
STACK = 32
PRIME = (1 << 48) - 59
MASK = (1 << 64) - 1
FREE, CLAIMING, READY, EXITED = range(4)
SOURCE, ADDRESS, STACKED = 1, 2, 3
POOL, DOMAIN = 1, 2
TRACKERS = ("none", "xor", "sum", "sketch", "slots", "releasers", "journal")
EVENTS = ("take", "give", "move", "submit", "return", "born", "last")
FLAGS = ((1, "guard"), (2, "guard=page"), (4, "stacks"), (8, "discipline=own"), (16, "shared"))

HEADER = struct.Struct("<QIIQII64s QQqQ Qqq IIII I I IIII III II I I 4x Q 9Q 5Q 4I 256s")
HEADER_FIELDS = (
    "magic version header_bytes bytes kind state name boot space pid start seed created created_real tracker parameter tracker_words journal "
    "line_words objects holders sites tokens modules text_bytes frames nodes chunk_bytes chunks sample flags hung modules_at holders_at sites_at "
    "tokens_at text_at frames_at nodes_at ready_at chunks_at ops op_stride buffers buffer_stride buffer_size text_used frames_used nodes_used "
    "reserved spec").split()
NUMBERS = struct.Struct("<13Q")
NUMBER_FIELDS = "seq at capacity committed live cached free peak gets puts lives untracked unnamed".split()
NUMBERS_AT = (HEADER.size + 63) // 64 * 64
HEADER_BYTES = (NUMBERS_AT + NUMBERS.size + 63) // 64 * 64
MODULE = struct.Struct("<IIQq20sI80x")
HOLDER = struct.Struct("<IIQQqQqQQQQ48s")
SITE = struct.Struct("<IIIIIIQ")
TOKEN = struct.Struct("<IIIIqq")


class BadSegment(Exception):
    pass


def text(raw):
    return raw.split(b"\0", 1)[0].decode("utf-8", "replace")


class Record:
    """The fields of a struct by their names."""

    def __init__(self, names, values):
        self.__dict__.update(zip(names, values))


def token_value(seed, token, salt):
    x = seed ^ ((token << 32 | salt) * 0x9E3779B97F4A7C15 & MASK)
    x = ((x ^ x >> 30) * 0xBF58476D1CE4E5B9) & MASK
    x = ((x ^ x >> 27) * 0x94D049BB133111EB) & MASK
    x = (x ^ x >> 31) >> 17
    return x or 1


class Object:
    """One followed life: an op of a pool, or an object of a domain."""

    def __init__(self, index, birth, places, address, words):
        self.index, self.address, self.words = index, address, words
        self.first, self.last = places & 0xFFFF, places >> 16           # sites of its first and its last take
        self.born, self.generation = birth >> 32, birth & 0xFFFFFFFF
        self.refs = words[0] & 0x7FFFFFFF
        self.published = bool(words[0] >> 31 & 1)
        self.active = words[0] >> 32 & 0xFFF


class Segment:
    def __init__(self, read, base):
        self.read, self.base = read, base
        try:
            raw = read(base, HEADER_BYTES)
        except Exception:
            raise BadSegment("its header can't be read")
        head = self.head = Record(HEADER_FIELDS, HEADER.unpack_from(raw))
        if head.magic != MAGIC:
            raise BadSegment("it is none of weir's: its magic is %#x" % head.magic)
        if head.version != VERSION or head.header_bytes != HEADER_BYTES:
            raise BadSegment("it has version %d and a header of %d bytes; this script reads version %d, %d bytes"
                             % (head.version, head.header_bytes, VERSION, HEADER_BYTES))
        self.numbers = Record(NUMBER_FIELDS, NUMBERS.unpack_from(raw, NUMBERS_AT))
        self.name, self.spec = text(head.name), text(head.spec)
        self.is_domain = head.kind == DOMAIN
        self._check()
        self.values = {}                # token -> its value, of those that are registered

    def _check(self):
        h = self.head
        if h.kind not in (POOL, DOMAIN) or h.tracker >= len(TRACKERS):
            raise BadSegment("its kind %d or its tracker %d is unknown" % (h.kind, h.tracker))
        parts = ((h.modules_at, h.modules * MODULE.size), (h.holders_at, h.holders * HOLDER.size), (h.sites_at, h.sites * SITE.size),
                 (h.tokens_at, h.tokens * TOKEN.size), (h.text_at, h.text_bytes), (h.frames_at, h.frames * 8), (h.nodes_at, h.nodes * 8),
                 (h.ready_at, h.chunks), (h.chunks_at, h.chunks * h.chunk_bytes))
        if any(at > h.bytes or size > h.bytes - at for at, size in parts):
            raise BadSegment("a part of it lies beyond its %d bytes" % h.bytes)
        journal = 1 + 2 * h.journal if h.journal else 0
        if h.line_words < 1 + h.tracker_words + journal or h.objects > h.chunks * CHUNK:
            raise BadSegment("its lines of %d words or its %d objects don't fit" % (h.line_words, h.objects))
        if h.chunk_bytes < self._lines_at() + CHUNK * 8 * h.line_words:
            raise BadSegment("its chunks of %d bytes are too small" % h.chunk_bytes)

    def tracker(self):
        h = self.head
        return TRACKERS[h.tracker] + ("(%d)" % h.parameter if h.parameter else "")

    def flags(self):
        return [word for bit, word in FLAGS if self.head.flags & bit]

    # -- tables -----------------------------------------------------------------------------------------------------------------
    def _at(self, at, size, default=b""):
        """Bytes of the segment; `default` if they aren't there."""
        if at + size > self.head.bytes:
            return default
        try:
            return bytes(self.read(self.base + at, size))
        except Exception:
            return default

    def _entry(self, form, at, index, most):
        raw = self._at(at + index * form.size, form.size) if 0 < index < most else b""
        return form.unpack(raw) if raw else None

    def text(self, at):
        """A zero-terminated text of the table; "" if it is bad."""
        if at >= self.head.text_bytes:
            return ""
        raw = self._at(self.head.text_at + at, min(4096, self.head.text_bytes - at))
        return text(raw) if b"\0" in raw else ""

    def holder(self, index):
        e = self._entry(HOLDER, self.head.holders_at, index, self.head.holders)
        if not e or e[0] not in (READY, EXITED):
            return None
        h = Record("state incarnation boot space pid start tid thread_start beat intent ended name".split(), e)
        h.index, h.name = index, text(h.name)
        return h

    def holders(self):
        return [h for h in map(self.holder, range(1, self.head.holders)) if h]

    def site(self, index):
        e = self._entry(SITE, self.head.sites_at, index, self.head.sites)
        if not e or e[0] != READY:
            return None
        return Record("state kind file function line module offset".split(), e)

    def module(self, index):
        e = self._entry(MODULE, self.head.modules_at, index, self.head.modules)
        if not e or e[0] != READY:
            return None
        m = Record("state id_bytes base pid build_id path".split(), e)
        m.build_id, m.path = m.build_id[:m.id_bytes].hex(), self.text(m.path)
        return m

    def frames(self, site):
        """A stack's (module, offset) pairs, innermost first."""
        first, n = site.offset >> 32, site.offset & 0xFFFFFFFF
        if n > STACK or first + n > self.head.frames:
            return []
        raw = self._at(self.head.frames_at + first * 8, n * 8)
        return [(w >> 48, w & 0xFFFFFFFFFFFF) for w, in struct.iter_unpack("<Q", raw)]

    def token(self, index):
        e = self._entry(TOKEN, self.head.tokens_at, index, self.head.tokens)
        if not e or e[0] != READY:
            return None
        return Record("state salt holder site own others".split(), e)

    def node(self, index):
        """A word of the releasers' lists; 0: none."""
        raw = self._at(self.head.nodes_at + 8 * index, 8) if 0 < index < self.head.nodes else b""
        return int.from_bytes(raw, "little")

    def tokens(self):
        """All registered tokens; index -> record, with their values."""
        if not self.values:
            raw = self._at(self.head.tokens_at, self.head.tokens * TOKEN.size)
            for index, e in enumerate(TOKEN.iter_unpack(raw)):
                if index and e[0] == READY:
                    t = Record("state salt holder site own others".split(), e)
                    t.value = token_value(self.head.seed, index, t.salt)
                    self.values[index] = t
        return self.values

    # -- objects ----------------------------------------------------------------------------------------------------------------
    def _lines_at(self):
        return CHUNK * (20 if self.is_domain else 12)           # behind births, places, and a domain's objects

    def _chunk(self, number):
        if number >= self.head.chunks or self._at(self.head.ready_at + number, 1) != b"\1":
            return None
        return self.head.chunks_at + number * self.head.chunk_bytes

    def object(self, index):
        """The object, if it is followed now; None."""
        chunk = self._chunk(index // CHUNK) if index < self.head.objects else None
        if chunk is None:
            return None
        at, h, address = index % CHUNK, self.head, None
        birth, = struct.unpack("<Q", self._at(chunk + 8 * at, 8, bytes(8)))
        if not birth:
            return None
        places, = struct.unpack("<I", self._at(chunk + 8 * CHUNK + 4 * at, 4, bytes(4)))
        if self.is_domain:
            address, = struct.unpack("<Q", self._at(chunk + 12 * CHUNK + 8 * at, 8, bytes(8)))
        elif h.buffers and h.buffer_size:
            address = h.buffers + index * h.buffer_stride
        elif h.ops:
            address = h.ops + index * h.op_stride
        raw = self._at(chunk + self._lines_at() + 8 * at * h.line_words, 8 * h.line_words)
        return Object(index, birth, places, address, struct.unpack("<%dQ" % h.line_words, raw)) if raw else None

    def objects(self):
        for number in range(self.head.chunks):
            chunk = self._chunk(number)
            if chunk is None:
                continue
            births = struct.unpack("<%dQ" % CHUNK, self._at(chunk, 8 * CHUNK, bytes(8 * CHUNK)))
            for at, birth in enumerate(births):
                found = self.object(number * CHUNK + at) if birth else None
                if found:
                    yield found

    def journal(self, o):
        """(events, how many came before them); an event is (event, token, time, thread), oldest first."""
        h = self.head
        n, at = h.journal, 1 + h.tracker_words
        if TRACKERS[h.tracker] == "journal":
            n, at = h.parameter, 1
        if not n or at + 1 + 2 * n > len(o.words):
            return [], 0
        total, out = o.words[at], []
        for i in range(max(0, total - n), total):
            first, second = o.words[at + 1 + 2 * (i % n):at + 3 + 2 * (i % n)]
            if first >> 32 == (i + 1) & 0xFFFFFFFF:     # it has been written to its end
                out.append((first >> 24 & 0xFF, first & 0xFFFFFF, second >> 32, second & 0xFFFFFFFF))
        return out, max(0, total - n)

    def intents(self, index):
        """Holders in the midst of an update of the object."""
        return [h for h in self.holders() if h.intent & 1 and h.intent >> 14 & 0xFFFFFFF == index]
