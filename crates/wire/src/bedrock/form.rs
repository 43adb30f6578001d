//! The forms that a whole answer and a stream have in common.
//!
//! Tokens that come from or go to a cache stand beside `inputTokens` here, and
//! are counted among the prompt's.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::error;
use crate::chat::{Malformed, Stop, Tokens};

/// Calls of an answer at the most.
pub(super) const MOST_CALLS: usize = 128;

/// A text of an answer, borrowed where it has no escapes.
#[derive(Deserialize, Debug, Default)]
pub(super) struct Text<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

/// A call; in a stream it begins without its input.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolUse<'a> {
    #[serde(borrow)]
    pub(super) tool_use_id: Text<'a>,
    #[serde(borrow)]
    pub(super) name: Text<'a>,
    #[serde(borrow)]
    pub(super) input: Option<&'a RawValue>,
}

/// What was thought: under `reasoningText` in a whole answer, piece by piece in a
/// stream, which has what is hidden here too.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Thought<'a> {
    #[serde(borrow)]
    pub(super) text: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) signature: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) redacted_content: Option<Text<'a>>,
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
