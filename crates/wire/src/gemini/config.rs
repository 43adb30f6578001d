//! How to answer: `generationConfig`, and what may be called.
//!
//! A number is carried as it is, also where Gemini may not take it: it says so
//! itself, truthfully.

use serde::Serialize;
use serde_json::value::RawValue;

use super::model::before_3;
use crate::chat::{Choose, Effort, Format, Lacks, Reasoning, Request};

/// Tokens of thinking for OpenAI's levels, in models that know no level:
/// Google's own table, of its face for OpenAI's dialect.
const LOW_BUDGET: u64 = 1024;
const MEDIUM_BUDGET: u64 = 8192;
const HIGH_BUDGET: u64 = 24_576;

#[derive(Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Sampling<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    candidate_count: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    media_resolution: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Thinking>,
}

/// `generationConfig`.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Config<'a> {
    #[serde(flatten)]
    sampling: Sampling<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<&'a RawValue>,
}

#[derive(Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Thinking {
    #[serde(skip_serializing_if = "Option::is_none")]
    include_thoughts: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_budget: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_level: Option<&'static str>,
}

impl<'a> Config<'a> {
    pub(super) fn of(
        request: &'a Request,
        media_resolution: Option<&'static str>,
        lacks: &mut Lacks,
    ) -> Self {
        let seed = request.seed.and_then(|seed| i32::try_from(seed).ok());
        if seed.is_none() {
            lacks.given(request.seed, "seed");
        }
        Self {
            sampling: Sampling {
                temperature: request.temperature,
                top_p: request.top_p,
                top_k: request.top_k,
                max_output_tokens: request.max_tokens,
                stop_sequences: &request.stop,
                candidate_count: request.n,
                seed,
                presence_penalty: request.presence_penalty,
                frequency_penalty: request.frequency_penalty,
                response_logprobs: request.logprobs.map(|_| true),
                logprobs: request.logprobs.filter(|others| *others > 0),
                response_mime_type: request.format.as_ref().map(|_| "application/json"),
                media_resolution,
                thinking_config: request
                    .reasoning
                    .and_then(|reasoning| thinking(reasoning, &request.model, lacks)),
            },
            response_json_schema: schema(request.format.as_ref(), lacks),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.sampling == Sampling::default() && self.response_json_schema.is_none()
    }
}

/// The schema of the answer. Its name says nothing, and that the answer keeps to
/// it is always so.
fn schema<'a>(format: Option<&'a Format>, lacks: &mut Lacks) -> Option<&'a RawValue> {
    match format? {
        Format::Json => None,
        Format::Schema {
            description,
            schema,
            ..
        } => {
            lacks.given(
                description.as_ref(),
                "response_format.json_schema.description",
            );
            Some(schema)
        }
    }
}

/// A number of tokens wins over a level, since Gemini takes one of them only.
fn thinking(reasoning: Reasoning, model: &str, lacks: &mut Lacks) -> Option<Thinking> {
    let mut thinking = Thinking {
        include_thoughts: reasoning.told.then_some(true),
        thinking_budget: reasoning.budget,
        thinking_level: None,
    };
    if let (None, Some(effort)) = (reasoning.budget, reasoning.effort) {
        if effort > Effort::High {
            // It has nothing above `high`, which is written.
            lacks.add("reasoning_effort");
        }
        let (level, budget) = match effort {
            Effort::Nothing => (None, 0),
            Effort::Minimal => (Some("MINIMAL"), LOW_BUDGET),
            Effort::Low => (Some("LOW"), LOW_BUDGET),
            Effort::Medium => (Some("MEDIUM"), MEDIUM_BUDGET),
            Effort::High | Effort::Highest | Effort::Max => (Some("HIGH"), HIGH_BUDGET),
        };
        thinking.thinking_level = level.filter(|_| !before_3(model));
        if thinking.thinking_level.is_none() {
            thinking.thinking_budget = Some(budget);
        }
    }
    (thinking != Thinking::default()).then_some(thinking)
}

/// The one element of `tools`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tools<'a> {
    function_declarations: Vec<Declaration<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Declaration<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// JSON Schema as it is; the older `parameters` knows a part of it only.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters_json_schema: Option<&'a RawValue>,
}

impl<'a> Tools<'a> {
    pub(super) fn of(request: &'a Request, lacks: &mut Lacks) -> Option<[Self; 1]> {
        if request.tools.is_empty() {
            return None;
        }
        let declare = |tool: &'a crate::chat::Tool| {
            lacks.given(tool.cache.as_ref(), "cache_control");
            Declaration {
                name: &tool.name,
                description: tool.description.as_deref(),
                parameters_json_schema: tool.schema.as_deref(),
            }
        };
        Some([Self {
            function_declarations: request.tools.iter().map(declare).collect(),
        }])
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ToolConfig<'a> {
    function_calling_config: Calling<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Calling<'a> {
    mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_function_names: Option<[&'a str; 1]>,
}

impl<'a> ToolConfig<'a> {
    /// Arguments that must keep to their schemas: so they do where a call is a
    /// must (`ANY`), and where it is not, with `VALIDATED`.
    pub(super) fn of(request: &'a Request) -> Option<Self> {
        let strict = request.tools.iter().any(|tool| tool.strict == Some(true));
        let mode = match request.choose.as_ref() {
            None if !strict => return None,
            None | Some(Choose::Auto) if strict => "VALIDATED",
            None | Some(Choose::Auto) => "AUTO",
            Some(Choose::Never) => "NONE",
            Some(Choose::Any | Choose::Named(_)) => "ANY",
        };
        let allowed_function_names = match request.choose.as_ref() {
            Some(Choose::Named(name)) => Some([name.as_str()]),
            _ => None,
        };
        Some(Self {
            function_calling_config: Calling {
                mode,
                allowed_function_names,
            },
        })
    }
}
