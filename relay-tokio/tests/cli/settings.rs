//! What a configuration file or the environment says is done as it is written, or refused; it is not guessed at.

use serde_json::json;

use super::program::{Directory, Running, Said, relay, said, within};
use super::stand_in::StandIn;

const CONFIGURATION: i32 = 78;

/// Runs with a file of this name and text, to the end.
async fn with_file(name: &str, text: &str) -> Said {
    let directory = Directory::new();
    said(relay(&["run", "--url", "http://127.0.0.1:1", "--config", &directory.file(name, text)])).await
}

/// The relay is switched off by every word that the published client takes for "off", and then nothing is dialed.
#[tokio::test]
async fn a_relay_that_is_switched_off() {
    let directory = Directory::new();
    let mut files = Vec::new();
    for word in ["false", "False", "off", "OFF", "no", "No", "\"false\"", "' Off '", "0", "0.0", "\"0\""] {
        files.push(("config.yaml", format!("platforms:\n  relay: {{enabled: {word}}}\n")));
        files.push(("config.yaml", format!("gateway: {{platforms: {{relay: {{enabled: {word}}}}}}}\n")));
    }
    files.push(("config.toml", "[platforms.relay]\nenabled = 'off'\n".to_owned()));
    files.push(("config.toml", "[platforms.relay]\nenabled = 0\n".to_owned()));
    // The place at the top counts before the other one.
    let both = "platforms: {relay: {enabled: no}}\ngateway: {platforms: {relay: {enabled: yes}}}\n";
    files.push(("config.yaml", both.to_owned()));
    for (name, text) in files {
        let stand_in = StandIn::bind().await;
        let file = directory.file(name, &text);
        let mut running = Running::start(relay(&["run", "--url", &stand_in.url(), "--config", &file]));
        let first = running.logs("").await;
        assert!(first.contains("switched off"), "{text}: {first}");
        assert_eq!(running.ends().await.0.code(), Some(0), "{text}");
        assert!(stand_in.was_left_alone(), "{text}");
    }
}

/// It is dialed by every word for "on", and where nothing is said.
#[tokio::test]
async fn a_relay_that_is_switched_on() {
    let directory = Directory::new();
    for text in [
        "platforms: {relay: {enabled: true}}",
        "platforms: {relay: {enabled: 'TRUE'}}",
        "platforms: {relay: {enabled: yes}}",
        "platforms: {relay: {enabled: On}}",
        "platforms: {relay: {enabled: 1}}",
        "platforms: {relay: {enabled: }}",
        "platforms: {relay: }\ngateway:\nrelay:",
        "platforms: {discord: {enabled: no}}",
        "# nothing but a comment",
        "",
    ] {
        let stand_in = StandIn::bind().await;
        let file = directory.file("config.yaml", text);
        let _running = Running::start(relay(&["run", "--url", &stand_in.url(), "--config", &file]));
        stand_in.open().await;
    }
}

/// A switch that is neither on nor off is refused: to dial might be what somebody wanted to forbid.
#[tokio::test]
async fn a_switch_that_is_neither() {
    for (text, place) in [
        ("platforms: {relay: {enabled: offf}}", "platforms.relay.enabled: write true or false"),
        ("platforms: {relay: {enabled: ''}}", "platforms.relay.enabled: "),
        ("platforms: {relay: {enabled: [off]}}", "platforms.relay.enabled: "),
        ("platforms: {relay: {enabled: {}}}", "platforms.relay.enabled: "),
        ("platforms: {relay: off}", "platforms.relay: "),
        ("platforms: {relay: false}", "platforms.relay: "),
        ("platforms: [relay]", "platforms: "),
        ("platforms: off", "platforms: "),
        ("gateway: {platforms: {relay: {enabled: maybe}}}", "gateway.platforms.relay.enabled: "),
        ("gateway: {platforms: {relay: no}}", "gateway.platforms.relay: "),
        ("gateway: {platforms: no}", "gateway.platforms: "),
    ] {
        with_file("config.yaml", text).await.is_refused(CONFIGURATION, &["config.yaml: ", place]);
    }
}

/// A value of another type is refused where it stands, and not repeated; it may be a secret.
#[tokio::test]
async fn values_of_another_type() {
    for (text, parts) in [
        ("gateway: {relay_id: gw, relay_secret: 12e4}", &["gateway.relay_secret: ", "quotes"][..]),
        ("gateway: {relay_id: gw, relay_secret: 314159}", &["gateway.relay_secret: ", "quotes"]),
        ("gateway: {relay_id: gw, relay_secret: [abc]}", &["gateway.relay_secret: ", "write a text"]),
        ("gateway: {relay_id: gw, relay_secret: {a: b}}", &["gateway.relay_secret: ", "write a text"]),
        ("gateway: {relay_id: 0x10, relay_secret: abc}", &["gateway.relay_id: ", "quotes"]),
        ("gateway: {relay_url: true}", &["gateway.relay_url: ", "quotes"]),
        ("gateway: {relay_wake_url: 80}", &["gateway.relay_wake_url: ", "quotes"]),
        ("gateway: [relay_id]", &["gateway: ", "table"]),
        ("gateway: gw", &["gateway: ", "table"]),
        ("relay: {id: 12e4}", &["relay.id: ", "quotes"]),
        ("relay: {secret-file: 314159}", &["relay.secret-file: ", "quotes"]),
        ("relay: [url]", &["relay: ", "table"]),
        ("- gateway\n- relay", &["`gateway`"]),
        ("relay_secret", &["`gateway`"]),
        ("314159", &["`gateway`"]),
    ] {
        let said = with_file("config.yaml", text).await;
        said.is_refused(CONFIGURATION, &["config.yaml: "]);
        said.is_refused(CONFIGURATION, parts);
        for value in ["12e4", "120000", "314159", "abc", "0x10", ": 16"] {
            assert!(!said.err.contains(value), "{value} is repeated: {said:?}");
        }
    }
    let toml = "[gateway]\nrelay_id = 'gw'\nrelay_secret = 12e4\n";
    with_file("config.toml", toml).await.is_refused(CONFIGURATION, &["gateway.relay_secret: ", "quotes"]);
}

