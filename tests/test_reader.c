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

/* Each test has a segment of its own, and opens the reader when what it wants is in it. */
static struct image im;
static struct reader reader;

/* A thread that writes to the segment while the test reads it. */
static struct { pthread_t thread; bool runs; uint32_t stop, rounds; } writer;

static void start_writer(void *(*body)(void *))
{
    writer.stop = writer.rounds = 0;
    assert_int_equal(pthread_create(&writer.thread, NULL, body, NULL), 0);
    writer.runs = true;
    assert_true(EVENTUALLY(load_acquire_32(&writer.rounds) > 10));
}

static void end_writer(void)
{
    if (!writer.runs)
        return;
    store_release_32(&writer.stop, 1);
    pthread_join(writer.thread, NULL);
    writer.runs = false;
}

static int set_up(void **state)
{
    (void)state;
    im = image_usual("p", &pool_shape);
    return 0;
}

static int set_up_domain(void **state)
{
    (void)state;
    im = image_usual("d", &domain_shape);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    end_writer();
    reader_close(&reader);
    image_free(&im);
    return 0;
}

static void open_reader(void)
{
    int error = reader_open(&reader, im.base, im.bytes);
    if (error)
        fail_msg("reader_open: %d: %s", error, weir_error_message());
}

static struct reader_object open_and_read(uint32_t object)
{
    struct reader_object o;
    open_reader();
    assert_true(reader_object(&reader, object, &o));
    return o;
}

/* -- the header ------------------------------------------------------------------------------------------------------------------- */

static void assert_refused(size_t bytes, const char *word)
{
    int error = reader_open(&reader, im.base, bytes);
    if (error != -EINVAL || !strstr(weir_error_message(), word))
        fail_msg("reader_open: %d, \"%s\", wanted is -EINVAL and \"%s\"", error, weir_error_message(), word);
    reader_close(&reader);
}

static void a_segment_that_is_foreign_or_of_another_version_is_refused_by_that_word(void **state)
{
    (void)state;
    im.head->magic ^= 1;
    assert_refused(im.bytes, "foreign");
    im.head->magic ^= 1;
    im.head->version++;
    assert_refused(im.bytes, "version 2");
    im.head->version--;
    im.head->header_bytes += 8;
    assert_refused(im.bytes, "torn");
    im.head->header_bytes -= 8;
    im.head->state = DEBUG_CLAIMING;
    assert_refused(im.bytes, "unfinished");
    im.head->state = 17;
    assert_refused(im.bytes, "torn");
}

static void a_segment_that_is_cut_anywhere_is_refused_as_truncated(void **state)
{
    (void)state;
    assert_refused(0, "truncated");
    assert_refused(100, "truncated");
    assert_refused(DEBUG_HEADER - 1, "truncated");
    assert_refused(DEBUG_HEADER, "truncated");
    assert_refused(im.bytes - 1, "truncated");
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
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct debug_header before = *im.head;
        int error;
        memcpy(im.base + wrong[i].at, &wrong[i].value, wrong[i].bytes);
        error = reader_open(&reader, im.base, im.bytes);
        if (error != -EINVAL || !strstr(weir_error_message(), "torn"))
            fail_msg("%s = %llu: %d, \"%s\"", wrong[i].name, (unsigned long long)wrong[i].value, error, weir_error_message());
        reader_close(&reader);
        *im.head = before;
    }
}

static void a_name_or_spec_that_does_not_end_is_refused(void **state)
{
    (void)state;
    memset(im.head->name, 'a', sizeof im.head->name);
    assert_refused(im.bytes, "torn");
    strcpy(im.head->name, "p");
    memset(im.head->spec, 'a', sizeof im.head->spec);
    assert_refused(im.bytes, "torn");
}

/* -- objects ------------------------------------------------------------------------------------------------------------------------ */

static void assert_holds(const struct reader_object *o, uint32_t token, int refs)
{
    for (unsigned i = 0; i < o->verdict.n; i++) {
        struct reader_holder h = reader_named(&reader, &o->verdict, i);
        if (h.token != token)
            continue;
        assert_int_equal(h.refs, refs);
        return;
    }
    fail_msg("token %u is not named", token);
}

/* By tokens 1 and 2, once each, for certain. */
static void assert_held_by_both(const struct reader_object *o)
{
    assert_true(o->stable);
    assert_int_equal(o->refs, 2);
    assert_int_equal(o->verdict.certainty, WEIR_CERTIFIED);
    assert_int_equal(o->verdict.n, 2);
    assert_holds(o, 1, 1);
    assert_holds(o, 2, 1);
}

