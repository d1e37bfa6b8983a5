//! Secrets that lie in files.

use std::path::Path;

use relay_tokio::proto::auth::Secret;

use crate::exit::Failure;

/// No secret is longer. A larger file is some other file.
const LARGEST: u64 = 64 << 10;

/// The secret in this file, without the blanks around it. `what` says whose it is.
pub(crate) fn read(what: &str, path: &Path) -> Result<Secret, Failure> {
    let shown = path.display();
    let unreadable = |error: &dyn std::fmt::Display| {
        Failure::configuration(format!("cannot read {what} {shown}: {error}"))
    };
    let size = std::fs::metadata(path).map_err(|error| unreadable(&error))?.len();
    if size > LARGEST {
        return Err(unreadable(&format!("{size} bytes are too many for a secret")));
    }
    let mut text = std::fs::read_to_string(path).map_err(|error| unreadable(&error))?;
    text.truncate(text.trim_end().len());
    let secret =
        Secret::new(if text.starts_with(char::is_whitespace) { text.trim().to_owned() } else { text });
    if secret.is_empty() {
        return Err(unreadable(&"it is empty"));
    }
    Ok(secret)
}
