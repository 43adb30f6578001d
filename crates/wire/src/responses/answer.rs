//! The response object and its items: whole, or as a stream's events carry them.
//!
//! Tokens that an upstream does not tell apart are told as 0: the form has no
//! other way, and the SDKs' types want a number.

use serde_json::value::RawValue;

use super::asked::Asked;
use super::object::{Object, comma, one_line};
use crate::chat::{Answer, Choice, Part, Stop, Tokens, ToolCall, Where};

/// Writes a whole answer.
///
/// What a chat model cannot say in this form (sound, pictures by their address)
/// has no place and is passed over; pictures are written as OpenAI's own tool
/// tells them.
pub fn write_answer(answer: &Answer, asked: &Asked) -> Vec<u8> {
    let empty = Choice::default();
    let choice = answer.choices.first().unwrap_or(&empty);
    let refused = choice
        .parts
        .iter()
        .any(|part| matches!(part, Part::Refusal(_)));
    let state = State::of(choice.stop.as_ref(), refused);
    let output = Output::write(choice, asked, state);
    let mut out = Vec::with_capacity(asked.held() + output.len() + 1024);
    Response {
        asked,
        model: &answer.model,
        created: answer.created,
        state,
        error: None,
        output: &output,
        tokens: answer.tokens,
    }
    .write(&mut out);
    out
}

/// How far a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Going,
    Completed,
    /// Cut, with the reason where the form has one.
    Incomplete(Option<&'static str>),
    Failed,
}

impl State {
    /// How an answer has ended. A refusal without the model's own words is the
    /// provider's doing, as a filter is.
    pub(super) fn of(stop: Option<&Stop>, refused: bool) -> Self {
        match stop {
            Some(Stop::Length) => Self::Incomplete(Some("max_output_tokens")),
            Some(Stop::Filter) => Self::Incomplete(Some("content_filter")),
            Some(Stop::Refusal) if !refused => Self::Incomplete(Some("content_filter")),
            Some(Stop::Pause) => Self::Incomplete(None),
            Some(Stop::End | Stop::Sequence(_) | Stop::Calls | Stop::Refusal) | None => {
                Self::Completed
            }
        }
    }

    /// The word for it, of a response or of its last item.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Going => "in_progress",
            Self::Completed => "completed",
            Self::Incomplete(_) => "incomplete",
            Self::Failed => "failed",
        }
    }
}

/// All of a response object.
pub(super) struct Response<'a> {
    pub(super) asked: &'a Asked,
    pub(super) model: &'a str,
    pub(super) created: Option<u64>,
    pub(super) state: State,
    /// Code and message.
    pub(super) error: Option<(&'a str, &'a str)>,
    /// Items, with their commas.
    pub(super) output: &'a [u8],
    pub(super) tokens: Option<Tokens>,
}

impl Response<'_> {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::begin(out);
        object
            .text("id", &self.asked.id("resp", None))
            .text("object", "response")
            .number("created_at", self.created.unwrap_or(self.asked.now()))
            .text("status", self.state.word());
        match self.error {
            None => object.json("error", b"null"),
            Some((code, message)) => {
                let mut error = Object::begin(object.name("error"));
                error.text("code", code).text("message", message).end();
                &mut object
            }
        };
        match self.state {
            State::Incomplete(Some(reason)) => {
                let mut details = Object::begin(object.name("incomplete_details"));
                details.text("reason", reason).end();
            }
            _ => {
                object.json("incomplete_details", b"null");
            }
        }
        object
            .text("model", self.model)
            .array("output", self.output)
            .members(self.asked.settings());
        match self.tokens {
            None => {
                object.json("usage", b"null");
            }
            Some(tokens) => write_usage(tokens, object.name("usage")),
        }
        object.end();
    }
}

fn write_usage(tokens: Tokens, out: &mut Vec<u8>) {
    let mut usage = Object::begin(out);
    usage.number("input_tokens", tokens.input);
    Object::begin(usage.name("input_tokens_details"))
        .number("cached_tokens", tokens.cached.unwrap_or_default())
        .number(
            "cache_write_tokens",
            tokens.cache_written.unwrap_or_default(),
        )
        .end();
    usage.number("output_tokens", tokens.output);
    Object::begin(usage.name("output_tokens_details"))
        .number("reasoning_tokens", tokens.reasoning.unwrap_or_default())
        .end();
    usage
        .number("total_tokens", tokens.input.saturating_add(tokens.output))
        .end();
}

/// The items of a whole answer.
struct Output<'a> {
    asked: &'a Asked,
    items: Vec<u8>,
    count: usize,
    /// The parts of the message that is being gathered.
    message: Vec<u8>,
}

