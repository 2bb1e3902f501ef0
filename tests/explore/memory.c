/* memory.c - the atomic operations: schedule points, histories, and store buffers.
 *
 * Buffers. A store goes into its thread's buffer and is in that thread's own sight at once. Memory itself always shows what the *current*
 * thread sees, so that its plain reads of its own words are right: a switch takes the leaving thread's buffered stores out and puts the
 * coming one's in (`visible` keeps what is under them). When a store leaves the buffer matters only to an access of the same word by another
 * thread; so that is where it is decided, and not before: let it out now (what a machine without buffers does, the default), or leave it there,
 * which costs one of the `stale` stores of the bound. Read-modify-writes, fences, locks and sleeps let out the own buffer, the system's barrier
 * everybody's.
 *   TSO   a store leaves after all before it.
 *   PSO   a store leaves after those before it to the same word, and only a release after all before it.
 *
 * Words. Only one that several threads access, and one of them writes, is a place where threads can be told apart: others need no schedule point.
 * Which these are is learned on the way; when one more is found, the exploration of this scenario begins anew.
 *
 * Histories. A thread's is a hash of the stores that it has read from, a store's is its thread's at that time. Programs are deterministic: equal
 * histories of all threads, words and buffers are equal states, plain memory included as long as nothing races on it.
 */
#include "engine.h"
#include "atomic.h"

#include <stdio.h>
#include <string.h>

enum { FORBIDDEN = 16 };

/* Part of what is put back. */
static struct { const char *from, *to; } forbidden[FORBIDDEN];
static unsigned forbiddens;

static uint64_t memory__read(const void *p, unsigned size)
{
    if (size == 4)
        return *(const volatile uint32_t *)p;
    return *(const volatile uint64_t *)p;
}

static void memory__write(const void *p, unsigned size, uint64_t v)
{
    if (size == 4)
        *(volatile uint32_t *)(uintptr_t)p = (uint32_t)v;
    else
        *(volatile uint64_t *)(uintptr_t)p = v;
}

/* -- words ----------------------------------------------------------------------------------------------------------------- */

void memory_new_scenario(void)
{
    memset(x->word, 0, sizeof x->word);
    x->words = 0;
}

/* The word of an address, or the place for it. */
static struct word *memory__find(const void *p)
{
    size_t i = (size_t)(((uintptr_t)p * UINT64_C(0x9e3779b97f4a7c15)) >> 50);
    while (x->word[i % WORDS].address != p && x->word[i % WORDS].address)
        i++;
    return &x->word[i % WORDS];
}

static struct word *memory__word(const void *p, unsigned size)
{
    struct word *w = memory__find(p);
    if (!w->address) {
        if (++x->words > WORDS / 2)
            explore_fail("the scenario touches more than %d words", WORDS / 2);
        w->address = p;
    }
    if (w->run != x->run) {
        w->run = x->run;
        w->size = size;
        w->hash = 0;
        w->visible = memory__read(p, size);
        memset(w->pending, 0, sizeof w->pending);
    }
    return w;
}

static void memory__set_hash(struct word *w, uint64_t hash)
{
    uint64_t place = (uint64_t)(uintptr_t)w->address;
    if (w->hash)
        x->memory_hash -= mix(place, w->hash);
    w->hash = hash;
    x->memory_hash += mix(place, hash);
}

/* The next store's history. */
static uint64_t memory__store_hash(void)
{
    struct vthread *t = &x->thread[x->current];
    return mix(t->hash, UINT64_C(0x100000000) * (x->current + 1) + ++t->stores) | 1;
}

static void memory__note(struct word *w, bool write)
{
    uint8_t bit = (uint8_t)(1 << x->current);
    w->accessors |= bit;
    if (write)
        w->writers |= bit;
    if (!w->shared && w->writers && (w->accessors & (w->accessors - 1)) != 0) {
        w->shared = true;
        if (!x->replay)
            longjmp(x->out, RESULT_AGAIN);
    }
}

/* -- buffers --------------------------------------------------------------------------------------------------------------- */

static uint64_t memory__entry_hash(unsigned thread, const struct entry *e)
{
    return mix(e->hash, thread * 2 + e->held);
}

static void memory__take_out(unsigned thread, unsigned at)
{
    struct vthread *t = &x->thread[thread];
    struct entry e = t->buffer[at];
    struct word *w = e.word;
    x->buffers_hash -= memory__entry_hash(thread, &e);
    memmove(&t->buffer[at], &t->buffer[at + 1], (--t->entries - at) * sizeof e);
    w->pending[thread]--;
    w->visible = e.value;
    memory__set_hash(w, e.hash);
    if (!w->pending[x->current])
        memory__write(w->address, w->size, e.value);
}

