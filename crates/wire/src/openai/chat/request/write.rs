//! Writes a request for an upstream.
//!
//! Fields stand in the order of the API's own examples, and what is not given is left
//! out: those who follow OpenAI do not know all of them.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::super::said::Call;
use crate::chat::{
    Choose, Effort, Format, Lacks, Media, Message, Part, Reasoning, Request, Role, Where,
};
use crate::json::to_vec;

/// How an upstream speaks this dialect, where OpenAI and those who follow it differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// It knows `max_completion_tokens`, which OpenAI's reasoning models insist on;
    /// else it is told `max_tokens`.
    pub completion_tokens: bool,
    /// It knows `stream_options`, and is asked for the tokens of a stream.
    pub usage: bool,
    /// It tells what it thinks without being asked to, and takes it back, as
    /// `reasoning_content`.
    pub thinking: bool,
}

impl Ways {
    /// OpenAI itself.
    pub const OPENAI: Self = Self {
        completion_tokens: true,
        usage: true,
        thinking: false,
    };
    /// Most of those who follow it.
    pub const COMPATIBLE: Self = Self {
        completion_tokens: false,
        usage: true,
        thinking: true,
    };
}

/// Writes `request` for an upstream of these `ways`; what has no place there goes to
/// `lacks` and is left out.
pub fn write_request(request: &Request, ways: Ways, lacks: &mut Lacks) -> Vec<u8> {
    for path in &request.others {
        lacks.add(path);
    }
    lacks.given(request.top_k, "top_k");
    let mut messages = Vec::with_capacity(request.messages.len());
    for message in &request.messages {
        push_message(&mut messages, message, ways, lacks);
    }
    let asks = |wanted: bool| wanted.then_some(request.max_tokens).flatten();
    let body = Body {
        model: &request.model,
        messages,
        tools: tools(request, lacks),
        // Both are refused where there is nothing to call.
        tool_choice: (request.choose.as_ref())
            .filter(|_| !request.tools.is_empty())
            .map(choose),
        parallel_tool_calls: (request.parallel_calls).filter(|_| !request.tools.is_empty()),
        response_format: request.format.as_ref().map(format),
        reasoning_effort: request
            .reasoning
            .and_then(|reasoning| effort(reasoning, ways, lacks)),
        max_completion_tokens: asks(ways.completion_tokens),
        max_tokens: asks(!ways.completion_tokens),
        temperature: request.temperature,
        top_p: request.top_p,
        stop: &request.stop,
        n: request.n,
        seed: request.seed,
        frequency_penalty: request.frequency_penalty,
        presence_penalty: request.presence_penalty,
        logprobs: request.logprobs.map(|_| true),
        top_logprobs: request.logprobs.filter(|count| *count > 0),
        user: request.user.as_deref(),
        stream: request.stream.then_some(true),
        stream_options: (request.stream && ways.usage).then_some(StreamOptions {
            include_usage: true,
        }),
    };
    to_vec(&body, request.bulk())
}

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Said<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    n: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Serialize)]
struct StreamOptions {
    include_usage: bool,
}

/// A message.
#[derive(Serialize)]
struct Said<'a> {
    role: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
    content: Option<Content<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Parts(Vec<Piece<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece<'a> {
    Text { text: &'a str },
    Refusal { refusal: &'a str },
    ImageUrl { image_url: Image<'a> },
    InputAudio { input_audio: Audio<'a> },
    File { file: File<'a> },
}

#[derive(Serialize)]
struct Image<'a> {
    url: Url<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

/// As it was given, or made of the bytes while it is written: they may be many.
enum Url<'a> {
    Given(&'a str),
    Data(&'a Media),
}

impl Serialize for Url<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Given(url) => to.serialize_str(url),
            Self::Data(Media { kind, data }) => {
                to.collect_str(&format_args!("data:{kind};base64,{data}"))
            }
        }
    }
}

#[derive(Serialize)]
struct Audio<'a> {
    data: &'a str,
    format: &'a str,
}

#[derive(Serialize)]
struct File<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_data: Option<Url<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parameters: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Choice<'a> {
    Word(&'static str),
    Named {
        r#type: &'static str,
        function: Named<'a>,
    },
}

#[derive(Serialize)]
struct Named<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct ResponseFormat<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<Schema<'a>>,
}

#[derive(Serialize)]
struct Schema<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    schema: &'a RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

/// Writes one message, or several where it holds results of calls: each is a message
/// of its own, and all stand before what else is said, right behind the calls.
fn push_message<'a>(out: &mut Vec<Said<'a>>, message: &'a Message, ways: Ways, lacks: &mut Lacks) {
    let mut parts = Vec::new();
    let mut thinking = String::new();
    let mut calls = Vec::new();
    let mut results = false;
    for part in &message.parts {
        match part {
            Part::Result(result) => {
                results = true;
                if result.failed {
                    lacks.add("is_error");
                }
                lacks.given(result.cache.as_ref(), "cache_control");
                let texts = result.parts.iter().filter_map(|part| match part {
                    Part::Text { .. } => piece(part, lacks),
                    other => {
                        lacks.add(format_args!("tool.{}", name(other)));
                        None
                    }
                });
                out.push(Said {
                    role: "tool",
                    tool_call_id: Some(&result.id),
                    content: Some(content(texts.collect())),
                    reasoning_content: None,
                    tool_calls: Vec::new(),
                });
            }
            Part::Call(call) if message.role == Role::Assistant => {
                calls.push(Call::new(&call.id, &call.name, &call.arguments));
            }
            Part::Thinking { text, .. } if ways.thinking && message.role == Role::Assistant => {
                thinking.push_str(text);
            }
            part if takes(message.role, part) => parts.extend(piece(part, lacks)),
            part => lacks.add(format_args!("{}.{}", role(message.role), name(part))),
        }
    }
    if results && parts.is_empty() {
        return;
    }
    out.push(Said {
        role: role(message.role),
        tool_call_id: None,
        // An assistant that only calls says nothing.
        content: (calls.is_empty() || !parts.is_empty()).then(|| content(parts)),
        reasoning_content: Some(thinking).filter(|text| !text.is_empty()),
        tool_calls: calls,
    });
}

