//! The ids that every answer carries (contracts 10).
//!
//! `x-tidegate-id` is ours and stands in every record; `x-request-id` is the
//! caller's own, if it is fit to be repeated, and ours otherwise.

use http::Response;
use http::header::{HeaderMap, HeaderName, HeaderValue};
use tidegate_gateway::Manner;
use tidegate_types::RequestId;

use super::reply::Out;
use crate::listen::ID;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const ANTHROPIC_ID: HeaderName = HeaderName::from_static("request-id");

/// Writes both on `response`; `asked` are the request's headers. Who speaks as
/// Anthropic does looks for ours under a name of its own.
pub(crate) fn sign(response: &mut Response<Out>, id: RequestId, manner: Manner, asked: &HeaderMap) {
    let mut buffer = [0; 36];
    let Ok(ours) = HeaderValue::from_str(id.encode(&mut buffer)) else {
        return;
    };
    let theirs = asked.get(REQUEST_ID).filter(|value| is_fit(value));
    let headers = response.headers_mut();
    headers.insert(REQUEST_ID, theirs.unwrap_or(&ours).clone());
    if manner == Manner::Anthropic {
        headers.insert(ANTHROPIC_ID, ours.clone());
    }
    headers.insert(ID, ours);
}

fn is_fit(value: &HeaderValue) -> bool {
    let bytes = value.as_bytes();
    let fit = |byte: &u8| byte.is_ascii_alphanumeric() || b"._:-".contains(byte);
    (1..=128).contains(&bytes.len()) && bytes.iter().all(fit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_request_ids_are_repeated() {
        for (value, fit) in [
            ("req_1:a.b-C", true),
            ("", false),
            ("two words", false),
            ("a;b", false),
            ("<script>", false),
        ] {
            assert_eq!(is_fit(&HeaderValue::from_static(value)), fit, "{value:?}");
        }
        assert!(is_fit(&HeaderValue::from_str(&"x".repeat(128)).unwrap()));
        assert!(!is_fit(&HeaderValue::from_str(&"x".repeat(129)).unwrap()));
    }
}
