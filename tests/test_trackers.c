/* test_trackers.c - each tracker but the sketch (test_sketch.c): what it names, what it says when it can't, updates cut short, and many threads at once. */
#include "tracker_support.h"

static struct desk desk;

static int make_desk(void **state)
{
    (void)state;
    desk_open(&desk, 42, 20, 3);        /* holder 1: tokens 1 to 3, holder 2: 4 to 6 ... */
    return 0;
}

static struct line born(const struct tracker *tracker, unsigned parameter, uint32_t token)
{
    struct line l;
    memset(&l, 0xff, sizeof l);         /* a life's first words may be anything */
    line_born(&l, &desk, tracker, parameter, token, 10);
    return l;
}

static void says(const struct line *l, bool own, enum weir_certainty certainty, unsigned n)
{
    struct verdict v = line_read(l, &desk, own);
    assert_int_equal(v.certainty, certainty);
    assert_int_equal(v.n, n);
    if (certainty != WEIR_CERTIFIED)
        assert_true(v.why && *v.why);
}

static void names(const struct line *l, bool own, uint32_t token, int32_t refs)
{
    struct verdict v = line_read(l, &desk, own);
    assert_int_equal(verdict_of(&v, token), refs);
}

/* -- all of them ------------------------------------------------------------------------------------------------------------------ */

static void the_table_has_every_tracker_under_its_number_and_name(void **state)
{
    static const char *const all[TRACKERS] = { NULL, "xor", "sum", "sketch", "slots", "releasers", "journal" };
    (void)state;
    assert_null(trackers[TRACKER_NONE]);
    for (int i = TRACKER_XOR; i < TRACKERS; i++) {
        const struct tracker *t = trackers[i];
        assert_string_equal(t->name, all[i]);
        assert_true(t->usual >= t->least && t->usual <= t->most);
        assert_true(t->words(t->usual) > 0 && t->steps(t->usual) > 0);
    }
    assert_int_equal(tracker_sketch.words(4), 7);       /* with the first word: a cache line */
    assert_int_equal(tracker_sketch.most, 8);
}

/* -- xor and sum: what the seed says of them -------------------------------------------------------------------------------------- */

static void xor_names_the_holder_of_the_only_reference_and_its_word_is_readable(void **state)
{
    struct line l = born(&tracker_xor, 0, 1);
    (void)state;
    line_take(&l, &desk, 40, 11);
    line_take(&l, &desk, 50, 12);
    line_give(&l, &desk, 1, 13);
    line_give(&l, &desk, 50, 14);
    assert_true(l.words[0] == desk.who[40]);
    says(&l, true, WEIR_CERTIFIED, 1);
    names(&l, true, 40, 1);
    assert_true(line_read(&l, &desk, true).site_unknown);
    says(&l, false, WEIR_PROBABLE, 1);
}

static void xor_says_ambiguous_of_two_leakers_and_of_the_same_one_twice(void **state)
{
    struct line l = born(&tracker_xor, 0, 1);
    (void)state;
    line_take(&l, &desk, 40, 11);
    says(&l, true, WEIR_AMBIGUOUS, 0);
    line_take(&l, &desk, 40, 11);
    line_give(&l, &desk, 1, 11);
    assert_true(l.words[0] == 0);
    says(&l, true, WEIR_AMBIGUOUS, 0);
}

static void xor_is_not_taken_in_by_thread_ids_that_make_another_ones(void **state)
{
    struct line l = born(&tracker_xor, 0, 1);
    uint64_t who = desk.who[7];
    (void)state;
    line_take(&l, &desk, 4, 11);                        /* 1 + 4 - 7 references: the word is a fourth holder's */
    desk.token[7].who = desk.who[1] ^ desk.who[4] ^ desk.who[40];
    line_give(&l, &desk, 7, 12);
    desk.token[7].who = who;
    assert_true(l.words[0] == desk.who[40]);
    says(&l, false, WEIR_PROBABLE, 1);
}

