//! Messages of Anthropic, and their counting, in both versions of the API.
//!
//! In that of 2026-10-21 a request that says how to draw (`temperature`, `top_p`,
//! `top_k`) is refused, and its SDKs send the key as `Authorization: Bearer`.

use serde_json::{Value, json};

use super::Frames;
use super::heard::{self, Choose, Heard, Said, Tool, at, count, list, object, text};
use super::mind::{Answer, CACHED, Call, PROOF, Stop, proven, words_of};
use super::sse;
use crate::upstream::Recorded;

/// The versions that there are.
const VERSIONS: [&str; 2] = ["2023-06-01", "2026-10-21"];

const FIELDS: &[&str] = &[
    "model",
    "max_tokens",
    "messages",
    "system",
    "stream",
    "tools",
    "tool_choice",
    "thinking",
    "output_config",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "metadata",
    "service_tier",
];

/// The version that is asked for.
pub(super) fn version(request: &Recorded) -> Result<&'static str, String> {
    let told = request.header("anthropic-version");
    let mut known = VERSIONS.iter().filter(|one| told.as_deref() == Some(**one));
    known
        .next()
        .copied()
        .ok_or_else(|| format!("anthropic-version: {told:?} is not a valid version"))
}

/// What a version does not take any more.
pub(super) fn check_version(request: &Recorded, body: &Value) -> Result<(), String> {
    let gone = ["temperature", "top_p", "top_k"];
    let mut gone = gone.iter().filter(|name| body.get(**name).is_some());
    match (version(request)?, gone.next()) {
        ("2026-10-21", Some(name)) => Err(format!("{name}: removed in 2026-10-21")),
        _ => Ok(()),
    }
}

pub(super) fn hear(body: &Value) -> Result<Heard, String> {
    object(body, "body", FIELDS)?;
    let mut heard = hear_prompt(body)?;
    heard.most = Some(count(body, "/max_tokens").ok_or("max_tokens: Field required")?);
    Ok(heard)
}

/// What is said and offered, without a bound: what is counted.
fn hear_prompt(body: &Value) -> Result<Heard, String> {
    let mut heard = Heard {
        model: text(body, "body", "model")?,
        stream: body["stream"] == true,
        choose: choose(&body["tool_choice"])?,
        parallel: body.pointer("/tool_choice/disable_parallel_tool_use") != Some(&json!(true)),
        thinks: matches!(at(body, "/thinking/type"), "enabled" | "adaptive"),
        usage: true,
        ..Heard::default()
    };
    hear_content(&body["system"], "system", "system", &mut heard)?;
    for (place, message) in list(body, "messages").iter().enumerate() {
        let place = format!("messages.{place}");
        object(message, &place, &["role", "content"])?;
        let role = match at(message, "/role") {
            "user" => "user",
            "assistant" => "assistant",
            other => return Err(format!("{place}.role: {other:?}")),
        };
        hear_content(&message["content"], role, &place, &mut heard)?;
    }
    if !matches!(heard.said.first(), Some(said) if !matches!(said, Said::Text { role: "assistant", .. }))
    {
        return Err("messages: first message must use the \"user\" role".to_owned());
    }
    for tool in list(body, "tools") {
        let known = [
            "name",
            "description",
            "input_schema",
            "strict",
            "cache_control",
            "type",
        ];
        object(tool, "tools", &known)?;
        if at(tool, "/input_schema/type") != "object" {
            return Err("tools.input_schema.type: Field required".to_owned());
        }
        heard.tools.push(Tool {
            name: text(tool, "tools", "name")?,
            schema: tool["input_schema"].clone(),
        });
    }
    if let Some(format) = body.pointer("/output_config/format") {
        object(format, "output_config.format", &["type", "schema"])?;
        heard.form = Some(format["schema"].clone());
    }
    heard.settle()?;
    Ok(heard)
}

fn choose(choice: &Value) -> Result<Choose, String> {
    match at(choice, "/type") {
        "" | "auto" => Ok(Choose::Auto),
        "none" => Ok(Choose::Never),
        "any" => Ok(Choose::Any),
        "tool" => Ok(Choose::Named(text(choice, "tool_choice", "name")?)),
        other => Err(format!("tool_choice.type: {other:?}")),
    }
}

/// One text, or blocks.
fn hear_content(
    content: &Value,
    role: &'static str,
    place: &str,
    heard: &mut Heard,
) -> Result<(), String> {
    if let Some(text) = content.as_str() {
        let text = text.to_owned();
        heard.said.push(Said::Text { role, text });
    }
    for block in content.as_array().into_iter().flatten() {
        let said = match at(block, "/type") {
            "text" => Said::Text {
                role,
                text: match text(block, place, "text")? {
                    empty if empty.is_empty() => {
                        return Err(format!("{place}: text content blocks must be non-empty"));
                    }
                    text => text,
                },
            },
            "thinking" => {
                proven(at(block, "/signature"))?;
                Said::Thought {
                    text: text(block, place, "thinking")?,
                }
            }
            "image" if at(block, "/source/type") == "base64" => {
                let source = &block["source"];
                heard::image(at(source, "/media_type"), at(source, "/data"))?
            }
            "tool_use" => Said::Call {
                id: text(block, place, "id")?,
                name: text(block, place, "name")?,
                arguments: block["input"].clone(),
            },
            "tool_result" => {
                let content = &block["content"];
                let texts = content.as_array().into_iter().flatten();
                let texts: String = texts.map(|block| at(block, "/text")).collect();
                Said::Result {
                    id: text(block, place, "tool_use_id")?,
                    name: String::new(),
                    text: content.as_str().map_or(texts, str::to_owned),
                }
            }
            other => return Err(format!("{place}.content.type: {other:?}")),
        };
        heard.said.push(said);
    }
    Ok(())
}

