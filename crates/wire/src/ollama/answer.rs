//! An answer of `/api/chat`: a whole one, and a line of a stream, which has the
//! same form.
//!
//! Calls come whole, with their arguments as objects. An older Ollama gives them
//! no ids: they get one of the time that their line tells, and their place.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error;
use crate::chat::{Answer, Choice, Malformed, Part, Stop, Tokens, ToolCall};

/// Calls of an answer at the most.
pub(super) const MOST_CALLS: usize = 128;

/// A text of an answer, borrowed where it has no escapes.
#[derive(Deserialize, Debug, Default)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A line, or the whole answer. What is null is not there.
#[derive(Deserialize, Debug)]
pub(super) struct Line<'a> {
    #[serde(borrow)]
    error: Option<Text<'a>>,
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    created_at: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) message: Option<Said<'a>>,
    #[serde(borrow)]
    logprobs: Option<&'a RawValue>,
    pub(super) done: Option<bool>,
    #[serde(borrow)]
    done_reason: Option<Text<'a>>,
    prompt_eval_count: Option<u64>,
    eval_count: Option<u64>,
}

#[derive(Deserialize, Debug, Default)]
pub(super) struct Said<'a> {
    #[serde(borrow)]
    pub(super) content: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) thinking: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) tool_calls: Option<Vec<Called<'a>>>,
}

#[derive(Deserialize, Debug)]
pub(super) struct Called<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    function: Function<'a>,
}

#[derive(Deserialize, Debug)]
struct Function<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
}

impl<'a> Line<'a> {
    /// Reads one.
    ///
    /// # Errors
    /// [`Malformed`], also where it tells an error.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let line: Self = serde_json::from_slice(bytes).map_err(|_| Malformed::Frame)?;
        match line.error {
            Some(Text(message)) => {
                let error = error::in_stream(message.into_owned());
                Err(Malformed::Error(error))
            }
            None => Ok(line),
        }
    }

    pub(super) fn model(&self) -> &str {
        self.model.as_ref().map_or("", |model| &model.0)
    }

    /// Seconds since 1970.
    pub(super) fn created(&self) -> Option<u64> {
        let time: jiff::Timestamp = self.created_at.as_ref()?.0.parse().ok()?;
        u64::try_from(time.as_second()).ok()
    }

    pub(super) fn tokens(&self) -> Option<Tokens> {
        let (input, output) = (self.prompt_eval_count, self.eval_count);
        input.or(output)?;
        Some(Tokens {
            // A count of 0 is left out.
            input: input.unwrap_or(0),
            output: output.unwrap_or(0),
            ..Tokens::default()
        })
    }

    /// Why it ended. It says `stop` for calls too.
    pub(super) fn stop(&self, called: bool) -> Stop {
        match self.done_reason.as_ref().map(|reason| reason.0.as_ref()) {
            Some("length") => Stop::Length,
            _ if called => Stop::Calls,
            _ => Stop::End,
        }
    }

    /// The log probabilities in OpenAI's form.
    pub(super) fn logprobs(&self) -> Option<Box<RawValue>> {
        let list = self.logprobs.filter(|list| list.get() != "[]")?;
        RawValue::from_string(format!("{{\"content\":{}}}", list.get())).ok()
    }

    /// The id of the `place`th call of the answer, from 0. A made one is no other
    /// call's of the conversation: the time has nanoseconds.
    pub(super) fn id(&self, call: &Called<'_>, place: usize) -> String {
        match call.id.as_ref().map(|id| id.0.as_ref()) {
            Some(id) if !id.is_empty() => id.to_owned(),
            _ => {
                let time = self.created_at.as_ref().map_or("", |time| &time.0);
                let word = |char: &char| char.is_ascii_alphanumeric();
                let time: String = time.chars().filter(word).take(40).collect();
                format!("call_{time}_{place}")
            }
        }
    }
}

impl Called<'_> {
    pub(super) fn name(&self) -> &str {
        &self.function.name.0
    }

    /// Its arguments, as they were given.
    pub(super) fn arguments(&self) -> &str {
        self.function.arguments.map_or("{}", RawValue::get)
    }
}

/// Reads a whole answer.
///
/// # Errors
/// [`Malformed`] if it is none, is not done or tells an error.
pub fn read_answer(body: &[u8]) -> Result<Answer, Malformed> {
    let mut line = Line::read(body)?;
    let said = line.message.take().ok_or(Malformed::Frame)?;
    let calls = said.tool_calls.unwrap_or_default();
    if line.done == Some(false) || calls.len() > MOST_CALLS {
        return Err(Malformed::Frame);
    }
    let mut parts = Vec::new();
    if let Some(Text(text)) = said.thinking.filter(|text| !text.0.is_empty()) {
        parts.push(Part::Thinking {
            text: text.into_owned(),
            signature: None,
        });
    }
    if let Some(Text(text)) = said.content.filter(|text| !text.0.is_empty()) {
        parts.push(Part::Text {
            text: text.into_owned(),
            cache: None,
        });
    }
    for (place, call) in calls.iter().enumerate() {
        parts.push(Part::Call(ToolCall {
            id: line.id(call, place),
            name: call.name().to_owned(),
            arguments: call.arguments().to_owned(),
        }));
    }
    Ok(Answer {
        id: String::new(),
        model: line.model().to_owned(),
        created: line.created(),
        choices: vec![Choice {
            parts,
            stop: Some(line.stop(!calls.is_empty())),
            logprobs: line.logprobs(),
        }],
        tokens: line.tokens(),
    })
}
