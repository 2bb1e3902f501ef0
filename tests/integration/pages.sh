#!/bin/sh
# pages.sh - the code that the pages show is the code that the tests run.
#
# A page's block "```c own_epoll.c#read.after" must equal the lines of own_epoll.c between "/* page: read.after */" and
# the next line that says "/* page:". And each region of a source must be shown, or a page could lose its block unnoticed.
set -eu
cd "$(dirname "$0")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

complain() {
    echo "FAILED: $*" >&2
    failed=1
}

# block <page> <info>: the lines of the fenced block
block() {
    awk -v fence="\`\`\`c $2" '$0 == "```" { on = 0 } on { print } $0 == fence { on = 1 }' "$1"
}

# region <source> <name>: the lines between the marks
region() {
    awk -v mark="/* page: $2 */" '/\/\* page:/ { on = index($0, mark) > 0; next } on { print }' "$1"
}

for page in *.md ../../debug/migrate-a-count.md; do
    infos=$(sed -n 's/^```c \(..*\)$/\1/p' "$page")
    [ -n "$infos" ] || complain "$page shows no code of a source"
    if grep -q '^```c *$' "$page"; then
        complain "$page: a block of C that doesn't say where it is from"
    fi
    for info in $infos; do
        source=${info%%#*}
        name=${info#*#}
        if [ ! -f "$source" ] || [ "$(grep -c -F "/* page: $name */" "$source")" != 1 ]; then
            complain "$page: $source has not exactly one region $name"
            continue
        fi
        block "$page" "$info" >"$work/block"
        region "$source" "$name" >"$work/region"
        if [ ! -s "$work/region" ] || ! diff -u "$work/region" "$work/block"; then
            complain "$page: $info is not what $source says"
        fi
        echo "$info" >>"$work/shown"
    done
done

for source in *.c; do
    for name in $(sed -n 's|.*/\* page: \([a-z.]*\) \*/.*|\1|p' "$source"); do
        grep -q -x -F "$source#$name" "$work/shown" || complain "no page shows $source#$name"
    done
done

[ $failed = 0 ] && echo "$(wc -l <"$work/shown") blocks are what the sources say"
exit $failed
