/* src/magazine.h - a magazine: a batch of free ops that moves as one, and the word that says who may take them.
 *
 * The state word, changed by compare-and-swap or by whom the table calls its keeper:
 *
 *      63                37 36            13 12        3 2     0
 *     +--------------------+----------------+-----------+-------+
 *     | tag 27             | other 24       | n 10      | what  |
 *     +--------------------+----------------+-----------+-------+
 *
 *     what      n            other       the ops in slot[0, n) belong to
 *     FULL      how many     marks       the pool: whoever swaps FULL away may take them, wherever the magazine itself is
 *     EMPTY     0            -           nobody: there are none
 *     LOADED    -            cache       that cache; how many says its word w. A thief may swap to TAKEN after it diverted the owner
 *     TAKEN     how many     magazine    that other magazine, into which they were copied; this one's keeper makes it EMPTY or LOADED
 *     PENDING   how many     magazine    nobody yet: copied from that other magazine, which must say TAKEN by us before they count
 *
 * Marks: RAW, the ops' headers may have been discarded by a trim, and are filled in again before the ops are used; SPENT: so has all else, and no
 * op of it has been used since.
 *
 * The keeper of a magazine is who may put it elsewhere: the cache that lists it (loaded, prev, transit, spare), else the depot.
 * Every change adds one to the tag, so that a swap fails if anything has happened since the word was read; a stalled thief errs only
 * if the word went through an exact multiple of 2^27 changes meanwhile.
 *
 * relaxed state: by the keeper, of a word that it alone may change and has acquired before. relaxed slot: written before the word that hands
 * the magazine on (magazine.S1, for a loaded one cache.W1) and read after that one (magazine.S2, cache.W2).
 *
 * This is what lets nobody wait for anybody: at each point of a refill, a flush or a theft the ops are in a magazine that some cache
 * or the depot lists, in a state from which others can take them. A thread that is stopped holds back the one op in its hands.
 */
#ifndef WEIR_MAGAZINE_H
#define WEIR_MAGAZINE_H

#include "atomic.h"
#include <weir/inline/layout.h>

enum { MAGAZINE_FULL = 1, MAGAZINE_EMPTY = 2, MAGAZINE_LOADED = 3, MAGAZINE_TAKEN = 4, MAGAZINE_PENDING = 5 };
enum { MAGAZINE_RAW = 1, MAGAZINE_SPENT = 2 };
enum { MAGAZINE_NONE = 0xffffff, MAGAZINE_MAX = 512 };      /* no magazine; the most ops in one (one slot more is a put's) */

struct magazine {
    uint64_t state;
    uint32_t next;              /* in a depot stack: the one below */
    uint32_t index;             /* its own */
    struct weir_op *before;     /* slot[-1]: what the last get prefetches */
    struct weir_op *slot[];     /* M + 1 */
};

/* What never changes once it is filled in is still read atomically: a filler that was stopped may swap in vain at any time. */
static inline uint32_t magazine_index(const struct magazine *m) { return load_relaxed_32(&m->index); }

#define STATE_ONE_TAG (UINT64_C(1) << 37)

static inline unsigned state_what(uint64_t s) { return (unsigned)(s & 7); }
static inline uint32_t state_n(uint64_t s) { return (uint32_t)(s >> 3) & 0x3ff; }
static inline uint32_t state_other(uint64_t s) { return (uint32_t)(s >> 13) & 0xffffff; }

/* The word that follows s. */
static inline uint64_t state_after(uint64_t s, unsigned what, uint32_t n, uint32_t other)
{
    return ((s & ~(STATE_ONE_TAG - 1)) + STATE_ONE_TAG) | ((uint64_t)other << 13) | ((uint64_t)n << 3) | what;
}

#endif
