//! Server-sent events: whole events out of any pieces, passed on as they came.
//! 1. The same events for every way the bytes are cut (WHATWG HTML 9.2).
//! 2. What is forwarded leaves as it arrived, line endings included, and what
//!    lies together leaves together, without a copy per event.
//! 3. An event over the limit is refused as soon as it is seen to be, whole or not.
//! 4. Only whole events come out; an unfinished one at the end is not an event.
//!
//! It does not know what the data mean, and it keeps no `id` or `retry`.

mod event;

use std::fmt;

use bytes::{Buf, Bytes, BytesMut};

use self::event::Fields;
pub use self::event::{Event, Kind};

/// A comment that keeps a silent stream alive.
pub const PING: &[u8] = b": ping\n\n";

/// The end mark of an OpenAI stream.
pub const DONE: &[u8] = b"data: [DONE]\n\n";

/// What an idle framer may keep, in bytes: an unfinished tail up to this size
/// is moved out of a large buffer so that the buffer can go.
const RETAIN: usize = 1024;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// Finds whole events in pieces of a stream, and lets pass those that are
/// forwarded.
///
/// Push a piece, take every event that it completed, decide on each, drain:
///
/// ```
/// use tidegate_wire::sse::Framer;
///
/// let mut framer = Framer::new(1 << 20);
/// framer.push(b"data: one\n\n: ping\n\ndata: two\n\ndata: thr");
/// while let Some(event) = framer.next() {
///     let event = event?;
///     let wanted = !event.data().is_empty();
///     if wanted {
///         framer.forward();
///     }
/// }
/// assert_eq!(framer.drain(), "data: one\n\ndata: two\n\n");
/// # Ok::<(), tidegate_wire::sse::TooLarge>(())
/// ```
///
/// An event that is not forwarded before the next one is asked for is withheld.
/// The buffer holds, in this order, what was forwarded (`..kept`), a gap of
/// what was withheld (`kept..start`), the event last given (`start..end`) and
/// what was not looked at yet; a forwarded event moves down over the gap, if
/// there is one. So every byte is moved at most once.
pub struct Framer {
    buffer: BytesMut,
    kept: usize,
    start: usize,
    end: usize,
    progress: Progress,
    /// The limit of one event in bytes.
    max: usize,
    /// Nothing was read yet, so that a byte order mark may come.
    opening: bool,
    /// The last event ended with a CR that was the last byte there was: an LF
    /// that follows belongs to it and shares its fate.
    after_cr: bool,
    forwarded: bool,
    failed: bool,
}

/// How far the event behind `end` was looked at; offsets count from `end`.
#[derive(Clone, Default)]
struct Progress {
    /// Start of the line that is not complete yet.
    line: usize,
    /// No line ending before this.
    searched: usize,
    fields: Fields,
}

/// An event is over the limit; the framer gives no more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLarge {
    /// The limit in bytes.
    pub limit: usize,
}

impl fmt::Display for TooLarge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "an event of the stream has more than {} bytes",
            self.limit
        )
    }
}

impl std::error::Error for TooLarge {}

/// How the bytes ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// Behind a whole event.
    Clean,
    /// So many bytes into an event, which is none.
    Partial(usize),
}

