//! What cannot be understood or used is named in one line, with a code that says whose fault it is.

use std::net::TcpListener;

use super::program::{Directory, Running, Said, relay, said};

const USAGE: i32 = 64;
const CONFIGURATION: i32 = 78;

async fn run(arguments: &[&str]) -> Said {
    said(relay(arguments)).await
}

/// Help and version are what was asked for: on standard output, with 0.
#[tokio::test]
async fn help_and_version() {
    for (arguments, parts) in [
        (&["--help"][..], &["demo", "run", "connector", "token", "64", "77", "78", "RELAY_LOG"][..]),
        (&["-h"], &["Usage: relay"]),
        (&["demo", "--help"], &["--once", "--listen", "127.0.0.1:0"]),
        (
            &["run", "--help"],
            &["--url", "--secret-file", "--agent", "GATEWAY_RELAY_URL", "Example: relay run"],
        ),
        (
            &["connector", "--help"],
            &["--listen", "--gateways", "/platforms/NAME/events", "Example: relay connector"],
        ),
        (&["token", "--help"], &["mint", "verify"]),
        (&["token", "mint", "--help"], &["--ttl", "--secret-file"]),
        (&["token", "verify", "--help"], &["standard input"]),
        (&["--version"], &[env!("CARGO_PKG_VERSION")]),
        (&["-V"], &["relay "]),
    ] {
        let said = run(arguments).await;
        assert_eq!((said.code, &*said.err), (Some(0), ""), "{arguments:?}");
        for part in parts {
            assert!(said.out.contains(part), "{part:?} is not in {}", said.out);
        }
    }
}

/// A command line that cannot be understood: 64, and where to look.
#[tokio::test]
async fn a_command_line_that_is_not_understood() {
    for (arguments, parts) in [
        (&[][..], &["a command is missing", "`relay --help`"][..]),
        (&["walk"], &["walk", "`relay --help`"]),
        (&["--fast"], &["--fast", "`relay --help`"]),
        (&["run", "--fast"], &["--fast", "`relay run --help`"]),
        (&["run", "here"], &["here", "`relay run --help`"]),
        (&["run", "--url", "http://h", "--url", "http://h"], &["--url", "`relay run --help`"]),
        (&["demo", "--on", "x"], &["--on", "`relay demo --help`"]),
        (&["token", "mint"], &["--id", "--secret-file", "`relay token mint --help`"]),
        (&["token", "verify"], &["--secret-file", "`relay token verify --help`"]),
        (&["connector", "--platform"], &["--platform"]),
        (&["connector", "--listen", "8080"], &["--listen", "8080"]),
        (&["connector", "--listen", "127.0.0.1:99999"], &["--listen", "99999"]),
        (&["connector", "--window", "many"], &["--window", "many"]),
        (&["connector", "--window", "0"], &["--window", "1"]),
        (&["connector", "--hello-timeout", "0"], &["--hello-timeout"]),
        (&["connector", "--platform", "discord"], &["--platform", "discord", "NAME=HOOK_URL"]),
        (&["connector", "--platform", "a b=http://h"], &["--platform", "name"]),
        (&["connector", "--platform", "discord=ftp://h"], &["--platform", "http"]),
        (&["connector", "--platform", "discord=http://h"], &["--hook-token-file"]),
        (&["connector", "--log-format", "xml"], &["--log-format", "xml", "text, json"]),
    ] {
        run(arguments).await.is_refused(USAGE, parts);
    }
}

/// An argument that is no text is refused like any other that is not understood.
#[cfg(unix)]
#[tokio::test]
async fn an_argument_that_is_no_text() {
    use std::os::unix::ffi::OsStrExt;
    let wrong = std::ffi::OsStr::from_bytes(b"a\xffb");
    for (before, help) in [
        (&[][..], "`relay --help`"),
        (&["run"], "`relay run --help`"),
        (&["run", "--url"], "`relay run --help`"),
        (&["token", "mint", "--id"], "`relay token mint --help`"),
        (&["demo", "--once"], "`relay demo --help`"),
    ] {
        let mut command = relay(before);
        command.arg(wrong);
        said(command).await.is_refused(USAGE, &[help]);
    }
}

