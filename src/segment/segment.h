/* src/segment/segment.h - a pool that several processes open: what lies in the segment, and what each process keeps beside it.
 *
 *     0           the head: magic, sizes, geometry (never change), then the words that all processes share
 *     writers     a record for each thread that may use the pool, by its number w (1 to 4,095; 0 is nobody)
 *     spares      two magazine records a writer
 *     magazines   a magazine record for each block of M ops, used first for the ops [b*M, b*M + M)
 *     ops         headers, dense
 *     buffers
 *
 * Everything is named by offset or index. The struct weir_pool of a process lies in its private pages in front of the mapping, SEGMENT_BEFORE
 * bytes minus `before_offset` from its start, so that it is at the same distance from every op in every process: op->pool says that distance.
 *
 *     live + cached + free = capacity      live: held, of any process; cached: in writers' slots; free: in the depot's magazines, or never used
 *
 * Who may die where. A process may be killed between any two instructions. Each op is at every instruction in at least one of these places, and
 * whoever reads them in the order that recover(d) in the protocol has (depot.c, cache.c, steal.c) finds each op once:
 *     - in a magazine that one of the stacks holds;
 *     - in a magazine that a writer lists as its spare: all slots that are not NONE, unless its intent is a steal that didn't come to pass;
 *     - in a slot of a writer, whatever its count says, unless its g says that a thief has taken it;
 *     - stamped with a writer's number (the top of op->pool): it is in that writer's hands, or its thread took it last.
 * The stores that say so are in program order for the dead (in_order), and behind a release for the living.
 */
#ifndef WEIR_SEGMENT_H
#define WEIR_SEGMENT_H

#include "../pool_private.h"

enum {
    SEGMENT_VERSION = 1,
    SEGMENT_WRITERS = 4095,
    SEGMENT_THREADS = 1024,     /* max_threads, if the config says 0 */
    SEGMENT_BEFORE = 65536,     /* private bytes in front of the mapping; also what the parts of a segment are aligned to */
    SEGMENT_NIL = 0xfffff,      /* no magazine */
    SEGMENT_NONE = 0            /* an empty slot; else the op's index + 1 */
};

#define SEGMENT_MAGIC UINT64_C(0x314c4f4f50524957)      /* "WIRPOOL1" */
#define SEGMENT_MAKING UINT64_C(0x3f4c4f4f50524957)     /* its creator is at work, or died at it */

enum segment_stack { STACK_FULL, STACK_PART, STACK_EMPTY, STACK_TRIMMED, STACK_VIRGIN, STACKS };

struct segment_shape {          /* what the creator asked for, and what follows from it */
    uint32_t capacity, cache, max_threads;
    uint32_t magazine;          /* M: ops that move as one */
    uint32_t slots;             /* a writer's, and a magazine's: a thief copies all of a cache into one */
    uint32_t blocks, writers, before_offset;
    uint32_t red_zone;          /* bytes behind each buffer that guards look after; 0: no guards */
    uint32_t unused;
    uint64_t buffer_size, buffer_align, user_size;
    uint64_t op_stride, buffer_stride, magazine_stride, writer_stride;
    uint64_t writers_at, spares_at, magazines_at, ops_at, buffers_at, bytes;
};

struct segment_lock {           /* a futex word: the writer that has it, or 0. One whose process died is taken over */
    CACHE_LINE uint32_t owner;
};
enum { LOCK_COLLECTOR, LOCK_TRIM, LOCKS };

struct segment_top {            /* {who:12, magazine:20, num:32}; of STACK_VIRGIN: the next block */
    CACHE_LINE uint64_t word;
};

struct segment_head {
    uint64_t magic;
    uint32_t version, head_bytes;
    struct os_process creator;
    uint64_t nonce;
    char name[64];
    struct segment_shape shape;
    uint32_t fenced;            /* no process-wide barrier between processes: no cache ever opens */
    /* What changes. */
    struct segment_top stack[STACKS];
    CACHE_LINE uint32_t committed;      /* ops whose memory is there; only grows */
    uint32_t writers_ready;     /* records whose memory is there: w < writers_ready */
    uint64_t peak;
    CACHE_LINE uint32_t dirty;  /* CLEAN: no op has come into a cache since a sweep found none; DIRTY; or a sweep's ticket */
    uint32_t sweeps;            /* tickets given out */
    uint32_t famine;            /* puts that still go straight to the depot */
    uint32_t waiting;           /* somebody sleeps, or is about to: swapped to 0 by who wakes */
    uint32_t wakes;             /* the futex of all waiters */
    struct segment_lock lock[LOCKS];
};

