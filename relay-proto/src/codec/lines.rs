//! Cuts what arrives on a link into lines, with bounded memory.

use alloc::vec::Vec;
use core::fmt;
use core::mem;

use bytes::{Buf, Bytes};

/// Cuts messages into lines. A message may hold several lines, and a line may run over several messages.
///
/// A line that lies in one message is a slice of that message; only lines that run over several are copied.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LineSplitter {
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    limit: usize,
}

/// A line is longer than the limit (rule D7). The splitter that said so is of no further use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LineTooLong {
    /// The limit in bytes, without the line end.
    pub limit: usize,
}

impl fmt::Display for LineTooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a line is longer than {} bytes", self.limit)
    }
}

impl core::error::Error for LineTooLong {}

impl LineSplitter {
    /// A splitter for lines of at most `limit` bytes, the line end not counted.
    #[must_use]
    pub const fn new(limit: usize) -> Self {
        Self { partial: Vec::new(), limit }
    }

    /// Takes the next whole line, without its end, off the front of `message`; blank lines are skipped.
    ///
    /// `None` means that `message` is used up; what it held of an unfinished line is kept for the next one. Call
    /// again with the same `message` until then.
    ///
    /// # Errors
    /// When a line is longer than the limit, finished or not.
    pub fn next_line(&mut self, message: &mut Bytes) -> Result<Option<Bytes>, LineTooLong> {
        while !message.is_empty() {
            let Some(end) = memchr::memchr(b'\n', message) else {
                self.check(message.len())?;
                self.partial.extend_from_slice(message);
                message.clear();
                return Ok(None);
            };
            self.check(end)?;
            let line = self.cut(message, end);
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line));
            }
        }
        Ok(None)
    }

    /// How many bytes of an unfinished line are held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.partial.len()
    }

    fn check(&self, more: usize) -> Result<(), LineTooLong> {
        if self.partial.len().saturating_add(more) > self.limit {
            return Err(LineTooLong { limit: self.limit });
        }
        Ok(())
    }

    fn cut(&mut self, message: &mut Bytes, end: usize) -> Bytes {
        if !self.partial.is_empty() {
            self.partial.extend_from_slice(&message[..end]);
            message.advance(end + 1);
            return mem::take(&mut self.partial).into();
        }
        if end + 1 == message.len() {
            // The usual case, one line a message, needs no second reference to the buffer.
            let mut line = mem::take(message);
            line.truncate(end);
            return line;
        }
        let line = message.split_to(end);
        message.advance(1);
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn what_is_held_is_told() {
        let mut splitter = LineSplitter::new(100);
        assert_eq!(splitter.held(), 0);
        assert_eq!(splitter.next_line(&mut Bytes::from_static(b"abc")), Ok(None));
        assert_eq!(splitter.held(), 3);
        assert_eq!(
            splitter.next_line(&mut Bytes::from_static(b"d\n")),
            Ok(Some(Bytes::from_static(b"abcd")))
        );
        assert_eq!(splitter.held(), 0);
    }

    fn lines(splitter: &mut LineSplitter, message: &str) -> Vec<String> {
        let mut message = Bytes::copy_from_slice(message.as_bytes());
        let mut lines = Vec::new();
        while let Some(line) = splitter.next_line(&mut message).unwrap() {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
        }
        lines
    }

    #[test]
    fn several_lines_in_a_message_and_a_line_over_several() {
        let mut splitter = LineSplitter::new(100);
        assert_eq!(lines(&mut splitter, "a\nb\n\n \r\nc"), ["a", "b"]);
        assert_eq!(lines(&mut splitter, "d"), [""; 0]);
        assert_eq!(lines(&mut splitter, "e\nf\n"), ["cde", "f"]);
        assert_eq!(splitter.held(), 0);
    }

    #[test]
    fn a_line_in_one_message_is_not_copied() {
        let message = Bytes::from_static(b"abc\ndef\n");
        let mut rest = message.clone();
        let mut splitter = LineSplitter::new(100);
        let first = splitter.next_line(&mut rest).unwrap().unwrap();
        let second = splitter.next_line(&mut rest).unwrap().unwrap();
        assert_eq!(first.as_ptr(), message.as_ptr());
        assert_eq!(second.as_ptr(), message[4..].as_ptr());
    }

    /// D7: the limit holds for finished lines, unfinished ones, and ones put together.
    #[test]
    fn lines_over_the_limit_are_refused() {
        let too_long = Err(LineTooLong { limit: 3 });
        assert_eq!(LineSplitter::new(3).next_line(&mut Bytes::from_static(b"abc\n")), Ok(Some("abc".into())));
        assert_eq!(LineSplitter::new(3).next_line(&mut Bytes::from_static(b"abcd\n")), too_long);
        assert_eq!(LineSplitter::new(3).next_line(&mut Bytes::from_static(b"abcd")), too_long);
        let mut splitter = LineSplitter::new(3);
        assert_eq!(splitter.next_line(&mut Bytes::from_static(b"ab")), Ok(None));
        assert_eq!(splitter.next_line(&mut Bytes::from_static(b"cd\n")), too_long);
    }
}
