/* tests/test_inspect.c - weir-inspect, run on segments that were made by hand, where it looks for real ones; what it prints, and how it ends.
 *
 * Each case has a pool name of its own, so that real segments of tests that run beside it are left out.
 */
#include "support.h"

#include "debug_image.h"
#include "json_schema.h"
#include "../debug/inspect/inspect.h"

#include <weir/track.h>

#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct image_shape shape = { TRACK_POOL, TRACKER_SKETCH, 4, 8, 3000, 0 };

/* -- running it ------------------------------------------------------------------------------------------------------------------------ */

struct run {
    int status;
    char out[1 << 20], err[1 << 16];
};

static void read_file(const char *path, char *out, size_t size)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(out, 1, size - 1, f) : 0;
    out[n] = 0;
    if (f)
        fclose(f);
    remove(path);
}

static const struct run *inspect(const char *format, ...)
{
    static struct run run;
    char words[512], command[1200], out[64], err[64];
    va_list args;
    int status;
    va_start(args, format);
    vsnprintf(words, sizeof words, format, args);
    va_end(args);
    snprintf(out, sizeof out, "inspect-%d.out", (int)getpid());
    snprintf(err, sizeof err, "inspect-%d.err", (int)getpid());
    snprintf(command, sizeof command, "'%s' %s >%s 2>%s", WEIR_INSPECT, words, out, err);
    status = system(command);
    run.status = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    read_file(out, run.out, sizeof run.out);
    read_file(err, run.err, sizeof run.err);
    return &run;
}

/* -- a segment where it looks ------------------------------------------------------------------------------------------------------------ */

struct planted {
    struct image im;
    char name[64], segment[128], path[256];
};

static void planted_write(struct planted *p)
{
    assert_int_equal(os_segment_path(p->segment, p->path, sizeof p->path), 0);
    if (!image_write(&p->im, p->path))
        fail_msg("%s can't be written", p->path);
}

static struct planted planted(const char *name, const struct image_shape *with)
{
    struct planted p;
    memset(&p, 0, sizeof p);
    snprintf(p.name, sizeof p.name, "ti-%s-%d", name, (int)getpid());
    snprintf(p.segment, sizeof p.segment, "debug.%s.%d", p.name, (int)getpid());
    p.im = image_usual(p.name, with);
    planted_write(&p);
    return p;
}

static void planted_end(struct planted *p)
{
    remove(p->path);
    image_free(&p->im);
}

/* -- list -------------------------------------------------------------------------------------------------------------------------------- */

static json_t *row_of(json_t *list, const char *name)
{
    size_t i;
    json_t *row;
    json_array_foreach(list, i, row)
        if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0)
            return row;
    return NULL;
}

static void list_names_each_watched_pool_with_its_numbers(void **state)
{
    struct planted p = planted("list", &shape);
    const struct run *run = inspect("list");
    char line[200];
    (void)state;
    assert_int_equal(run->status, 0);
    snprintf(line, sizeof line, "%-20s %-6s %8d %-7s %9d %9d %9d %9d  %-12s %s", p.name, "pool", (int)getpid(), "alive", 3000, 3, 2, 2995, "sketch(4)", "all");
    assert_says(run->out, line, "next: weir-inspect leaks", NULL);
    planted_end(&p);
}

static void list_as_json_has_the_manuals_members_and_no_others(void **state)
{
    struct planted p = planted("json", &shape);
    const struct run *run = inspect("list --json");
    json_t *list = json_loads(run->out, 0, NULL), *row;
    char *text;
    char wanted[300];
    (void)state;
    assert_int_equal(run->status, 0);
    assert_true(json_is_array(list));
    row = row_of(list, p.name);
    assert_non_null(row);
    text = json_dumps(row, JSON_COMPACT);
    snprintf(wanted, sizeof wanted, "{\"name\":\"%s\",\"kind\":\"pool\",\"pid\":%d,\"state\":\"alive\",\"capacity\":3000,\"live\":3,\"cached\":2,\"free\":2995,"
             "\"tracker\":\"sketch(4)\"}", p.name, (int)getpid());
    assert_string_equal(text, wanted);
    free(text);
    json_decref(list);
    planted_end(&p);
}

