/* tests/fuzz/pool_model.c - the model of a pool: an entry an op, what is live, what was told. See fuzz_pool.c.
 *
 * Threads    one at a time: the second thread of fuzz.c runs while the first waits.
 */
#include <errno.h>
#include <string.h>

#include "pool_model.h"

struct model models[POOLS];
bool poor;

/* -- one call that may panic ------------------------------------------------------------------------------------------------------ */

static void pool__call(void *arg)
{
    struct called *c = arg;
    struct weir_cache *cache;
    switch (c->call) {
    case CALL_PUT: weir_op_put(c->op); break;
    case CALL_PUT_TO:
        if ((cache = weir_cache_get(c->pool)) != NULL)
            weir_op_put_to(cache, c->op);
        else
            weir_op_put(c->op);
        break;
    case CALL_PUT_BULK: weir_op_put_bulk(&c->op, 1); break;
    case CALL_REF: weir_op_ref(c->op); break;
    case CALL_UNREF: c->answer = weir_op_unref(c->op); break;
    case CALL_PUBLISH: weir_op_publish(c->op); break;
    case CALL_SUBMITTED: weir_op_submitted(c->op); break;
    case CALL_RETURNED: weir_op_returned(c->op); break;
    case CALL_RELEASE: weir_pool_iovecs_release(c->pool); break;
    }
}

void model_must(struct called *c, bool panic)
{
    bool panicked = fuzz_panics(pool__call, c);
    if (panicked != panic)
        fuzz_fail("call %d of op %u of a pool of %u: %s", (int)c->call, c->op ? (unsigned)weir_op_index(c->op) : 0,
                  (unsigned)models[0].config.capacity, panicked ? "a panic" : "no panic, and it is a bug of the caller");
}

/* -- the model's parts -------------------------------------------------------------------------------------------------------------- */

/* The first bytes, some in the middle, the last. */
static size_t pool__place(size_t n, unsigned i)
{
    return i < 2 ? (i < n ? i : 0) : i < 4 ? n / 2 : n - 1;
}

static void pool__write(uint8_t *p, size_t n, uint8_t mark)
{
    for (unsigned i = 0; n && i < 5; i++)
        p[pool__place(n, i)] = mark;
}

void model_fill(const struct model *m, struct entry *e, uint8_t mark)
{
    e->mark = mark;
    pool__write(weir_op_buffer(e->op), m->config.buffer_size, mark);
    pool__write(weir_op_user(e->op), m->config.user_size, mark);
}

static void pool__bytes(const uint8_t *p, size_t n, uint8_t mark, bool zero)
{
    for (unsigned i = 0; n && i < 5; i++) {
        size_t at = pool__place(n, i);
        if (p[at] != mark && !(zero && p[at] == 0))
            fuzz_fail("byte %u of %u is %u and was %u", (unsigned)at, (unsigned)n, (unsigned)p[at], (unsigned)mark);
    }
}

void model_compare(const struct model *m, const struct entry *e, bool zero)
{
    pool__bytes(weir_op_buffer(e->op), m->config.buffer_size, e->mark, zero);
    pool__bytes(weir_op_user(e->op), m->config.user_size, e->mark, zero);
}

struct entry *model_of(struct model *m, const struct weir_op *op)
{
    FUZZ_NEED(weir_op_pool(op) == m->pool && weir_op_index(op) < m->config.capacity);
    return &m->entry[weir_op_index(op)];
}

void model_born(struct model *m, struct weir_op *op)
{
    static const unsigned char zero[32];
    struct entry *e = model_of(m, op);
    uint64_t handle = weir_op_handle(op);
    if (e->op)
        fuzz_fail("op %u was given while it is held", (unsigned)weir_op_index(op));
    FUZZ_NEED(handle != 0 && (!e->seen || handle != e->handle));
    FUZZ_NEED(weir_op_refs(op) == 1 && memcmp(weir_op_overlapped(op), zero, sizeof zero) == 0);
    FUZZ_NEED(weir_op_at(m->pool, weir_op_index(op)) == op);
    e->op = op;
    e->refs = 1;
    e->published = e->submitted = false;
    if (e->seen)
        model_compare(m, e, m->trimmed);
    e->seen = true;
    e->handle = handle;
    m->live++;
    m->gets++;
    model_fill(m, e, (uint8_t)(handle * 29 + (handle >> 32) * 7 + 1));
}

void model_died(struct model *m, struct entry *e)
{
    m->stale[e->handle % STALE] = e->handle;
    e->op = NULL;
    e->refs = 0;
    m->live--;
    if (m->config.capacity - m->live >= m->low)
        m->below = m->low_unsure = false;
}

void model_level(struct model *m, unsigned calls, bool got)
{
    bool under = m->low && m->config.capacity - m->live < m->low;
    if (m->low_unsure || !got || m->users == 3)
        return;
    if (m->low_calls != calls + (under && !m->below))
        fuzz_fail("%u of %u are live, low water is %u, it was %s: %u calls", (unsigned)m->live, (unsigned)m->config.capacity,
                  (unsigned)m->low, m->below ? "below" : "not below", m->low_calls - calls);
    m->below = under;
}

void model_low(struct weir_pool *pool, void *arg)
{
    struct model *m = arg;
    FUZZ_NEED(pool == m->pool);
    m->low_calls++;
}

unsigned model_reclaim(struct weir_pool *pool, void *arg)
{
    struct model *m = arg;
    struct weir_op *op;
    FUZZ_NEED(pool == m->pool);
    if (!m->stashed)
        return 0;
    op = m->stash[--m->stashed];
    m->reclaimed++;
    model_died(m, model_of(m, op));
    weir_op_put(op);
    return 1;
}

struct entry *model_pick(struct model *m, uint32_t n)
{
    for (uint32_t i = 0; i < m->config.capacity; i++) {
        struct entry *e = &m->entry[(n + i) % m->config.capacity];
        bool stashed = false;
        for (unsigned j = 0; j < m->stashed; j++)
            stashed |= m->stash[j] == e->op;
        if (e->op && !stashed)
            return e;
    }
    return NULL;
}

void model_quiet(struct model *m)
{
    struct weir_stats s;
    FUZZ_NEED(weir_pool_stats(m->pool, &s) == 0);
    if (s.live != m->live || s.live + s.cached + s.free != s.capacity || s.capacity != m->config.capacity || s.gets != m->gets ||
        s.gets - s.puts != s.live || s.peak < s.live || s.peak > s.capacity || s.committed > s.capacity || s.committed < s.live)
        fuzz_fail("%u are live of %u, %llu gets; the statistics say live %llu, cached %llu, free %llu, gets %llu, puts %llu, peak %llu, "
                  "committed %llu", (unsigned)m->live, (unsigned)m->config.capacity, (unsigned long long)m->gets, (unsigned long long)s.live,
                  (unsigned long long)s.cached, (unsigned long long)s.free, (unsigned long long)s.gets, (unsigned long long)s.puts,
                  (unsigned long long)s.peak, (unsigned long long)s.committed);
}

void model_check(struct model *m)
{
    int error = weir_pool_check(m->pool);
    if (error && !(error == -ENOMEM && poor))
        fuzz_fail("weir_pool_check: %d: %s", error, weir_error_message());
}
