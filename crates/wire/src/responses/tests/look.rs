//! Answers that pass: what is seen of them, without a change.
//!
//! `native.sse` is a stream as the service sends it; what the writer makes is
//! looked at too, which must be seen as the same.

use proptest::prelude::*;
use tidegate_types::Usage;

use super::super::{Looker, Writer, look_answer, write_answer};
use super::{BROKEN, asked, write};
use crate::chat::{Answer as Told, Choice, Encode, Event, Part, Stop, Tokens};
use crate::openai::{Answer, Chunk, Look};
use crate::sse::{Framer, Kind};

const STREAM: &[u8] = include_bytes!("native.sse");
const ANSWER: &[u8] = include_bytes!("answer.json");

fn looks(stream: &[u8]) -> (Vec<Look>, Option<Usage>) {
    let (mut framer, mut looker) = (Framer::new(1 << 20), Looker::default());
    let mut looks = Vec::new();
    framer.push(stream);
    while let Some(event) = framer.next() {
        let event = event.unwrap();
        if event.kind() == Kind::Data {
            looks.push(looker.look_event(&event));
        }
    }
    (looks, looker.usage())
}

fn chunk(look: &Look) -> Chunk {
    let Look::Chunk(chunk) = look else {
        panic!("{look:?}");
    };
    *chunk
}

fn usage(input: u64, output: u64) -> Option<Usage> {
    let estimated = false;
    Some(Usage {
        input,
        output,
        estimated,
    })
}

#[test]
fn a_stream_is_seen() {
    let (looks, told) = looks(STREAM);
    let (done, chunks) = looks.split_last().unwrap();
    assert_eq!((done, told), (&Look::Done, usage(80, 40)));
    let chunks: Vec<_> = chunks.iter().map(chunk).collect();
    let content: String = chunks
        .iter()
        .map(|chunk| if chunk.content { 'x' } else { '.' })
        .collect();
    assert_eq!(content, "...x..x.x.xxxx.");
    let bytes: u32 = chunks.iter().map(|chunk| chunk.text_bytes).sum();
    assert_eq!(bytes, 4 + 2 + 3 + 2);
    assert!(
        chunks
            .iter()
            .all(|chunk| !chunk.finish && !chunk.calls && !chunk.empty_choices)
    );
}

#[test]
fn a_stream_that_we_wrote_is_seen() {
    let start = Event::Start {
        id: "",
        model: "m",
        created: None,
        tokens: None,
    };
    let text = Event::Text {
        choice: 0,
        text: "Hi",
    };
    let tokens = Tokens {
        input: 3,
        output: 1,
        ..Tokens::default()
    };
    for (stop, cut) in [(Stop::End, false), (Stop::Length, true)] {
        let stop = Event::Stop { choice: 0, stop };
        let mut writer = Writer::new(asked(), 1000);
        let events = [start.clone(), text.clone(), stop, Event::Tokens(tokens)];
        let mut out = write(&mut writer, &events);
        out.extend(write(&mut writer, &[Event::End]));
        let named = String::from_utf8_lossy(&out).contains("event: response.incomplete");
        let (looks, told) = looks(&out);
        assert_eq!(looks.last(), Some(&Look::Done));
        assert_eq!((told, named), (usage(3, 1), cut));
    }
    for begun in [&[][..], &[start, text]] {
        let mut writer = Writer::new(asked(), 1000);
        let mut out = write(&mut writer, begun);
        writer.fail(&BROKEN, &mut out);
        let (looks, _) = looks(&out);
        let Some(Look::Error(body)) = looks.last() else {
            panic!("{looks:?}");
        };
        assert_eq!(
            (body.message.as_str(), body.code.as_deref()),
            ("Broken.", Some("model_crashed"))
        );
    }
}

