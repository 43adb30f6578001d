//! Stream events as providers send them, and what each means; every promise of
//! `chunk.rs` under its number.

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::sse::{Framer, lossy_event};

fn chunk(data: &str) -> Chunk {
    match look(data.as_bytes()) {
        Look::Chunk(chunk) => chunk,
        other => panic!("{data}: {other:?}"),
    }
}

fn delta(delta: &str) -> Chunk {
    chunk(&format!(
        r#"{{"choices":[{{"index":0,"delta":{delta},"finish_reason":null}}]}}"#
    ))
}

#[test]
fn the_end_mark_may_have_spaces() {
    for data in ["[DONE]", " [DONE]", "[DONE] \t"] {
        assert_eq!(look(data.as_bytes()), Look::Done);
    }
}

#[test]
fn what_is_no_object_is_malformed() {
    for data in [
        "",
        "[done]",
        "[]",
        "null",
        "42",
        "\"x\"",
        "{",
        "{}x",
        "{\"choices\":[}",
        "{\"a\":01}",
    ] {
        assert_eq!(look(data.as_bytes()), Look::Malformed, "{data}");
    }
}

#[test]
fn promise_2_content_is_what_could_be_shown() {
    for (text, bytes) in [
        (r#"{"content":"Hi"}"#, 2),
        (r#"{"role":"assistant","content":"\u00e4\n"}"#, 3),
        (r#"{"reasoning_content":"hm"}"#, 2),
        (r#"{"reasoning":"hm"}"#, 2),
        (r#"{"refusal":"No."}"#, 3),
        (
            r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":""}}]}"#,
            1,
        ),
        (
            r#"{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\""}}]}"#,
            4,
        ),
        (r#"{"function_call":{"name":"f","arguments":"{}"}}"#, 3),
        (r#"{"content":[{"text":"x"}]}"#, 14),
    ] {
        let seen = delta(text);
        assert!(seen.content, "{text}");
        assert_eq!(seen.text_bytes, bytes, "{text}");
        assert!(!seen.finish && !seen.empty_choices && seen.usage.is_none());
    }
    // A tool call that tells only its id shows that the model has decided.
    assert!(delta(r#"{"tool_calls":[{"index":0,"id":"call_1"}]}"#).content);
}

#[test]
fn promise_2_a_role_or_nothing_is_no_content() {
    for text in [
        "{}",
        "null",
        "[]",
        r#"{"role":"assistant"}"#,
        r#"{"role":"assistant","content":""}"#,
        r#"{"content":null,"tool_calls":null,"refusal":null}"#,
        r#"{"tool_calls":[]}"#,
        r#"{"function_call":{}}"#,
        r#"{"content":[ ]}"#,
        r#"{"unknown":"x"}"#,
    ] {
        // The choice itself was seen; nothing else was.
        let seen = Chunk {
            seen: 1,
            ..Chunk::default()
        };
        assert_eq!(delta(text), seen, "{text}");
    }
}

#[test]
fn text_completions_are_read_too() {
    let seen = chunk(
        r#"{"object":"text_completion","choices":[{"text":"a","index":0},{"text":"bc","finish_reason":"stop"}]}"#,
    );
    assert_eq!(
        seen,
        Chunk {
            content: true,
            text_bytes: 3,
            finish: true,
            seen: 1,
            ended: 1,
            ..Chunk::default()
        }
    );
}

#[test]
fn choices_are_told_apart_by_their_indices() {
    let seen = chunk(
        r#"{"choices":[{"index":1,"delta":{}},{"finish_reason":"stop","index":3},{"delta":{}},{"index":900,"delta":{}}]}"#,
    );
    assert_eq!((seen.seen, seen.ended), (0b1011 | 1 << 63, 0b1000));
}

#[test]
fn a_finish_is_a_reason_given() {
    for (reason, finish) in [
        ("\"stop\"", true),
        ("\"length\"", true),
        ("null", false),
        ("\"\"", false),
    ] {
        let data = format!(r#"{{"choices":[{{"delta":{{}},"finish_reason":{reason}}}]}}"#);
        assert_eq!(chunk(&data).finish, finish, "{reason}");
    }
}

#[test]
fn usage_is_read_where_it_counts_something() {
    let seen = chunk(
        r#"{"choices":[],"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":0}}}"#,
    );
    assert!(seen.empty_choices);
    assert_eq!(
        seen.usage,
        Some(Usage {
            input: 9,
            output: 3,
            estimated: false
        })
    );
    for usage in [
        "null",
        "{}",
        "7",
        r#"{"prompt_tokens":null}"#,
        r#"{"prompt_tokens":-1}"#,
    ] {
        let seen = chunk(&format!(r#"{{"choices":[],"usage":{usage}}}"#));
        assert_eq!((seen.usage, seen.empty_choices), (None, true), "{usage}");
    }
    assert!(chunk(r#"{"id":"x"}"#).empty_choices);
}

#[test]
fn promise_1_an_error_is_seen_beside_anything() {
    let data = r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"error"}],"error":{"message":"Over.","type":"overloaded_error","code":529}}"#;
    let Look::Error(body) = look(data.as_bytes()) else {
        panic!("not seen")
    };
    assert_eq!(
        (body.message.as_str(), body.kind.as_deref()),
        ("Over.", Some("overloaded_error"))
    );
    assert_eq!(body.code.as_deref(), Some("529"));
    assert!(matches!(look(br#"{"error":"text"}"#), Look::Error(_)));
    for nothing in ["null", "{}", "\"\"", "false", "[]"] {
        let data = format!(r#"{{"error":{nothing},"choices":[]}}"#);
        assert!(matches!(look(data.as_bytes()), Look::Chunk(_)), "{nothing}");
    }
}

fn looks(stream: &str) -> Vec<Look> {
    let mut framer = Framer::new(1000);
    framer.push(stream.as_bytes());
    let mut looks = Vec::new();
    while let Some(Ok(event)) = framer.next() {
        looks.push(look_event(&event));
    }
    looks
}

#[test]
fn promise_1_an_event_named_error_is_one_whatever_its_data() {
    let error = |message: &str| {
        Look::Error(ErrorBody {
            message: message.to_owned(),
            ..ErrorBody::default()
        })
    };
    let seen = looks(
        "event: error\ndata: {\"message\":\"a\"}\n\nevent: error\ndata: plain words\n\n\
         event: error\ndata: {\"error\":{\"message\":\"c\"}}\n\n\
         event: message\ndata: {\"message\":\"d\"}\n\n",
    );
    assert_eq!(seen[..3], [error("a"), error("plain words"), error("c")]);
    assert!(matches!(seen[3], Look::Chunk(_)));
}

#[test]
fn data_on_several_lines_are_one_json() {
    let seen = looks("data: {\"choices\":[{\"delta\":\ndata: {\"content\":\"ab\"}}]}\n\n");
    assert!(matches!(seen[0], Look::Chunk(Chunk { text_bytes: 2, .. })));
}

#[test]
fn what_is_not_utf8_is_told_and_can_be_mended() {
    let raw = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\xffb\"}}]}\n\n";
    let mut framer = Framer::new(1000);
    framer.push(raw);
    let mended = match framer.next() {
        Some(Ok(event)) => {
            assert_eq!(look_event(&event), Look::NotUtf8);
            lossy_event(event.raw())
        }
        other => panic!("{other:?}"),
    };
    framer.put(&mended);
    let out = framer.drain();
    let data = out.strip_prefix(b"data: ").expect("the line stays");
    assert!(matches!(
        look(data),
        Look::Chunk(Chunk { text_bytes: 5, .. })
    ));
}

#[test]
fn halves_of_a_surrogate_pair_are_not_malformed() {
    assert_eq!(delta(r#"{"content":"\ud83d"}"#).text_bytes, 3);
}

proptest! {
    #[test]
    fn the_text_measured_is_the_text_told(text in any::<String>(), reasoning in any::<String>()) {
        let data = json!({"choices": [{"delta": {"content": text, "reasoning": reasoning}}]});
        let seen = chunk(&data.to_string());
        prop_assert_eq!(seen.text_bytes as usize, text.len() + reasoning.len());
        prop_assert_eq!(seen.content, seen.text_bytes > 0);
    }

    #[test]
    fn any_bytes_get_a_look(data in prop::collection::vec(any::<u8>(), 0..80)) {
        let is_object = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(&data).is_ok();
        prop_assert_eq!(matches!(look(&data), Look::Chunk(_) | Look::Error(_)), is_object);
    }
}
