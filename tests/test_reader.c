/* tests/test_reader.c - the reader of debug segments (debug/reader.c), on segments that were made by hand (debug_image.h). */
#include "support.h"

#include "debug_image.h"

#ifndef _WIN32
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>
#endif

static struct image_shape pool_shape = { TRACK_POOL, TRACKER_SKETCH, 4, 8, 3000, 0 };
static struct image_shape domain_shape = { TRACK_DOMAIN, TRACKER_SKETCH, 4, 0, 50, 0 };

static struct reader opened(const struct image *im)
{
    struct reader r;
    int error = reader_open(&r, im->base, im->bytes);
    if (error)
        fail_msg("reader_open: %d: %s", error, weir_error_message());
    return r;
}

static void assert_refused(const struct image *im, size_t bytes, const char *word)
{
    struct reader r;
    int error = reader_open(&r, im->base, bytes);
    if (error != -EINVAL || !strstr(weir_error_message(), word))
        fail_msg("reader_open: %d, \"%s\", wanted is -EINVAL and \"%s\"", error, weir_error_message(), word);
    reader_close(&r);
}

/* -- the header ------------------------------------------------------------------------------------------------------------------- */

static void a_segment_that_is_foreign_or_of_another_version_is_refused_by_that_word(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    (void)state;
    im.head->magic ^= 1;
    assert_refused(&im, im.bytes, "foreign");
    im.head->magic ^= 1;
    im.head->version++;
    assert_refused(&im, im.bytes, "version 2");
    im.head->version--;
    im.head->header_bytes += 8;
    assert_refused(&im, im.bytes, "torn");
    im.head->header_bytes -= 8;
    im.head->state = DEBUG_CLAIMING;
    assert_refused(&im, im.bytes, "unfinished");
    im.head->state = 17;
    assert_refused(&im, im.bytes, "torn");
    image_free(&im);
}

static void a_segment_that_is_cut_anywhere_is_refused_as_truncated(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    (void)state;
    assert_refused(&im, 0, "truncated");
    assert_refused(&im, 100, "truncated");
    assert_refused(&im, DEBUG_HEADER - 1, "truncated");
    assert_refused(&im, DEBUG_HEADER, "truncated");
    assert_refused(&im, im.bytes - 1, "truncated");
    image_free(&im);
}

#define FIELD(name, value) { offsetof(struct debug_header, name), sizeof(((struct debug_header *)0)->name), (value), #name }
#define MUCH UINT64_C(0xffffffffffffffff)

static void each_number_of_the_header_that_fits_nothing_is_refused_as_torn(void **state)
{
    const struct { size_t at, bytes; uint64_t value; const char *name; } wrong[] = {
        FIELD(kind, 0), FIELD(kind, 3), FIELD(name[0], 0), FIELD(name[0], 27), FIELD(objects, 0), FIELD(objects, 5000), FIELD(objects, MUCH),
        FIELD(holders, 0), FIELD(holders, 4097), FIELD(sites, 0), FIELD(sites, MUCH), FIELD(tokens, 0), FIELD(tokens, 65537), FIELD(modules, 257),
        FIELD(text_bytes, MUCH), FIELD(frames, MUCH), FIELD(nodes, MUCH), FIELD(nodes, 1 << 20), FIELD(chunk_bytes, 8), FIELD(chunk_bytes, MUCH),
        FIELD(chunk_bytes, 131084), FIELD(chunks, 2), FIELD(chunks, MUCH), FIELD(tracker, 99), FIELD(parameter, 0), FIELD(parameter, 9),
        FIELD(tracker_words, 8), FIELD(journal, 257), FIELD(journal, 200), FIELD(line_words, 1), FIELD(line_words, MUCH), FIELD(created, MUCH),
        FIELD(modules_at, 0), FIELD(modules_at, MUCH), FIELD(modules_at, MUCH - 100), FIELD(holders_at, 4097), FIELD(holders_at, 4096),
        FIELD(sites_at, MUCH - 7), FIELD(tokens_at, 1 << 30), FIELD(text_at, 4000), FIELD(frames_at, MUCH), FIELD(nodes_at, 5), FIELD(ready_at, 100),
        FIELD(ready_at, MUCH), FIELD(chunks_at, MUCH), FIELD(chunks_at, 8192), FIELD(bytes, 4096), FIELD(bytes, 20000),
    };
    struct image im = image_usual("p", &pool_shape);
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct debug_header before = *im.head;
        struct reader r;
        int error;
        memcpy(im.base + wrong[i].at, &wrong[i].value, wrong[i].bytes);
        error = reader_open(&r, im.base, im.bytes);
        if (error != -EINVAL || !strstr(weir_error_message(), "torn"))
            fail_msg("%s = %llu: %d, \"%s\"", wrong[i].name, (unsigned long long)wrong[i].value, error, weir_error_message());
        reader_close(&r);
        *im.head = before;
    }
    image_free(&im);
}

