/* weir/error.h - what goes wrong, and how it is said.
 *
 * A function that can fail answers 0 or a negative errno (`-EINVAL`, `-ENOMEM`, ...) or one of weir's own codes below every
 * errno, and leaves `errno` as it was. Which value was wrong and what would be right is in weir_error_message(). A bug of
 * the caller (a double put, a pointer that is no op) is not an error to handle: it goes to the panic hook.
 */
#ifndef WEIR_ERROR_H
#define WEIR_ERROR_H

#include <errno.h>
#include "inline/export.h"

#ifndef ESHUTDOWN
#define ESHUTDOWN 10058                     /* mingw-w64's errno.h has none; Winsock's number */
#endif

#ifdef __cplusplus
extern "C" {
#endif

enum { WEIR_ECORRUPT = -4097 };             /* the pool's equation does not hold, or a segment is not what it says */

/* weir_strerror - a short English text for an error that weir returned.
 *
 * owns      the text is static
 * threads   any, concurrently
 * progress  wait-free
 * errors    an unknown number gives "unknown error"
 */
WEIR_API const char *weir_strerror(int error);

/* weir_error_message - the whole story of the last call on this thread that answered an error: which value it was given
 * and what would be right.
 *
 * owns      the text lives until this thread's next failing call
 * threads   any; each thread has its own
 * progress  wait-free
 * errors    "" when nothing has failed on this thread yet
 */
WEIR_API const char *weir_error_message(void);

/* weir_set_panic - replace what happens when a bug of the caller is found.
 *
 * The hook must not return: it may abort, exit, throw, or longjmp out of the call that found the bug. In the last two cases
 * nothing was changed by that call. The default writes the message to standard error and calls abort().
 *
 * threads   any; the newest hook counts
 * progress  takes a lock that panics take for a look
 * errors    fn NULL: the default again. A hook that returns is followed by abort().
 */
typedef void (*weir_panic_fn)(const char *message, void *arg);
WEIR_API void weir_set_panic(weir_panic_fn fn, void *arg);

#ifdef __cplusplus
}
#endif
#endif
