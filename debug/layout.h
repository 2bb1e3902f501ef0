/* debug/layout.h - what lies in a debug segment: the one page that writers, weir-inspect and the gdb script agree on.
 *
 * Each watched pool or domain has one segment, named "debug.<name>.<pid>" (a shared pool's: "debug.<name>"), of these parts, all offsets from
 * its start, all numbers little-endian, nothing in it an address that is followed:
 *
 *     0            header          this struct, in a page
 *     modules_at   modules         what was linked or loaded: path and build id; entry 0 is "no module known"
 *     holders_at   holders         who can hold a reference; entry 0 is "nobody known"
 *     sites_at     sites           places in the source; entry 0 is "no place known"
 *     tokens_at    tokens          a (holder, site) pair each; entry 0 stands for none. What lines are written with
 *     text_at      text            file and function names, zero-terminated; offset 0 is ""
 *     frames_at    frames          of stacks: {module 16, offset 48} words
 *     nodes_at     nodes           of releasers' lists
 *     ready_at     ready           a byte a chunk: 1, the chunk has memory
 *     chunks_at    chunks          CHUNK objects each: births[CHUNK], places[CHUNK], objects[CHUNK] (domains only), then lines
 *
 * Writers are the threads of the owner (of a shared pool: of all processes that opened it). Readers only read, at any moment, also when all writers
 * are dead; they believe nothing: each number is checked against the segment's size before it is used (debug/reader.c).
 *
 * An entry of a table is claimed by a swap of its state from FREE to CLAIMING, filled, and made READY by a release store: a reader that sees READY
 * (acquire) sees the rest. A claimer that dies leaves CLAIMING, which is lost and harmless.
 */
#ifndef WEIR_DEBUG_LAYOUT_H
#define WEIR_DEBUG_LAYOUT_H

#include <stdint.h>

#define DEBUG_MAGIC UINT64_C(0x3167756265776972)        /* "riwebug1" in a hex dump */

enum {
    DEBUG_VERSION = 1,
    DEBUG_HEADER = 4096,
    DEBUG_CHUNK = 1024,         /* objects in a chunk */
    DEBUG_HOLDERS = 4096,       /* at most; the header says how many there are */
    DEBUG_SITES = 4096,
    DEBUG_TOKENS = 65536,
    DEBUG_MODULES = 256,
    DEBUG_STACK = 32,           /* frames of one stack at most */
    DEBUG_NAME = 64,
    DEBUG_POWERS = 15           /* of a token: 2k - 1 for k = 8 */
};

enum debug_state { DEBUG_FREE = 0, DEBUG_CLAIMING = 1, DEBUG_READY = 2, DEBUG_EXITED = 3 };
enum debug_ready { DEBUG_NOT_READY = 0, DEBUG_IS_READY = 1 };

enum debug_tracker { TRACKER_NONE, TRACKER_XOR, TRACKER_SUM, TRACKER_SKETCH, TRACKER_SLOTS, TRACKER_RELEASERS, TRACKER_JOURNAL, TRACKERS };

enum debug_flags {
    DEBUG_GUARD = 1,            /* poison and red zones */
    DEBUG_PAGES = 2,            /* ... by page protection */
    DEBUG_STACKS = 4,           /* sites of plain calls are stacks */
    DEBUG_OWN = 8,              /* discipline=own: who takes gives back */
    DEBUG_SHARED = 16           /* a shared pool's */
};

struct debug_process {          /* who a process is while the machine is up; all zero: nobody */
    uint64_t boot;              /* a digest of the boot id */
    uint64_t space;             /* the pid namespace */
    int64_t pid;
    uint64_t start;             /* when it started, in the system's own unit */
};

struct debug_numbers {          /* the pool's statistics, written by the owner now and then; seq is odd while it writes */
    uint64_t seq;
    uint64_t at;                /* when, in units since `created` */
    uint64_t capacity, committed, live, cached, free, peak, gets, puts;
    uint64_t lives;             /* that have begun and were to be followed */
    uint64_t untracked;         /* of these, those that could not be: no memory in the segment */
    uint64_t unnamed;           /* references taken with no token of their own: a table is full */
};

