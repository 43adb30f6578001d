//! A whole answer, read from an upstream and written for a caller.
//!
//! 1. An answer that is not what the API promises is not taken for one.
//! 2. What was said keeps its order within a choice: thoughts, text, refusal, calls.

use serde::Serialize;
use serde_json::value::RawValue;

use super::said::{self, Call, Said, Word, read_stop, write_stop};
use super::usage::{self, Usage};
use super::{MOST_CALLS, MOST_CHOICES};
use crate::chat::{Answer, Choice, Malformed, Part, Stop, ToolCall};
use crate::json::{Kind, Scanner, utf8};
use crate::openai::error;

/// What an answer tells that its upstream may not have told.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked<'a> {
    /// Its id, where the upstream has none.
    pub id: &'a str,
    /// The model that was asked for, where the upstream tells none.
    pub model: &'a str,
    /// Seconds since 1970, where the upstream does not tell them.
    pub created: u64,
    /// The caller wants the tokens of a stream.
    pub usage: bool,
}

/// Reads an upstream's answer.
///
/// # Errors
/// [`Malformed::Error`] if it tells of a failure, whatever its status was;
/// [`Malformed::Frame`] if it is no answer, or has more choices or calls than the API allows.
pub fn read_answer(body: &[u8]) -> Result<Answer, Malformed> {
    let told = read(utf8(body)?);
    match told {
        Err(Malformed::Frame) => Err(error::parse(body).map_or(Malformed::Frame, Malformed::Error)),
        told => told,
    }
}

fn read(text: &str) -> Result<Answer, Malformed> {
    let mut scan = Scanner::of_upstream(text);
    let mut answer = Answer::default();
    let mut found: Option<Vec<Found<'_>>> = None;
    let mut failure = None;
    scan.object(|scan, key| {
        match key.decode().as_ref() {
            "id" => answer.id = string(scan)?,
            "model" => answer.model = string(scan)?,
            "created" => answer.created = scan.whole()?,
            "usage" => answer.tokens = usage::read(scan)?,
            "error" => failure = error::member(scan)?,
            "choices" if scan.kind()? == Kind::Array => {
                let mut list = Vec::new();
                scan.array(|scan| match list.len() {
                    MOST_CHOICES => Err(Malformed::Frame),
                    _ => Found::read(scan, "message", list.len()).map(|found| list.push(found)),
                })?;
                found = Some(list);
            }
            _ => scan.skip()?,
        }
        Ok::<(), Malformed>(())
    })?;
    scan.end()?;
    if let Some(body) = failure {
        return Err(Malformed::Error(body));
    }
    let mut found = found.ok_or(Malformed::Frame)?;
    found.sort_by_key(|choice| choice.index);
    for (index, choice) in found.into_iter().enumerate() {
        let choice = choice.into_choice(&answer.id, index)?;
        answer.choices.push(choice);
    }
    Ok(answer)
}

fn string(scan: &mut Scanner<'_>) -> Result<String, Malformed> {
    let text = scan.text()?.map(|text| text.decode().into_owned());
    Ok(text.unwrap_or_default())
}

/// A choice of an answer or of a chunk, as it stands.
pub(super) struct Found<'a> {
    pub(super) index: usize,
    pub(super) said: Said<'a>,
    /// Empty if there is none.
    pub(super) reason: String,
    pub(super) logprobs: Option<&'a RawValue>,
}

impl<'a> Found<'a> {
    /// Reads a choice that says something in its member `holder`; `position` is its index
    /// if it tells none.
    ///
    /// # Errors
    /// Also where the choice tells of a failure, as some do.
    pub(super) fn read(
        scan: &mut Scanner<'a>,
        holder: &str,
        position: usize,
    ) -> Result<Self, Malformed> {
        let mut found = Self {
            index: position,
            said: Said::default(),
            reason: String::new(),
            logprobs: None,
        };
        let mut failure = None;
        scan.object(|scan, key| {
            match key.decode().as_ref() {
                "index" => {
                    let told = scan.whole()?.and_then(|index| usize::try_from(index).ok());
                    found.index = told.unwrap_or(position);
                }
                "finish_reason" => found.reason = string(scan)?,
                "logprobs" if scan.kind()? == Kind::Object => {
                    found.logprobs = serde_json::from_str(scan.span()?).ok();
                }
                "error" => failure = error::member(scan)?,
                name if name == holder => found.said = Said::read(scan)?,
                _ => scan.skip()?,
            }
            Ok::<(), Malformed>(())
        })?;
        match failure {
            Some(body) => Err(Malformed::Error(body)),
            None => Ok(found),
        }
    }

