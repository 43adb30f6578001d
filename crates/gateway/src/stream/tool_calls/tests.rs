//! Tool calls as upstreams cut them; every promise of `tool_calls.rs` under
//! its number.

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_wire::openai::{Look, look};

use super::*;

/// What one event adds to a call: its index, id and arguments.
type Part<'a> = (u64, &'a str, &'a str);

fn event(choice: u64, parts: &[Part<'_>], reason: Option<&str>) -> String {
    let parts = parts.iter().map(|(call, id, arguments)| {
        let id = if id.is_empty() {
            json!(null)
        } else {
            json!(id)
        };
        json!({"index": call, "id": id, "function": {"arguments": arguments}})
    });
    let delta = json!({"tool_calls": parts.collect::<Vec<_>>()});
    json!({"choices": [{"index": choice, "delta": delta, "finish_reason": reason}]}).to_string()
}

fn part(choice: u64, call: u64, id: &str, arguments: &str) -> String {
    event(choice, &[(call, id, arguments)], None)
}

fn end(choice: u64, reason: &str) -> String {
    event(choice, &[], Some(reason))
}

/// Gives `calls` what the judge would.
fn give<S: AsRef<str>>(calls: &mut ToolCalls, events: &[S]) -> Vec<Incomplete> {
    let told = events.iter().filter_map(|event| {
        let data = event.as_ref().as_bytes();
        let Look::Chunk(chunk) = look(data) else {
            panic!("{} is no chunk", event.as_ref())
        };
        calls.concern(&chunk).then(|| calls.take(data)).flatten()
    });
    told.collect()
}

fn told<S: AsRef<str>>(events: &[S]) -> Vec<Incomplete> {
    give(&mut ToolCalls::default(), events)
}

#[test]
fn a_cut_call_is_told_whatever_the_reason() {
    for (reason, cut) in [("length", true), ("tool_calls", false), ("stop", false)] {
        let events = [
            part(0, 0, "a", "{}"),
            part(0, 1, "b", "{\"x\": [1,"),
            end(0, reason),
        ];
        let expected = Incomplete {
            choice: 0,
            call: Some(1),
            bytes: 9,
            cut,
        };
        assert_eq!(told(&events), [expected], "{reason}");
    }
}

#[test]
fn a_call_that_ends_in_the_event_of_its_choice_is_seen_whole() {
    let first = part(0, 0, "a", "{\"x\":");
    for (rest, count) in [("1}", 0), ("1", 1)] {
        let last = event(0, &[(0, "", rest)], Some("tool_calls"));
        assert_eq!(told(&[&first, &last]).len(), count, "{rest}");
    }
}

#[test]
fn the_old_function_call_is_checked_too() {
    let begun = r#"{"choices":[{"delta":{"function_call":{"name":"f","arguments":"{"}}}]}"#;
    let seen = told(&[begun, &end(0, "length")]);
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].call, None);
}

#[test]
fn no_arguments_are_whole_unless_they_were_cut() {
    for (reason, count) in [("tool_calls", 0), ("length", 1)] {
        assert_eq!(told(&[part(0, 0, "a", ""), end(0, reason)]).len(), count);
    }
}

#[test]
fn only_the_choice_that_ends_is_judged() {
    let begun = [part(0, 0, "a", "{"), part(1, 0, "b", "{}"), end(1, "stop")];
    assert_eq!(told(&begun), []);
    let mut all = begun.to_vec();
    all.extend([part(0, 0, "", "}"), end(0, "stop")]);
    assert_eq!(told(&all), []);
}

#[test]
fn promise_1_indices_come_in_any_order_and_more_than_once() {
    let events = [
        part(0, 7, "a", "{\"x\""),
        event(0, &[(2, "b", "["), (7, "", ":1")], None),
        part(0, 2, "b", "]"),
        part(0, 7, "a", "}"),
        end(0, "tool_calls"),
    ];
    assert_eq!(told(&events), []);
}

#[test]
fn promise_1_calls_may_share_an_index() {
    let whole = [
        part(0, 0, "a", "{\"x\":1}"),
        part(0, 0, "b", "{\"y\""),
        part(0, 0, "", ":2}"),
        part(0, 0, "c", ""),
        end(0, "tool_calls"),
    ];
    assert_eq!(told(&whole), []);
    let late = [
        part(0, 0, "", "{"),
        part(0, 0, "a", "}"),
        part(0, 0, "b", "{}"),
        end(0, "tool_calls"),
    ];
    assert_eq!(told(&late), []);
    let cut = [part(0, 0, "a", "{}"), part(0, 0, "b", "{"), end(0, "stop")];
    assert_eq!(told(&cut).len(), 1);
}

