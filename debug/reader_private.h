/* debug/reader_private.h - what the reader's files share: the tables it has copied, and how a word of a segment is read. */
#ifndef WEIR_DEBUG_READER_PRIVATE_H
#define WEIR_DEBUG_READER_PRIVATE_H

#include "../src/atomic.h"
#include "../src/os/os.h"
#include "../src/track.h"
#include "reader.h"

enum {
    READER_TRIES = 32,          /* of a stable reading; the first ones without waiting */
    READER_QUICK = 8,
    READER_ENDED = 0x80,
    READER_PATIENCE = 200000000, /* ns to wait for lines, for one reader */
    READER_DEAD = 4,            /* dead threads in the midst of updates of one line that are taken back at most */
    READER_DECODES = 1024,      /* prefixes tried for one line at most */
    READER_LINE = 2048,         /* words of a line at most */
    READER_NODES = 4096         /* of one object's list that are followed at most */
};

struct reader_intent {          /* an update that its thread will never end: it is dead */
    uint64_t intent;
    uint32_t holder;
};

struct reader_tables {          /* at reader.memory; the arrays lie behind it */
    uint64_t *value, *who;      /* [tokens], as in tracker_tokens */
    uint32_t *holder, *site;    /* [tokens] */
    struct reader_intent *dead; /* [holders] */
    uint32_t dead_n;
    uint8_t *state;             /* [holders], 1 + enum weir_holder_state, with READER_ENDED; 0: not asked since the last refresh */
    uint64_t *line;             /* a line as it was read, READER_LINE words at most */
    uint64_t *copy;             /* READER_DEAD + 1 lines: with updates taken back */
    struct debug_node *nodes;   /* [head.nodes]: those of the last line that was read */
    int64_t refreshed;          /* os_now */
    int64_t waited;             /* for lines to come to rest: a segment full of those that never do must not take minutes */
    bool here;                  /* made on this boot of this machine: its clock is ours */
};

/* Every number of the header that is used later, against `bytes`. */
int reader_check(const struct debug_header *head, size_t bytes);

static inline struct reader_tables *reader_tables(const struct reader *r)
{
    return r->memory;
}

static inline const uint64_t *reader_words(const struct reader *r, uint64_t at)
{
    return (const uint64_t *)(const void *)(r->base + at);
}

/* Copies words that others write meanwhile; what is loaded after this call is not older.
 * relaxed words: whoever calls looks at a word that its writer changes first, before and after */
static inline void reader_copy(uint64_t *out, const uint64_t *words, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = load_acquire_64(&words[i]);    /* reader.A1 <- life.L1, numbers.S1 */
}

/* An entry of a table whose first word holds its state: false if it is not there, out is then zero. */
bool reader_entry(const struct reader *r, uint64_t at, uint32_t index, void *out, size_t bytes);

#endif
