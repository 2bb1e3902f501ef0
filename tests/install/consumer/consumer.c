/* A program that has nothing but an installed weir: takes all ops of a pool, gives them back, and has the pool prove it.
 * In the common subset of C11 and C++17, for it is compiled as both. */
#include <stdio.h>
#include <string.h>
#include <weir/weir.h>

enum { OPS = 100 };

static int fail(const char *what)
{
    printf("%s: %s\n", what, weir_error_message());
    return 1;
}

int main(void)
{
    struct weir_pool_config config;
    struct weir_pool *pool;
    struct weir_op *ops[OPS];
    struct weir_stats stats;
    weir_hold hold;
    unsigned i;

    memset(&config, 0, sizeof config);
    config.name = "installed";
    config.capacity = OPS;
    config.buffer_size = 512;
    if (weir_pool_create(&pool, &config) != 0)
        return fail("weir_pool_create");
    for (i = 0; i < OPS; i++) {
        ops[i] = weir_op_get(pool);
        if (!ops[i])
            return fail("weir_op_get");
        memset(weir_op_buffer(ops[i]), 'w', weir_op_buffer_size(ops[i]));
        if (weir_op_from_overlapped(weir_op_overlapped(ops[i])) != ops[i] || weir_op_pool(ops[i]) != pool)
            return fail("weir_op_overlapped");
    }
    if (weir_op_get(pool))
        return fail("a get above the capacity");
    weir_op_ref(ops[0]);
    if (weir_op_unref(ops[0]))
        return fail("weir_op_unref of two");
    if (!weir_op_unref(ops[0]))
        return fail("weir_op_unref of one");
    if (weir_holder_name("consumer") != 0)
        return fail("weir_holder_name");
    hold = weir_hold_take(ops[1]);
    hold = weir_hold_move(ops[1], hold);
    if (weir_hold_drop(ops[1], hold) || weir_leaks(pool, 0, NULL, NULL) != 0)
        return fail("a hold in a pool that is not watched");
    for (i = 1; i < OPS; i++)
        weir_op_put(ops[i]);
    if (weir_pool_stats(pool, &stats) != 0 || stats.live != 0 || stats.gets != OPS || stats.puts != OPS)
        return fail("weir_pool_stats");
    if (weir_pool_check(pool) != 0)
        return fail("weir_pool_check");
    if (weir_pool_close(pool) != 0)
        return fail("weir_pool_close");
    printf("weir: %d taken, %d given back\n", OPS, OPS);
    return 0;
}
