//! A request, written for Converse. Its model and whether it streams stand in
//! the [`path`](super::path).
//!
//! 1. What Converse cannot say is named in [`Lacks`] and left out.
//! 2. What only one family of models takes goes to that family alone.

mod model;
mod turns;

use serde::Serialize;
use serde_json::value::RawValue;

use self::model::Extra;
use self::turns::{Block, CachePoint, Turn, Turns};
use crate::chat::{Choose, Format, Lacks, Part, Request, Tool};
use crate::json::to_vec;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    messages: Vec<Turn<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    #[serde(skip_serializing_if = "Inference::says_nothing")]
    inference_config: Inference<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Tools<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<Output<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_metadata: Option<Metadata<'a>>,
    #[serde(skip_serializing_if = "Extra::says_nothing")]
    additional_model_request_fields: Extra,
}

#[derive(Serialize, Default, PartialEq)]
#[serde(rename_all = "camelCase")]
struct Inference<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop_sequences: &'a [String],
}

impl Inference<'_> {
    fn says_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tools<'a> {
    tools: Vec<Offered<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Offered<'a> {
    ToolSpec {
        name: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        description: Option<&'a str>,
        input_schema: Schema<'a>,
        #[serde(skip_serializing_if = "Option::is_none")]
        strict: Option<bool>,
    },
    CachePoint(CachePoint),
}

#[derive(Serialize)]
struct Schema<'a> {
    json: Parameters<'a>,
}

/// A schema, or what stands for none.
#[derive(Serialize)]
#[serde(untagged)]
enum Parameters<'a> {
    Schema(&'a RawValue),
    Nothing {
        r#type: &'static str,
        properties: Empty,
    },
}

#[derive(Serialize)]
struct Empty {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
enum Choice<'a> {
    Auto {},
    Any {},
    Tool { name: &'a str },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Output<'a> {
    text_format: TextFormat<'a>,
}

#[derive(Serialize)]
struct TextFormat<'a> {
    r#type: &'static str,
    structure: Structure<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Structure<'a> {
    json_schema: JsonSchema<'a>,
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    /// As text in which the schema stands.
    schema: &'a str,
}

/// By which the account's own log of its calls can be searched.
#[derive(Serialize)]
struct Metadata<'a> {
    user: &'a str,
}

/// `request` as a body of Converse; what it cannot say goes to `lacks`.
pub fn write_request(request: &Request, lacks: &mut Lacks) -> Vec<u8> {
    let Turns { system, turns, .. } = Turns::of(&request.messages, lacks);
    let body = Body {
        messages: turns,
        system,
        inference_config: Inference {
            max_tokens: request.max_tokens,
            temperature: request.temperature,
            top_p: request.top_p,
            stop_sequences: &request.stop,
        },
        tool_config: tools(request, lacks),
        output_config: output(request.format.as_ref(), lacks),
        request_metadata: metadata(request.user.as_deref(), lacks),
        additional_model_request_fields: Extra::of(request, lacks),
    };
    lacks.given(request.n.filter(|&n| n > 1), "n");
    lacks.given(request.seed, "seed");
    let penalty = |given: Option<f64>| given.filter(|&penalty| penalty != 0.0);
    lacks.given(penalty(request.frequency_penalty), "frequency_penalty");
    lacks.given(penalty(request.presence_penalty), "presence_penalty");
    lacks.given(request.logprobs, "logprobs");
    request.others.iter().for_each(|other| lacks.add(other));
    to_vec(&body, request.bulk())
}

fn tools<'a>(request: &'a Request, lacks: &mut Lacks) -> Option<Tools<'a>> {
    if request.tools.is_empty() {
        return None;
    }
    if request.parallel_calls == Some(false) {
        lacks.add("parallel_tool_calls");
    }
    let tool_choice = match &request.choose {
        None => None,
        Some(Choose::Auto) => Some(Choice::Auto {}),
        Some(Choose::Any) => Some(Choice::Any {}),
        Some(Choose::Named(name)) => Some(Choice::Tool { name }),
        // Who is offered nothing calls nothing; but where calls were made the
        // tools must be told.
        Some(Choose::Never) if !called(request) => return None,
        Some(Choose::Never) => {
            lacks.add("tool_choice");
            None
        }
    };
    let mut tools = Vec::with_capacity(request.tools.len());
    for tool in &request.tools {
        tools.push(offered(tool));
        let cache = tool.cache.as_deref();
        tools.extend(cache.map(|cache| Offered::CachePoint(CachePoint::of(cache))));
    }
    Some(Tools { tools, tool_choice })
}

fn offered(tool: &Tool) -> Offered<'_> {
    Offered::ToolSpec {
        name: &tool.name,
        description: tool.description.as_deref(),
        input_schema: Schema {
            json: match tool.schema.as_deref() {
                Some(schema) => Parameters::Schema(schema),
                None => Parameters::Nothing {
                    r#type: "object",
                    properties: Empty {},
                },
            },
        },
        strict: tool.strict.filter(|&strict| strict),
    }
}

/// Whether something was called before.
fn called(request: &Request) -> bool {
    let mut parts = request.messages.iter().flat_map(|message| &message.parts);
    parts.any(|part| matches!(part, Part::Call(_) | Part::Result(_)))
}

/// A schema is always kept to here, so `strict` asks for nothing more.
fn output<'a>(format: Option<&'a Format>, lacks: &mut Lacks) -> Option<Output<'a>> {
    match format? {
        Format::Json => {
            lacks.add("response_format");
            None
        }
        Format::Schema {
            name,
            description,
            schema,
            ..
        } => Some(Output {
            text_format: TextFormat {
                r#type: "json_schema",
                structure: Structure {
                    json_schema: JsonSchema {
                        name,
                        description: description.as_deref(),
                        schema: schema.get(),
                    },
                },
            },
        }),
    }
}

/// The caller's own user, if its characters are those that a value may have.
fn metadata<'a>(user: Option<&'a str>, lacks: &mut Lacks) -> Option<Metadata<'a>> {
    let user = user?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b" :_@$#=/+,-.".contains(&byte);
    if user.len() > 256 || !user.bytes().all(fits) {
        lacks.add("user");
        return None;
    }
    Some(Metadata { user })
}
