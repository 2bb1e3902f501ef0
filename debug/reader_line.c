/* debug/reader_line.c - reads an object's line at one stable moment, also where a dead thread has left an update half-done; and its journal.
 *
 * Purpose    {first word, the tracker's words} belong together only at a moment when no update is in progress:
 *
 *                birth -> word -> the tracker's words -> word again -> birth again        the same twice, and active is 0
 *
 *            Two equal readings are not enough: an update's steps fall between the words of both. `active` counts the updates in progress,
 *            `version` those that began.
 * The dead   a thread that was killed in an update leaves active > 0 for good, and its intent {sign, token, object}. Once as many dead threads' intents as
 *            active says name the object, nobody else is in it, and what is unknown is how far each one came: a prefix of its steps. Each prefix is
 *            taken back in a copy (tracker->undo). The one that decodes as certified is what was (probable, where there is none); if several that say
 *            different things do, or none, nothing is. A take's count goes up first and a give's down last, so the dead thread's reference is in the count either way: it is
 *            decoded without the takes, which are then added to the verdict as what they are, references of the dead.
 *            Certified only if one dead thread's intent names the object: the count then says whether its update is in the words. Of two, A's give that
 *            is in the words looks like B's that is not, and where the truth has more tokens than a sketch names, only the wrong one decodes.
 * Threads    as reader.c.     Progress   bounded: READER_TRIES readings, READER_DECODES prefixes.
 * Wrong      a living thread that is stopped in the midst of an update: stable is false, and the verdict is ambiguous at best probable.
 */
#include "reader_private.h"

#include <string.h>

struct line {                   /* where an object's parts are */
    const uint64_t *birth, *object, *words;
    const uint32_t *places;
};

static bool line__find(const struct reader *r, uint32_t object, struct line *out)
{
    const struct debug_header *h = &r->head;
    uint32_t chunk = object / DEBUG_CHUNK, in = object % DEBUG_CHUNK;
    uint64_t at = h->chunks_at + (uint64_t)chunk * h->chunk_bytes;
    bool domain = h->kind == TRACK_DOMAIN;
    if (object >= h->objects || ((const volatile uint8_t *)r->base)[h->ready_at + chunk] != DEBUG_IS_READY)
        return false;
    out->birth = reader_words(r, at) + in;
    out->places = (const uint32_t *)(const void *)reader_words(r, at + CHUNK_PLACES) + in;
    out->object = domain ? reader_words(r, at + CHUNK_OBJECTS) + in : NULL;
    out->words = reader_words(r, at + chunk_lines(domain)) + (size_t)in * h->line_words;
    return true;
}

/* -- nodes, of releasers ------------------------------------------------------------------------------------------------------------ */

/* The list that begins at the line's first tracker word. Its nodes never change while the life lasts; those that are not on it stay as they were copied
 * before: a decoder that follows the list sees these alone. */
static void line__nodes(const struct reader *r, uint64_t word)
{
    struct reader_tables *t = reader_tables(r);
    const uint64_t *nodes = reader_words(r, r->head.nodes_at);
    uint32_t at = (uint32_t)(word >> 32);
    for (unsigned n = 0; at && at < r->head.nodes && n < READER_NODES; n++) {
        t->nodes[at].word = load_acquire_64(&nodes[at]);        /* reader.A4 <- releasers.R1 */
        at = (uint32_t)(t->nodes[at].word >> 32);
    }
}

/* -- a verdict ---------------------------------------------------------------------------------------------------------------------- */

static void line__decode(const struct reader *r, const uint64_t *words, uint32_t count, struct verdict *out)
{
    struct tracker_reading reading = {
        .words = words, .parameter = r->head.parameter, .n_words = r->head.tracker_words, .count = count,
        .own = (r->head.flags & DEBUG_OWN) != 0, .tokens = &r->tokens,
        .nodes = r->head.nodes ? reader_tables(r)->nodes : NULL, .n_nodes = r->head.nodes,
    };
    memset(out, 0, sizeof *out);
    out->certainty = WEIR_AMBIGUOUS;
    if (!r->tracker) {
        out->why = "no tracker: it is only known that it is held";
        return;
    }
    r->tracker->decode(out, &reading);
    if (out->n > VERDICT_HOLDERS)
        out->n = VERDICT_HOLDERS;
}

