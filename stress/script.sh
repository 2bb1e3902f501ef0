# stress/script.sh - what the scripts here have in common: read it in with `.`, from the top of the tree. It makes $work, a directory that goes when the script
# ends, after script_end, which a script may define anew.
. tests/packages.sh

work=$(mktemp -d) || exit 1

script_end() {
    :
}
trap 'script_end; rm -rf "$work"' EXIT
trap 'exit 130' HUP INT TERM

fail() {
    echo "${0##*/}: $*" >&2
    exit 1
}

# quietly <command ...>: its output is shown only if it fails.
quietly() {
    "$@" >"$work/log" 2>&1 </dev/null && return 0
    tail -n 60 "$work/log" >&2
    fail "failed: $*"
}
