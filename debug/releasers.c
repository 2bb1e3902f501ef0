/* releasers.c - a list of who gave references back: who isn't in it is still a holder. The seed question's own first idea, kept for comparison.
 *
 *     words[0]   {first 32, length 32}    the list, newest first, of nodes in the segment's table: {next 32, token 32}
 *     words[1]   {undone 32, lost 32}     releases for which there was no node. undone: only in a reader's copy, token + 1 to leave out once
 *     nodes[0]   {first 32, changes 32}   the free nodes, which have been used before; nodes_used says how many were taken for the first time
 *
 * Taking a reference writes nothing. So the list can't know who took any: every registered holder is a candidate until it is in the list, and
 * who is in it is none, though he may have taken twice. It needs a node for each release, until the life is over.
 *
 * Invariant   a line's nodes are those pushed in this life; each node is in one line's list, or free, or in the hands of one thread.
 * Threads     releases at once on one line, and lives that end at once on others; `over` alone on its line. A line's list is only pushed to while
 *             the life lasts. The free list is popped, too: `changes` goes up with each pop and push, so that a pop that was held up between reading a
 *             node's next and its swap fails, unless 2^32 changes went by.
 * Progress    lock-free; over: O(releases).
 * Steps       0 for a take, which doesn't touch the words; 1 for a release: the push, or the addition to lost. A node that was popped by who is killed before
 *             its push is lost until the segment is made anew.
 * Certified   never. Under discipline=own, if as many candidates are left as there are references: probable, each with one. Otherwise ambiguous: they are
 *             candidates. No node left: overflow, and the candidates include some who released.
 */
#include "verdict.h"

#include "../src/atomic.h"
#include "watch.h"

/* A node is {next 32, token 32}, a list's head {first 32, number 32}: its length, or its changes. */
static uint32_t node__next(uint64_t word) { return (uint32_t)(word >> 32); }
static uint32_t node__number(uint64_t word) { return (uint32_t)word; }
static uint64_t node__make(uint32_t next, uint32_t number) { return (uint64_t)next << 32 | number; }

static unsigned releasers__words(unsigned parameter)
{
    (void)parameter;
    return 2;
}

/* A node that nobody has had, or 0. */
static uint32_t releasers__fresh(struct debug_header *head)
{
    uint32_t used = load_relaxed_32(&head->nodes_used);                 /* a guess: the swap checks it */
    do {
        if (used + 1 >= head->nodes)
            return 0;
    } while (!cas_32(&head->nodes_used, &used, used + 1));              /* releasers.U1 -> releasers.U1: a number, nothing behind it */
    return used + 1;
}

static uint32_t releasers__node(struct watch *w)
{
    uint64_t *list = &w->nodes[0].word, old = load_acquire_64(list);    /* releasers.F2 <- releasers.F1: the first node's next */
    for (;;) {
        uint32_t first = node__next(old);
        if (first == 0 || first >= w->head->nodes)
            return releasers__fresh(w->head);
        uint64_t next = load_relaxed_64(&w->nodes[first].word);         /* somebody's by now? then the swap fails */
        if (cas_64(list, &old, node__make(node__next(next), node__number(old) + 1)))    /* releasers.F1 -> releasers.F2; a failure is F2 */
            return first;
    }
}

static void releasers__first(uint64_t *words, const struct tracker_update *u)
{
    (void)u;
    store_relaxed_64(&words[0], 0);         /* nobody else changes them yet; the line's first word says when they count */
    store_relaxed_64(&words[1], 0);         /* as above */
}

static void releasers__add(uint64_t *words, const struct tracker_update *u)
{
    (void)words, (void)u;
}

static void releasers__take_back(uint64_t *words, const struct tracker_update *u)
{
    uint32_t index = releasers__node(u->watch);
    uint64_t *node = &u->watch->nodes[index].word, old = load_relaxed_64(&words[0]);    /* a guess: the swap checks it */
    if (index == 0) {
        (void)add_64(&words[1], 1);                                     /* releasers.L1 -> reader.A1: itself alone */
        return;
    }
    do
        store_release_64(node, node__make(node__next(old), u->token->index));           /* releasers.R1 -> reader.A4 */
    while (!cas_64(&words[0], &old, node__make(index, node__number(old) + 1)));         /* releasers.L1 -> reader.A1, releasers.L1: the node */
}

