//! Converse of Amazon Bedrock: an upstream.
//!
//! The model and whether it streams stand in the path, and it tells no model.

use std::collections::HashMap;

use serde_json::{Value, json};
use tidegate_wire::bedrock::{Reader, read_answer, read_error, write_request};

use crate::cases::{Said, halves};
use crate::framed::Framing;
use crate::talk::{ARGUMENTS, Asked, Frame, OVERLOADED, Upstream, list, named, text};

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
        say,
        flow,
        framing: Framing::Messages,
        error: json!({"message": OVERLOADED}),
        error_frame: (
            "error:serviceUnavailableException",
            json!({"message": OVERLOADED}),
        ),
        read_error: |body| {
            let name = "ServiceUnavailableException:http://internal.amazon.com/coral/";
            read_error(503, Some(name), body)
        },
    }
}

fn reason(said: &Said) -> &'static str {
    match said.stop() {
        "calls" => "tool_use",
        "length" => "max_tokens",
        _ => "end_turn",
    }
}

fn usage() -> Value {
    json!({"inputTokens": 80, "outputTokens": 40, "totalTokens": 120})
}

fn say(said: &Said) -> Value {
    let mut content = Vec::new();
    if !said.text.is_empty() {
        content.push(json!({"text": said.text}));
    }
    for (number, (name, _)) in said.calls.iter().enumerate() {
        let (id, input) = (format!("tooluse_{number}"), format!("@{number}"));
        content.push(json!({"toolUse": {"toolUseId": id, "name": name, "input": input}}));
    }
    json!({"output": {"message": {"role": "assistant", "content": content}},
        "stopReason": reason(said), "usage": usage(), "metrics": {"latencyMs": 5}})
}

fn flow(said: &Said) -> Vec<Frame> {
    let mut frames = vec![named("messageStart", &json!({"role": "assistant"}))];
    let delta = |index: usize, delta: Value| {
        let data = json!({"contentBlockIndex": index, "delta": delta});
        named("contentBlockDelta", &data)
    };
    let stop = |index: usize| named("contentBlockStop", &json!({"contentBlockIndex": index}));
    let told = usize::from(!said.text.is_empty());
    if told > 0 {
        frames.extend(
            said.pieces()
                .into_iter()
                .map(|text| delta(0, json!({"text": text}))),
        );
        frames.push(stop(0));
    }
    for (number, (name, arguments)) in said.calls.iter().enumerate() {
        let (index, id) = (told + number, format!("tooluse_{number}"));
        let start = json!({"toolUse": {"toolUseId": id, "name": name}});
        let start = json!({"contentBlockIndex": index, "start": start});
        frames.push(named("contentBlockStart", &start));
        let pieces = halves(arguments).into_iter();
        frames.extend(pieces.map(|text| delta(index, json!({"toolUse": {"input": text}}))));
        frames.push(stop(index));
    }
    frames.push(named("messageStop", &json!({"stopReason": reason(said)})));
    frames.push(named("metadata", &json!({"usage": usage()})));
    frames
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
    let choose = body["toolConfig"]["toolChoice"]["any"].as_object();
    let format = text(body, "/outputConfig/textFormat/structure/jsonSchema/schema");
    let config = &body["inferenceConfig"];
    Asked::from([
        ("said", json!(said)),
        ("tools", json!(tools)),
        ("choose", json!(choose.map(|_| "any"))),
        ("format", serde_json::from_str(format).unwrap_or_default()),
        ("max_tokens", config["maxTokens"].clone()),
        ("temperature", config["temperature"].clone()),
        ("top_p", config["topP"].clone()),
        ("stop", config["stopSequences"].clone()),
    ])
}
