//! The headers of a message: name, type and value, one behind the other.
//!
//! Those that are needed are text; all others are passed over by their length.

use crate::json::write_string;

/// What the headers say; empty where they do not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told<'a> {
    /// `event`, `exception` or `error`.
    pub(super) kind: &'a str,
    pub(super) event: &'a str,
    pub(super) exception: &'a str,
    pub(super) code: &'a str,
    pub(super) message: &'a str,
}

impl<'a> Told<'a> {
    /// Reads all of `bytes`; `None` if they are no headers.
    pub(super) fn read(mut bytes: &'a [u8]) -> Option<Self> {
        let mut told = Self::default();
        while let Some((&length, rest)) = bytes.split_first() {
            let (name, rest) = rest.split_at_checked(length.into())?;
            let (value, rest) = value(rest)?;
            bytes = rest;
            let field = match name {
                b":message-type" => &mut told.kind,
                b":event-type" => &mut told.event,
                b":exception-type" => &mut told.exception,
                b":error-code" => &mut told.code,
                b":error-message" => &mut told.message,
                _ => continue,
            };
            *field = std::str::from_utf8(value?).ok()?;
        }
        Some(told)
    }
}

/// The value at the front of `bytes`, if it is text, and what is behind it.
/// `None` if there is no such type or too little of it.
fn value(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (&kind, rest) = bytes.split_first()?;
    let length = match kind {
        // True and false: the type is the value.
        0 | 1 => 0,
        // Whole numbers of one, two, four and eight bytes.
        2 => 1,
        3 => 2,
        4 => 4,
        5 => 8,
        // Bytes, text.
        6 | 7 => {
            let (length, rest) = rest.split_first_chunk()?;
            let (value, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
            return Some(((kind == 7).then_some(value), rest));
        }
        // A time, a UUID.
        8 => 8,
        9 => 16,
        _ => return None,
    };
    let (_, rest) = rest.split_at_checked(length)?;
    Some((None, rest))
}

/// A message in the form in which exceptions tell theirs.
pub(super) fn as_object(message: &str) -> Vec<u8> {
    let mut out = b"{\"message\":".to_vec();
    write_string(&mut out, message);
    out.push(b'}');
    out
}