static void a_shared_pool_that_nobody_watches_is_listed_too(void **state)
{
    char name[64], segment[80], path[256];
    const struct run *run;
    json_t *list, *row;
    FILE *f;
    (void)state;
    snprintf(name, sizeof name, "ti-shared-%d", (int)getpid());
    snprintf(segment, sizeof segment, "pool.%s", name);
    assert_int_equal(os_segment_path(segment, path, sizeof path), 0);
    f = fopen(path, "wb");
    assert_non_null(f);
    fputs("a shared pool", f);
    fclose(f);
    run = inspect("list --json");
    remove(path);
    list = json_loads(run->out, 0, NULL);
    row = row_of(list, name);
    assert_non_null(row);
    assert_string_equal(json_string_value(json_object_get(row, "kind")), "pool");
    assert_string_equal(json_string_value(json_object_get(row, "tracker")), "none");
    json_decref(list);
}

/* -- show -------------------------------------------------------------------------------------------------------------------------------- */

static void show_of_a_pool_says_its_numbers_holders_and_sites(void **state)
{
    struct planted p = planted("show", &shape);
    const struct run *run = inspect("show %s", p.name);
    char next[100];
    (void)state;
    assert_int_equal(run->status, 0);
    snprintf(next, sizeof next, "next: weir-inspect leaks %s", p.name);
    assert_says(run->out, "sketch(4); every life is followed", "live 3, cached 2, free 2995, peak 9", "3 held now, by 4 references; 3 certified", "worker-3 (pid",
                "alive)", "logger (pid", "dead)", "3 references  taken at session.c:218 (on_read)", "1 references  taken at sink.c:77 (sink_write)", next, NULL);
    planted_end(&p);
}

static void show_of_an_op_is_its_biography(void **state)
{
    struct planted p = planted("op", &shape);
    const struct run *run = inspect("show %s 5", p.name);
    (void)state;
    assert_int_equal(run->status, 0);
    assert_says(run->out, "op 5 of pool", "2 references, held for 5|2 references, held for 6", "; certified", "handle 0xc00000006, its buffer at 0x7f0000005000",
                "1 by worker-3", "taken at session.c:218 (on_read)", "1 by logger", "dead) taken at sink.c:77 (sink_write)", "born", "0 entries before it are lost",
                NULL);
    run = inspect("show %s 6", p.name);
    assert_int_equal(run->status, 0);
    assert_says(run->out, "op 6 of pool", "is free, or its life is not followed", NULL);
    run = inspect("show %s 3000", p.name);
    assert_int_equal(run->status, 2);
    planted_end(&p);
}

static void show_as_json_says_the_same(void **state)
{
    struct planted p = planted("showj", &shape);
    json_t *op = json_loads(inspect("show %s 5 --json", p.name)->out, 0, NULL), *pool = json_loads(inspect("show --json %s", p.name)->out, 0, NULL);
    (void)state;
    assert_non_null(op);
    assert_non_null(pool);
    assert_int_equal(json_integer_value(json_object_get(op, "refs")), 2);
    assert_string_equal(json_string_value(json_object_get(op, "certainty")), "certified");
    assert_int_equal(json_array_size(json_object_get(op, "holders")), 2);
    assert_int_equal(json_array_size(json_object_get(op, "journal")), 2);
    assert_int_equal(json_array_size(json_object_get(pool, "holders")), 2);
    assert_int_equal(json_integer_value(json_object_get(pool, "refs")), 4);
    json_decref(op);
    json_decref(pool);
    planted_end(&p);
}

/* -- leaks ------------------------------------------------------------------------------------------------------------------------------- */

static void leaks_are_said_with_holder_and_place_and_end_with_23(void **state)
{
    struct planted p = planted("leaks", &shape);
    const struct run *run = inspect("leaks %s", p.name);
    (void)state;
    assert_int_equal(run->status, 23);
    assert_says(run->out, "3 leaks, 4 references", "session.c:218", "worker-3", "logger", "dead", "sink.c:77", "certified", "next: weir-inspect show", NULL);
    planted_end(&p);
}

