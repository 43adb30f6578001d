//! Chat completions of OpenAI: a client, an upstream, and one of those who follow it.
//!
//! The latter tells no index of a call and its thoughts by another name.

use std::collections::HashMap;

use serde_json::{Value, json};
use tidegate_wire::chat::Lacks;
use tidegate_wire::openai::chat::{
    self, Asked as Echo, Reader, Ways, Writer, read_answer, read_request, write_answer,
};
use tidegate_wire::openai::error;

use crate::cases::{Case, Said, halves, schema, tools, turns};
use crate::framed::Framing;
use crate::talk::{Asked, Caller, Frame, OVERLOADED, Told, Upstream, events, list, text, unnamed};

const ECHO: Echo<'_> = Echo {
    id: "chatcmpl-ours",
    model: "m",
    created: 7,
    usage: true,
};

pub(crate) fn caller() -> Caller {
    Caller {
        name: "openai",
        request: include_str!("openai_request.json"),
        leaves_out: &[],
        read: |body| read_request(body).unwrap(),
        write_answer: |answer| write_answer(answer, &ECHO),
        writer: || Box::new(Writer::new(&ECHO)),
        hear,
        hear_stream,
        ask,
        write_error: |message| error::render("c", "k", message, None).to_vec(),
        hear_error,
        hear_failure: |events| hear_error(&events.last().unwrap().1),
    }
}

fn hear_error(body: &[u8]) -> String {
    let body: Value = serde_json::from_slice(body).unwrap();
    assert!(!text(&body, "/error/type").is_empty());
    text(&body, "/error/message").to_owned()
}

/// The role of a kind of what is said; results stand alone.
fn role(kind: &str) -> &'static str {
    match kind {
        "system" => "system",
        "user" | "image" => "user",
        "result" => "tool",
        _ => "assistant",
    }
}

fn ask(case: &Case, stream: bool) -> Value {
    let mut messages = Vec::new();
    for (role, said) in turns(case, role) {
        match role {
            "tool" => messages.extend(said.iter().map(|one| {
                let id = format!("call_{}", one[1].as_str().unwrap());
                json!({"role": "tool", "tool_call_id": id, "content": one[2]})
            })),
            "user" => {
                let parts = said.iter().map(|one| match one {
                    [_, kind, data] => {
                        let url = format!(
                            "data:{};base64,{}",
                            kind.as_str().unwrap(),
                            data.as_str().unwrap()
                        );
                        json!({"type": "image_url", "image_url": {"url": url}})
                    }
                    one => json!({"type": "text", "text": one[1]}),
                });
                messages.push(json!({"role": "user", "content": parts.collect::<Vec<_>>()}));
            }
            _ => {
                let mut message = json!({"role": role, "content": said[0][1]});
                let calls = said.iter().filter(|one| one[0] == "call").map(|one| {
                    let id = format!("call_{}", one[1].as_str().unwrap());
                    let called = json!({"name": one[1], "arguments": one[2].to_string()});
                    json!({"id": id, "type": "function", "function": called})
                });
                let calls: Vec<_> = calls.collect();
                if !calls.is_empty() {
                    message["tool_calls"] = json!(calls);
                }
                messages.push(message);
            }
        }
    }
    let mut body = json!({"model": "m", "messages": messages, "max_completion_tokens": 300});
    if case.tools > 0 {
        let tools = tools(case).into_iter().map(|(name, description, parameters)| {
            json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
        });
        body["tools"] = tools.collect();
    }
    if case.format {
        let schema = json!({"name": "city", "schema": schema(), "strict": true});
        body["response_format"] = json!({"type": "json_schema", "json_schema": schema});
    }
    if stream {
        body["stream"] = json!(true);
        body["stream_options"] = json!({"include_usage": true});
    }
    body
}

fn write(request: &tidegate_wire::chat::Request, ways: Ways, lacks: &mut Lacks) -> Vec<u8> {
    chat::write_request(request, ways, lacks)
}

pub(crate) fn upstream() -> Upstream {
    Upstream {
        name: "openai",
        lacks: &[],
        leaves_out: &[],
        write: |request, lacks| write(request, Ways::OPENAI, lacks),
        hear: |body| understand(body, "max_completion_tokens"),
        answer: include_str!("openai_answer.json"),
        frames: || events([&include_bytes!("openai_stream.sse")[..]]),
        read_answer,
        reader: || Box::new(Reader::default()),
        arguments: crate::talk::ARGUMENTS,
        cached: Some(64),
        say,
        flow,
        framing: Framing::Events,
        error: json!({"error": {"message": OVERLOADED, "type": "server_error", "param": null, "code": null}}),
        error_frame: (
            "",
            json!({"error": {"message": OVERLOADED, "type": "server_error"}}),
        ),
        read_error: |body| error::parse(body).unwrap(),
    }
}