struct debug_header {
    uint64_t magic;
    uint32_t version, header_bytes;     /* DEBUG_VERSION, sizeof(struct debug_header) */
    uint64_t bytes;                     /* of the segment */
    uint32_t kind;                      /* enum track_kind */
    uint32_t state;                     /* DEBUG_CLAIMING while it is made, DEBUG_READY, DEBUG_EXITED: closed in good order */
    char name[DEBUG_NAME];
    struct debug_process owner;         /* who made it */
    uint64_t seed;                      /* of the tokens' values */
    int64_t created;                    /* the monotonic clock, ns: births and times count from here */
    int64_t created_real;               /* the same moment by the calendar, ns since 1970 */

    uint32_t tracker, parameter;        /* enum debug_tracker; k of a sketch, n of slots or of the journal */
    uint32_t tracker_words;             /* of a line that the tracker has */
    uint32_t journal;                   /* entries of the journal beside the tracker; 0: none */
    uint32_t line_words;                /* 1 + tracker_words + (journal ? 1 + 2 * journal : 0), rounded up */
    uint32_t objects;                   /* lines */
    uint32_t holders, sites, tokens, modules;
    uint32_t text_bytes, frames, nodes;
    uint32_t chunk_bytes, chunks;
    uint32_t sample;                    /* one life in so many; 0: none */
    uint32_t flags;                     /* enum debug_flags */
    uint64_t hung;                      /* a holder that is silent for so long (ns) is called hung */
    uint64_t modules_at, holders_at, sites_at, tokens_at, text_at, frames_at, nodes_at, ready_at, chunks_at;

    /* Where a pool's ops lie in the owner, to say an op's addresses; 0 for domains. */
    uint64_t ops, op_stride, buffers, buffer_stride, buffer_size;

    uint32_t text_used, frames_used, nodes_used;        /* by fetch-and-add */
    uint32_t reserved;
    char spec[256];                     /* what was asked for, as text */
    _Alignas(64) struct debug_numbers numbers;
};

struct debug_module {           /* 128 bytes */
    uint32_t state;
    uint32_t id_bytes;          /* of build_id; 0: it has none */
    uint64_t base;              /* its load address in the process that wrote this: offset = address - base */
    int64_t pid;                /* that process: the first that came from there. Others of a shared pool use the entry, too */
    uint8_t build_id[20];
    uint32_t path;              /* in text */
    uint64_t reserved[10];
};

struct debug_holder {           /* 128 bytes */
    uint32_t state;             /* DEBUG_EXITED: the thread has ended in good order */
    uint32_t incarnation;       /* one more each time that the entry is taken */
    struct debug_process process;
    int64_t tid;
    uint64_t thread_start;      /* as process.start, the thread's */
    uint64_t beat;              /* its last sign, in units since `created` */
    uint64_t intent;            /* the update that it is in the midst of, see below; 0: none */
    uint64_t ended;             /* DEBUG_EXITED: when, in units since `created` */
    char name[48];
};

enum debug_site_kind { SITE_SOURCE = 1, SITE_ADDRESS = 2, SITE_STACK = 3 };
struct debug_site {             /* 32 bytes */
    uint32_t state;
    uint32_t kind;
    uint32_t file, function;    /* SITE_SOURCE: in text */
    uint32_t line;
    uint32_t module;            /* SITE_ADDRESS: the module's entry, offset within it. It is a return address: look up offset - 1 */
    uint64_t offset;            /* SITE_STACK: {first frame 32, frames 32}, innermost first */
};

struct debug_token {            /* 32 bytes */
    uint32_t state;
    uint32_t salt;              /* never used twice for one entry: a new user gets another value */
    uint32_t holder, site;      /* site 0: the holder alone */
    int64_t own;                /* taken minus given back by that thread: it alone writes */
    int64_t others;             /* minus what other threads gave back of it, by holds */
};

