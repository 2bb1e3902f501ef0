/* loops.h - the loops that are measured, once for each peer's file that includes this. Before, it defines
 *
 *   LOOP_BEGIN              what a thread looks up once (a cache at hand), or nothing
 *   LOOP_GET(j)             an object, or NULL
 *   LOOP_PUT(j, object)     give it back, on whichever thread
 *   LOOP_WORD(object, buffer)  the word to touch: of the object's first line, or of its buffer's
 *
 * and, where it has them
 *
 *   LOOP_GET_BULK(j, objects, n), LOOP_PUT_BULK(j, objects, n)     else one at a time
 *   LOOP_GET_FAR, LOOP_PUT_FAR      get and put where objects are handed from one thread to the other
 *   LOOP_GET_WAIT(j, ns)    an object, waiting for it; NULL: the time is over
 *   LOOP_REF(object), LOOP_UNREF(object)
 *   LOOP_BOUND              it can run empty
 *
 * A touch is a store that the compiler must make. LOOPS is the initializer of the peer's table.
 */
#ifndef WEIR_BENCH_LOOPS_H
#define WEIR_BENCH_LOOPS_H

#define LOOP_INLINE static inline __attribute__((__always_inline__))
#define LOOP_RARELY(condition) __builtin_expect(!!(condition), 0)

#ifndef LOOP_GET_FAR
#define LOOP_GET_FAR(j) LOOP_GET(j)
#define LOOP_PUT_FAR(j, object) LOOP_PUT(j, object)
#endif
#ifndef LOOP_GET_BULK
#define LOOP_GET_BULK(j, objects, n) ({ \
    unsigned got = 0; \
    while (got < (n) && __builtin_expect(((objects)[got] = LOOP_GET(j)) != NULL, 1)) \
        got++; \
    got == (n); \
})
#define LOOP_PUT_BULK(j, objects, n) \
    for (unsigned given = 0; given < (n); given++) \
        LOOP_PUT(j, (objects)[given])
#endif

LOOP_INLINE void loop__touch(void *object, bool buffer, uint64_t value)
{
    *LOOP_WORD(object, buffer) = value;
    __asm__ volatile("" : : "r"(object) : "memory");
}

#include "loops_flow.h"
#include "loops_bound.h"

/* -- what is chosen when a measurement begins is a constant in the loop --------------------------------------------------------- */

#define LOOP_BY_TOUCH(name) \
    static void loop__##name(struct job *j) \
    { \
        if (j->buffer) \
            loop__##name##_of(j, true); \
        else \
            loop__##name##_of(j, false); \
    }
LOOP_BY_TOUCH(pair)
LOOP_BY_TOUCH(burst)
LOOP_BY_TOUCH(giver)
LOOP_BY_TOUCH(taker)

static void loop__crowd(struct job *j) { loop__crowd_of(j, false); }
static void loop__tail(struct job *j) { loop__crowd_of(j, true); }

static void loop__bulk(struct job *j)
{
    switch (j->n[0]) {
    case 1: loop__bulk_of(j, 1); break;
    case 8: loop__bulk_of(j, 8); break;
    case 32: loop__bulk_of(j, 32); break;
    default: bench_fail("bulk of %u", j->n[0]);
    }
}

#ifdef LOOP_BOUND
#define LOOPS_NULL loop__null_path
#else
#define LOOPS_NULL NULL
#endif
#ifdef LOOP_GET_WAIT
#define LOOPS_WAIT loop__wait
#else
#define LOOPS_WAIT NULL
#endif
#ifdef LOOP_REF
#define LOOPS_REF .ref = loop__ref, .last = loop__last, .life = NULL
#else
#define LOOPS_REF .ref = NULL, .last = NULL, .life = NULL
#endif
#define LOOPS \
    .pair = loop__pair, .burst = loop__burst, .giver = loop__giver, .taker = loop__taker, .crowd = loop__crowd, .settle = loop__settle, \
    .tail = loop__tail, .bulk = loop__bulk, .keep = loop__keep, .warm = loop__warm, .drain = loop__drain, .refill = loop__refill, \
    .null_path = LOOPS_NULL, .wait = LOOPS_WAIT, LOOPS_REF

#endif
