#!/usr/bin/env bash
# Changes relay-proto in every way that cargo-mutants knows, one at a time, and sees whether a test notices.
#
#   bash tests/mutation/run.sh                    all of relay-proto: hours
#   bash tests/mutation/run.sh --shard 0/8        an eighth of it
#   bash tests/mutation/run.sh --resume           goes on where a run was stopped, or looks at its survivors again
#   bash tests/mutation/run.sh -f '**/ledger/**'  some files; whatever else `cargo mutants` takes goes here, too
#
# First the machines' tests that take no time; what they miss, the parts' own tests get to see, and then the slow ones,
# but for those that survivors.txt names: they take minutes each, and count as not caught. What all miss and
# survivors.txt does not name is shown, and ends the script with status 1; so does a share of less than 95 in a hundred
# caught. The project itself is not touched. The lists are left in cargo-mutants/ below the target directory.
set -euo pipefail

LEAST_CAUGHT=95

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cargo mutants --version >/dev/null 2>&1 || {
    echo "cargo-mutants is missing: cargo install cargo-mutants --locked" >&2
    exit 1
}
target=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
output="$target/cargo-mutants"
lists="$output/mutants.out"
export PROPTEST_DISABLE_FAILURE_PERSISTENCE=1
# That a case fails is enough; nobody reads which is the smallest.
export PROPTEST_MAX_SHRINK_ITERS=0
triple=$(rustc -vV | sed -n 's/^host: //p' | tr 'a-z-' 'A-Z_')
# Each job builds in a copy of its own.
unset CARGO_TARGET_DIR

of_stage() {
    case $1 in
    fast)
        export PROPTEST_CASES=48
        packages=(relay-mutation) arguments=(--test=fast) seconds=15
        # It takes as long as all the others.
        skipped=(--skip a_peer_that_takes_nothing)
        ;;
    unit)
        packages=(relay-proto) arguments=(--lib) seconds=15 skipped=()
        ;;
    slow)
        unset PROPTEST_CASES
        packages=(relay-tests) arguments=(--features=relay-tests/mutation --test=slow) seconds=600 skipped=()
        ;;
    esac
    # A mutant that runs for ever is stopped by the processor time that it took, which a busy machine does not change.
    export "CARGO_TARGET_${triple}_RUNNER=prlimit --cpu=$seconds"
}

# The tests are run without a mutant first: cargo-mutants by itself would look for them in relay-proto alone.
mutate() {
    local stage=$1 status=0
    shift
    of_stage "$stage"
    cargo test --quiet --profile mutation -p "${packages[@]}" "${arguments[@]}" -- "${skipped[@]}"
    cargo mutants -p relay-proto --test-package "${packages[@]}" --baseline skip --no-times \
        --jobs "${JOBS:-2}" --output "$output" --timeout 1800 "${arguments[@]/#/-C=}" "$@" -- -- "${skipped[@]}" || status=$?
    # 2 and 3: some were missed, or took too long. That is what the next step is about.
    case $status in 0 | 2 | 3) ;; *) exit "$status" ;; esac
    cat "$lists/unviable.txt" >>"$output/unviable.txt"
}

lines() { sort -u | wc -l; }

# What survivors.txt names, as regular expressions. Places move with every change of a file; the rest names the mutant.
mapfile -t survivors < <(sed -nE 's/[][().*+?|^$\\{}]/\\&/g; s/: /:[0-9]+:[0-9]+: /; s/^MISSED (.*)/^\1$/p' \
    tests/mutation/survivors.txt)
# The lines of a list that it names, and with -v the others.
survivors_of() { grep -E "${@:2}" -f <(printf '%s\n' "${survivors[@]}") "$1" || true; }

resume=()
if [ "${1:-}" = --resume ]; then
    shift
    resume=(--iterate)
else
    rm -rf "$output"
fi
mkdir -p "$output"
mutate fast "${resume[@]}" "$@"
[ ! -s "$lists/missed.txt" ] || mutate unit --iterate "$@"
known=$(survivors_of "$lists/missed.txt" | lines)
[ -z "$(survivors_of "$lists/missed.txt" -v)" ] || mutate slow --iterate "${survivors[@]/#/--exclude-re=}" "$@"
unknown=$(survivors_of "$lists/missed.txt" -v)
viable=$(($(cargo mutants -p relay-proto --list "$@" | lines) - $(lines <"$output/unviable.txt")))
caught=$((viable - known - $(sed '/^$/d' <<<"$unknown" | lines)))

echo
echo "$caught of $viable viable mutants caught"
if [ -n "$unknown" ]; then
    printf 'not caught, and not in tests/mutation/survivors.txt:\n%s\n' "$unknown" >&2
    exit 1
fi
[ $((100 * caught)) -ge $((LEAST_CAUGHT * viable)) ] || {
    echo "that is less than $LEAST_CAUGHT in a hundred" >&2
    exit 1
}
