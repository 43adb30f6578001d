//! Errors in OpenAI's form, and the event that ends a stream which never began.
//!
//! The texts are the caller's of these functions: nothing is redacted here.

use bytes::Bytes;

use super::object::Object;
use crate::openai::error::render;

/// An error as a body: `{"error":{"message","type","param","code"}}`.
pub fn write_error(code: &str, kind: &str, message: &str, param: Option<&str>) -> Bytes {
    render(code, kind, message, param)
}

/// The `error` event, for a stream whose head is out while its response has not
/// begun; afterwards [`Writer::fail`](super::Writer::fail) tells it.
///
/// The members stand flat, as the API's reference has them, and under `error`,
/// as the service sends them: that is where the SDKs look before they raise.
pub fn write_error_event(code: &str, kind: &str, message: &str, param: Option<&str>) -> Bytes {
    let mut out = Vec::with_capacity(240 + 2 * message.len());
    write_event(&mut out, 0, code, kind, message, param);
    Bytes::from(out)
}

pub(super) fn write_event(
    out: &mut Vec<u8>,
    sequence: u64,
    code: &str,
    kind: &str,
    message: &str,
    param: Option<&str>,
) {
    out.extend_from_slice(b"event: error\ndata: ");
    let mut event = Object::begin(out);
    event
        .text("type", "error")
        .number("sequence_number", sequence)
        .text("code", code)
        .text("message", message)
        .maybe("param", param);
    Object::begin(event.name("error"))
        .text("type", kind)
        .text("code", code)
        .text("message", message)
        .maybe("param", param)
        .end();
    event.end();
    out.extend_from_slice(b"\n\n");
}
