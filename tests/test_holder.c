/* tests/test_holder.c - debug/holder.c and threads.c: who is in the table, by what name, how it leaves, and who is there still. */
#include "os_support.h"

#include "../debug/token_private.h"
#include "debug_support.h"
#include "track_slot.h"

#ifndef _WIN32
#include <signal.h>
#endif

static void end(struct watch *w)
{
    token_forget(w);
    fake_watch_end(w);
}

static unsigned holders_in(const struct watch *w, uint32_t state)
{
    unsigned n = 0;
    for (uint32_t i = 1; i < w->head->holders; i++)
        n += w->holders[i].state == state;
    return n;
}

/* -- other threads --------------------------------------------------------------------------------------------------------------------------- */

struct other {
    struct watch *watch;
    const char *name;
    uint32_t holder, token;
    int takes;
    bool waits;                 /* until it may end */
    uint32_t ready, may_end;
    pthread_t thread;
};

static void *is_other(void *arg)
{
    struct other *o = arg;
    if (o->name)
        (void)weir_holder_name(o->name);
    struct watched_thread *t = watched_thread(o->watch);
    o->holder = t->index;
    o->token = token_of_site(t, NULL)->index;
    for (int i = 0; i < o->takes; i++)
        token_count(t, o->token, 1);
    (void)add_32(&o->ready, 1);
    if (o->waits)
        (void)reaches(&o->may_end, 1);
    track_slot_exit();
    return NULL;
}

static void start(struct other *o)
{
    assert_int_equal(pthread_create(&o->thread, NULL, is_other, o), 0);
    assert_true(reaches(&o->ready, 1));
}

static void stop(struct other *o)
{
    (void)add_32(&o->may_end, 1);
    pthread_join(o->thread, NULL);
}

static struct other run(struct watch *w, const char *name, int takes)
{
    struct other o = { .watch = w, .name = name, .takes = takes };
    start(&o);
    stop(&o);
    return o;
}

/* -- the entry --------------------------------------------------------------------------------------------------------------------------------- */

static void a_thread_has_one_entry_which_says_who_it_is(void **state)
{
    (void)state;
    struct watch *w = fake_watch((struct fake_shape){ 0 });
    struct os_process me;
    struct watched_thread *t = watched_thread(w);
    assert_int_equal(os_process_self(&me), 0);
    assert_ptr_equal(watched_thread(w), t);
    assert_int_not_equal(t->index, 0);
    assert_ptr_equal(t->watch, w);
    assert_ptr_equal(t->holder, &w->holders[t->index]);
    assert_int_equal(t->holder->state, DEBUG_READY);
    assert_int_equal(t->holder->incarnation, 1);
    assert_memory_equal(&t->holder->process, &me, sizeof me);
    assert_int_equal(t->holder->tid, os_thread_id());
    assert_int_equal(t->holder->thread_start, os_thread_start());
    assert_int_equal(t->holder->intent, 0);
    assert_true(t->holder->beat > 0);
    assert_int_not_equal(t->holder->name[0], 0);
    assert_int_equal(holders_in(w, DEBUG_READY), 1);
    end(w);
}

static void each_watch_has_its_own(void **state)
{
    (void)state;
    enum { WATCHES = 20 };
    struct watch *w[WATCHES];
    for (uint32_t i = 0; i < WATCHES; i++) {
        w[i] = fake_watch((struct fake_shape){ 0 });
        w[i]->id = 40 * i;                                  /* more than the first page has room for */
    }
    for (int i = 0; i < WATCHES; i++)
        assert_ptr_equal(watched_thread(w[i])->watch, w[i]);
    for (int i = 0; i < WATCHES; i++)
        assert_int_equal(holders_in(w[i], DEBUG_READY), 1);
    for (int i = 0; i < WATCHES; i++)
        end(w[i]);
}

