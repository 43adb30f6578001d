//! A request, written for `/api/chat`.
//!
//! 1. A message has one text here, and its pictures before it: where a text
//!    follows another one a further message of that speaker begins.
//! 2. Calls and results keep their ids; a result tells its tool's name.
//!
//! A signature of what was thought is not carried: only who gave it takes it.

use std::collections::HashMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::chat::{
    Choose, Effort, Format, Lacks, Message, Part, Request, Role, Tool, ToolCall, ToolResult, Where,
};
use crate::json::to_vec;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    messages: Vec<Said<'a>>,
    stream: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Offered<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<Form<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    think: Option<Think>,
    #[serde(skip_serializing_if = "Options::says_nothing")]
    options: Options<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    logprobs: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_logprobs: Option<u8>,
}

#[derive(Serialize, Default)]
struct Said<'a> {
    role: &'static str,
    content: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    images: Vec<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Called<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<&'a str>,
}

impl Said<'_> {
    fn says_nothing(&self) -> bool {
        self.content.is_empty()
            && self.thinking.is_none()
            && self.images.is_empty()
            && self.tool_calls.is_empty()
    }
}

#[derive(Serialize)]
struct Called<'a> {
    id: &'a str,
    function: Arguments<'a>,
}

#[derive(Serialize)]
struct Arguments<'a> {
    name: &'a str,
    arguments: &'a RawValue,
}

#[derive(Serialize)]
struct Offered<'a> {
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'a str>,
    parameters: Parameters<'a>,
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
#[serde(untagged)]
enum Form<'a> {
    Word(&'static str),
    Schema(&'a RawValue),
}

#[derive(Serialize)]
#[serde(untagged)]
enum Think {
    Whether(bool),
    Much(&'static str),
}

#[derive(Serialize, Default, PartialEq)]
struct Options<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    num_predict: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_k: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    stop: &'a [String],
}

impl Options<'_> {
    fn says_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// `request` as a body of `/api/chat`; what it cannot say goes to `lacks`.
pub fn write_request(request: &Request, lacks: &mut Lacks) -> Vec<u8> {
    let mut talk = Talk {
        said: Vec::with_capacity(request.messages.len()),
        names: HashMap::new(),
        lacks,
    };
    for message in &request.messages {
        talk.message(message);
    }
    let body = Body {
        model: &request.model,
        messages: talk.said,
        stream: request.stream,
        tools: tools(request, lacks),
        format: request.format.as_ref().map(|format| form(format, lacks)),
        think: think(request, lacks),
        options: Options {
            num_predict: request.max_tokens,
            temperature: request.temperature,
            top_p: request.top_p,
            top_k: request.top_k,
            seed: request.seed,
            frequency_penalty: request.frequency_penalty,
            presence_penalty: request.presence_penalty,
            stop: &request.stop,
        },
        logprobs: request.logprobs.map(|_| true),
        top_logprobs: request.logprobs.filter(|&others| others > 0),
    };
    lacks.given(request.n.filter(|&n| n > 1), "n");
    lacks.given(request.user.as_ref(), "user");
    request.others.iter().for_each(|other| lacks.add(other));
    to_vec(&body, request.bulk())
}

/// The messages, as they are written.
struct Talk<'a, 'l> {
    said: Vec<Said<'a>>,
    /// The tools' names, by the ids of their calls.
    names: HashMap<&'a str, &'a str>,
    lacks: &'l mut Lacks,
}

impl<'a> Talk<'a, '_> {
    fn message(&mut self, message: &'a Message) {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let mut said = Said {
            role,
            ..Said::default()
        };
        let mut results = false;
        for part in &message.parts {
            if let Part::Result(result) = part {
                // A result is a message of its own, at its place.
                if !said.says_nothing() {
                    self.anew(&mut said);
                }
                results = true;
                self.result(result);
            } else {
                self.part(part, &mut said);
            }
        }
        if !(results && said.says_nothing()) {
            self.said.push(said);
        }
    }

    /// Adds a part to what is `said`, or begins anew behind it.
    fn part(&mut self, part: &'a Part, said: &mut Said<'a>) {
        match part {
            Part::Text { text, cache } => {
                self.lacks.given(cache.as_ref(), "cache_control");
                self.text(text, said);
            }
            // Its words are kept; that it refused, they tell themselves.
            Part::Refusal(text) => self.text(text, said),
            Part::Image {
                place,
                detail,
                cache,
            } => {
                self.lacks.given(cache.as_ref(), "cache_control");
                let detail = detail.as_ref().filter(|detail| *detail != "auto");
                self.lacks.given(detail, "image_url.detail");
                match place {
                    Where::Data(media) => said.images.push(&media.data),
                    Where::Url(_) => self.lacks.add("image_url.url"),
                    Where::File(_) => self.lacks.add("file.file_id"),
                }
            }
            Part::Document { .. } => self.lacks.add("file"),
            Part::Audio { .. } => self.lacks.add("input_audio"),
            Part::Call(call) => self.call(call, said),
            Part::Thinking { text, .. } => {
                if said.thinking.is_some() {
                    self.anew(said);
                }
                said.thinking = Some(text);
            }
            Part::Redacted(_) => self.lacks.add("redacted_thinking"),
            // A result has no results in it.
            Part::Result(_) => {}
        }
    }

    fn text(&mut self, text: &'a str, said: &mut Said<'a>) {
        if text.is_empty() {
            return;
        }
        if !said.content.is_empty() {
            self.anew(said);
        }
        said.content = text;
    }

    /// Ends what is `said`; more of that speaker follows.
    fn anew(&mut self, said: &mut Said<'a>) {
        let next = Said {
            role: said.role,
            tool_name: said.tool_name,
            tool_call_id: said.tool_call_id,
            ..Said::default()
        };
        self.said.push(std::mem::replace(said, next));
    }

    fn call(&mut self, call: &'a ToolCall, said: &mut Said<'a>) {
        self.names.insert(&call.id, &call.name);
        let Some(arguments) = call.object() else {
            self.lacks.add("tool_calls.function.arguments");
            return;
        };
        said.tool_calls.push(Called {
            id: &call.id,
            function: Arguments {
                name: &call.name,
                arguments,
            },
        });
    }

    fn result(&mut self, result: &'a ToolResult) {
        self.lacks.given(result.cache.as_ref(), "cache_control");
        self.lacks.given(result.failed.then_some(()), "is_error");
        let name = result.name.as_deref();
        let mut said = Said {
            role: "tool",
            tool_name: name.or_else(|| self.names.get(result.id.as_str()).copied()),
            tool_call_id: Some(&result.id),
            ..Said::default()
        };
        for part in &result.parts {
            self.part(part, &mut said);
        }
        self.said.push(said);
    }
}