static void sum_names_one_holder_also_of_several_references_at_several_sites(void **state)
{
    struct line l = born(&tracker_sum, 0, 1);
    (void)state;
    line_take(&l, &desk, 40, 11);
    line_give(&l, &desk, 1, 11);
    says(&l, true, WEIR_CERTIFIED, 1);
    assert_true(line_read(&l, &desk, true).wrong_log2 == 0);
    assert_true(line_read(&l, &desk, false).certainty == WEIR_CERTIFIED && line_read(&l, &desk, false).wrong_log2 < -40);
    line_take(&l, &desk, 41, 11);                       /* the same holder, by another line of the source */
    line_take(&l, &desk, 42, 11);
    says(&l, true, WEIR_PROBABLE, 1);
    names(&l, true, 40, 3);
    assert_true(line_read(&l, &desk, true).site_unknown);
}

static void sum_says_ambiguous_of_two_leakers(void **state)
{
    struct line l = born(&tracker_sum, 0, 1);
    (void)state;
    line_take(&l, &desk, 40, 11);
    says(&l, true, WEIR_AMBIGUOUS, 0);
    line_take(&l, &desk, 40, 11);
    says(&l, true, WEIR_AMBIGUOUS, 0);
    l.count = 1 << 16;
    says(&l, true, WEIR_OVERFLOW, 0);
}

static void a_thread_id_that_was_given_twice_is_two_candidates(void **state)
{
    struct line x = born(&tracker_xor, 0, 40), s = born(&tracker_sum, 0, 40);
    uint64_t who = desk.who[10];
    (void)state;
    desk.who[10] = desk.who[40];
    says(&x, true, WEIR_AMBIGUOUS, 2);
    says(&s, true, WEIR_AMBIGUOUS, 2);
    desk.who[10] = who;
    says(&x, true, WEIR_CERTIFIED, 1);
}

/* -- slots ---------------------------------------------------------------------------------------------------------------------- */

static void slots_name_every_token_and_since_when_it_holds(void **state)
{
    struct line l = born(&tracker_slots, 4, 1);
    struct verdict v;
    (void)state;
    line_take(&l, &desk, 2, 20);
    line_take(&l, &desk, 30, 30);
    line_take(&l, &desk, 30, 40);
    line_take(&l, &desk, 2, 50);
    line_give(&l, &desk, 1, 60);
    v = line_read(&l, &desk, false);
    assert_int_equal(v.certainty, WEIR_CERTIFIED);
    assert_true(v.wrong_log2 == 0);
    assert_int_equal(v.n, 2);
    assert_int_equal(v.holder[0].token, 2);
    assert_int_equal(v.holder[0].refs, 2);
    assert_int_equal(v.holder[0].since, 20);
    assert_int_equal(v.holder[1].refs, 2);
    assert_int_equal(v.holder[1].since, 30);
    assert_false(v.site_unknown);
}

static void slots_keep_a_ledger_across_a_hand_over(void **state)
{
    struct line l = born(&tracker_slots, 4, 1);
    (void)state;
    line_take(&l, &desk, 1, 20);
    line_give(&l, &desk, 9, 30);
    says(&l, false, WEIR_AMBIGUOUS, 2);
    names(&l, false, 1, 2);
    names(&l, false, 9, -1);
    line_take(&l, &desk, 9, 40);
    line_give(&l, &desk, 1, 40);
    says(&l, false, WEIR_CERTIFIED, 1);
}

static void slots_that_are_all_taken_say_overflow_for_the_rest_of_the_life(void **state)
{
    struct line l = born(&tracker_slots, 4, 1);
    (void)state;
    for (uint32_t t = 2; t <= 5; t++)
        line_take(&l, &desk, t, 20);
    says(&l, true, WEIR_OVERFLOW, 4);
    names(&l, true, 5, 0);
    line_give(&l, &desk, 1, 30);
    line_give(&l, &desk, 5, 30);
    says(&l, true, WEIR_OVERFLOW, 4);
    line_born(&l, &desk, &tracker_slots, 4, 5, 40);
    says(&l, true, WEIR_CERTIFIED, 1);
}