static void a_watch_that_was_closed_leads_nowhere(void **state)
{
    (void)state;
    struct watch *first = fake_watch((struct fake_shape){ 0 });
    uint32_t id = first->id;
    struct other o = { .watch = first, .waits = true };
    (void)watched_thread(first);
    start(&o);
    end(first);                                             /* its memory is gone, and the other thread is there still */
    struct watch *second = fake_watch((struct fake_shape){ 0 });
    second->id = id;
    struct watched_thread *t = watched_thread(second);
    assert_ptr_equal(t->watch, second);
    assert_int_equal(holders_in(second, DEBUG_READY), 1);
    stop(&o);
    assert_int_equal(holders_in(second, DEBUG_READY), 1);
    assert_int_equal(holders_in(second, DEBUG_EXITED), 0);
    end(second);
}

/* -- names ------------------------------------------------------------------------------------------------------------------------------------- */

static void a_name_holds_before_and_after_a_watch_knows_the_thread(void **state)
{
    (void)state;
    struct watch *w = fake_watch((struct fake_shape){ 0 }), *later = fake_watch((struct fake_shape){ 0 });
    struct other o = run(w, "worker-3", 0);
    assert_string_equal(w->holders[o.holder].name, "worker-3");
    struct watched_thread *t = watched_thread(w);
    char system[48];
    strcpy(system, t->holder->name);
    assert_int_equal(weir_holder_name("acceptor"), 0);
    assert_string_equal(t->holder->name, "acceptor");
    assert_string_equal(watched_thread(later)->holder->name, "acceptor");
    assert_int_equal(weir_holder_name(""), 0);
    assert_string_equal(t->holder->name, system);
    assert_int_equal(weir_holder_name(NULL), 0);
    end(w);
    end(later);
}

static void a_name_is_cut_between_characters(void **state)
{
    (void)state;
    struct watch *w = fake_watch((struct fake_shape){ 0 });
    struct watched_thread *t = watched_thread(w);
    char name[100], wanted[48] = { 0 };
    memset(name, 'n', sizeof name);
    name[99] = 0;
    memset(wanted, 'n', 47);
    assert_int_equal(weir_holder_name(name), 0);
    assert_string_equal(t->holder->name, wanted);
    memcpy(name + 46, "\xc3\xa9", 2);                      /* one character in two bytes: only its first would have room */
    wanted[46] = 0;
    assert_int_equal(weir_holder_name(name), 0);
    assert_string_equal(t->holder->name, wanted);
    assert_int_equal(weir_holder_name(NULL), 0);
    end(w);
}

static void a_dying_thread_can_not_be_named(void **state)
{
    (void)state;
    track_slot_exit();
    track_slot_dying = true;
    int error = weir_holder_name("late");
    weir_holder_beat();
    track_slot_dying = false;
    assert_int_equal(error, -ENOMEM);
}

static void without_memory_a_thread_is_nobody_until_there_is_some(void **state)
{
    (void)state;
    struct watch *w = fake_watch((struct fake_shape){ 0 });
    track_slot_exit();
    for (int after = 0; after < 4; after++) {               /* the block, the watch's own, the array, the record */
        os_fail_commit_after(after > 0);
        struct watched_thread *t = watched_thread(w);
        os_fail_commit_after(-1);
        assert_int_equal(t->index, 0);
        assert_int_equal(token_of_site(t, NULL)->index, 0);
        token_count(t, 0, 1);
    }
    assert_int_not_equal(watched_thread(w)->index, 0);
    end(w);
}

/* -- states -------------------------------------------------------------------------------------------------------------------------------------- */

static void a_thread_that_ends_has_exited_and_is_dead(void **state)
{
    (void)state;
    struct watch *w = fake_watch((struct fake_shape){ 0 });
    struct other o = { .watch = w, .waits = true };
    start(&o);
    assert_int_equal(w->holders[o.holder].state, DEBUG_READY);
    assert_int_equal(holder_state(&w->holders[o.holder], 1, 0), WEIR_ALIVE);
    stop(&o);
    assert_int_equal(w->holders[o.holder].state, DEBUG_EXITED);
    assert_true(w->holders[o.holder].ended >= w->holders[o.holder].beat);
    assert_int_equal(holder_state(&w->holders[o.holder], 1, 0), WEIR_DEAD);
    end(w);
}

