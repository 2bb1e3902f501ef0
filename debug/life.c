/* debug/life.c - a life that is followed: the line's first word, and when the tracker's words change.
 *
 *      63      44 43    32   31       30         0
 *     +----------+--------+---------+-------------+      version: one more with each update
 *     | version  | active |published|    count    |      active:  updates in progress
 *     +----------+--------+---------+-------------+      count:   references; 0: nobody's life
 *
 * Purpose    know at each moment how many references there are, and let a reader know whether the words behind the count are of one moment.
 * Invariant  the count is at least the references whose takers' tokens are wholly in the words, and who lowers it to 0 is the only one who has
 *            anything to do with the object: a take raises it before the tracker's words, a give lowers it after them.
 *
 *     begin    the words, by plain stores; then the first word, count 1 (release)           nobody looks at a line whose count is 0
 *     ref      intent; first word: version, active and count + 1; words; active - 1; intent gone
 *     unref    intent; first word: version, active + 1; words; active - 1 and count - 1 in one; intent gone
 *     the last of an unpublished object: count 0 by one store; the words need not say so, since the life is over with it
 *
 * An updater that is killed leaves active > 0 and its intent, from which a reader takes back what was done (reader_line.c). For who is killed,
 * program order is enough: it ends between two instructions, and what it stored before is stored.
 *
 *               begin   ref   unref   raise   end
 *     begin       -      -     -       yes     -        each by a holder; begin and end by the only one; raise by anybody
 *     ref                yes   yes     yes     -
 *     unref                    yes     yes     -
 *     raise                            yes     yes
 *
 * progress   lock-free: each retry of raise means that another call got on; a thread's first call registers it (token.h)
 */
#include "../src/atomic.h"
#include "../src/panic.h"
#include "holder.h"
#include "watch_private.h"

#define LIFE_MAX (UINT32_C(1) << 30)
enum { LIFE_LOOK = 16 };        /* ends of lives, roughly, between two looks at the clock */

static uint32_t life__version(uint64_t word) { return (uint32_t)(word >> 44); }

/* -- who does it --------------------------------------------------------------------------------------------------------------------- */

static struct life_by life__plain(struct watch *w, const void *site)
{
    struct life_by by = { .thread = watched_thread(w) };
    by.place = token_of_address(by.thread, site);
    by.token = token_of_site(by.thread, NULL);
    return by;
}

/* By who gives back: the place is for the journal alone. */
static struct life_by life__giver(struct watch *w, const void *site)
{
    struct life_by by = { .thread = watched_thread(w) };
    by.token = token_of_site(by.thread, NULL);
    by.place = w->head->journal ? token_of_address(by.thread, site) : by.token;
    return by;
}

static void life__journal(struct watch *w, uint64_t *line, unsigned event, const struct life_by *by, uint32_t now)
{
    if (w->head->journal)
        journal_write(line_journal(w, line), w->head->journal, event, by->place->index, by->thread->index, now);
}

static void life__place(struct watch *w, uint32_t object, const struct life_by *by)
{
    uint32_t *places = watch_places(w, object);
    store_relaxed_32(places, (load_relaxed_32(places) & 0xffff) | by->place->site << 16);   /* a hint for people */
}

static struct tracker_update life__update(struct watch *w, const struct life_by *by, uint32_t now)
{
    return (struct tracker_update){ by->token, now, w->head->parameter, w };
}

/* From here on, whoever finds this thread dead knows what it was doing. Entry 0 is nobody's, and any number of threads use it at once: no intent there. */
static void life__intend(const struct life_by *by, uint32_t object, int sign)
{
    if (by->thread->index)
        store_relaxed_64(&by->thread->holder->intent, INTENT(object, by->token->index, sign));  /* read of the dead alone */
    WEIR_COMPILER_FENCE();                                      /* life.I1 <-> life.I1: of this thread alone: intent, then the line, for who is killed */
}

static void life__done(const struct life_by *by)
{
    WEIR_COMPILER_FENCE();                                      /* life.I1: the line, then the intent */
    if (by->thread->index)
        store_relaxed_64(&by->thread->holder->intent, 0);
}

/* -- begin, end ------------------------------------------------------------------------------------------------------------------------ */

/* Memory for the object's chunk, before it is written for the first time. */
bool life_ready(struct watch *w, uint32_t object)
{
    uint32_t chunk = object / DEBUG_CHUNK;
    const struct debug_header *h = w->head;
    if (WEIR_LIKELY(load_acquire_8(&w->ready[chunk]) == DEBUG_IS_READY))         /* life.C2 <- life.C1 */
        return true;
    if (os_segment_allocate(&w->segment, h->chunks_at + (uint64_t)chunk * h->chunk_bytes, h->chunk_bytes))
        return false;
    store_release_8(&w->ready[chunk], DEBUG_IS_READY);          /* life.C1 -> life.C2: it has memory */
    return true;
}

