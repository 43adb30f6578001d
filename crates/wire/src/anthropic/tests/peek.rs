//! Requests that pass: what is read of them, what is refused, and that a splice
//! changes the model's name alone.

use bytes::Bytes;
use proptest::prelude::*;
use serde_json::Value;
use tidegate_types::Code;

use super::super::{Endpoint, scan};
use crate::json::Limits;
use crate::openai::{Edits, Peek, Refused};

const FULL: &str = include_str!("request.json");

fn read(body: &str) -> Result<Peek<'_>, Refused> {
    scan(Endpoint::Messages, body.as_bytes(), &Limits::default())
}

/// A body with `more` members.
fn body(more: &str) -> String {
    format!(r#"{{"model":"m","max_tokens":1,"messages":[]{more}}}"#)
}

#[test]
fn what_counts_is_read() {
    let peek = read(FULL).expect("a good request");
    assert_eq!(
        (peek.model.as_ref(), peek.user.as_deref()),
        ("claude-sonnet-4-5", Some("u-7"))
    );
    assert_eq!((peek.max_tokens, peek.n), (Some(2048), 1));
    assert!(peek.stream && peek.include_usage);
    let least = body(r#","stream":null,"metadata":{"user_id":null},"tools":null"#);
    let peek = read(&least).expect("nulls pass");
    assert!(!peek.stream && peek.user.is_none());
}

#[test]
fn a_splice_changes_the_models_name_alone() {
    let bytes = Bytes::from_static(FULL.as_bytes());
    let peek = read(FULL).expect("a good request");
    let edits = |model| Edits {
        model,
        ask_usage: true,
    };
    let same = peek.splice(&bytes, edits(None));
    assert_eq!(same.as_ptr(), bytes.as_ptr());
    let other = peek.splice(&bytes, edits(Some("claude-opus-4-1")));
    let wanted = FULL.replace("claude-sonnet-4-5", "claude-opus-4-1");
    assert_eq!(other, wanted.as_bytes());
}

#[test]
fn a_refusal_names_the_field() {
    let long = "x".repeat(257);
    let many = |count: usize, one: &str| vec![one; count].join(",");
    let cases = [
        ("{}".to_owned(), "model"),
        (r#"{"model":"m","max_tokens":1}"#.to_owned(), "messages"),
        (r#"{"model":"m","messages":[]}"#.to_owned(), "max_tokens"),
        (r#"{"model":7,"messages":[]}"#.to_owned(), "model"),
        (format!(r#"{{"model":"{long}"}}"#), "model"),
        (r#"{"messages":"Hi"}"#.to_owned(), "messages"),
        (r#"{"max_tokens":1.5}"#.to_owned(), "max_tokens"),
        (body(r#","stream":1"#), "stream"),
        (body(&format!(r#","tools":[{}]"#, many(129, "{}"))), "tools"),
        (
            body(&format!(r#","stop_sequences":[{}]"#, many(17, "\"x\""))),
            "stop_sequences",
        ),
        (body(r#","mod\u0065l":"other""#), "model"),
        (body(r#","messages":[]"#), "messages"),
        (body(r#","system":"a","system":"b""#), "system"),
        (
            body(r#","metadata":{"user_id":1,"user_id":"b"}"#),
            "metadata.user_id",
        ),
    ];
    for (body, param) in cases {
        let refused = read(&body).expect_err(&body);
        assert_eq!(
            (refused.code, refused.param.as_deref()),
            (Code::InvalidValue, Some(param)),
            "{body}"
        );
    }
    let refused = read(&body(r#","API_base":"http://x""#)).expect_err("never taken");
    assert_eq!(refused.code, Code::UnsupportedParameter);
    for (wrong, code) in [("", Code::InvalidJson), ("[]", Code::InvalidJson)] {
        assert_eq!(read(wrong).expect_err(wrong).code, code);
    }
    let deep = format!("{{\"x\":{}", "[".repeat(100));
    assert_eq!(read(&deep).expect_err("deep").code, Code::JsonTooDeep);
}

#[test]
fn counting_tokens_needs_no_bound_and_is_no_stream() {
    let body = br#"{"model":"m","messages":[],"stream":true}"#;
    let peek = scan(Endpoint::CountTokens, body, &Limits::default()).expect("a good request");
    assert_eq!((peek.max_tokens, peek.stream), (None, false));
    let paths = [Endpoint::Messages, Endpoint::CountTokens].map(Endpoint::path);
    assert_eq!(paths, ["/messages", "/messages/count_tokens"]);
}

proptest! {
    /// No bytes make it panic, and cut bodies are refused.
    #[test]
    fn nothing_makes_it_panic(bytes in any::<Vec<u8>>(), cut in 0..FULL.trim_end().len()) {
        let read = |bytes: &[u8]| scan(Endpoint::Messages, bytes, &Limits::default()).is_ok();
        prop_assert!(!read(&FULL.as_bytes()[..cut]));
        if read(&bytes) {
            prop_assert!(serde_json::from_slice::<Value>(&bytes).is_ok());
        }
        super::super::read_request(&bytes).map(drop).unwrap_or_default();
        prop_assert!(super::super::read_request(&FULL.as_bytes()[..cut]).is_err());
    }
}
