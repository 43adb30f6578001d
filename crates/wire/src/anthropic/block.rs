//! Content blocks as they are written, in requests and in answers.
//!
//! The arguments of a call go out byte for byte where they are a JSON object.
//! What is none goes under `INVALID_JSON`, as the API's documentation has it
//! for arguments that a model broke off.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::chat::ToolCall;

/// A block.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Block<'a> {
    Text {
        text: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a RawValue>,
    },
    Image {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a RawValue>,
    },
    Document {
        source: Source<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        title: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a RawValue>,
    },
    ToolUse {
        id: Cow<'a, str>,
        name: &'a str,
        input: Input<'a>,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        content: Vec<Block<'a>>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        cache_control: Option<&'a RawValue>,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
}

impl<'a> Block<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Self::Text {
            text,
            cache_control: None,
        }
    }

    /// The arguments of a call that is about to be told.
    pub(super) fn nothing() -> Input<'a> {
        Input::Nothing {}
    }

    /// A call, with `id` as the API takes it.
    pub(super) fn call(id: Cow<'a, str>, call: &'a ToolCall) -> Self {
        Self::ToolUse {
            id,
            name: &call.name,
            input: Input::of(&call.arguments),
        }
    }
}

/// Where the bytes of a block are.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Source<'a> {
    Base64 { media_type: &'a str, data: &'a str },
    Text { media_type: &'a str, data: String },
    Url { url: &'a str },
    File { file_id: &'a str },
}

/// The arguments of a call.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Input<'a> {
    Object(&'a RawValue),
    Nothing {},
    Broken {
        #[serde(rename = "INVALID_JSON")]
        text: &'a str,
    },
}

impl<'a> Input<'a> {
    fn of(arguments: &'a str) -> Self {
        let trimmed = arguments.trim_ascii();
        match serde_json::from_str::<&RawValue>(arguments) {
            Ok(raw) if trimmed.starts_with('{') => Self::Object(raw),
            _ if trimmed.is_empty() => Self::Nothing {},
            _ => Self::Broken { text: arguments },
        }
    }
}
