#!/bin/sh
# stress/track-bench.sh [options of weir-track-bench ...] - what each tracker costs and names: installs what is missing, builds the release, measures,
# and writes stress/results/track/: table.txt, track.json and the plot. The table is printed, too. Under a minute; the machine should have nothing else
# to do. Exit status 0: all was measured, nothing certified was wrong, and it was written.
set -u
cd "$(dirname "$0")/.." || exit 1
. stress/script.sh

results=stress/results/track

packages_install "$work/packages" gcc make cmake pkg-config libc6-dev libck-dev libjansson-dev gnuplot-nox || fail "they are needed"
echo "building"
quietly cmake --preset release
quietly cmake --build --preset release --target weir-track-bench -j "$(nproc 2>/dev/null || echo 2)"

mkdir -p "$results" || exit 1
command="sh stress/track-bench.sh${*:+ $*}"
echo "measuring"
build/release/stress/weir-track-bench "$@" --json "$work/track.json" --csv "$work/csv" >"$work/table.txt" </dev/null
status=$?
[ -s "$work/table.txt" ] || fail "weir-track-bench has measured nothing"
gnuplot -e "csv='$work/csv'; out='$results'; command='$command'" stress/track/track.gp || fail "the plot can't be made"
{
    echo "\$ $command"
    cat "$work/table.txt"
} >"$results/table.txt" || exit 1
cp "$work/track.json" "$results/track.json" || exit 1
cat "$results/table.txt"
ls "$results"
exit $status