pub(super) fn count_tokens(body: &Value) -> Result<String, String> {
    let known: Vec<&str> = FIELDS
        .iter()
        .copied()
        .filter(|name| !["max_tokens", "stream", "metadata"].contains(name))
        .collect();
    object(body, "body", &known)?;
    let words = words_of(&hear_prompt(body)?.digest());
    Ok(json!({"input_tokens": words}).to_string())
}

fn reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Calls => "tool_use",
    }
}

fn usage(answer: &Answer, output: usize) -> Value {
    json!({
        // Those of a cache are counted apart.
        "input_tokens": answer.input - CACHED,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": CACHED,
        "output_tokens": output,
        "service_tier": "standard",
    })
}

fn message(answer: &Answer, content: &str, stop: Value, output: usize) -> String {
    // The content as text: arguments stand in it as they are.
    format!(
        r#"{{"id":"msg_native","type":"message","role":"assistant","model":{},"content":{content},"stop_reason":{stop},"stop_sequence":null,"usage":{}}}"#,
        json!(answer.model),
        usage(answer, output)
    )
}

fn tool_use(call: &Call, input: &str) -> String {
    let (id, name) = (json!(call.id), json!(call.name));
    format!(r#"{{"type":"tool_use","id":{id},"name":{name},"input":{input}}}"#)
}

pub(super) fn whole(answer: &Answer) -> String {
    let mut blocks = Vec::new();
    if let Some(text) = answer.thought {
        let block = json!({"type": "thinking", "thinking": text, "signature": PROOF});
        blocks.push(block.to_string());
    }
    if answer.calls.is_empty() {
        blocks.push(json!({"type": "text", "text": answer.text}).to_string());
    }
    let calls = answer.calls.iter();
    blocks.extend(calls.map(|call| tool_use(call, &call.arguments)));
    let content = format!("[{}]", blocks.join(","));
    message(answer, &content, json!(reason(answer.stop)), answer.output)
}

pub(super) fn frames(answer: &Answer) -> Frames {
    let start = message(answer, "[]", Value::Null, 1);
    let start = format!(
        "event: message_start\ndata: {{\"type\":\"message_start\",\"message\":{start}}}\n\n"
    );
    let mut begun = vec![start.into_bytes()];
    let mut end = Vec::new();
    let delta = |index: usize, delta: Value| {
        sse::named(&json!({"type": "content_block_delta", "index": index, "delta": delta}))
    };
    let open = |index: usize, block: Value| {
        sse::named(&json!({"type": "content_block_start", "index": index, "content_block": block}))
    };
    let close = |index: usize| sse::named(&json!({"type": "content_block_stop", "index": index}));
    let mut next = 0;
    if let Some(text) = answer.thought {
        let block = json!({"type": "thinking", "thinking": "", "signature": ""});
        begun.push(open(0, block));
        for piece in text.split_inclusive(' ') {
            begun.push(delta(
                0,
                json!({"type": "thinking_delta", "thinking": piece}),
            ));
        }
        let proof = json!({"type": "signature_delta", "signature": PROOF});
        begun.push(delta(0, proof));
        begun.push(close(0));
        next = 1;
    }
    if answer.calls.is_empty() {
        begun.push(open(next, json!({"type": "text", "text": ""})));
        begun.push(sse::named(&json!({"type": "ping"})));
        for piece in answer.pieces() {
            begun.push(delta(next, json!({"type": "text_delta", "text": piece})));
        }
        end.push(close(next));
    }
    for (index, call) in (next..).zip(&answer.calls) {
        let block = json!({"type": "tool_use", "id": call.id, "name": call.name, "input": {}});
        begun.push(open(index, block));
        for piece in std::iter::once(String::new()).chain(call.pieces()) {
            let piece = json!({"type": "input_json_delta", "partial_json": piece});
            begun.push(delta(index, piece));
        }
        begun.push(close(index));
    }
    let stop = json!({"stop_reason": reason(answer.stop), "stop_sequence": null});
    end.push(sse::named(&json!({"type": "message_delta", "delta": stop,
        "usage": usage(answer, answer.output)})));
    end.push(sse::named(&json!({"type": "message_stop"})));
    Frames { begun, end }
}

pub(super) fn failure(status: u16, message: &str) -> Value {
    let kind = match status {
        400 | 422 => "invalid_request_error",
        401 => "authentication_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        529 => "overloaded_error",
        _ => "api_error",
    };
    json!({"type": "error", "error": {"type": kind, "message": message},
        "request_id": "req_native"})
}
