//! What is asked and what is told, in words that belong to no dialect.
//!
//! Every dialect's file says the same in its own form.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tidegate_wire::chat::{Answer, Decode, Encode, Lacks, Malformed, Request};
use tidegate_wire::openai::ErrorBody;
use tidegate_wire::sse::{Framer, Kind};

use crate::cases::{Case, Said};
use crate::framed::Framing;

/// The arguments of the first call, which are carried as they are.
pub(crate) const ARGUMENTS: &str = r#"{"city": "Z\u00fcrich", "n": 1.0}"#;

/// The schema of the first tool.
pub(crate) const SCHEMA: &str =
    r#"{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}"#;

/// What is asked for, by names of our own.
pub(crate) type Asked = BTreeMap<&'static str, Value>;

/// What every caller asks for.
pub(crate) fn asked() -> Asked {
    let arguments: Value = serde_json::from_str(ARGUMENTS).unwrap();
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    BTreeMap::from([
        (
            "said",
            json!([
                ["system", "Be brief."],
                ["user", "What is here?"],
                ["image", "image/png", "iVBORw0KGgo="],
                ["assistant", "I look."],
                ["call", "weather", arguments],
                ["call", "time", {}],
                ["result", "weather", "17 °C"],
                ["result", "time", "12:00"],
                ["user", "And now?"],
            ]),
        ),
        (
            "tools",
            json!([
                ["weather", "The weather.", schema],
                ["time", "The time.", {"type": "object", "properties": {}}],
            ]),
        ),
        ("choose", json!("any")),
        ("max_tokens", json!(300)),
        ("temperature", json!(0.5)),
        ("top_p", json!(0.75)),
        ("stop", json!(["END"])),
        ("stream", json!(true)),
    ])
}

/// What an answer tells.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    pub(crate) thinking: String,
    pub(crate) text: String,
    /// Names and arguments, in order.
    pub(crate) calls: Vec<(String, String)>,
    /// `calls`, `end` or `length`.
    pub(crate) stop: String,
    /// Of the prompt, of it from the cache, of the answer.
    pub(crate) tokens: Option<(u64, Option<u64>, u64)>,
}

/// What every upstream tells.
pub(crate) fn told(upstream: &Upstream) -> Told {
    Told {
        thinking: "Hm.".to_owned(),
        text: "Ich prüfe.".to_owned(),
        calls: vec![
            ("weather".to_owned(), upstream.arguments.to_owned()),
            ("time".to_owned(), "{}".to_owned()),
        ],
        stop: "calls".to_owned(),
        tokens: Some((80, upstream.cached, 40)),
    }
}

/// An event or a frame of a stream: its name, and its data.
pub(crate) type Frame = (String, Vec<u8>);

/// A caller's dialect, and a small client of it.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) name: &'static str,
    /// What is asked, in its form.
    pub(crate) request: &'static str,
    /// What of it the dialect has no word for.
    pub(crate) leaves_out: &'static [&'static str],
    pub(crate) read: fn(&[u8]) -> Request,
    pub(crate) write_answer: fn(&Answer) -> Vec<u8>,
    pub(crate) writer: fn() -> Box<dyn Encode>,
    pub(crate) hear: fn(&[u8]) -> Told,
    /// What a stream of events (name, data) tells, if its end was told. Panics where their
    /// order is not the API's.
    pub(crate) hear_stream: fn(&[Frame]) -> Option<Told>,
    /// What is asked in a case, in its form, for a stream or not.
    pub(crate) ask: fn(&Case, bool) -> Value,
    /// The body of an error that says this.
    pub(crate) write_error: fn(&str) -> Vec<u8>,
    /// What an error says, as a body.
    pub(crate) hear_error: fn(&[u8]) -> String,
    /// What an error says that ends a stream: its last event and no other.
    pub(crate) hear_failure: fn(&[Frame]) -> String,
}

/// An upstream's dialect, and a small upstream of it.
pub(crate) struct Upstream {
    pub(crate) name: &'static str,
    /// Fields that must be named as lacking.
    pub(crate) lacks: &'static [&'static str],
    /// What of the request is not heard, since it is lacking or in the path.
    pub(crate) leaves_out: &'static [&'static str],
    pub(crate) write: fn(&Request, &mut Lacks) -> Vec<u8>,
    pub(crate) hear: fn(&Value) -> Asked,
    /// What is told, in its form, whole and as frames (name, data).
    pub(crate) answer: &'static str,
    pub(crate) frames: fn() -> Vec<Frame>,
    pub(crate) read_answer: fn(&[u8]) -> Result<Answer, Malformed>,
    pub(crate) reader: fn() -> Box<dyn Decode>,
    /// The first call's arguments as this upstream tells them.
    pub(crate) arguments: &'static str,
    pub(crate) cached: Option<u64>,
    /// What is answered in a case, in its form, whole and as frames.
    pub(crate) say: fn(&Said) -> Value,
    pub(crate) flow: fn(&Said) -> Vec<Frame>,
    pub(crate) framing: Framing,
    /// An error that says [`OVERLOADED`], as a body and as a frame.
    pub(crate) error: Value,
    pub(crate) error_frame: (&'static str, Value),
    pub(crate) read_error: fn(&[u8]) -> ErrorBody,
}

/// What an upstream says that fails.
pub(crate) const OVERLOADED: &str = "We are overloaded; \"later\".";

/// A frame of a stream without names.
pub(crate) fn unnamed(data: &Value) -> Frame {
    named("", data)
}

pub(crate) fn named(name: &str, data: &Value) -> Frame {
    (name.to_owned(), data.to_string().into_bytes())
}

/// An answer in which arguments of calls stand as objects, which no [`Value`]
/// carries byte for byte: each is put in the place of its number.
pub(crate) fn with_arguments(answer: &Value, said: &Said) -> String {
    let mut text = answer.to_string();
    for (number, (_, arguments)) in said.calls.iter().enumerate() {
        text = text.replace(&format!("\"@{number}\""), arguments);
    }
    text
}

/// The events of a stream in pieces: names and data.
pub(crate) fn events<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<Frame> {
    let mut framer = Framer::new(1 << 20);
    let mut events = Vec::new();
    for piece in pieces {
        framer.push(piece);
        while let Some(event) = framer.next() {
            let event = event.unwrap();
            if event.kind() == Kind::Data {
                let name = String::from_utf8(event.name().to_vec()).unwrap();
                events.push((name, event.data().into_owned()));
            }
        }
    }
    events
}

/// The text at `pointer`; empty if there is none.
pub(crate) fn text<'a>(value: &'a Value, pointer: &str) -> &'a str {
    value.pointer(pointer).and_then(Value::as_str).unwrap_or("")
}

/// The list at `pointer`; empty if there is none.
pub(crate) fn list<'a>(value: &'a Value, pointer: &str) -> &'a [Value] {
    let list = value.pointer(pointer).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}
