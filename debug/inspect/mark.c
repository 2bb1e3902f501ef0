/* mark.c - `mark`: a moment with a name, for leaks --since.
 *
 * Nothing is ever written into a segment: a mark is a small file beside it, "weir-mark.<segment>.<name>": when it was made, in ns since the segment was,
 * and which segment that was. Another one that has taken the name since is told apart by that. Marks of segments that are gone are removed by the
 * next mark that is made beside them.
 */
#include "inspect.h"

#include "../../src/os/os.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "weir-mark."
enum { NAME_MOST = 40 };

struct mark {
    char directory[512], base[256];
};

static void mark__split(const struct inspected *in, struct mark *out)
{
    const char *slash = strrchr(in->path, '/'), *other = strrchr(in->path, '\\');
    if (other && (!slash || other > slash))
        slash = other;
    snprintf(out->directory, sizeof out->directory, "%.*s", slash ? (int)(slash - in->path) : 1, slash ? in->path : ".");
    snprintf(out->base, sizeof out->base, "%s", slash ? slash + 1 : in->path);
}

static bool mark__name(const char *name)
{
    size_t n = 0;
    while (isalnum((unsigned char)name[n]) || name[n] == '-' || name[n] == '_')
        n++;
    return n && n <= NAME_MOST && !name[n];
}

static void mark__path(const struct mark *m, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s/" PREFIX "%s.%s", m->directory, m->base, name);
}

/* Marks whose segment isn't there any more. */
static void mark__sweep(const struct mark *m)
{
    DIR *directory = opendir(m->directory);
    struct dirent *entry;
    char path[1100], segment[512];
    while (directory && (entry = readdir(directory)) != NULL) {
        const char *rest = entry->d_name + strlen(PREFIX), *dot;
        FILE *there;
        if (strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 || !(dot = strrchr(rest, '.')))
            continue;
        snprintf(segment, sizeof segment, "%.*s", (int)(dot - rest), rest);
        snprintf(path, sizeof path, "%s/%s", m->directory, segment);
        there = fopen(path, "rb");
        if (there) {
            fclose(there);
        } else if (errno == ENOENT) {
            snprintf(path, sizeof path, "%s/%s", m->directory, entry->d_name);
            remove(path);
        }
    }
    if (directory)
        closedir(directory);
}

int mark_make(struct inspected *in, const struct options *o, struct out *out)
{
    struct mark m;
    char path[1100];
    int64_t now = reader_now(in->reader);
    FILE *f;
    bool written;
    if (!mark__name(o->operand)) {
        out_print(out, "a mark's name is 1 to %d letters, digits, - or _\n", NAME_MOST);
        return INSPECT_USAGE;
    }
    mark__split(in, &m);
    mark__sweep(&m);
    mark__path(&m, o->operand, path, sizeof path);
    f = fopen(path, "w");
    written = f && fprintf(f, "weir-mark 1 %" PRId64 " %" PRId64 " %" PRId64 "\n", in->reader->head.created_real, in->reader->head.owner.pid, now) > 0;
    if ((f && fclose(f) != 0) || !written) {
        out_print(out, "the mark can't be written: %s: %s\n", path, strerror(errno));
        return INSPECT_UNSURE;
    }
    if (o->json)
        json_mark(in, o->operand, now, out);
    else
        out_print(out, "mark %s of %s \"%s\" (pid %" PRId64 ") is made: %s\nnext: weir-inspect leaks %s --since %s\n", o->operand, inspect_kind(in->reader),
                  in->reader->head.name, in->reader->head.owner.pid, path, in->as, o->operand);
    return INSPECT_CLEAN;
}

int mark_find(const struct inspected *in, const char *name, int64_t *since, struct out *said)
{
    const struct debug_header *h = &in->reader->head;
    struct mark m;
    char path[1100];
    int64_t created = 0, pid = 0, at = 0;
    FILE *f;
    int n;
    mark__split(in, &m);
    mark__path(&m, name, path, sizeof path);
    f = mark__name(name) ? fopen(path, "r") : NULL;
    if (!f) {
        out_print(said, "no mark %s of \"%s\": weir-inspect mark %s %s makes one\n", name, h->name, in->as, name);
        return -1;
    }
    n = fscanf(f, "weir-mark 1 %" SCNd64 " %" SCNd64 " %" SCNd64, &created, &pid, &at);
    fclose(f);
    if (n != 3 || created != h->created_real || pid != h->owner.pid || at < 0) {
        out_print(said, "the mark %s is of another segment that had this name: %s\n", name, path);
        return -1;
    }
    *since = at;
    return 0;
}
