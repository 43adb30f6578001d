//! What an upstream's answer means when it is not the answer we asked for.
//!
//! One place turns statuses, error bodies and in-stream errors into codes, so
//! that a 529 in the head and an `overloaded_error` in an event agree
//! (failures rows 1 to 6, 12, 17, 25). Texts of upstreams are redacted here.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use tidegate_types::Code;
use tidegate_wire::openai::error::ErrorBody;
use tidegate_wire::openai::redact;

use super::headers::{self, RETRY_AFTER_CAP};
use crate::dialect::Speaks;
use crate::errand::ErrandKind;
use crate::failure::{Failure, Meaning, UpstreamSays};
use crate::keys::Secrets;

/// An error body is read up to here.
pub(crate) const ERROR_BODY: usize = 64 << 10;

/// What the head of an answer promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Promise {
    /// Success, with server-sent events.
    Events,
    /// Success, with JSON (or an undeclared type, which may be JSON).
    Json,
    /// Success in words, with a body that no API sends.
    Foreign,
    /// A refusal or a failure whose body may say more.
    Error,
    /// A redirect.
    Redirect,
}

/// Reads the head; `events` is the media type of a stream.
pub(crate) fn promise(status: StatusCode, headers: &HeaderMap, events: &str) -> Promise {
    if let Some(promise) = unlike(status, headers) {
        return promise;
    }
    match kind(headers) {
        kind if kind.eq_ignore_ascii_case(events.as_bytes()) => Promise::Events,
        kind if is_json(kind) || kind.eq_ignore_ascii_case(b"text/plain") => Promise::Json,
        _ => Promise::Foreign,
    }
}

/// How the answer of an errand travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Carried {
    /// Gathered, and given on whole.
    Whole,
    /// As it comes.
    Flow,
    /// The same; they are server-sent events.
    Events,
    Foreign,
    Error,
    Redirect,
}

/// Reads the head of an errand's answer: what a file is is its owner's matter,
/// but no other endpoint answers with a page.
pub(crate) fn carried(status: StatusCode, headers: &HeaderMap, of: ErrandKind) -> Carried {
    match unlike(status, headers) {
        Some(Promise::Redirect) => return Carried::Redirect,
        Some(Promise::Error) => return Carried::Error,
        Some(_) => return Carried::Foreign,
        None => {}
    }
    match kind(headers) {
        _ if of == ErrandKind::Download => Carried::Flow,
        kind if kind.eq_ignore_ascii_case(EVENTS.as_bytes()) => Carried::Events,
        kind if kind.eq_ignore_ascii_case(b"text/html") => Carried::Foreign,
        kind if is_json(kind) || begins(kind, b"text/") => Carried::Whole,
        _ => Carried::Flow,
    }
}

/// The media type of server-sent events.
pub(crate) const EVENTS: &str = "text/event-stream";

/// What is no success, or cannot be read.
fn unlike(status: StatusCode, headers: &HeaderMap) -> Option<Promise> {
    if status.is_redirection() {
        return Some(Promise::Redirect);
    }
    if !status.is_success() {
        return Some(Promise::Error);
    }
    let encoded = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"identity"));
    encoded.then_some(Promise::Foreign)
}

/// The media type without its parameters.
fn kind(headers: &HeaderMap) -> &[u8] {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .map_or(&b""[..], header::HeaderValue::as_bytes);
    let kind = kind.split(|byte| *byte == b';').next();
    kind.unwrap_or_default().trim_ascii()
}

/// An undeclared type may be JSON.
fn is_json(kind: &[u8]) -> bool {
    kind.is_empty()
        || kind.eq_ignore_ascii_case(b"application/json")
        || (kind.len() > 5 && kind[kind.len() - 5..].eq_ignore_ascii_case(b"+json"))
}

fn begins(kind: &[u8], with: &[u8]) -> bool {
    kind.get(..with.len())
        .is_some_and(|front| front.eq_ignore_ascii_case(with))
}

