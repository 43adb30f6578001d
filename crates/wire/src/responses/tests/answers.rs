//! Whole answers, and what they tell back of their request.
//!
//! `answer.json` is what SDKs find of the call of `conversation.json`.

use proptest::prelude::*;
use serde_json::json;
use serde_json::value::RawValue;

use super::*;
use crate::chat::{Answer, Choice, Media, Part, Role, Stop, Tokens, ToolCall, Where};

fn said(text: &str) -> Part {
    Part::Text {
        text: text.to_owned(),
        cache: None,
    }
}

fn call(id: &str, arguments: &str) -> Part {
    Part::Call(ToolCall {
        id: id.to_owned(),
        name: "weather".to_owned(),
        arguments: arguments.to_owned(),
    })
}

fn answer(parts: Vec<Part>, stop: Option<Stop>) -> Answer {
    Answer {
        id: "chatcmpl-1".to_owned(),
        model: "gpt-5-2025-08-07".to_owned(),
        created: Some(1_756_300_000),
        choices: vec![Choice {
            parts,
            stop,
            logprobs: None,
        }],
        tokens: None,
    }
}

fn written(parts: Vec<Part>, stop: Stop) -> Value {
    json(&write_answer(&answer(parts, Some(stop)), &asked()))
}

#[test]
fn a_whole_answer() {
    let asked = Asked::read(include_bytes!("conversation.json"), SEED, NOW);
    let mut answer = answer(
        vec![
            Part::Thinking {
                text: "Tomorrow is another day.".to_owned(),
                signature: Some("gAAAA".to_owned()),
            },
            Part::Redacted("hidden".to_owned()),
            said("Let me \"look\"."),
            call("call_c", "{\"city\": \"Bern\",  \"days\":2}"),
            call("call_d", "{}"),
        ],
        Some(Stop::Calls),
    );
    answer.tokens = Some(Tokens {
        input: 120,
        output: 60,
        cached: Some(100),
        cache_written: None,
        reasoning: Some(40),
    });
    let told = json(&write_answer(&answer, &asked));
    let golden = json(include_bytes!("answer.json"));
    assert_eq!(told, golden, "{told:#}");
}

#[test]
fn the_time_is_the_callers_where_the_upstream_tells_none() {
    let mut answer = answer(vec![said("Hi")], None);
    answer.created = None;
    let told = json(&write_answer(&answer, &asked()));
    assert_eq!(told["created_at"], NOW);
    assert_eq!(told["status"], "completed");
    assert_eq!(told["usage"], Value::Null);
}

#[test]
fn stops_and_what_they_make_of_the_response() {
    let refusal = || vec![Part::Refusal("No.".to_owned())];
    let text = || vec![said("Well")];
    let cut = |reason: &str| json!({"reason": reason});
    for (parts, stop, status, details) in [
        (text(), Stop::End, "completed", json!(null)),
        (text(), Stop::Sequence(None), "completed", json!(null)),
        (text(), Stop::Calls, "completed", json!(null)),
        (refusal(), Stop::Refusal, "completed", json!(null)),
        (text(), Stop::Refusal, "incomplete", cut("content_filter")),
        (text(), Stop::Filter, "incomplete", cut("content_filter")),
        (text(), Stop::Length, "incomplete", cut("max_output_tokens")),
        (text(), Stop::Pause, "incomplete", json!(null)),
    ] {
        let told = written(parts, stop);
        assert_eq!(told["status"], status);
        assert_eq!(told["incomplete_details"], details);
        assert_eq!(told["output"][0]["status"], status);
        assert_eq!(told["error"], Value::Null);
    }
}

#[test]
fn only_the_last_item_is_cut() {
    let told = written(vec![said("a"), call("c", "{\"a")], Stop::Length);
    assert_eq!(told["output"][0]["status"], "completed");
    assert_eq!(told["output"][1]["status"], "incomplete");
    assert_eq!(told["output"][1]["arguments"], "{\"a");
}

