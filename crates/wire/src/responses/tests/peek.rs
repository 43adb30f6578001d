//! Requests that pass: what is read of them, what is refused, and that a splice
//! changes the model's name alone.

use bytes::Bytes;
use proptest::prelude::*;
use tidegate_types::Code;

use super::super::scan;
use crate::json::Limits;
use crate::openai::{Edits, Peek, Refused};

const FULL: &str = include_str!("conversation.json");

fn read(body: &str) -> Result<Peek<'_>, Refused> {
    scan(body.as_bytes(), &Limits::default())
}

/// A body with `more` members.
fn body(more: &str) -> String {
    format!(r#"{{"model":"m","input":"Hi"{more}}}"#)
}

#[test]
fn what_counts_is_read() {
    let full = body(r#","stream":true,"max_output_tokens":300,"user":"u-7","store":true"#);
    let peek = read(&full).unwrap();
    assert_eq!((peek.model.as_ref(), peek.n), ("m", 1));
    assert_eq!(
        (peek.user.as_deref(), peek.max_tokens),
        (Some("u-7"), Some(300))
    );
    assert!(peek.stream && peek.include_usage);
    let nulls = body(r#","stream":null,"user":null,"max_output_tokens":null,"tools":null"#);
    let peek = read(&nulls).unwrap();
    assert!(!peek.stream && peek.user.is_none() && peek.max_tokens.is_none());
}

#[test]
fn the_user_is_the_field_of_that_name_or_what_took_its_place() {
    let (user, safety) = (r#","user":"a""#, r#","safety_identifier":"b""#);
    let cache = r#","prompt_cache_key":"c""#;
    for (more, wanted) in [
        (format!("{cache}{safety}{user}"), Some("a")),
        (format!("{cache}{safety}"), Some("b")),
        (cache.to_owned(), Some("c")),
        (r#","user":7"#.to_owned(), None),
    ] {
        assert_eq!(
            read(&body(&more)).unwrap().user.as_deref(),
            wanted,
            "{more}"
        );
    }
}

#[test]
fn a_splice_changes_the_models_name_alone() {
    let bytes = Bytes::from_static(FULL.as_bytes());
    let peek = read(FULL).unwrap();
    let edits = |model| Edits {
        model,
        ask_usage: true,
    };
    let same = peek.splice(&bytes, edits(None));
    assert_eq!(same.as_ptr(), bytes.as_ptr());
    let other = peek.splice(&bytes, edits(Some("gpt-6")));
    let name = format!("\"{}\"", peek.model);
    assert_eq!(FULL.matches(&name).count(), 1);
    assert_eq!(other, FULL.replace(&name, "\"gpt-6\"").as_bytes());
}

#[test]
fn a_refusal_names_the_field() {
    let tools = vec!["{}"; 129].join(",");
    for (body, param) in [
        ("{}".to_owned(), "model"),
        (r#"{"model":"m"}"#.to_owned(), "input"),
        (r#"{"model":"m","input":null}"#.to_owned(), "input"),
        (r#"{"model":"m","input":{}}"#.to_owned(), "input"),
        (r#"{"model":7,"input":"Hi"}"#.to_owned(), "model"),
        (body(r#","mod\u0065l":"other""#), "model"),
        (body(r#","input":[]"#), "input"),
        (body(r#","store":false,"store":true"#), "store"),
        (body(r#","stream":"yes""#), "stream"),
        (body(r#","max_output_tokens":-1"#), "max_output_tokens"),
        (body(&format!(r#","tools":[{tools}]"#)), "tools"),
    ] {
        let refused = read(&body).expect_err(&body);
        assert_eq!(
            (refused.code, refused.param.as_deref()),
            (Code::InvalidValue, Some(param)),
            "{body}"
        );
    }
    let refused = read(&body(r#","Base_URL":"http://x""#)).unwrap_err();
    assert_eq!(refused.code, Code::UnsupportedParameter);
    let refused = read(&body(r#","background":true"#)).unwrap_err();
    assert_eq!(refused.code, Code::UnsupportedParameter);
    assert_eq!(refused.param.as_deref(), Some("background"));
    assert!(refused.message.contains("stream it"), "{}", refused.message);
    assert!(read(&body(r#","background":false"#)).is_ok());
    let deep = format!("{{\"x\":{}", "[".repeat(100));
    assert_eq!(read(&deep).unwrap_err().code, Code::JsonTooDeep);
    assert_eq!(read("[]").unwrap_err().code, Code::InvalidJson);
}

proptest! {
    /// No bytes make it panic, and cut bodies are refused.
    #[test]
    fn nothing_makes_it_panic(bytes in any::<Vec<u8>>(), cut in 0..FULL.trim_end().len()) {
        let read = |bytes: &[u8]| scan(bytes, &Limits::default()).is_ok();
        prop_assert!(!read(&FULL.as_bytes()[..cut]));
        read(&bytes);
    }
}
