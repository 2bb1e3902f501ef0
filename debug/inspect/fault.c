/* fault.c - a file that becomes shorter while it is mapped: the system answers the next touch of what is gone by a fault.
 *
 * Purpose    whoever owns a segment may cut it at any time; a reader must answer by a refusal.
 * Threads    one. What fn had opened stays open, which a program that ends soon can bear.
 * Wrong      a fault elsewhere than in the mapping is a bug of this program, and ends it as it would have.
 */
#include "inspect.h"

#include "../../src/os/os.h"

#include <setjmp.h>

static jmp_buf fault_back;
static const struct mapping *volatile fault_mapping;

static void fault__caught(const void *address, const void *code)
{
    const struct mapping *m = fault_mapping;
    (void)code;
    if (m && (uintptr_t)address - (uintptr_t)m->base < m->bytes)
        longjmp(fault_back, 1);         /* the signal is not blocked in os_on_fault's handler: there is no mask to put back */
}

bool fault_guard(const struct mapping *m, void (*fn)(void *arg), void *arg)
{
    volatile bool whole = false;
    os_on_fault(fault__caught);
    fault_mapping = m;
    if (!setjmp(fault_back)) {
        fn(arg);
        whole = true;
    }
    fault_mapping = NULL;
    return whole;
}
