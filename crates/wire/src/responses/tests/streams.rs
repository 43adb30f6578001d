//! Streams, event by event; every promise of `stream.rs` under its number.
//!
//! All of them are held against `lawful`, also those that fail.

use proptest::prelude::*;
use serde_json::json;
use serde_json::value::RawValue;

use super::lawful::lawful;
use super::*;
use crate::chat::{Answer, Choice, Part, Stop, Tokens, ToolCall};

const START: Event<'static> = Event::Start {
    id: "chatcmpl-1",
    model: "gpt-5-2025-08-07",
    created: Some(1_756_300_000),
    tokens: None,
};

fn writer() -> Writer {
    Writer::new(asked(), 1 << 20)
}

/// The events of a whole stream, which is lawful, and its last response.
fn told(pieces: &[Event<'_>]) -> (Vec<Value>, Value) {
    let mut writer = writer();
    let mut out = write(&mut writer, &[START]);
    out.extend(write(&mut writer, pieces));
    out.extend(write(&mut writer, &[Event::End]));
    assert!(writer.is_over());
    let events = events(&out);
    let response = lawful(&events);
    (events, response)
}

fn kinds(events: &[Value]) -> Vec<&str> {
    events
        .iter()
        .map(|event| event["type"].as_str().unwrap())
        .map(|kind| kind.strip_prefix("response.").unwrap_or(kind))
        .collect()
}

fn text(text: &str) -> Event<'_> {
    Event::Text { choice: 0, text }
}

fn think(text: &str) -> Event<'_> {
    Event::Thinking { choice: 0, text }
}

fn call(call: u32, id: &'static str) -> Event<'static> {
    Event::Call {
        choice: 0,
        call,
        id,
        name: "weather",
    }
}

fn argue(call: u32, text: &str) -> Event<'_> {
    Event::Arguments {
        choice: 0,
        call,
        text,
    }
}

fn stop(stop: Stop) -> Event<'static> {
    Event::Stop { choice: 0, stop }
}

#[test]
fn a_stream_of_text() {
    let tokens = Tokens {
        input: 9,
        output: 2,
        ..Tokens::default()
    };
    let (events, response) = told(&[
        text("Hel"),
        Event::Ping,
        text(""),
        text("lo"),
        stop(Stop::End),
        Event::Tokens(tokens),
    ]);
    assert_eq!(
        kinds(&events),
        [
            "created",
            "in_progress",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "completed",
        ]
    );
    assert_eq!(events[0]["response"]["output"], json!([]));
    assert_eq!(events[2]["item"]["status"], "in_progress");
    assert_eq!(events[5]["delta"], "lo");
    assert_eq!(response["output"][0]["content"][0]["text"], "Hello");
    assert_eq!(response["usage"]["total_tokens"], 11);
    assert_eq!(response["model"], "gpt-5-2025-08-07");
    assert_eq!(response["created_at"], 1_756_300_000);
}

#[test]
fn thinking_and_calls_one_after_the_other() {
    let (events, response) = told(&[
        think("Hm"),
        think("m."),
        Event::Signature {
            choice: 0,
            signature: "proof",
        },
        Event::Redacted {
            choice: 0,
            data: "hidden",
        },
        call(0, "call_a"),
        argue(0, "{\"city\": "),
        argue(0, "\"Z\u{fc}rich\"}"),
        call(1, "call_b"),
        argue(1, "{}"),
        stop(Stop::Calls),
    ]);
    let golden: Vec<Value> = include_str!("thinking.jsonl")
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<Value> = events
        .into_iter()
        .map(|mut event| {
            // The response itself is shown by the answers.
            event.as_object_mut().unwrap().remove("response");
            event
        })
        .collect();
    for (told, golden) in told.iter().zip(&golden) {
        assert_eq!(told, golden);
    }
    assert_eq!(told.len(), golden.len());
    assert_eq!(
        response["output"][2]["arguments"],
        "{\"city\": \"Z\u{fc}rich\"}"
    );
}

#[test]
fn each_proof_is_of_a_thought_of_its_own() {
    let proof = |signature| Event::Signature {
        choice: 0,
        signature,
    };
    let (_, response) = told(&[think("a"), proof("p"), proof("q"), think("b"), proof("r")]);
    let thoughts: Vec<_> = response["output"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| (&item["summary"][0]["text"], &item["encrypted_content"]))
        .map(|(text, proof)| (text.as_str().unwrap(), proof.as_str().unwrap()))
        .collect();
    assert_eq!(thoughts, [("a", "p"), ("", "q"), ("b", "r")]);
}

