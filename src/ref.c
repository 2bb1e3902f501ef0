/* ref.c - references: the odd cases of counting, publishing, and look-up by handle.
 *
 *      63  36 35    34        33        32        31                     0
 *     +------+-----+---------+---------+---------+-----------------------+
 *     | 0    |NAMED|SATURATED|SUBMITTED|PUBLISHED| count, 0 to 2^30      |      an op's refs; a weir_ref's word[0] (no marks but
 *     +------+-----+---------+---------+---------+-----------------------+      SATURATED)
 *
 * Purpose    count who holds an op (or any object with a weir_ref in it) and give it back once, after the last.
 * Invariant  a free op has refs 0, marks and all. The count of a held op is the number of its holders, until it saturates.
 *
 * The last reference. unref looks first: 1 without marks means that the caller alone holds the op, and that nobody can get at it
 * without the caller, so nothing can change behind the look: it goes back by weir_op_put, a load and stores. Everybody else
 * subtracts, and whoever took the count from 1 to 0 owns the op: two holders that both saw 2 come here. The owner sets refs to 1
 * without marks and goes by weir_op_put as well.
 *
 * Look-ups. A published op can be found by who holds nothing. The look-up raises the count by compare-and-swap, and only from
 * a value that has PUBLISHED and a count of at least 1: from 0 nothing leads back. The value may be that of a *later* life, so
 * the generation is checked again after the raise. That check is conclusive: (a) the return of a published op, or of one whose handle was
 * asked for (NAMED), raises the generation before it stores refs 1 and 0, and the next life's publish is a release store that comes after the op was
 * handed through the pool. An op that was neither has no handle that a look-up could have. So who raised
 * from a value of that life (acquire) sees its generation or a later one. (b) After the raise the op is held: the generation
 * stands still, and equal then means equal until unref. If they differ, the reference that was taken is a true one of the later life and
 * goes back by unref in full; it may well be that life's last. A handle lives for 2^32 such returns of its op.
 * What the look-up must have: the handle came to it as any pointer would, ordered after weir_op_publish.
 *
 * A plain store over the count (here, and where an op is submitted and returned) is for a sole holder. It ends the chain of
 * read-modify-writes through which the unrefs before it reach the last one, so whoever stores has looked by an acquire.
 *
 * Saturation. Who adds to a count of 2^30 marks the op SATURATED and takes the addition back; from then on every ref and
 * unref takes back what it did. At most one addition a thread is under way, so the count stays far from the marks (the field
 * has 2^31 + 2^30 to spare), and far from 0. The first to set the mark panics; the others hold an op that is never freed.
 *
 * What can go wrong beyond that: a bug of the caller (ref or unref of a free op) is undone only where nobody has changed the word
 * since, and says so by a panic.
 *
 *              ref    unref  publish  look-up
 *     ref      any    any    any      any         weir_op_put takes part as an unref of the sole holder of an op that is not
 *     unref    any    any    any      any         published. publish is for a holder, ref and unref for a holder each.
 *     publish  any    any    same     any
 *     look-up  any    any    any      any
 *
 * Progress   ref, unref wait-free; publish and look-up lock-free: each retry means that another call got on.
 */
#include "pool_private.h"
#include <weir/ref.h>

#include "atomic.h"
#include "panic.h"
#include "ref_private.h"

/* -- ops: the odd cases ------------------------------------------------------------------------------------------------------ */

#define REF_LOOP "look for a ref in a loop, each needs its unref"

static struct track *ref__track(const struct weir_op *op)
{
    return weir_op_pool(op)->track;
}

