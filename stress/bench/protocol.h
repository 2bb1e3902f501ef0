/* protocol.h - what weir-bench and a peer's program say to each other over two pipes.
 *
 * The program is started with capacity, object size and threads as its arguments. It says hello; then each request is answered; when the
 * requests end, it puts everything back, looks whether all is there, and says farewell. Both sides are built together.
 */
#ifndef WEIR_BENCH_PROTOCOL_H
#define WEIR_BENCH_PROTOCOL_H

#include <stdbool.h>
#include <stdint.h>

enum { BENCH_ANSWERS = 3, BENCH_VALUES = 4, BENCH_TEXT = 240, BENCH_THREADS = 64 };     /* answers go to this descriptor */

/* What can be asked for. */
enum bench_work {
    BENCH_PAIR, BENCH_BURST_OF, BENCH_HANDOFF, BENCH_CROWD, BENCH_TAIL, BENCH_BULK, BENCH_KEEP_N, BENCH_FILL, BENCH_NULL, BENCH_WAIT,
    BENCH_CHURN, BENCH_REF, BENCH_LAST, BENCH_LIFE, BENCH_WORKS
};

/* What the values of an answer are.
 *
 * BENCH_NS     ns of one processor for one object (or call); one thread alone is timed by its processor time, several by the wall's
 * BENCH_RATE   million a second, all threads together
 * BENCH_PARTS  ns that 99.99%, 50%, 99% and 99.9% of the calls do not exceed
 * BENCH_WAKE   microseconds that 50% and 99.9% of the wake-ups do not exceed
 * BENCH_SHARE  ns for one object, and the percentage of all objects that one thread got
 * BENCH_LIVES  microseconds for one
 */
enum bench_unit { BENCH_NS, BENCH_RATE, BENCH_PARTS, BENCH_WAKE, BENCH_SHARE, BENCH_LIVES, BENCH_UNITS };

struct bench_request {
    enum bench_work work;
    enum bench_unit unit;
    unsigned threads;
    unsigned n[3];
    bool buffer;
    double seconds;
};

struct bench_answer {
    double value[BENCH_VALUES];
};

struct bench_hello {
    uint32_t works;             /* a bit for each bench_work that it has */
    unsigned processors;
    char what[BENCH_TEXT];
    char error[BENCH_TEXT];     /* not "": why it can't */
};

struct bench_farewell {
    uint64_t capacity, live, cached, free;      /* all 0: the peer can't tell */
    char error[BENCH_TEXT];     /* not "": what is wrong with the objects */
};

#endif