static void a_name_or_spec_that_does_not_end_is_refused(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    (void)state;
    memset(im.head->name, 'a', sizeof im.head->name);
    assert_refused(&im, im.bytes, "torn");
    strcpy(im.head->name, "p");
    memset(im.head->spec, 'a', sizeof im.head->spec);
    assert_refused(&im, im.bytes, "torn");
    image_free(&im);
}

/* -- objects ------------------------------------------------------------------------------------------------------------------------ */

static void assert_holds(const struct reader *r, const struct reader_object *o, uint32_t token, int refs)
{
    for (unsigned i = 0; i < o->verdict.n; i++) {
        struct reader_holder h = reader_named(r, &o->verdict, i);
        if (h.token != token)
            continue;
        assert_int_equal(h.refs, refs);
        return;
    }
    fail_msg("token %u is not named", token);
}

static void an_object_is_read_with_its_holders_places_handle_address_and_age(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r = opened(&im);
    struct reader_object o;
    struct reader_holder h;
    (void)state;
    assert_true(reader_object(&r, 5, &o));
    assert_true(o.stable);
    assert_int_equal(o.object, 5);
    assert_int_equal(o.refs, 2);
    assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_int_equal(o.verdict.n, 2);
    assert_holds(&r, &o, 1, 1);
    assert_holds(&r, &o, 2, 1);
    assert_int_equal(o.handle, UINT64_C(12) << 32 | 6);
    assert_int_equal(o.address, 0x7f0000000000 + 5 * 4096);
    assert_int_equal(o.birth, 5001);
    assert_int_equal(o.first, 1);
    assert_int_equal(o.last, 1);
    assert_true(o.age >= 50 * INT64_C(1000000000) && o.age < 110 * INT64_C(1000000000));
    assert_true(reader_object(&r, 3, &o));
    h = reader_named(&r, &o.verdict, 0);
    assert_int_equal(h.token, 1);
    assert_int_equal(h.holder, 1);
    assert_int_equal(h.site, 1);
    o.verdict.site_unknown = true;                      /* xor and sum know the holder alone */
    h = reader_named(&r, &o.verdict, 0);
    assert_int_equal(h.holder, 1);
    assert_int_equal(h.site, 0);
    reader_close(&r);
    image_free(&im);
}

static void a_domains_object_is_read_by_its_own_address(void **state)
{
    struct image im = image_usual("d", &domain_shape);
    struct reader r;
    struct reader_object o;
    (void)state;
    *image_object(&im, 4) = 0x5566778899;
    r = opened(&im);
    assert_true(reader_object(&r, 4, &o));
    assert_int_equal(o.address, 0x5566778899);
    assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
    reader_close(&r);
    image_free(&im);
}

static int count(const struct reader_object *o, void *arg)
{
    (void)o;
    return ++*(int *)arg == 2 ? 77 : 0;
}

