/* weir/track.h - who holds it: the debug layer's calls for programs.
 *
 * Nothing here need be called: with `WEIR_DEBUG=track=sketch` in the environment (or weir_pool_config.debug, or a domain's string) plain get, put, ref and unref
 * are followed, and weir_leaks, weir-inspect and the reports say who took what was never given back. What plain calls can't know is who holds a
 * reference after it was handed on: a *hold* is a reference whose taker is written down, and that can be moved.
 *
 * What is asked of the layer: words with commas between them, in weir_pool_config.debug, in a domain's string, or in the environment as WEIR_DEBUG for all
 * pools and domains that say NULL there. ("" and "none" ask for nothing; privileged programs don't look at the environment. Where neither says anything the
 * library's own default counts: in a Debug build guard,track=xor, in a Release build nothing.)
 *
 *     track=NAME         who holds it, by one of these; the number in brackets is the usual one
 *       xor, sum           one word an object: the one holder there is (xor: of one reference; readable in any debugger: pid and thread)
 *       sketch(4)          2k-1 words: up to k holders, each with its references, exactly; k is 1 to 8
 *       slots(8)           n words: up to n references, each with its place and age; n is 1 to 64
 *       releasers          who gave back, and so who did not; memory grows with each reference
 *       journal(16)        the last n events, who took and who gave back; n is 1 to 256
 *     sample=N           one object in N is followed, from get to the last release; 1 to 1048576
 *     discipline=own     this program's threads give back what they took themselves: a balance is then a holder
 *     stacks, stacks=N   plain calls are known by their stack of N frames, 1 to 32 (16), not by one return address
 *     journal=N          the last N events of each object beside the tracker, 0 to 256; with guard 8
 *     guard              a buffer that was put is poisoned, and looked at by the next get (which finds it as poison); red zones around it
 *     guard=page         instead of poison: a buffer has pages of its own, and whoever touches it while it is free dies of it at once.
 *                        Protection is of one process: a shared pool's buffers are poisoned instead
 *     report             a report of all leaks to standard error, at a close that is refused because of them and at exit
 *     report=FILE        the same to a file, in the form that its ending says: .json, .folded (stacks, for flame graphs), else text.
 *                        %p in its name is the process's number. It is made empty at once, so an empty file says that all was well
 *     signal=NAME        a report now, whenever this signal comes: USR1, USR2, HUP or QUIT
 *     exit=N             if there are leaks at exit, and the program would have answered 0, it answers N, 1 to 255 (23 is the usual one, and
 *                        weir-inspect's). Where a C library doesn't tell the status (musl, Windows): whatever the program would have answered
 *     min-age=SECONDS    what is younger is no leak, unless somebody dead holds it (0)
 *     hung=SECONDS       who holds and gave no sign for so long is called hung (60)
 *     suppress=FILE      leaks that are known, a rule a line: site:PATTERN (file:line, a function, or module+0xoffset; of a stack any frame) or
 *                        holder:PATTERN. * stands for any text, # begins a comment. An object is suppressed if each of its holders is; rules
 *                        that nothing matched are named in the report
 *     none               nothing
 *
 * For example WEIR_DEBUG=track=sketch,sample=128,stacks,report=leaks.json,exit=23. A word that isn't known, a number out of its range, a word said twice and one
 * that has nothing to work on (report without anything that is followed) are errors: the pool isn't made, and weir_error_message names the word and
 * what would be right. A file's name has no comma in it; the whole has at most 255 bytes.
 *
 * In a pool or domain that is not watched, and in a library that was built without the layer, holds are plain references: all of these work, and
 * nothing is recorded.
 */
#ifndef WEIR_TRACK_H
#define WEIR_TRACK_H

#include <stdbool.h>
#include <stdint.h>
#include "ref.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weir_op;
struct weir_pool;
struct weir_domain;

/* A place in the source. The macros below make one for each call, once. */
struct weir_site {
    const char *file;
    int line;
    const char *function;
};

/* A hold: what weir_hold_take gave, and weir_hold_drop wants back. Never 0. */
typedef uint64_t weir_hold;

/* weir_holder_name - names the calling thread in reports, in every pool and domain, those that it comes to later too. Cut at 47 bytes.
 *
 * threads   any, for itself; progress: takes a lock
 * returns   0, or -ENOMEM
 */
