/* rundown.c - the rundown in one word.
 *
 *      63        48 47   35 34     33     32      31              0
 *     +------------+-------+------+------+-------+-----------------+
 *     | number of  | 0     |WAITED| DOWN |CLOSING| operations in   |     word[0]
 *     | done       |       |      |      |       | progress        |
 *     +------------+-------+------+------+-------+-----------------+
 *     | arg of done; from DOWN on the ticket of its call (call.h)  |     word[1]
 *     +------------------------------------------------------------+
 *
 *     OPEN      CLOSING clear       acquire adds one. The rundown may be acquired, released, waited for, closed
 *     CLOSING   CLOSING, count > 0  acquire fails, the count only falls; word[1] is arg
 *     ENDING    CLOSING, count = 0  the thread that made it so owns the rundown alone, but for waiters
 *     DOWN      DOWN                word[1] is the ticket; nobody of the library but waiters touches it again
 *
 * Purpose    tell when the last of the operations in progress has ended, once nobody new is let in.
 * Invariant  the count is the operations in progress, and one more while close is at work. It is 0 together with CLOSING for
 *            the first time exactly once, because with CLOSING nothing raises it: done runs once.
 *
 * Close sets CLOSING and counts itself in by one compare-and-swap, writes arg at leisure, and leaves by the same release as
 * everybody: there is one place where the end is found. `done` and `arg` must be kept until then, and the words are 128 bits
 * together; so the function is kept as a small number (call.h), and close can neither fail nor need memory.
 *
 * done may free the rundown. So its last access by the library is the one that sets DOWN, before done is called. A waiter
 * that comes while done runs finds DOWN and the ticket and waits at the call's own slot, which lies in no object. A waiter that
 * sleeps already has set WAITED; it is woken at DOWN and goes on to the slot. As soon as DOWN is set and there is no done, a waiter may
 * return and free the memory before it is woken: then os_wake gets the address of freed memory, which it doesn't read; at
 * worst it wakes somebody who sleeps there for another reason, and who looks again (os.h: "or for no reason").
 *
 *               acquire  release  close   wait
 *     acquire   any      any      any     any          release only after an acquire that was true; close once; init before all
 *     release   any      any      any     any
 *     close     any      any      panic   any
 *     wait      any      any      any     any
 *
 * Progress   acquire and close lock-free, release wait-free but for done. wait sleeps.
 */
#include "rundown_private.h"

#include <errno.h>
#include <limits.h>
#include <weir/inline/atomic.h>

#include "atomic.h"
#include "call.h"
#include "os/os.h"
#include "panic.h"

enum { RUNDOWN_NUMBER_SHIFT = 48 };

_Static_assert(CALL_NUMBER_BITS <= 64 - RUNDOWN_NUMBER_SHIFT, "done's number fits");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the marks are the second half of the word");

/* The half that a waiter sleeps on: it does not change with the count. Only its address is used. */
static uint32_t *rundown__marks(struct weir_rundown *rundown)
{
    return (uint32_t *)(void *)&rundown->word[0] + 1;
}

void weir_rundown_init(struct weir_rundown *rundown)
{
    rundown->word[1] = 0;
    store_relaxed_64(&rundown->word[0], 0);     /* nobody else sees it yet */
}

bool weir_rundown_acquire(struct weir_rundown *rundown)
{
    uint64_t word = load_acquire_64(&rundown->word[0]);         /* rundown.A1 <- rundown.R1 */
    do {
        if (word & RUNDOWN_CLOSING)
            return false;
        if ((word & RUNDOWN_COUNT) >= RUNDOWN_MAX)
            weir_panic("rundown %p: more than 2^30 operations in progress; each acquire needs its release", (void *)rundown);
        WEIR_POINT("rundown.acquire");
    } while (!cas_64(&rundown->word[0], &word, word + 1));      /* rundown.A1 <- rundown.R1, when it fails */
    return true;
}

