/* debug/layer.c - the table by which the core knows the debug layer, and the order in which its parts come and go with a pool.
 *
 * A track is a watch's head, or the one of guard.c that pools have for a tool's sake alone (AddressSanitizer, Valgrind): behind that one there is no
 * segment, and nothing is followed.
 */
#include "../src/pool_private.h"
#include "guard.h"
#include "trigger.h"
#include "watch_private.h"

static int layer__open(struct track **out, const struct track_shape *shape, const char *spec)
{
    int error = watch_begin(out, shape, spec);
    if (error || *out)
        return error;
    *out = guard_implied(shape);
    return 0;
}

static void layer__placed(struct track *t, struct weir_pool *pool)
{
    if (t != &guard_tools)
        watch_placed(t, pool);
    guard_placed(t, pool);
}

static void layer__left(struct track *t, struct weir_pool *pool)
{
    guard_left(t, pool);
}

static void layer__close(struct track *t)
{
    if (t != &guard_tools)
        watch_end(t);
}

static uint32_t layer__followed(const struct track *t)
{
    return t == &guard_tools ? 0 : life_followed(t);
}

static void layer__busy(struct track *t)
{
    if (t != &guard_tools)
        trigger_busy(watch_of(t));
}

/* Around a fork: nobody is in the midst of registering. */
static void layer__hold(void)
{
    struct watch *w;
    os_lock(&watch_lock);
    for (w = watch_first(); w; w = w->next)
        os_lock(&w->lock);
    token_hold();
}

static void layer__let_go(void)
{
    struct watch *w;
    token_let_go();
    for (w = watch_first(); w; w = w->next)
        os_unlock(&w->lock);
    os_unlock(&watch_lock);
}

static void layer__biography(struct track *t, uint32_t object, char *text, size_t size)
{
    if (t != &guard_tools)
        guard_biography(t, object, text, size);
    else if (size)
        *text = 0;
}

static const struct track_layer layer__table = {
    .open = layer__open, .placed = layer__placed, .left = layer__left, .close = layer__close, .followed = layer__followed, .busy = layer__busy,
    .hold = layer__hold, .let_go = layer__let_go, .forked = child_forked, .thread_exit = token_thread_exit,
    .unlink = watch_unlink,
    .begin = life_begin, .object = objects_begin, .address = objects_address, .end = life_end, .ref = life_ref, .unref = life_unref,
    .raise = life_raise, .publish = life_publish, .refs = life_refs, .note = life_note,
    .taken = guard_taken, .given = guard_given, .discarded = guard_discarded, .biography = layer__biography,
};

const struct track_layer *const track_layer = &layer__table;
