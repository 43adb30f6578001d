//! A whole message as a stream of its own dialect: every promise of
//! `stream/whole.rs` under its number, held by the reader of `legal.rs`.

use serde_json::{Value, json};

use super::legal::legal;
use crate::anthropic::to_stream;

const FULL: &str = include_str!("answer.json");

/// The message as an SDK gathers it from its stream.
fn gathered(message: &Value) -> Value {
    let pretty = serde_json::to_string_pretty(message).expect("JSON");
    let stream = to_stream(pretty.as_bytes()).expect("a message");
    let mut told = legal(&stream).message;
    for block in told["content"].as_array_mut().expect("blocks") {
        if let Some(text) = block["input"].as_str() {
            block["input"] = serde_json::from_str(text).expect("arguments");
        }
    }
    told
}

#[test]
fn promises_1_and_2_nothing_is_lost_and_the_order_is_legal() {
    let mut message: Value = serde_json::from_str(FULL).expect("JSON");
    assert_eq!(gathered(&message), message);
    let cited = json!({"type": "web_search_result_location", "url": "https://tide.example",
        "title": "Tides", "encrypted_index": "Eo8=", "cited_text": "Two metres."});
    let page = json!({"type": "page_location", "document_index": 0, "document_title": null,
        "cited_text": "line\nend", "start_page_number": 1, "end_page_number": 2});
    for block in [
        json!({"type": "text", "text": "High", "citations": [cited, page]}),
        json!({"type": "text", "text": "", "citations": []}),
        json!({"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1",
            "content": [{"type": "web_search_result", "url": "https://tide.example"}]}),
        json!({"type": "unheard_of", "text": "kept", "input": {"a": 1}}),
        json!({"type": "thinking", "thinking": "", "signature": "EqQB"}),
    ] {
        message["content"]
            .as_array_mut()
            .expect("blocks")
            .push(block);
    }
    message["stop_sequence"] = json!("END");
    message["container"] = json!({"id": "c", "expires_at": "2026-01-01T00:00:00Z"});
    message["unheard_of"] = json!([1, {"a": null}]);
    assert_eq!(gathered(&message), message);
}

/// What a call is made with is text in a stream: every byte of it.
#[test]
fn arguments_keep_every_byte() {
    let stream = to_stream(FULL.as_bytes()).expect("a message");
    let told = legal(&stream).message;
    assert_eq!(
        told["content"][4]["input"],
        r#"{"port":  "Hamburg", "at": 1.50}"#
    );
}

#[test]
fn what_is_no_message_becomes_no_stream() {
    for body in [
        "",
        "[]",
        "{}",
        r#"{"content":"hi"}"#,
        r#"{"content":["hi"]}"#,
    ] {
        assert!(to_stream(body.as_bytes()).is_none(), "{body}");
    }
}