impl<'a> Output<'a> {
    fn write(choice: &Choice, asked: &'a Asked, state: State) -> Vec<u8> {
        let mut output = Self {
            asked,
            items: Vec::new(),
            count: 0,
            message: Vec::new(),
        };
        let mut logprobs = choice
            .logprobs
            .as_deref()
            .map(likelihoods)
            .unwrap_or_default();
        let last = choice.parts.len().saturating_sub(1);
        for (index, part) in choice.parts.iter().enumerate() {
            // Only the last item can be cut.
            let status = match index == last {
                true => state.word(),
                false => "completed",
            };
            match part {
                Part::Text { text, .. } => {
                    comma(&mut output.message);
                    write_text(&mut output.message, text, &std::mem::take(&mut logprobs));
                }
                Part::Refusal(text) => {
                    comma(&mut output.message);
                    write_refusal(&mut output.message, text);
                }
                other => {
                    output.end_message("completed");
                    output.item(other, status);
                }
            }
        }
        output.end_message(state.word());
        output.items
    }

    /// The item of what is not said.
    fn item(&mut self, part: &Part, status: &str) {
        let mut item = Vec::new();
        match part {
            Part::Call(call) => write_call(&mut item, &self.id("fc"), status, call.into()),
            Part::Thinking { text, signature } => {
                write_reasoning(&mut item, &self.id("rs"), Some(text), signature.as_deref())
            }
            Part::Redacted(data) => write_reasoning(&mut item, &self.id("rs"), None, Some(data)),
            Part::Image {
                place: Where::Data(media),
                ..
            } => write_picture(&mut item, &self.id("ig"), &media.data),
            Part::Text { .. }
            | Part::Refusal(_)
            | Part::Image { .. }
            | Part::Document { .. }
            | Part::Audio { .. }
            | Part::Result(_) => return,
        }
        self.push(&item);
    }

    fn end_message(&mut self, status: &str) {
        let parts = std::mem::take(&mut self.message);
        if !parts.is_empty() {
            let mut item = Vec::with_capacity(parts.len() + 160);
            write_message(&mut item, &self.id("msg"), status, &parts);
            self.push(&item);
        }
    }

    fn id(&self, kind: &str) -> String {
        self.asked.id(kind, Some(self.count))
    }

    fn push(&mut self, item: &[u8]) {
        comma(&mut self.items);
        self.items.extend_from_slice(item);
        self.count += 1;
    }
}

/// A call as its item tells it.
pub(super) struct CallItem<'a> {
    pub(super) id: &'a str,
    pub(super) name: &'a str,
    pub(super) arguments: &'a str,
}

impl<'a> From<&'a ToolCall> for CallItem<'a> {
    fn from(call: &'a ToolCall) -> Self {
        Self {
            id: &call.id,
            name: &call.name,
            arguments: &call.arguments,
        }
    }
}

pub(super) fn write_message(out: &mut Vec<u8>, id: &str, status: &str, parts: &[u8]) {
    Object::begin(out)
        .text("id", id)
        .text("type", "message")
        .text("status", status)
        .text("role", "assistant")
        .array("content", parts)
        .end();
}

/// `logprobs` are values of an array, with their commas.
pub(super) fn write_text(out: &mut Vec<u8>, text: &str, logprobs: &[u8]) {
    Object::begin(out)
        .text("type", "output_text")
        .array("annotations", b"")
        .array("logprobs", logprobs)
        .text("text", text)
        .end();
}

pub(super) fn write_refusal(out: &mut Vec<u8>, text: &str) {
    Object::begin(out)
        .text("type", "refusal")
        .text("refusal", text)
        .end();
}

pub(super) fn write_call(out: &mut Vec<u8>, id: &str, status: &str, call: CallItem<'_>) {
    Object::begin(out)
        .text("id", id)
        .text("type", "function_call")
        .text("status", status)
        .text("call_id", call.id)
        .text("name", call.name)
        .text("arguments", call.arguments)
        .end();
}

/// What was thought; without a `summary` it is for its provider's eyes only.
pub(super) fn write_reasoning(
    out: &mut Vec<u8>,
    id: &str,
    summary: Option<&str>,
    proof: Option<&str>,
) {
    let mut parts = Vec::new();
    if let Some(text) = summary {
        write_summary(&mut parts, text);
    }
    let mut item = Object::begin(out);
    item.text("id", id)
        .text("type", "reasoning")
        .array("summary", &parts);
    if let Some(proof) = proof {
        item.text("encrypted_content", proof);
    }
    item.end();
}

pub(super) fn write_summary(out: &mut Vec<u8>, text: &str) {
    Object::begin(out)
        .text("type", "summary_text")
        .text("text", text)
        .end();
}

fn write_picture(out: &mut Vec<u8>, id: &str, data: &str) {
    Object::begin(out)
        .text("id", id)
        .text("type", "image_generation_call")
        .text("status", "completed")
        .text("result", data)
        .end();
}

/// The likelihoods of a text's tokens, with their commas, out of OpenAI's chat
/// form: `{"content":[...]}`.
pub(super) fn likelihoods(logprobs: &RawValue) -> Vec<u8> {
    #[derive(serde::Deserialize)]
    struct Form<'a> {
        #[serde(borrow)]
        content: Option<Vec<&'a RawValue>>,
    }
    let mut out = Vec::new();
    let form = serde_json::from_str::<Form<'_>>(logprobs.get());
    for token in form.ok().and_then(|form| form.content).unwrap_or_default() {
        comma(&mut out);
        out.extend(one_line(token.get()));
    }
    out
}
