# tests/packages.sh - Debian's packages, for scripts that install what they need: read it in with `.`, from the top of the tree.

# packages_missing <package ...>: those that are not installed.
packages_missing() {
    for package in "$@"; do
        case $(dpkg-query -W -f='${Status}' "$package" 2>/dev/null) in
        *" ok installed") ;;
        *) echo "$package" ;;
        esac
    done
}

packages_as_root() {
    if [ "$(id -u)" = 0 ]; then
        env DEBIAN_FRONTEND=noninteractive "$@"
    elif command -v sudo >/dev/null; then
        sudo -n env DEBIAN_FRONTEND=noninteractive "$@"
    else
        echo "neither root nor sudo"
        return 1
    fi
}

# packages_install <log> <package ...>: installs what is missing; apt-get's output goes to the log. 1: some can't be had; they are named, with the end
# of the log.
packages_install() {
    packages_log=$1
    shift
    packages_wanted=$(packages_missing "$@")
    [ -n "$packages_wanted" ] || return 0
    echo "installing:" $packages_wanted
    packages_options="-q -y -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 -o Dpkg::Use-Pty=0"
    {
        packages_as_root apt-get $packages_options update       # one source may be out of reach
        packages_as_root apt-get $packages_options install --no-install-recommends $packages_wanted
        for package in $(packages_missing $packages_wanted); do # one that can't be had must not keep the others away
            packages_as_root apt-get $packages_options install --no-install-recommends "$package"
        done
    } >"$packages_log" 2>&1 </dev/null
    packages_wanted=$(packages_missing $packages_wanted)
    [ -n "$packages_wanted" ] || return 0
    tail -n 30 "$packages_log"
    for package in $packages_wanted; do
        echo "the package $package is missing and could not be installed"
    done
    return 1
}
