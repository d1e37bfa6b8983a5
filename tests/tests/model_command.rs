//! The command `relay-tests`: what it says, and its exit codes.

use std::net::TcpListener;
use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    let output = Command::new(env!("CARGO_BIN_EXE_relay-tests")).args(arguments).output();
    output.expect("the command starts")
}

/// The exit code, and the one line that says why.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let output = run(arguments);
    let said = String::from_utf8(output.stderr).expect("words");
    assert_eq!(said.lines().count(), 1, "{said}");
    (output.status.code(), said)
}

#[test]
fn wrong_arguments_are_64() {
    let wrong: [&[&str]; 9] = [
        &["walk"],
        &["worlds", "all"],
        &["diagrams", "gateway"],
        &["check", "nowhere"],
        &["check", "--fast"],
        &["check", "--deep", "holds"],
        &["explore", "nowhere"],
        &["explore", "holds", "closes"],
        &["explore", "--address"],
    ];
    for arguments in wrong {
        assert_eq!(refused(arguments).0, Some(64), "{arguments:?}");
    }
    let (code, said) = refused(&["explore", "holds", "--address", "nowhere"]);
    assert_eq!(code, Some(64), "{said}");
}

#[test]
fn a_port_in_use_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let (code, said) = refused(&["explore", "holds", "--address", &address]);
    assert_eq!(code, Some(69), "{said}");
    assert!(said.contains(&address) && said.contains("cannot be served"), "{said}");
}

#[test]
fn worlds_are_listed_and_checked() {
    let listed = String::from_utf8(run(&["worlds"]).stdout).expect("words");
    assert!(listed.contains("quick  too large"), "{listed}");
    let output = run(&["check", "too large"]);
    let table = String::from_utf8(output.stdout).expect("words");
    assert!(output.status.success() && table.contains("all hold"), "{table}");
}
