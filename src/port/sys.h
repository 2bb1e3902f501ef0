/* src/port/sys.h - what the port asks of the system beside its sockets: a lock, a clock, and one pointer a thread.
 *
 * The port is a library of its own and can't see src/os. A lock here is held for a few dozen instructions, or for one
 * non-blocking system call on the stream that it guards; never while a caller's function runs. Nothing here can fail
 * unless it says so, all may be called by any thread, and errno stays as it was.
 */
#ifndef WEIR_PORT_SYS_H
#define WEIR_PORT_SYS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef _WIN32
struct sys_lock {
    void *word;                 /* an SRWLOCK */
};
#else
#include <pthread.h>
struct sys_lock {
    pthread_mutex_t mutex;
};
#endif
void sys_lock_init(struct sys_lock *lock);
void sys_lock_end(struct sys_lock *lock);
void sys_lock(struct sys_lock *lock);
void sys_unlock(struct sys_lock *lock);

int64_t sys_now(void);                          /* monotonic, nanoseconds */
unsigned sys_cores(void);                       /* that this process may run on, at least 1 */

/* One pointer a thread. fn runs at the exit of each thread whose pointer is not NULL, with it. sys_thread_set answers
 * false when the pointer can't be kept (no memory, or the thread is past its exit's functions). sys_thread_open comes
 * before the others, and may come again with the same fn: 0 or a negative errno. */
int sys_thread_open(void (*fn)(void *));
void *sys_thread_value(void);
bool sys_thread_set(void *value);

#endif
