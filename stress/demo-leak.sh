#!/bin/sh
# stress/demo-leak.sh [seconds] - weir-serve with bugs planted into it, under load, and what weir-inspect says of it: installs what is missing, builds the
# release, and runs the server four times, with wrk for so many seconds (3) each:
#
#     as it is        no leak is reported
#     unref           a handler forgets an unref on one request in 10,000
#     connection      a connection is never released, one in 1,000
#     worker          a second process is killed by SIGKILL with five buffers of a shared pool in its hands
#
# The server's binary is the same each time, and the same as without the debug layer: WEIR_DEBUG in its environment is all. Each bug has a line in the source
# that a comment marks; weir-inspect must name that line, and the holder.
#
# The last line is JSON: {"planted":N,"found":N,"wrongly_accused":N}. planted: as the server counted them itself; found: those for which weir-inspect
# names the line and the holder, certified; wrongly_accused: whoever else it calls a leak's holder. Exit status 0: all found, nobody else accused.
# Needs Debian 12 or later and, if packages are missing, root or sudo. Everything happens on 127.0.0.1. WEIR_BUILD: a directory that is built already.
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/packages.sh

packages="gcc g++ make cmake libc6-dev libck-dev libhttp-parser-dev libjansson-dev libdw-dev wrk jq"
seconds=${1:-3}
server=
planted=0
found=0
wrong=0
work=$(mktemp -d) || exit 1

finish() {
    [ -z "$server" ] || kill -KILL "$server" 2>/dev/null
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' HUP INT TERM

fail() {
    echo "demo-leak.sh: $*" >&2
    exit 1
}

case $seconds in
'' | *[!0-9]* | 0) fail "seconds must be a number above 0, not \"$seconds\"" ;;
esac

# quietly <command ...>: its output is shown only if it fails.
quietly() {
    "$@" >"$work/log" 2>&1 </dev/null && return 0
    tail -n 60 "$work/log" >&2
    fail "failed: $*"
}

build=${WEIR_BUILD:-}
if [ -z "$build" ]; then
    packages_install "$work/packages-log" $packages || fail "they are needed"
    echo "building"
    build=build/release
    quietly cmake --fresh --preset release
    quietly cmake --build --preset release --target weir-serve weir-inspect -j "$(nproc 2>/dev/null || echo 2)"
fi
for program in wrk jq; do
    command -v $program >/dev/null || fail "$program is missing (package $program)"
done
inspect=$(find "$build" -name weir-inspect -type f | head -n 1)
[ -n "$inspect" ] || fail "there is no weir-inspect in $build"

# -- the server ---------------------------------------------------------------------------------------------------------------
# start <options ...>: until it listens; $server and $url.
start() {
    echo "\$ WEIR_DEBUG=track=sketch weir-serve $*"
    WEIR_DEBUG=track=sketch "$build/stress/weir-serve" --port 0 --threads 2 --connections 2000 --json "$@" >"$work/server" 2>&1 </dev/null &
    server=$!
    until grep -q '^listening on ' "$work/server"; do
        kill -0 $server 2>/dev/null || {
            cat "$work/server" >&2
            fail "weir-serve did not start"
        }
        sleep 0.05
    done
    url=http://$(sed -n 's/^listening on //p' "$work/server")
}

# stop: $said, its last line.
stop() {
    kill -TERM $server
    wait $server
    server=
    said=$(tail -n 1 "$work/server")
    echo "$said" | jq -e '.requests > 0 and .errors == 0' >/dev/null 2>&1 || {
        cat "$work/server" >&2
        fail "weir-serve ended otherwise than expected"
    }
}

# load <wrk's options ...>
load() {
    wrk --threads 2 --duration "${seconds}s" "$@" "$url/" >"$work/wrk" 2>&1 </dev/null || {
        cat "$work/wrk" >&2
        fail "wrk failed"
    }
    echo "$(awk '/requests in/ { print $1 }' "$work/wrk") requests by wrk"
}

# -- the inspector --------------------------------------------------------------------------------------------------------------
# mark: this moment. What is older is none of the load's: the ops that wait for connections.
mark() {
    quietly "$inspect" mark $server begin
}

# settled: wrk's connections are gone, and the page that they were sent, which is rendered anew each second.
settled() {
    sleep 2.2
}

leaks="--since begin --min-age 1.5"
# look [status]: what it says, for people and for programs.
look() {
    echo "\$ weir-inspect leaks $server $leaks"
    "$inspect" leaks $server $leaks >"$work/text" 2>&1
    status=$?
    head -n 40 "$work/text"
    echo "(exit status $status)"
    [ $status = "$1" ] || fail "exit status $1 was expected"
    "$inspect" leaks $server $leaks --json >"$work/json"
}

# line <file>: where its planted bug takes the reference that is not given back.
line() {
    grep -n '/\* planted: ' "stress/serve/$1" | cut -d : -f 1
}

# judge <kind> <file> <holder's name, a pattern> <state>: compares with what was planted.
judge() {
    jq -s --arg place "$2:$(line "$2")" --arg name "$3" --arg state "$4" '
        def accused: [.holders[] | select(.refs > 0) as $h | .sites[] | select(.refs > 0) |
                      {place: "\(.file | split("/") | last):\(.line)", name: $h.name, state: $h.state}];
        def right: .certainty == "certified" and (accused | length == 1) and
                   (accused[0] | .place == $place and (.name | test($name)) and .state == $state);
        [.[].leaks[]] | { found: map(select(right)) | length, wrong: map(select(right | not)) | length }' "$work/json" >"$work/judged" ||
        fail "weir-inspect --json said something else than expected"
    this=$(echo "$said" | jq ".planted.$1")
    seen=$(jq .found "$work/judged")
    others=$(jq .wrong "$work/judged")
    echo "planted by $1: $this; found, with $2:$(line "$2") and its holder: $seen; others accused: $others"
    echo
    planted=$((planted + this))
    found=$((found + (seen < this ? seen : this)))
    wrong=$((wrong + others + (seen > this ? seen - this : 0)))
}

# -- four runs ------------------------------------------------------------------------------------------------------------------
start --log /dev/null --sink
mark
load --connections 64
settled
look 0
stop
wrong=$((wrong + $(jq -s '[.[].leaks[]] | length' "$work/json")))
[ "$(echo "$said" | jq .live)" = 0 ] || fail "the server as it is has ops that did not come back"
echo

start --fault unref:10000
mark
load --connections 64
settled
look 23
stop
judge unref log.c '^worker-[12]$' alive

start --fault connection:1000
mark
load --connections 16 -H "Connection: close"
settled
look 23
stop
judge connection connection.c '^worker-[12]$' alive

start --fault worker
mark
load --connections 64
sink=$(sed -n 's/^the sink, process \([0-9]*\), holds .*/\1/p' "$work/server")
[ -n "$sink" ] || fail "the sink did not stop with records in its hands"
echo "\$ kill -KILL $sink"
kill -KILL "$sink"
sleep 0.5
"$inspect" leaks $server --json | jq -s -e --argjson pid "$sink" \
    '[.[].leaks[].holders[] | select(.pid == $pid and .state == "dead" and .sites[0].line > 0)] | length == 5' >/dev/null ||
    fail "half a second after the kill its five are not those of a dead process"
settled
look 23
stop
judge worker sink.c '^sink$' dead

echo "{\"planted\":$planted,\"found\":$found,\"wrongly_accused\":$wrong}"
[ $planted -gt 0 ] && [ $found = $planted ] && [ $wrong = 0 ]