impl Framer {
    /// A framer for one stream; no event may have more than `max_event_bytes`.
    pub fn new(max_event_bytes: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            kept: 0,
            start: 0,
            end: 0,
            progress: Progress::default(),
            max: max_event_bytes,
            opening: true,
            after_cr: false,
            forwarded: false,
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

    /// The next whole event, or `None` when more bytes are needed. The event
    /// before it is withheld unless it was forwarded.
    ///
    /// # Errors
    /// [`TooLarge`] once; then there are no more events. What was forwarded
    /// before can still be drained.
    #[expect(
        clippy::should_implement_trait,
        reason = "it lends; an iterator cannot"
    )]
    pub fn next(&mut self) -> Option<Result<Event<'_>, TooLarge>> {
        self.skip();
        if self.failed || !self.begin() {
            return None;
        }
        let found = self.find();
        if self.oversize(found) {
            self.failed = true;
            self.buffer.truncate(self.kept);
            (self.start, self.end) = (self.kept, self.kept);
            return Some(Err(TooLarge { limit: self.max }));
        }
        self.end = self.start + found?;
        let fields = std::mem::take(&mut self.progress).fields;
        Some(Ok(Event {
            raw: self.buffer.get(self.start..self.end)?,
            fields,
        }))
    }

    /// Lets the event last given pass.
    pub fn forward(&mut self) {
        let event = self.start..self.end;
        if event.is_empty() {
            return;
        }
        let length = event.len();
        if self.kept != self.start {
            self.buffer.copy_within(event, self.kept);
        }
        self.kept += length;
        self.start = self.end;
        self.forwarded = true;
    }

    /// Withholds the event last given; asking for the next one does the same.
    pub fn skip(&mut self) {
        if self.start != self.end {
            self.start = self.end;
            self.forwarded = false;
        }
    }

    /// Puts bytes of our own (a ping, an error event, a repaired event) behind
    /// what was forwarded so far. They must be whole events.
    pub fn put(&mut self, bytes: &[u8]) {
        let gap = self.start - self.kept;
        if let Some(missing) = bytes.len().checked_sub(gap).filter(|&missing| missing > 0) {
            let rest = self.buffer.split_off(self.start);
            self.buffer.resize(self.start + missing, 0);
            self.buffer.unsplit(rest);
            self.start += missing;
            self.end += missing;
        }
        let end = self.kept + bytes.len();
        if let Some(room) = self.buffer.get_mut(self.kept..end) {
            room.copy_from_slice(bytes);
            self.kept = end;
        }
    }

    /// Bytes that [`drain`](Self::drain) would give.
    pub fn kept(&self) -> usize {
        self.kept
    }

    /// Bytes in its buffer, those included that wait for the rest of an event.
    pub fn held(&self) -> usize {
        self.buffer.len()
    }

    /// Everything forwarded since the last call, as one piece; empty if
    /// nothing was. When no unfinished event is left the framer keeps no
    /// buffer, else at most a buffer of about that event's size.
    pub fn drain(&mut self) -> Bytes {
        if self.start == 0 {
            return Bytes::new();
        }
        let tail = self.buffer.len() - self.start;
        let out = if tail <= RETAIN {
            // The tail moves to a buffer of its own, so that neither side
            // holds the other's memory (and a whole buffer freezes for free).
            let rest = self.buffer.get(self.start..).unwrap_or_default();
            let rest = if rest.is_empty() {
                BytesMut::new()
            } else {
                BytesMut::from(rest)
            };
            let mut out = std::mem::replace(&mut self.buffer, rest);
            out.truncate(self.kept);
            out.freeze()
        } else {
            let out = self.buffer.split_to(self.kept).freeze();
            self.buffer.advance(self.start - self.kept);
            out
        };
        self.end -= self.start;
        (self.kept, self.start) = (0, 0);
        if out.is_empty() { Bytes::new() } else { out }
    }

    /// The stream ended: call it when `next` has given `None`. The unfinished
    /// event, if there is one, is dropped; drain still gives what was forwarded.
    pub fn finish(&mut self) -> Tail {
        self.skip();
        let partial = self.buffer.len() - self.start;
        self.buffer.truncate(self.start);
        self.progress = Progress::default();
        if partial == 0 {
            Tail::Clean
        } else {
            Tail::Partial(partial)
        }
    }

    /// Passes over what stands before an event: the byte order mark of the
    /// stream, the LF that the event before is owed. False when more bytes are
    /// needed to tell.
    fn begin(&mut self) -> bool {
        let fresh = self.buffer.get(self.end..).unwrap_or_default();
        if fresh.is_empty() {
            return false;
        }
        if self.opening {
            if fresh.len() < BOM.len() && BOM.starts_with(fresh) {
                return false;
            }
            self.opening = false;
            if fresh.starts_with(BOM) {
                self.start += BOM.len();
                self.end = self.start;
            }
        } else if std::mem::take(&mut self.after_cr) && fresh.first() == Some(&b'\n') {
            self.end += 1;
            if self.forwarded {
                self.forward();
            }
            self.start = self.end;
        }
        true
    }

    /// Looks on for the empty line that ends the event, line by line; the
    /// event's length when it is there.
    fn find(&mut self) -> Option<usize> {
        let bytes = self.buffer.get(self.end..)?;
        let progress = &mut self.progress;
        loop {
            let fresh = bytes.get(progress.searched..)?;
            let Some(found) = memchr::memchr2(b'\n', b'\r', fresh) else {
                progress.searched = bytes.len();
                return None;
            };
            let stop = progress.searched + found;
            let blank = stop == progress.line;
            let mut next = stop + 1;
            if bytes.get(stop) == Some(&b'\r') {
                match bytes.get(next) {
                    Some(b'\n') => next += 1,
                    Some(_) => {}
                    // The event is over, whatever follows: waiting for the LF
                    // would hold it back until the next event begins.
                    None if blank => self.after_cr = true,
                    None => {
                        progress.searched = stop;
                        return None;
                    }
                }
            }
            if blank {
                return Some(next);
            }
            progress.fields.read(bytes, progress.line..stop);
            progress.line = next;
            progress.searched = next;
        }
    }

    /// Whether the event of `length`, or the unfinished one, is over the limit.
    /// The LF of a final CRLF does not count, since it may come later.
    fn oversize(&self, length: Option<usize>) -> bool {
        let Some(length) = length else {
            return self.buffer.len() - self.end > self.max;
        };
        let event = self
            .buffer
            .get(self.end..self.end + length)
            .unwrap_or_default();
        length - usize::from(event.ends_with(b"\r\n")) > self.max
    }
}

impl fmt::Debug for Framer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framer")
            .field("kept", &self.kept)
            .field("buffered", &self.buffer.len())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}

/// An event whose bytes are not UTF-8, with U+FFFD in place of each part that
/// is not: what a reader would make of it (WHATWG Encoding).
pub fn lossy_event(raw: &[u8]) -> Bytes {
    Bytes::from(String::from_utf8_lossy(raw).into_owned())
}

#[cfg(test)]
mod tests;