static void leaks_as_json_keep_to_the_schema(void **state)
{
    struct planted p = planted("leaksj", &shape);
    const struct run *run = inspect("leaks %s --json", p.name);
    json_t *report = json_loads(run->out, 0, NULL), *leak, *holder, *site;
    (void)state;
    assert_int_equal(run->status, 23);
    assert_non_null(report);
    assert_right(schema_wrong(WEIR_LEAKS_SCHEMA, report));
    assert_string_equal(json_string_value(json_object_get(report, "pool")), p.name);
    assert_int_equal(json_integer_value(json_object_get(report, "pid")), getpid());
    assert_int_equal(json_array_size(json_object_get(report, "leaks")), 3);
    leak = json_array_get(json_object_get(report, "leaks"), 2);
    assert_int_equal(json_integer_value(json_object_get(leak, "op")), 5);
    assert_string_equal(json_string_value(json_object_get(leak, "handle")), "0xc00000006");
    assert_string_equal(json_string_value(json_object_get(leak, "object")), "0x7f0000005000");
    holder = json_array_get(json_object_get(leak, "holders"), 1);
    assert_string_equal(json_string_value(json_object_get(holder, "name")), "logger");
    assert_string_equal(json_string_value(json_object_get(holder, "state")), "dead");
    site = json_array_get(json_object_get(holder, "sites"), 0);
    assert_string_equal(json_string_value(json_object_get(site, "file")), "sink.c");
    assert_int_equal(json_integer_value(json_object_get(site, "line")), 77);
    json_decref(report);
    planted_end(&p);
}

static void leaks_as_folded_stacks_are_a_line_each(void **state)
{
    struct planted p = planted("folded", &shape);
    const struct run *run = inspect("leaks %s --folded", p.name);
    (void)state;
    assert_int_equal(run->status, 23);
    assert_says(run->out, "worker-3;", "on_read", " 3\n", NULL);
    planted_end(&p);
}

static void without_a_name_every_segment_is_looked_at(void **state)
{
    struct planted p = planted("all", &shape), q = planted("every", &shape);
    const struct run *run = inspect("leaks");
    (void)state;
    assert_int_equal(run->status, 23);
    assert_says(run->out, p.name, q.name, NULL);
    planted_end(&p);
    planted_end(&q);
}

static void what_is_young_is_no_leak_unless_the_dead_hold_it(void **state)
{
    struct planted p = planted("young", &shape);
    const struct run *run = inspect("leaks %s --min-age 1000", p.name);
    (void)state;
    assert_int_equal(run->status, 23);
    assert_says(run->out, "1 leak, 2 references", NULL);
    image_give(&p.im, 5, 2);
    planted_write(&p);
    run = inspect("leaks --min-age=1000 %s", p.name);
    assert_int_equal(run->status, 0);
    assert_says(run->out, "no leaks", "next: weir-inspect show", NULL);
    run = inspect("leaks --min-age 1000 --all %s", p.name);
    assert_int_equal(run->status, 23);
    strcpy(p.im.head->spec, "track=sketch,min-age=1000");
    planted_write(&p);
    assert_int_equal(inspect("leaks %s", p.name)->status, 0);
    assert_int_equal(inspect("leaks %s --min-age 0", p.name)->status, 23);
    planted_end(&p);
}

static void what_was_taken_before_the_mark_is_left_out(void **state)
{
    struct planted p = planted("mark", &shape);
    char mark[400];
    const struct run *run = inspect("leaks %s --since start", p.name);
    (void)state;
    assert_int_equal(run->status, 3);
    assert_says(run->err, "no mark start", "weir-inspect mark", NULL);
    assert_int_equal(inspect("mark %s start", p.name)->status, 0);
    assert_int_equal(inspect("leaks %s --since start", p.name)->status, 0);
    image_begin(&p.im, 9, 1, 1);
    *image_birth(&p.im, 9) = ((uint64_t)((os_now() - p.im.head->created) / DEBUG_UNIT) + 5) << 32 | 1;
    planted_write(&p);
    run = inspect("leaks %s --since start", p.name);
    assert_int_equal(run->status, 23);
    assert_says(run->out, "1 leak, 1 reference", NULL);
    p.im.head->created_real++;
    planted_write(&p);
    run = inspect("leaks %s --since start", p.name);
    assert_int_equal(run->status, 3);
    assert_says(run->err, "another segment", NULL);
    assert_int_equal(inspect("mark %s ../evil", p.name)->status, 2);
    snprintf(mark, sizeof mark, "/dev/shm/weir-mark.%s.start", strrchr(p.path, '/') + 1);
    assert_int_equal(remove(mark), 0);
    planted_end(&p);
}

