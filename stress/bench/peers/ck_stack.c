/* ck_stack.c - Concurrency Kit's ck_stack alone: one lock-free list of all objects, linked through the objects, no caches.
 *
 * push_mpmc and pop_mpmc: a double-width compare-and-swap of head and generation.
 */
#include <ck_stack.h>

#include "block.h"

static ck_stack_t stack __attribute__((aligned(64)));

static inline void *ck__get(void)
{
    return ck_stack_pop_mpmc(&stack);
}

#define LOOP_BEGIN
#define LOOP_GET(j) ck__get()
#define LOOP_PUT(j, object) ck_stack_push_mpmc(&stack, (ck_stack_entry_t *)(object))
#define LOOP_WORD(object, of_buffer) ((void)(of_buffer), (uint64_t *)(object))
#define LOOP_BOUND
#include "../loops.h"

static const char *ck__open(uint32_t capacity, size_t size, unsigned threads)
{
    const char *why = block_open(capacity, size);
    (void)threads;
    ck_stack_init(&stack);
    for (uint32_t i = capacity; !why && i-- > 0;)
        ck_stack_push_mpmc(&stack, (ck_stack_entry_t *)block_object(i));
    return why;
}

static const char *ck__close(struct whereabouts *where)
{
    uint64_t n = 0;
    while (ck__get())
        n++;
    return block_close(where, n);
}

static const struct peer peer = {
    .what = "Concurrency Kit's ck_stack_pop_mpmc, ck_stack_push_mpmc on one list of all objects",
    LOOPS,
    .open = ck__open,
    .enter = block_thread,
    .leave = block_leave,
    .close = ck__close,
};

const struct peer *bench_peer(void)
{
    return &peer;
}
