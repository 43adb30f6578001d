//! Converse and ConverseStream of Amazon Bedrock.
//!
//! A stream is messages of Amazon's own framing, with their checksums, and each
//! with the padding that Bedrock adds.

use serde_json::{Value, json};

use super::Frames;
use super::heard::{self, Choose, Heard, Said, Tool, at, count, list, object, text};
use super::mind::{Answer, CACHED, Call, PROOF, Stop, proven};

const FIELDS: &[&str] = &[
    "messages",
    "system",
    "inferenceConfig",
    "toolConfig",
    "outputConfig",
    "requestMetadata",
    "additionalModelRequestFields",
    "additionalModelResponseFieldPaths",
];

pub(super) fn hear(model: &str, stream: bool, body: &Value) -> Result<Heard, String> {
    object(body, "body", FIELDS)?;
    let known = ["maxTokens", "temperature", "topP", "stopSequences"];
    object(
        body.get("inferenceConfig").unwrap_or(&json!({})),
        "inferenceConfig",
        &known,
    )?;
    let mut heard = Heard {
        model: model.to_owned(),
        stream,
        choose: choose(&body["toolConfig"]["toolChoice"]),
        parallel: true,
        most: count(body, "/inferenceConfig/maxTokens"),
        thinks: body["additionalModelRequestFields"]["thinking"].is_object(),
        usage: true,
        ..Heard::default()
    };
    for block in list(body, "system") {
        object(block, "system", &["text"])?;
        let text = text(block, "system", "text")?;
        let role = "system";
        heard.said.push(Said::Text { role, text });
    }
    let mut last = "assistant";
    for (place, message) in list(body, "messages").iter().enumerate() {
        let place = format!("messages.{place}");
        object(message, &place, &["role", "content"])?;
        let role = match at(message, "/role") {
            "user" => "user",
            "assistant" => "assistant",
            other => return Err(format!("{place}.role: {other:?}")),
        };
        if role == last {
            return Err("A conversation must alternate between user and assistant roles.".into());
        }
        last = role;
        for block in list(message, "content") {
            hear_block(block, role, &place, &mut heard)?;
        }
    }
    hear_tools(&body["toolConfig"], &mut heard)?;
    let called = heard
        .said
        .iter()
        .any(|said| matches!(said, Said::Call { .. }));
    if called && heard.tools.is_empty() {
        return Err("The toolConfig field must be defined when using toolUse blocks.".into());
    }
    if let Some(format) = body.pointer("/outputConfig/textFormat") {
        let schema = text(&format["structure"]["jsonSchema"], "jsonSchema", "schema")?;
        heard.form = Some(heard::arguments(&schema)?);
    }
    heard.settle()?;
    Ok(heard)
}

fn hear_tools(config: &Value, heard: &mut Heard) -> Result<(), String> {
    for tool in list(config, "tools") {
        let spec = &tool["toolSpec"];
        object(tool, "toolConfig.tools", &["toolSpec"])?;
        object(
            spec,
            "toolSpec",
            &["name", "description", "inputSchema", "strict"],
        )?;
        if at(spec, "/inputSchema/json/type") != "object" {
            return Err("toolSpec.inputSchema.json.type must be object".to_owned());
        }
        heard.tools.push(Tool {
            name: text(spec, "toolSpec", "name")?,
            schema: spec["inputSchema"]["json"].clone(),
        });
    }
    Ok(())
}

fn choose(choice: &Value) -> Choose {
    match choice.as_object().and_then(|choice| choice.keys().next()) {
        Some(kind) if kind == "any" => Choose::Any,
        Some(kind) if kind == "tool" => Choose::Named(at(choice, "/tool/name").to_owned()),
        _ => Choose::Auto,
    }
}

