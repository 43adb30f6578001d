//! Requests of SDKs and of strangers; every promise of `request.rs` and of
//! `splice.rs` under its number.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

const MESSAGES: &str = r#""messages":[{"role":"user","content":"Hi"}]"#;

fn read(body: &str) -> Result<Peek<'_>, Refused> {
    scan(Endpoint::Chat, body.as_bytes(), &Limits::default())
}

/// A chat body with `more` members.
fn chat(more: &str) -> String {
    format!(r#"{{"model":"m",{MESSAGES}{more}}}"#)
}

fn refusal(body: &str) -> (Code, String) {
    let refused = read(body).expect_err(body);
    (refused.code, refused.param.unwrap_or_default())
}

#[test]
fn promise_1_what_counts_is_read() {
    let body = format!(
        r#" {{"model" : "gpt-4o", {MESSAGES}, "stream":true,"stream_options":{{"include_usage":true}},
        "user":"a\u00e4","max_tokens":5,"max_completion_tokens":7,"n":2,"x":[{{}}]}} "#
    );
    let peek = read(&body).expect("a good body");
    assert_eq!(
        (peek.model.as_ref(), peek.user.as_deref()),
        ("gpt-4o", Some("aä"))
    );
    assert!(peek.stream && peek.include_usage);
    assert_eq!((peek.max_tokens, peek.n), (Some(7), 2));
    assert!(matches!(peek.model, Cow::Borrowed(_)));

    let body = chat("");
    let peek = read(&body).expect("a bare body");
    assert!(!peek.stream && !peek.include_usage && peek.user.is_none());
    assert_eq!((peek.max_tokens, peek.n), (None, 1));
}