static bool line__same(const struct verdict *a, const struct verdict *b)
{
    if (a->n != b->n)
        return false;
    for (unsigned i = 0; i < a->n; i++) {
        bool found = false;
        for (unsigned j = 0; j < b->n; j++)
            found |= a->holder[i].token == b->holder[j].token && a->holder[i].refs == b->holder[j].refs;
        if (!found)
            return false;
    }
    return true;
}

/* One more reference of a token, by the rule of sets: named once with its number. */
static bool line__add(struct verdict *v, uint32_t token)
{
    unsigned i = 0;
    while (i < v->n && v->holder[i].token != token)
        i++;
    if (i == VERDICT_HOLDERS)
        return false;
    if (i == v->n) {
        memset(&v->holder[i], 0, sizeof v->holder[i]);
        v->holder[i].token = token;
        v->n++;
    }
    v->holder[i].refs++;
    return true;
}

/* -- updates of the dead -------------------------------------------------------------------------------------------------------------- */

struct solve {
    struct reader *r;
    uint32_t object, count, n;                  /* the dead that name it */
    const struct reader_intent *dead[2 * READER_DEAD];
    const struct reader_intent *chosen[READER_DEAD];
    unsigned chosen_n, need, tried;
    struct verdict best;                        /* the surest there was */
    unsigned different;                         /* readings that are as sure, and say something else */
};

static bool solve__consistent(const struct solve *s, const uint64_t *words, struct verdict *v)
{
    uint32_t takes = 0;
    for (unsigned i = 0; i < s->need; i++)
        takes += intent_sign(s->chosen[i]->intent) > 0;
    if (takes > s->count)
        return false;
    line__decode(s->r, words, s->count - takes, v);
    if (v->certainty > WEIR_PROBABLE)
        return false;
    for (unsigned i = 0; i < s->need; i++)
        if (intent_sign(s->chosen[i]->intent) > 0 && !line__add(v, intent_token(s->chosen[i]->intent)))
            return false;
    return true;
}

/* A certified one counts for more than any number of probable ones. */
static void solve__weigh(struct solve *s, const struct verdict *v)
{
    if (!s->different || v->certainty < s->best.certainty) {
        s->best = *v;
        s->different = 1;
    } else if (v->certainty == s->best.certainty && !line__same(v, &s->best)) {
        s->different++;
    }
}

/* Chooses `need` of the dead from `from` on, and a prefix for each. `words` has those of the chosen ones taken back. */
static void solve__from(struct solve *s, unsigned from, const uint64_t *words)
{
    const struct reader *r = s->r;
    const struct tracker *t = r->tracker;
    uint64_t *copy = reader_tables(r)->copy + (size_t)s->chosen_n * r->head.line_words;
    struct verdict v;
    if (s->chosen_n == s->need) {
        if (solve__consistent(s, words, &v))
            solve__weigh(s, &v);
        return;
    }
    for (unsigned i = from; i < s->n; i++) {
        uint64_t intent = s->dead[i]->intent;
        uint32_t token = intent_token(intent);
        bool known = token < r->tokens.n;
        for (unsigned steps = 0; steps <= t->steps(r->head.parameter) && s->tried <= READER_DECODES; steps++, s->tried++) {
            memcpy(copy, words, (size_t)r->head.tracker_words * 8);
            if (!t->undo(copy, r->head.parameter, known ? r->tokens.value[token] : 0, known ? r->tokens.who[token] : 0, token, intent_sign(intent), steps))
                continue;
            s->chosen[s->chosen_n++] = s->dead[i];
            solve__from(s, i + 1, copy);
            s->chosen_n--;
        }
    }
}

