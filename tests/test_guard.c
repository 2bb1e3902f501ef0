/* tests/test_guard.c - the guard's own rules, on a pool and a watch that are made by hand: what it finds and where, what it must not take for a bug (a trim's
 * pages, another process's trims), what is whole again after a panic, and the story of an op out of its journal.
 */
#include "support.h"

#ifdef __linux__
#include "child.h"
#endif

#include "../debug/guard.h"
#include "../debug/watch.h"
#define thread_start pool_thread_start          /* the library's own; support.h has one for tests */
#include "pool_private.h"
#undef thread_start

enum { OPS = 130 };

/* A guarded pool's buffers, without a pool around them. */
struct scene {
    struct watch watch;
    struct debug_header *head;
    struct weir_pool *pool;
    size_t bytes;
};

static uint8_t no_chunk[1] = { DEBUG_NOT_READY };

static void scene_make(struct scene *s, size_t size, const char *kind)
{
    struct track_shape shape = { .kind = TRACK_POOL, .objects = OPS, .buffer_size = size, .shared = strcmp(kind, "shared") == 0 };
    size_t align = strcmp(kind, "page") ? 64 : os_page_size();
    memset(s, 0, sizeof *s);
    s->head = os_pages(sizeof *s->head);
    s->pool = os_pages(sizeof *s->pool);
    s->head->objects = OPS;
    s->head->flags = DEBUG_GUARD | (shape.shared ? DEBUG_SHARED : 0) | (align > 64 ? DEBUG_PAGES : 0);
    s->watch.head = s->head;
    s->watch.ready = no_chunk;
    assert_int_equal(guard_open(&s->watch, &shape), 0);
    memcpy(s->pool->name, "guarded", 8);
    s->pool->capacity = OPS;
    s->pool->buffer_size = size;
    s->pool->arena.committed = OPS;
    s->pool->arena.op_stride = WEIR_OP_HEADER;
    s->pool->arena.buffer_stride = (size + s->watch.track.red_zone + align - 1) / align * align;
    s->bytes = (OPS * s->pool->arena.buffer_stride + os_page_size() - 1) / os_page_size() * os_page_size();
    s->pool->arena.buffers = os_pages(s->bytes);
    s->pool->arena.ops = os_pages(OPS * WEIR_OP_HEADER);
    guard_placed(&s->watch.track, s->pool);
}

static void scene_end(struct scene *s)
{
    guard_left(&s->watch.track, s->pool);
    guard_close(&s->watch);
    os_pages_free(s->pool->arena.ops, OPS * WEIR_OP_HEADER);
    os_pages_free(s->pool->arena.buffers, s->bytes);
    os_pages_free(s->pool, sizeof *s->pool);
    os_pages_free(s->head, sizeof *s->head);
}

static void take(struct scene *s, uint32_t op) { guard_taken(&s->watch.track, s->pool, op, NULL); }
static void give(struct scene *s, uint32_t op) { guard_given(&s->watch.track, s->pool, op, NULL); }

/* By who knows no guard: no tool shall call it a bug. */
__attribute__((no_sanitize_address, __noinline__)) static void poke_bytes(struct scene *s, uint32_t op, ptrdiff_t at, const char *bytes, size_t n)
{
    volatile char *buffer = s->pool->arena.buffers + op * s->pool->arena.buffer_stride;
    for (size_t i = 0; i < n; i++)
        buffer[at + (ptrdiff_t)i] = bytes ? bytes[i] : 0;
}

static void poke(struct scene *s, uint32_t op, ptrdiff_t at, const char *text) { poke_bytes(s, op, at, text, strlen(text)); }
static void poke_zeros(struct scene *s, uint32_t op, ptrdiff_t at, size_t n) { poke_bytes(s, op, at, NULL, n); }

