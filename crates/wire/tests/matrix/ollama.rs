//! Ollama's own dialect: an upstream.
//!
//! Its calls come whole, without ids; it cannot be made to call.

use serde_json::{Value, json};
use tidegate_wire::ollama::{Reader, read_answer, read_error, write_request};

use crate::cases::Said;
use crate::framed::Framing;
use crate::talk::{Asked, Frame, OVERLOADED, Upstream, list, text, with_arguments};

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
        say,
        flow,
        framing: Framing::Lines,
        error: json!({"error": OVERLOADED}),
        error_frame: ("", json!({"error": OVERLOADED})),
        read_error: |body| read_error(body).unwrap(),
    }
}

fn line(message: Value) -> Value {
    json!({"model": "qwen3", "created_at": "2026-09-21T12:00:00Z", "message": message, "done": false})
}

/// The line that ends an answer.
fn done(mut line: Value, said: &Said) -> Value {
    line["done"] = json!(true);
    line["done_reason"] = json!(if said.cut { "length" } else { "stop" });
    line["prompt_eval_count"] = json!(80);
    line["eval_count"] = json!(40);
    line
}

fn calls(said: &Said) -> Vec<Value> {
    let calls = said.calls.iter().enumerate();
    let called = |(number, (name, _)): (usize, &(&str, &str))| json!({"function": {"name": name, "arguments": format!("@{number}")}});
    calls.map(called).collect()
}

fn say(said: &Said) -> Value {
    let mut message = json!({"role": "assistant", "content": said.text});
    if !said.calls.is_empty() {
        message["tool_calls"] = json!(calls(said));
    }
    done(line(message), said)
}

fn flow(said: &Said) -> Vec<Frame> {
    let texts = said.pieces().into_iter();
    let mut lines: Vec<Value> = texts
        .map(|text| line(json!({"role": "assistant", "content": text})))
        .collect();
    for call in calls(said) {
        lines.push(line(
            json!({"role": "assistant", "content": "", "tool_calls": [call]}),
        ));
    }
    lines.push(done(
        line(json!({"role": "assistant", "content": ""})),
        said,
    ));
    let frame = |one: &Value| (String::new(), with_arguments(one, said).into_bytes());
    lines.iter().map(frame).collect()
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
        ("format", body["format"].clone()),
    ])
}