static void who_gives_no_sign_for_too_long_is_hung(void **state)
{
    (void)state;
    struct watch *w = fake_watch((struct fake_shape){ 0 });
    struct watched_thread *t = watched_thread(w);
    holder_sign(t, 1000);
    assert_int_equal(t->holder->beat, 1000);
    assert_int_equal(holder_state(t->holder, 1000, 60), WEIR_ALIVE);
    assert_int_equal(holder_state(t->holder, 1060, 60), WEIR_ALIVE);
    assert_int_equal(holder_state(t->holder, 1061, 60), WEIR_HUNG);
    assert_int_equal(holder_state(t->holder, 9000, 0), WEIR_ALIVE);         /* nobody is to be called hung */
    assert_int_equal(holder_state(t->holder, 900, 60), WEIR_ALIVE);         /* a sign after the clock was read */
    weir_holder_beat();
    assert_true(t->holder->beat < 1000);                                    /* by the watch's own clock, which has just begun */
    end(w);
}

static void a_reused_number_is_dead(void **state)
{
    (void)state;
    struct watch *w = fake_watch((struct fake_shape){ 0 });
    struct debug_holder copy = *watched_thread(w)->holder;
    copy.thread_start++;
    assert_int_equal(holder_state(&copy, 1, 0), WEIR_DEAD);
    copy.thread_start--;
    copy.process.start++;
    assert_int_equal(holder_state(&copy, 1, 0), WEIR_DEAD);
    copy.process.start--;
    assert_int_equal(holder_state(&copy, 1, 0), WEIR_ALIVE);
    copy.state = DEBUG_EXITED;                              /* it said so itself, however alive its number is */
    assert_int_equal(holder_state(&copy, 1, 0), WEIR_DEAD);
    end(w);
}

#ifndef _WIN32
/* A child that is another holder of a shared watch, takes a reference and waits to be killed. */
static uint32_t *child_holder;

static void holds_and_waits(struct watch *w)
{
    token_hold();
    token_forked_threads();
    token_let_go();
    struct watched_thread *t = watched_thread(w);
    token_count(t, token_of_site(t, NULL)->index, 1);
    alarm(60);
    (void)add_32(child_holder, t->index);
    for (;;)
        pause();
}

static pid_t child_that_holds(struct watch *w)
{
    fflush(NULL);
    store_relaxed_32(child_holder, 0);
    pid_t child = fork();
    if (child == 0)
        holds_and_waits(w);
    assert_true(reaches(child_holder, 1));
    return child;
}

