//! Whatever an upstream sends, reading ends, with an answer or without: nothing
//! panics, and a stream has one start and one end at the most.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{read, stream};
use crate::gemini::{read_answer, read_error};

/// Values as they come in answers, and others.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-2i64..12).prop_map(Value::from),
        prop::sample::select(vec!["", "STOP", "SAFETY", "OTHER", "Hi", "3s"]).prop_map(Value::from),
    ];
    let names = prop::sample::select(vec![
        "candidates",
        "content",
        "parts",
        "text",
        "thought",
        "thoughtSignature",
        "functionCall",
        "name",
        "args",
        "finishReason",
        "index",
        "usageMetadata",
        "promptTokenCount",
        "error",
        "message",
        "details",
        "retryDelay",
        "promptFeedback",
        "blockReason",
        "logprobsResult",
    ]);
    leaf.prop_recursive(6, 48, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((names.clone(), inner), 0..6).prop_map(|members| {
                Value::Object(
                    members
                        .into_iter()
                        .map(|(k, v)| (k.to_owned(), v))
                        .collect(),
                )
            }),
        ]
    })
}

/// A part that is one, mostly.
fn part() -> impl Strategy<Value = Value> {
    prop_oneof![
        "[a-zé\"\n]{0,6}".prop_map(|text| json!({"text": text})),
        "[a-z]{0,6}".prop_map(|text| json!({"text": text, "thought": true})),
        "[a-z]{0,3}"
            .prop_map(|name| json!({"functionCall": {"name": name, "args": {"a": [1, 2]}}})),
        "[a-z]{0,3}".prop_map(|s| json!({"text": "t", "thoughtSignature": s})),
        value(),
    ]
}

fn answer() -> impl Strategy<Value = Value> {
    let reason = prop::sample::select(vec![json!(null), json!("STOP"), json!("MAX_TOKENS")]);
    let candidate = (0u32..3, prop::collection::vec(part(), 0..4), reason).prop_map(
        |(index, parts, reason)| {
            json!({"index": index, "content": {"parts": parts}, "finishReason": reason})
        },
    );
    prop_oneof![
        8 => prop::collection::vec(candidate, 0..3).prop_map(|all| json!({"candidates": all})),
        1 => value(),
    ]
}

/// One start in front, one end behind, and between them nothing of either;
/// behind the first stop no more pieces.
fn legal(events: &[String], whole: bool) {
    let count = |name: &str| {
        events
            .iter()
            .filter(|event| event.starts_with(name))
            .count()
    };
    assert!(count("Start") <= 1 && (events.is_empty() || events[0].starts_with("Start")));
    assert_eq!(count("End"), usize::from(whole));
    if whole {
        assert_eq!(events.last().map(String::as_str), Some("End"));
        let stop = events.iter().position(|event| event.starts_with("Stop"));
        let tail = &events[stop.expect("a whole stream has stops")..];
        for event in tail {
            let named = ["Stop", "Tokens", "End"]
                .iter()
                .any(|name| event.starts_with(name));
            assert!(named, "{event} behind a stop");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read_answer(&bytes);
        let _ = read_error(500, &bytes);
        let _ = read([bytes.as_slice()]);
    }

    #[test]
    fn no_json_makes_it_panic(value in value()) {
        let body = value.to_string();
        let _ = read_answer(body.as_bytes());
        let _ = read_error(500, body.as_bytes());
    }

    #[test]
    fn every_stream_is_legal(answers in prop::collection::vec(answer(), 0..5)) {
        if let Ok((events, whole)) = read([stream(&answers).as_slice()]) {
            legal(&events, whole);
        }
    }

    /// A whole answer and the same as a stream of one event say the same.
    #[test]
    fn whole_and_streamed_are_the_same(parts in prop::collection::vec(part(), 0..5)) {
        let answer = json!({"responseId": "r", "candidates": [
            {"content": {"parts": parts}, "finishReason": "STOP"},
        ]});
        let whole = read_answer(answer.to_string().as_bytes());
        let streamed = read([stream(&[answer]).as_slice()]);
        prop_assert_eq!(whole.is_ok(), streamed.is_ok());
        if let (Ok(whole), Ok((events, _))) = (whole, streamed) {
            let stop = format!("{:?}", whole.choices[0].stop.as_ref().unwrap());
            let told = events.iter().any(|event| event.ends_with(&format!("stop: {stop} }}")));
            prop_assert!(told, "{} in {:?}", stop, events);
        }
    }
}