WEIR_API int weir_holder_name(const char *name);

/* weir_holder_beat - "I am not hung": a thread that holds for long and calls nothing says so. Every followed call is a sign, too. */
WEIR_API void weir_holder_beat(void);

/* weir_hold_take - one more reference, by who holds one, written down with its place in the source.
 * weir_hold_drop - gives that reference back, from any thread. true: it was the last, the op went back to its pool.
 * weir_hold_move - the caller is the holder from now on; the old hold is void, the new one is returned.
 *
 * owns      take: one reference, the caller's; drop: none afterwards; move: as before
 * threads   any; a hold is used by one thread at a time
 * errors    panic as weir_op_ref and weir_op_unref; and a hold that is not one of this op's, or was dropped before
 */
WEIR_API weir_hold weir_hold_take_at(struct weir_op *op, const struct weir_site *site);
WEIR_API bool weir_hold_drop(struct weir_op *op, weir_hold hold);
WEIR_API weir_hold weir_hold_move_at(struct weir_op *op, weir_hold hold, const struct weir_site *site);
WEIR_API weir_hold weir_hold_take(struct weir_op *op);
WEIR_API weir_hold weir_hold_move(struct weir_op *op, weir_hold hold);

/* The same for any object with a weir_ref. drop's true: that was the last, the object is the caller's to destroy. */
WEIR_API weir_hold weir_ref_take_at(struct weir_ref *ref, const struct weir_site *site);
WEIR_API weir_hold weir_ref_take(struct weir_ref *ref);
WEIR_API bool weir_ref_drop(struct weir_ref *ref, weir_hold hold);

/* How sure a reading is. Certified: it is so (debug/README.md says why, for each tracker). Probable: all speaks for it. Ambiguous: it can't be told from something
 * else. Overflow: more holders than the tracker can name. */
enum weir_certainty { WEIR_CERTIFIED, WEIR_PROBABLE, WEIR_AMBIGUOUS, WEIR_OVERFLOW };
enum weir_holder_state { WEIR_ALIVE, WEIR_HUNG, WEIR_ZOMBIE, WEIR_DEAD };

struct weir_leak_holder {
    const char *name;
    int64_t pid, tid;
    enum weir_holder_state state;
    int32_t refs;
    const char *file;           /* "" when only an address is known: function then says module+offset */
    int line;
    const char *function;
};
struct weir_leak {
    const char *pool;
    uint64_t handle;
    const void *object;         /* the buffer (the op, if it has none); a domain's: the object */
    uint32_t refs;
    enum weir_certainty certainty;
    int64_t age_ns;
    unsigned holders;
    const struct weir_leak_holder *holder;
};
typedef int (*weir_leak_fn)(const struct weir_leak *leak, void *arg);

/* weir_leaks - calls fn for every followed op that is at least min_age_ns old, or that a dead holder has, until fn answers non-zero.
 *
 * owns      what leak points to is valid until fn returns
 * threads   any, beside all other calls; fn may call anything but weir_pool_close on this pool
 * progress  O(capacity); takes the layer's lock, which no get or put takes
 * returns   how many there are (with sampling: among those followed); 0 for a pool that is not watched; fn NULL only counts; -ENOMEM
 */
WEIR_API int weir_leaks(struct weir_pool *pool, int64_t min_age_ns, weir_leak_fn fn, void *arg);
WEIR_API int weir_domain_leaks(struct weir_domain *domain, int64_t min_age_ns, weir_leak_fn fn, void *arg);

#ifdef __cplusplus
}
#endif

/* With the place where they stand. The functions of the same names know their caller's address alone. */
#if defined(__GNUC__) && !defined(__cplusplus)
#define WEIR_SITE (__extension__({ static const struct weir_site weir_site_here = { __FILE__, __LINE__, __func__ }; &weir_site_here; }))
#elif defined(__cplusplus)
#define WEIR_SITE ([](const char *function) { static const struct weir_site here = { __FILE__, __LINE__, function }; return &here; }(__func__))
#endif
#ifdef WEIR_SITE
#define weir_hold_take(op) weir_hold_take_at((op), WEIR_SITE)
#define weir_hold_move(op, hold) weir_hold_move_at((op), (hold), WEIR_SITE)
#define weir_ref_take(ref) weir_ref_take_at((ref), WEIR_SITE)
#endif

#endif