static void known_leaks_are_suppressed_and_rules_that_match_nothing_are_named(void **state)
{
    struct planted p = planted("known", &shape);
    const struct run *run;
    char path[64];
    FILE *f;
    (void)state;
    snprintf(path, sizeof path, "known-%d", (int)getpid());
    f = fopen(path, "w");
    assert_non_null(f);
    fputs("site:session.c:218\nholder:nobody-*\n", f);
    fclose(f);
    run = inspect("leaks %s --suppress %s", p.name, path);
    assert_int_equal(run->status, 23);
    assert_says(run->out, "1 leak, 2 references", "2 suppressed", "holder:nobody-*", NULL);
    f = fopen(path, "w");
    fputs("site:session.c:218\nsite:sink.c:77\n", f);
    fclose(f);
    assert_int_equal(inspect("leaks %s --suppress %s", p.name, path)->status, 0);
    f = fopen(path, "w");
    fputs("nonsense\n", f);
    fclose(f);
    assert_int_equal(inspect("leaks %s --suppress %s", p.name, path)->status, 2);
    remove(path);
    assert_int_equal(inspect("leaks %s --suppress %s", p.name, path)->status, 2);
    planted_end(&p);
}

static void sampled_figures_say_so_and_are_scaled(void **state)
{
    struct planted p = planted("sampled", &shape);
    json_t *report;
    (void)state;
    p.im.head->sample = 128;
    p.im.head->numbers.untracked = 7;
    planted_write(&p);
    assert_says(inspect("leaks %s", p.name)->out, "1 op in 128 is followed", "384 in all", "7 untracked", NULL);
    assert_says(inspect("show %s", p.name)->out, "one life in 128 is followed", "7 untracked", NULL);
    report = json_loads(inspect("leaks %s --json", p.name)->out, 0, NULL);
    assert_int_equal(json_integer_value(json_object_get(report, "sampled")), 128);
    assert_int_equal(json_integer_value(json_object_get(report, "untracked")), 7);
    json_decref(report);
    planted_end(&p);
}

static void a_reading_that_is_not_stable_is_no_verdict_and_ends_with_3(void **state)
{
    struct image_shape own = shape;
    struct planted p = planted("unsure", &own);
    const struct run *run;
    (void)state;
    image_give(&p.im, 5, 2);
    for (uint32_t op = 3; op <= 5; op++)
        image_cut(&p.im, op, 1, 1, 3);
    planted_write(&p);
    run = inspect("leaks %s", p.name);
    assert_int_equal(run->status, 3);
    assert_says(run->out, "3 could not be read", NULL);
    assert_int_equal(inspect("show %s 3", p.name)->status, 3);
    planted_end(&p);
}

/* -- whom it finds ------------------------------------------------------------------------------------------------------------------------- */

static void a_pool_is_found_by_its_name_its_pid_its_segment_and_its_file(void **state)
{
    struct planted p = planted("found", &shape);
    const struct run *run;
    (void)state;
    assert_int_equal(inspect("check %s", p.name)->status, 0);
    assert_int_equal(inspect("check %s", p.segment)->status, 0);
    assert_int_equal(inspect("check %s", p.path)->status, 0);
    run = inspect("check %d", (int)getpid());
    assert_int_equal(run->status, 0);
    assert_says(run->out, p.name, NULL);
    run = inspect("check no-such-pool-%d", (int)getpid());
    assert_int_equal(run->status, 3);
    assert_says(run->err, "no-such-pool", "next: weir-inspect list", NULL);
    planted_end(&p);
}

