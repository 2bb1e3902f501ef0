/* fault.h - bugs that weir-serve plants into itself, for the demonstration that they are found (stress/demo-leak.sh).
 *
 *     unref:N        the access log forgets to give back its reference to one request in N
 *     connection:N   one connection in N is never released after its close
 *     worker         the sink, a process of its own, stops with a few buffers in its hands, and waits to be killed
 *
 * The server says at its end how many there really were; nothing here tells the debug layer.
 */
#ifndef SERVE_FAULT_H
#define SERVE_FAULT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum fault { FAULT_UNREF, FAULT_CONNECTION, FAULT_WORKER, FAULTS };

struct faults {
    unsigned every[FAULTS];             /* 0: none of that kind */
    atomic_uint_fast64_t chances[FAULTS], planted[FAULTS];
};

/* One more of the command line's: "unref:10000". false: it is none. */
bool fault_add(struct faults *f, const char *text);
bool fault_any(const struct faults *f);

/* Is it to happen now? Any thread. */
bool fault_strikes(struct faults *f, enum fault which);

/* The planted ones as JSON, an object. Returns text. */
const char *fault_text(const struct faults *f, char *text, unsigned size);

#endif
