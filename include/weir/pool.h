/* weir/pool.h - a bounded pool of ops of one shape.
 *
 * A pool is `capacity` ops, each an OVERLAPPED header with an optional buffer and user area. Address space for all of them is
 * reserved at creation; memory is committed in steps as it is needed and given back by weir_pool_trim. Each thread that uses
 * the pool has a cache (cache.h); between the caches stands the depot, the lock-free global free list of magazines.
 *
 *     live (held by callers) + cached (in caches) + free (in the depot) = capacity      exact when the pool is quiet
 *
 * The bound is reached: before a get answers NULL it has looked in its cache, the depot, memory not committed yet, and the
 * caches of all other threads, whether those threads run, sleep or are stopped in the middle of a call.
 *
 * The pool is of use to any loop: nothing in it needs weir's own port.
 */
#ifndef WEIR_POOL_H
#define WEIR_POOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weir_pool;

enum {
    WEIR_POOL_SHARED = 1,       /* other processes may open it by its name: see weir_pool_open */
    WEIR_POOL_HUGEPAGES = 2,    /* ask for huge pages; where there are none, ordinary pages serve */
    WEIR_POOL_NUMA = 4          /* place all memory on `numa_node`; a node that is absent is an error */
};

/* Every zero is a stated default: `struct weir_pool_config c = { .capacity = 1000, .buffer_size = 4096 };` is complete. */
struct weir_pool_config {
    const char *name;           /* [A-Za-z0-9._-]{1,63}, unique in the process; NULL: "pool-N". A shared pool's: unique on the machine, not NULL */
    uint32_t capacity;          /* the most ops there will ever be, 1 to 2^28 */
    uint32_t initial;           /* ops committed at creation, the rest on demand; at most capacity */
    uint32_t cache;             /* most ops a thread keeps, 1 to 1,024; 0: a sixteenth of the capacity, 2 to 256. A share: a
                                   thread never keeps more than half the capacity, whatever is asked */
    uint32_t max_threads;       /* of all processes that use a shared pool at one time, 1 to 4,095; 0: 1,024 */
    size_t buffer_size;         /* bytes of each buffer; 0: ops have none */
    size_t buffer_align;        /* a power of two up to the page size; 0: 64 */
    size_t user_size;           /* bytes behind weir_op_user, at most 65,536 */
    int numa_node;              /* with WEIR_POOL_NUMA */
    unsigned flags;             /* WEIR_POOL_* */
    unsigned mode;              /* permission bits of a shared pool's segment; 0: 0600 */
    const char *debug;          /* what is asked of the debug layer: weir/track.h lists the words. NULL: WEIR_DEBUG of the environment, then the
                                   library's default; "": nothing */
};

/* weir_pool_create - make a pool.
 *
 * owns      after: the caller owns *out until weir_pool_close. The config and its strings are copied
 * threads   any, concurrently
 * progress  maps memory, takes a lock that get and put never take
 * errors    -EINVAL: a value out of its range; -EEXIST: the name is taken; -ENOMEM: address space or memory for `initial`;
 *           -ENODEV: no such NUMA node; -ENOTSUP: `debug` in a library without the layer, or WEIR_POOL_SHARED with WEIR_POOL_NUMA;
 *           -ENOSPC: 4,096 pools are open, or the file system of segments is too full for a shared pool's `initial`; a shared pool's:
 *           -EEXIST: a segment of that name is there, also one whose users are all dead (weir_pool_unlink); -EACCES; -EFBIG: RLIMIT_FSIZE.
 *           weir_error_message() names the value and what would be right. *out is not written, nothing is kept
 */
WEIR_API int weir_pool_create_1(struct weir_pool **out, const struct weir_pool_config *config, size_t size);
WEIR_API int weir_pool_create(struct weir_pool **out, const struct weir_pool_config *config);