/* A shared pool's segment has no pid in its name. Its maker's pid means it, too, before the first reference is taken there. */
static void a_shared_pool_is_found_by_the_pid_of_who_made_it(void **state)
{
    struct planted p = planted("made", &shape);
    (void)state;
    remove(p.path);
    snprintf(p.segment, sizeof p.segment, "debug.%s", p.name);
    p.im.head->flags |= DEBUG_SHARED;
    for (uint32_t i = 1; i < p.im.head->holders; i++)
        image_holder_at(&p.im, i)->state = DEBUG_FREE;
    planted_write(&p);
    assert_says(inspect("check %d", (int)getpid())->out, p.name, NULL);
    planted_end(&p);
}

/* The same name, of a process that has ended. */
static void a_name_means_the_living_or_else_the_youngest(void **state)
{
    struct planted p = planted("same", &shape), old = p;
    const struct run *run;
    (void)state;
    old.im = image_usual(p.name, &shape);
    snprintf(old.segment, sizeof old.segment, "debug.%s.%d", p.name, 1);
    old.im.head->owner.start++;
    old.im.head->created_real -= 1000;
    image_begin(&old.im, 9, 1, 1);
    planted_write(&old);
    run = inspect("leaks %s", p.name);
    assert_says(run->out, "3 leaks, 4 references", "next: weir-inspect show ti-same-", NULL);
    assert_null(strstr(run->out, "4 leaks"));
    assert_says(run->err, old.segment, "left out", NULL);
    assert_says(inspect("leaks %s", old.segment)->out, "4 leaks, 5 references", NULL);
    p.im.head->owner.start++;
    planted_write(&p);
    assert_says(inspect("leaks %s", p.name)->out, "3 leaks", NULL);
    old.im.head->created_real += 2000;
    planted_write(&old);
    assert_says(inspect("leaks %s", p.name)->out, "4 leaks", NULL);
    planted_end(&old);
    planted_end(&p);
}

static void nothing_is_written_into_a_segment(void **state)
{
    struct planted p = planted("reads", &shape);
    char mark[400], *after = malloc(p.im.bytes);
    struct stat before, now;
    FILE *f;
    (void)state;
    chmod(p.path, 0400);
    stat(p.path, &before);
    inspect("list");
    inspect("show %s", p.name);
    inspect("show %s 5", p.name);
    inspect("leaks %s", p.name);
    inspect("check %s", p.name);
    inspect("mark %s m", p.name);
    stat(p.path, &now);
    assert_int_equal(before.st_mtim.tv_nsec, now.st_mtim.tv_nsec);
    assert_int_equal(before.st_size, now.st_size);
    f = fopen(p.path, "rb");
    assert_int_equal(fread(after, 1, p.im.bytes, f), p.im.bytes);
    fclose(f);
    assert_memory_equal(after, p.im.base, p.im.bytes);
    free(after);
    snprintf(mark, sizeof mark, "/dev/shm/weir-mark.%s.m", strrchr(p.path, '/') + 1);
    remove(mark);
    planted_end(&p);
}

/* -- what it refuses ----------------------------------------------------------------------------------------------------------------------- */

static void what_is_foreign_torn_truncated_or_of_another_version_is_refused_with_the_reason(void **state)
{
    struct planted p = planted("refused", &shape);
    const struct run *run;
    (void)state;
    p.im.head->magic++;
    planted_write(&p);
    run = inspect("leaks %s --json", p.name);
    assert_int_equal(run->status, 3);
    assert_string_equal(run->out, "");
    assert_says(run->err, p.segment, "foreign", NULL);
    p.im.head->magic--;
    p.im.head->version = 9;
    planted_write(&p);
    run = inspect("show %s", p.name);
    assert_int_equal(run->status, 3);
    assert_says(run->err, "version 9", NULL);
    p.im.head->version = DEBUG_VERSION;
    p.im.head->tokens_at = 3;
    planted_write(&p);
    run = inspect("check %s", p.name);
    assert_int_equal(run->status, 3);
    assert_says(run->err, "torn", NULL);
    assert_int_equal(truncate(p.path, 5000), 0);
    p.im.head->tokens_at = 0;
    run = inspect("leaks %s", p.name);
    assert_int_equal(run->status, 3);
    assert_says(run->err, "truncated", NULL);
    assert_int_equal(truncate(p.path, 0), 0);
    run = inspect("leaks %s", p.name);
    assert_int_equal(run->status, 3);
    assert_says(run->err, "truncated", NULL);
    planted_end(&p);
}

