/* operations.c - the atomic operations of atomic.h: each is a place where another thread may go on first.
 *
 * What is touched after it was freed, and what goes on without end, fails here. Outside a schedule (setup and check), and on thread-local
 * storage, operations are plain.
 */
#include "engine.h"
#include "atomic.h"

#include <stdio.h>
#include <string.h>

enum { FORBIDDEN = 16 };

/* Part of what is put back. */
static struct { const char *from, *to; } forbidden[FORBIDDEN];
static unsigned forbiddens;

void operation_trace(const char *what, const char *site, const void *p, uint64_t value)
{
    const char *name = strrchr(site, '/');
    printf("%5u  %*sthread %u  %-6s %-22s %p  %llx\n", x->step, (int)(8 * x->current), "", x->current, what, name ? name + 1 : site, p,
           (unsigned long long)value);
}

static void operation__check_freed(const void *p, const char *site, const char *what)
{
    unsigned i;
    for (i = 0; i < forbiddens; i++)
        if ((const char *)p >= forbidden[i].from && (const char *)p < forbidden[i].to)
            explore_fail("%s of freed memory at %s", what, site);
}

/* Everything that comes before the access itself. NULL: not interleaved, go ahead. */
struct word *operation_access(const void *p, unsigned size, bool write, const char *site, const char *what)
{
    struct word *w;
    if (!x->running || fibre_in_tls(p))
        return NULL;
    if (++x->step > STEPS)
        explore_fail("no end after %d steps: somebody goes round in circles at %s", STEPS, site);
    operation__check_freed(p, site, what);
    w = memory_word(p, size);
    memory_note(w, write);
    if (w->shared || x->replay)
        schedule_point();
    x->thread[x->current].hash = mix(x->thread[x->current].hash, size);     /* one step on, also if it sees nothing new */
    operation__check_freed(p, site, what);                      /* others had their turn */
    return w;
}

static void operation__saw(struct word *w)
{
    struct vthread *t = &x->thread[x->current];
    if (!w->pending[x->current])                                /* its own store is history already */
        t->hash = mix(t->hash, w->hash ? w->hash : (uint64_t)(uintptr_t)w->address);
}

/* A read-modify-write was made: in memory, and visible. */
void operation_wrote(struct word *w)
{
    operation__saw(w);
    w->visible = memory_read(w->address, w->size);
    memory_set_hash(w, memory_store_hash());
}

uint64_t explore_load(const void *p, unsigned size, const char *site)
{
    struct word *w = operation_access(p, size, false, site, "load");
    uint64_t v;
    if (w) {
        memory_settle(w);
        operation__saw(w);
    }
    v = memory_read(p, size);
    if (w && x->trace)
        operation_trace("load", site, p, v);
    return v;
}

void explore_store(void *p, unsigned size, uint64_t v, unsigned order, const char *site)
{
    struct word *w = operation_access(p, size, true, site, "store");
    if (w) {
        memory_settle(w);
        if (x->trace)
            operation_trace("store", site, p, v);
    }
    if (w && x->model != MODEL_SC && (w->shared || x->replay)) {
        memory_buffer(w, v, order != ORDER_NONE);
    } else if (w) {
        w->visible = v;
        memory_set_hash(w, memory_store_hash());
    }
    memory_write(p, size, v);                                   /* at once for the thread itself, and its plain reads */
}

bool explore_cas(void *p, unsigned size, uint64_t *expected, uint64_t v, const char *site)
{
    struct word *w = operation_access(p, size, true, site, "cas");
    uint64_t old;
    bool ok;
    if (w) {
        memory_drain_for(w, ORDER_FULL);
        memory_settle(w);
    }
    old = memory_read(p, size);
    ok = old == *expected;
    if (ok)
        memory_write(p, size, v);
    *expected = old;
    if (w && ok)
        operation_wrote(w);
    else if (w)
        operation__saw(w);
    if (w && x->trace)
        operation_trace(ok ? "cas" : "cas no", site, p, ok ? v : old);
    return ok;
}

uint64_t explore_rmw(void *p, unsigned size, unsigned what, uint64_t v, unsigned order, const char *site)
{
    struct word *w = operation_access(p, size, true, site, "rmw");
    uint64_t old;
    if (w) {
        memory_drain_for(w, order);
        memory_settle(w);
    }
    old = memory_read(p, size);
    memory_write(p, size, what == RMW_ADD ? old + v : what == RMW_OR ? old | v : v);
    if (w)
        operation_wrote(w);
    if (w && x->trace)
        operation_trace("rmw", site, p, memory_read(p, size));
    return old;
}

/* What comes between a store and a fence can as well come before the store: no schedule point. */
void explore_fence(const char *site)
{
    if (x->running && x->trace)
        operation_trace("fence", site, NULL, 0);
    memory_drain_own();
}

/* -- for oracles ----------------------------------------------------------------------------------------------------------- */

static uint64_t operation__ghost(uint64_t *word, uint64_t keep, uint64_t add)
{
    struct word *w = operation_access(word, 8, true, "oracle", "oracle");
    uint64_t old = *word;
    *word = (old & keep) + add;
    if (w)
        operation_wrote(w);
    if (w && x->trace)
        operation_trace("oracle", "", word, *word);
    return old;
}

uint64_t explore_ghost(uint64_t *word, uint64_t value)
{
    return operation__ghost(word, 0, value);
}

uint64_t explore_ghost_add(uint64_t *word, uint64_t value)
{
    return operation__ghost(word, UINT64_MAX, value);
}

void explore_forbid(const void *p, size_t bytes)
{
    const char *from = p;
    size_t at;
    for (at = 0; x->running && at < bytes; at += 4) {
        if (!memory_find(from + at)->address)
            continue;                                           /* nobody has ever used it */
        operation_wrote(operation_access(from + at, memory_find(from + at)->size, true, "free", "free"));
    }
    if (forbiddens == FORBIDDEN)
        explore_fail("more than %d pieces of memory are freed", FORBIDDEN);
    forbidden[forbiddens].from = from;
    forbidden[forbiddens++].to = from + bytes;
}
