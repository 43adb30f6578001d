//! Messages of Anthropic: a client and an upstream.
//!
//! Its prompt's tokens are told apart by where they came from.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tidegate_types::Code;
use tidegate_wire::anthropic::{
    Reader, Ways, Writer, read_answer, read_error, read_request, status, write_answer, write_error,
    write_request,
};

use crate::cases::{Case, Said, halves, schema, tools, turns};
use crate::framed::Framing;
use crate::talk::{
    ARGUMENTS, Asked, Caller, Frame, OVERLOADED, Told, Upstream, events, list, named, text,
};

pub(crate) fn caller() -> Caller {
    Caller {
        name: "anthropic",
        request: include_str!("anthropic_request.json"),
        leaves_out: &[],
        read: |body| read_request(body).unwrap(),
        write_answer: |answer| write_answer(answer, "msg_ours"),
        writer: || Box::new(Writer::new("msg_ours")),
        hear,
        hear_stream,
        ask,
        write_error: |message| {
            write_error(status(Code::UpstreamOverloaded), message, None).to_vec()
        },
        hear_error,
        hear_failure: |events| {
            let (name, data) = events.last().unwrap();
            assert_eq!(name, "error");
            assert!(events.iter().all(|(name, _)| name != "message_stop"));
            hear_error(data)
        },
    }
}

fn hear_error(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(
        (&body["type"], &body["error"]["type"]),
        (&json!("error"), &json!("overloaded_error"))
    );
    text(&body, "/error/message").to_owned()
}

/// Results stand in what the user says.
fn role(kind: &str) -> &'static str {
    match kind {
        "system" => "system",
        "user" | "image" | "result" => "user",
        _ => "assistant",
    }
}

fn ask(case: &Case, stream: bool) -> Value {
    let mut body = json!({"model": "m", "max_tokens": 300, "stream": stream, "messages": []});
    for (role, said) in turns(case, role) {
        if role == "system" {
            body["system"] = said[0][1].clone();
            continue;
        }
        let id = |one: &[Value]| format!("toolu_{}", one[1].as_str().unwrap());
        let blocks = said.iter().map(|one| match one[0].as_str().unwrap() {
            "image" => {
                let source = json!({"type": "base64", "media_type": one[1], "data": one[2]});
                json!({"type": "image", "source": source})
            }
            "call" => json!({"type": "tool_use", "id": id(one), "name": one[1], "input": one[2]}),
            "result" => json!({"type": "tool_result", "tool_use_id": id(one), "content": one[2]}),
            _ => json!({"type": "text", "text": one[1]}),
        });
        let message = json!({"role": role, "content": blocks.collect::<Vec<_>>()});
        body["messages"].as_array_mut().unwrap().push(message);
    }
    if case.tools > 0 {
        let tools = tools(case).into_iter().map(|(name, description, schema)| {
            json!({"name": name, "description": description, "input_schema": schema})
        });
        body["tools"] = tools.collect();
    }
    if case.format {
        body["output_config"] = json!({"format": {"type": "json_schema", "schema": schema()}});
    }
    body
}

pub(crate) fn upstream() -> Upstream {
    Upstream {
        name: "anthropic",
        lacks: &[],
        leaves_out: &[],
        write: |request, lacks| write_request(request, &Ways::default(), lacks),
        hear: understand,
        answer: include_str!("anthropic_answer.json"),
        frames: || events([&include_bytes!("anthropic_stream.sse")[..]]),
        read_answer,
        reader: || Box::new(Reader::default()),
        arguments: ARGUMENTS,
        cached: Some(64),
        say,
        flow,
        framing: Framing::Events,
        error: json!({"type": "error", "error": {"type": "overloaded_error", "message": OVERLOADED}}),
        error_frame: (
            "error",
            json!({"type": "error", "error": {"type": "overloaded_error", "message": OVERLOADED}}),
        ),
        read_error: |body| read_error(529, body),
    }
}

