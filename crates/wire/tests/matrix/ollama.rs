//! Ollama's own dialect: an upstream.
//!
//! Its calls come whole, without ids; it cannot be made to call.

use serde_json::{Value, json};
use tidegate_wire::ollama::{Reader, read_answer, write_request};

use crate::talk::{Asked, Upstream, list, text};

pub(crate) fn upstream() -> Upstream {
    Upstream {
        name: "ollama",
        lacks: &["tool_choice"],
        leaves_out: &["choose"],
        write: write_request,
        hear: understand,
        answer: include_str!("ollama_answer.json"),
        frames: || {
            let lines = include_str!("ollama_stream.jsonl").lines();
            lines
                .map(|line| (String::new(), line.as_bytes().to_vec()))
                .collect()
        },
        read_answer,
        reader: || Box::new(Reader::default()),
        arguments: crate::talk::ARGUMENTS,
        cached: None,
    }
}

fn understand(body: &Value) -> Asked {
    let mut said = Vec::new();
    for message in list(body, "/messages") {
        let role = text(message, "/role");
        if role == "tool" {
            said.push(json!(["result", message["tool_name"], message["content"]]));
            continue;
        }
        if !text(message, "/content").is_empty() {
            said.push(json!([role, message["content"]]));
        }
        for image in list(message, "/images") {
            // What it is, Ollama sees itself.
            said.push(json!(["image", "image/png", image]));
        }
        for call in list(message, "/tool_calls") {
            let called = &call["function"];
            said.push(json!(["call", called["name"], called["arguments"]]));
        }
    }
    let tools: Vec<Value> = (list(body, "/tools").iter())
        .map(|tool| &tool["function"])
        .map(|tool| json!([tool["name"], tool["description"], tool["parameters"]]))
        .collect();
    let options = &body["options"];
    Asked::from([
        ("said", json!(said)),
        ("tools", json!(tools)),
        ("max_tokens", options["num_predict"].clone()),
        ("temperature", options["temperature"].clone()),
        ("top_p", options["top_p"].clone()),
        ("stop", options["stop"].clone()),
        ("stream", body["stream"].clone()),
    ])
}
