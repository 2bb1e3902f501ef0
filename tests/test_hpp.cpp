/* test_hpp.cpp - weir.hpp: who owns what, and that nothing but a pool's constructor can throw. */
#include <weir/weir.hpp>

#include <cerrno>
#include <cstring>
#include <string>
#include <type_traits>
#include <vector>
#if __has_include(<span>)
#include <span>
#endif

extern "C" {
#include "weir_test.h"
}

/* -- what the types promise -------------------------------------------------------------------------------------------------- */

template <class T> constexpr bool moves = std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T> &&
                                          std::is_nothrow_swappable_v<T> && std::is_nothrow_destructible_v<T> &&
                                          std::is_nothrow_default_constructible_v<T>;
template <class T> constexpr bool copies = std::is_copy_constructible_v<T> || std::is_copy_assignable_v<T>;

static_assert(moves<weir::op> && moves<weir::shared_op> && moves<weir::pool> && moves<weir::hold>);
static_assert(!copies<weir::op> && !copies<weir::pool> && !copies<weir::hold>);
static_assert(!std::is_convertible_v<weir_op *, weir::hold> && !std::is_convertible_v<weir::op, weir::hold>);
static_assert(std::is_nothrow_copy_constructible_v<weir::shared_op> && std::is_nothrow_copy_assignable_v<weir::shared_op>);
static_assert(std::is_nothrow_constructible_v<weir::shared_op, weir::op &&>);
static_assert(!std::is_constructible_v<weir::shared_op, const weir::op &>);
static_assert(!std::is_convertible_v<weir_op *, weir::op> && !std::is_convertible_v<weir_op *, weir::shared_op>);
static_assert(!std::is_constructible_v<weir::op_view, weir_op *> && !std::is_destructible_v<weir::op_view>);
static_assert(sizeof(weir::op) == sizeof(void *) && sizeof(weir::shared_op) == sizeof(void *));
static_assert(noexcept(std::declval<weir::pool &>().take()) && noexcept(std::declval<weir::pool &>().close()));

static weir::pool make(std::uint32_t capacity, const char *name = nullptr)
{
    weir_pool_config config = {};
    config.name = name;
    config.capacity = capacity;
    config.buffer_size = 100;
    config.user_size = sizeof(std::uint64_t);
    return weir::pool(config);
}

static std::uint64_t live(const weir::pool &pool)
{
    weir_stats stats;
    assert_int_equal(weir_pool_stats(pool.get(), &stats), 0);
    return stats.live;
}

static void an_op_goes_back_at_the_end_of_its_scope(void **)
{
    weir::pool pool = make(1);
    {
        weir::op op = pool.take();
        assert_true(static_cast<bool>(op));
        assert_int_equal(live(pool), 1);
        assert_false(static_cast<bool>(pool.take()));
        assert_false(static_cast<bool>(pool.take_wait(std::chrono::microseconds(100))));
        assert_false(static_cast<bool>(pool.take_wait(std::chrono::nanoseconds(-1))));
    }
    assert_int_equal(live(pool), 0);
    assert_true(static_cast<bool>(pool.take_wait()));
    assert_int_equal(pool.close(), 0);
}

static void an_op_moves_and_is_never_given_back_twice(void **)
{
    weir::pool pool = make(3);
    weir::op a = pool.take(), b = pool.take(), empty;
    weir_op *first = a.get(), *second = b.get();
    weir::op c = std::move(a);
    assert_null(a.get());
    assert_ptr_equal(c.get(), first);
    c = std::move(b);                                   /* first goes back */
    assert_ptr_equal(c.get(), second);
    assert_int_equal(live(pool), 1);
    weir::op &self = c;
    c = std::move(self);
    assert_ptr_equal(c.get(), second);
    swap(c, empty);
    assert_null(c.get());
    weir_op *raw = empty.release();
    assert_int_equal(live(pool), 1);
    c.reset(raw);
    c.reset();
    c = nullptr;
    assert_int_equal(live(pool), 0);
    std::vector<weir::op> several;
    for (int i = 0; i < 3; i++)
        several.push_back(pool.take());
    assert_true(several[0] != several[1]);
    several.clear();
    assert_int_equal(live(pool), 0);
    assert_int_equal(pool.close(), 0);
}

static void a_shared_op_goes_back_with_its_last_copy(void **)
{
    weir::pool pool = make(2);
    weir::shared_op a = pool.take();
    {
        weir::shared_op b = a, c(b), d, e;
        d = c;
        e = std::move(d);
        assert_null(d.get());
        assert_int_equal(a.refs(), 4);
        assert_true(a == e);
        weir::shared_op &self = b;
        b = self;
        b = std::move(self);
        assert_int_equal(a.refs(), 4);
        b = nullptr;
        d = b;                                          /* a copy of an empty one */
        assert_null(d.get());
        assert_int_equal(a.refs(), 3);
        weir::shared_op f = weir::shared_op::share(a.get());
        assert_int_equal(a.refs(), 4);
        swap(f, b);
        assert_null(f.get());
    }
    assert_int_equal(a.refs(), 1);
    weir::shared_op other = pool.take();
    other = a;                                          /* gives its own back */
    assert_int_equal(live(pool), 1);
    a.reset();
    assert_int_equal(live(pool), 1);
    other.reset();
    assert_int_equal(live(pool), 0);
    assert_null(weir::shared_op::share(nullptr).get());
    assert_int_equal(pool.close(), 0);
}

