//! Streams for callers: legal in every order in which an upstream may speak,
//! and at once.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_types::Code;

use super::super::{Reader, Writer};
use super::events_of;
use super::legal::legal;
use crate::chat::{Encode, Event, Failed, Stop, Tokens};

const STREAM: &[u8] = include_bytes!("stream.sse");

const START: Event<'static> = Event::Start {
    id: "",
    model: "m",
    created: None,
    tokens: None,
};

fn text(text: &str) -> Event<'_> {
    Event::Text { choice: 0, text }
}

fn call(call: u32, id: &'static str) -> Event<'static> {
    Event::Call {
        choice: 0,
        call,
        id,
        name: "f",
    }
}

fn arguments(call: u32, text: &str) -> Event<'_> {
    Event::Arguments {
        choice: 0,
        call,
        text,
    }
}

fn stop(stop: Stop) -> Event<'static> {
    Event::Stop { choice: 0, stop }
}

fn write(events: &[Event<'_>]) -> Vec<u8> {
    let mut writer = Writer::new("msg_ours");
    let mut out = Vec::new();
    for event in events {
        writer.event(event, &mut out);
    }
    out
}

/// The arguments of the calls in a message.
fn inputs(message: &Value) -> Vec<&str> {
    let blocks = message["content"].as_array().expect("blocks");
    blocks
        .iter()
        .filter_map(|block| block["input"].as_str())
        .collect()
}

#[test]
fn a_text_is_written_event_by_event() {
    let tokens = Tokens {
        input: 9,
        output: 2,
        cached: Some(4),
        ..Tokens::default()
    };
    let events = [
        START,
        text("a\n"),
        Event::Ping,
        text("b"),
        stop(Stop::End),
        Event::Tokens(tokens),
        Event::End,
    ];
    let wanted = concat!(
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_ours\",",
        "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[],",
        "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,",
        "\"cache_creation_input_tokens\":null,\"cache_read_input_tokens\":null,\"output_tokens\":0}}}\n\n",
        "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,",
        "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,",
        "\"delta\":{\"type\":\"text_delta\",\"text\":\"a\\n\"}}\n\n",
        "event: ping\ndata: {\"type\":\"ping\"}\n\n",
        "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,",
        "\"delta\":{\"type\":\"text_delta\",\"text\":\"b\"}}\n\n",
        "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
        "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",",
        "\"stop_sequence\":null},\"usage\":{\"input_tokens\":5,\"cache_creation_input_tokens\":null,",
        "\"cache_read_input_tokens\":4,\"output_tokens\":2}}\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
    );
    assert_eq!(String::from_utf8(write(&events)).expect("UTF-8"), wanted);
    legal(wanted.as_bytes());
}

#[test]
fn each_event_goes_out_at_once() {
    let mut writer = Writer::new("");
    for event in [
        START,
        Event::Thinking {
            choice: 0,
            text: "hm",
        },
        text("a"),
        call(0, "a"),
        arguments(0, "{"),
        arguments(0, "}"),
        call(1, "b"),
        arguments(1, "{}"),
    ] {
        let mut out = Vec::new();
        writer.event(&event, &mut out);
        assert!(!out.is_empty(), "{event:?} waits");
        assert_eq!(writer.held(), 0);
    }
}

#[test]
fn a_full_stream_passes_through_both_sides() {
    let mut reader = Reader::default();
    let mut writer = Writer::new("unused");
    let mut out = Vec::new();
    let sink = &mut |event: Event<'_>| writer.event(&event, &mut out);
    assert!(events_of(&mut reader, [STREAM], sink).expect("a good stream"));
    let mut wanted: Value = serde_json::from_str(include_str!("answer.json")).expect("JSON");
    let content = wanted["content"].as_array_mut().expect("blocks");
    content.remove(3);
    content[2]
        .as_object_mut()
        .expect("a block")
        .remove("citations");
    content[3]["input"] = json!(r#"{"port":  "Hamburg", "at": 1.50}"#);
    content[4]["input"] = json!("{}");
    wanted["usage"]
        .as_object_mut()
        .expect("usage")
        .remove("service_tier");
    assert_eq!(legal(&out).message, wanted);
}

#[test]
fn calls_that_an_upstream_mixes_are_told_one_behind_the_other() {
    let message = legal(&write(&[
        START,
        call(0, "a"),
        call(1, "b"),
        arguments(0, "{\"x\":\"}"),
        arguments(1, "{\"y\":"),
        call(2, "c"),
        arguments(0, "\\\"\"}"),
        arguments(2, "{}"),
        arguments(1, "[{}]}"),
        stop(Stop::Calls),
        Event::End,
    ]))
    .message;
    assert_eq!(
        inputs(&message),
        ["{\"x\":\"}\\\"\"}", "{\"y\":[{}]}", "{}"]
    );
    assert_eq!(message["stop_reason"], "tool_use");
}

#[test]
fn calls_that_never_become_whole_are_told_at_the_end() {
    let message = legal(&write(&[
        START,
        call(0, "a"),
        arguments(0, "{\"x"),
        call(1, "b"),
        arguments(1, "{}"),
        call(2, "c"),
        stop(Stop::Length),
        Event::End,
    ]))
    .message;
    assert_eq!(inputs(&message), ["{\"x", "{}", ""]);
    assert_eq!(message["stop_reason"], "max_tokens");
}

#[test]
fn what_cannot_be_told_ends_with_an_error() {
    let long = "x".repeat(Writer::MOST_HELD);
    for late in [
        &[arguments(0, "{}"), call(1, "b"), arguments(0, "{}")] as &[Event<'_>],
        &[arguments(0, "{"), call(1, "b"), arguments(1, &long)],
    ] {
        let mut writer = Writer::new("");
        let mut out = Vec::new();
        let end = [text("more"), stop(Stop::Calls), Event::End];
        for event in [START, call(0, "a")].iter().chain(late).chain(&end) {
            writer.event(event, &mut out);
        }
        assert_eq!(writer.broken(), Some(Code::UpstreamProtocol));
        assert_eq!(writer.held(), 0);
        let error = legal(&out).error.expect("an error");
        assert_eq!(error["type"], "api_error");
    }
}

#[test]
fn a_failure_is_the_last_event_and_has_the_kind_of_its_code() {
    for (begun, code, kind) in [
        (&[] as &[Event<'_>], Code::QueueFull, "overloaded_error"),
        (&[START, text("a")], Code::StreamTruncated, "api_error"),
        (
            &[START, call(0, "a"), arguments(0, "{"), call(1, "b")],
            Code::UpstreamRateLimited,
            "rate_limit_error",
        ),
    ] {
        let (mut writer, mut out) = (Writer::new(""), Vec::new());
        for event in begun {
            writer.event(event, &mut out);
        }
        let before = out.len();
        writer.fail(&Failed::new(code, "It failed."), &mut out);
        let told = [
            b"event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"",
            kind.as_bytes(),
            b"\",\"message\":\"It failed.\"}}\n\n",
        ];
        assert_eq!(out[before..], told.concat());
        let length = out.len();
        writer.fail(&Failed::new(code, "Again."), &mut out);
        for event in [START, text("b"), Event::Ping, Event::End] {
            writer.event(&event, &mut out);
        }
        assert_eq!(out.len(), length, "nothing comes behind it");
        assert_eq!((writer.broken(), writer.held()), (None, 0));
    }
}

#[test]
fn thoughts_keep_their_proofs() {
    let thinking = |text| Event::Thinking { choice: 0, text };
    let proof = |signature| Event::Signature {
        choice: 0,
        signature,
    };
    let message = legal(&write(&[
        START,
        thinking("a"),
        proof("A"),
        thinking("b"),
        text("t"),
        proof("B"),
        Event::Redacted {
            choice: 0,
            data: "R",
        },
        Event::Refusal {
            choice: 0,
            text: "No.",
        },
        stop(Stop::End),
        Event::End,
    ]))
    .message;
    let thought =
        |text: &str, proof: &str| json!({"type": "thinking", "thinking": text, "signature": proof});
    let said = |text: &str| json!({"type": "text", "text": text});
    let wanted = json!([
        thought("a", "A"),
        thought("b", ""),
        said("t"),
        thought("", "B"),
        {"type": "redacted_thinking", "data": "R"},
        said("No."),
    ]);
    assert_eq!(message["content"], wanted);
    assert_eq!(message["stop_reason"], "refusal");
}

fn event() -> impl Strategy<Value = Event<'static>> {
    let pieces = prop::sample::select(vec!["{", "}", "\"", "\\", "a", "", " ", "{}", "\n"]);
    prop_oneof![
        Just(text("t")),
        Just(Event::Thinking {
            choice: 0,
            text: "h"
        }),
        Just(Event::Signature {
            choice: 0,
            signature: "s"
        }),
        Just(Event::Redacted {
            choice: 0,
            data: "r"
        }),
        Just(Event::Ping),
        Just(Event::Text {
            choice: 1,
            text: "other"
        }),
        (0u32..3, pieces).prop_map(|(call, text)| arguments(call, text)),
    ]
}

proptest! {
    /// Whatever comes between start and end: the order is legal, and calls
    /// keep their bytes, or there is an error.
    #[test]
    fn the_order_is_always_legal(
        mut events in prop::collection::vec(event(), 0..40),
        at in prop::collection::vec(any::<prop::sample::Index>(), 3),
    ) {
        let mut begin: Vec<_> = at.iter().map(|at| at.index(events.len() + 1)).collect();
        begin.sort_unstable();
        for (number, at) in begin.into_iter().enumerate() {
            events.insert(at + number, call(number as u32, "i"));
        }
        // Arguments of calls that have not begun are no stream of ours.
        let mut begun = 0;
        events.retain(|event| match event {
            Event::Call { .. } => { begun += 1; true }
            Event::Arguments { call, .. } => *call < begun,
            _ => true,
        });
        let wanted = [0, 1, 2].map(|number| {
            let of = |event: &Event<'_>| match event {
                Event::Arguments { call, text, .. } if *call == number => (*text).to_owned(),
                _ => String::new(),
            };
            events.iter().map(of).collect::<String>()
        });
        events.insert(0, START);
        events.extend([stop(Stop::Calls), Event::End]);
        let legal = legal(&write(&events));
        if legal.error.is_none() {
            let told: Vec<_> = inputs(&legal.message);
            let told: Vec<_> = told.iter().map(|text| text.trim_end()).collect();
            prop_assert_eq!(told, wanted.each_ref().map(|text| text.trim_end()));
        }
    }
}
