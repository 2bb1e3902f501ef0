/* peer.h - what weir-compare measures: a peer is a way to get and put objects of the same size, in the same loops.
 *
 * Every peer's loops come from loops.h, so that its get and put are inlined just as its own users have them. A loop runs a job's count
 * of get, touch, put and nothing else; the clock is read outside.
 */
#ifndef WEIR_COMPARE_PEER_H
#define WEIR_COMPARE_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <ck_ring.h>

enum { COMPARE_BURST = 64, COMPARE_RING = 4096, COMPARE_CAPACITY = 65536, COMPARE_BUFFER = 4096 };

/* One way of a hand-over: pointers from one thread to one other. */
struct lane {
    ck_ring_t ring;
    ck_ring_buffer_t slot[COMPARE_RING];
};

struct job {
    uint64_t count;
    bool buffer;                /* touch the buffer's first line, not the object's own */
    struct lane *there, *back;  /* back: for the floor, which has no other way to bring objects back */
};

struct peer {
    const char *name;
    const char *what;
    const char *missing;        /* not NULL: why it is left out; then there are no functions */
    const char *(*open)(void);  /* makes all objects; NULL or why not */
    void (*enter)(void);        /* on each thread that will run its loops */
    void (*leave)(void);
    void (*before)(bool handoff);       /* on each thread before the clock starts, if not NULL */
    void (*warm)(struct job *); /* all objects taken, touched and given back, by the first thread */
    void (*pair)(struct job *);
    void (*burst)(struct job *);
    void (*giver)(struct job *);        /* hand-over: gets, touches, passes on */
    void (*taker)(struct job *);        /* receives, touches, puts */
    void (*close)(void);
};

extern const struct peer peer_floor, peer_weir, peer_weir_cache, peer_rte;

/* A peer ran empty where it must not, or the like: say so and end. */
void compare_fail(const char *format, ...) __attribute__((__format__(__printf__, 1, 2), __noreturn__));

#endif