static void a_published_op_is_found_by_its_handle(void **)
{
    weir::pool pool = make(1);
    weir::op op = pool.take();
    std::uint64_t handle = op.handle();
    assert_null(pool.find(handle).get());
    op.publish();
    {
        weir::shared_op found = pool.find(handle);
        assert_true(found == op);
        op.reset();
        assert_int_equal(live(pool), 1);
    }
    assert_int_equal(live(pool), 0);
    assert_null(pool.find(handle).get());
    assert_int_equal(pool.close(), 0);
}

static void an_op_shows_its_buffer_user_area_and_overlapped(void **)
{
    weir::pool pool = make(4, "cpp-requests");
    weir::op op = pool.take();
    assert_string_equal(pool.name(), "cpp-requests");
    assert_ptr_equal(op.pool(), pool.get());
    assert_ptr_equal(op.data(), weir_op_buffer(op.get()));
    assert_true(op.size() >= 100);
    for (std::byte &b : op.bytes())
        b = std::byte{7};
    assert_int_equal(std::to_integer<int>(op.bytes()[op.size() - 1]), 7);
    assert_false(op.bytes().empty());
    assert_true(weir::bytes().empty());
#if defined(__cpp_lib_span)
    assert_int_equal(std::span<std::byte>(op.bytes()).size(), op.size());
#endif
    *op.user<std::uint64_t>() = 42;
    assert_ptr_equal(weir_op_from_user(op.user<void>()), op.get());
    assert_ptr_equal(weir_op_from_overlapped(op.overlapped()), op.get());
    assert_ptr_equal(weir_op_at(pool.get(), op.index()), op.get());
    op.prepare(4096);
    op.submitted();
    op.returned();
    op.reset();
    assert_int_equal(pool.close(), 0);
}

static void a_hold_is_dropped_at_the_end_of_its_scope(void **)
{
    weir::pool pool = make(1);
    weir::op op = pool.take();
    {
        weir::hold plain(op), placed(op, WEIR_SITE), empty;
        assert_ptr_equal(plain.get(), op.get());
        assert_int_equal(plain.size(), op.size());
        assert_int_equal(op.refs(), 3);
        assert_false(static_cast<bool>(empty));
        assert_false(empty.drop());
        empty.take_over();
    }
    assert_int_equal(op.refs(), 1);
    assert_int_equal(live(pool), 1);
}

static void a_hold_moves_and_is_taken_over(void **)
{
    weir::pool pool = make(2);
    weir::op a = pool.take(), b = pool.take();
    weir::hold of_a(a, WEIR_SITE), of_b(b), moved = std::move(of_a);
    assert_null(of_a.get());
    moved.take_over();
    moved.take_over(WEIR_SITE);
    assert_ptr_equal(moved.get(), a.get());
    assert_int_equal(a.refs(), 2);
    moved = std::move(of_b);                            /* a's is dropped */
    assert_int_equal(a.refs(), 1);
    assert_ptr_equal(moved.get(), b.get());
    weir::hold &self = moved;
    moved = std::move(self);
    assert_ptr_equal(moved.get(), b.get());
    b.reset();
    assert_true(moved.drop());
    assert_false(static_cast<bool>(moved));
}

static void a_hold_is_let_go_and_adopted(void **)
{
    weir::pool pool = make(1);
    weir::op op = pool.take();
    weir::hold first = weir::hold::share(op.get(), WEIR_SITE);
    weir_hold raw = first.release();
    assert_true(raw != 0);
    assert_null(first.get());
    weir::hold second(op.get(), raw);
    op.reset();
    assert_int_equal(second.refs(), 1);
    assert_int_equal(live(pool), 1);
    assert_false(static_cast<bool>(weir::hold::share(nullptr)));
}

static void a_pool_that_cannot_be_made_throws_what_is_wrong(void **)
{
    bool thrown = false;
    try {
        weir::pool pool = make(0);
    } catch (const std::system_error &e) {
        thrown = true;
        assert_int_equal(e.code().value(), EINVAL);
        assert_true(e.code() == std::errc::invalid_argument);
        assert_non_null(std::strstr(e.what(), "capacity"));
    }
    assert_true(thrown);
}

static void a_pool_moves_and_stays_open_while_ops_are_live(void **)
{
    weir::pool a = make(1), b;
    assert_int_equal(b.close(), 0);
    weir::op op = a.take();
    assert_int_equal(a.close(), -EBUSY);
    b = std::move(a);
    assert_false(static_cast<bool>(a));
    weir_pool *raw = b.get();
    {
        weir::pool c = std::move(b);                    /* its end leaves the pool open */
    }
    op.reset();
    assert_int_equal(weir_pool_check(raw), 0);
    assert_int_equal(weir_pool_close(raw), 0);
}

int main()
{
    const CMUnitTest tests[] = {
        cmocka_unit_test(an_op_goes_back_at_the_end_of_its_scope),
        cmocka_unit_test(an_op_moves_and_is_never_given_back_twice),
        cmocka_unit_test(a_shared_op_goes_back_with_its_last_copy),
        cmocka_unit_test(a_published_op_is_found_by_its_handle),
        cmocka_unit_test(an_op_shows_its_buffer_user_area_and_overlapped),
        cmocka_unit_test(a_hold_is_dropped_at_the_end_of_its_scope),
        cmocka_unit_test(a_hold_moves_and_is_taken_over),
        cmocka_unit_test(a_hold_is_let_go_and_adopted),
        cmocka_unit_test(a_pool_that_cannot_be_made_throws_what_is_wrong),
        cmocka_unit_test(a_pool_moves_and_stays_open_while_ops_are_live),
    };
    return cmocka_run_group_tests_name("hpp", tests, nullptr, nullptr);
}
