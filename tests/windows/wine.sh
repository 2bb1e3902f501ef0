#!/bin/sh
# wine.sh <prefix> <program> [arguments]: run a Windows program under Wine, without a display, with its own prefix.
# wine.sh <prefix> --start: make the prefix and keep its server, so that programs that start at once don't race to make it.
# wine.sh <prefix> --stop: end that server.
set -eu
prefix=$1
shift

wine=
for candidate in "$(command -v wine64 || true)" /usr/lib/wine/wine64 "$(command -v wine || true)"; do
    if [ -n "$candidate" ] && [ -x "$candidate" ]; then
        wine=$candidate
        break
    fi
done
if [ -z "$wine" ]; then
    echo "wine.sh: no wine64 found (Debian package wine64)" >&2
    exit 127
fi
server=/usr/lib/wine/wineserver64
[ -x "$server" ] || server=wineserver

unset DISPLAY WAYLAND_DISPLAY
mkdir -p "$prefix"
export WINEPREFIX="$prefix" WINEARCH=win64 WINEDEBUG=-all WINEDLLOVERRIDES="mscoree=d;mshtml=d;winemenubuilder.exe=d"

case $1 in
--start)
    "$server" -k >/dev/null 2>&1 && "$server" -w || true   # one that a broken run has left
    "$server" -p600 >/dev/null 2>&1 </dev/null         # ends by itself when nothing has used it for ten minutes
    # What it starts outlives it and would hold the caller's pipe open: so to a file.
    if ! "$wine" wineboot --init >"$prefix/wineboot.log" 2>&1 </dev/null; then
        cat "$prefix/wineboot.log" >&2
        exit 1
    fi
    exit 0
    ;;
--stop)
    "$server" -k || true
    exec "$server" -w
    ;;
esac
exec "$wine" "$@"
