//! Streams: what an upstream sends, and what the caller gets; the promises of `stream.rs`
//! and the folder's second.

use proptest::prelude::*;
use tidegate_types::Code;

use super::super::{Asked, Reader, Writer};
use super::translate;
use crate::chat::{Decode, Encode, Event, Failed, Malformed, Stop};

/// Text, then two calls at once, then the usage; as OpenAI sends it.
const CALLS: &str = include_str!("calls.sse");
/// What the writer makes of it.
const CALLS_OUT: &str = include_str!("calls_out.sse");

const ASKED: Asked<'_> = Asked {
    id: "chatcmpl-ours",
    model: "asked-for",
    created: 7,
    usage: true,
};

fn through(stream: &str) -> Result<(String, bool), String> {
    let pieces = [stream.as_bytes()];
    translate(pieces, &mut Reader::default(), &mut Writer::new(&ASKED))
}

/// The events of `frames`, in short, and how it went.
fn told(frames: &[&str]) -> (Vec<String>, Result<bool, Malformed>) {
    let mut reader = Reader::default();
    let mut told = Vec::new();
    let mut sink = |event: Event<'_>| {
        told.push(match event {
            Event::Start { id, model, .. } => format!("start {id} {model}"),
            Event::Text { choice, text } => format!("{choice} text {text}"),
            Event::Refusal { choice, text } => format!("{choice} refusal {text}"),
            Event::Thinking { choice, text } => format!("{choice} thinking {text}"),
            Event::Call {
                choice,
                call,
                id,
                name,
            } => format!("{choice} call {call} {id} {name}"),
            Event::Arguments { choice, call, text } => format!("{choice} arguments {call} {text}"),
            Event::Stop { choice, stop } => format!("{choice} stop {stop:?}"),
            Event::Tokens(tokens) => format!("tokens {}+{}", tokens.input, tokens.output),
            Event::Logprobs { choice, logprobs } => format!("{choice} logprobs {logprobs}"),
            other => format!("{other:?}"),
        });
    };
    for frame in frames {
        if let Err(malformed) = reader.frame(b"", frame.as_bytes(), &mut sink) {
            return (told, Err(malformed));
        }
    }
    let whole = reader.finish(&mut sink);
    (told, Ok(whole))
}

/// A chunk with one choice.
fn chunk(delta: &str, reason: &str) -> String {
    format!(
        r#"{{"id":"i","model":"m","choices":[{{"index":0,"delta":{delta},"finish_reason":{reason}}}]}}"#
    )
}

#[test]
fn stream_promise_1_calls_and_usage_go_through() {
    let (out, whole) = through(CALLS).unwrap();
    assert!(whole);
    assert_eq!(out, CALLS_OUT);
    // What was written says the same once more.
    assert_eq!(through(CALLS_OUT).unwrap().0, CALLS_OUT);
}