static void touch_the_end(void *arg)
{
    const struct mapping *m = arg;
    struct reader r;
    assert_int_equal(reader_open(&r, m->base, m->bytes), 0);
}

static void a_file_that_is_cut_while_it_is_read_is_refused_and_no_crash(void **state)
{
    struct planted p = planted("cut", &shape);
    struct mapping m;
    (void)state;
    assert_int_equal(os_file_map(&m.base, &m.bytes, p.path), 0);
    assert_int_equal(truncate(p.path, 4096), 0);
    assert_false(fault_guard(&m, touch_the_end, &m));
    os_file_unmap(m.base, m.bytes);
    planted_write(&p);
    assert_int_equal(os_file_map(&m.base, &m.bytes, p.path), 0);
    assert_true(fault_guard(&m, touch_the_end, &m));
    os_file_unmap(m.base, m.bytes);
    planted_end(&p);
}

static void a_usage_that_is_wrong_is_said_and_ends_with_2(void **state)
{
    static const char *const wrong[] = {
        "", "frobnicate", "show", "show a b c", "mark a", "check", "leaks --min-age", "leaks --min-age x", "leaks --min-age -1", "leaks --bogus", "list --all",
        "leaks --json --folded", "show a b", "show a -1", "list --watch 0",
    };
    const struct run *run;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        run = inspect("%s", wrong[i]);
        if (run->status != 2 || !strstr(run->err, "weir-inspect: ") || run->out[0])
            fail_msg("weir-inspect %s: %d, \"%s\"", wrong[i], run->status, run->err);
    }
    run = inspect("--help");
    assert_int_equal(run->status, 0);
    assert_says(run->out, "list", "show", "leaks", "mark", "check", "exit status", "23", "examples", NULL);
    assert_int_equal(inspect("--version")->status, 0);
}

static void a_control_byte_of_a_segment_never_reaches_the_terminal(void **state)
{
    struct planted p = planted("clean", &shape);
    static const char *const command[] = { "show %s", "show %s 5", "leaks %s", "leaks %s --folded", "check %s" };
    (void)state;
    memcpy(image_holder_at(&p.im, 1)->name, "\033[2J\007", 6);
    memcpy((char *)image_at(&p.im, p.im.head->text_at) + 1, "\033]0;x\007", 7);
    planted_write(&p);
    for (size_t i = 0; i < sizeof command / sizeof command[0]; i++) {
        char words[200];
        const struct run *run;
        snprintf(words, sizeof words, command[i], p.name);
        run = inspect("%s", words);
        assert_null(strchr(run->out, 033));
        assert_null(strchr(run->out, 007));
    }
    planted_end(&p);
}

/* -- check, watch -------------------------------------------------------------------------------------------------------------------------- */

static void check_says_what_does_not_hold_together(void **state)
{
    struct planted p = planted("check", &shape);
    const struct run *run = inspect("check %s", p.name);
    json_t *report;
    (void)state;
    assert_int_equal(run->status, 0);
    assert_says(run->out, "holds together", NULL);
    image_token_at(&p.im, 1)->own += 2;
    planted_write(&p);
    run = inspect("check %s", p.name);
    assert_int_equal(run->status, 3);
    assert_says(run->out, "token 1: its balance is 5, and the lines say 3", NULL);
    image_token_at(&p.im, 1)->own -= 2;
    image_token_at(&p.im, 3)->site = 9;
    image_site_at(&p.im, 2)->file = 1000000;
    image_holder_at(&p.im, 1)->process.pid = -5;
    *image_birth(&p.im, 4) = UINT64_C(0xffffff) << 32 | 1;
    image_cut(&p.im, 3, 3, 1, 2);
    planted_write(&p);
    run = inspect("check %s", p.name);
    assert_int_equal(run->status, 3);
    assert_says(run->out, "token 3: its site 9 isn't there", "site 2: it has no file", "holder 1: its pid is -5", "op 4: born", "op 3: an update", NULL);
    report = json_loads(inspect("check %s --json", p.name)->out, 0, NULL);
    assert_true(json_is_false(json_object_get(report, "holds")));
    assert_int_equal(json_array_size(json_object_get(report, "findings")), json_integer_value(json_object_get(report, "found")));
    json_decref(report);
    planted_end(&p);
}

