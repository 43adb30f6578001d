//! Tool calls in pieces, as providers send them; every promise of `calls.rs`
//! under its number.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::openai::{Chunk, Look, look};

fn pieces(data: &str) -> Vec<CallPiece<'_>> {
    let mut pieces = Vec::new();
    call_pieces(data.as_bytes(), |piece| pieces.push(piece));
    pieces
}

fn fragment<'a>(choice: u64, call: Option<u64>, id: &'a str, arguments: &'a str) -> CallPiece<'a> {
    CallPiece::Fragment(CallFragment {
        choice,
        call,
        id: id.into(),
        arguments: arguments.into(),
    })
}

fn chunk(data: &str) -> Chunk {
    match look(data.as_bytes()) {
        Look::Chunk(chunk) => chunk,
        other => panic!("{data}: {other:?}"),
    }
}

#[test]
fn a_call_and_its_end_are_told() {
    let data = r#"{"choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":1,"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":\"\u00e4"}}]},"finish_reason":null}]}"#;
    assert_eq!(pieces(data), [fragment(0, Some(1), "c1", "{\"a\":\"ä")]);
    for (reason, cut) in [("stop", false), ("tool_calls", false), ("length", true)] {
        let data =
            format!(r#"{{"choices":[{{"index":2,"delta":{{}},"finish_reason":"{reason}"}}]}}"#);
        assert_eq!(pieces(&data), [CallPiece::End { choice: 2, cut }]);
    }
    for reason in ["null", "\"\"", "{}"] {
        let data = format!(r#"{{"choices":[{{"delta":null,"finish_reason":{reason}}}]}}"#);
        assert_eq!(pieces(&data), [], "{reason}");
    }
}

#[test]
fn promise_2_the_order_of_members_is_no_matter() {
    let data = r#"{"choices":[{"finish_reason":"length","delta":{"tool_calls":[{"function":{"arguments":"[","name":"f"},"id":"c","index":3}]},"index":1}]}"#;
    let expected = [
        fragment(1, Some(3), "c", "["),
        CallPiece::End {
            choice: 1,
            cut: true,
        },
    ];
    assert_eq!(pieces(data), expected);
}

#[test]
fn what_tells_no_index_has_its_position() {
    let data = r#"{"choices":[{},{"delta":{"tool_calls":[{"id":"a","function":{"arguments":"1"}},{"index":null,"id":null,"function":{"arguments":"2"}}]}}]}"#;
    let expected = [
        fragment(1, Some(0), "a", "1"),
        fragment(1, Some(1), "", "2"),
    ];
    assert_eq!(pieces(data), expected);
}

#[test]
fn the_old_function_call_is_one_too() {
    let data =
        r#"{"choices":[{"index":0,"delta":{"function_call":{"name":"f","arguments":"{"}}}]}"#;
    assert_eq!(pieces(data), [fragment(0, None, "", "{")]);
    assert!(chunk(data).calls);
}

#[test]
fn arguments_that_are_no_text_count_as_they_stand() {
    for (value, expected) in [("{\"a\": 1}", "{\"a\": 1}"), ("null", ""), ("7", "7")] {
        let data = format!(
            r#"{{"choices":[{{"delta":{{"tool_calls":[{{"function":{{"arguments":{value}}}}}]}}}}]}}"#
        );
        assert_eq!(pieces(&data), [fragment(0, Some(0), "", expected)]);
    }
}

#[test]
fn what_calls_no_function_has_no_pieces() {
    for data in [
        r#"{"choices":[{"index":0,"delta":{"content":"tool_calls"},"finish_reason":null}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"c","type":"custom","custom":{"name":"x","input":"{"}}]}}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":[]}},{"delta":{"tool_calls":[7,null]}},{"delta":[]}]}"#,
        r#"{"choices":[{"delta":{"tool_calls":{"function":{"arguments":"{"}}}},8]}"#,
        r#"{"choices":{"delta":{}},"tool_calls":[{"function":{"arguments":"{"}}]}"#,
    ] {
        assert_eq!(pieces(data), [], "{data}");
        assert!(!chunk(data).calls, "{data}");
    }
    for data in ["", "[DONE]", "[]"] {
        assert_eq!(pieces(data), [], "{data}");
    }
    call_pieces(b"{\"choices\":\xff", |piece| panic!("{piece:?}"));
}

#[test]
fn whole_is_one_value_and_nothing_else() {
    for whole in [
        "{}",
        " {\"a\":[1,{}]}\n",
        "\"\\u0000\\ud83d\"",
        "12345678901234567890",
        "{\"a\":1,\"a\":1}",
    ] {
        assert!(whole_arguments(whole), "{whole}");
    }
    for cut in [
        "", " ", "{", "{\"a", "{\"a\":", "{\"a\":1", "\"\\", "tru", "{}{}", "{}}", "-",
    ] {
        assert!(!whole_arguments(cut), "{cut}");
    }
    assert!(whole_arguments(&"[".repeat(crate::json::MAX_DEPTH + 1)));
    assert!(!whole_arguments(&"[".repeat(crate::json::MAX_DEPTH)));
}

proptest! {
    #[test]
    fn promise_1_what_was_cut_is_told_as_it_was(
        choice in 0u64..9, call in 0u64..9, id in any::<String>(), parts in prop::collection::vec(any::<String>(), 1..5),
    ) {
        let mut joined = String::new();
        for part in &parts {
            let data = json!({"choices": [{"index": choice, "delta": {"tool_calls": [
                {"index": call, "id": id, "function": {"arguments": part}},
            ]}}]}).to_string();
            prop_assert!(chunk(&data).calls);
            let seen = pieces(&data);
            let [CallPiece::Fragment(seen)] = &seen[..] else { panic!("{seen:?}") };
            prop_assert_eq!((seen.choice, seen.call, seen.id.as_ref()), (choice, Some(call), id.as_str()));
            joined.push_str(&seen.arguments);
        }
        prop_assert_eq!(joined, parts.concat());
    }

    #[test]
    fn whole_is_what_any_reader_takes(text in "[\\[\\]{}\":,0-9a\\\\tru e.-]{0,12}") {
        let other = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(whole_arguments(&text), other, "{}", text);
    }
}