static void each_object_comes_until_the_caller_says_stop(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r;
    int n = 0;
    (void)state;
    image_begin(&im, 2047, 1, 2);
    image_begin(&im, 2999, 1, 3);
    r = opened(&im);
    assert_int_equal(reader_each(&r, count, &n), 77);
    assert_int_equal(n, 2);
    n = -100;
    assert_int_equal(reader_each(&r, count, &n), 0);
    assert_int_equal(n, -95);
    ((uint8_t *)image_at(&im, im.head->ready_at))[1] = 0;               /* 1024 to 2047 have no memory */
    n = -100;
    assert_int_equal(reader_each(&r, count, &n), 0);
    assert_int_equal(n, -96);
    reader_close(&r);
    image_free(&im);
}

static void an_object_is_free_without_a_birth_or_without_a_count(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r = opened(&im);
    struct reader_object o;
    (void)state;
    assert_false(reader_object(&r, 6, &o));
    assert_false(reader_object(&r, 3000, &o));
    assert_false(reader_object(&r, UINT32_MAX, &o));
    *image_birth(&im, 3) = 0;
    assert_false(reader_object(&r, 3, &o));
    *image_line(&im, 4) &= ~LINE_COUNT;
    assert_false(reader_object(&r, 4, &o));
    reader_close(&r);
    image_free(&im);
}

static void a_token_that_was_registered_after_the_refresh_is_found_all_the_same(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r = opened(&im);
    struct reader_object o;
    (void)state;
    image_token(&im, 9, 2, 3);
    image_begin(&im, 8, 1, 9);
    assert_true(EVENTUALLY(reader_object(&r, 8, &o) && o.verdict.certainty == WEIR_CERTIFIED));
    assert_holds(&r, &o, 9, 1);
    reader_close(&r);
    image_free(&im);
}

/* -- updates that were cut short ---------------------------------------------------------------------------------------------------- */

static void a_dead_threads_take_is_taken_back_wherever_it_was_cut_and_counts_as_the_deads_reference(void **state)
{
    struct reader_object o;
    (void)state;
    for (unsigned steps = 0; steps <= 7; steps++) {
        struct image im = image_usual("p", &pool_shape);
        struct reader r;
        image_cut(&im, 3, 2, 1, steps);
        r = opened(&im);
        assert_true(reader_object(&r, 3, &o));
        assert_true(o.stable);
        assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
        assert_int_equal(o.refs, 2);
        assert_int_equal(o.verdict.n, 2);
        assert_holds(&r, &o, 1, 1);
        assert_holds(&r, &o, 2, 1);
        reader_close(&r);
        image_free(&im);
    }
}

static void a_dead_threads_give_is_taken_back_wherever_it_was_cut(void **state)
{
    struct reader_object o;
    (void)state;
    for (unsigned steps = 0; steps <= 7; steps++) {
        struct image im = image_usual("p", &pool_shape);
        struct reader r;
        image_cut(&im, 5, 2, -1, steps);
        r = opened(&im);
        assert_true(reader_object(&r, 5, &o));
        assert_true(o.stable);
        assert_int_equal(o.refs, 2);
        assert_holds(&r, &o, 1, 1);
        assert_holds(&r, &o, 2, 1);
        reader_close(&r);
        image_free(&im);
    }
}

static void the_dead_may_be_the_only_one_who_holds(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r;
    struct reader_object o;
    (void)state;
    image_cut(&im, 3, 2, 1, 4);
    image_give(&im, 3, 1);
    r = opened(&im);
    assert_true(reader_object(&r, 3, &o));
    assert_true(o.stable);
    assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_int_equal(o.verdict.n, 1);
    assert_holds(&r, &o, 2, 1);
    reader_close(&r);
    image_free(&im);
}