/* true: exactly one reading is left, and it is in `out`. */
static bool line__solve(struct reader *r, uint32_t object, uint64_t word, struct verdict *out)
{
    const struct reader_tables *t = reader_tables(r);
    struct solve s = { .r = r, .object = object, .count = line_count(word), .need = line_active(word) };
    for (uint32_t i = 0; i < t->dead_n && s.n < 2 * READER_DEAD; i++)
        if (intent_object(t->dead[i].intent) == object)
            s.dead[s.n++] = &t->dead[i];
    if (s.n < s.need || s.need > READER_DEAD || !r->tracker || !r->tracker->undo || !r->tracker->steps)
        return false;
    solve__from(&s, 0, t->line + 1);
    if (s.different != 1 || s.tried > READER_DECODES)
        return false;
    *out = s.best;
    if (s.n > 1 && out->certainty == WEIR_CERTIFIED) {
        out->certainty = WEIR_PROBABLE;
        out->why = "several threads died in the midst of an update of it: which of them had begun can be told only if what was is within the tracker's sight";
    }
    for (unsigned tried = s.tried; out->wrong_log2 < 0 && tried > 1; tried = (tried + 1) / 2)
        out->wrong_log2 += 1;           /* so many prefixes, so many chances of a wrong one */
    return true;
}

/* -- an object ---------------------------------------------------------------------------------------------------------------------- */

enum reading { READING_STABLE, READING_TORN, READING_NONE };

/* Are all who are in the midst of an update dead? Then nothing will change by waiting. */
static bool line__stuck(const struct reader_tables *t, uint32_t object, uint64_t word)
{
    uint32_t dead = 0;
    for (uint32_t i = 0; i < t->dead_n; i++)
        dead += intent_object(t->dead[i].intent) == object;
    return dead && dead >= line_active(word);
}

static bool line__wait(struct reader_tables *t)
{
    int64_t begin = os_now();
    if (t->waited >= READER_PATIENCE)
        return false;
    os_yield();
    t->waited += os_now() - begin;
    return true;
}

static enum reading line__read(const struct reader *r, uint32_t object, const struct line *line, uint64_t *birth)
{
    struct reader_tables *t = reader_tables(r);
    uint64_t *words = t->line;
    for (int tries = 0; tries < READER_TRIES; tries++) {
        *birth = load_acquire_64(line->birth);                  /* reader.A5 <- life.B1 */
        reader_copy(words, line->words, 1 + r->head.tracker_words);
        if (!*birth)
            return READING_NONE;
        if (r->head.nodes && r->head.tracker_words)
            line__nodes(r, words[1]);
        /* relaxed: all loads before these have acquired, so these are the later ones */
        if (!line_active(words[0]) && load_relaxed_64(line->words) == words[0] && load_relaxed_64(line->birth) == *birth)
            return READING_STABLE;
        if (tries >= READER_QUICK && (line__stuck(t, object, words[0]) || !line__wait(t)))
            break;
    }
    return READING_TORN;
}

static void line__place(const struct reader *r, const struct line *line, struct reader_object *out)
{
    const struct debug_header *h = &r->head;
    uint32_t places = load_relaxed_32(line->places);            /* places: a hint for people */
    out->first = place_first(places) < h->sites ? place_first(places) : 0;
    out->last = place_last(places) < h->sites ? place_last(places) : 0;
    if (line->object)
        out->address = load_relaxed_64(line->object);           /* relaxed: read before the birth's second look would be the same; it is a number to print */
    else if (h->buffer_size && h->buffers)
        out->address = h->buffers + out->object * h->buffer_stride;
    else
        out->address = h->ops ? h->ops + out->object * h->op_stride : 0;
}

static void line__judge(struct reader *r, enum reading reading, uint64_t word, struct reader_object *out)
{
    const uint64_t *words = reader_tables(r)->line + 1;
    out->stable = reading == READING_STABLE;
    if (reading == READING_TORN && line_active(word))
        out->stable = line__solve(r, out->object, word, &out->verdict);
    if (reading == READING_STABLE || !out->stable)
        line__decode(r, words, out->refs, &out->verdict);
    if (out->stable)
        return;
    if (out->verdict.certainty == WEIR_CERTIFIED)
        out->verdict.certainty = WEIR_PROBABLE;
    else
        out->verdict.n = 0;
    out->verdict.why = line_active(word) ? "an update of it was in progress each time it was read" : "it changed each time it was read";
}

