/* work-parked.c - threads that stand still at labelled points for long, and nobody waits for them: parked.
 *
 * Purpose    wherever in get, put or wait a thread is stopped, the others get on, and the bound is reached but for its one op.
 * Invariant  a quarter of the threads are to park in each round, each at the label whose turn it is (as far as labels are known yet;
 *            else at its nth point, whichever that is). What a parked thread holds is told by its list and stands still.
 * Threads    the others run until the round's end and then a fixed number of turns while all who park stand still; then they give back
 *            all, and one of them must get every op that the parked ones have not: all but one each (a get in bulk: all but its n).
 *            Those who park have made their cache before (a first call locks), and never wait or collect behind a lock, unless that is
 *            what their label is in. A get in bulk that tries again does so behind a lock: while one may park there, nobody else gets in bulk.
 * Goes wrong a thread that waits for a parked one: the run does not end, and the watchman says so.
 */
#include "workloads.h"

#if !defined(WEIR_POINTS) || !WEIR_POINTS

const struct workload workload_parked = {
    .name = "parked",
    .prose = "Needs labelled points: it is in weir-stress-points.",
    .missing = "there are no labelled points in this build; weir-stress-points has them",
};

#else

#include <stdlib.h>
#include <string.h>

#include "points.h"
#include "slots.h"

enum { MOST_LABELS = 256, TURNS_BESIDE_PARKED = 200, PARKED_HOLDS = 8, BULK = 4 };

static struct parked {
    const char *label[MOST_LABELS];     /* what may be parked at, by name; changes between eras */
    unsigned labels;
    const char *hit[MOST_LABELS];       /* where somebody has parked so far */
    unsigned hits, turn;                /* turn: of the labels */
    unsigned parkers;
    struct points_seat *seat;
    struct meeting *runners;
} parked;

static int parked__compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* A label of calls that nobody here makes. */
static bool parked__foreign(const char *label)
{
    static const char *const prefix[] = { "call.", "look-up.", "rundown.", "sharded.", "unref." };
    for (unsigned i = 0; i < sizeof prefix / sizeof prefix[0]; i++)
        if (strncmp(label, prefix[i], strlen(prefix[i])) == 0)
            return true;
    return false;
}

static void parked__open(struct stress *s)
{
    const char *all[MOST_LABELS];
    unsigned n = points_labels(all, MOST_LABELS), threads = s->options->threads;
    parked.labels = 0;
    for (unsigned i = 0; i < n && i < MOST_LABELS; i++)
        if (!parked__foreign(all[i]))
            parked.label[parked.labels++] = all[i];
    qsort(parked.label, parked.labels, sizeof parked.label[0], parked__compare);
    parked.parkers = threads < 4 ? threads - 1 : threads / 4;
    parked.seat = calloc(parked.parkers + 1, sizeof *parked.seat);
    if (!parked.seat)
        stress_fail("no memory for %u seats", parked.parkers);
    parked.runners = meeting_open(threads - parked.parkers);
    slots_open(s, threads - parked.parkers);
    s->extra_name = "parked";
    s->more_name = "at labels";
}

static void parked__close(struct stress *s)
{
    slots_close(s);
    meeting_close(parked.runners);
    free(parked.seat);
}

/* -- who parks ------------------------------------------------------------------------------------------------------------------- */

static void parked__bulk(struct worker *w)
{
    if (weir_op_get_bulk(w->pool, w->held + w->holds, BULK) == BULK)
        for (unsigned i = 0; i < BULK; i++)
            stress_taken(w, w->held[w->holds++]);
}

static void parked__wait(struct worker *w)
{
    struct weir_op *op = weir_op_get_wait(w->pool, random_between(&w->random, 1, 200) * 1000);
    if (op) {
        stress_taken(w, op);
        w->held[w->holds++] = op;
    }
}

static const char *parked__label(unsigned place)
{
    return parked.labels ? parked.label[(parked.turn + place) % parked.labels] : NULL;
}

/* Who may park in a get in bulk, if anybody may: the first of those whose label it is. */
static bool parked__bulk_parker(unsigned *place)
{
    for (*place = 0; *place < parked.parkers && *place < parked.labels; ++*place)
        if (strcmp(parked__label(*place), "bulk.claimed") == 0)
            return true;
    return false;
}

static void parked__call(struct worker *w, const char *label, bool bulk)
{
    uint32_t room = w->oracle->capacity < PARKED_HOLDS ? w->oracle->capacity : PARKED_HOLDS, what = random_below(&w->random, 16);
    if (bulk && w->holds + BULK <= room)
        parked__bulk(w);
    else if (label && strcmp(label, "waiter.ticket") == 0 && what < 8 && w->holds < room)
        parked__wait(w);
    else if (what == 0)
        weir_thread_flush(w->pool);
    else if (what < 9 && w->holds < room)
        stress_hold_one(w);
    else
        stress_put_some(w, 1);
}

