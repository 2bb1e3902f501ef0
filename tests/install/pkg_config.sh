#!/bin/sh
# Programs outside the tree find weir by pkg-config, from a prefix that was moved after the installation.
. "$(dirname "$0")/common.sh"

prefix=$WEIR_WORK/moved
cp -R "$WEIR_PREFIX" "$prefix"
pc=$(dirname "$(find "$prefix" -name weir.pc)")
lib=$(dirname "$pc")
export PKG_CONFIG_LIBDIR="$pc"          # this directory only

# build <program> <compiler> <module> <file> [flags]: with the shared library
build() {
    program=$1 compiler=$2 module=$3 file=$4
    shift 4
    $compiler "$@" $(pkg-config --cflags "$module") -o "$WEIR_WORK/$program" "$source/$file" $(pkg-config --libs "$module") ||
        fail "$program does not build"
}

# run <program>
run() {
    echo "$1:"
    LD_LIBRARY_PATH=$lib $WEIR_RUN "$WEIR_WORK/$1" || fail "$1 does not run"
}

source=$WEIR_SOURCE/tests/install/consumer
if [ "$WEIR_SYSTEM" = Windows ]; then
    cp "$prefix"/bin/*.dll "$WEIR_WORK"
fi

build c.exe "$c" weir consumer.c
build c_optimised.exe "$c -O2" weir consumer.c
build c_no_inline.exe "$c -O2" weir consumer.c -DWEIR_NO_INLINE
build port.exe "$c -O2" weir-port port.c
programs="c.exe c_optimised.exe c_no_inline.exe port.exe"
if [ -n "$cxx" ]; then
    build cxx.exe "$cxx -O2 -x c++" weir consumer.c
    build cxx_no_inline.exe "$cxx -O2 -x c++" weir consumer.c -DWEIR_NO_INLINE
    build cxx_port.exe "$cxx -O2 -x c++" weir-port port.c
    build hpp.exe "$cxx -O2" weir consumer.cpp
    programs="$programs cxx.exe cxx_no_inline.exe cxx_port.exe hpp.exe"
fi

# Statically: what `pkg-config --static` says is all that is needed.
$c -O2 $(pkg-config --cflags weir) -o "$WEIR_WORK/static.exe" "$source/consumer.c" -static $(pkg-config --static --libs weir)
$c -O2 $(pkg-config --cflags weir-port) -o "$WEIR_WORK/port_static.exe" "$source/port.c" -static \
    $(pkg-config --static --libs weir-port)
for program in $programs static.exe port_static.exe; do
    run "$program"
done
