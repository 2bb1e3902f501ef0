/* src/segment/walk.c - where every op of a shared pool is: the walk, weir_pool_check, and the numbers.
 *
 * The walk reads what segment.h lists, in the order that makes it true for a writer that died at any instruction: its intent first decides what its
 * spare magazine is and whether what lies in it counts. Of living writers it is true when the pool is quiet.
 *
 *     live = (in - out) - what the slots hold       free = capacity - live - cached       gets: took      puts = gets - live
 *
 *     threads: any; check: while nobody uses the pool. progress: O(capacity). Reads only.
 *
 * relaxed slot, marks, next, pool, refs: a quiet pool, or one whose dead are looked at. relaxed in, out, peak: numbers, as the
 * other counters.
 */
#include "segment.h"
#include "../panic.h"
#include <errno.h>
#include <string.h>

/* What the writer had begun and not ended came to pass. First the word that it would have changed, then done: see depot.c. */
bool segment_intent_came_true(const struct segment *s, uint32_t w)
{
    const struct writer *r = writer_at(s, w);
    uint64_t i = load_acquire_64(&r->intends), word;             /* segment.I2 <- segment.I1 */
    if (INTENT_OP(i) == INTENT_NONE)
        return false;
    if (INTENT_OP(i) == INTENT_STEAL) {
        word = load_acquire_64(&writer_at(s, INTENT_WHAT(i))->g);       /* segment.G2 */
        if (G_STATE(word) == G_TAKEN && G_WHO(word) == w && G_NUM(word) == INTENT_NUM(i))
            return true;
    } else {
        word = load_acquire_64(&s->head->stack[INTENT_STACK(i)].word);  /* segment.D2 */
        if (TOP_WHO(word) == w && TOP_NUM(word) == INTENT_NUM(i))
            return true;
    }
    return load_acquire_32(&r->done) == INTENT_NUM(i);          /* segment.N2 */
}

typedef int (*walk_fn)(void *arg, uint32_t index, enum segment_place place, uint32_t id);

/* A magazine's ops: those in its slots, or all of its block, if nobody has filled it in. */
static int walk__record(const struct segment *s, uint32_t m, enum segment_place place, uint32_t id, walk_fn fn, void *arg)
{
    const struct record *record = record_at(s, m);
    uint32_t i, o, from = m * s->shape.magazine;
    int result = 0;
    if (m < s->shape.blocks && !(load_relaxed_32(&record->marks) & RECORD_READY)) {
        for (i = from; i < from + s->shape.magazine && i < s->shape.capacity && !result; i++)
            result = fn(arg, i, place, id);
        return result;
    }
    for (i = 0; i < s->shape.slots && !result; i++)
        if ((o = load_relaxed_32(&record->slot[i])) != SEGMENT_NONE)
            result = fn(arg, o - 1, place, id);
    return result;
}

static int walk__stack(const struct segment *s, enum segment_stack stack, walk_fn fn, void *arg)
{
    uint32_t limit = s->shape.blocks + 2 * s->shape.writers;
    uint32_t m = TOP_MAGAZINE(load_acquire_64(&s->head->stack[stack].word));    /* segment.D2 */
    int result = 0;
    while (m != SEGMENT_NIL && !result) {
        if (m >= s->shape.blocks + 2 * s->shape.writers || !limit--)
            return error_set(WEIR_ECORRUPT, "shared pool \"%s\": stack %d goes round in a circle, or to magazine %u", s->pool->name, (int)stack, m);
        result = walk__record(s, m, (enum segment_place)stack, 0, fn, arg);
        m = load_relaxed_32(&record_at(s, m)->next);
    }
    return result;
}

/* The magazine in a writer's hand whose ops count, or NIL. */
static uint32_t walk__spare(const struct segment *s, uint32_t w)
{
    const struct writer *r = writer_at(s, w);
    uint64_t i = load_acquire_64(&r->intends);                   /* segment.I2 */
    bool true_now = segment_intent_came_true(s, w);
    uint32_t spare = load_acquire_32(&r->spare);                /* segment.H2 <- segment.H1 */
    if (!r->born)
        return SEGMENT_NIL;
    switch (INTENT_OP(i)) {
    case INTENT_PUSH: return true_now ? SEGMENT_NIL : spare;
    case INTENT_POP: return true_now ? INTENT_WHAT(i) : SEGMENT_NIL;
    case INTENT_STEAL: return true_now ? spare : SEGMENT_NIL;
    case INTENT_NONE: break;
    }
    return spare;
}