/* As a trim that took the pages of [from, to). */
static void trim(struct scene *s, size_t from, size_t to)
{
    size_t page = os_page_size(), begin = (from * s->pool->arena.buffer_stride + page - 1) / page * page;
    size_t end = to * s->pool->arena.buffer_stride / page * page;
    assert_true(begin < end);
    assert_int_equal(os_discard(s->pool->arena.buffers + begin, end - begin), 0);
}

static void who_stays_within_a_buffer_is_never_accused(void **state)
{
    static const size_t sizes[] = { 1, 7, 63, 64, 100, 256, 4000, 4096, 10000 };
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct scene s;
        scene_make(&s, sizes[i], i % 2 ? "plain" : "shared");
        for (int round = 0; round < 3; round++) {
            for (uint32_t op = 0; op < OPS; op++) {
                take(&s, op);
                memset(s.pool->arena.buffers + op * s.pool->arena.buffer_stride, round + (int)op, sizes[i]);
            }
            for (uint32_t op = OPS; op-- > 0;)
                give(&s, op);
        }
        scene_end(&s);
    }
}

static void a_write_to_a_free_buffer_is_found_at_the_next_get(void **state)
{
    static const size_t at[] = { 0, 1, 100, 251 };
    struct scene s;
    scene_make(&s, 256, "plain");
    (void)state;
    for (uint32_t i = 0; i < 4; i++) {
        char first[64];
        take(&s, 63 + i);
        give(&s, 63 + i);
        poke(&s, 63 + i, (ptrdiff_t)at[i], "hello");
        snprintf(first, sizeof first, "from byte %zu to byte %zu of 256", at[i], at[i] + 4);
        assert_panics(take(&s, 63 + i), i ? "op 6" : "op 63", "guarded", "5 bytes", first, "68 65 6c 6c 6f \"hello\"", "after it was put", "next: ");
        take(&s, 63 + i);                       /* who goes on finds it whole */
        give(&s, 63 + i);
    }
    scene_end(&s);
}

static void a_single_changed_bit_is_found(void **state)
{
    struct scene s;
    scene_make(&s, 4096, "plain");
    char text[2] = { (char)(GUARD_POISON ^ 1), 0 };
    (void)state;
    take(&s, 5);
    give(&s, 5);
    poke(&s, 5, 4095, text);
    assert_panics(take(&s, 5), "op 5 ", "1 bytes", "from byte 4095 to byte 4095 of 4096");
    scene_end(&s);
}

static void writes_beyond_either_end_are_found_at_the_put(void **state)
{
    struct scene s;
    scene_make(&s, 100, "plain");
    (void)state;
    for (uint32_t op = 6; op < 9; op++)
        take(&s, op);
    poke(&s, 7, 100, "AB");
    assert_panics(give(&s, 7), "op 7 ", "overrun", "held", "2 bytes", "from byte 100 to byte 101 of 100", "41 42 \"AB\"", "weir_op_buffer_size");
    poke(&s, 7, -3, "C");
    assert_panics(give(&s, 7), "op 7 ", "underrun", "held", "1 bytes", "from byte -3 to byte -3 of 100", "43 \"C\"");
    give(&s, 7);                                /* still its holder's, and whole */
    give(&s, 6);
    give(&s, 8);
    scene_end(&s);
}

static void a_write_beside_a_free_buffer_is_found_at_the_get(void **state)
{
    struct scene s;
    scene_make(&s, 100, "plain");
    (void)state;
    take(&s, 7);
    give(&s, 7);
    poke(&s, 7, 131, "x");
    assert_panics(take(&s, 7), "op 7 ", "overrun while it was free", "from byte 131 to byte 131 of 100");
    scene_end(&s);
}