/* The line of a life that begins, by `by`; published: others can find the object from the start. */
static void life__start(struct watch *w, uint32_t object, uint32_t generation, const struct life_by *by, uint64_t published)
{
    uint64_t *line = watch_line(w, object), version = load_relaxed_64(line) & ~(LINE_VERSION - 1);    /* nobody's line */
    uint32_t now = watch_time(w);
    struct tracker_update u = life__update(w, by, now);
    token_count(by->thread, by->token->index, 1);
    holder_sign(by->thread, now);
    if (w->tracker)
        w->tracker->first(line_tracker(line), &u);
    if (w->head->journal)
        journal_begin(line_journal(w, line), w->head->journal);
    life__journal(w, line, TRACK_BORN, by, now);
    store_relaxed_32(watch_places(w, object), by->place->site | by->place->site << 16);
    store_release_64(watch_birth(w, object), (uint64_t)now << 32 | generation);     /* life.B1 -> reader.A5: itself alone; the line's first word orders it */
    WEIR_POINT("life.begin");
    store_release_64(line, (version + LINE_VERSION) | published | LINE_ONE);    /* life.L1 -> life.L2, reader.A1: the words of the line */
    numbers_publish(w, now);
}

bool life_begin(struct track *t, uint32_t object, uint32_t generation, const void *site)
{
    struct watch *w = watch_of(t);
    struct life_by by;
    if (!life_ready(w, object)) {
        (void)add_64(&w->head->numbers.untracked, 1);           /* life.N1 -> life.N1: the number alone */
        return false;
    }
    by = life__plain(w, site);
    life__start(w, object, generation, &by, 0);
    return true;
}

void life_begin_object(struct watch *w, uint32_t object, const void *site)
{
    struct life_by by = life__plain(w, site);
    life__start(w, object, 0, &by, LINE_PUBLISHED);
}

/* By who has given back the last reference, or holds it and gives it back by this. */
void life_end(struct track *t, uint32_t object, const void *site)
{
    struct watch *w = watch_of(t);
    uint64_t *line = watch_line(w, object), word = load_acquire_64(line);   /* life.L2 */
    struct life_by by;
    struct tracker_update u;
    if (line_count(word)) {
        by = life__giver(w, site);
        if (w->head->journal)
            life__journal(w, line, TRACK_GIVE, &by, watch_time(w));
        store_release_64(line, (word + LINE_VERSION) & ~(LINE_COUNT | LINE_PUBLISHED));     /* life.L1 -> life.L2: the life is over */
        token_count(by.thread, by.token->index, -1);
    }
    if (w->tracker && w->tracker->over) {
        u = (struct tracker_update){ NULL, 0, w->head->parameter, w };
        w->tracker->over(line_tracker(line), &u);
    }
    store_release_64(watch_birth(w, object), 0);                /* life.B1 -> reader.A5: itself alone */
    if (life__version(word) % LIFE_LOOK == 0)                      /* not each time: the clock costs */
        numbers_publish(w, watch_time(w));
    if (w->head->kind == TRACK_DOMAIN)
        objects_end(w, object);
}

/* -- references ------------------------------------------------------------------------------------------------------------------------- */

/* The words, between the first word's two changes. */
static void life__add(struct watch *w, uint32_t object, uint64_t *line, const struct life_by *by, unsigned event)
{
    uint32_t now = watch_time(w);
    struct tracker_update u = life__update(w, by, now);
    WEIR_POINT("life.ref");
    holder_sign(by->thread, now);
    if (w->tracker)
        w->tracker->add(line_tracker(line), &u);
    life__journal(w, line, event, by, now);
    life__place(w, object, by);
    WEIR_POINT("life.ref.words");
    (void)sub_64(line, LINE_ACTIVE);                            /* life.L1 -> life.L2: the words */
    life__done(by);
}

bool life_ref_by(struct watch *w, uint32_t object, const struct life_by *by)
{
    uint64_t *line = watch_line(w, object), old;
    token_count(by->thread, by->token->index, 1);
    life__intend(by, object, 1);
    old = add_64(line, LINE_VERSION + LINE_ACTIVE + LINE_ONE);  /* life.L1 -> life.L2: that an update is under way */
    if (WEIR_UNLIKELY(line_count(old) >= LIFE_MAX)) {
        (void)sub_64(line, LINE_ACTIVE + LINE_ONE);             /* life.L1: it is not */
        life__done(by);
        token_count(by->thread, by->token->index, -1);
        return false;
    }
    life__add(w, object, line, by, TRACK_TAKE);
    return true;
}

bool life_ref(struct track *t, uint32_t object, const void *site)
{
    struct watch *w = watch_of(t);
    struct life_by by = life__plain(w, site);
    return life_ref_by(w, object, &by);
}

