//! The OpenAI error form, both ways.
//!
//! 1. What is rendered always parses, whatever the message holds.
//! 2. What is parsed is found in all the forms that upstreams use: an object
//!    or text under `error`, or a bare `message` or `detail`.
//!
//! A parsed message is the upstream's own: it goes through
//! [`redact`](super::redact) before anybody sees it.

use std::time::Duration;

use bytes::Bytes;

use super::choice;
use crate::json::{self, Kind, Scanner, Violation, write_string};

/// An upstream's error.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ErrorBody {
    /// What it says, not redacted.
    pub message: String,
    /// Its `type`, or else its `status` (as Google names it).
    pub kind: Option<String>,
    /// Its `code`; a number as text.
    pub code: Option<String>,
    /// The field it is about.
    pub param: Option<String>,
    /// When to come back, where it is told beside the message; as it was told, so
    /// that whoever waits caps it.
    pub retry_after: Option<Duration>,
}

/// The error in a whole body, if there is one.
pub fn parse(body: &[u8]) -> Option<ErrorBody> {
    let text = json::utf8(body).ok()?;
    let mut scan = Scanner::of_upstream(text);
    let mut found = None;
    let wrapped = scan.kind().ok()? == Kind::Array;
    if wrapped {
        // Google's OpenAI face wraps its errors in a list.
        scan.array(|scan| {
            found = whole(scan)?.or(found.take());
            Ok::<(), Violation>(())
        })
        .ok()?;
    } else {
        found = whole(&mut scan).ok()?;
    }
    scan.end().ok()?;
    found
}

/// Reads an object that may hold an error, in any of the forms.
fn whole(scan: &mut Scanner<'_>) -> Result<Option<ErrorBody>, Violation> {
    if scan.kind()? != Kind::Object {
        scan.skip()?;
        return Ok(None);
    }
    let mut inner = None;
    let mut bare = ErrorBody::default();
    let mut told = false;
    scan.object(|scan, key| {
        match key.decode().as_ref() {
            "error" => inner = member(scan)?.or(inner.take()),
            name => told |= field(&mut bare, name, scan)?,
        }
        Ok::<(), Violation>(())
    })?;
    Ok(inner.or(told.then_some(bare)))
}

/// Reads the value of an `error` member; `None` if it says nothing: null,
/// false or empty. Text is the message.
pub(crate) fn member(scan: &mut Scanner<'_>) -> Result<Option<ErrorBody>, Violation> {
    if let Kind::Bool | Kind::Number | Kind::Null = scan.kind()? {
        scan.skip()?;
        return Ok(None);
    }
    let span = scan.span()?;
    let mut inner = Scanner::of_upstream(span);
    if !choice::given(&mut inner)? {
        return Ok(None);
    }
    let mut inner = Scanner::of_upstream(span);
    let mut body = ErrorBody::default();
    let told = match inner.kind()? {
        Kind::String => {
            body.message = inner.string()?.decode().into_owned();
            true
        }
        Kind::Object => {
            let mut told = false;
            inner.object(|scan, key| {
                told |= field(&mut body, key.decode().as_ref(), scan)?;
                Ok::<(), Violation>(())
            })?;
            told
        }
        _ => false,
    };
    if !told {
        // Better its raw form than nothing.
        body.message = span.to_owned();
    }
    Ok(Some(body))
}

/// Reads one field of an error; true if it was the message.
fn field(body: &mut ErrorBody, name: &str, scan: &mut Scanner<'_>) -> Result<bool, Violation> {
    match name {
        "message" | "detail" | "msg" => {
            let Some(message) = message(scan)? else {
                return Ok(false);
            };
            // `message` is the better of two, whichever comes first.
            if body.message.is_empty() || name == "message" {
                body.message = message;
            }
            return Ok(true);
        }
        "type" => body.kind = word(scan)?.or(body.kind.take()),
        "status" => {
            body.kind = body
                .kind
                .take()
                .or(scan.text()?.map(|text| text.decode().into()))
        }
        "code" => body.code = word(scan)?.or(body.code.take()),
        // Anthropic names the cause here.
        "details" if scan.kind()? == Kind::Object => {
            scan.object(|scan, key| {
                match key.decode().as_ref() {
                    "error_code" => body.code = body.code.take().or(word(scan)?),
                    _ => scan.skip()?,
                }
                Ok::<(), Violation>(())
            })?;
        }
        "param" => body.param = word(scan)?,
        _ => scan.skip()?,
    }
    Ok(false)
}

/// Reads a message: text, or anything else as it stands.
fn message(scan: &mut Scanner<'_>) -> Result<Option<String>, Violation> {
    Ok(match scan.kind()? {
        Kind::String => Some(scan.string()?.decode().into_owned()).filter(|text| !text.is_empty()),
        Kind::Object | Kind::Array => Some(scan.span()?.to_owned()),
        _ => scan.skip().map(|()| None)?,
    })
}

/// Reads text or a number as text.
fn word(scan: &mut Scanner<'_>) -> Result<Option<String>, Violation> {
    Ok(match scan.kind()? {
        Kind::String => Some(scan.string()?.decode().into_owned()).filter(|text| !text.is_empty()),
        Kind::Number => Some(scan.number()?.to_owned()),
        _ => scan.skip().map(|()| None)?,
    })
}

/// An error as a body: `{"error":{"message","type","param","code"}}`.
pub fn render(code: &str, kind: &str, message: &str, param: Option<&str>) -> Bytes {
    let mut out = Vec::with_capacity(room(message));
    write(&mut out, code, kind, message, param);
    Bytes::from(out)
}

/// The same as an event of a stream, with the empty line that ends it.
pub fn render_event(code: &str, kind: &str, message: &str, param: Option<&str>) -> Bytes {
    let mut out = Vec::with_capacity(room(message));
    out.extend_from_slice(b"data: ");
    write(&mut out, code, kind, message, param);
    out.extend_from_slice(b"\n\n");
    Bytes::from(out)
}

fn room(message: &str) -> usize {
    160 + message.len() + message.len() / 8
}

fn write(out: &mut Vec<u8>, code: &str, kind: &str, message: &str, param: Option<&str>) {
    out.extend_from_slice(b"{\"error\":{\"message\":");
    write_string(out, message);
    out.extend_from_slice(b",\"type\":");
    write_string(out, kind);
    out.extend_from_slice(b",\"param\":");
    match param {
        Some(param) => write_string(out, param),
        None => out.extend_from_slice(b"null"),
    }
    out.extend_from_slice(b",\"code\":");
    write_string(out, code);
    out.extend_from_slice(b"}}");
}

#[cfg(test)]
mod tests;
