//! Secrets that lie in files.

use std::io::ErrorKind;
use std::path::Path;

use relay_tokio::proto::auth::Secret;

use crate::exit::Failure;
use crate::text_file;

/// No secret is longer. A larger file is some other file.
const LARGEST: usize = 64 << 10;

/// The gateway's secret in this file, which may have blanks inside: one line, without the blanks around it.
pub(crate) fn read_secret(what: &str, path: &Path) -> Result<Secret, Failure> {
    let secret = read(what, path)?;
    if secret.expose().contains(['\n', '\r']) {
        return Err(unusable(what, path, "a secret is one line"));
    }
    Ok(secret)
}

/// The text in this file, without the blanks around it. `what` says whose it is.
fn read(what: &str, path: &Path) -> Result<Secret, Failure> {
    let shown = path.display();
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::configuration(format!("cannot read {what} {shown}: {error}"))
    };
    let mut text = text_file::read(path, LARGEST).map_err(|error| match error.kind() {
        ErrorKind::FileTooLarge => unreadable(&format!("over {LARGEST} bytes are too many for a secret")),
        _ => unreadable(&error),
    })?;
    text.truncate(text.trim_end().len());
    let secret =
        Secret::new(if text.starts_with(char::is_whitespace) { text.trim().to_owned() } else { text });
    if secret.is_empty() {
        return Err(unreadable(&"it is empty"));
    }
    Ok(secret)
}

/// The token in this file, which is shown as a bearer, and so is one line of visible ASCII.
pub(crate) fn read_token(what: &str, path: &Path) -> Result<Secret, Failure> {
    let token = read(what, path)?;
    if token.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(token);
    }
    Err(unusable(what, path, "a token is one line of visible ASCII"))
}

fn unusable(what: &str, path: &Path, why: &str) -> Failure {
    Failure::configuration(format!("cannot use {what} {}: {why}", path.display()))
}