fn role(role: Role) -> &'static str {
    match role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
    }
}

/// Whether messages of this role have such a part.
fn takes(role: Role, part: &Part) -> bool {
    match part {
        Part::Text { .. } => true,
        Part::Refusal(_) => role == Role::Assistant,
        Part::Image { .. } | Part::Document { .. } | Part::Audio { .. } => role == Role::User,
        Part::Call(_) | Part::Result(_) | Part::Thinking { .. } | Part::Redacted(_) => false,
    }
}

/// What is said of a part that has no place.
fn name(part: &Part) -> &'static str {
    match part {
        Part::Text { .. } => "text",
        Part::Refusal(_) => "refusal",
        Part::Image { .. } => "image_url",
        Part::Document { .. } => "file",
        Part::Audio { .. } => "input_audio",
        Part::Call(_) => "tool_calls",
        Part::Result(_) => "tool_result",
        Part::Thinking { .. } => "reasoning_content",
        Part::Redacted(_) => "redacted_thinking",
    }
}

fn content(parts: Vec<Piece<'_>>) -> Content<'_> {
    match parts.as_slice() {
        [] => Content::Text(""),
        [Piece::Text { text }] => Content::Text(text),
        _ => Content::Parts(parts),
    }
}

/// Writes a part that the role takes.
fn piece<'a>(part: &'a Part, lacks: &mut Lacks) -> Option<Piece<'a>> {
    if let Part::Text { cache, .. } | Part::Image { cache, .. } | Part::Document { cache, .. } =
        part
    {
        lacks.given(cache.as_ref(), "cache_control");
    }
    match part {
        Part::Text { text, .. } => Some(Piece::Text { text }),
        Part::Refusal(refusal) => Some(Piece::Refusal { refusal }),
        Part::Image { place, detail, .. } => {
            let url = match place {
                Where::Url(url) => Url::Given(url),
                Where::Data(media) => Url::Data(media),
                Where::File(_) => {
                    lacks.add("image_url.file_id");
                    return None;
                }
            };
            let detail = detail.as_deref();
            let image_url = Image { url, detail };
            Some(Piece::ImageUrl { image_url })
        }
        Part::Document { place, name, .. } => {
            let mut file = File {
                filename: name.as_deref(),
                file_data: None,
                file_id: None,
            };
            match place {
                Where::Data(media) => file.file_data = Some(Url::Data(media)),
                Where::File(id) => file.file_id = Some(id),
                Where::Url(_) => {
                    lacks.add("file.file_url");
                    return None;
                }
            }
            Some(Piece::File { file })
        }
        Part::Audio { data, format } => Some(Piece::InputAudio {
            input_audio: Audio { data, format },
        }),
        Part::Call(_) | Part::Result(_) | Part::Thinking { .. } | Part::Redacted(_) => None,
    }
}

fn tools<'a>(request: &'a Request, lacks: &mut Lacks) -> Vec<Tool<'a>> {
    let tools = request.tools.iter().map(|tool| {
        lacks.given(tool.cache.as_ref(), "cache_control");
        Tool {
            r#type: "function",
            function: Function {
                name: &tool.name,
                description: tool.description.as_deref(),
                parameters: tool.schema.as_deref(),
                strict: tool.strict,
            },
        }
    });
    tools.collect()
}

fn choose(choose: &Choose) -> Choice<'_> {
    match choose {
        Choose::Auto => Choice::Word("auto"),
        Choose::Never => Choice::Word("none"),
        Choose::Any => Choice::Word("required"),
        Choose::Named(name) => Choice::Named {
            r#type: "function",
            function: Named { name },
        },
    }
}

fn format(format: &Format) -> ResponseFormat<'_> {
    match format {
        Format::Json => ResponseFormat {
            r#type: "json_object",
            json_schema: None,
        },
        Format::Schema {
            name,
            description,
            schema,
            strict,
        } => ResponseFormat {
            r#type: "json_schema",
            json_schema: Some(Schema {
                name,
                description: description.as_deref(),
                schema,
                strict: *strict,
            }),
        },
    }
}

/// Writes how much to think. A bound in tokens has no place but for none at all.
fn effort(reasoning: Reasoning, ways: Ways, lacks: &mut Lacks) -> Option<&'static str> {
    if reasoning.told && !ways.thinking {
        lacks.add("reasoning.summary");
    }
    let none = reasoning.budget == Some(0);
    if !none {
        lacks.given(reasoning.budget, "thinking.budget_tokens");
    }
    let effort = reasoning.effort.or(none.then_some(Effort::Nothing))?;
    Some(match effort {
        Effort::Nothing => "none",
        Effort::Minimal => "minimal",
        Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::High => "high",
        Effort::Highest => "xhigh",
        Effort::Max if ways.thinking => "max",
        Effort::Max => {
            lacks.add("reasoning_effort");
            return None;
        }
    })
}