/* The count was raised from `old`, which is 0, full, tracked or saturated. */
static __attribute__((noinline)) void ref__ref_odd(struct weir_op *op, uint64_t old, const void *site)
{
    bool first;
    if (old & WEIR_REFS_TRACKED) {
        if (track_layer->ref(ref__track(op), weir_op_index(op), site))
            return;
        (void)sub_64(&op->refs, 1);                             /* ref.R1: takes back what it did */
        op_panic_at(op, site, REF_LOOP, "has 2^30 references, and no more can be counted");
    }
    if (old & WEIR_REFS_SATURATED) {
        (void)sub_64(&op->refs, 1);                             /* ref.R1: takes back what it did */
        return;
    }
    if (!(old & WEIR_REFS_COUNT)) {
        ref_undo(&op->refs, old + 1, old);
        op_panic_at(op, site, "take the reference before the op is handed on; who finds it in a table publishes it and uses weir_op_ref_handle",
                 "is free, and a reference was taken: ref of a free op; only who holds one may take another");
    }
    first = ref_saturate(&op->refs);
    (void)sub_64(&op->refs, 1);                                 /* ref.R1: takes back what it did */
    if (first)
        op_panic_at(op, site, REF_LOOP, "has more than 2^30 references; the count is saturated, the op is never given back");
}

/* The count was raised from `old`, which is 0, full, or has marks. */
void weir_op_ref_odd_1(struct weir_op *op, uint64_t old)
{
    if (WEIR_UNLIKELY((old & (WEIR_REFS_TRACKED | WEIR_REFS_SATURATED)) || (old & WEIR_REFS_COUNT) - 1 >= WEIR_REFS_MAX - 1))
        ref__ref_odd(op, old, __builtin_return_address(0));     /* else published, named, submitted or guarded: counts like any other */
}

static _Noreturn void ref__still_submitted(const struct weir_op *op, const void *site)
{
    op_panic_at(op, site, "hold a reference for the I/O, and give it back where its completion is dequeued, after weir_op_returned",
             "has its last unref while it is submitted: the kernel may still write to its buffer; weir_op_returned comes first");
}

static _Noreturn void ref__free(const struct weir_op *op, const void *site)
{
    op_panic_at(op, site, "each unref needs its own get or ref: see which of its last events gave back what it had not taken",
             "is free, and a reference was given back: unref of a free op: it was given back already");
}

/* The count in the header is the sentinel's: the true one is the tracker's. Nobody else is in the midst of anything when that is 0. */
static bool ref__unref_tracked(struct weir_op *op, uint64_t old, const void *site)
{
    struct track *t = ref__track(op);
    uint32_t index = weir_op_index(op);
    WEIR_POINT("unref.tracked");
    if ((old & WEIR_REFS_SUBMITTED) && ref_last_is_submitted(t, index, &op->refs)) {
        (void)add_64(&op->refs, 1);                             /* ref.R1: takes back what it did */
        ref__still_submitted(op, site);
    }
    switch (track_layer->unref(t, index, site)) {
    case TRACK_LEFT:
        return false;
    case TRACK_LAST_ONE:
        break;
    default:
        ref__free(op, site);
    }
    (void)op_end_watched(op, load_acquire_64(&op->refs), site); /* ref.A1 <- ref.R1: marks that others have set */
    weir_op_put(op);
    return true;
}

/* The count was lowered from `old`, which is 0 or 1, full, tracked or saturated. */
static __attribute__((noinline)) bool ref__unref_odd(struct weir_op *op, uint64_t old, const void *site)
{
    if (old & WEIR_REFS_TRACKED)
        return ref__unref_tracked(op, old, site);
    if (old & WEIR_REFS_SATURATED) {
        (void)add_64(&op->refs, 1);                             /* ref.R1: takes back what it did */
        return false;
    }
    if (!(old & WEIR_REFS_COUNT)) {
        ref_undo(&op->refs, old - 1, old);
        ref__free(op, site);
    }
    if (old & WEIR_REFS_SUBMITTED) {
        (void)add_64(&op->refs, 1);                             /* ref.R1: takes back what it did */
        ref__still_submitted(op, site);
    }
    WEIR_POINT("unref.last");
    if (old & WEIR_REFS_GUARDED) {
        store_relaxed_64(&op->refs, old & ~WEIR_REFS_PUBLISHED);    /* as a put finds it, should the guard panic; no look-up finds it */
        (void)op_end_watched(op, old, site);
    } else if (old & (WEIR_REFS_NAMED | WEIR_REFS_PUBLISHED)) {
        op_unname(op);                          /* the caller's alone: nobody raises a count of 0, nor a word without PUBLISHED */
    } else {
        store_relaxed_64(&op->refs, 1);
    }
    weir_op_put(op);
    return true;
}