/* by->token may be another thread's: a hold that this one drops. */
enum track_left life_unref_by(struct watch *w, uint32_t object, const struct life_by *by)
{
    uint64_t *line = watch_line(w, object), old = load_acquire_64(line);    /* life.L2 <- life.L1: what others did before they let go */
    uint32_t now = w->head->journal ? watch_time(w) : 0;        /* trackers take back what is there, whenever it came */
    struct tracker_update u = life__update(w, by, now);
    if (line_count(old) == 1 && !(old & LINE_PUBLISHED) && !line_active(old)) {     /* nobody else, and nobody can find it */
        life__journal(w, line, TRACK_GIVE, by, now);
        store_release_64(line, (old + LINE_VERSION) & ~LINE_COUNT);         /* life.L1 -> life.L2: nobody's */
        token_count(by->thread, by->token->index, -1);
        return TRACK_LAST_ONE;
    }
    life__intend(by, object, -1);
    old = add_64(line, LINE_VERSION + LINE_ACTIVE);             /* life.L1 -> life.L2: that an update is under way */
    if (WEIR_UNLIKELY(!line_count(old))) {
        (void)sub_64(line, LINE_ACTIVE);                        /* life.L1: it is not */
        life__done(by);
        return TRACK_FREE;
    }
    WEIR_POINT("life.unref");
    if (w->tracker)
        w->tracker->take_back(line_tracker(line), &u);
    life__journal(w, line, TRACK_GIVE, by, now);
    WEIR_POINT("life.unref.words");
    old = sub_64(line, LINE_ACTIVE + LINE_ONE);                 /* life.L1 -> life.L2: the words, and what this holder did */
    life__done(by);
    token_count(by->thread, by->token->index, -1);
    return line_count(old) == 1 ? TRACK_LAST_ONE : TRACK_LEFT;
}

enum track_left life_unref(struct track *t, uint32_t object, const void *site)
{
    struct watch *w = watch_of(t);
    struct life_by by = life__giver(w, site);
    return life_unref_by(w, object, &by);
}

/* -- look-ups --------------------------------------------------------------------------------------------------------------------------- */

/* The line is raised by a swap from what it said before *header was looked at: so it was this object's line, and is. */
enum track_raise life_raise(struct track *t, uint32_t object, const uint64_t *header, uint64_t mask, uint64_t expected, const void *site)
{
    struct watch *w = watch_of(t);
    struct life_by by = life__plain(w, site);
    uint64_t *line = watch_line(w, object), word = load_acquire_64(line);   /* life.L2 */
    token_count(by.thread, by.token->index, 1);
    life__intend(&by, object, 1);
    do {
        enum track_raise gone = TRACK_GONE;
        if (line_count(word) >= LIFE_MAX)
            gone = TRACK_FULL;
        if ((load_acquire_64(header) & mask) != expected ||     /* domain.E2, ref.A3 */
            !(word & LINE_PUBLISHED) || !line_count(word) || gone == TRACK_FULL) {
            life__done(&by);
            token_count(by.thread, by.token->index, -1);
            return gone;
        }
        WEIR_POINT("life.raise");
    } while (!cas_64(line, &word, word + LINE_VERSION + LINE_ACTIVE + LINE_ONE));   /* life.L1 -> life.L2: that an update is under way */
    life__add(w, object, line, &by, TRACK_TAKE);
    return TRACK_RAISED;
}

void life_publish(struct track *t, uint32_t object)
{
    (void)or_64(watch_line(watch_of(t), object), LINE_PUBLISHED);   /* life.L1 -> life.L2: for look-ups, before the header's mark */
}

uint32_t life_refs(const struct track *t, uint32_t object)
{
    return line_count(load_acquire_64(watch_line((const struct watch *)(const void *)t, object)));  /* life.L2 */
}

/* -- what else happens to it ------------------------------------------------------------------------------------------------------------- */

void life_note(struct track *t, uint32_t object, unsigned event, const void *site)
{
    struct watch *w = watch_of(t);
    struct life_by by;
    if (!w->head->journal)
        return;
    by = life__plain(w, site);
    life__journal(w, watch_line(w, object), event, &by, watch_time(w));
}

/* A hold changes hands: two updates, so that at no moment the reference is nobody's. `from` is written with its own token. */
void life_move(struct watch *w, uint32_t object, const struct life_by *to, const struct life_by *from)
{
    (void)life_ref_by(w, object, to);
    (void)life_unref_by(w, object, from);
}

/* The first object from i on whose line has memory; head->objects or more: there is none. */
uint32_t life_next(const struct watch *w, uint32_t i)
{
    while (i < w->head->objects && load_acquire_8(&w->ready[i / DEBUG_CHUNK]) != DEBUG_IS_READY)    /* life.C2 */
        i += DEBUG_CHUNK - i % DEBUG_CHUNK;
    return i;
}

uint32_t life_oldest(const struct watch *w)
{
    uint32_t i, oldest = UINT32_MAX;
    for (i = life_next(w, 0); i < w->head->objects; i = life_next(w, i + 1)) {
        uint64_t birth = load_relaxed_64(watch_birth(w, i));    /* roughly */
        if (birth && birth_time(birth) < oldest)
            oldest = birth_time(birth);
    }
    return oldest;
}

uint32_t life_followed(const struct track *t)
{
    const struct watch *w = (const struct watch *)(const void *)t;
    uint32_t i, n = 0;
    for (i = life_next(w, 0); i < w->head->objects; i = life_next(w, i + 1))
        n += line_count(load_acquire_64(watch_line(w, i))) != 0;    /* life.L2 */
    return n;
}
