/* peer.h - what weir-bench measures: a peer is a way to get and put objects of one size. Each is a program of its own.
 *
 * A program, so that an allocator that replaces malloc does so the way its users have it, with nobody else's calls in its heap, and
 * so that no peer's threads, affinity or memory is another's. All programs are the same (child.c, run.c, window.c, team.c) but for the peer's file,
 * whose get and put are inlined into the same loops (loops.h), just as its own users have them. The clock is read outside of the loops.
 */
#ifndef WEIR_BENCH_PEER_H
#define WEIR_BENCH_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../histogram.h"
#include "clock.h"
#include "lane.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { BENCH_BURST = 64, BENCH_SLOTS = 1024, BENCH_KEEP = 128, BENCH_BATCH = 512 };

/* One thread's part of a measurement. */
struct job {
    uint64_t count;             /* objects, or calls, of one call of a loop: a multiple of BENCH_KEEP unless it says otherwise */
    bool buffer;                /* touch the buffer's first line, not the object's own */
    unsigned thread;            /* 0, 1, ... */
    unsigned n[3];              /* bulk: n; keep: objects of a get, of a put, kept */
    uint64_t random;            /* crowd: where it is in its walk through the slots; never 0 */
    struct lane *there, *back;  /* back: for the floor, which has no other way to bring objects back */
    void **slot;                /* crowd: BENCH_SLOTS */
    void **held;                /* room for all objects, one array for all threads */
    uint64_t held_n;
    int64_t *stamp;             /* wait: when the object was given back, while nobody has it */
    unsigned *stamper;          /* wait: by which thread */
    struct histogram *histogram;
};

typedef void bench_loop(struct job *);

/* Where the objects are, as far as the peer can tell. */
struct whereabouts {
    uint64_t capacity, live, cached, free;
};

struct peer {
    const char *what;           /* one line for the table */
    bench_loop *pair, *burst, *giver, *taker, *crowd, *settle, *tail, *bulk, *keep, *warm, *drain, *refill;
    bench_loop *null_path;      /* gets from an empty pool; NULL: it has no bound */
    bench_loop *wait;           /* NULL: no get that waits */
    bench_loop *ref, *last, *life;      /* reference or rundown: up and down; get and last unref; a whole life */
    const char *(*open)(uint32_t capacity, size_t size, unsigned threads);      /* makes all objects; NULL or why not */
    void (*enter)(unsigned thread);     /* on each thread that will run loops */
    void (*leave)(void);
    void (*before)(unsigned thread);    /* on each thread before a measurement, if not NULL */
    const char *(*close)(struct whereabouts *);         /* all threads have left; NULL or what is wrong with the objects */
};

/* From one object to the next where they lie side by side: whole lines, and not so that all begin in the same sets of a cache. */
static inline size_t bench_stride(size_t size)
{
    size_t lines = (size + 63) / 64;
    return (lines + (lines % 64 == 0)) * 64;
}

/* The peer of this program. */
const struct peer *bench_peer(void);

/* A peer ran empty where it must not, or the like: say so and end. */
void bench_fail(const char *format, ...) __attribute__((__format__(__printf__, 1, 2), __noreturn__));

#ifdef __cplusplus
}
#endif
#endif
