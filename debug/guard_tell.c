/* debug/guard_tell.c - what AddressSanitizer and Valgrind are told of buffers: while an op is free its buffer may not be touched, and around it never.
 *
 * AddressSanitizer's functions come with the program, if that was built with it: they are looked for when the library is linked, so a program built with
 * AddressSanitizer finds them in a libweir that was not. Valgrind is asked by instructions that do nothing elsewhere; its header is needed to compile them.
 * Both are there or not for the whole life of a process.
 *
 * To Valgrind a pool is a mempool: what it says of a use after put has the stacks of the get and of the put. AddressSanitizer says use-after-poison.
 * A pool that is watched for their sake alone keeps its buffers as they were left, as op.h promises. With guards they are poison, which nobody
 * may rely on: Valgrind takes them for undefined after a get.
 *
 * threads   as the guard's: who has the op alone. progress: AddressSanitizer writes its shadow; Valgrind runs one thread at a time anyway
 */
#include "guard.h"
#include "../src/pool_private.h"

#if defined(__has_include)
#if __has_include(<valgrind/memcheck.h>)
#include <valgrind/memcheck.h>
#define GUARD_HAS_VALGRIND 1
#endif
#endif

#ifdef __ELF__
extern void __asan_poison_memory_region(const volatile void *at, size_t bytes) __attribute__((weak));
extern void __asan_unpoison_memory_region(const volatile void *at, size_t bytes) __attribute__((weak));
#endif

struct track guard_tools = { .guard = true, .red_zone = GUARD_RED_ZONE };

struct track *guard_implied(const struct track_shape *shape)
{
    bool wanted = shape->kind == TRACK_POOL && !shape->shared && shape->buffer_size && guard_tool() != GUARD_NO_TOOL;
    return wanted ? &guard_tools : NULL;
}

/* -- AddressSanitizer ------------------------------------------------------------------------------------------------------- */

static bool guard__has_asan(void)
{
#ifdef __ELF__
    return __asan_poison_memory_region && __asan_unpoison_memory_region;
#else
    return false;
#endif
}

static void guard__asan(const char *at, size_t bytes, bool poison)
{
#ifdef __ELF__
    if (poison)
        __asan_poison_memory_region(at, bytes);
    else
        __asan_unpoison_memory_region(at, bytes);
#else
    (void)at;
    (void)bytes;
    (void)poison;
#endif
}

/* -- Valgrind ----------------------------------------------------------------------------------------------------------------- */

#ifdef GUARD_HAS_VALGRIND

/* Memcheck alone keeps such bits: other tools of Valgrind (callgrind, which counts instructions) are told nothing, and see the program as it is. */
static bool guard__has_valgrind(void)
{
    char byte = 0, bits;
    return RUNNING_ON_VALGRIND != 0 && VALGRIND_GET_VBITS(&byte, &bits, 1) == 1;
}

static void guard__valgrind_open(const struct guard_place *p)
{
    (void)VALGRIND_MAKE_MEM_DEFINED(p->buffer - p->before, p->before + p->size + p->behind);
}

static void guard__valgrind_shut_zones(const struct guard_place *p)
{
    (void)VALGRIND_MAKE_MEM_NOACCESS(p->buffer - p->before, p->before);
    (void)VALGRIND_MAKE_MEM_NOACCESS(p->buffer + p->size, p->behind);
}

static void guard__valgrind_taken(const struct weir_pool *pool, const struct guard_place *p, bool as_it_was)
{
    guard__valgrind_shut_zones(p);
    VALGRIND_MEMPOOL_ALLOC(pool->arena.buffers, p->buffer, p->size);
    if (as_it_was)
        (void)VALGRIND_MAKE_MEM_DEFINED(p->buffer, p->size);
}

static void guard__valgrind_given(const struct weir_pool *pool, const struct guard_place *p)
{
    guard__valgrind_shut_zones(p);
    VALGRIND_MEMPOOL_FREE(pool->arena.buffers, p->buffer);
}

static void guard__valgrind_placed(const struct weir_pool *pool) { VALGRIND_CREATE_MEMPOOL(pool->arena.buffers, GUARD_RED_ZONE / 2, 0); }
static void guard__valgrind_left(const struct weir_pool *pool) { VALGRIND_DESTROY_MEMPOOL(pool->arena.buffers); }

#else

static bool guard__has_valgrind(void) { return false; }
static void guard__valgrind_open(const struct guard_place *p) { (void)p; }
static void guard__valgrind_taken(const struct weir_pool *pool, const struct guard_place *p, bool as_it_was)
{
    (void)pool;
    (void)p;
    (void)as_it_was;
}
static void guard__valgrind_given(const struct weir_pool *pool, const struct guard_place *p)
{
    (void)pool;
    (void)p;
}
static void guard__valgrind_placed(const struct weir_pool *pool) { (void)pool; }
static void guard__valgrind_left(const struct weir_pool *pool) { (void)pool; }

#endif

/* -- both -------------------------------------------------------------------------------------------------------------------- */

unsigned guard_tool(void)
{
    return (guard__has_asan() ? GUARD_ASAN : 0u) | (guard__has_valgrind() ? GUARD_VALGRIND : 0u);
}

void guard_tell_open(const struct guard_place *p)
{
    unsigned tool = guard_tool();
    if (tool & GUARD_ASAN)
        guard__asan(p->buffer - p->before, p->before + p->size + p->behind, false);
    if (tool & GUARD_VALGRIND)
        guard__valgrind_open(p);
}

void guard_tell_taken(const struct weir_pool *pool, const struct guard_place *p, bool as_it_was)
{
    unsigned tool = guard_tool();
    if (tool & GUARD_ASAN) {
        guard__asan(p->buffer - p->before, p->before + p->size + p->behind, true);
        guard__asan(p->buffer, p->size, false);
    }
    if (tool & GUARD_VALGRIND)
        guard__valgrind_taken(pool, p, as_it_was);
}

void guard_tell_given(const struct weir_pool *pool, const struct guard_place *p)
{
    unsigned tool = guard_tool();
    if (tool & GUARD_ASAN)
        guard__asan(p->buffer - p->before, p->before + p->size + p->behind, true);
    if (tool & GUARD_VALGRIND)
        guard__valgrind_given(pool, p);
}

void guard_tell_placed(const struct weir_pool *pool)
{
    if (guard_tool() & GUARD_VALGRIND)
        guard__valgrind_placed(pool);
}

/* The addresses may be somebody else's next. */
void guard_tell_left(const struct weir_pool *pool)
{
    unsigned tool = guard_tool();
    if (tool & GUARD_ASAN)
        guard__asan(pool->arena.buffers, (size_t)load_relaxed_32(&pool->arena.committed) * pool->arena.buffer_stride, false);   /* quiet */
    if (tool & GUARD_VALGRIND)
        guard__valgrind_left(pool);
}
