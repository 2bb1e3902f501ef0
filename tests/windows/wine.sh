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
    "$wine" wineboot --init
    exec "$server" -p600
    ;;
--stop)
    "$server" -k || true
    exec "$server" -w
    ;;
esac
exec "$wine" "$@"
