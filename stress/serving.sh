# stress/serving.sh - for scripts that run weir-serve: read it in with `.`, from the top of the tree.
#
# It sees to it that no server stays. WEIR_BUILD names a directory that is built already; without it
# serving_build installs what is missing and builds the release.
. stress/script.sh

server=
build=${WEIR_BUILD:-}

script_end() {
    [ -z "$server" ] || kill -KILL "$server" 2>/dev/null
}

# serving_build <targets> <package ...>
serving_build() {
    [ -z "$build" ] || return 0
    targets=$1
    shift
    packages_install "$work/packages-log" "$@" || fail "they are needed"
    echo "building"
    build=build/release
    quietly cmake --fresh --preset release
    quietly cmake --build --preset release --target $targets -j "$(nproc 2>/dev/null || echo 2)"
}

# serving_start <command ...>: a weir-serve with --port 0; until it listens. $server and $url.
serving_start() {
    : >"$work/server"                   # the one before said the same there
    "$@" >"$work/server" 2>&1 </dev/null &
    server=$!
    until grep -q '^listening on ' "$work/server"; do
        kill -0 $server 2>/dev/null || {
            cat "$work/server" >&2
            fail "weir-serve did not start"
        }
        sleep 0.05
    done
    url=http://$(sed -n 's/^listening on //p' "$work/server")
}

# serving_stop [signal]: and its exit status.
serving_stop() {
    kill -"${1:-TERM}" $server
    wait $server 2>/dev/null
    set -- $?
    server=
    return "$1"
}
