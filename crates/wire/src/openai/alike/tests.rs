//! That the short way says what the long way says, whatever comes in between.
//!
//! Each case goes both ways, and the two are compared whole.

use proptest::prelude::*;

use super::{Alike, LARGEST};
use crate::openai::{Look, look_event};
use crate::sse::Framer;

fn delta(inside: &str) -> String {
    format!(r#"{{"id":"c","choices":[{{"index":0,"delta":{{{inside}}},"finish_reason":null}}]}}"#)
}

fn content(text: &str) -> String {
    delta(&format!(r#""content":"{text}""#))
}

/// What both ways say of these events of one stream; and how many of them went
/// the short way.
fn looks(events: &[String]) -> usize {
    let mut framer = Framer::new(1 << 20);
    let mut alike = Alike::default();
    let mut short = 0;
    for data in events {
        framer.push(format!("data: {data}\n\n").as_bytes());
        let event = framer
            .next()
            .expect("a whole event")
            .expect("in its bounds");
        short += usize::from(alike.text(&event.data()).is_some());
        assert_eq!(alike.look_event(&event), look_event(&event), "{data}");
        framer.skip();
    }
    short
}

#[test]
fn promise_2_chunks_that_differ_in_their_text_go_the_short_way() {
    let events = ["Hello", ", ", "tide", " of \u{fc}\u{4e2d}", "!"].map(content);
    assert_eq!(looks(&events), 4);
    // An end in between costs one look at the chunk behind it.
    let end = r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;
    let events = [content("a"), end.to_owned(), content("b"), content("c")];
    assert_eq!(looks(&events), 1);
}

#[test]
fn promise_1_a_text_that_ends_early_is_no_text() {
    let before = content("a");
    for text in [
        r#"b","refusal":"c"#,
        r#"b"}},{"index":1,"delta":{"content":"c"#,
        r#"b"},"finish_reason":"stop","x":{"y":"z"#,
        r#"b\""#,
        r"b\",
        r"\u12",
        "b\u{1}",
        "",
    ] {
        assert_eq!(looks(&[before.clone(), content(text)]), 0, "{text}");
    }
    let mut framer = Framer::new(1 << 20);
    let mut alike = Alike::default();
    for data in [
        before.into_bytes(),
        [&content("")[..41], "\u{7f}"].concat().into_bytes(),
    ] {
        framer.push(&[b"data: ", &data[..], b"\n\n"].concat());
        let event = framer
            .next()
            .expect("a whole event")
            .expect("in its bounds");
        assert_eq!(alike.look_event(&event), look_event(&event));
        framer.skip();
    }
}

#[test]
fn promise_1_bytes_that_are_no_text_are_told() {
    let mut framer = Framer::new(1 << 20);
    let mut alike = Alike::default();
    let good = content("ab");
    let bad = good.clone().into_bytes();
    let bad: Vec<u8> = bad
        .iter()
        .map(|byte| if *byte == b'b' { 0xff } else { *byte })
        .collect();
    for (data, expected) in [(good.as_bytes(), false), (&bad, true)] {
        framer.push(&[b"data: ", data, b"\n\n"].concat());
        let event = framer
            .next()
            .expect("a whole event")
            .expect("in its bounds");
        assert_eq!(alike.look_event(&event) == Look::NotUtf8, expected);
        framer.skip();
    }
}

#[test]
fn promise_1_content_that_is_not_the_text_stays() {
    let both = |text| delta(&format!(r#""tool_calls":[{{}}],"content":"{text}""#));
    looks(&[both("a"), both(""), both("b")]);
    let two = |text| delta(&format!(r#""content":"a","refusal":"{text}""#));
    assert_eq!(looks(&[two("a"), two("b"), two("c")]), 0);
    let twice = |text| delta(&format!(r#""content":"{text}","content":"{text}""#));
    assert_eq!(looks(&[twice("a"), twice("b")]), 0);
}

#[test]
fn promise_3_a_frame_that_is_too_large_is_not_kept() {
    let wide = |text| {
        format!(
            r#"{{"x":"{}","choices":[{{"delta":{{"content":"{text}"}}}}]}}"#,
            "x".repeat(LARGEST)
        )
    };
    assert_eq!(looks(&[wide("a"), wide("b")]), 0);
}

proptest! {
    #[test]
    fn promise_1_both_ways_say_the_same(
        events in prop::collection::vec(
            prop_oneof![
                "[a-c\"\\\\{}:,\u{fc}\\n]{0,6}".prop_map(|text| content(&text)),
                "[a-c ]{0,4}".prop_map(|text| content(&text)),
                "[a-c]{0,3}".prop_map(|text| delta(&format!(r#""reasoning_content":"{text}""#))),
                "[a-c]{0,3}".prop_map(|text| delta(&format!(r#""role":"assistant","content":"{text}""#))),
                Just(delta(r#""tool_calls":[{"index":0,"function":{"arguments":"{"}}]"#)),
                Just("[DONE]".to_owned()),
                Just("{".to_owned()),
                Just(r#"{"error":{"message":"no"}}"#.to_owned()),
                Just(r#"{"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#.to_owned()),
            ],
            1..12,
        ),
    ) {
        looks(&events);
    }
}