static void a_slot_holds_as_many_references_as_its_number_can_say(void **state)
{
    struct line l = born(&tracker_slots, 2, 1);
    (void)state;
    while (l.count < 32767)
        line_take(&l, &desk, 1, 20);
    says(&l, true, WEIR_CERTIFIED, 1);
    names(&l, true, 1, 32767);
    line_take(&l, &desk, 1, 20);
    says(&l, true, WEIR_OVERFLOW, 1);
    l = born(&tracker_slots, 2, 1);
    for (int i = 0; i < 40000; i++) {
        line_take(&l, &desk, 2, 20);
        line_give(&l, &desk, 1, 20);
    }
    says(&l, false, WEIR_OVERFLOW, 2);
    names(&l, false, 1, -32767);
}

static void two_slots_of_one_token_are_added_up(void **state)
{
    struct line l = born(&tracker_slots, 4, 1);
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        if (!l.words[i]) {
            l.words[i] = l.words[1] ? l.words[1] : l.words[0] ? l.words[0] : l.words[2] ? l.words[2] : l.words[3];
            break;
        }
    l.count = 2;
    says(&l, true, WEIR_CERTIFIED, 1);
    names(&l, true, 1, 2);
}

static void a_token_that_no_table_knows_takes_the_certificate(void **state)
{
    struct line l = born(&tracker_slots, 4, 1);
    uint64_t value = desk.value[2];
    (void)state;
    line_take(&l, &desk, 2, 20);
    desk.value[2] = 0;
    says(&l, true, WEIR_AMBIGUOUS, 2);
    desk.value[2] = value;
    says(&l, true, WEIR_CERTIFIED, 2);
    l.words[0] = l.words[1] = l.words[2] = l.words[3] = (UINT64_C(1) << 17) | 0x1ffff;
    l.count = 4;
    says(&l, true, WEIR_AMBIGUOUS, 1);
}

static void an_age_that_a_slot_cannot_say_is_not_known(void **state)
{
    struct line l = born(&tracker_slots, 4, 1);
    (void)state;
    line_take(&l, &desk, 2, (UINT32_C(1) << 31) + 5);
    assert_int_equal(line_read(&l, &desk, true).holder[1].since, 0);
    names(&l, true, 2, 1);
}

/* -- journal -------------------------------------------------------------------------------------------------------------------- */

static void a_whole_journal_is_the_ledger(void **state)
{
    struct line l = born(&tracker_journal, 8, 1);
    struct verdict v;
    (void)state;
    line_take(&l, &desk, 2, 20);
    line_take(&l, &desk, 30, 30);
    line_give(&l, &desk, 1, 40);
    line_give(&l, &desk, 2, 50);
    line_take(&l, &desk, 2, 60);
    v = line_read(&l, &desk, false);
    assert_int_equal(v.certainty, WEIR_CERTIFIED);
    assert_int_equal(v.n, 2);
    assert_int_equal(v.holder[0].since, 60);
    assert_int_equal(v.holder[1].since, 30);
    line_give(&l, &desk, 9, 70);
    says(&l, false, WEIR_AMBIGUOUS, 3);
}

static void a_journal_that_dropped_entries_certifies_nothing(void **state)
{
    struct line l = born(&tracker_journal, 4, 1);
    (void)state;
    line_take(&l, &desk, 2, 20);
    line_give(&l, &desk, 1, 30);
    line_take(&l, &desk, 3, 30);
    says(&l, true, WEIR_CERTIFIED, 2);
    line_give(&l, &desk, 2, 30);                        /* BORN 1 is gone: 2, -1, 3, -2 */
    says(&l, true, WEIR_OVERFLOW, 1);
    names(&l, true, 3, 1);
    line_take(&l, &desk, 4, 30);
    line_give(&l, &desk, 4, 30);                        /* 3, -2, 4, -4 */
    says(&l, true, WEIR_OVERFLOW, 1);
    line_take(&l, &desk, 5, 30);
    line_give(&l, &desk, 3, 30);                        /* 4, -4, 5, -3 */
    says(&l, true, WEIR_OVERFLOW, 1);
    line_take(&l, &desk, 6, 30);
    line_give(&l, &desk, 6, 30);                        /* 5, -3, 6, -6 */
    line_take(&l, &desk, 6, 30);
    line_give(&l, &desk, 6, 30);                        /* 6, -6, 6, -6 */
    says(&l, true, WEIR_OVERFLOW, 0);
}

