/* read.c - three ways to ask who holds it: weir_leaks in the process, the reader on the segment from outside, and weir-inspect. */
#include "ground.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../debug/reader.h"
#include "../../src/os/os.h"

/* -- weir_leaks ------------------------------------------------------------------------------------------------------------------- */
struct read_library {
    struct weir_pool *pool;
    const struct stage *stage;
    struct reading *out;
};

static int read__leak(const struct weir_leak *leak, void *arg)
{
    struct read_library *l = arg;
    for (unsigned op = 0; op < l->stage->plan.ops; op++) {
        struct reading *r = &l->out[op];
        if (leak->object != weir_op_buffer(weir_op_at(l->pool, l->stage->op[op])))
            continue;
        *r = (struct reading){ .listed = true, .stable = true, .certainty = leak->certainty, .refs = leak->refs };
        for (unsigned i = 0; i < leak->holders && r->n < HOLDERS_READ; i++) {
            const struct weir_leak_holder *h = &leak->holder[i];
            r->holder[r->n++] = (struct reading_holder){ h->pid, h->tid, h->state, h->refs, strcmp(h->file, "ground") == 0 ? h->line : 0 };
        }
    }
    return 0;
}

bool read_by_library(struct weir_pool *pool, struct stage *s, struct reading *out)
{
    struct read_library l = { pool, s, out };
    memset(out, 0, OPS * sizeof *out);
    return weir_leaks(pool, 0, read__leak, &l) >= 0;
}

/* -- the reader ------------------------------------------------------------------------------------------------------------------- */
static void read__segment(const struct stage *s, char *name, size_t size)
{
    if (s->plan.processes > 1)
        snprintf(name, size, "debug.%s", s->pool);
    else
        snprintf(name, size, "debug.%s.%lld", s->pool, (long long)s->pid[0]);
}

static int read__line(struct reader *reader, uint32_t site)
{
    struct debug_site at;
    char file[64];
    if (!site || !reader_site(reader, site, &at) || at.kind != SITE_SOURCE || strcmp(reader_text(reader, at.file, file, sizeof file), "ground") != 0)
        return 0;
    return (int)at.line;
}

static void read__object(struct reader *reader, uint32_t index, struct reading *out)
{
    struct reader_object o;
    memset(out, 0, sizeof *out);
    if (!reader_object(reader, index, &o))
        return;
    out->listed = true;
    out->stable = o.stable;
    out->certainty = o.verdict.certainty;
    out->refs = o.refs;
    for (unsigned i = 0; i < o.verdict.n && out->n < HOLDERS_READ; i++) {
        struct reader_holder h = reader_named(reader, &o.verdict, i);
        struct debug_holder entry = { 0 };
        reader_holder(reader, h.holder, &entry);
        out->holder[out->n++] = (struct reading_holder){ entry.process.pid, entry.tid, reader_holder_state(reader, h.holder), h.refs,
                                                         read__line(reader, h.site) };
    }
}

bool read_by_reader(const struct stage *s, struct reading *out, char *wrong)
{
    struct os_segment segment;
    struct reader reader;
    char name[128];
    int error;
    read__segment(s, name, sizeof name);
    error = os_segment_open(&segment, name, 0, false);
    if (error) {
        snprintf(wrong, TEXT, "the segment %s can't be opened: %s", name, weir_strerror(error));
        return false;
    }
    error = reader_open(&reader, segment.base, segment.bytes);
    if (!error) {
        error = reader_refresh(&reader);
        for (unsigned op = 0; !error && op < s->plan.ops; op++)
            read__object(&reader, s->op[op], &out[op]);
        reader_close(&reader);
    }
    if (error)
        snprintf(wrong, TEXT, "the segment %s can't be read: %s", name, weir_error_message());
    os_segment_close(&segment);
    return !error;
}

/* -- weir-inspect ----------------------------------------------------------------------------------------------------------------- */
static enum weir_certainty read__certainty(const char *text)
{
    return strcmp(text, "certified") == 0 ? WEIR_CERTIFIED : strcmp(text, "probable") == 0 ? WEIR_PROBABLE :
           strcmp(text, "ambiguous") == 0 ? WEIR_AMBIGUOUS : WEIR_OVERFLOW;
}

static enum weir_holder_state read__state(const char *text)
{
    return strcmp(text, "alive") == 0 ? WEIR_ALIVE : strcmp(text, "hung") == 0 ? WEIR_HUNG : strcmp(text, "zombie") == 0 ? WEIR_ZOMBIE : WEIR_DEAD;
}

/* A holder's references, site by site; those of which no site is known are what is left. */
static void read__sites(struct reading *r, json_t *holder)
{
    struct reading_holder h = { json_integer_value(json_object_get(holder, "pid")), json_integer_value(json_object_get(holder, "tid")),
                                read__state(json_string_value(json_object_get(holder, "state"))), 0, 0 };
    json_int_t left = json_integer_value(json_object_get(holder, "refs"));
    json_t *site;
    size_t i;
    json_array_foreach(json_object_get(holder, "sites"), i, site) {
        const char *file = json_string_value(json_object_get(site, "file"));
        if (!file || strcmp(file, "ground") != 0 || r->n == HOLDERS_READ)
            continue;
        h.refs = (int32_t)json_integer_value(json_object_get(site, "refs"));
        h.line = (int)json_integer_value(json_object_get(site, "line"));
        left -= h.refs;
        r->holder[r->n++] = h;
    }
    h.refs = (int32_t)left;
    h.line = 0;
    if (left && r->n < HOLDERS_READ)
        r->holder[r->n++] = h;
}

static void read__json(json_t *all, const struct stage *s, struct reading *out)
{
    json_t *leak, *holder;
    size_t i, k;
    json_array_foreach(json_object_get(all, "leaks"), i, leak) {
        for (unsigned op = 0; op < s->plan.ops; op++) {
            struct reading *r = &out[op];
            const char *certainty = json_string_value(json_object_get(leak, "certainty"));
            if (json_integer_value(json_object_get(leak, "op")) != s->op[op] || !certainty)
                continue;
            *r = (struct reading){ .listed = true, .stable = true, .certainty = read__certainty(certainty),
                                   .refs = (uint32_t)json_integer_value(json_object_get(leak, "refs")) };
            json_array_foreach(json_object_get(leak, "holders"), k, holder)
                read__sites(r, holder);
        }
    }
}

bool read_by_inspector(const char *program, const struct stage *s, struct reading *out, char *wrong)
{
    char command[1000];
    json_error_t error;
    json_t *all;
    FILE *pipe;
    int status;
    memset(out, 0, OPS * sizeof *out);
    snprintf(command, sizeof command, "%s leaks --json %s", program, s->pool);
    pipe = popen(command, "r");
    all = pipe ? json_loadf(pipe, 0, &error) : NULL;
    status = pipe ? pclose(pipe) : -1;
    if (!all) {
        snprintf(wrong, TEXT, "`%.200s` (wait status 0x%x) prints no JSON: %.100s", command, (unsigned)status, error.text);
        return false;
    }
    if (json_is_array(all))
        read__json(json_array_get(all, 0), s, out);
    else
        read__json(all, s, out);
    json_decref(all);
    return true;
}

void read_remove(const struct stage *s)
{
    char name[128];
    read__segment(s, name, sizeof name);
    (void)os_segment_unlink(name);
    if (s->plan.processes > 1)
        (void)weir_pool_unlink(s->pool);
}
