/* src/inline.c - every function that the headers inline, once more as a symbol: for WEIR_NO_INLINE, and for calls that were not inlined. */
#define WEIR_INLINE
#include <weir/pool.h>
#include <weir/cache.h>
#include <weir/op.h>
#include <weir/stats.h>
#include <weir/ref.h>
