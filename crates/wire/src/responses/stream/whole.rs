//! A whole response as the stream that was asked for, where both sides speak this
//! dialect.
//!
//! 1. The terminal event has the response as it came, and each item is done as it
//!    came: nothing is lost, whatever it is.
//! 2. The order is the API's: an item is added empty, told part by part, each part
//!    whole, and done.
//!
//! Signs that a tool of the provider's is at work come in no whole response, and
//! are not made up.

use super::open::{Events, Place};
use crate::json::{Members, utf8};

/// A list of parts, in the words of its events.
struct Parts {
    list: &'static str,
    index: &'static str,
    event: &'static str,
}

const CONTENT: Parts = Parts {
    list: "content",
    index: "content_index",
    event: "response.content_part",
};

const SUMMARY: Parts = Parts {
    list: "summary",
    index: "summary_index",
    event: "response.reasoning_summary_part",
};

/// A response while nothing of it was told.
const BEGUN: &[(&str, &str)] = &[
    ("status", "\"in_progress\""),
    ("output", "[]"),
    ("usage", "null"),
    ("completed_at", "null"),
    ("incomplete_details", "null"),
];

/// A part before its text.
const SILENT: &[(&str, &str)] = &[
    ("text", "\"\""),
    ("refusal", "\"\""),
    ("annotations", "[]"),
    ("logprobs", "[]"),
];

/// The events of `body`, from `response.created` to `response.completed` or
/// `response.incomplete`. `None` if it is no response, or one that is not whole.
pub fn to_stream(body: &[u8]) -> Option<Vec<u8>> {
    let response = Members::read(utf8(body).ok()?).ok()?;
    let end = match response.text("status").as_deref() {
        None | Some("completed") => "response.completed",
        Some("incomplete") => "response.incomplete",
        Some(_) => return None,
    };
    let items = response.list("output")?;
    let (mut out, mut sequence) = (Vec::with_capacity(4 * body.len()), 0);
    let events = &mut Events::new(&mut out, &mut sequence);
    for kind in ["response.created", "response.in_progress"] {
        events.write(kind, |event| response.write(event.name("response"), BEGUN));
    }
    for (index, item) in items.into_iter().enumerate() {
        tell(&Members::read(item).ok()?, index, events)?;
    }
    events.write(end, |event| response.write(event.name("response"), &[]));
    Some(out)
}

/// Tells one item.
fn tell(item: &Members<'_>, index: usize, events: &mut Events<'_>) -> Option<()> {
    let kind = item.text("type").unwrap_or_default();
    // Some servers name none.
    let id = item.text("id").map(Into::into);
    let id = id.unwrap_or_else(|| format!("item_{index}"));
    let place = Place { id, index };
    let status = ("status", "\"in_progress\"");
    let empty: &[(&str, &str)] = match kind.as_ref() {
        "message" | "reasoning" => &[status, ("content", "[]"), ("summary", "[]")],
        "function_call" => &[status, ("arguments", "\"\"")],
        "custom_tool_call" => &[status, ("input", "\"\"")],
        "image_generation_call" => &[status, ("result", "null")],
        _ => &[status],
    };
    events.item("response.output_item.added", &place, |out| {
        item.write(out, empty);
    });
    match kind.as_ref() {
        "message" => parts(item, &place, &CONTENT, events)?,
        "reasoning" => {
            parts(item, &place, &SUMMARY, events)?;
            parts(item, &place, &CONTENT, events)?;
        }
        "function_call" => called(item, &place, "function_call_arguments", "arguments", events),
        "custom_tool_call" => called(item, &place, "custom_tool_call_input", "input", events),
        _ => {}
    }
    events.item("response.output_item.done", &place, |out| {
        item.write(out, &[]);
    });
    Some(())
}

/// Tells what a tool is called with.
fn called(item: &Members<'_>, place: &Place, event: &str, member: &str, events: &mut Events<'_>) {
    if let Some(text) = item.said(member) {
        events.about(&format!("response.{event}.delta"), place, |event| {
            event.json("delta", text.as_bytes());
        });
    }
    events.about(&format!("response.{event}.done"), place, |event| {
        if let Some(name) = item.said("name") {
            event.json("name", name.as_bytes());
        }
        let text = item.said(member).unwrap_or("\"\"");
        event.json(member, text.as_bytes());
    });
}

/// Tells the parts of one list of an item.
fn parts(item: &Members<'_>, place: &Place, of: &Parts, events: &mut Events<'_>) -> Option<()> {
    let parts = item.list(of.list).unwrap_or_default();
    for (index, part) in (0..).zip(parts) {
        let part = &Members::read(part).ok()?;
        let said = Said::of(part);
        // What is not known here comes whole, with its beginning and its end.
        let silent = if said.is_some() { SILENT } else { &[] };
        events.about(&format!("{}.added", of.event), place, |event| {
            part.write(event.number(of.index, index).name("part"), silent);
        });
        if let Some(said) = said {
            tell_part(part, &said, place, (of.index, index), events);
        }
        events.about(&format!("{}.done", of.event), place, |event| {
            part.write(event.number(of.index, index).name("part"), &[]);
        });
    }
    Some(())
}

/// What a part says, in the words of its events.
struct Said {
    event: &'static str,
    member: &'static str,
    /// It has notes and likelihoods beside its text.
    noted: bool,
}

impl Said {
    fn of(part: &Members<'_>) -> Option<Self> {
        let (event, member, noted) = match part.text("type")?.as_ref() {
            "output_text" => ("response.output_text", "text", true),
            "refusal" => ("response.refusal", "refusal", false),
            "summary_text" => ("response.reasoning_summary_text", "text", false),
            "reasoning_text" => ("response.reasoning_text", "text", false),
            _ => return None,
        };
        Some(Self {
            event,
            member,
            noted,
        })
    }
}

/// Tells what a part says: its text, and what stands beside it.
fn tell_part(
    part: &Members<'_>,
    said: &Said,
    place: &Place,
    (index, at): (&str, u64),
    events: &mut Events<'_>,
) {
    let Said {
        event,
        member,
        noted,
    } = *said;
    let logprobs = noted.then(|| part.get("logprobs").unwrap_or("[]"));
    if let Some(text) = part.said(member) {
        events.about(&format!("{event}.delta"), place, |event| {
            event.number(index, at).json("delta", text.as_bytes());
            if let Some(logprobs) = logprobs {
                event.line("logprobs", logprobs);
            }
        });
    }
    let notes = part.list("annotations").unwrap_or_default();
    for (number, note) in (0..).zip(notes) {
        events.about("response.output_text.annotation.added", place, |event| {
            event
                .number(index, at)
                .number("annotation_index", number)
                .line("annotation", note);
        });
    }
    events.about(&format!("{event}.done"), place, |event| {
        let text = part.said(member).unwrap_or("\"\"");
        event.number(index, at).json(member, text.as_bytes());
        if let Some(logprobs) = logprobs {
            event.line("logprobs", logprobs);
        }
    });
}
