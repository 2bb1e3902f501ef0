/* rte.c - DPDK's rte_mempool as its manual sets it up: the default cache of a registered thread.
 *
 * Per-lcore caches of 512 (the most that is allowed), default operations (a ring for many producers and consumers), no flags, so spread
 * over memory channels. EAL: no huge pages, no devices, nothing shared. Its start-up pins the caller to one core; the caller's
 * affinity is put back.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include "../peer.h"

enum { RTE_CACHE = 512 };

static struct rte_mempool *mempool;

static inline void *rte__get(struct rte_mempool *m)
{
    void *object;
    return __builtin_expect(rte_mempool_get(m, &object) == 0, 1) ? object : NULL;
}

#define LOOP_BEGIN \
    struct rte_mempool *m = mempool; \
    (void)m;
#define LOOP_GET(j) rte__get(m)
#define LOOP_PUT(j, object) rte_mempool_put(m, object)
#define LOOP_GET_BULK(j, objects, n) (rte_mempool_get_bulk(m, objects, n) == 0)
#define LOOP_PUT_BULK(j, objects, n) rte_mempool_put_bulk(m, objects, n)
#define LOOP_WORD(object, of_buffer) ((void)(of_buffer), (uint64_t *)(object))
#define LOOP_BOUND
#include "../loops.h"

static const char *rte__why(const char *what)
{
    static char why[200];
    snprintf(why, sizeof why, "%s: %s", what, rte_strerror(rte_errno));
    return why;
}

static const char *rte__open(uint32_t capacity, size_t size, unsigned threads)
{
    char megabytes[20];
    char *argv[] = { "weir-bench", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "--log-level=error", "-m", megabytes };
    cpu_set_t mine;
    int known = pthread_getaffinity_np(pthread_self(), sizeof mine, &mine), answer;
    unsigned cache = capacity / 2 < RTE_CACHE ? capacity / 2 : RTE_CACHE;
    (void)threads;
    snprintf(megabytes, sizeof megabytes, "%u", (unsigned)(capacity * (size + 320) / 1048576 + 64));
    answer = rte_eal_init(sizeof argv / sizeof argv[0], argv);
    if (known == 0)
        pthread_setaffinity_np(pthread_self(), sizeof mine, &mine);
    if (answer < 0)
        return rte__why("rte_eal_init");
    mempool = rte_mempool_create("bench", capacity, (unsigned)size, cache, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0);
    return mempool ? NULL : rte__why("rte_mempool_create");
}

static void rte__enter(unsigned thread)
{
    (void)thread;
    if (rte_thread_register() < 0 || !rte_mempool_default_cache(mempool, rte_lcore_id()))
        bench_fail("rte_thread_register: %s: without it a thread has no cache", rte_strerror(rte_errno));
}

/* Unregistering leaves the cache as it is, to whoever gets the same number next; who ends for good gives it back. */
static void rte__leave(void)
{
    rte_mempool_cache_flush(rte_mempool_default_cache(mempool, rte_lcore_id()), mempool);
    rte_thread_unregister();
}

static const char *rte__close(struct whereabouts *where)
{
    *where = (struct whereabouts){ mempool->size, rte_mempool_in_use_count(mempool), 0, rte_mempool_avail_count(mempool) };
    rte_mempool_free(mempool);
    rte_eal_cleanup();
    return where->live ? "objects are missing from the mempool" : NULL;
}

static const struct peer peer = {
    .what = "DPDK " RTE_BENCH_VERSION " rte_mempool_get, rte_mempool_put: registered threads, caches of 512, ring of all objects, no huge pages",
    LOOPS,
    .open = rte__open,
    .enter = rte__enter,
    .leave = rte__leave,
    .close = rte__close,
};

const struct peer *bench_peer(void)
{
    return &peer;
}
