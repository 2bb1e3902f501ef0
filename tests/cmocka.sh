#!/bin/sh
# cmocka.sh <build directory> <toolchain file>: cmocka for another target, into <build directory>/cmocka, where the configuration looks for it.
#
# Debian has cmocka for its own architecture alone. This takes Debian's own source package, by apt-get with lists of its own in the directory
# above (neither root nor a change to the machine's sources is needed), and builds its static library. Needs dpkg-dev, the target's gcc,
# cmake and make. Does nothing if it is there already; the source is fetched once for all targets.
set -eu
toolchain=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
mkdir -p "$1"
build=$(cd "$1" && pwd)
prefix=$build/cmocka
if [ -f "$prefix/lib/libcmocka-static.a" ]; then
    exit 0
fi
work=$(dirname "$build")/cmocka-source

unpacked() {
    find "$work" -mindepth 1 -maxdepth 1 -type d -name 'cmocka-*' 2>/dev/null
}

apt() {
    apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache::Archives="$work/archives" \
        -o Dir::Cache::pkgcache="" -o Dir::Cache::srcpkgcache="" -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Retries=3 "$@"
}

fetch() {
    rm -rf "$work"
    mkdir -p "$work/lists/partial" "$work/archives/partial"
    key=/usr/share/keyrings/debian-archive-keyring.gpg
    option=
    [ -f "$key" ] && option="[signed-by=$key] "

    # First the mirror that this machine uses, then Debian's own.
    release=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT) $(ORIGIN)' 'Created-By: Packages' 2>/dev/null |
        awk -v release="$release" '$2 == release && $3 == "main" && $4 == "Debian" { print $1; exit }')
    for uri in $mirror http://deb.debian.org/debian; do
        echo "deb-src $option$uri $release main" >"$work/sources.list"
        if (cd "$work" && apt update && apt source cmocka) >"$work/log" 2>&1; then
            break
        fi
    done
}

[ -n "$(unpacked)" ] || fetch
source=$(unpacked)
if [ -z "$source" ]; then
    cat "$work/log" >&2
    echo "cmocka.sh: the source package of cmocka could not be had from Debian" >&2
    exit 1
fi

cmake -S "$source" -B "$build/cmocka-build" -DCMAKE_TOOLCHAIN_FILE="$toolchain" -DCMAKE_BUILD_TYPE=Release \
    -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF -DUNIT_TESTING=OFF -DCMAKE_INSTALL_PREFIX="$prefix" -DCMAKE_INSTALL_LIBDIR=lib \
    >"$build/cmocka-build.log" 2>&1 &&
    cmake --build "$build/cmocka-build" --target install >>"$build/cmocka-build.log" 2>&1 || {
    cat "$build/cmocka-build.log" >&2
    echo "cmocka.sh: cmocka could not be built with $toolchain" >&2
    exit 1
}
