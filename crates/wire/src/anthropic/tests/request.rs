//! Requests of callers: what is understood, what is refused, what has no place;
//! and that what was read is written the same.

use serde_json::{Value, json};
use tidegate_types::Code;

use super::super::{Ways, read_request, write_request};
use crate::chat::{Choose, Effort, Format, Lacks, Message, Part, Reasoning, Request, Role, Where};

const FULL: &str = include_str!("request.json");

pub(super) fn read(body: &Value) -> Request {
    read_request(body.to_string().as_bytes()).expect("a good request")
}

fn refusal(body: &Value) -> String {
    let refused = read_request(body.to_string().as_bytes()).expect_err("a bad request");
    assert_eq!(refused.code, Code::InvalidValue, "{refused}");
    refused.param.expect("a field")
}

pub(super) fn write_by(request: &Request, ways: &Ways) -> (Value, Vec<String>) {
    let mut lacks = Lacks::default();
    let body = write_request(request, ways, &mut lacks);
    let value = serde_json::from_slice(&body).expect("JSON");
    (value, lacks.fields().to_vec())
}

pub(super) fn write(request: &Request) -> (Value, Vec<String>) {
    write_by(request, &Ways::default())
}

pub(super) fn text(text: &str) -> Part {
    Part::Text {
        text: text.to_owned(),
        cache: None,
    }
}

pub(super) fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role, parts }
}

pub(super) fn hello() -> Request {
    Request {
        model: "m".to_owned(),
        messages: vec![message(Role::User, vec![text("Hi")])],
        ..Request::default()
    }
}

#[test]
fn the_least_request_is_read_and_written() {
    let body =
        json!({"model": "m", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]});
    let request = read(&body);
    assert_eq!((request.model.as_str(), request.max_tokens), ("m", Some(5)));
    assert!(request.wants_usage && !request.stream && request.others.is_empty());
    assert_eq!(write(&request), (body, Vec::new()));
}