/// What the caller gets for an answer with an error status.
pub(crate) fn by_status(
    speaks: &dyn Speaks,
    status: StatusCode,
    headers: &HeaderMap,
    body: &[u8],
    unix_now: u64,
    secrets: &Secrets,
) -> Failure {
    let said = speaks.error(status.as_u16(), headers, body);
    let (said, meant) = match said {
        Some(said) => (Some(said.error), said.status),
        None => (None, None),
    };
    let after = told_after(said.as_ref());
    let code = code_of_status(meant.unwrap_or(status.as_u16()), said.as_ref());
    let mut failure = told(code, said, secrets, || {
        format!("The provider answered with status {}.", status.as_u16())
    });
    if !speaks.is_openai() {
        failure = without_words(failure);
    }
    failure.retry_after = headers::retry_after(headers, unix_now)
        .or(after)
        .or_else(|| pause(code));
    if let Some(says) = &mut failure.upstream {
        says.status = Some(status.as_u16());
        says.headers = headers::passed(headers, secrets);
    }
    failure
}

/// The status that an error within a good answer would have had, in the words of
/// any dialect: no two of them mean different things by one.
fn status_of(said: &ErrorBody) -> u16 {
    match (said.kind.as_deref(), said.code.as_deref()) {
        (_, Some("API_KEY_INVALID" | "API_KEY_EXPIRED")) => 401,
        (Some("overloaded_error"), _) | (_, Some("overloaded" | "server_overloaded")) => 529,
        (
            Some(
                "rate_limit_error"
                | "rate_limit_exceeded"
                | "tokens"
                | "requests"
                | "RESOURCE_EXHAUSTED",
            ),
            _,
        )
        | (_, Some("rate_limit_exceeded" | "insufficient_quota")) => 429,
        (
            Some(
                "invalid_request_error"
                | "INVALID_ARGUMENT"
                | "FAILED_PRECONDITION"
                | "OUT_OF_RANGE",
            ),
            _,
        ) => 400,
        (Some("authentication_error" | "UNAUTHENTICATED"), _) | (_, Some("invalid_api_key")) => 401,
        (Some("billing_error"), _) => 402,
        // About what was asked for, and not about the key.
        (Some("permission_error" | "PERMISSION_DENIED"), _) => 403,
        (Some("not_found_error" | "NOT_FOUND"), _) => 404,
        (Some("request_too_large"), _) => 413,
        (Some("UNAVAILABLE"), _) => 503,
        (Some("timeout_error" | "DEADLINE_EXCEEDED"), _) => 504,
        (_, Some(code)) => code.parse().unwrap_or(500),
        _ => 500,
    }
}

/// What the caller gets for an error object inside a successful answer.
pub(crate) fn by_error(said: ErrorBody, secrets: &Secrets) -> Failure {
    let status = status_of(&said);
    let code = code_of_status(status, Some(&said));
    let after = told_after(Some(&said));
    let otherwise = || "The provider reported an error instead of an answer.".to_owned();
    let mut failure = told(code, Some(said), secrets, otherwise);
    failure.retry_after = after.or_else(|| pause(code));
    if let Some(says) = &mut failure.upstream {
        says.status = Some(status);
    }
    failure
}

/// The same without the words of a dialect that its caller does not know.
pub(crate) fn without_words(mut failure: Failure) -> Failure {
    if let Some(says) = &mut failure.upstream {
        (says.kind, says.code) = (None, None);
    }
    failure.param = None;
    failure
}

fn code_of_status(status: u16, said: Option<&ErrorBody>) -> Code {
    let quota = said.is_some_and(|said| {
        let quota = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default();
            // Anthropic has several limits on what is spent.
            matches!(text, "insufficient_quota" | "billing_error")
                || text.ends_with("spend_limit_reached")
        };
        quota(&said.code) || quota(&said.kind)
    });
    match status {
        401 | 403 | 407 => Code::UpstreamAuth,
        402 => Code::InsufficientQuota,
        408 => Code::UpstreamTimeout,
        429 if quota => Code::InsufficientQuota,
        429 => Code::UpstreamRateLimited,
        503 | 529 => Code::UpstreamOverloaded,
        400..=499 => Code::UpstreamRejected,
        _ => Code::UpstreamError,
    }
}