/* The count was lowered from `old`, which is 0 or 1, full, or has marks. */
bool weir_op_unref_odd_1(struct weir_op *op, uint64_t old)
{
    if (WEIR_LIKELY(!(old & (WEIR_REFS_TRACKED | WEIR_REFS_SATURATED)) && (old & WEIR_REFS_COUNT) > 1))
        return false;                                           /* marks, or a ref that has not found the count full yet */
    return ref__unref_odd(op, old, __builtin_return_address(0));
}

uint32_t weir_op_refs(const struct weir_op *op)
{
    uint64_t refs = load_relaxed_64(&op->refs);                 /* a number to print: stale anyway */
    return refs & WEIR_REFS_TRACKED ? track_layer->refs(ref__track(op), weir_op_index(op)) : (uint32_t)(refs & WEIR_REFS_COUNT);
}

void weir_op_auto_unref(struct weir_op **op)
{
    (void)weir_op_unref(*op);
}

/* -- published ops ----------------------------------------------------------------------------------------------------------- */

void weir_op_publish(struct weir_op *op)
{
    uint64_t refs = load_acquire_64(&op->refs);     /* ref.A1 <- ref.R1: the store below ends what unrefs released by */
    do {
        if (!(refs & WEIR_REFS_COUNT))
            op_panic_at(op, __builtin_return_address(0), "publish it before it is handed on or put", "is free: publish of a free op; only its owner may publish it");
        if (refs & WEIR_REFS_PUBLISHED)
            return;
        if (refs & WEIR_REFS_TRACKED)
            track_layer->publish(ref__track(op), weir_op_index(op));        /* before a look-up can see the mark in the header */
        if (refs == 1) {
            store_release_64(&op->refs, 1 | WEIR_REFS_PUBLISHED);           /* ref.R3 -> ref.A3: generation and contents */
            return;
        }
    } while (!cas_64(&op->refs, &refs, refs | WEIR_REFS_PUBLISHED));        /* ref.R3 -> ref.A3 */
}

/* A look-up that did not simply raise the count in the header. */
static __attribute__((noinline)) bool ref__look_up_odd(struct weir_op *op, enum ref_raise raise, const void *site)
{
    const uint64_t marks = WEIR_REFS_TRACKED | WEIR_REFS_PUBLISHED;
    if (raise == REF_TRACKED)
        raise = ref_raise_tracked(ref__track(op), weir_op_index(op), &op->refs, marks, marks, site);
    if (raise == REF_FULL && ref_saturate(&op->refs))
        op_panic_at(op, site, REF_LOOP, "has more than 2^30 references by look-up; the count is saturated, the op is never given back");
    return raise != REF_GONE;
}

bool weir_op_ref_unless_zero(struct weir_op *op)
{
    enum ref_raise raise = ref_raise(&op->refs, WEIR_REFS_PUBLISHED);
    return WEIR_LIKELY(raise == REF_RAISED) || ref__look_up_odd(op, raise, __builtin_return_address(0));
}

struct weir_op *weir_op_ref_handle(struct weir_pool *pool, uint64_t handle)
{
    uint32_t generation = (uint32_t)(handle >> 32), number = (uint32_t)handle;
    struct weir_op *op = pool && number ? weir_op_at(pool, number - 1) : NULL;
    enum ref_raise raise;
    if (!op || load_relaxed_32(&op->generation) != generation)  /* a first look, which saves most raises in vain */
        return NULL;
    raise = ref_raise(&op->refs, WEIR_REFS_PUBLISHED);
    if (WEIR_UNLIKELY(raise != REF_RAISED) && !ref__look_up_odd(op, raise, __builtin_return_address(0)))
        return NULL;
    if (load_relaxed_32(&op->generation) == generation)         /* ordered by ref.A3 */
        return op;
    (void)weir_op_unref(op);
    return NULL;
}
