/* loops_flow.h - objects that come and go: on one thread, and from thread to thread. A part of loops.h. */
#ifndef WEIR_BENCH_LOOPS_FLOW_H
#define WEIR_BENCH_LOOPS_FLOW_H

/* -- one thread ------------------------------------------------------------------------------------------------------------- */

LOOP_INLINE void loop__pair_of(struct job *j, bool buffer)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        void *object = LOOP_GET(j);
        if (LOOP_RARELY(!object))
            bench_fail("pair ran empty");
        loop__touch(object, buffer, i);
        LOOP_PUT(j, object);
    }
}

LOOP_INLINE void loop__burst_of(struct job *j, bool buffer)
{
    void *held[BENCH_BURST];
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i += BENCH_BURST) {
        for (int k = 0; k < BENCH_BURST; k++) {
            held[k] = LOOP_GET(j);
            if (LOOP_RARELY(!held[k]))
                bench_fail("burst ran empty");
            loop__touch(held[k], buffer, i);
        }
        for (int k = 0; k < BENCH_BURST; k++)
            LOOP_PUT(j, held[k]);
    }
}

LOOP_INLINE void loop__bulk_of(struct job *j, unsigned n)
{
    void *held[BENCH_BURST];
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i += n) {
        if (LOOP_RARELY(!LOOP_GET_BULK(j, held, n)))
            bench_fail("bulk ran empty");
        for (unsigned k = 0; k < n; k++)
            loop__touch(held[k], false, i);
        LOOP_PUT_BULK(j, held, n);
    }
}

/* DPDK's mempool_perf_autotest: nothing is touched there. */
static void loop__keep(struct job *j)
{
    void *held[BENCH_KEEP];
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i += j->n[2]) {
        for (unsigned k = 0; k < j->n[2]; k += j->n[0])
            if (LOOP_RARELY(!LOOP_GET_BULK(j, held + k, j->n[0])))
                bench_fail("keep ran empty");
        for (unsigned k = 0; k < j->n[2]; k += j->n[1])
            LOOP_PUT_BULK(j, held + k, j->n[1]);
    }
}

/* -- from thread to thread ---------------------------------------------------------------------------------------------------- */

LOOP_INLINE void loop__giver_of(struct job *j, bool buffer)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        void *object;
        while (LOOP_RARELY(!(object = LOOP_GET_FAR(j))))
            clock_pause();
        loop__touch(object, buffer, i);
        while (LOOP_RARELY(!lane_put(j->there, object)))
            clock_pause();
    }
}

LOOP_INLINE void loop__taker_of(struct job *j, bool buffer)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        void *object;
        while (!lane_get(j->there, &object))
            clock_pause();
        loop__touch(object, buffer, i);
        LOOP_PUT_FAR(j, object);
    }
}

/* Marsaglia's xorshift64. */
LOOP_INLINE unsigned loop__slot(struct job *j)
{
    j->random ^= j->random << 13;
    j->random ^= j->random >> 7;
    j->random ^= j->random << 17;
    return (unsigned)(j->random >> 32) % BENCH_SLOTS;
}

/* A new object goes into a slot that all threads share; what was there, mostly another thread's, is put. */
LOOP_INLINE void loop__crowd_of(struct job *j, bool timed)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        uint64_t began = timed ? clock_ticks() : 0;
        void *object = LOOP_GET(j);
        if (timed)
            histogram_add(j->histogram, clock_ticks() - began);
        if (LOOP_RARELY(!object))
            bench_fail("crowd ran empty");
        loop__touch(object, false, i);
        object = __atomic_exchange_n(&j->slot[loop__slot(j)], object, __ATOMIC_ACQ_REL);    /* slot.X1 -> slot.X1: the object */
        if (object) {
            loop__touch(object, false, i);
            LOOP_PUT(j, object);
        }
    }
}

/* What the crowd left in the slots goes back. */
static void loop__settle(struct job *j)
{
    LOOP_BEGIN
    for (int i = 0; i < BENCH_SLOTS; i++) {
        if (j->slot[i])
            LOOP_PUT(j, j->slot[i]);
        j->slot[i] = NULL;
    }
}

#endif
