/* weir/inline/error.h - how weir's second library says what went wrong. Not an interface for programs. */
#ifndef WEIR_INLINE_ERROR_H
#define WEIR_INLINE_ERROR_H

#include "export.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Keeps the message for weir_error_message() on this thread, cut at 255 bytes, and answers `error`. */
WEIR_API int weir_error_set_1(int error, const char *format, ...) WEIR_PRINTF(2, 3);

#ifdef __cplusplus
}
#endif
#endif
