/* weir/weir.hpp - ops, references and pools as C++17 objects. Header only; everything is a call of weir.h.
 *
 *     weir::pool pool({.capacity = 1000, .buffer_size = 4096});        (designators: C++20)
 *     if (weir::op op = pool.take()) {            one owner, as std::unique_ptr
 *         std::memcpy(op.data(), "hello", 5);
 *         weir::shared_op shared = std::move(op); many, as std::shared_ptr, with the count in the op
 *         weir::hold hold(shared, WEIR_SITE);     one reference more, with its holder and this line written down (track.h)
 *     }
 *
 * Only weir::pool's constructor throws. Everything else is noexcept, so a panic hook (error.h) must not throw through it.
 * Threads: one object is for one thread at a time, as any value; what different objects share is weir's own business.
 */
#ifndef WEIR_WEIR_HPP
#define WEIR_WEIR_HPP

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>
#if __cplusplus >= 202002L && __has_include(<span>)
#include <span>
#endif

#include "weir.h"
#include "track.h"

namespace weir {

/* A piece of memory: data, size, and iterators: a range-for takes it, and so does C++20's std::span. */
class bytes {
public:
    constexpr bytes() noexcept = default;
    constexpr bytes(std::byte *data, std::size_t size) noexcept : data_(data), size_(size) {}
    constexpr std::byte *data() const noexcept { return data_; }
    constexpr std::size_t size() const noexcept { return size_; }
    constexpr bool empty() const noexcept { return size_ == 0; }
    constexpr std::byte *begin() const noexcept { return data_; }
    constexpr std::byte *end() const noexcept { return data_ + size_; }
    constexpr std::byte &operator[](std::size_t i) const noexcept { return data_[i]; }

private:
    std::byte *data_ = nullptr;
    std::size_t size_ = 0;
};

/* What op and shared_op have in common: the accessors of op.h. None may be called on an empty one but get, bool and ==. */
class op_view {
public:
    weir_op *get() const noexcept { return op_; }
    explicit operator bool() const noexcept { return op_ != nullptr; }
    std::byte *data() const noexcept { return static_cast<std::byte *>(weir_op_buffer(op_)); }
    std::size_t size() const noexcept { return weir_op_buffer_size(op_); }
    weir::bytes bytes() const noexcept { return weir::bytes(data(), size()); }
    template <class T> T *user() const noexcept { return static_cast<T *>(weir_op_user(op_)); }
    weir_pool *pool() const noexcept { return weir_op_pool(op_); }
    std::uint32_t index() const noexcept { return weir_op_index(op_); }
    std::uint64_t handle() const noexcept { return weir_op_handle(op_); }
    std::uint32_t refs() const noexcept { return weir_op_refs(op_); }
    _OVERLAPPED *overlapped() const noexcept { return weir_op_overlapped(op_); }
    void prepare(std::uint64_t offset = 0) const noexcept { weir_op_prepare(op_, offset); }
    void submitted() const noexcept { weir_op_submitted(op_); }
    void returned() const noexcept { weir_op_returned(op_); }
    void publish() const noexcept { weir_op_publish(op_); }

    friend bool operator==(const op_view &a, const op_view &b) noexcept { return a.op_ == b.op_; }
    friend bool operator!=(const op_view &a, const op_view &b) noexcept { return a.op_ != b.op_; }

protected:
    explicit op_view(weir_op *op) noexcept : op_(op) {}
    op_view(const op_view &) noexcept = default;
    op_view &operator=(const op_view &) noexcept = default;
    ~op_view() = default;
    weir_op *op_;
};

/* One reference, which moves. Its end is weir_op_unref: the op goes back unless others hold it, too. */
class op : public op_view {
public:
    op() noexcept : op_view(nullptr) {}
    op(std::nullptr_t) noexcept : op_view(nullptr) {}
    explicit op(weir_op *adopted) noexcept : op_view(adopted) {}         /* the caller's reference is this object's from now on */
    op(op &&other) noexcept : op_view(other.release()) {}
    op &operator=(op &&other) noexcept
    {
        reset(other.release());
        return *this;
    }
    op(const op &) = delete;
    op &operator=(const op &) = delete;
    ~op() { (void)weir_op_unref(op_); }

    weir_op *release() noexcept { return std::exchange(op_, nullptr); }     /* the reference is the caller's from now on */
    void reset(weir_op *adopted = nullptr) noexcept { (void)weir_op_unref(std::exchange(op_, adopted)); }
    void swap(op &other) noexcept { std::swap(op_, other.op_); }
    friend void swap(op &a, op &b) noexcept { a.swap(b); }
};

/* One of several references, which is copied and moved. */
class shared_op : public op_view {
public:
    shared_op() noexcept : op_view(nullptr) {}
    shared_op(std::nullptr_t) noexcept : op_view(nullptr) {}
    explicit shared_op(weir_op *adopted) noexcept : op_view(adopted) {}
    shared_op(op &&owner) noexcept : op_view(owner.release()) {}
    shared_op(shared_op &&other) noexcept : op_view(other.release()) {}
    shared_op(const shared_op &other) noexcept : op_view(other.op_)
    {
        if (op_)
            weir_op_ref(op_);
    }
    shared_op &operator=(const shared_op &other) noexcept
    {
        shared_op(other).swap(*this);
        return *this;
    }
    shared_op &operator=(shared_op &&other) noexcept
    {
        reset(other.release());
        return *this;
    }
    ~shared_op() { (void)weir_op_unref(op_); }