static void watch_says_it_again_and_again(void **state)
{
    struct planted p = planted("watch", &shape);
    char command[700], line[1000];
    unsigned seen = 0;
    FILE *out;
    (void)state;
    snprintf(command, sizeof command, "timeout %d '%s' leaks %s --watch 0.02", PATIENCE, WEIR_INSPECT, p.name);
    out = popen(command, "r");
    assert_non_null(out);
    while (seen < 3 && fgets(line, sizeof line, out))
        seen += strstr(line, "3 leaks, 4 references") != NULL;
    pclose(out);
    assert_int_equal(seen, 3);
    planted_end(&p);
}

/* -- real processes ------------------------------------------------------------------------------------------------------------------------- */

struct owner {
    pid_t pid;
    char name[64];
    unsigned op;
    int line;
};

/* A process of its own that leaks one op by a hold, and stays until it is killed. */
static struct owner owner_start(const char *name)
{
    struct owner o;
    int words[2], told[2];
    memset(&o, 0, sizeof o);
    snprintf(o.name, sizeof o.name, "ti-%s-%d", name, (int)getpid());
    assert_int_equal(pipe(words), 0);
    fflush(NULL);
    o.pid = fork();
    if (o.pid == 0) {
        struct weir_pool_config config = { .name = o.name, .capacity = 100, .buffer_size = 64, .debug = "track=sketch,journal=8" };
        struct weir_pool *pool;
        struct weir_op *op;
        alarm(PATIENCE);
        weir_holder_name("leaker");
        if (weir_pool_create(&pool, &config))
            _exit(1);
        weir_op_put(weir_op_get(pool));
        op = weir_op_get(pool);
        told[0] = (int)weir_op_index(op), told[1] = __LINE__ + 1;
        (void)weir_hold_take(op);
        if (write(words[1], told, sizeof told) != sizeof told)
            _exit(2);
        for (;;)
            pause();
    }
    close(words[1]);
    assert_int_equal(read(words[0], told, sizeof told), sizeof told);
    close(words[0]);
    o.op = (unsigned)told[0], o.line = told[1];
    return o;
}

static void owner_end(struct owner *o)
{
    char segment[128];
    kill(o->pid, SIGKILL);
    waitpid(o->pid, NULL, 0);
    snprintf(segment, sizeof segment, "debug.%s.%d", o->name, (int)o->pid);
    os_segment_unlink(segment);
}

static void assert_names_leaker(const struct run *run, const struct owner *o, const char *state)
{
    json_t *report = json_loads(run->out, 0, NULL), *leak, *holder, *site = NULL;
    size_t i;
    assert_int_equal(run->status, 23);
    assert_non_null(report);
    assert_right(schema_wrong(WEIR_LEAKS_SCHEMA, report));
    assert_int_equal(json_array_size(json_object_get(report, "leaks")), 1);
    leak = json_array_get(json_object_get(report, "leaks"), 0);
    assert_int_equal(json_integer_value(json_object_get(leak, "op")), o->op);
    assert_int_equal(json_integer_value(json_object_get(leak, "refs")), 2);
    assert_string_equal(json_string_value(json_object_get(leak, "certainty")), "certified");
    holder = json_array_get(json_object_get(leak, "holders"), 0);
    assert_string_equal(json_string_value(json_object_get(holder, "name")), "leaker");
    assert_string_equal(json_string_value(json_object_get(holder, "state")), state);
    assert_int_equal(json_integer_value(json_object_get(holder, "pid")), o->pid);
    json_array_foreach(json_object_get(holder, "sites"), i, site)
        if (json_integer_value(json_object_get(site, "line")) == o->line)
            break;
    assert_non_null(strstr(json_string_value(json_object_get(site, "file")), "test_inspect.c"));
    assert_int_equal(json_integer_value(json_object_get(site, "line")), o->line);
    json_decref(report);
}

