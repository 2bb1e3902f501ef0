/* debug/holder.c - the table of holders: entries are claimed, named, left, and given back when nobody counts on them.
 *
 *     FREE -> CLAIMING -> READY -> EXITED           a thread that leaves in good order
 *                           \         \
 *                            `---------`-> CLAIMING -> FREE      its tokens' balances are all 0: collected, when there is no room else
 *
 * Purpose    say who holds, as long as it holds, also when it is dead: the entry of a holder is what its tokens mean.
 * Invariant  while a token's balance isn't 0, its holder's entry is the one that it was registered with. The balance of a thread that is gone only comes
 *            nearer to 0: when it is there, all that it took was given back.
 *
 *               claim   exit   collect   rename
 *     claim      yes     yes     yes      yes      claims and collections of one process hold w->lock; of several, the swap of the state decides
 *     exit               yes     yes       -       each by its own thread
 *     collect                    yes      yes
 *
 * relaxed state: a first look, before the swap
 * progress   claim and collect: under w->lock, and collect reads /proc when all entries seem to be in use, every ten seconds at
 *            most
 *
 * What can go wrong: plain calls of threads that hand on what they took leave balances for good, and so entries; with many such threads the table fills
 * up and new ones are "nobody" (numbers.unnamed). A journal may still name a token that was used again: it is the history of a life, not a holding.
 */
#include <string.h>
#include "token_private.h"
#include "watch_private.h"

enum { HOLDER_LATE = 10 };                      /* units that a birth may be behind */
#define HOLDER_PATIENCE INT64_C(10000000000)    /* ns until the system is asked for each holder again, if all were there */

/* -- names, entries ------------------------------------------------------------------------------------------------------------------ */

/* By words: a reader that copies meanwhile sees bytes of two names, and the zero byte at the end, which no name reaches. */
void holder_rename(struct debug_holder *holder, const char *name)
{
    uint64_t words[sizeof holder->name / 8] = { 0 };
    size_t bytes = strlen(name);
    memcpy(words, name, bytes < sizeof holder->name ? bytes : sizeof holder->name - 1);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        store_relaxed_64((uint64_t *)(void *)holder->name + i, words[i]);   /* any mixture will do */
}

void holder_become(struct debug_holder *holder, const struct holder_identity *who)
{
    struct debug_holder filled = { .incarnation = holder->incarnation + 1, .process = who->process, .tid = who->tid, .thread_start = who->start };
    memcpy(filled.name, who->name, sizeof filled.name);
    filled.name[sizeof filled.name - 1] = 0;
    filled.beat = load_relaxed_64(&holder->beat);           /* relaxed beat: a number alone */
    table_fill(holder, &filled, sizeof filled);
}

uint32_t table_claim(void *entries, size_t entry_bytes, uint32_t n, uint32_t *next)
{
    for (uint32_t tries = 0; tries < n; tries++) {
        uint32_t i = *next % n, seen = DEBUG_FREE;
        uint32_t *state = table_state((char *)entries + i * entry_bytes);
        *next = i + 1;
        /* token.C1 -> token.C1: the entry; entry 0 is never anybody's */
        if (i > 0 && load_relaxed_32(state) == DEBUG_FREE && cas_32(state, &seen, DEBUG_CLAIMING))
            return i;
    }
    return 0;
}

void table_fill(void *entry, const void *from, size_t bytes)
{
    uint64_t words[sizeof(struct debug_holder) / 8], *to = entry;
    memcpy(words, from, bytes);
    for (size_t i = 1; i < bytes / 8; i++)
        store_relaxed_64(to + i, words[i]);                 /* relaxed: published by the state */
    store_relaxed_32((uint32_t *)entry + 1, ((const uint32_t *)from)[1]);
    store_release_32(table_state(entry), DEBUG_READY);      /* token.R1 -> token.A2, reader.A3: the entry */
}

uint32_t holder_claim(struct watch *w, const struct holder_identity *who)
{
    struct locals *l = w->locals;
    uint32_t i = table_claim(w->holders, sizeof *w->holders, w->head->holders, &l->holder_next);
    if (i == 0 && holder_collect(w, false))
        i = table_claim(w->holders, sizeof *w->holders, w->head->holders, &l->holder_next);
    if (i == 0) {
        (void)add_64(&w->head->numbers.unnamed, 1);         /* token.N1 -> token.N1: the number alone */
        return 0;
    }
    store_relaxed_64(&w->holders[i].beat, watch_time(w));
    holder_become(&w->holders[i], who);
    return i;
}

void holder_exit(const struct watch *w, struct debug_holder *holder)
{
    store_relaxed_64(&holder->ended, watch_time(w));        /* relaxed ended: published by the state */
    store_release_32(&holder->state, DEBUG_EXITED);         /* token.R1 -> token.A2, reader.A3: all that it wrote */
}

/* -- is it there? -------------------------------------------------------------------------------------------------------------------- */

static enum os_life holder__life(const struct debug_holder *h)
{
    struct os_process process = { h->process.boot, h->process.space, h->process.pid, h->process.start };
    return os_thread_life(&process, h->tid, h->thread_start);
}