    fn into_choice(self, answer: &str, index: usize) -> Result<Choice, Malformed> {
        let mut parts = Vec::new();
        let (mut refused, mut calls) = (false, 0);
        self.said.tell(&mut |word| {
            parts.push(match word {
                Word::Thinking(text) => Part::Thinking {
                    text: text.to_owned(),
                    signature: None,
                },
                Word::Text(text) => Part::Text {
                    text: text.to_owned(),
                    cache: None,
                },
                Word::Refusal(text) => {
                    refused = true;
                    Part::Refusal(text.to_owned())
                }
                Word::Call(call) => {
                    if calls == MOST_CALLS || call.name.is_empty() {
                        return Err(Malformed::Frame);
                    }
                    calls += 1;
                    Part::Call(ToolCall {
                        id: match call.id.is_empty() {
                            true => said::call_id(answer, index, calls - 1),
                            false => call.id.into_owned(),
                        },
                        name: call.name.into_owned(),
                        arguments: call.arguments.into_owned(),
                    })
                }
            });
            Ok(())
        })?;
        let stop = match self.reason.as_str() {
            "" => None,
            reason => Some(read_stop(reason, refused)?),
        };
        Ok(Choice {
            parts,
            stop,
            logprobs: self.logprobs.map(ToOwned::to_owned),
        })
    }
}

/// Writes an answer for a caller.
pub fn write_answer(answer: &Answer, asked: &Asked<'_>) -> Vec<u8> {
    let body = Body {
        id: match answer.id.as_str() {
            "" => asked.id,
            id => id,
        },
        object: "chat.completion",
        created: answer.created.unwrap_or(asked.created),
        model: match answer.model.as_str() {
            "" => asked.model,
            model => model,
        },
        choices: answer.choices.iter().enumerate().map(choice).collect(),
        usage: answer.tokens.map(Usage::from),
    };
    // It has no maps and nothing else that could fail.
    serde_json::to_vec(&body).unwrap_or_default()
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    model: &'a str,
    choices: Vec<Written<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Written<'a> {
    index: usize,
    message: Message<'a>,
    logprobs: Option<&'a RawValue>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

fn choice((index, choice): (usize, &Choice)) -> Written<'_> {
    let (mut content, mut thinking, mut refusal) = (None, None, None);
    let mut calls = Vec::new();
    for part in &choice.parts {
        match part {
            Part::Text { text, .. } => add(&mut content, text),
            Part::Thinking { text, .. } => add(&mut thinking, text),
            Part::Refusal(text) => add(&mut refusal, text),
            Part::Call(call) => calls.push(Call::new(&call.id, &call.name, &call.arguments)),
            // No model answers with one of these, or the form has no place for it.
            Part::Image { .. }
            | Part::Document { .. }
            | Part::Audio { .. }
            | Part::Result(_)
            | Part::Redacted(_) => {}
        }
    }
    let refused = refusal.is_some();
    if content.is_none() && !refused && calls.is_empty() {
        content = Some(String::new());
    }
    let stop = match (&choice.stop, calls.is_empty()) {
        (Some(stop), _) => stop,
        (None, true) => &Stop::End,
        (None, false) => &Stop::Calls,
    };
    Written {
        index,
        message: Message {
            role: "assistant",
            content,
            reasoning_content: thinking,
            refusal,
            tool_calls: calls,
        },
        logprobs: choice.logprobs.as_deref(),
        finish_reason: write_stop(stop, refused),
    }
}

fn add(whole: &mut Option<String>, text: &str) {
    whole.get_or_insert_default().push_str(text);
}