static int walk__writer(const struct segment *s, uint32_t w, walk_fn fn, void *arg)
{
    const struct writer *r = writer_at(s, w);
    uint64_t g = load_acquire_64(&r->g);                        /* segment.G2 */
    uint32_t spare = walk__spare(s, w), o, i = r->born && G_STATE(g) == G_TAKEN ? G_N(g) : 0;
    int result = 0;
    for (; i < s->shape.slots && !result; i++)
        if ((o = load_relaxed_32(&r->slot[i])) != SEGMENT_NONE)
            result = fn(arg, o - 1, PLACE_SLOT, w);
    if (!result && spare != SEGMENT_NIL)
        result = walk__record(s, spare, PLACE_SPARE, w, fn, arg);
    return result;
}

int segment_walk(const struct segment *s, walk_fn fn, void *arg)
{
    uint32_t w, end = load_acquire_32(&s->head->writers_ready); /* segment.R2 */
    int result = 0;
    enum segment_stack stack;
    for (stack = STACK_FULL; stack <= STACK_TRIMMED && !result; stack++)
        result = walk__stack(s, stack, fn, arg);
    for (w = 1; w < end && !result; w++)
        result = walk__writer(s, w, fn, arg);
    return result;
}

/* -- check -------------------------------------------------------------------------------------------------------------------- */

struct check {
    const struct segment *s;
    uint16_t *seen;             /* 0: nowhere; else 1 + the writer, or 1 + SEGMENT_WRITERS + the stack */
    uint64_t cached;
};

static const char *const walk__place[] = { "the full magazines", "the partial magazines", "the empty magazines", "the trimmed magazines",
                                           "a writer's slots", "a writer's magazine in hand" };

static int check__op(void *arg, uint32_t index, enum segment_place place, uint32_t id)
{
    struct check *k = arg;
    const char *name = k->s->pool->name;
    uint32_t who = place >= PLACE_SLOT ? 1 + id : 1 + SEGMENT_WRITERS + (uint32_t)place;
    if (index >= k->s->shape.capacity)
        return error_set(WEIR_ECORRUPT, "shared pool \"%s\": op %u in %s (writer %u) is not one of its ops", name, index, walk__place[place], id);
    if (k->seen[index] && (place < PLACE_SLOT || k->seen[index] != who))
        return error_set(WEIR_ECORRUPT, "shared pool \"%s\": op %u is in %s (writer %u) and in another place as well (%u)", name, index,
                         walk__place[place], id, k->seen[index] - 1);
    if (place == PLACE_EMPTY)
        return error_set(WEIR_ECORRUPT, "shared pool \"%s\": op %u is in a magazine that should be empty", name, index);
    if (load_relaxed_64(&op_at(k->s, index)->refs))
        return error_set(WEIR_ECORRUPT, "shared pool \"%s\": op %u is in %s (writer %u) and has %u references", name, index, walk__place[place],
                         id, (unsigned)(op_at(k->s, index)->refs & WEIR_REFS_COUNT));
    k->cached += place == PLACE_SLOT && !k->seen[index];
    k->seen[index] = (uint16_t)who;
    return 0;
}

static uint64_t walk__used(const struct segment *s)
{
    uint64_t block = TOP_MAGAZINE(load_acquire_64(&s->head->stack[STACK_VIRGIN].word)), ops;    /* segment.D2 */
    ops = block == SEGMENT_NIL ? s->shape.capacity : block * s->shape.magazine;
    return ops < s->shape.capacity ? ops : s->shape.capacity;
}

static bool walk__any_dead(const struct segment *s)
{
    uint32_t w, end = load_acquire_32(&s->head->writers_ready); /* segment.R2 */
    for (w = 1; w < end; w++) {
        const struct writer *r = writer_at(s, w);
        if (segment_writer_used(r) && segment_writer_life(r) != OS_ALIVE)
            return true;
    }
    return false;
}

/* What was not found anywhere is held, or in the hands of a writer that its stamp names: which only the dead may have in a quiet pool. */
static int check__rest(struct check *k)
{
    const struct segment *s = k->s;
    uint64_t used = walk__used(s), live = 0, i;
    bool dead = walk__any_dead(s);
    struct weir_stats n;
    for (i = 0; i < used; i++) {
        const struct weir_op *op = op_at(s, (uint32_t)i);
        uint32_t stamp = STAMP_OF(load_relaxed_64(&op->pool));
        if (k->seen[i])
            continue;
        if (!load_relaxed_64(&op->refs) && (!dead || !stamp))
            return error_set(WEIR_ECORRUPT, "shared pool \"%s\": op %u is missing: it is neither live, nor cached, nor free", s->pool->name,
                             (unsigned)i);
        live++;
    }
    segment_stats(s->pool, &n);
    if (!dead && (n.live != live || n.cached != k->cached || n.live + n.cached + n.free != n.capacity))
        return error_set(WEIR_ECORRUPT, "shared pool \"%s\": counted %llu live and %llu cached, the statistics say %llu and %llu", s->pool->name,
                         (unsigned long long)live, (unsigned long long)k->cached, (unsigned long long)n.live, (unsigned long long)n.cached);
    return 0;
}