fn reason(said: &Said) -> &'static str {
    match said.stop() {
        "calls" => "tool_use",
        "length" => "max_tokens",
        _ => "end_turn",
    }
}

fn say(said: &Said) -> Value {
    let mut content = Vec::new();
    if !said.text.is_empty() {
        content.push(json!({"type": "text", "text": said.text}));
    }
    for (number, (name, _)) in said.calls.iter().enumerate() {
        let (id, input) = (format!("toolu_{number}"), format!("@{number}"));
        content.push(json!({"type": "tool_use", "id": id, "name": name, "input": input}));
    }
    json!({"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-5",
        "content": content, "stop_reason": reason(said), "stop_sequence": null,
        "usage": {"input_tokens": 80, "output_tokens": 40}})
}

fn flow(said: &Said) -> Vec<Frame> {
    let usage = json!({"input_tokens": 80, "output_tokens": 1});
    let message = json!({"id": "msg_1", "type": "message", "role": "assistant",
        "model": "claude-sonnet-4-5", "content": [], "stop_reason": null, "usage": usage});
    let mut events = vec![json!({"type": "message_start", "message": message})];
    let mut block = |index: usize, block: Value, deltas: Vec<Value>| {
        events.push(json!({"type": "content_block_start", "index": index, "content_block": block}));
        for delta in deltas {
            events.push(json!({"type": "content_block_delta", "index": index, "delta": delta}));
        }
        events.push(json!({"type": "content_block_stop", "index": index}));
    };
    let told = usize::from(!said.text.is_empty());
    if told > 0 {
        let delta = |text| json!({"type": "text_delta", "text": text});
        let deltas = said.pieces().into_iter().map(delta).collect();
        block(0, json!({"type": "text", "text": ""}), deltas);
    }
    for (number, (name, arguments)) in said.calls.iter().enumerate() {
        let delta = |text| json!({"type": "input_json_delta", "partial_json": text});
        let deltas = halves(arguments).into_iter().map(delta).collect();
        let id = format!("toolu_{number}");
        let begun = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
        block(told + number, begun, deltas);
    }
    let delta = json!({"stop_reason": reason(said), "stop_sequence": null});
    events.push(json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 40}}));
    events.push(json!({"type": "message_stop"}));
    let named = |event: &Value| named(text(event, "/type"), event);
    events.iter().map(named).collect()
}

/// The blocks of a content, of which one text may stand alone.
fn blocks(content: &Value) -> Vec<Value> {
    match content {
        Value::String(text) => vec![json!({"type": "text", "text": text})],
        blocks => list(blocks, "").to_vec(),
    }
}

fn understand(body: &Value) -> Asked {
    let system = blocks(&body["system"]).into_iter();
    let mut said: Vec<Value> = system
        .map(|block| json!(["system", block["text"]]))
        .collect();
    let mut names = HashMap::new();
    let mut last = "";
    for message in list(body, "/messages") {
        let role = text(message, "/role");
        assert_ne!(role, last, "the roles take turns");
        last = role;
        for block in blocks(&message["content"]) {
            said.push(match text(&block, "/type") {
                "text" => json!([role, block["text"]]),
                "image" => {
                    let source = &block["source"];
                    assert_eq!(source["type"], "base64");
                    json!(["image", source["media_type"], source["data"]])
                }
                "tool_use" => {
                    names.insert(block["id"].clone(), block["name"].clone());
                    json!(["call", block["name"], block["input"]])
                }
                "tool_result" => {
                    let content = blocks(&block["content"]);
                    json!(["result", names[&block["tool_use_id"]], content[0]["text"]])
                }
                other => panic!("{other}"),
            });
        }
    }
    let tools: Vec<Value> = (list(body, "/tools").iter())
        .map(|tool| json!([tool["name"], tool["description"], tool["input_schema"]]))
        .collect();
    Asked::from([
        ("said", json!(said)),
        ("tools", json!(tools)),
        ("choose", body["tool_choice"]["type"].clone()),
        ("format", body["output_config"]["format"]["schema"].clone()),
        ("max_tokens", body["max_tokens"].clone()),
        ("temperature", body["temperature"].clone()),
        ("top_p", body["top_p"].clone()),
        ("stop", body["stop_sequences"].clone()),
        ("stream", json!(body["stream"] == true)),
    ])
}

