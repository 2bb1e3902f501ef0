#!/bin/sh
# A program built for another layout of the inlined structures does not link: its out of line calls have another number.
. "$(dirname "$0")/common.sh"

lib=$(dirname "$(find "$WEIR_PREFIX" -name libweir.a)")
consumer=$WEIR_SOURCE/tests/install/consumer/consumer.c
cp -R "$WEIR_PREFIX/include" "$WEIR_WORK/include"
$c -O2 -I"$WEIR_WORK/include" -o "$WEIR_WORK/same.exe" "$consumer" -L"$lib" -lweir || fail "the same layout does not link"

sed -i 's/\(weir_[a-z_]*_\)1\>/\12/g' "$WEIR_WORK"/include/weir/*.h "$WEIR_WORK"/include/weir/inline/*.h
if $c -O2 -I"$WEIR_WORK/include" -o "$WEIR_WORK/other.exe" "$consumer" -L"$lib" -lweir 2>"$WEIR_WORK/message"; then
    fail "a program for layout 2 links with a library of layout 1"
fi
grep -E 'undefined reference to .*weir_[a-z_]+_2' "$WEIR_WORK/message" || fail "it fails for another reason: $(cat "$WEIR_WORK/message")"
