/* tests/test_reader.c - the reader of debug segments (debug/reader.c), on segments that were made by hand (reader_support.h). */
#include "reader_support.h"

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

static int set_up_slots(void **state)
{
    (void)state;
    return set_up_as("p", (struct image_shape){ TRACK_POOL, TRACKER_SLOTS, 4, 0, 3000, 0 });
}

/* Who had it before has given all back, and is not accused. */
static void a_token_that_is_anothers_by_now_names_that_one(void **state)
{
    struct reader_object o;
    struct reader_holder h;
    (void)state;
    o = open_and_read(3);
    h = reader_named(&reader, &o.verdict, 0);
    assert_int_equal(h.holder, 1);
    image_token(&im, 1, 2, 2);
    image_token_at(&im, 1)->salt++;
    assert_true(reader_object(&reader, 3, &o));
    assert_int_equal(o.verdict.certainty, WEIR_CERTIFIED);
    h = reader_named(&reader, &o.verdict, 0);
    assert_int_equal(h.token, 1);
    assert_int_equal(h.holder, 2);
    assert_int_equal(h.site, 2);
}

static int set_up_domain(void **state)
{
    (void)state;
    return set_up_as("d", (struct image_shape){ TRACK_DOMAIN, TRACKER_SKETCH, 4, 0, 50, 0 });
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
        cmocka_unit_test_setup_teardown(a_token_that_is_anothers_by_now_names_that_one, set_up_slots, tear_down),
        CASE(holders_are_asked_of_the_system),
        CASE(an_index_out_of_its_table_is_not_known),
        CASE(text_that_does_not_end_within_its_part_is_empty_and_control_bytes_are_not_printed),
        CASE(a_stacks_frames_lie_within_their_part_or_there_are_none),
        CASE(a_journal_is_read_oldest_first_and_what_it_lost_is_counted),
        CASE(an_entry_that_was_not_written_to_its_end_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
