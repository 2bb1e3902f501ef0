#!/bin/sh
# stress/bench.sh [options of weir-bench ...] - weir beside what else there is: installs the peers, builds the release, measures all of it, and writes
# stress/results/bench/: table.txt, bench.json and the plots. The table is printed, too. About ten minutes; the machine should have
# nothing else to do.
#
# A peer that can't be installed is named as missing, in the table; that doesn't fail the run. Exit status 0: all else was measured, and written.
# Needs Debian 12 or later and, if packages are missing, root or sudo.
set -u
cd "$(dirname "$0")/.." || exit 1
. stress/script.sh

needed="gcc make cmake pkg-config libc6-dev libck-dev libjansson-dev gnuplot-nox"
peers="g++ libdpdk-dev libjemalloc-dev libgoogle-perftools-dev libmimalloc-dev libtbb-dev libboost-dev"
results=stress/results/bench
packages_install "$work/packages" $needed || fail "they are needed"
packages_install "$work/packages" $peers || echo "bench.sh: their peers are left out, and named in the table"

echo "building"
quietly cmake --fresh --preset release
grep -e 'not found (' "$work/log"
quietly cmake --build --preset release --target weir-bench -j "$(nproc 2>/dev/null || echo 2)"

mkdir -p "$results" || exit 1
command="sh stress/bench.sh${*:+ $*}"
echo "measuring"
build/release/stress/weir-bench "$@" --json "$work/bench.json" --csv "$work/csv" >"$work/table.txt" </dev/null
status=$?
[ -s "$work/table.txt" ] || fail "weir-bench has measured nothing"
gnuplot -e "csv='$work/csv'; out='$results'; command='$command'" stress/bench/plots.gp || fail "the plots can't be made"
{
    echo "\$ $command"
    cat "$work/table.txt"
} >"$results/table.txt" || exit 1
cp "$work/bench.json" "$results/bench.json" || exit 1
cat "$results/table.txt"
ls "$results"
exit $status
