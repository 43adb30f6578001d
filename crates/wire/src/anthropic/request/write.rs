//! The neutral form, as a request for an upstream.
//!
//! 1. What the API cannot express is named in [`Lacks`] and left out.
//! 2. Schemas, arguments and marks for the cache keep every byte.
//!
//! Whether a model takes what the API has is the upstream's to judge.

use std::sync::LazyLock;

use serde::Serialize;
use serde_json::value::RawValue;

use super::turns::{Content, Turn, Turns};
use super::{Thinks, Ways};
use crate::chat::{Choose, Effort, Format, Lacks, Request, Tool};
use crate::json::to_vec;

/// The least budget of thinking that the API takes.
const LEAST_BUDGET: u64 = 1024;

/// A whole request.
#[derive(Serialize)]
struct Out<'a> {
    model: &'a str,
    max_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    system: Option<Content<'a>>,
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<ToolOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<ChooseOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<Output<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stop_sequences: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    stream: bool,
}

#[derive(Serialize)]
struct Metadata<'a> {
    user_id: &'a str,
}

#[derive(Serialize)]
struct ToolOut<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    input_schema: &'a RawValue,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<&'a RawValue>,
}

#[derive(Serialize)]
struct ChooseOut<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    disable_parallel_tool_use: bool,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Thinking {
    Disabled,
    Adaptive {
        display: &'static str,
    },
    Enabled {
        budget_tokens: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        display: Option<&'static str>,
    },
}

#[derive(Default, Serialize)]
struct Output<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<FormatOut<'a>>,
}

#[derive(Serialize)]
struct FormatOut<'a> {
    r#type: &'static str,
    schema: &'a RawValue,
}

/// Writes `request`; what has no place in it goes to `lacks`.
pub fn write_request(request: &Request, ways: &Ways, lacks: &mut Lacks) -> Vec<u8> {
    let (system, messages) = Turns::of(&request.messages, ways, lacks).finish();
    let mut output = Output {
        effort: None,
        format: format(request, lacks),
    };
    let mut max_tokens = request.max_tokens.unwrap_or(ways.max_tokens);
    let thinking = thinking(request, ways, &mut max_tokens, &mut output.effort, lacks);
    left_out(request, lacks);
    let out = Out {
        model: &request.model,
        max_tokens,
        system,
        messages,
        tools: request.tools.iter().map(tool).collect(),
        tool_choice: choose(request),
        thinking,
        output_config: Some(output)
            .filter(|output| output.effort.is_some() || output.format.is_some()),
        temperature: request.temperature.filter(|value| *value <= 1.0),
        top_p: request.top_p,
        top_k: request.top_k,
        stop_sequences: stops(request).collect(),
        metadata: request.user.as_deref().map(|user_id| Metadata { user_id }),
        stream: request.stream,
    };
    to_vec(&out, request.bulk())
}

/// Names what the API has no place for.
fn left_out(request: &Request, lacks: &mut Lacks) {
    if request.temperature.is_some_and(|value| value > 1.0) {
        lacks.add("temperature");
    }
    if stops(request).count() < request.stop.len() {
        lacks.add("stop");
    }
    lacks.given(request.n.filter(|n| *n != 1), "n");
    lacks.given(request.seed, "seed");
    lacks.given(
        request.frequency_penalty.filter(|p| *p != 0.0),
        "frequency_penalty",
    );
    lacks.given(
        request.presence_penalty.filter(|p| *p != 0.0),
        "presence_penalty",
    );
    lacks.given(request.logprobs, "logprobs");
    for field in &request.others {
        lacks.add(field);
    }
}

/// The API takes no text of white space alone.
fn stops(request: &Request) -> impl Iterator<Item = &str> {
    let told = |text: &&str| !text.trim().is_empty();
    request.stop.iter().map(String::as_str).filter(told)
}

