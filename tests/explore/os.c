/* os.c - src/os/os.h for virtual threads: locks and sleeps give the turn to others, time is virtual, memory is the explorer's heap.
 *
 * As on Linux, whoever takes or lets go a lock, sleeps or wakes passes a full barrier, and os_barrier is one for everybody.
 */
#include "engine.h"
#include "os/os.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Part of what is put back. */
static struct {
    void *value;
    bool dying;
} threads[ALL];
static void (*exit_fn)(void *);
static uint32_t barrier_word;
static uint64_t event_word;

/* -- memory ---------------------------------------------------------------------------------------------------------------- */

size_t os_page_size(void) { return 4096; }
size_t os_huge_page_size(void) { return 0; }
int os_reserve(void **out, size_t bytes, size_t align) { *out = fibre_heap(bytes, align); return 0; }
int os_commit(void *base, size_t bytes) { (void)base, (void)bytes; return 0; }
int os_decommit(void *base, size_t bytes) { (void)base, (void)bytes; return 0; }
int os_discard(void *base, size_t bytes) { memset(base, 0, bytes); return 0; }
void os_release(void *base, size_t bytes) { (void)base, (void)bytes; }
int os_advise_huge(void *base, size_t bytes) { (void)base, (void)bytes; return -ENOTSUP; }
bool os_node_exists(int node) { return node == 0; }
int os_bind_node(void *base, size_t bytes, int node) { (void)base, (void)bytes; return node ? -EINVAL : 0; }
int os_populate(void *base, size_t bytes) { (void)base, (void)bytes; return 0; }
void *os_pages(size_t bytes) { return fibre_heap(bytes, 64); }      /* never used twice in a schedule, and begins as zeros */
void os_fail_commit_after(long after) { (void)after; }

void os_pages_free(void *pages, size_t bytes)
{
    if (pages && x->running)
        explore_forbid(pages, bytes);
}

/* -- the barrier ----------------------------------------------------------------------------------------------------------- */

static bool barrier_missing;

bool os_barrier_works(void) { return !barrier_missing; }
void explore_no_barrier(void) { barrier_missing = true; }

bool os_barrier_shared_works(void) { return false; }
void os_barrier_shared(void) { }

void os_barrier(void)
{
    struct word *w = operation_access(&barrier_word, 4, true, "os_barrier", "barrier");
    if (!w)
        return;
    if (x->trace)
        operation_trace("barrier", "os_barrier", NULL, 0);
    memory_drain_everybody();
    operation_wrote(w);
}

/* -- threads --------------------------------------------------------------------------------------------------------------- */

void os_thread_on_exit(void (*fn)(void *)) { exit_fn = fn; }
void *os_thread_value(void) { return threads[x->current].value; }
bool os_thread_dying(void) { return threads[x->current].dying; }
unsigned os_thread_number(void) { return x->current + 1; }
void os_yield(void) { schedule_yield(); }
unsigned os_cpus(void) { return 2; }
int64_t os_pid(void) { return 1; }
void os_module_hold(void) { }
void os_module_let_go(void) { }
int os_module_of(const void *address, struct os_module *out) { return (void)address, (void)out, -ENOENT; }
void os_on_fork(void (*before)(void), void (*parent)(void), void (*child)(void)) { (void)before, (void)parent, (void)child; }
void os_pin_library(void) { }

int os_thread_set(void *value)
{
    if (threads[x->current].dying)
        return -ECANCELED;
    threads[x->current].value = value;
    return 0;
}

void explore_exit(void)
{
    void *value = threads[x->current].value;
    threads[x->current].dying = true;
    threads[x->current].value = NULL;
    if (value)
        exit_fn(value);
}

/* -- locks and sleep ------------------------------------------------------------------------------------------------------- */

void os_lock(struct os_lock *lock)
{
    struct vthread *t = &x->thread[x->current];
    struct word *w = operation_access(&lock->word, 4, true, "os_lock", "lock");
    memory_drain_own();
    while (lock->word) {
        if (!w)
            explore_fail("a lock is taken where nobody can let it go");
        t->on = &lock->word;
        t->status = LOCKED;
        schedule_block();
    }
    lock->word = 1;
    if (w)
        operation_wrote(w);
    if (w && x->trace)
        operation_trace("lock", "os_lock", lock, 1);
}

