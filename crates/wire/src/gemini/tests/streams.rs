//! Streams: their events, their ends, and any cut of their bytes.
//! The long example stands in `stream.sse`.

use proptest::prelude::*;
use serde_json::json;

use super::{read, stream};
use crate::chat::Malformed;

const EXAMPLE: &[u8] = include_bytes!("stream.sse");

/// What is told of the long example.
const TOLD: &[&str] = &[
    r#"Start { id: "o2MUaf3_JcKVkdUP", model: "gemini-2.5-flash", created: None, tokens: Some(Tokens { input: 9, output: 52, cached: None, cache_written: None, reasoning: Some(52) }) }"#,
    r#"Thinking { choice: 0, text: "**Counting**\n\nThree words will do." }"#,
    r#"Text { choice: 0, text: "One, " }"#,
    r#"Text { choice: 0, text: "\"two\" é\n" }"#,
    r#"Signature { choice: 0, signature: "gemini:CikB" }"#,
    r#"Call { choice: 0, call: 0, id: "call_o2MUaf3_JcKVkdUP_00", name: "add" }"#,
    r#"Arguments { choice: 0, call: 0, text: "{\"b\": 2, \"a\":1}" }"#,
    r#"Call { choice: 0, call: 1, id: "fc-7", name: "now" }"#,
    r#"Arguments { choice: 0, call: 1, text: "{}" }"#,
    r#"Stop { choice: 0, stop: Calls }"#,
    r#"Tokens(Tokens { input: 9, output: 60, cached: None, cache_written: None, reasoning: Some(52) })"#,
    r#"End"#,
];

#[test]
fn the_documented_stream() {
    let (events, whole) = read([EXAMPLE]).unwrap();
    assert_eq!(events, TOLD);
    assert!(whole);
}

/// Each event is told before the next one is there, and no end before the end.
#[test]
fn promise_1_events_are_told_at_once() {
    let mut seen = Vec::new();
    for (end, _) in EXAMPLE
        .windows(2)
        .enumerate()
        .filter(|(_, two)| two == b"\n\n")
    {
        let (events, _) = read([&EXAMPLE[..end + 2]]).unwrap();
        seen.push(
            events
                .iter()
                .filter(|event| !event.starts_with("Stop"))
                .count(),
        );
    }
    // The last is whole: the tokens and the end are told with it.
    assert_eq!(seen, [2, 3, 4, 9 + 2]);
}

#[test]
fn promise_3_a_stream_without_a_reason_was_cut() {
    let chunk = |text: &str| json!({"candidates": [{"content": {"parts": [{"text": text}]}}]});
    let (events, whole) = read([stream(&[chunk("One"), chunk("two")]).as_slice()]).unwrap();
    assert!(!whole);
    assert!(
        !events.iter().any(|e| e == "End" || e.starts_with("Stop")),
        "{events:?}"
    );
    let (events, whole) = read([]).unwrap();
    assert!(!whole && events.is_empty());
    // Of two choices one only ended.
    let half = json!({"candidates": [
        {"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP", "index": 0},
        {"content": {"parts": [{"text": "b"}]}, "index": 1},
    ]});
    assert!(!read([stream(&[half]).as_slice()]).unwrap().1);
}

/// Some models give the reason with each event, and call behind it.
#[test]
fn promise_2_a_reason_is_the_end_only_at_the_end() {
    let answers = [
        json!({"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]}),
        json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "f"}}]}}]}),
        json!({"usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 4}}),
    ];
    let (events, whole) = read([stream(&answers).as_slice()]).unwrap();
    assert!(whole);
    assert_eq!(
        events
            .iter()
            .filter(|event| event.starts_with("Start"))
            .count(),
        1
    );
    let tail: Vec<_> = events.iter().rev().take(3).rev().collect();
    assert_eq!(tail[0], "Stop { choice: 0, stop: Calls }");
    assert!(
        tail[1].starts_with("Tokens(Tokens { input: 3, output: 4,"),
        "{tail:?}"
    );
    assert_eq!(tail[2], "End");
}

