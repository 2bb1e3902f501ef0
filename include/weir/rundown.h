/* weir/rundown.h - "may it be freed yet?": the count of operations in progress on something that is to be closed.
 *
 * The term and the verbs are the NT kernel's. While the rundown is open, whoever starts an operation on the object acquires it,
 * and releases it at the operation's end. Close lets nobody in any more and does not wait: the last release calls `done`, exactly
 * once, and `done` may free the object with the rundown in it. Or somebody waits, and frees it then.
 *
 * Two forms. struct weir_rundown is one word that all threads share: for a connection, or anything that few threads hit at once.
 * weir_rundown_sharded counts on a cache line for each thread or so: for one object that every thread hits, a listener or a
 * configuration. It costs a line a shard, and a close visits them all.
 *
 * A rundown keeps an object alive for those who were let in. It does not keep it alive for those who are at the door: an
 * acquire, also one that is going to fail, needs the memory of the rundown. Who may come late must find the object by a way that
 * ends before `done` frees it (a table that is cleared before close, a reference).
 */
#ifndef WEIR_RUNDOWN_H
#define WEIR_RUNDOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "inline/export.h"

#ifdef __cplusplus
extern "C" {
#endif

struct weir_rundown {
    uint64_t word[2];           /* the library's; all zero is an open rundown, too */
};

/* weir_rundown_init - open, nobody in it.
 *
 * owns      the memory stays the caller's
 * threads   the owner, before anybody else sees it. Again only after it has run down
 */
WEIR_API void weir_rundown_init(struct weir_rundown *rundown);

/* weir_rundown_acquire - begin an operation on the object.
 *
 * owns      after true: the object stays until this operation's release, which may come on any thread
 * threads   any; progress: lock-free, one read-modify-write when nobody interferes
 * returns   false: closing has begun, and everything that its caller did before is visible. There is nothing to release
 * errors    panic: more than 2^30 in progress
 */
WEIR_API bool weir_rundown_acquire(struct weir_rundown *rundown);

/* weir_rundown_release - end an operation.
 *
 * owns      after: the rundown and its object are not to be touched any more by this operation
 * threads   any; progress: wait-free, and the last after close runs `done`
 * errors    panic: nothing was in progress
 */
WEIR_API void weir_rundown_release(struct weir_rundown *rundown);

/* weir_rundown_close - let nobody in any more; when the last operation has ended, call done(arg).
 *
 * done runs exactly once: on the thread of the last release, or here if nothing is in progress. Everything that the operations
 * did is visible to it. It may free the rundown unless somebody waits for it. It must return (no longjmp, no exception), and
 * must not wait for its own rundown. A program may use 4,095 different functions; their arguments are free. done NULL: none.
 *
 * owns      after: the rundown may be gone when close returns
 * threads   any, once; may itself hold an acquire
 * progress  lock-free; never fails, allocates nothing
 * errors    panic: closed twice
 */
WEIR_API void weir_rundown_close(struct weir_rundown *rundown, void (*done)(void *arg), void *arg);

/* weir_rundown_wait - wait until it was closed, has run down, and `done` has returned. timeout_ns: -1 for ever, 0 only looks.
 *
 * Who waits owns the memory: while anybody waits or is going to, `done` must not free the rundown. After a wait that answered 0
 * the library does not touch it again, and when all others who wait have returned it may be freed.
 *
 * threads   any number, before or after close; not who holds an acquire, and not `done` itself
 * progress  blocks
 * returns   0, or -ETIMEDOUT
 */
WEIR_API int weir_rundown_wait(struct weir_rundown *rundown, int64_t timeout_ns);

/* weir_rundown_sharded_create - a rundown whose count is spread over `shards` cache lines, rounded up to a power of two; 0: as
 * many as the process has cores. A thread keeps to one shard; an operation may end on another thread.
 *
 * owns      after: the caller owns *out until weir_rundown_sharded_destroy
 * threads   any; progress: allocates
 * errors    -EINVAL: out is NULL, or more than 4,096 shards; -ENOMEM. *out is not written
 */
struct weir_rundown_sharded;
WEIR_API int weir_rundown_sharded_create(struct weir_rundown_sharded **out, unsigned shards);

/* weir_rundown_sharded_destroy - free it. `done` may do so.
 *
 * owns      before: the caller, with nobody in it, waiting for it or going to acquire; after: nobody. On an error nothing changes
 * threads   one
 * errors    -EBUSY: an operation is in progress. NULL: 0
 */
WEIR_API int weir_rundown_sharded_destroy(struct weir_rundown_sharded *rundown);

/* As the one-word verbs of the same names, and as binding. Acquire and release are wait-free while it is open. A release too many,
 * and more than 2^30 in progress, are found when it is closed at the latest: a panic, and it never runs down. */
WEIR_API bool weir_rundown_sharded_acquire(struct weir_rundown_sharded *rundown);
WEIR_API void weir_rundown_sharded_release(struct weir_rundown_sharded *rundown);
WEIR_API void weir_rundown_sharded_close(struct weir_rundown_sharded *rundown, void (*done)(void *arg), void *arg);
WEIR_API int weir_rundown_sharded_wait(struct weir_rundown_sharded *rundown, int64_t timeout_ns);

#ifdef __cplusplus
}
#endif
#endif
