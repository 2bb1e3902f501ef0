/* tests/reader_support.h - what the suites of the reader of debug segments (debug/reader.c) share: a segment made by hand (debug_image.h) for each test,
 * a pool's unless it says otherwise, and the reader, which a test opens when what it wants is in the segment.
 */
#ifndef WEIR_TESTS_READER_SUPPORT_H
#define WEIR_TESTS_READER_SUPPORT_H

#include "support.h"

#include "debug_image.h"

static struct image im;
static struct reader reader;

static inline int set_up_as(const char *name, struct image_shape shape)
{
    im = image_usual(name, &shape);
    return 0;
}

static inline int set_up(void **state)
{
    (void)state;
    return set_up_as("p", (struct image_shape){ TRACK_POOL, TRACKER_SKETCH, 4, 8, 3000, 0 });
}

static inline int tear_down(void **state)
{
    (void)state;
    reader_close(&reader);
    image_free(&im);
    return 0;
}

static inline void open_reader(void)
{
    int error = reader_open(&reader, im.base, im.bytes);
    if (error)
        fail_msg("reader_open: %d: %s", error, weir_error_message());
}

static inline struct reader_object open_and_read(uint32_t object)
{
    struct reader_object o;
    open_reader();
    assert_true(reader_object(&reader, object, &o));
    return o;
}

static inline void assert_holds(const struct reader_object *o, uint32_t token, int refs)
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

/* By tokens 1 and 2, once by each, for certain. */
static inline void assert_held_by_both(const struct reader_object *o)
{
    assert_true(o->stable);
    assert_int_equal(o->refs, 2);
    assert_int_equal(o->verdict.certainty, WEIR_CERTIFIED);
    assert_int_equal(o->verdict.n, 2);
    assert_holds(o, 1, 1);
    assert_holds(o, 2, 1);
}

#endif
