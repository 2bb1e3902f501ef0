/* src/os/os.h - all that weir asks of the system. The files beside it are the only other ones of the core that know one.
 *
 * Every function answers 0 or a negative errno unless said otherwise and leaves errno as it was. All may be called by any
 * thread at any time.
 */
#ifndef WEIR_OS_H
#define WEIR_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* -- memory ---------------------------------------------------------------------------------------------------------------
 * A range is reserved once (address space alone, no access), committed piece by piece, decommitted, and released whole.
 * All addresses and sizes below are multiples of os_page_size(). */
size_t os_page_size(void);
size_t os_huge_page_size(void);                                 /* 0: the system has none */
int os_reserve(void **out, size_t bytes, size_t align);         /* align: power of two, at least a page. -ENOMEM */
int os_commit(void *base, size_t bytes);                        /* readable, writable, zero if fresh; idempotent: what is already
                                                                   committed keeps its contents, also if others use it now */
int os_decommit(void *base, size_t bytes);                      /* gives the memory back; needs os_commit again before use */
int os_discard(void *base, size_t bytes);                       /* gives the memory back, stays accessible, reads zero or old */
void os_release(void *base, size_t bytes);
int os_advise_huge(void *base, size_t bytes);                   /* a wish: -ENOTSUP where it means nothing */
bool os_node_exists(int node);
int os_bind_node(void *base, size_t bytes, int node);           /* before the first touch. -EINVAL: no such
                                                                   node; Windows with several nodes: -ENOTSUP */
int os_populate(void *base, size_t bytes);                      /* fault all pages in; all are committed */

/* Zeroed memory in pages of its own, NULL: none. The library's own needs: malloc may be one that a forked child can't call (its lock
 * was held by a thread that the child doesn't have), or one that is itself built on a pool. bytes: any, the same for both. */
void *os_pages(size_t bytes);
void os_pages_free(void *pages, size_t bytes);                  /* NULL: nothing */

/* Injected failures, for tests alone: os_commit answers -ENOMEM, and os_segment_allocate -ENOSPC, once `after` more calls have succeeded; -1: never (the
 * default). */
void os_fail_commit_after(long after);

/* -- the process-wide barrier ---------------------------------------------------------------------------------------------
 * os_barrier: every other running thread of this process passes a full barrier between the call and its return. Where the
 * system has none that works (seccomp, Wine, WEIR_NO_BARRIER set in the environment) os_barrier_works() is false for good. */
bool os_barrier_works(void);
void os_barrier(void);

/* The same for the threads of all processes that have asked os_barrier_shared_works, which registers the caller (a forked child asks anew). Windows has
 * none. */
bool os_barrier_shared_works(void);
void os_barrier_shared(void);

/* -- threads --------------------------------------------------------------------------------------------------------------
 * One pointer a thread. fn runs at the exit of each thread whose pointer is not NULL, with that pointer, once, on that thread
 * (never for a deleted fibre of a living thread). After fn has begun, os_thread_dying() is true there, os_thread_value() is NULL
 * and os_thread_set answers -ECANCELED. fn must not wait for another thread's start or exit (Windows runs it in the loader). */
void os_thread_on_exit(void (*fn)(void *));                     /* once, before any os_thread_set */
void *os_thread_value(void);
int os_thread_set(void *value);
bool os_thread_dying(void);
unsigned os_thread_number(void);                                /* the same for a thread's whole life, for spreading threads over places */
void os_yield(void);
unsigned os_cpus(void);                                         /* that this process may run on, at least 1 */
int64_t os_pid(void);

/* Runs in the child of every fork, before fork returns there. A system without fork never calls it. */
void os_on_fork(void (*before)(void), void (*parent)(void), void (*child)(void));

/* -- waiting --------------------------------------------------------------------------------------------------------------
 * os_wait sleeps while *word == expected, until woken, until the deadline on os_now's clock (INT64_MAX: none), or for no
 * reason. 0: look again; -ETIMEDOUT. No cancellation point. */
int os_wait(uint32_t *word, uint32_t expected, int64_t deadline);
void os_wake(uint32_t *word, unsigned n);
int os_wait_shared(uint32_t *word, uint32_t expected, int64_t deadline);       /* between processes: word lies in a segment. Windows has no such */
void os_wake_shared(uint32_t *word, unsigned n);                /* wait there: it naps, and looks again; os_wake_shared does nothing */
int64_t os_now(void);                                           /* monotonic, nanoseconds */
int64_t os_now_real(void);                                      /* nanoseconds since 1970 */
int64_t os_now_coarse(void);                                    /* the same clock, up to 20 ms behind, and cheaper */

struct os_lock {
    uint32_t word;              /* zero: free. A futex lock: for paths that may block */
};
void os_lock(struct os_lock *lock);
void os_unlock(struct os_lock *lock);

/* An event an event loop can watch: readable (signalled) after os_event_set until os_event_reset. The value is a descriptor, or a
 * HANDLE (which fits an int). Both calls are async-signal-safe and never block. */
int os_event_create(void);
void os_event_set(int event);
void os_event_reset(int event);
void os_event_close(int event);

/* -- the last resort ------------------------------------------------------------------------------------------------------ */
void os_write_error(const char *text);                          /* to standard error, unbuffered */
void os_pin_library(void);                                      /* a dlclose or FreeLibrary never unmaps the code */

/* -- segments ---------------------------------------------------------------------------------------------------------------
 * Named memory that several processes map, at any address, and that stays until it is unlinked, also when all of them are dead. `before`: so many
 * bytes of private address space (a multiple of the page size; os_commit makes them usable) lie directly in front of the mapping, in every process.
 * A name: 1 to 200 bytes, none of them a control character, / \ : * ? " < > or |, else -EINVAL. A segment's owner can change all of it, so only one's own
 * and the administrator's are opened (the administrator may read all). */
