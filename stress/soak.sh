#!/bin/sh
# stress/soak.sh [seconds] [threads] [seed] - half an hour (1800) with 64 threads: installs what is missing, builds the release, runs the
# workload soak of weir-stress, and plots memory and the times of gets over time.
#
# Writes stress/results/soak/: soak.csv, a row an interval; soak.svg; soak.txt, what was run, where, and what came out. Exit status 0: no
# violation, the equation held at every look, and memory was flat (the median resident set of the last third at most 5 percent and 1 MiB above
# the first third's; runs under 30 seconds are not judged). WEIR_SOAK_OUT: another directory.
# Needs Debian 12 or later and, if packages are missing, root or sudo.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/packages.sh

packages="gcc g++ make cmake libc6-dev libck-dev gnuplot-nox"
seconds=${1:-1800}
threads=${2:-64}
seed=${3:-$(date +%s)}
out=${WEIR_SOAK_OUT:-stress/results/soak}

fail() {
    echo "soak.sh: $*" >&2
    exit 1
}

for number in "$seconds" "$threads"; do
    case $number in
    '' | *[!0-9]* | 0) fail "seconds and threads must be numbers above 0, not \"$number\"" ;;
    esac
done

log=$(mktemp) || exit 1
trap 'rm -f "$log"' EXIT

# quietly <command ...>: its output is shown only if it fails.
quietly() {
    "$@" >"$log" 2>&1 </dev/null && return 0
    tail -n 60 "$log" >&2
    fail "failed: $*"
}

packages_install "$log" $packages || fail "they are needed"
quietly cmake --preset release
quietly cmake --build --preset release -j "$(nproc)" --target weir-stress
mkdir -p "$out" || exit 1

# -- the run --------------------------------------------------------------------------------------------------------------------
command="weir-stress --seconds $seconds --threads $threads --seed $seed --csv soak.csv soak"
cores=$(nproc)
machine="$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sort -u | head -n 1), $cores cores, $(($(sed -n 's/^MemTotal: *\([0-9]*\) kB/\1/p' \
    /proc/meminfo) / 1048576)) GiB, Linux $(uname -r)"
compiler="$(gcc -dumpfullversion), -O2"
begun=$(date -u '+%Y-%m-%d %H:%M UTC')
echo "$command"
build/release/stress/weir-stress --seconds "$seconds" --threads "$threads" --seed "$seed" --csv "$out/soak.csv" soak >"$log" 2>&1 </dev/null
status=$?
cat "$log"
{
    echo "command   sh stress/soak.sh $seconds $threads $seed"
    echo "program   $command"
    echo "machine   $machine"
    echo "compiler  gcc $compiler"
    echo "begun     $begun"
    echo "status    $status"
    echo
    cat "$log"
} >"$out/soak.txt"

# -- the plot -------------------------------------------------------------------------------------------------------------------
verdict=$([ "$status" = 0 ] && echo "no violation" || echo "A VIOLATION, see soak.txt")
caption="$command\\n$machine, gcc $compiler, $begun: $verdict\\n$threads threads on $cores cores: \
a get that loses the processor in its middle counts the wait, and so do two readings of the clock (dotted)"
gnuplot -e "csv='$out/soak.csv'; out='$out/soak.svg'; caption=\"$caption\"" stress/soak.gnuplot || fail "gnuplot could not plot $out/soak.csv"
[ -z "${WEIR_SOAK_PNG:-}" ] || gnuplot -e "csv='$out/soak.csv'; out='$WEIR_SOAK_PNG'; caption=\"$caption\"; kind=\"pngcairo size 1100,1280 font 'sans,11'\"" \
    stress/soak.gnuplot
if [ "$status" = 0 ]; then
    echo "passed: $out/soak.svg"
else
    echo "FAILED: $out/soak.txt" >&2
fi
exit "$status"
