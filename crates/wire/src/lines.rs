//! Lines of JSON: whole lines out of any pieces.
//!
//! 1. The same lines for every way the bytes are cut.
//! 2. A line over the limit is refused as soon as it is seen to be, whole or not.
//! 3. Empty lines say nothing and are passed over; a last line needs no end.
//!
//! It does not know what a line means. Its lines end with LF, or CR LF.

use bytes::{Buf, BytesMut};

use crate::sse::TooLarge;

/// Finds whole lines in pieces of a stream: push a piece, take every line that
/// it completed, and at the end what [`finish`](Self::finish) gives.
#[derive(Debug)]
pub struct Framer {
    buffer: BytesMut,
    /// The line last given, with its end: it goes with the next question.
    given: usize,
    /// No line's end before this.
    searched: usize,
    /// The limit of one line in bytes, without its end.
    max: usize,
    failed: bool,
}

impl Framer {
    /// A framer for one stream; no line may have more than `max_line_bytes`.
    pub fn new(max_line_bytes: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            given: 0,
            searched: 0,
            max: max_line_bytes,
            failed: false,
        }
    }

    /// Adds a piece of the stream. Call [`next`](Self::next) until it gives
    /// `None` before the next piece: that is what bounds the buffer.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.failed {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// The next whole line without its end, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`TooLarge`] once; then there are no more lines.
    #[expect(
        clippy::should_implement_trait,
        reason = "it lends; an iterator cannot"
    )]
    pub fn next(&mut self) -> Option<Result<&[u8], TooLarge>> {
        self.drop_given();
        loop {
            let fresh = self.buffer.get(self.searched..)?;
            let Some(found) = memchr::memchr(b'\n', fresh) else {
                self.searched = self.buffer.len();
                // The last byte may be the CR of the line's end.
                return match self.searched > self.max.saturating_add(1) {
                    true => Some(Err(self.fail())),
                    false => None,
                };
            };
            let end = self.searched + found;
            let line = trimmed(self.buffer.get(..end)?).len();
            if line > self.max {
                return Some(Err(self.fail()));
            }
            if line > 0 {
                self.given = end + 1;
                return Some(Ok(self.buffer.get(..line)?));
            }
            self.buffer.advance(end + 1);
            self.searched = 0;
        }
    }

    /// The stream ended: call it when `next` has given `None`. What is left is
    /// the last line, if it is not empty.
    ///
    /// # Errors
    /// [`TooLarge`] as with `next`.
    pub fn finish(&mut self) -> Option<Result<&[u8], TooLarge>> {
        self.drop_given();
        let line = trimmed(&self.buffer).len();
        if line > self.max {
            return Some(Err(self.fail()));
        }
        self.given = self.buffer.len();
        self.searched = self.given;
        match line {
            0 => None,
            _ => Some(Ok(self.buffer.get(..line)?)),
        }
    }

    /// Bytes that wait for the rest of their line.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.given
    }

    fn drop_given(&mut self) {
        if self.given > 0 {
            self.buffer.advance(self.given);
            self.given = 0;
            self.searched = 0;
        }
    }

    fn fail(&mut self) -> TooLarge {
        self.failed = true;
        self.buffer = BytesMut::new();
        (self.given, self.searched) = (0, 0);
        TooLarge { limit: self.max }
    }
}

/// Without the CR of its end.
fn trimmed(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests;