#[test]
fn promise_1_failures_are_seen_wherever_they_are_told() {
    let flat = r#"{"type":"error","code":"server_error","message":"Down.","param":null}"#;
    let inner = r#"{"type":"error","error":{"type":"x","code":"server_error","message":"Down."}}"#;
    let failed = r#"{"type":"response.failed","response":{"object":"response","status":"failed","error":{"code":"server_error","message":"Down."}}}"#;
    for event in [
        format!("event: error\ndata: {flat}\n\n"),
        format!("data: {flat}\n\n"),
        format!("data: {inner}\n\n"),
        format!("event: response.failed\ndata: {failed}\n\n"),
        "data: {\"error\":{\"code\":\"server_error\",\"message\":\"Down.\"}}\n\n".to_owned(),
    ] {
        let (looks, _) = looks(event.as_bytes());
        let [Look::Error(body)] = &looks[..] else {
            panic!("{event}: {looks:?}");
        };
        assert_eq!(
            (body.message.as_str(), body.code.as_deref()),
            ("Down.", Some("server_error"))
        );
        assert_ne!(body.kind.as_deref(), Some("error"));
    }
    let (seen, _) = looks(b"event: error\ndata: Down.\n\n");
    assert!(matches!(&seen[..], [Look::Error(body)] if body.message == "Down."));
    let silent = b"data: {\"type\":\"response.failed\",\"response\":{\"error\":null}}\n\n";
    let (seen, _) = looks(silent);
    assert!(matches!(&seen[..], [Look::Error(body)] if body.message.contains("does not say why")));
}

#[test]
fn broken_events_and_strange_ends_are_seen() {
    assert_eq!(looks(b"data: {\"type\":\n\n").0, [Look::Malformed]);
    assert_eq!(looks(b"data: {\"type\":\"\xff\"}\n\n").0, [Look::NotUtf8]);
    // The end of other dialects is none here.
    let (seen, _) = looks(b"data: [DONE]\n\n");
    assert_eq!(seen, [Look::Chunk(Chunk::default())]);
    let (seen, _) = looks(b"event: response.completed\ndata: {}\n\n");
    assert_eq!(seen, [Look::Done]);
}

#[test]
fn a_whole_answer_is_seen() {
    let Answer::Ok { usage, text_bytes } = look_answer(ANSWER) else {
        panic!("no answer");
    };
    assert!(usage.is_some() && text_bytes > 0);
    let answer = Told {
        choices: vec![Choice {
            parts: vec![Part::Refusal("No.".to_owned())],
            ..Choice::default()
        }],
        ..Told::default()
    };
    let written = write_answer(&answer, &asked());
    let (usage, text_bytes) = (None, 3);
    assert_eq!(look_answer(&written), Answer::Ok { usage, text_bytes });
    let failed = r#"{"object":"response","status":"failed","error":{"code":"server_error","message":"Down."},"output":[]}"#;
    let silent = r#"{"object":"response","status":"failed","error":null}"#;
    let bare = r#"{"error":{"message":"Down.","code":"server_error"}}"#;
    for (body, message) in [
        (failed, "Down."),
        (bare, "Down."),
        (
            silent,
            "The provider's response failed, and does not say why.",
        ),
    ] {
        let Answer::Error(said) = look_answer(body.as_bytes()) else {
            panic!("{body}");
        };
        assert_eq!(said.message, message);
    }
    for body in ["", "{}", "[]", "{\"output\":7}", "{\"output\":[]", "null"] {
        assert_eq!(look_answer(body.as_bytes()), Answer::Malformed, "{body}");
    }
}

proptest! {
    /// No bytes make a look panic, and what is cut is no answer.
    #[test]
    fn nothing_makes_it_panic(bytes in any::<Vec<u8>>(), cut in 0..ANSWER.len() - 1) {
        look_answer(&bytes);
        looks(&[b"data: ", &bytes[..], b"\n\n"].concat());
        prop_assert_eq!(look_answer(&ANSWER[..cut]), Answer::Malformed);
    }

    /// An event that nobody knows passes, and is no content.
    #[test]
    fn events_that_are_not_known_have_no_content(
        name in "[a-z_]{1,12}(\\.[a-z_]{1,12})?",
        text in ".{0,12}",
    ) {
        prop_assume!(name != "error" && !name.ends_with(".delta"));
        let data = serde_json::json!({"type": format!("response.x{name}"), "text": text, "item": {"id": 7}});
        let (looks, _) = looks(format!("data: {data}\n\n").as_bytes());
        prop_assert!(!chunk(&looks[0]).content);
    }
}
