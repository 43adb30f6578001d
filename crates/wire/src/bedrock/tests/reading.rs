//! Answers and failures, whole and as messages; the promises of `stream.rs` and
//! `error.rs` under their numbers.

use proptest::prelude::*;

use crate::aws_events::Framer;
use crate::aws_events::tests::{event, framed, header};
use crate::bedrock::{Reader, read_answer, read_error};
use crate::chat::{Decode, Event, Malformed, Part, Stop, Tokens};

/// A stream with all that Converse tells, as names and payloads.
const MESSAGES: &[(&str, &str)] = &[
    ("messageStart", r#"{"p":"abcd","role":"assistant"}"#),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"The user"}}}"#,
    ),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":0,"delta":{"reasoningContent":{"signature":"EqQB"}}}"#,
    ),
    ("contentBlockStop", r#"{"contentBlockIndex":0}"#),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":1,"delta":{"reasoningContent":{"redactedContent":"cmVk"}}}"#,
    ),
    ("contentBlockStop", r#"{"contentBlockIndex":1}"#),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":2,"delta":{"text":"I look \u00e9\"\\"},"p":"abcdefghij"}"#,
    ),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":2,"delta":{"text":""}}"#,
    ),
    ("contentBlockStop", r#"{"contentBlockIndex":2}"#),
    (
        "contentBlockStart",
        r#"{"contentBlockIndex":3,"start":{"toolUse":{"name":"weather","toolUseId":"tooluse_1"}}}"#,
    ),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":3,"delta":{"toolUse":{"input":""}}}"#,
    ),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":3,"delta":{"toolUse":{"input":"{\"city\": \"Z"}}}"#,
    ),
    (
        "contentBlockDelta",
        r#"{"contentBlockIndex":3,"delta":{"toolUse":{"input":"ürich\"}"}}}"#,
    ),
    ("contentBlockStop", r#"{"contentBlockIndex":3}"#),
    (
        "contentBlockStart",
        r#"{"contentBlockIndex":4,"start":{"toolUse":{"name":"clock","toolUseId":"tooluse_2"}}}"#,
    ),
    ("contentBlockStop", r#"{"contentBlockIndex":4}"#),
    ("somethingNew", r#"{"a":1}"#),
    ("messageStop", r#"{"stopReason":"tool_use"}"#),
    (
        "metadata",
        r#"{"metrics":{"latencyMs":1},"usage":{"inputTokens":25,"outputTokens":60,"totalTokens":985,"cacheReadInputTokens":900,"cacheWriteInputTokens":0}}"#,
    ),
];

const TOLD: &[&str] = &[
    r#"Start { id: "", model: "", created: None, tokens: None }"#,
    r#"Thinking { choice: 0, text: "The user" }"#,
    r#"Signature { choice: 0, signature: "EqQB" }"#,
    r#"Redacted { choice: 0, data: "cmVk" }"#,
    r#"Text { choice: 0, text: "I look é\"\\" }"#,
    r#"Call { choice: 0, call: 0, id: "tooluse_1", name: "weather" }"#,
    r#"Arguments { choice: 0, call: 0, text: "{\"city\": \"Z" }"#,
    r#"Arguments { choice: 0, call: 0, text: "ürich\"}" }"#,
    r#"Call { choice: 0, call: 1, id: "tooluse_2", name: "clock" }"#,
    r#"Arguments { choice: 0, call: 1, text: "{}" }"#,
    r#"Stop { choice: 0, stop: Calls }"#,
    r#"Tokens(Tokens { input: 925, output: 60, cached: Some(900), cache_written: Some(0), reasoning: None })"#,
    "End",
];

fn bytes(messages: &[(&str, &str)]) -> Vec<u8> {
    let messages = messages.iter().map(|(name, data)| event(name, data));
    messages.collect::<Vec<_>>().concat()
}

type Told = (Vec<String>, Result<(), Malformed>, bool);

/// What a stream tells, how its reading ended, and whether it was whole.
fn events(pieces: &[&[u8]]) -> Told {
    let (mut framer, mut reader) = (Framer::new(1 << 20), Reader::default());
    let mut told = Vec::new();
    let mut sink = |event: Event<'_>| told.push(format!("{event:?}"));
    for piece in pieces {
        framer.push(piece);
        while let Some(message) = framer.next() {
            let message = message.unwrap();
            if let Err(error) = reader.frame(message.name(), message.data(), &mut sink) {
                return (told, Err(error), false);
            }
        }
    }
    let whole = reader.finish(&mut sink);
    (told, Ok(()), whole)
}

fn read(messages: &[(&str, &str)]) -> Told {
    events(&[&bytes(messages)])
}

#[test]
fn promise_1_and_2_a_stream_is_told_event_by_event() {
    let (told, end, whole) = read(MESSAGES);
    assert_eq!(told, TOLD);
    assert!(end.is_ok() && whole);
}

#[test]
fn promise_1_what_comes_behind_the_end_is_passed_over() {
    let (told, end, whole) = read(&[MESSAGES, MESSAGES].concat());
    assert_eq!(told, TOLD);
    assert!(end.is_ok() && whole);
}

#[test]
fn promise_1_tokens_before_the_stop_wait_for_it() {
    let mut messages = MESSAGES.to_vec();
    let last = messages.len() - 1;
    messages.swap(last, last - 1);
    let (told, _, whole) = read(&messages);
    assert_eq!(told, TOLD);
    assert!(whole);
}

#[test]
fn a_stream_that_stops_without_tokens_is_whole_and_one_that_does_not_is_cut() {
    let (told, _, whole) = read(&MESSAGES[..MESSAGES.len() - 1]);
    assert_eq!(told[..told.len() - 1], TOLD[..TOLD.len() - 2]);
    assert!(whole && told.last().is_some_and(|event| event == "End"));
    let (told, end, whole) = read(&MESSAGES[..MESSAGES.len() - 2]);
    assert!(end.is_ok() && !whole);
    assert_eq!(told, TOLD[..TOLD.len() - 3]);
}

#[test]
fn promise_3_odd_streams_are_refused() {
    let start = MESSAGES[9];
    let stop = ("messageStop", r#"{"stopReason":"end_turn"}"#);
    for messages in [
        &[stop, MESSAGES[1]][..],
        &[stop, stop],
        // More of a call that never began, and one that began twice.
        &[MESSAGES[11]],
        &[start, start],
        &[("contentBlockDelta", "{}")],
        &[("messageStop", "7")],
    ] {
        let (_, end, whole) = read(messages);
        assert!(
            matches!(end, Err(Malformed::Frame)) && !whole,
            "{messages:?}"
        );
    }
    let call = |index: usize| {
        let tool = r#"{"toolUse":{"name":"f","toolUseId":"t"}}"#;
        let begun = format!(r#"{{"contentBlockIndex":{index},"start":{tool}}}"#);
        let over = format!(r#"{{"contentBlockIndex":{index}}}"#);
        [
            event("contentBlockStart", &begun),
            event("contentBlockStop", &over),
        ]
        .concat()
    };
    let calls: Vec<_> = (0..129).map(call).collect();
    assert!(events(&[&calls[..128].concat()]).1.is_ok());
    assert!(events(&[&calls.concat()]).1.is_err());
}

#[test]
fn error_promise_1_and_2_exceptions_in_the_stream() {
    for (name, kind, code) in [
        ("throttlingException", "ThrottlingException", Some("429")),
        (
            "modelStreamErrorException",
            "ModelStreamErrorException",
            Some("500"),
        ),
        (
            "internalServerException",
            "InternalServerException",
            Some("500"),
        ),
        (
            "serviceUnavailableException",
            "ServiceUnavailableException",
            Some("503"),
        ),
        ("validationException", "ValidationException", Some("400")),
        ("novelException", "NovelException", None),
    ] {
        let headers = [
            header(":exception-type", name),
            header(":content-type", "application/json"),
            header(":message-type", "exception"),
        ];
        let failed = framed(&headers.concat(), br#"{"message":"Too many."}"#);
        let stream = [bytes(&MESSAGES[..7]), failed].concat();
        let (told, end, whole) = events(&[&stream]);
        assert_eq!(told, TOLD[..5]);
        assert!(!whole);
        let Err(Malformed::Error(error)) = end else {
            panic!("{end:?}")
        };
        assert_eq!(error.kind.as_deref(), Some(kind));
        assert_eq!(error.code.as_deref(), code);
        assert_eq!(error.message, "Too many.");
    }
}

#[test]
fn error_promise_1_heads() {
    let body = br#"{"message":"Input is too long for requested model."}"#;
    for (status, name, body, kind, message) in [
        (
            400,
            Some("ValidationException"),
            &body[..],
            Some("ValidationException"),
            "Input is too long for requested model.",
        ),
        (
            429,
            Some("ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/"),
            br#"{"message":null}"#,
            Some("ThrottlingException"),
            "",
        ),
        (
            403,
            None,
            br#"{"__type":"com.amazon.coral.service#ExpiredTokenException","Message":"Expired."}"#,
            Some("ExpiredTokenException"),
            "Expired.",
        ),
        (
            503,
            None,
            b"<html>",
            Some("ServiceUnavailableException"),
            "",
        ),
        (
            424,
            Some(""),
            br#"{"originalStatusCode":500,"originalMessage":"Out of memory."}"#,
            Some("ModelErrorException"),
            "Out of memory.",
        ),
        (418, None, b"", None, ""),
    ] {
        let error = read_error(status, name, body);
        assert_eq!(error.kind.as_deref(), kind);
        assert_eq!(error.message, message);
        assert_eq!((error.code, error.param), (None, None));
    }
}

#[test]
fn a_whole_answer_is_read() {
    let answer = read_answer(include_bytes!("answer.json")).unwrap();
    let tokens = Tokens {
        input: 1125,
        output: 60,
        cached: Some(900),
        cache_written: Some(100),
        reasoning: None,
    };
    assert_eq!(answer.tokens, Some(tokens));
    let [choice] = &answer.choices[..] else {
        panic!("{answer:?}")
    };
    assert_eq!(choice.stop, Some(Stop::Calls));
    let parts: Vec<_> = choice
        .parts
        .iter()
        .map(|part| match part {
            Part::Text { text, .. } => format!("text {text}"),
            Part::Thinking { text, signature } => format!("thinking {text} {signature:?}"),
            Part::Redacted(data) => format!("redacted {data}"),
            Part::Call(call) => format!("call {} {} {}", call.id, call.name, call.arguments),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(
        parts,
        [
            r#"thinking The user asks. Some("EqQB")"#,
            "redacted cmVkYWN0ZWQ=",
            "text I look it up.",
            "text As the report says.",
            r#"call tooluse_kZJMlvQmRJ6eAyJE5GIl7Q weather {"city": "Zürich",  "days": 1.50}"#,
            "call tooluse_2 clock {}",
        ]
    );
}

#[test]
fn every_reason_to_stop() {
    let answer = |reason: &str| {
        let body = format!(
            r#"{{"output":{{"message":{{"content":[]}}}},"stopReason":"{reason}",
            "additionalModelResponseFields":{{"stop_sequence":"END"}}}}"#
        );
        read_answer(body.as_bytes()).map(|answer| answer.choices[0].stop.clone().unwrap())
    };
    for (reason, stop) in [
        ("end_turn", Stop::End),
        ("tool_use", Stop::Calls),
        ("max_tokens", Stop::Length),
        ("model_context_window_exceeded", Stop::Length),
        ("stop_sequence", Stop::Sequence(Some("END".to_owned()))),
        ("guardrail_intervened", Stop::Filter),
        ("content_filtered", Stop::Filter),
    ] {
        assert_eq!(answer(reason).unwrap(), stop);
    }
    for reason in ["malformed_model_output", "malformed_tool_use"] {
        let Err(Malformed::Error(error)) = answer(reason) else {
            panic!("{reason}")
        };
        assert_eq!(error.kind.as_deref(), Some("ModelErrorException"));
        assert!(error.message.contains(reason));
    }
}

#[test]
fn what_is_no_answer_is_refused() {
    for body in [
        "",
        "null",
        "{}",
        r#"{"output":{"message":{}},"stopReason":"end_turn"}"#,
    ] {
        assert!(matches!(
            read_answer(body.as_bytes()),
            Err(Malformed::Frame)
        ));
    }
}

proptest! {
    #[test]
    fn any_cut_of_the_bytes_gives_the_same_events(
        cuts in proptest::collection::vec(any::<proptest::sample::Index>(), 0..12),
    ) {
        let bytes = bytes(MESSAGES);
        let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        at.sort_unstable();
        let (mut pieces, mut from) = (Vec::new(), 0);
        for to in at.into_iter().chain([bytes.len()]) {
            pieces.push(&bytes[from..to]);
            from = to;
        }
        let (told, end, whole) = events(&pieces);
        prop_assert_eq!(told, TOLD);
        prop_assert!(end.is_ok() && whole);
    }

    /// Messages of the stream in any order, some of them not at all: the order
    /// of what is told holds.
    #[test]
    fn promise_1_whatever_the_messages_say(
        chosen in proptest::collection::vec(0..MESSAGES.len(), 0..30),
    ) {
        let messages: Vec<_> = chosen.iter().map(|&index| MESSAGES[index]).collect();
        let (told, _, whole) = read(&messages);
        let is = |kind: &'static str| move |event: &&String| event.starts_with(kind);
        prop_assert!(told.first().is_none_or(|event| event.starts_with("Start")));
        prop_assert!(told.iter().filter(is("Start")).count() <= 1);
        prop_assert!(told.iter().filter(is("Stop")).count() <= 1);
        prop_assert_eq!(told.last().is_some_and(|event| event == "End"), told.iter().any(|event| event == "End"));
        prop_assert!(!whole || told.iter().filter(is("End")).count() == 1);
        let stop = told.iter().position(|event| event.starts_with("Stop"));
        let behind = &told[stop.map_or(told.len(), |stop| stop + 1)..];
        prop_assert!(behind.iter().all(|event| event.starts_with("Tokens") || event == "End"));
    }

    #[test]
    fn no_message_makes_it_panic(
        name in "(messageStart|contentBlock(Start|Delta|Stop)|messageStop|metadata|error:x|error:é)",
        data in "\\{(\"(contentBlockIndex|delta|start|stopReason|usage|message)\":(7|-1|\"x\"|null|\\{\"(text|toolUse|inputTokens)\":(\"y\"|\\{\\}|9)\\}),?){0,3}\\}",
    ) {
        let mut reader = Reader::default();
        drop(reader.frame(name.as_bytes(), data.as_bytes(), &mut |_| ()));
        reader.finish(&mut |_| ());
        drop(read_answer(data.as_bytes()));
        read_error(500, Some(&name), data.as_bytes());
    }
}
