//! Amazon's event stream, `application/vnd.amazon.eventstream`: whole messages
//! out of any pieces.
//!
//! 1. The same messages for every way the bytes are cut.
//! 2. A wrong checksum ends the stream: nobody knows where the next message begins.
//! 3. A message over the limit is refused by its first twelve bytes.
//! 4. What tells a failure is never taken for an event, by its name alone.
//!
//! A message: its length, its headers' length, the CRC of these; the headers; the
//! payload; the CRC of all before. Numbers are big-endian.

mod headers;

use std::borrow::Cow;
use std::fmt;

use bytes::{Buf, BytesMut};

use self::headers::Told;
use crate::sse::Tail;

/// The two lengths and their CRC.
const PRELUDE: usize = 12;
/// The CRC at a message's end.
const TRAILER: usize = 4;

/// What the name of a [`Message`] that tells a failure begins with.
pub const FAILED: &str = "error:";

/// Finds whole messages in pieces of a stream: push a piece, take every message
/// that it completed.
#[derive(Debug)]
pub struct Framer {
    buffer: BytesMut,
    /// The message last given: it goes with the next question.
    given: usize,
    /// Its prelude was found right, and it has so many bytes.
    length: Option<usize>,
    /// The limit of one message in bytes.
    max: usize,
    failed: bool,
}

/// A whole message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message<'a> {
    name: Cow<'a, str>,
    data: Cow<'a, [u8]>,
}

impl Message<'_> {
    /// Its event's type; for a failure [`FAILED`] and the exception's type or
    /// the error's code. Empty where there is none.
    pub fn name(&self) -> &[u8] {
        self.name.as_bytes()
    }

    /// Its payload; of an error without one, its message as `{"message":...}`.
    pub fn data(&self) -> &[u8] {
        &self.data
    }
}

/// Why a stream cannot be read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    /// A message is over the limit.
    TooLarge {
        /// In bytes.
        limit: usize,
    },
    /// The lengths do not go together.
    Length,
    /// A checksum is wrong.
    Checksum,
    /// The headers are not what they should be.
    Headers,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { limit } => {
                write!(f, "a message of the stream has more than {limit} bytes")
            }
            Self::Length => f.write_str("the lengths of a message do not go together"),
            Self::Checksum => f.write_str("a checksum of the stream is wrong"),
            Self::Headers => f.write_str("the headers of a message cannot be read"),
        }
    }
}

impl std::error::Error for Broken {}

impl Framer {
    /// A framer for one stream; no message may have more than
    /// `max_message_bytes`, its headers and checksums included.
    pub fn new(max_message_bytes: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            given: 0,
            length: None,
            max: max_message_bytes,
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

    /// The next whole message, or `None` when more bytes are needed.
    ///
    /// # Errors
    /// [`Broken`] once; then there are no more messages.
    #[expect(
        clippy::should_implement_trait,
        reason = "it lends; an iterator cannot"
    )]
    pub fn next(&mut self) -> Option<Result<Message<'_>, Broken>> {
        self.drop_given();
        if self.failed {
            return None;
        }
        let length = match self.whole()? {
            Ok(length) => length,
            Err(broken) => return Some(Err(self.fail(broken))),
        };
        let found = message(self.buffer.get(..length)?);
        self.given = length;
        self.failed = found.is_err();
        Some(found)
    }

    /// The stream ended: whether behind a whole message.
    pub fn finish(&mut self) -> Tail {
        self.drop_given();
        if self.failed {
            // What came behind it is no message, however much of it is here.
            self.buffer = BytesMut::new();
        }
        match self.buffer.len() {
            0 => Tail::Clean,
            partial => Tail::Partial(partial),
        }
    }

    /// Bytes that wait for the rest of their message.
    pub fn held(&self) -> usize {
        self.buffer.len() - self.given
    }

    /// The length of the message at the front, when all of it is there and its
    /// checksums are right.
    fn whole(&mut self) -> Option<Result<usize, Broken>> {
        let length = match self.length {
            Some(length) => length,
            None => {
                let length = match prelude(self.buffer.get(..PRELUDE)?, self.max) {
                    Ok(length) => length,
                    Err(broken) => return Some(Err(broken)),
                };
                self.length = Some(length);
                length
            }
        };
        let bytes = self.buffer.get(..length)?;
        let (body, sum) = bytes.split_at(length - TRAILER);
        if crc32fast::hash(body) != number(sum) {
            return Some(Err(Broken::Checksum));
        }
        Some(Ok(length))
    }

    fn drop_given(&mut self) {
        if self.given > 0 {
            self.buffer.advance(self.given);
            self.given = 0;
            self.length = None;
        }
    }

    fn fail(&mut self, broken: Broken) -> Broken {
        self.failed = true;
        self.buffer = BytesMut::new();
        (self.given, self.length) = (0, None);
        broken
    }
}

/// The message's length, from its first twelve bytes.
fn prelude(bytes: &[u8], max: usize) -> Result<usize, Broken> {
    let (lengths, sum) = bytes.split_at(PRELUDE - 4);
    // First the sum: lengths that are wrong mean nothing.
    if crc32fast::hash(lengths) != number(sum) {
        return Err(Broken::Checksum);
    }
    let (length, headers) = lengths.split_at(4);
    let (length, headers) = (u64::from(number(length)), u64::from(number(headers)));
    if headers + (PRELUDE + TRAILER) as u64 > length {
        return Err(Broken::Length);
    }
    match usize::try_from(length) {
        Ok(length) if length <= max => Ok(length),
        _ => Err(Broken::TooLarge { limit: max }),
    }
}

/// What a message that was found whole says.
fn message(bytes: &[u8]) -> Result<Message<'_>, Broken> {
    let (prelude, rest) = bytes.split_at_checked(PRELUDE).ok_or(Broken::Length)?;
    let headers = prelude.get(4..8).map(number).unwrap_or_default() as usize;
    let (headers, rest) = rest.split_at_checked(headers).ok_or(Broken::Length)?;
    let payload = rest
        .get(..rest.len().saturating_sub(TRAILER))
        .unwrap_or_default();
    let told = Told::read(headers).ok_or(Broken::Headers)?;
    let failed = |kind: &str| Cow::Owned(format!("{FAILED}{kind}"));
    Ok(match told.kind {
        "exception" => Message {
            name: failed(told.exception),
            data: Cow::Borrowed(payload),
        },
        "error" => Message {
            name: failed(told.code),
            data: Cow::Owned(headers::as_object(told.message)),
        },
        _ => Message {
            name: Cow::Borrowed(told.event),
            data: Cow::Borrowed(payload),
        },
    })
}

/// Four bytes as a number.
fn number(bytes: &[u8]) -> u32 {
    bytes.first_chunk().copied().map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
pub(crate) mod tests;