/* weir_pool_open - open a pool that another process (or this one) created with WEIR_POOL_SHARED.
 *
 * All of a shared pool lies in one named segment, which each process maps where it likes. Its ops are the same in all: one process may take an op and
 * another one give it back. An op is named between processes by its handle (weir_op_handle, weir_op_ref_handle) or index (weir_op_index, weir_op_at); an
 * address, or a pointer stored in a buffer, means nothing elsewhere. What a user area or buffer holds is not cleared when it goes from one process to the other.
 *
 * Everything that works on a private pool works on a shared one, but for weir_pool_fd and weir_pool_low_water (-ENOTSUP: another process can neither make
 * a descriptor of this one readable nor call its function). A reclaimer is asked by the gets of its own process. The bound is reached between processes:
 * a get that finds nothing takes ops from the caches of other processes' threads, running, stopped or dead. weir_pool_trim gives back buffers, not headers.
 * weir_op_get_wait wakes by a put of any process, but in no order among the waiters.
 *
 * A process may be killed at any instruction: what it held, and what was in its hands, stays out of reach, and nothing is given out twice.
 *
 * The segment is trusted: who may write to it may give you any op. Only segments of one's own user or of root are opened.
 *
 * owns      after: the caller owns *out until weir_pool_close, which ends this process's use alone. Opening twice gives two pools that share ops
 * threads   any, concurrently; also while others use the pool
 * progress  maps memory, takes the lock of create
 * errors    -ENOENT: no such segment; -EACCES; -EINVAL: the name; -EAGAIN: its creator is still at work, or all max_threads are in use;
 *           WEIR_ECORRUPT: not a pool's, half made by a creator that died, of another version, truncated, or its geometry is wrong: the
 *           message says which. It is checked before it is mapped for writing. -ENOTSUP: it relies on membarrier, which this process may not call;
 *           -ENOSPC; -ENOMEM
 */
WEIR_API int weir_pool_open(struct weir_pool **out, const char *name);

/* weir_pool_unlink - take a shared pool's name away. Who has it open uses it on; its memory goes with the last of them.
 *
 * The only end of a segment: a close leaves it, and so does the death of all its processes. It also removes what is half made or broken.
 *
 * threads   any; progress a system call or two
 * errors    -ENOENT: no such segment; -EACCES; -EINVAL
 */
WEIR_API int weir_pool_unlink(const char *name);

/* weir_pool_close - end a pool and free its memory. A shared one: end this process's use of it; the segment stays until weir_pool_unlink.
 *
 * owns      before: the caller, with no op live and no thread in a call on this pool; after: nobody. On an error nothing changes. Of a shared
 *           pool, only ops that threads of this process took count as live here, wherever they are now
 * threads   one, when no other thread uses the pool; their caches need no flush before
 * progress  unmaps memory, takes the lock of create. Returns once no exiting thread is still handing its cache back
 * errors    -EBUSY: ops are live (the message says how many and names the first), the pool works on; -EINVAL: NULL
 */
WEIR_API int weir_pool_close(struct weir_pool *pool);

/* weir_pool_check - prove the equation: walk every op of a quiet pool and find it in exactly one place.
 *
 * threads   one, while no other thread is in a call on this pool
 * progress  O(capacity), allocates a bit per op
 * errors    WEIR_ECORRUPT with a message that names the op and both places, or the place it is missing from; -ENOMEM
 */
WEIR_API int weir_pool_check(struct weir_pool *pool);

/* weir_pool_trim - give the memory of free ops back to the system.
 *
 * Everything that is in the depot goes: buffers, and header pages on which no op is in use. Caches of other threads are
 * emptied into the depot first. Addresses stay; the next get commits again.
 *
 * threads   any, concurrently; a get that meets an emptied depot while trim holds it waits for nothing: it may commit afresh,
 *           and may answer NULL only if all ops are live or in trim's hands
 * progress  O(capacity) system calls at most
 * returns   bytes given back; 0 while weir_pool_iovecs is in force
 */
WEIR_API size_t weir_pool_trim(struct weir_pool *pool);

/* weir_thread_flush - hand this thread's cache back to the depot, for a thread that will be idle for long.
 *
 * threads   any; concerns the calling thread's cache only
 * progress  lock-free
 */
WEIR_API void weir_thread_flush(struct weir_pool *pool);

/* weir_pool_fd - a descriptor (Windows: an event) for event loops: readable from the moment an op is given back after a get
 * had answered NULL, until a get answers NULL again. Level-triggered; never read from it. It stays readable while there are ops: watch it
 * only while something waits for one. On Windows: (HANDLE)(intptr_t)weir_pool_fd(pool). A forked child calls weir_pool_fd anew.
 *
 * owns      the pool; it is closed with the pool. The same descriptor every time
 * threads   any
 * errors    a negative errno of the system; -ENOTSUP: a shared pool
 */
