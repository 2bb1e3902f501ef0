/* inspect.h - what the parts of weir-inspect share: what was asked for, one segment that is looked at, and the commands.
 *
 * A command is a function of an open reader, the options, and a text that it adds to; it answers an exit status. It maps nothing and prints nothing itself,
 * so that the fuzzer runs all of them on segments in memory.
 */
#ifndef WEIR_INSPECT_H
#define WEIR_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../reader.h"
#include "../report_private.h"
#include "out.h"

enum { INSPECT_CLEAN = 0, INSPECT_USAGE = 2, INSPECT_UNSURE = 3, INSPECT_LEAKS = 23 };

enum command { COMMAND_LIST, COMMAND_SHOW, COMMAND_LEAKS, COMMAND_MARK, COMMAND_CHECK, COMMANDS };

struct options {
    enum command command;
    const char *target;         /* a pool's or domain's name, a pid, a file; NULL: all */
    const char *operand;        /* show: the op; mark: the mark's name; or NULL */
    const char *since;          /* a mark's name */
    struct suppress *rules;     /* of --suppress; NULL: none */
    const char *debug_dir;      /* debug files are looked for there, too */
    int64_t min_age;            /* ns; -1: what the pool's own spec says */
    int64_t watch;              /* ns; 0: once */
    uint32_t op;                /* show: the op's number, if there is an operand */
    bool json, folded, all, servers;
};

/* 0: go on; else the program's exit status plus 1: help was printed, or what is wrong. */
int options_parse(struct options *out, int argc, char **argv);
void options_help(struct out *out);

/* -- what is looked at ------------------------------------------------------------------------------------------------------------ */

struct inspected {
    struct reader *reader;
    const char *segment;        /* its name, or the file's path: what other commands are told to use is `as` */
    const char *path;           /* the file, beside which marks are kept */
    const char *as;             /* how the next command names it: pool name, unless another process has one of that name; else the segment's name */
    struct symbols *symbols;    /* NULL: none */
};

/* The size of a verdict's worst line. */
enum { DESCRIBED = 512 };

const char *inspect_life(const struct reader *r);               /* "alive", "zombie", "dead", "unknown": of the owner, or of any who has a shared pool open */
const char *inspect_kind(const struct reader *r);               /* "pool" or "domain" */
const char *inspect_thing(const struct reader *r);              /* "op" or "object" */
void inspect_tracker(const struct reader *r, char *text, size_t size);                  /* "sketch(4)" */
void inspect_age(int64_t ns, char *text, size_t size);                                  /* "93.5 s", "2 h 5 min" */
void inspect_holder(const struct inspected *in, uint32_t holder, char *text, size_t size);  /* worker-3 (pid 812, tid 815, alive) */
bool inspect_site(const struct inspected *in, uint32_t site, struct report_place *out);     /* its innermost place; false: not known */
void inspect_place(const struct inspected *in, uint32_t site, char *text, size_t size);     /* session.c:218 (on_read) < ... */
void inspect_clean(char *text, size_t size, const char *from, size_t n);                /* what may be printed to a terminal */

/* -- the commands ------------------------------------------------------------------------------------------------------------------ */

struct list_row {
    char name[DEBUG_NAME], kind[8], state[8], tracker[24];
    int64_t pid;
    uint64_t capacity, live, cached, free, followed, sample;
    bool watched;               /* false: a shared pool without a debug segment */
};
void inspect_row(const struct inspected *in, struct list_row *out);
int list_print(const struct list_row *row, unsigned n, const struct options *o, struct out *out);

int show_pool(struct inspected *in, const struct options *o, struct out *out);
int show_op(struct inspected *in, const struct options *o, struct out *out);
int leaks_pool(struct inspected *in, const struct options *o, bool more, struct out *out, struct out *said);
int check_pool(struct inspected *in, const struct options *o, struct out *out);

int mark_make(struct inspected *in, const struct options *o, struct out *out);
int mark_find(const struct inspected *in, const char *name, int64_t *since, struct out *said);  /* ns since `created`; 0 or -1, and said says why */

/* What the verdicts of all followed objects come to. */
struct tally {
    int64_t *refs;              /* [tokens] by token; [0]: those that nobody could be named for */
    int64_t *places;            /* [sites] by site */
    uint64_t objects, references, certified, unsure;
};
void tally_take(struct reader *r, struct tally *out);
void tally_free(struct tally *t);
int64_t tally_holder(const struct tally *t, struct reader *r, uint32_t holder);
/* The sites with references, most first: how many. */
struct tally_site { uint32_t site; int64_t refs; };
unsigned tally_sites(const struct tally *t, struct reader *r, struct tally_site *out, unsigned n);

/* What check found. */
struct check {
    struct out findings;        /* a line each */
    unsigned n;
    uint64_t objects, unsure, tokens, holders, sites;
};
void check_all(struct inspected *in, struct check *out);        /* the caller frees findings */

/* -- JSON, by jansson ---------------------------------------------------------------------------------------------------------------- */
bool json_built(void);
void json_list(const struct list_row *row, unsigned n, struct out *out);
void json_pool(struct inspected *in, struct out *out);
void json_op(struct inspected *in, const struct reader_object *o, struct out *out);     /* o->refs 0: it isn't held; its journal alone */
void json_check(struct inspected *in, const struct check *check, struct out *out);
void json_mark(struct inspected *in, const char *name, int64_t at, struct out *out);

/* -- the system --------------------------------------------------------------------------------------------------------------------- */

struct mapping {
    const void *base;
    size_t bytes;
};
/* Runs fn(arg), and answers true if it came to its end; false: the file under the mapping became shorter while fn read it. */
bool fault_guard(const struct mapping *m, void (*fn)(void *arg), void *arg);

/* All of it: finds the segments, runs the command on each, prints. */
int inspect_run(const struct options *o, struct symbols *symbols);

#endif
