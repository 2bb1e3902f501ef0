#!/bin/sh
# With a C compiler, CMake and libck-dev alone the libraries build and install, and what is missing is named with its package.
# And without libck-dev the configuration stops and names it.
. "$(dirname "$0")/common.sh"

ck=$(dirname "$(echo '#include <ck_pr.h>' | $WEIR_CC -E -M -x c - | grep -o '[^ ]*/ck_pr.h' | head -n 1)")
set -- -S "$WEIR_SOURCE" -DCMAKE_C_COMPILER="$WEIR_CC" -DCMAKE_CXX_COMPILER=NOTFOUND -DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON \
    -DCMAKE_IGNORE_PATH="$ck"
cmake "$@" -B "$WEIR_WORK/build" -DWEIR_CK_INCLUDE="$ck" -DCMAKE_INSTALL_PREFIX="$WEIR_WORK/prefix" | tee "$WEIR_WORK/said"
for package in libcmocka-dev g++ libhttp-parser-dev libjansson-dev libuv1-dev libdpdk-dev pkg-config; do
    grep -qF "($package)" "$WEIR_WORK/said" || fail "$package is not named"
done
cmake --build "$WEIR_WORK/build" -j 2
cmake --install "$WEIR_WORK/build"
for file in include/weir/weir.h libweir.so libweir.a libweir-port.so libweir-port.a weir.pc weir-port.pc weirConfig.cmake LICENSE; do
    find "$WEIR_WORK/prefix" -path "*/$file" | grep -q . || fail "$file is not installed"
done

if cmake "$@" -B "$WEIR_WORK/without" >"$WEIR_WORK/said" 2>&1; then
    fail "the configuration does not need Concurrency Kit"
fi
grep -q libck-dev "$WEIR_WORK/said" || fail "libck-dev is not named"