#[test]
fn a_failure_is_the_last_event_and_there_is_no_done() {
    let failed = Failed {
        shown: "model_crashed",
        param: Some("model"),
        ..Failed::new(Code::UpstreamError, "It \"failed\".")
    };
    let text = Event::Text {
        choice: 0,
        text: "a",
    };
    for begun in [&[] as &[Event<'_>], &[text]] {
        let (mut writer, mut out) = (Writer::new(&ASKED), Vec::new());
        for event in begun {
            writer.event(event, &mut out);
        }
        let before = out.len();
        writer.fail(&failed, &mut out);
        assert_eq!(
            String::from_utf8_lossy(&out[before..]),
            "data: {\"error\":{\"message\":\"It \\\"failed\\\".\",\"type\":\"upstream_error\",\
             \"param\":\"model\",\"code\":\"model_crashed\"}}\n\n"
        );
        let length = out.len();
        writer.fail(&failed, &mut out);
        for event in [Event::Ping, Event::End] {
            writer.event(&event, &mut out);
        }
        assert_eq!(out.len(), length, "nothing comes behind it");
    }
}

#[test]
fn nothing_comes_behind_the_end() {
    let (mut writer, mut out) = (Writer::new(&ASKED), Vec::new());
    writer.event(&Event::End, &mut out);
    assert_eq!(out, crate::sse::DONE);
    writer.event(&Event::End, &mut out);
    writer.fail(&Failed::new(Code::Internal, "Late."), &mut out);
    assert_eq!(out, crate::sse::DONE);
}

#[test]
fn the_usage_is_told_only_to_who_wants_it() {
    let asked = Asked {
        usage: false,
        ..ASKED
    };
    let (out, _) = translate(
        [CALLS.as_bytes()],
        &mut Reader::default(),
        &mut Writer::new(&asked),
    )
    .unwrap();
    assert!(!out.contains("usage"), "{out}");
    assert!(out.ends_with("data: [DONE]\n\n"));
}

/// Whether `deltas`, of which the last one ends the answer, are told as `expected`.
fn calls_are_told(deltas: &[&str], expected: &[&str]) {
    let last = deltas.len() - 1;
    let frames = deltas.iter().enumerate().map(|(index, delta)| {
        let reason = if index == last {
            "\"tool_calls\""
        } else {
            "null"
        };
        chunk(delta, reason)
    });
    let frames: Vec<String> = frames.collect();
    let frames: Vec<&str> = frames.iter().map(String::as_str).collect();
    let (events, whole) = told(&frames);
    assert!(whole.unwrap());
    let mut all = vec!["start i m"];
    all.extend(expected);
    all.extend(["0 stop Calls", "End"]);
    assert_eq!(events, all);
}

#[test]
fn one_index_for_all_calls_is_several_calls_if_their_ids_differ() {
    calls_are_told(
        &[
            r#"{"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{}"}}]}"#,
            r#"{"tool_calls":[{"index":0,"id":"b","function":{"name":"g","arguments":"[]"}}]}"#,
        ],
        &[
            "0 call 0 a f",
            "0 arguments 0 {}",
            "0 call 1 b g",
            "0 arguments 1 []",
        ],
    );
}

#[test]
fn calls_without_index_and_id_get_both() {
    calls_are_told(
        &[
            r#"{"tool_calls":[{"function":{"name":"f","arguments":"{"}}]}"#,
            r#"{"tool_calls":[{"function":{"arguments":"}"}}]}"#,
            r#"{"tool_calls":[{"function":{"name":"g","arguments":"[]"}}]}"#,
        ],
        &[
            "0 call 0 call_i_0_0 f",
            "0 arguments 0 {",
            "0 arguments 0 }",
            "0 call 1 call_i_0_1 g",
            "0 arguments 1 []",
        ],
    );
}

#[test]
fn an_id_and_a_name_in_every_piece_are_one_call() {
    calls_are_told(
        &[
            r#"{"tool_calls":[{"index":3,"id":"a","function":{"name":null}}]}"#,
            r#"{"tool_calls":[{"index":3,"id":"a","function":{"name":"f","arguments":"{"}}]}"#,
            r#"{"tool_calls":[{"index":3,"id":"a","function":{"name":"f","arguments":"}"}}]}"#,
        ],
        &["0 call 0 a f", "0 arguments 0 {", "0 arguments 0 }"],
    );
}

#[test]
fn the_older_form_of_a_call_is_a_call() {
    calls_are_told(
        &[
            r#"{"function_call":{"name":"f","arguments":""}}"#,
            r#"{"function_call":{"arguments":"{}"}}"#,
        ],
        &["0 call 0 call_i_0_0 f", "0 arguments 0 {}"],
    );
}

#[test]
fn calls_count_in_the_order_in_which_they_are_told() {
    calls_are_told(
        &[
            r#"{"tool_calls":[{"index":0,"id":"a"}]}"#,
            r#"{"tool_calls":[{"index":1,"id":"b","function":{"name":"g","arguments":"{"}}]}"#,
            r#"{"tool_calls":[{"index":0,"function":{"name":"f","arguments":"[]"}}]}"#,
            r#"{"tool_calls":[{"index":1,"function":{"arguments":"}"}}]}"#,
        ],
        &[
            "0 call 0 b g",
            "0 arguments 0 {",
            "0 call 1 a f",
            "0 arguments 1 []",
            "0 arguments 0 }",
        ],
    );
    // One whose name never comes cannot be made.
    let nameless = chunk(r#"{"tool_calls":[{"index":0,"id":"a"}]}"#, "null");
    for end in [&chunk("{}", "\"tool_calls\""), "[DONE]"] {
        let (events, whole) = told(&[&nameless, end]);
        assert_eq!(events, ["start i m"]);
        assert!(matches!(whole, Err(Malformed::Frame)));
    }
}

#[test]
fn all_that_is_said_is_told_in_order() {
    let first = r#"{"choices":[],"created":0,"id":"","model":"","prompt_filter_results":[]}"#;
    let text = chunk(
        r#"{"role":"assistant","content":"a","reasoning":"r","reasoning_content":"r"}"#,
        "null",
    );
    let logprobs =
        r#"{"choices":[{"delta":{"content":"b"},"logprobs":{"content":[]},"finish_reason":""}]}"#;
    let second = r#"{"choices":[{"index":1,"delta":{"refusal":"no"},"finish_reason":"stop"}]}"#;
    let end = chunk("{}", "\"length\"");
    let usage = r#"{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}"#;
    let (events, whole) = told(&[
        first, &text, logprobs, second, &end, &end, usage, "[DONE]", &text,
    ]);
    assert!(whole.unwrap());
    let expected = [
        "Ping",
        "start i m",
        "0 thinking r",
        "0 text a",
        "0 text b",
        "0 logprobs {\"content\":[]}",
        "1 refusal no",
        "1 stop Refusal",
        "0 stop Length",
        "tokens 3+2",
        "End",
    ];
    assert_eq!(events, expected);
}

#[test]
fn stream_promise_2_the_end_is_what_the_upstream_says() {
    let text = chunk(r#"{"content":"a"}"#, "null");
    let stop = chunk("{}", "\"stop\"");
    let (events, whole) = told(&[&text, &stop]);
    assert_eq!(events.last().unwrap(), "End");
    assert!(whole.unwrap());
    // Without a reason the answer may be cut.
    let (events, whole) = told(&[&text]);
    assert_eq!(events, ["start i m", "0 text a"]);
    assert!(!whole.unwrap());
    // `[DONE]` is a word too, if there was an answer.
    let (events, whole) = told(&[&text, "[DONE]"]);
    assert_eq!(events, ["start i m", "0 text a", "0 stop End", "End"]);
    assert!(whole.unwrap());
    assert!(matches!(told(&["[DONE]"]).1, Err(Malformed::Frame)));
    assert!(!told(&[]).1.unwrap());
}

#[test]
fn stream_promise_1_what_cannot_go_on_fails() {
    let text = chunk(r#"{"content":"a"}"#, "null");
    let stop = chunk("{}", "\"stop\"");
    let nameless = chunk(
        r#"{"tool_calls":[{"index":0,"id":"a","function":{"arguments":"{"}}]}"#,
        "null",
    );
    let far = r#"{"choices":[{"index":8,"delta":{}}]}"#;
    let calls: Vec<String> = (0..=128)
        .map(|index| format!(r#"{{"index":{index},"id":"c{index}","function":{{"name":"f"}}}}"#))
        .collect();
    let calls = chunk(
        &format!(r#"{{"tool_calls":[{}]}}"#, calls.join(",")),
        "null",
    );
    for frames in [
        &[stop.as_str(), text.as_str()][..],
        &[nameless.as_str()],
        &[far],
        &[calls.as_str()],
        &["{"],
        &["[]"],
        &["null"],
    ] {
        assert!(
            matches!(told(frames).1, Err(Malformed::Frame)),
            "{frames:?}"
        );
    }
    for frames in [
        r#"{"error":{"message":"boom"}}"#,
        r#"{"choices":[{"delta":{"content":"x"},"finish_reason":"error"}],"error":{"message":"boom"}}"#,
        r#"{"choices":[{"delta":{},"error":{"message":"boom"},"finish_reason":"error"}]}"#,
    ] {
        match told(&[frames]).1 {
            Err(Malformed::Error(error)) => assert_eq!(error.message, "boom"),
            told => panic!("{told:?}"),
        }
    }
    let mut reader = Reader::default();
    let failed = reader.frame(b"error", b"overloaded", &mut |_| {});
    assert!(matches!(failed, Err(Malformed::Error(error)) if error.message == "overloaded"));
}

#[test]
fn the_writer_keeps_raw_json_on_its_line() {
    let logprobs: Box<serde_json::value::RawValue> =
        serde_json::from_str("{\"content\":\n[\r\n]}").unwrap();
    let mut writer = Writer::new(&ASKED);
    let mut out = Vec::new();
    let start = Event::Start {
        id: "",
        model: "m\n",
        created: None,
        tokens: None,
    };
    for event in [
        start,
        Event::Logprobs {
            choice: 1,
            logprobs: &logprobs,
        },
        Event::Stop {
            choice: 1,
            stop: Stop::Pause,
        },
        Event::Ping,
        Event::End,
    ] {
        writer.event(&event, &mut out);
    }
    let head = r#"data: {"id":"chatcmpl-ours","object":"chat.completion.chunk","created":7,"model":"m\n","choices":["#;
    let role = r#""delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#;
    let expected = [
        format!("{head}{{\"index\":0,{role}"),
        format!("{head}{{\"index\":1,{role}"),
        format!(
            "{head}{{\"index\":1,\"delta\":{{}},\"logprobs\":{{\"content\":[]}},\"finish_reason\":null}}],\"usage\":null}}"
        ),
        format!(
            "{head}{{\"index\":1,\"delta\":{{}},\"finish_reason\":\"length\"}}],\"usage\":null}}"
        ),
        ": ping".to_owned(),
        "data: [DONE]".to_owned(),
    ];
    assert_eq!(
        String::from_utf8(out).unwrap(),
        expected.join("\n\n") + "\n\n"
    );
}

proptest! {
    /// Any split of the bytes gives the same events.
    #[test]
    fn promise_2_any_split_is_the_same(cuts in proptest::collection::vec(0..CALLS.len(), 0..40)) {
        let mut cuts = cuts;
        cuts.extend([0, CALLS.len()]);
        cuts.sort_unstable();
        let pieces = cuts.windows(2).map(|cut| &CALLS.as_bytes()[cut[0]..cut[1]]);
        let (out, whole) = translate(pieces, &mut Reader::default(), &mut Writer::new(&ASKED)).unwrap();
        prop_assert!(whole);
        prop_assert_eq!(out, CALLS_OUT);
    }

    /// No bytes make it panic; and whatever comes, there is at most one start and one end,
    /// nothing before the one nor behind the other.
    #[test]
    fn promise_2_no_bytes_make_it_panic(at in 0..CALLS.len(), byte in any::<u8>(), from in 0..CALLS.len()) {
        let mut bytes = CALLS.as_bytes().to_vec();
        bytes[at] = byte;
        let mut reader = Reader::default();
        let mut seen = Vec::new();
        let mut sink = |event: Event<'_>| seen.push(match event {
            Event::Start { .. } => 's',
            Event::End => 'e',
            Event::Ping => 'p',
            _ => '.',
        });
        let mut going = true;
        for frame in bytes[from..].split(|byte| *byte == b'\n') {
            let data = frame.strip_prefix(b"data: ").unwrap_or(frame);
            going = going && reader.frame(b"", data, &mut sink).is_ok();
        }
        if going { reader.finish(&mut sink); }
        let seen: String = seen.into_iter().filter(|kind| *kind != 'p').collect();
        prop_assert!(seen.matches('s').count() <= 1 && seen.matches('e').count() <= 1);
        prop_assert!(seen.is_empty() || seen.starts_with('s'), "{}", seen);
        prop_assert!(!seen.contains('e') || seen.ends_with('e'), "{}", seen);
    }
}
