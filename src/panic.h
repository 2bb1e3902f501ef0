/* src/panic.h - how the library says that a call failed, and how it stops on a bug of the caller. */
#ifndef WEIR_PANIC_H
#define WEIR_PANIC_H

#include <weir/error.h>
#include <weir/inline/error.h>

#define error_set weir_error_set_1

_Noreturn void weir_panic(const char *format, ...) WEIR_PRINTF(1, 2);

/* Around a fork: no other thread is in the middle of reading or setting the hook. */
void panic_hold(void);
void panic_let_go(void);

#endif
