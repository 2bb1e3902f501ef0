/* boost.cpp - boost::lockfree::stack of pointers to all objects, nodes allocated beforehand; no caches. */
#include <boost/lockfree/stack.hpp>
#include <boost/version.hpp>

#include "block.h"

static boost::lockfree::stack<void *> *stack;

static inline void *boost__get()
{
    void *object;
    return __builtin_expect(stack->pop(object), 1) ? object : nullptr;
}

static inline void boost__put(void *object)
{
    if (__builtin_expect(!stack->bounded_push(object), 0))
        bench_fail("it has no node for an object that came back");
}

#define LOOP_BEGIN
#define LOOP_GET(j) boost__get()
#define LOOP_PUT(j, object) boost__put(object)
#define LOOP_WORD(object, of_buffer) ((void)(of_buffer), (uint64_t *)(object))
#define LOOP_BOUND
#include "../loops.h"

static const char *boost__open(uint32_t capacity, size_t size, unsigned)
{
    const char *why = block_open(capacity, size);
    if (why)
        return why;
    stack = new boost::lockfree::stack<void *>(capacity);
    for (uint32_t i = capacity; i-- > 0;)
        boost__put(block_object(i));
    return nullptr;
}

static const char *boost__close(struct whereabouts *where)
{
    uint64_t n = 0;
    while (boost__get())
        n++;
    delete stack;
    return block_close(where, n);
}

static const struct peer peer = {
    .what = "boost " BOOST_LIB_VERSION " lockfree::stack of all objects, pop and bounded_push",
    LOOPS,
    .open = boost__open,
    .enter = block_thread,
    .leave = block_leave,
    .before = nullptr,
    .close = boost__close,
};

extern "C" const struct peer *bench_peer(void)
{
    return &peer;
}