static void what_a_trim_took_is_no_write(void **state)
{
    struct scene s;        /* a stride of a page */
    scene_make(&s, 4096 - GUARD_RED_ZONE, "plain");
    (void)state;
    for (uint32_t op = 0; op < OPS; op++)
        take(&s, op);
    for (uint32_t op = 10; op < 20; op++)
        give(&s, op);
    guard_discarded(&s.watch.track, 10, 20);
    trim(&s, 10, 20);
    for (uint32_t op = 10; op < 20; op++)
        take(&s, op);
    for (uint32_t op = OPS; op-- > 0;)                                  /* 20 among them, whose zone lay in the page of 19 */
        give(&s, op);
    scene_end(&s);
}

static void zeros_before_a_buffer_that_begins_no_page_are_a_write(void **state)
{
    struct scene s;
    scene_make(&s, 100, "plain");
    (void)state;
    take(&s, 7);
    poke_zeros(&s, 7, -(ptrdiff_t)GUARD_RED_ZONE / 2, GUARD_RED_ZONE / 2);
    assert_panics(give(&s, 7), "op 7 ", "underrun");
    scene_end(&s);
}

static void zeros_behind_a_held_buffer_are_a_write(void **state)
{
    struct scene s, shared;
    scene_make(&s, 100, "plain");
    scene_make(&shared, 100, "shared");
    (void)state;
    take(&s, 7);
    poke_zeros(&s, 7, 100, GUARD_RED_ZONE / 2);
    assert_panics(give(&s, 7), "op 7 ", "overrun");
    take(&shared, 7);
    poke_zeros(&shared, 7, 100, GUARD_RED_ZONE / 2);
    assert_panics(give(&shared, 7), "op 7 ", "overrun");
    scene_end(&s);
    scene_end(&shared);
}

static void what_another_process_trimmed_is_no_write(void **state)
{
    struct scene s;
    scene_make(&s, 10000, "shared");
    (void)state;
    for (uint32_t op = 0; op < OPS; op++)
        take(&s, op);
    for (uint32_t op = 0; op < OPS; op++)
        give(&s, op);
    trim(&s, 3, 40);
    for (uint32_t op = 0; op < OPS; op++)
        take(&s, op);
    for (uint32_t op = 0; op < OPS; op++)
        give(&s, op);
    poke(&s, 50, 5000, "x");
    assert_panics(take(&s, 50), "op 50 ", "5000");
    scene_end(&s);
}

static void a_pool_without_buffers_has_no_guard(void **state)
{
    struct watch w;
    struct track_shape shape = { .kind = TRACK_POOL, .objects = 10 };
    struct debug_header head = { .objects = 10, .flags = DEBUG_GUARD };
    (void)state;
    memset(&w, 0, sizeof w);
    w.head = &head;
    assert_int_equal(guard_open(&w, &shape), 0);
    assert_false(w.track.guard);
    guard_close(&w);
}

static void a_shared_pool_is_poisoned_where_pages_were_asked_for(void **state)
{
    struct watch w;
    struct debug_header head = { .objects = 10, .flags = DEBUG_GUARD | DEBUG_PAGES | DEBUG_SHARED };
    struct track_shape shape = { .kind = TRACK_POOL, .objects = 10, .shared = true, .buffer_size = 4096 };
    (void)state;
    memset(&w, 0, sizeof w);
    w.head = &head;
    assert_int_equal(guard_open(&w, &shape), 0);
    assert_true(w.track.guard);
    assert_false(w.track.pages);
    guard_close(&w);
}

/* -- pages ------------------------------------------------------------------------------------------------------------------ */

static void pages_keep_what_was_in_the_buffer(void **state)
{
    struct scene s;
    scene_make(&s, 5000, "page");
    (void)state;
    take(&s, 3);
    poke(&s, 3, 4990, "hello");
    give(&s, 3);
    take(&s, 3);
    assert_memory_equal(s.pool->arena.buffers + 3 * s.pool->arena.buffer_stride + 4990, "hello", 5);
    poke(&s, 3, 5000, "z");
    assert_panics(give(&s, 3), "op 3 ", "overrun", "from byte 5000 to byte 5000 of 5000");
    give(&s, 3);
    for (uint32_t op = 0; op < OPS; op++)
        (void)os_protect(s.pool->arena.buffers, s.bytes, true);
    scene_end(&s);
}

