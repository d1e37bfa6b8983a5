#!/usr/bin/env bash
# Shows that the checks bite: applies each seeded fault in turn, and names the test that notices it.
#
#   bash tests/mutants/run.sh              every fault of this directory
#   bash tests/mutants/run.sh 04 no-latch  those whose file names contain one of these
#
# A fault is a patch of a line or a few. Before the diff it says which rules it breaks and how (`# RULE:`), and which
# tests are the likeliest to notice (`# FIRST:`, names of files in tests/tests, or `relay-proto` and `relay-driver`
# for the tests within a crate). What these miss, the other fast tests get to see, and then the slow ones: those over
# real sockets, and those that explore. Where several tests notice, the one named is one that checks the rule, if
# there is one.
#
# The project itself is not touched: a copy of it is patched and built below cargo's target directory. The whole takes
# about ten minutes on two cores, which is why tests/run.sh leaves it out. It ends with status 1 when a fault
# survived, when a patch no longer applies or builds, or when the checks fail without any fault.
set -euo pipefail

# In seconds. A test that a fault keeps from ending counts as one that notices it.
FAST_LIMIT=100
SLOW_LIMIT=600

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
scratch="$target/mutants"
tree="$scratch/tree"
original="$scratch/original"
log="$scratch/log"
export CARGO_TARGET_DIR="$scratch/build" CARGO_PROFILE_DEV_DEBUG=0 CARGO_TERM_COLOR=never
# What a fault makes fail must not be tried again with the next one.
export PROPTEST_DISABLE_FAILURE_PERSISTENCE=1

# Twice: one copy to patch, and one to mend it from, whatever becomes of the project meanwhile. Every file is new to
# cargo, which otherwise would take what it built of the last fault for the project.
copy_project() {
    rm -rf "$original" "$tree"
    mkdir -p "$original" "$tree"
    tar -c --exclude=./target --exclude=./.git . | tar -x -C "$original"
    tar -c -C "$original" . | tar -xm -C "$tree"
}

# The tests of the machines that take seconds, and need no sockets and no published clients.
fast_tests() {
    local file name
    printf '%s\n' relay-proto relay-driver
    for file in tests/tests/*.rs; do
        name=$(basename "$file" .rs)
        case "$name" in
        interop_* | model* | fuzz* | footprint | incidents | no_std | network_hosts | simulation) ;;
        *) printf '%s\n' "$name" ;;
        esac
    done
}

slow_tests() {
    local file
    for file in tests/tests/{model,fuzz}*.rs; do
        [ ! -e "$file" ] || basename "$file" .rs
    done
    printf '%s\n' conformance simulation
}

# Runs these tests in the copy, for at most so long. 0: all passed; 1: some failed, or did not end; 2: the copy does
# not build.
check() {
    local name limit=$1 packages=() tests=()
    for name in "${@:2}"; do
        case "$name" in
        relay-proto | relay-driver) packages+=(-p "$name") ;;
        *) tests+=(--test "$name") ;;
        esac
    done
    [ ${#packages[@]} -eq 0 ] || packages+=(--lib)
    [ ${#tests[@]} -eq 0 ] || tests=(-p relay-tests "${tests[@]}")
    : >"$log"
    run_cargo "$limit" "${packages[@]}" && run_cargo "$limit" "${tests[@]}"
}

run_cargo() {
    [ $# -gt 1 ] || return 0
    local limit=$1 status=0
    shift
    (cd "$tree" && cargo test --no-run "$@") >>"$log" 2>&1 || return 2
    (cd "$tree" && timeout "$limit" cargo test "$@") >>"$log" 2>&1 || status=$?
    [ "$status" != 124 ] || printf 'test the_time_limit ... FAILED\n' >>"$log"
    [ "$status" = 0 ]
}

# Of the failed tests in the log, one that says that it checks one of these rules; else the first.
killer() {
    local rules=$1 file name first='' count=0 telling=''
    while read -r file name; do
        count=$((count + 1))
        [ -n "$first" ] || first="${file##*/}::$name"
        [ -z "$telling" ] && checks "$file" "${name##*::}" "$rules" && telling="${file##*/}::$name"
    done < <(awk '
        $1 == "Running" { file = $2 == "unittests" ? "src" : $2 }
        /^test .* (\.\.\. FAILED|has been running for over 60 seconds)$/ { print file, $2 }
    ' "$log")
    printf '%s' "${telling:-${first:-a crash}}"
    [ "$count" -le 1 ] || printf ' and %d more' $((count - 1))
    [ -n "$telling" ] || printf ' (no test of that rule)'
}

# Whether the doc comment of this test names one of the rules.
checks() {
    local file=$1 name=$2 rule
    for rule in $3; do
        grep -rhE -B 8 "fn $name\(" "tests/$file" relay-proto/src relay-proto/driver/src 2>/dev/null |
            awk -v name="$name" '
                /^[[:space:]]*\/\/\// { doc = doc $0 }
                $0 ~ "fn " name "\\(" { print doc }
                /^[[:space:]]*}/ { doc = "" }
            ' | grep -qw "$rule" && return 0
    done
    return 1
}

restore() {
    local file
    for file in $(sed -n 's|^+++ b/||p' "$1"); do
        cp "$original/$file" "$tree/$file"
    done
}

# Prints the one line about a fault; 1 when it survived, or could not be tried.
try() {
    local patch=$1 name rules first verdict status=0
    name=$(basename "$patch" .patch)
    rules=$(sed -n 's/^# RULE: \([A-Z0-9 ]*\):.*/\1/p' "$patch")
    read -ra first < <(sed -n 's/^# FIRST: //p' "$patch")
    if ! patch -p1 --forward --fuzz=0 --silent -d "$tree" <"$patch" >"$log" 2>&1; then
        verdict='DOES NOT APPLY'
    else
        check "$FAST_LIMIT" "${first[@]}" || status=$?
        [ "$status" != 0 ] || check "$FAST_LIMIT" "${fast[@]}" || status=$?
        [ "$status" != 0 ] || check "$SLOW_LIMIT" "${slow[@]}" || status=$?
        case "$status" in
        0) verdict=SURVIVED ;;
        1) verdict="killed by $(killer "$rules")" ;;
        *) verdict='DOES NOT BUILD' ;;
        esac
    fi
    restore "$patch"
    printf '%-40s %-7s %s\n' "$name" "$rules" "$verdict"
    [ "$status" = 1 ]
}

wanted() {
    local part
    [ $# -gt 1 ] || return 0
    for part in "${@:2}"; do
        case "$(basename "$1")" in *"$part"*) return 0 ;; esac
    done
    return 1
}

copy_project
mapfile -t fast < <(fast_tests)
mapfile -t slow < <(slow_tests)
{ check "$FAST_LIMIT" "${fast[@]}" && check "$SLOW_LIMIT" "${slow[@]}"; } || {
    printf 'the checks fail without any fault: see %s\n' "$log" >&2
    exit 1
}

tried=0 failed=0
for patch in tests/mutants/*.patch; do
    wanted "$patch" "$@" || continue
    tried=$((tried + 1))
    try "$patch" || failed=$((failed + 1))
done
printf '%d faults, %d killed, %d not\n' "$tried" $((tried - failed)) "$failed"
[ "$tried" -gt 0 ] && [ "$failed" = 0 ]