static void an_object_is_read_with_its_holders_places_handle_address_and_age(void **state)
{
    struct reader_object o;
    struct reader_holder h;
    (void)state;
    o = open_and_read(5);
    assert_int_equal(o.object, 5);
    assert_held_by_both(&o);
    assert_int_equal(o.handle, UINT64_C(12) << 32 | 6);
    assert_int_equal(o.address, 0x7f0000000000 + 5 * 4096);
    assert_int_equal(o.birth, 5001);
    assert_int_equal(o.first, 1);
    assert_int_equal(o.last, 1);
    assert_true(o.age >= 50 * INT64_C(1000000000) && o.age < 110 * INT64_C(1000000000));
    assert_true(reader_object(&reader, 3, &o));
    h = reader_named(&reader, &o.verdict, 0);
    assert_int_equal(h.token, 1);
    assert_int_equal(h.holder, 1);
    assert_int_equal(h.site, 1);
    o.verdict.site_unknown = true;                      /* xor and sum know the holder alone */
    h = reader_named(&reader, &o.verdict, 0);
    assert_int_equal(h.holder, 1);
    assert_int_equal(h.site, 0);
}

static void a_domains_object_is_read_by_its_own_address(void **state)
{
    struct reader_object o;
    (void)state;
    *image_object(&im, 4) = 0x5566778899;
    o = open_and_read(4);
    assert_int_equal(o.address, 0x5566778899);
    assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
}

static int count(const struct reader_object *o, void *arg)
{
    (void)o;
    return ++*(int *)arg == 2 ? 77 : 0;
}

static void each_object_comes_until_the_caller_says_stop(void **state)
{
    int n = 0;
    (void)state;
    image_begin(&im, 2047, 1, 2);
    image_begin(&im, 2999, 1, 3);
    open_reader();
    assert_int_equal(reader_each(&reader, count, &n), 77);
    assert_int_equal(n, 2);
    n = -100;
    assert_int_equal(reader_each(&reader, count, &n), 0);
    assert_int_equal(n, -95);
    ((uint8_t *)image_at(&im, im.head->ready_at))[1] = 0;               /* 1024 to 2047 have no memory */
    n = -100;
    assert_int_equal(reader_each(&reader, count, &n), 0);
    assert_int_equal(n, -96);
}

static void an_object_is_free_without_a_birth_or_without_a_count(void **state)
{
    struct reader_object o;
    (void)state;
    open_reader();
    assert_false(reader_object(&reader, 6, &o));
    assert_false(reader_object(&reader, 3000, &o));
    assert_false(reader_object(&reader, UINT32_MAX, &o));
    *image_birth(&im, 3) = 0;
    assert_false(reader_object(&reader, 3, &o));
    *image_line(&im, 4) &= ~LINE_COUNT;
    assert_false(reader_object(&reader, 4, &o));
}

static void a_token_that_was_registered_after_the_refresh_is_found_all_the_same(void **state)
{
    struct reader_object o;
    (void)state;
    open_reader();
    image_token(&im, 9, 2, 3);
    image_begin(&im, 8, 1, 9);
    assert_true(EVENTUALLY(reader_object(&reader, 8, &o) && o.verdict.certainty == WEIR_CERTIFIED));
    assert_holds(&o, 9, 1);
}

/* -- updates that were cut short ---------------------------------------------------------------------------------------------------- */

static void start_over(void)
{
    tear_down(NULL);
    set_up(NULL);
}

static void a_dead_threads_take_is_taken_back_wherever_it_was_cut_and_counts_as_the_deads_reference(void **state)
{
    struct reader_object o;
    (void)state;
    for (unsigned steps = 0; steps <= 7; steps++) {
        start_over();
        image_cut(&im, 3, 2, 1, steps);
        o = open_and_read(3);
        assert_held_by_both(&o);
    }
}

static void a_dead_threads_give_is_taken_back_wherever_it_was_cut(void **state)
{
    struct reader_object o;
    (void)state;
    for (unsigned steps = 0; steps <= 7; steps++) {
        start_over();
        image_cut(&im, 5, 2, -1, steps);
        o = open_and_read(5);
        assert_held_by_both(&o);
    }
}

static void the_dead_may_be_the_only_one_who_holds(void **state)
{
    struct reader_object o;
    (void)state;
    image_cut(&im, 3, 2, 1, 4);
    image_give(&im, 3, 1);
    o = open_and_read(3);
    assert_true(o.stable);
    assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_int_equal(o.verdict.n, 1);
    assert_holds(&o, 2, 1);
}

/* Holder 3, who had token 4. */
static void another_dies(void)
{
    image_holder_dead(&im, 3, "other");
    image_token(&im, 4, 3, 2);
}