#[derive(Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    content: Vec<Block<'a>>,
}

#[derive(Deserialize)]
struct Block<'a> {
    #[serde(borrow)]
    input: Option<&'a RawValue>,
}

fn hear(body: &[u8]) -> Told {
    // What is called with is looked at as it stands.
    let raw: Message<'_> = serde_json::from_slice(body).unwrap();
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(
        (&body["type"], &body["role"]),
        (&json!("message"), &json!("assistant"))
    );
    let mut told = Told {
        stop: stop(&body["stop_reason"]),
        tokens: Some(tokens(&body["usage"])),
        ..Told::default()
    };
    for (block, raw) in list(&body, "/content").iter().zip(&raw.content) {
        match text(block, "/type") {
            "thinking" => told.thinking.push_str(text(block, "/thinking")),
            "text" => told.text.push_str(text(block, "/text")),
            "tool_use" => {
                let input = raw.input.unwrap().get().to_owned();
                told.calls.push((text(block, "/name").to_owned(), input));
            }
            other => panic!("{other}"),
        }
    }
    told
}

fn hear_stream(events: &[Frame]) -> Option<Told> {
    let mut told = Told::default();
    let (mut open, mut blocks, mut over, mut usage) = (None, 0, false, json!({}));
    for (number, (name, data)) in events.iter().enumerate() {
        let event: Value = serde_json::from_slice(data).unwrap();
        assert_eq!(event["type"], **name);
        assert_eq!(name == "message_start", number == 0, "one start, in front");
        assert!(!over, "nothing behind the end");
        match name.as_str() {
            "message_start" => usage = event["message"]["usage"].clone(),
            "content_block_start" => {
                assert_eq!(
                    (open, &event["index"]),
                    (None, &json!(blocks)),
                    "one at a time"
                );
                open = Some(blocks);
                blocks += 1;
                let block = &event["content_block"];
                if block["type"] == "tool_use" {
                    assert!(!text(block, "/id").is_empty());
                    let name = text(block, "/name").to_owned();
                    told.calls.push((name, String::new()));
                }
            }
            "content_block_delta" => {
                assert_eq!(event["index"], json!(open), "of the block that is open");
                told.thinking.push_str(text(&event, "/delta/thinking"));
                told.text.push_str(text(&event, "/delta/text"));
                if let Some(piece) = event["delta"]["partial_json"].as_str() {
                    told.calls.last_mut().unwrap().1.push_str(piece);
                }
            }
            "content_block_stop" => {
                assert_eq!(event["index"], json!(open.take()));
            }
            "message_delta" => {
                assert!(open.is_none(), "all blocks are closed");
                told.stop = stop(&event["delta"]["stop_reason"]);
                for (name, count) in event["usage"].as_object().unwrap() {
                    usage[name] = count.clone();
                }
                told.tokens = Some(tokens(&usage));
            }
            "message_stop" => over = true,
            "ping" => {}
            other => panic!("{other}"),
        }
    }
    over.then_some(told)
}

fn stop(reason: &Value) -> String {
    match reason.as_str() {
        Some("tool_use") => "calls".to_owned(),
        Some("end_turn") => "end".to_owned(),
        Some("max_tokens") => "length".to_owned(),
        other => other.unwrap_or("none").to_owned(),
    }
}

fn tokens(usage: &Value) -> (u64, Option<u64>, u64) {
    let count = |name: &str| usage[name].as_u64().unwrap_or(0);
    let cached = count("cache_read_input_tokens");
    let input = count("input_tokens") + cached + count("cache_creation_input_tokens");
    (
        input,
        Some(cached).filter(|count| *count > 0),
        count("output_tokens"),
    )
}
