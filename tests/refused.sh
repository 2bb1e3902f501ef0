#!/bin/sh
# refused.sh <source tree>: a system that weir has no files for is refused by name, before anything is compiled.
set -u
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
result=0
while IFS='|' read -r system name; do
    if cmake -S "$1" -B "$work/$system" -DCMAKE_SYSTEM_NAME="$system" >"$work/log" 2>&1; then
        echo "FAILED: $system was accepted"
        result=1
    elif ! tr -s ' \n' ' ' <"$work/log" | grep -q "weir does not run on $name: .*have no files\|weir does not run on $name: src/os/ has no file.*kqueue"; then
        cat "$work/log"
        echo "FAILED: $system was not refused by name"
        result=1
    else
        echo "$system is refused"
    fi
done <<END
FreeBSD|FreeBSD
Darwin|macOS
SunOS|SunOS
END
exit $result
