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

enum ref_raise { REF_RAISED, REF_GONE, REF_FULL };

static _Noreturn void ref__op_panic(const struct weir_op *op, const char *what)
{
    weir_panic("op %u of pool \"%s\": %s", (unsigned)op->index, weir_pool_name(weir_op_pool(op)), what);
}

static _Noreturn void ref__panic(const struct weir_ref *ref, const char *what)
{
    weir_panic("reference count %p of object %p: %s", (const void *)ref, (void *)(uintptr_t)ref->word[1], what);
}

/* Take back a change of the word, unless somebody has changed it since: that somebody found it wrong already. */
static void ref__undo(uint64_t *word, uint64_t now, uint64_t before)
{
    (void)cas_64(word, &now, before);                           /* ref.R1: takes back what it did */
}

/* Sets the mark on a word whose count is full. true: this call was the first. */
static bool ref__saturate(uint64_t *word)
{
    return !(or_64(word, WEIR_REFS_SATURATED) & WEIR_REFS_SATURATED);   /* ref.R1: the mark */
}

/* One more, by who may hold nothing: only if `marks` are set and the count is not 0. */
static enum ref_raise ref__raise(uint64_t *word, uint64_t marks)
{
    uint64_t old = load_acquire_64(word);                       /* ref.A3 <- ref.R3, for a full count, which is not raised */
    do {
        if ((old & marks) != marks || !(old & WEIR_REFS_COUNT))
            return REF_GONE;
        if ((old & WEIR_REFS_COUNT) >= WEIR_REFS_MAX)
            return REF_FULL;
        WEIR_POINT("look-up.seen");
    } while (!cas_64(word, &old, old + 1));                     /* ref.A3 <- ref.R3: what was so when it was published */
    WEIR_POINT("look-up.raised");
    return REF_RAISED;
}

/* -- ops: the odd cases ------------------------------------------------------------------------------------------------------ */

/* The count was raised from `old`, which is 0, full, or has marks. */
void weir_op_ref_odd_1(struct weir_op *op, uint64_t old)
{
    if (old & WEIR_REFS_SATURATED) {
        (void)sub_64(&op->refs, 1);                             /* ref.R1: takes back what it did */
        return;
    }
    uint64_t count = old & WEIR_REFS_COUNT;
    if (count == 0) {
        ref__undo(&op->refs, old + 1, old);
        ref__op_panic(op, "ref of a free op; only who holds a reference may take another, who looks up uses weir_op_ref_handle");
    }
    if (count < WEIR_REFS_MAX)
        return;                                                 /* published or submitted: counts like any other */
    bool first = ref__saturate(&op->refs);
    (void)sub_64(&op->refs, 1);                                 /* ref.R1: takes back what it did */
    if (first)
        ref__op_panic(op, "more than 2^30 references; the count is saturated, the op is never given back. "
                          "Each ref needs its unref");
}

/* The count was lowered from `old`, which is 0 or 1, full, or has marks. */
bool weir_op_unref_odd_1(struct weir_op *op, uint64_t old)
{
    uint64_t count = old & WEIR_REFS_COUNT;
    if (old & WEIR_REFS_SATURATED) {
        (void)add_64(&op->refs, 1);                             /* ref.R1: takes back what it did */
        return false;
    }
    if (count > 1)
        return false;                                           /* marks, or a ref that has not found the count full yet */
    if (count == 0) {
        ref__undo(&op->refs, old - 1, old);
        ref__op_panic(op, "unref of a free op: it was given back already. Each unref needs its own get or ref");
    }
    if (old & WEIR_REFS_SUBMITTED) {
        (void)add_64(&op->refs, 1);                             /* ref.R1: takes back what it did */
        ref__op_panic(op, "last unref while it is submitted: the kernel may still write to its buffer; "
                          "weir_op_returned comes first");
    }
    WEIR_POINT("unref.last");
    if (old & (WEIR_REFS_NAMED | WEIR_REFS_PUBLISHED))
        op_unname(op);                          /* the caller's alone: nobody raises a count of 0, nor a word without PUBLISHED */
    else
        store_relaxed_64(&op->refs, 1);
    weir_op_put(op);
    return true;
}

