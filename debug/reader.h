/* debug/reader.h - a debug segment, read by somebody who believes nothing of it: weir-inspect, the library's own reports, weir_leaks().
 *
 * reader_open copies the header and checks every offset and number in it against the segment's size; whatever is read later is checked where it is
 * used. A segment may change under the reader's hands at any moment. Nothing is written. Memory comes from os_pages alone.
 */
#ifndef WEIR_DEBUG_READER_H
#define WEIR_DEBUG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "layout.h"
#include "tracker.h"

struct reader {
    const char *base;
    size_t bytes;
    struct debug_header head;           /* a checked copy */
    const struct tracker *tracker;      /* NULL: guards or a journal alone */
    struct tracker_tokens tokens;       /* copies, made by reader_refresh */
    struct debug_numbers numbers;
    void *memory;
    size_t memory_bytes;
};

/* 0; -EINVAL: foreign, of another version, torn, truncated: error_set says which, and what would be right; -ENOMEM. */
int reader_open(struct reader *out, const void *base, size_t bytes);
int reader_refresh(struct reader *r);                           /* the tables, as they are now */
void reader_close(struct reader *r);

struct reader_holder {                  /* one holder of a verdict, put together */
    uint32_t token, holder, site;       /* entries; 0: not known */
    int32_t refs;
    uint32_t since;                     /* units; 0: not known */
};
struct reader_object {
    uint32_t object;
    uint32_t refs;
    uint64_t handle;
    uint64_t address;                   /* a pool: of the buffer (of the op, if it has none), in the owner; a domain: the object's */
    uint64_t birth;                     /* units */
    uint32_t first, last;               /* sites of the first and the last take; 0: not known. For holders whose token has no site */
    int64_t age;                        /* ns */
    struct verdict verdict;
    bool stable;                        /* false: it changed each time we looked, or a dead thread's update could not be taken back */
};

/* The object, if it is followed now. false: it is free, or not followed. Retries until the line is stable, a bounded number of times; an update of a dead
 * thread is taken back by its intent. */
bool reader_object(struct reader *r, uint32_t object, struct reader_object *out);
int reader_each(struct reader *r, int (*fn)(const struct reader_object *o, void *arg), void *arg);   /* until fn answers non-zero */

/* The i-th that a verdict names, with what its token stands for, as the tables stood at the last refresh; and a token's whole entry, as it is now. */
struct reader_holder reader_named(const struct reader *r, const struct verdict *v, unsigned i);
bool reader_token(const struct reader *r, uint32_t token, struct debug_token *out);

/* Holders. state is asked of the system, at most once a refresh for each. */
const struct debug_holder *reader_holder(const struct reader *r, uint32_t holder, struct debug_holder *copy);     /* NULL: no such */
enum weir_holder_state reader_holder_state(struct reader *r, uint32_t holder);
bool reader_holder_ended(struct reader *r, uint32_t holder);    /* dead, but in good order, and its process goes on: what it took may have been handed on */
/* Sites. text is checked: ends in a zero byte within the segment; "" if it is bad. */
bool reader_site(const struct reader *r, uint32_t site, struct debug_site *out);
const char *reader_text(const struct reader *r, uint32_t at, char *copy, size_t size);
unsigned reader_frames(const struct reader *r, const struct debug_site *site, uint64_t *out, unsigned n);
bool reader_module(const struct reader *r, uint32_t module, struct debug_module *out);

/* The journal of an object, oldest first; how many entries, *lost says how many came before them. */
struct reader_event { unsigned event; uint32_t token, time, thread; };
unsigned reader_journal(struct reader *r, uint32_t object, struct reader_event *out, unsigned n, uint64_t *lost);

int64_t reader_now(const struct reader *r);                     /* ns since `created`, by this machine's clock */

#endif
