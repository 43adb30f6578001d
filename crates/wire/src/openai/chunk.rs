//! What an event of an OpenAI stream means: `chat.completion.chunk` and
//! `text_completion`.
//!
//! 1. An error in the stream is seen whatever else the event holds.
//! 2. Only what a caller could show to somebody is content; a role is not.
//!
//! It decides nothing: what is withheld and when a stream ends is the
//! gateway's matter.

use tidegate_types::Usage;

use super::choice::{self, Found, Span};
use super::error::{self, ErrorBody};
use crate::json::{Scanner, Violation};
use crate::sse::Event;

/// What an event means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// `[DONE]`.
    Done,
    /// A piece of the answer.
    Chunk(Chunk),
    /// The upstream says that it failed.
    Error(ErrorBody),
    /// Not a JSON object.
    Malformed,
    /// Not UTF-8. Put [`lossy_event`](crate::sse::lossy_event) of it in its
    /// place and look at that.
    NotUtf8,
}

/// A piece of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Chunk {
    /// Some text, tool call, refusal or reasoning is not empty.
    pub content: bool,
    /// Bytes of that text, decoded.
    pub text_bytes: u32,
    /// Some `finish_reason` is given.
    pub finish: bool,
    /// The choices in it, a bit each by their indices.
    pub seen: u64,
    /// Those of them whose `finish_reason` is given.
    pub ended: u64,
    /// A name or arguments of a called function are in it, which
    /// [`call_pieces`](super::call_pieces) tells.
    pub calls: bool,
    /// The usage, if it is told.
    pub usage: Option<Usage>,
    /// There is no choice in it: an empty `choices`, or none at all.
    pub empty_choices: bool,
}

/// What `data` means.
pub fn look(data: &[u8]) -> Look {
    let Ok(text) = std::str::from_utf8(data) else {
        return Look::NotUtf8;
    };
    if text.trim_ascii() == "[DONE]" {
        return Look::Done;
    }
    read(text).unwrap_or(Look::Malformed)
}

/// What a whole event means, its name included: `event: error` is an error
/// whatever form its data have.
pub fn look_event(event: &Event<'_>) -> Look {
    let data = event.data();
    let seen = look(&data);
    if event.name() != b"error" || matches!(seen, Look::Error(_) | Look::NotUtf8) {
        return seen;
    }
    let body = error::parse(&data).unwrap_or_else(|| ErrorBody {
        message: String::from_utf8_lossy(&data).into_owned(),
        ..ErrorBody::default()
    });
    Look::Error(body)
}

fn read(text: &str) -> Result<Look, Violation> {
    read_with_span(text).map(|(look, _)| look)
}

/// The same, with the place of the text that came last.
pub(super) fn read_with_span(text: &str) -> Result<(Look, Span), Violation> {
    let mut scan = Scanner::of_upstream(text);
    let mut found = Found::default();
    let mut usage = None;
    let mut failure = None;
    scan.object(|scan, key| {
        match key.decode().as_ref() {
            "choices" => found.read(scan, "delta")?,
            "usage" => usage = choice::usage(scan)?.or(usage),
            "error" => failure = error::member(scan)?.or(failure.take()),
            _ => scan.skip()?,
        }
        Ok::<(), Violation>(())
    })?;
    scan.end()?;
    let look = match failure {
        Some(body) => Look::Error(body),
        None => Look::Chunk(Chunk {
            content: found.content,
            text_bytes: u32::try_from(found.text_bytes).unwrap_or(u32::MAX),
            finish: found.finish,
            seen: found.seen,
            ended: found.ended,
            calls: found.calls,
            usage,
            empty_choices: found.count == 0,
        }),
    };
    Ok((look, found.last_text))
}

#[cfg(test)]
mod tests;