static bool memory__goes_before(const struct entry *early, const struct entry *late)
{
    return x->model == MODEL_TSO || late->release || early->word == late->word;
}

/* Entry `at`, and what must leave before it. */
static void memory__let_out(unsigned thread, unsigned at)
{
    struct vthread *t = &x->thread[thread];
    struct entry e = t->buffer[at];
    unsigned i = 0;
    while (t->buffer[i].hash != e.hash)
        if (memory__goes_before(&t->buffer[i], &e))
            memory__let_out(thread, i), i = 0;
        else
            i++;
    memory__take_out(thread, i);
}

static void memory__let_out_all(unsigned thread)
{
    while (x->thread[thread].entries)
        memory__take_out(thread, 0);
}

void memory_drain_own(void)
{
    if (x->running)
        memory__let_out_all(x->current);
}

void memory_drain_everybody(void)
{
    unsigned i;
    for (i = 0; i < x->threads; i++)
        memory__let_out_all(i);
}

static bool memory__is_held(unsigned thread, unsigned at)
{
    const struct entry *e = x->thread[thread].buffer;
    unsigned i;
    for (i = 0; i < at; i++)
        if (e[i].held && memory__goes_before(&e[i], &e[at]))
            return true;
    return e[at].held;
}

/* The current thread is about to access w: which stores of others to it have left their buffers by now? */
static void memory__settle(struct word *w)
{
    unsigned t, i;
    for (t = 0; t < x->threads; t++) {
        struct entry *e = x->thread[t].buffer;
        while (t != x->current && w->pending[t]) {
            for (i = 0; e[i].word != w; i++) {
            }
            x->step++;
            if (memory__is_held(t, i)) {
                if (schedule_choose(2, 8 * t + 1) == 0)
                    break;
            } else if (schedule_choose(x->stale ? 2 : 1, 8 * t + 2) == 1) {
                x->stale--;
                x->buffers_hash -= memory__entry_hash(t, &e[i]);
                e[i].held = true;
                x->buffers_hash += memory__entry_hash(t, &e[i]);
                if (x->trace)
                    printf("%5u         thread %u's store to %p is late for thread %u\n", x->step, t, w->address, x->current);
                break;
            }
            memory__let_out(t, i);
        }
    }
}

void memory_leave(unsigned thread)
{
    struct vthread *t = &x->thread[thread];
    unsigned i;
    for (i = 0; i < t->entries; i++)
        memory__write(t->buffer[i].word->address, t->buffer[i].word->size, t->buffer[i].word->visible);
}

void memory_enter(unsigned thread)
{
    struct vthread *t = &x->thread[thread];
    unsigned i;
    for (i = 0; i < t->entries; i++)
        memory__write(t->buffer[i].word->address, t->buffer[i].word->size, t->buffer[i].value);
}

void memory_begin(void)
{
    unsigned i;
    x->run++;
    x->memory_hash = x->buffers_hash = 0;
    for (i = 0; i < ALL; i++) {
        x->thread[i].hash = i + 1;
        x->thread[i].stores = x->thread[i].entries = 0;
    }
}

/* -- an access ------------------------------------------------------------------------------------------------------------- */

void memory_trace(const char *what, const char *site, const void *p, uint64_t value)
{
    const char *name = strrchr(site, '/');
    printf("%5u  %*sthread %u  %-6s %-22s %p  %llx\n", x->step, (int)(8 * x->current), "", x->current, what, name ? name + 1 : site, p,
           (unsigned long long)value);
}

/* Everything that comes before the access itself. NULL: not interleaved, go ahead. */
struct word *memory_access(const void *p, unsigned size, bool write, const char *site, const char *what)
{
    struct word *w;
    unsigned i;
    if (!x->running || fibre_in_tls(p))
        return NULL;
    if (++x->step > STEPS)
        explore_fail("no end after %d steps: somebody goes round in circles at %s", STEPS, site);
    for (i = 0; i < forbiddens; i++)
        if ((const char *)p >= forbidden[i].from && (const char *)p < forbidden[i].to)
            explore_fail("%s of freed memory at %s", what, site);
    w = memory__word(p, size);
    memory__note(w, write);
    if (w->shared || x->replay)
        schedule_point();
    x->thread[x->current].hash = mix(x->thread[x->current].hash, size);     /* one step on, also if it sees nothing new */
    for (i = 0; i < forbiddens; i++)                            /* also while others had their turn */
        if ((const char *)p >= forbidden[i].from && (const char *)p < forbidden[i].to)
            explore_fail("%s of freed memory at %s", what, site);
    return w;
}

static void memory__saw(struct word *w)
{
    struct vthread *t = &x->thread[x->current];
    if (!w->pending[x->current])                                /* its own store is history already */
        t->hash = mix(t->hash, w->hash ? w->hash : (uint64_t)(uintptr_t)w->address);
}

