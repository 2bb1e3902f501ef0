/* scenario_trackers.c - the trackers whose updates look before they swap: slots that are claimed, and nodes that change lists.
 *
 * The sketch's words are only added to, and xor's swap computes what it computes from any word: nothing there depends on who goes first.
 */
#include "explore.h"

#include <string.h>

#include "../../debug/verdict.h"
#include "../../debug/watch.h"

enum { TOKENS = 4, LINES = 4, NODES = 8, WORDS = 4 };

static struct thread_token token[TOKENS];
static struct debug_node nodes[NODES];
static struct debug_header head;
static struct watch watch;
static uint64_t line[LINES][WORDS];
static unsigned slots;

static struct tracker_update trackers__update(uint32_t index)
{
    return (struct tracker_update){ &token[index], 1, slots, &watch };
}

static void trackers__setup(void)
{
    for (uint32_t i = 0; i < TOKENS; i++)
        token[i].index = i;
    head.nodes = NODES;
    watch.head = &head;
    watch.nodes = nodes;
}

/* -- slots ------------------------------------------------------------------------------------------------------------------------- */

static void slots__add(uint32_t index)
{
    struct tracker_update u = trackers__update(index);
    tracker_slots.add(line[0], &u);
}

static void slots__back(uint32_t index)
{
    struct tracker_update u = trackers__update(index);
    tracker_slots.take_back(line[0], &u);
}

static void slots__setup(void)          /* token 1 holds once */
{
    struct tracker_update u;
    trackers__setup();
    slots = 3;
    u = trackers__update(1);
    tracker_slots.first(line[0], &u);
}

static void slots__pass_on(void)
{
    slots__add(2);
    slots__back(1);
}

static void slots__come_and_go(void)
{
    slots__add(2);
    slots__add(3);
    slots__back(2);
}

static void slots__same(void)
{
    slots__add(2);
}

/* Tokens 2 and 3 hold n and once. */
static void slots__balances(int32_t n, uint32_t count)
{
    static const uint64_t value[TOKENS] = { 0, 1, 2, 3 };
    static const uint32_t holder[TOKENS] = { 0, 1, 2, 3 };
    static const uint64_t who[TOKENS] = { 0, 1, 2, 3 };
    struct tracker_tokens tokens = { TOKENS, value, holder, who };
    struct tracker_reading r = { .words = line[0], .parameter = slots, .n_words = slots + 1, .count = count, .tokens = &tokens };
    struct verdict v;
    tracker_slots.decode(&v, &r);
    if (v.certainty != WEIR_CERTIFIED)
        explore_fail("%s", v.why);
    if (v.n != 2 || v.holder[0].token != 2 || v.holder[0].refs != n || v.holder[1].token != 3 || v.holder[1].refs != 1)
        explore_fail("the balances are %u of token %u and %u others", (unsigned)v.holder[0].refs, (unsigned)v.holder[0].token, v.n - 1);
}

static void slots__check(void) { slots__balances(1, 2); }
static void slots__check_same(void) { slots__balances(2, 3); }

/* -- releasers --------------------------------------------------------------------------------------------------------------------- */

static void releasers__release(unsigned i, uint32_t index)
{
    struct tracker_update u = trackers__update(index);
    tracker_releasers.take_back(line[i], &u);
}

static void releasers__over(unsigned i)
{
    struct tracker_update u = trackers__update(0);
    tracker_releasers.over(line[i], &u);
}

static void releasers__setup(void)      /* two nodes are free, which were in use before */
{
    trackers__setup();
    releasers__release(0, 1);
    releasers__release(0, 1);
    releasers__over(0);
}

static void releasers__one(void)
{
    releasers__release(1, 1);
}

static void releasers__two_and_over(void)
{
    releasers__release(2, 2);
    releasers__release(3, 3);
    releasers__over(2);
}

static void releasers__common(void)
{
    releasers__release(1, 2);
    releasers__release(3, 3);
}

/* Counts a list's nodes, none of which is in another one. */
static unsigned releasers__walk(uint64_t list, bool *met)
{
    unsigned n = 0;
    for (uint32_t at = (uint32_t)(list >> 32); at; at = (uint32_t)(nodes[at].word >> 32), n++) {
        if (at >= NODES || met[at])
            explore_fail("node %u is in two lists", (unsigned)at);
        met[at] = true;
    }
    return n;
}

static void releasers__lists(unsigned of_1, unsigned of_3)
{
    bool met[NODES] = { false };
    unsigned n = releasers__walk(nodes[0].word, met);
    if (releasers__walk(line[1][0], met) != of_1 || (uint32_t)line[1][0] != of_1)
        explore_fail("a release is not in its list");
    if (releasers__walk(line[3][0], met) != of_3 || (uint32_t)nodes[line[3][0] >> 32].word != 3)
        explore_fail("a release is not in its list");
    if (n + of_1 + of_3 != head.nodes_used)
        explore_fail("a node is lost");
}

static void releasers__check(void) { releasers__lists(1, 1); }
static void releasers__check_common(void) { releasers__lists(2, 1); }

const struct scenario explore_trackers[] = {
    { "slots", "a token moves to another against one that comes and goes", slots__setup, { slots__pass_on, slots__come_and_go }, slots__check, 3, 1 },
    { "slots-3", "the same against a third that brings the same token", slots__setup, { slots__pass_on, slots__come_and_go, slots__same }, slots__check_same, 2, 1 },
    { "releasers", "a release against two others and the end of a life", releasers__setup, { releasers__one, releasers__two_and_over }, releasers__check, 3, 1 },
    { "releasers-common", "two releases on one line", releasers__setup, { releasers__one, releasers__common }, releasers__check_common, 3, 1 },
    { 0 }
};
