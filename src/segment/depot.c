/* src/segment/depot.c - the free list between processes: stacks of magazines, each push and pop of which can be finished for its dead author.
 *
 *     full      magazines of at least M ops               empty     records without ops
 *     part      of fewer: served first                    trimmed   full ones whose buffers have been given back to the system
 *     virgin    a counter of blocks that were never used, which is popped like a stack
 *
 * Why {index, tag} won't do: of a pop whose author died, nobody could tell whether it had come to pass. Here the top names who changed it last and
 * by which of its operations:
 *
 *      63       52 51         32 31             0             63    56 55 52 51         32 31             0
 *     +-----------+-------------+----------------+           +--------+-----+-------------+----------------+
 *     | who       | magazine    | who's num      |   top     | stack  | op  | magazine    | num            |   intent
 *     +-----------+-------------+----------------+           +--------+-----+-------------+----------------+
 *
 *     push: k = own num + 1;  do { h = top; next[m] = h.magazine; intent = {PUSH, m, k} } while (!confirm(h) || !CAS(top, h, {m, w, k}));
 *           spare = NIL; intent = NONE                                                                     m == spare
 *     pop:  k = own num + 1;  do { h = top; intent = {POP, h.magazine, k} } while (!confirm(h) || !CAS(top, h, {next, w, k}));
 *           spare = h.magazine; intent = NONE                                                              spare == NIL
 *     confirm(h): done[h.who] = h.num before h is overwritten, unless h isn't the top any more
 *
 * So w's operation k has come to pass if and only if a top says {_, w, k} or done[w] is k: asked in this order by who finishes it
 * (segment_intent_came_true). One thing is more than in the model of one stack: a writer changes several words, so a late confirm of an earlier
 * operation may come after that of a later one. done only rises: that w's k-th operation has begun means that its earlier ones are over.
 *
 *     may run at once      push   pop   confirm      all lock-free: who fails has been overtaken by who succeeded
 *     any of them           yes   yes    yes
 *
 * Never out of records. There are blocks and twice the writers. A full or trimmed one has M ops or more, so there are at most capacity / M of those. A
 * partial one is made only when the stack of partial ones was found bare (segment_flush_all), so there are no more than writers. One is in each
 * writer's hand. All others are empty.
 *
 * relaxed next: read from a record that may have been popped and pushed meanwhile; the swap fails then.
 */
#include "segment.h"
#include "../panic.h"

/* who's operation num has come to pass. */
void segment_confirm_done(struct segment *s, uint32_t who, uint32_t num)
{
    struct writer *r = writer_at(s, who);
    uint32_t done = load_acquire_32(&r->done);                  /* segment.N2 */
    while ((int32_t)(num - done) > 0 && !cas_32(&r->done, &done, num)) {    /* segment.N1 -> segment.N2: the operation */
    }
}

/* false: h is no longer what *word says. */
bool segment_confirm(struct segment *s, const uint64_t *word, uint64_t h)
{
    struct writer *r = writer_at(s, TOP_WHO(h));
    uint32_t done = load_acquire_32(&r->done), num = TOP_NUM(h);    /* segment.N2 <- segment.N1 */
    do {
        WEIR_POINT("segment.confirm");
        if (load_acquire_64(word) != h)                         /* segment.D2 */
            return false;
    } while ((int32_t)(num - done) > 0 && !cas_32(&r->done, &done, num));   /* segment.N1 */
    return true;
}

/* The spare magazine goes onto a stack. */
void segment_push(struct proxy *p, enum segment_stack stack)
{
    struct segment *s = p->segment;
    struct writer *r = p->rec;
    uint64_t *word = &s->head->stack[stack].word, h;
    uint32_t m = r->spare, k = INTENT_NUM(r->intends) + 1;
    struct record *record = record_at(s, m);
    do {
        h = load_acquire_64(word);                              /* segment.D2 */
        store_relaxed_32(&record->next, TOP_MAGAZINE(h));
        store_release_64(&r->intends, INTENT(INTENT_PUSH, stack, m, k)); /* segment.I1 -> segment.I2: what lies in the magazine */
        WEIR_POINT("segment.push");
    } while (!segment_confirm(s, word, h) || !cas_64(word, &h, TOP(p->id, m, k)));  /* segment.D1 -> segment.D2: the magazine */
    WEIR_POINT("segment.pushed");
    store_release_32(&r->spare, SEGMENT_NIL);                   /* segment.H1 -> segment.H2: it isn't in hand */
    IN_ORDER();                                                 /* segment.C1 */
    store_release_64(&r->intends, INTENT(INTENT_NONE, 0, 0, k)); /* segment.I1: over */
}