static void two_who_died_in_one_line_are_both_taken_back(void **state)
{
    struct reader_object o;
    (void)state;
    another_dies();
    image_cut(&im, 5, 2, 1, 3);
    image_cut(&im, 5, 4, 1, 5);
    o = open_and_read(5);
    assert_true(o.stable);
    assert_int_equal(o.refs, 4);
    assert_int_equal(o.verdict.n, 3);
    assert_holds(&o, 2, 2);
    assert_holds(&o, 4, 1);
}

/* Five hold it; the second one's give is in the words, the fourth one's has not begun. That can't be told from five of which the fourth has two and the second
 * none, and only that has few enough for a sketch(4). */
static void one_of_two_who_died_is_not_certified_for_the_other(void **state)
{
    struct reader_object o;
    (void)state;
    another_dies();
    image_token(&im, 5, 1, 2);
    for (uint32_t token = 3; token <= 5; token++)
        image_take(&im, 5, token);
    image_cut(&im, 5, 2, -1, 7);
    image_holder_at(&im, 3)->intent = INTENT(5, 4, -1);
    o = open_and_read(5);
    assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_non_null(o.verdict.why);
}

static void nothing_is_taken_back_while_its_thread_lives_and_then_nothing_is_certified(void **state)
{
    struct reader_object o;
    (void)state;
    image_cut(&im, 3, 3, 1, 2);
    o = open_and_read(3);
    assert_false(o.stable);
    assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_non_null(o.verdict.why);
}

static void an_active_line_without_an_intent_of_the_dead_is_not_certified(void **state)
{
    struct reader_object o;
    (void)state;
    image_cut(&im, 3, 2, 1, 7);
    image_holder_at(&im, 2)->intent = INTENT(4, 2, 1);                  /* of another object */
    o = open_and_read(3);
    assert_false(o.stable);
    assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
}

static void an_intent_whose_update_had_ended_does_not_count(void **state)
{
    struct reader_object o;
    (void)state;
    image_holder_at(&im, 2)->intent = INTENT(5, 2, 1);                  /* killed between the last step and clearing it */
    o = open_and_read(5);
    assert_held_by_both(&o);
}

static void two_readings_that_are_both_possible_are_none(void **state)
{
    struct reader_object o;
    (void)state;
    another_dies();
    image_cut(&im, 3, 2, 1, 0);
    image_holder_at(&im, 3)->intent = INTENT(3, 4, 1);                  /* one of the two took it, the other had ended or not begun */
    o = open_and_read(3);
    assert_false(o.stable);
    assert_int_not_equal(o.verdict.certainty, WEIR_CERTIFIED);
}

/* -- beside a writer ------------------------------------------------------------------------------------------------------------------ */

static void *take_and_give(void *unused)
{
    (void)unused;
    while (!load_acquire_32(&writer.stop)) {
        image_take(&im, 3, 3);
        image_take(&im, 3, 2);
        image_give(&im, 3, 3);
        image_give(&im, 3, 2);
        add_32(&writer.rounds, 1);
    }
    return NULL;
}

