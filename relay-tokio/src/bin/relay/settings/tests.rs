use super::*;
use clap::Parser;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    run: Run,
}

fn settings(line: &str, environment: &[(&str, &str)], toml: &str) -> Result<Settings, String> {
    resolved(line, environment, toml)
        .map(|resolved| resolved.settings.expect("a relay that is not switched off"))
}

fn resolved(line: &str, environment: &[(&str, &str)], toml: &str) -> Result<Resolved, String> {
    let arguments = Line::parse_from(std::iter::once("run").chain(line.split_whitespace())).run;
    let file =
        std::env::temp_dir().join(format!("relay-settings-{}-{:p}.toml", std::process::id(), &arguments));
    std::fs::write(&file, toml).unwrap();
    let config = ConfigFile::read(Some(&file)).map_err(|failure| format!("{failure:?}"));
    std::fs::remove_file(&file).unwrap();
    let lookup =
        |name: &str| environment.iter().find(|(held, _)| *held == name).map(|(_, value)| (*value).to_owned());
    let sources = Sources { arguments: &arguments, environment: &lookup, file: config? };
    sources.resolve().map_err(|failure| format!("{failure:?}"))
}

#[test]
fn the_command_line_counts_before_the_environment_before_the_file() {
    let environment = [("GATEWAY_RELAY_URL", " https://env.example/ ")];
    let toml =
        "[gateway]\nrelay_url = 'https://file.example'\n[relay]\nagent = 'discard'\nping-interval = '5s'";
    let host = |line: &str, environment: &[(&str, &str)]| {
        settings(line, environment, toml).unwrap().gateway.endpoint.host().to_owned()
    };
    assert_eq!(host("--url https://line.example", &environment), "line.example");
    assert_eq!(host("", &environment), "env.example");
    assert_eq!(host("", &[]), "file.example");
    let resolved = settings("--ping-interval 7s", &[], toml).unwrap();
    assert_eq!(resolved.agent, Agent::Discard);
    assert_eq!(resolved.gateway.link.ping_interval, Duration::from_secs(7));
    assert_eq!(settings("", &[], toml).unwrap().gateway.link.ping_interval, Duration::from_secs(5));
}

