//! Google's Gemini: an upstream.
//!
//! Its calls come whole; whether it streams stands in the path.

use serde_json::{Value, json};
use tidegate_wire::gemini::{Reader, read_answer, write_request};

use crate::talk::{ARGUMENTS, Asked, Upstream, events, list, text};

pub(crate) fn upstream() -> Upstream {
    Upstream {
        name: "gemini",
        lacks: &[],
        leaves_out: &["stream"],
        write: write_request,
        hear: understand,
        answer: include_str!("gemini_answer.json"),
        frames: || events(include_bytes!("gemini_stream.sse")),
        read_answer,
        reader: || Box::new(Reader::default()),
        arguments: ARGUMENTS,
        cached: Some(64),
    }
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
    assert_eq!(body["toolConfig"]["functionCallingConfig"]["mode"], "ANY");
    let config = &body["generationConfig"];
    Asked::from([
        ("said", json!(said)),
        ("tools", json!(tools)),
        ("choose", json!("any")),
        ("max_tokens", config["maxOutputTokens"].clone()),
        ("temperature", config["temperature"].clone()),
        ("top_p", config["topP"].clone()),
        ("stop", config["stopSequences"].clone()),
    ])
}
