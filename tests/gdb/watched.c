/* watched.c - a process with a watched pool, for tests/test_gdb.sh: three ops are taken at known lines, found by the comment "at:" at their ends. It prints
 * its pid when they are, and waits for a signal.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <weir/weir.h>

static struct weir_op *taken(struct weir_pool *pool)
{
    struct weir_op *op = weir_op_get(pool);         /* at:get */
    if (!op)
        abort();
    return op;
}

int main(void)
{
    struct weir_pool_config config = { .name = "watched", .capacity = 64, .buffer_size = 128, .debug = "track=sketch,journal=4" };
    struct weir_pool *pool;
    struct weir_op *op;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);      /* gdb is not its parent */
    if (weir_holder_name("taker") || weir_pool_create(&pool, &config))
        abort();
    op = taken(pool);
    weir_hold_take(op);                             /* at:hold */
    weir_op_unref(op);
    printf("%d %u\n", (int)getpid(), weir_op_index(op));
    op = taken(pool);
    weir_op_submitted(op);
    printf("%u\n", weir_op_index(op));
    fflush(stdout);
    pause();
    return 0;
}