/* -- an op's story ---------------------------------------------------------------------------------------------------------- */

/* A watch with one chunk, two holders and two sites: what a journal's entries speak of. */
static char story_texts[] = "\0session.c\0session_open\0/usr/bin/serve";
static struct debug_holder story_holders[3];
static struct debug_site story_sites[3];
static struct debug_token story_tokens[4];
static struct debug_module story_modules[2];
static uint8_t story_ready[1] = { DEBUG_IS_READY };
static uint64_t story_chunk[DEBUG_CHUNK * 20];

/* An entry as layout.h has it. */
static void journal_entry(uint64_t *words, unsigned n, unsigned event, uint32_t token, uint32_t thread, uint32_t time)
{
    uint64_t i = words[0]++;
    words[1 + 2 * (i % n)] = (i + 1) << 32 | (uint64_t)event << 24 | token;
    words[2 + 2 * (i % n)] = (uint64_t)time << 32 | thread;
}

static void story_make(struct scene *s)
{
    scene_make(s, 256, "plain");
    s->head->objects = OPS;
    s->head->journal = 4;
    s->head->line_words = 10;
    s->head->chunk_bytes = sizeof story_chunk;
    s->head->holders = s->head->sites = 3;
    s->head->tokens = 4;
    s->head->modules = 2;
    s->head->text_bytes = sizeof story_texts;
    s->head->created = os_now_coarse() - 100 * DEBUG_UNIT;
    story_holders[1] = (struct debug_holder){ .state = DEBUG_READY, .process = { .pid = 812 }, .tid = 815, .name = "worker-3" };
    story_holders[2] = (struct debug_holder){ .state = DEBUG_EXITED, .process = { .pid = 812 }, .tid = 816, .name = "logger" };
    story_sites[1] = (struct debug_site){ .state = DEBUG_READY, .kind = SITE_SOURCE, .file = 1, .function = 11, .line = 218 };
    story_sites[2] = (struct debug_site){ .state = DEBUG_READY, .kind = SITE_ADDRESS, .module = 1, .offset = 0x1a2f };
    story_modules[1].path = 24;
    story_tokens[1] = (struct debug_token){ .state = DEBUG_READY, .holder = 1, .site = 1 };
    story_tokens[2] = (struct debug_token){ .state = DEBUG_READY, .holder = 2, .site = 2 };
    s->watch.holders = story_holders;
    s->watch.sites = story_sites;
    s->watch.tokens = story_tokens;
    s->watch.modules = story_modules;
    s->watch.text = story_texts;
    s->watch.ready = story_ready;
    s->watch.chunks = (char *)story_chunk;
}

static int lines_of(const char *text)
{
    int n = *text != 0;
    for (; *text; text++)
        n += *text == '\n';
    return n;
}

/* The number before " ms ago" in the line that says so. */
static long ms_ago(const char *text, const char *what)
{
    const char *at = strstr(text, what);
    assert_non_null(at);
    while (at > text && at[-1] != '\n')
        at--;
    return strtol(at, NULL, 10);
}

