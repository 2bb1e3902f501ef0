/* tests/fuzz/fuzz_pool.c - sequences of the pool's calls, two pools at most, from two threads in turn, and a model of what must be true.
 *
 * The model     an entry an op: its references, whether it is published or submitted, its handle, what its buffer holds. For a pool how many ops
 *               are live, gets and puts so far, what keeps trim from giving back. One thread runs at a time, so the model is exact: get answers
 *               NULL if and only if all are live (or a commit has been made to fail), the statistics are right after each call.
 * Callers' bugs are made as well: they must panic, all others must not, and a panic changes nothing.
 * Goes wrong    fuzz_fail, or a sanitizer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/os.h"
#include "pool_model.h"

enum { BULK = 32, COMMANDS_MOST = 2000 };

static void pool__create(struct model *m, struct fuzz_input *in)
{
    static const size_t buffers[] = { 0, 1, 64, 100, 512, 4096, 65536, (size_t)-1 }, users[] = { 0, 1, 64, 200, 65536, 65537 };
    static const size_t aligns[] = { 0, 1, 64, 128, 4096, 3, 8192 };
    struct weir_pool *pool = (struct weir_pool *)(uintptr_t)64;
    struct weir_pool_config c = { .name = NULL };
    bool good;
    int error;
    memset(m, 0, sizeof *m);
    c.capacity = fuzz_below(in, MOST + 2);
    c.initial = fuzz_below(in, 4) == 3 ? fuzz_u8(in) : 0;
    c.cache = fuzz_below(in, 8) == 7 ? fuzz_u32(in) % 1030 : fuzz_below(in, 16);
    c.buffer_size = buffers[fuzz_below(in, 8)];
    c.buffer_align = aligns[fuzz_below(in, 7)];
    c.user_size = users[fuzz_below(in, 6)];
    c.flags = fuzz_below(in, 16) == 15 ? fuzz_u8(in) & ~(unsigned)(WEIR_POOL_NUMA | WEIR_POOL_SHARED) : 0;
    c.debug = fuzz_below(in, 32) == 31 ? "sketch" : NULL;
    snprintf(m->name, sizeof m->name, "fuzz-%u", (unsigned)(m - models));
    c.name = fuzz_below(in, 32) == 31 ? "no good" : m->name;
    good = c.capacity && c.capacity <= MOST && c.initial <= c.capacity && c.cache <= 1024 && c.buffer_size <= 65536 &&
           c.buffer_align != 3 && c.buffer_align <= os_page_size() && c.user_size <= 65536 && !(c.flags & ~(unsigned)WEIR_POOL_HUGEPAGES) &&
           !c.debug && c.name == m->name;
    if (c.capacity > MOST)
        return;                                 /* more than the model has room for */
    error = weir_pool_create(&pool, &c);
    if (error == -ENOMEM && poor)
        return;
    if (good != (error == 0))
        fuzz_fail("weir_pool_create: %d (%s), and the config is %s", error, error ? weir_error_message() : "", good ? "good" : "bad");
    if (error) {
        FUZZ_NEED(pool == (struct weir_pool *)(uintptr_t)64 && weir_error_message()[0]);
        FUZZ_NEED(error == -EINVAL || error == -ENOTSUP);
        return;
    }
    m->pool = pool;
    m->config = c;
    FUZZ_NEED(strcmp(weir_pool_name(pool), m->name) == 0);
    FUZZ_NEED(weir_pool_create(&pool, &c) == -EEXIST);
}

static void pool__get(struct model *m, uint8_t how)
{
    unsigned calls = m->low_calls, reclaimed = m->reclaimed;
    bool full = m->live == m->config.capacity, had = m->stashed && m->reclaimers;
    struct weir_op *op;
    struct weir_cache *cache;
    switch (how % 4) {
    case 0: op = weir_op_get(m->pool); break;
    case 1: op = (cache = weir_cache_get(m->pool)) ? weir_op_get_from(cache) : NULL; break;
    case 2: op = weir_op_get_wait(m->pool, 0); break;
    default: op = weir_op_get_wait(m->pool, full && !had ? 1 : 1000000000); break;
    }
    if (!op && (!full || had) && !poor)
        fuzz_fail("a get of kind %u answered NULL, %u of %u are live", how % 4u, (unsigned)m->live, (unsigned)m->config.capacity);
    if (op)
        model_born(m, op);
    if (m->reclaimed != reclaimed)
        m->low_unsure = true;
    model_level(m, calls, op != NULL);
}