/* The count reached 0 after closing had begun: this thread is the only one left. `word` is what it found. */
static void rundown__end(struct weir_rundown *rundown, uint64_t word)
{
    uint32_t number = (uint32_t)(word >> RUNDOWN_NUMBER_SHIFT);
    void *arg = (void *)(uintptr_t)rundown->word[1];
    uint64_t ticket = number ? weir_call_begin(rundown) : 0;
    WEIR_POINT("rundown.ending");
    rundown->word[1] = ticket;
    word = or_64(&rundown->word[0], RUNDOWN_DOWN);              /* rundown.R3 -> rundown.A3: the ticket, and all before */
    WEIR_POINT("rundown.down");
    if (word & RUNDOWN_WAITED)
        os_wake(rundown__marks(rundown), UINT_MAX);
    if (number) {
        weir_call_function(number)(arg);                        /* from here on the rundown may be gone */
        weir_call_end(ticket);
    }
}

void weir_rundown_release(struct weir_rundown *rundown)
{
    uint64_t old = sub_64(&rundown->word[0], 1);                /* rundown.R2 -> rundown.R2: what the operation did, for the last */
    uint64_t count = old & RUNDOWN_COUNT;
    if (count == 0) {
        (void)add_64(&rundown->word[0], 1);                     /* rundown.U1 -> rundown.A1: takes back what it did */
        weir_panic("rundown %p: release without an acquire; each release needs an acquire that answered true", (void *)rundown);
    }
    if (count == 1 && (old & RUNDOWN_CLOSING))
        rundown__end(rundown, old);
}

void weir_rundown_adjust(struct weir_rundown *rundown, int64_t by)
{
    uint64_t old = add_64(&rundown->word[0], (uint64_t)by);     /* rundown.R2 -> rundown.R2 */
    if ((old & RUNDOWN_CLOSING) && ((old + (uint64_t)by) & RUNDOWN_COUNT) == 0)
        rundown__end(rundown, old);
}

void weir_rundown_close(struct weir_rundown *rundown, void (*done)(void *arg), void *arg)
{
    uint64_t marks = RUNDOWN_CLOSING | (uint64_t)weir_call_number(done) << RUNDOWN_NUMBER_SHIFT;
    uint64_t word = load_relaxed_64(&rundown->word[0]);         /* the swap tells if it is stale */
    do {
        if (word & RUNDOWN_CLOSING)
            weir_panic("rundown %p: closed twice; one close ends it, others may wait", (void *)rundown);
    } while (!cas_64(&rundown->word[0], &word, (word | marks) + 1));        /* rundown.R1 -> rundown.A1: what came before */
    WEIR_POINT("rundown.closing");
    rundown->word[1] = (uint64_t)(uintptr_t)arg;                /* for the last: goes with rundown.R2 of this very release */
    weir_rundown_release(rundown);
}

/* 0 once DOWN is set, or -ETIMEDOUT. */
static int rundown__wait_down(struct weir_rundown *rundown, int64_t deadline)
{
    uint64_t word = load_acquire_64(&rundown->word[0]);         /* rundown.A3 <- rundown.R3 */
    for (int late = 0; !(word & RUNDOWN_DOWN); word = load_acquire_64(&rundown->word[0])) {     /* rundown.A3 <- rundown.R3 */
        if (late || deadline <= os_now())
            return -ETIMEDOUT;
        /* rundown.W1 -> rundown.R3: that somebody sleeps */
        if (!(word & RUNDOWN_WAITED) && !cas_64(&rundown->word[0], &word, word | RUNDOWN_WAITED))
            continue;
        WEIR_POINT("rundown.waiting");
        late = os_wait(rundown__marks(rundown), (uint32_t)((word | RUNDOWN_WAITED) >> 32), deadline);
    }
    return 0;
}

int weir_rundown_wait(struct weir_rundown *rundown, int64_t timeout_ns)
{
    int64_t now = os_now();
    int64_t deadline = timeout_ns < 0 || timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
    if (rundown__wait_down(rundown, deadline))
        return -ETIMEDOUT;
    if (!(load_relaxed_64(&rundown->word[0]) >> RUNDOWN_NUMBER_SHIFT))     /* DOWN was seen: it stands still */
        return 0;
    return weir_call_wait(rundown->word[1], deadline);
}
