/* tests/test_shared.c - pools between processes, by the contract of weir/pool.h.
 *
 * Another process is a forked child that opens the pool by its name, as any program would: its mapping lies elsewhere, because the parent's is
 * there already. Two pools in one process, opened from the same segment, stand for two processes where nothing must end.
 */
#include "child.h"
#include "os/os.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static char name[48];

static struct weir_pool_config shape(uint32_t capacity)
{
    return (struct weir_pool_config){ .name = name, .capacity = capacity, .buffer_size = 512, .user_size = 16, .flags = WEIR_POOL_SHARED };
}

static int set_up(void **state)
{
    static unsigned number;
    (void)state;
    snprintf(name, sizeof name, "test-shared-%ld-%u", (long)getpid(), number++);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    os_fail_commit_after(-1);
    (void)weir_pool_unlink(name);
    return 0;
}

static struct weir_pool *shared_of(uint32_t capacity)
{
    struct weir_pool_config config = shape(capacity);
    return pool_from(&config);
}

static struct weir_pool *opened(void)
{
    struct weir_pool *pool = NULL;
    int error = weir_pool_open(&pool, name);
    if (error)
        fail_msg("weir_pool_open: %d: %s", error, weir_error_message());
    return pool;
}

#define IN_CHILD_OPEN(pool)                                                                                                     \
    struct weir_pool *pool = NULL;                                                                                              \
    NEED(weir_pool_open(&pool, name) == 0)

/* -- the same ops ------------------------------------------------------------------------------------------------------------- */

static void an_op_is_the_same_at_another_address(void **state)
{
    struct weir_pool *a = shared_of(100), *b = opened();
    struct weir_op *op = weir_op_get(a), *twin = weir_op_at(b, weir_op_index(op));
    (void)state;
    assert_ptr_not_equal(op, twin);
    assert_ptr_equal(weir_op_pool(op), a);
    assert_ptr_equal(weir_op_pool(twin), b);
    assert_int_equal(weir_op_index(op), weir_op_index(twin));
    assert_int_equal(weir_op_handle(op), weir_op_handle(twin));
    assert_int_equal((char *)weir_op_buffer(op) - (char *)op, (char *)weir_op_buffer(twin) - (char *)twin);
    strcpy(weir_op_buffer(op), "in the buffer");
    strcpy(weir_op_user(op), "beside it");
    assert_string_equal(weir_op_buffer(twin), "in the buffer");
    assert_string_equal(weir_op_user(twin), "beside it");
    assert_ptr_equal(weir_op_from_buffer(b, (char *)weir_op_buffer(twin) + 511), twin);
    assert_null(weir_op_from_buffer(b, weir_op_buffer(op)));
    assert_true(weir_pool_owns(a, op));
    assert_false(weir_pool_owns(b, op));
    assert_quiet(a, 1);
    weir_op_put(twin);
    assert_quiet(b, 0);
    assert_int_equal(weir_pool_close(b), 0);
    close_quiet(a);
}

static const char *give_back_by_handle(void *arg)
{
    uint64_t handle = *(uint64_t *)arg;
    struct weir_op *op;
    IN_CHILD_OPEN(pool);
    op = weir_op_ref_handle(pool, handle);
    NEED(op != NULL);
    NEED(weir_op_refs(op) == 2);
    NEED(strcmp(weir_op_buffer(op), "from the parent") == 0);
    strcpy(weir_op_buffer(op), "from the child");
    NEED(!weir_op_unref(op));
    NEED(weir_op_ref_handle(pool, handle + (UINT64_C(1) << 32)) == NULL);
    NEED(weir_pool_close(pool) == 0);
    return NULL;
}

static void a_handle_names_the_op_in_another_process(void **state)
{
    struct weir_pool *pool = shared_of(100);
    struct weir_op *op = weir_op_get(pool);
    uint64_t handle;
    (void)state;
    weir_op_publish(op);
    handle = weir_op_handle(op);
    strcpy(weir_op_buffer(op), "from the parent");
    in_a_child(give_back_by_handle, &handle);
    assert_string_equal(weir_op_buffer(op), "from the child");
    assert_true(weir_op_unref(op));
    assert_null(weir_op_ref_handle(pool, handle));
    close_quiet(pool);
}