fn hear_block(
    block: &Value,
    role: &'static str,
    place: &str,
    heard: &mut Heard,
) -> Result<(), String> {
    let known = ["text", "image", "toolUse", "toolResult", "reasoningContent"];
    if object(block, place, &known)?.len() != 1 {
        return Err(format!("{place}.content: exactly one member must be set"));
    }
    let said = if let Some(thought) = block.pointer("/reasoningContent/reasoningText") {
        proven(at(thought, "/signature"))?;
        Said::Thought {
            text: text(thought, place, "text")?,
        }
    } else if let Some(image) = block.get("image") {
        let kind = format!("image/{}", at(image, "/format"));
        heard::image(&kind, at(image, "/source/bytes"))?
    } else if let Some(call) = block.get("toolUse") {
        object(call, place, &["toolUseId", "name", "input"])?;
        Said::Call {
            id: text(call, place, "toolUseId")?,
            name: text(call, place, "name")?,
            arguments: call["input"].clone(),
        }
    } else if let Some(result) = block.get("toolResult") {
        object(result, place, &["toolUseId", "content", "status"])?;
        let content = list(result, "content").iter();
        Said::Result {
            id: text(result, place, "toolUseId")?,
            name: String::new(),
            text: content.map(|block| at(block, "/text")).collect(),
        }
    } else {
        match text(block, place, "text")? {
            empty if empty.is_empty() => {
                return Err(format!(
                    "The text field in the ContentBlock of {place} is blank."
                ));
            }
            text => Said::Text { role, text },
        }
    };
    heard.said.push(said);
    Ok(())
}

fn reason(stop: Stop) -> &'static str {
    match stop {
        Stop::End => "end_turn",
        Stop::Length => "max_tokens",
        Stop::Calls => "tool_use",
    }
}

fn usage(answer: &Answer) -> Value {
    json!({"inputTokens": answer.input - CACHED, "outputTokens": answer.output,
        "totalTokens": answer.input + answer.output,
        "cacheReadInputTokens": CACHED, "cacheWriteInputTokens": 0})
}

