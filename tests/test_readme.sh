#!/bin/sh
# test_readme.sh - the README's first op: its program, compiled by its own line against the installed tree, prints what the
# README says.
#
# The program is the block "```c first-op.c", the output the block "```text first-op.out", and the line is the one that names
# first-op.c and pkg-config. Runs in the environment of the tests of the installed tree (tests/install/common.sh).
. "$WEIR_SOURCE/tests/install/common.sh"
readme=$WEIR_SOURCE/README.md

# block <info>
block() {
    awk -v fence="\`\`\`$1" '$0 == "```" { on = 0 } on { print } $0 == fence { on = 1 }' "$readme"
}

block "c first-op.c" >"$WEIR_WORK/first-op.c"
block "text first-op.out" >"$WEIR_WORK/first-op.out"
[ -s "$WEIR_WORK/first-op.c" ] || fail "README.md has no block \`\`\`c first-op.c"
[ -s "$WEIR_WORK/first-op.out" ] || fail "README.md has no block \`\`\`text first-op.out"

sed -n 's/^ *\$\{0,1\} *\(cc .*first-op\.c.*pkg-config.*\)$/\1/p' "$readme" >"$WEIR_WORK/line"
[ "$(wc -l <"$WEIR_WORK/line")" = 1 ] || fail "README.md has not exactly one line that compiles first-op.c by pkg-config"
grep -q '\./first-op' "$WEIR_WORK/line" || echo "./first-op" >>"$WEIR_WORK/line"
sed "s|^cc |$WEIR_CC -Wall -Wextra -Werror |; s|\./first-op\$|$WEIR_RUN ./first-op|" "$WEIR_WORK/line" >"$WEIR_WORK/commands"

pc=$(dirname "$(find "$WEIR_PREFIX" -name weir.pc)")
export PKG_CONFIG_LIBDIR="$pc" LD_LIBRARY_PATH="$(dirname "$pc")"
cd "$WEIR_WORK"
cat commands
sh -e commands >output || fail "the README's program does not compile or run"
diff -u first-op.out output || fail "the README's program prints something else"