/// A setting that is there twice is refused, where one of the two would be dropped; and each spelling is read.
#[tokio::test]
async fn a_setting_that_is_there_twice() {
    for (text, parts) in [
        ("relay: {ping-interval: 5s, ping_interval: 7s}", &["relay.ping-interval: ", "twice"][..]),
        ("relay: {ping_interval: 5s, ping-interval: 5s}", &["relay.ping-interval: ", "twice"]),
        (
            "relay: {ping-interval: 5s, ping-interval: 5s}",
            &["config.yaml: ", "duplicate", "\"ping-interval\""],
        ),
        ("gateway: {relay_id: a, relay_id: b}", &["config.yaml: ", "duplicate", "\"relay_id\""]),
        ("relay: {secret_file: a, secret-file: b}", &["relay.secret-file: ", "twice"]),
        ("relay: {shutdown-idle_timeout: soon}", &["relay.shutdown-idle-timeout: ", "\"soon\""]),
    ] {
        with_file("config.yaml", text).await.is_refused(CONFIGURATION, parts);
    }
}

/// The bots that the environment names, each once, their ids as text even where they are written as numbers.
#[tokio::test]
async fn bots_of_the_environment() {
    for (platforms, bots, expected) in [
        ("discord", r#"{"discord": {"botId": 1234567890123456789}}"#, &["discord:1234567890123456789"][..]),
        ("discord,telegram", r#"{"discord": 7, "telegram": {"botId": " t "}}"#, &["discord:7", "telegram:t"]),
        ("discord, telegram ,discord", r#"{"discord": "d"}"#, &["discord:d", "telegram:"]),
    ] {
        let stand_in = StandIn::bind().await;
        let mut command = relay(&["run", "--url", &stand_in.url(), "--agent", "discard"]);
        command.env("GATEWAY_RELAY_PLATFORMS", platforms).env("GATEWAY_RELAY_BOT_IDS", bots);
        let _running = Running::start(command);
        let (mut link, hellos) = stand_in.greet(expected.len()).await;
        assert_eq!(hellos, expected);
        // Nothing stands between the last hello and the ack of a message.
        let event = json!({"text": "x", "source": {"platform": "discord", "chat_id": "c"}});
        link.send(&json!({"type": "inbound", "event": event, "bufferId": "1"})).await;
        link.next_of("inbound_ack").await;
    }
}

/// What the environment says of bots and cannot be meant is named: a name with 78, an id's type in a warning.
#[tokio::test]
async fn bots_that_cannot_be_meant() {
    for (variables, parts) in [
        (&[("PLATFORMS", "my chat")][..], &["GATEWAY_RELAY_PLATFORMS: ", "\"my chat\""][..]),
        (&[("PLATFORMS", "discord,my chat")], &["GATEWAY_RELAY_PLATFORMS: ", "\"my chat\""]),
        (&[("PLATFORM", "my chat")], &["GATEWAY_RELAY_PLATFORM: ", "\"my chat\""]),
        (&[("PLATFORM", "discord"), ("BOT_ID", "a b")], &["GATEWAY_RELAY_BOT_ID: ", "blanks"]),
        (
            &[("PLATFORMS", "discord"), ("BOT_IDS", r#"{"discord": {"botId": "a b"}}"#)],
            &["GATEWAY_RELAY_BOT_IDS: ", "blanks"],
        ),
    ] {
        let mut command = relay(&["run", "--url", "http://127.0.0.1:1"]);
        command.envs(variables.iter().map(|(name, value)| (format!("GATEWAY_RELAY_{name}"), value)));
        let mut running = Running::start(command);
        let first = running.logs("").await;
        assert!(first.starts_with("relay: ") && parts.iter().all(|part| first.contains(part)), "{first}");
        assert_eq!(running.ends().await.0.code(), Some(CONFIGURATION));
    }
    for id in ["true", "1.5", "123456789012345678901234567890", "[1]", "{}"] {
        let stand_in = StandIn::bind().await;
        let mut command = relay(&["run", "--url", &stand_in.url()]);
        command.env("GATEWAY_RELAY_PLATFORMS", "discord");
        command.env("GATEWAY_RELAY_BOT_IDS", format!(r#"{{"discord": {{"botId": {id}}}}}"#));
        let mut running = Running::start(command);
        let warning = running.logs("").await;
        assert!(warning.contains("warning") && warning.contains("botId of discord"), "{id}: {warning}");
        assert_eq!(within("hellos", stand_in.greet(1)).await.1, ["discord:"]);
    }
}
