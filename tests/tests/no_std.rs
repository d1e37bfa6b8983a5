//! The machines without the standard library: linked into a C program, which runs them. The crate is in `no_std`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("no_std")
}

/// Runs a command, and gives what it prints. `missing` says what to do when there is no such program.
fn run(command: &mut Command, missing: &str) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().unwrap_or_else(|error| panic!("cannot run {program}: {error}; {missing}"));
    let (printed, complaints) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{program}: {}\n{printed}{complaints}", output.status);
    printed.into_owned()
}

/// Both machines are linked into a C program with a panic handler and an allocator of their own, which a crate that
/// brings `std` would not allow, and go through a delivery, a cut, and a delivery that waited.
#[test]
fn a_c_program_runs_both_machines() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("no_std");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--locked", "--manifest-path"]).arg(source().join("Cargo.toml"));
    // What the tests of the workspace are built with, say for their coverage, is not for a C program.
    for flags in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
        cargo.env_remove(flags);
    }
    run(cargo.arg("--target-dir").arg(&target), "cargo runs the tests, so it should be there");

    let program = target.join("relay");
    let mut cc = Command::new("cc");
    cc.args(["-Wall", "-Werror", "-o"]).arg(&program).arg(source().join("main.c"));
    run(cc.arg(target.join("debug/librelay_no_std.a")), "install a C compiler, such as gcc and libc6-dev");

    let printed = run(&mut Command::new(&program), "it was just linked");
    assert_eq!(printed, "a delivery came and was acked, the wire was cut, and the next one came once\n");
}

/// What is tested there is what is built here: `no_std/Cargo.lock` names no other version than the workspace's.
#[test]
fn the_locked_versions_are_those_of_the_workspace() {
    let ours = locked(&source().join("../../Cargo.lock"));
    let theirs = locked(&source().join("Cargo.lock"));
    let others: Vec<_> = theirs.difference(&ours).filter(|(name, _)| name != "relay-no-std").collect();
    assert!(theirs.len() > 10, "{theirs:?}");
    assert!(
        others.is_empty(),
        "copy Cargo.lock to tests/no_std and build there, which leaves what it needs: {others:?}"
    );
}

/// The packages of a lock file, with their versions.
fn locked(file: &Path) -> BTreeSet<(String, String)> {
    let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let value =
        |line: &str, key| Some(line.strip_prefix(key)?.strip_prefix(" = ")?.trim_matches('"').to_owned());
    text.split("[[package]]")
        .filter_map(|package| {
            let name = package.lines().find_map(|line| value(line, "name"))?;
            let version = package.lines().find_map(|line| value(line, "version"))?;
            Some((name, version))
        })
        .collect()
}
