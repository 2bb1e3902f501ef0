/* engine.h - the explorer's own state. It lies in a mapping of its own: all else of the program is put back before each schedule. */
#ifndef EXPLORE_ENGINE_H
#define EXPLORE_ENGINE_H

#include <setjmp.h>
#include "explore.h"

enum {
    QUIET = EXPLORE_THREADS,        /* the thread of setup and check */
    ALL = EXPLORE_THREADS + 1,
    WORDS = 1 << 14,
    BUFFER = 1024,
    CHOICES = 1 << 15,
    STEPS = 20000,                  /* in one schedule: more is somebody who spins */
    TLS_MOST = 4096,
    HEAP = 1 << 20
};

enum model { MODEL_SC, MODEL_TSO, MODEL_PSO };
enum status { READY, ASLEEP, LOCKED, DONE };
enum result { RESULT_ENDED = 1, RESULT_KNOWN, RESULT_FAILED, RESULT_AGAIN };

struct word {                       /* one address that is accessed atomically */
    const void *address;
    uint8_t accessors, writers;     /* a bit a thread, over all schedules of this scenario */
    bool shared;                    /* two accessors, one of them a writer */
    uint8_t pending[ALL];           /* stores of each thread in its buffer; this schedule's, as what follows */
    uint32_t run, size;
    uint64_t hash;                  /* the history of the store that is visible */
    uint64_t visible;               /* what threads without a store of their own in their buffer see */
};

struct entry {                      /* a store in a buffer */
    struct word *word;
    uint64_t value, hash;
    bool release, held;
};

struct vthread {
    jmp_buf base, here;
    bool started;
    enum status status;
    const void *on;                 /* asleep or locked: the word */
    int64_t deadline;               /* asleep */
    bool late;                      /* woken by the deadline */
    uint64_t hash;                  /* the history of what it has seen */
    uint32_t stores, entries;
    struct entry buffer[BUFFER];
    unsigned char tls[TLS_MOST], tls_start[TLS_MOST];
};

struct choice {
    uint32_t step;
    uint16_t taken, of;
};

struct engine {
    const struct scenario *scenario;
    enum model model;
    unsigned threads, current;
    bool running, trace, replay;
    unsigned preemptions, stale;    /* what is left of both in this schedule */
    unsigned bound_preemptions, bound_stale;
    uint32_t run, step;
    int64_t now;
    uint64_t memory_hash, buffers_hash;
    jmp_buf out;
    char failure[1024];
    struct choice choice[CHOICES];
    unsigned depth, prefix;
    struct vthread thread[ALL];
    struct word word[WORDS];
    unsigned words;
};

extern struct engine *x;

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    a = (a ^ (b + UINT64_C(0x9e3779b97f4a7c15))) * UINT64_C(0xff51afd7ed558ccd);
    a ^= a >> 32;
    a *= UINT64_C(0xc4ceb9fe1a85ec53);
    return a ^ a >> 29;
}

/* memory.c */
uint64_t memory_read(const void *p, unsigned size);
void memory_write(const void *p, unsigned size, uint64_t v);
struct word *memory_find(const void *p);    /* the word of an address, or the place for it */
struct word *memory_word(const void *p, unsigned size);
void memory_note(struct word *w, bool write);
void memory_set_hash(struct word *w, uint64_t hash);
uint64_t memory_store_hash(void);           /* the history of the current thread's next store */
void memory_settle(struct word *w);
void memory_buffer(struct word *w, uint64_t value, bool release);
void memory_drain_for(struct word *w, unsigned order);
void memory_drain_own(void);
void memory_drain_everybody(void);
void memory_leave(unsigned thread);         /* its buffer's stores out of sight */
void memory_enter(unsigned thread);         /* and into its own sight */
void memory_begin(void);
void memory_new_scenario(void);

/* operations.c */
struct word *operation_access(const void *p, unsigned size, bool write, const char *site, const char *what);
void operation_wrote(struct word *w);       /* in one step, seen by all */
void operation_trace(const char *what, const char *site, const void *p, uint64_t value);

/* schedule.c */
unsigned schedule_choose(unsigned n, unsigned kind);
void schedule_point(void);                  /* before an access that others may care about */
void schedule_block(void);                  /* the current thread can't go on, or has ended */
void schedule_yield(void);
enum result schedule_run(void);
uint64_t schedule_outcome(void);            /* what the threads have seen and left, in one number */

/* search.c */
bool search_known(uint64_t key);            /* and from now on it is */
unsigned search_replayed(unsigned n);

/* fibre.c */
void fibre_make(void);
_Noreturn void fibre_start(unsigned thread);
void fibre_switch(unsigned thread);
void fibre_tls(unsigned from, unsigned to);
bool fibre_in_tls(const void *p);
void fibre_keep(void);
void fibre_put_back(void);
void *fibre_heap(size_t bytes, size_t align);
void fibre_pristine(void);

/* os.c */
void system_thread_exit(void);

#endif
