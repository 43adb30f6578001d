//! Responses of OpenAI, without what it keeps.
//!
//! Events are numbered, and the last one has the whole answer again.

use serde_json::{Value, json};

use super::Frames;
use super::heard::{self, Choose, Heard, Said, Tool, at, count, list, object, text};
use super::mind::{Answer, CACHED, Call, Stop};
use super::sse;

const FIELDS: &[&str] = &[
    "model",
    "input",
    "instructions",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "text",
    "max_output_tokens",
    "temperature",
    "top_p",
    "top_logprobs",
    "reasoning",
    "include",
    "metadata",
    "store",
    "user",
    "truncation",
];

pub(super) fn hear(body: &Value) -> Result<Heard, String> {
    object(body, "body", FIELDS)?;
    let mut heard = Heard {
        model: text(body, "body", "model")?,
        stream: body["stream"] == true,
        choose: choose(&body["tool_choice"])?,
        parallel: body["parallel_tool_calls"] != false,
        most: count(body, "/max_output_tokens"),
        usage: true,
        ..Heard::default()
    };
    let mut say = |role, said: &Value| {
        if let Some(text) = said.as_str() {
            let text = text.to_owned();
            heard.said.push(Said::Text { role, text });
        }
    };
    say("system", &body["instructions"]);
    say("user", &body["input"]);
    for (place, item) in list(body, "input").iter().enumerate() {
        hear_item(item, &format!("input[{place}]"), &mut heard)?;
    }
    if heard.said.is_empty() {
        return Err("input: field required".to_owned());
    }
    for tool in list(body, "tools") {
        object(
            tool,
            "tools",
            &["type", "name", "description", "parameters", "strict"],
        )?;
        heard.tools.push(Tool {
            name: text(tool, "tools", "name")?,
            schema: tool["parameters"].clone(),
        });
    }
    heard.form = match at(body, "/text/format/type") {
        "" | "text" => None,
        "json_object" => Some(json!({"type": "object"})),
        "json_schema" => Some(body["text"]["format"]["schema"].clone()),
        other => return Err(format!("text.format.type: {other:?}")),
    };
    heard.settle()?;
    Ok(heard)
}

fn choose(choice: &Value) -> Result<Choose, String> {
    match choice.as_str().unwrap_or(at(choice, "/type")) {
        "" | "auto" => Ok(Choose::Auto),
        "none" => Ok(Choose::Never),
        "required" => Ok(Choose::Any),
        "function" => Ok(Choose::Named(text(choice, "tool_choice", "name")?)),
        other => Err(format!("tool_choice: {other:?}")),
    }
}

fn hear_item(item: &Value, place: &str, heard: &mut Heard) -> Result<(), String> {
    match at(item, "/type") {
        "" | "message" => {
            object(
                item,
                place,
                &["type", "id", "status", "role", "content", "phase"],
            )?;
            hear_message(item, place, heard)
        }
        "function_call" => {
            let known = ["type", "id", "status", "call_id", "name", "arguments"];
            object(item, place, &known)?;
            heard.said.push(Said::Call {
                id: text(item, place, "call_id")?,
                name: text(item, place, "name")?,
                arguments: heard::arguments(at(item, "/arguments"))?,
            });
            Ok(())
        }
        "function_call_output" => {
            object(item, place, &["type", "id", "status", "call_id", "output"])?;
            heard.said.push(Said::Result {
                id: text(item, place, "call_id")?,
                name: String::new(),
                text: text(item, place, "output")?,
            });
            Ok(())
        }
        other => Err(format!("{place}.type: {other:?}")),
    }
}

fn hear_message(item: &Value, place: &str, heard: &mut Heard) -> Result<(), String> {
    let role = match at(item, "/role") {
        "system" | "developer" => "system",
        "user" => "user",
        "assistant" => "assistant",
        other => return Err(format!("{place}.role: {other:?}")),
    };
    if let Some(text) = item["content"].as_str() {
        let text = text.to_owned();
        heard.said.push(Said::Text { role, text });
    }
    for part in list(item, "content") {
        let said = match (at(part, "/type"), role) {
            ("input_text", "user" | "system") | ("output_text", "assistant") => Said::Text {
                role,
                text: text(part, place, "text")?,
            },
            ("input_image", "user") => {
                let url = at(part, "/image_url");
                let (kind, data) = url
                    .strip_prefix("data:")
                    .and_then(|url| url.split_once(";base64,"))
                    .ok_or_else(|| format!("{place}: nothing is fetched here: {url}"))?;
                heard::image(kind, data)?
            }
            (other, role) => return Err(format!("{place}: {other:?} of {role}")),
        };
        heard.said.push(said);
    }
    Ok(())
}

fn message(status: &str, text: Option<&str>) -> Value {
    let content: Vec<Value> = text.map(output_text).into_iter().collect();
    json!({"id": "msg_native", "type": "message", "status": status, "role": "assistant",
        "content": content})
}

fn output_text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn called(call: &Call, status: &str, arguments: &str) -> Value {
    json!({"id": format!("fc_{}", call.id), "type": "function_call", "status": status,
        "call_id": call.id, "name": call.name, "arguments": arguments})
}