#[test]
fn texts_and_refusals_side_by_side_are_one_message() {
    let told = written(
        vec![
            said("a"),
            Part::Refusal("b".to_owned()),
            call("c", "{}"),
            said("d"),
        ],
        Stop::End,
    );
    let output = told["output"].as_array().unwrap();
    assert_eq!(output.len(), 3);
    assert_eq!(output[0]["content"][0]["text"], "a");
    assert_eq!(
        output[0]["content"][1],
        json!({"type": "refusal", "refusal": "b"})
    );
    assert_eq!(output[2]["content"][0]["text"], "d");
    let mut ids: Vec<_> = output.iter().map(|item| item["id"].as_str()).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[test]
fn likelihoods_stand_with_the_text() {
    let mut answer = answer(vec![said("Hi"), said("!")], Some(Stop::End));
    let token = json!({"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []});
    let form = json!({"content": [token], "refusal": null}).to_string();
    answer.choices[0].logprobs = Some(RawValue::from_string(form).unwrap());
    let told = json(&write_answer(&answer, &asked()));
    assert_eq!(told["output"][0]["content"][0]["logprobs"], json!([token]));
    assert_eq!(told["output"][0]["content"][1]["logprobs"], json!([]));
}

#[test]
fn a_picture_is_the_item_of_a_generated_one() {
    let picture = Part::Image {
        place: Where::Data(Media {
            kind: "image/png".to_owned(),
            data: "iVBO".to_owned(),
        }),
        detail: None,
        cache: None,
    };
    let told = written(vec![picture], Stop::End);
    assert_eq!(told["output"][0]["type"], "image_generation_call");
    assert_eq!(told["output"][0]["result"], "iVBO");
}

#[test]
fn what_is_told_back_is_what_is_obeyed() {
    let body = json!({
        "model": "m", "input": "Hi", "instructions": "Be\nbrief.", "truncation": "auto",
        "tools": [{"type": "web_search"}, {"type": "function", "name": "f", "parameters": {}}],
        "tool_choice": {"type": "web_search"}, "temperature": 0.25, "max_output_tokens": 9,
        "text": {"format": {"type": "json_object"}, "verbosity": "low"},
        "reasoning": {"effort": "low"}, "metadata": {"k": "v"}, "max_tool_calls": 2,
    });
    let pretty = serde_json::to_vec_pretty(&body).unwrap();
    let asked = Asked::read(&pretty, SEED, NOW);
    assert!(asked.held() < pretty.len() + 500);
    let bytes = write_answer(&answer(vec![said("Hi")], None), &asked);
    assert!(!bytes.contains(&b'\n'), "it stands on one line of an event");
    let told = json(&bytes);
    for (name, value) in [
        ("instructions", json!("Be\nbrief.")),
        (
            "tools",
            json!([{"type": "function", "name": "f", "parameters": {}}]),
        ),
        ("tool_choice", json!("auto")),
        ("temperature", json!(0.25)),
        ("max_output_tokens", json!(9)),
        ("text", json!({"format": {"type": "json_object"}})),
        ("reasoning", json!({"effort": "low", "summary": null})),
        ("metadata", json!({"k": "v"})),
        ("truncation", json!("disabled")),
        ("max_tool_calls", json!(null)),
        ("store", json!(false)),
        ("parallel_tool_calls", json!(true)),
    ] {
        assert_eq!(told[name], value, "{name}");
    }
}

#[test]
fn promise_3_ids_are_of_the_seed() {
    let write = |seed| {
        let asked = Asked::read(b"{}", seed, NOW);
        json(&write_answer(
            &answer(vec![said("a"), call("c", "{}")], None),
            &asked,
        ))
    };
    assert_eq!(write(1), write(1));
    let (one, two) = (write(1), write(2));
    let ids = |told: &Value| {
        [
            &told["id"],
            &told["output"][0]["id"],
            &told["output"][1]["id"],
        ]
        .map(|id| id.as_str().unwrap().to_owned())
    };
    for (id, (other, kind)) in ids(&one)
        .iter()
        .zip(ids(&two).iter().zip(["resp_", "msg_", "fc_"]))
    {
        assert!(id.starts_with(kind) && id.len() == kind.len() + 48, "{id}");
        assert_ne!(id, other);
    }
}

#[test]
fn errors_have_the_form_of_openai() {
    let body = json(&write_error(
        "model_not_found",
        "invalid_request_error",
        "No \"m\".",
        Some("model"),
    ));
    let inner = json!({"message": "No \"m\".", "type": "invalid_request_error", "param": "model",
        "code": "model_not_found"});
    assert_eq!(body, json!({"error": inner}));
    let event = write_error_event(&BROKEN, 0);
    let event = &events(&event)[0];
    assert_eq!(
        (&event["code"], &event["message"]),
        (&json!("model_crashed"), &json!("Broken."))
    );
    assert_eq!(event["error"]["type"], "upstream_error");
}

/// Parts as an upstream can give them.
fn parts() -> impl Strategy<Value = Vec<Part>> {
    let part = prop_oneof![
        ".{1,8}".prop_map(|text| said(&text)),
        ".{1,8}".prop_map(Part::Refusal),
        ("\\w{1,8}", ".{0,8}").prop_map(|(id, arguments)| call(&id, &arguments)),
        (".{0,8}", prop::option::of(".{0,8}"))
            .prop_map(|(text, signature)| Part::Thinking { text, signature }),
        ".{0,8}".prop_map(Part::Redacted),
    ];
    prop::collection::vec(part, 0..12)
}

proptest! {
    /// An answer's items, sent back as input, say to the next upstream what the
    /// first one said.
    #[test]
    fn what_was_answered_reads_back_the_same(parts in parts()) {
        let sent = format!("{parts:?}");
        let told = written(parts, Stop::End);
        let body = json!({"model": "m", "input": told["output"]}).to_string();
        let request = read_request(body.as_bytes()).unwrap();
        prop_assert!(request.others.is_empty());
        prop_assert!(request.messages.iter().all(|message| message.role == Role::Assistant));
        let read: Vec<_> = request.messages.into_iter().flat_map(|message| message.parts).collect();
        prop_assert_eq!(format!("{read:?}"), sent);
    }
}
