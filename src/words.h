/* src/words.h - ration and base, the two words that a cache's owner changes, and how others read them as one.
 *
 *     slot[0]              base              base + ration               slot[M]
 *       |---- n - ration ----|------ ration ------|                          |         n = base + ration - slot
 *
 * A get takes one from ration, a put adds one to base: each call changes one word, so whoever reads between two calls, or stopped
 * in one, finds an n that was true. Two words and not {ration, n} in one, because then each call would have to wait for the store
 * of the one before, and an index would be an addition more (src/decisions/0009).
 *
 * A slow path that changes both says them in `both` first, then makes ration BOTH, then changes base, then ration: at every instant one
 * reading is right, also if the owner is stopped in the midst of it. A reader looks at ration again at the end, and begins anew if it has
 * changed. The value may have come back meanwhile (another ration like it): then base was read in one of the two times, and each
 * is a true reading of its time. What n was true *last* is not this file's business: a thief's swap of the magazine's word fails if the owner
 * has been in a slow path since.
 *
 * m is the cache's loaded magazine as the reader knows it. If the owner has moved on to another one, n comes out beyond its slots, because
 * the magazines' slots do not lie that close together, or is of no use, because the swap fails.
 *
 * Threads: words_n, words_set: the owner. words_read: any; it retries only if the owner gets on, and gives up after a few times.
 */
#ifndef WEIR_WORDS_H
#define WEIR_WORDS_H

#include "pool_private.h"

#define RATION_BOTH INT64_MIN       /* far below any claim's */

struct words {
    int64_t ration;                 /* gets left; negative: more were taken than given out */
    int64_t n;                      /* ops in the loaded magazine; negative: a claim that was void */
    bool sure;                      /* false: the owner changed them each time we looked */
};

static inline uint64_t words_pack(int64_t n, int64_t ration) { return (uint64_t)ration << 32 | (uint32_t)n; }

static inline void words_store_ration(struct cache *c, int64_t ration)
{
    store_release_64((uint64_t *)&c->pub.ration, (uint64_t)ration);     /* cache.W1 -> cache.W2 */
}

static inline void words_store_base(struct cache *c, struct weir_op **base)
{
    store_release_ptr(&c->pub.base, base);                      /* cache.W3 -> cache.W4 */
}

static inline int64_t words_n(const struct cache *c)
{
    return c->pub.base + c->pub.ration - c->slot;
}

/* n ops, of which `ration` may be got before the owner looks around; 0 <= ration <= n. What the rations pay for is counted. */
static inline void words_set(struct cache *c, int64_t n, int64_t ration)
{
    struct weir_op **base = c->slot + (n - ration);
    if (ration != c->pub.ration) {
        count_add(&c->granted, (uint64_t)(ration - c->pub.ration));
        if (base != c->pub.base) {
            store_release_64(&c->both, words_pack(n, ration));  /* cache.W5 -> cache.W6: behind the ration before */
            words_store_ration(c, RATION_BOTH);                 /* cache.W1: both */
            WEIR_POINT("words.both");
            words_store_base(c, base);                          /* cache.W3: behind BOTH */
            WEIR_POINT("words.base");
        }
        words_store_ration(c, ration);                          /* cache.W1: base */
    } else {
        words_store_base(c, base);                              /* cache.W3 */
    }
}

static inline struct words words_read(const struct cache *c, const struct magazine *m)
{
    struct words words = { 0, 0, false };
    int64_t ration = (int64_t)load_acquire_64((const uint64_t *)&c->pub.ration), before;    /* cache.W2 <- cache.W1 */
    int tries = 0;
    do {
        before = ration;
        if (ration == RATION_BOTH) {
            uint64_t both = load_acquire_64(&c->both);          /* cache.W6 */
            words.ration = (int64_t)both >> 32;
            words.n = (int32_t)(uint32_t)both;
        } else {
            words.ration = ration;
            words.n = (struct weir_op *const *)load_acquire_ptr(&c->pub.base) + ration - m->slot;   /* cache.W4 */
        }
        ration = (int64_t)load_acquire_64((const uint64_t *)&c->pub.ration);    /* cache.W2 */
    } while (ration != before && ++tries < 16);
    words.sure = ration == before;
    return words;
}

#endif
