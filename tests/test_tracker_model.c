/* test_tracker_model.c - seeded random lives of one object, told to every tracker at once, and each reading held against the truth.
 *
 * A run: some holders with some sites each; takes, moves of holds, drops, and in half of the runs hand-overs by plain calls (somebody gives back what
 * another took). In the end 0 to 12 tokens are left with 1 to 5 references each; a run without leaks ends with its last reference given back. On the way
 * updates are cut short at every step, in a copy, and taken back.
 *
 * The truth is the balance of each token, and the count. Of every reading:
 *
 *     certified is right, every time: exactly the tokens (xor, sum: the holder) whose balance isn't 0, all positive, each with its references
 *     sketch(k) certifies every case of up to k tokens with positive balances (k = 1: of one reference), lists every ledger of up to k, and names
 *     nobody beyond
 *     slots that never ran out, and a journal that dropped nothing, say exactly the same
 *     xor, sum, releasers say what they can, and ambiguous when they can't
 *     with hand-overs nothing is certified while any balance is negative, and the releasers accuse nobody
 */
#include "tracker_support.h"

enum {
    RUNS = AS_MANY(10000, 1000),
    LINES = 11, XOR = 0, SUM, SKETCH_1, SKETCH_2, SKETCH_4, SKETCH_8, SLOTS_4, SLOTS_8, SLOTS_64, RELEASERS, JOURNAL,
    EVENTS = 256
};

static const struct { const struct tracker *tracker; unsigned parameter; } kinds[LINES] = {
    [XOR] = { &tracker_xor, 0 }, [SUM] = { &tracker_sum, 0 },
    [SKETCH_1] = { &tracker_sketch, 1 }, [SKETCH_2] = { &tracker_sketch, 2 }, [SKETCH_4] = { &tracker_sketch, 4 }, [SKETCH_8] = { &tracker_sketch, 8 },
    [SLOTS_4] = { &tracker_slots, 4 }, [SLOTS_8] = { &tracker_slots, 8 }, [SLOTS_64] = { &tracker_slots, 64 },
    [RELEASERS] = { &tracker_releasers, 0 }, [JOURNAL] = { &tracker_journal, EVENTS },
};

struct run {
    struct desk *desk;
    uint64_t seed, first_seed;
    uint32_t holders, sites, tokens;    /* tokens 1 to tokens */
    bool plain;                         /* hand-overs by plain calls; else who takes gives back, or a hold is moved */
    struct line line[LINES];
    uint32_t count, events;
    int32_t balance[DESK_TOKENS];
    bool released[DESK_TOKENS];         /* by holder: it has given one back in this life */
};

static struct { uint64_t readings, certified, ambiguous, probable, overflow, prefixes, sketch_4; } tally;

/* -- what happens ------------------------------------------------------------------------------------------------------------------ */

static uint32_t run_token(struct run *r) { return 1 + random_below(&r->seed, r->tokens); }

static void run_begin(struct run *r, struct desk *desk, uint64_t seed)
{
    uint32_t token;
    memset(r, 0, sizeof *r);
    r->desk = desk;
    r->seed = r->first_seed = seed;
    r->holders = 2 + random_below(&r->seed, 12);
    r->sites = 1 + random_below(&r->seed, 3);
    r->tokens = r->holders * r->sites;
    r->plain = random_next(&r->seed) & 1;
    desk_open(desk, random_next(&r->seed), r->holders, r->sites);
    token = run_token(r);
    for (int i = 0; i < LINES; i++)
        line_born(&r->line[i], desk, kinds[i].tracker, kinds[i].parameter, token, 1);
    r->balance[token] = 1;
    r->count = r->events = 1;
}

static void run_take(struct run *r, uint32_t token)
{
    r->events++;
    for (int i = 0; i < LINES; i++)
        line_take(&r->line[i], r->desk, token, r->events);
    r->balance[token]++;
    r->count++;
}

static void run_give(struct run *r, uint32_t token)
{
    r->events++;
    for (int i = 0; i < LINES; i++)
        line_give(&r->line[i], r->desk, token, r->events);
    r->balance[token]--;
    r->count--;
    r->released[r->desk->holder[token]] = true;
}

/* A token that holds, or 0. */
static uint32_t run_holding(struct run *r)
{
    uint32_t from = run_token(r);
    for (uint32_t i = 0; i < r->tokens; i++) {
        uint32_t token = 1 + (from + i) % r->tokens;
        if (r->balance[token] > 0)
            return token;
    }
    return 0;
}

