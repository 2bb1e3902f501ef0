/* weir/inline/layout.h - the parts of an op and of a cache that the inlined fast paths touch. Layout version 1.
 *
 * Not an interface: use the functions. It is in a header only because a get is a handful of instructions. A library whose layout
 * differs exports other names (`_2`), so that a program built with this file fails to link instead of going wrong.
 *
 *   struct weir_op                                       struct weir_cache
 *     0 +---------------------------+                      0 +---------------------------+  written by the owner alone
 *       | the OVERLAPPED, 32 bytes  |                        | ration   a get takes one  |  stored first, tested after
 *    32 +---------------------------+                        | base     a put adds one   |
 *       | refs = {marks, count}     |                        | pool, ...                 |
 *    40 | index       | generation  |                     64 +---------------------------+  written by who diverts the owner
 *    48 | pool                      |                        | g  get is diverted: ration < g
 *    56 | buffer, from the op on    |                        | l  put is diverted: its slot >= l
 *    64 +---------------------------+                    128 +---------------------------+
 *       | the port's, 64 bytes      |                        | the library's             |
 *   128 +---------------------------+
 *       | the user's area           |
 *
 *   pool, of a private pool: its address. Of a shared one, whose ops lie at another address in every process:
 *      63     52 51  48 47                             1  0
 *     +---------+------+--------------------------------+---+        the struct weir_pool of each process lies that far below
 *     | stamp   | 0    | from the struct weir_pool to op | 1 |       its mapping of the op; stamp: the writer that took it (src/segment/),
 *     +---------+------+--------------------------------+---+        0: nobody
 *   No thread's slot has such a number, so that every put of a shared op goes out of line.
 *
 * relaxed refs: a first look, or a store by the only holder. What it comes after is published by the word that the op goes on with.
 * relaxed generation: the only holder raises it; a look-up reads it again behind ref.A3. relaxed pool, index, buffer: never change while
 * somebody holds the op; a thread's slot is its own, and a pool that is being closed is taken out of it by thread.P1.
 */
#ifndef WEIR_INLINE_LAYOUT_H
#define WEIR_INLINE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

struct weir_pool;

struct weir_op {
    uint64_t overlapped[4];
    uint64_t refs;              /* 0: free; 1 to WEIR_REFS_MAX: held; from bit 32 on: marks */
    uint32_t index;
    uint32_t generation;        /* one more at the return of an op that was published or whose handle was asked for */
    uint64_t pool;
    int64_t buffer;             /* bytes from the op to it; 0: none */
    uint64_t port[8];
};

enum { WEIR_OP_HEADER = 128 };

#define WEIR_OP_SHARED UINT64_C(1)
#define WEIR_OP_DISTANCE UINT64_C(0x0000fffffffffffe)

/* One unsigned compare, `refs - 1 >= WEIR_REFS_MAX - 1`, catches 0, a count that is full, and every mark. */
#define WEIR_REFS_MAX (UINT64_C(1) << 30)
#define WEIR_REFS_COUNT UINT64_C(0xffffffff)
#define WEIR_REFS_PUBLISHED (UINT64_C(1) << 32)     /* look-ups may find it: every change is a read-modify-write */
#define WEIR_REFS_SUBMITTED (UINT64_C(1) << 33)     /* the kernel owns it */
#define WEIR_REFS_SATURATED (UINT64_C(1) << 34)     /* passed WEIR_REFS_MAX: never freed */
#define WEIR_REFS_NAMED (UINT64_C(1) << 35)         /* somebody has its handle: the generation goes up when it is given back */
#define WEIR_REFS_TRACKED (UINT64_C(1) << 36)       /* the debug layer has the count; here is a sentinel that counts along */
#define WEIR_REFS_GUARDED (UINT64_C(1) << 37)       /* the debug layer looks at it when it goes back */
#define WEIR_REFS_SENTINEL (UINT64_C(1) << 31)      /* a tracked count of 1 */

/* base + ration is the first empty slot of the loaded magazine, so that n = base + ration - slot[0]: a get and a put change one word
 * each, and no call waits for the store of the one before. ration <= n; slot[-1] is readable. An open g is 0, a shut one is above
 * every ration; l is the slot whose filling makes the magazine full, or NULL. */
struct weir_cache {
    int64_t ration;
    struct weir_op **base;
    struct weir_pool *pool;
    uint64_t owner_reserved[5];
    int64_t g;
    struct weir_op **l;
    uint64_t shut_reserved[6];
};

/* A thread's caches: the first slot is for the pool that it uses most, and the only one that is inlined. Its address depends on nothing,
 * so that a put need not wait for the op's header to know its cache: with a slot by the pool's address a pair took 3.7 times as long. */
enum { WEIR_THREAD_SLOTS = 10, WEIR_THREAD_SHARED = 9 };        /* the last one: for the shared pool that it uses most */
struct weir_thread_slot {
    struct weir_pool *pool;
    struct weir_cache *cache;
};
/* The others: by a few bits of the pool's address. */
#define WEIR_THREAD_SLOT(pool) (1 + (((uintptr_t)(pool) >> 6) & 7))

#endif
