//! What the simulated model says, piece by piece.
//!
//! Promises: (1) the text is made from the name or the caller's message alone; (2) the pieces put
//! together are exactly the whole text, and no piece cuts a character; (3) a token is a word, a
//! run of anything but ASCII white space, and every count is exact. Nothing is held in memory but
//! what an echo has to repeat.

use bytes::{BufMut, BytesMut};

use crate::name::Pace;

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

/// One whole answer.
#[derive(Debug, Clone)]
pub(crate) enum Speech {
    /// A slice of the endless text, from its beginning.
    Tide { chunks: u32, bytes: u32 },
    /// Somebody else's words.
    Echo(String),
}

impl Speech {
    pub(crate) fn paced(pace: Pace) -> Self {
        Self::Tide {
            chunks: pace.chunks,
            bytes: pace.bytes,
        }
    }

    /// How many tokens it has.
    pub(crate) fn words(&self) -> u64 {
        match self {
            Self::Tide { chunks, bytes } => {
                let len = u64::from(*chunks) * u64::from(*bytes);
                let turn = TIDE.len() as u64;
                let rest = (len % turn) as usize;
                len / turn * words(TIDE.as_bytes()) + words(&TIDE.as_bytes()[..rest])
            }
            Self::Echo(text) => words(text.as_bytes()),
        }
    }

    /// Its pieces from number `from` to before number `to`.
    pub(crate) fn pieces(self, from: u32, to: u32) -> Pieces {
        match self {
            Self::Tide { chunks, bytes } => Pieces::Tide {
                next: from,
                end: to.min(chunks),
                bytes,
            },
            Self::Echo(text) => Pieces::Echo { text, at: 0 },
        }
    }
}

/// The pieces of a speech that are still to be said.
#[derive(Debug)]
pub(crate) enum Pieces {
    Tide { next: u32, end: u32, bytes: u32 },
    Echo { text: String, at: usize },
}

impl Pieces {
    /// Whether nothing is left.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Tide { next, end, .. } => next >= end,
            Self::Echo { text, at } => *at == text.len(),
        }
    }

    /// About how many bytes the next piece takes.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Tide { bytes, .. } => *bytes as usize,
            Self::Echo { .. } => 64,
        }
    }

    /// Appends the next piece as a JSON string.
    pub(crate) fn quote_next(&mut self, out: &mut BytesMut) {
        match self {
            Self::Tide { next, bytes, .. } => {
                out.put_u8(b'"');
                tide(out, u64::from(*next) * u64::from(*bytes), *bytes as usize);
                out.put_u8(b'"');
                *next += 1;
            }
            Self::Echo { text, at } => {
                let rest = &text[*at..];
                let piece = rest
                    .split_inclusive(char::is_whitespace)
                    .next()
                    .unwrap_or(rest);
                quote(out, piece);
                *at += piece.len();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn whole(speech: Speech) -> String {
        let mut pieces = speech.pieces(0, u32::MAX);
        let mut text = String::new();
        while !pieces.is_empty() {
            let mut json = BytesMut::new();
            pieces.quote_next(&mut json);
            text.push_str(&serde_json::from_slice::<String>(&json).unwrap());
        }
        text
    }

    #[test]
    fn the_endless_text_needs_no_escaping_and_joins_at_a_space() {
        assert!(TIDE.bytes().all(|byte| byte.is_ascii() && byte >= b' '));
        assert!(!TIDE.contains(['"', '\\']) && TIDE.ends_with(' ') && !TIDE.contains("  "));
    }

    #[test]
    fn pieces_make_the_whole_and_words_are_counted_exactly() {
        for (chunks, bytes) in [(0, 4), (1, 1), (20, 4), (7, 1_000), (3, 0), (331, 13)] {
            let speech = Speech::Tide { chunks, bytes };
            let text = whole(speech.clone());
            assert_eq!(text.len(), (chunks * bytes) as usize);
            assert_eq!(
                speech.words(),
                text.split_ascii_whitespace().count() as u64,
                "{text}"
            );
        }
    }

    #[test]
    fn an_echo_is_exact_whatever_the_message() {
        for text in [
            "",
            "one",
            " a  b\n\tc ",
            "größe \"quoted\" \\ \u{1F30A} \u{0} end",
        ] {
            let speech = Speech::Echo(text.to_owned());
            assert_eq!(speech.words(), text.split_ascii_whitespace().count() as u64);
            assert_eq!(whole(speech), text);
        }
    }

    #[test]
    fn a_slice_far_out_wraps() {
        let mut out = BytesMut::new();
        tide(&mut out, u64::from(u32::MAX) * 7, TIDE.len() * 2);
        let start = (u64::from(u32::MAX) * 7 % TIDE.len() as u64) as usize;
        assert_eq!(out[..4], TIDE.repeat(2).as_bytes()[start..start + 4]);
        assert_eq!(out[..TIDE.len()], out[TIDE.len()..]);
    }
}