static void two_who_died_in_one_line_are_both_taken_back(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r;
    struct reader_object o;
    (void)state;
    image_holder_dead(&im, 3, "other");
    image_token(&im, 4, 3, 2);
    image_cut(&im, 5, 2, 1, 3);
    image_cut(&im, 5, 4, 1, 5);
    r = opened(&im);
    assert_true(reader_object(&r, 5, &o));
    assert_true(o.stable);
    assert_int_equal(o.refs, 4);
    assert_int_equal(o.verdict.n, 3);
    assert_holds(&r, &o, 2, 2);
    assert_holds(&r, &o, 4, 1);
    reader_close(&r);
    image_free(&im);
}

/* Five hold it; the second one's give is in the words, the fourth one's has not begun. That can't be told from five of which the fourth has two and the second
 * none, and only that has few enough for a sketch(4). */
static void one_of_two_who_died_is_not_certified_for_the_other(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r;
    struct reader_object o;
    (void)state;
    image_holder_dead(&im, 3, "other");
    image_token(&im, 4, 3, 2);
    image_token(&im, 5, 1, 2);
    for (uint32_t token = 3; token <= 5; token++)
        image_take(&im, 5, token);
    image_cut(&im, 5, 2, -1, 7);
    image_holder_at(&im, 3)->intent = INTENT(5, 4, -1);
    r = opened(&im);
    assert_true(reader_object(&r, 5, &o));
    assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_non_null(o.verdict.why);
    reader_close(&r);
    image_free(&im);
}

static void nothing_is_taken_back_while_its_thread_lives_and_then_nothing_is_certified(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r;
    struct reader_object o;
    (void)state;
    image_cut(&im, 3, 3, 1, 2);
    r = opened(&im);
    assert_true(reader_object(&r, 3, &o));
    assert_false(o.stable);
    assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_non_null(o.verdict.why);
    reader_close(&r);
    image_free(&im);
}

static void an_active_line_without_an_intent_of_the_dead_is_not_certified(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r;
    struct reader_object o;
    (void)state;
    image_cut(&im, 3, 2, 1, 7);
    image_holder_at(&im, 2)->intent = INTENT(4, 2, 1);                  /* of another object */
    r = opened(&im);
    assert_true(reader_object(&r, 3, &o));
    assert_false(o.stable);
    assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
    reader_close(&r);
    image_free(&im);
}

static void an_intent_whose_update_had_ended_does_not_count(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r;
    struct reader_object o;
    (void)state;
    image_holder_at(&im, 2)->intent = INTENT(5, 2, 1);                  /* killed between the last step and clearing it */
    r = opened(&im);
    assert_true(reader_object(&r, 5, &o));
    assert_true(o.stable);
    assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_int_equal(o.refs, 2);
    reader_close(&r);
    image_free(&im);
}

static void two_readings_that_are_both_possible_are_none(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r;
    struct reader_object o;
    (void)state;
    image_holder_dead(&im, 3, "other");
    image_token(&im, 4, 3, 2);
    image_cut(&im, 3, 2, 1, 0);
    image_holder_at(&im, 3)->intent = INTENT(3, 4, 1);                  /* one of the two took it, the other had ended or not begun */
    r = opened(&im);
    assert_true(reader_object(&r, 3, &o));
    assert_false(o.stable);
    assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
    reader_close(&r);
    image_free(&im);
}

/* -- beside a writer ------------------------------------------------------------------------------------------------------------------ */

struct busy {
    struct image *im;
    uint32_t stop, rounds;
};

static void *take_and_give(void *arg)
{
    struct busy *b = arg;
    while (!load_acquire_32(&b->stop)) {
        image_take(b->im, 3, 3);
        image_take(b->im, 3, 2);
        image_give(b->im, 3, 3);
        image_give(b->im, 3, 2);
        add_32(&b->rounds, 1);
    }
    return NULL;
}

