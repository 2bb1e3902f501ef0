/* block.h - objects of one size side by side, for peers that are a list and nothing else. */
#ifndef WEIR_BENCH_BLOCK_H
#define WEIR_BENCH_BLOCK_H

#include <stdlib.h>

#include "../peer.h"

static unsigned char *block;
static uint32_t block_objects;
static size_t block_size;

static inline void *block_object(size_t i)
{
    return block + i * block_size;
}

static inline const char *block_open(uint32_t capacity, size_t size)
{
    block_objects = capacity;
    block_size = bench_stride(size);
    block = (unsigned char *)aligned_alloc(4096, (capacity * block_size + 4095) / 4096 * 4096);
    return block ? NULL : "no memory for its objects";
}

static inline void block_thread(unsigned thread)
{
    (void)thread;
}

static inline void block_leave(void)
{
}

/* free_now: how many the list has. */
static inline const char *block_close(struct whereabouts *where, uint64_t free_now)
{
    where->capacity = block_objects;
    where->live = block_objects - free_now;
    where->cached = 0;
    where->free = free_now;
    free(block);
    return where->live ? "objects are missing from the list" : NULL;
}

#endif
