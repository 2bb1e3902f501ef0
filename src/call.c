/* call.c - the two tables of call.h.
 *
 *      a slot:  31                    2      1       0              a ticket:  63          32 31                   0
 *              +-----------------------+--------+------+                      +--------------+----------------------+
 *              | number of the call    | WAITED | BUSY |                      | slot's index | the slot when BUSY   |
 *              +-----------------------+--------+------+                      +--------------+----------------------+
 *
 * A waiter sleeps while the slot, WAITED aside, is what the ticket says. The number comes round after 2^30 calls in one slot: a
 * waiter that is held up for exactly so many waits for one call more.
 */
#include "call.h"

#include <errno.h>
#include <limits.h>
#include <weir/inline/atomic.h>

#include "atomic.h"
#include "os/os.h"
#include "panic.h"

enum { CALL_FUNCTIONS = 1 << CALL_NUMBER_BITS, CALL_SLOTS = 1024 };
enum { CALL_BUSY = 1, CALL_WAITED = 2, CALL_ONE = 4 };

static uint64_t call__function[CALL_FUNCTIONS];     /* by open addressing; 0: empty; [0] stays so. An entry never changes again */
static uint32_t call__slot[CALL_SLOTS];

static uint32_t call__hash(uint64_t x, uint32_t size)
{
    return (uint32_t)((x * UINT64_C(0x9e3779b97f4a7c15)) >> 40) & (size - 1);
}

uint32_t weir_call_number(call_fn fn)
{
    uint64_t word = (uint64_t)(uintptr_t)fn;
    if (!fn)
        return 0;
    uint32_t first = call__hash(word, CALL_FUNCTIONS);
    for (uint32_t i = 0; i < CALL_FUNCTIONS; i++) {
        uint32_t number = (first + i) & (CALL_FUNCTIONS - 1);
        if (number == 0)
            continue;
        uint64_t seen = load_relaxed_64(&call__function[number]);       /* the word is all there is: nothing hangs on it */
        WEIR_POINT("call.number");
        if (seen == word || (!seen && (cas_64(&call__function[number], &seen, word) || seen == word)))  /* call.F1 -> call.F1: filled once */
            return number;
    }
    weir_panic("weir_rundown_close: more than %d different functions for done; give one function different arguments",
               CALL_FUNCTIONS - 1);
}

call_fn weir_call_function(uint32_t number)
{
    return (call_fn)(uintptr_t)load_relaxed_64(&call__function[number]);    /* who has the number knows that it is there */
}

uint64_t weir_call_begin(const void *near)
{
    uint32_t first = call__hash((uint64_t)(uintptr_t)near, CALL_SLOTS);
    for (uint32_t i = 0;; i++) {
        uint32_t index = (first + i) & (CALL_SLOTS - 1);
        uint32_t seen = load_relaxed_32(&call__slot[index]);    /* the swap tells if it is stale */
        if (!(seen & CALL_BUSY) && cas_32(&call__slot[index], &seen, seen | CALL_BUSY)) /* call.B1 -> call.B1: the slot is ours */
            return (uint64_t)index << 32 | seen | CALL_BUSY;
        if (i % CALL_SLOTS == CALL_SLOTS - 1)
            os_yield();
    }
}

void weir_call_end(uint64_t ticket)
{
    uint32_t *slot = &call__slot[ticket >> 32], idle = (uint32_t)ticket - CALL_BUSY + CALL_ONE;
    if (swap_32(slot, idle) & CALL_WAITED)                      /* call.R1 -> call.A1: what the call did */
        os_wake(slot, UINT_MAX);
}

int weir_call_wait(uint64_t ticket, int64_t deadline)
{
    uint32_t *slot = &call__slot[ticket >> 32], busy = (uint32_t)ticket;
    uint32_t seen = load_acquire_32(slot);                      /* call.A1 <- call.R1 */
    for (int late = 0; (seen & ~(uint32_t)CALL_WAITED) == busy; seen = load_acquire_32(slot)) {     /* call.A1 <- call.R1 */
        if (late || deadline <= os_now())
            return -ETIMEDOUT;
        if ((seen & CALL_WAITED) || cas_32(slot, &seen, busy | CALL_WAITED))    /* call.W1 -> call.R1: that somebody sleeps */
            late = os_wait(slot, busy | CALL_WAITED, deadline);
    }
    return 0;
}
