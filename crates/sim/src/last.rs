//! The last request that came over a socket, so that a test can compare it byte by byte.
//!
//! Promises: (1) the body is exactly what arrived, up to [`MAX_BODY`]; (2) what a credential
//! header holds is never shown, only its scheme and its length. One request is kept, no more.

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION};
use http::request::Parts;
use http::{HeaderMap, Method};
use serde::Serialize;

/// The most bytes of a body that are kept: 1 MiB.
const MAX_BODY: usize = 1 << 20;

/// One request as it arrived.
pub(crate) struct Last {
    method: Method,
    /// Path and query.
    target: String,
    headers: HeaderMap,
    body: Bytes,
    body_bytes: usize,
}

/// How it is shown.
#[derive(Serialize)]
struct Shown<'a> {
    method: &'a str,
    path: &'a str,
    /// Name and value, in the order of the header map; the values of one name in their order.
    headers: Vec<(&'a str, String)>,
    /// Bytes that arrived.
    body_bytes: usize,
    /// Whether fewer were kept.
    body_truncated: bool,
    /// The body if it is UTF-8. The bytes themselves are at `/stats/last/body`.
    body: Option<&'a str>,
}

impl Last {
    pub(crate) fn new(parts: Parts, body: &Bytes) -> Self {
        // A slice would keep the whole body alive.
        let kept = body
            .get(..MAX_BODY)
            .map_or_else(|| body.clone(), Bytes::copy_from_slice);
        let target = parts
            .uri
            .path_and_query()
            .map(|target| target.as_str().to_owned());
        Self {
            method: parts.method,
            target: target.unwrap_or_default(),
            headers: parts.headers,
            body: kept,
            body_bytes: body.len(),
        }
    }

    /// The body's bytes, up to [`MAX_BODY`].
    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Everything, credentials veiled.
    pub(crate) fn json(&self) -> Bytes {
        let shown = Shown {
            method: self.method.as_str(),
            path: &self.target,
            headers: self
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), shown(name, value.as_bytes())))
                .collect(),
            body_bytes: self.body_bytes,
            body_truncated: self.body.len() < self.body_bytes,
            body: std::str::from_utf8(&self.body).ok(),
        };
        // Strings and numbers only: they always have a JSON form.
        serde_json::to_vec(&shown).unwrap_or_default().into()
    }
}

impl std::fmt::Debug for Last {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Last")
            .field("body_bytes", &self.body_bytes)
            .finish_non_exhaustive()
    }
}

fn shown(name: &HeaderName, value: &[u8]) -> String {
    let value = String::from_utf8_lossy(value);
    let secret = [AUTHORIZATION, PROXY_AUTHORIZATION, COOKIE].contains(name)
        || name.as_str().ends_with("api-key");
    if !secret {
        return value.into_owned();
    }
    // A value of one word is all secret.
    match value.split_once(' ') {
        Some((scheme, rest)) => format!("{scheme} <{} bytes>", rest.len()),
        None => format!("<{} bytes>", value.len()),
    }
}

#[cfg(test)]
mod tests {
    use http::Request;
    use serde_json::Value;

    use super::*;

    fn last(body: &Bytes) -> Last {
        let request = Request::post("/v1/chat/completions?a=b")
            .header("authorization", "Bearer sk-canary")
            .header("x-api-key", "sk-canary")
            .header("cookie", "a=sk-canary")
            .header("x-plain", "seen")
            .body(())
            .expect("a request");
        Last::new(request.into_parts().0, body)
    }

    #[test]
    fn credentials_are_veiled_and_the_rest_is_exact() {
        let last = last(&Bytes::from_static(b"{\"b\": 1,  \"a\":2}"));
        let json = last.json();
        assert!(!String::from_utf8_lossy(&json).contains("canary"));
        assert!(!format!("{last:?}").contains("canary"));
        let shown: Value = serde_json::from_slice(&json).expect("JSON");
        assert_eq!(shown["headers"][0][1], "Bearer <9 bytes>");
        assert_eq!(shown["headers"][3][1], "seen");
        assert_eq!(shown["path"], "/v1/chat/completions?a=b");
        assert_eq!(shown["body"], "{\"b\": 1,  \"a\":2}");
        assert_eq!(shown["body_truncated"], false);
    }

    #[test]
    fn a_long_body_is_kept_in_part_and_says_so() {
        let last = last(&vec![0xff; MAX_BODY + 1].into());
        let shown: Value = serde_json::from_slice(&last.json()).expect("JSON");
        assert_eq!(
            (shown["body_truncated"].as_bool(), shown["body"].as_str()),
            (Some(true), None)
        );
        assert_eq!(shown["body_bytes"], MAX_BODY + 1);
        assert_eq!(last.body().len(), MAX_BODY);
    }
}
