//! Answers that pass: what is seen of them, without a change.
//!
//! The same example as for the readers: both must see the same in it.

use proptest::prelude::*;
use tidegate_types::Usage;

use super::super::{Looker, look_answer, read_answer};
use crate::openai::{Answer, Chunk, Look};
use crate::sse::Framer;

const STREAM: &[u8] = include_bytes!("stream.sse");
const ANSWER: &[u8] = include_bytes!("answer.json");

fn looks(stream: &[u8]) -> Vec<Look> {
    let mut framer = Framer::new(1 << 20);
    let mut looker = Looker::default();
    let mut looks = Vec::new();
    framer.push(stream);
    while let Some(event) = framer.next() {
        looks.push(looker.look_event(&event.expect("a small event")));
    }
    looks
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
fn a_full_stream_is_seen() {
    let looks = looks(STREAM);
    let (done, chunks) = looks.split_last().expect("events");
    assert_eq!(*done, Look::Done);
    let chunks: Vec<_> = chunks.iter().map(chunk).collect();
    let content: String = chunks
        .iter()
        .map(|chunk| if chunk.content { 'x' } else { '.' })
        .collect();
    assert_eq!(content, "...xx..x..xx.xx.x.xx.x...");
    assert_eq!((chunks[0].usage, chunks[0].seen), (usage(142, 1), 1));
    let last = chunks.last().expect("a chunk");
    assert!(last.finish && last.ended == 1);
    assert_eq!(last.usage, usage(142, 89));
    assert_eq!(chunks.iter().filter(|chunk| chunk.finish).count(), 1);
    assert!(
        chunks
            .iter()
            .all(|chunk| !chunk.calls && !chunk.empty_choices)
    );
    let bytes: u32 = chunks.iter().map(|chunk| chunk.text_bytes).sum();
    assert_eq!(bytes, 86);
}

#[test]
fn errors_and_broken_events_are_seen() {
    let error = r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    for event in [
        format!("event: error\ndata: {error}\n\n"),
        format!("data: {error}\n\n"),
        "event: error\ndata: Overloaded\n\n".to_owned(),
    ] {
        let [Look::Error(body)] = &looks(event.as_bytes())[..] else {
            panic!("{event}");
        };
        assert_eq!(body.message, "Overloaded");
    }
    assert_eq!(looks(b"data: {\"type\":\n\n"), [Look::Malformed]);
    assert_eq!(looks(b"data: {\"type\":\"\xff\"}\n\n"), [Look::NotUtf8]);
    let named = looks(b"event: message_stop\ndata: {}\n\n");
    assert_eq!(named, [Look::Done]);
}

#[test]
fn a_full_answer_is_seen() {
    let Answer::Ok {
        usage: seen,
        text_bytes,
    } = look_answer(ANSWER)
    else {
        panic!("no answer");
    };
    assert_eq!(seen, usage(142, 89));
    assert!(text_bytes > 60, "{text_bytes}");
    let error = br#"{"type":"error","error":{"type":"api_error","message":"Internal"}}"#;
    let Answer::Error(body) = look_answer(error) else {
        panic!("no error");
    };
    assert_eq!(body.message, "Internal");
    for body in ["", "{}", "[]", "{\"content\":\"x\"}", "{\"content\":[]"] {
        assert_eq!(look_answer(body.as_bytes()), Answer::Malformed, "{body}");
    }
}

proptest! {
    /// No bytes make a look panic.
    #[test]
    fn nothing_makes_it_panic(bytes in any::<Vec<u8>>(), cut in 0..ANSWER.len() - 1) {
        look_answer(&bytes);
        read_answer(&bytes).map(drop).unwrap_or_default();
        looks(&[b"data: ", &bytes[..], b"\n\n"].concat());
        prop_assert_eq!(look_answer(&ANSWER[..cut]), Answer::Malformed);
        prop_assert!(read_answer(&ANSWER[..cut]).is_err());
    }
}