#[test]
fn identities_of_the_environment() {
    let identities = |environment: &[(&str, &str)]| {
        let resolved = settings("--url http://h", environment, "").unwrap();
        let identities = resolved.gateway.link.identities.into_iter();
        identities.map(|identity| format!("{}:{}", identity.platform, identity.bot_id)).collect::<Vec<_>>()
    };
    assert_eq!(identities(&[]), Vec::<String>::new());
    assert_eq!(
        identities(&[("GATEWAY_RELAY_PLATFORM", "discord"), ("GATEWAY_RELAY_BOT_ID", "b")]),
        ["discord:b"]
    );
    let bots = ("GATEWAY_RELAY_BOT_IDS", r#"{"discord":{"botId":"d1","username":"x"}}"#);
    let several = ("GATEWAY_RELAY_PLATFORMS", " discord, ,telegram");
    assert_eq!(identities(&[several, bots]), ["discord:d1", "telegram:"]);
    assert_eq!(identities(&[several, ("GATEWAY_RELAY_BOT_IDS", "{")]), ["discord:", "telegram:"]);
}

#[test]
fn what_cannot_be_used_is_named() {
    for (line, environment, toml, expected) in [
        ("", &[][..], "", "where is the connector?"),
        ("--url ftp://h", &[], "", "--url:"),
        ("", &[("GATEWAY_RELAY_URL", "nonsense")], "", "GATEWAY_RELAY_URL or gateway.relay_url:"),
        ("--url http://h --id gw", &[], "", "needs a secret"),
        ("--url http://h --identity :b", &[], "", "malformed"),
        ("--url http://h --identity a --identity a", &[], "", "given twice"),
        ("--url http://h --agent exec:", &[], "", "is unknown"),
        ("--url http://h --inbox /var", &[], "", "in memory"),
        ("--url http://h", &[], "[relay]\nbackoff-base = 0", "relay.backoff-base: it must be longer"),
        ("--url http://h", &[], "[relay]\ntoken-ttl = '500ms'", "relay.token-ttl: "),
        ("--url http://h", &[], "[relay]\ndedupe-window = 'x'", "relay.dedupe-window: "),
        ("--url http://h", &[], "[relay]\nidle-aftr = '5m'", "relay.idle-aftr: there is no such option"),
        ("--url http://h", &[], "[relay]\nidle-after = true", "relay.idle-after: write it as on"),
        ("--url http://h", &[], "relay = 'https://connector.example'", "relay: write a table"),
        ("--url http://h", &[], "[relay]\nack = 'later'", "is unknown: give written or agent"),
        ("--url http://h", &[], "[relay]\nagent = ['x']", "relay.agent: write a text"),
        ("--url http://h", &[], "[relay]\nid = true", "relay.id: write a text"),
        ("--url http://h", &[], "[relay]\nidentity = [1, 'discord']", "relay.identity: write a text"),
        ("--url http://h", &[], "[relay]\nidentity = true", "relay.identity: write a text"),
        ("--url http://h", &[], "[relay]\ndedupe-window = 0", "write a whole number from 1 to"),
        (
            "--url http://h",
            &[],
            "[relay]\nbackoff-cap = '500ms'",
            "relay.backoff-cap: the longest wait, 500ms",
        ),
        (
            "--url http://h --backoff-cap 30s --backoff-base 1m",
            &[],
            "",
            "--backoff-cap: the longest wait, 30s",
        ),
        ("--url http://h", &[], "[relay]\nack = 'agent'\n[[relay", "line 3: "),
        ("--url http://h", &[], "[relay]\nping-interval = 'soon'", "is no duration"),
        ("--url http://h", &[], "[relay", "cannot read the configuration"),
    ] {
        let error = settings(line, environment, toml).err().unwrap_or_default();
        assert!(error.contains(expected), "{line} {toml}: {error}");
    }
}

#[test]
fn the_relay_can_be_switched_off() {
    let is_off = |line: &str, toml: &str| resolved(line, &[], toml).unwrap().settings.is_none();
    assert!(is_off("--url http://h", "[platforms.relay]\nenabled = false"));
    assert!(is_off("", "[platforms.relay]\nenabled = false"), "no connector is needed for that");
    assert!(!is_off("--url http://h", "[platforms.relay]\nenabled = true"));
}

#[test]
fn what_the_environment_says_counts_before_the_file() {
    let toml = "[relay]\nidentity = ['slack:s']\nsecret-file = '/nowhere'\nid = 'file'\ndedupe_window = 7\nlog-format = 'json'";
    let environment = [
        ("GATEWAY_RELAY_SECRET", "s3cret"),
        ("GATEWAY_RELAY_ID", "env"),
        ("GATEWAY_RELAY_PLATFORMS", "discord"),
    ];
    let log_format =
        |line: &str| resolved(&format!("--url http://h {line}"), &environment, toml).unwrap().log_format;
    let resolved = settings("--url http://h", &environment, toml).unwrap();
    assert_eq!(&*resolved.gateway.link.identities[0].platform, "discord");
    assert_eq!(resolved.gateway.credentials.unwrap().gateway_id, "env");
    assert_eq!((resolved.gateway.link.dedupe_window, log_format("")), (7, LogFormat::Json));
    let from_file = settings("--url http://h", &[], toml).err().unwrap();
    assert!(from_file.contains("/nowhere"), "{from_file}");
    let resolved = settings("--url http://h --dedupe-window 9", &environment, toml).unwrap();
    assert_eq!((resolved.gateway.link.dedupe_window, log_format("--log-format text")), (9, LogFormat::Text));
}

/// Every input of the corpus gives settings that can be run on, or a failure in words.
#[test]
fn the_corpus_of_the_fuzz_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/settings");
    let files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(!files.is_empty(), "there is no corpus");
    for file in files {
        println!("{}", file.display());
        fuzz::resolves(&std::fs::read(&file).unwrap());
    }
}