static void a_journal_whose_rest_adds_up_is_probable(void **state)
{
    struct line l = born(&tracker_journal, 4, 1);
    (void)state;
    line_give(&l, &desk, 1, 20);
    for (uint32_t t = 2; t <= 5; t++)
        line_take(&l, &desk, t, 20);
    says(&l, true, WEIR_PROBABLE, 4);
    names(&l, true, 5, 1);
}

static void entries_of_the_last_life_are_no_entries_of_this_one(void **state)
{
    struct line l = born(&tracker_journal, 8, 1);
    (void)state;
    for (uint32_t t = 2; t <= 6; t++)
        line_take(&l, &desk, t, 20);
    line_born(&l, &desk, &tracker_journal, 8, 9, 30);
    l.words[0]++;                                       /* an entry that was claimed and is not written */
    says(&l, true, WEIR_AMBIGUOUS, 1);
}

static void notes_are_no_references(void **state)
{
    struct line l = born(&tracker_journal, 8, 1);
    (void)state;
    journal_write(l.words, 8, TRACK_SUBMIT, 1, 1, 20);
    journal_write(l.words, 8, TRACK_RETURN, 1, 1, 20);
    says(&l, true, WEIR_CERTIFIED, 1);
}

/* -- releasers ------------------------------------------------------------------------------------------------------------------ */

static void who_is_not_among_the_releasers_is_a_candidate(void **state)
{
    struct line l = born(&tracker_releasers, 0, 1);
    (void)state;
    for (uint32_t t = 4; t <= 58; t += 3)               /* each of the 20 holders has one */
        line_take(&l, &desk, t, 20);
    says(&l, true, WEIR_PROBABLE, 20);
    for (uint32_t t = 1; t <= 52; t += 3)
        line_give(&l, &desk, t, 30);
    says(&l, true, WEIR_PROBABLE, 2);
    names(&l, true, 55, 1);
    names(&l, true, 58, 1);
    says(&l, false, WEIR_AMBIGUOUS, 2);
    line_take(&l, &desk, 1, 40);                        /* who has released once holds again, and the list can't know */
    says(&l, true, WEIR_AMBIGUOUS, 2);
    line_over(&l, &desk);
}

static void without_nodes_the_releasers_say_overflow_and_get_their_nodes_back(void **state)
{
    struct line l = born(&tracker_releasers, 0, 1);
    (void)state;
    desk.head.nodes_used = 0;
    desk.nodes[0].word = 0;
    desk.head.nodes = 6;                                /* five: entry 0 is the list of the free ones */
    for (int life = 0; life < 10; life++) {
        line_born(&l, &desk, &tracker_releasers, 0, 1, 10);
        for (uint32_t t = 4; t <= 58; t += 3)
            line_take(&l, &desk, t, 20);
        for (uint32_t t = 1; t <= 13; t += 3)
            line_give(&l, &desk, t, 30);
        says(&l, true, WEIR_PROBABLE, 15);
        line_give(&l, &desk, 16, 30);
        says(&l, true, WEIR_OVERFLOW, 15);
        line_over(&l, &desk);
        assert_int_equal(desk.head.nodes_used, 5);
    }
    desk.head.nodes = DESK_NODES;
}