/// OpenAI's models at Microsoft, whose streams begin with what its filters say.
pub(crate) fn azure() -> Upstream {
    Upstream {
        name: "azure",
        flow: |said| {
            let mut frames = flow(said);
            let filtered = json!([{"prompt_index": 0, "content_filter_results": {}}]);
            let first = json!({"choices": [], "created": 0, "id": "", "model": "", "object": "",
                "prompt_filter_results": filtered});
            frames.insert(0, unnamed(&first));
            frames
        },
        ..upstream()
    }
}

fn reason(said: &Said) -> &'static str {
    match said.stop() {
        "calls" => "tool_calls",
        "length" => "length",
        _ => "stop",
    }
}

fn usage() -> Value {
    json!({"prompt_tokens": 80, "completion_tokens": 40, "total_tokens": 120})
}

fn say(said: &Said) -> Value {
    let content = Some(said.text).filter(|text| !text.is_empty());
    let mut message = json!({"role": "assistant", "content": content, "refusal": null});
    let calls = said
        .calls
        .iter()
        .enumerate()
        .map(|(number, (name, arguments))| {
            let called = json!({"name": name, "arguments": arguments});
            json!({"id": format!("call_{number}"), "type": "function", "function": called})
        });
    if !said.calls.is_empty() {
        message["tool_calls"] = calls.collect();
    }
    let choice =
        json!({"index": 0, "message": message, "logprobs": null, "finish_reason": reason(said)});
    json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "gpt-5",
        "choices": [choice], "usage": usage()})
}

fn flow(said: &Said) -> Vec<Frame> {
    let chunk = |choices: Value| {
        json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 7, "model": "gpt-5",
            "choices": choices})
    };
    let piece = |delta: Value, reason: Value| {
        unnamed(&chunk(
            json!([{"index": 0, "delta": delta, "finish_reason": reason}]),
        ))
    };
    let mut frames = vec![piece(
        json!({"role": "assistant", "content": ""}),
        Value::Null,
    )];
    for text in said.pieces() {
        frames.push(piece(json!({"content": text}), Value::Null));
    }
    for (index, (name, arguments)) in said.calls.iter().enumerate() {
        let call = json!({"index": index, "id": format!("call_{index}"), "type": "function",
            "function": {"name": name, "arguments": ""}});
        frames.push(piece(json!({"tool_calls": [call]}), Value::Null));
        for text in halves(arguments) {
            let more = json!({"index": index, "function": {"arguments": text}});
            frames.push(piece(json!({"tool_calls": [more]}), Value::Null));
        }
    }
    frames.push(piece(json!({}), json!(reason(said))));
    let mut last = chunk(json!([]));
    last["usage"] = usage();
    frames.push(unnamed(&last));
    frames.push((String::new(), b"[DONE]".to_vec()));
    frames
}

pub(crate) fn compatible() -> Upstream {
    Upstream {
        name: "compatible",
        write: |request, lacks| write(request, Ways::COMPATIBLE, lacks),
        hear: |body| understand(body, "max_tokens"),
        frames: || events([&include_bytes!("compatible_stream.sse")[..]]),
        ..upstream()
    }
}

/// What an upstream hears.
fn understand(body: &Value, max_tokens: &str) -> Asked {
    let mut said = Vec::new();
    let mut names = HashMap::new();
    for message in list(body, "/messages") {
        let role = text(message, "/role");
        if role == "tool" {
            let name: &&str = &names[text(message, "/tool_call_id")];
            said.push(json!(["result", name, message["content"]]));
            continue;
        }
        if let Some(text) = message["content"].as_str() {
            said.push(json!([role, text]));
        }
        for part in list(message, "/content") {
            said.push(match text(part, "/type") {
                "text" => json!([role, part["text"]]),
                "image_url" => {
                    let url = text(part, "/image_url/url");
                    let (kind, data) = url.split_once(";base64,").unwrap();
                    json!(["image", kind.strip_prefix("data:"), data])
                }
                other => panic!("{other}"),
            });
        }
        for call in list(message, "/tool_calls") {
            assert_eq!(call["type"], "function");
            let name = text(call, "/function/name");
            names.insert(text(call, "/id"), name);
            let arguments: Value = serde_json::from_str(text(call, "/function/arguments")).unwrap();
            said.push(json!(["call", name, arguments]));
        }
    }
    let tools: Vec<Value> = (list(body, "/tools").iter())
        .map(|tool| &tool["function"])
        .map(|tool| json!([tool["name"], tool["description"], tool["parameters"]]))
        .collect();
    if body["stream"] == true {
        assert_eq!(body["stream_options"]["include_usage"], true);
    }
    let choose = body.get("tool_choice").map(|choice| match choice {
        Value::String(word) if word == "required" => json!("any"),
        other => panic!("{other}"),
    });
    Asked::from([
        ("said", json!(said)),
        ("tools", json!(tools)),
        ("choose", json!(choose)),
        (
            "format",
            body["response_format"]["json_schema"]["schema"].clone(),
        ),
        ("max_tokens", body[max_tokens].clone()),
        ("temperature", body["temperature"].clone()),
        ("top_p", body["top_p"].clone()),
        ("stop", body["stop"].clone()),
        ("stream", json!(body["stream"] == true)),
    ])
}

