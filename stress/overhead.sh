#!/bin/sh
# stress/overhead.sh [pairs [seconds]] - what following references costs a live server: installs what is missing, builds the release, then runs weir-serve under
# wrk again and again, (31) rounds of (2) seconds each, in each round once as it is and once for each of these, in an order that is drawn anew:
#
#     sample=128    track=sketch,sample=128: one life in 128 is followed
#     sketch        track=sketch: all
#     slots         track=slots
#     stacks        track=sketch,sample=128,stacks: with the whole stack of each followed take
#
# A round's requests a second are compared with the same round's of the server as it is; the median of these ratios is printed with its 95% interval (10,000 resamplings,
# seeded). Then the instructions that the server makes for a request, by callgrind, under 2,000 requests of each kind.
# The table and the rounds go to stress/results/overhead. Needs Debian 12 or later and, if packages are missing, root or sudo.
set -u
cd "$(dirname "$0")/.." || exit 1
. stress/serving.sh

packages="gcc g++ make cmake libc6-dev libck-dev libhttp-parser-dev libjansson-dev wrk python3 valgrind"
pairs=${1:-31}
seconds=${2:-2}
serving_build weir-serve $packages

spec() {
    case $1 in
    untracked) echo none ;;
    sample=128) echo track=sketch,sample=128 ;;
    sketch) echo track=sketch ;;
    slots) echo track=slots ;;
    stacks) echo track=sketch,sample=128,stacks ;;
    esac
}

# start <kind> [before ...]
start() {
    kind=$1
    shift
    serving_start env WEIR_DEBUG="$(spec "$kind")" "$@" "$build/stress/weir-serve" --port 0 --threads 2 --connections 500
}

stop() {
    serving_stop || fail "weir-serve with $kind ended with $?"
}

kinds="untracked sample=128 sketch slots stacks"
round=0
: >"$work/rounds"
while [ $round -lt "$pairs" ]; do
    round=$((round + 1))
    for kind in $(printf '%s\n' $kinds | awk -v seed=$round 'BEGIN { srand(seed) } { print rand(), $0 }' | sort -n | cut -d ' ' -f 2); do
        start "$kind"
        wrk --threads 1 --connections 32 --duration "${seconds}s" "$url/" >"$work/wrk" 2>&1 </dev/null || fail "wrk failed"
        stop
        echo "$round $kind $(awk '/^Requests\/sec/ { print $2 }' "$work/wrk")" >>"$work/rounds"
    done
done
: >"$work/instructions"
for kind in $kinds; do
    for n in 1 3; do                    # the difference is what 2 x 1,000 requests cost, without the start
        start "$kind" valgrind --quiet --tool=callgrind --callgrind-out-file="$work/callgrind.$n"
        python3 - "$url" $((n * 1000)) <<'PY' || fail "the requests failed"
import sys, http.client
host, port = sys.argv[1].split("//")[1].split(":")
c = http.client.HTTPConnection(host, int(port))
for _ in range(int(sys.argv[2])):
    c.request("GET", "/")
    assert c.getresponse().read()
PY
        stop
    done
    echo "$kind $(awk '/^summary:|^totals:/ { print $2 }' "$work/callgrind.1" | head -n 1) $(awk '/^summary:|^totals:/ { print $2 }' "$work/callgrind.3" | head -n 1)" >>"$work/instructions"
done

mkdir -p stress/results/overhead
cp "$work/rounds" stress/results/overhead/rounds.txt
python3 - "$work/rounds" "$work/instructions" <<'PY' | tee stress/results/overhead/table.txt
import random, statistics, sys
rounds = {}
for line in open(sys.argv[1]):
    number, kind, rate = line.split()
    rounds.setdefault(int(number), {})[kind] = float(rate)
instructions = {}
for line in open(sys.argv[2]):
    kind, few, many = line.split()
    instructions[kind] = (int(many) - int(few)) / 2000
random.seed(20260101)
print("%-12s %12s %10s %18s %22s" % ("", "requests/s", "x", "95% interval", "instructions/request"))
for kind in ("untracked", "sample=128", "sketch", "slots", "stacks"):
    rates = [r[kind] for r in rounds.values()]
    ratios = [r[kind] / r["untracked"] for r in rounds.values()]
    medians = sorted(statistics.median(random.choices(ratios, k=len(ratios))) for _ in range(10000))
    print("%-12s %12.0f %10.3f %9.3f to %5.3f %15.0f (%.3fx)" % (kind, statistics.median(rates), statistics.median(ratios), medians[250], medians[9749],
          instructions[kind], instructions[kind] / instructions["untracked"]))
print("%d rounds" % len(rounds))
PY