static const char *put_index(void *arg)
{
    struct weir_op *op;
    IN_CHILD_OPEN(pool);
    op = weir_op_at(pool, *(uint32_t *)arg);
    NEED(op != NULL);
    weir_op_put(op);
    NEED(weir_pool_close(pool) == 0);
    return NULL;
}

static void an_op_is_given_back_by_another_process(void **state)
{
    struct weir_pool *pool = shared_of(10);
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct weir_op *op = weir_op_get(pool);
        uint32_t index = weir_op_index(op);
        in_a_child(put_index, &index);
        assert_quiet(pool, 0);
    }
    close_quiet(pool);
}

static void what_is_wrong_with_a_put_is_said(void **state)
{
    struct weir_pool *pool = shared_of(10);
    struct weir_op *op = weir_op_get(pool);
    (void)state;
    weir_op_put(op);
    assert_panics(weir_op_put(op), "twice", name);
    op = weir_op_get(pool);
    weir_op_ref(op);
    assert_panics(weir_op_put(op), "2 references", name);
    assert_false(weir_op_unref(op));
    weir_op_put_to(weir_cache_get(pool), op);
    assert_panics(weir_op_put((struct weir_op *)weir_op_user(op)), "no op", name);
    close_quiet(pool);
}

static void bulk_calls_give_all_or_nothing(void **state)
{
    struct weir_pool *pool = shared_of(100);
    struct weir_op *ops[102];
    (void)state;
    assert_int_equal(weir_op_get_bulk(pool, ops, 100), 100);
    assert_int_equal(weir_op_get_bulk(pool, ops + 100, 1), 0);
    weir_op_put_bulk(ops, 100);
    assert_int_equal(weir_op_get_bulk(pool, ops, 60), 60);
    assert_quiet(pool, 60);
    assert_int_equal(weir_op_get_bulk(pool, ops + 60, 41), 0);
    assert_quiet(pool, 60);
    assert_int_equal(stats_of(pool).live, 60);
    assert_int_equal(stats_of(pool).gets, 160);
    weir_op_put_bulk(ops, 60);
    close_quiet(pool);
}

/* -- the bound, between processes ----------------------------------------------------------------------------------------------- */

struct talk {                       /* lies in memory that parent and child share */
    _Atomic int step;
    _Atomic uint32_t count;
};

