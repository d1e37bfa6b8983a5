#!/usr/bin/env bash
# Runs every test of the project. It sets up what they need: a machine with cargo and Python 3.11 to 3.13 is enough.
#
#   bash tests/run.sh                         everything
#   bash tests/run.sh -- -p relay-tests pair  what `cargo test` makes of these arguments
#
# The interop tests talk to the published Python clients. Each version lives in a virtual environment of its own
# under interop/ in cargo's target directory, made once and used again. Without them nothing is tested: whatever
# cannot be set up is a failure, and says so in one line.
set -euo pipefail

# The published clients that the interop tests talk to. tests/tests/interop/environment.rs names them, too.
VERSIONS=(0.18.0 0.19.0)

started=$SECONDS

say() { printf '== %s\n' "$*"; }

fail() {
    printf '== FAILED: %s\n' "$*" >&2
    exit 1
}

arguments=()
case "${1-}" in
'') ;;
--) arguments=("${@:2}") ;;
*) fail "unknown argument $1: write bash tests/run.sh [-- ARGUMENTS OF cargo test]" ;;
esac
[ ${#arguments[@]} -gt 0 ] || arguments=(--workspace)

cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v cargo >/dev/null || fail "cargo is missing: install Rust from https://rustup.rs"

# What runs is a process group of its own, of which nothing is left behind, however this ends.
group=''
end_group() {
    [ -z "$group" ] || kill -KILL -- "-$group" 2>/dev/null || true
    group=''
}
trap end_group EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

in_a_group() {
    set -m
    "$@" &
    group=$!
    set +m
    local status=0
    wait "$group" || status=$?
    end_group
    return "$status"
}

# The published clients take Python 3.11 to 3.13.
find_python() {
    local candidate
    for candidate in python3 python3.13 python3.12 python3.11; do
        if "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then
            command -v "$candidate"
            return
        fi
    done
    return 1
}

# Installs Debian's packages, where that may be done.
install() {
    [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null || return 0
    say "installing $*"
    { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y "$@"; } >"$log" 2>&1 ||
        fail "cannot install $*: $(tail -n 1 "$log")"
}

# Rust links with the C compiler, and the TLS library has a part in C.
need_compiler() {
    command -v cc >/dev/null || install gcc libc6-dev
    command -v cc >/dev/null || fail "a C compiler is missing: apt-get install gcc libc6-dev"
}

# Debian keeps a part of the venv module in a package of its own.
need_venv() {
    "$python" -c 'import ensurepip, venv' 2>/dev/null && return
    local package
    package=$("$python" -c 'import sys; print("python{}.{}-venv".format(*sys.version_info))')
    install "$package"
    "$python" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "the venv module of $python is missing: apt-get install $package"
}

# Some tests make network hosts of their own. Without `ip` they say what they do not check, and pass.
want_iproute() {
    command -v ip >/dev/null || (install iproute2) || say "going on without iproute2"
}

# A virtual environment with one version of the published client, made anew unless it is complete.
environment() {
    local version=$1 directory="$interop/hermes-$1" stamp
    stamp="hermes-agent==$version $("$python" -c 'import sys; print(sys.version)')"
    if [ -x "$directory/bin/python" ] && [ "$(cat "$directory/complete" 2>/dev/null)" = "$stamp" ]; then
        say "hermes-agent $version: using $directory"
        return
    fi
    say "hermes-agent $version: installing it into $directory"
    need_venv
    rm -rf "$directory"
    "$python" -m venv "$directory" >"$log" 2>&1 || fail "cannot make $directory: $(tail -n 1 "$log")"
    in_a_group "$directory/bin/python" -m pip install --disable-pip-version-check --no-input \
        "hermes-agent==$version" websockets >"$log" 2>&1 ||
        fail "cannot install hermes-agent==$version from PyPI: $(grep -i error "$log" | tail -n 1)"
    "$directory/bin/python" -c 'import gateway.relay.ws_transport' >"$log" 2>&1 ||
        fail "hermes-agent $version does not work here: $(tail -n 1 "$log")"
    printf '%s\n' "$stamp" >"$directory/complete"
}

python=$(find_python) ||
    fail "Python 3.11, 3.12 or 3.13 is missing ($(python3 --version 2>/dev/null || echo "there is no python3")):" \
        "apt-get install python3 python3-venv"
target=$(cargo metadata --format-version 1 --no-deps |
    "$python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
interop="$target/interop"
log="$interop/setup.log"
mkdir -p "$interop"

need_compiler
want_iproute
say "with $(cargo --version) and $("$python" --version), in $target"
for version in "${VERSIONS[@]}"; do
    environment "$version"
done
set_up=$SECONDS

say "building"
in_a_group cargo test --no-run "${arguments[@]}" || fail "the build"
# Of the whole workspace, the binary is a part.
[ "${arguments[*]}" = --workspace ] || in_a_group cargo build -p relay-tokio --bin relay || fail "the build"
built=$SECONDS

say "testing: cargo test ${arguments[*]}"
results="$interop/results.log"
status=0
# What was built for the tests is also what the interop tests start.
RELAY_INTEROP="$interop" RELAY_BINARY="$target/debug/relay" in_a_group bash -c '
    set -o pipefail
    results=$1
    shift
    cargo test --no-fail-fast "$@" 2>&1 | tee "$results"
' bash "$results" "${arguments[@]}" || status=$?

say "what ran:"
awk '
    $1 == "Running" { name = $2 == "unittests" ? $4 : $2; sub(/^\(.*\//, "", name); sub(/-[0-9a-f]+\)$/, "", name) }
    $1 == "Doc-tests" { name = "documentation of " $2 }
    /^test result:/ {
        printf "   %-44s %5d passed %3d failed %3d ignored %8s\n", name, $4, $6, $8, $NF
        passed += $4; failed += $6; ignored += $8
    }
    END { printf "   %-44s %5d passed %3d failed %3d ignored\n", "together", passed, failed, ignored }
' "$results"
say "set-up $((set_up - started)) s, build $((built - set_up)) s, tests $((SECONDS - built)) s," \
    "together $((SECONDS - started)) s"
[ "$status" = 0 ] || fail "see $results"
say "everything passed"
