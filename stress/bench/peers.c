/* peers.c - the peers, in the order of the tables. Append one; its program is made in CMakeLists.txt. */
#include <string.h>

#include "bench.h"

#define MALLOC (GROUP_POOL | GROUP_CHURN)
#define LIST (GROUP_POOL | GROUP_CHURN | GROUP_BOUND | GROUP_EMPTY)
#define POOL (LIST | GROUP_DPDK)

const struct peer_entry bench_peers[] = {
    { "floor", NULL, KIND_FLOOR, GROUP_POOL | GROUP_EMPTY | GROUP_DPDK | GROUP_LINKED | GROUP_REFS },
    { "weir", NULL, KIND_WEIR, POOL | GROUP_WAIT | GROUP_LINKED | GROUP_REFS },
    { "weir-cache", NULL, KIND_WEIR, POOL | GROUP_LINKED },
    { "weir-shared", NULL, KIND_WEIR, GROUP_LINKED },
    { "weir-shared-cache", NULL, KIND_WEIR, GROUP_LINKED },
    { "weir-plugin", NULL, KIND_WEIR, GROUP_LINKED },
    { "weir-plugin-cache", NULL, KIND_WEIR, GROUP_LINKED },
    { "rte", "libdpdk-dev, pkg-config", KIND_RTE, POOL },
    { "tcmalloc", "libgoogle-perftools-dev", KIND_MALLOC, MALLOC },
    { "jemalloc", "libjemalloc-dev", KIND_MALLOC, MALLOC },
    { "mimalloc", "libmimalloc-dev", KIND_MALLOC, MALLOC },
    { "tbb", "libtbb-dev", KIND_MALLOC, MALLOC },
    { "glibc", NULL, KIND_MALLOC, MALLOC },
    { "ck_stack", "libck-dev", KIND_OTHER, LIST },
    { "boost", "libboost-dev, g++", KIND_OTHER, LIST },
    { "mutex", NULL, KIND_OTHER, LIST | GROUP_WAIT },
    { "rundown-own", NULL, KIND_FLOOR, GROUP_RUNDOWN },
    { "rundown-word", NULL, KIND_WEIR, GROUP_RUNDOWN },
    { "rundown-sharded", NULL, KIND_WEIR, GROUP_RUNDOWN },
};
const unsigned bench_peers_n = sizeof bench_peers / sizeof bench_peers[0];

int peer_index(const char *name)
{
    for (unsigned i = 0; i < bench_peers_n; i++)
        if (strcmp(bench_peers[i].name, name) == 0)
            return (int)i;
    return -1;
}
