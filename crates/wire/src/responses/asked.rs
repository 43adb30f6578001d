//! What an answer tells back of its request, and what it is stamped with.
//!
//! 1. Told back is what is obeyed here: functions, but no tool that OpenAI
//!    runs; a value that nobody looks at is told as the API's default.
//! 2. It holds no more than the body did, and some 500 bytes of names.

use serde_json::value::RawValue;

use super::fields::{Fields, text};
use super::object::{Object, comma, one_line};
use crate::json;

/// The settings of a request, as its answer shows them.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Members of the response object, with their commas.
    settings: Vec<u8>,
    seed: u64,
    now: u64,
}

impl Asked {
    /// Reads them from the body that [`read_request`](super::read_request) took.
    /// All ids of the answer are drawn from `seed`, which no other answer may
    /// have; `now` counts seconds since 1970 and stands where an upstream does
    /// not tell when it began.
    pub fn read(body: &[u8], seed: u64, now: u64) -> Self {
        let fields = json::utf8(body)
            .ok()
            .and_then(|body| Fields::read(body, String::new()).ok());
        Self {
            settings: settings(fields.unwrap_or_default()),
            seed,
            now,
        }
    }

    /// The bytes that it holds.
    pub fn held(&self) -> usize {
        self.settings.len()
    }

    pub(super) fn settings(&self) -> &[u8] {
        &self.settings
    }

    pub(super) fn now(&self) -> u64 {
        self.now
    }

    /// The id of the response itself, or of an item of it by its place.
    pub(super) fn id(&self, kind: &str, item: Option<usize>) -> String {
        use std::fmt::Write;

        let place = item.map_or(0, |item| item as u64 + 1);
        let mut id = format!("{kind}_");
        let mut state = mix(self.seed).wrapping_add(place);
        for _ in 0..3 {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            // Writing to a string cannot fail.
            let _ = write!(id, "{:016x}", mix(state));
        }
        id
    }
}

/// Spreads a number over all bits (the end of splitmix64): near seeds give far
/// ids.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

fn settings(mut fields: Fields<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut object = Object::begin(&mut out);
    for (name, default) in [
        ("instructions", "null"),
        ("max_output_tokens", "null"),
        ("metadata", "{}"),
        ("parallel_tool_calls", "true"),
        ("safety_identifier", "null"),
        ("temperature", "null"),
        ("top_logprobs", "0"),
        ("top_p", "null"),
        ("user", "null"),
    ] {
        let given = fields.take(name).map_or(default, RawValue::get);
        object.name(name).extend(one_line(given));
    }
    reasoning(&mut fields, &mut object);
    let format = fields
        .object("text")
        .ok()
        .flatten()
        .and_then(|mut text| text.take("format"));
    let format = format.map_or(r#"{"type":"text"}"#, RawValue::get);
    let place = object.name("text");
    place.extend_from_slice(b"{\"format\":");
    place.extend(one_line(format));
    place.push(b'}');
    object.name("tool_choice").extend(one_line(
        fields
            .take("tool_choice")
            .filter(|choice| text(choice).is_some() || is_function(choice))
            .map_or("\"auto\"", RawValue::get),
    ));
    object.array("tools", &tools(&mut fields));
    object
        .json("background", b"false")
        .json("max_tool_calls", b"null")
        .json("previous_response_id", b"null")
        .json("store", b"false")
        .text("truncation", "disabled");
    // The members alone: they stand inside a larger object.
    out.remove(0);
    out
}

fn reasoning(fields: &mut Fields<'_>, object: &mut Object<'_>) {
    let mut given = fields.object("reasoning").ok().flatten();
    let mut member = |name| {
        let value = given.as_mut().and_then(|given| given.take(name));
        value.map_or("null", RawValue::get)
    };
    let (effort, summary) = (member("effort"), member("summary"));
    let place = object.name("reasoning");
    place.extend_from_slice(b"{\"effort\":");
    place.extend(one_line(effort));
    place.extend_from_slice(b",\"summary\":");
    place.extend(one_line(summary));
    place.push(b'}');
}

fn tools(fields: &mut Fields<'_>) -> Vec<u8> {
    let mut tools = Vec::new();
    for tool in fields.list("tools").ok().flatten().unwrap_or_default() {
        if is_function(tool) {
            comma(&mut tools);
            tools.extend(one_line(tool.get()));
        }
    }
    tools
}

fn is_function(value: &RawValue) -> bool {
    Fields::read(value.get(), String::new())
        .and_then(|mut fields| fields.text("type"))
        .is_ok_and(|kind| kind.as_deref() == Some("function"))
}