struct writer {                 /* rec[w] */
    /* The owner's. */
    CACHE_LINE uint64_t took;   /* placed - took = n ops in slot[0, n); a get adds one to took, a put one to placed: stored first, tested after */
    uint64_t placed;
    uint64_t intends;           /* {op:12, magazine or victim:20, num:32}: what is being done, in one word */
    uint64_t opened;            /* how often g was changed by the owner: its sequence */
    uint32_t spare;             /* the magazine in hand, or NIL */
    uint32_t born;              /* how many of its two magazine records it has brought in */
    uint32_t looks;
    /* Others'. */
    CACHE_LINE uint64_t g;      /* OPEN{seq}, SHUT{seq}, TAKEN{n, who, num} */
    uint32_t done;              /* its highest num that somebody has seen to succeed */
    /* Whose it is. */
    CACHE_LINE uint64_t state;  /* {pid:32, how often it was claimed:31, WRITER_USED:1}; pid 0: free */
    struct os_process process;  /* pid 0: not said yet; read it by segment_writer_process */
    int64_t tid;
    uint64_t tid_start;
    uint32_t pinned;            /* weir_pool_iovecs calls of its process in force */
    /* Counters: written by the owner, read by all. */
    CACHE_LINE uint64_t in, out, refills, flushes, steals, empties, waits;
    uint64_t below;             /* slot[-1] is readable */
    CACHE_LINE uint32_t slot[];
};

enum { WRITER_USED = 1, WRITER_CLAIM = 2 };

struct record {                 /* a magazine's */
    uint32_t next;              /* in a stack: the one below */
    uint32_t n;                 /* ops in it, as who pushed it counted them */
    uint32_t marks;
    uint32_t unused;
    uint32_t slot[];
};

enum { RECORD_READY = 1, RECORD_TRIMMED = 2 };  /* READY: a block's ops have been filled in; TRIMMED: their buffers may have no memory */

enum segment_intent { INTENT_NONE, INTENT_PUSH, INTENT_POP, INTENT_STEAL };

/* -- what a process keeps --------------------------------------------------------------------------------------------------- */

struct segment {
    struct os_segment os;
    struct segment_head *head;
    struct segment_shape shape;         /* as it was checked: the head is writable by others */
    char *base;
    struct weir_pool *pool;
    struct os_process self;
    bool closing;               /* no cache is kept any more */
};

struct proxy {                  /* a thread's struct cache, always shut, and the writer behind it */
    struct cache c;
    CACHE_LINE struct writer *rec;
    char *ops;
    uint64_t stride;
    uint64_t home;              /* op->pool of op 0, with this writer's stamp */
    uint64_t plain;             /* ... and without one */
    uint32_t slots, id;
    struct segment *segment;
    struct weir_op *inbox[2];   /* where the inlined put puts down what weir_op_put_to gives it */
};

static inline struct proxy *proxy_of(struct cache *c) { return (struct proxy *)(void *)c; }

/* -- words -------------------------------------------------------------------------------------------------------------------- */

#define TOP(who, magazine, num) ((uint64_t)(who) << 52 | (uint64_t)(magazine) << 32 | (num))
#define TOP_WHO(h) ((uint32_t)((h) >> 52))
#define TOP_MAGAZINE(h) ((uint32_t)((h) >> 32) & SEGMENT_NIL)
#define TOP_NUM(h) ((uint32_t)(h))

#define INTENT(op, stack, what, num) ((uint64_t)((op) | (uint32_t)(stack) << 4) << 52 | (uint64_t)(what) << 32 | (num))
#define INTENT_OP(i) ((enum segment_intent)((i) >> 52 & 15))
#define INTENT_STACK(i) ((enum segment_stack)((i) >> 56))
#define INTENT_WHAT(i) TOP_MAGAZINE(i)
#define INTENT_NUM(i) ((uint32_t)(i))

enum { G_OPENED = 0, G_SHUTTED = 1, G_TAKEN = 2 };
#define G_STATE(g) ((unsigned)(g) & 3)
#define G_SEQUENCE(state, seq) ((uint64_t)(seq) << 2 | (state))
#define G_THEFT(n, who, num) ((uint64_t)(who) << 52 | (uint64_t)(num) << 20 | (uint64_t)(n) << 2 | G_TAKEN)
#define G_WHO(g) ((uint32_t)((g) >> 52))
#define G_NUM(g) ((uint32_t)((g) >> 20))
#define G_N(g) ((uint32_t)((g) >> 2) & 0x3ffff)

