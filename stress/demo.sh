#!/bin/sh
# stress/demo.sh [seconds] - weir-serve under load: installs what is missing, builds the release, serves HTTP to curl and to wrk (64 and
# 1,000 keep-alive connections, 5 seconds each or as many as are given), and shows that every pooled op came back.
#
# The last line is JSON: {"requests":N,"errors":N,"taken":N,"given":N,"live":N}. requests: answered, as the server counts; errors: what wrk
# calls socket errors, its responses that are not 2xx or 3xx, and the server's own. Exit status 0: no error, nothing held.
# Needs Debian 12 or later and, if packages are missing, root or sudo. Everything happens on 127.0.0.1.
set -u
cd "$(dirname "$0")/.." || exit 1
. stress/serving.sh

packages="gcc g++ make cmake libc6-dev libck-dev libhttp-parser-dev libjansson-dev wrk curl jq"
seconds=${1:-5}
case $seconds in
'' | *[!0-9]* | 0) fail "seconds must be a number above 0, not \"$seconds\"" ;;
esac

serving_build weir-serve $packages

# -- the server ---------------------------------------------------------------------------------------------------------------
ulimit -n "$(ulimit -H -n)" 2>/dev/null
many=1000
limit=$(ulimit -n)
if [ "$limit" != unlimited ] && [ "$limit" -lt 1200 ]; then
    many=$((limit - 200))
    [ $many -ge 64 ] || fail "$limit descriptors are too few"
    echo "$many connections instead of 1000: a process may have only $limit descriptors here"
fi

serving_start "$build/stress/weir-serve" --port 0 --json
ask() {
    curl -sS --fail --noproxy '*' --max-time 10 "$@" || fail "curl could not ask the server"
}

echo
echo "\$ curl -i $url/"
ask -i "$url/"

# -- load ---------------------------------------------------------------------------------------------------------------------
errors=0
counted=0
table=

# drive <connections>
drive() {
    wrk --threads 2 --connections "$1" --duration "${seconds}s" --timeout 10s --latency "$url/" >"$work/wrk" 2>&1 </dev/null || {
        cat "$work/wrk" >&2
        fail "wrk failed"
    }
    row=$(awk -v connections="$1" '
        /requests in/ { requests = $1 }
        /^Requests\/sec:/ { rate = $2 }
        /^ +(50|90|99)%/ { latency[$1] = $2 }
        /^ +Latency .*%$/ { most = $4 }
        /Socket errors:/ { gsub(",", ""); errors += $4 + $6 + $8 + $10 }
        /Non-2xx or 3xx responses:/ { errors += $NF }
        END {
            if (requests == "" || rate == "") exit 1
            printf "%11d %12d %12.0f %10s %10s %10s %10s %8d\n", connections, requests, rate, latency["50%"], latency["90%"],
                latency["99%"], most, errors
        }' "$work/wrk") || {
        cat "$work/wrk" >&2
        fail "wrk said something else than expected"
    }
    table="$table$row
"
    counted=$((counted + $(echo "$row" | awk '{ print $2 }')))
    errors=$((errors + $(echo "$row" | awk '{ print $NF }')))
}

echo
echo "driving it with wrk, $seconds seconds with 64 and $seconds with $many connections"
drive 64
drive $many
ask "$url/stats" >"$work/stats"

echo
printf '%11s %12s %12s %10s %10s %10s %10s %8s\n' connections requests requests/s "50%" "90%" "99%" slowest errors
printf '%s' "$table"
echo
echo "the pools, while the server still runs ($url/stats)"
jq -r '[.pool, .bare_pool][] | "\(.name) \(.capacity) \(.committed) \(.live) \(.cached) \(.free) \(.peak) \(.gets) \(.puts) \(.refills) \(.flushes) \(.steals) \(.empties)"' \
    "$work/stats" >"$work/pools" || fail "/stats is not what it should be"
awk 'BEGIN { split("pool capacity committed live cached free peak taken given refills flushes steals empty", name) }
    { for (i = 1; i <= NF; i++) row[i] = row[i] sprintf(" %14s", $i) }
    END { for (i = 1; i in row; i++) printf "%11s%s\n", name[i], row[i] }' "$work/pools"

# -- the end ------------------------------------------------------------------------------------------------------------------
serving_stop
status=$?
echo
echo "stopped by SIGTERM; the server's last words (exit status $status):"
sed '1d;$d' "$work/server"
said=$(tail -n 1 "$work/server")
echo "$said" | jq -e '.requests and (.live != null)' >/dev/null 2>&1 || fail "weir-serve ended without a report"
if [ "$(echo "$said" | jq .requests)" -lt $((counted + 2)) ]; then
    echo "demo.sh: wrk and curl got more answers than the server sent" >&2
    errors=$((errors + 1))
fi
result=$(echo "$said" | jq -c --argjson errors $errors '.errors += $errors')
echo
echo "$result"
[ $status = 0 ] && echo "$result" | jq -e '.requests > 0 and .errors == 0 and .live == 0 and .taken == .given' >/dev/null
