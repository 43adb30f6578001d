//! An answer of Converse. It has no id and does not name its model.
//!
//! Tokens that come from or go to a cache stand beside `inputTokens` here, and
//! are counted among the prompt's.

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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Whole<'a> {
    #[serde(borrow)]
    output: Output<'a>,
    #[serde(borrow)]
    stop_reason: Text<'a>,
    usage: Option<Usage>,
    #[serde(borrow)]
    additional_model_response_fields: Option<Additional<'a>>,
}

#[derive(Deserialize)]
struct Output<'a> {
    #[serde(borrow)]
    message: Said<'a>,
}

#[derive(Deserialize)]
struct Said<'a> {
    #[serde(borrow)]
    content: Vec<Block<'a>>,
}

/// One of these; what it is beside them is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Block<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    tool_use: Option<ToolUse<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Reasoned<'a>>,
    #[serde(borrow)]
    citations_content: Option<Cited<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ToolUse<'a> {
    #[serde(borrow)]
    tool_use_id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reasoned<'a> {
    #[serde(borrow)]
    reasoning_text: Option<Thought<'a>>,
    #[serde(borrow)]
    redacted_content: Option<Text<'a>>,
}

#[derive(Deserialize)]
struct Thought<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
}

/// Text whose sources are told beside it.
#[derive(Deserialize)]
struct Cited<'a> {
    #[serde(borrow, default)]
    content: Vec<CitedText<'a>>,
}

#[derive(Deserialize)]
struct CitedText<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Usage {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    cache_write_input_tokens: Option<u64>,
}

/// What is the model's own.
#[derive(Deserialize)]
pub(super) struct Additional<'a> {
    #[serde(borrow)]
    stop_sequence: Option<Text<'a>>,
}

impl Usage {
    pub(super) fn tokens(&self) -> Tokens {
        let (cached, cache_written) = (self.cache_read_input_tokens, self.cache_write_input_tokens);
        let beside = cached
            .unwrap_or(0)
            .saturating_add(cache_written.unwrap_or(0));
        Tokens {
            input: self.input_tokens.unwrap_or(0).saturating_add(beside),
            output: self.output_tokens.unwrap_or(0),
            cached,
            cache_written,
            reasoning: None,
        }
    }
}

/// Why it ended.
///
/// # Errors
/// Where the model's own output was not what it should be.
pub(super) fn stop(reason: &str, beside: Option<&Additional<'_>>) -> Result<Stop, Malformed> {
    Ok(match reason {
        "tool_use" => Stop::Calls,
        "max_tokens" | "model_context_window_exceeded" => Stop::Length,
        "stop_sequence" => {
            let which = beside.and_then(|beside| beside.stop_sequence.as_ref());
            Stop::Sequence(which.map(|text| text.0.clone().into_owned()))
        }
        "guardrail_intervened" | "content_filtered" => Stop::Filter,
        "refusal" => Stop::Refusal,
        "pause_turn" => Stop::Pause,
        "malformed_model_output" | "malformed_tool_use" => {
            let text = format!(r#"{{"message":"The model's output was broken: {reason}."}}"#);
            let error = error::in_stream("modelErrorException", text.as_bytes());
            return Err(Malformed::Error(error));
        }
        _ => Stop::End,
    })
}

/// Reads a whole answer.
///
/// # Errors
/// [`Malformed`] if it is none, or if the model failed.
pub fn read_answer(body: &[u8]) -> Result<Answer, Malformed> {
    let whole: Whole<'_> = serde_json::from_slice(body).map_err(|_| Malformed::Frame)?;
    let beside = whole.additional_model_response_fields.as_ref();
    let stop = stop(&whole.stop_reason.0, beside)?;
    let content = whole.output.message.content;
    let calls = content.iter().filter(|block| block.tool_use.is_some());
    if calls.count() > MOST_CALLS {
        return Err(Malformed::Frame);
    }
    let mut parts = Vec::with_capacity(content.len());
    content.into_iter().for_each(|block| block.read(&mut parts));
    Ok(Answer {
        choices: vec![Choice {
            parts,
            stop: Some(stop),
            logprobs: None,
        }],
        tokens: whole.usage.map(|usage| usage.tokens()),
        ..Answer::default()
    })
}

impl Block<'_> {
    fn read(self, parts: &mut Vec<Part>) {
        let cited = self.citations_content.into_iter();
        let cited = cited
            .flat_map(|cited| cited.content)
            .filter_map(|cited| cited.text);
        let texts = self.text.into_iter().chain(cited);
        parts.extend(texts.map(|text| Part::Text {
            text: text.0.into_owned(),
            cache: None,
        }));
        parts.extend(self.tool_use.map(|call| {
            Part::Call(ToolCall {
                id: call.tool_use_id.0.into_owned(),
                name: call.name.0.into_owned(),
                arguments: call.input.map_or("{}", RawValue::get).to_owned(),
            })
        }));
        let Some(reasoned) = self.reasoning_content else {
            return;
        };
        parts.extend(reasoned.reasoning_text.map(|thought| Part::Thinking {
            text: thought.text.unwrap_or_default().0.into_owned(),
            signature: thought.signature.map(|signature| signature.0.into_owned()),
        }));
        let redacted = reasoned.redacted_content;
        parts.extend(redacted.map(|data| Part::Redacted(data.0.into_owned())));
    }
}
