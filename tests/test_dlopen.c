/* tests/test_dlopen.c - the shared library as a plugin's: opened at run time, used by several threads, closed while threads that
 * used it still live and end later, again and again. Linux only.
 *
 * The program reaches the library by dlsym alone, so every inline function must be an exported symbol, too. WEIR_SHARED_LIBRARY is
 * the path of libweir.so, from the build.
 */
#define WEIR_NO_INLINE
#include "support.h"

#include <dlfcn.h>

struct library {
    void *handle;
    int (*create)(struct weir_pool **, const struct weir_pool_config *);
    int (*close)(struct weir_pool *);
    int (*check)(struct weir_pool *);
    int (*stats)(struct weir_pool *, struct weir_stats *);
    struct weir_op *(*get)(struct weir_pool *);
    struct weir_op *(*get_wait)(struct weir_pool *, int64_t);
    void (*put)(struct weir_op *);
};

static void *symbol(void *handle, const char *name)
{
    void *found = dlsym(handle, name);
    if (!found)
        fail_msg("%s is not exported", name);
    return found;
}

static void library_open(struct library *l)
{
    l->handle = dlopen(WEIR_SHARED_LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!l->handle)
        fail_msg("%s", dlerror());
    *(void **)&l->create = symbol(l->handle, "weir_pool_create");
    *(void **)&l->close = symbol(l->handle, "weir_pool_close");
    *(void **)&l->check = symbol(l->handle, "weir_pool_check");
    *(void **)&l->stats = symbol(l->handle, "weir_pool_stats");
    *(void **)&l->get = symbol(l->handle, "weir_op_get");
    *(void **)&l->get_wait = symbol(l->handle, "weir_op_get_wait");
    *(void **)&l->put = symbol(l->handle, "weir_op_put");
}

static struct weir_pool *library_pool(struct library *l)
{
    struct weir_pool_config config = { .capacity = 200, .buffer_size = 64 };
    struct weir_pool *pool = NULL;
    assert_int_equal(l->create(&pool, &config), 0);
    return pool;
}

struct user {
    struct library *library;
    struct weir_pool *pool;
    pthread_barrier_t *step;            /* NULL: ends at once */
};

static const char *uses_it(void *arg)
{
    struct user *u = arg;
    struct library *l = u->library;
    struct weir_op *ops[20];
    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < 20; i++)
            NEED(ops[i] = i % 2 ? l->get(u->pool) : l->get_wait(u->pool, 0));
        for (int i = 0; i < 20; i++)
            l->put(ops[i]);
    }
    if (u->step) {
        pthread_barrier_wait(u->step);      /* used */
        pthread_barrier_wait(u->step);      /* the library is closed: now this thread ends */
    }
    return NULL;
}

static void every_public_function_is_exported(void **state)
{
    static const char *const names[] = {
        "weir_pool_create", "weir_pool_create_1", "weir_pool_close", "weir_pool_check", "weir_pool_trim", "weir_pool_fd",
        "weir_pool_low_water", "weir_pool_reclaimer", "weir_pool_reclaimer_remove", "weir_pool_owns", "weir_pool_iovecs",
        "weir_pool_iovecs_release", "weir_pool_each", "weir_pool_name", "weir_thread_flush",
        "weir_cache_get", "weir_op_get_from", "weir_op_put_to",
        "weir_op_get", "weir_op_get_wait", "weir_op_get_bulk", "weir_op_put", "weir_op_put_bulk", "weir_op_buffer",
        "weir_op_buffer_size", "weir_op_user", "weir_op_pool", "weir_op_index", "weir_op_handle", "weir_op_at",
        "weir_op_from_buffer", "weir_op_from_user", "weir_op_overlapped", "weir_op_from_overlapped", "weir_op_prepare",
        "weir_op_submitted", "weir_op_returned", "weir_op_auto_unref",
        "weir_op_ref", "weir_op_unref", "weir_op_refs", "weir_op_publish", "weir_op_ref_handle", "weir_op_ref_unless_zero",
        "weir_ref_init", "weir_ref_get", "weir_ref_put", "weir_ref_get_unless_zero", "weir_ref_count",
        "weir_pool_stats", "weir_pool_stats_1", "weir_strerror", "weir_error_message", "weir_set_panic",
    };
    struct library l;
    (void)state;
    library_open(&l);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        (void)symbol(l.handle, names[i]);
    assert_null(dlsym(l.handle, "os_commit"));          /* and what is hidden stays so */
    assert_int_equal(dlclose(l.handle), 0);
}

