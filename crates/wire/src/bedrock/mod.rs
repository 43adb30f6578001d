//! Amazon Bedrock's dialect, the upstream's side: Converse, and ConverseStream
//! as messages of [`aws_events`](crate::aws_events).
//!
//! Requests are signed by the gateway; nothing here knows a key.

mod answer;
mod error;
mod form;
mod request;
mod stream;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

pub use answer::read_answer;
pub use error::read_error;
pub use request::write_request;
pub use stream::Reader;

/// All but what RFC 3986 leaves as it is everywhere.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The path of a call of `model`, which may be an id or an ARN.
pub fn path(model: &str, stream: bool) -> String {
    let model = utf8_percent_encode(model, SEGMENT);
    let call = match stream {
        true => "converse-stream",
        false => "converse",
    };
    format!("/model/{model}/{call}")
}
#[cfg(test)]
mod tests;
