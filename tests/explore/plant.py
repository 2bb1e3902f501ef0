#!/usr/bin/env python3
"""tests/explore/plant.py <name> <root of the repository> <output> - a copy of a source of the library with one bug in it.

The bugs are the list below: what is written in the source, once and exactly so, and what stands there instead. Where the source says
something else by now this fails, and with it the build: then the bug is to be planted anew. For a header, <output> is where a copy of all
of include/ goes; for a source it is the file.
"""
import pathlib
import shutil
import sys

PLANTS = {
    # A head's tag stays what it was: a pop that was held up takes another stack for its own.
    "tag": ("src/depot.c", ("((((h) >> 24) + 1) << 24 | (index))", "((h) >> 24 << 24 | (index))")),
    # A pop does not say that ops come into a cache.
    "mark": ("src/depot.c", ("            mark_dirty(pool);\n            store_release_32(&c->transit",
                             "            store_release_32(&c->transit")),
    # A waiter looks, and takes its ticket only then.
    "wake-before": ("src/waiter.c", ("        (void)cache_shut(c);\n        waiters_serve(pool, c);\n    }\n    op = waiter__sleep",
                                     "    }\n    op = waiter__sleep")),
    # A put does not look for waiters once more when its op is in sight.
    "wake-after": ("src/cache.c", ("    if (WEIR_UNLIKELY(waiters_any(pool))) {\n        (void)cache_shut(c);",
                                   "    if (false) {\n        (void)cache_shut(c);")),
    # The last release is told by the word as it is a moment later, not by the value that the subtraction returned.
    "rundown": ("src/rundown.c", ("    if (count == 1 && (old & RUNDOWN_CLOSING))\n        rundown__end",
                                  "    old = load_acquire_64(&rundown->word[0]);\n"
                                  "    if ((old & RUNDOWN_COUNT) == 0 && (old & RUNDOWN_CLOSING))\n        rundown__end")),
    # A release looks after it has let go whether its shard is shut.
    "sharded": ("src/rundown_sharded.c", ('    WEIR_POINT("sharded.release");\n',
                                          "    old = load_acquire_64(sharded__mine(rundown));\n")),
    # A thief that makes no barrier.
    "barrier": ("src/steal.c", ("        os_barrier();", "        fence();")),
    # A thief that looks whether the cache was opened, and reads the magazine's word only then.
    "g-before": ("src/steal.c", ("    uint64_t s = load_acquire_64(&m->state);                    /* magazine.S2 */\n    struct words w;",
                                 "    bool opened = load_g(v) != g;\n    uint64_t s = load_acquire_64(&m->state);\n    struct words w;"),
                 ("    if (load_g(v) != g) ", "    if (opened) ")),
    # A sweep that could not take what it saw says that there is nothing.
    "looked-once": ("src/steal.c", ("    if (steal__move(pool, c, m, s, (uint32_t)w.n, e))\n",
                                    "    if (!steal__move(pool, c, m, s, (uint32_t)w.n, e))\n        return false;\n")),
    # Who serves a waiter that has left puts the op back without a mark that a cache holds one.
    "unmarked": ("src/waiter.c", ("            mark_dirty(pool); ", "            ")),
    # A thread that exits serves a waiter, and leaves the rest of the magazine in its cache.
    "empty-once": ("src/cache.c", ("    } while (words_n(c) > 0); ", "    } while (false); ")),
    # A put that tests, and publishes only then.
    "put-first": ("include/weir/inline/cache.h",
                  ("    WEIR_STORE_RELEASE(&cache->base, base + 1);  ",
                   "    struct weir_op **tested = WEIR_LOAD_RELAXED(&cache->l);\n    WEIR_STORE_RELEASE(&cache->base, base + 1);"),
                  ("WEIR_ATMOST_RELAXED(&cache->l, slot)", "tested <= slot")),
    # A get that tests, and claims only then.
    "get-first": ("include/weir/inline/cache.h",
                  ("    WEIR_STORE_RELEASE(&cache->ration, ration);  ",
                   "    int64_t tested = WEIR_LOAD_RELAXED(&cache->g);\n    WEIR_STORE_RELEASE(&cache->ration, ration);"),
                  ("WEIR_ABOVE_RELAXED(&cache->g, ration)", "tested > ration")),
    # A cache that is opened changes ration and base as if nobody could look in between.
    "two-words": ("src/cache.c", ("    words_set(c, n, ration);\n    mark_dirty",
                                  "    count_add(&c->granted, (uint64_t)(ration - c->pub.ration));\n    words_store_base(c, c->slot + (n - ration));\n"
                                  "    words_store_ration(c, ration);\n    mark_dirty")),
    # A bulk put that does not look whether it was diverted when its ops are in sight.
    "bulk-put": ("src/bulk.c", ("    if (WEIR_UNLIKELY((struct weir_op **)load_relaxed_ptr(&c->pub.l) < slot + k))", "    if (false)")),
    # A slot is looked at, and written only then.
    "slots": ("debug/slots.c", ("if (cas_64(&words[at], &slot, slots__changed(slot, token, sign, u->time)))",
                                "if (load_relaxed_64(&words[at]) == slot &&\n"
                                "            (store_relaxed_64(&words[at], slots__changed(slot, token, sign, u->time)), true))")),
    # The list of free nodes does not count its changes when one is taken.
    "nodes": ("debug/releasers.c", ("node__make(node__next(next), node__number(old) + 1)", "node__make(node__next(next), node__number(old))"),
              ("node__make(first, node__number(old) + 1)", "node__make(first, node__number(old))")),
    # The shortcut for an op that is held once is taken for a published one, too.
    "unref-load": ("include/weir/inline/ref.h", ("    if (refs <= 1) {",
                                                 "    if ((refs & WEIR_REFS_COUNT) <= 1) {\n"
                                                 "        WEIR_STORE_RELAXED(&op->refs, refs & WEIR_REFS_COUNT);")),
}


def main(name, root, output):
    file, *changes = PLANTS[name]
    root, output = pathlib.Path(root), pathlib.Path(output)
    text = (root / file).read_text()
    for there, instead in changes:
        if text.count(there) != 1:
            return "plant.py: %s: found %d times instead of once in %s:\n%s" % (name, text.count(there), file, there)
        text = text.replace(there, instead)
    if file.startswith("include/"):
        shutil.copytree(root / "include", output, dirs_exist_ok=True)
        output = output / pathlib.Path(file).relative_to("include")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(text)
    return 0


sys.exit(main(*sys.argv[1:4]) if len(sys.argv) == 4 else __doc__)