static void threads_that_used_it_end_after_dlclose(void **state)
{
    (void)state;
    for (int round = 0; round < SCALED(100, 30); round++) {
        struct library l;
        struct thread thread[6];
        struct user user[6];
        pthread_barrier_t step;
        struct weir_pool *pool;
        pthread_barrier_init(&step, NULL, 7);
        library_open(&l);
        pool = library_pool(&l);
        for (int i = 0; i < 6; i++) {
            user[i] = (struct user){ &l, pool, &step };
            thread_start(&thread[i], uses_it, &user[i]);
        }
        pthread_barrier_wait(&step);
        assert_int_equal(l.check(pool), 0);
        assert_int_equal(l.close(pool), 0);
        assert_int_equal(dlclose(l.handle), 0);
        pthread_barrier_wait(&step);
        for (int i = 0; i < 6; i++)
            thread_join(&thread[i]);
        pthread_barrier_destroy(&step);
    }
}

/* A plugin that is unloaded may leave its pool behind: threads still hand their caches back when they end, and who opens the
 * library again finds it all. */
static void a_pool_left_open_is_whole_after_dlclose_and_thread_exit(void **state)
{
    struct library l;
    struct weir_pool *pool;
    (void)state;
    library_open(&l);
    pool = library_pool(&l);
    for (int round = 0; round < SCALED(50, 20); round++) {
        struct thread thread[4];
        struct user user[4];
        struct weir_stats s;
        pthread_barrier_t step;
        pthread_barrier_init(&step, NULL, 5);
        for (int i = 0; i < 4; i++) {
            user[i] = (struct user){ &l, pool, &step };
            thread_start(&thread[i], uses_it, &user[i]);
        }
        pthread_barrier_wait(&step);
        assert_int_equal(dlclose(l.handle), 0);
        pthread_barrier_wait(&step);
        for (int i = 0; i < 4; i++)
            thread_join(&thread[i]);
        pthread_barrier_destroy(&step);
        library_open(&l);
        assert_int_equal(l.check(pool), 0);
        assert_int_equal(l.stats(pool, &s), 0);
        assert_int_equal(s.live, 0);
        assert_int_equal(s.cached, 0);
    }
    assert_int_equal(l.close(pool), 0);
    assert_int_equal(dlclose(l.handle), 0);
}

static const char *opens_uses_and_closes(void *arg)
{
    (void)arg;
    for (int round = 0; round < 30; round++) {
        void *handle = dlopen(WEIR_SHARED_LIBRARY, RTLD_NOW | RTLD_LOCAL);
        struct weir_pool_config config = { .capacity = 20 };
        struct weir_pool *pool;
        struct library l;
        NEED(handle);
        *(void **)&l.create = dlsym(handle, "weir_pool_create");
        *(void **)&l.close = dlsym(handle, "weir_pool_close");
        *(void **)&l.get = dlsym(handle, "weir_op_get");
        *(void **)&l.put = dlsym(handle, "weir_op_put");
        NEED(l.create(&pool, &config) == 0);
        l.put(l.get(pool));
        NEED(l.close(pool) == 0);
        NEED(dlclose(handle) == 0);
    }
    return NULL;
}

static void several_threads_open_and_close_it_at_once(void **state)
{
    struct thread thread[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        thread_start(&thread[i], opens_uses_and_closes, NULL);
    for (int i = 0; i < 4; i++)
        thread_join(&thread[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_public_function_is_exported),
        cmocka_unit_test(threads_that_used_it_end_after_dlclose),
        cmocka_unit_test(a_pool_left_open_is_whole_after_dlclose_and_thread_exit),
        cmocka_unit_test(several_threads_open_and_close_it_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
