//! `relay token`: minted here, accepted there; and what refused ones are told.

use std::process::Stdio;

use relay_tokio::proto::auth::{Secret, mint_token, verify_token};
use tokio::io::AsyncWriteExt;

use super::program::{Directory, Said, relay, said, within};

const SECRET: &str = "hunter2-correct-horse";

struct Files(Directory);

impl Files {
    fn new() -> Self {
        let directory = Directory::new();
        // Blanks around a secret, such as an editor's line end, do not belong to it.
        directory.file("secret", format!(" {SECRET}\r\n\n"));
        directory.file("other", "another");
        Self(directory)
    }

    async fn mint(&self, id: &str, more: &[&str]) -> Said {
        let secret = self.0.at("secret");
        let mut command = relay(&["token", "mint", "--id", id, "--secret-file", &secret]);
        command.args(more);
        said(command).await
    }

    async fn verify(&self, secrets: &[&str], token: &str) -> Said {
        let mut command = relay(&["token", "verify"]);
        for secret in secrets {
            command.args(["--secret-file", &self.0.at(secret)]);
        }
        command.args(["--", token]);
        said(command).await
    }
}

fn is_discreet(said: &Said) {
    assert!(!said.out.contains(SECRET) && !said.err.contains(SECRET), "{said:?}");
}

/// A5, C1: what `mint` prints is one line that the library accepts, and that `verify` finds good.
#[tokio::test]
async fn there_and_back() {
    let files = Files::new();
    for id in ["gw-1", "a:b:c", "gw 😀"] {
        let minted = files.mint(id, &[]).await;
        is_discreet(&minted);
        assert_eq!((minted.code, &*minted.err), (Some(0), ""));
        let token = minted.out.strip_suffix('\n').unwrap();
        let verified = verify_token(token, &[Secret::new(SECRET)], 0).unwrap();
        assert_eq!(verified.gateway_id, id);
        assert!(verified.expires_at.is_some());
        for secrets in [&["secret"][..], &["other", "secret"], &["secret", "other"]] {
            let good = files.verify(secrets, token).await;
            is_discreet(&good);
            assert_eq!((good.code, &*good.err), (Some(0), ""));
            assert!(good.out.starts_with(&format!("good: gateway {id}, expires in ")), "{good:?}");
        }
    }
}

/// A token is good for as long as was asked for, or for ever.
#[tokio::test]
async fn how_long_a_token_is_good_for() {
    let files = Files::new();
    let for_ever = files.mint("gw", &["--ttl", "0"]).await;
    let verified = files.verify(&["secret"], for_ever.out.trim()).await;
    assert_eq!(verified.out, "good: gateway gw, never expires\n");
    let hours = files.mint("gw", &["--ttl", "2h"]).await;
    let verified = files.verify(&["secret"], hours.out.trim()).await;
    let left = verified.out.trim().strip_prefix("good: gateway gw, expires in ").unwrap().to_owned();
    let left: u64 = left.strip_suffix(" s").unwrap().parse().unwrap();
    assert!((7_000..=7_200).contains(&left), "{left}");
}

/// A token that is to be good for less than a second must not be good for ever.
#[tokio::test]
async fn a_short_life_is_not_an_endless_one() {
    let files = Files::new();
    for ttl in ["0.4", "400ms", "1ms"] {
        let minted = files.mint("gw", &["--ttl", ttl]).await;
        let never_expires = minted.code == Some(0)
            && verify_token(minted.out.trim(), &[Secret::new(SECRET)], 0).unwrap().expires_at.is_none();
        assert!(!never_expires, "--ttl {ttl} gave {minted:?}");
    }
}

/// A token without an id is of no use to anybody: to mint one is a mistake.
#[tokio::test]
async fn an_id_is_wanted() {
    Files::new().mint("", &[]).await.is_refused(64, &["--id"]);
}

/// C1: expired, refused and malformed are told apart, in one line each.
#[tokio::test]
async fn tokens_that_are_not_good() {
    let files = Files::new();
    let mint = |secret: &str, at| mint_token("gw", &Secret::new(secret), at);
    let old = files.verify(&["other", "secret"], &mint(SECRET, Some(1))).await;
    old.is_refused(77, &["expired", "gw"]);
    for forged in [mint("wrong", None), mint("wrong", Some(1)), mint("", None)] {
        files.verify(&["secret", "other"], &forged).await.is_refused(77, &["refused", "not signed"]);
    }
    for malformed in ["", "x", "-", "a.b.c", "Zm9v", SECRET] {
        let said = files.verify(&["secret"], malformed).await;
        is_discreet(&said);
        said.is_refused(64, &["malformed"]);
    }
}

/// What never ends is no token: it is not read for ever.
#[tokio::test]
async fn an_endless_token_on_standard_input() {
    let files = Files::new();
    let mut command = relay(&["token", "verify", "--secret-file", &files.0.at("secret")]);
    command.stdin(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // It may have ended before it is told all of this.
    _ = input.write_all("x".repeat(70_000).as_bytes()).await;
    let output = within("the end, though more may come", child.wait_with_output()).await.unwrap();
    drop(input);
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{err}");
    assert!(err.starts_with("relay: cannot read the token: ") && err.lines().count() == 1, "{err}");
}

/// The token comes on standard input as well, where it shows in no process list.
#[tokio::test]
async fn a_token_on_standard_input() {
    let files = Files::new();
    let token = mint_token("gw", &Secret::new(SECRET), None);
    for arguments in [&[][..], &["-"]] {
        let mut command = relay(&["token", "verify", "--secret-file", &files.0.at("secret")]);
        let mut child = command.args(arguments).stdin(Stdio::piped()).spawn().unwrap();
        let mut input = child.stdin.take().unwrap();
        input.write_all(format!("{token}\n").as_bytes()).await.unwrap();
        drop(input);
        let output = within("the end", child.wait_with_output()).await.unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), "good: gateway gw, never expires\n");
    }
}
