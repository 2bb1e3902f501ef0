/* debug/hold.c - holds: references whose taker and place are written down, and that are given back as what they are.
 *
 *      63        44 43            16 15       1  0
 *     +------------+----------------+-----------+---+
 *     | token 20   | object 28      | birth 15  | 1 |      a hold of a followed object; 1 alone: of one that is not followed
 *     +------------+----------------+-----------+---+
 *
 * Purpose    say for each reference who has it, also after it was handed on: whoever drops a hold takes back what its taker added, token and all.
 * Invariant  a hold's token is in the line's words once, from take until drop or move. So balances by holds are never negative in a correct program.
 *
 * What can go wrong: a hold of another object or an earlier life, or one that was dropped before, is the caller's bug. The first is seen by the object
 * and birth that the hold carries, the second by its token's balance, where no other hold of the same holder and place hides it.
 *
 *     may run at once     all, on different holds. progress: as ref and unref of a followed object
 */
#include <stdio.h>
#include <string.h>
#include "../src/panic.h"
#include "../src/pool_private.h"
#include "../src/ref_private.h"
#include "sketch.h"
#include "watch_private.h"

enum { HOLD_PLAIN = 1 };

struct hold_of {                /* a followed object */
    struct watch *watch;
    uint32_t object;
};

static bool hold__op(const struct weir_op *op, struct hold_of *out)
{
    if (!(load_relaxed_64(&op->refs) & WEIR_REFS_TRACKED))      /* by a holder */
        return false;
    out->watch = watch_of(weir_op_pool(op)->track);
    out->object = weir_op_index(op);
    return true;
}

static bool hold__ref(const struct weir_ref *ref, struct hold_of *out)
{
    struct track *track;
    if (!ref_tracked(ref, &track, &out->object))
        return false;
    out->watch = watch_of(track);
    return true;
}

static uint64_t hold__birth(const struct hold_of *of)
{
    return birth_time(load_relaxed_64(watch_birth(of->watch, of->object))) & 0x7fff;    /* stands still while it is held */
}

static weir_hold hold__make(const struct hold_of *of, uint32_t token)
{
    return (uint64_t)token << 44 | (uint64_t)of->object << 16 | hold__birth(of) << 1 | 1;
}

static uint32_t hold__token(weir_hold hold) { return (uint32_t)(hold >> 44); }

static struct life_by hold__by(struct watch *w, const struct weir_site *site, const void *address)
{
    struct life_by by = { .thread = watched_thread(w) };
    by.token = by.place = site ? token_of_site(by.thread, site) : token_of_address(by.thread, address);
    return by;
}

/* What the hold's taker added, to be taken back by this thread. */
static void hold__foreign(struct watch *w, weir_hold hold, struct thread_token *out)
{
    uint32_t index = hold__token(hold);
    const struct debug_token *token = &w->tokens[index];
    uint32_t holder = load_relaxed_32(&token->holder), salt = load_relaxed_32(&token->salt);    /* held by the hold's balance */
    const struct debug_holder *entry = &w->holders[holder < w->head->holders ? holder : 0];
    memset(out, 0, sizeof *out);
    out->index = index;
    out->holder = holder;
    out->site = load_relaxed_32(&token->site);
    out->who = (uint64_t)entry->process.pid << 32 | (uint32_t)entry->tid;
    if (index)
        sketch_powers(token_value(w->head->seed, index, salt), DEBUG_POWERS, out->power);
}

static _Noreturn void hold__panic(const struct hold_of *of, weir_hold hold, const void *address, const char *what)
{
    const struct debug_header *h = of->watch->head;
    char text[512];
    (void)snprintf(text, sizeof text, "%s %u of %s \"%s\": hold 0x%llx %s", h->kind == TRACK_POOL ? "op" : "object", of->object,
                   h->kind == TRACK_POOL ? "pool" : "domain", h->name, (unsigned long long)hold, what);
    misuse_panic(&of->watch->track, of->object, address, "follow the hold from the weir_hold_take that gave it: each goes back once, to what it was taken of, "
                 "and a move makes the old one void", text);
}

static void hold__check(const struct hold_of *of, weir_hold hold, const void *address)
{
    const struct debug_header *h = of->watch->head;
    if (hold == HOLD_PLAIN || !(hold & 1) || hold__token(hold) >= h->tokens)
        hold__panic(of, hold, address, "is no hold of this pool: only what weir_hold_take gave for this very op may be dropped or moved");
    if ((uint32_t)(hold >> 16 & 0xfffffff) != of->object || (hold >> 1 & 0x7fff) != hold__birth(of))
        hold__panic(of, hold, address, "is of another object, or of an earlier life of this one: each hold goes back to what it was taken of");
    if (hold__token(hold) && token_balance(&of->watch->tokens[hold__token(hold)]) <= 0)
        hold__panic(of, hold, address, "was dropped or moved before: its taker has no references left");
}

