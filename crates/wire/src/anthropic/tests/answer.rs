//! Whole answers, both ways: what is understood, what is written, and what is
//! no answer.

use serde_json::{Value, json};

use super::super::{read_answer, write_answer};
use crate::chat::{Answer, Choice, Malformed, Part, Stop, Tokens, ToolCall};

const FULL: &str = include_str!("answer.json");

#[test]
fn a_full_answer_is_understood() {
    let answer = read_answer(FULL.as_bytes()).expect("an answer");
    assert_eq!(answer.id, "msg_01XFDU");
    assert_eq!(answer.model, "claude-sonnet-4-5-20250929");
    let tokens = Tokens {
        input: 142,
        output: 89,
        cached: Some(100),
        cache_written: Some(30),
        reasoning: Some(7),
    };
    assert_eq!(answer.tokens, Some(tokens));
    let [choice] = answer.choices.as_slice() else {
        panic!("not one choice");
    };
    assert_eq!(choice.stop, Some(Stop::Calls));
    let [
        Part::Thinking {
            text,
            signature: Some(signature),
        },
        Part::Redacted(data),
        Part::Text { text: said, .. },
        Part::Call(level),
        Part::Call(wind),
    ] = choice.parts.as_slice()
    else {
        panic!("{:?}", choice.parts);
    };
    assert_eq!(
        (text.as_str(), signature.as_str()),
        ("Two calls.", "EqQBCgIYAhIM")
    );
    assert_eq!(data, "EmwKAhgBEgy3");
    assert_eq!(said, "I \"ask\" both\nstations: 🌊.");
    assert_eq!(level.arguments, r#"{"port":  "Hamburg", "at": 1.50}"#);
    assert_eq!(
        (wind.id.as_str(), wind.arguments.as_str()),
        ("toolu_01B", "{}")
    );
}

#[test]
fn a_full_answer_is_written_as_it_was_read() {
    let answer = read_answer(FULL.as_bytes()).expect("an answer");
    let once = write_answer(&answer, "unused");
    let again = write_answer(&read_answer(&once).expect("our own answer"), "unused");
    assert_eq!(
        String::from_utf8_lossy(&once),
        String::from_utf8_lossy(&again)
    );
    let mut wanted: Value = serde_json::from_str(FULL).expect("JSON");
    let content = wanted["content"].as_array_mut().expect("blocks");
    content.remove(3);
    content[2]
        .as_object_mut()
        .expect("a block")
        .remove("citations");
    wanted["usage"]
        .as_object_mut()
        .expect("usage")
        .remove("service_tier");
    assert_eq!(
        serde_json::from_slice::<Value>(&once).expect("JSON"),
        wanted
    );
}

#[test]
fn stops_are_told_both_ways() {
    for (reason, stop, back) in [
        ("end_turn", Stop::End, "end_turn"),
        ("max_tokens", Stop::Length, "max_tokens"),
        ("model_context_window_exceeded", Stop::Length, "max_tokens"),
        (
            "stop_sequence",
            Stop::Sequence(Some("END".to_owned())),
            "stop_sequence",
        ),
        ("tool_use", Stop::Calls, "tool_use"),
        ("pause_turn", Stop::Pause, "pause_turn"),
        ("refusal", Stop::Refusal, "refusal"),
        ("something_new", Stop::End, "end_turn"),
    ] {
        let sequence = matches!(stop, Stop::Sequence(_)).then_some("END");
        let body = json!({"content": [], "stop_reason": reason, "stop_sequence": sequence});
        let answer = read_answer(body.to_string().as_bytes()).expect("an answer");
        assert_eq!(answer.choices[0].stop, Some(stop));
        assert_eq!(answer.tokens, None);
        let written: Value = serde_json::from_slice(&write_answer(&answer, "id")).expect("JSON");
        assert_eq!(written["stop_reason"], back);
        assert_eq!(written["stop_sequence"], json!(sequence));
        assert_eq!(written["id"], "id");
    }
}

#[test]
fn an_answer_of_another_dialect_is_written() {
    let call = |arguments: &str| {
        Part::Call(ToolCall {
            id: "call_1".to_owned(),
            name: "f".to_owned(),
            arguments: arguments.to_owned(),
        })
    };
    let answer = Answer {
        id: "chatcmpl-1".to_owned(),
        model: "gpt".to_owned(),
        choices: vec![Choice {
            parts: vec![Part::Refusal("No.".to_owned()), call(""), call("{\"x")],
            stop: Some(Stop::End),
            logprobs: None,
        }],
        ..Answer::default()
    };
    let written: Value = serde_json::from_slice(&write_answer(&answer, "id")).expect("JSON");
    assert_eq!(written["id"], "chatcmpl-1");
    assert_eq!(
        written["content"][0],
        json!({"type": "text", "text": "No."})
    );
    assert_eq!(written["content"][1]["input"], json!({}));
    assert_eq!(
        written["content"][2]["input"],
        json!({"INVALID_JSON": "{\"x"})
    );
    assert_eq!(written["stop_reason"], "refusal");
    assert_eq!(written["usage"]["output_tokens"], 0);
    assert_eq!(written["usage"]["cache_read_input_tokens"], Value::Null);
}

#[test]
fn what_is_no_answer_is_not_taken_for_one() {
    let error = br#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"req_1"}"#;
    let Err(Malformed::Error(body)) = read_answer(error) else {
        panic!("an error is no answer");
    };
    assert_eq!(body.message, "Overloaded");
    assert_eq!(body.kind.as_deref(), Some("overloaded_error"));
    for body in [
        "",
        "[]",
        "{}",
        "{\"content\":7}",
        "{\"content\":[7]}",
        "{\"content\":[{\"type\":\"text\"}]}",
        "{\"content\":[]} x",
        "<html>",
        "\u{0}",
    ] {
        assert!(
            matches!(read_answer(body.as_bytes()), Err(Malformed::Frame)),
            "{body}"
        );
    }
}