struct os_segment {
    void *base;                 /* of the mapping */
    size_t bytes, before;
    intptr_t file;              /* -1: private now, or closed */
    uint64_t identity[2];       /* of that file: a program that closes all descriptors may have given its number to another one */
};
int os_segment_create(struct os_segment *out, const char *name, size_t bytes, size_t before, unsigned mode);
                                                                /* zero; -EEXIST; -EACCES; -ENAMETOOLONG; -EFBIG: over RLIMIT_FSIZE */
int os_segment_open(struct os_segment *out, const char *name, size_t before, bool write);
                                                                /* -ENOENT; -EACCES; -EINVAL: not a plain file; -EAGAIN: it is
                                                                   being made, its size is 0 still. bytes: its size now */
int os_segment_allocate(const struct os_segment *s, size_t at, size_t bytes);  /* before first use, or a full file system would be a fault: -ENOSPC.
                                                                   Idempotent, contents stay */
int os_segment_punch(const struct os_segment *s, size_t at, size_t bytes);     /* the memory back; reads zero, and needs allocate again */
void os_segment_close(struct os_segment *s);
int os_segment_private_copy(struct os_segment *s);              /* in a forked child: the same contents at the same address, no longer shared */
int os_segment_unlink(const char *name);                        /* -ENOENT */
int os_segment_each(int (*fn)(const char *name, void *arg), void *arg);        /* the names there are, until fn answers non-zero */
int os_segment_path(const char *name, char *out, size_t size);  /* for messages: where it is; -ENAMETOOLONG */

/* -- who a process or thread is, and whether it is still there -------------------------------------------------------------------- */
struct os_process {
    uint64_t boot;              /* a digest of this boot of the machine; Windows: 1, since start is of all boots */
    uint64_t space;             /* the pid namespace in the low half, the time namespace in the high one; Windows: 0 */
    int64_t pid;
    uint64_t start;             /* when it started, in a unit of the system's; 0: not known */
};
enum os_life { OS_ALIVE, OS_ZOMBIE, OS_DEAD, OS_UNKNOWN };      /* UNKNOWN: can't be seen from here (another namespace, a hidden /proc). Never a guess */
int os_process_self(struct os_process *out);                    /* right after a fork, too. Negative: what could not be told is 0 */
enum os_life os_process_life(const struct os_process *process); /* a reused pid is DEAD */
int64_t os_thread_id(void);
uint64_t os_thread_start(void);                                 /* of the calling thread, as process.start */
void os_thread_name(char *out, size_t size);                    /* of the calling thread, as the system knows it; "": it has none */
enum os_life os_thread_life(const struct os_process *process, int64_t tid, uint64_t start);

/* -- what is in the process --------------------------------------------------------------------------------------------------- */
struct os_module {
    char path[256];
    uint64_t base;              /* offset in the module = address - base, as debug information counts */
    uint8_t build_id[20];
    unsigned id_bytes;          /* 0: it has none */
};
int os_module_of(const void *address, struct os_module *out);   /* -ENOENT */
void os_module_hold(void);                                      /* before a fork: nobody is within os_module_of, whose lock no child could open */
void os_module_let_go(void);                                    /* after it, on both sides */
unsigned os_stack(const void **out, unsigned n, const void *from);  /* return addresses, innermost first, beginning with `from` if it is among them.
                                                                   The first call may load a library; n 0: only that. 0: there is no way here */
const char *os_environment(const char *name);                   /* NULL: not set, or the program is privileged */
void os_keep_in_core(void);                                     /* segments are in a core file from now on, where the system lets us say so */
int os_protect(void *base, size_t bytes, bool accessible);      /* whole pages */

/* fn sees each fault of an access to memory first, on the thread that faults, in a signal handler: the address, and the instruction's (NULL: not known). Then
 * comes who handled faults before, or the system's default. For good; a call with the same fn puts it back if the program took it away. */
void os_on_fault(void (*fn)(const void *address, const void *code));

/* -- what reports need --------------------------------------------------------------------------------------------------------
 * A handler is the process's and stays; it may only do what a signal handler may. A thread of ours has all signals blocked and is never waited for. */
int os_signal_number(const char *name);                         /* of USR1, USR2, HUP or QUIT. -EINVAL: none of them; -ENOTSUP: no signals here */
int os_on_signal(int number, void (*fn)(int number));           /* instead of what was set; calls that it interrupts are begun again */
int os_thread_run(void (*fn)(void *), void *arg);             /* -EAGAIN */
int os_file_create(intptr_t *out, const char *path);            /* empty, readable by this user alone, not inherited by other programs */
int os_file_write(intptr_t file, const void *data, size_t bytes);   /* all of it, or an error */
void os_file_close(intptr_t file);
int os_file_map(const void **out, size_t *bytes, const char *path);         /* to read; -EINVAL: no plain file, or empty. Who cuts it meanwhile makes
                                                                   the next access a fault (os_on_fault) */
void os_file_unmap(const void *base, size_t bytes);             /* NULL: nothing */
int os_file_read(char **out, size_t *bytes, const char *path);  /* of at most 1 MiB, else -EFBIG: a zero byte behind it; os_pages_free(*out, *bytes + 1) */

int os_path_absolute(char *out, size_t size, const char *path); /* as it is named now, wherever the program goes: -ENAMETOOLONG */

/* fn runs once when the process exits by exit() or by main's return, as late as the system lets us; registered once. `status`: the exit status; -1: this
 * system doesn't tell. os_exit_with, from within fn alone: the exit goes on, with another status. */
int os_at_exit(void (*fn)(int status));
_Noreturn void os_exit_with(int status);

#endif