static struct talk *talk_new(void)
{
    void *memory = mmap(NULL, sizeof(struct talk), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    return memory;
}

static const char *cache_some_and_idle(void *arg)
{
    struct talk *talk = arg;
    struct weir_op *ops[1000];
    unsigned n = 0;
    IN_CHILD_OPEN(pool);
    while (n < 1000 && (ops[n] = weir_op_get(pool)))
        n++;
    put_all(ops, n);
    talk->count = (uint32_t)stats_of(pool).cached;
    talk->step = 1;
    NEED(EVENTUALLY(talk->step == 2));
    take_and_put_all(pool, 1000);
    NEED(weir_pool_close(pool) == 0);
    return NULL;
}

static void one_process_gets_what_others_cache(void **state)
{
    struct weir_pool *pool = shared_of(1000);
    struct talk *talk = talk_new();
    struct weir_op **ops;
    pid_t pid[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        talk->step = 0;
        pid[i] = child_start(cache_some_and_idle, talk);
        assert_true(EVENTUALLY(talk->step == 1));
        assert_true(talk->count > 0);
        assert_int_equal(kill(pid[i], SIGSTOP), 0);
    }
    ops = take_all(pool, 1000);
    assert_true(stats_of(pool).steals > 0 || stats_of(pool).fenced);
    put_all(ops, 1000);
    free(ops);
    for (int i = 0; i < 3; i++) {               /* one after the other: each takes all, and gives all back */
        assert_int_equal(kill(pid[i], SIGCONT), 0);
        talk->step = 2;
        assert_right(child_end(pid[i]));
    }
    close_quiet(pool);
}

static const char *cache_some_and_be_killed(void *arg)
{
    (void)arg;
    IN_CHILD_OPEN(pool);
    take_and_put_all(pool, 1000);
    raise(SIGKILL);
    return "still here";
}

static void what_a_dead_process_cached_is_taken(void **state)
{
    struct weir_pool *pool = shared_of(1000);
    int status = child_status(child_start(cache_some_and_be_killed, NULL));
    (void)state;
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(stats_of(pool).cached > 0);
    take_and_put_all(pool, 1000);
    assert_quiet(pool, 0);
    assert_int_equal(weir_pool_close(pool), 0);
}

static const char *hold_ten_and_be_killed(void *arg)
{
    (void)arg;
    IN_CHILD_OPEN(pool);
    for (int i = 0; i < 10; i++)
        NEED(weir_op_get(pool) != NULL);
    raise(SIGKILL);
    return "still here";
}

static void what_a_dead_process_held_stays_out_of_reach(void **state)
{
    struct weir_pool *pool = shared_of(1000);
    struct weir_op **ops;
    (void)state;
    (void)child_status(child_start(hold_ten_and_be_killed, NULL));
    ops = take_all(pool, 990);
    assert_quiet(pool, 1000);
    put_all(ops, 990);
    free(ops);
    assert_quiet(pool, 10);
    assert_int_equal(weir_pool_close(pool), 0);
}

/* -- waiting -------------------------------------------------------------------------------------------------------------------- */

static const char *wait_for_one(void *arg)
{
    struct talk *talk = arg;
    struct weir_op *op;
    IN_CHILD_OPEN(pool);
    talk->step = 1;
    op = weir_op_get_wait(pool, PATIENCE * INT64_C(1000000000));
    NEED(op != NULL);
    talk->count++;
    weir_op_put(op);
    NEED(weir_pool_close(pool) == 0);
    return NULL;
}

static void a_put_wakes_waiters_of_other_processes(void **state)
{
    struct weir_pool *pool = shared_of(10);
    struct talk *talk = talk_new();
    struct weir_op **ops = take_all(pool, 10);
    pid_t pid[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        pid[i] = child_start(wait_for_one, talk);
    assert_true(EVENTUALLY(stats_of(pool).waits == 4));
    assert_int_equal(talk->count, 0);
    weir_op_put(ops[9]);                        /* it goes from one to the other */
    for (int i = 0; i < 4; i++)
        assert_right(child_end(pid[i]));
    assert_int_equal(talk->count, 4);
    put_all(ops, 9);
    free(ops);
    close_quiet(pool);
}

static void a_wait_ends_at_its_time(void **state)
{
    struct weir_pool *pool = shared_of(10);
    struct weir_op **ops = take_all(pool, 10);
    int64_t begin = now_ns();
    (void)state;
    assert_null(weir_op_get_wait(pool, 20000000));
    assert_true(now_ns() - begin >= 20000000);
    assert_null(weir_op_get_wait(pool, 0));
    put_all(ops, 10);
    free(ops);
    close_quiet(pool);
}

/* -- names ---------------------------------------------------------------------------------------------------------------------- */

static void names_are_taken_found_and_removed(void **state)
{
    struct weir_pool_config config = shape(10);
    struct weir_pool *pool = shared_of(10), *other = NULL;
    (void)state;
    assert_int_equal(weir_pool_create(&other, &config), -EEXIST);
    assert_int_equal(weir_pool_close(pool), 0);
    assert_int_equal(weir_pool_create(&other, &config), -EEXIST);
    assert_says(weir_error_message(), name, "exists", "weir_pool_unlink", NULL);
    pool = opened();
    assert_int_equal(weir_pool_unlink(name), 0);
    take_and_put_all(pool, 10);                 /* it works on without a name */
    assert_int_equal(weir_pool_open(&other, name), -ENOENT);
    assert_says(weir_error_message(), name, NULL);
    assert_int_equal(weir_pool_unlink(name), -ENOENT);
    assert_int_equal(weir_pool_close(pool), 0);
    assert_int_equal(weir_pool_open(&other, "no/name"), -EINVAL);
    assert_int_equal(weir_pool_open(NULL, name), -EINVAL);
    assert_int_equal(weir_pool_open(&other, NULL), -EINVAL);
    assert_int_equal(weir_pool_unlink(NULL), -EINVAL);
    assert_null(other);
}

static void what_is_kept_of_a_watched_one_loses_its_name_with_it(void **state)
{
    struct weir_pool_config config = shape(10);
    struct weir_pool *pool = NULL;
    char segment[64], path[256];
    int error;
    (void)state;
    config.debug = "track=xor";
    error = weir_pool_create(&pool, &config);
    if (error == -ENOTSUP) {                    /* a library without the debug layer */
        assert_says(weir_error_message(), "debug", NULL);
        return;
    }
    assert_int_equal(error, 0);
    snprintf(segment, sizeof segment, "debug.%s", name);
    assert_int_equal(os_segment_path(segment, path, sizeof path), 0);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(weir_pool_close(pool), 0);
    assert_int_equal(weir_pool_unlink(name), 0);
    assert_int_equal(access(path, F_OK), -1);
}

static void a_close_is_refused_while_this_process_holds_ops(void **state)
{
    struct weir_pool *a = shared_of(10), *b = opened();
    struct weir_op *op = weir_op_get(a);
    uint32_t index = weir_op_index(op);
    (void)state;
    assert_int_equal(weir_pool_close(a), -EBUSY);
    assert_says(weir_error_message(), "1 ops", "1 references", NULL);
    in_a_child(put_index, &index);
    assert_int_equal(weir_pool_close(a), 0);
    close_quiet(b);
}

static void what_it_cannot_do_is_said(void **state)
{
    struct weir_pool *pool = shared_of(10);
    (void)state;
    assert_int_equal(weir_pool_fd(pool), -ENOTSUP);
    assert_says(weir_error_message(), "shared", "process", NULL);
    assert_int_equal(weir_pool_low_water(pool, 5, NULL, NULL), -ENOTSUP);
    assert_says(weir_error_message(), "shared", "process", NULL);
    close_quiet(pool);
}

/* -- fork ----------------------------------------------------------------------------------------------------------------------- */

struct inherited {
    struct weir_pool *pool;
    struct weir_cache *cache;
    uint32_t held;
};

static const char *use_inherited(void *arg)
{
    struct inherited *i = arg;
    struct weir_op *op = weir_op_get_from(i->cache), **ops;
    NEED(op != NULL);
    weir_op_put_to(i->cache, op);
    NEED(weir_op_refs(weir_op_at(i->pool, i->held)) == 1);     /* the parent's */
    ops = calloc(99, sizeof *ops);
    NEED(take_exactly(i->pool, ops, 99) == NULL);
    put_all(ops, 99);
    free(ops);
    NEED(weir_pool_close(i->pool) == 0);                        /* not busy: the child took none */
    return NULL;
}

static void a_forked_child_uses_what_it_inherited(void **state)
{
    struct weir_pool *pool = shared_of(100);
    struct weir_op *op = weir_op_get(pool);
    struct inherited i = { pool, weir_cache_get(pool), weir_op_index(op) };
    (void)state;
    for (int n = 0; n < 3; n++)
        in_a_child(use_inherited, &i);
    assert_int_equal(weir_op_refs(op), 1);
    take_and_put_all(pool, 99);
    weir_op_put(op);
    close_quiet(pool);
}

/* -- memory --------------------------------------------------------------------------------------------------------------------- */

static void segment_path(char *path, size_t size)
{
    char segment[64];
    snprintf(segment, sizeof segment, "pool.%s", name);
    assert_int_equal(os_segment_path(segment, path, size), 0);
}

static void the_mode_is_the_segments(void **state)
{
    struct weir_pool_config config = shape(10);
    struct stat status;
    struct weir_pool *pool = pool_from(&config);
    char path[256];
    (void)state;
    segment_path(path, sizeof path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(weir_pool_close(pool), 0);
    assert_int_equal(weir_pool_unlink(name), 0);
    config.mode = 0640;
    pool = pool_from(&config);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640);
    close_quiet(pool);
    config.mode = 01777;
    assert_int_equal(weir_pool_create(&pool, &config), -EINVAL);
    assert_says(weir_error_message(), "mode", "1777", NULL);
}

static void a_full_file_system_is_an_error_and_no_signal(void **state)
{
    struct weir_pool_config config = shape(10000);
    struct weir_pool *pool = NULL;
    struct weir_op *op;
    (void)state;
    config.initial = 10000;
    os_fail_commit_after(4);
    assert_int_equal(weir_pool_create(&pool, &config), -ENOSPC);
    os_fail_commit_after(-1);
    assert_says(weir_error_message(), name, "room", NULL);
    assert_int_equal(weir_pool_open(&pool, name), -ENOENT);     /* nothing is left of it */
    config.initial = 0;
    pool = pool_from(&config);
    op = weir_op_get(pool);
    assert_non_null(op);
    weir_op_put(op);
    os_fail_commit_after(0);
    for (unsigned n = 0; n < 10000; n++) {
        op = weir_op_get(pool);
        if (!op)
            break;
        memset(weir_op_buffer(op), 1, 512);
    }
    assert_null(op);
    os_fail_commit_after(-1);
    while ((op = weir_op_get(pool)))
        memset(weir_op_buffer(op), 1, 512);
    assert_int_equal(stats_of(pool).live, 10000);
    for (uint32_t i = 0; i < 10000; i++)
        weir_op_put(weir_op_at(pool, i));
    close_quiet(pool);
}

static void trimmed_buffers_come_back(void **state)
{
    struct weir_pool_config config = shape(2000);
    struct stat before, after;
    struct weir_pool *pool;
    struct weir_op **ops;
    unsigned few = 0;
    char path[256];
    (void)state;
    config.buffer_size = 8192;
    pool = pool_from(&config);
    take_and_put_all(pool, 2000);
    segment_path(path, sizeof path);
    assert_int_equal(stat(path, &before), 0);
    assert_true(weir_pool_trim(pool) > 2000 * 4096);
    assert_int_equal(stat(path, &after), 0);
    assert_true(after.st_blocks < before.st_blocks / 4);
    assert_quiet(pool, 0);
    assert_int_equal(weir_pool_trim(pool), 0);
    os_fail_commit_after(0);
    ops = calloc(2000, sizeof *ops);
    while ((ops[few] = weir_op_get(pool)))      /* what was no full magazine was not trimmed; of the rest nothing has memory */
        few++;
    os_fail_commit_after(-1);
    assert_true(few < 125);
    put_all(ops, few);
    free(ops);
    ops = take_all(pool, 2000);
    for (uint32_t i = 0; i < 2000; i++)
        memset(weir_op_buffer(ops[i]), 1, 8192);
    put_all(ops, 2000);
    free(ops);
    close_quiet(pool);
}

static void pinned_buffers_are_not_trimmed_by_any_process(void **state)
{
    struct weir_pool *a = shared_of(1000), *b = opened();
    struct weir_iovec ranges[2];
    (void)state;
    take_and_put_all(a, 1000);
    assert_int_equal(weir_pool_iovecs(a, ranges, 2), 1);
    assert_ptr_equal(ranges[0].base, weir_op_buffer(weir_op_at(a, 0)));
    assert_int_equal(weir_pool_trim(b), 0);
    weir_pool_iovecs_release(a);
    assert_true(weir_pool_trim(b) > 0);
    assert_int_equal(weir_pool_close(b), 0);
    close_quiet(a);
}

/* -- segments that are none ------------------------------------------------------------------------------------------------------- */

static int segment_file(int flags)
{
    char path[256];
    int fd;
    segment_path(path, sizeof path);
    fd = open(path, flags);
    assert_true(fd >= 0);
    return fd;
}

static void peek(off_t at, void *data, size_t bytes)
{
    int fd = segment_file(O_RDONLY);
    assert_int_equal(pread(fd, data, bytes, at), bytes);
    close(fd);
}

static void poke(off_t at, const void *data, size_t bytes)
{
    int fd = segment_file(O_RDWR);
    assert_int_equal(pwrite(fd, data, bytes, at), bytes);
    close(fd);
}

static void refused(int error, const char *says)
{
    struct weir_pool *pool = NULL;
    int got = weir_pool_open(&pool, name);
    if (got != error)
        fail_msg("weir_pool_open answered %d: %s", got, weir_error_message());
    assert_null(pool);
    assert_says(weir_error_message(), name, says, NULL);
}

static void each_wrong_number_is_refused(void **state)
{
    unsigned char right[512], wrong;
    (void)state;
    assert_int_equal(weir_pool_close(shared_of(1000)), 0);
    peek(0, right, sizeof right);
    poke(0, "some data", 8);
    refused(WEIR_ECORRUPT, "not one of weir's");
    poke(0, right, 8);
    poke(8, &(uint32_t){ 77 }, 4);
    refused(WEIR_ECORRUPT, "version 77");
    poke(8, right + 8, 4);
    for (off_t at = 120; at < 264; at++) {      /* the geometry, after creator, nonce and name */
        struct weir_pool *pool = NULL;
        int error;
        wrong = (unsigned char)(right[at] ^ 0x55);
        poke(at, &wrong, 1);
        error = weir_pool_open(&pool, name);
        if (error != WEIR_ECORRUPT)
            fail_msg("byte %d of the head changed: weir_pool_open answers %d", (int)at, error);
        assert_says(weir_error_message(), name, "geometry|says that it is|half made", NULL);
        poke(at, right + at, 1);
    }
    assert_int_equal(weir_pool_close(opened()), 0);
}

static void a_truncated_one_is_refused(void **state)
{
    char path[256];
    struct stat status;
    (void)state;
    assert_int_equal(weir_pool_close(shared_of(1000)), 0);
    segment_path(path, sizeof path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(truncate(path, status.st_size - 4096), 0);
    refused(WEIR_ECORRUPT, "truncated");
    assert_int_equal(truncate(path, 100), 0);
    refused(WEIR_ECORRUPT, "100 bytes");
    assert_int_equal(truncate(path, 0), 0);
    refused(-EAGAIN, name);
    assert_int_equal(weir_pool_unlink(name), 0);
}

static void one_under_another_name_is_refused(void **state)
{
    char path[256], other[256];
    (void)state;
    assert_int_equal(weir_pool_close(shared_of(1000)), 0);
    segment_path(path, sizeof path);
    strcat(name, "-moved");
    segment_path(other, sizeof other);
    assert_int_equal(rename(path, other), 0);
    refused(WEIR_ECORRUPT, "says that it is");
}

static const char *die_making_it(void *arg)
{
    struct weir_pool_config config = shape(1000000);
    struct weir_pool *pool;
    (void)arg;
    config.initial = 1000000;
    config.buffer_size = 0;
    raise(weir_pool_create(&pool, &config) ? SIGUSR2 : SIGUSR1);
    return "made";
}

static void a_half_made_one_is_refused_and_removed(void **state)
{
    unsigned found = 0;
    (void)state;
    for (unsigned i = 0; i < 200 && found < 3; i++) {           /* killed while it allocates */
        pid_t pid = child_start(die_making_it, NULL);
        struct weir_pool *pool = NULL;
        int error;
        nap_us(200 + 100 * (i % 50));
        kill(pid, SIGKILL);
        (void)child_status(pid);
        error = weir_pool_open(&pool, name);
        if (error == WEIR_ECORRUPT) {
            assert_says(weir_error_message(), name, "half made", "weir_pool_unlink", NULL);
            found++;
        } else if (!error) {
            assert_int_equal(weir_pool_close(pool), 0);
        }
        if (error != -ENOENT)
            assert_int_equal(weir_pool_unlink(name), 0);
    }
    assert_true(found > 0);
}

static void *say_who_made_it(void *magic)
{
    nap_us(5000);                               /* most likely after the open below has begun; it is right either way */
    poke(0, magic, 8);
    return NULL;
}

static void one_that_says_nothing_yet_is_waited_for(void **state)
{
    unsigned char magic[8];
    pthread_t maker;
    (void)state;
    assert_int_equal(weir_pool_close(shared_of(64)), 0);
    peek(0, magic, sizeof magic);
    poke(0, &(uint64_t){ 0 }, 8);               /* as it is between its birth and its creator's name */
    assert_int_equal(pthread_create(&maker, NULL, say_who_made_it, magic), 0);
    assert_int_equal(weir_pool_close(opened()), 0);
    pthread_join(maker, NULL);
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(an_op_is_the_same_at_another_address),
        CASE(a_handle_names_the_op_in_another_process),
        CASE(an_op_is_given_back_by_another_process),
        CASE(what_is_wrong_with_a_put_is_said),
        CASE(bulk_calls_give_all_or_nothing),
        CASE(one_process_gets_what_others_cache),
        CASE(what_a_dead_process_cached_is_taken),
        CASE(what_a_dead_process_held_stays_out_of_reach),
        CASE(a_put_wakes_waiters_of_other_processes),
        CASE(a_wait_ends_at_its_time),
        CASE(names_are_taken_found_and_removed),
        CASE(what_is_kept_of_a_watched_one_loses_its_name_with_it),
        CASE(a_close_is_refused_while_this_process_holds_ops),
        CASE(what_it_cannot_do_is_said),
        CASE(a_forked_child_uses_what_it_inherited),
        CASE(the_mode_is_the_segments),
        CASE(a_full_file_system_is_an_error_and_no_signal),
        CASE(trimmed_buffers_come_back),
        CASE(pinned_buffers_are_not_trimmed_by_any_process),
        CASE(each_wrong_number_is_refused),
        CASE(a_truncated_one_is_refused),
        CASE(one_under_another_name_is_refused),
        CASE(a_half_made_one_is_refused_and_removed),
        CASE(one_that_says_nothing_yet_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
