/* debug/trigger_write.c - where reports go, what is written there, and what is tried before.
 *
 * One report is of all watches that it is for and that name the same file, in one go, so that none overwrites another's. Whatever can fail is tried when
 * the watch is made (trigger_check): a report that can't be written later is said so on standard error, and written there. A file is known by its absolute
 * path, for programs that go to another directory.
 *
 *     may run at once     one report at a time (trigger_lock); trigger_check beside them
 *     progress            writes files
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "../src/panic.h"
#include "suppress.h"
#include "trigger_private.h"

/* -- where to ----------------------------------------------------------------------------------------------------------------- */

struct sink {
    intptr_t file;
    bool open;                  /* else: standard error */
    bool deaf;                  /* nothing is written: only the numbers are wanted */
    int error;
};

static void sink__write(void *arg, const char *text, size_t bytes)
{
    struct sink *s = arg;
    char part[1025];
    int error;
    if (s->deaf)
        return;
    if (s->open) {
        error = os_file_write(s->file, text, bytes);
        s->error = s->error ? s->error : error;
        return;
    }
    for (size_t n; bytes; text += n, bytes -= n) {
        n = bytes < sizeof part - 1 ? bytes : sizeof part - 1;
        memcpy(part, text, n);
        part[n] = 0;
        os_write_error(part);
    }
}

/* %p is the process's number. */
static int trigger__path(char *out, size_t size, const char *name)
{
    size_t n = 0;
    for (; *name && n + 1 < size; name++) {
        if (name[0] == '%' && name[1] == 'p') {
            n += (size_t)snprintf(out + n, size - n, "%lld", (long long)os_pid());
            name++;
        } else {
            out[n++] = *name;
        }
    }
    if (*name || n >= size)
        return -ENAMETOOLONG;
    out[n] = 0;
    return 0;
}

static int trigger__open(struct sink *s, const char *name)
{
    char path[300];
    int error = trigger__path(path, sizeof path, name);
    if (!error)
        error = os_file_create(&s->file, path);
    s->open = !error;
    return error;
}

static enum report_form trigger__form(const char *file)
{
    static const struct { const char *end; enum report_form form; } ends[] = { { ".json", REPORT_JSON }, { ".folded", REPORT_FOLDED } };
    size_t n = strlen(file);
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (n > strlen(ends[i].end) && !strcmp(file + n - strlen(ends[i].end), ends[i].end))
            return ends[i].form;
    return REPORT_TEXT;
}

void trigger_complain(const char *file, const char *what, int error)
{
    char text[512];
    snprintf(text, sizeof text, "weir: report to %.256s: %.100s: %s\n", file, what, weir_strerror(error));
    os_write_error(text);
}

/* -- suppressions ------------------------------------------------------------------------------------------------------------- */

struct rules {
    struct suppress list;
    char *text;
    size_t bytes;
};

static void rules__close(struct rules *r)
{
    if (!r->text)
        return;
    suppress_close(&r->list);
    os_pages_free(r->text, r->bytes + 1);
    r->text = NULL;
}

static int rules__open(struct rules *r, const char *file)
{
    int error = os_file_read(&r->text, &r->bytes, file);
    if (error) {
        r->text = NULL;
        return error_set(error, "suppress=%.150s: %s", file, error == -EFBIG ? "more than 1 MiB" : weir_strerror(error));
    }
    error = suppress_open(&r->list, r->text, file);
    if (error) {
        os_pages_free(r->text, r->bytes + 1);
        r->text = NULL;
    }
    return error;
}

/* -- one watch, one file -------------------------------------------------------------------------------------------------------- */

static bool trigger__is_for(const struct trigger *t, const struct watch *w)
{
    switch (t->when) {
    case WHEN_REFUSED:
        return w == t->only;
    case WHEN_EXIT:
        return w->spec.report;
    default:
        return w->spec.signal && t->signals >> w->spec.signal & 1;
    }
}

static struct report_result trigger__watch(const struct trigger *t, struct watch *w, struct sink *sink, struct suppress *rules, bool more)
{
    struct report_result result = { 0, 0, 0 };
    struct report_out out = { sink__write, sink };
    struct report_options options = { .form = trigger__form(w->spec.report_file), .rules = rules, .more = more };
    struct reader r;
    char next[300];
    if (reader_open(&r, w->segment.base, w->segment.bytes)) {
        result.unsure++;
        trigger_complain(w->segment_name, weir_error_message(), -EINVAL);
        return result;
    }
    options.min_age = t->when == WHEN_REFUSED ? 0 : w->spec.min_age;
    if (t->forked_at)             /* what was taken in the same unit of time is the parent's */
        options.since = t->forked_at - w->head->created + DEBUG_UNIT;
    if (w->head->flags & DEBUG_SHARED)
        options.pid = os_pid();
    snprintf(next, sizeof next, "weir-inspect leaks %s, for files and lines; weir-inspect show %s OP, for one op's biography", w->segment_name, w->segment_name);
    options.next = next;
    report_leaks(&r, &options, &out, &result);
    reader_close(&r);
    return result;
}

