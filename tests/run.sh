#!/bin/sh
# tests/run.sh [configuration ...] - install what is missing, then build and test every configuration: gcc, gcc without the debug layer, clang,
# AddressSanitizer with UndefinedBehaviorSanitizer, ThreadSanitizer, the Windows build under Wine, 64-bit ARM under qemu-user, and musl. By name alone:
# debug, gcc with assertions and the layer's default of a Debug build, which watches every pool: the tests that can be watched.
#
# Ends with a table, and with 0 only if every configuration was built and all of its tests passed. Nothing is skipped: what can't be
# installed, built or run has failed. Needs Debian 12 or later and, if packages are missing, root or sudo. Whoever names
# configurations runs those alone. The builds stay in build/<configuration>, with their logs.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/packages.sh

all="release off clang asan tsan windows aarch64 musl"
packages="gcc g++ clang libclang-rt-dev make cmake pkg-config libc6-dev libck-dev libcmocka-dev libuv1-dev libhttp-parser-dev libjansson-dev
    strace curl python3 valgrind gcc-mingw-w64-x86-64 g++-mingw-w64-x86-64 wine64 dpkg-dev
    gcc-aarch64-linux-gnu g++-aarch64-linux-gnu qemu-user musl-tools libdw-dev binutils llvm gdb wrk jq"

title() {
    case $1 in
    release) echo "gcc" ;;
    off) echo "gcc, without the debug layer" ;;
    debug) echo "gcc, assertions, watched by default" ;;
    clang) echo "clang" ;;
    asan) echo "clang, AddressSanitizer and UBSan" ;;
    tsan) echo "gcc, ThreadSanitizer" ;;
    windows) echo "mingw-w64, under Wine" ;;
    aarch64) echo "gcc for aarch64, under qemu-user" ;;
    musl) echo "musl-gcc" ;;
    *) return 1 ;;
    esac
}

# quietly <log> <command ...>: the command's output goes to the log, and is shown if it fails.
quietly() {
    log=$1
    shift
    "$@" >"$log" 2>&1 </dev/null && return 0
    tail -n 60 "$log"
    echo "== failed: $* (all of its output: $log)"
    return 1
}

# -- one configuration --------------------------------------------------------------------------------------------------------
# ThreadSanitizer of gcc 12 needs the addresses that a kernel with fewer than 29 random bits gives.
run_tests() {
    set -- ctest --preset "$1" -j "$jobs" --no-tests=error
    case $(cat /proc/sys/vm/mmap_rnd_bits 2>/dev/null) in
    29 | 3?) setarch -R true 2>/dev/null && set -- setarch -R "$@" ;;
    esac
    "$@" </dev/null
}

# Tests kill processes, and each leaves its debug segments, as it should: those that were made meanwhile, and whose process is gone, are thrown away.
sweep() {
    for segment in $(find /dev/shm -maxdepth 1 -name 'weir.debug.*' -newer "$1" 2>/dev/null); do
        pid=${segment##*.}
        case $pid in
        *[!0-9]*) continue ;;
        esac
        kill -0 "$pid" 2>/dev/null || rm -f "$segment"
    done
}

configuration() {
    mkdir -p "build/$1"
    case $1 in
    windows) toolchain=mingw-w64 ;;
    aarch64) toolchain=aarch64-linux-gnu ;;
    musl) toolchain=x86_64-linux-musl ;;
    *) toolchain= ;;
    esac
    if [ "$toolchain" ]; then
        quietly "build/$1/cmocka.log" sh tests/cmocka.sh "build/$1" "src/cmake/$toolchain.cmake" || return 1
    fi
    quietly "build/$1/configure.log" cmake --fresh --preset "$1" -DCMAKE_COMPILE_WARNING_AS_ERROR=ON || return 1
    grep -e 'not found (' -e ' is left out: ' "build/$1/configure.log"
    quietly "build/$1/build.log" cmake --build --preset "$1" -j "$jobs" || return 1
    built=yes
    {
        run_tests "$1" 2>&1
        echo $? >"build/$1/test.status"
    } | tee "build/$1/test.log"
    sweep "build/$1/configure.log"
    [ "$(cat "build/$1/test.status")" = 0 ]
}

# -- all of them --------------------------------------------------------------------------------------------------------------
[ $# -gt 0 ] || set -- $all
for name in "$@"; do
    title "$name" >/dev/null || {
        echo "run.sh: no configuration $name; there are: $all debug" >&2
        exit 2
    }
done
jobs=$(nproc 2>/dev/null || echo 2)
failed=
table=
begin=$(date +%s)
mkdir -p build
packages_install build/packages.log $packages || failed=" packages"
for name in "$@"; do
    echo "== $name: $(title "$name")"
    built=no
    tests=-
    rm -f "build/$name/test.log" "build/$name/test.status"
    start=$(date +%s)
    if configuration "$name"; then
        result=passed
    else
        result=FAILED
        failed="$failed $name"
    fi
    [ $built = no ] || tests=$(sed -n 's/.* tests passed, \([0-9]*\) tests failed out of \([0-9]*\)/\1 \2/p' "build/$name/test.log" |
        awk 'END { if (NR) print $2 - $1 " of " $2 }')
    table="$table$(printf '%-10s %-34s %-6s %-12s %8s  %s' "$name" "$(title "$name")" $built "${tests:--}" \
        $(($(date +%s) - start)) $result)
"
    echo
done

printf '%-10s %-34s %-6s %-12s %8s  %s\n' configuration "" built "tests" seconds result
printf '%s' "$table"
echo "in all: $(($(date +%s) - begin)) seconds"
if [ -n "$failed" ]; then
    echo "FAILED:$failed"
    exit 1
fi
echo "every configuration passed"