static void a_torn_list_is_no_list(void **state)
{
    struct line l = born(&tracker_releasers, 0, 1);
    uint64_t word;
    uint32_t node;
    (void)state;
    line_take(&l, &desk, 4, 20);
    line_take(&l, &desk, 4, 20);
    line_give(&l, &desk, 1, 20);
    line_give(&l, &desk, 4, 20);
    node = (uint32_t)(l.words[0] >> 32);
    word = desk.nodes[node].word;
    desk.nodes[node].word = (uint64_t)node << 32 | 4;                   /* a ring */
    says(&l, true, WEIR_AMBIGUOUS, 0);
    desk.nodes[node].word = UINT64_C(0xfffffff0) << 32 | 4;             /* out of the table */
    says(&l, true, WEIR_AMBIGUOUS, 0);
    desk.nodes[node].word = (word >> 32) << 32 | 0xffffff;              /* no token */
    says(&l, true, WEIR_AMBIGUOUS, 0);
    desk.nodes[node].word = word;
    says(&l, true, WEIR_AMBIGUOUS, 18);
    line_over(&l, &desk);
}

/* -- words that no tracker wrote -------------------------------------------------------------------------------------------------- */

static void decoders_survive_any_words(void **state)
{
    uint64_t seed = 99;
    (void)state;
    for (int round = 0; round < AS_MANY(20000, 2000); round++)
        for (int i = TRACKER_XOR; i < TRACKERS; i++) {
            struct line l = { .tracker = trackers[i], .count = 1 + random_below(&seed, 5) };
            struct verdict v;
            l.parameter = trackers[i]->least + random_below(&seed, trackers[i]->most - trackers[i]->least + 1);
            if (i == TRACKER_JOURNAL)
                l.parameter = 1 + l.parameter % 8;
            for (unsigned w = 0; w < line_words(&l); w++)
                l.words[w] = random_next(&seed) >> random_below(&seed, 64);
            v = line_read(&l, &desk, round & 1);
            assert_true(v.n <= VERDICT_HOLDERS);
            if (i == TRACKER_SKETCH)                    /* all words 0 are what references of nobody known leave */
                assert_true(v.certainty == WEIR_OVERFLOW || (v.certainty == WEIR_PROBABLE && v.n == 1 && v.holder[0].token == 0));
            l.parameter = random_below(&seed, 300);
            if (line_words(&l) <= LINE_WORDS)
                (void)line_read(&l, &desk, round & 1);
        }
}

/* -- many threads -------------------------------------------------------------------------------------------------------------- */

enum { CREW = 4, SHARED_TOKEN = 60 };

struct crewman {
    struct line *line;
    unsigned number, rounds;
    int32_t held[DESK_TOKENS];
};

/* Takes and gives back at random: three tokens of its own, and one that all use. */
static void *crewman_work(void *arg)
{
    struct crewman *c = arg;
    uint64_t seed = c->number;
    for (unsigned i = 0; i < c->rounds; i++) {
        uint32_t token = random_below(&seed, 4) ? 1 + 3 * c->number + random_below(&seed, 3) : SHARED_TOKEN;
        struct tracker_update u = line_update(&desk, c->line, token, 20);
        if (c->held[token] > 0 && (random_next(&seed) & 1)) {
            c->line->tracker->take_back(c->line->words, &u);
            c->held[token]--;
        } else if (c->held[token] < 5) {
            c->line->tracker->add(c->line->words, &u);
            c->held[token]++;
        }
    }
    for (uint32_t t = 1 + 3 * c->number; t < 4 + 3 * c->number; t++)    /* one or two tokens are left */
        for (struct tracker_update u = line_update(&desk, c->line, t, 20); c->held[t] > (t == 1 + 3 * c->number ? 1 : 0); c->held[t]--)
            c->line->tracker->take_back(c->line->words, &u);
    return NULL;
}

