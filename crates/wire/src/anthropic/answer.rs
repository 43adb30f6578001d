//! Whole answers: read from an upstream, written for a caller.
//!
//! 1. An answer that is not what the API promises is not taken for one.
//! 2. The arguments of calls keep every byte.
//!
//! What the provider's own tools did is passed over, as citations are: the
//! neutral form has no place for them, and nobody of another dialect can ask.

use serde::Serialize;

use super::block::Block;
use super::error::read_error;
use super::fields::{Object, Path, elements};
use super::usage::{Counts, Usage};
use crate::chat::{Answer, Choice, Malformed, Part, Stop, ToolCall};
use crate::json::Scanner;
use crate::openai::Refused;

/// Reads a whole answer.
///
/// # Errors
/// [`Malformed::Error`] where it is an error, [`Malformed::Frame`] where it is
/// no message at all.
pub fn read_answer(body: &[u8]) -> Result<Answer, Malformed> {
    match read(body) {
        Ok(Some(answer)) => Ok(answer),
        Ok(None) => Err(Malformed::Error(read_error(200, body))),
        Err(_) => Err(Malformed::Frame),
    }
}

/// `None` is an error's form.
fn read(body: &[u8]) -> Result<Option<Answer>, Refused> {
    let mut top = Object::whole(body)?;
    if top.text("type")?.as_deref() == Some("error") || top.take("error").is_some() {
        return Ok(None);
    }
    let mut choice = Choice::default();
    let content = top.need_span("content")?;
    elements(content, Path::Name(&Path::Top, "content"), |scan, at| {
        choice.parts.extend(part(Object::read(scan, at)?)?);
        Ok(())
    })?;
    let sequence = top.text("stop_sequence")?;
    choice.stop = top
        .text("stop_reason")?
        .map(|reason| read_stop(&reason, sequence));
    let mut counts = Counts::default();
    if let Some(usage) = top.take("usage") {
        counts.read(&mut Scanner::of_upstream(usage))?;
    }
    Ok(Some(Answer {
        id: top.text("id")?.unwrap_or_default(),
        model: top.text("model")?.unwrap_or_default(),
        created: None,
        choices: vec![choice],
        tokens: counts.tokens(),
    }))
}

/// A block; `None` if it has no place.
fn part(mut block: Object<'_, '_>) -> Result<Option<Part>, Refused> {
    Ok(Some(match block.need("type")?.as_str() {
        "text" => Part::Text {
            text: block.need("text")?,
            cache: None,
        },
        "tool_use" => Part::Call(ToolCall {
            id: block.need("id")?,
            name: block.need("name")?,
            arguments: block.need_span("input")?.to_owned(),
        }),
        "thinking" => Part::Thinking {
            text: block.need("thinking")?,
            signature: block.text("signature")?.filter(|proof| !proof.is_empty()),
        },
        "redacted_thinking" => Part::Redacted(block.need("data")?),
        _ => return Ok(None),
    }))
}

/// Why it ended. What is not known is taken for an end like any other.
pub(super) fn read_stop(reason: &str, sequence: Option<String>) -> Stop {
    match reason {
        "stop_sequence" => Stop::Sequence(sequence),
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "tool_use" => Stop::Calls,
        "refusal" => Stop::Refusal,
        "pause_turn" => Stop::Pause,
        _ => Stop::End,
    }
}

/// A stop by its name, with the sequence if one is told.
pub(super) fn write_stop(stop: &Stop, refused: bool) -> (&'static str, Option<&str>) {
    match stop {
        Stop::End if refused => ("refusal", None),
        Stop::End => ("end_turn", None),
        Stop::Sequence(text) => ("stop_sequence", text.as_deref()),
        Stop::Length => ("max_tokens", None),
        Stop::Calls => ("tool_use", None),
        Stop::Filter | Stop::Refusal => ("refusal", None),
        Stop::Pause => ("pause_turn", None),
    }
}

/// A whole message.
#[derive(Serialize)]
pub(super) struct Out<'a> {
    pub(super) id: &'a str,
    pub(super) r#type: &'static str,
    pub(super) role: &'static str,
    pub(super) model: &'a str,
    pub(super) content: Vec<Block<'a>>,
    pub(super) stop_reason: Option<&'static str>,
    pub(super) stop_sequence: Option<&'a str>,
    pub(super) usage: Usage,
}

/// Writes a whole answer: its first choice, since no request of this dialect
/// asks for more. `id` is used where the upstream gave none.
pub fn write_answer(answer: &Answer, id: &str) -> Vec<u8> {
    let choice = answer.choices.first();
    let parts = choice
        .map(|choice| choice.parts.as_slice())
        .unwrap_or_default();
    let content: Vec<_> = parts.iter().filter_map(block).collect();
    let refused = parts.iter().any(|part| matches!(part, Part::Refusal(_)));
    let called = parts.iter().any(|part| matches!(part, Part::Call(_)));
    let unsaid = if called { Stop::Calls } else { Stop::End };
    let stop = choice.and_then(|choice| choice.stop.as_ref());
    let (reason, sequence) = write_stop(stop.unwrap_or(&unsaid), refused);
    let out = Out {
        id: if answer.id.is_empty() { id } else { &answer.id },
        r#type: "message",
        role: "assistant",
        model: &answer.model,
        content,
        stop_reason: Some(reason),
        stop_sequence: sequence,
        usage: Usage::from(answer.tokens),
    };
    // Nothing in it can fail: its keys are text, its raw JSON was checked.
    serde_json::to_vec(&out).unwrap_or_default()
}

/// A part of an answer as a block. Models of no dialect answer with the kinds
/// that have none.
fn block(part: &Part) -> Option<Block<'_>> {
    Some(match part {
        Part::Text { text, .. } | Part::Refusal(text) => Block::text(text),
        Part::Call(call) => Block::call(call.id.as_str().into(), call),
        Part::Thinking { text, signature } => Block::Thinking {
            thinking: text,
            signature: signature.as_deref().unwrap_or_default(),
        },
        Part::Redacted(data) => Block::RedactedThinking { data },
        Part::Image { .. } | Part::Document { .. } | Part::Audio { .. } | Part::Result(_) => {
            return None;
        }
    })
}
