//! The error form: `{"type":"error","error":{"type","message"},"request_id"}`.
//!
//! 1. What is written always parses, whatever the message holds.
//! 2. An upstream's error is found in any of the forms that servers use.
//!
//! A message that was read is the upstream's own: it is redacted before anybody
//! sees it.

use bytes::Bytes;
use serde::Serialize;
use tidegate_types::Code;

use crate::openai::{ErrorBody, error};

/// Of a body that is no error form, the bytes taken for its message.
const MOST_TEXT: usize = 1024;

#[derive(Serialize)]
struct Body<'a> {
    r#type: &'static str,
    error: Inner<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

#[derive(Serialize)]
struct Inner<'a> {
    r#type: &'a str,
    message: &'a str,
}

/// The status that this dialect has for `code`: 529 where there is no room,
/// else the code's own.
pub const fn status(code: Code) -> u16 {
    match code {
        Code::QueueFull
        | Code::QueueTimeout
        | Code::Overloaded
        | Code::UpstreamOverloaded
        | Code::UpstreamUnavailable => 529,
        _ => code.status(),
    }
}

/// The `type` of an error with this status.
pub const fn kind(status: u16) -> &'static str {
    match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        409 => "conflict_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        400..=499 => "invalid_request_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        _ => "api_error",
    }
}

/// An error as a body, for a status: an upstream's own, or that of [`status`].
pub fn write_error(status: u16, message: &str, request_id: Option<&str>) -> Bytes {
    Bytes::from(render(kind(status), message, request_id))
}

/// The same as the event that ends a stream, with the empty line behind it.
pub fn write_error_event(status: u16, message: &str) -> Bytes {
    Bytes::from(render_event(kind(status), message))
}

fn render(kind: &str, message: &str, request_id: Option<&str>) -> Vec<u8> {
    let body = Body {
        r#type: "error",
        error: Inner {
            r#type: kind,
            message,
        },
        request_id,
    };
    // Nothing in it can fail: it is text.
    serde_json::to_vec(&body).unwrap_or_default()
}

fn render_event(kind: &str, message: &str) -> Vec<u8> {
    let mut out = b"event: error\ndata: ".to_vec();
    out.extend_from_slice(&render(kind, message, None));
    out.extend_from_slice(b"\n\n");
    out
}

/// What an upstream's error says. Of a body that is none of the known forms its
/// beginning is the message; a kind that is not told is that of the status.
pub fn read_error(status: u16, body: &[u8]) -> ErrorBody {
    let mut found = error::parse(body).unwrap_or_else(|| ErrorBody {
        message: String::from_utf8_lossy(body.get(..MOST_TEXT).unwrap_or(body)).into_owned(),
        ..ErrorBody::default()
    });
    // A body without an inner error has `error` for its own type.
    found.kind = found.kind.filter(|kind| kind != "error");
    found.kind.get_or_insert_with(|| kind(status).to_owned());
    found
}