/* A read-modify-write was made: in memory, and visible. */
void memory_wrote(struct word *w)
{
    memory__saw(w);
    w->visible = memory__read(w->address, w->size);
    memory__set_hash(w, memory__store_hash());
}

uint64_t explore_load(const void *p, unsigned size, const char *site)
{
    struct word *w = memory_access(p, size, false, site, "load");
    uint64_t v;
    if (w) {
        memory__settle(w);
        memory__saw(w);
    }
    v = memory__read(p, size);
    if (w && x->trace)
        memory_trace("load", site, p, v);
    return v;
}

void explore_store(void *p, unsigned size, uint64_t v, unsigned order, const char *site)
{
    struct word *w = memory_access(p, size, true, site, "store");
    struct vthread *t = &x->thread[x->current];
    struct entry *e;
    if (w) {
        memory__settle(w);
        if (x->trace)
            memory_trace("store", site, p, v);
    }
    memory__write(p, size, v);
    if (!w)
        return;
    if (x->model == MODEL_SC || !(w->shared || x->replay)) {
        w->visible = v;
        memory__set_hash(w, memory__store_hash());
        return;
    }
    if (t->entries == BUFFER)
        explore_fail("more than %d stores without a read-modify-write", BUFFER);
    e = &t->buffer[t->entries++];
    *e = (struct entry){ w, v, memory__store_hash(), order != ORDER_NONE, false };
    w->pending[x->current]++;
    x->buffers_hash += memory__entry_hash(x->current, e);
}

/* The own stores that a read-modify-write of w comes after. */
static void memory__drain_for(struct word *w, unsigned order)
{
    struct vthread *t = &x->thread[x->current];
    unsigned i;
    if (order != ORDER_NONE || x->model != MODEL_PSO) {
        memory__let_out_all(x->current);
        return;
    }
    while (w->pending[x->current]) {
        for (i = 0; t->buffer[i].word != w; i++) {
        }
        memory__let_out(x->current, i);
    }
}

bool explore_cas(void *p, unsigned size, uint64_t *expected, uint64_t v, const char *site)
{
    struct word *w = memory_access(p, size, true, site, "cas");
    uint64_t old;
    bool ok;
    if (w) {
        memory__drain_for(w, ORDER_FULL);
        memory__settle(w);
    }
    old = memory__read(p, size);
    ok = old == *expected;
    if (ok)
        memory__write(p, size, v);
    *expected = old;
    if (w && ok)
        memory_wrote(w);
    else if (w)
        memory__saw(w);
    if (w && x->trace)
        memory_trace(ok ? "cas" : "cas no", site, p, ok ? v : old);
    return ok;
}

uint64_t explore_rmw(void *p, unsigned size, unsigned what, uint64_t v, unsigned order, const char *site)
{
    struct word *w = memory_access(p, size, true, site, "rmw");
    uint64_t old;
    if (w) {
        memory__drain_for(w, order);
        memory__settle(w);
    }
    old = memory__read(p, size);
    memory__write(p, size, what == RMW_ADD ? old + v : what == RMW_OR ? old | v : v);
    if (w)
        memory_wrote(w);
    if (w && x->trace)
        memory_trace("rmw", site, p, memory__read(p, size));
    return old;
}

/* What comes between a store and a fence can as well come before the store: no schedule point. */
void explore_fence(const char *site)
{
    if (x->running && x->trace)
        memory_trace("fence", site, NULL, 0);
    memory_drain_own();
}

/* -- for oracles ----------------------------------------------------------------------------------------------------------- */

static uint64_t memory__ghost(uint64_t *word, uint64_t keep, uint64_t add)
{
    struct word *w = memory_access(word, 8, true, "oracle", "oracle");
    uint64_t old = *word;
    *word = (old & keep) + add;
    if (w)
        memory_wrote(w);
    if (w && x->trace)
        memory_trace("oracle", "", word, *word);
    return old;
}

uint64_t explore_ghost(uint64_t *word, uint64_t value)
{
    return memory__ghost(word, 0, value);
}

uint64_t explore_ghost_add(uint64_t *word, uint64_t value)
{
    return memory__ghost(word, UINT64_MAX, value);
}

void explore_forbid(const void *p, size_t bytes)
{
    const char *from = p;
    size_t at;
    for (at = 0; x->running && at < bytes; at += 4) {
        if (!memory__find(from + at)->address)
            continue;                                           /* nobody has ever used it */
        memory_wrote(memory_access(from + at, memory__find(from + at)->size, true, "free", "free"));
    }
    if (forbiddens == FORBIDDEN)
        explore_fail("more than %d pieces of memory are freed", FORBIDDEN);
    forbidden[forbiddens].from = from;
    forbidden[forbiddens++].to = from + bytes;
}