/// What is wrong with a value is looked up in the help of the command that it was given to.
#[tokio::test]
async fn a_bad_value_leads_to_the_help_of_its_command() {
    let mut astray = Vec::new();
    for (arguments, help) in [
        (&["run", "--ping-interval", "soon"][..], "`relay run --help`"),
        (&["run", "--ack", "never"], "`relay run --help`"),
        (&["demo", "--once"], "`relay demo --help`"),
        (&["connector", "--listen", "x"], "`relay connector --help`"),
        (&["token"], "`relay token --help`"),
        (&["token", "mint", "--ttl", "soon", "--id", "x", "--secret-file", "x"], "`relay token mint --help`"),
    ] {
        let said = run(arguments).await;
        said.is_refused(USAGE, &["--help`"]);
        astray.extend((!said.err.contains(help)).then_some(said.err));
    }
    assert!(astray.is_empty(), "{astray:#?}");
}

/// What `relay run` is told about the link: each setting is named, with what to write instead.
#[tokio::test]
async fn settings_of_a_gateway_that_cannot_be_used() {
    run(&["run"]).await.is_refused(USAGE, &["--url", "GATEWAY_RELAY_URL"]);
    for (url, parts) in [
        ("", &["empty"][..]),
        ("connector.example", &["scheme", "https://"]),
        ("ftp://h", &["ftp", "https"]),
        ("http://", &["host"]),
        ("http://h:0", &["port"]),
        ("http://h:99999", &["port"]),
        ("http://::1", &["[::1]"]),
        ("http://h/?x=1", &["query"]),
        ("http://h/#x", &["fragment"]),
        ("http://a b", &["blank"]),
    ] {
        let said = run(&["run", "--url", url]).await;
        said.is_refused(USAGE, &["--url"]);
        said.is_refused(USAGE, parts);
    }
    for (option, value, parts) in [
        ("--identity", "", &["PLATFORM:BOT_ID"][..]),
        ("--identity", ":b", &["\":b\"", "PLATFORM:BOT_ID"]),
        ("--identity", "a b:c", &["\"a b:c\""]),
        ("--identity", "discord:a b", &["blanks"]),
        ("--ping-interval", "soon", &["\"soon\"", "30s"]),
        ("--ping-interval", "1d", &["\"1d\"", "30s"]),
        ("--ping-interval", "", &["30s"]),
        ("--ping-interval", "0", &["--ping-interval"]),
        ("--dial-timeout", "1e3", &["\"1e3\""]),
        ("--dedupe-window", "many", &["many"]),
        ("--ack", "never", &["written, agent"]),
        ("--on-idle", "snore", &["dormant, exit"]),
        ("--agent", "ghost", &["\"ghost\"", "exec:COMMAND"]),
        ("--agent", "exec:", &["exec:COMMAND"]),
        ("--inbox", "", &["--inbox"]),
    ] {
        let said = run(&["run", "--url", "http://h", option, value]).await;
        said.is_refused(USAGE, &[option]);
        said.is_refused(USAGE, parts);
    }
    let twice = ["run", "--url", "http://h", "--identity", "a:b", "--identity", "a:b"];
    run(&twice).await.is_refused(USAGE, &["a:b", "twice"]);
}

/// Files that cannot be read, whatever for: 78, which file, and why.
#[tokio::test]
async fn files_that_cannot_be_read() {
    let directory = Directory::new();
    let (missing, a_directory) = (directory.at("missing"), directory.path().to_str().unwrap().to_owned());
    let binary = directory.file("binary", b"\xff\xfe\x00");
    let (empty, large) = (directory.file("empty", " \n\t\n"), directory.file("large", "x".repeat(70_000)));
    for (file, why) in [
        (&missing, "No such file"),
        (&a_directory, "directory"),
        (&binary, "UTF-8"),
        (&empty, "empty"),
        (&large, "too many for a secret"),
        // A device that never ends.
        (&"/dev/zero".to_owned(), "too many for a secret"),
    ] {
        for arguments in [
            &["run", "--url", "http://h", "--id", "gw", "--secret-file", file][..],
            &["token", "mint", "--id", "gw", "--secret-file", file],
            &["token", "verify", "--secret-file", file, "token"],
            &["connector", "--hook-token-file", file],
            &["connector", "--admin-token-file", file],
        ] {
            run(arguments).await.is_refused(CONFIGURATION, &["cannot read the", file, why]);
        }
    }
    for (file, why) in [(&missing, "No such file"), (&a_directory, "directory"), (&binary, "UTF-8")] {
        run(&["connector", "--gateways", file]).await.is_refused(CONFIGURATION, &["gateways", file, why]);
        let toml = format!("{file}.toml");
        _ = std::fs::rename(file, &toml);
        run(&["run", "--url", "http://h", "--config", &toml]).await.is_refused(CONFIGURATION, &[&toml, why]);
        _ = std::fs::rename(&toml, file);
    }
}