#[test]
fn promise_1_each_piece_goes_out_as_it_comes() {
    let mut writer = writer();
    write(&mut writer, &[START]);
    for piece in [
        text("a"),
        think("b"),
        call(0, "c"),
        argue(0, "{"),
        Event::Refusal {
            choice: 0,
            text: "d",
        },
    ] {
        let out = write(&mut writer, std::slice::from_ref(&piece));
        let shown = String::from_utf8(out).unwrap();
        let last = shown.trim_end().rsplit("\n\n").next().unwrap();
        let told = match piece {
            Event::Call { .. } => "output_item.added",
            _ => ".delta\n",
        };
        assert!(last.contains(told), "{piece:?}: {shown}");
    }
}

#[test]
fn promise_3_calls_by_turns_end_together_and_keep_their_bytes() {
    let (events, response) = told(&[
        call(0, "call_a"),
        argue(0, "{\"a\":"),
        call(1, "call_b"),
        argue(1, "{\"b\""),
        argue(0, "1}"),
        argue(1, ":2}"),
        stop(Stop::Calls),
    ]);
    let done = kinds(&events)
        .iter()
        .position(|kind| *kind == "output_item.done")
        .unwrap();
    assert!(
        kinds(&events)[done..]
            .iter()
            .all(|kind| !kind.ends_with("delta"))
    );
    assert_eq!(response["output"][0]["arguments"], "{\"a\":1}");
    assert_eq!(response["output"][1]["arguments"], "{\"b\":2}");
}

#[test]
fn promise_3_a_call_that_is_whole_is_done_when_the_next_begins() {
    let (events, _) = told(&[
        call(0, "call_a"),
        // No caller may write this, but a model does.
        argue(0, "{\"a\":\"\\u0000\\ud83c\"}"),
        call(1, "call_b"),
        stop(Stop::Calls),
    ]);
    assert_eq!(
        kinds(&events)[2..8],
        [
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.done",
        ]
    );
}