enum weir_holder_state holder_state(const struct debug_holder *holder, int64_t now_units, uint64_t hung_units)
{
    int64_t silent = now_units - (int64_t)load_relaxed_64(&holder->beat);
    if (load_relaxed_32(&holder->state) == DEBUG_EXITED)
        return WEIR_DEAD;
    switch (holder__life(holder)) {
    case OS_DEAD:
        return WEIR_DEAD;
    case OS_ZOMBIE:
        return WEIR_ZOMBIE;
    default:
        return hung_units && silent > 0 && (uint64_t)silent > hung_units ? WEIR_HUNG : WEIR_ALIVE;
    }
}

/* -- collection ---------------------------------------------------------------------------------------------------------------------- */

/* What is known of each holder meanwhile. */
struct holder_mark { uint32_t incarnation; uint8_t state; bool gone, kept, ours; };

static bool holder__gone(const struct debug_holder *h, uint32_t state, bool ask)
{
    if (state == DEBUG_EXITED)
        return true;
    if (!ask || state != DEBUG_READY || load_relaxed_64(&h->intent))    /* relaxed intent: who was killed in an update stays what it was */
        return false;
    return holder__life(h) == OS_DEAD;
}

static bool holder__look(const struct watch *w, struct holder_mark *marks, bool ask)
{
    bool any = false;
    for (uint32_t i = 1; i < w->head->holders; i++) {
        struct holder_mark *m = &marks[i];
        m->state = (uint8_t)load_acquire_32(&w->holders[i].state);      /* token.A2 <- token.R1 */
        m->incarnation = load_relaxed_32(&w->holders[i].incarnation);
        m->gone = holder__gone(&w->holders[i], m->state, ask);
        any |= m->gone;
    }
    return any;
}

/* Balances that are not 0 keep their holder: some line may have its token. But where plain calls hand references over, the one who gives back the last of a life
 * is another than who took it, and the balances of both stay what they are for good. A holder that had ended before the oldest life began that is followed
 * now is in no line. Times are some units behind. */
static void holder__weigh(const struct watch *w, struct holder_mark *marks)
{
    uint64_t oldest = life_oldest(w);
    for (uint32_t i = 1; i < w->head->tokens; i++) {
        const struct debug_token *t = &w->tokens[i];
        /* token.A2 */
        if (load_acquire_32(&t->state) != DEBUG_READY || t->holder >= w->head->holders || !token_balance(t))
            continue;
        if (marks[t->holder].state != DEBUG_EXITED || w->holders[t->holder].ended + HOLDER_LATE >= oldest)
            marks[t->holder].kept = true;
    }
}

/* Another process may have collected it, and given it to somebody, since it was looked at. */
static void holder__take(struct debug_holder *h, struct holder_mark *m)
{
    uint32_t seen = m->state;
    if (!m->gone || m->kept || !cas_32(&h->state, &seen, DEBUG_CLAIMING))   /* token.C1: the entry */
        return;
    m->ours = h->incarnation == m->incarnation;
    if (!m->ours)
        store_release_32(&h->state, m->state);              /* token.R1: as it was */
}

static bool holder__release(struct watch *w, const struct holder_mark *marks, bool tokens)
{
    bool any = false;
    for (uint32_t i = 1; i < w->head->tokens; i++) {
        struct debug_token *t = &w->tokens[i];
        uint32_t seen = DEBUG_READY;
        if (load_acquire_32(&t->state) != DEBUG_READY || t->holder >= w->head->holders)    /* token.A2 */
            continue;
        const struct holder_mark *m = &marks[t->holder];
        bool single = tokens && m->gone && !m->ours && token_balance(t) == 0 && w->holders[t->holder].incarnation == m->incarnation;
        if ((m->ours || single) && cas_32(&t->state, &seen, DEBUG_FREE))    /* token.F1 -> token.C1: nobody's */
            any = true;
    }
    for (uint32_t i = 1; i < w->head->holders; i++) {
        if (marks[i].ours) {
            store_release_32(&w->holders[i].state, DEBUG_FREE);             /* token.F1: and its tokens before it */
            any = true;
        }
    }
    return any;
}

static bool holder__collect(struct watch *w, struct holder_mark *marks, bool ask, bool tokens)
{
    memset(marks, 0, w->head->holders * sizeof *marks);
    if (!holder__look(w, marks, ask))
        return false;
    holder__weigh(w, marks);
    for (uint32_t i = 1; i < w->head->holders; i++)
        holder__take(&w->holders[i], &marks[i]);
    return holder__release(w, marks, tokens);
}

bool holder_collect(struct watch *w, bool tokens)
{
    struct locals *l = w->locals;
    size_t bytes = w->head->holders * sizeof(struct holder_mark);
    struct holder_mark *marks = os_pages(bytes);
    bool any = marks && holder__collect(w, marks, false, tokens);
    if (marks && !any && os_now() >= l->collect_after) {
        any = holder__collect(w, marks, true, tokens);
        if (!any)
            l->collect_after = os_now() + HOLDER_PATIENCE;
    }
    os_pages_free(marks, bytes);
    return any;
}