#[test]
fn a_prompt_that_was_held_back_is_a_filtered_stream() {
    let blocked = json!({"promptFeedback": {"blockReason": "SAFETY"}, "modelVersion": "m"});
    let (events, whole) = read([stream(std::slice::from_ref(&blocked)).as_slice()]).unwrap();
    assert!(whole);
    assert_eq!(events[1..], ["Stop { choice: 0, stop: Filter }", "End"]);
    // In the middle of an answer too.
    let begun = json!({"candidates": [{"content": {"parts": [{"text": "Once"}]}}]});
    let (events, whole) = read([stream(&[begun, blocked]).as_slice()]).unwrap();
    assert!(whole);
    assert_eq!(events[2..], ["Stop { choice: 0, stop: Filter }", "End"]);
}

#[test]
fn choices_have_their_own_texts_calls_and_stops() {
    let said =
        |index: u32, text: &str| json!({"index": index, "content": {"parts": [{"text": text}]}});
    let call = json!({"index": 1, "finishReason": "STOP",
        "content": {"parts": [{"functionCall": {"id": "x", "name": "f", "args": {}}}]}});
    let answers = [
        json!({"candidates": [said(0, "a"), said(1, "b")], "responseId": "r"}),
        json!({"candidates": [call, {"index": 0, "finishReason": "MAX_TOKENS"}]}),
    ];
    let (events, whole) = read([stream(&answers).as_slice()]).unwrap();
    assert!(whole);
    assert_eq!(
        events[1..],
        [
            r#"Text { choice: 0, text: "a" }"#,
            r#"Text { choice: 1, text: "b" }"#,
            r#"Call { choice: 1, call: 0, id: "x", name: "f" }"#,
            r#"Arguments { choice: 1, call: 0, text: "{}" }"#,
            "Stop { choice: 0, stop: Length }",
            "Stop { choice: 1, stop: Calls }",
            "End",
        ]
    );
}

#[test]
fn failures_in_the_stream_are_told() {
    let begun = json!({"candidates": [{"content": {"parts": [{"text": "Once"}]}}]});
    for (broken, kind) in [
        (
            json!({"error": {"code": 503, "message": "Overloaded.", "status": "UNAVAILABLE"}}),
            Some("UNAVAILABLE"),
        ),
        (
            json!({"candidates": [{"finishReason": "MALFORMED_FUNCTION_CALL"}]}),
            Some("MALFORMED_FUNCTION_CALL"),
        ),
        (
            json!({"candidates": [{"content": {"parts": [{"inlineData": {"data": "iVBO"}}]}}]}),
            Some("invalid_request_error"),
        ),
    ] {
        let read = read([stream(&[begun.clone(), broken]).as_slice()]);
        let Err(Malformed::Error(error)) = read else {
            panic!("{read:?}");
        };
        assert_eq!(error.kind.as_deref(), kind);
        assert!(!error.message.is_empty());
    }
    for broken in [
        json!({"candidates": [{"index": 8, "finishReason": "STOP"}]}),
        json!({"candidates": [{"content": {"parts": [{"functionCall": {"name": "f", "willContinue": true}}]}}]}),
        json!(["not", "an", "answer"]),
        json!("[DONE]"),
    ] {
        let read = read([stream(&[begun.clone(), broken]).as_slice()]);
        assert!(matches!(read, Err(Malformed::Frame)), "{read:?}");
    }
}

proptest! {
    /// However the bytes are cut, the same is told.
    #[test]
    fn any_cut_gives_the_same_events(mut cuts in prop::collection::vec(0..EXAMPLE.len(), 0..8)) {
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut from = 0;
        for cut in cuts {
            pieces.push(&EXAMPLE[from..cut]);
            from = cut;
        }
        pieces.push(&EXAMPLE[from..]);
        let (events, whole) = read(pieces).unwrap();
        prop_assert!(whole);
        prop_assert_eq!(events, TOLD);
    }
}