/* A block may be popped: its ops have memory. Before the pop, because a block that is ours must be usable. */
static bool depot__may_pop(struct segment *s, enum segment_stack stack, uint32_t m)
{
    uint64_t ops = ((uint64_t)m + 1) * s->shape.magazine;
    if (m == SEGMENT_NIL || stack != STACK_VIRGIN)
        return m != SEGMENT_NIL;
    return !segment_commit(s, ops < s->shape.capacity ? (uint32_t)ops : s->shape.capacity);
}

static uint32_t depot__below(const struct segment *s, enum segment_stack stack, uint32_t m)
{
    if (stack == STACK_VIRGIN)
        return m + 1 < s->shape.blocks ? m + 1 : SEGMENT_NIL;
    return load_relaxed_32(&record_at(s, m)->next);
}

/* The top of a stack becomes the spare. false: there is none, or no memory for it. */
bool segment_pop(struct proxy *p, enum segment_stack stack)
{
    struct segment *s = p->segment;
    struct writer *r = p->rec;
    uint64_t *word = &s->head->stack[stack].word, h;
    uint32_t m, below, k = INTENT_NUM(r->intends) + 1;
    do {
        h = load_acquire_64(word);                              /* segment.D2 <- segment.D1 */
        m = TOP_MAGAZINE(h);
        if (!depot__may_pop(s, stack, m)) {
            if (INTENT_OP(r->intends) != INTENT_NONE)
                store_release_64(&r->intends, INTENT(INTENT_NONE, 0, 0, k));     /* segment.I1: over */
            return false;
        }
        if (m >= s->shape.blocks + 2 * s->shape.writers)
            weir_panic("shared pool \"%s\" is corrupt: a stack holds magazine %u, of %u", s->pool->name, m, s->shape.blocks + 2 * s->shape.writers);
        below = depot__below(s, stack, m);
        store_release_64(&r->intends, INTENT(INTENT_POP, stack, m, k));  /* segment.I1 */
        WEIR_POINT("segment.pop");
    } while (!segment_confirm(s, word, h) || !cas_64(word, &h, TOP(p->id, below, k)));  /* segment.D1: whose it is */
    WEIR_POINT("segment.popped");
    store_release_32(&r->spare, m);                             /* segment.H1 */
    IN_ORDER();                                                 /* segment.C1 */
    store_release_64(&r->intends, INTENT(INTENT_NONE, 0, 0, k)); /* segment.I1: over */
    return true;
}

/* An empty record in hand. */
void segment_want_empty(struct proxy *p)
{
    while (p->rec->spare == SEGMENT_NIL && !segment_pop(p, STACK_EMPTY))
        os_yield();
}

/* No op in the depot that could be had at once. Blocks that were never used, and trimmed magazines, need memory first. */
bool segment_bare(const struct segment *s)
{
    const struct segment_top *stack = s->head->stack;
    return TOP_MAGAZINE(load_acquire_64(&stack[STACK_FULL].word)) == SEGMENT_NIL &&     /* segment.D2 */
           TOP_MAGAZINE(load_acquire_64(&stack[STACK_PART].word)) == SEGMENT_NIL;       /* segment.D2 */
}

/* -- memory ------------------------------------------------------------------------------------------------------------------- */

static int depot__allocate(const struct segment *s, uint64_t at, uint64_t stride, uint64_t from, uint64_t to)
{
    uint64_t page = os_page_size(), begin = (at + from * stride) / page * page, end = (at + to * stride + page - 1) / page * page;
    return stride ? os_segment_allocate(&s->os, begin, end - begin) : 0;
}

