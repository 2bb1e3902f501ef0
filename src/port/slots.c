/* slots.c - where streams lie: chunks that grow with the port and are freed with it.
 *
 * Purpose    an event of the system may name a stream that another thread has just ended. In memory that stays a
 *            stream, the event is a hint at worst: who gets it takes the stream's lock, and finds no operation to try,
 *            or tries one of its successor's in vain.
 * Invariant  port->streams is the number of streams that are taken and not given; each other one is in free_streams.
 * Threads    take, give: any; under the port's lock. each: any, without a lock: chunks are only ever added, in front.
 *
 * What it costs: a port keeps the memory of the most streams that it ever had at once.
 */
#include "backend.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "atomic.h"

enum { CHUNK_STREAMS = 64, CHUNK_LINE = 64 };

/* A stream begins a cache line. */
union slot {
    struct weir_stream stream;
    char lines[(sizeof(struct weir_stream) + CHUNK_LINE - 1) / CHUNK_LINE * CHUNK_LINE];
};

struct chunk {
    struct chunk *next;
    union slot *slot;
};

static bool slots__grow(struct weir_port *port)
{
    struct chunk *chunk = calloc(1, sizeof *chunk + CHUNK_LINE + CHUNK_STREAMS * sizeof(union slot));
    if (!chunk)
        return false;
    chunk->slot = (union slot *)(((uintptr_t)(chunk + 1) + CHUNK_LINE - 1) & ~(uintptr_t)(CHUNK_LINE - 1));
    for (size_t i = CHUNK_STREAMS; i-- > 0;) {
        struct weir_stream *stream = &chunk->slot[i].stream;
        sys_lock_init(&stream->lock);
        stream->port = port;
        stream->next_free = port->free_streams;
        port->free_streams = stream;
    }
    chunk->next = port->chunks;
    store_release_ptr(&port->chunks, chunk);        /* slots.R1 -> slots.A1: the streams in it */
    return true;
}

struct weir_stream *slots_take(struct weir_port *port, int *error)
{
    struct weir_stream *stream = NULL;
    sys_lock(&port->lock);
    if (port->closed) {
        *error = -ESHUTDOWN;
    } else if (!port->free_streams && !slots__grow(port)) {
        *error = -ENOMEM;
    } else {
        stream = port->free_streams;
        port->free_streams = stream->next_free;
        port->streams++;
    }
    sys_unlock(&port->lock);
    return stream;
}

void slots_give(struct weir_port *port, struct weir_stream *stream)
{
    sys_lock(&port->lock);
    stream->next_free = port->free_streams;
    port->free_streams = stream;
    port->streams--;
    sys_unlock(&port->lock);
}

void slots_each(struct weir_port *port, void (*fn)(struct weir_stream *stream, void *arg), void *arg)
{
    struct chunk *chunk = load_acquire_ptr(&port->chunks);          /* slots.A1 <- slots.R1 */
    for (; chunk; chunk = chunk->next)
        for (size_t i = 0; i < CHUNK_STREAMS; i++)
            fn(&chunk->slot[i].stream, arg);
}

void slots_free(struct weir_port *port)
{
    while (port->chunks) {
        struct chunk *chunk = port->chunks;
        port->chunks = chunk->next;
        for (size_t i = 0; i < CHUNK_STREAMS; i++)
            sys_lock_end(&chunk->slot[i].stream.lock);
        free(chunk);
    }
}