fn tools<'a>(request: &'a Request, lacks: &mut Lacks) -> Vec<Offered<'a>> {
    if request.parallel_calls == Some(false) && !request.tools.is_empty() {
        lacks.add("parallel_tool_calls");
    }
    match request.choose {
        // Who is offered nothing calls nothing.
        Some(Choose::Never) => return Vec::new(),
        Some(Choose::Any | Choose::Named(_)) => lacks.add("tool_choice"),
        Some(Choose::Auto) | None => {}
    }
    let offered = |tool: &'a Tool| {
        lacks.given(tool.cache.as_ref(), "cache_control");
        let strict = tool.strict.filter(|&strict| strict);
        lacks.given(strict, "tools.function.strict");
        Offered {
            r#type: "function",
            function: Function {
                name: &tool.name,
                description: tool.description.as_deref(),
                parameters: match tool.schema.as_deref() {
                    Some(schema) => Parameters::Schema(schema),
                    None => Parameters::Nothing {
                        r#type: "object",
                        properties: Empty {},
                    },
                },
            },
        }
    };
    request.tools.iter().map(offered).collect()
}

/// The schema's name is nowhere told to the model, so nothing is lost with it.
fn form<'a>(format: &'a Format, lacks: &mut Lacks) -> Form<'a> {
    match format {
        Format::Json => Form::Word("json"),
        Format::Schema {
            description,
            schema,
            ..
        } => {
            let field = "response_format.json_schema.description";
            lacks.given(description.as_ref(), field);
            Form::Schema(schema)
        }
    }
}

/// Three steps, or whether at all. Models without the steps take each of them
/// for a yes; another step is the nearest one, and named.
fn think(request: &Request, lacks: &mut Lacks) -> Option<Think> {
    let reasoning = request.reasoning?;
    let budget = reasoning.budget.filter(|&budget| budget > 0);
    lacks.given(budget, "thinking.budget_tokens");
    let (think, exact) = match reasoning.effort {
        Some(Effort::Nothing) => (Think::Whether(false), true),
        Some(Effort::Low) => (Think::Much("low"), true),
        Some(Effort::Medium) => (Think::Much("medium"), true),
        Some(Effort::High) => (Think::Much("high"), true),
        Some(effort) if effort < Effort::Low => (Think::Much("low"), false),
        Some(_) => (Think::Much("high"), false),
        None if reasoning.budget == Some(0) => (Think::Whether(false), true),
        None if budget.is_some() || reasoning.told => (Think::Whether(true), true),
        None => return None,
    };
    if !exact {
        lacks.add("reasoning_effort");
    }
    Some(think)
}
