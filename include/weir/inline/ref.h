/* weir/inline/ref.h - ref and unref, inlined: one read-modify-write and one compare.
 *
 * `old - 1 >= WEIR_REFS_MAX - 1` on the value that the addition returned anyway catches a free op, a full count and every mark;
 * what is odd goes out of line. See src/ref.c for the argument.
 */
#ifndef WEIR_INLINE_REF_H
#define WEIR_INLINE_REF_H

#include "atomic.h"
#include "layout.h"

#ifdef __cplusplus
extern "C" {
#endif

WEIR_API void weir_op_ref_odd_1(struct weir_op *op, uint64_t old);
WEIR_API bool weir_op_unref_odd_1(struct weir_op *op, uint64_t old);
WEIR_API void weir_ref_get_odd_1(struct weir_ref *ref, uint64_t old);
WEIR_API bool weir_ref_put_odd_1(struct weir_ref *ref, uint64_t old);

WEIR_INLINE void weir_op_ref(struct weir_op *op)
{
    uint64_t old = WEIR_ADD_RELAXED(&op->refs, 1);      /* who refs holds one: nothing to order */
    if (WEIR_UNLIKELY(old - 1 >= WEIR_REFS_MAX - 1))
        weir_op_ref_odd_1(op, old);
}

WEIR_INLINE bool weir_op_unref(struct weir_op *op)
{
    uint64_t refs;
    if (WEIR_UNLIKELY(!op))
        return false;
    refs = WEIR_LOAD_ACQUIRE(&op->refs);                /* ref.A1 <- ref.R1: what other holders did before they let go */
    if (refs <= 1) {                                    /* nobody else, and nobody can find it. 0: put says what is wrong */
        weir_op_put(op);
        return true;
    }
    WEIR_POINT("unref.shared");
    refs = WEIR_SUB_ACQ_REL(&op->refs, 1);              /* ref.R1 -> ref.A1, ref.R1: what this holder did */
    if (WEIR_UNLIKELY(refs - 2 >= WEIR_REFS_MAX - 1))
        return weir_op_unref_odd_1(op, refs);
    return false;
}

WEIR_INLINE void weir_ref_get(struct weir_ref *ref)
{
    uint64_t old = WEIR_ADD_RELAXED(&ref->word[0], 1);  /* as weir_op_ref */
    if (WEIR_UNLIKELY(old - 1 >= WEIR_REFS_MAX - 1))
        weir_ref_get_odd_1(ref, old);
}

WEIR_INLINE bool weir_ref_put(struct weir_ref *ref)
{
    uint64_t old = WEIR_SUB_ACQ_REL(&ref->word[0], 1);  /* ref.R2 -> ref.R2: what all holders did, for who destroys */
    if (WEIR_UNLIKELY(old - 2 >= WEIR_REFS_MAX - 1))
        return old == 1 || weir_ref_put_odd_1(ref, old);
    return false;
}

#ifdef __cplusplus
}
#endif
#endif