fn hear(body: &[u8]) -> Told {
    let body: Value = serde_json::from_slice(body).unwrap();
    assert_eq!(body["object"], "chat.completion");
    assert!(!text(&body, "/id").is_empty() && !text(&body, "/model").is_empty());
    let choice = &list(&body, "/choices")[0];
    let mut told = Told {
        thinking: text(choice, "/message/reasoning_content").to_owned(),
        text: text(choice, "/message/content").to_owned(),
        stop: stop(choice),
        tokens: tokens(&body),
        ..Told::default()
    };
    let mut ids = Vec::new();
    for call in list(choice, "/message/tool_calls") {
        ids.push(text(call, "/id"));
        let arguments = text(call, "/function/arguments").to_owned();
        told.calls
            .push((text(call, "/function/name").to_owned(), arguments));
    }
    different(&ids);
    told
}

fn hear_stream(events: &[Frame]) -> Option<Told> {
    let mut told = Told::default();
    let (mut done, mut ended, mut ids) = (false, false, Vec::new());
    for (number, (name, data)) in events.iter().enumerate() {
        assert!(name.is_empty() && !done, "nothing behind the end");
        if data == b"[DONE]" {
            done = true;
            continue;
        }
        let chunk: Value = serde_json::from_slice(data).unwrap();
        assert_eq!(chunk["object"], "chat.completion.chunk");
        told.tokens = tokens(&chunk).or(told.tokens);
        let Some(choice) = list(&chunk, "/choices").first() else {
            assert!(told.tokens.is_some() && ended, "the usage comes last");
            continue;
        };
        let role = &choice["delta"]["role"];
        assert_eq!(
            role == "assistant",
            number == 0,
            "the role comes first, and once"
        );
        assert!(!ended, "nothing behind the reason");
        told.thinking
            .push_str(text(choice, "/delta/reasoning_content"));
        told.text.push_str(text(choice, "/delta/content"));
        for call in list(choice, "/delta/tool_calls") {
            let index = usize::try_from(call["index"].as_u64().unwrap()).unwrap();
            if index == told.calls.len() {
                assert_eq!(call["type"], "function");
                ids.push(text(call, "/id").to_owned());
                let name = text(call, "/function/name").to_owned();
                told.calls.push((name, String::new()));
            }
            let arguments = text(call, "/function/arguments");
            told.calls[index].1.push_str(arguments);
        }
        if !choice["finish_reason"].is_null() {
            ended = true;
            told.stop = stop(choice);
        }
    }
    assert!(ended || !done, "a reason comes before the end");
    different(&ids);
    done.then_some(told)
}

fn stop(choice: &Value) -> String {
    match text(choice, "/finish_reason") {
        "tool_calls" => "calls".to_owned(),
        "stop" => "end".to_owned(),
        other => other.to_owned(),
    }
}

fn tokens(body: &Value) -> Option<(u64, Option<u64>, u64)> {
    let usage = body.get("usage").filter(|usage| !usage.is_null())?;
    let count = |name: &str| usage[name].as_u64().unwrap();
    let (input, output) = (count("prompt_tokens"), count("completion_tokens"));
    assert_eq!(count("total_tokens"), input + output);
    let cached = usage["prompt_tokens_details"]["cached_tokens"].as_u64();
    Some((input, cached, output))
}

/// Ids are there, and no two are the same.
fn different<T: AsRef<str>>(ids: &[T]) {
    for (index, id) in ids.iter().enumerate() {
        assert!(!id.as_ref().is_empty());
        assert!(
            ids[..index]
                .iter()
                .all(|other| other.as_ref() != id.as_ref())
        );
    }
}