static void pool__get_bulk(struct model *m, struct fuzz_input *in)
{
    struct weir_op *op[MOST];
    unsigned n = fuzz_below(in, 8) == 7 ? fuzz_u8(in) % MOST : fuzz_below(in, BULK), got;
    unsigned left = m->config.capacity - (unsigned)m->live, reclaimed = m->reclaimed;
    got = weir_op_get_bulk(m->pool, op, n);
    FUZZ_NEED(got == 0 || got == n);
    if (got < n && n <= left && !poor)
        fuzz_fail("a bulk of %u answered 0, %u are left", n, left);
    FUZZ_NEED(got <= left + (m->reclaimed - reclaimed));
    for (unsigned i = 0; i < got; i++)
        model_born(m, op[i]);
    m->low_unsure = true;
}

/* By any of the ways; a bug if the op is shared, published or submitted. */
static void pool__put(struct model *m, struct fuzz_input *in)
{
    uint8_t how = fuzz_u8(in);
    struct entry *e = model_pick(m, fuzz_u8(in));
    struct called c = { (enum call)(CALL_PUT + how % 3), m->pool, e ? e->op : NULL, false };
    bool bug = e && (e->refs != 1 || e->published || e->submitted);
    if (!e)
        return;
    model_compare(m, e, false);
    if (!bug)
        model_died(m, e);
    model_must(&c, bug);
}

static void pool__put_again(struct model *m, struct fuzz_input *in)
{
    struct weir_op *op = weir_op_at(m->pool, fuzz_u8(in));
    struct called c = { (enum call)fuzz_below(in, CALL_RELEASE), m->pool, op, false };
    if (!op || m->entry[weir_op_index(op)].op)
        return;
    model_must(&c, true);
    FUZZ_NEED(weir_op_refs(op) == 0);
    model_check(m);
}

static void pool__unref(struct model *m, struct fuzz_input *in)
{
    struct entry *e = model_pick(m, fuzz_u8(in));
    struct called c = { CALL_UNREF, m->pool, e ? e->op : NULL, false };
    bool last, bug;
    if (!e)
        return;
    last = e->refs == 1;
    bug = last && e->submitted;
    if (last && !bug)
        model_died(m, e);
    else if (!last)
        e->refs--;
    model_must(&c, bug);
    FUZZ_NEED(bug || c.answer == last);
}

static void pool__mark(struct model *m, struct fuzz_input *in, enum call call)
{
    struct entry *e = model_pick(m, fuzz_u8(in));
    struct called c = { call, m->pool, e ? e->op : NULL, false };
    if (!e)
        return;
    model_must(&c, call == CALL_SUBMITTED ? e->submitted : call == CALL_RETURNED ? !e->submitted : false);
    if (call == CALL_SUBMITTED || call == CALL_RETURNED)
        e->submitted = call == CALL_SUBMITTED;
    e->refs += call == CALL_REF;
    e->published |= call == CALL_PUBLISH;
    if (call == CALL_PUBLISH)
        FUZZ_NEED(weir_op_ref_handle(m->pool, e->handle) == e->op && !weir_op_unref(e->op));
    FUZZ_NEED(weir_op_refs(e->op) == e->refs);
}

static void pool__look_up(struct model *m, struct fuzz_input *in)
{
    uint8_t how = fuzz_u8(in) % 4, which = fuzz_u8(in);
    struct entry *e = how == 0 ? model_pick(m, which) : NULL;
    uint64_t handle = how == 0 ? (e ? e->handle : 0) : how == 1 ? m->stale[which % STALE]
                      : (uint64_t)fuzz_u32(in) << 32 | (how == 2 ? which : fuzz_u32(in));
    uint32_t number = (uint32_t)handle;
    struct weir_op *op = weir_op_ref_handle(m->pool, handle), *want = NULL;
    if (number && number <= m->config.capacity) {
        e = &m->entry[number - 1];
        want = e->op && e->published && e->handle == handle ? e->op : NULL;
    }
    if (op != want)
        fuzz_fail("the look-up of handle %llx found %p and not %p", (unsigned long long)handle, (void *)op, (void *)want);
    if (op)
        e->refs++;
}

