#!/bin/sh
# The shared libraries show weir_ names and nothing else, need nothing but the C library (and weir), and stay loaded.
. "$(dirname "$0")/common.sh"

for name in weir weir-port; do
    if [ "$WEIR_SYSTEM" = Windows ]; then
        library=$(echo "$WEIR_PREFIX"/bin/lib$name-[0-9].dll)
        $WEIR_OBJDUMP -p "$library" | sed -n '/^\[Ordinal\/Name Pointer\]/,/^$/p' | awk '/\[ *[0-9]+\]/ { print $NF }' >"$WEIR_WORK/names"
        $WEIR_OBJDUMP -p "$library" | sed -n 's/.*DLL Name: //p' >"$WEIR_WORK/needed"
        allowed='^(KERNEL32|msvcrt|WS2_32|api-ms-win-.*|ntdll|libweir-0)\.dll$'
    else
        library=$(find "$WEIR_PREFIX" -name "lib$name.so")
        $WEIR_NM -D --defined-only "$library" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' >"$WEIR_WORK/names"
        $WEIR_OBJDUMP -p "$library" | awk '$1 == "NEEDED" { print $2 }' >"$WEIR_WORK/needed"
        allowed='^(libc\.so\.6|ld-linux.*|libweir\.so\.0)$'
        $WEIR_OBJDUMP -p "$library" | grep -q "SONAME *lib$name.so.0\$" || fail "$library: soname"
        readelf -d "$library" | grep -q NODELETE || fail "$library can be unloaded"
        if readelf -d "$library" | grep -q TEXTREL; then fail "$library has text relocations"; fi
    fi
    [ -s "$WEIR_WORK/names" ] || fail "$library shows no names"
    if grep -v '^weir_' "$WEIR_WORK/names"; then fail "$library shows these"; fi
    if grep -vE "$allowed" "$WEIR_WORK/needed"; then fail "$library needs these"; fi
    echo "$library: $(wc -l <"$WEIR_WORK/names") names; needs" $(cat "$WEIR_WORK/needed")
done
