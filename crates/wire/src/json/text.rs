//! The text of JSON strings: finding its end fast, reading it, writing it.
//!
//! 1. Reading and writing are inverse: what is written reads back the same.
//! 2. Plain stretches are passed over eight bytes at a time, long ones thirty-two.

use std::borrow::Cow;

use serde::Serialize;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// What is looked at in one step once a stretch has turned out long.
const BLOCK: usize = 32;

/// How many bytes at the front are plain string content: no quote, no
/// backslash, no control character.
#[inline]
pub(super) fn plain_run(bytes: &[u8]) -> usize {
    // Most strings are keys and short words: these end in the first block.
    let run = by_words(bytes.get(..BLOCK).unwrap_or(bytes));
    match run {
        BLOCK => BLOCK + by_blocks(&bytes[BLOCK..]),
        _ => run,
    }
}

/// Whether this is the whole content of a string, and stands for itself.
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    plain_run(bytes) == bytes.len() && std::str::from_utf8(bytes).is_ok()
}

fn by_blocks(bytes: &[u8]) -> usize {
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    // Without a way out of the middle, so that it is a few wide instructions.
    let plain = |block: &&[u8; BLOCK]| !block.iter().fold(false, |any, byte| any | ends(*byte));
    let plain = blocks.iter().take_while(plain).count() * BLOCK;
    plain + by_words(&bytes[plain..])
}

/// Whether the byte ends a plain stretch.
#[inline]
fn ends(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

#[inline]
fn by_words(bytes: &[u8]) -> usize {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let hits = special(u64::from_le_bytes(*word));
        if hits != 0 {
            return index * 8 + hits.trailing_zeros() as usize / 8;
        }
    }
    let tail = rest.iter().position(|&byte| ends(byte));
    bytes.len() - rest.len() + tail.unwrap_or(rest.len())
}

/// Marks the special bytes of a word by their high bit. The lowest mark is
/// exact; marks above it may be false, because a subtraction that found
/// something borrows from its upper neighbour.
#[inline]
fn special(word: u64) -> u64 {
    let quote = word ^ (ONES * b'"' as u64);
    let slash = word ^ (ONES * b'\\' as u64);
    let quotes = quote.wrapping_sub(ONES) & !quote;
    let slashes = slash.wrapping_sub(ONES) & !slash;
    let controls = word.wrapping_sub(ONES * 0x20) & !word;
    (quotes | slashes | controls) & HIGHS
}

/// One step through the content of a JSON string.
enum Piece<'a> {
    Plain(&'a str),
    Char(char),
}

/// Splits valid string content into plain stretches and decoded escapes. What
/// cannot be a character (a lone surrogate) becomes U+FFFD.
fn pieces(mut raw: &str) -> impl Iterator<Item = Piece<'_>> {
    std::iter::from_fn(move || {
        let first = *raw.as_bytes().first()?;
        if first != b'\\' {
            let end = memchr::memchr(b'\\', raw.as_bytes()).unwrap_or(raw.len());
            let (plain, rest) = raw.split_at(end);
            raw = rest;
            return Some(Piece::Plain(plain));
        }
        let (decoded, length) = escape(raw);
        raw = raw.get(length..).unwrap_or("");
        Some(Piece::Char(decoded))
    })
}

/// The character that the escape at the front of `raw` stands for, and the
/// bytes it takes.
fn escape(raw: &str) -> (char, usize) {
    let bytes = raw.as_bytes();
    let plain = match bytes.get(1) {
        Some(b'n') => '\n',
        Some(b't') => '\t',
        Some(b'r') => '\r',
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'u') => return unicode_escape(bytes),
        Some(&other) => char::from(other),
        None => char::REPLACEMENT_CHARACTER,
    };
    (plain, 2)
}

fn unicode_escape(bytes: &[u8]) -> (char, usize) {
    let high = hex4(bytes.get(2..6).unwrap_or_default()).unwrap_or(0xfffd);
    if !(0xd800..0xdc00).contains(&high) {
        let decoded = char::from_u32(u32::from(high)).unwrap_or(char::REPLACEMENT_CHARACTER);
        return (decoded, 6);
    }
    let low = match bytes.get(6..12) {
        Some([b'\\', b'u', digits @ ..]) => hex4(digits),
        _ => None,
    };
    match low.filter(|low| (0xdc00..0xe000).contains(low)) {
        Some(low) => {
            let point = 0x10000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(low) - 0xdc00);
            (
                char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER),
                12,
            )
        }
        None => (char::REPLACEMENT_CHARACTER, 6),
    }
}

/// Four hexadecimal digits as a number.
pub(super) fn hex4(digits: &[u8]) -> Option<u16> {
    if digits.len() != 4 {
        return None;
    }
    digits.iter().try_fold(0u16, |sum, &digit| {
        let value = char::from(digit).to_digit(16)?;
        Some(sum << 4 | u16::try_from(value).ok()?)
    })
}

/// The content of a valid JSON string as text.
pub(super) fn decode(raw: &str) -> Cow<'_, str> {
    if memchr::memchr(b'\\', raw.as_bytes()).is_none() {
        return Cow::Borrowed(raw);
    }
    let mut text = String::with_capacity(raw.len());
    for piece in pieces(raw) {
        match piece {
            Piece::Plain(plain) => text.push_str(plain),
            Piece::Char(char) => text.push(char),
        }
    }
    Cow::Owned(text)
}

/// The length in bytes of what [`decode`] gives, without making it.
pub(super) fn decoded_len(raw: &str) -> usize {
    pieces(raw)
        .map(|piece| match piece {
            Piece::Plain(plain) => plain.len(),
            Piece::Char(char) => char.len_utf8(),
        })
        .sum()
}

/// Appends `text` as a JSON string with its quotes.
pub(crate) fn write_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, tail) = rest.split_at(plain_run(rest));
        out.extend_from_slice(plain);
        let Some((&special, after)) = tail.split_first() else {
            break;
        };
        match special {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                out.extend_from_slice(b"\\u00");
                out.push(DIGITS[usize::from(control >> 4)]);
                out.push(DIGITS[usize::from(control & 15)]);
            }
        }
        rest = after;
    }
    out.push(b'"');
}

/// `value` as JSON, in a buffer that has room for `bulk` bytes and what escapes
/// and fields may add: a large body is not moved while it grows.
pub(crate) fn to_vec(value: &impl Serialize, bulk: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(bulk + bulk / 16 + 512);
    match serde_json::to_writer(&mut out, value) {
        Ok(()) => out,
        // Only a key that is no text could fail, and there are none.
        Err(_) => Vec::new(),
    }
}
