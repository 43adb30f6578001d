//! Google's Gemini: an upstream.
//!
//! Its calls come whole; whether it streams stands in the path.

use serde_json::{Value, json};
use tidegate_wire::gemini::{Reader, read_answer, read_error, write_request};

use crate::cases::Said;
use crate::framed::Framing;
use crate::talk::{
    ARGUMENTS, Asked, Frame, OVERLOADED, Upstream, events, list, text, with_arguments,
};

pub(crate) fn upstream() -> Upstream {
    Upstream {
        name: "gemini",
        lacks: &[],
        leaves_out: &["stream"],
        write: write_request,
        hear: understand,
        answer: include_str!("gemini_answer.json"),
        frames: || events([&include_bytes!("gemini_stream.sse")[..]]),
        read_answer,
        reader: || Box::new(Reader::default()),
        arguments: ARGUMENTS,
        cached: Some(64),
        say,
        flow,
        framing: Framing::Events,
        error: json!({"error": {"code": 503, "message": OVERLOADED, "status": "UNAVAILABLE"}}),
        error_frame: (
            "",
            json!({"error": {"code": 503, "message": OVERLOADED, "status": "UNAVAILABLE"}}),
        ),
        read_error: |body| read_error(503, body),
    }
}

fn response(parts: Vec<Value>, reason: Option<&str>) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if let Some(reason) = reason {
        candidate["finishReason"] = json!(reason);
    }
    let usage = json!({"promptTokenCount": 80, "candidatesTokenCount": 40, "totalTokenCount": 120});
    json!({"candidates": [candidate], "usageMetadata": usage,
        "modelVersion": "gemini-3-pro-preview", "responseId": "r1"})
}

fn reason(said: &Said) -> &'static str {
    match said.stop() {
        "length" => "MAX_TOKENS",
        _ => "STOP",
    }
}

fn calls(said: &Said) -> impl Iterator<Item = Value> {
    let calls = said.calls.iter().enumerate();
    calls.map(
        |(number, (name, _))| json!({"functionCall": {"name": name, "args": format!("@{number}")}}),
    )
}

fn say(said: &Said) -> Value {
    let text = Some(said.text).filter(|text| !text.is_empty());
    let mut parts: Vec<Value> = text.map(|text| json!({"text": text})).into_iter().collect();
    parts.extend(calls(said));
    response(parts, Some(reason(said)))
}

fn flow(said: &Said) -> Vec<Frame> {
    let texts = said.pieces().into_iter();
    let mut all: Vec<Value> = texts
        .map(|text| response(vec![json!({"text": text})], None))
        .collect();
    all.extend(calls(said).map(|call| response(vec![call], None)));
    all.push(response(vec![json!({"text": ""})], Some(reason(said))));
    let frame = |one: &Value| (String::new(), with_arguments(one, said).into_bytes());
    all.iter().map(frame).collect()
}

fn understand(body: &Value) -> Asked {
    let system = list(body, "/systemInstruction/parts").iter();
    let mut said: Vec<Value> = system.map(|part| json!(["system", part["text"]])).collect();
    let mut last = "";
    for content in list(body, "/contents") {
        let role = text(content, "/role");
        assert_ne!(role, last, "the roles take turns");
        last = role;
        for part in list(content, "/parts") {
            if let Some(text) = part.get("text") {
                let role = if role == "model" { "assistant" } else { role };
                said.push(json!([role, text]));
            }
            if let Some(data) = part.get("inlineData") {
                said.push(json!(["image", data["mimeType"], data["data"]]));
            }
            if let Some(call) = part.get("functionCall") {
                let none = json!({});
                said.push(json!([
                    "call",
                    call["name"],
                    call.get("args").unwrap_or(&none)
                ]));
            }
            if let Some(result) = part.get("functionResponse") {
                said.push(json!([
                    "result",
                    result["name"],
                    result["response"]["output"]
                ]));
            }
        }
    }
    let tools: Vec<Value> = (list(body, "/tools/0/functionDeclarations").iter())
        .map(|tool| {
            json!([
                tool["name"],
                tool["description"],
                tool["parametersJsonSchema"]
            ])
        })
        .collect();
    let config = &body["generationConfig"];
    let mode = text(body, "/toolConfig/functionCallingConfig/mode");
    Asked::from([
        ("said", json!(said)),
        ("tools", json!(tools)),
        ("choose", json!(mode.to_lowercase())),
        ("format", config["responseJsonSchema"].clone()),
        ("max_tokens", config["maxOutputTokens"].clone()),
        ("temperature", config["temperature"].clone()),
        ("top_p", config["topP"].clone()),
        ("stop", config["stopSequences"].clone()),
    ])
}
