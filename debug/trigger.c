/* debug/trigger.c - when reports are written: at a close that is refused, at the process's exit, on a signal. Where to: trigger_write.c.
 *
 * At exit. The handler is registered as early as there is code that runs, so it runs after the program's own handlers: what those give back is no leak.
 * A forked child answers for what was taken after the fork, and of a shared pool for what it holds itself. Threads that still
 * run hold what they hold: it is reported. At last the holders of this process are said to have ended, so that nobody takes them for killed.
 *
 * On a signal. The handler sets a bit and wakes a thread that only waits and reports, with all signals blocked. It is started when a first watch asks for a
 * signal, and again in each forked child.
 *
 *     may run at once     all of them: one report at a time, under trigger_lock, and no watch is closed while the list is gone over (watch_lock)
 *     order of locks      trigger_lock, watch_lock
 *     progress            writes files; no get or put waits for it, a create or close of a pool may
 */
#include <string.h>
#include "../src/atomic.h"
#include "holder.h"
#include "trigger_private.h"

static struct os_lock trigger_lock;
static uint32_t trigger__pending;       /* signals that came: a bit each */
static uint32_t trigger__handled;       /* signals that have a handler; under trigger_lock */
static bool trigger__thread_runs;       /* under trigger_lock */
static int64_t trigger__forked_at;      /* os_now; 0: this process is nobody's fork */

/* -- a close that is refused ------------------------------------------------------------------------------------------------------ */

void trigger_busy(struct watch *w)
{
    struct trigger t = { .when = WHEN_REFUSED, .only = w };
    if (!w->spec.report)
        return;
    os_lock(&trigger_lock);
    trigger_write_one(&t, w);
    os_unlock(&trigger_lock);
}

/* -- exit ------------------------------------------------------------------------------------------------------------------------- */

/* Other processes of a shared pool may give an entry that has ended to another thread, so there only the one who surely does nothing more says so. */
static void trigger__ended(struct watch *w)
{
    struct os_process self;
    int64_t tid = os_thread_id();
    if (os_process_self(&self))
        return;
    for (uint32_t i = 1; i < w->head->holders; i++) {
        struct debug_holder *h = &w->holders[i];
        if (load_acquire_32(&h->state) == DEBUG_READY && h->process.pid == self.pid && h->process.start == self.start &&    /* token.A2 <- token.R1 */
            (h->tid == tid || !(w->head->flags & DEBUG_SHARED)))
            holder_exit(w, h);
    }
}

static void trigger__exit(int status)
{
    struct trigger t = { .when = WHEN_EXIT, .forked_at = trigger__forked_at };
    int answer;
    os_lock(&trigger_lock);
    os_lock(&watch_lock);
    trigger_write_all(&t);
    answer = trigger_status(&t);
    for (struct watch *w = watch_first(); w; w = w->next)
        trigger__ended(w);
    os_unlock(&watch_lock);
    os_unlock(&trigger_lock);
    if (answer && status <= 0)
        os_exit_with(answer);
}

__attribute__((constructor(101))) static void trigger__register(void)
{
    (void)os_at_exit(trigger__exit);
}

/* -- signals ---------------------------------------------------------------------------------------------------------------------- */

static void trigger__signalled(int number)
{
    (void)or_32(&trigger__pending, UINT32_C(1) << number);      /* trigger.S1 -> trigger.S1: that it came */
    os_wake(&trigger__pending, 1);
}

static void trigger__thread(void *unused)
{
    (void)unused;
    for (;;) {
        struct trigger t = { .when = WHEN_SIGNAL, .forked_at = trigger__forked_at };
        t.signals = swap_32(&trigger__pending, 0);              /* trigger.S1 */
        if (!t.signals) {
            (void)os_wait(&trigger__pending, 0, INT64_MAX);
            continue;
        }
        os_lock(&trigger_lock);
        os_lock(&watch_lock);
        trigger_write_all(&t);
        os_unlock(&watch_lock);
        os_unlock(&trigger_lock);
    }
}

static void trigger__start_thread(void)
{
    int error = trigger__thread_runs ? 0 : os_thread_run(trigger__thread, NULL);
    trigger__thread_runs = !error;
    if (error)
        trigger_complain("a signal", "no thread for it", error);
}

void trigger_start(struct watch *w)
{
    uint32_t bit = UINT32_C(1) << w->spec.signal;
    int error;
    if (!w->spec.signal)
        return;
    os_lock(&trigger_lock);
    trigger__start_thread();
    error = trigger__handled & bit ? 0 : os_on_signal(w->spec.signal, trigger__signalled);
    trigger__handled |= bit;
    os_unlock(&trigger_lock);
    if (error)
        trigger_complain("a signal", "it can't be handled", error);
}

/* The parent's thread isn't here. */
void trigger_forked(void)
{
    bool ran = trigger__thread_runs;
    memset(&trigger_lock, 0, sizeof trigger_lock);
    trigger__forked_at = os_now();
    trigger__thread_runs = false;
    if (ran)
        trigger__start_thread();
}