static void pool__address(struct model *m, struct fuzz_input *in)
{
    uint32_t index = fuzz_u8(in);
    struct weir_op *op = weir_op_at(m->pool, index);
    struct entry *e = index < m->config.capacity ? &m->entry[index] : NULL;
    bool raised, want;
    FUZZ_NEED(!op || e);
    if (e && e->seen)
        FUZZ_NEED(op || m->trimmed);
    if (!op)
        return;
    FUZZ_NEED(weir_op_refs(op) == e->refs);
    want = e->op && e->published;
    raised = weir_op_ref_unless_zero(op);
    FUZZ_NEED(raised == want);
    e->refs += raised;
}

/* From addresses to ops: inside, just outside, foreign. */
static void pool__inside(struct model *m, struct fuzz_input *in)
{
    struct entry *e = model_pick(m, fuzz_u8(in));
    uint32_t offset = fuzz_u32(in) & 0x1ffff;
    unsigned char *buffer, foreign = 0;
    FUZZ_NEED(!weir_pool_owns(m->pool, &foreign) && !weir_op_from_buffer(m->pool, &foreign) && !weir_op_from_user(NULL));
    if (!e)
        return;
    buffer = weir_op_buffer(e->op);
    FUZZ_NEED(weir_pool_owns(m->pool, (unsigned char *)e->op + offset % 128));
    FUZZ_NEED(weir_op_from_overlapped(weir_op_overlapped(e->op)) == e->op && weir_op_buffer_size(e->op) == m->config.buffer_size);
    FUZZ_NEED((buffer != NULL) == (m->config.buffer_size != 0) && (weir_op_user(e->op) != NULL) == (m->config.user_size != 0));
    if (buffer) {
        size_t align = m->config.buffer_align ? m->config.buffer_align : 64;
        FUZZ_NEED((uintptr_t)buffer % align == 0);
        FUZZ_NEED(weir_op_from_buffer(m->pool, buffer + offset % m->config.buffer_size) == e->op);
        FUZZ_NEED(weir_op_from_buffer(m->pool, buffer + m->config.buffer_size) != e->op && !weir_op_from_buffer(m->pool, e->op));
    }
    if (m->config.user_size)
        FUZZ_NEED((uintptr_t)weir_op_user(e->op) % 64 == 0 && weir_op_from_user(weir_op_user(e->op)) == e->op);
}

static void pool__iovecs(struct model *m)
{
    struct weir_iovec range[2];
    int n = weir_pool_iovecs(m->pool, range, 2);
    if (n < 0) {
        FUZZ_NEED(m->config.buffer_size == 0 ? n == -EINVAL : poor && n == -ENOMEM);
        return;
    }
    FUZZ_NEED(n == 1 && m->config.buffer_size);
    FUZZ_NEED((size_t)n && range[0].bytes >= m->config.buffer_size * m->config.capacity);
    m->pinned++;
}

static void pool__release(struct model *m)
{
    struct called c = { CALL_RELEASE, m->pool, NULL, false };
    model_must(&c, m->pinned == 0);
    m->pinned -= m->pinned != 0;
}

static void pool__trim(struct model *m)
{
    size_t bytes = weir_pool_trim(m->pool);
    FUZZ_NEED(bytes == 0 || !m->pinned);
    m->trimmed |= !m->pinned;
}

static void pool__set_low(struct model *m, struct fuzz_input *in)
{
    uint32_t ops = fuzz_u8(in);
    int error = weir_pool_low_water(m->pool, ops, model_low, m);
    FUZZ_NEED(error == (ops > m->config.capacity ? -EINVAL : 0));
    if (error)
        return;
    m->low = ops;
    m->below = false;
    m->low_unsure = ops && m->config.capacity - m->live < ops;
}

static void pool__reclaimer(struct model *m, struct fuzz_input *in)
{
    uint8_t what = fuzz_u8(in) % 3;
    struct entry *e = what == 2 ? model_pick(m, fuzz_u8(in)) : NULL;
    if (what == 0 && m->reclaimers < 2) {
        FUZZ_NEED(weir_pool_reclaimer(m->pool, model_reclaim, m) == 0);
        m->reclaimers++;
    } else if (what == 1) {
        weir_pool_reclaimer_remove(m->pool, model_reclaim, m);
        m->reclaimers = 0;
    } else if (e && m->stashed < STASH && e->refs == 1 && !e->published && !e->submitted) {
        m->stash[m->stashed++] = e->op;
    }
}

static void pool__rewrite(struct model *m, struct fuzz_input *in)
{
    struct entry *e = model_pick(m, fuzz_u8(in));
    if (!e)
        return;
    model_compare(m, e, false);
    model_fill(m, e, (uint8_t)(fuzz_u8(in) | 1));
    if (!e->submitted)
        weir_op_prepare(e->op, fuzz_u32(in));
}