static void parked__park(struct worker *w)
{
    unsigned threads = w->stress->options->threads, place = threads - 1 - w->number;
    struct points_seat *seat = &parked.seat[place];
    struct weir_cache *cache = weir_cache_get(w->pool);     /* a thread's first call takes a lock: nobody parks in there */
    const char *label = parked__label(place);
    unsigned parker;
    bool bulk = parked__bulk_parker(&parker) && parker == place;
    if (!cache)
        stress_fail("a thread finds no memory for its cache");
    points_park(seat, label, label ? random_between(&w->random, 1, 4) : random_between(&w->random, 1, 60));
    while (!stress_over(w))
        parked__call(w, label, bulk);
    stress_put_all(w);
    points_leave(seat);
}

/* -- who goes on ----------------------------------------------------------------------------------------------------------------- */

static void parked__turn(struct worker *w)
{
    uint32_t what = random_below(&w->random, 64), capacity = w->oracle->capacity;
    if (what < 28) {
        while (w->holds < 24 && w->holds < capacity && stress_hold_one(w) && random_below(&w->random, 8)) {
        }
    } else if (what < 56) {
        stress_put_some(w, random_between(&w->random, 1, 24));
    } else if (what < 60) {
        struct weir_op *op = slots_swap_any(w, w->holds ? w->held[--w->holds] : NULL);
        if (op)
            stress_put(w, op);
    } else if (what < 62) {
        if (w->holds < capacity)
            parked__wait(w);
    } else if (what == 62) {
        unsigned parker;
        if (w->holds + BULK <= capacity && !parked__bulk_parker(&parker))
            parked__bulk(w);
    } else if (random_below(&w->random, 16) == 0) {
        weir_pool_trim(w->pool);
    }
}

static void parked__hit(struct stress *s, const char *label)
{
    unsigned i = 0;
    while (i < parked.hits && strcmp(parked.hit[i], label) != 0)
        i++;
    if (i == parked.hits && parked.hits < MOST_LABELS)
        parked.hit[parked.hits++] = label;
    s->extra++;
    s->more = parked.hits;
}

/* All who were to park have parked or left. What the parked ones keep from the others at most, and what they hold for certain. */
static void parked__census(struct stress *s, unsigned *held, unsigned *in_calls, char *where, size_t size)
{
    *held = *in_calls = 0;
    where[0] = 0;
    for (unsigned i = 0; i < parked.parkers; i++) {
        struct points_seat *seat = &parked.seat[i];
        const char *at = points_at(seat);
        if (!at)
            continue;
        *held += s->worker[s->options->threads - 1 - i].holds;
        *in_calls += strcmp(at, "bulk.claimed") == 0 ? BULK : 1;
        if (strlen(where) + strlen(at) + 2 < size)
            strcat(strcat(where, " "), at);
        parked__hit(s, at);
    }
}

/* By one runner, while nobody else is in a call that moves. */
static void parked__reach(struct worker *w)
{
    unsigned held, in_calls, capacity = w->oracle->capacity;
    char where[512];
    parked__census(w->stress, &held, &in_calls, where, sizeof where);
    while (w->holds < capacity && stress_hold_one(w)) {
    }
    if (w->holds + held + in_calls < capacity)
        stress_fail("threads are parked at%s: they hold %u and may have %u more in their calls; of %u, %u can be got", where, held, in_calls,
                    capacity, w->holds);
    stress_put_all(w);
}

static void parked__wait_until_parked(void)
{
    for (unsigned i = 0; i < parked.parkers; i++)
        if (points_wait_parked(&parked.seat[i]) == POINTS_LATE)
            stress_fail("a thread that was to park has neither parked nor ended its turns within a minute");
}

static void parked__work(struct worker *w)
{
    if (w->number >= w->stress->options->threads - parked.parkers) {
        parked__park(w);
        return;
    }
    while (!stress_over(w))
        parked__turn(w);
    if (w->number == 0)
        parked__wait_until_parked();
    meeting_meet(parked.runners);
    for (unsigned i = 0; i < TURNS_BESIDE_PARKED; i++)
        parked__turn(w);
    meeting_meet(parked.runners);
    slots_drain(w);
    stress_put_all(w);
    meeting_meet(parked.runners);
    if (w->number)
        return;
    parked__reach(w);
    parked.turn += parked.parkers;
    for (unsigned i = 0; i < parked.parkers; i++)
        points_release(&parked.seat[i]);
}

/* The seats are anybody's again. */
static void parked__drain(struct worker *w)
{
    if (w->number == 0)
        memset(parked.seat, 0, parked.parkers * sizeof *parked.seat);
}

const struct workload workload_parked = {
    .name = "parked",
    .prose = "A quarter of the threads park at labelled points, the labels in turn, and stand still for most of a round. The others go on taking,\n"
             "giving back, waiting and trimming, then do a number of turns more while all of those stand still, and get all but one op each.\n"
             "Let go, the parked ones end their calls, and everything balances.",
    .open = parked__open,
    .work = parked__work,
    .drain = parked__drain,
    .close = parked__close,
    .counts_tries = true,
    .forgets = true,
};

#endif
