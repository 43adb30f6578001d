//! From a failure to a response: the only place where that happens.
//!
//! The code's table decides the status and the advice; this file only writes
//! them down, in the form that the SDKs of its caller's dialect read.

use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use tidegate_gateway::{Failure, Manner};
use tidegate_types::{Code, RequestId};

use super::reply::{Out, json};

/// The official SDKs obey it above their own rules.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// The response for a failure of a page.
pub(crate) fn response(failure: &Failure) -> Response<Out> {
    tell(failure, Manner::default(), None)
}

/// The response for a failure before the first byte of an answer, as its caller
/// is told; `id` is the request's.
pub(crate) fn tell(failure: &Failure, manner: Manner, id: Option<RequestId>) -> Response<Out> {
    let status = StatusCode::from_u16(failure.status(manner)).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut response = json(status, failure.body(manner, id));
    let headers = response.headers_mut();
    if let Some(says) = &failure.upstream {
        headers.extend(says.headers.clone());
    }
    if let Some(after) = failure.retry_after {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(whole_seconds(after)));
    }
    if let Some(should) = failure.should_retry() {
        let should = if should { "true" } else { "false" };
        headers.insert(SHOULD_RETRY, HeaderValue::from_static(should));
    }
    if unread(failure.code) {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Whether the request's body may not have been read to its end: what follows
/// on the connection would be taken for a request.
fn unread(code: Code) -> bool {
    matches!(
        code,
        Code::RequestTooLarge | Code::RequestTimeout | Code::BadFraming | Code::CancelledByOperator
    )
}

fn whole_seconds(after: Duration) -> u64 {
    after.as_secs() + u64::from(after.subsec_nanos() > 0)
}