static void an_op_s_story_names_who_what_where_and_when(void **state)
{
    struct scene s;
    char text[1024];
    uint64_t *words;
    (void)state;
    story_make(&s);
    words = line_journal(&s.watch, watch_line(&s.watch, 7));
    guard_biography(&s.watch.track, 7, text, sizeof text);
    assert_string_equal(text, "");
    journal_entry(words, 4, TRACK_BORN, 1, 815, 1);
    journal_entry(words, 4, TRACK_TAKE, 2, 816, 51);
    guard_biography(&s.watch.track, 7, text, sizeof text);
    assert_says(text, " ms ago  taken from the pool by worker-3 (pid 812, thread 815) at session.c:218 session_open",
                " ms ago  reference taken by logger (pid 812, thread 816, which has ended) at serve+0x1a2f", (char *)NULL);
    assert_in_range(ms_ago(text, "taken from the pool"), 1000, 60000);
    assert_int_equal(ms_ago(text, "taken from the pool") - ms_ago(text, "reference taken"), 500);
    for (int i = 0; i < 5; i++)
        journal_entry(words, 4, TRACK_GIVE, 3, 0, 101);
    guard_biography(&s.watch.track, 7, text, sizeof text);
    assert_null(strstr(text, "worker-3"));      /* the oldest are dropped */
    assert_says(text, " ms ago  reference given back by somebody not known at a place not known", (char *)NULL);
    words[1 + 2 * (6 % 4)] += UINT64_C(1) << 32;        /* another entry's number: it is being written anew */
    guard_biography(&s.watch.track, 7, text, sizeof text);
    assert_int_equal(lines_of(text), 4);
    guard_biography(&s.watch.track, 7, text, 40);
    assert_int_equal(strlen(text), 39);
    scene_end(&s);
}

static void a_panic_ends_with_the_op_s_story(void **state)
{
    struct scene s;
    (void)state;
    story_make(&s);
    take(&s, 7);
    give(&s, 7);
    memset(story_chunk, 0, sizeof story_chunk);
    journal_entry(line_journal(&s.watch, watch_line(&s.watch, 7)), 4, TRACK_LAST, 1, 815, 61);
    poke(&s, 7, 0, "x");
    assert_panics(guard_taken(&s.watch.track, s.pool, 7, (const void *)(uintptr_t)a_panic_ends_with_the_op_s_story), "found by this get", "at test_guard",
                  "given back by worker-3", "session.c:218", "next: ");
    scene_end(&s);
}

#ifdef __linux__
static const char *uses_a_protected_buffer(void *arg)
{
    struct scene s;
    scene_make(&s, 4096, "page");
    (void)arg;
    take(&s, 7);
    give(&s, 7);
    poke(&s, 7, 12, "x");
    return "the write went through";
}

static void a_use_of_a_protected_buffer_is_named_and_then_the_default(void **state)
{
    struct told told;
    (void)state;
    told_by_a_child(&told, uses_a_protected_buffer, NULL);
    assert_true(WIFSIGNALED(told.status) && WTERMSIG(told.status) == SIGSEGV);
    assert_says(told.text, "op 7 of pool \"guarded\" was used after it was put: at byte 12 of its buffer of 4096", "at test_guard+0x", "next: ",
                (char *)NULL);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_stays_within_a_buffer_is_never_accused),
        cmocka_unit_test(a_write_to_a_free_buffer_is_found_at_the_next_get),
        cmocka_unit_test(a_single_changed_bit_is_found),
        cmocka_unit_test(writes_beyond_either_end_are_found_at_the_put),
        cmocka_unit_test(a_write_beside_a_free_buffer_is_found_at_the_get),
        cmocka_unit_test(what_a_trim_took_is_no_write),
        cmocka_unit_test(zeros_before_a_buffer_that_begins_no_page_are_a_write),
        cmocka_unit_test(zeros_behind_a_held_buffer_are_a_write),
        cmocka_unit_test(what_another_process_trimmed_is_no_write),
        cmocka_unit_test(a_pool_without_buffers_has_no_guard),
        cmocka_unit_test(a_shared_pool_is_poisoned_where_pages_were_asked_for),
        cmocka_unit_test(pages_keep_what_was_in_the_buffer),
        cmocka_unit_test(an_op_s_story_names_who_what_where_and_when),
        cmocka_unit_test(a_panic_ends_with_the_op_s_story),
#ifdef __linux__
        cmocka_unit_test(a_use_of_a_protected_buffer_is_named_and_then_the_default),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
