/* weir/ref.h - references: of ops that are handed on, and a count to embed in any object.
 *
 * Get gives an op one reference. Who passes the op to another owner counts up first; each owner gives back by unref, and the
 * last returns the op to its pool. An op that was only ever held once goes back with a load and a store, no read-modify-write:
 * "0 to 1 and back" costs no atomic. That shortcut is right while nobody can find the op without holding it; an op that others
 * look up by handle is *published* first.
 *
 * A count that would pass 2^30 saturates: it is reported once (a panic), never frees, and stays so.
 */
#ifndef WEIR_REF_H
#define WEIR_REF_H

#include "op.h"

#ifdef __cplusplus
extern "C" {
#endif

/* weir_op_ref - one more reference, by who holds one.
 *
 * threads   any that holds a reference; progress: wait-free
 * errors    panic: the op is free, or the count would pass 2^30
 */
WEIR_API void weir_op_ref(struct weir_op *op);

/* weir_op_unref - one reference less; the last returns the op to its pool.
 *
 * owns      before: one reference is the caller's; after: not
 * threads   any; progress: wait-free, and put's when it was the last
 * errors    panic: the op is free already, or the last reference while it is submitted. NULL: false
 * returns   true: it went back to its pool
 */
WEIR_API bool weir_op_unref(struct weir_op *op);

/* weir_op_refs - how many references there are now: 0 for a free op. For reports and assertions; stale when it returns. */
WEIR_API uint32_t weir_op_refs(const struct weir_op *op);

/* weir_op_publish - from now on look-ups may find the op: weir_op_ref_handle and weir_op_ref_unless_zero work on it, weir_op_put is
 * forbidden, and unref always uses a read-modify-write. Ends when it is given back. Twice is the same as once.
 *
 * threads   the sole owner; progress: wait-free; errors: panic: the op is free
 */
WEIR_API void weir_op_publish(struct weir_op *op);

/* weir_op_ref_handle - the op of a handle, with one reference more, if it has not been given back since.
 *
 * owns      after: one reference is the caller's
 * threads   any, whether or not it holds anything; progress: lock-free
 * returns   NULL: given back since, never published, or not a handle of this pool
 */
WEIR_API struct weir_op *weir_op_ref_handle(struct weir_pool *pool, uint64_t handle);

/* weir_op_ref_unless_zero - one reference more if the op is published and held, by who has found its address in a structure that
 * is cleared before the last unref's owner lets go. false: it is free or not published. */
WEIR_API bool weir_op_ref_unless_zero(struct weir_op *op);

/* struct weir_ref - the same count for any object: a connection, a session. Embed it; the words are the library's. */
struct weir_ref {
    uint64_t word[2];
};

/* weir_domain_create - a domain: the objects of one kind whose counts the debug layer may follow, as a pool's ops.
 *
 * owns      after: the caller owns *out until weir_domain_close; name is copied, [A-Za-z0-9._-]{1,63}
 * threads   any; progress: maps memory, takes a lock that no count ever takes
 * max_objects  the most that are followed at once, 1 to 2^26; others count as if they were in no domain
 * debug     as weir_pool_config.debug (track.h has the grammar). When nothing is asked for, a domain costs nothing
 * errors    -EINVAL, -ENOMEM, -ENOSPC: the debug segment's file system is full; -ENOTSUP: a library without the debug layer
 */
struct weir_domain;
WEIR_API int weir_domain_create(struct weir_domain **out, const char *name, uint32_t max_objects, const char *debug);

/* weir_domain_close - end a domain. No other thread is in a call on one of its objects.
 *
 * errors    -EBUSY: objects that are followed are still referenced; nothing changes, and it is reported who has them, if that was asked for
 */
WEIR_API int weir_domain_close(struct weir_domain *domain);

/* weir_ref_init - count 1. domain NULL: never followed. object is what reports name.
 *
 * threads   the owner, before anybody else sees the object
 */
WEIR_API void weir_ref_init(struct weir_ref *ref, struct weir_domain *domain, const void *object);

/* weir_ref_get, weir_ref_put - count up by who holds a reference; count down. put's true: that was the last, the object is
 * the caller's to destroy, and everything that other holders did to it is visible.
 *
 * threads   any; progress: wait-free; errors: panic on a count that is 0, or would pass 2^30
 */
WEIR_API void weir_ref_get(struct weir_ref *ref);
WEIR_API bool weir_ref_put(struct weir_ref *ref);

/* weir_ref_get_unless_zero - count up unless the last reference is gone. The memory must still be the object's. Lock-free. */
WEIR_API bool weir_ref_get_unless_zero(struct weir_ref *ref);
WEIR_API uint32_t weir_ref_count(const struct weir_ref *ref);

#ifdef __cplusplus
}
#endif

#ifndef WEIR_NO_INLINE
#include "inline/ref.h"
#endif
#endif
