//! Chat Completions and Embeddings of OpenAI, which Azure has too.
//!
//! Nothing is fetched: pictures come as data.

use serde_json::{Value, json};

use super::Frames;
use super::heard::{self, Choose, Heard, Said, Tool, at, count, list, object, text};
use super::mind::{Answer, CACHED, Stop, vector, words_of};
use super::sse;

const FIELDS: &[&str] = &[
    "model",
    "messages",
    "stream",
    "stream_options",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "stop",
    "n",
    "seed",
    "user",
    "frequency_penalty",
    "presence_penalty",
    "logprobs",
    "top_logprobs",
    "reasoning_effort",
    "metadata",
    "store",
];

pub(super) fn hear(body: &Value) -> Result<Heard, String> {
    object(body, "body", FIELDS)?;
    let mut heard = Heard {
        model: text(body, "body", "model")?,
        stream: body["stream"] == true,
        choose: choose(&body["tool_choice"])?,
        parallel: body["parallel_tool_calls"] != false,
        most: count(body, "/max_completion_tokens").or(count(body, "/max_tokens")),
        usage: body.pointer("/stream_options/include_usage") == Some(&json!(true)),
        ..Heard::default()
    };
    if body.get("stream_options").is_some() && !heard.stream {
        return Err("stream_options: only allowed when stream is enabled".to_owned());
    }
    if list(body, "messages").is_empty() {
        return Err("messages: too short".to_owned());
    }
    for (place, message) in list(body, "messages").iter().enumerate() {
        hear_message(message, &format!("messages[{place}]"), &mut heard)?;
    }
    for tool in list(body, "tools") {
        object(tool, "tools", &["type", "function"])?;
        let known = ["name", "description", "parameters", "strict"];
        object(&tool["function"], "tools.function", &known)?;
        heard.tools.push(Tool {
            name: text(&tool["function"], "tools.function", "name")?,
            schema: tool["function"]["parameters"].clone(),
        });
    }
    heard.form = match at(body, "/response_format/type") {
        "" | "text" => None,
        "json_object" => Some(json!({"type": "object"})),
        "json_schema" => Some(body["response_format"]["json_schema"]["schema"].clone()),
        other => return Err(format!("response_format.type: {other:?}")),
    };
    heard.settle()?;
    Ok(heard)
}

fn choose(choice: &Value) -> Result<Choose, String> {
    match choice.as_str().unwrap_or(at(choice, "/type")) {
        "" | "auto" => Ok(Choose::Auto),
        "none" => Ok(Choose::Never),
        "required" => Ok(Choose::Any),
        "function" => Ok(Choose::Named(text(
            &choice["function"],
            "tool_choice",
            "name",
        )?)),
        other => Err(format!("tool_choice: {other:?}")),
    }
}

fn hear_message(message: &Value, place: &str, heard: &mut Heard) -> Result<(), String> {
    let known = [
        "role",
        "content",
        "name",
        "tool_calls",
        "tool_call_id",
        "refusal",
    ];
    object(message, place, &known)?;
    let role = match at(message, "/role") {
        "system" | "developer" => "system",
        "user" => "user",
        "assistant" => "assistant",
        "tool" => {
            heard.said.push(Said::Result {
                id: text(message, place, "tool_call_id")?,
                name: String::new(),
                text: content_text(&message["content"]),
            });
            return Ok(());
        }
        other => return Err(format!("{place}.role: {other:?}")),
    };
    if let Some(text) = message["content"].as_str() {
        let text = text.to_owned();
        heard.said.push(Said::Text { role, text });
    }
    for part in list(message, "content") {
        let said = match at(part, "/type") {
            "text" => Said::Text {
                role,
                text: text(part, place, "text")?,
            },
            "image_url" => {
                let url = at(part, "/image_url/url");
                let (kind, data) = url
                    .strip_prefix("data:")
                    .and_then(|url| url.split_once(";base64,"))
                    .ok_or_else(|| format!("{place}: nothing is fetched here: {url}"))?;
                heard::image(kind, data)?
            }
            other => return Err(format!("{place}.content.type: {other:?}")),
        };
        heard.said.push(said);
    }
    for call in list(message, "tool_calls") {
        object(call, "tool_calls", &["id", "type", "function", "index"])?;
        heard.said.push(Said::Call {
            id: text(call, place, "id")?,
            name: text(&call["function"], place, "name")?,
            arguments: heard::arguments(at(call, "/function/arguments"))?,
        });
    }
    Ok(())
}

fn content_text(content: &Value) -> String {
    match content.as_str() {
        Some(text) => text.to_owned(),
        None => {
            let parts = content.as_array().into_iter().flatten();
            parts.map(|part| at(part, "/text")).collect()
        }
    }
}