static void what_is_read_beside_a_writer_is_of_one_moment_or_not_certified(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct busy b = { &im, 0, 0 };
    struct reader r = opened(&im);
    struct reader_object o;
    pthread_t thread;
    unsigned stable = 0;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, take_and_give, &b), 0);
    assert_true(EVENTUALLY(load_acquire_32(&b.rounds) > 10));
    for (unsigned i = 0; i < SCALED(20000, 2000) || (stable < 100 && i < 10000000); i++) {
        int named = 0;
        assert_true(reader_object(&r, 3, &o));
        for (unsigned j = 0; j < o.verdict.n; j++)
            named += o.verdict.holder[j].refs;
        if (!o.stable) {
            assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
            continue;
        }
        stable++;
        assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
        assert_int_equal(named, o.refs);
    }
    store_release_32(&b.stop, 1);
    pthread_join(thread, NULL);
    assert_true(stable >= 100);
    reader_close(&r);
    image_free(&im);
}

#ifndef _WIN32
/* An update exactly between two words of one reading: the line lies across two pages, and the second can't be read until the update was made. */
static struct { struct image *im; char *page; uint32_t object; int times; } between;

static void update_between(int number)
{
    (void)number;
    if (between.times++ || mprotect(between.page, 4096, PROT_READ | PROT_WRITE) != 0)
        _exit(99);
    image_take(between.im, between.object, 2);
    image_give(between.im, between.object, 1);
    image_take(between.im, between.object, 3);
}

static void an_update_between_two_words_of_a_reading_is_seen(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r;
    struct reader_object o;
    uint32_t op = 10;
    (void)state;
    while (((uintptr_t)image_line(&im, op) & 4095) != 4096 - 32)
        op++;
    image_begin(&im, op, 1, 1);
    r = opened(&im);
    between.im = &im, between.object = op, between.times = 0, between.page = (char *)image_line(&im, op) + 32;
    signal(SIGSEGV, update_between);
    assert_int_equal(mprotect(between.page, 4096, PROT_NONE), 0);
    assert_true(reader_object(&r, op, &o));
    signal(SIGSEGV, SIG_DFL);
    assert_int_equal(between.times, 1);
    assert_true(o.stable);
    assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_holds(&r, &o, 2, 1);
    assert_holds(&r, &o, 3, 1);
    reader_close(&r);
    image_free(&im);
}
#endif

/* -- tables ------------------------------------------------------------------------------------------------------------------------- */

static void holders_are_asked_of_the_system(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r;
    (void)state;
    image_holder_self(&im, 4, "silent");
    image_holder_at(&im, 4)->beat = 0;
    im.head->hung = DEBUG_UNIT;
    image_holder_self(&im, 5, "ended");
    image_holder_at(&im, 5)->state = DEBUG_EXITED;
    image_holder_self(&im, 6, "in time");
    image_holder_at(&im, 6)->beat = 1000000;
    r = opened(&im);
    assert_int_equal(reader_holder_state(&r, 2), WEIR_DEAD);
    assert_int_equal(reader_holder_state(&r, 4), WEIR_HUNG);
    assert_int_equal(reader_holder_state(&r, 5), WEIR_DEAD);
    assert_true(reader_holder_ended(&r, 5));
    assert_false(reader_holder_ended(&r, 2));
    assert_false(reader_holder_ended(&r, 6));
    assert_int_equal(reader_holder_state(&r, 6), WEIR_ALIVE);
    reader_close(&r);
    image_free(&im);
}

static void an_index_out_of_its_table_is_not_known(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r = opened(&im);
    struct debug_holder holder;
    struct debug_site site;
    struct debug_module module;
    struct debug_token token;
    (void)state;
    assert_null(reader_holder(&r, 0, &holder));
    assert_null(reader_holder(&r, 7, &holder));
    assert_null(reader_holder(&r, 8, &holder));
    assert_null(reader_holder(&r, UINT32_MAX, &holder));
    assert_false(reader_site(&r, 0, &site));
    assert_false(reader_site(&r, 16, &site));
    assert_false(reader_site(&r, 9, &site));
    assert_true(reader_site(&r, 2, &site));
    assert_int_equal(site.line, 77);
    assert_false(reader_token(&r, 32, &token));
    assert_false(reader_module(&r, 2, &module));
    assert_false(reader_module(&r, 0, &module));
    image_token_at(&im, 1)->holder = 4000;
    image_token_at(&im, 1)->site = 4000;
    reader_refresh(&r);
    assert_int_equal(r.tokens.holder[1], 0);
    reader_close(&r);
    image_free(&im);
}