static void what_is_read_beside_a_writer_is_of_one_moment_or_not_certified(void **state)
{
    struct reader_object o;
    unsigned stable = 0;
    (void)state;
    open_reader();
    start_writer(take_and_give);
    for (unsigned i = 0; i < SCALED(20000, 2000) || (stable < 100 && i < 10000000); i++) {
        int named = 0;
        assert_true(reader_object(&reader, 3, &o));
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
    assert_true(stable >= 100);
}

#ifndef _WIN32
/* An update exactly between two words of one reading: the line lies across two pages, and the second can't be read until the update was made. */
static struct { char *page; uint32_t object; int times; } between;

static void update_between(int number)
{
    (void)number;
    if (between.times++ || mprotect(between.page, 4096, PROT_READ | PROT_WRITE) != 0)
        _exit(99);
    image_take(&im, between.object, 2);
    image_give(&im, between.object, 1);
    image_take(&im, between.object, 3);
}

static void an_update_between_two_words_of_a_reading_is_seen(void **state)
{
    struct reader_object o;
    uint32_t op = 10;
    (void)state;
    while (((uintptr_t)image_line(&im, op) & 4095) != 4096 - 32)
        op++;
    image_begin(&im, op, 1, 1);
    open_reader();
    between.object = op, between.times = 0, between.page = (char *)image_line(&im, op) + 32;
    signal(SIGSEGV, update_between);
    assert_int_equal(mprotect(between.page, 4096, PROT_NONE), 0);
    assert_true(reader_object(&reader, op, &o));
    signal(SIGSEGV, SIG_DFL);
    assert_int_equal(between.times, 1);
    assert_true(o.stable);
    assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
    assert_holds(&o, 2, 1);
    assert_holds(&o, 3, 1);
}
#endif

/* -- tables ------------------------------------------------------------------------------------------------------------------------- */

static void holders_are_asked_of_the_system(void **state)
{
    (void)state;
    image_holder_self(&im, 4, "silent");
    image_holder_at(&im, 4)->beat = 0;
    im.head->hung = DEBUG_UNIT;
    image_holder_self(&im, 5, "ended");
    image_holder_at(&im, 5)->state = DEBUG_EXITED;
    image_holder_self(&im, 6, "in time");
    image_holder_at(&im, 6)->beat = 1000000;
    open_reader();
    assert_int_equal(reader_holder_state(&reader, 2), WEIR_DEAD);
    assert_int_equal(reader_holder_state(&reader, 4), WEIR_HUNG);
    assert_int_equal(reader_holder_state(&reader, 5), WEIR_DEAD);
    assert_true(reader_holder_ended(&reader, 5));
    assert_false(reader_holder_ended(&reader, 2));
    assert_false(reader_holder_ended(&reader, 6));
    assert_int_equal(reader_holder_state(&reader, 6), WEIR_ALIVE);
}

static void an_index_out_of_its_table_is_not_known(void **state)
{
    struct debug_holder holder;
    struct debug_site site;
    struct debug_module module;
    struct debug_token token;
    (void)state;
    open_reader();
    assert_null(reader_holder(&reader, 0, &holder));
    assert_null(reader_holder(&reader, 7, &holder));
    assert_null(reader_holder(&reader, 8, &holder));
    assert_null(reader_holder(&reader, UINT32_MAX, &holder));
    assert_false(reader_site(&reader, 0, &site));
    assert_false(reader_site(&reader, 16, &site));
    assert_false(reader_site(&reader, 9, &site));
    assert_true(reader_site(&reader, 2, &site));
    assert_int_equal(site.line, 77);
    assert_false(reader_token(&reader, 32, &token));
    assert_false(reader_module(&reader, 2, &module));
    assert_false(reader_module(&reader, 0, &module));
    image_token_at(&im, 1)->holder = 4000;
    image_token_at(&im, 1)->site = 4000;
    reader_refresh(&reader);
    assert_int_equal(reader.tokens.holder[1], 0);
}

static void text_that_does_not_end_within_its_part_is_empty_and_control_bytes_are_not_printed(void **state)
{
    char text[2000];
    (void)state;
    open_reader();
    assert_string_equal(reader_text(&reader, 1, text, sizeof text), "session.c");
    assert_string_equal(reader_text(&reader, 1, text, 5), "sess");
    assert_string_equal(reader_text(&reader, 0, text, sizeof text), "");
    assert_string_equal(reader_text(&reader, 5000, text, sizeof text), "");
    assert_string_equal(reader_text(&reader, UINT32_MAX, text, sizeof text), "");
    memset(image_at(&im, im.head->text_at), 'x', im.head->text_bytes);
    assert_string_equal(reader_text(&reader, 10, text, sizeof text), "");
    memcpy(image_at(&im, im.head->text_at), "\033[2Jx", 6);
    assert_string_equal(reader_text(&reader, 0, text, sizeof text), "?[2Jx");
}

static void a_stacks_frames_lie_within_their_part_or_there_are_none(void **state)
{
    struct debug_site site = { .kind = SITE_STACK, .offset = UINT64_C(2) << 32 | 3 };
    uint64_t frame[DEBUG_STACK];
    (void)state;
    open_reader();
    ((uint64_t *)image_at(&im, im.head->frames_at))[3] = 4711;
    assert_int_equal(reader_frames(&reader, &site, frame, DEBUG_STACK), 3);
    assert_int_equal(frame[1], 4711);
    assert_int_equal(reader_frames(&reader, &site, frame, 1), 1);
    site.offset = UINT64_C(30) << 32 | 3;
    assert_int_equal(reader_frames(&reader, &site, frame, DEBUG_STACK), 0);
    site.offset = UINT64_C(0xffffffff) << 32 | 0xffffffff;
    assert_int_equal(reader_frames(&reader, &site, frame, DEBUG_STACK), 0);
}

/* -- the journal ---------------------------------------------------------------------------------------------------------------------- */

static void a_journal_is_read_oldest_first_and_what_it_lost_is_counted(void **state)
{
    struct reader_event event[8];
    uint64_t lost;
    (void)state;
    open_reader();
    assert_int_equal(reader_journal(&reader, 5, event, 8, &lost), 2);
    assert_int_equal(lost, 0);
    assert_int_equal(event[0].event, TRACK_BORN);
    assert_int_equal(event[1].token, 2);
    assert_int_equal(event[1].time, 5002);
    assert_int_equal(event[1].thread, 2);
    for (uint32_t i = 0; i < 20; i++)
        image_event(&im, 4, i, TRACK_TAKE, 1, 5000 + i, 1);
    assert_int_equal(reader_journal(&reader, 4, event, 8, &lost), 8);
    assert_int_equal(lost, 12);
    assert_int_equal(event[0].time, 5012);
    assert_int_equal(event[7].time, 5019);
    assert_int_equal(reader_journal(&reader, 4, event, 3, &lost), 3);
    assert_int_equal(event[0].time, 5017);
    assert_int_equal(reader_journal(&reader, 99999, event, 8, &lost), 0);
}

static void an_entry_that_was_not_written_to_its_end_is_left_out(void **state)
{
    struct reader_event event[8];
    uint64_t lost, *words = image_line(&im, 5) + 1 + im.head->tracker_words;
    (void)state;
    open_reader();
    words[0] = 3;
    assert_int_equal(reader_journal(&reader, 5, event, 8, &lost), 2);
    assert_int_equal(lost, 1);
    words[0] = UINT64_MAX;
    assert_int_equal(reader_journal(&reader, 5, event, 8, &lost), 0);
}

static void *write_events(void *unused)
{
    (void)unused;
    for (uint32_t i = 0; !load_acquire_32(&writer.stop); i++) {
        image_event(&im, 4, i, TRACK_TAKE, i & 0xffff, i, 1);
        store_release_32(&writer.rounds, i);
    }
    return NULL;
}

static void an_entry_that_is_written_over_while_it_is_read_is_left_out(void **state)
{
    struct reader_event event[8];
    unsigned seen = 0;
    uint64_t lost;
    (void)state;
    open_reader();
    start_writer(write_events);
    for (unsigned i = 0; i < SCALED(100000, 10000) || (!seen && i < 10000000); i++) {
        unsigned n = reader_journal(&reader, 4, event, 8, &lost);
        for (unsigned j = 0; j < n; j++)
            assert_int_equal(event[j].token, event[j].time & 0xffff);
        seen += n;
    }
    assert_int_not_equal(seen, 0);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(a_segment_that_is_foreign_or_of_another_version_is_refused_by_that_word),
        CASE(a_segment_that_is_cut_anywhere_is_refused_as_truncated),
        CASE(each_number_of_the_header_that_fits_nothing_is_refused_as_torn),
        CASE(a_name_or_spec_that_does_not_end_is_refused),
        CASE(an_object_is_read_with_its_holders_places_handle_address_and_age),
        cmocka_unit_test_setup_teardown(a_domains_object_is_read_by_its_own_address, set_up_domain, tear_down),
        CASE(each_object_comes_until_the_caller_says_stop),
        CASE(an_object_is_free_without_a_birth_or_without_a_count),
        CASE(a_token_that_was_registered_after_the_refresh_is_found_all_the_same),
        CASE(a_dead_threads_take_is_taken_back_wherever_it_was_cut_and_counts_as_the_deads_reference),
        CASE(a_dead_threads_give_is_taken_back_wherever_it_was_cut),
        CASE(the_dead_may_be_the_only_one_who_holds),
        CASE(two_who_died_in_one_line_are_both_taken_back),
        CASE(one_of_two_who_died_is_not_certified_for_the_other),
        CASE(nothing_is_taken_back_while_its_thread_lives_and_then_nothing_is_certified),
        CASE(an_active_line_without_an_intent_of_the_dead_is_not_certified),
        CASE(an_intent_whose_update_had_ended_does_not_count),
        CASE(two_readings_that_are_both_possible_are_none),
#ifndef _WIN32
        CASE(an_update_between_two_words_of_a_reading_is_seen),
#endif
        CASE(what_is_read_beside_a_writer_is_of_one_moment_or_not_certified),
        CASE(holders_are_asked_of_the_system),
        CASE(an_index_out_of_its_table_is_not_known),
        CASE(text_that_does_not_end_within_its_part_is_empty_and_control_bytes_are_not_printed),
        CASE(a_stacks_frames_lie_within_their_part_or_there_are_none),
        CASE(a_journal_is_read_oldest_first_and_what_it_lost_is_counted),
        CASE(an_entry_that_was_not_written_to_its_end_is_left_out),
        CASE(an_entry_that_is_written_over_while_it_is_read_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