static bool trigger__same_file(const struct watch *a, const struct watch *b)
{
    return !strcmp(a->spec.report_file, b->spec.report_file) && !strcmp(a->spec.suppress, b->spec.suppress);
}

/* The next one after w that this report is for and that goes to the same file. */
static struct watch *trigger__after(const struct trigger *t, const struct watch *leader, struct watch *w)
{
    for (w = w->next; w; w = w->next)
        if (trigger__is_for(t, w) && trigger__same_file(leader, w))
            return w;
    return NULL;
}

/* All that go to one file. Standard error stays quiet at exit when there is nothing to say. */
static void trigger__write(const struct trigger *t, struct watch *leader, struct sink *sink, struct suppress *rules)
{
    static const char *const titles[] = { "weir: not closed: ops are live\n", "weir: leaks at exit\n", "weir: a report, on a signal\n" };
    if (!sink->open && !sink->deaf)
        os_write_error(titles[t->when]);
    for (struct watch *w = leader, *next; w; w = next) {
        next = t->when == WHEN_REFUSED ? NULL : trigger__after(t, leader, w);
        (void)trigger__watch(t, w, sink, rules, next != NULL);
    }
}

static bool trigger__has_leaks(const struct trigger *t, struct watch *leader, struct suppress *rules)
{
    struct sink deaf = { .deaf = true };
    for (struct watch *w = leader; w; w = trigger__after(t, leader, w)) {
        struct report_result result = trigger__watch(t, w, &deaf, rules, true);
        if (result.leaks || result.unsure)
            return true;
    }
    return false;
}

void trigger_write_one(const struct trigger *t, struct watch *leader)
{
    const char *file = leader->spec.report_file;
    struct rules rules = { .text = NULL };
    struct sink sink = { .file = -1 };
    int error = *file ? trigger__open(&sink, file) : 0;
    if (error) {
        trigger_complain(file, "it can't be made, so here it is", error);
        sink.open = false;
    }
    if (*leader->spec.suppress && rules__open(&rules, leader->spec.suppress))
        trigger_complain(*file ? file : "standard error", weir_error_message(), -EINVAL);
    if (*file || rules.text || t->when != WHEN_EXIT || trigger__has_leaks(t, leader, NULL))
        trigger__write(t, leader, &sink, rules.text ? &rules.list : NULL);
    rules__close(&rules);
    if (sink.open)
        os_file_close(sink.file);
    if (sink.error)
        trigger_complain(file, "it could not be written to its end", sink.error);
}

/* Each file once: its first watch in the list is the one that does it. Under both locks. */
void trigger_write_all(const struct trigger *t)
{
    for (struct watch *w = watch_first(); w; w = w->next) {
        struct watch *first = watch_first();
        if (!trigger__is_for(t, w))
            continue;
        while (first != w && !(trigger__is_for(t, first) && trigger__same_file(first, w)))
            first = first->next;
        if (first == w)
            trigger_write_one(t, w);
    }
}

int trigger_status(const struct trigger *t)
{
    struct sink deaf = { .deaf = true };
    for (struct watch *w = watch_first(); w; w = w->next) {
        struct rules rules = { .text = NULL };
        struct report_result result;
        if (!w->spec.exit_status)
            continue;
        if (*w->spec.suppress)
            (void)rules__open(&rules, w->spec.suppress);
        result = trigger__watch(t, w, &deaf, rules.text ? &rules.list : NULL, true);
        rules__close(&rules);
        if (result.leaks)
            return w->spec.exit_status;
    }
    return 0;
}

/* -- what would fail later -------------------------------------------------------------------------------------------------------- */

static int trigger__absolute(char *name, size_t size, const char *word)
{
    char path[256];
    int error;
    if (!*name)
        return 0;
    error = os_path_absolute(path, size < sizeof path ? size : sizeof path, name);
    if (error)
        return error_set(error, "%s=%.150s: its whole path: %s", word, name, error == -ENAMETOOLONG ? "longer than 255 bytes" : weir_strerror(error));
    memcpy(name, path, strlen(path) + 1);
    return 0;
}

/* The file of a report is made empty, unless another watch's reports go there already. */
static int trigger__try(const struct spec *s)
{
    struct sink sink = { .file = -1 };
    const struct watch *w;
    int error;
    if (!*s->report_file)
        return 0;
    os_lock(&watch_lock);
    for (w = watch_first(); w && strcmp(w->spec.report_file, s->report_file) != 0; w = w->next) {
    }
    os_unlock(&watch_lock);
    if (w)
        return 0;
    error = trigger__open(&sink, s->report_file);
    if (error)
        return error_set(error, "report=%.150s: %s", s->report_file, weir_strerror(error));
    os_file_close(sink.file);
    return 0;
}

int trigger_check(struct spec *s)
{
    struct rules rules = { .text = NULL };
    int error = trigger__absolute(s->report_file, sizeof s->report_file, "report");
    if (!error)
        error = trigger__absolute(s->suppress, sizeof s->suppress, "suppress");
    if (!error && *s->suppress)
        error = rules__open(&rules, s->suppress);
    rules__close(&rules);
    return error ? error : trigger__try(s);
}
