/* fault.c - a file that becomes shorter while it is mapped: the kernel answers the next touch of what is gone by SIGBUS.
 *
 * Purpose    whoever owns a segment may cut it at any time; a reader must answer by a refusal.
 * Threads    one. What fn had opened stays open, which a program that ends soon can bear.
 * Wrong      a SIGBUS elsewhere than in the mapping is a bug of this program, and ends it as it would have.
 */
#include "inspect.h"

#ifdef _WIN32
/* Windows does not let a file be cut that is mapped. */
bool fault_guard(const struct mapping *m, void (*fn)(void *arg), void *arg)
{
    (void)m;
    fn(arg);
    return true;
}
#else
#include <setjmp.h>
#include <signal.h>
#include <string.h>

static sigjmp_buf fault_back;
static const struct mapping *volatile fault_mapping;

static void fault__caught(int number, siginfo_t *info, void *context)
{
    const struct mapping *m = fault_mapping;
    uintptr_t at = (uintptr_t)info->si_addr;
    (void)context;
    if (m && at >= (uintptr_t)m->base && at - (uintptr_t)m->base < m->bytes)
        siglongjmp(fault_back, 1);
    signal(number, SIG_DFL);            /* the instruction is tried again, and the program ends */
}

bool fault_guard(const struct mapping *m, void (*fn)(void *arg), void *arg)
{
    struct sigaction action, before;
    volatile bool whole = false;
    memset(&action, 0, sizeof action);
    sigemptyset(&action.sa_mask);
    action.sa_sigaction = fault__caught;
    action.sa_flags = SA_SIGINFO;
    sigaction(SIGBUS, &action, &before);
    fault_mapping = m;
    if (!sigsetjmp(fault_back, 1)) {
        fn(arg);
        whole = true;
    }
    fault_mapping = NULL;
    sigaction(SIGBUS, &before, NULL);
    return whole;
}
#endif
