#!/bin/sh
# stress/bench.sh [options of weir-bench ...] - weir beside what else there is: installs the peers, builds the release, measures all of it, and writes
# stress/results/bench/: table.txt, bench.json and the plots. The table is printed, too. About ten minutes; the machine should have
# nothing else to do.
#
# A peer that can't be installed is named as missing, in the table; that doesn't fail the run. Exit status 0: all else was measured, and written.
# Needs Debian 12 or later and, if packages are missing, root or sudo.
set -u
cd "$(dirname "$0")/.." || exit 1

needed="gcc make cmake pkg-config libc6-dev libck-dev libjansson-dev gnuplot-nox"
peers="g++ libdpdk-dev libjemalloc-dev libgoogle-perftools-dev libmimalloc-dev libtbb-dev libboost-dev"
results=stress/results/bench
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

fail() {
    echo "bench.sh: $*" >&2
    exit 1
}

missing() {
    for package in "$@"; do
        case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) in
        *" ok installed") ;;
        *) echo "$package" ;;
        esac
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null; then
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    else
        echo "neither root nor sudo"
        return 1
    fi
}

# quietly <command ...>: its output is shown only if it fails.
quietly() {
    "$@" >"$work/log" 2>&1 </dev/null && return 0
    tail -n 60 "$work/log" >&2
    return 1
}

wanted=$(missing $needed $peers)
if [ -n "$wanted" ]; then
    echo "installing:" $wanted
    options="-q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0"
    quietly as_root apt-get $options update
    quietly as_root apt-get $options install --no-install-recommends $wanted
    for package in $(missing $wanted); do       # one that can't be had must not keep the others away
        quietly as_root apt-get $options install --no-install-recommends "$package" || echo "bench.sh: $package can't be installed"
    done
    wanted=$(missing $needed)
    [ -z "$wanted" ] || fail "packages that are needed are missing:" $wanted
fi

echo "building"
quietly cmake --fresh --preset release || fail "the configuration failed"
grep -e 'not found (' "$work/log"
quietly cmake --build --preset release --target weir-bench -j "$(nproc 2>/dev/null || echo 2)" || fail "the build failed"

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
