/* rte_missing.c - stands for rte.c where DPDK is not installed: the table says so. */
#include "peer.h"

const struct peer peer_rte = { .name = "rte_mempool", .what = "DPDK's rte_mempool", .missing = "libdpdk-dev" };