int segment_check(struct weir_pool *pool)
{
    struct check k = { pool->segment, NULL, 0 };
    size_t bytes = pool->capacity * sizeof *k.seen;
    int error;
    k.seen = os_pages(bytes);
    if (!k.seen)
        return error_set(-ENOMEM, "shared pool \"%s\": no memory to check %u ops", pool->name, pool->capacity);
    error = segment_walk(k.s, check__op, &k);
    if (!error)
        error = check__rest(&k);
    os_pages_free(k.seen, bytes);
    return error;
}

/* -- numbers ------------------------------------------------------------------------------------------------------------------ */

static uint32_t walk__count(const struct writer *r, uint32_t slots)
{
    uint32_t n = writer_n_seen(r);
    uint64_t g = load_acquire_64(&r->g);                        /* segment.G2 */
    uint32_t taken = G_STATE(g) == G_TAKEN ? G_N(g) : 0;
    return n > taken && n <= slots ? n - taken : 0;
}

static void walk__raise(struct segment *s, uint64_t live)
{
    uint64_t have = load_relaxed_64(&s->head->peak), n = live < s->shape.capacity ? live : s->shape.capacity;
    while (n > have && !cas_64(&s->head->peak, &have, n)) {     /* segment.P1 -> segment.P1: the number alone */
    }
}

/* Reads every record once, stopping nobody. */
void segment_stats(struct weir_pool *pool, struct weir_stats *out)
{
    struct segment *s = pool->segment;
    uint32_t w, end = load_acquire_32(&s->head->writers_ready); /* segment.R2 */
    uint64_t moved = 0;
    memset(out, 0, sizeof *out);
    for (w = 1; w < end; w++) {
        const struct writer *r = writer_at(s, w);
        out->cached += walk__count(r, s->shape.slots);
        out->gets += load_acquire_64(&r->took);                 /* segment.W2 */
        moved += load_relaxed_64(&r->in) - load_relaxed_64(&r->out);
        out->refills += load_relaxed_64(&r->refills);
        out->flushes += load_relaxed_64(&r->flushes);
        out->steals += load_relaxed_64(&r->steals);
        out->empties += load_relaxed_64(&r->empties);
        out->waits += load_relaxed_64(&r->waits);
    }
    out->capacity = s->shape.capacity;
    out->committed = load_acquire_32(&s->head->committed);      /* segment.K2 */
    out->live = (int64_t)(moved - out->cached) > 0 ? moved - out->cached : 0;
    out->free = out->live + out->cached < out->capacity ? out->capacity - out->live - out->cached : 0;
    out->puts = out->gets - out->live;
    walk__raise(s, out->live);
    out->peak = load_relaxed_64(&s->head->peak);
    out->fenced = s->head->fenced;
}

uint64_t segment_live(struct segment *s)
{
    struct weir_stats n;
    segment_stats(s->pool, &n);
    return n.live;
}

/* After a refill: has there been a new peak? With many writers a census costs, so then only now and then. */
void segment_look(struct proxy *p)
{
    if (load_acquire_32(&p->segment->head->writers_ready) > 6 && ++p->rec->looks % 16 != 0)     /* segment.R2 */
        return;
    (void)segment_live(p->segment);
}

/* How many held ops were taken by threads of this process, and the first of them. */
uint32_t segment_held(struct weir_pool *pool, uint32_t *first)
{
    const struct segment *s = pool->segment;
    uint64_t used = walk__used(s), i;
    uint32_t held = 0;
    for (i = 0; i < used; i++) {
        const struct weir_op *op = op_at(s, (uint32_t)i);
        uint32_t w = STAMP_OF(load_relaxed_64(&op->pool));
        struct os_process process;
        if (!w || w > s->shape.writers || !load_relaxed_64(&op->refs) || !segment_writer_process(writer_at(s, w), &process) ||
            memcmp(&process, &s->self, sizeof s->self) != 0)
            continue;
        if (!held++)
            *first = (uint32_t)i;
    }
    return held;
}
