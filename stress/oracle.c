/* oracle.c - the entries and the patterns. See oracle.h for the theory.
 *
 * The entry, and where its pattern stands in the op:
 *
 *   entry[index]                        op
 *     holder    0, who, on its way        OVERLAPPED   4 words, written after get found them zero
 *     sequence  taken so often            user area    {pattern 0, sequence, index, pattern 1}
 *     handle    of the last time          buffer       first word, one somewhere, last word
 *
 * oracle_take x oracle_take of one op is the violation that the compare-and-swap finds. All else is done by the holder alone.
 */
#include "oracle.h"

#include <weir/op.h>
#include <weir/pool.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine.h"
#include "random.h"

struct oracle_entry {
    atomic_int holder;
    uint64_t sequence;
    uint64_t handle;
};

enum { OVERLAPPED_WORDS = 4, USER_WORDS = 4 };

static uint64_t oracle__pattern(const struct oracle *o, uint32_t index, uint64_t sequence, unsigned n)
{
    uint64_t state = o->key ^ ((uint64_t)index << 40) ^ (sequence << 4) ^ n;
    return random_mix(&state);
}

/* The three places in a buffer of at least 8 bytes; the middle one moves with the sequence. */
static unsigned char *oracle__place(const struct oracle *o, struct weir_op *op, uint64_t sequence, unsigned n)
{
    unsigned char *buffer = weir_op_buffer(op);
    size_t words = o->buffer / 8;
    return buffer + 8 * (n == 0 ? 0 : n == 2 ? words - 1 : sequence * 7 % words);
}

static void oracle__write(struct oracle *o, struct weir_op *op, uint32_t index, uint64_t sequence)
{
    uint64_t word[OVERLAPPED_WORDS];
    for (unsigned i = 0; i < OVERLAPPED_WORDS; i++)
        word[i] = oracle__pattern(o, index, sequence, i);
    memcpy(weir_op_overlapped(op), word, sizeof word);
    if (o->user) {
        uint64_t mark[USER_WORDS] = { word[0], sequence, index, word[1] };
        memcpy(weir_op_user(op), mark, sizeof mark);
    }
    for (unsigned i = 0; o->buffer && i < 3; i++)
        memcpy(oracle__place(o, op, sequence, i), &word[0], 8);
}

/* The user area and the buffer as oracle__write left them; or, where a trim may have been, zero. */
static void oracle__compare(struct oracle *o, struct weir_op *op, uint32_t index, uint64_t sequence, bool zero, const char *when)
{
    static const uint64_t nothing[USER_WORDS];
    uint64_t first = oracle__pattern(o, index, sequence, 0), second = oracle__pattern(o, index, sequence, 1);
    if (o->user) {
        uint64_t mark[USER_WORDS], want[USER_WORDS] = { first, sequence, index, second };
        memcpy(mark, weir_op_user(op), sizeof mark);
        if (memcmp(mark, want, sizeof mark) != 0 && !(zero && memcmp(mark, nothing, sizeof mark) == 0))
            stress_fail("op %u, taken %llu times: its user area was changed %s (it says op %llu, taken %llu times)",
                        (unsigned)index, (unsigned long long)sequence, when, (unsigned long long)mark[2],
                        (unsigned long long)mark[1]);
    }
    for (unsigned i = 0; o->buffer && i < 3; i++) {
        uint64_t word;
        const unsigned char *place = oracle__place(o, op, sequence, i);
        memcpy(&word, place, 8);
        if (word != first && !(zero && word == 0))
            stress_fail("op %u, taken %llu times: byte %u of its buffer was changed %s", (unsigned)index,
                        (unsigned long long)sequence, (unsigned)(place - (unsigned char *)weir_op_buffer(op)), when);
    }
}

static struct oracle_entry *oracle__entry(struct oracle *o, const struct weir_op *op)
{
    uint32_t index = weir_op_index(op);
    if (weir_op_pool(op) != o->pool)
        stress_fail("an op of another pool");
    if (index >= o->capacity)
        stress_fail("op %u of a pool of %u", (unsigned)index, (unsigned)o->capacity);
    return &o->entry[index];
}

static void oracle__move(struct oracle *o, struct weir_op *op, int from, int to, const char *what)
{
    int holder = from;
    if (!atomic_compare_exchange_strong_explicit(&oracle__entry(o, op)->holder, &holder, to, memory_order_relaxed,
                                                 memory_order_relaxed))
        stress_fail("op %u is %s by thread %d, but its holder is %d and not %d (0: nobody, -1: on its way)",
                    (unsigned)weir_op_index(op), what, to > 0 ? to : from, holder, from);
}