/* The references themselves are in the line: in the header counts along what plain calls would add there. */
static weir_hold hold__take(const struct hold_of *of, uint64_t *header, const struct weir_site *site, const void *address)
{
    struct life_by by = hold__by(of->watch, site, address);
    (void)add_64(header, 1);                                    /* ref.R1, ref.R2: counts along */
    if (!life_ref_by(of->watch, of->object, &by)) {
        (void)sub_64(header, 1);                                /* ref.R1, ref.R2: takes back what it did */
        hold__panic(of, 0, address, "can't be taken: there are 2^30 references");
    }
    return hold__make(of, by.token->index);
}

static enum track_left hold__drop(const struct hold_of *of, uint64_t *header, weir_hold hold, const void *address)
{
    struct thread_token taker;
    struct life_by by = { .thread = watched_thread(of->watch), .token = &taker };
    by.place = token_of_address(by.thread, address);
    hold__check(of, hold, address);
    hold__foreign(of->watch, hold, &taker);
    (void)sub_64(header, 1);                                    /* ref.R1, ref.R2: counts along */
    return life_unref_by(of->watch, of->object, &by);
}

static weir_hold hold__move(const struct hold_of *of, weir_hold hold, const struct weir_site *site, const void *address)
{
    struct thread_token taker;
    struct life_by to = hold__by(of->watch, site, address), from = { to.thread, &taker, to.place };
    hold__check(of, hold, address);
    hold__foreign(of->watch, hold, &taker);
    life_move(of->watch, of->object, &to, &from);
    return hold__make(of, to.token->index);
}

/* -- of ops -------------------------------------------------------------------------------------------------------------------------- */

static weir_hold hold__take_op(struct weir_op *op, const struct weir_site *site, const void *address)
{
    struct hold_of of;
    if (hold__op(op, &of))
        return hold__take(&of, &op->refs, site, address);
    weir_op_ref(op);
    return HOLD_PLAIN;
}

weir_hold weir_hold_take_at(struct weir_op *op, const struct weir_site *site)
{
    return hold__take_op(op, site, __builtin_return_address(0));
}

weir_hold (weir_hold_take)(struct weir_op *op)
{
    return hold__take_op(op, NULL, __builtin_return_address(0));
}

bool weir_hold_drop(struct weir_op *op, weir_hold hold)
{
    struct hold_of of;
    bool submitted;
    if (!hold__op(op, &of))
        return weir_op_unref(op);
    submitted = load_relaxed_64(&op->refs) & WEIR_REFS_SUBMITTED;          /* a first look, by a holder */
    WEIR_POINT("hold.drop");
    if (submitted && ref_last_is_submitted(&of.watch->track, of.object, &op->refs))
        op_panic_at(op, __builtin_return_address(0), "hold one for the I/O, and drop it where its completion is dequeued, after weir_op_returned",
                    "has its last hold dropped while it is submitted: the kernel may still write to its buffer; weir_op_returned comes first");
    switch (hold__drop(&of, &op->refs, hold, __builtin_return_address(0))) {
    case TRACK_LEFT:
        return false;
    case TRACK_LAST_ONE:
        (void)op_end_watched(op, load_acquire_64(&op->refs), __builtin_return_address(0));     /* ref.A1 */
        weir_op_put(op);
        return true;
    default:
        hold__panic(&of, hold, __builtin_return_address(0), "was dropped, and nobody holds the op: it was given back already");
    }
}

weir_hold weir_hold_move_at(struct weir_op *op, weir_hold hold, const struct weir_site *site)
{
    struct hold_of of;
    return hold__op(op, &of) ? hold__move(&of, hold, site, __builtin_return_address(0)) : hold;
}

weir_hold (weir_hold_move)(struct weir_op *op, weir_hold hold)
{
    struct hold_of of;
    return hold__op(op, &of) ? hold__move(&of, hold, NULL, __builtin_return_address(0)) : hold;
}

/* -- of any object --------------------------------------------------------------------------------------------------------------------- */

static weir_hold hold__take_ref(struct weir_ref *ref, const struct weir_site *site, const void *address)
{
    struct hold_of of;
    if (hold__ref(ref, &of))
        return hold__take(&of, &ref->word[0], site, address);
    weir_ref_get(ref);
    return HOLD_PLAIN;
}

weir_hold weir_ref_take_at(struct weir_ref *ref, const struct weir_site *site)
{
    return hold__take_ref(ref, site, __builtin_return_address(0));
}

weir_hold (weir_ref_take)(struct weir_ref *ref)
{
    return hold__take_ref(ref, NULL, __builtin_return_address(0));
}

bool weir_ref_drop(struct weir_ref *ref, weir_hold hold)
{
    struct hold_of of;
    if (!hold__ref(ref, &of))
        return weir_ref_put(ref);
    switch (hold__drop(&of, &ref->word[0], hold, __builtin_return_address(0))) {
    case TRACK_LEFT:
        return false;
    case TRACK_LAST_ONE:
        ref_end(ref, &of.watch->track, of.object, __builtin_return_address(0));
        return true;
    default:
        hold__panic(&of, hold, __builtin_return_address(0), "was dropped, and nobody holds the object: its last reference was given back already");
    }
}
