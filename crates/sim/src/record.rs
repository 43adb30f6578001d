//! The last requests that came over a socket, so that a test can see what its application sent.
//!
//! Promises: (1) a body is exactly what arrived, up to [`MAX_BODY`]; (2) what a credential header
//! holds is never shown, only its scheme and its length; (3) at most [`MAX_REQUESTS`] requests with
//! [`MAX_BYTES`] of bodies are kept, the newest always, and nothing else is held by them.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HeaderName, PROXY_AUTHORIZATION};
use http::request::Parts;
use http::{HeaderMap, Method};
use serde::Serialize;
use serde_json::value::RawValue;

/// The most bytes of a body that are kept: 1 MiB.
const MAX_BODY: usize = 1 << 20;
/// The most requests that are kept.
const MAX_REQUESTS: usize = 256;
/// The most bytes of all bodies that are kept: 8 MiB.
const MAX_BYTES: usize = 8 << 20;

/// One request as it arrived.
pub(crate) struct Request {
    /// The number of its call.
    number: u64,
    /// Since the start of the server.
    at_ms: u64,
    /// What answered it, if a rule did.
    rule: Option<String>,
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
    number: u64,
    at_ms: u64,
    rule: Option<&'a str>,
    method: &'a str,
    path: &'a str,
    /// Name and value, in the order of the header map; the values of one name in their order.
    headers: Vec<(&'a str, String)>,
    /// Bytes that arrived.
    body_bytes: usize,
    /// Whether fewer were kept.
    body_truncated: bool,
    /// The body if it is UTF-8. The bytes of the last one are at `/stats/last/body`.
    body: Option<&'a str>,
    /// The same as a value, where it is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    json: Option<&'a RawValue>,
}

impl Request {
    pub(crate) fn new(parts: Parts, body: &Bytes) -> Self {
        // A slice would keep the buffer of the connection alive.
        let kept = Bytes::copy_from_slice(body.get(..MAX_BODY).unwrap_or(body));
        let target = parts
            .uri
            .path_and_query()
            .map(|target| target.as_str().to_owned());
        Self {
            number: 0,
            at_ms: 0,
            rule: None,
            method: parts.method,
            target: target.unwrap_or_default(),
            headers: parts.headers,
            body: kept,
            body_bytes: body.len(),
        }
    }

    /// The same with what became of it.
    pub(crate) fn answered(self, number: u64, at_ms: u64, rule: Option<String>) -> Self {
        Self {
            number,
            at_ms,
            rule,
            ..self
        }
    }

    /// The body's bytes, up to [`MAX_BODY`].
    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// Everything, credentials veiled.
    pub(crate) fn json(&self) -> Bytes {
        // Strings and numbers only: they always have a JSON form.
        serde_json::to_vec(&self.shown(false))
            .unwrap_or_default()
            .into()
    }

    fn shown(&self, parsed: bool) -> Shown<'_> {
        let text = std::str::from_utf8(&self.body).ok();
        let json = text
            .filter(|_| parsed)
            .and_then(|text| serde_json::from_str(text).ok());
        Shown {
            number: self.number,
            at_ms: self.at_ms,
            rule: self.rule.as_deref(),
            method: self.method.as_str(),
            path: &self.target,
            headers: self
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), shown(name, value.as_bytes())))
                .collect(),
            body_bytes: self.body_bytes,
            body_truncated: self.body.len() < self.body_bytes,
            // Once is enough.
            body: text.filter(|_| json.is_none()),
            json,
        }
    }
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Request")
            .field("body_bytes", &self.body_bytes)
            .finish_non_exhaustive()
    }
}

/// The last requests, the newest at the back.
#[derive(Debug, Default)]
pub(crate) struct Record {
    requests: VecDeque<Arc<Request>>,
    bytes: usize,
    seen: u64,
}

impl Record {
    /// Keeps one more; gives those that go for it, to be dropped outside of a lock.
    pub(crate) fn keep(&mut self, request: Request) -> Vec<Arc<Request>> {
        self.seen += 1;
        self.bytes += request.body.len();
        self.requests.push_back(Arc::new(request));
        let mut gone = Vec::new();
        while self.requests.len() > MAX_REQUESTS
            || (self.bytes > MAX_BYTES && self.requests.len() > 1)
        {
            let Some(oldest) = self.requests.pop_front() else {
                break;
            };
            self.bytes -= oldest.body.len();
            gone.push(oldest);
        }
        gone
    }

    pub(crate) fn last(&self) -> Option<Arc<Request>> {
        self.requests.back().cloned()
    }

    /// The last so many, and how many there were in all.
    pub(crate) fn latest(&self, most: usize) -> (Vec<Arc<Request>>, u64) {
        let skipped = self.requests.len().saturating_sub(most);
        (
            self.requests.iter().skip(skipped).cloned().collect(),
            self.seen,
        )
    }
}

/// Requests as the page of them has them, the oldest first.
pub(crate) fn page(requests: &[Arc<Request>], seen: u64) -> Bytes {
    #[derive(Serialize)]
    struct Page<'a> {
        seen: u64,
        kept: usize,
        requests: Vec<Shown<'a>>,
    }
    let page = Page {
        seen,
        kept: requests.len(),
        requests: requests.iter().map(|request| request.shown(true)).collect(),
    };
    serde_json::to_vec(&page).unwrap_or_default().into()
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
    use serde_json::Value;

    use super::*;

    fn request(body: &Bytes) -> Request {
        let request = http::Request::post("/v1/chat/completions?a=b")
            .header("authorization", "Bearer sk-canary")
            .header("x-api-key", "sk-canary")
            .header("cookie", "a=sk-canary")
            .header("x-plain", "seen")
            .body(())
            .expect("a request");
        Request::new(request.into_parts().0, body)
    }

    #[test]
    fn credentials_are_veiled_and_the_rest_is_exact() {
        let last = request(&Bytes::from_static(b"{\"b\": 1,  \"a\":2}"));
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
        let last = request(&vec![0xff; MAX_BODY + 1].into());
        let shown: Value = serde_json::from_slice(&last.json()).expect("JSON");
        assert_eq!(
            (shown["body_truncated"].as_bool(), shown["body"].as_str()),
            (Some(true), None)
        );
        assert_eq!(shown["body_bytes"], MAX_BODY + 1);
        assert_eq!(last.body().len(), MAX_BODY);
    }

    #[test]
    fn the_newest_are_kept_within_both_bounds() {
        let mut record = Record::default();
        for _ in 0..MAX_REQUESTS + 10 {
            record.keep(request(&Bytes::from_static(b"{}")));
        }
        let (kept, seen) = record.latest(usize::MAX);
        assert_eq!((kept.len(), seen), (MAX_REQUESTS, MAX_REQUESTS as u64 + 10));
        assert_eq!(record.latest(3).0.len(), 3);
        for _ in 0..20 {
            record.keep(request(&vec![0; 2 * MAX_BODY].into()));
        }
        assert_eq!(record.latest(usize::MAX).0.len(), MAX_BYTES / MAX_BODY);
        assert_eq!(record.bytes, MAX_BYTES);
    }
}
