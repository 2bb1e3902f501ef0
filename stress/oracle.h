/* oracle.h - what each op of a pool must look like, kept outside of the pool.
 *
 * Purpose    catch an op that is given twice, lost, torn, mixed up with another or changed in somebody's hands.
 * How        beside the pool stands a table with one entry an op: who holds it, how often it has been taken, its last handle. In the op
 *            itself (OVERLAPPED, user area, three words of the buffer) stands a pattern made from index and sequence.
 * Threads    the holder's word is changed by relaxed compare-and-swap; all else is plain memory. So the oracle orders nothing:
 *            if the pool does not order one holder's writes before the next one's reads, ThreadSanitizer says so.
 * Goes wrong stress_fail: the first violation ends the program.
 */
#ifndef WEIR_STRESS_ORACLE_H
#define WEIR_STRESS_ORACLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct weir_op;
struct weir_pool;
struct weir_pool_config;
struct oracle_entry;

struct oracle {
    struct weir_pool *pool;
    struct oracle_entry *entry;
    uint64_t key;               /* of this pool's patterns */
    uint32_t capacity;
    size_t user, buffer;        /* bytes that there are for patterns */
    bool forgets;               /* the pool is trimmed: what nobody holds may read as zero */
};

enum { ORACLE_USER_BYTES = 32 };            /* user_size below this: no pattern there */

void oracle_open(struct oracle *o, struct weir_pool *pool, const struct weir_pool_config *config, uint64_t key);
void oracle_close(struct oracle *o);

/* who is any number from 1 on.
 * oracle_take     the pool gave the op to who: nobody holds it, it is as its last holder left it, its OVERLAPPED is zero
 * oracle_look     who still holds it, and nobody has changed it
 * oracle_give     who is about to put it
 * oracle_send     who is about to hand it to another thread; oracle_receive: that thread has got it
 * oracle_read     who has a reference to an op on its way: it is as it was sent
 * oracle_drop     whoever held it or was to receive it has let go: nobody holds it. For ops that several refer to */
void oracle_take(struct oracle *o, unsigned who, struct weir_op *op);
void oracle_look(struct oracle *o, unsigned who, struct weir_op *op);
void oracle_give(struct oracle *o, unsigned who, struct weir_op *op);
void oracle_send(struct oracle *o, unsigned who, struct weir_op *op);
void oracle_receive(struct oracle *o, unsigned who, struct weir_op *op);
void oracle_read(struct oracle *o, struct weir_op *op);
void oracle_drop(struct oracle *o, uint32_t index);

/* Who holds it now: 0 nobody, ORACLE_ON_ITS_WAY between a send and its receive. */
enum { ORACLE_ON_ITS_WAY = -1 };
int oracle_holder(struct oracle *o, const struct weir_op *op);

/* For a quiet pool: nobody holds anything. */
void oracle_all_free(struct oracle *o);

#endif
