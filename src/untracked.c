/* untracked.c - in the place of the debug layer, in a library that was built with -DWEIR_DEBUG_LAYER=OFF.
 *
 * Purpose    the same names as with the layer, so that a program links with either library and knows no difference but that nothing is recorded:
 *            the core finds no table of functions and watches nothing, and holds are plain references.
 * Threads    any, concurrently; nothing here has a state.
 * Progress   wait-free, or that of the plain call.
 *
 * What can go wrong: a hold isn't looked at, so one that is dropped twice is found by the count alone, as any over-release is. A domain's string
 * and weir_pool_config.debug ask for what isn't there: the core answers -ENOTSUP.
 */
#include "track.h"
#include <weir/track.h>

const struct track_layer *const track_layer = NULL;

enum { UNTRACKED_HOLD = 1 };                    /* every hold: never 0, and it says nothing */

/* -- holders ---------------------------------------------------------------------------------------------------------------- */
int weir_holder_name(const char *name)
{
    (void)name;
    return 0;
}

void weir_holder_beat(void)
{
}

/* -- holds ------------------------------------------------------------------------------------------------------------------ */
weir_hold weir_hold_take_at(struct weir_op *op, const struct weir_site *site)
{
    (void)site;
    weir_op_ref(op);
    return UNTRACKED_HOLD;
}

weir_hold (weir_hold_take)(struct weir_op *op)
{
    return weir_hold_take_at(op, NULL);
}

bool weir_hold_drop(struct weir_op *op, weir_hold hold)
{
    (void)hold;
    return weir_op_unref(op);
}

weir_hold weir_hold_move_at(struct weir_op *op, weir_hold hold, const struct weir_site *site)
{
    (void)op;
    (void)site;
    return hold;
}

weir_hold (weir_hold_move)(struct weir_op *op, weir_hold hold)
{
    return weir_hold_move_at(op, hold, NULL);
}

weir_hold weir_ref_take_at(struct weir_ref *ref, const struct weir_site *site)
{
    (void)site;
    weir_ref_get(ref);
    return UNTRACKED_HOLD;
}

weir_hold (weir_ref_take)(struct weir_ref *ref)
{
    return weir_ref_take_at(ref, NULL);
}

bool weir_ref_drop(struct weir_ref *ref, weir_hold hold)
{
    (void)hold;
    return weir_ref_put(ref);
}

/* -- reports ---------------------------------------------------------------------------------------------------------------- */
int weir_leaks(struct weir_pool *pool, int64_t min_age_ns, weir_leak_fn fn, void *arg)
{
    (void)pool;
    (void)min_age_ns;
    (void)fn;
    (void)arg;
    return 0;
}

int weir_domain_leaks(struct weir_domain *domain, int64_t min_age_ns, weir_leak_fn fn, void *arg)
{
    (void)domain;
    (void)min_age_ns;
    (void)fn;
    (void)arg;
    return 0;
}
