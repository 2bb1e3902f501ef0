#!/bin/sh
# Programs outside the tree find weir by find_package, from a prefix that was moved after the installation.
. "$(dirname "$0")/common.sh"

cp -R "$WEIR_PREFIX" "$WEIR_WORK/moved"
set -- -DCMAKE_C_COMPILER="$WEIR_CC" -DCMAKE_BUILD_TYPE=Release "-DCMAKE_EXE_LINKER_FLAGS=$link"
[ -z "$WEIR_CXX" ] || set -- "$@" -DCONSUMER_CXX=ON -DCMAKE_CXX_COMPILER="$WEIR_CXX"
if [ "$WEIR_SYSTEM" = Windows ]; then
    set -- "$@" -DCMAKE_SYSTEM_NAME=Windows "-DCMAKE_CROSSCOMPILING_EMULATOR=$(echo "$WEIR_RUN" | tr ' ' ';')" \
        -DCMAKE_RUNTIME_OUTPUT_DIRECTORY="$WEIR_WORK/moved/bin"
elif [ "$WEIR_RUN" ]; then
    set -- "$@" -DCMAKE_SYSTEM_NAME="$WEIR_SYSTEM" "-DCMAKE_CROSSCOMPILING_EMULATOR=$(echo "$WEIR_RUN" | tr ' ' ';')"
fi
cmake -S "$WEIR_SOURCE/tests/install/consumer" -B "$WEIR_WORK/build" -DCMAKE_PREFIX_PATH="$WEIR_WORK/moved" "$@"
cmake --build "$WEIR_WORK/build" -j 2
cd "$WEIR_WORK/build"
ctest --output-on-failure --no-tests=error
