#!/usr/bin/env bash
# Changes relay-proto in every way that cargo-mutants knows, one at a time, and sees whether a test notices.
#
#   bash tests/mutation/run.sh                    all of relay-proto: hours
#   bash tests/mutation/run.sh --shard 0/8        an eighth of it
#   bash tests/mutation/run.sh -f '**/ledger/**'  some files; whatever else `cargo mutants` takes goes here, too
#
# First the tests that take no time; what they miss, the slow ones get to see. What both miss and survivors.txt does not
# name is shown, and ends the script with status 1; so does a share of less than 95 in a hundred caught. The project
# itself is not touched. The lists are left in mutants/ below cargo's target directory.
set -euo pipefail

LEAST_CAUGHT=95

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
cargo mutants --version >/dev/null 2>&1 || {
    echo "cargo-mutants is missing: cargo install cargo-mutants --locked" >&2
    exit 1
}
target=$(cargo metadata --format-version 1 --no-deps | sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p')
output="$target/mutants"
lists="$output/mutants.out"
export PROPTEST_DISABLE_FAILURE_PERSISTENCE=1
# Each job builds in a copy of its own.
unset CARGO_TARGET_DIR

# The tests to run, and before that the same tests without a mutant: cargo-mutants would look for them in relay-proto
# alone.
of_stage() {
    case $1 in
    fast)
        export PROPTEST_CASES=48
        package=relay-mutation arguments=(--lib --test=fast)
        # These few take as long as all the others.
        skipped=(--skip a_peer_that_takes_nothing --skip dormant_after_the_ack --skip a_hostile_depth_is_cut_off)
        ;;
    slow)
        unset PROPTEST_CASES
        package=relay-tests arguments=(--features=relay-tests/mutation --lib --test=slow)
        skipped=()
        ;;
    esac
}

mutate() {
    local stage=$1 status=0
    shift
    of_stage "$stage"
    cargo test --quiet --profile mutation -p relay-proto -p "$package" "${arguments[@]}" -- "${skipped[@]}"
    cargo mutants -p relay-proto --test-package "relay-proto,$package" --baseline skip --no-times \
        --jobs "${JOBS:-2}" --output "$output" "${arguments[@]/#/-C=}" "$@" -- -- "${skipped[@]}" || status=$?
    # 2 and 3: some were missed, or took too long. That is what the next step is about.
    case $status in 0 | 2 | 3) ;; *) exit "$status" ;; esac
}

count() { cat "$@" 2>/dev/null | wc -l; }

rm -rf "$output"
mkdir -p "$output"
# The fast tests take a second: one that takes this long waits for ever.
mutate fast --timeout 30 "$@"
# A mutant that hangs is noticed: the slow tests need not wait for it again.
cat "$lists/timeout.txt" >>"$lists/caught.txt"
caught=$(count "$lists/caught.txt")
if [ -s "$lists/missed.txt" ]; then
    mutate slow --iterate --timeout 600 "$@"
    caught=$((caught + $(count "$lists/caught.txt" "$lists/timeout.txt")))
fi

# Places move with every change of a file; the rest of a line names the mutant.
name_of() { sed -E 's/:[0-9]+:[0-9]+: /: /'; }
missed=$(count "$lists/missed.txt")
echo
echo "$caught of $((caught + missed)) viable mutants caught"
unknown=$(name_of <"$lists/missed.txt" | grep -vxFf <(sed -n 's/^MISSED //p' tests/mutation/survivors.txt) || true)
if [ -n "$unknown" ]; then
    printf 'not caught, and not in tests/mutation/survivors.txt:\n%s\n' "$unknown" >&2
    exit 1
fi
[ $((100 * caught)) -ge $((LEAST_CAUGHT * (caught + missed))) ] || {
    echo "that is less than $LEAST_CAUGHT in a hundred" >&2
    exit 1
}