uint32_t weir_op_refs(const struct weir_op *op)
{
    return (uint32_t)(load_relaxed_64(&op->refs) & WEIR_REFS_COUNT);        /* a number to print: stale anyway */
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
            ref__op_panic(op, "publish of a free op; only its owner may publish it");
        if (refs & WEIR_REFS_PUBLISHED)
            return;
        if (refs == 1) {
            store_release_64(&op->refs, 1 | WEIR_REFS_PUBLISHED);           /* ref.R3 -> ref.A3: generation and contents */
            return;
        }
    } while (!cas_64(&op->refs, &refs, refs | WEIR_REFS_PUBLISHED));        /* ref.R3 -> ref.A3 */
}

bool weir_op_ref_unless_zero(struct weir_op *op)
{
    enum ref_raise raise = ref__raise(&op->refs, WEIR_REFS_PUBLISHED);
    if (raise == REF_FULL && ref__saturate(&op->refs))
        ref__op_panic(op, "more than 2^30 references by look-up; the count is saturated, the op is never given back");
    return raise != REF_GONE;
}

struct weir_op *weir_op_ref_handle(struct weir_pool *pool, uint64_t handle)
{
    uint32_t generation = (uint32_t)(handle >> 32), number = (uint32_t)handle;
    struct weir_op *op = pool && number ? weir_op_at(pool, number - 1) : NULL;
    if (!op || load_relaxed_32(&op->generation) != generation)  /* a first look, which saves most raises in vain */
        return NULL;
    if (!weir_op_ref_unless_zero(op))
        return NULL;
    if (load_relaxed_32(&op->generation) == generation)         /* ordered by ref.A3 */
        return op;
    (void)weir_op_unref(op);
    return NULL;
}

/* -- a count in any object --------------------------------------------------------------------------------------------------- */

void weir_ref_init(struct weir_ref *ref, struct weir_domain *domain, const void *object)
{
    if (domain)
        weir_panic("weir_ref_init: domain is %p; this version has no domains, NULL is right", (void *)domain);
    ref->word[1] = (uint64_t)(uintptr_t)object;
    store_relaxed_64(&ref->word[0], 1);         /* nobody else sees it yet */
}

/* As weir_op_ref_odd_1. */
void weir_ref_get_odd_1(struct weir_ref *ref, uint64_t old)
{
    if (old & WEIR_REFS_SATURATED) {
        (void)sub_64(&ref->word[0], 1);                         /* ref.R2: takes back what it did */
        return;
    }
    if (!(old & WEIR_REFS_COUNT)) {
        ref__undo(&ref->word[0], old + 1, old);
        ref__panic(ref, "get after the last put; who may come too late uses weir_ref_get_unless_zero");
    }
    bool first = ref__saturate(&ref->word[0]);
    (void)sub_64(&ref->word[0], 1);                             /* ref.R2: takes back what it did */
    if (first)
        ref__panic(ref, "more than 2^30 references; the count is saturated, the object is never destroyed");
}

/* As weir_op_unref_odd_1, but the last one is no longer odd. */
bool weir_ref_put_odd_1(struct weir_ref *ref, uint64_t old)
{
    if (old & WEIR_REFS_SATURATED) {
        (void)add_64(&ref->word[0], 1);                         /* ref.R2: takes back what it did */
        return false;
    }
    if (old & WEIR_REFS_COUNT)
        return false;                                           /* a get that has not found the count full yet */
    ref__undo(&ref->word[0], old - 1, old);
    ref__panic(ref, "put after the last put; each put needs its own init or get");
}

bool weir_ref_get_unless_zero(struct weir_ref *ref)
{
    enum ref_raise raise = ref__raise(&ref->word[0], 0);
    if (raise == REF_FULL && ref__saturate(&ref->word[0]))
        ref__panic(ref, "more than 2^30 references; the count is saturated, the object is never destroyed");
    return raise != REF_GONE;
}

uint32_t weir_ref_count(const struct weir_ref *ref)
{
    return (uint32_t)(load_relaxed_64(&ref->word[0]) & WEIR_REFS_COUNT);    /* a number to print: stale anyway */
}