fn output(answer: &Answer) -> Vec<Value> {
    let calls = answer.calls.iter();
    let calls: Vec<Value> = calls
        .map(|call| called(call, "completed", &call.arguments))
        .collect();
    match calls.is_empty() {
        true => {
            let status = match answer.stop {
                Stop::Length => "incomplete",
                _ => "completed",
            };
            vec![message(status, Some(&answer.text))]
        }
        false => calls,
    }
}

fn response(answer: &Answer, status: &str, output: Vec<Value>) -> Value {
    let usage = match status {
        "in_progress" => Value::Null,
        _ => json!({"input_tokens": answer.input, "output_tokens": answer.output,
            "total_tokens": answer.input + answer.output,
            "input_tokens_details": {"cached_tokens": CACHED},
            "output_tokens_details": {"reasoning_tokens": 0}}),
    };
    let incomplete = match status {
        "incomplete" => json!({"reason": "max_output_tokens"}),
        _ => Value::Null,
    };
    json!({"id": "resp_native", "object": "response", "created_at": 1_790_000_000,
        "status": status, "error": null, "incomplete_details": incomplete,
        "instructions": null, "max_output_tokens": null, "model": answer.model,
        "output": output, "parallel_tool_calls": true, "previous_response_id": null,
        "reasoning": {"effort": null, "summary": null}, "store": false, "temperature": 1.0,
        "text": {"format": {"type": "text"}}, "tool_choice": "auto", "tools": [], "top_p": 1.0,
        "truncation": "disabled", "usage": usage, "user": null, "metadata": {}})
}

fn status(answer: &Answer) -> &'static str {
    match answer.stop {
        Stop::Length => "incomplete",
        _ => "completed",
    }
}

pub(super) fn whole(answer: &Answer) -> String {
    response(answer, status(answer), output(answer)).to_string()
}

/// Events, numbered in their order.
#[derive(Default)]
struct Numbered {
    next: usize,
    frames: Vec<Vec<u8>>,
}

impl Numbered {
    fn add(&mut self, kind: &str, mut fields: Value) {
        fields["type"] = json!(format!("response.{kind}"));
        fields["sequence_number"] = json!(self.next);
        self.next += 1;
        self.frames.push(sse::named(&fields));
    }
}

pub(super) fn frames(answer: &Answer) -> Frames {
    let mut events = Numbered::default();
    for kind in ["created", "in_progress"] {
        let begun = response(answer, "in_progress", Vec::new());
        events.add(kind, json!({"response": begun}));
    }
    for (index, call) in answer.calls.iter().enumerate() {
        let place = json!({"item_id": format!("fc_{}", call.id), "output_index": index});
        let with = |name: &str, value: Value| {
            let mut fields = place.clone();
            fields[name] = value;
            fields
        };
        let item = |item: Value| json!({"output_index": index, "item": item});
        events.add("output_item.added", item(called(call, "in_progress", "")));
        for piece in call.pieces() {
            events.add("function_call_arguments.delta", with("delta", json!(piece)));
        }
        let mut whole = with("arguments", json!(call.arguments));
        whole["name"] = json!(call.name);
        events.add("function_call_arguments.done", whole);
        let done = called(call, "completed", &call.arguments);
        events.add("output_item.done", item(done));
    }
    if answer.calls.is_empty() {
        let item = json!({"output_index": 0, "item": message("in_progress", None)});
        events.add("output_item.added", item);
        events.add("content_part.added", in_part("part", output_text("")));
        for piece in answer.pieces() {
            let mut fields = in_part("delta", json!(piece));
            fields["logprobs"] = json!([]);
            events.add("output_text.delta", fields);
        }
    }
    let begun = std::mem::take(&mut events.frames);
    if answer.calls.is_empty() {
        let mut fields = in_part("text", json!(answer.text));
        fields["logprobs"] = json!([]);
        events.add("output_text.done", fields);
        events.add(
            "content_part.done",
            in_part("part", output_text(&answer.text)),
        );
        let done = json!({"output_index": 0, "item": output(answer)[0]});
        events.add("output_item.done", done);
    }
    let all = response(answer, status(answer), output(answer));
    events.add(status(answer), json!({"response": all}));
    Frames {
        begun,
        end: events.frames,
    }
}

/// Fields of an event about the one part of the one message.
fn in_part(name: &str, value: Value) -> Value {
    let mut fields = json!({"item_id": "msg_native", "output_index": 0, "content_index": 0});
    fields[name] = value;
    fields
}

/// A stream that fails. There is no code of its own for what is overloaded.
pub(super) fn failed(answer: &Answer, status: u16, message: &str) -> Vec<u8> {
    let mut response = response(answer, "failed", Vec::new());
    let code = match status {
        429 => "rate_limit_exceeded",
        _ => "server_error",
    };
    response["error"] = json!({"code": code, "message": message});
    sse::named(&json!({"type": "response.failed", "sequence_number": 99, "response": response}))
}