fn tool(tool: &Tool) -> ToolOut<'_> {
    static NOTHING: LazyLock<Option<Box<RawValue>>> = LazyLock::new(|| {
        RawValue::from_string(r#"{"type":"object","properties":{}}"#.to_owned()).ok()
    });
    ToolOut {
        name: &tool.name,
        description: tool.description.as_deref(),
        input_schema: tool
            .schema
            .as_deref()
            .or(NOTHING.as_deref())
            .unwrap_or(RawValue::NULL),
        strict: tool.strict == Some(true),
        cache_control: tool.cache.as_deref(),
    }
}

fn choose(request: &Request) -> Option<ChooseOut<'_>> {
    let one = request.parallel_calls == Some(false);
    let (kind, name) = match &request.choose {
        // Without tools the API takes neither, and they say nothing.
        None | Some(Choose::Auto | Choose::Never) if request.tools.is_empty() => return None,
        None if !one => return None,
        None | Some(Choose::Auto) => ("auto", None),
        Some(Choose::Never) => ("none", None),
        Some(Choose::Any) => ("any", None),
        Some(Choose::Named(name)) => ("tool", Some(name.as_str())),
    };
    Some(ChooseOut {
        r#type: kind,
        name,
        disable_parallel_tool_use: one && kind != "none",
    })
}

/// The form of the answer. The API always keeps to a schema, and has no name
/// for it.
fn format<'a>(request: &'a Request, lacks: &mut Lacks) -> Option<FormatOut<'a>> {
    match request.format.as_ref()? {
        Format::Json => {
            lacks.add("response_format");
            None
        }
        Format::Schema {
            description,
            schema,
            ..
        } => {
            lacks.given(
                description.as_ref(),
                "response_format.json_schema.description",
            );
            Some(FormatOut {
                r#type: "json_schema",
                schema,
            })
        }
    }
}

/// How much to think. A budget makes room for itself where the request has no
/// bound of its own.
fn thinking(
    request: &Request,
    ways: &Ways,
    max_tokens: &mut u64,
    effort: &mut Option<&'static str>,
    lacks: &mut Lacks,
) -> Option<Thinking> {
    let asked = request.reasoning?;
    let hidden = (!asked.told).then_some("omitted");
    if asked.budget == Some(0) || asked.effort == Some(Effort::Nothing) {
        return Some(Thinking::Disabled);
    }
    if let Some(budget_tokens) = asked.budget {
        // It says more than a step of a scale, which older models do not know.
        let step = asked.effort.filter(|_| ways.thinking == Thinks::Adaptive);
        *effort = step.and_then(|step| word(step, lacks));
        if request.max_tokens.is_none() {
            *max_tokens = max_tokens.saturating_add(budget_tokens);
        }
        return Some(Thinking::Enabled {
            budget_tokens,
            display: hidden,
        });
    }
    if ways.thinking == Thinks::Adaptive {
        *effort = asked.effort.and_then(|step| word(step, lacks));
        return Some(Thinking::Adaptive {
            display: hidden.unwrap_or("summarized"),
        });
    }
    let wanted = budget(asked.effort.unwrap_or(Effort::Medium));
    let budget_tokens = match request.max_tokens {
        Some(most) => wanted.min(most.saturating_sub(1)),
        None => {
            *max_tokens = max_tokens.saturating_add(wanted);
            wanted
        }
    };
    if budget_tokens < LEAST_BUDGET {
        lacks.add("reasoning_effort");
        return None;
    }
    Some(Thinking::Enabled {
        budget_tokens,
        display: hidden,
    })
}

/// A step of the scale by its name. The least is `low`; what is below is told
/// as lacking and becomes that.
fn word(effort: Effort, lacks: &mut Lacks) -> Option<&'static str> {
    Some(match effort {
        Effort::Nothing => return None,
        Effort::Minimal => {
            lacks.add("reasoning_effort");
            "low"
        }
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Highest => "xhigh",
        Effort::Max => "max",
    })
}

/// A step of the scale as tokens, for models that know budgets only.
fn budget(effort: Effort) -> u64 {
    match effort {
        Effort::Nothing => 0,
        Effort::Minimal => LEAST_BUDGET,
        Effort::Low => 2048,
        Effort::Medium => 8192,
        Effort::High => 16_384,
        Effort::Highest => 24_576,
        Effort::Max => 32_768,
    }
}