/* All nodes of the line go back at once. */
static void releasers__over(uint64_t *words, const struct tracker_update *u)
{
    struct debug_node *nodes = u->watch->nodes;
    uint64_t list = swap_64(&words[0], 0);                              /* releasers.L1: the nodes of those that released */
    uint64_t *free_ones = &nodes[0].word, old = load_relaxed_64(free_ones);             /* a guess: the swap checks it */
    uint32_t first = node__next(list), next;
    uint64_t *last = &nodes[first].word;
    if (first == 0)
        return;
    for (uint32_t left = node__number(list); left > 1; left--, last = &nodes[next].word)
        if ((next = node__next(load_relaxed_64(last))) == 0)                            /* the swap above brought it */
            break;
    do
        store_release_64(last, node__make(node__next(old), 0));                         /* releasers.R1 */
    while (!cas_64(free_ones, &old, node__make(first, node__number(old) + 1)));         /* releasers.F1: the nodes, with their links */
}

static bool releasers__undo(uint64_t *copy, unsigned parameter, uint64_t value, uint64_t who, uint32_t token, int sign, unsigned steps)
{
    (void)parameter, (void)value, (void)who;
    if (steps == 0)
        return true;
    if (steps > 1 || sign > 0 || copy[1] >> 32 || !node__next(copy[0]))
        return false;
    copy[1] |= (uint64_t)(token + 1) << 32;
    return true;
}

struct releasers_set { uint64_t bit[DEBUG_HOLDERS / 64]; };

static bool releasers__put(struct releasers_set *set, uint32_t holder)      /* true: it was not in it */
{
    uint64_t bit = UINT64_C(1) << holder % 64, *word = &set->bit[holder / 64 % (DEBUG_HOLDERS / 64)];
    bool fresh = !(*word & bit);
    *word |= bit;
    return fresh;
}

/* Who is in the list. false: it is torn, or has not the node that is to be left out. */
static bool releasers__read(struct releasers_set *set, const struct tracker_reading *r)
{
    uint32_t node = node__next(r->words[0]), length = node__number(r->words[0]), leave_out = (uint32_t)(r->words[1] >> 32);
    for (; node && length; length--) {
        uint32_t token;
        if (!r->nodes || node >= r->n_nodes)
            return false;
        token = node__number(r->nodes[node].word);
        node = node__next(r->nodes[node].word);
        if (leave_out == token + 1)
            leave_out = 0;
        else if (token >= r->tokens->n)
            return false;
        else
            (void)releasers__put(set, r->tokens->holder[token]);
    }
    return !node && !length && !leave_out;
}

static void releasers__decode(struct verdict *out, const struct tracker_reading *r)
{
    struct releasers_set known = { { 0 } };
    const struct tracker_tokens *t = r->tokens;
    uint64_t candidates = 0;
    verdict_clear(out, NULL);
    out->site_unknown = true;
    if (r->n_words != 2 || !releasers__read(&known, r)) {
        out->why = "the list of those that released is torn";
        return;
    }
    for (uint32_t i = 1; i < t->n; i++)
        if (t->value[i] && t->holder[i] && releasers__put(&known, t->holder[i]) && ++candidates <= VERDICT_HOLDERS)
            (void)verdict_balance(out, i, 1, 0);
    if ((uint32_t)r->words[1])
        verdict_say(out, WEIR_OVERFLOW, "there were no nodes left for all releases: some of these candidates have released");
    else if (!r->own)
        verdict_say(out, WEIR_AMBIGUOUS, "candidates: who has released nothing; without discipline=own others may have, for them");
    else if (candidates != r->count)
        verdict_say(out, WEIR_AMBIGUOUS, "candidates: who has released nothing, which may never have taken it; others may have taken twice");
    else
        verdict_say(out, WEIR_PROBABLE, "as many have released nothing as there are references; that each of them took one is assumed");
}

const struct tracker tracker_releasers = {
    .name = "releasers", .words = releasers__words, .first = releasers__first, .add = releasers__add, .take_back = releasers__take_back,
    .over = releasers__over, .steps = tracker_one, .undo = releasers__undo, .decode = releasers__decode
};
