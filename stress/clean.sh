#!/bin/sh
# stress/clean.sh [seconds [tracker ...]] - no false alarm: weir-serve as it is, under wrk with connections that stay and connections that come and go, followed by
# each tracker in turn (xor, sum, sketch, slots, releasers, journal, guard), so many seconds (600) each. Each must end with exit status 0 and a report at exit that
# names no leak (exit=23 would say so), and weir-inspect must find none that outlives the load by 3 seconds. Installs what is missing and builds the
# release, unless WEIR_BUILD names a directory that is built.
set -u
cd "$(dirname "$0")/.." || exit 1
. stress/serving.sh

packages="gcc g++ make cmake libc6-dev libck-dev libhttp-parser-dev libjansson-dev libdw-dev wrk"
seconds=${1:-600}
[ $# = 0 ] || shift
[ $# -gt 0 ] || set -- track=xor track=sum track=sketch track=slots track=releasers "track=journal(16)" guard,track=sketch
serving_build "weir-serve weir-inspect" $packages
each=$((seconds / 2))
[ $each -gt 0 ] || each=1
bad=0
for spec in "$@"; do
    serving_start env WEIR_DEBUG="$spec,report=$work/report,exit=23" "$build/stress/weir-serve" --port 0 --threads 2 --connections 2000 --json
    sleep 0.5                           # the ops that wait for connections, which live as long as the server
    "$build/debug/weir-inspect" mark $server begin >"$work/mark" 2>&1 || bad=1
    wrk --threads 1 --connections 64 --duration ${each}s "$url/" >"$work/wrk" 2>&1 || bad=1
    wrk --threads 1 --connections 16 --duration ${each}s -H "Connection: close" "$url/" >>"$work/wrk" 2>&1 || bad=1
    sleep 3
    "$build/debug/weir-inspect" leaks $server --since begin --min-age 2.5 >"$work/inspect" 2>&1
    found=$?
    serving_stop
    status=$?
    requests=$(sed -n 's/.*"requests":\([0-9]*\).*/\1/p' "$work/server")
    echo "$spec: ${requests:-no} requests in $((2 * each)) s, exit status $status, weir-inspect's after the load $found"
    [ $status = 0 ] && [ $found = 0 ] || {
        bad=1
        head -n 30 "$work/inspect" "$work/report" 2>/dev/null
    }
done
[ $bad = 0 ] && echo "no false alarm"
exit $bad