/// Why a request was refused that another model may take: by the codes of those
/// that have some, else by the words that their errors have (OpenAI, Azure,
/// Anthropic, Gemini, Bedrock, vLLM).
fn meaning(said: &ErrorBody) -> Option<Meaning> {
    const LONG: [&str; 8] = [
        "maximum context length",
        "context length",
        "context window",
        "context limit",
        "prompt is too long",
        "input is too long",
        "maximum number of tokens",
        "too many input tokens",
    ];
    const DISLIKED: [&str; 3] = [
        "content management policy",
        "content policy",
        "content filter",
    ];
    match said.code.as_deref() {
        Some("context_length_exceeded") => return Some(Meaning::TooLong),
        Some("content_filter" | "content_policy_violation" | "ResponsibleAIPolicyViolation") => {
            return Some(Meaning::Refused);
        }
        _ => {}
    }
    let front: String = said.message.chars().take(1000).collect();
    let text = front.to_ascii_lowercase();
    let says = |words: &[&str]| words.iter().any(|one| text.contains(one));
    if says(&LONG) {
        return Some(Meaning::TooLong);
    }
    says(&DISLIKED).then_some(Meaning::Refused)
}

/// When to come back, as an error itself tells it.
fn told_after(said: Option<&ErrorBody>) -> Option<Duration> {
    let after = said?.retry_after?;
    Some(after.min(RETRY_AFTER_CAP))
}

/// A second is what the SDKs wait by themselves; saying it costs nothing.
fn pause(code: Code) -> Option<Duration> {
    matches!(code, Code::UpstreamOverloaded).then_some(Duration::from_secs(1))
}

fn told(
    code: Code,
    said: Option<ErrorBody>,
    secrets: &Secrets,
    otherwise: impl FnOnce() -> String,
) -> Failure {
    let Some(said) = said else {
        let mut failure = Failure::new(code, otherwise());
        failure.upstream = Some(Box::default());
        return failure;
    };
    if code == Code::UpstreamAuth {
        let text = "The provider refused Tidegate's key; the operator must correct it.";
        let mut failure = Failure::new(code, text);
        failure.upstream = Some(Box::new(UpstreamSays {
            aside: Some(hidden(&said.message, secrets)),
            ..UpstreamSays::default()
        }));
        return failure;
    }
    // Nothing may be left of it, of a stack trace for instance.
    let message = Some(hidden(&said.message, secrets)).filter(|text| !text.is_empty());
    let mut failure = Failure::new(code, message.unwrap_or_else(otherwise));
    let own = code == Code::UpstreamRejected;
    let meaning = meaning(&said).filter(|_| own);
    failure.param = said.param.filter(|_| own).map(|text| short(&text, secrets));
    failure.upstream = Some(Box::new(UpstreamSays {
        kind: said.kind.filter(|_| own).map(|text| short(&text, secrets)),
        code: said.code.filter(|_| own).map(|text| short(&text, secrets)),
        meaning,
        ..UpstreamSays::default()
    }));
    failure
}

fn hidden(text: &str, secrets: &Secrets) -> String {
    secrets.with(|secrets| redact(text, secrets))
}

fn short(text: &str, secrets: &Secrets) -> String {
    let mut text = hidden(text, secrets);
    if let Some((end, _)) = text.char_indices().nth(128) {
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    #[test]
    fn an_error_that_is_a_stack_trace_only_still_says_something() {
        let trace = || ErrorBody {
            message: "Traceback (most recent call last)\n  File \"x.py\", line 1".to_owned(),
            ..ErrorBody::default()
        };
        let failure = by_error(trace(), &Secrets::default());
        assert!(failure.message.starts_with("The provider reported"));
        let body = serde_json::json!({ "error": { "message": trace().message } }).to_string();
        let headers = HeaderMap::new();
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        let openai = Dialect::OpenAi.speaks();
        let failure = by_status(
            openai,
            status,
            &headers,
            body.as_bytes(),
            0,
            &Secrets::default(),
        );
        assert_eq!(failure.message, "The provider answered with status 500.");
    }
}