static void text_that_does_not_end_within_its_part_is_empty_and_control_bytes_are_not_printed(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r = opened(&im);
    char text[2000];
    (void)state;
    assert_string_equal(reader_text(&r, 1, text, sizeof text), "session.c");
    assert_string_equal(reader_text(&r, 1, text, 5), "sess");
    assert_string_equal(reader_text(&r, 0, text, sizeof text), "");
    assert_string_equal(reader_text(&r, 5000, text, sizeof text), "");
    assert_string_equal(reader_text(&r, UINT32_MAX, text, sizeof text), "");
    memset(image_at(&im, im.head->text_at), 'x', im.head->text_bytes);
    assert_string_equal(reader_text(&r, 10, text, sizeof text), "");
    memcpy(image_at(&im, im.head->text_at), "\033[2Jx", 6);
    assert_string_equal(reader_text(&r, 0, text, sizeof text), "?[2Jx");
    reader_close(&r);
    image_free(&im);
}

static void a_stacks_frames_lie_within_their_part_or_there_are_none(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r = opened(&im);
    struct debug_site site = { .kind = SITE_STACK, .offset = UINT64_C(2) << 32 | 3 };
    uint64_t frame[DEBUG_STACK];
    (void)state;
    ((uint64_t *)image_at(&im, im.head->frames_at))[3] = 4711;
    assert_int_equal(reader_frames(&r, &site, frame, DEBUG_STACK), 3);
    assert_int_equal(frame[1], 4711);
    assert_int_equal(reader_frames(&r, &site, frame, 1), 1);
    site.offset = UINT64_C(30) << 32 | 3;
    assert_int_equal(reader_frames(&r, &site, frame, DEBUG_STACK), 0);
    site.offset = UINT64_C(0xffffffff) << 32 | 0xffffffff;
    assert_int_equal(reader_frames(&r, &site, frame, DEBUG_STACK), 0);
    reader_close(&r);
    image_free(&im);
}

/* -- the journal ---------------------------------------------------------------------------------------------------------------------- */

static void a_journal_is_read_oldest_first_and_what_it_lost_is_counted(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r = opened(&im);
    struct reader_event event[8];
    uint64_t lost;
    (void)state;
    assert_int_equal(reader_journal(&r, 5, event, 8, &lost), 2);
    assert_int_equal(lost, 0);
    assert_int_equal(event[0].event, TRACK_BORN);
    assert_int_equal(event[1].token, 2);
    assert_int_equal(event[1].time, 5002);
    assert_int_equal(event[1].thread, 2);
    for (uint32_t i = 0; i < 20; i++)
        image_event(&im, 4, i, TRACK_TAKE, 1, 5000 + i, 1);
    assert_int_equal(reader_journal(&r, 4, event, 8, &lost), 8);
    assert_int_equal(lost, 12);
    assert_int_equal(event[0].time, 5012);
    assert_int_equal(event[7].time, 5019);
    assert_int_equal(reader_journal(&r, 4, event, 3, &lost), 3);
    assert_int_equal(event[0].time, 5017);
    assert_int_equal(reader_journal(&r, 99999, event, 8, &lost), 0);
    reader_close(&r);
    image_free(&im);
}

static void an_entry_that_was_not_written_to_its_end_is_left_out(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct reader r = opened(&im);
    struct reader_event event[8];
    uint64_t lost, *words = image_line(&im, 5) + 1 + im.head->tracker_words;
    (void)state;
    words[0] = 3;
    assert_int_equal(reader_journal(&r, 5, event, 8, &lost), 2);
    assert_int_equal(lost, 1);
    words[0] = UINT64_MAX;
    assert_int_equal(reader_journal(&r, 5, event, 8, &lost), 0);
    reader_close(&r);
    image_free(&im);
}