fn called(call: &Call) -> String {
    let (id, name) = (json!(call.id), json!(call.name));
    let input = &call.arguments;
    format!(r#"{{"toolUse":{{"toolUseId":{id},"name":{name},"input":{input}}}}}"#)
}

pub(super) fn whole(answer: &Answer) -> String {
    let thought = answer.thought.map(|text| {
        let told = json!({"text": text, "signature": PROOF});
        json!({"reasoningContent": {"reasoningText": told}}).to_string()
    });
    let calls = answer.calls.iter().map(called);
    let mut blocks: Vec<String> = thought.into_iter().chain(calls).collect();
    if answer.calls.is_empty() {
        blocks.push(json!({"text": answer.text}).to_string());
    }
    format!(
        r#"{{"metrics":{{"latencyMs":7}},"output":{{"message":{{"content":[{}],"role":"assistant"}}}},"stopReason":{},"usage":{}}}"#,
        blocks.join(","),
        json!(reason(answer.stop)),
        usage(answer)
    )
}

pub(super) fn frames(answer: &Answer) -> Frames {
    let delta = |index: usize, delta: Value| {
        event(
            "contentBlockDelta",
            json!({"contentBlockIndex": index, "delta": delta}),
        )
    };
    let close = |index: usize| event("contentBlockStop", json!({"contentBlockIndex": index}));
    let mut begun = vec![event("messageStart", json!({"role": "assistant"}))];
    let mut end = Vec::new();
    let mut next = 0;
    if let Some(text) = answer.thought {
        let parts = text
            .split_inclusive(' ')
            .map(|piece| json!({"text": piece}));
        for part in parts.chain([json!({"signature": PROOF})]) {
            begun.push(delta(0, json!({"reasoningContent": part})));
        }
        begun.push(close(0));
        next = 1;
    }
    if answer.calls.is_empty() {
        for piece in answer.pieces() {
            begun.push(delta(next, json!({"text": piece})));
        }
        end.push(close(next));
    }
    for (index, call) in (next..).zip(&answer.calls) {
        let start = json!({"toolUse": {"toolUseId": call.id, "name": call.name}});
        let start = json!({"contentBlockIndex": index, "start": start});
        begun.push(event("contentBlockStart", start));
        for piece in call.pieces() {
            begun.push(delta(index, json!({"toolUse": {"input": piece}})));
        }
        begun.push(close(index));
    }
    end.push(event(
        "messageStop",
        json!({"stopReason": reason(answer.stop)}),
    ));
    let told = json!({"usage": usage(answer), "metrics": {"latencyMs": 7}});
    end.push(event("metadata", told));
    Frames { begun, end }
}

/// An event as Bedrock sends it: with a padding that hides its length.
fn event(name: &str, mut payload: Value) -> Vec<u8> {
    payload["p"] = json!("abcdefghijklm");
    message("event", (":event-type", name), &payload)
}

/// A failure within a stream.
pub(super) fn exception(status: u16, message_text: &str) -> Vec<u8> {
    let mut name = failure_name(status).to_owned();
    name[..1].make_ascii_lowercase();
    let payload = json!({"message": message_text});
    message("exception", (":exception-type", &name), &payload)
}

/// A message of Amazon's event stream: lengths, their checksum, headers,
/// payload, the checksum of all.
fn message(kind: &str, named: (&str, &str), payload: &Value) -> Vec<u8> {
    framed(kind, named, payload.to_string().as_bytes())
}

/// A whole message whose payload is no JSON.
pub(super) fn odd_frame() -> Vec<u8> {
    framed("event", (":event-type", "contentBlockDelta"), b"{oops")
}

pub(super) fn framed(kind: &str, (header, name): (&str, &str), payload: &[u8]) -> Vec<u8> {
    let headers: Vec<u8> = [
        (header, name),
        (":content-type", "application/json"),
        (":message-type", kind),
    ]
    .iter()
    .flat_map(|(name, value)| {
        let length = u16::try_from(value.len()).expect("a short value");
        let mut header = vec![u8::try_from(name.len()).expect("a short name")];
        header.extend_from_slice(name.as_bytes());
        // 7 stands for text.
        header.push(7);
        header.extend_from_slice(&length.to_be_bytes());
        header.extend_from_slice(value.as_bytes());
        header
    })
    .collect();
    let length = |bytes: usize| u32::try_from(bytes).expect("a short message").to_be_bytes();
    let mut bytes = length(16 + headers.len() + payload.len()).to_vec();
    bytes.extend_from_slice(&length(headers.len()));
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes.extend_from_slice(&headers);
    bytes.extend_from_slice(payload);
    bytes.extend_from_slice(&crc32fast::hash(&bytes).to_be_bytes());
    bytes
}

/// A message whose payload was changed, with its length and checksums.
pub(super) fn sealed(mut bytes: Vec<u8>) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a short message");
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    let front = crc32fast::hash(&bytes[..8]).to_be_bytes();
    bytes[8..12].copy_from_slice(&front);
    let end = bytes.len() - 4;
    let whole = crc32fast::hash(&bytes[..end]).to_be_bytes();
    bytes[end..].copy_from_slice(&whole);
    bytes
}

pub(super) fn failure_name(status: u16) -> &'static str {
    match status {
        400 | 422 => "ValidationException",
        401 => "UnrecognizedClientException",
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        429 => "ThrottlingException",
        503 | 529 => "ServiceUnavailableException",
        _ => "InternalServerException",
    }
}

/// Titan's embeddings, by `InvokeModel`: one text a call.
pub(super) fn embeddings(body: &Value) -> Result<String, String> {
    object(body, "body", &["inputText", "dimensions", "normalize"])?;
    let text = text(body, "body", "inputText")?;
    let vector = super::mind::vector(&text, count(body, "/dimensions"));
    let words = super::mind::words_of(&text);
    Ok(json!({"embedding": vector, "inputTextTokenCount": words}).to_string())
}

/// The name of a model as it stands in a path.
pub(super) fn model_of(path: &str) -> String {
    let mut bytes = path.bytes();
    let mut name = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            name.push(byte);
            continue;
        }
        let digits: String = bytes.by_ref().take(2).map(char::from).collect();
        name.extend(u8::from_str_radix(&digits, 16));
    }
    String::from_utf8_lossy(&name).into_owned()
}
