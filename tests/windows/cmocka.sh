#!/bin/sh
# cmocka.sh <build directory>: cmocka for Windows, into <build directory>/cmocka, where the configuration looks for it.
#
# Debian has no cmocka for mingw-w64. This takes Debian's own source package, by apt-get with lists of its own in the build
# directory (neither root nor a change to the machine's sources is needed), and builds its static library. Needs dpkg-dev,
# gcc-mingw-w64-x86-64, cmake and make. Does nothing if it is there already.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
mkdir -p "$1"
build=$(cd "$1" && pwd)
prefix=$build/cmocka
if [ -f "$prefix/lib/libcmocka-static.a" ]; then
    exit 0
fi

work=$build/cmocka-source
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/archives/partial"
key=/usr/share/keyrings/debian-archive-keyring.gpg
option=
[ -f "$key" ] && option="[signed-by=$key] "

apt() {
    apt-get -q -o Dir::Etc::SourceList="$work/sources.list" -o Dir::Etc::SourceParts=/dev/null \
        -o Dir::State::Lists="$work/lists" -o Dir::Cache::Archives="$work/archives" \
        -o Dir::Cache::pkgcache="" -o Dir::Cache::srcpkgcache="" -o APT::Sandbox::User="$(id -un)" \
        -o Acquire::Retries=3 "$@"
}

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
source=$(find "$work" -mindepth 1 -maxdepth 1 -type d -name 'cmocka-*')
if [ -z "$source" ]; then
    cat "$work/log" >&2
    echo "cmocka.sh: the source package of cmocka could not be had from Debian" >&2
    exit 1
fi

cmake -S "$source" -B "$work/build" -DCMAKE_TOOLCHAIN_FILE="$here/../../src/cmake/mingw-w64.cmake" -DCMAKE_BUILD_TYPE=Release \
    -DWITH_STATIC_LIB=ON -DWITH_EXAMPLES=OFF -DUNIT_TESTING=OFF -DCMAKE_INSTALL_PREFIX="$prefix" >"$work/log" 2>&1 &&
    cmake --build "$work/build" --target install >>"$work/log" 2>&1 || {
    cat "$work/log" >&2
    echo "cmocka.sh: cmocka could not be built for Windows" >&2
    exit 1
}
