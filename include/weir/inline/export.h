/* weir/inline/export.h - how names leave the library, and how a function is inlined and exported at once.
 *
 * WEIR_INLINE functions are gnu_inline: the compiler may use the body and otherwise calls the library's own symbol, so no
 * copy is ever emitted into a user's program. With WEIR_NO_INLINE the bodies are not seen at all. Each body names an out of
 * line function that ends in the layout's version (`_1`): a program built for another layout does not link.
 */
#ifndef WEIR_INLINE_EXPORT_H
#define WEIR_INLINE_EXPORT_H

#ifndef WEIR_API
#define WEIR_API                /* the library's own build sets visibility here */
#endif

#ifndef WEIR_INLINE
#define WEIR_INLINE extern __inline__ __attribute__((__gnu_inline__))
#endif

/* Arguments as in C's printf, which is not what Windows' own does (%zu, %lld): the library formats for itself. */
#ifdef __clang__
#define WEIR_PRINTF(format, first) __attribute__((__format__(__printf__, format, first)))
#else
#define WEIR_PRINTF(format, first) __attribute__((__format__(__gnu_printf__, format, first)))
#endif

#define WEIR_LIKELY(x) __builtin_expect(!!(x), 1)
#define WEIR_UNLIKELY(x) __builtin_expect(!!(x), 0)

#endif