static void threads_at_once_leave_exact_balances(const struct tracker *tracker, unsigned parameter, unsigned rounds)
{
    struct line l = born(tracker, parameter, 50);
    struct crewman crew[CREW];
    pthread_t thread[CREW];
    int32_t held[DESK_TOKENS] = { [50] = 1 };
    struct verdict v;
    memset(crew, 0, sizeof crew);
    for (unsigned i = 0; i < CREW; i++) {
        crew[i].line = &l;
        crew[i].number = i;
        crew[i].rounds = rounds;
        assert_int_equal(pthread_create(&thread[i], NULL, crewman_work, &crew[i]), 0);
    }
    for (unsigned i = 0; i < CREW; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        for (uint32_t t = 1; t < DESK_TOKENS; t++) {
            held[t] += crew[i].held[t];
            l.count += (uint32_t)crew[i].held[t];
        }
    }
    v = line_read(&l, &desk, true);
    assert_int_equal(v.certainty, WEIR_CERTIFIED);
    for (uint32_t t = 1; t < DESK_TOKENS; t++)
        assert_int_equal(verdict_of(&v, t), held[t]);
}

static void threads_at_once_leave_exact_sketches(void **state)
{
    (void)state;
    threads_at_once_leave_exact_balances(&tracker_sketch, 8, AS_MANY(100000, 5000));
}

static void threads_at_once_leave_exact_slots(void **state)
{
    (void)state;
    for (int i = 0; i < AS_MANY(40, 10); i++)
        threads_at_once_leave_exact_balances(&tracker_slots, 32, AS_MANY(5000, 500));
}

static void threads_at_once_leave_whole_journals(void **state)
{
    (void)state;
    for (int i = 0; i < AS_MANY(200, 50); i++)
        threads_at_once_leave_exact_balances(&tracker_journal, 256, 50);
}

static void threads_at_once_leave_the_last_one_in_xor_and_sum(void **state)
{
    static const struct tracker *const both[] = { &tracker_xor, &tracker_sum };
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct line l = born(both[i], 0, 50);
        struct crewman crew[CREW] = { { 0 } };
        pthread_t thread[CREW];
        for (unsigned c = 0; c < CREW; c++) {
            crew[c] = (struct crewman){ .line = &l, .number = c, .rounds = AS_MANY(50000, 5000) };
            assert_int_equal(pthread_create(&thread[c], NULL, crewman_work, &crew[c]), 0);
        }
        for (unsigned c = 0; c < CREW; c++) {
            assert_int_equal(pthread_join(thread[c], NULL), 0);
            for (uint32_t t = 1; t < DESK_TOKENS; t++)
                for (struct tracker_update u = line_update(&desk, &l, t, 30); crew[c].held[t] > 0; crew[c].held[t]--)
                    both[i]->take_back(l.words, &u);
        }
        says(&l, true, WEIR_CERTIFIED, 1);
        names(&l, true, 49, 1);                         /* holder 17's first token: the site is not meant */
    }
}

struct releaser {
    struct line own, *all;
    unsigned number, rounds;
    const char *wrong;
};

/* Lives of its own, which take nodes and give them back, while all release on one common line. */
static void *releaser_work(void *arg)
{
    struct releaser *r = arg;
    uint64_t seed = r->number + 17;
    r->wrong = NULL;
    for (unsigned i = 0; i < r->rounds && !r->wrong; i++) {
        uint32_t n = 1 + random_below(&seed, 12);
        line_born(&r->own, &desk, &tracker_releasers, 0, 1, 10);
        for (uint32_t t = 0; t < n; t++)
            line_take(&r->own, &desk, 4 + 3 * t, 10);
        for (uint32_t t = 0; t < n; t++)
            line_give(&r->own, &desk, 4 + 3 * t, 10);
        if (i % 16 == 0) {
            struct tracker_update u = line_update(&desk, r->all, 1 + 3 * r->number, 20);
            tracker_releasers.take_back(r->all->words, &u);
        }
        if ((uint32_t)r->own.words[0] != n || r->own.words[1])
            r->wrong = "the list has not the length of what was released";
        for (uint32_t at = (uint32_t)(r->own.words[0] >> 32), t = n; t-- > 0 && !r->wrong; at = (uint32_t)(desk.nodes[at].word >> 32))
            if ((uint32_t)desk.nodes[at].word != 4 + 3 * t)
                r->wrong = "a node of this list is somebody else's";
        line_over(&r->own, &desk);
    }
    return NULL;
}

