//! Answers, whole and as lines; the promises of `stream.rs` under their numbers.
//!
//! An event is compared as it is shown, bytes of its text included.

use proptest::prelude::*;

use crate::chat::{Decode, Event, Malformed, Part, Stop, Tokens};
use crate::lines::Framer;
use crate::ollama::{Reader, read_answer, read_error};

const CHAT: &str = include_str!("chat.jsonl");

/// What a stream tells, whether its reading failed, and whether it was whole.
fn events(pieces: &[&[u8]]) -> (Vec<String>, Option<String>, bool) {
    let (mut framer, mut reader) = (Framer::new(1 << 20), Reader::default());
    let mut told = Vec::new();
    let mut sink = |event: Event<'_>| told.push(format!("{event:?}"));
    let mut failed = None;
    for piece in pieces {
        framer.push(piece);
        while let Some(line) = framer.next() {
            if let Err(error) = reader.frame(b"", line.unwrap(), &mut sink) {
                failed.get_or_insert(format!("{error:?}"));
            }
        }
    }
    let whole = reader.finish(&mut sink);
    (told, failed, whole)
}

#[test]
fn a_stream_is_told_event_by_event() {
    let (told, failed, whole) = events(&[CHAT.as_bytes()]);
    assert_eq!(failed, None);
    assert!(whole);
    assert_eq!(
        told,
        [
            r#"Start { id: "", model: "qwen3:8b", created: Some(1761498924), tokens: None }"#,
            r#"Thinking { choice: 0, text: "The user wants " }"#,
            r#"Thinking { choice: 0, text: "the weather." }"#,
            r#"Text { choice: 0, text: "I look it up. é\"\\" }"#,
            r#"Call { choice: 0, call: 0, id: "call_8l2k1x", name: "weather" }"#,
            r#"Arguments { choice: 0, call: 0, text: "{\"city\":\"Zürich\",  \"days\":1.50}" }"#,
            r#"Call { choice: 0, call: 1, id: "call_20251026T171525001Z_1", name: "clock" }"#,
            r#"Arguments { choice: 0, call: 1, text: "{}" }"#,
            r#"Stop { choice: 0, stop: Calls }"#,
            r#"Tokens(Tokens { input: 169, output: 87, cached: None, cache_written: None, reasoning: None })"#,
            "End",
        ]
    );
}

/// It has one text for all failures; that of an account which used what it may is
/// known by its words, in a body as in a line.
#[test]
fn an_account_that_used_what_it_may_is_told_from_a_limit_of_the_rate() {
    for (text, code) in [
        (
            "you (tide) have reached your weekly usage limit",
            Some("insufficient_quota"),
        ),
        ("too many concurrent requests", None),
    ] {
        let body = format!("{{\"error\":{text:?}}}");
        let error = read_error(body.as_bytes()).unwrap();
        assert_eq!(
            (error.message.as_str(), error.code.as_deref()),
            (text, code)
        );
        let Err(Malformed::Error(error)) = read_answer(body.as_bytes()) else {
            panic!("{body} is an error");
        };
        assert_eq!(
            (error.message.as_str(), error.code.as_deref()),
            (text, code)
        );
    }
}

#[test]
fn promise_1_what_comes_behind_the_end_is_passed_over() {
    let twice = CHAT.repeat(2);
    assert_eq!(events(&[twice.as_bytes()]), events(&[CHAT.as_bytes()]));
}

#[test]
fn a_stream_without_its_last_line_was_not_whole() {
    let cut = CHAT.rsplit_once("{\"model\"").unwrap().0;
    let (told, failed, whole) = events(&[cut.as_bytes()]);
    assert_eq!((failed, whole), (None, false));
    assert!(told.iter().all(|event| event != "End"));
}

#[test]
fn an_error_in_the_stream_ends_it() {
    let mut reader = Reader::default();
    let line = br#"{"error":"an error was encountered while running the model"}"#;
    match reader.frame(b"", line, &mut |_| ()) {
        Err(Malformed::Error(error)) => {
            assert_eq!(
                error.message,
                "an error was encountered while running the model"
            );
        }
        other => panic!("{other:?}"),
    }
    assert!(!reader.finish(&mut |_| ()));
}

