# common.sh - read by the tests of the installed tree. They get from CTest's environment:
#   WEIR_PREFIX   where `cmake --install` has put everything        WEIR_SOURCE  the source tree
#   WEIR_WORK     a directory of the test's own, emptied here       WEIR_SYSTEM  Linux or Windows
#   WEIR_CC, WEIR_CXX, WEIR_NM  the tools (WEIR_CXX may be empty)   WEIR_RUN     what runs a program (Wine, qemu), or empty
set -eu

rm -rf "$WEIR_WORK"
mkdir -p "$WEIR_WORK"
c="$WEIR_CC -std=c11 -pedantic -Wall -Wextra -Werror"
cxx=
[ -z "$WEIR_CXX" ] || cxx="$WEIR_CXX -std=c++17 -pedantic -Wall -Wextra -Werror"
if [ "$WEIR_SYSTEM" = Windows ]; then        # the compiler's own DLLs are not on Wine's path
    link="-static-libgcc${cxx:+ -static-libstdc++}"
    c="$c -static-libgcc"
    cxx="${cxx:+$cxx $link}"
else
    link=
fi

fail() {
    echo "FAILED: $*" >&2
    exit 1
}
