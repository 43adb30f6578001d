//! Small texts of the OpenAI dialect: requests, chunks, answers.
//!
//! Written as text, not through serde, so that a test knows every byte.

use serde_json::Value;

/// A chat request for `model`.
pub fn chat(model: &str, stream: bool) -> String {
    format!(
        r#"{{"model":"{model}","messages":[{{"role":"user","content":"hello there"}}],"stream":{stream}}}"#
    )
}

/// The first delta of a stream: a role, no content.
pub fn role_chunk() -> String {
    chunk(r#"{"role":"assistant","content":""}"#, "null")
}

/// A delta with content.
pub fn content_chunk(content: &str) -> String {
    let content = Value::from(content);
    chunk(&format!(r#"{{"content":{content}}}"#), "null")
}

/// The last delta, with its finish reason.
pub fn finish_chunk() -> String {
    chunk("{}", r#""stop""#)
}

/// Any chunk from its delta and its finish reason, both JSON.
pub fn chunk(delta: &str, finish: &str) -> String {
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m-1","choices":[{{"index":0,"delta":{delta},"finish_reason":{finish}}}]}}"#
    )
}

/// The chunk that carries only the usage.
pub fn usage_chunk() -> String {
    r#"{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m-1","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}"#
        .to_owned()
}

/// A whole answer.
pub fn completion(content: &str) -> String {
    let content = Value::from(content);
    format!(
        r#"{{"id":"chatcmpl-1","object":"chat.completion","created":1700000000,"model":"m-1","choices":[{{"index":0,"message":{{"role":"assistant","content":{content}}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":5,"completion_tokens":2,"total_tokens":7}}}}"#
    )
}

/// An error body in the OpenAI form.
pub fn error(kind: &str, code: &str, message: &str) -> String {
    format!(
        r#"{{"error":{{"message":{},"type":"{kind}","param":null,"code":"{code}"}}}}"#,
        Value::from(message)
    )
}
