#!/bin/sh
# The shared libraries show exactly the names that the public headers declare, inline functions too, and all begin with weir_. They
# need nothing but the system's libraries (weir-port: and weir), and stay loaded. weir itself never calls malloc, so that it can be used in a
# forked child and below an allocator.
. "$(dirname "$0")/common.sh"

# names <file>: what an object shows, sorted.     needed <file>: the libraries it asks for.
if [ "$WEIR_SYSTEM" = Windows ]; then
    names() {
        $WEIR_OBJDUMP -p "$1" | sed -n '/^\[Ordinal\/Name Pointer\]/,/^$/p' | awk '/\[ *[0-9]+\]/ { print $NF }' | sort
    }
    needed() {
        $WEIR_OBJDUMP -p "$1" | sed -n 's/.*DLL Name: //p'
    }
    allowed='^(KERNEL32|ADVAPI32|msvcrt|WS2_32|ntdll|api-ms-win-core-synch-.*|libweir-0)\.dll$'
else
    names() {
        $WEIR_NM -D --defined-only "$1" | awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' | sort
    }
    needed() {
        $WEIR_OBJDUMP -p "$1" | awk '$1 == "NEEDED" { print $2 }'
    }
    allowed='^(libc\.so(\.6)?|ld-linux.*|libweir\.so\.0)$'        # libc.so is musl's
fi

# declared <header ...>: the names that follow WEIR_API, with the inlined parts and without.
declared() {
    for header in "$@"; do
        printf '#include <weir/%s>\n' "$header"
    done >"$WEIR_WORK/declared.c"
    for inline in WEIR_INLINED WEIR_NO_INLINE; do
        $c -D$inline -DWEIR_API=WEIR_SHOWN -I"$WEIR_PREFIX/include" -E -P "$WEIR_WORK/declared.c"
    done | tr '\n' ' ' | sed 's/WEIR_SHOWN/\n&/g' | sed -n 's/^WEIR_SHOWN[^;]*\(weir_[a-z0-9_]*\) *[[(].*/\1/p' | sort -u
}

declared weir.h inline/error.h >"$WEIR_WORK/weir.declared"
declared port.h stream.h | comm -13 "$WEIR_WORK/weir.declared" - >"$WEIR_WORK/weir-port.declared"
for name in weir weir-port; do
    if [ "$WEIR_SYSTEM" = Windows ]; then
        library=$(echo "$WEIR_PREFIX"/bin/lib$name-[0-9].dll)
    else
        library=$(find "$WEIR_PREFIX" -name "lib$name.so")
        $WEIR_OBJDUMP -p "$library" | grep -q "SONAME *lib$name\.so\.0\$" || fail "$library: soname"
        readelf -d "$library" | grep -q NODELETE || fail "$library can be unloaded"
        if readelf -d "$library" | grep -q TEXTREL; then fail "$library has text relocations"; fi
        if [ $name = weir ] && $WEIR_NM -D --undefined-only "$library" | grep -E ' (malloc|calloc|realloc|aligned_alloc|free)(@|$)'; then
            fail "$library calls these"
        fi
    fi
    names "$library" >"$WEIR_WORK/$name.shown"
    [ -s "$WEIR_WORK/$name.shown" ] || fail "$library shows no names"
    if grep -v '^weir_' "$WEIR_WORK/$name.shown"; then fail "$library shows these"; fi
    if comm -23 "$WEIR_WORK/$name.declared" "$WEIR_WORK/$name.shown" | grep .; then fail "$library lacks these"; fi
    if comm -13 "$WEIR_WORK/$name.declared" "$WEIR_WORK/$name.shown" | grep .; then fail "$library shows these, which no header declares"; fi
    if needed "$library" | grep -vE "$allowed"; then fail "$library needs these"; fi
    echo "$library: $(wc -l <"$WEIR_WORK/$name.shown") names; needs" $(needed "$library")
done