WEIR_API int weir_pool_fd(struct weir_pool *pool);

/* weir_pool_low_water - be called when fewer than `ops` ops are left to take (capacity - live falls below `ops`).
 *
 * fn runs once on the thread whose get went below, inside that get, and again only after the level has been at or above `ops`;
 * it may put and get ops. With threads at work the level is known to within the ops that are in their hands.
 *
 * threads   any; one callback a pool, a later call replaces it, ops 0 or fn NULL removes it
 * errors    -EINVAL: ops is over the capacity; -ENOTSUP: a shared pool
 */
WEIR_API int weir_pool_low_water(struct weir_pool *pool, uint32_t ops, void (*fn)(struct weir_pool *, void *), void *arg);

/* weir_pool_reclaimer - for who keeps ops at hand that nobody uses (a stream's own ops): be asked for them.
 *
 * Before a get answers NULL, fn is called on its thread and may put ops; it answers how many it gave back. The caller of
 * the get may hold any locks: fn must not wait for one that a caller of get could hold.
 *
 * owns      nothing; remove it with weir_pool_reclaimer_remove before arg ends: remove returns once no call of fn runs
 * threads   any; add and remove take a lock, a get does not wait for it
 * errors    -ENOSPC: 64 are there already; -EINVAL: NULL
 */
WEIR_API int weir_pool_reclaimer(struct weir_pool *pool, unsigned (*fn)(struct weir_pool *, void *), void *arg);
WEIR_API void weir_pool_reclaimer_remove(struct weir_pool *pool, unsigned (*fn)(struct weir_pool *, void *), void *arg);

/* weir_pool_wanted - does somebody sleep for an op: a waiter, or a loop that was told NULL and watches the descriptor? Who keeps ops at hand, as for a reclaimer,
 * asks after it has put one aside, and gives it back instead: nobody asks the reclaimers again for who sleeps already.
 *
 * threads   any; progress wait-free; NULL: false
 */
WEIR_API bool weir_pool_wanted(const struct weir_pool *pool);

/* weir_pool_owns - does this address lie in one of the pool's ops: its header, OVERLAPPED, user area or buffer?
 *
 * threads   any; progress wait-free; a NULL pool or address: false
 */
WEIR_API bool weir_pool_owns(const struct weir_pool *pool, const void *inside);

/* weir_pool_iovecs - the buffers as the few ranges (each at most 1 GiB) that registered I/O wants.
 *
 * Commits all memory, and until weir_pool_iovecs_release trim gives nothing back: a range that was trimmed after registration
 * would still be read into, and the buffer stay empty.
 *
 * owns      out is the caller's, room for n; ranges are the pool's. Calls count: each needs its release
 * errors    -EINVAL: the pool has no buffers; -ENOMEM; -ENOTSUP: a pool with guard=page (track.h), whose free buffers can't be accessed
 * returns   how many ranges there are, also when n is smaller (then only n are written)
 */
struct weir_iovec {
    void *base;
    size_t bytes;
};
WEIR_API int weir_pool_iovecs(struct weir_pool *pool, struct weir_iovec *out, unsigned n);
WEIR_API void weir_pool_iovecs_release(struct weir_pool *pool);

/* weir_pool_each - call fn for every pool of this process until it answers non-zero, which is then the result, else 0.
 *
 * threads   any; holds the lock of create and close meanwhile: fn may use pools, but not create or close any, and not fork
 */
WEIR_API int weir_pool_each(int (*fn)(struct weir_pool *, void *), void *arg);

/* weir_pool_name - the name it was created with, or that was generated. The pool's, until it is closed. */
WEIR_API const char *weir_pool_name(const struct weir_pool *pool);

#ifndef WEIR_NO_INLINE
WEIR_INLINE int weir_pool_create(struct weir_pool **out, const struct weir_pool_config *config)
{
    return weir_pool_create_1(out, config, sizeof *config);
}
#endif

#ifdef __cplusplus
}
#endif
#endif
