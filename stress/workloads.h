/* workloads.h - the workloads of weir-stress. Each is told in prose where it is defined. */
#ifndef WEIR_STRESS_WORKLOADS_H
#define WEIR_STRESS_WORKLOADS_H

#include "engine.h"

extern const struct workload workload_mpmc, workload_crowd, workload_handoff, workload_bulk;    /* work-flow.c, work-bulk.c */
extern const struct workload workload_steal, workload_waiters;                                  /* work-reach.c, work-waiters.c */
extern const struct workload workload_churn, workload_close, workload_fork;                     /* work-churn.c, ... */
extern const struct workload workload_trim, workload_lookup, workload_holds;                    /* work-trim.c, work-lookup.c, ... */
extern const struct workload workload_parked, workload_commit, workload_signals;                /* work-parked.c, ... */
extern const struct workload workload_shared;                                                   /* work-shared.c */
extern const struct workload workload_soak;                                                     /* work-soak.c */

#endif