/* Read, and judged by the tables as the last refresh found them. false: it is nobody's. */
static bool line__look(struct reader *r, const struct line *line, uint32_t object, struct reader_object *out)
{
    uint64_t birth, word;
    enum reading reading = line__read(r, object, line, &birth);
    memset(out, 0, sizeof *out);
    word = reader_tables(r)->line[0];
    if (reading == READING_NONE || !line_count(word))
        return false;
    out->object = object;
    out->refs = line_count(word);
    out->birth = birth_time(birth);
    out->handle = (uint64_t)birth_generation(birth) << 32 | (object + 1);
    out->age = reader_now(r) - (int64_t)(out->birth ? out->birth - 1 : 0) * DEBUG_UNIT;
    if (out->age < 0)
        out->age = 0;
    line__place(r, line, out);
    line__judge(r, reading, word, out);
    return true;
}

/* Do the tokens that are named stand for the same now as in the tables that they were looked up in? Then they did when the line was read. One whose holder has
 * gone, and gave all back, is another's some day, with another salt. */
static bool line__current(const struct reader *r, const struct verdict *v)
{
    const struct reader_tables *t = reader_tables(r);
    struct debug_token now;
    for (unsigned i = 0; i < v->n; i++) {
        uint32_t token = v->holder[i].token;
        if (token && (!reader_token(r, token, &now) || token_value(r->head.seed, token, now.salt) != t->value[token]))
            return false;
    }
    return true;
}

/* A token that was registered after the refresh can't be found: then the tables are read again, not more often than STALE says; and when one was found that is
 * another's by now. */
enum { STALE = 5000000, LOOKS = 3 };

bool reader_object(struct reader *r, uint32_t object, struct reader_object *out)
{
    struct line line;
    memset(out, 0, sizeof *out);
    if (!line__find(r, object, &line))
        return false;
    for (int looks = 1; line__look(r, &line, object, out); looks++) {
        bool certified = out->verdict.certainty == WEIR_CERTIFIED;
        if (certified ? line__current(r, &out->verdict) : looks > 1 || os_now() - reader_tables(r)->refreshed <= STALE)
            return true;
        if (looks == LOOKS) {
            out->verdict.certainty = WEIR_AMBIGUOUS;
            out->verdict.why = "its holders changed each time it was read";
            out->verdict.n = 0;
            return true;
        }
        reader_refresh(r);
    }
    return false;
}

int reader_each(struct reader *r, int (*fn)(const struct reader_object *o, void *arg), void *arg)
{
    struct reader_object object;
    struct line line;
    for (uint32_t i = 0; i < r->head.objects; i++) {
        int stop;
        if (!line__find(r, i, &line)) {
            i |= DEBUG_CHUNK - 1;               /* none of this chunk */
            continue;
        }
        if (!load_relaxed_64(line.birth) || !reader_object(r, i, &object))      /* relaxed: a hint, reader_object looks */
            continue;
        stop = fn(&object, arg);
        if (stop)
            return stop;
    }
    return 0;
}

/* -- the journal ------------------------------------------------------------------------------------------------------------------- */

unsigned reader_journal(struct reader *r, uint32_t object, struct reader_event *out, unsigned n, uint64_t *lost)
{
    bool beside = r->head.journal != 0;
    uint32_t size = beside ? r->head.journal : r->head.tracker == TRACKER_JOURNAL ? r->head.parameter : 0;
    struct line line;
    const uint64_t *words;
    uint64_t total, after, i;
    unsigned found = 0;
    *lost = 0;
    if (!size || !line__find(r, object, &line))
        return 0;
    words = line.words + 1 + (beside ? r->head.tracker_words : 0);
    total = load_acquire_64(words);                             /* reader.A6 <- journal.R1 */
    for (i = total - (total < size ? total : size < n ? size : n); i < total && found < n; i++) {
        const uint64_t *pair = words + 1 + 2 * (i % size);
        uint64_t first = load_acquire_64(pair), second = load_acquire_64(pair + 1);     /* reader.A6 <- journal.R1 */
        after = load_relaxed_64(words);                         /* relaxed: later than the pair's, which acquired */
        if ((uint32_t)(first >> 32) != (uint32_t)(i + 1) || after - i > size)
            continue;                           /* not written to its end, or written over meanwhile */
        out[found++] = (struct reader_event){ (unsigned)(first >> 24) & 0xff, (uint32_t)first & 0xffffff, (uint32_t)(second >> 32), (uint32_t)second };
    }
    *lost = total - found;
    return found;
}