void oracle_open(struct oracle *o, struct weir_pool *pool, const struct weir_pool_config *config, uint64_t key)
{
    o->pool = pool;
    o->key = key;
    o->capacity = config->capacity;
    o->user = config->user_size >= ORACLE_USER_BYTES ? config->user_size : 0;
    o->buffer = config->buffer_size >= 8 ? config->buffer_size : 0;
    o->forgets = false;
    o->entry = calloc(o->capacity, sizeof *o->entry);
    if (!o->entry)
        stress_fail("no memory for the oracle of %u ops", (unsigned)o->capacity);
}

void oracle_close(struct oracle *o)
{
    free(o->entry);
    o->entry = NULL;
}

/* What the accessors say of this op must lead back to it. */
static void oracle__addresses(struct oracle *o, struct weir_op *op)
{
    unsigned char *buffer = weir_op_buffer(op);
    uint32_t index = weir_op_index(op);
    if (weir_op_at(o->pool, index) != op)
        stress_fail("weir_op_at(%u) is another op", (unsigned)index);
    if (o->user && weir_op_from_user(weir_op_user(op)) != op)
        stress_fail("op %u: its user area is another op's", (unsigned)index);
    if (o->buffer && weir_op_from_buffer(o->pool, buffer + o->buffer - 1) != op)
        stress_fail("op %u: its buffer is another op's", (unsigned)index);
    if (!weir_pool_owns(o->pool, op) || (o->buffer && !weir_pool_owns(o->pool, buffer)))
        stress_fail("op %u: its pool does not own it", (unsigned)index);
}

void oracle_take(struct oracle *o, unsigned who, struct weir_op *op)
{
    struct oracle_entry *e = oracle__entry(o, op);
    uint64_t handle = weir_op_handle(op), word[OVERLAPPED_WORDS];
    uint32_t index = weir_op_index(op);
    oracle__move(o, op, 0, (int)who, "taken");
    memcpy(word, weir_op_overlapped(op), sizeof word);
    if (word[0] | word[1] | word[2] | word[3])
        stress_fail("op %u: the OVERLAPPED is not zero after a get", (unsigned)index);
    if (handle == 0 || (e->sequence && handle == e->handle))
        stress_fail("op %u: handle %llx after it was given back and taken again", (unsigned)index,
                    (unsigned long long)handle);
    if (e->sequence)
        oracle__compare(o, op, index, e->sequence, o->forgets, "while the pool had it");
    if ((e->sequence & 63) == 0)
        oracle__addresses(o, op);
    e->handle = handle;
    e->sequence++;
    oracle__write(o, op, index, e->sequence);
}

static void oracle__look(struct oracle *o, int who, struct weir_op *op)
{
    struct oracle_entry *e = oracle__entry(o, op);
    uint32_t index = weir_op_index(op);
    int holder = atomic_load_explicit(&e->holder, memory_order_relaxed);
    uint64_t word[OVERLAPPED_WORDS];
    if (holder != who)
        stress_fail("op %u is held by thread %d, but its holder is %d", (unsigned)index, who, holder);
    if (weir_op_handle(op) != e->handle)
        stress_fail("op %u: its handle changed in thread %d's hands", (unsigned)index, who);
    memcpy(word, weir_op_overlapped(op), sizeof word);
    for (unsigned i = 0; i < OVERLAPPED_WORDS; i++)
        if (word[i] != oracle__pattern(o, index, e->sequence, i))
            stress_fail("op %u: its OVERLAPPED changed in thread %d's hands", (unsigned)index, who);
    oracle__compare(o, op, index, e->sequence, false, "in its holder's hands");
}

void oracle_look(struct oracle *o, unsigned who, struct weir_op *op)
{
    oracle__look(o, (int)who, op);
}

void oracle_read(struct oracle *o, struct weir_op *op)
{
    oracle__look(o, ORACLE_ON_ITS_WAY, op);
}

void oracle_drop(struct oracle *o, uint32_t index)
{
    atomic_store_explicit(&o->entry[index].holder, 0, memory_order_relaxed);
}

void oracle_give(struct oracle *o, unsigned who, struct weir_op *op)
{
    oracle_look(o, who, op);
    oracle__move(o, op, (int)who, 0, "put");
}

void oracle_send(struct oracle *o, unsigned who, struct weir_op *op)
{
    oracle_look(o, who, op);
    oracle__move(o, op, (int)who, ORACLE_ON_ITS_WAY, "sent");
}

void oracle_receive(struct oracle *o, unsigned who, struct weir_op *op)
{
    oracle__move(o, op, ORACLE_ON_ITS_WAY, (int)who, "received");
    oracle_look(o, who, op);
}

int oracle_holder(struct oracle *o, const struct weir_op *op)
{
    return atomic_load_explicit(&oracle__entry(o, op)->holder, memory_order_relaxed);
}

void oracle_all_free(struct oracle *o)
{
    for (uint32_t i = 0; i < o->capacity; i++) {
        int holder = atomic_load_explicit(&o->entry[i].holder, memory_order_relaxed);
        if (holder)
            stress_fail("the workload has ended and op %u is still held by %d", (unsigned)i, holder);
    }
}
