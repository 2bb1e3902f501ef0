/* points.c - yields and parking at labelled points.
 *
 * Purpose    give way, or stop, at a chosen point of the library's sources, and know which points have been passed.
 * Invariant  a seat is touched by its own thread without a lock until it parks or leaves; from then on under `lock`. The one
 *            word that both sides look at before that is `state`.
 * Threads    points__hook runs on every thread at every point; it must order nothing, or races that a sanitizer should see
 *            would be hidden. So: relaxed loads, and the mutex only for a thread that parks.
 * Goes wrong a thread that parks while it holds a lock of the library stops everybody who needs that lock. That is what
 *            the tests want to know.
 */
#include "points.h"

#include <weir/inline/atomic.h>

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "random.h"

enum { SEAT_FREE, SEAT_ARMED, SEAT_PARKED, SEAT_RELEASED, SEAT_LEFT };
enum { POINTS_TABLE = 1024, POINTS_WAIT_SECONDS = 60 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t moved = PTHREAD_COND_INITIALIZER;

static _Atomic(const char *) table[POINTS_TABLE];   /* by address: one label may be several literals */
static _Atomic uint64_t yield_seed;
static _Atomic unsigned yield_per_mille, yield_era, threads_seen;

static _Thread_local struct points_seat *my_seat;
static _Thread_local struct random my_random;
static _Thread_local unsigned my_number, my_era;

/* Relaxed: the text that the pointer leads to is a constant. A full table forgets labels; 1,024 literals are far away. */
static void points__note(const char *label)
{
    size_t i = ((uintptr_t)label * UINT64_C(0x9e3779b97f4a7c15)) >> 54;
    for (size_t tries = 0; tries < POINTS_TABLE; tries++, i = (i + 1) % POINTS_TABLE) {
        const char *there = atomic_load_explicit(&table[i], memory_order_relaxed);
        if (!there && atomic_compare_exchange_strong_explicit(&table[i], &there, label, memory_order_relaxed,
                                                              memory_order_relaxed))
            return;
        if (there == label)
            return;
    }
}

static void points__give_way(unsigned per_mille)
{
    unsigned era = atomic_load_explicit(&yield_era, memory_order_relaxed);
    if (my_era != era) {
        if (!my_number)
            my_number = 1 + atomic_fetch_add_explicit(&threads_seen, 1, memory_order_relaxed);
        random_seed(&my_random, atomic_load_explicit(&yield_seed, memory_order_relaxed), my_number);
        my_era = era;
    }
    if (random_below(&my_random, 1000) >= per_mille)
        return;
    if (random_below(&my_random, 32) == 0) {
        struct timespec nap = { 0, (long)random_between(&my_random, 1, 100) * 1000 };
        nanosleep(&nap, NULL);
    } else {
        sched_yield();
    }
}

static void points__sit(struct points_seat *seat, const char *label)
{
    my_seat = NULL;
    pthread_mutex_lock(&lock);
    if (seat->state == SEAT_ARMED) {
        seat->state = SEAT_PARKED;
        seat->at = label;
        pthread_cond_broadcast(&moved);
        while (seat->state == SEAT_PARKED)
            pthread_cond_wait(&moved, &lock);
    }
    pthread_mutex_unlock(&lock);
}

static void points__hook(const char *label)
{
    int error = errno;
    unsigned per_mille = atomic_load_explicit(&yield_per_mille, memory_order_relaxed);
    struct points_seat *seat = my_seat;
    points__note(label);
    if (seat && (!seat->label || strcmp(seat->label, label) == 0) && --seat->left == 0)
        points__sit(seat, label);
    if (per_mille)
        points__give_way(per_mille);
    errno = error;
}

bool points_open(void)
{
#if defined(WEIR_POINTS) && WEIR_POINTS
    for (size_t i = 0; i < POINTS_TABLE; i++)
        atomic_store_explicit(&table[i], NULL, memory_order_relaxed);
    WEIR_STORE_RELEASE(&weir_point_hook_1, points__hook);
    return true;
#else
    (void)points__hook;
    return false;
#endif
}

void points_close(void)
{
    points_yield(0, 0);
#if defined(WEIR_POINTS) && WEIR_POINTS
    WEIR_STORE_RELEASE(&weir_point_hook_1, NULL);
#endif
}

void points_yield(uint64_t seed, unsigned per_mille)
{
    atomic_store_explicit(&yield_seed, seed, memory_order_relaxed);
    atomic_fetch_add_explicit(&yield_era, 1, memory_order_relaxed);
    atomic_store_explicit(&yield_per_mille, per_mille, memory_order_relaxed);
}

void points_park(struct points_seat *seat, const char *label, unsigned nth)
{
    seat->label = label;
    seat->left = nth;
    pthread_mutex_lock(&lock);
    if (seat->state == SEAT_FREE)
        seat->state = SEAT_ARMED;
    pthread_mutex_unlock(&lock);
    my_seat = nth ? seat : NULL;
}

void points_leave(struct points_seat *seat)
{
    my_seat = NULL;
    pthread_mutex_lock(&lock);
    if (seat->state == SEAT_FREE || seat->state == SEAT_ARMED)
        seat->state = SEAT_LEFT;
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
}

enum points_found points_wait_parked(struct points_seat *seat)
{
    enum points_found found = POINTS_LATE;
    struct timespec until;
    int error = 0;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += POINTS_WAIT_SECONDS;
    pthread_mutex_lock(&lock);
    while ((seat->state == SEAT_FREE || seat->state == SEAT_ARMED) && error == 0)
        error = pthread_cond_timedwait(&moved, &lock, &until);
    if (seat->state == SEAT_PARKED)
        found = POINTS_PARKED;
    else if (seat->state == SEAT_LEFT || seat->state == SEAT_RELEASED)
        found = POINTS_LEFT;
    pthread_mutex_unlock(&lock);
    return found;
}

void points_release(struct points_seat *seat)
{
    pthread_mutex_lock(&lock);
    if (seat->state != SEAT_LEFT)
        seat->state = SEAT_RELEASED;
    pthread_cond_broadcast(&moved);
    pthread_mutex_unlock(&lock);
}

const char *points_at(struct points_seat *seat)
{
    const char *at;
    pthread_mutex_lock(&lock);
    at = seat->at;
    pthread_mutex_unlock(&lock);
    return at;
}

unsigned points_labels(const char **out, unsigned n)
{
    const char *seen[POINTS_TABLE];
    unsigned found = 0;
    for (size_t i = 0; i < POINTS_TABLE; i++) {
        const char *label = atomic_load_explicit(&table[i], memory_order_relaxed);
        unsigned known = 0;
        while (label && known < found && strcmp(seen[known], label) != 0)
            known++;
        if (!label || known < found)
            continue;
        if (found < n)
            out[found] = label;
        seen[found++] = label;
    }
    return found;
}
