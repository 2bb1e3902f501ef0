/* system.h - what weir-serve asks of the system beside weir: system_linux.c, system_windows.c. */
#ifndef SERVE_SYSTEM_H
#define SERVE_SYSTEM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <weir/stream.h>

/* First, before any thread: from now on an interrupt is only what system_stopped tells. */
void system_begin(void);

/* Wait so many milliseconds for the wish that the program ends (SIGINT, SIGTERM; Windows: Ctrl-C, Ctrl-Break, or the end of
 * standard input). true: it came; each time anew. */
bool system_stopped(int64_t milliseconds);

int64_t system_now(void);                       /* monotonic, milliseconds */
unsigned system_cores(void);
size_t system_descriptors(void);                /* that the process may have; raises the limit as far as it may */

/* A socket that listens on 127.0.0.1; *number 0: any free port, and then the one it is. -1: *error is the system's text. */
weir_handle system_listen(uint16_t *number, const char **error);
void system_close(weir_handle handle);
void system_no_delay(weir_handle handle);       /* what is sent goes out at once */
void system_end_output(weir_handle handle);     /* the peer is told that no more comes */

/* The peer's bytes that have arrived may still be received, after them comes the end (Windows: what is pending is cancelled). A send
 * in flight goes on. */
void system_end_input(struct weir_stream *stream, weir_handle handle);

#endif