static void a_killed_child_is_a_zombie_and_then_dead(void **state)
{
    (void)state;
    siginfo_t info;
    struct watch *w = fake_watch((struct fake_shape){ .shared = true });
    uint32_t mine = watched_thread(w)->index;
    pid_t child = child_that_holds(w);
    const struct debug_holder *its = &w->holders[*child_holder];
    assert_int_not_equal(*child_holder, mine);              /* a fork is a new holder */
    assert_int_equal(its->process.pid, child);
    assert_int_equal(its->tid, child);
    assert_int_equal(w->holders[mine].process.pid, getpid());
    assert_int_equal(holder_state(its, 1, 0), WEIR_ALIVE);
    assert_int_equal(holder_state(its, 100000, 60), WEIR_HUNG);
    kill(child, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(holder_state(its, 1, 0), WEIR_ZOMBIE);
    waitpid(child, NULL, 0);
    assert_int_equal(holder_state(its, 1, 0), WEIR_DEAD);
    assert_int_equal(its->state, DEBUG_READY);              /* it said nothing */
    end(w);
}

static void a_dead_holders_entry_is_kept_while_a_reference_counts_on_it(void **state)
{
    (void)state;
    struct watch *w = fake_watch((struct fake_shape){ .shared = true, .holders = 3 });
    uint32_t mine = watched_thread(w)->index;
    pid_t child = child_that_holds(w);
    uint32_t its = *child_holder;
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    struct other o = run(w, NULL, 0);
    assert_int_equal(o.holder, 0);                          /* full: two that hold, and nobody's */
    assert_int_equal(w->head->numbers.unnamed, 1);
    assert_int_equal(w->holders[its].process.pid, child);
    for (uint32_t i = 1; i < w->head->tokens; i++) {
        if (w->tokens[i].state == DEBUG_READY && w->tokens[i].holder == its)
            w->tokens[i].others = -1;                       /* somebody gives back what it took */
    }
    ((struct locals *)w->locals)->collect_after = 0;        /* ten seconds later */
    o = run(w, "heir", 0);
    assert_int_equal(o.holder, its);
    assert_int_equal(w->holders[its].incarnation, 2);
    assert_string_equal(w->holders[its].name, "heir");
    assert_int_equal(w->holders[mine].state, DEBUG_READY);
    end(w);
}

/* -- fork, of a private watch: each side has its own copy --------------------------------------------------------------------------------------- */

static struct watch *forked;
static uint32_t others_holder;

static int is_a_new_holder(void)
{
    uint32_t index = forked->holders[1].state == DEBUG_READY ? 1 : 0;
    token_hold();
    token_forked_threads();
    token_forked(forked);
    token_let_go();
    struct watched_thread *t = watched_thread(forked);
    const struct thread_token *token = token_of_site(t, NULL);
    if (t->index != index || t->holder->process.pid != getpid() || t->holder->tid != os_thread_id() || t->holder->incarnation != 2)
        return 1;
    if (holder_state(t->holder, 1, 0) != WEIR_ALIVE || token->who != ((uint64_t)getpid() << 32 | (uint32_t)getpid()))
        return 2;
    if (strcmp(t->holder->name, "parent") != 0 || forked->tokens[token->index].own != 1)
        return 3;
    if (forked->holders[others_holder].process.pid != getppid())
        return 4;
    track_slot_exit();
    return forked->holders[index].state == DEBUG_EXITED ? 0 : 5;
}

static void a_fork_is_a_new_holder_of_what_it_inherits(void **state)
{
    (void)state;
    forked = fake_watch((struct fake_shape){ 0 });
    track_slot_exit();
    assert_int_equal(weir_holder_name("parent"), 0);
    struct watched_thread *t = watched_thread(forked);
    assert_int_equal(t->index, 1);
    token_count(t, token_of_site(t, NULL)->index, 1);
    struct other o = { .watch = forked, .waits = true };
    start(&o);
    others_holder = o.holder;
    assert_int_equal(in_a_child(is_a_new_holder), 0);
    assert_int_equal(t->holder->process.pid, getpid());
    assert_int_equal(holder_state(&forked->holders[o.holder], 1, 0), WEIR_ALIVE);
    stop(&o);
    (void)weir_holder_name(NULL);
    end(forked);
}
#endif

/* -- many ------------------------------------------------------------------------------------------------------------------------------------------ */

static size_t mapped_bytes(void)
{
#ifdef _WIN32
    return 0;
#else
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file == NULL || fscanf(file, "%ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (size_t)pages * os_page_size();
#endif
}

/* A thread's life without a thread: this one comes, and goes. Every hundredth is a thread indeed. */
static struct other lives(struct watch *w, int i)
{
    struct other o = { .watch = w };
    if (i % 100 == 0)
        return run(w, NULL, 0);
    struct watched_thread *t = watched_thread(w);
    o.holder = t->index;
    o.token = token_of_site(t, NULL)->index;
    track_slot_exit();
    return o;
}

static void ten_thousand_threads_one_after_another_fill_and_leak_nothing(void **state)
{
    (void)state;
    struct watch *w = fake_watch((struct fake_shape){ .tokens = 512 });
    fake_life(w, 3, 1);                                     /* what the leaker has */
    struct other leaker = run(w, "leaker", 2);
    size_t before = 0;
    track_slot_exit();
    for (int i = 0; i < 10000; i++) {
        struct other o = lives(w, i);
        assert_int_not_equal(o.holder, 0);
        assert_int_not_equal(o.token, 0);
        assert_int_not_equal(o.holder, leaker.holder);
        assert_int_not_equal(o.token, leaker.token);
        if (i == 5000)
            before = mapped_bytes();
    }
#ifdef WEIR_EMULATED
    print_message("missing: what the library alone has mapped; with the emulator's it is %zu KiB more\n", (mapped_bytes() - before) >> 10);
#else
    assert_true(mapped_bytes() <= before + MIB);
#endif
    assert_string_equal(w->holders[leaker.holder].name, "leaker");
    assert_int_equal(w->holders[leaker.holder].incarnation, 1);
    assert_int_equal(w->tokens[leaker.token].holder, leaker.holder);
    assert_int_equal(w->tokens[leaker.token].own, 2);
    assert_int_equal(w->head->numbers.unnamed, 0);
    end(w);
}

/* One takes and another gives back, and both end: their balances say nothing for good. No life is so old that it could have their tokens in its line. */
static void what_threads_handed_on_keeps_no_entry_when_those_lives_are_over(void **state)
{
    (void)state;
    struct watch *w = fake_watch((struct fake_shape){ .holders = 8 });
    struct other giver = run(w, "giver", 1), last = { 0 };
    bool again = false;
    fake_life(w, 3, (uint32_t)w->holders[giver.holder].ended);
    for (int i = 0; i < 20; i++)
        assert_int_not_equal(run(w, NULL, 0).holder, giver.holder);
    fake_life(w, 3, (uint32_t)w->holders[giver.holder].ended + 1000);
    for (int i = 0; i < 20; i++) {
        last = run(w, NULL, 1);
        assert_int_not_equal(last.holder, 0);
        again = again || last.holder == giver.holder;
    }
    assert_true(again);
    end(w);
}

static void more_threads_than_entries_are_nobody_and_harm_nobody(void **state)
{
    (void)state;
    enum { THREADS = 12, ENTRIES = 8 };
    struct watch *w = fake_watch((struct fake_shape){ .holders = ENTRIES });
    struct other o[THREADS];
    unsigned known = 0;
    for (int i = 0; i < THREADS; i++) {
        o[i] = (struct other){ .watch = w, .waits = true, .takes = 1 };
        start(&o[i]);
        known += o[i].holder != 0;
    }
    assert_int_equal(known, ENTRIES - 1);
    for (int i = 0; i < THREADS; i++) {
        for (int j = 0; j < i; j++)
            assert_true(o[i].holder == 0 || o[i].holder != o[j].holder);
        assert_int_equal(o[i].token != 0, o[i].holder != 0);
    }
    for (int i = 0; i < THREADS; i++)
        stop(&o[i]);
    assert_int_equal(w->head->numbers.unnamed, 2 * (THREADS - ENTRIES + 1));     /* each by its entry that it didn't get, and by what it took */
    assert_int_equal(w->holders[0].state, DEBUG_FREE);
    end(w);
}

static void *comes_and_goes(void *arg)
{
    struct other *o = arg;
    for (int i = 0; i < 500; i++) {
        struct watched_thread *t = watched_thread(o->watch);
        const struct thread_token *token = token_of_site(t, NULL);
        if (t->index && token->index && load_relaxed_32(&t->watch->tokens[token->index].holder) != t->index)
            (void)add_32(&o->ready, 1);
        token_count(t, token->index, 1);
        weir_holder_beat();
        (void)weir_holder_name("comes and goes");
        token_count(t, token->index, -1);
        track_slot_exit();
    }
    return NULL;
}

struct claimer {
    struct debug_token *table;
    uint32_t *claims, *go;
    pthread_t thread;
};
enum { CLAIMED = 200000 };

static void *claims_all(void *arg)
{
    struct claimer *c = arg;
    uint32_t next = 0, i;
    (void)add_32(c->go, 1);
    (void)reaches(c->go, 4);
    while ((i = table_claim(c->table, sizeof *c->table, CLAIMED, &next)) != 0)
        (void)add_32(&c->claims[i], 1);
    return NULL;
}

static void an_entry_is_claimed_by_one_alone(void **state)
{
    (void)state;
    static struct debug_token table[CLAIMED];
    static uint32_t claims[CLAIMED];
    struct claimer c[4];
    uint32_t go = 0;
    for (int i = 0; i < 4; i++) {
        c[i] = (struct claimer){ .table = table, .claims = claims, .go = &go };
        assert_int_equal(pthread_create(&c[i].thread, NULL, claims_all, &c[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(c[i].thread, NULL);
    assert_int_equal(claims[0], 0);
    for (int i = 1; i < CLAIMED; i++)
        assert_int_equal(claims[i], 1);
}

/* Few entries for many: collections, claims and exits at once. */
static void threads_that_come_and_go_at_once_never_share_an_entry(void **state)
{
    (void)state;
    struct watch *w = fake_watch((struct fake_shape){ .holders = 9, .tokens = 16 });
    struct other o[4] = { 0 };
    for (int i = 0; i < 4; i++) {
        o[i].watch = w;
        assert_int_equal(pthread_create(&o[i].thread, NULL, comes_and_goes, &o[i]), 0);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(o[i].thread, NULL);
        assert_int_equal(o[i].ready, 0);
    }
    for (uint32_t i = 1; i < w->head->tokens; i++)
        assert_int_equal(w->tokens[i].own + w->tokens[i].others, 0);
    assert_int_equal(holders_in(w, DEBUG_READY) + holders_in(w, DEBUG_CLAIMING), 0);
    end(w);
}

int main(void)
{
#ifndef _WIN32
    child_holder = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
#endif
    static const struct CMUnitTest cases[] = {
        cmocka_unit_test(a_thread_has_one_entry_which_says_who_it_is),
        cmocka_unit_test(each_watch_has_its_own),
        cmocka_unit_test(a_watch_that_was_closed_leads_nowhere),
        cmocka_unit_test(a_name_holds_before_and_after_a_watch_knows_the_thread),
        cmocka_unit_test(a_name_is_cut_between_characters),
        cmocka_unit_test(a_dying_thread_can_not_be_named),
        cmocka_unit_test(without_memory_a_thread_is_nobody_until_there_is_some),
        cmocka_unit_test(a_thread_that_ends_has_exited_and_is_dead),
        cmocka_unit_test(who_gives_no_sign_for_too_long_is_hung),
        cmocka_unit_test(a_reused_number_is_dead),
#ifndef _WIN32
        cmocka_unit_test(a_killed_child_is_a_zombie_and_then_dead),
        cmocka_unit_test(a_dead_holders_entry_is_kept_while_a_reference_counts_on_it),
        cmocka_unit_test(a_fork_is_a_new_holder_of_what_it_inherits),
#endif
        cmocka_unit_test(ten_thousand_threads_one_after_another_fill_and_leak_nothing),
        cmocka_unit_test(what_threads_handed_on_keeps_no_entry_when_those_lives_are_over),
        cmocka_unit_test(more_threads_than_entries_are_nobody_and_harm_nobody),
        cmocka_unit_test(an_entry_is_claimed_by_one_alone),
        cmocka_unit_test(threads_that_come_and_go_at_once_never_share_an_entry),
    };
    return cmocka_run_group_tests(cases, NULL, NULL);
}
