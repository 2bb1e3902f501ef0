/* test_completion_decode.c - the five cases of GetQueuedCompletionStatus, decoded. The same on every system. */
#include "support.h"

#include <weir/port.h>

static struct weir_pool *pool;
static struct weir_op *op;

static int open_pool(void **state)
{
    (void)state;
    pool = pool_of(4, 0, 64);
    op = weir_op_get(pool);
    return op ? 0 : -1;
}

static int close_pool(void **state)
{
    (void)state;
    weir_op_put(op);
    close_quiet(pool);
    return 0;
}

static struct weir_completion decoded(int result, int ok, uint32_t error, uint32_t bytes, uintptr_t key, struct weir_op *of)
{
    struct weir_completion c;
    memset(&c, 0xee, sizeof c);
    assert_int_equal(weir_completion_decode(&c, ok, error, bytes, key, weir_op_overlapped(of)), result);
    return c;
}

static void an_operation_with_bytes_is_done(void **state)
{
    struct weir_completion c = decoded(1, 1, 0, 512, 77, op);
    (void)state;
    assert_ptr_equal(c.op, op);
    assert_null(c.stream);
    assert_int_equal(c.key, 77);
    assert_int_equal(c.bytes, 512);
    assert_int_equal(c.status, WEIR_COMPLETED);
    assert_int_equal(c.error, 0);
    assert_int_equal(c.sequence, 0);
}

static void an_operation_without_bytes_is_the_end(void **state)
{
    struct weir_completion c = decoded(1, 1, 0, 0, 5, op);
    (void)state;
    assert_ptr_equal(c.op, op);
    assert_int_equal(c.status, WEIR_END);
    assert_int_equal(c.bytes, 0);
    assert_int_equal(c.error, 0);
}

static void an_operation_that_failed_gives_its_op_and_an_errno(void **state)
{
    static const struct {
        uint32_t windows;
        int error;
    } known[] = {
        { 64, -ECONNRESET }, { 995, -ECANCELED }, { 10054, -ECONNRESET }, { 10053, -ECONNABORTED }, { 1225, -ECONNREFUSED },
        { 121, -ETIMEDOUT }, { 1450, -ENOBUFS }, { 1453, -ENOBUFS }, { 10055, -ENOBUFS }, { 109, -EPIPE }, { 8, -ENOMEM },
        { 10060, -ETIMEDOUT }, { 10061, -ECONNREFUSED }, { 10024, -EMFILE }, { 6, -EBADF }, { 1236, -ECONNABORTED },
    };
    (void)state;
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        struct weir_completion c = decoded(1, 0, known[i].windows, 3, 9, op);
        assert_ptr_equal(c.op, op);
        assert_int_equal(c.status, WEIR_FAILED);
        assert_int_equal(c.error, known[i].error);
        assert_int_equal(c.bytes, 3);
        assert_int_equal(c.key, 9);
    }
}

static void an_error_that_nobody_knows_is_still_an_error(void **state)
{
    struct weir_completion c = decoded(1, 0, 4242, 0, 0, op);
    (void)state;
    assert_int_equal(c.status, WEIR_FAILED);
    assert_int_equal(c.error, -EIO);
}

static void the_end_of_a_file_is_the_end(void **state)
{
    struct weir_completion c = decoded(1, 0, 38, 0, 0, op);
    (void)state;
    assert_ptr_equal(c.op, op);
    assert_int_equal(c.status, WEIR_END);
    assert_int_equal(c.error, 0);
}

static void a_packet_without_overlapped_was_posted(void **state)
{
    struct weir_completion c = decoded(1, 1, 0, 33, 44, NULL);
    (void)state;
    assert_null(c.op);
    assert_int_equal(c.status, WEIR_POSTED);
    assert_int_equal(c.bytes, 33);
    assert_int_equal(c.key, 44);
}

static void untouched(int result, uint32_t error)
{
    struct weir_completion c = decoded(result, 0, error, 1, 2, NULL), before;
    memset(&before, 0xee, sizeof before);
    assert_memory_equal(&c, &before, sizeof c);
}

static void no_packet_is_a_timeout_a_closed_port_or_an_error(void **state)
{
    (void)state;
    untouched(0, 258);
    untouched(-ESHUTDOWN, 735);
    untouched(-EBADF, 6);
    untouched(-EIO, 4242);
    assert_int_equal(weir_completion_decode(NULL, 1, 0, 0, 0, NULL), -EINVAL);
    assert_says(weir_error_message(), "out", (char *)NULL);
}

static void decoding_leaves_the_op_as_it_is(void **state)
{
    (void)state;
    weir_op_submitted(op);
    (void)decoded(1, 1, 0, 1, 0, op);
    assert_panics(weir_op_put(op), "submitted|in flight");      /* it is the loop that says that it has returned */
    weir_op_returned(op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_operation_with_bytes_is_done),
        cmocka_unit_test(an_operation_without_bytes_is_the_end),
        cmocka_unit_test(an_operation_that_failed_gives_its_op_and_an_errno),
        cmocka_unit_test(an_error_that_nobody_knows_is_still_an_error),
        cmocka_unit_test(the_end_of_a_file_is_the_end),
        cmocka_unit_test(a_packet_without_overlapped_was_posted),
        cmocka_unit_test(no_packet_is_a_timeout_a_closed_port_or_an_error),
        cmocka_unit_test(decoding_leaves_the_op_as_it_is),
    };
    return cmocka_run_group_tests(tests, open_pool, close_pool);
}
