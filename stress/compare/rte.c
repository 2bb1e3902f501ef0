/* rte.c - DPDK's rte_mempool as its manual sets it up: one object at a time through the default cache of a registered thread.
 *
 * Objects of 4 KiB, per-lcore caches of 512 (the most that is allowed), default operations (a ring for many producers and
 * consumers), no flags, so spread over memory channels. EAL: no huge pages, no devices, nothing shared. Its start-up pins
 * the caller to one core; the caller's affinity is put back.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mempool.h>

#include "peer.h"

enum { RTE_CACHE = 512 };

static struct rte_mempool *mempool;

static inline void *rte__get(struct rte_mempool *m)
{
    void *object;
    return __builtin_expect(rte_mempool_get(m, &object) == 0, 1) ? object : NULL;
}

#define LOOP(name) rte__##name
#define LOOP_BEGIN struct rte_mempool *m = mempool;
#define LOOP_GET(j) rte__get(m)
#define LOOP_PUT(j, object) rte_mempool_put(m, object)
#define LOOP_GET_FAR(j) rte__get(m)
#define LOOP_PUT_FAR(j, object) rte_mempool_put(m, object)
#define LOOP_WORD(object, of_buffer) ((void)(of_buffer), (uint64_t *)(object))
#include "loops.h"

static const char *rte__open(void)
{
    static char why[200];
    char *argv[] = { "weir-compare", "--no-huge", "--no-pci", "--no-shconf", "--no-telemetry", "-m", "512", "--log-level=error" };
    cpu_set_t mine;
    int known = pthread_getaffinity_np(pthread_self(), sizeof mine, &mine);
    int answer = rte_eal_init(sizeof argv / sizeof argv[0], argv);
    if (known == 0)
        pthread_setaffinity_np(pthread_self(), sizeof mine, &mine);
    if (answer < 0) {
        snprintf(why, sizeof why, "rte_eal_init: %s", rte_strerror(rte_errno));
        return why;
    }
    mempool = rte_mempool_create("compare", COMPARE_CAPACITY, COMPARE_BUFFER, RTE_CACHE, 0, NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0);
    if (!mempool) {
        snprintf(why, sizeof why, "rte_mempool_create: %s", rte_strerror(rte_errno));
        return why;
    }
    return NULL;
}

static void rte__enter(void)
{
    if (rte_thread_register() < 0 || !rte_mempool_default_cache(mempool, rte_lcore_id()))
        compare_fail("rte_thread_register: %s: without it a thread has no cache", rte_strerror(rte_errno));
}

static void rte__leave(void)
{
    rte_thread_unregister();
}

static void rte__close(void)
{
    rte_mempool_free(mempool);
    rte_eal_cleanup();
}

const struct peer peer_rte = {
    .name = "rte_mempool",
    .what = "DPDK's rte_mempool_get, rte_mempool_put: registered threads, caches of 512, ring of all objects, no huge pages",
    .open = rte__open,
    .enter = rte__enter,
    .leave = rte__leave,
    .warm = rte__warm,
    .pair = rte__pair,
    .burst = rte__burst,
    .giver = rte__giver,
    .taker = rte__taker,
    .close = rte__close,
};
