//! What the simulated model says, piece by piece.
//!
//! Promises: (1) the text is made from the name or the caller's message alone; (2) the pieces put
//! together are exactly the whole text, and no piece cuts a character; (3) a token is a word, a
//! run of anything but ASCII white space, and every count is exact. Nothing is held in memory but
//! what an echo has to repeat.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::{BufMut, Bytes, BytesMut};

/// The text that is repeated without end. ASCII without quotes or backslashes, so that any slice
/// of it is valid inside a JSON string; the last byte is a space, so that no word spans a turn.
const TIDE: &str = "the tide comes in twice a day and nobody asks it to and the gate stands open \
    while there is room behind it then the water rises and the keeper lets it through a little \
    at a time so that the fields stay dry and the boats still find their way home before night \
    and when the moon turns the sea goes out again and leaves the sand clean for the morning. ";

/// The words of a text: our tokens.
pub(crate) fn words(text: &[u8]) -> u64 {
    let starts = |pair: &[u8]| pair[0].is_ascii_whitespace() && !pair[1].is_ascii_whitespace();
    let first = text.first().is_some_and(|byte| !byte.is_ascii_whitespace());
    u64::from(first) + text.windows(2).filter(|pair| starts(pair)).count() as u64
}

/// Appends `text` as a JSON string, quotes included.
pub(crate) fn quote(out: &mut BytesMut, text: &str) {
    // A string always has a JSON form, and a growing buffer takes every byte.
    let written = serde_json::to_writer(out.writer(), text);
    debug_assert!(written.is_ok());
}

/// Appends `len` bytes of the endless text from position `at`.
pub(crate) fn tide(out: &mut BytesMut, at: u64, len: usize) {
    let mut from = (at % TIDE.len() as u64) as usize;
    let mut left = len;
    while left > 0 {
        let take = left.min(TIDE.len() - from);
        out.put_slice(&TIDE.as_bytes()[from..from + take]);
        left -= take;
        from = 0;
    }
}

/// Where a text is cut into the pieces of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cut {
    /// After each white space character.
    Words,
    /// After so many bytes, or at the end of the character there. Zero is one piece.
    Bytes(u32),
    /// Into so many pieces of about the same size, if it has as many characters.
    Even(u32),
}

/// One whole answer.
#[derive(Debug, Clone)]
pub(crate) enum Speech {
    /// The first `len` bytes of the endless text, in `chunks` pieces of `bytes`; the last one is
    /// shorter where a bound came first.
    Tide { chunks: u32, bytes: u32, len: u64 },
    /// Any other words.
    Text { text: Arc<str>, cut: Cut },
}

impl Speech {
    pub(crate) fn paced(chunks: u32, bytes: u32) -> Self {
        let len = u64::from(chunks) * u64::from(bytes);
        Self::Tide { chunks, bytes, len }
    }

    pub(crate) fn text(text: impl Into<Arc<str>>, cut: Cut) -> Self {
        let text = text.into();
        Self::Text { text, cut }
    }

    /// Bytes, before any escaping.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::Tide { len, .. } => *len,
            Self::Text { text, .. } => text.len() as u64,
        }
    }

    /// How many tokens it has.
    pub(crate) fn words(&self) -> u64 {
        match self {
            Self::Tide { len, .. } => tide_words(*len),
            Self::Text { text, .. } => words(text.as_bytes()),
        }
    }

    /// How many pieces it has.
    pub(crate) fn count(&self) -> u32 {
        match self {
            Self::Tide { chunks, .. } => *chunks,
            Self::Text { .. } => {
                let mut pieces = self.clone().pieces();
                u32::try_from(pieces.skip(u32::MAX)).unwrap_or(u32::MAX)
            }
        }
    }

    /// Some of its beginning, whole characters.
    pub(crate) fn opening(&self, most: usize) -> String {
        match self {
            Self::Tide { len, .. } => {
                let mut out = BytesMut::new();
                tide(&mut out, 0, usize::try_from(*len).unwrap_or(most).min(most));
                String::from_utf8_lossy(&out).into_owned()
            }
            Self::Text { text, .. } => text[..text.floor_char_boundary(most)].to_owned(),
        }
    }

    /// Ends before the first of these texts that stands in it; says whether one does.
    pub(crate) fn stop_before(&mut self, stops: &[impl AsRef<str>]) -> bool {
        let first = |text: &str| {
            let stops = stops
                .iter()
                .map(AsRef::as_ref)
                .filter(|stop| !stop.is_empty());
            stops.filter_map(|stop| text.find(stop)).min()
        };
        let found = match self {
            // What begins after one turn of the endless text begins in its first turn too.
            Self::Tide { .. } => {
                let longest = stops.iter().map(|stop| stop.as_ref().len()).max();
                first(&self.opening(TIDE.len() + longest.unwrap_or_default()))
            }
            Self::Text { text, .. } => first(text),
        };
        if let Some(at) = found {
            self.truncate(at as u64);
        }
        found.is_some()
    }

    /// Ends after so many tokens; says whether it had more.
    pub(crate) fn stop_after(&mut self, most: u64) -> bool {
        if self.words() <= most {
            return false;
        }
        let end = match self {
            Self::Tide { .. } => {
                let turn = words(TIDE.as_bytes());
                let rest = words_end(TIDE.as_bytes(), most % turn);
                (most / turn * TIDE.len() as u64 + rest as u64).saturating_sub(u64::from(rest == 0))
            }
            Self::Text { text, .. } => words_end(text.as_bytes(), most) as u64,
        };
        self.truncate(end);
        true
    }

    fn truncate(&mut self, end: u64) {
        match self {
            Self::Tide { chunks, bytes, len } => {
                *len = end;
                let pieces = end.div_ceil(u64::from(*bytes).max(1));
                *chunks = u32::try_from(pieces).unwrap_or(*chunks);
            }
            Self::Text { text, .. } => {
                let end = usize::try_from(end).unwrap_or(text.len());
                *text = text[..text.floor_char_boundary(end)].into();
            }
        }
    }

    /// All its pieces.
    pub(crate) fn pieces(self) -> Pieces {
        match self {
            Self::Tide { chunks, bytes, len } => Pieces::Tide {
                next: 0,
                end: chunks,
                bytes,
                len,
            },
            Self::Text { text, cut } => Pieces::Text {
                end: text.len(),
                text,
                cut,
                at: 0,
                next: 0,
            },
        }
    }
}

