//! Which setting counts: an option before the environment, and the environment before the file.

use tokio::process::Command;

use super::program::{Directory, Running, relay, said};
use super::stand_in::StandIn;

/// The three places that a setting can stand in.
struct Places {
    option: bool,
    environment: bool,
    file: bool,
}

/// Every choice of places, and which of the three counts then: the last one is the file's.
fn places() -> impl Iterator<Item = (Places, Option<usize>)> {
    (0..8).map(|bits| {
        let places = Places { option: bits & 4 != 0, environment: bits & 2 != 0, file: bits & 1 != 0 };
        let counts = [places.option, places.environment, places.file].iter().position(|given| *given);
        (places, counts)
    })
}

fn run(arguments: &[&str]) -> Command {
    let mut command = relay(&["run", "--backoff-base", "1h"]);
    command.args(arguments);
    command
}

/// The connector's address.
#[tokio::test]
async fn the_address() {
    let directory = Directory::new();
    for (places, counts) in places().filter(|(_, counts)| counts.is_some()) {
        let stand_ins = [StandIn::bind().await, StandIn::bind().await, StandIn::bind().await];
        let mut command = run(&[]);
        if places.option {
            command.args(["--url", &stand_ins[0].url()]);
        }
        if places.environment {
            // Blanks and slashes around it are dropped.
            command.env("GATEWAY_RELAY_URL", format!(" {}// ", stand_ins[1].url()));
        }
        if places.file {
            let text = format!("gateway:\n  relay_url: {}\n", stand_ins[2].url());
            command.args(["--config", &directory.file("config.yaml", text)]);
        }
        let _running = Running::start(command);
        stand_ins[counts.unwrap()].open().await;
    }
}

/// The gateway's id.
#[tokio::test]
async fn the_id() {
    let directory = Directory::new();
    let secret = directory.file("secret", "s3cret");
    for (places, counts) in places().filter(|(_, counts)| counts.is_some()) {
        let stand_in = StandIn::bind().await;
        let mut command = run(&["--url", &stand_in.url(), "--secret-file", &secret]);
        if places.option {
            command.args(["--id", "option"]);
        }
        if places.environment {
            command.env("GATEWAY_RELAY_ID", " environment ");
        }
        if places.file {
            command.args(["--config", &directory.file("config.toml", "[gateway]\nrelay_id = 'file'\n")]);
        }
        let _running = Running::start(command);
        let expected = ["option", "environment", "file"][counts.unwrap()];
        assert_eq!(stand_in.open().await.gateway_id().as_deref(), Some(expected));
    }
}

/// The secret, which the file may also name a file for.
#[tokio::test]
async fn the_secret() {
    let directory = Directory::new();
    let (option, in_file) = (directory.file("option", "option"), directory.file("in-file", "file"));
    for in_the_file in
        ["[gateway]\nrelay_secret = 'file'\n".to_owned(), format!("[relay]\nsecret-file = '{in_file}'\n")]
    {
        for (places, counts) in places().filter(|(_, counts)| counts.is_some()) {
            let stand_in = StandIn::bind().await;
            let mut command = run(&["--url", &stand_in.url(), "--id", "gw"]);
            if places.option {
                command.args(["--secret-file", &option]);
            }
            if places.environment {
                command.env("GATEWAY_RELAY_SECRET", "environment");
            }
            if places.file {
                command.args(["--config", &directory.file("config.toml", &in_the_file)]);
            }
            let _running = Running::start(command);
            let link = stand_in.open().await;
            let expected = ["option", "environment", "file"][counts.unwrap()];
            let known: Vec<_> =
                ["option", "environment", "file"].into_iter().filter(|secret| link.knows(secret)).collect();
            assert_eq!(known, [expected], "with {in_the_file:?}");
        }
    }
}

