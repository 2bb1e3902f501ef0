/* src/panic.h - how the library says that a call failed, and how it stops on a bug of the caller. */
#ifndef WEIR_PANIC_H
#define WEIR_PANIC_H

#include <stddef.h>
#include <stdint.h>
#include <weir/error.h>
#include <weir/inline/error.h>

#define error_set weir_error_set_1

_Noreturn void weir_panic(const char *format, ...) WEIR_PRINTF(1, 2);

/* misuse.c: how a bug of the caller's is told. misuse_file: a path's last part. misuse_where: a return address as module and offset. misuse_panic: of an object of a track (NULL: not
 * watched; TRACK_NONE: none that could be). misuse_unless_op: its pool, if it is an op. */
struct track;
struct weir_op;
struct weir_pool;
const char *misuse_file(const char *path);
void misuse_where(char *text, size_t size, const void *site);
_Noreturn void misuse_panic(struct track *t, uint32_t object, const void *site, const char *next, const char *what);
struct weir_pool *misuse_unless_op(const struct weir_op *op, const void *site);
_Noreturn void op_panic_at(const struct weir_op *op, const void *site, const char *next, const char *format, ...) WEIR_PRINTF(4, 5);

/* Around a fork: no other thread is in the middle of reading or setting the hook. */
void panic_hold(void);
void panic_let_go(void);

#endif
