/* run.c - finds the segments that a command is about, runs it on each, and prints what it says.
 *
 * Purpose    a name may stand for several segments: two processes may have a pool of the same name, a pid has many pools. Each is read by itself, and what
 *            can't be read is refused by itself with the reason; the others are told all the same. Of a pool's name those of living processes are meant
 *            or, if there are none, the youngest; what is left out is named, and has its segment's name to be asked by.
 * Status     leaks in any: 23; else something could not be told: 3; else 0. A segment that was asked for and can't be read could not be told; without a name,
 *            one that belongs to somebody else (-EACCES), or that was unlinked meanwhile, is left out.
 */
#include "inspect.h"

#include "../../src/os/os.h"
#include "../../src/panic.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SEGMENTS = 4096 };
#define DEBUG_PREFIX "debug."
#define POOL_PREFIX "pool."

struct found {
    char (*name)[DEBUG_NAME + 40];
    unsigned n;
};

struct candidate {              /* a segment that the pool's name stands for */
    unsigned at;                /* in found */
    bool read, alive;
    int64_t created;
};

struct run {
    const struct options *o;
    struct symbols *symbols;
    struct found found;
    struct list_row *row;
    unsigned rows, matched;
    int status;
    /* the segment that is looked at */
    const char *segment, *path;
    struct mapping mapping;
    struct reader reader;
    struct out text, said;
    int answer;
    bool more;                  /* segments of that name come after it */
};

static bool run__digits(const char *text)
{
    return *text && text[strspn(text, "0123456789")] == 0;
}

static void run__worst(struct run *run, int status)
{
    if (run->status != INSPECT_LEAKS && (status == INSPECT_LEAKS || status > run->status))
        run->status = status;
}

/* -- one segment -------------------------------------------------------------------------------------------------------------------- */

/* "debug.requests.812" is of requests; so is "debug.requests" of a shared pool. */
static bool run__name_matches(const char *segment, const char *target)
{
    const char *rest = segment + strlen(DEBUG_PREFIX), *dot = strrchr(rest, '.');
    size_t n = strlen(target);
    if (strcmp(segment, target) == 0 || strcmp(rest, target) == 0)
        return true;
    if (!dot || !run__digits(dot + 1))
        return false;
    return strcmp(dot + 1, target) == 0 || (strncmp(rest, target, n) == 0 && rest + n == dot);
}

/* How the next command names it: as this one did, or as briefly as it can. */
static const char *run__as(const struct run *run)
{
    unsigned same = 0;
    if (run->segment == run->path)
        return run->segment;
    for (unsigned i = 0; i < run->found.n; i++)
        same += run->found.name[i][0] == 'd' && run__name_matches(run->found.name[i], run->reader.head.name);
    return same == 1 ? run->reader.head.name : run->segment;
}

static void run__command(struct run *run)
{
    struct inspected in = { &run->reader, run->segment, run->path, run__as(run), run->symbols };
    const struct options *o = run->o;
    switch (o->command) {
    case COMMAND_LIST: inspect_row(&in, &run->row[run->rows]); break;
    case COMMAND_SHOW: run->answer = (o->operand ? show_op : show_pool)(&in, o, &run->text); break;
    case COMMAND_LEAKS: run->answer = leaks_pool(&in, o, run->more, &run->text, &run->said); break;
    case COMMAND_MARK: run->answer = mark_make(&in, o, &run->text); break;
    default: run->answer = check_pool(&in, o, &run->text); break;
    }
}

static bool run__is_asked_for(const struct run *run)
{
    const char *target = run->o->target;
    const struct debug_header *h = &run->reader.head;
    struct debug_holder holder;
    if (!target || run->segment == run->path || run__name_matches(run->segment, target))
        return true;
    if (run__digits(target) && h->owner.pid == strtoll(target, NULL, 10))
        return true;
    for (uint32_t i = 1; run__digits(target) && (h->flags & DEBUG_SHARED) && i < h->holders; i++)
        if (reader_holder(&run->reader, i, &holder) && holder.process.pid == strtoll(target, NULL, 10))
            return true;
    return false;
}