/// The bots that it fronts; without any, the generic one.
#[tokio::test]
async fn the_identities() {
    let directory = Directory::new();
    for (places, counts) in places() {
        let stand_in = StandIn::bind().await;
        let mut command = run(&["--url", &stand_in.url()]);
        if places.option {
            command.args(["--identity", "discord:o", "--identity", "telegram"]);
        }
        if places.environment {
            command.env("GATEWAY_RELAY_PLATFORMS", "discord, telegram");
            command.env("GATEWAY_RELAY_BOT_IDS", r#"{"discord": {"botId": "e", "username": "x"}}"#);
        }
        if places.file {
            let text = "relay:\n  identity:\n    - discord:f\n    - telegram\n";
            command.args(["--config", &directory.file("config.yaml", text)]);
        }
        let _running = Running::start(command);
        let expected: &[&str] = match counts {
            Some(0) => &["discord:o", "telegram:"],
            Some(1) => &["discord:e", "telegram:"],
            Some(_) => &["discord:f", "telegram:"],
            None => &["relay:"],
        };
        assert_eq!(stand_in.greet(expected.len()).await.1, expected);
    }
}

/// A number of the link, which the environment does not have.
#[tokio::test]
async fn a_number() {
    let directory = Directory::new();
    for name in ["handshake-timeout", "handshake_timeout"] {
        let file = directory.file("config.toml", format!("[relay]\n{name} = '30ms'\n"));
        for (more, expected) in [(&[][..], "30ms"), (&["--handshake-timeout", "20ms"], "20ms")] {
            let stand_in = StandIn::bind().await;
            let mut command = run(&["--url", &stand_in.url(), "--config", &file]);
            command.args(more);
            let mut running = Running::start(command);
            let _silent = stand_in.open().await;
            let line = running.logs("no link").await;
            assert!(line.contains(&format!("no descriptor within {expected}")), "{line}");
        }
    }
}

/// Every option can stand in the file, as the help says: what is wrong there is named by file and option.
#[tokio::test]
async fn every_option_can_stand_in_the_file() {
    const OPTIONS: &str = "identity agent ack inbox idle-after on-idle log-format dial-timeout handshake-timeout \
        backoff-base backoff-cap stable-after ping-interval pong-timeout request-timeout idle-timeout \
        shutdown-idle-timeout drain-timeout hold-limit dormant-redial resume-check token-ttl dedupe-window";
    let directory = Directory::new();
    let mut unread = Vec::new();
    for option in OPTIONS.split_whitespace() {
        let text = format!("[relay]\nurl = 'http://127.0.0.1:1'\n{option} = 'no such thing'\n");
        let file = directory.file("config.toml", text);
        let mut running = Running::start(relay(&["run", "--config", &file]));
        let first = running.logs("").await;
        if first.starts_with("relay: ") && first.contains(&file) && first.contains(option) {
            assert_eq!(running.ends().await.0.code(), Some(78), "{option}");
        } else {
            unread.push(option);
        }
    }
    assert!(unread.is_empty(), "not read, or not named: {unread:?}");
}

/// A value of the environment that cannot be used: named, with 78; one that is blank counts as not there.
#[tokio::test]
async fn the_environment_may_be_wrong() {
    let mut command = relay(&["run"]);
    command.env("GATEWAY_RELAY_URL", "nonsense");
    said(command).await.is_refused(78, &["scheme", "https://"]);
    let mut command = relay(&["run"]);
    command.env("GATEWAY_RELAY_URL", " ");
    said(command).await.is_refused(64, &["--url"]);

    let stand_in = StandIn::bind().await;
    let mut command = run(&["--url", &stand_in.url()]);
    command.env("GATEWAY_RELAY_PLATFORMS", "discord").env("GATEWAY_RELAY_BOT_IDS", "{\"discord\"");
    let mut running = Running::start(command);
    assert!(running.logs("GATEWAY_RELAY_BOT_IDS").await.contains("warning"));
    assert_eq!(stand_in.greet(1).await.1, ["discord:"]);
}
