/* loops_bound.h - all objects, none left, waiting for one, and references of one. A part of loops.h. */
#ifndef WEIR_BENCH_LOOPS_BOUND_H
#define WEIR_BENCH_LOOPS_BOUND_H

/* -- the bound ------------------------------------------------------------------------------------------------------------------ */

/* As many as the count says, or all there are. */
static void loop__drain(struct job *j)
{
    LOOP_BEGIN
    for (void *object; j->held_n < j->count && (object = LOOP_GET(j)) != NULL; j->held_n++) {
        loop__touch(object, false, j->held_n);
        j->held[j->held_n] = object;
    }
}

static void loop__refill(struct job *j)
{
    LOOP_BEGIN
    while (j->held_n)
        LOOP_PUT(j, j->held[--j->held_n]);
}

/* Header and buffer of every object are touched once, so that no measurement pays for new memory. */
static void loop__warm(struct job *j)
{
    loop__drain(j);
    for (uint64_t i = 0; i < j->held_n; i++)
        loop__touch(j->held[i], true, i);
    loop__refill(j);
}

#ifdef LOOP_BOUND
static void loop__null_path(struct job *j)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++)
        if (LOOP_RARELY(LOOP_GET(j) != NULL))
            bench_fail("an empty pool gave an object");
}
#endif

/* One object, more threads than that: each holds it a while, stamps it and gives it back; who gets it next looks how long ago that was.
 * Who gets it again before anybody else has not been woken, and does not count. One turn a call. */
#ifdef LOOP_GET_WAIT
enum { LOOP_HOLD_NS = 20000, LOOP_WAIT_NS = 50000000 };

static void loop__wait_a_little(void)
{
    for (int64_t until = clock_ns() + LOOP_HOLD_NS; clock_ns() < until;)
        clock_pause();
}

static void loop__wait(struct job *j)
{
    void *object;
    LOOP_BEGIN
    if (!(object = LOOP_GET_WAIT(j, LOOP_WAIT_NS)))
        return;
    if (*j->stamper && *j->stamper != j->thread + 1)
        histogram_add(j->histogram, (uint64_t)(clock_ns() - *j->stamp));
    loop__touch(object, false, 1);
    loop__wait_a_little();
    *j->stamper = j->thread + 1;
    *j->stamp = clock_ns();
    LOOP_PUT(j, object);
    loop__wait_a_little();
}
#endif

/* -- references ----------------------------------------------------------------------------------------------------------------- */

#ifdef LOOP_REF
static void loop__ref(struct job *j)
{
    void *object = j->held[0];
    for (uint64_t i = 0; i < j->count; i++) {
        LOOP_REF(object);
        LOOP_UNREF(object);
    }
}

static void loop__last(struct job *j)
{
    LOOP_BEGIN
    for (uint64_t i = 0; i < j->count; i++) {
        void *object = LOOP_GET(j);
        loop__touch(object, false, i);
        LOOP_UNREF_LAST(j, object);
    }
}
#endif

#endif