static void run__refuse(struct run *run, const char *why)
{
    fprintf(stderr, "weir-inspect: %s: %s\n", run->segment, why);
    if (run->o->command != COMMAND_LIST)        /* a list is whole without it */
        run__worst(run, INSPECT_UNSURE);
}

static void run__look(void *arg)
{
    struct run *run = arg;
    int error = reader_open(&run->reader, run->mapping.base, run->mapping.bytes);
    if (error) {
        if (!run->o->target || run->segment == run->path || run__name_matches(run->segment, run->o->target)) {
            run->matched++;
            run__refuse(run, weir_error_message());
        }
    } else if (run__is_asked_for(run)) {
        run->matched++;
        run->answer = INSPECT_CLEAN;
        run__command(run);
        run->rows += run->o->command == COMMAND_LIST;
        run__worst(run, run->answer);
    }
    reader_close(&run->reader);
}

static void run__unmapped(struct run *run, int error)
{
    char why[200];
    bool named = run->o->target && (run->segment == run->path || run__name_matches(run->segment, run->o->target));
    if (!named && (error == -ENOENT || error == -EACCES || run->o->target))
        return;
    snprintf(why, sizeof why, "%s", error == -EINVAL ? "truncated or no plain file: it has no contents" : weir_strerror(error));
    run->matched += named;
    run__refuse(run, why);
}

static void run__segment(struct run *run, const char *segment, const char *path)
{
    int error = os_file_map(&run->mapping.base, &run->mapping.bytes, path);
    run->segment = segment;
    run->path = path;
    if (error) {
        run__unmapped(run, error);
        return;
    }
    out_clear(&run->text);
    if (fault_guard(&run->mapping, run__look, run)) {
        fwrite(run->text.text ? run->text.text : "", 1, run->text.bytes, stdout);
    } else {
        run->matched++;
        memset(&run->reader, 0, sizeof run->reader);
        run__refuse(run, "truncated while it was read");
    }
    if (run->said.bytes)
        fprintf(stderr, "weir-inspect: %s", run->said.text);
    out_clear(&run->said);
    os_file_unmap(run->mapping.base, run->mapping.bytes);
}

/* -- all of them ---------------------------------------------------------------------------------------------------------------------- */

static int run__note(const char *name, void *arg)
{
    struct found *found = arg;
    if (found->n < SEGMENTS && strlen(name) < sizeof found->name[0] &&
        (strncmp(name, DEBUG_PREFIX, strlen(DEBUG_PREFIX)) == 0 || strncmp(name, POOL_PREFIX, strlen(POOL_PREFIX)) == 0))
        strcpy(found->name[found->n++], name);
    return 0;
}

