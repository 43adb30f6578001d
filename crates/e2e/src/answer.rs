//! What a caller was told, as short lines that a test can hold against a list.
//!
//! Ids, times and texts for people are left out: a transcript holds what an
//! SDK acts upon.

use serde_json::Value;
use tidegate_testkit::Reply;
use tidegate_testkit::client::{Ended, ErrorForm, Event};
use tidegate_types::Code;

/// The answer, line by line: status and content type, then one line per event
/// (`role`, `text ...`, `finish ...`, `usage`, `error CODE TYPE`, `[DONE]`),
/// pings left out, and `cut` when the body has no end. An answer in JSON is
/// `error CODE TYPE` or `json`.
pub fn transcript(reply: &Reply) -> Vec<String> {
    let kind = reply.header("content-type").unwrap_or("no content type");
    let mut lines = vec![format!("{} {kind}", reply.status())];
    if kind.starts_with("text/event-stream") {
        match reply.ended() {
            Ended::Whole => lines.extend(reply.events().iter().map(event_line)),
            Ended::Cut(_) => lines.push(reply.text()),
        }
    } else if kind.starts_with("application/json") {
        let json = reply.json();
        lines.push(error_line(&json).unwrap_or_else(|| "json".to_owned()));
    }
    if matches!(reply.ended(), Ended::Cut(_)) {
        lines.push("cut".to_owned());
    }
    lines
}

fn event_line(event: &Event) -> String {
    if event.is_done() {
        return "[DONE]".to_owned();
    }
    let Some(json) = event.json() else {
        return format!("odd {:?}", event.raw());
    };
    if let Some(line) = error_line(&json) {
        return line;
    }
    let content = event.content();
    if !content.is_empty() {
        return format!("text {content}");
    }
    if let Some(reason) = json
        .pointer("/choices/0/finish_reason")
        .and_then(Value::as_str)
    {
        return format!("finish {reason}");
    }
    if json.pointer("/choices/0/delta/role").is_some() {
        return "role".to_owned();
    }
    if json.get("usage").is_some_and(Value::is_object) {
        return "usage".to_owned();
    }
    format!("odd {json}")
}

fn error_line(json: &Value) -> Option<String> {
    json.get("error")?;
    let error = ErrorForm::read(json);
    Some(format!("error {} {}", error.code, error.kind))
}

/// Checks that an answer is an error of our own: the OpenAI form, a code of
/// the table, with the table's status and type.
///
/// # Panics
/// When it is not.
pub fn is_ours(reply: &Reply, code: Code) {
    let error = reply.error();
    assert_eq!(
        (reply.status(), error.code.as_str(), error.kind.as_str()),
        (code.status(), code.as_str(), code.kind()),
        "{}",
        error.message
    );
}
