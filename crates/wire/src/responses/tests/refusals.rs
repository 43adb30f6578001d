//! Requests that are refused, each by the path of what is wrong.
//!
//! The promises are those of `request.rs` and `fields.rs`.

use serde_json::json;
use tidegate_types::Code;

use super::requests::with;
use super::*;
use crate::openai::Refused;

fn refused(body: &Value) -> Refused {
    read_request(body.to_string().as_bytes()).unwrap_err()
}

#[test]
fn promise_1_what_needs_a_store_is_refused_by_name() {
    for (name, value) in [
        ("store", json!(true)),
        ("previous_response_id", json!("resp_1")),
        ("conversation", json!({"id": "conv_1"})),
        ("background", json!(true)),
    ] {
        let refused = refused(&with(json!({name: value})));
        assert_eq!(refused.param.as_deref(), Some(name));
        assert_eq!(refused.code, Code::UnsupportedParameter);
        assert!(refused.message.contains("no response is kept"), "{refused}");
        // It says what to do instead.
        let instead = ["Leave it out", "Send the earlier items"];
        assert!(instead.iter().any(|said| refused.message.contains(said)));
    }
}

/// Refused, and the message begins with the field.
fn refused_at(param: &str, members: Value) {
    let refused = refused(&with(members));
    assert_eq!(refused.param.as_deref(), Some(param), "{refused}");
    assert!(
        refused.message.starts_with(&format!("`{param}`")),
        "{refused}"
    );
}

#[test]
fn what_is_wrong_is_refused_by_its_path() {
    let deep = |content: Value| json!({"input": [{"role": "user", "content": content}]});
    for (members, param) in [
        (json!({"model": null}), "model"),
        (json!({"model": " "}), "model"),
        (json!({"input": null}), "input"),
        (json!({"input": 5}), "input"),
        (json!({"input": ["Hi"]}), "input[0]"),
        (json!({"input": [{"content": "Hi"}]}), "input[0].type"),
        (
            json!({"input": [{"role": "tool", "content": "Hi"}]}),
            "input[0].role",
        ),
        (json!({"input": [{"role": "user"}]}), "input[0].content"),
        (
            deep(json!([{"type": "input_text"}])),
            "input[0].content[0].text",
        ),
        (
            deep(json!([{"type": "input_text", "text": 5}])),
            "input[0].content[0].text",
        ),
        (
            deep(json!([{"type": "input_image"}])),
            "input[0].content[0].image_url",
        ),
        (
            deep(json!([{"type": "input_image", "image_url": "a", "file_id": "b"}])),
            "input[0].content[0]",
        ),
        (
            deep(json!([{"type": "input_file"}])),
            "input[0].content[0].file_data",
        ),
        (
            json!({"input": [{"type": "function_call", "name": "f", "arguments": "{}"}]}),
            "input[0].call_id",
        ),
        (
            json!({"input": [{"type": "function_call_output", "call_id": "c"}]}),
            "input[0].output",
        ),
    ] {
        refused_at(param, members);
    }
}

#[test]
fn a_setting_that_is_wrong_is_refused_by_its_path() {
    for (members, param) in [
        (json!({"tools": [{"type": "function"}]}), "tools[0].name"),
        (
            json!({"tools": [{"type": "function", "name": "f", "strict": 1}]}),
            "tools[0].strict",
        ),
        (
            json!({"tools": vec![json!({"type": "function", "name": "f"}); 129]}),
            "tools",
        ),
        (json!({"tool_choice": "never"}), "tool_choice"),
        (json!({"tool_choice": 3}), "tool_choice"),
        (json!({"tool_choice": "required"}), "tool_choice"),
        (
            json!({"text": {"format": {"type": "json_schema", "name": "n"}}}),
            "text.format.schema",
        ),
        (json!({"max_output_tokens": -1}), "max_output_tokens"),
        (json!({"top_logprobs": 21}), "top_logprobs"),
        (json!({"include": [1]}), "include[0]"),
        (json!({"metadata": "x"}), "metadata"),
        (json!({"stream": "yes"}), "stream"),
        (json!({"base_url": "http://x"}), "base_url"),
    ] {
        refused_at(param, members);
    }
}

#[test]
fn a_member_that_stands_twice_is_refused() {
    for (body, param) in [
        (r#"{"model":"a","input":"b","mod\u0065l":"c"}"#, "model"),
        (
            r#"{"model":"a","input":[{"role":"user","role":"system","content":"b"}]}"#,
            "input[0].role",
        ),
    ] {
        let refused = read_request(body.as_bytes()).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some(param));
        assert!(refused.message.contains("stands twice"));
    }
    for body in ["[]", "\"x\"", "null"] {
        assert_eq!(read_request(body.as_bytes()).unwrap_err().param, None);
    }
}
