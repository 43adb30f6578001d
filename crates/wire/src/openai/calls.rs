//! What an event of a stream says of tool calls: more of their arguments, and
//! where a choice ends.
//!
//! 1. Fragments joined in their order are the arguments, wherever they were cut.
//! 2. The order of members does not matter: what a choice adds to its calls is
//!    told before its end.
//!
//! It is a second look at the few events whose [`Chunk`](super::Chunk) says
//! that they matter, so that all others cost nothing. It keeps nothing and
//! joins nothing.

use std::borrow::Cow;

use super::choice;
use crate::json::{Kind, Scanner, Violation};

/// What an event says of tool calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallPiece<'a> {
    /// A call, or more of one.
    Fragment(CallFragment<'a>),
    /// A choice ends.
    End {
        /// Its index.
        choice: u64,
        /// Its reason is `length`: it was cut.
        cut: bool,
    },
}

/// A call of a function, or more of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallFragment<'a> {
    /// The index of the choice; its position where it tells none.
    pub choice: u64,
    /// The index of the call; its position where it tells none, and `None` for
    /// the old `function_call`, of which a choice has one.
    pub call: Option<u64>,
    /// The call's id, mostly in its first fragment only; else empty.
    pub id: Cow<'a, str>,
    /// What it adds to the arguments, decoded; arguments that are no text
    /// count as they stand.
    pub arguments: Cow<'a, str>,
}

/// Gives `take` the pieces in `data`, which is what a
/// [`Look::Chunk`](super::Look::Chunk) was seen in; anything else has none that
/// mean something.
pub fn call_pieces<'a>(data: &'a [u8], mut take: impl FnMut(CallPiece<'a>)) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    // What is wrong with the text was told by the first look.
    read(text, &mut take).unwrap_or_default();
}

/// Whether `arguments` are one JSON value with nothing missing and nothing
/// behind it. Nesting beyond [`MAX_DEPTH`](crate::json::MAX_DEPTH) cannot be
/// followed and is taken for whole.
pub fn whole_arguments(arguments: &str) -> bool {
    let mut scan = Scanner::of_upstream(arguments);
    let read = scan.skip().and_then(|()| scan.end());
    !matches!(read, Err(Violation::Syntax { .. }))
}

fn read<'a>(text: &'a str, take: &mut impl FnMut(CallPiece<'a>)) -> Result<(), Violation> {
    Scanner::of_upstream(text).object(|scan, key| {
        if key.decode() != "choices" || scan.kind()? != Kind::Array {
            return scan.skip();
        }
        let mut position = 0;
        scan.array(|scan| {
            read_choice(scan, position, take)?;
            position += 1;
            Ok(())
        })
    })
}

fn read_choice<'a>(
    scan: &mut Scanner<'a>,
    position: u64,
    take: &mut impl FnMut(CallPiece<'a>),
) -> Result<(), Violation> {
    if scan.kind()? != Kind::Object {
        return scan.skip();
    }
    let (mut choice, mut delta, mut end) = (position, None, None);
    scan.object(|scan, key| {
        match key.decode().as_ref() {
            "index" => choice = scan.whole()?.unwrap_or(position),
            "delta" => delta = Some(scan.span()?),
            "finish_reason" => end = read_end(scan)?,
            _ => scan.skip()?,
        }
        Ok::<(), Violation>(())
    })?;
    // Only now is it known which choice this is.
    if let Some(delta) = delta {
        read_delta(&mut Scanner::of_upstream(delta), choice, take)?;
    }
    if let Some(cut) = end {
        take(CallPiece::End { choice, cut });
    }
    Ok(())
}

/// Whether a `finish_reason` says `length`; `None` if it says nothing.
fn read_end(scan: &mut Scanner<'_>) -> Result<Option<bool>, Violation> {
    if scan.kind()? != Kind::String {
        return Ok(choice::given(scan)?.then_some(false));
    }
    let reason = scan.string()?.decode();
    Ok((!reason.is_empty()).then(|| reason == "length"))
}

fn read_delta<'a>(
    scan: &mut Scanner<'a>,
    choice: u64,
    take: &mut impl FnMut(CallPiece<'a>),
) -> Result<(), Violation> {
    if scan.kind()? != Kind::Object {
        return scan.skip();
    }
    scan.object(|scan, key| {
        let kind = scan.kind()?;
        match key.decode().as_ref() {
            "tool_calls" if kind == Kind::Array => {
                let mut position = 0;
                scan.array(|scan| {
                    if let Some(fragment) = read_call(scan, choice, position)? {
                        take(CallPiece::Fragment(fragment));
                    }
                    position += 1;
                    Ok(())
                })
            }
            "function_call" if kind == Kind::Object => {
                take(CallPiece::Fragment(CallFragment {
                    choice,
                    call: None,
                    id: Cow::Borrowed(""),
                    arguments: read_function(scan)?,
                }));
                Ok(())
            }
            _ => scan.skip(),
        }
    })
}

/// Reads an element of `tool_calls`; `None` if it calls no function: what
/// other tools are given need not be JSON.
fn read_call<'a>(
    scan: &mut Scanner<'a>,
    choice: u64,
    position: u64,
) -> Result<Option<CallFragment<'a>>, Violation> {
    if scan.kind()? != Kind::Object {
        return scan.skip().map(|()| None);
    }
    let (mut call, mut id, mut arguments) = (position, Cow::Borrowed(""), None);
    scan.object(|scan, key| {
        match key.decode().as_ref() {
            "index" => call = scan.whole()?.unwrap_or(position),
            "id" => id = scan.text()?.map(|id| id.decode()).unwrap_or_default(),
            "function" if scan.kind()? == Kind::Object => arguments = Some(read_function(scan)?),
            _ => scan.skip()?,
        }
        Ok::<(), Violation>(())
    })?;
    Ok(arguments.map(|arguments| CallFragment {
        choice,
        call: Some(call),
        id,
        arguments,
    }))
}

/// Reads the object of a called function for its `arguments`.
fn read_function<'a>(scan: &mut Scanner<'a>) -> Result<Cow<'a, str>, Violation> {
    let mut arguments = Cow::Borrowed("");
    scan.object(|scan, key| {
        if key.decode() != "arguments" {
            return scan.skip();
        }
        arguments = match scan.kind()? {
            Kind::String => scan.string()?.decode(),
            Kind::Null => return scan.skip(),
            _ => Cow::Borrowed(scan.span()?),
        };
        Ok::<(), Violation>(())
    })?;
    Ok(arguments)
}

#[cfg(test)]
mod tests;
