#!/bin/sh
# try.sh <page> - do what the page says: run its "```sh" block in a directory with the sources and compare what it prints
# with its "```text" block. Runs in the environment of the tests of the installed tree (tests/install/common.sh).
here=$(cd "$(dirname "$0")" && pwd)
. "$WEIR_SOURCE/tests/install/common.sh"
page=$here/$1

# block <kind>
block() {
    awk -v fence="\`\`\`$1" '$0 == "```" { on = 0 } on { print } $0 == fence { on = 1 }' "$page"
}

pc=$(dirname "$(find "$WEIR_PREFIX" -name weir.pc)")
export PKG_CONFIG_PATH="$pc" LD_LIBRARY_PATH="$(dirname "$pc")"
cp "$here"/*.c "$here"/*.h "$WEIR_WORK"
[ "$WEIR_SYSTEM" != Windows ] || cp "$WEIR_PREFIX"/bin/*.dll "$WEIR_WORK"
cd "$WEIR_WORK"

# The page's compiler is this build's, and its program runs under Wine if it must.
block sh | sed -e "s|^[a-z0-9_-]*cc |$WEIR_CC |" -e "s|^\(WEIR_DEBUG=[^ ]* \)*\./|\1$WEIR_RUN ./|" >commands
block text >expected
grep -q pkg-config commands || fail "$1 has no line that compiles by pkg-config"
[ -s expected ] || fail "$1 does not say what its program prints"
cat commands
sh -e commands >output || fail "$1: its commands fail"
tr -d '\r' <output | diff -u expected - || fail "$1 does not say what its program prints"