#[test]
fn a_full_request_is_understood() {
    let request = read_request(FULL.as_bytes()).expect("a good request");
    assert_eq!(request.others, Vec::<String>::new());
    let roles: Vec<_> = request
        .messages
        .iter()
        .map(|message| message.role)
        .collect();
    let (user, assistant) = (Role::User, Role::Assistant);
    assert_eq!(roles, [Role::System, user, user, assistant, user]);
    let Part::Text {
        cache: Some(cache), ..
    } = &request.messages[0].parts[0]
    else {
        panic!("no mark for the cache");
    };
    assert_eq!(cache.get(), r#"{"type": "ephemeral", "ttl": "1h"}"#);
    let Part::Document {
        place: Where::Data(media),
        ..
    } = &request.messages[2].parts[4]
    else {
        panic!("no document");
    };
    assert_eq!(media.data, "SGlnaCB3YXRlciBhdCA0OjEyLCBzw7zDny4=");
    let Part::Call(call) = &request.messages[3].parts[3] else {
        panic!("no call");
    };
    assert_eq!(call.arguments, r#"{"port":  "Hamburg", "at": 1.50}"#);
    let Part::Result(result) = &request.messages[4].parts[1] else {
        panic!("no result");
    };
    assert!(result.failed && result.cache.is_some());
    assert_eq!(result.name.as_deref(), Some("wind"));
    assert_eq!(request.choose, Some(Choose::Any));
    assert_eq!(request.parallel_calls, Some(false));
    let reasoning = Reasoning {
        effort: Some(Effort::Max),
        budget: Some(1024),
        told: true,
    };
    assert_eq!(request.reasoning, Some(reasoning));
    let Some(Format::Schema { schema, strict, .. }) = &request.format else {
        panic!("no schema");
    };
    assert_eq!(schema.get(), r#"{"type": "object",  "required": []}"#);
    assert_eq!(*strict, Some(true));
    assert_eq!(request.user.as_deref(), Some("u-7"));
    assert_eq!(request.stop, ["END", "\n\nHuman:"]);
    assert!(request.stream);
}

/// Read, written and read again: nothing lacks, and the second writing has the
/// bytes of the first.
#[test]
fn a_full_request_is_written_as_it_was_read() {
    let mut lacks = Lacks::default();
    let request = read_request(FULL.as_bytes()).expect("a good request");
    let once = write_request(&request, &Ways::default(), &mut lacks);
    assert!(lacks.is_empty(), "{lacks:?}");
    let again = read_request(&once).expect("our own request");
    let twice = write_request(&again, &Ways::default(), &mut lacks);
    assert_eq!(
        String::from_utf8_lossy(&once),
        String::from_utf8_lossy(&twice)
    );

    let mut wanted: Value = serde_json::from_str(FULL).expect("JSON");
    // Messages of one role become one; a text alone is a string or a block.
    let second = wanted["messages"][1]["content"].take();
    let mut blocks = vec![json!({"type": "text", "text": "What do you see?"})];
    blocks.extend(second.as_array().expect("blocks").clone());
    wanted["messages"][0]["content"] = blocks.into();
    wanted["messages"]
        .as_array_mut()
        .expect("messages")
        .remove(1);
    wanted["messages"][2]["content"][0]["content"] = json!([{"type": "text", "text": "3.1 m"}]);
    let written: Value = serde_json::from_slice(&once).expect("JSON");
    assert_eq!(written, wanted);
    let text = String::from_utf8(once).expect("UTF-8");
    assert!(text.contains(r#""input":{"port":  "Hamburg", "at": 1.50}"#));
}

/// Where in the full request what is wrong, and the field that is named.
fn wrong() -> Vec<(&'static str, Value, &'static str)> {
    let image = json!({"type": "image", "source": {"type": "url", "url": "x"}});
    vec![
        ("/model", Value::Null, "model"),
        ("/model", json!(7), "model"),
        ("/model", json!(" "), "model"),
        ("/stream", json!("yes"), "stream"),
        ("/max_tokens", json!(-1), "max_tokens"),
        ("/temperature", json!("hot"), "temperature"),
        ("/messages", json!("Hi"), "messages"),
        ("/messages/0", json!("Hi"), "messages[0]"),
        ("/messages/0/role", json!("tool"), "messages[0].role"),
        ("/messages/0/content", Value::Null, "messages[0].content"),
        ("/messages/0/content", json!({}), "messages[0].content"),
        (
            "/messages/1/content/0/type",
            Value::Null,
            "messages[1].content[0].type",
        ),
        (
            "/messages/1/content/0/source",
            Value::Null,
            "messages[1].content[0].source",
        ),
        (
            "/messages/1/content/0/source/data",
            json!(1),
            "messages[1].content[0].source.data",
        ),
        (
            "/messages/2/content/2/text",
            json!([]),
            "messages[2].content[2].text",
        ),
        (
            "/messages/3/content/1/is_error",
            json!(1),
            "messages[3].content[1].is_error",
        ),
        ("/system/0", image, "system"),
        ("/tools", json!({}), "tools"),
        ("/tools/1/name", Value::Null, "tools[1].name"),
        ("/tool_choice/type", json!("some"), "tool_choice.type"),
        ("/tool_choice", json!({"type": "tool"}), "tool_choice.name"),
        ("/thinking/type", json!("deep"), "thinking.type"),
        (
            "/thinking/budget_tokens",
            json!(0),
            "thinking.budget_tokens",
        ),
        (
            "/output_config/effort",
            json!("huge"),
            "output_config.effort",
        ),
        (
            "/output_config/format/type",
            json!("xml"),
            "output_config.format.type",
        ),
        (
            "/output_config/format/schema",
            Value::Null,
            "output_config.format.schema",
        ),
        ("/stop_sequences", json!("END"), "stop_sequences"),
        ("/stop_sequences/0", json!(1), "stop_sequences[0]"),
        ("/metadata/user_id", json!(1), "metadata.user_id"),
    ]
}

#[test]
fn a_refusal_names_the_field() {
    let with = |path: &str, value: Value| {
        let mut body: Value = serde_json::from_str(FULL).expect("JSON");
        *body.pointer_mut(path).expect("a field of the example") = value;
        refusal(&body)
    };
    for (path, value, param) in wrong() {
        assert_eq!(with(path, value), param, "{path}");
    }
}

#[test]
fn what_has_no_place_is_named() {
    let mut body: Value = serde_json::from_str(FULL).expect("JSON");
    body["service_tier"] = json!("standard_only");
    body["container"] = json!("c_1");
    body["mcp_servers"] = json!([]);
    body["metadata"]["team"] = json!("x");
    body["tools"][0]["input_examples"] = json!([{}]);
    body["tools"][1] = json!({"type": "web_search_20250305", "name": "web_search"});
    body["messages"][1]["content"][3]["citations"] = json!({"enabled": true});
    body["messages"][1]["content"][4]["citations"] = json!({"enabled": false});
    body["messages"][1]["content"][5]["context"] = json!("old");
    body["messages"][2]["content"][2] =
        json!({"type": "server_tool_use", "id": "s", "name": "n", "input": {}});
    body["messages"][2]["content"][4]["cache_control"] = json!({"type": "ephemeral"});
    let request = read(&body);
    let mut named = request.others.clone();
    named.sort();
    assert_eq!(
        named,
        [
            "container",
            "messages[1].content[3].citations.enabled",
            "messages[1].content[5].context",
            "messages[2].content[2]",
            "messages[2].content[4].cache_control",
            "metadata.team",
            "service_tier",
            "tools[0].input_examples",
            "tools[1]",
        ]
    );
    assert_eq!(request.tools.len(), 1);
    assert_eq!(write(&request).1.len(), named.len());
}

#[test]
fn defaults_say_nothing() {
    let request = read(&json!({
        "model": "m", "max_tokens": 1, "messages": [], "stream": false, "system": null,
        "service_tier": "auto", "tool_choice": {"type": "auto"}, "stop_sequences": [],
        "metadata": {}, "container": null, "tools": [], "x": false,
    }));
    assert!(request.others.is_empty(), "{:?}", request.others);
    assert!(request.choose.is_none() && request.parallel_calls.is_none());
}
