/* own.c - the few idle ops that a stream keeps, and how an empty pool gets them back.
 *
 * Purpose    a busy connection uses its own two ops again and again, without the pool; a pool that is empty can have
 *            them all.
 * Invariant  an op in stream->own is held (one reference, by the stream), not in flight, unpublished, and of
 *            stream->home's pool; who swaps it out of its word owns it.
 *
 * A home is one pool's place at one port: while streams that keep ops of the pool exist, it is registered with the
 * pool, which asks it (home__reclaim) before a get answers NULL. It ends with the last such stream, before that one
 * gives its last ops back: so a pool may be closed when all its ops are back, whether or not the port lives on.
 *
 * Asking must be cheap when the pool is empty all the time. `filled` says that a stream has kept an op since the last
 * walk; without it there is no walk. And after a walk that found something as many puts as there were streams go to the
 * pool and not to streams (`dry`): so the walk over all streams costs each put a constant.
 *
 *            put   get   reclaim  empty        put and get: holders of a reference. reclaim: any thread, in a get of the pool; takes no
 *     put    any   any   any      -            lock. empty: the stream's end, nobody holds a reference.
 *     get    any   any   any      -
 *     reclaim any  any   any      any
 *
 * Progress   get, put, reclaim: wait-free beside what they call; a stream's first put takes homes_lock and the pool's.
 */
#include "backend.h"

#include <errno.h>
#include <stdlib.h>

#include "atomic.h"

struct home {
    struct home *next;
    struct weir_port *port;
    struct weir_pool *pool;
    size_t streams;             /* under homes_lock */
    uint32_t filled;
    uint32_t dry;               /* a wish, not a count: lost updates don't matter */
};

struct own__walk {
    struct home *home;
    struct packets ops;         /* that were found */
    uint32_t streams;           /* that were visited */
};

static struct weir_op *own__swap(struct weir_op **word, struct weir_op *op)
{
    return (struct weir_op *)(uintptr_t)swap_64((uint64_t *)(void *)word, (uint64_t)(uintptr_t)op);     /* own.A1 <- own.R1 */
}

/* -- what an empty pool asks for --------------------------------------------------------------------------------------------- */

static void home__visit(struct weir_stream *stream, void *arg)
{
    struct own__walk *walk = arg;
    if (load_relaxed_ptr(&stream->home) != walk->home)          /* another pool's, or none: changes only as streams come and go */
        return;
    walk->streams++;
    for (int i = 0; i < STREAM_OPS; i++) {
        struct packet *p;
        struct weir_op *op;
        if (!load_relaxed_ptr(&stream->own[i]))                 /* a miss is a put in progress, which sets `filled` again */
            continue;
        op = own__swap(&stream->own[i], NULL);
        if (!op)
            continue;
        p = packet_of(op);
        p->own = false;
        packets_add(&walk->ops, p);
    }
}

static unsigned home__reclaim(struct weir_pool *pool, void *arg)
{
    struct home *home = arg;
    struct own__walk walk = { .home = home };
    struct packet *p;
    size_t ops;
    (void)pool;
    if (!load_relaxed_32(&home->filled))                        /* a miss is a put in progress */
        return 0;
    (void)swap_32(&home->filled, 0);                            /* own.A2 <- own.R2 */
    fence_after_swap();                                         /* own.F2 <-> own.F1: `filled`, then the ops */
    slots_each(home->port, home__visit, &walk);
    ops = walk.ops.count;
    if (ops)
        store_relaxed_32(&home->dry, walk.streams);
    while ((p = packets_take(&walk.ops)))
        weir_op_unref(packet_op(p));
    return (unsigned)ops;
}

/* -- homes ------------------------------------------------------------------------------------------------------------------- */

static struct home *home__make(struct weir_port *port, struct weir_pool *pool)
{
    struct home *home = calloc(1, sizeof *home);
    if (!home)
        return NULL;
    home->port = port;
    home->pool = pool;
    if (weir_pool_reclaimer(pool, home__reclaim, home)) {
        free(home);
        return NULL;
    }
    home->next = port->homes;
    port->homes = home;
    return home;
}

