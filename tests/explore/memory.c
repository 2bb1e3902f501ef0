/* memory.c - the words that are accessed atomically, their histories, and the store buffers.
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

uint64_t memory_read(const void *p, unsigned size)
{
    if (size == 4)
        return *(const volatile uint32_t *)p;
    return *(const volatile uint64_t *)p;
}

void memory_write(const void *p, unsigned size, uint64_t v)
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
struct word *memory_find(const void *p)
{
    size_t i = (size_t)(((uintptr_t)p * UINT64_C(0x9e3779b97f4a7c15)) >> 50);
    while (x->word[i % WORDS].address != p && x->word[i % WORDS].address)
        i++;
    return &x->word[i % WORDS];
}

struct word *memory_word(const void *p, unsigned size)
{
    struct word *w = memory_find(p);
    if (!w->address) {
        if (++x->words > WORDS / 2)
            explore_fail("the scenario touches more than %d words", WORDS / 2);
        w->address = p;
    }
    if (w->run != x->run) {
        w->run = x->run;
        w->size = size;
        w->hash = 0;
        w->visible = memory_read(p, size);
        memset(w->pending, 0, sizeof w->pending);
    }
    return w;
}

void memory_set_hash(struct word *w, uint64_t hash)
{
    uint64_t place = (uint64_t)(uintptr_t)w->address;
    if (w->hash)
        x->memory_hash -= mix(place, w->hash);
    w->hash = hash;
    x->memory_hash += mix(place, hash);
}

/* The next store's history. */
uint64_t memory_store_hash(void)
{
    struct vthread *t = &x->thread[x->current];
    return mix(t->hash, UINT64_C(0x100000000) * (x->current + 1) + ++t->stores) | 1;
}

void memory_note(struct word *w, bool write)
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
    memory_set_hash(w, e.hash);
    if (!w->pending[x->current])
        memory_write(w->address, w->size, e.value);
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
void memory_settle(struct word *w)
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

static bool memory__any_pending(const struct word *w)
{
    unsigned i;
    for (i = 0; i < x->threads && !w->pending[i]; i++) {
    }
    return i < x->threads;
}

/* The current thread's store, into its buffer; memory is as it was before. */
void memory_buffer(struct word *w, uint64_t value, bool release)
{
    struct vthread *t = &x->thread[x->current];
    struct entry *e = &t->buffer[t->entries];
    if (t->entries++ == BUFFER)
        explore_fail("more than %d stores without a read-modify-write", BUFFER);
    *e = (struct entry){ w, value, memory_store_hash(), release, false };
    if (!memory__any_pending(w))
        w->visible = memory_read(w->address, w->size);          /* a plain store may have been the last */
    w->pending[x->current]++;
    x->buffers_hash += memory__entry_hash(x->current, e);
}

/* The own stores that a read-modify-write of w comes after. */
void memory_drain_for(struct word *w, unsigned order)
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

void memory_leave(unsigned thread)
{
    struct vthread *t = &x->thread[thread];
    unsigned i;
    for (i = 0; i < t->entries; i++)
        memory_write(t->buffer[i].word->address, t->buffer[i].word->size, t->buffer[i].word->visible);
}

void memory_enter(unsigned thread)
{
    struct vthread *t = &x->thread[thread];
    unsigned i;
    for (i = 0; i < t->entries; i++)
        memory_write(t->buffer[i].word->address, t->buffer[i].word->size, t->buffer[i].value);
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
