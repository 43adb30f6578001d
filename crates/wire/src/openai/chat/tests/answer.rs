//! Whole answers, from an upstream to a caller: `answer.rs`, and the folder's first promise.
//! Those of others who follow OpenAI stand beside its own.

use serde_json::{Value, json};

use super::super::{Asked, read_answer, write_answer};
use crate::chat::{Malformed, Part, Stop, Tokens};

const ASKED: Asked<'_> = Asked {
    id: "chatcmpl-ours",
    model: "asked-for",
    created: 7,
    usage: true,
};

fn full() -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "created": 1_790_000_000, "model": "gpt-5",
        "choices": [
            {"index": 0, "message": {
                "role": "assistant", "content": "Two calls.", "reasoning_content": "Hm.", "refusal": null,
                "tool_calls": [
                    {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{\"a\": 1.0}"}},
                    {"id": "call_2", "type": "function", "function": {"name": "g", "arguments": ""}}]},
             "logprobs": {"content": [{"token": "Two", "logprob": -0.1, "bytes": null, "top_logprobs": []}]},
             "finish_reason": "tool_calls"},
            {"index": 1, "message": {"role": "assistant", "content": null, "refusal": "No."},
             "logprobs": null, "finish_reason": "stop"},
        ],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2}},
    })
}

fn one(message: Value, reason: Value) -> Value {
    json!({"choices": [{"message": message, "finish_reason": reason}]})
}

fn read(body: &Value) -> crate::chat::Answer {
    read_answer(body.to_string().as_bytes()).unwrap()
}

#[test]
fn promise_1_an_answer_goes_through_unchanged() {
    let answer = read(&full());
    assert_eq!(answer.choices[1].stop, Some(Stop::Refusal));
    let written: Value = serde_json::from_slice(&write_answer(&answer, &ASKED)).unwrap();
    assert_eq!(written, full());
}

#[test]
fn what_the_upstream_does_not_tell_is_filled_in() {
    let answer = read(&one(json!({"content": "x"}), Value::Null));
    assert_eq!(
        (answer.choices[0].stop.clone(), answer.tokens),
        (None, None)
    );
    let written: Value = serde_json::from_slice(&write_answer(&answer, &ASKED)).unwrap();
    let expected = json!({
        "id": "chatcmpl-ours", "object": "chat.completion", "created": 7, "model": "asked-for",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "x", "refusal": null},
            "logprobs": null, "finish_reason": "stop"}],
    });
    assert_eq!(written, expected);
}

#[test]
fn answer_promise_2_all_forms_of_what_is_said_are_read_in_order() {
    let message = json!({
        "tool_calls": [{"function": {"name": "f", "arguments": {"a": 1}}}],
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "first"}]},
            {"type": "text", "text": "then"},
        ],
        "reasoning": "before",
    });
    let answer = read(&one(message, json!("tool_calls")));
    let told: Vec<String> = (answer.choices[0].parts.iter())
        .map(|part| match part {
            Part::Thinking { text, .. } => format!("thinks {text}"),
            Part::Text { text, .. } => format!("says {text}"),
            Part::Call(call) => format!("{} {}({})", call.id, call.name, call.arguments),
            other => panic!("{other:?}"),
        })
        .collect();
    let expected = [
        "thinks before",
        "thinks first",
        "says then",
        "call__0_0 f({\"a\":1})",
    ];
    assert_eq!(told, expected);
    let legacy = json!({"content": null, "function_call": {"name": "f", "arguments": "{}"}});
    let answer = read(&one(legacy, json!("function_call")));
    assert!(matches!(&answer.choices[0].parts[..], [Part::Call(call)] if call.name == "f"));
    assert_eq!(answer.choices[0].stop, Some(Stop::Calls));
}

#[test]
fn tokens_are_read_in_all_their_forms() {
    let tokens = |usage: Value| {
        let mut body = one(json!({"content": "x"}), json!("stop"));
        body["usage"] = usage;
        read(&body).tokens
    };
    let some = |cached, reasoning, output| {
        Some(Tokens {
            input: 9,
            output,
            cached,
            cache_written: None,
            reasoning,
        })
    };
    let plain = json!({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11});
    assert_eq!(tokens(plain), some(None, None, 2));
    let cached = json!({"prompt_tokens": 9, "completion_tokens": 2, "prompt_cache_hit_tokens": 3});
    assert_eq!(tokens(cached), some(Some(3), None, 2));
    // Thoughts beside the answer's tokens: the sum tells so.
    let beside = json!({"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 16,
        "completion_tokens_details": {"reasoning_tokens": 5}});
    assert_eq!(tokens(beside), some(None, Some(5), 7));
    assert_eq!(tokens(json!(null)), None);
    assert_eq!(tokens(json!({})), None);
}

#[test]
fn answer_promise_1_what_is_no_answer_is_not_taken_for_one() {
    let nine = json!({"choices": vec![json!({"message": {}}); 9]});
    let calls = vec![json!({"id": "c", "function": {"name": "f"}}); 129];
    let many = one(json!({"tool_calls": calls}), json!("tool_calls"));
    let nameless = one(json!({"tool_calls": [{"id": "c"}]}), json!("tool_calls"));
    for body in [
        "",
        "{}",
        "[]",
        "<html>",
        r#"{"choices":{}}"#,
        r#"{"choices":["#,
    ]
    .map(str::to_owned)
    .into_iter()
    .chain([nine, many, nameless].map(|body| body.to_string()))
    {
        let told = read_answer(body.as_bytes());
        assert!(matches!(told, Err(Malformed::Frame)), "{body}: {told:?}");
    }
    for body in [
        json!({"error": {"message": "boom", "code": 500}}),
        json!({"choices": [{"error": {"message": "boom", "code": 502}, "finish_reason": "error"}]}),
        json!({"choices": [], "error": {"message": "boom"}}),
        json!([{"error": {"message": "boom"}}]),
    ] {
        match read_answer(body.to_string().as_bytes()) {
            Err(Malformed::Error(error)) => assert_eq!(error.message, "boom"),
            told => panic!("{body}: {told:?}"),
        }
    }
    let failed = one(
        json!({"content": "x"}),
        json!("insufficient_system_resource"),
    );
    let told = read_answer(failed.to_string().as_bytes());
    assert!(matches!(told, Err(Malformed::Error(_))), "{told:?}");
}

#[test]
fn stops_have_a_reason() {
    for (stop, reason) in [
        (Stop::End, "stop"),
        (Stop::Sequence(Some("x".into())), "stop"),
        (Stop::Length, "length"),
        (Stop::Calls, "tool_calls"),
        (Stop::Filter, "content_filter"),
        (Stop::Refusal, "content_filter"),
        (Stop::Pause, "length"),
    ] {
        let mut answer = read(&one(json!({"content": "x"}), json!("stop")));
        answer.choices[0].stop = Some(stop);
        let written: Value = serde_json::from_slice(&write_answer(&answer, &ASKED)).unwrap();
        assert_eq!(written["choices"][0]["finish_reason"], reason);
    }
}