#[test]
fn more_calls_than_an_answer_may_have_are_refused() {
    let call = r#"{"function":{"name":"f","arguments":{}}}"#;
    let line = |calls: usize| {
        let calls = vec![call; calls].join(",");
        format!(r#"{{"message":{{"content":"","tool_calls":[{calls}]}},"done":true}}"#)
    };
    assert!(read_answer(line(128).as_bytes()).is_ok());
    assert!(read_answer(line(129).as_bytes()).is_err());
    let mut reader = Reader::default();
    let first = line(128).replace(",\"done\":true", "");
    assert!(reader.frame(b"", first.as_bytes(), &mut |_| ()).is_ok());
    assert!(reader.frame(b"", line(1).as_bytes(), &mut |_| ()).is_err());
}

#[test]
fn a_whole_answer_is_read() {
    let answer = read_answer(include_bytes!("answer.json")).unwrap();
    assert_eq!(answer.model, "llama3.2");
    assert_eq!(answer.created, Some(1_702_390_423));
    let tokens = Tokens {
        input: 26,
        output: 298,
        ..Tokens::default()
    };
    assert_eq!(answer.tokens, Some(tokens));
    let [choice] = &answer.choices[..] else {
        panic!("{answer:?}")
    };
    assert_eq!(choice.stop, Some(Stop::Length));
    assert!(matches!(
        &choice.parts[..],
        [Part::Thinking { text: thought, signature: None }, Part::Text { text, .. }]
            if thought == "A greeting." && text == "Hello! How are you today?"
    ));
    let logprobs = choice.logprobs.as_ref().unwrap().get();
    let logprobs: serde_json::Value = serde_json::from_str(logprobs).unwrap();
    assert_eq!(logprobs["content"][0]["token"], "Hello");
}

#[test]
fn a_whole_answer_with_calls_keeps_their_bytes() {
    let line = CHAT.lines().nth(3).unwrap().replace("false", "true");
    let answer = read_answer(line.as_bytes()).unwrap();
    let choice = &answer.choices[0];
    assert_eq!(choice.stop, Some(Stop::Calls));
    let calls = choice.parts.iter().map(|part| match part {
        Part::Call(call) => (call.name.as_str(), call.arguments.as_str()),
        other => panic!("{other:?}"),
    });
    let calls: Vec<_> = calls.collect();
    assert_eq!(
        calls,
        [
            ("weather", r#"{"city":"Zürich",  "days":1.50}"#),
            ("clock", "{}")
        ]
    );
}

#[test]
fn what_is_no_answer_is_refused() {
    for body in [
        "",
        "null",
        "[]",
        "{}",
        r#"{"done":true}"#,
        r#"{"message":{"content":"x"},"done":false}"#,
        r#"{"message":{"content":7},"done":true}"#,
    ] {
        assert!(matches!(
            read_answer(body.as_bytes()),
            Err(Malformed::Frame)
        ));
    }
    assert!(matches!(
        read_answer(br#"{"error":"model 'x' not found"}"#),
        Err(Malformed::Error(_))
    ));
}

proptest! {
    #[test]
    fn any_cut_of_the_bytes_gives_the_same_events(
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
    ) {
        let bytes = CHAT.as_bytes();
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.sort_unstable();
        let (mut pieces, mut from) = (Vec::new(), 0);
        for to in at.into_iter().chain([bytes.len()]) {
            pieces.push(&bytes[from..to]);
            from = to;
        }
        prop_assert_eq!(events(&pieces), events(&[bytes]));
    }

    #[test]
    fn no_line_makes_it_panic(
        lines in proptest::collection::vec(
            "\\{(\"(error|message|done|model|logprobs)\":(\"x\"|true|null|\\[\\]|7|\\{\"(content|tool_calls)\":(\"y\"|\\[\\{\"function\":\\{\"name\":\"\"\\}\\}\\]|null)\\}),?){0,3}\\}",
            0..5,
        ),
    ) {
        let mut reader = Reader::default();
        let mut told = Vec::new();
        for line in &lines {
            drop(read_answer(line.as_bytes()));
            let sink = &mut |event: Event<'_>| told.push(format!("{event:?}"));
            if reader.frame(b"", line.as_bytes(), sink).is_err() {
                break;
            }
        }
        let starts = told.iter().filter(|event| event.starts_with("Start")).count();
        prop_assert!(starts <= 1 && told.iter().filter(|event| *event == "End").count() <= 1);
        prop_assert!(told.first().is_none_or(|event| event.starts_with("Start")));
    }
}