fn tide_words(len: u64) -> u64 {
    let turn = TIDE.len() as u64;
    let rest = (len % turn) as usize;
    len / turn * words(TIDE.as_bytes()) + words(&TIDE.as_bytes()[..rest])
}

/// Where the word of this number ends, counted from 1; zero for none.
fn words_end(text: &[u8], number: u64) -> usize {
    let (mut seen, mut at) = (0, 0);
    while seen < number && at < text.len() {
        at += white(&text[at..], true);
        at += white(&text[at..], false);
        seen += 1;
    }
    at
}

/// How many bytes from the first on are white space, or are not.
fn white(text: &[u8], is: bool) -> usize {
    let other = |byte: &u8| byte.is_ascii_whitespace() != is;
    text.iter().position(other).unwrap_or(text.len())
}

/// The pieces of a speech that are still to be said.
#[derive(Debug, Clone)]
pub(crate) enum Pieces {
    Tide {
        next: u32,
        end: u32,
        bytes: u32,
        len: u64,
    },
    Text {
        text: Arc<str>,
        cut: Cut,
        /// Where the next piece begins, and before what the last one ends.
        at: usize,
        end: usize,
        /// The number of the next piece.
        next: u32,
    },
    /// Choices of events, rendered already.
    Ready(VecDeque<Bytes>),
}

impl Pieces {
    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Tide { next, end, .. } => next >= end,
            Self::Text { at, end, .. } => at == end,
            Self::Ready(choices) => choices.is_empty(),
        }
    }

    /// About how many bytes the next piece takes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Tide { bytes, .. } => *bytes as usize,
            Self::Text { .. } => 64,
            Self::Ready(choices) => choices.front().map_or(0, Bytes::len),
        }
    }

    /// Takes off so many pieces, as pieces of their own.
    pub(crate) fn split(&mut self, count: u32) -> Self {
        let mut first = self.clone();
        let passed = self.skip(count);
        match (&mut first, &*self) {
            (Self::Tide { end, .. }, Self::Tide { next, .. }) => *end = *next,
            (Self::Text { end, .. }, Self::Text { at, .. }) => *end = *at,
            (Self::Ready(choices), _) => choices.truncate(passed as usize),
            _ => {}
        }
        first
    }

    /// Passes over so many pieces; says how many there were.
    pub(crate) fn skip(&mut self, count: u32) -> u64 {
        let mut passed = 0;
        match self {
            Self::Tide { next, end, .. } => {
                passed = count.min(end.saturating_sub(*next));
                *next += passed;
            }
            Self::Ready(choices) => {
                passed = count.min(u32::try_from(choices.len()).unwrap_or(u32::MAX));
                choices.drain(..passed as usize);
            }
            Self::Text { .. } => {
                while passed < count && !self.is_empty() {
                    self.step();
                    passed += 1;
                }
            }
        }
        passed.into()
    }

    /// Appends the next piece as a JSON string.
    pub(crate) fn quote_next(&mut self, out: &mut BytesMut) {
        match self {
            Self::Tide {
                next, bytes, len, ..
            } => {
                let at = u64::from(*next) * u64::from(*bytes);
                let take = u64::from(*bytes).min(len.saturating_sub(at));
                out.put_u8(b'"');
                tide(out, at, take as usize);
                out.put_u8(b'"');
                *next += 1;
            }
            Self::Text { .. } => {
                let (from, to) = self.step();
                if let Self::Text { text, .. } = self {
                    quote(out, &text[from..to]);
                }
            }
            Self::Ready(choices) => out.put_slice(&choices.pop_front().unwrap_or_default()),
        }
    }

    /// Goes over the next piece of a text; says where it stands.
    fn step(&mut self) -> (usize, usize) {
        let Self::Text {
            text,
            cut,
            at,
            next,
            ..
        } = self
        else {
            return (0, 0);
        };
        let from = *at;
        let rest = &text[from..];
        let to = match *cut {
            Cut::Words => rest.find(char::is_whitespace).map_or(text.len(), |space| {
                text.ceil_char_boundary(from + space + 1)
            }),
            Cut::Bytes(0) => text.len(),
            Cut::Bytes(bytes) => text.ceil_char_boundary(from.saturating_add(bytes as usize)),
            // Where the characters are fewer than the pieces, a piece is one character.
            Cut::Even(pieces) => {
                let share = |number: u32| {
                    let share = text.len() as u64 * u64::from(number) / u64::from(pieces.max(1));
                    text.ceil_char_boundary(usize::try_from(share).unwrap_or(text.len()))
                };
                let least = text.ceil_char_boundary(from + 1);
                share(next.saturating_add(1)).max(least)
            }
        };
        *at = to;
        *next += 1;
        (from, to)
    }
}

#[cfg(test)]
mod tests;