static int run__order(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* A shared pool that nobody watches: it has a segment of its own alone. */
static void run__shared(struct run *run, const char *segment)
{
    struct list_row *row = &run->row[run->rows];
    const char *name = segment + strlen(POOL_PREFIX);
    for (unsigned i = 0; i < run->rows; i++)
        if (strcmp(run->row[i].name, name) == 0 && strcmp(run->row[i].kind, "pool") == 0)
            return;
    memset(row, 0, sizeof *row);
    snprintf(row->name, sizeof row->name, "%.*s", DEBUG_NAME - 1, name);
    strcpy(row->kind, "pool");
    strcpy(row->state, "unknown");
    strcpy(row->tracker, "none");
    run->rows++;
}

/* "debug.<target>.<pid>" */
static bool run__is_pools(const char *segment, const char *target)
{
    const char *rest = segment + strlen(DEBUG_PREFIX), *dot = strrchr(rest, '.');
    size_t n = strlen(target);
    return segment[0] == 'd' && strncmp(rest, target, n) == 0 && dot == rest + n && run__digits(dot + 1);
}

struct weighing {
    struct mapping mapping;
    struct candidate *candidate;
};

static void run__weigh(void *arg)
{
    struct weighing *w = arg;
    struct reader r;
    w->candidate->read = reader_open(&r, w->mapping.base, w->mapping.bytes) == 0;
    if (w->candidate->read) {
        w->candidate->alive = strcmp(inspect_life(&r), "dead") != 0 && strcmp(inspect_life(&r), "zombie") != 0;
        w->candidate->created = r.head.created_real;
    }
    reader_close(&r);
}

static bool run__better(const struct candidate *a, const struct candidate *b)
{
    return a->alive != b->alive ? a->alive : !a->alive && a->created > b->created;
}

/* Leaves out of `found` what the name may stand for, and does not. */
static void run__choose(struct run *run, const char *target)
{
    struct candidate *all = calloc(run->found.n + 1, sizeof *all);
    unsigned n = 0;
    char path[512];
    for (unsigned i = 0; all && i < run->found.n; i++) {
        struct weighing w = { .candidate = &all[n] };
        if (!run__is_pools(run->found.name[i], target) || os_segment_path(run->found.name[i], path, sizeof path) || os_file_map(&w.mapping.base, &w.mapping.bytes, path))
            continue;
        all[n].at = i;
        if (!fault_guard(&w.mapping, run__weigh, &w))
            all[n].read = false;
        os_file_unmap(w.mapping.base, w.mapping.bytes);
        n++;
    }
    for (unsigned i = 0; i < n; i++) {
        bool worse = false;
        for (unsigned j = 0; j < n; j++)
            worse |= all[i].read && all[j].read && run__better(&all[j], &all[i]);      /* what can't be read is said, not left out */
        if (!worse)
            continue;
        fprintf(stderr, "weir-inspect: %s, of a dead process, is left out: its own name shows it\n", run->found.name[all[i].at]);
        run->found.name[all[i].at][0] = 0;
    }
    free(all);
}

static void run__each(struct run *run)
{
    struct found *found = &run->found;
    char path[512];
    unsigned last = 0;
    found->n = 0;
    found->name = malloc(SEGMENTS * sizeof *found->name);
    run->row = calloc(SEGMENTS, sizeof *run->row);
    if (!found->name || !run->row) {
        fputs("weir-inspect: no memory for the list of segments\n", stderr);
        exit(INSPECT_UNSURE);
    }
    os_segment_each(run__note, found);
    qsort(found->name, found->n, sizeof *found->name, run__order);
    if (run->o->target)
        run__choose(run, run->o->target);
    for (unsigned i = 0; i < found->n; i++)
        if (found->name[i][0] == 'd' && (!run->o->target || run__name_matches(found->name[i], run->o->target)))
            last = i;
    for (unsigned i = 0; i < found->n; i++) {
        run->more = i < last;
        if (found->name[i][0] == 'd' && os_segment_path(found->name[i], path, sizeof path) == 0)
            run__segment(run, found->name[i], path);
    }
    run->more = false;
    for (unsigned i = 0; i < found->n && run->o->command == COMMAND_LIST; i++)
        if (found->name[i][0] == 'p')
            run__shared(run, found->name[i]);
}

static bool run__is_file(const char *target)
{
    FILE *f;
    if (!target || strpbrk(target, "/\\"))
        return target != NULL;
    f = fopen(target, "rb");
    if (f)
        fclose(f);
    return f != NULL;
}

int inspect_run(const struct options *o, struct symbols *symbols)
{
    struct run run;
    memset(&run, 0, sizeof run);
    run.o = o;
    run.symbols = symbols;
    if (!o->target || !strpbrk(o->target, "/\\"))
        run__each(&run);
    if (!run.matched && run__is_file(o->target))
        run__segment(&run, o->target, o->target);
    if (o->target && !run.matched) {
        fprintf(stderr, "weir-inspect: no watched pool, domain or process %s, and no file of that name\nnext: weir-inspect list\n", o->target);
        run.status = INSPECT_UNSURE;
    }
    out_clear(&run.text);
    if (o->command == COMMAND_LIST)
        list_print(run.row, run.rows, o, &run.text);
    else if (!o->target && !run.matched && !o->json && !o->folded)
        out_print(&run.text, "No watched pool or domain on this machine that you can read.\nnext: weir-inspect list\n");
    fwrite(run.text.text ? run.text.text : "", 1, run.text.bytes, stdout);
    out_free(&run.text);
    out_free(&run.said);
    free(run.row);
    free(run.found.name);
    return run.status;
}