/// A token that no header can carry is refused before it is waited for in vain, and a file of several secrets is not
/// taken for one.
#[tokio::test]
async fn tokens_that_are_no_line() {
    let directory = Directory::new();
    for token in ["two\nlines", "m\u{fc}ll", "a blank"] {
        let file = directory.file("token", token);
        for option in ["--hook-token-file", "--admin-token-file"] {
            run(&["connector", option, &file])
                .await
                .is_refused(CONFIGURATION, &[&file, "one line of visible ASCII"]);
        }
    }
    for secret in ["two\nlines", "two\r\nlines\n", "two\n\nlines"] {
        let file = directory.file("secret", secret);
        for arguments in [
            &["run", "--url", "http://127.0.0.1:1", "--id", "gw", "--secret-file", &file][..],
            &["token", "mint", "--id", "gw", "--secret-file", &file],
            &["token", "verify", "--secret-file", &file, "token"],
        ] {
            run(arguments).await.is_refused(CONFIGURATION, &[&file, "a secret is one line"]);
        }
    }
}

/// What is wrong in a file is told with its line, and without the secrets in it.
#[tokio::test]
async fn the_line_that_is_wrong() {
    let directory = Directory::new();
    let gateways =
        "[[gateway]]\nid = 'a'\nsecret = 's3cret'\ntenant = 't'\ninstance = 'i'\n\n[[gateway]]\nid = 'b'\n";
    let file = directory.file("gateways.toml", gateways);
    let said = run(&["connector", "--gateways", &file]).await;
    said.is_refused(CONFIGURATION, &[&file, "line 7: missing field `secret`"]);
    let file = directory.file("gateways.toml", "[[gateway]]\nid = 'a'\nsecret = 5532\n");
    let said = run(&["connector", "--gateways", &file]).await;
    said.is_refused(CONFIGURATION, &["line 3: a value is of the wrong type, expected a string"]);
    assert!(!said.err.contains("5532"), "{said:?}");
}

/// An id without a secret, and the other way about.
#[tokio::test]
async fn half_a_credential() {
    let directory = Directory::new();
    let secret = directory.file("secret", "s3cret");
    run(&["run", "--url", "http://h", "--id", "gw"]).await.is_refused(CONFIGURATION, &["--secret-file"]);
    run(&["run", "--url", "http://h", "--secret-file", &secret]).await.is_refused(CONFIGURATION, &["--id"]);
    let blank = ["run", "--url", "http://h", "--id", " ", "--secret-file", &secret];
    run(&blank).await.is_refused(USAGE, &["--id", "empty"]);
}

/// A file of gateways that cannot be used: 78, which file, which gateway, and what is wrong.
#[tokio::test]
async fn gateways_that_cannot_be_used() {
    let directory = Directory::new();
    let gateway = "[[gateway]]\nid = 'a'\nsecret = 's3cret'\ntenant = 't'\ninstance = 'i'\n";
    let without = |line: &str| gateway.replace(line, "");
    for (text, parts) in [
        ("[[gateway\n".to_owned(), &["]"][..]),
        ("gateway = 1".to_owned(), &["sequence"]),
        ("[[gateways]]\nid = 'a'\n".to_owned(), &["`gateways`"]),
        (without("id = 'a'\n"), &["`id`"]),
        (without("secret = 's3cret'\n"), &["`secret`"]),
        (without("tenant = 't'\n"), &["`tenant`"]),
        (without("instance = 'i'\n"), &["`instance`"]),
        (format!("{gateway}colour = 'red'\n"), &["`colour`"]),
        (format!("{gateway}wake_url = 'nowhere'\n"), &["gateway a", "wake_url"]),
        (gateway.replace("'i'", "''"), &["a", "instance"]),
        (gateway.replace("'s3cret'", "''"), &["a", "secret"]),
        (format!("{gateway}{}", gateway.replace("'a'", "'b'")), &["b", "instance"]),
    ] {
        let file = directory.file("gateways.toml", &text);
        let said = run(&["connector", "--listen", "127.0.0.1:0", "--gateways", &file]).await;
        said.is_refused(CONFIGURATION, &["gateways"]);
        said.is_refused(CONFIGURATION, parts);
    }
}

