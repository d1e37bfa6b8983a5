//! The body of the fuzz target `settings`, which compiles it in; the ordinary tests replay the target's corpus with it.

use std::{env, fs, process};

use clap::Parser;

use crate::{cli, duration, settings};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    run: cli::Run,
}

/// Whatever is written, it is settings that a gateway can run on, or a failure in words.
///
/// The first line is a command line, and the rest a configuration file, which is read as TOML and as YAML.
pub(crate) fn resolves(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    // Devices may have no end.
    if text.contains("/dev") || text.contains("/proc") {
        return;
    }
    let (line, file) = text.split_once('\n').unwrap_or((&text, ""));
    for word in line.split_whitespace() {
        _ = (duration::parse(word), duration::parse_seconds(word), duration::parse_some(word));
    }
    for extension in ["toml", "yaml"] {
        let Ok(Line { mut run }) = Line::try_parse_from(["run"].into_iter().chain(line.split_whitespace()))
        else {
            return;
        };
        let path = env::temp_dir().join(format!("relay-fuzz-{}.{extension}", process::id()));
        fs::write(&path, file).expect("a folder for temporary files");
        run.config = Some(path.clone());
        let resolved = settings::resolve(&run);
        fs::remove_file(&path).expect("the file that was written");
        match resolved {
            Ok(resolved) => _ = resolved.settings.as_ref().map(can_run),
            Err(failure) => assert!(format!("{failure:?}").contains("message: \"")),
        }
    }
}

fn can_run(settings: &settings::Settings) {
    let link = &settings.gateway.link;
    assert!(settings.gateway.endpoint.dial_url().starts_with("ws"));
    let times =
        [link.dial_timeout, link.handshake_timeout, link.backoff_base, link.backoff_cap, link.ping_interval];
    assert!(times.iter().all(|time| !time.is_zero()), "{times:?}");
    assert!(settings.idle.is_none_or(|idle| !idle.after.is_zero()));
    for (number, identity) in link.identities.iter().enumerate() {
        assert!(!identity.platform.is_empty());
        assert!(!link.identities[..number].contains(identity), "{identity:?} is there twice");
    }
}
