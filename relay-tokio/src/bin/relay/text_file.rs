//! Text files that somebody wrote by hand: none is large.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// The text of a file of at most so many bytes.
///
/// # Errors
/// When it cannot be read, is larger, or is no UTF-8.
pub(crate) fn read(path: &Path, largest: usize) -> io::Result<String> {
    let file = File::open(path)?;
    // Room for all of it, so that no part of a secret is left behind where the text grew.
    let size = file.metadata()?.len().min(largest as u64);
    read_from(file, largest, Vec::with_capacity(size as usize + 1))
}

/// The text that comes on standard input, of at most so many bytes.
///
/// # Errors
/// As with a file.
pub(crate) fn read_input(largest: usize) -> io::Result<String> {
    read_from(io::stdin().lock(), largest, Vec::new())
}

/// A device or a pipe does not tell its size, so no more than that is read of anything.
fn read_from(from: impl Read, largest: usize, mut bytes: Vec<u8>) -> io::Result<String> {
    from.take(largest as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > largest {
        return Err(io::Error::new(ErrorKind::FileTooLarge, format!("it has more than {largest} bytes")));
    }
    String::from_utf8(bytes).map_err(|_| io::Error::new(ErrorKind::InvalidData, "it is no UTF-8 text"))
}

/// A message about an error in a TOML text, with its place.
pub(crate) fn with_place(message: &str, text: &str, error: &toml::de::Error) -> String {
    match error.span().and_then(|place| text.get(..place.start)) {
        Some(before) => format!("line {}: {message}", before.matches('\n').count() + 1),
        None => message.to_owned(),
    }
}