#define STAMP(w) ((uint64_t)(w) << 52)
#define STAMP_OF(pool) ((uint32_t)((pool) >> 52))

/* Between two stores of which a death may let out the first alone, never the second alone: the machine keeps the order of the dead. */
#define IN_ORDER() WEIR_COMPILER_FENCE()    /* segment.C1 <-> segment.C1: a stamp, a slot, a count, an intent: in program order */

static inline struct writer *writer_at(const struct segment *s, uint32_t w)
{
    return (struct writer *)(void *)(s->base + s->shape.writers_at + w * s->shape.writer_stride);
}

/* For the owner. */
static inline uint32_t writer_n(const struct writer *r) { return (uint32_t)(r->placed - r->took); }

/* For others: between two calls of the owner, and while it is stopped in one, what was true a call ago at most; else it may be any number. */
static inline uint32_t writer_n_seen(const struct writer *r)
{
    uint64_t took = load_acquire_64(&r->took);                  /* segment.W2 <- segment.W1 */
    return (uint32_t)(load_acquire_64(&r->placed) - took);      /* segment.W4 <- segment.W3 */
}

static inline struct record *record_at(const struct segment *s, uint32_t index)
{
    uint64_t at = index < s->shape.blocks ? s->shape.magazines_at + index * s->shape.magazine_stride
                                          : s->shape.spares_at + (index - s->shape.blocks) * s->shape.magazine_stride;
    return (struct record *)(void *)(s->base + at);
}

static inline struct weir_op *op_at(const struct segment *s, uint32_t index)
{
    return (struct weir_op *)(void *)(s->base + s->shape.ops_at + index * s->shape.op_stride);
}

static inline uint64_t op_home(const struct segment *s, const struct weir_op *op)
{
    return ((uint64_t)(uintptr_t)op - (uint64_t)(uintptr_t)s->pool) | WEIR_OP_SHARED;
}

/* shape.c */
int segment_shape(struct segment_shape *out, const struct weir_pool_config *k, uint32_t red_zone);
int segment_check_head(const struct segment_head *head, uint64_t bytes, const char *name);

/* depot.c */
bool segment_confirm(struct segment *s, const uint64_t *word, uint64_t h);
void segment_confirm_done(struct segment *s, uint32_t who, uint32_t num);
void segment_push(struct proxy *p, enum segment_stack stack);
bool segment_pop(struct proxy *p, enum segment_stack stack);
bool segment_pop_ops(struct proxy *p);
void segment_want_empty(struct proxy *p);
bool segment_bare(const struct segment *s);
int segment_commit(struct segment *s, uint32_t ops);
int segment_allocate_buffers(struct segment *s, const struct record *m);

/* cache.c */
uint32_t segment_settle(struct proxy *p, uint32_t hi);
void segment_flush_all(struct proxy *p);
void segment_flush_top(struct proxy *p, uint32_t n);
void segment_load(struct proxy *p);
bool segment_some(struct proxy *p);
void segment_mark_dirty(struct segment *s);

/* steal.c */
bool segment_sweep(struct proxy *p);
void segment_shut_own(struct proxy *p);

/* wait.c */
void segment_wake(struct segment *s);
void segment_lock(struct proxy *p, unsigned which);
void segment_unlock(struct proxy *p, unsigned which);

/* writer.c */
int segment_keep_one(struct segment *s);
bool segment_writer_used(const struct writer *r);                   /* a free one holds nothing */
bool segment_writer_process(const struct writer *r, struct os_process *out);    /* false: nobody's, or not said yet, or just changing hands */
enum os_life segment_writer_life(const struct writer *r);

/* walk.c: every op that was ever used, where it is. fn answers non-zero to end. */
enum segment_place { PLACE_FULL, PLACE_PART, PLACE_EMPTY, PLACE_TRIMMED, PLACE_SLOT, PLACE_SPARE };
int segment_walk(const struct segment *s, int (*fn)(void *arg, uint32_t index, enum segment_place place, uint32_t id), void *arg);
bool segment_intent_came_true(const struct segment *s, uint32_t w);
uint64_t segment_live(struct segment *s);
void segment_look(struct proxy *p);

#endif
