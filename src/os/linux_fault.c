/* src/os/linux_fault.c - a look at faults before whoever handles them.
 *
 * One handler for SIGSEGV and SIGBUS, for good. The handlers that were there before come after it, with the same arguments; where there was none, the
 * system's default is put back and the instruction runs again, so that it dies there, as it would have without us.
 *
 * threads   os_on_fault: any, under a lock. The handler: any thread; it reads what was written before it was installed
 */
#include "os.h"
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>

static void (*fault__fn)(const void *address, const void *code);
static struct sigaction fault__before[2];       /* of SIGSEGV, SIGBUS */
static struct os_lock fault__lock;           /* of those that install */

static const void *fault__code(const void *context)
{
    const ucontext_t *c = context;
#if defined(__x86_64__) && defined(REG_RIP)
    return (const void *)c->uc_mcontext.gregs[REG_RIP];
#elif defined(__x86_64__)
    return (const void *)c->uc_mcontext.gregs[16];
#elif defined(__aarch64__)
    return (const void *)(uintptr_t)c->uc_mcontext.pc;
#else
    (void)c;
    return NULL;
#endif
}

static void fault__pass_on(int sig, siginfo_t *info, void *context)
{
    const struct sigaction *before = &fault__before[sig == SIGBUS];
    if (before->sa_flags & SA_SIGINFO)
        before->sa_sigaction(sig, info, context);
    else if (before->sa_handler != SIG_DFL && before->sa_handler != SIG_IGN)
        before->sa_handler(sig);
    else {
        (void)sigaction(sig, before, NULL);
        if (info->si_code <= 0)                                 /* sent by somebody: no instruction would fault again */
            (void)raise(sig);
    }
}

static void fault__handle(int sig, siginfo_t *info, void *context)
{
    int saved = errno;
    if (info->si_code > 0)
        fault__fn(info->si_addr, fault__code(context));
    errno = saved;
    fault__pass_on(sig, info, context);
}

/* Unless ours is there, or somebody's who came later: that one may pass on to ours, and ours before it would never end. */
static void fault__install(int sig, bool first)
{
    struct sigaction ours, now;
    memset(&ours, 0, sizeof ours);
    ours.sa_sigaction = fault__handle;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    (void)sigemptyset(&ours.sa_mask);
    (void)sigaction(sig, NULL, &now);
    if (!first && ((now.sa_flags & SA_SIGINFO) || now.sa_handler != SIG_DFL))
        return;
    fault__before[sig == SIGBUS] = now;                         /* before ours can run */
    (void)sigaction(sig, &ours, NULL);
}

void os_on_fault(void (*fn)(const void *address, const void *code))
{
    int saved = errno;
    bool first;
    os_lock(&fault__lock);
    first = !fault__fn;
    fault__fn = fn;
    fault__install(SIGSEGV, first);
    fault__install(SIGBUS, first);
    os_unlock(&fault__lock);
    errno = saved;
}