static void *write_events(void *arg)
{
    struct busy *b = arg;
    for (uint32_t i = 0; !load_acquire_32(&b->stop); i++) {
        image_event(b->im, 4, i, TRACK_TAKE, i & 0xffff, i, 1);
        store_release_32(&b->rounds, i);
    }
    return NULL;
}

static void an_entry_that_is_written_over_while_it_is_read_is_left_out(void **state)
{
    struct image im = image_usual("p", &pool_shape);
    struct busy b = { &im, 0, 0 };
    struct reader r = opened(&im);
    struct reader_event event[8];
    unsigned seen = 0;
    pthread_t thread;
    uint64_t lost;
    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, write_events, &b), 0);
    assert_true(EVENTUALLY(load_acquire_32(&b.rounds) > 10));
    for (unsigned i = 0; i < SCALED(100000, 10000) || (!seen && i < 10000000); i++) {
        unsigned n = reader_journal(&r, 4, event, 8, &lost);
        for (unsigned j = 0; j < n; j++)
            assert_int_equal(event[j].token, event[j].time & 0xffff);
        seen += n;
    }
    store_release_32(&b.stop, 1);
    pthread_join(thread, NULL);
    assert_int_not_equal(seen, 0);
    reader_close(&r);
    image_free(&im);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_segment_that_is_foreign_or_of_another_version_is_refused_by_that_word),
        cmocka_unit_test(a_segment_that_is_cut_anywhere_is_refused_as_truncated),
        cmocka_unit_test(each_number_of_the_header_that_fits_nothing_is_refused_as_torn),
        cmocka_unit_test(a_name_or_spec_that_does_not_end_is_refused),
        cmocka_unit_test(an_object_is_read_with_its_holders_places_handle_address_and_age),
        cmocka_unit_test(a_domains_object_is_read_by_its_own_address),
        cmocka_unit_test(each_object_comes_until_the_caller_says_stop),
        cmocka_unit_test(an_object_is_free_without_a_birth_or_without_a_count),
        cmocka_unit_test(a_token_that_was_registered_after_the_refresh_is_found_all_the_same),
        cmocka_unit_test(a_dead_threads_take_is_taken_back_wherever_it_was_cut_and_counts_as_the_deads_reference),
        cmocka_unit_test(a_dead_threads_give_is_taken_back_wherever_it_was_cut),
        cmocka_unit_test(the_dead_may_be_the_only_one_who_holds),
        cmocka_unit_test(two_who_died_in_one_line_are_both_taken_back),
        cmocka_unit_test(one_of_two_who_died_is_not_certified_for_the_other),
        cmocka_unit_test(nothing_is_taken_back_while_its_thread_lives_and_then_nothing_is_certified),
        cmocka_unit_test(an_active_line_without_an_intent_of_the_dead_is_not_certified),
        cmocka_unit_test(an_intent_whose_update_had_ended_does_not_count),
        cmocka_unit_test(two_readings_that_are_both_possible_are_none),
#ifndef _WIN32
        cmocka_unit_test(an_update_between_two_words_of_a_reading_is_seen),
#endif
        cmocka_unit_test(what_is_read_beside_a_writer_is_of_one_moment_or_not_certified),
        cmocka_unit_test(holders_are_asked_of_the_system),
        cmocka_unit_test(an_index_out_of_its_table_is_not_known),
        cmocka_unit_test(text_that_does_not_end_within_its_part_is_empty_and_control_bytes_are_not_printed),
        cmocka_unit_test(a_stacks_frames_lie_within_their_part_or_there_are_none),
        cmocka_unit_test(a_journal_is_read_oldest_first_and_what_it_lost_is_counted),
        cmocka_unit_test(an_entry_that_was_not_written_to_its_end_is_left_out),
        cmocka_unit_test(an_entry_that_is_written_over_while_it_is_read_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