void os_unlock(struct os_lock *lock)
{
    struct word *w = operation_access(&lock->word, 4, true, "os_unlock", "unlock");
    memory_drain_own();
    lock->word = 0;
    if (w)
        operation_wrote(w);
    if (w && x->trace)
        operation_trace("unlock", "os_unlock", lock, 0);
}

/* The word that a futex is half of, if it is accessed as a whole elsewhere, is 8-byte aligned: see waiter.c and rundown.c. */
static struct word *system__futex(uint32_t *word, const char *what)
{
    return operation_access((const void *)((uintptr_t)word & ~(uintptr_t)7), 8, true, what, what);
}

int os_wait(uint32_t *word, uint32_t expected, int64_t deadline)
{
    struct vthread *t = &x->thread[x->current];
    struct word *w = system__futex(word, "os_wait");
    if (!w) {
        if (*(volatile uint32_t *)word == expected && deadline == INT64_MAX)
            explore_fail("a sleep that nobody will end, in setup or check");
        return *(volatile uint32_t *)word == expected ? -ETIMEDOUT : 0;
    }
    memory_drain_own();
    operation_wrote(w);
    if (x->trace)
        operation_trace("sleep", "os_wait", word, *(volatile uint32_t *)word);
    if (*(volatile uint32_t *)word != expected)
        return 0;
    if (deadline <= x->now)
        return -ETIMEDOUT;
    t->on = word;
    t->deadline = deadline;
    t->late = false;
    t->status = ASLEEP;
    schedule_block();
    return t->late ? -ETIMEDOUT : 0;
}

void os_wake(uint32_t *word, unsigned n)
{
    struct word *w = system__futex(word, "os_wake");
    unsigned i;
    if (!w)
        return;
    memory_drain_own();
    operation_wrote(w);
    if (x->trace)
        operation_trace("wake", "os_wake", word, n);
    for (i = 0; i < x->threads && n; i++) {
        struct vthread *t = &x->thread[i];
        if (t->status != ASLEEP || t->on != word)
            continue;
        t->status = READY;
        t->hash = mix(t->hash, x->thread[x->current].hash);
        n--;
    }
}

int64_t os_now(void) { return x->now; }

/* -- events, the last resort ----------------------------------------------------------------------------------------------- */

int os_event_create(void) { return 1; }
void os_event_set(int event) { (void)event; (void)explore_ghost(&event_word, 1); }
void os_event_reset(int event) { (void)event; (void)explore_ghost(&event_word, 0); }
void os_event_close(int event) { (void)event; }
void os_write_error(const char *text) { fputs(text, stderr); }

/* -- segments, processes: no scenario has a pool between processes ----------------------------------------------------------- */

int os_wait_shared(uint32_t *word, uint32_t expected, int64_t deadline) { return os_wait(word, expected, deadline); }
void os_wake_shared(uint32_t *word, unsigned n) { os_wake(word, n); }

int os_segment_create(struct os_segment *out, const char *name, size_t bytes, size_t before, unsigned mode)
{
    (void)out, (void)name, (void)bytes, (void)before, (void)mode;
    return -ENOTSUP;
}

int os_segment_open(struct os_segment *out, const char *name, size_t before, bool write)
{
    (void)out, (void)name, (void)before, (void)write;
    return -ENOTSUP;
}

int os_segment_allocate(const struct os_segment *s, size_t at, size_t bytes) { (void)s, (void)at, (void)bytes; return -ENOTSUP; }
int os_segment_punch(const struct os_segment *s, size_t at, size_t bytes) { (void)s, (void)at, (void)bytes; return -ENOTSUP; }
void os_segment_close(struct os_segment *s) { (void)s; }
int os_segment_unlink(const char *name) { (void)name; return -ENOTSUP; }
int os_segment_path(const char *name, char *out, size_t size) { (void)name, (void)out, (void)size; return -ENOTSUP; }
int os_process_self(struct os_process *out) { (void)out; return -ENOTSUP; }
enum os_life os_process_life(const struct os_process *process) { (void)process; return OS_UNKNOWN; }
int64_t os_thread_id(void) { return x->current + 1; }
uint64_t os_thread_start(void) { return 0; }
