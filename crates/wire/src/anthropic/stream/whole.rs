//! A whole message as the stream that was asked for, where both sides speak this
//! dialect.
//!
//! 1. Nothing is lost, whatever it is: citations, what the provider's own tools
//!    did, members that are not known here.
//! 2. The order is the API's: blocks one behind the other, each begun, told whole
//!    and ended, then why it stopped and what it cost.

use crate::json::{Members, utf8, write_line, write_string};

/// A message while nothing of it was told.
const BEGUN: &[(&str, &str)] = &[
    ("content", "[]"),
    ("stop_reason", "null"),
    ("stop_sequence", "null"),
    ("stop_details", "null"),
];

/// What is told with the stop, where the message has it.
const STOPPED: &[&str] = &["stop_reason", "stop_sequence", "stop_details", "container"];

/// The events of `body`, from `message_start` to `message_stop`. `None` if it is no
/// message.
pub fn to_stream(body: &[u8]) -> Option<Vec<u8>> {
    let message = Members::read(utf8(body).ok()?).ok()?;
    let blocks = message.list("content")?;
    let mut out = Vec::with_capacity(2 * body.len());
    event(&mut out, "message_start", |out| {
        out.extend_from_slice(b",\"message\":");
        message.write(out, BEGUN);
    });
    for (index, block) in blocks.into_iter().enumerate() {
        tell(&Members::read(block).ok()?, index, &mut out);
    }
    event(&mut out, "message_delta", |out| {
        out.extend_from_slice(b",\"delta\":{");
        for (at, name) in STOPPED.iter().enumerate() {
            let json = message.get(name);
            // The first two are always told.
            if let Some(json) = json.or((at < 2).then_some("null")) {
                member(out, name, json);
            }
        }
        out.push(b'}');
        for name in ["usage", "context_management"] {
            if let Some(json) = message.get(name) {
                member(out, name, json);
            }
        }
    });
    event(&mut out, "message_stop", |_| {});
    Some(out)
}

/// Tells one block.
fn tell(block: &Members<'_>, index: usize, out: &mut Vec<u8>) {
    let kind = block.text("type").unwrap_or_default();
    // Who calls, and where, is told with the beginning.
    let calls = kind.ends_with("tool_use") && block.get("input").is_some();
    let citations = block.list("citations");
    let silent: &[(&str, &str)] = match kind.as_ref() {
        "text" if citations.is_none() => &[("text", "\"\"")],
        "text" => &[("text", "\"\""), ("citations", "[]")],
        "thinking" => &[("thinking", "\"\""), ("signature", "\"\"")],
        _ if calls => &[("input", "{}")],
        // It comes whole.
        _ => &[],
    };
    let about = |out: &mut Vec<u8>, name: &str, write: &dyn Fn(&mut Vec<u8>)| {
        event(out, name, |out| {
            member(out, "index", &index.to_string());
            write(out);
        });
    };
    let delta = |out: &mut Vec<u8>, kind: &str, name: &str, json: &str| {
        about(out, "content_block_delta", &|out| {
            out.extend_from_slice(b",\"delta\":{\"type\":\"");
            out.extend_from_slice(kind.as_bytes());
            out.push(b'"');
            member(out, name, json);
            out.push(b'}');
        });
    };
    about(out, "content_block_start", &|out| {
        out.extend_from_slice(b",\"content_block\":");
        block.write(out, silent);
    });
    match kind.as_ref() {
        "text" => {
            if let Some(text) = block.said("text") {
                delta(out, "text_delta", "text", text);
            }
            for citation in citations.unwrap_or_default() {
                delta(out, "citations_delta", "citation", citation);
            }
        }
        "thinking" => {
            for (kind, name) in [
                ("thinking_delta", "thinking"),
                ("signature_delta", "signature"),
            ] {
                if let Some(text) = block.said(name) {
                    delta(out, kind, name, text);
                }
            }
        }
        _ if calls => {
            let mut text = Vec::new();
            write_string(&mut text, block.get("input").unwrap_or("{}"));
            // It was text before, and is escaped text now.
            let text = String::from_utf8(text).unwrap_or_default();
            delta(out, "input_json_delta", "partial_json", &text);
        }
        _ => {}
    }
    about(out, "content_block_stop", &|_| {});
}

/// Writes an event of this name, with its type and the members that `write` writes.
fn event(out: &mut Vec<u8>, name: &str, write: impl FnOnce(&mut Vec<u8>)) {
    for piece in ["event: ", name, "\ndata: {\"type\":\"", name, "\""] {
        out.extend_from_slice(piece.as_bytes());
    }
    write(out);
    out.extend_from_slice(b"}\n\n");
}

/// Writes a member, behind a comma if it is not the first.
fn member(out: &mut Vec<u8>, name: &str, json: &str) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    write_string(out, name);
    out.push(b':');
    write_line(out, json);
}