    static shared_op share(weir_op *held) noexcept      /* one reference more; the caller keeps its own */
    {
        if (held)
            weir_op_ref(held);
        return shared_op(held);
    }
    static shared_op find(weir_pool *pool, std::uint64_t handle) noexcept       /* empty: it has been given back since */
    {
        return shared_op(weir_op_ref_handle(pool, handle));
    }

    weir_op *release() noexcept { return std::exchange(op_, nullptr); }
    void reset(weir_op *adopted = nullptr) noexcept { (void)weir_op_unref(std::exchange(op_, adopted)); }
    void swap(shared_op &other) noexcept { std::swap(op_, other.op_); }
    friend void swap(shared_op &a, shared_op &b) noexcept { a.swap(b); }
};

/* One reference whose taker is written down, which moves. Its end is weir_hold_drop, on whichever thread. The C++ object moves as any other; who has it
 * then says take_over(), and is the holder from now on. Without WEIR_SITE the place is the caller's address. */
class hold : public op_view {
public:
    hold() noexcept : op_view(nullptr) {}
    hold(std::nullptr_t) noexcept : op_view(nullptr) {}
    explicit hold(const op_view &held, const weir_site *site = nullptr) noexcept : hold(share(held.get(), site)) {}
    hold(weir_op *op, weir_hold adopted) noexcept : op_view(op), hold_(adopted) {}      /* what weir_hold_take gave is this object's from now on */
    hold(hold &&other) noexcept : op_view(std::exchange(other.op_, nullptr)), hold_(std::exchange(other.hold_, 0)) {}
    hold &operator=(hold &&other) noexcept
    {
        hold(std::move(other)).swap(*this);
        return *this;
    }
    hold(const hold &) = delete;
    hold &operator=(const hold &) = delete;
    ~hold() { (void)drop(); }

#ifdef __GNUC__
    [[gnu::always_inline]]                                      /* or the place would be here */
#endif
    static inline hold share(weir_op *held, const weir_site *site = nullptr) noexcept   /* one reference more; the caller keeps its own */
    {
        if (!held)
            return hold();
        return hold(held, site ? weir_hold_take_at(held, site) : (weir_hold_take)(held));
    }

    bool drop() noexcept                                /* true: that was the last reference. Empty from now on */
    {
        weir_op *op = std::exchange(op_, nullptr);
        return op && weir_hold_drop(op, std::exchange(hold_, 0));
    }
    void take_over(const weir_site *site = nullptr) noexcept    /* the calling thread is the holder from now on */
    {
        if (op_)
            hold_ = site ? weir_hold_move_at(op_, hold_, site) : (weir_hold_move)(op_, hold_);
    }
    weir_hold release() noexcept                        /* the reference is the caller's from now on, who has its op by get() before */
    {
        op_ = nullptr;
        return std::exchange(hold_, 0);
    }
    void swap(hold &other) noexcept
    {
        std::swap(op_, other.op_);
        std::swap(hold_, other.hold_);
    }
    friend void swap(hold &a, hold &b) noexcept { a.swap(b); }

private:
    weir_hold hold_ = 0;
};

/* A pool, which moves. It should be closed when no op is live any more: the destructor leaves a pool with live ops open, because
 * their owners still need it. close() tells. */
class pool {
public:
    pool() noexcept = default;
    explicit pool(const weir_pool_config &config)
    {
        int error = weir_pool_create(&pool_, &config);
        if (error)
            throw std::system_error(-error, std::generic_category(), weir_error_message());
    }
    pool(pool &&other) noexcept : pool_(other.release()) {}
    pool &operator=(pool &&other) noexcept
    {
        pool(std::move(other)).swap(*this);
        return *this;
    }
    pool(const pool &) = delete;
    pool &operator=(const pool &) = delete;
    ~pool() { (void)close(); }

    int close() noexcept                                /* 0, or -EBUSY: ops are live and the pool works on */
    {
        int error = pool_ ? weir_pool_close(pool_) : 0;
        if (!error)
            pool_ = nullptr;
        return error;
    }

    op take() const noexcept { return op(weir_op_get(pool_)); }             /* empty: every op is live */
    op take_wait() const noexcept { return op(weir_op_get_wait(pool_, -1)); }
    op take_wait(std::chrono::nanoseconds timeout) const noexcept          /* negative: does not wait */
    {
        return op(weir_op_get_wait(pool_, timeout.count() < 0 ? 0 : timeout.count()));
    }
    shared_op find(std::uint64_t handle) const noexcept { return shared_op::find(pool_, handle); }

    weir_pool *get() const noexcept { return pool_; }
    explicit operator bool() const noexcept { return pool_ != nullptr; }
    const char *name() const noexcept { return weir_pool_name(pool_); }
    weir_pool *release() noexcept { return std::exchange(pool_, nullptr); }
    void swap(pool &other) noexcept { std::swap(pool_, other.pool_); }
    friend void swap(pool &a, pool &b) noexcept { a.swap(b); }

private:
    weir_pool *pool_ = nullptr;
};

} // namespace weir

#if defined(__cpp_lib_ranges)
template <> inline constexpr bool std::ranges::enable_borrowed_range<weir::bytes> = true;       /* the memory is the op's */
#endif

#endif
