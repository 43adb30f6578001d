//! What makes another question of a call, and what makes none of it.
//!
//! The matrix of the key: each part of a call, changed once.

use std::collections::HashSet;

use http::{HeaderMap, HeaderName, HeaderValue};
use kernel::Priority;
use tidegate_kernel as kernel;

use super::*;
use crate::prepare::Said;

fn call(endpoint: Endpoint, body: &str) -> Call {
    Call {
        subject: Subject::Model(endpoint),
        body: Bytes::copy_from_slice(body.as_bytes()),
        upload: None,
        forwarded: HeaderMap::new(),
        patience: None,
        tenant: 0,
        priority: Priority::Interactive,
        said: Said::default(),
    }
}

fn of(call: &Call) -> Option<Question> {
    question(call, &call.body, &Limits::default())
}

const BODY: &str = r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}],"temperature":0.5,"max_tokens":7,"stream":false,"n":1,"seed":3,"tools":[{"type":"function","function":{"name":"f"}}],"user":"u"}"#;

/// R-G10: whatever differs is another question.
#[test]
fn r_g10_each_part_that_is_changed_makes_another_question() {
    let mut seen = HashSet::new();
    let mut is_new = |call: &Call, what: &str| {
        let question = of(call).unwrap_or_else(|| panic!("{what}"));
        assert!(seen.insert(question.key), "{what} is the same question");
    };
    is_new(&call(Endpoint::Chat, BODY), "the first");
    for (from, to) in [
        (r#""model":"m""#, r#""model":"n""#),
        (r#""role":"user""#, r#""role":"system""#),
        (r#""text":"hi""#, r#""text":"hi ""#),
        ("AAAA", "AAAB"),
        ("image/png", "image/jpeg"),
        ("0.5", "0.6"),
        (r#""max_tokens":7"#, r#""max_tokens":8"#),
        (r#""stream":false"#, r#""stream":true"#),
        (r#""n":1"#, r#""n":2"#),
        (r#""seed":3"#, r#""seed":4"#),
        (r#""name":"f""#, r#""name":"g""#),
        (r#""user":"u""#, r#""user":"v""#),
        (r#""user":"u""#, r#""user":"u","unknown":null"#),
        (r#","user":"u""#, ""),
    ] {
        let body = BODY.replacen(from, to, 1);
        assert_ne!(body, BODY, "{from}");
        is_new(&call(Endpoint::Chat, &body), to);
    }
    is_new(&call(Endpoint::Messages, BODY), "another endpoint");
    is_new(
        &Call {
            tenant: 1,
            ..call(Endpoint::Chat, BODY)
        },
        "another tenant",
    );
    let mut with = call(Endpoint::Chat, BODY);
    with.said.session = Some("s".to_owned());
    is_new(&with, "a session");
    with.said.fallbacks = vec!["f".to_owned()];
    is_new(&with, "a fallback");
    for value in ["a", "b"] {
        let mut with = call(Endpoint::Chat, BODY);
        let name = HeaderName::from_static("openai-beta");
        with.forwarded.insert(name, HeaderValue::from_static(value));
        is_new(&with, "a header");
    }
}

#[test]
fn what_says_the_same_is_the_same_question() {
    let pretty: serde_json::Value = serde_json::from_str(BODY).unwrap();
    let pretty = serde_json::to_string_pretty(&pretty).unwrap();
    let one = of(&call(Endpoint::Chat, BODY)).unwrap();
    assert_eq!(of(&call(Endpoint::Chat, &pretty)).unwrap(), one);
    let mut batch = call(Endpoint::Chat, BODY);
    batch.priority = Priority::Batch;
    batch.patience = Some(Duration::from_secs(1));
    assert_eq!(
        of(&batch).unwrap(),
        one,
        "how urgent it is decides no answer"
    );
}

#[test]
fn what_does_more_than_answer_is_no_question() {
    let with = |more: &str| format!(r#"{{"model":"m","input":"x",{more}}}"#);
    for more in [
        r#""tools":[{"type":"web_search"}]"#,
        r#""tools":[{"type":"function"},{"type":"code_interpreter"}]"#,
        r#""store":true"#,
        r#""background":true"#,
        r#""previous_response_id":"r""#,
        r#""conversation":"c""#,
        r#""mcp_servers":[]"#,
        r#""x":"https://example.com/cat.png""#,
    ] {
        assert_eq!(of(&call(Endpoint::Responses, &with(more))), None, "{more}");
    }
    assert_eq!(of(&call(Endpoint::CountTokens, &with(r#""x":1"#))), None);
    assert_eq!(
        of(&call(Endpoint::Chat, "{\"model\":")),
        None,
        "it is told by who reads it"
    );
    assert!(of(&call(Endpoint::Responses, &with(r#""store":false"#))).is_some());
}

#[test]
fn a_caller_can_say_what_of_the_cache_it_wants() {
    let of = |text: &str| {
        let mut call = call(Endpoint::Chat, BODY);
        call.said.cache_control = Some(text.to_owned());
        of(&call).map(|one| (one.reads, one.keeps, one.only, one.max_age))
    };
    assert_eq!(of("no-cache"), Some((false, true, false, None)));
    assert_eq!(of("no-store"), None);
    assert_eq!(
        of("No-Store, only-if-cached"),
        Some((true, false, true, None))
    );
    let second = Some(Duration::from_secs(1));
    assert_eq!(of("max-age=1"), Some((true, true, false, second)));
    assert_eq!(
        of("max-age=x"),
        Some((true, true, false, Some(Duration::ZERO)))
    );
    assert_eq!(of("private"), Some((true, true, false, None)));
}
