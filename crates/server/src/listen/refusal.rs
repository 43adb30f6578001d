//! The few answers that are written below HTTP, before or instead of a handler.
//!
//! 1. Each is the OpenAI error form with a code of the one table, and says
//!    `connection: close`: nothing follows it.
//! 2. They are made once, but for the id; sending one is a single write that
//!    never waits. A caller with no room for it gets the close alone.

use std::sync::LazyLock;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::Full;
use tidegate_types::{Code, RequestId, Retry};

/// The header with our id of a request (contracts 10).
pub(crate) const ID: HeaderName = HeaderName::from_static("x-tidegate-id");

/// No place for one more connection.
pub(super) static NO_PLACE: LazyLock<Vec<u8>> =
    LazyLock::new(|| raw(Code::Overloaded, "Too many connections are open."));

/// A head was begun and did not end.
pub(super) static SLOW_HEAD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    raw(
        Code::RequestTimeout,
        "The request's head did not arrive in time.",
    )
});

/// A head was begun, and this process stops.
pub(super) static SHUTTING_DOWN: LazyLock<Vec<u8>> =
    LazyLock::new(|| raw(Code::ShuttingDown, "This process is draining."));

/// Plain HTTP, where TLS is spoken.
pub(super) static TLS_REQUIRED: LazyLock<Vec<u8>> = LazyLock::new(|| {
    raw(
        Code::TlsRequired,
        "This port speaks TLS: write https:// in the base URL.",
    )
});

/// The body of the answer to a request whose handler panicked.
static BROKEN: LazyLock<Bytes> = LazyLock::new(|| {
    Bytes::from(json(
        Code::Internal,
        "Tidegate met a defect of its own; its log has the details.",
    ))
});

/// The answer with its id: where somebody was told, the log can say whom.
pub(super) fn signed(answer: &[u8], id: RequestId) -> Vec<u8> {
    let mut buffer = [0; 36];
    let line = [ID.as_str(), ": ", id.encode(&mut buffer), "\r\n"].concat();
    // Behind the status line, which every answer has.
    let at = answer.iter().position(|byte| *byte == b'\n');
    let (first, rest) = answer.split_at(at.map_or(0, |at| at + 1));
    [first, line.as_bytes(), rest].concat()
}

/// The answer to a request whose handler panicked.
pub(super) fn broken(id: RequestId) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(BROKEN.clone()));
    *answer.status_mut() = status(Code::Internal);
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CONNECTION, HeaderValue::from_static("close"));
    if let Ok(id) = HeaderValue::from_str(id.encode(&mut [0; 36])) {
        headers.insert(ID, id);
    }
    answer
}

fn status(code: Code) -> StatusCode {
    StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The whole answer as it goes over the wire.
fn raw(code: Code, message: &str) -> Vec<u8> {
    let (status, body) = (status(code), json(code, message));
    let retry = match code.retry() {
        Retry::Later => "retry-after: 1\r\n",
        Retry::No => "",
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\
         {retry}connection: close\r\n\r\n{body}"
    )
    .into_bytes()
}

/// `message` is one of ours, with nothing in it that JSON must escape.
fn json(code: Code, message: &str) -> String {
    format!(
        r#"{{"error":{{"message":"{message}","type":"{}","param":null,"code":"{}"}}}}"#,
        code.kind(),
        code.as_str(),
    )
}