#[test]
fn likelihoods_follow_their_text() {
    let token = json!({"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []});
    let form = json!({"content": [token]}).to_string();
    let form = RawValue::from_string(form).unwrap();
    let likely = Event::Logprobs {
        choice: 0,
        logprobs: &form,
    };
    let (events, response) = told(&[text("Hi"), likely.clone(), text("Hi"), likely]);
    assert_eq!(events[5]["delta"], "");
    assert_eq!(events[5]["logprobs"], json!([token]));
    let part = &response["output"][0]["content"][0];
    assert_eq!(part["logprobs"], json!([token, token]));
    assert_eq!(part["text"], "HiHi");
}

#[test]
fn a_cut_answer_is_incomplete() {
    let (events, response) = told(&[text("a"), stop(Stop::Length)]);
    assert_eq!(kinds(&events).last(), Some(&"incomplete"));
    assert_eq!(
        response["incomplete_details"]["reason"],
        "max_output_tokens"
    );
    assert_eq!(response["output"][0]["status"], "incomplete");
    let refusal = Event::Refusal {
        choice: 0,
        text: "No.",
    };
    let (_, response) = told(&[text("a"), refusal, stop(Stop::Refusal)]);
    assert_eq!(response["status"], "completed");
    assert_eq!(response["output"][0]["content"][1]["refusal"], "No.");
}

#[test]
fn pieces_of_other_choices_and_behind_the_stop_are_passed_over() {
    let other = Event::Text {
        choice: 1,
        text: "b",
    };
    let (_, response) = told(&[text("a"), other, stop(Stop::End), text("c")]);
    assert_eq!(response["output"].as_array().unwrap().len(), 1);
    assert_eq!(response["output"][0]["content"][0]["text"], "a");
}

#[test]
fn promise_2_a_failure_is_the_terminal_event_and_shows_what_came() {
    let mut writer = writer();
    let mut out = write(&mut writer, &[START, text("Once"), call(0, "call_a")]);
    writer.fail(&BROKEN, &mut out);
    let length = out.len();
    writer.fail(&BROKEN, &mut out);
    out.extend(write(&mut writer, &[text("more"), Event::Ping, Event::End]));
    assert_eq!(out.len(), length, "nothing comes behind it");
    let response = lawful(&events(&out));
    assert_eq!(
        response["error"],
        json!({"code": "model_crashed", "message": "Broken."})
    );
    assert_eq!(response["output"][0]["status"], "completed");
    assert_eq!(response["output"][1]["status"], "incomplete");
}

#[test]
fn promise_2_a_failure_before_the_beginning_is_the_error_event() {
    let (mut writer, mut out) = (writer(), Vec::new());
    writer.fail(&BROKEN, &mut out);
    assert_eq!(out, write_error_event(&BROKEN, 0));
    assert_eq!(writer.broken(), None, "it was told to fail");
    out.clear();
    out.extend(write(&mut writer, &[START, Event::End]));
    assert!(out.is_empty() && writer.is_over());
}

#[test]
fn promise_2_what_is_kept_is_counted_and_bounded() {
    let mut writer = Writer::new(asked(), 1000);
    let mut out = write(&mut writer, &[START]);
    let before = writer.held();
    assert_eq!(before, asked().held());
    for _ in 0..10 {
        out.extend(write(
            &mut writer,
            &[text(&"a".repeat(60)), think(&"b".repeat(30))],
        ));
        assert!(writer.is_over() || writer.held() > before);
        assert!(writer.held() - before <= 1000);
    }
    assert!(writer.is_over());
    assert_eq!(writer.broken(), Some(Code::ResponseTooLarge));
    let response = lawful(&events(&out));
    assert_eq!(response["error"]["code"], "response_too_large");
}

#[test]
fn promise_2_calls_by_turns_are_bounded() {
    let mut writer = writer();
    let mut out = write(&mut writer, &[START]);
    for number in 0..129 {
        out.extend(write(&mut writer, &[call(number, "c")]));
    }
    assert!(writer.is_over());
    let response = lawful(&events(&out));
    assert_eq!(response["error"]["code"], "upstream_protocol");
    assert_eq!(response["output"].as_array().unwrap().len(), 128);
}

/// What an upstream can tell; texts are cut into pieces, calls come by turns.
fn pieces() -> impl Strategy<Value = Vec<(u8, u32, String)>> {
    prop::collection::vec((0_u8..9, 0_u32..3, ".{0,6}"), 0..40)
}

fn event(piece: &(u8, u32, String)) -> Event<'_> {
    let (kind, call, text) = piece;
    let (choice, call) = (0, *call);
    match kind {
        0 | 1 => Event::Text { choice, text },
        2 => Event::Refusal { choice, text },
        3 => Event::Thinking { choice, text },
        4 => Event::Signature {
            choice,
            signature: text,
        },
        5 => Event::Redacted { choice, data: text },
        6 => Event::Call {
            choice,
            call,
            id: text,
            name: "f",
        },
        7 => Event::Arguments { choice, call, text },
        _ => Event::Ping,
    }
}

proptest! {
    /// Whatever is said, in whatever order: the stream is lawful, and ends once.
    #[test]
    fn promise_2_every_stream_is_lawful(pieces in pieces(), most in 0_usize..4000) {
        let mut writer = Writer::new(asked(), most);
        let mut out = write(&mut writer, &[START]);
        for piece in &pieces {
            out.extend(write(&mut writer, &[event(piece)]));
        }
        out.extend(write(&mut writer, &[Event::End]));
        prop_assert!(writer.is_over());
        lawful(&events(&out));
    }

    /// An answer told in pieces has the output of the whole one.
    #[test]
    fn a_stream_ends_with_the_answer_that_a_call_would_have(
        turns in prop::collection::vec((0_u8..4, ".{1,6}", ".{1,6}"), 0..8),
    ) {
        let mut parts: Vec<Part> = Vec::new();
        let mut all = Vec::new();
        for (number, (kind, one, two)) in turns.iter().enumerate() {
            let number = u32::try_from(number).unwrap();
            let whole = format!("{one}{two}");
            match (kind, parts.last_mut()) {
                (0, Some(Part::Text { text: before, .. })) => before.push_str(&whole),
                (0, _) => parts.push(Part::Text { text: whole, cache: None }),
                (1, Some(Part::Refusal(before))) => before.push_str(&whole),
                (1, _) => parts.push(Part::Refusal(whole)),
                (2, _) => parts.push(Part::Thinking { text: whole, signature: Some("p".into()) }),
                _ => parts.push(Part::Call(ToolCall {
                    id: "c".into(),
                    name: "weather".into(),
                    arguments: whole,
                })),
            }
            if *kind == 3 {
                all.push(call(number, "c"));
            }
            for text in [one.as_str(), two.as_str()] {
                all.push(match kind {
                    0 => Event::Text { choice: 0, text },
                    1 => Event::Refusal { choice: 0, text },
                    2 => think(text),
                    _ => argue(number, text),
                });
            }
            if *kind == 2 {
                all.push(Event::Signature { choice: 0, signature: "p" });
            }
        }
        let (_, streamed) = told(&all);
        let whole = Answer {
            model: "gpt-5-2025-08-07".into(),
            created: Some(1_756_300_000),
            choices: vec![Choice { parts, ..Choice::default() }],
            ..Answer::default()
        };
        prop_assert_eq!(streamed, json(&write_answer(&whole, &asked())));
    }
}
