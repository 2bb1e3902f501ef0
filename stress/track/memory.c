/* memory.c - bytes of an object beyond its header and buffer.
 *
 * A pool is made, all of its objects are taken, and one thread takes and gives back a reference of each. What the process has more of then, private pages
 * that were touched and pages of the debug segment, is looked at for two capacities: what grows is the object's, what doesn't is the pool's
 * (tables of holders, sites and tokens; this thread's cache).
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weir/weir.h>

#include "../../src/os/os.h"
#include "track.h"

enum { HEADER = 128, BUFFER = 64, PART = 4 };

static double memory__private(void)
{
    char line[200];
    unsigned long kib = 0, part;
    FILE *f = fopen("/proc/self/smaps_rollup", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Anonymous: %lu", &part) == 1)
            kib += part;
    if (f)
        fclose(f);
    return (double)kib * 1024;
}

/* Pages of this pool's debug segment, 0 if it has none. */
static double memory__segment(const char *pool)
{
    char name[200], path[512];
    struct stat s;
    snprintf(name, sizeof name, "debug.%s.%d", pool, (int)getpid());
    if (os_segment_path(name, path, sizeof path) != 0 || stat(path, &s) != 0)
        return 0;
    return (double)s.st_blocks * 512;
}

/* Negative: it failed. */
static double memory__of(unsigned c, uint32_t objects)
{
    struct weir_pool_config config = { .name = "track-memory", .capacity = objects, .buffer_size = BUFFER, .debug = tracker_cases[c].spec };
    struct weir_op **ops = calloc(objects, sizeof *ops);
    struct weir_pool *pool;
    double before, after = -1;
    if (!ops)
        abort();
    memset(ops, 1, objects * sizeof *ops);                      /* its pages are there before */
    before = memory__private();
    if (weir_pool_create(&pool, &config) != 0) {
        track_failed(c, weir_error_message());
        free(ops);
        return -1;
    }
    for (uint32_t i = 0; i < objects; i++) {
        ops[i] = weir_op_get(pool);
        if (!ops[i]) {
            track_failed(c, "a pool gives less than its capacity");
            break;
        }
        memset(weir_op_buffer(ops[i]), 1, BUFFER);
        weir_op_ref(ops[i]);
        (void)weir_op_unref(ops[i]);
    }
    after = memory__private() + memory__segment(config.name);
    for (uint32_t i = 0; i < objects; i++)
        (void)weir_op_unref(ops[i]);
    if (weir_pool_close(pool) != 0)
        track_failed(c, weir_error_message());
    free(ops);
    return after - before;
}

void memory_all(void)
{
    for (unsigned c = 0; c < tracker_cases_n; c++) {
        uint32_t much = bench_track.objects, little = much / PART;
        double a, b;
        if (!bench_track.wanted[c] || bench_track.of[c].failed[0] || (a = memory__of(c, little)) < 0 || (b = memory__of(c, much)) < 0)
            continue;
        bench_track.of[c].bytes = (b - a) / (much - little) - HEADER - BUFFER;
        bench_track.of[c].fixed = a - (b - a) / (much - little) * little;
    }
}
