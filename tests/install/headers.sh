#!/bin/sh
# Every installed header compiles alone, twice included, as C11 and as C++17, inlined and not, and none brings in Concurrency
# Kit, windows.h, or anything else beyond the C library's.
. "$(dirname "$0")/common.sh"

include=$WEIR_PREFIX/include
[ -f "$include/weir/weir.h" ] || fail "no weir/weir.h in $include"
cd "$include"
for header in weir/*.h; do
    printf '#include <%s>\n#include <%s>\nint weir_header_alone;\n' "$header" "$header" >"$WEIR_WORK/alone.c"
    for inline in WEIR_INLINED WEIR_NO_INLINE; do
        $c -D$inline -I"$include" -c -o "$WEIR_WORK/alone.o" "$WEIR_WORK/alone.c" || fail "$header is not C11 ($inline)"
        [ -z "$cxx" ] || $cxx -x c++ -D$inline -I"$include" -c -o "$WEIR_WORK/alone.o" "$WEIR_WORK/alone.c" ||
            fail "$header is not C++17 ($inline)"
    done
done
for header in weir/*.hpp; do
    [ -f "$header" ] || fail "no weir.hpp"
    [ -n "$cxx" ] || continue
    printf '#include <%s>\n#include <%s>\nint weir_header_alone;\n' "$header" "$header" >"$WEIR_WORK/alone.cpp"
    $cxx -I"$include" -c -o "$WEIR_WORK/alone.o" "$WEIR_WORK/alone.cpp" || fail "$header is not C++17"
done

# What the headers include: each other, and these of the C library.
grep -hE '^[ ]*#[ ]*include' weir/*.h weir/inline/*.h | sed 's/.*include *//; s/>.*/>/; s/".*"/"&"/' | sort -u |
    grep '^<' | grep -vE '^<(stdbool|stddef|stdint|stdarg|limits|errno)\.h>$' && fail "a header that weir's must not include"
printf '#include <weir/weir.h>\n#include <weir/port.h>\n#include <weir/stream.h>\n' >"$WEIR_WORK/all.c"
$c -I"$include" -M "$WEIR_WORK/all.c" >"$WEIR_WORK/all.d"
! grep -oiE '[^ ]*/(ck_[a-z]*|windows|winsock2?|winbase|windef)\.h' "$WEIR_WORK/all.d" || fail "a header reaches what it must not"

# A user's program gets no copy of an inlined function, optimised or not. (Sites, which are data, are its own.)
for flags in -O0 -O2; do
    $c $flags -I"$include" -c -o "$WEIR_WORK/user.o" "$WEIR_SOURCE/tests/install/consumer/consumer.c"
    if $WEIR_NM --defined-only "$WEIR_WORK/user.o" | grep -i ' [tw] weir_'; then fail "a program has these of its own ($flags)"; fi
done