/// Two gateways of one instance: both are named, and what to do about it where nothing runs yet.
#[tokio::test]
async fn gateways_that_share_an_instance() {
    let directory = Directory::new();
    let gateway = "[[gateway]]\nid = 'a'\nsecret = 's3cret'\ntenant = 't'\ninstance = 'i'\n";
    for other in [gateway.replace("'a'", "'b'"), gateway.replace("'a'", "'b'").replace("'t'", "'t2'")] {
        let file = directory.file("gateways.toml", format!("{gateway}{other}"));
        let said = run(&["connector", "--listen", "127.0.0.1:0", "--gateways", &file]).await;
        said.is_refused(
            CONFIGURATION,
            &[&file, "gateways a and b", "instance i", "give one of them another"],
        );
        assert!(!said.err.contains("revoke"), "{said:?}");
    }
}

/// The same gateway twice in the file is a mistake, and not a silent choice between the two.
#[tokio::test]
async fn a_gateway_that_is_listed_twice() {
    let directory = Directory::new();
    let gateway = "[[gateway]]\nid = 'a'\nsecret = 's3cret'\ntenant = 't'\ninstance = 'i'\n";
    let file = directory.file("gateways.toml", format!("{gateway}{}", gateway.replace("s3cret", "0ther")));
    let mut connector = Running::start(relay(&["connector", "--listen", "127.0.0.1:0", "--gateways", &file]));
    let first = connector.logs("").await;
    assert!(first.starts_with("relay: ") && first.contains("twice"), "{first}");
}

/// A port that somebody else has: one line that says so.
#[tokio::test]
async fn a_port_in_use() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for arguments in [
        &["connector", "--listen", &address][..],
        &["demo", "--listen", &address],
        &["demo", "--listen", &address, "--once", "x"],
    ] {
        run(arguments).await.is_refused(CONFIGURATION, &[&address, "in use", "--listen"]);
    }
    // An address of the documentation's, which no machine has.
    let foreign = ["connector", "--listen", "192.0.2.1:1"];
    run(&foreign).await.is_refused(CONFIGURATION, &["cannot listen on 192.0.2.1:1"]);
}

/// Output that nobody takes is a failure in one line, and not a panic.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn output_that_cannot_be_written() {
    let directory = Directory::new();
    let secret = directory.file("secret", "s3cret");
    for arguments in
        [&["token", "mint", "--id", "gw", "--secret-file", &secret][..], &["demo", "--once", "x"]]
    {
        let mut command = relay(arguments);
        command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
        let said = said(command).await;
        assert!(!said.err.contains("panicked"), "{said:?}");
        assert!(
            said.code.is_some_and(|code| code != 0 && code != 101) && said.err.lines().count() == 1,
            "{said:?}"
        );
    }
}

/// Nor is it one when nobody takes the messages: neither complaints nor logs.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn messages_that_cannot_be_written() {
    let directory = Directory::new();
    let off = directory.file("off.toml", "[platforms.relay]\nenabled = false\n");
    for (arguments, code) in [
        (&["run", "--url", "nonsense"][..], USAGE),
        (&["run", "--config", &off], 0),
        (&["run", "--config", &off, "--log-format", "json"], 0),
    ] {
        let mut command = relay(arguments);
        command.stderr(std::fs::File::options().write(true).open("/dev/full").unwrap());
        assert_eq!(said(command).await.code, Some(code), "{arguments:?}");
    }
}