static void a_living_process_is_read_without_its_help_and_a_killed_one_is_named_as_dead(void **state)
{
    struct owner o = owner_start("live");
    const struct run *run = inspect("leaks %s --json", o.name);
    (void)state;
    assert_names_leaker(run, &o, "alive");
    run = inspect("show %s %u", o.name, o.op);
    assert_int_equal(run->status, 0);
    assert_says(run->out, "2 references", "leaker", "born", "taken", "test_inspect.c", NULL);
    assert_int_equal(inspect("check %s", o.name)->status, 0);
    kill(o.pid, SIGSTOP);
    assert_names_leaker(inspect("leaks %s --json", o.name), &o, "alive");
    kill(o.pid, SIGKILL);
    waitpid(o.pid, NULL, 0);
    assert_names_leaker(inspect("leaks %s --json", o.name), &o, "dead");
    assert_says(inspect("leaks %d", (int)o.pid)->out, "leaker (dead, killed)", NULL);
    assert_int_equal(inspect("check %s", o.name)->status, 0);
    owner_end(&o);
}

static void a_killed_process_that_nobody_has_waited_for_is_a_zombie(void **state)
{
    struct owner o = owner_start("zombie");
    siginfo_t info;
    (void)state;
    kill(o.pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)o.pid, &info, WEXITED | WNOWAIT), 0);
    assert_names_leaker(inspect("leaks %s --json", o.name), &o, "zombie");
    owner_end(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_names_each_watched_pool_with_its_numbers),
        cmocka_unit_test(list_as_json_has_the_manuals_members_and_no_others),
        cmocka_unit_test(a_shared_pool_that_nobody_watches_is_listed_too),
        cmocka_unit_test(show_of_a_pool_says_its_numbers_holders_and_sites),
        cmocka_unit_test(show_of_an_op_is_its_biography),
        cmocka_unit_test(show_as_json_says_the_same),
        cmocka_unit_test(leaks_are_said_with_holder_and_place_and_end_with_23),
        cmocka_unit_test(leaks_as_json_keep_to_the_schema),
        cmocka_unit_test(leaks_as_folded_stacks_are_a_line_each),
        cmocka_unit_test(without_a_name_every_segment_is_looked_at),
        cmocka_unit_test(what_is_young_is_no_leak_unless_the_dead_hold_it),
        cmocka_unit_test(what_was_taken_before_the_mark_is_left_out),
        cmocka_unit_test(known_leaks_are_suppressed_and_rules_that_match_nothing_are_named),
        cmocka_unit_test(sampled_figures_say_so_and_are_scaled),
        cmocka_unit_test(a_reading_that_is_not_stable_is_no_verdict_and_ends_with_3),
        cmocka_unit_test(a_pool_is_found_by_its_name_its_pid_its_segment_and_its_file),
        cmocka_unit_test(a_shared_pool_is_found_by_the_pid_of_who_made_it),
        cmocka_unit_test(a_name_means_the_living_or_else_the_youngest),
        cmocka_unit_test(nothing_is_written_into_a_segment),
        cmocka_unit_test(what_is_foreign_torn_truncated_or_of_another_version_is_refused_with_the_reason),
        cmocka_unit_test(a_file_that_is_cut_while_it_is_read_is_refused_and_no_crash),
        cmocka_unit_test(a_usage_that_is_wrong_is_said_and_ends_with_2),
        cmocka_unit_test(a_control_byte_of_a_segment_never_reaches_the_terminal),
        cmocka_unit_test(check_says_what_does_not_hold_together),
        cmocka_unit_test(watch_says_it_again_and_again),
        cmocka_unit_test(a_living_process_is_read_without_its_help_and_a_killed_one_is_named_as_dead),
        cmocka_unit_test(a_killed_process_that_nobody_has_waited_for_is_a_zombie),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
