//! A whole response as a stream of its own dialect: every promise of
//! `stream/whole.rs` under its number.

use proptest::prelude::*;
use serde_json::json;

use super::super::to_stream;
use super::lawful::lawful;
use super::*;

const ANSWER: &str = include_str!("answer.json");

fn told(response: &Value) -> Vec<Value> {
    let pretty = serde_json::to_string_pretty(response).unwrap();
    events(&to_stream(pretty.as_bytes()).unwrap())
}

/// Items of every kind that is told in parts, and of some that are not.
fn items() -> Value {
    let likely = json!([{"token": "Two", "logprob": -0.5, "bytes": [84], "top_logprobs": []}]);
    let note = json!({"type": "url_citation", "start_index": 0, "end_index": 3,
        "title": "Tides", "url": "https://tide.example"});
    json!([
        {"id": "ws_1", "type": "web_search_call", "status": "completed",
            "action": {"type": "search", "query": "tide"}},
        {"id": "rs_1", "type": "reasoning", "encrypted_content": "gAAA",
            "summary": [{"type": "summary_text", "text": "First."}, {"type": "summary_text", "text": ""}],
            "content": [{"type": "reasoning_text", "text": "Long \"ago\"."}]},
        {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": [
            {"type": "output_text", "text": "Two\nmetres", "annotations": [note, note], "logprobs": likely},
            {"type": "refusal", "refusal": "No more."},
            {"type": "unheard_of", "words": "kept"}]},
        {"id": "fc_1", "type": "function_call", "status": "completed", "call_id": "call_1",
            "name": "level", "arguments": "{\"port\":  1.50}"},
        {"id": "fc_2", "type": "function_call", "call_id": "call_2", "name": "now", "arguments": ""},
        {"id": "ct_1", "type": "custom_tool_call", "call_id": "call_3", "name": "run", "input": "ls"},
        {"id": "ig_1", "type": "image_generation_call", "status": "completed", "result": "aGk="},
        {"id": "xx_1", "type": "unheard_of", "anything": [{"a": null}]},
    ])
}

#[test]
fn promises_1_and_2_nothing_is_lost_and_the_order_is_the_apis() {
    let mut response: Value = serde_json::from_str(ANSWER).unwrap();
    assert_eq!(lawful(&told(&response)), response);
    response["output"] = items();
    response["unheard_of"] = json!({"a": [1.50]});
    let events = told(&response);
    assert_eq!(lawful(&events), response);
    let of = |kind: &str| events.iter().filter(|event| event["type"] == kind).count();
    assert_eq!(of("response.output_text.annotation.added"), 2);
    assert_eq!(of("response.output_text.delta"), 1);
    assert_eq!(
        of("response.function_call_arguments.delta"),
        1,
        "an empty one is none"
    );
    assert_eq!(of("response.function_call_arguments.done"), 2);
    let begun = &events[0]["response"];
    assert_eq!(
        (&begun["output"], &begun["usage"]),
        (&json!([]), &Value::Null)
    );
}

#[test]
fn an_answer_that_was_cut_by_its_bound_ends_as_incomplete() {
    let mut response: Value = serde_json::from_str(ANSWER).unwrap();
    response["status"] = json!("incomplete");
    response["incomplete_details"] = json!({"reason": "max_output_tokens"});
    assert_eq!(lawful(&told(&response)), response);
}

/// Servers that only follow OpenAI leave out what they do not need.
#[test]
fn a_response_of_few_words_becomes_a_stream() {
    let text = r#"{"output":[{"type":"message","content":[{"type":"output_text","text":"hi"}]}]}"#;
    let events = events(&to_stream(text.as_bytes()).unwrap());
    let kinds: Vec<_> = events
        .iter()
        .filter_map(|event| event["type"].as_str())
        .collect();
    assert_eq!(
        kinds,
        [
            "response.created",
            "response.in_progress",
            "response.output_item.added",
            "response.content_part.added",
            "response.output_text.delta",
            "response.output_text.done",
            "response.content_part.done",
            "response.output_item.done",
            "response.completed",
        ]
    );
    assert_eq!(events[4]["item_id"], "item_0");
    assert_eq!(events[8]["response"], json(text.as_bytes()));
}

#[test]
fn what_is_no_whole_response_becomes_no_stream() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"output":"hi"}"#,
        r#"{"output":["hi"]}"#,
        r#"{"status":"in_progress","output":[]}"#,
        r#"{"status":"failed","output":[]}"#,
        r#"{"output":[{"type":"message","content":["hi"]}]}"#,
    ] {
        assert!(to_stream(body.as_bytes()).is_none(), "{body}");
    }
}

proptest! {
    /// Whatever a response says becomes a lawful stream, or none.
    #[test]
    fn nothing_makes_it_panic(bytes in any::<Vec<u8>>(), cut in 0..ANSWER.len(), text in ".*") {
        to_stream(&bytes);
        prop_assert!(to_stream(&ANSWER.as_bytes()[..cut.min(ANSWER.trim_end().len() - 1)]).is_none());
        let mut response: Value = serde_json::from_str(ANSWER).unwrap();
        response["output"][2]["content"][0]["text"] = json!(text);
        prop_assert_eq!(lawful(&told(&response)), response);
    }
}
