//! Converse of Amazon Bedrock: an upstream.
//!
//! The model and whether it streams stand in the path, and it tells no model.

use std::collections::HashMap;

use serde_json::{Value, json};
use tidegate_wire::bedrock::{Reader, read_answer, write_request};

use crate::talk::{ARGUMENTS, Asked, Upstream, list, text};

/// Messages of a stream, a line each: name and payload.
const STREAM: &str = include_str!("bedrock_stream.txt");

pub(crate) fn upstream() -> Upstream {
    Upstream {
        name: "bedrock",
        lacks: &[],
        leaves_out: &["stream"],
        write: write_request,
        hear: understand,
        answer: include_str!("bedrock_answer.json"),
        frames: || {
            let messages = STREAM.lines().map(|line| line.split_once(' ').unwrap());
            messages
                .map(|(name, data)| (name.to_owned(), data.as_bytes().to_vec()))
                .collect()
        },
        read_answer,
        reader: || Box::new(Reader::default()),
        arguments: ARGUMENTS,
        cached: Some(64),
    }
}

fn understand(body: &Value) -> Asked {
    let system = list(body, "/system").iter();
    let mut said: Vec<Value> = system
        .map(|block| json!(["system", block["text"]]))
        .collect();
    let mut names = HashMap::new();
    let mut last = "";
    for message in list(body, "/messages") {
        let role = text(message, "/role");
        assert_ne!(role, last, "the roles take turns");
        last = role;
        for block in list(message, "/content") {
            if let Some(text) = block.get("text") {
                said.push(json!([role, text]));
            }
            if let Some(image) = block.get("image") {
                let kind = format!("image/{}", text(image, "/format"));
                said.push(json!(["image", kind, image["source"]["bytes"]]));
            }
            if let Some(call) = block.get("toolUse") {
                names.insert(call["toolUseId"].clone(), call["name"].clone());
                said.push(json!(["call", call["name"], call["input"]]));
            }
            if let Some(result) = block.get("toolResult") {
                let name = &names[&result["toolUseId"]];
                said.push(json!(["result", name, result["content"][0]["text"]]));
            }
        }
    }
    let tools: Vec<Value> = (list(body, "/toolConfig/tools").iter())
        .map(|tool| &tool["toolSpec"])
        .map(|tool| {
            json!([
                tool["name"],
                tool["description"],
                tool["inputSchema"]["json"]
            ])
        })
        .collect();
    assert!(body["toolConfig"]["toolChoice"]["any"].is_object());
    let config = &body["inferenceConfig"];
    Asked::from([
        ("said", json!(said)),
        ("tools", json!(tools)),
        ("choose", json!("any")),
        ("max_tokens", config["maxTokens"].clone()),
        ("temperature", config["temperature"].clone()),
        ("top_p", config["topP"].clone()),
        ("stop", config["stopSequences"].clone()),
    ])
}