#[test]
fn null_is_as_good_as_nothing() {
    let body = chat(
        r#","stream":null,"stream_options":null,"user":null,"n":null,"tools":null,"stop":null,"max_tokens":null"#,
    );
    let peek = read(&body).expect("nulls pass");
    assert!(!peek.stream && !peek.include_usage && peek.user.is_none());
    assert_eq!(
        refusal(&format!(r#"{{"model":null,{MESSAGES}}}"#)).1,
        "model"
    );
    assert_eq!(refusal(r#"{"model":"m","messages":null}"#).1, "messages");
}

#[test]
fn promise_3_a_refusal_names_the_field() {
    let long = "x".repeat(257);
    let many = |count: usize, one: &str| vec![one; count].join(",");
    for (body, param) in [
        ("{}".to_owned(), "model"),
        (format!("{{{MESSAGES}}}"), "model"),
        (format!(r#"{{"model":"",{MESSAGES}}}"#), "model"),
        (format!(r#"{{"model":"  ",{MESSAGES}}}"#), "model"),
        (format!(r#"{{"model":7,{MESSAGES}}}"#), "model"),
        (format!(r#"{{"model":"a\nb",{MESSAGES}}}"#), "model"),
        (format!(r#"{{"model":"{long}",{MESSAGES}}}"#), "model"),
        (r#"{"model":"m"}"#.to_owned(), "messages"),
        (r#"{"model":"m","messages":"Hi"}"#.to_owned(), "messages"),
        (chat(r#","stream":"true""#), "stream"),
        (chat(r#","stream":1"#), "stream"),
        (chat(r#","stream_options":true"#), "stream_options"),
        (
            chat(r#","stream_options":{"include_usage":1}"#),
            "stream_options.include_usage",
        ),
        (chat(r#","n":9"#), "n"),
        (chat(r#","n":0"#), "n"),
        (chat(r#","n":"2""#), "n"),
        (chat(r#","n":1.5"#), "n"),
        (chat(r#","best_of":9"#), "best_of"),
        (chat(&format!(r#","tools":[{}]"#, many(129, "{}"))), "tools"),
        (
            chat(&format!(r#","functions":[{}]"#, many(129, "{}"))),
            "functions",
        ),
        (chat(&format!(r#","stop":[{}]"#, many(17, "\"x\""))), "stop"),
    ] {
        assert_eq!(
            refusal(&body),
            (Code::InvalidValue, param.to_owned()),
            "{body}"
        );
    }
    for body in [
        chat(&format!(r#","n":8,"tools":[{}]"#, many(128, "{}"))),
        chat(&format!(r#","stop":[{}]"#, many(16, "\"x\""))),
        chat(r#","stop":"x","max_tokens":-1,"user":7"#),
        format!(r#"{{"model":"{}",{MESSAGES}}}"#, &long[1..]),
    ] {
        assert!(read(&body).is_ok(), "{body}");
    }
}

#[test]
fn promise_2_what_counts_stands_once_in_any_spelling() {
    for name in ONCE {
        let value = match *name {
            "messages" => "[]",
            "stream" => "true",
            "stream_options" => "{}",
            "n" | "best_of" => "1",
            _ => "\"x\"",
        };
        // The second one hides its first letter behind an escape.
        let hidden = format!("\\u00{:02x}{}", name.as_bytes()[0], &name[1..]);
        let body = format!(r#"{{"{name}":{value},"{hidden}":null}}"#);
        assert_eq!(
            refusal(&body),
            (Code::InvalidValue, (*name).to_owned()),
            "{body}"
        );
    }
    let twice = chat(r#","stream_options":{"include_usage":false,"include_usage":true}"#);
    assert_eq!(refusal(&twice).1, "stream_options.include_usage");
    assert!(
        read(&chat(r#","seed":1,"seed":2"#)).is_ok(),
        "what does not count is the upstream's"
    );
}

#[test]
fn where_keys_go_is_never_taken_from_a_caller() {
    for name in [
        "api_base",
        "base_url",
        "api_key",
        "provider_url",
        "API_BASE",
        r"api\u005fbase",
    ] {
        let body = chat(&format!(r#","{name}":null"#));
        let refused = read(&body).expect_err(name);
        assert_eq!(refused.code, Code::UnsupportedParameter);
        assert!(refused.param.is_some_and(|param| !param.contains('\\')));
    }
    // Inside a message or a tool it is text like any other.
    assert!(read(&chat(r#","metadata":{"api_base":"x"}"#)).is_ok());
}

#[test]
fn endpoints_ask_for_their_own() {
    let scan = |endpoint, body: &'static str| scan(endpoint, body.as_bytes(), &Limits::default());
    assert!(
        scan(
            Endpoint::Completions,
            r#"{"model":"m","prompt":"x","stream":true}"#
        )
        .is_ok()
    );
    assert!(scan(Endpoint::Embeddings, r#"{"model":"m","input":["x"]}"#).is_ok());
    let streamed = scan(
        Endpoint::Embeddings,
        r#"{"model":"m","input":"x","stream":true}"#,
    );
    assert_eq!(
        streamed.expect_err("no stream").param.as_deref(),
        Some("stream")
    );
    assert!(
        scan(
            Endpoint::Embeddings,
            r#"{"model":"m","input":"x","stream":false}"#
        )
        .is_ok()
    );
}

#[test]
fn what_is_no_request_is_refused_by_its_code() {
    let deep = chat(&format!(r#","x":{}"#, "[".repeat(100)));
    let wide = format!(r#"{{"model":"m","x":[{}0]}}"#, "0,".repeat(100_000));
    for (body, code) in [
        ("", Code::InvalidJson),
        ("[]", Code::InvalidJson),
        ("\"model\"", Code::InvalidJson),
        (r#"{"model":"m",}"#, Code::InvalidJson),
        (&format!("{} x", chat("")), Code::InvalidJson),
        (&chat(r#","user":"\u0000""#), Code::InvalidJson),
        (&deep, Code::JsonTooDeep),
        (&wide, Code::JsonTooLarge),
    ] {
        assert_eq!(refusal(body).0, code, "{body:.60}");
    }
    let broken = scan(Endpoint::Chat, b"{\"model\":\"\xff\"}", &Limits::default());
    assert_eq!(broken.expect_err("not UTF-8").code, Code::InvalidJson);
}

fn spliced(body: &str, edits: Edits<'_>) -> String {
    let bytes = Bytes::from(body.to_owned());
    let out = read(body).expect(body).splice(&bytes, edits);
    String::from_utf8(out.to_vec()).expect("text")
}

#[test]
fn splice_promise_1_only_the_edited_values_change() {
    let model = Edits {
        model: Some("new \"m\""),
        ask_usage: false,
    };
    let usage = Edits {
        model: None,
        ask_usage: true,
    };
    let both = Edits {
        model: Some("x"),
        ask_usage: true,
    };
    for (body, edits, expected) in [
        (
            r#"{ "model" : "m" ,"messages":[]}"#,
            model,
            r#"{ "model" : "new \"m\"" ,"messages":[]}"#,
        ),
        (
            r#"{"messages":[],"model":"m" }"#,
            usage,
            r#"{"messages":[],"model":"m","stream_options":{"include_usage":true} }"#,
        ),
        (
            r#"{"messages":[],"stream_options": null,"model":"m"}"#,
            both,
            r#"{"messages":[],"stream_options": {"include_usage":true},"model":"x"}"#,
        ),
        (
            r#"{"model":"m","stream_options":{ },"messages":[]}"#,
            both,
            r#"{"model":"x","stream_options":{"include_usage":true },"messages":[]}"#,
        ),
        (
            r#"{"model":"m","stream_options":{ "a":1},"messages":[]}"#,
            usage,
            r#"{"model":"m","stream_options":{"include_usage":true, "a":1},"messages":[]}"#,
        ),
        (
            r#"{"model":"m","stream_options":{"include_usage": false},"messages":[]}"#,
            usage,
            r#"{"model":"m","stream_options":{"include_usage": true},"messages":[]}"#,
        ),
        (
            r#"{"model":"m","stream_options":{"a":1,"include_usage":null},"messages":[]}"#,
            usage,
            r#"{"model":"m","stream_options":{"a":1,"include_usage":true},"messages":[]}"#,
        ),
    ] {
        assert_eq!(spliced(body, edits), expected);
    }
}

#[test]
fn splice_promise_2_no_edit_is_no_copy() {
    let body = Bytes::from(chat(r#","stream_options":{"include_usage":true}"#));
    let peek = scan(Endpoint::Chat, &body, &Limits::default()).expect("a good body");
    for edits in [
        Edits::default(),
        Edits {
            model: Some("m"),
            ask_usage: true,
        },
    ] {
        assert_eq!(peek.splice(&body, edits).as_ptr(), body.as_ptr());
    }
}

/// Values such as requests have.
fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any::<String>(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Bodies of requests: some members that count, others that do not.
fn requests() -> impl Strategy<Value = Map<String, Value>> {
    let options = prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        Just(Some(json!({}))),
        Just(Some(json!({"include_usage": false}))),
        Just(Some(json!({"a": [1], "include_usage": true, "z": null}))),
        Just(Some(json!({"chunk_bytes": 1}))),
    ];
    let others = prop::collection::vec(("[a-zA-Z_]{1,9}x", values()), 0..5);
    ("[a-z/-]{1,9}", values(), options, others).prop_map(|(model, content, options, others)| {
        let mut body: Map<String, Value> = others.into_iter().collect();
        body.insert("model".to_owned(), model.into());
        body.insert(
            "messages".to_owned(),
            json!([{"role": "user", "content": content}]),
        );
        if let Some(options) = options {
            body.insert("stream_options".to_owned(), options);
        }
        body
    })
}

proptest! {
    #[test]
    fn splice_promise_1_the_result_differs_in_the_edited_members_only(
        mut body in requests(), pretty in any::<bool>(), model in any::<Option<String>>(),
        ask_usage in any::<bool>(),
    ) {
        let text = if pretty { serde_json::to_string_pretty(&body)? } else { serde_json::to_string(&body)? };
        let text = text.replace("\\u0000", "0");
        body = serde_json::from_str(&text)?;
        let out = spliced(&text, Edits { model: model.as_deref(), ask_usage });
        if let Some(model) = &model {
            body.insert("model".to_owned(), model.clone().into());
        }
        if ask_usage {
            let options = body.entry("stream_options").or_insert(Value::Null);
            if options.is_null() {
                *options = json!({});
            }
            options["include_usage"] = true.into();
        }
        prop_assert_eq!(serde_json::from_str::<Map<String, Value>>(&out)?, body);
        if ask_usage && model.is_none() {
            prop_assert!(read(&out).is_ok_and(|peek| peek.include_usage));
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert!(scan(Endpoint::Chat, &bytes, &Limits::default()).is_err());
    }

    #[test]
    fn a_harmed_request_is_read_just_if_it_is_still_json(
        body in requests(), at in any::<prop::sample::Index>(),
        harm in prop::sample::select(vec!["\"", "\\", "{", "}", "[", "]", ",", ":", "\0", "1", " "]),
    ) {
        let mut text = serde_json::to_string(&body)?.replace("\\u0000", "0");
        let ends: Vec<_> = text.char_indices().map(|(index, _)| index).collect();
        text.insert_str(*at.get(&ends), harm);
        if let Ok(peek) = read(&text) {
            let value: Value = serde_json::from_str(&text)?;
            prop_assert_eq!(value["model"].as_str(), Some(peek.model.as_ref()));
        } else if let Ok(value) = serde_json::from_str::<Value>(&text) {
            // Still JSON: then the harm hit a key, or what its value may be.
            let model = value["model"].as_str().unwrap_or_default();
            let reason = model.is_empty()
                || model.chars().any(char::is_control)
                || !value["messages"].is_array()
                || !(value["stream_options"].is_object() || value["stream_options"].is_null())
                || text.contains("\\u0000");
            prop_assert!(reason, "{}", text);
        }
    }
}