/* Have the memory of the first `ops` ops. It is the file system's from then on: no store to it can fail. */
int segment_commit(struct segment *s, uint32_t ops)
{
    const struct segment_shape *k = &s->shape;
    uint32_t have = load_acquire_32(&s->head->committed);       /* segment.K2 */
    uint64_t step = ((uint64_t)1 << 20) / (k->op_stride + k->buffer_stride), to;
    int error;
    while (have < ops) {
        to = have + (step < k->magazine ? k->magazine : step);
        to = to < ops ? ops : to > k->capacity ? k->capacity : to;
        error = depot__allocate(s, k->ops_at, k->op_stride, have, to);
        if (!error)
            error = depot__allocate(s, k->buffers_at, k->buffer_stride, have, to);
        if (!error)
            error = depot__allocate(s, k->magazines_at, k->magazine_stride, have / k->magazine, (to - 1) / k->magazine + 1);
        if (error)
            return error;
        WEIR_POINT("segment.committed");
        if (cas_32(&s->head->committed, &have, (uint32_t)to))   /* segment.K1 -> segment.K2: the memory below */
            have = (uint32_t)to;
    }
    return 0;
}

uint32_t segment_committed(struct weir_pool *pool)
{
    uint32_t committed = load_acquire_32(&pool->segment->head->committed);  /* segment.K2 */
    store_release_32(&pool->arena.committed, committed);        /* arena.C1: it only grows, and a smaller number is right, too */
    return committed;
}

/* The buffers of the ops in a trimmed magazine, which is in hand. */
int segment_allocate_buffers(struct segment *s, const struct record *m)
{
    uint32_t i;
    int error = 0;
    for (i = 0; i < s->shape.slots && !error; i++) {
        uint32_t o = load_relaxed_32(&m->slot[i]);
        if (o != SEGMENT_NONE)
            error = depot__allocate(s, s->shape.buffers_at, s->shape.buffer_stride, o - 1, o);
    }
    return error;
}

/* The ops of a block that nobody has used: the headers, then the record's slots. Whoever finds it not READY does it again. */
static void depot__prepare(struct segment *s, uint32_t block)
{
    const struct segment_shape *k = &s->shape;
    struct record *m = record_at(s, block);
    uint32_t from = block * k->magazine, i, n = k->capacity - from < k->magazine ? k->capacity - from : k->magazine;
    for (i = 0; i < n; i++) {
        struct weir_op *op = op_at(s, from + i);
        store_relaxed_32(&op->generation, 1);
        store_relaxed_32(&op->index, from + i);
        if (k->buffer_stride)
            store_relaxed_64((uint64_t *)&op->buffer, k->buffers_at + (from + i) * k->buffer_stride - k->ops_at - (from + i) * k->op_stride);
        store_release_64(&op->pool, op_home(s, op));            /* arena.P1: the fields above */
        store_relaxed_32(&m->slot[i], from + i + 1);
    }
    store_relaxed_32(&m->n, n);
    IN_ORDER();                                                 /* segment.C1 */
    store_relaxed_32(&m->marks, RECORD_READY);
}

static bool depot__pop_virgin(struct proxy *p)
{
    struct segment *s = p->segment;
    if (!segment_pop(p, STACK_VIRGIN))
        return false;
    depot__prepare(s, p->rec->spare);
    return true;
}

static bool depot__pop_trimmed(struct proxy *p)
{
    struct record *m;
    if (!segment_pop(p, STACK_TRIMMED))
        return false;
    m = record_at(p->segment, p->rec->spare);
    if (segment_allocate_buffers(p->segment, m)) {
        segment_push(p, STACK_TRIMMED);
        return false;
    }
    store_relaxed_32(&m->marks, RECORD_READY);
    return true;
}

/* Ops from the depot, as the spare magazine. The spare that there is goes to the empty ones. */
bool segment_pop_ops(struct proxy *p)
{
    if (p->rec->spare != SEGMENT_NIL)
        segment_push(p, STACK_EMPTY);
    return segment_pop(p, STACK_PART) || segment_pop(p, STACK_FULL) || depot__pop_virgin(p) || depot__pop_trimmed(p);
}