struct debug_node {             /* 8 bytes: {next 32 (0: none), token 32}. Entry 0: the free ones, {first 32, changes 32} */
    uint64_t word;
};

/* A birth: {time 32, generation 32}. Time is in units of 10 ms since `created`, 497 days of them. 0: not followed now. */
#define DEBUG_UNIT INT64_C(10000000)                    /* ns */
static inline uint32_t birth_time(uint64_t birth) { return (uint32_t)(birth >> 32); }
static inline uint32_t birth_generation(uint64_t birth) { return (uint32_t)birth; }

/* Places, 32 bits an object: {site of the last take 16, site of the first take 16}. Plain calls are written into lines with the token of their holder alone,
 * because who gives back can't know which take it undoes; these two say where its references came from. A hint: stored without order. */
static inline uint32_t place_first(uint32_t places) { return places & 0xffff; }
static inline uint32_t place_last(uint32_t places) { return places >> 16; }

/* Where the parts of a chunk begin. */
enum { CHUNK_PLACES = 8 * DEBUG_CHUNK, CHUNK_OBJECTS = 12 * DEBUG_CHUNK };
static inline uint64_t chunk_lines(int domain) { return domain ? 20 * DEBUG_CHUNK : 12 * DEBUG_CHUNK; }

/* A line's first word: {version 20, active 12, published 1, count 31}. Each update adds one to version and active when it begins and takes one
 * from active when it ends; count goes up at the beginning of a take and down at the end of a give. A reading is stable if active is 0 and the word
 * is the same before and after. Behind it: the tracker's words, then the journal's. */
#define LINE_ONE UINT64_C(1)
#define LINE_COUNT UINT64_C(0x7fffffff)
#define LINE_PUBLISHED (UINT64_C(1) << 31)
#define LINE_ACTIVE (UINT64_C(1) << 32)
#define LINE_VERSION (UINT64_C(1) << 44)
static inline uint32_t line_count(uint64_t word) { return (uint32_t)(word & LINE_COUNT); }
static inline uint32_t line_active(uint64_t word) { return (uint32_t)(word >> 32) & 0xfff; }

/* An intent: {sign 2, token 20, object 28, set 1} in bits 63.. : sign 1: +1, 2: -1. Written before the update's first step, cleared after its last. */
#define INTENT(object, token, sign) \
    ((uint64_t)((sign) > 0 ? 1 : 2) << 62 | (uint64_t)(token) << 42 | (uint64_t)(object) << 14 | UINT64_C(1))
static inline int intent_sign(uint64_t intent) { return intent >> 62 == 1 ? 1 : -1; }
static inline uint32_t intent_token(uint64_t intent) { return (uint32_t)(intent >> 42) & 0xfffff; }
static inline uint32_t intent_object(uint64_t intent) { return (uint32_t)(intent >> 14) & 0xfffffff; }

/* A journal's words: [0] how many entries were ever written in this life (fetch-and-add), then pairs, entry i at 1 + 2 * (i % n):
 * {number 32 (i + 1, low), event 8, token 24} and {time 32, thread 32}. The first is stored last and says which i it is. */

/* The value of a token: 47 random bits, never 0, the same for writers and readers. */
static inline uint64_t token_value(uint64_t seed, uint32_t token, uint32_t salt)
{
    uint64_t x = seed ^ ((uint64_t)token << 32 | salt) * UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    x = (x ^ (x >> 31)) >> 17;
    return x ? x : 1;
}

_Static_assert(sizeof(struct debug_module) == 128, "");
_Static_assert(sizeof(struct debug_holder) == 128, "");
_Static_assert(sizeof(struct debug_site) == 32, "");
_Static_assert(sizeof(struct debug_token) == 32, "");
_Static_assert(sizeof(struct debug_header) <= DEBUG_HEADER, "");

#endif
