/* patterns.c - what callgrind counts: each pattern N times and 2N times, with nothing else in between.
 *
 * The difference divided by N is what one time costs, the loop's own two or three instructions included (the pattern `loop` is they alone);
 * what N times and 2N times have in common cancels out. Slow paths are in it in the proportion in which they come: a ration that is used up,
 * a magazine that is moved. One thread, one pool, no chance: the same compiler and library give the same number on every run and machine.
 */
#include <stdio.h>
#include <valgrind/callgrind.h>
#include <weir/weir.h>

enum { N = 65536, BURST = 64, BULK = 32 };

static struct weir_pool *pool;
static struct weir_cache *cache;
static struct weir_op *held, *published;
static uint64_t handle;
static struct weir_ref ref;
static struct weir_rundown rundown;
static struct weir_rundown_sharded *sharded;

#define OPAQUE(p) __asm__ __volatile__("" : "+r"(p))

#define PATTERN(name, ...)                                                                                                    \
    static __attribute__((noinline)) void pattern_##name(unsigned n)                                                          \
    {                                                                                                                         \
        struct weir_pool *p = pool;                                                                                           \
        struct weir_cache *c = cache;                                                                                         \
        struct weir_op *op = held;                                                                                            \
        struct weir_op *bulk[BURST];                                                                                          \
        (void)p, (void)c, (void)op, (void)bulk;                                                                               \
        for (unsigned i = 0; i < n; i++) {                                                                                    \
            OPAQUE(i);                                                                                                        \
            __VA_ARGS__                                                                                                       \
        }                                                                                                                     \
    }

PATTERN(loop, )
PATTERN(pair, op = weir_op_get(p); OPAQUE(op); weir_op_put(op);)
PATTERN(pair_cache, op = weir_op_get_from(c); OPAQUE(op); weir_op_put_to(c, op);)
PATTERN(burst, for (unsigned k = 0; k < BURST; k++) bulk[k] = weir_op_get(p); for (unsigned k = 0; k < BURST; k++) weir_op_put(bulk[k]);)
PATTERN(bulk, (void)weir_op_get_bulk(p, bulk, BULK); weir_op_put_bulk(bulk, BULK);)
PATTERN(ref, weir_op_ref(op); OPAQUE(op); (void)weir_op_unref(op);)
PATTERN(zero_one_zero, op = weir_op_get(p); OPAQUE(op); (void)weir_op_unref(op);)
PATTERN(published, op = published; OPAQUE(op); weir_op_ref(op); (void)weir_op_unref(op);)
PATTERN(look_up, op = weir_op_ref_handle(p, handle); OPAQUE(op); (void)weir_op_unref(op);)
PATTERN(any_object, weir_ref_get(&ref); (void)weir_ref_put(&ref);)
PATTERN(rundown, (void)weir_rundown_acquire(&rundown); weir_rundown_release(&rundown);)
PATTERN(rundown_sharded, (void)weir_rundown_sharded_acquire(sharded); weir_rundown_sharded_release(sharded);)

static const struct pattern {
    const char *name;
    void (*run)(unsigned n);
    unsigned ops;
} patterns[] = {
    { "loop", pattern_loop, 1 },
    { "get_put", pattern_pair, 1 },
    { "get_put_cache", pattern_pair_cache, 1 },
    { "get_put_burst_64", pattern_burst, BURST },
    { "get_put_bulk_32", pattern_bulk, BULK },
    { "get_unref", pattern_zero_one_zero, 1 },
    { "ref_unref", pattern_ref, 1 },
    { "ref_unref_published", pattern_published, 1 },
    { "look_up_unref", pattern_look_up, 1 },
    { "weir_ref_get_put", pattern_any_object, 1 },
    { "rundown", pattern_rundown, 1 },
    { "rundown_sharded", pattern_rundown_sharded, 1 },
};

static void measure(const struct pattern *pattern)
{
    char name[64];
    pattern->run(N / pattern->ops);
    for (unsigned times = 1; times <= 2; times++) {
        snprintf(name, sizeof name, "%s %u %u", pattern->name, times, N);
        CALLGRIND_ZERO_STATS;
        pattern->run(times * N / pattern->ops);
        CALLGRIND_DUMP_STATS_AT(name);
    }
}

int main(void)
{
    struct weir_pool_config config = { .name = "instructions", .capacity = 65536, .buffer_size = 4096 };
    struct weir_stats stats;
    if (weir_pool_create(&pool, &config) || !(cache = weir_cache_get(pool)) || weir_rundown_sharded_create(&sharded, 1))
        return fprintf(stderr, "patterns: %s\n", weir_error_message()), 1;
    held = weir_op_get(pool);
    published = weir_op_get(pool);
    weir_op_publish(published);
    handle = weir_op_handle(published);
    weir_ref_init(&ref, NULL, NULL);
    weir_rundown_init(&rundown);
    weir_pool_stats(pool, &stats);
    if (stats.fenced)
        return fprintf(stderr, "patterns: no process-wide barrier here: this would count the fenced calls\n"), 1;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        measure(&patterns[i]);
    return 0;
}