static void run_step(struct run *r)
{
    uint32_t what = random_below(&r->seed, 10), token = run_holding(r);
    if (what < 4) {
        run_take(r, what < 2 && token ? token : run_token(r));
    } else if (r->plain && what < 6 && r->count > 1) {
        run_give(r, run_token(r));                      /* whoever it is */
    } else if (what == 6 && token) {                    /* a hold is moved: the new one is there before the old one goes */
        run_take(r, run_token(r));
        run_give(r, token);
    } else if (token && r->count > 1) {
        run_give(r, token);
    }
}

/* Brings every balance to what is planted: takes first, so that the count doesn't come to 0 on the way. */
static void run_plant(struct run *r, const int32_t *planted)
{
    uint32_t from = random_below(&r->seed, r->tokens);
    for (int takes = 1; takes >= 0; takes--)
        for (uint32_t i = 0; i < r->tokens; i++) {
            uint32_t token = 1 + (from + i) % r->tokens;
            while (takes ? r->balance[token] < planted[token] : r->balance[token] > planted[token] && r->count > 1)
                takes ? run_take(r, token) : run_give(r, token);
        }
}

/* -- what is said ----------------------------------------------------------------------------------------------------------------- */

#define MUST(condition)                                                                                                         \
    do {                                                                                                                        \
        if (!(condition))                                                                                                       \
            fail_msg("seed %llu, %s(%u), count %u%s: not so: %s (%s:%d)", (unsigned long long)r->first_seed,                    \
                     l->tracker->name, l->parameter, (unsigned)r->count, r->plain ? ", plain" : "", #condition, __FILE__, __LINE__); \
    } while (0)

struct truth {
    uint32_t tokens, holders;           /* whose balance isn't 0 */
    uint32_t lone;                      /* the only holder, if holders is 1 */
    bool negative, owing;               /* a token's is below 0; a holder's is, all sites together */
};

static struct truth truth_of(const struct run *r)
{
    struct truth t = { 0 };
    int32_t held[DESK_TOKENS] = { 0 };
    for (uint32_t token = 1; token <= r->tokens; token++) {
        held[r->desk->holder[token]] += r->balance[token];
        t.tokens += r->balance[token] != 0;
        t.negative |= r->balance[token] < 0;
    }
    for (uint32_t h = 1; h <= r->holders; h++)
        if (held[h]) {
            t.holders++;
            t.lone = h;
            t.owing |= held[h] < 0;
        }
    return t;
}

static bool exact(const struct run *r, const struct verdict *v, const struct truth *t)
{
    if (v->n != t->tokens)
        return false;
    for (uint32_t token = 1; token <= r->tokens; token++)
        if (verdict_of(v, token) != r->balance[token])
            return false;
    return true;
}

/* Of those that find the balance of each token: exact, and certified unless there is a negative one. */
static void check_exact(const struct run *r, const struct line *l, const struct verdict *v, const struct truth *t)
{
    MUST(exact(r, v, t));
    MUST(v->certainty == (t->negative ? WEIR_AMBIGUOUS : WEIR_CERTIFIED) ||
         (l->tracker == &tracker_sketch && l->parameter == 1 && r->count > 1 && v->certainty == WEIR_PROBABLE));
    if (t->negative)
        MUST(strstr(v->why, r->plain ? "plain calls" : "discipline=own"));
}

static void check_sketch(const struct run *r, const struct line *l, const struct verdict *v, const struct truth *t)
{
    tally.sketch_4 += l->parameter == 4 && t->tokens <= 4;
    if (t->tokens <= l->parameter)
        check_exact(r, l, v, t);
    else
        MUST(v->certainty == WEIR_OVERFLOW && v->n == 0);
    if (v->certainty == WEIR_CERTIFIED)
        MUST((v->wrong_log2 == 0) == (!r->plain && r->count <= l->parameter));
}

static void check_slots(const struct run *r, const struct line *l, const struct verdict *v, const struct truth *t)
{
    if (l->words[l->parameter])
        MUST(v->certainty == WEIR_OVERFLOW);
    else
        check_exact(r, l, v, t);
    if (l->parameter >= r->tokens)
        MUST(!l->words[l->parameter]);
}

static void check_xor(const struct run *r, const struct line *l, const struct verdict *v, const struct truth *t)
{
    if (r->count > 1)
        MUST(v->certainty == WEIR_AMBIGUOUS && v->n == 0);
    else if (!r->plain)
        MUST(v->certainty == WEIR_CERTIFIED && v->n == 1 && r->desk->holder[v->holder[0].token] == t->lone && v->holder[0].refs == 1);
    else
        MUST(v->certainty != WEIR_CERTIFIED && v->n <= 1);
}

static void check_sum(const struct run *r, const struct line *l, const struct verdict *v, const struct truth *t)
{
    if (t->holders > 1)
        MUST(v->certainty == WEIR_AMBIGUOUS && v->n == 0);
    else
        MUST(v->certainty == (r->count == 1 ? WEIR_CERTIFIED : WEIR_PROBABLE) && v->n == 1 &&
             r->desk->holder[v->holder[0].token] == t->lone && v->holder[0].refs == (int32_t)r->count);
}

static void check_releasers(const struct run *r, const struct line *l, const struct verdict *v)
{
    uint32_t candidates = 0;
    for (uint32_t h = 1; h <= r->holders; h++)
        candidates += !r->released[h];
    MUST(v->n == candidates);
    for (unsigned i = 0; i < v->n; i++)
        MUST(!r->released[r->desk->holder[v->holder[i].token]]);
    MUST(v->certainty == (!r->plain && candidates == r->count ? WEIR_PROBABLE : WEIR_AMBIGUOUS));
}

static void check_line(const struct run *r, int i, const struct truth *t)
{
    const struct line *l = &r->line[i];
    struct verdict v = line_read(l, r->desk, !r->plain);
    tally.readings++;
    tally.certified += v.certainty == WEIR_CERTIFIED;
    tally.probable += v.certainty == WEIR_PROBABLE;
    tally.ambiguous += v.certainty == WEIR_AMBIGUOUS;
    tally.overflow += v.certainty == WEIR_OVERFLOW;
    MUST((v.why != NULL) == (v.certainty != WEIR_CERTIFIED));
    if (l->tracker == &tracker_sketch)
        check_sketch(r, l, &v, t);
    else if (l->tracker == &tracker_slots)
        check_slots(r, l, &v, t);
    else if (i == JOURNAL && r->events <= EVENTS)
        check_exact(r, l, &v, t);
    else if (i == JOURNAL)
        MUST(v.certainty != WEIR_CERTIFIED);
    else if (i == XOR)
        check_xor(r, l, &v, t);
    else if (i == SUM)
        check_sum(r, l, &v, t);
    else
        check_releasers(r, l, &v);
}

static void check_all(const struct run *r)
{
    struct truth t = truth_of(r);
    for (int i = 0; i < LINES; i++)
        check_line(r, i, &t);
}

/* -- updates cut short ------------------------------------------------------------------------------------------------------------ */

/* The words after `steps` steps of the update that led from before to after. */
static void cut(const struct line *l, const uint64_t *before, const uint64_t *after, unsigned steps, uint64_t *out)
{
    unsigned n = line_words(l), all = l->tracker->steps(l->parameter);
    memcpy(out, steps == all ? after : before, n * sizeof *out);
    if (steps == 0 || steps == all)
        return;
    if (l->tracker == &tracker_sketch) {
        memcpy(out, after, steps * sizeof *out);
    } else {                                            /* a journal: its number, the second word of the entry, the first */
        unsigned entry = 1 + 2 * (unsigned)(before[0] % l->parameter);
        out[0] = after[0];
        if (steps == 2)
            out[entry + 1] = after[entry + 1];
    }
}

static void check_undone(const struct run *r, const struct line *l, const uint64_t *words, const struct truth *t, bool right)
{
    struct verdict then = line_read(l, r->desk, !r->plain), now = line_read_words(l, r->desk, !r->plain, words);
    if (right) {
        MUST(now.certainty == then.certainty && now.n == then.n);
        for (unsigned i = 0; i < then.n; i++)
            MUST(verdict_of(&now, then.holder[i].token) == then.holder[i].refs);
        if (l->tracker != &tracker_slots && l->tracker != &tracker_journal && l->tracker != &tracker_releasers)
            MUST(memcmp(words, l->words, line_words(l) * sizeof *words) == 0);
    } else if (now.certainty == WEIR_CERTIFIED && !now.site_unknown) {
        MUST(exact(r, &now, t));
    }
}

/* Somebody is killed in the midst of one more update, at every step of it; a reader knows his intent and not how far he came. */
static void check_cuts(struct run *r, int i)
{
    struct line *l = &r->line[i];
    struct truth t = truth_of(r);
    uint64_t before[LINE_WORDS], after[LINE_WORDS], at[LINE_WORDS], copy[LINE_WORDS];
    uint32_t token = r->plain || random_below(&r->seed, 2) ? run_token(r) : run_holding(r);
    int sign = r->balance[token] > 0 || r->plain ? (random_next(&r->seed) & 1 ? 1 : -1) : 1;
    unsigned n = line_words(l), all = l->tracker->steps(l->parameter);
    struct tracker_update u = line_update(r->desk, l, token, r->events + 1);
    memcpy(before, l->words, n * sizeof *before);
    (sign > 0 ? l->tracker->add : l->tracker->take_back)(l->words, &u);
    memcpy(after, l->words, n * sizeof *after);
    memcpy(l->words, before, n * sizeof *before);
    if (l->tracker == &tracker_slots && !before[l->parameter] && after[l->parameter])
        return;                                         /* it ran out of slots: overflow, whoever takes it back */
    if (l->tracker == &tracker_journal && before[0] >= l->parameter)
        return;                                         /* the oldest entry is gone */
    for (unsigned steps = 0; steps <= all; steps++) {
        cut(l, before, after, steps, at);
        for (unsigned guess = 0; guess <= all + 1; guess++) {
            bool possible;
            memcpy(copy, at, n * sizeof *copy);
            possible = l->tracker->undo(copy, l->parameter, r->desk->value[token], r->desk->who[token], token, sign, guess);
            MUST(guess <= all || !possible);
            if (l->tracker == &tracker_releasers && sign > 0 && guess == steps && steps == 1)
                MUST(!possible);                        /* taking is no step there */
            else if (guess == steps)
                MUST(possible);
            if (possible)
                check_undone(r, l, copy, &t, guess == steps);
            tally.prefixes++;
        }
    }
}

/* -- a run ---------------------------------------------------------------------------------------------------------------------- */

static void run_all(struct run *r, struct desk *desk, uint64_t seed)
{
    int32_t planted[DESK_TOKENS] = { 0 };
    uint32_t steps, leaks;
    run_begin(r, desk, seed);
    leaks = random_below(&r->seed, 13);
    if (leaks > r->tokens)
        leaks = r->tokens;
    for (uint32_t i = 0; i < leaks;) {
        uint32_t token = run_token(r);
        if (planted[token])
            continue;
        planted[token] = (int32_t)(1 + random_below(&r->seed, 5));
        i++;
    }
    if (r->plain && leaks > 1)                          /* somebody gave back what another took, once more than he took himself */
        for (uint32_t token = 1, left = 1; token <= r->tokens && left; token++)
            if (planted[token] == 1) {
                planted[token] = -1;
                left = 0;
            }
    for (steps = random_below(&r->seed, 60); steps; steps--) {
        run_step(r);
        if (random_below(&r->seed, 20) == 0)
            check_all(r);
    }
    run_plant(r, planted);
    check_all(r);
    if (random_below(&r->seed, 2))
        check_cuts(r, (int)random_below(&r->seed, LINES));
}

static void what_is_certified_is_right_every_time(void **state)
{
    static struct desk desk;
    static struct run run;
    (void)state;
    memset(&tally, 0, sizeof tally);
    for (uint64_t seed = 1; seed <= RUNS; seed++)
        run_all(&run, &desk, seed * UINT64_C(1000003));
    print_message("%d runs, %llu readings: %llu certified, %llu probable, %llu ambiguous, %llu overflow; %llu of sketch(4) with up to 4 tokens; "
                  "%llu cuts taken back\n", RUNS, (unsigned long long)tally.readings, (unsigned long long)tally.certified,
                  (unsigned long long)tally.probable, (unsigned long long)tally.ambiguous, (unsigned long long)tally.overflow,
                  (unsigned long long)tally.sketch_4, (unsigned long long)tally.prefixes);
    assert_true(tally.certified > RUNS && tally.probable > RUNS / 2 && tally.ambiguous > RUNS && tally.overflow > RUNS && tally.sketch_4 > RUNS / 4);
}

/* Correct programs: each object goes from hand to hand and is given back by whoever has it last. */
static void correct_hand_overs_are_never_certified_against_anybody(void **state)
{
    static struct desk desk;
    static struct run run;
    struct run *r = &run;
    (void)state;
    for (uint64_t seed = 1; seed <= RUNS / 10; seed++) {
        run_begin(r, &desk, seed * UINT64_C(7777777));
        r->plain = true;
        for (uint32_t hops = 1 + random_below(&r->seed, 12); hops; hops--) {
            struct truth t;
            uint32_t taker = run_token(r), giver = run_token(r);
            run_take(r, taker);
            run_give(r, giver);
            t = truth_of(r);
            for (int i = 0; i < LINES; i++) {
                const struct line *l = &r->line[i];
                struct verdict v = line_read(l, r->desk, false);
                if (i == SUM ? t.owing : t.negative)    /* the sum counts by holder: one's sites may make up for each other */
                    MUST(v.certainty != WEIR_CERTIFIED);
                if (i == RELEASERS)
                    MUST(v.certainty == WEIR_AMBIGUOUS);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_certified_is_right_every_time),
        cmocka_unit_test(correct_hand_overs_are_never_certified_against_anybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
