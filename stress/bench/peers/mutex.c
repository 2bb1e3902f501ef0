/* mutex.c - a mutex and a list: what one writes first. A get that waits sleeps on a condition variable.
 *
 * Invariant  under the lock: the list has all objects that nobody holds; sleepers counts who is in pthread_cond_timedwait, so that a put
 *            signals only if somebody sleeps.
 */
#include <errno.h>
#include <pthread.h>

#include "block.h"

struct link {
    struct link *next;
};

static struct {
    pthread_mutex_t lock;
    struct link *first;
    unsigned sleepers;
    pthread_cond_t given;
} list __attribute__((aligned(64))) = { .lock = PTHREAD_MUTEX_INITIALIZER };

static inline struct link *mutex__pop(void)
{
    struct link *object = list.first;
    if (object)
        list.first = object->next;
    return object;
}

static inline void *mutex__get(void)
{
    struct link *object;
    pthread_mutex_lock(&list.lock);
    object = mutex__pop();
    pthread_mutex_unlock(&list.lock);
    return object;
}

static inline void mutex__put(void *o)
{
    struct link *object = o;
    pthread_mutex_lock(&list.lock);
    object->next = list.first;
    list.first = object;
    if (__builtin_expect(list.sleepers > 0, 0))
        pthread_cond_signal(&list.given);
    pthread_mutex_unlock(&list.lock);
}

static void *mutex__get_wait(int64_t timeout_ns)
{
    struct link *object;
    int64_t until = clock_ns() + timeout_ns;
    struct timespec end = { until / 1000000000, until % 1000000000 };
    pthread_mutex_lock(&list.lock);
    list.sleepers++;
    while (!(object = mutex__pop()))
        if (pthread_cond_timedwait(&list.given, &list.lock, &end) == ETIMEDOUT)
            break;
    list.sleepers--;
    pthread_mutex_unlock(&list.lock);
    return object;
}

#define LOOP_BEGIN
#define LOOP_GET(j) mutex__get()
#define LOOP_PUT(j, object) mutex__put(object)
#define LOOP_WORD(object, of_buffer) ((void)(of_buffer), (uint64_t *)(object))
#define LOOP_GET_WAIT(j, ns) mutex__get_wait(ns)
#define LOOP_BOUND
#include "../loops.h"

static const char *mutex__open(uint32_t capacity, size_t size, unsigned threads)
{
    const char *why = block_open(capacity, size);
    pthread_condattr_t monotonic;
    (void)threads;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&list.given, &monotonic);
    for (uint32_t i = capacity; !why && i-- > 0;)
        mutex__put(block_object(i));
    return why;
}

static const char *mutex__close(struct whereabouts *where)
{
    uint64_t n = 0;
    while (mutex__get())
        n++;
    return block_close(where, n);
}

static const struct peer peer = {
    .what = "pthread_mutex and one list of all objects",
    LOOPS,
    .open = mutex__open,
    .enter = block_thread,
    .leave = block_leave,
    .close = mutex__close,
};

const struct peer *bench_peer(void)
{
    return &peer;
}
