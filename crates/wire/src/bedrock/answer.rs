//! A whole answer of Converse. It has no id and does not name its model.
//!
//! What its texts cite is passed over: nobody of another dialect can ask for it.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::form::{Additional, MOST_CALLS, Text, Thought, ToolUse, Usage, stop};
use crate::chat::{Answer, Choice, Malformed, Part, ToolCall};

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
struct Reasoned<'a> {
    #[serde(borrow)]
    reasoning_text: Option<Thought<'a>>,
    #[serde(borrow)]
    redacted_content: Option<Text<'a>>,
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