#[test]
fn promise_1_an_id_may_change_within_a_call() {
    let begun = [
        part(0, 0, "a", ""),
        part(0, 0, "b", "{\"x\":"),
        part(0, 0, "c", "1"),
    ];
    for (last, count) in [("}", 0), ("", 1)] {
        let mut events = begun.to_vec();
        events.extend([part(0, 0, "d", last), end(0, "length")]);
        assert_eq!(told(&events).len(), count, "{last}");
    }
}

#[test]
fn promise_1_a_pair_of_surrogates_may_be_cut() {
    let half = |escape: &str| part(0, 0, "", "X").replace('X', escape);
    let events = [
        half("{\\\"x\\\":\\\"\\ud83d"),
        half("\\ude00\\\"}"),
        end(0, "stop"),
    ];
    assert_eq!(told(&events), []);
}

#[test]
fn promise_2_bytes_over_the_bound_end_the_check() {
    // The id has a byte, and the quotes two.
    for (text, count) in [(BYTES - 3, 1), (BYTES - 2, 0)] {
        let mut calls = ToolCalls::default();
        let long = format!("\"{}", "x".repeat(text));
        let events = [part(0, 0, "a", &long), part(0, 0, "", " "), end(0, "stop")];
        assert_eq!(give(&mut calls, &events).len(), count, "{text}");
        assert!(calls.open.is_empty() && calls.bytes == 0);
        let chunk = Chunk {
            calls: true,
            finish: true,
            ..Chunk::default()
        };
        assert!(!calls.concern(&chunk), "nothing more is looked at");
    }
}

#[test]
fn promise_2_calls_over_the_bound_end_the_check() {
    for (number, count) in [(CALLS, 1), (CALLS + 1, 0)] {
        let mut events: Vec<_> = (0..number as u64).map(|at| part(0, at, "", "{")).collect();
        events.push(end(0, "stop"));
        assert_eq!(told(&events).len(), count, "{number}");
    }
}

#[test]
fn promise_2_what_ended_gives_its_place_back() {
    let mut calls = ToolCalls::default();
    let long = format!("\"{}\"", "x".repeat(BYTES / 2));
    for choice in 0..2 * CALLS as u64 {
        let events = [part(choice, 0, "a", &long), end(choice, "stop")];
        assert_eq!(give(&mut calls, &events), []);
        assert!(!calls.over && calls.open.is_empty() && calls.bytes == 0);
    }
    let cut = [part(0, 0, "a", "{"), end(0, "stop")];
    assert_eq!(give(&mut calls, &cut).len(), 1);
}

#[test]
fn promise_3_it_is_told_once() {
    let both = json!({"choices": [
        {"index": 0, "delta": {}, "finish_reason": "length"},
        {"index": 1, "delta": {}, "finish_reason": "length"},
    ]});
    let events = [
        part(0, 0, "a", "{"),
        part(1, 0, "b", "{"),
        both.to_string(),
        part(2, 0, "c", "{"),
        end(2, "length"),
    ];
    assert_eq!(told(&events).len(), 1);
}

fn arguments() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    let value = leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..3).prop_map(Value::from_iter),
        ]
    });
    prop::collection::btree_map(any::<String>(), value, 0..4).prop_map(Value::from_iter)
}

proptest! {
    /// Two calls in each of two choices, cut by character and mixed in any way
    /// that keeps each in order, all whole or one of them without its last bytes.
    #[test]
    fn promise_1_fragments_cut_anywhere_have_one_verdict(
        values in prop::collection::vec(arguments(), 4),
        cut in prop::option::of((0..4usize, any::<prop::sample::Index>())),
        turns in prop::collection::vec((0..4usize, 0..9usize), 0..60),
        ids in any::<bool>(),
    ) {
        let mut texts: Vec<Vec<char>> = values.iter().map(|value| value.to_string().chars().collect()).collect();
        if let Some((which, at)) = cut {
            let length = texts[which].len();
            texts[which].truncate(1 + at.index(length - 1));
        }
        let mut events = Vec::new();
        let mut send = |call: usize, piece: String| {
            let id = if ids { format!("call_{call}") } else { String::new() };
            events.push(part(call as u64 / 2, call as u64 % 2, &id, &piece));
        };
        for (call, length) in turns {
            let length = length.min(texts[call].len());
            send(call, texts[call].drain(..length).collect());
        }
        for (call, rest) in texts.into_iter().enumerate() {
            send(call, rest.into_iter().collect());
        }
        events.extend([end(0, "stop"), end(1, "length")]);
        let told: Vec<_> = told(&events).iter().map(|told| (told.choice, told.call, told.cut)).collect();
        let expected = cut.map(|(which, _)| (which as u64 / 2, Some(which as u64 % 2), which > 1));
        prop_assert_eq!(told, Vec::from_iter(expected));
    }
}
