//! Requests in a few words, and what is written for them; for the tests of
//! messages and of settings.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::chat::{Lacks, Media, Message, Part, Request, Role, Tool, ToolCall, ToolResult, Where};
use crate::gemini::write_request;

pub(super) fn text(text: &str) -> Part {
    Part::Text {
        text: text.to_owned(),
        cache: None,
    }
}

pub(super) fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role, parts }
}

pub(super) fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

pub(super) fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::Call(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    })
}

pub(super) fn result(id: &str, parts: Vec<Part>) -> Part {
    Part::Result(ToolResult {
        id: id.to_owned(),
        name: None,
        parts,
        failed: false,
        cache: None,
    })
}

pub(super) fn thinking(text: &str, signature: Option<&str>) -> Part {
    Part::Thinking {
        text: text.to_owned(),
        signature: signature.map(str::to_owned),
    }
}

pub(super) fn image(place: Where, detail: Option<&str>) -> Part {
    Part::Image {
        place,
        detail: detail.map(str::to_owned),
        cache: None,
    }
}

pub(super) fn png() -> Where {
    Where::Data(Media {
        kind: "image/png".to_owned(),
        data: "iVBORw0KGgo=".to_owned(),
    })
}

pub(super) fn of(messages: Vec<Message>) -> Request {
    Request {
        model: "gemini-3-pro-preview".to_owned(),
        messages,
        ..Request::default()
    }
}

pub(super) fn tool(strict: Option<bool>) -> Tool {
    Tool {
        name: "get_weather".to_owned(),
        description: Some("The weather of a city.".to_owned()),
        schema: Some(raw(SCHEMA)),
        strict,
        cache: None,
    }
}

/// With blanks and an order of its own.
pub(super) const SCHEMA: &str = r#"{"type":"object",  "required":["b","a"],"properties":{"b":{"type":"string"},"a":{"type":["string","null"]}},"additionalProperties":false}"#;

/// What is written, and what is lacking.
pub(super) fn written(request: &Request) -> (Value, Vec<String>) {
    let mut lacks = Lacks::default();
    let body = write_request(request, &mut lacks);
    (
        serde_json::from_slice(&body).unwrap(),
        lacks.fields().to_vec(),
    )
}

/// The same, where nothing may be lacking.
pub(super) fn whole(request: &Request) -> Value {
    let (body, lacks) = written(request);
    assert_eq!(lacks, [""; 0]);
    body
}