static void nodes_change_hands_between_lives_and_none_is_lost_or_in_two_lists(void **state)
{
    struct line all = born(&tracker_releasers, 0, 1);
    static struct releaser crew[CREW];
    static bool met[DESK_NODES];
    pthread_t thread[CREW];
    unsigned nodes = 0;
    (void)state;
    memset(met, 0, sizeof met);
    desk.head.nodes_used = 0;
    desk.nodes[0].word = 0;
    for (unsigned i = 0; i < CREW; i++) {
        crew[i] = (struct releaser){ .all = &all, .number = i, .rounds = AS_MANY(16000, 1600) };
        assert_int_equal(pthread_create(&thread[i], NULL, releaser_work, &crew[i]), 0);
    }
    for (unsigned i = 0; i < CREW; i++) {
        assert_int_equal(pthread_join(thread[i], NULL), 0);
        if (crew[i].wrong)
            fail_msg("%s", crew[i].wrong);
    }
    assert_int_equal((uint32_t)all.words[0] + all.words[1], CREW * AS_MANY(1000, 100));
    line_over(&all, &desk);
    for (uint32_t at = (uint32_t)(desk.nodes[0].word >> 32); at; at = (uint32_t)(desk.nodes[at].word >> 32), nodes++) {
        assert_true(at < DESK_NODES && !met[at]);
        met[at] = true;
    }
    assert_int_equal(nodes, desk.head.nodes_used);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_has_every_tracker_under_its_number_and_name),
        cmocka_unit_test(xor_names_the_holder_of_the_only_reference_and_its_word_is_readable),
        cmocka_unit_test(xor_says_ambiguous_of_two_leakers_and_of_the_same_one_twice),
        cmocka_unit_test(xor_is_not_taken_in_by_thread_ids_that_make_another_ones),
        cmocka_unit_test(sum_names_one_holder_also_of_several_references_at_several_sites),
        cmocka_unit_test(sum_says_ambiguous_of_two_leakers),
        cmocka_unit_test(a_thread_id_that_was_given_twice_is_two_candidates),
        cmocka_unit_test(slots_name_every_token_and_since_when_it_holds),
        cmocka_unit_test(slots_keep_a_ledger_across_a_hand_over),
        cmocka_unit_test(slots_that_are_all_taken_say_overflow_for_the_rest_of_the_life),
        cmocka_unit_test(a_slot_holds_as_many_references_as_its_number_can_say),
        cmocka_unit_test(two_slots_of_one_token_are_added_up),
        cmocka_unit_test(a_token_that_no_table_knows_takes_the_certificate),
        cmocka_unit_test(an_age_that_a_slot_cannot_say_is_not_known),
        cmocka_unit_test(a_whole_journal_is_the_ledger),
        cmocka_unit_test(a_journal_that_dropped_entries_certifies_nothing),
        cmocka_unit_test(a_journal_whose_rest_adds_up_is_probable),
        cmocka_unit_test(entries_of_the_last_life_are_no_entries_of_this_one),
        cmocka_unit_test(notes_are_no_references),
        cmocka_unit_test(who_is_not_among_the_releasers_is_a_candidate),
        cmocka_unit_test(without_nodes_the_releasers_say_overflow_and_get_their_nodes_back),
        cmocka_unit_test(a_torn_list_is_no_list),
        cmocka_unit_test(decoders_survive_any_words),
        cmocka_unit_test(threads_at_once_leave_exact_sketches),
        cmocka_unit_test(threads_at_once_leave_exact_slots),
        cmocka_unit_test(threads_at_once_leave_whole_journals),
        cmocka_unit_test(threads_at_once_leave_the_last_one_in_xor_and_sum),
        cmocka_unit_test(nodes_change_hands_between_lives_and_none_is_lost_or_in_two_lists),
    };
    return cmocka_run_group_tests(tests, make_desk, NULL);
}
