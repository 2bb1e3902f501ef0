#!/bin/sh
# stress/demo-leak.sh [seconds | short] - weir-serve with bugs planted into it, under load, and what weir-inspect says of it: installs what is missing, builds the
# release, and runs the server four times, with wrk for so many seconds (3) each:
#
#     as it is        no leak is reported
#     unref           a handler forgets an unref on one request in 10,000
#     connection      a connection is never released, one in 1,000
#     worker          a second process is killed by SIGKILL with five buffers of a shared pool in its hands
#
# short: all three in one run, a second of load each. The server's binary is the same each time, and the same as without the debug layer: WEIR_DEBUG in its environment is all. Each bug has a line in the source
# that a comment marks; weir-inspect must name that line, and the holder.
#
# The last line is JSON: {"planted":N,"found":N,"wrongly_accused":N}. planted: as the server counted them itself; found: those for which weir-inspect
# names the line and the holder, certified; wrongly_accused: whoever else it calls a leak's holder. Exit status 0: all found, nobody else accused.
# Needs Debian 12 or later and, if packages are missing, root or sudo. Everything happens on 127.0.0.1. WEIR_BUILD: a directory that is built already.
set -u
cd "$(dirname "$0")/.." || exit 1
. stress/serving.sh

packages="gcc g++ make cmake libc6-dev libck-dev libhttp-parser-dev libjansson-dev libdw-dev wrk jq"
seconds=${1:-3}
short=
[ "$seconds" != short ] || {
    short=yes
    seconds=1
}
planted=0
found=0
wrong=0

case $seconds in
'' | *[!0-9]* | 0) fail "seconds must be a number above 0, or short, not \"$seconds\"" ;;
esac

serving_build "weir-serve weir-inspect" $packages
for program in wrk jq; do
    command -v $program >/dev/null || fail "$program is missing (package $program)"
done
inspect=$(find "$build" -name weir-inspect -type f | head -n 1)
[ -n "$inspect" ] || fail "there is no weir-inspect in $build"

# -- the server ---------------------------------------------------------------------------------------------------------------
# start <options ...>: until it listens; $server and $url.
start() {
    echo "\$ WEIR_DEBUG=track=sketch weir-serve $*"
    serving_start env WEIR_DEBUG=track=sketch "$build/stress/weir-serve" --port 0 --threads 2 --connections 2000 --json "$@"
}

# stop: and what its segments hold is thrown away, which weir-inspect could read still.
stop() {
    gone=$server
    serving_stop
    rm -f /dev/shm/weir*.debug.*."$gone" /dev/shm/weir*.debug.*."$gone".begin /dev/shm/weir*.serve-sink-"$gone"*
}

# ended: it stops by itself; $said, its last line.
ended() {
    stop
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
    [ $# = 0 ] || quietly "$inspect" mark "$1" begin
}

# What is a leak: the ops that live longest in the server as it is are the pages, which are rendered anew each second.
leaks="--since begin --min-age 2.5"
settled() {
    sleep 3
}

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

# planted_by <kind>: $file, the holder's $name and $state.
planted_by() {
    state=alive
    name='^worker-[0-9]+$'
    case $1 in
    unref) file=log.c ;;
    connection) file=connection.c ;;
    worker)
        file=sink.c
        name='^sink$'
        state=dead
        ;;
    esac
}

# judge <kind ...>: compares with what was planted.
judge() {
    others=$(jq -s '[.[].leaks[]] | length' "$work/json") || fail "weir-inspect --json said something else than expected"
    for kind in "$@"; do
        planted_by "$kind"
        seen=$(jq -s --arg place "$file:$(line $file)" --arg name "$name" --arg state $state '
            def accused: [.holders[] | select(.refs > 0) as $h | .sites[] | select(.refs > 0) |
                          {place: "\(.file | split("/") | last):\(.line)", name: $h.name, state: $h.state}];
            [.[].leaks[] | select(.certainty == "certified") | accused | select(length == 1) |
             select(.[0] | .place == $place and (.name | test($name)) and .state == $state)] | length' "$work/json")
        this=$(echo "$said" | jq ".planted.$kind")
        echo "planted by $kind: $this; found, with $file:$(line $file) and its holder: $seen"
        [ "$seen" -le "$this" ] || seen=$this
        planted=$((planted + this))
        found=$((found + seen))
        others=$((others - seen))
    done
    echo "others accused: $others"
    echo
    wrong=$((wrong + others))
}

# kill_sink: it has stopped with records in its hands; half a second after its death it must be known as dead.
kill_sink() {
    sink=$(sed -n 's/^the sink, process \([0-9]*\), holds .*/\1/p' "$work/server")
    [ -n "$sink" ] || fail "the sink did not stop with records in its hands"
    echo "\$ kill -KILL $sink"
    kill -KILL "$sink"
    sleep 0.5
    "$inspect" leaks $server --json | jq -s -e --argjson pid "$sink" \
        '[.[].leaks[].holders[] | select(.pid == $pid and .state == "dead" and .sites[0].line > 0)] | length == 5' >/dev/null ||
        fail "half a second after the kill its five records are not those of a dead process"
}

# -- all in one run ---------------------------------------------------------------------------------------------------------------
if [ $short ]; then
    start --fault unref:1000 --fault connection:100 --fault worker
    mark serve-sink-$server         # by name: nobody of the server has used it yet
    load --connections 64
    load --connections 16 -H "Connection: close"
    kill_sink
    settled
    look 23
    ended
    judge unref connection worker
else

# -- four runs ------------------------------------------------------------------------------------------------------------------
    start --log /dev/null --sink
    mark serve-sink-$server
    load --connections 64
    settled
    look 0
    ended
    judge
    [ "$(echo "$said" | jq .live)" = 0 ] || fail "the server as it is has ops that did not come back"

    start --fault unref:10000
    mark
    load --connections 64
    settled
    look 23
    ended
    judge unref

    start --fault connection:1000
    mark
    load --connections 16 -H "Connection: close"
    settled
    look 23
    ended
    judge connection

    start --fault worker
    mark serve-sink-$server
    load --connections 64
    kill_sink
    settled
    look 23
    ended
    judge worker
fi

echo "{\"planted\":$planted,\"found\":$found,\"wrongly_accused\":$wrong}"
[ $planted -gt 0 ] && [ $found = $planted ] && [ $wrong = 0 ]