static void pool__close(struct model *m)
{
    int error;
    if (m->live > 0 && !(m->reclaimers && m->stashed)) {
        FUZZ_NEED(weir_pool_close(m->pool) == -EBUSY && weir_error_message()[0]);
        return;
    }
    if (m->live)
        return;
    model_check(m);
    error = weir_pool_close(m->pool);
    if (error)
        fuzz_fail("weir_pool_close: %d: %s", error, weir_error_message());
    m->pool = NULL;
}

/* Everything back, whatever state it is in; all can be got once more. */
static void pool__end(struct model *m)
{
    weir_pool_reclaimer_remove(m->pool, model_reclaim, m);
    FUZZ_NEED(weir_pool_low_water(m->pool, 0, NULL, NULL) == 0);
    os_fail_commit_after(-1);
    poor = false;
    m->low = m->reclaimers = m->stashed = 0;
    for (uint32_t i = 0; i < m->config.capacity; i++) {
        struct entry *e = &m->entry[i];
        if (!e->op)
            continue;
        if (e->submitted)
            weir_op_returned(e->op);
        for (; e->refs > 1; e->refs--)
            FUZZ_NEED(!weir_op_unref(e->op));
        FUZZ_NEED(weir_op_unref(e->op));
        model_died(m, e);
    }
    for (uint32_t i = 0; i < m->config.capacity; i++)
        pool__get(m, 0);
    FUZZ_NEED(!weir_op_get(m->pool));
    model_quiet(m);
    for (uint32_t i = 0; i < m->config.capacity; i++) {
        weir_op_put(m->entry[i].op);
        model_died(m, &m->entry[i]);
    }
    model_quiet(m);
    pool__close(m);
    FUZZ_NEED(!m->pool);
}

static void pool__command(void *arg)
{
    struct fuzz_input *in = arg;
    uint8_t command = fuzz_u8(in);
    struct model *m = &models[(command >> 6) & 1];
    unsigned user = command & 0x80 ? 2 : 1;
    command &= 63;
    if (!m->pool) {
        pool__create(m, in);
        return;
    }
    m->users |= user;
    switch (command) {
    case 0: case 1: case 2: case 3: pool__get(m, command); break;
    case 4: pool__get_bulk(m, in); break;
    case 5: case 6: pool__put(m, in); break;
    case 7: pool__unref(m, in); break;
    case 8: pool__mark(m, in, CALL_REF); break;
    case 9: pool__mark(m, in, CALL_PUBLISH); break;
    case 10: pool__mark(m, in, CALL_SUBMITTED); break;
    case 11: pool__mark(m, in, CALL_RETURNED); break;
    case 12: pool__look_up(m, in); break;
    case 13: pool__address(m, in); break;
    case 14: pool__inside(m, in); break;
    case 15: weir_thread_flush(m->pool); break;
    case 16: pool__trim(m); break;
    case 17: model_check(m); break;
    case 18: pool__close(m); break;
    case 19: pool__iovecs(m); break;
    case 20: pool__release(m); break;
    case 21: pool__set_low(m, in); break;
    case 22: pool__reclaimer(m, in); break;
    case 23: pool__rewrite(m, in); break;
    case 24: pool__put_again(m, in); break;
    case 25: poor = true; os_fail_commit_after(fuzz_below(in, 8)); break;
    case 26: poor = false; os_fail_commit_after(-1); break;
    case 27: for (unsigned n = fuzz_u8(in); n; n--) pool__get(m, 0); break;
    case 28: for (unsigned n = fuzz_u8(in); n && m->live; n--) pool__put(m, in); break;
    case 29: weir_op_put(NULL); FUZZ_NEED(!weir_op_unref(NULL) && weir_op_get_bulk(m->pool, &(struct weir_op *){ NULL }, 0) == 0); break;
    default: return;
    }
    if (m->pool)
        model_quiet(m);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = { data, size, 0 };
    fuzz_panics(NULL, NULL);                    /* the hook is there from now on */
    for (unsigned n = 0; fuzz_more(&in) && n < COMMANDS_MOST; n++) {
        if (in.data[in.at] & 0x80)
            fuzz_on_second_thread(pool__command, &in);
        else
            pool__command(&in);
    }
    poor = false;
    os_fail_commit_after(-1);
    for (int i = 0; i < POOLS; i++)
        if (models[i].pool)
            pool__end(&models[i]);
    return 0;
}
