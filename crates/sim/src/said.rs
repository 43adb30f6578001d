//! One answer before it has a form: what is said, why it ends, and what is counted.
//!
//! Promises: (1) every choice of an answer says the same; (2) the counts are those of what is said
//! after every bound on it, unless a rule tells other numbers. How it is written is `voice`'s and
//! `unary`'s.

use std::collections::VecDeque;

use bytes::Bytes;
use serde::Serialize;

use crate::speech::{Pieces, Speech, words};
use crate::voice::Field;

/// How much of the arguments of a call one event carries, where no name or rule says.
pub(crate) const ARGUMENT_BYTES: u32 = 16;

/// Which of the two text endpoints speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Chat,
    Completion,
}

impl Dialect {
    /// What the ids begin with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Chat => "chatcmpl-sim-",
            Self::Completion => "cmpl-sim-",
        }
    }
}

/// Why an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    Length,
    ToolCalls,
    ContentFilter,
}

impl Finish {
    pub(crate) const ALL: [Self; 4] = [
        Self::Stop,
        Self::Length,
        Self::ToolCalls,
        Self::ContentFilter,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Length => "length",
            Self::ToolCalls => "tool_calls",
            Self::ContentFilter => "content_filter",
        }
    }
}

/// Counts of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) dialect: Dialect,
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
    /// Of the prompt's.
    pub(crate) cached: u64,
    /// Of the completion's.
    pub(crate) reasoning: u64,
}

impl Usage {
    pub(crate) fn json(&self) -> String {
        let Self {
            prompt,
            completion,
            cached,
            reasoning,
            ..
        } = self;
        let total = prompt.saturating_add(*completion);
        let details = match self.dialect {
            Dialect::Completion => String::new(),
            Dialect::Chat => format!(
                r#","prompt_tokens_details":{{"cached_tokens":{cached}}},"completion_tokens_details":{{"reasoning_tokens":{reasoning}}}"#
            ),
        };
        format!(
            r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{total}{details}}}"#
        )
    }
}

/// One call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ToolCall {
    pub(crate) name: String,
    /// JSON, as a rule.
    pub(crate) arguments: String,
}

/// What each choice of an answer is.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    Text(Speech),
    Refusal(Speech),
    Calls {
        calls: Vec<ToolCall>,
        /// How their arguments are cut.
        bytes: u32,
    },
}

/// One answer.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) content: Content,
    pub(crate) finish: Finish,
    /// How many choices it has, at least one.
    pub(crate) choices: u32,
}

/// A call of a tool as an answer has it.
#[derive(Serialize)]
struct CallForm<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    id: String,
    r#type: &'static str,
    function: FunctionForm<'a>,
}

#[derive(Serialize)]
struct FunctionForm<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl Content {
    pub(crate) fn field(&self, dialect: Dialect) -> Field {
        match (dialect, self) {
            (Dialect::Completion, _) => Field::Text,
            (_, Self::Text(_)) => Field::Content,
            (_, Self::Refusal(_)) => Field::Refusal,
            (_, Self::Calls { .. }) => Field::Calls,
        }
    }

    /// Tokens of one choice.
    pub(crate) fn words(&self) -> u64 {
        match self {
            Self::Text(speech) | Self::Refusal(speech) => speech.words(),
            Self::Calls { calls, .. } => {
                let count = |call: &ToolCall| {
                    words(call.name.as_bytes()) + words(call.arguments.as_bytes())
                };
                calls.iter().map(count).sum()
            }
        }
    }

    /// How many pieces one choice has.
    pub(crate) fn count(&self) -> u32 {
        match self {
            Self::Text(speech) | Self::Refusal(speech) => speech.count(),
            Self::Calls { .. } => match self.pieces(0, 0) {
                Pieces::Ready(choices) => u32::try_from(choices.len()).unwrap_or(u32::MAX),
                _ => 0,
            },
        }
    }

    /// The pieces of one choice of the call of this number.
    pub(crate) fn pieces(&self, number: u64, choice: u32) -> Pieces {
        let (calls, bytes) = match self {
            Self::Text(speech) | Self::Refusal(speech) => return speech.clone().pieces(),
            Self::Calls { calls, bytes } => (calls, *bytes),
        };
        let mut choices = VecDeque::new();
        for (at, call) in calls.iter().enumerate() {
            let opening = CallForm {
                index: Some(at),
                ..form(call, "", number, choice, at)
            };
            choices.push_back(delta(choice, &json(&opening)));
            let cut = crate::speech::Cut::Bytes(bytes);
            let mut pieces = Speech::text(call.arguments.as_str(), cut).pieces();
            while !pieces.is_empty() {
                let mut piece = bytes::BytesMut::new();
                pieces.quote_next(&mut piece);
                let piece = String::from_utf8_lossy(&piece);
                let part = format!(r#"{{"index":{at},"function":{{"arguments":{piece}}}}}"#);
                choices.push_back(delta(choice, &part));
            }
        }
        Pieces::Ready(choices)
    }

    /// The calls as a whole message has them; empty for a text.
    pub(crate) fn calls_json(&self, number: u64, choice: u32) -> String {
        let Self::Calls { calls, .. } = self else {
            return String::new();
        };
        let all: Vec<_> = calls
            .iter()
            .enumerate()
            .map(|(at, call)| form(call, &call.arguments, number, choice, at))
            .collect();
        json(&all)
    }
}

fn form<'a>(
    call: &'a ToolCall,
    arguments: &'a str,
    number: u64,
    choice: u32,
    at: usize,
) -> CallForm<'a> {
    let name = &call.name;
    CallForm {
        index: None,
        id: format!("call_sim_{number}_{choice}_{at}"),
        r#type: "function",
        function: FunctionForm { name, arguments },
    }
}

fn delta(choice: u32, call: &str) -> Bytes {
    format!(
        r#"{{"index":{choice},"delta":{{"tool_calls":[{call}]}},"logprobs":null,"finish_reason":null}}"#
    )
    .into()
}

/// Strings and numbers only: they always have a JSON form.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
