//! Errors in OpenAI's form, and the event that ends a stream which never began.
//!
//! The texts are the caller's of these functions: nothing is redacted here.

use bytes::Bytes;

use super::object::Object;
use crate::chat::Failed;
use crate::openai::error::render;

/// An error as a body: `{"error":{"message","type","param","code"}}`.
pub fn write_error(code: &str, kind: &str, message: &str, param: Option<&str>) -> Bytes {
    render(code, kind, message, param)
}

/// The `error` event, for a stream whose head is out while its response has not
/// begun; afterwards the [`Writer`](super::Writer) itself tells it.
///
/// The members stand flat, as the API's reference has them, and under `error`,
/// as the service sends them: that is where the SDKs look before they raise.
/// `sequence` is the event's number in its stream: 0 where nothing went before.
pub fn write_error_event(failed: &Failed<'_>, sequence: u64) -> Bytes {
    let mut out = Vec::with_capacity(240 + 2 * failed.message.len());
    write_event(&mut out, sequence, failed);
    Bytes::from(out)
}

pub(super) fn write_event(out: &mut Vec<u8>, sequence: u64, failed: &Failed<'_>) {
    out.extend_from_slice(b"event: error\ndata: ");
    let mut event = Object::begin(out);
    event
        .text("type", "error")
        .number("sequence_number", sequence)
        .text("code", failed.shown)
        .text("message", failed.message)
        .maybe("param", failed.param);
    Object::begin(event.name("error"))
        .text("type", failed.kind)
        .text("code", failed.shown)
        .text("message", failed.message)
        .maybe("param", failed.param)
        .end();
    event.end();
    out.extend_from_slice(b"\n\n");
}