fn finish(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "stop",
        Stop::Length => "length",
        Stop::Calls => "tool_calls",
    }
}

fn usage(answer: &Answer) -> Value {
    json!({
        "prompt_tokens": answer.input,
        "completion_tokens": answer.output,
        "total_tokens": answer.input + answer.output,
        "prompt_tokens_details": {"cached_tokens": CACHED, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 0},
    })
}

pub(super) fn whole(answer: &Answer) -> String {
    let calls = answer.calls.iter().map(|call| {
        json!({"id": call.id, "type": "function",
            "function": {"name": call.name, "arguments": call.arguments}})
    });
    let mut message = json!({"role": "assistant", "content": null, "refusal": null});
    if answer.calls.is_empty() {
        message["content"] = json!(answer.text);
    } else {
        message["tool_calls"] = calls.collect();
    }
    let choice = json!({"index": 0, "message": message, "logprobs": null,
        "finish_reason": finish(answer.stop)});
    let body = json!({"id": "chatcmpl-native", "object": "chat.completion",
        "created": 1_790_000_000, "model": answer.model, "choices": [choice],
        "usage": usage(answer), "system_fingerprint": "fp_native"});
    body.to_string()
}

pub(super) fn frames(answer: &Answer, wants_usage: bool) -> Frames {
    let chunk = |choices: Value, usage: Value| {
        let mut chunk = json!({"id": "chatcmpl-native", "object": "chat.completion.chunk",
            "created": 1_790_000_000, "model": answer.model, "choices": choices,
            "system_fingerprint": "fp_native"});
        if wants_usage {
            chunk["usage"] = usage;
        }
        sse::data(&chunk)
    };
    let delta = |delta: Value, finish: Value| {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null,
            "finish_reason": finish});
        chunk(json!([choice]), Value::Null)
    };
    let mut begun = vec![delta(
        json!({"role": "assistant", "content": "", "refusal": null}),
        Value::Null,
    )];
    for piece in answer.pieces() {
        begun.push(delta(json!({"content": piece}), Value::Null));
    }
    for (index, call) in answer.calls.iter().enumerate() {
        let start = json!({"index": index, "id": call.id, "type": "function",
            "function": {"name": call.name, "arguments": ""}});
        begun.push(delta(json!({"tool_calls": [start]}), Value::Null));
        for piece in call.pieces() {
            let more = json!({"index": index, "function": {"arguments": piece}});
            begun.push(delta(json!({"tool_calls": [more]}), Value::Null));
        }
    }
    let mut end = vec![delta(json!({}), json!(finish(answer.stop)))];
    if wants_usage {
        end.push(chunk(json!([]), usage(answer)));
    }
    end.push(b"data: [DONE]\n\n".to_vec());
    Frames { begun, end }
}

/// The same form for all that OpenAI has.
pub(super) fn failure(status: u16, message: &str) -> String {
    let (kind, code) = match status {
        400 | 422 => ("invalid_request_error", json!("invalid_value")),
        401 => ("invalid_request_error", json!("invalid_api_key")),
        404 => ("invalid_request_error", json!("model_not_found")),
        429 => ("requests", json!("rate_limit_exceeded")),
        503 | 529 => ("overloaded_error", json!("overloaded")),
        _ => ("server_error", Value::Null),
    };
    json!({"error": {"message": message, "type": kind, "param": null, "code": code}}).to_string()
}

pub(super) fn embeddings(body: &Value) -> Result<String, String> {
    use base64::prelude::{BASE64_STANDARD, Engine as _};
    let known = ["model", "input", "encoding_format", "dimensions", "user"];
    object(body, "body", &known)?;
    let inputs = match &body["input"] {
        Value::String(text) => vec![text.clone()],
        Value::Array(texts) => {
            let texts = texts.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        }
        _ => return Err("input: field required".to_owned()),
    };
    let as_base64 = body["encoding_format"] == "base64";
    let data = inputs.iter().enumerate().map(|(index, text)| {
        let vector = vector(text, count(body, "/dimensions"));
        let embedding = match as_base64 {
            true => {
                let bytes: Vec<u8> = vector.iter().flat_map(|n| n.to_le_bytes()).collect();
                json!(BASE64_STANDARD.encode(bytes))
            }
            false => json!(vector),
        };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    let data: Vec<Value> = data.collect();
    let words: usize = inputs.iter().map(|text| words_of(text)).sum();
    let body = json!({"object": "list", "model": text(body, "body", "model")?, "data": data,
        "usage": {"prompt_tokens": words, "total_tokens": words}});
    Ok(body.to_string())
}