/* The stream's home, which it gets with its first op. NULL: it can't have one. */
static struct home *own__home(struct weir_stream *stream, struct weir_pool *pool)
{
    struct weir_port *port = stream->port;
    struct home *home = load_acquire_ptr(&stream->home);        /* own.A3 <- own.R3 */
    if (home)
        return home;
    sys_lock(&port->homes_lock);
    home = stream->home;
    if (!home) {
        for (home = port->homes; home && home->pool != pool; home = home->next) {
        }
        if (!home)
            home = home__make(port, pool);
        if (home) {
            home->streams++;
            store_release_ptr(&stream->home, home);             /* own.R3 -> own.A3: the home */
        }
    }
    sys_unlock(&port->homes_lock);
    return home;
}

static void own__leave_home(struct weir_stream *stream)
{
    struct weir_port *port = stream->port;
    struct home *home = stream->home, **link = &port->homes;
    bool last;
    sys_lock(&port->homes_lock);
    store_relaxed_ptr(&stream->home, NULL);             /* nobody else has the stream any more, but a walk that finds nothing */
    last = --home->streams == 0;
    if (last) {
        while (*link != home)
            link = &(*link)->next;
        *link = home->next;
    }
    sys_unlock(&port->homes_lock);
    if (!last)
        return;
    weir_pool_reclaimer_remove(home->pool, home__reclaim, home);
    free(home);
}

/* -- a stream's own ops ------------------------------------------------------------------------------------------------------ */

void own_empty(struct weir_stream *stream)
{
    struct weir_op *op[STREAM_OPS];
    if (!stream->home)
        return;
    for (int i = 0; i < STREAM_OPS; i++)
        op[i] = own__swap(&stream->own[i], NULL);
    own__leave_home(stream);            /* while these ops still keep the pool from being closed */
    for (int i = 0; i < STREAM_OPS; i++)
        weir_op_unref(op[i]);
}

struct weir_op *weir_stream_op_get(struct weir_stream *stream, struct weir_pool *pool)
{
    struct home *home = load_acquire_ptr(&stream->home);        /* own.A3 <- own.R3 */
    if (!home || home->pool != pool)
        return weir_op_get(pool);
    for (int i = 0; i < STREAM_OPS; i++) {
        struct weir_op *op;
        if (!load_relaxed_ptr(&stream->own[i]))                 /* a miss goes to the pool */
            continue;
        op = own__swap(&stream->own[i], NULL);
        if (op) {
            weir_op_prepare(op, 0);
            return op;
        }
    }
    return weir_op_get(pool);
}

void weir_stream_op_put(struct weir_stream *stream, struct weir_op *op)
{
    struct home *home;
    /* ref.A1; else shared, published, in flight, free, or followed: a life that is followed ends with who holds it. Guards look when it goes back */
    if (!op || (load_acquire_64(&op->refs) & ~WEIR_REFS_GUARDED) != 1) {
        weir_op_unref(op);
        return;
    }
    home = own__home(stream, weir_op_pool(op));
    if (home && home->pool == weir_op_pool(op)) {
        uint32_t dry = load_relaxed_32(&home->dry);
        for (int i = 0; i < STREAM_OPS && !dry; i++) {
            if (load_relaxed_ptr(&stream->own[i]) || !cas_ptr(&stream->own[i], NULL, op))       /* own.R1 -> own.A1: the op */
                continue;
            fence();                                            /* own.F1 <-> own.F2: the op, then `filled` */
            if (!load_relaxed_32(&home->filled)) {             /* behind own.F1 */
                (void)swap_32(&home->filled, 1);                /* own.R2 -> own.A2: that there is an op */
                fence_after_swap();                             /* own.F3 <-> waiter.F2: `filled`, then the waiters */
            }
            if (weir_pool_wanted(home->pool) && (op = own__swap(&stream->own[i], NULL)) != NULL)
                weir_op_unref(op);                              /* who sleeps already asks nobody for it */
            return;
        }
        if (dry)
            store_relaxed_32(&home->dry, dry - 1);
    }
    weir_op_unref(op);
}
