//! The upstreams against themselves: they refuse what their services refuse.
//!
//! That they say what those say is shown by the official SDKs (`e2e`).

use serde_json::Value;

use super::{Dialect, KEY};
use crate::client::{RawClient, Reply};
use crate::upstream::Upstream;

async fn ask(upstream: &Upstream, path: &str, headers: &[(&str, &str)], body: &str) -> Reply {
    let mut client = RawClient::connect(upstream.address()).await;
    client.post_with(path, headers, body).await;
    client.reply().await
}

const BODY: &str = r#"{"model":"m-1","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}"#;

#[tokio::test]
async fn a_wrong_key_a_wrong_place_and_an_unsigned_request_are_refused() {
    for (dialect, path, status) in [
        (Dialect::OpenAi, "/v1/chat/completions", 401),
        (Dialect::OpenAi, "/chat/completions", 404),
        (
            Dialect::Azure,
            "/openai/deployments/m-1/chat/completions",
            404,
        ),
        (Dialect::Anthropic, "/v1/messages", 401),
        (Dialect::Gemini, "/v1beta/models/m-1:generateContent", 401),
        (Dialect::Bedrock, "/model/m-1/converse", 403),
        (Dialect::Ollama, "/api/generate", 404),
    ] {
        let upstream = dialect.start().await;
        let reply = ask(&upstream, path, &[], BODY).await;
        assert_eq!(
            reply.status(),
            status,
            "{dialect:?} {path}: {}",
            reply.text()
        );
    }
}

#[tokio::test]
async fn fields_and_orders_that_no_service_takes_are_refused() {
    let upstream = Dialect::Anthropic.start().await;
    let old = [("x-api-key", KEY), ("anthropic-version", "2023-06-01")];
    let new = [("x-api-key", KEY), ("anthropic-version", "2026-10-21")];
    let with = |field: &str| BODY.replacen('{', &format!("{{{field},"), 1);
    let called = r#"{"model":"m-1","max_tokens":9,"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"tool_use","id":"1","name":"f","input":{}}]}]}"#;
    for (headers, body, status) in [
        (&old, with(r#""temperature":1"#), 200),
        (&new, with(r#""temperature":1"#), 400),
        (&new, with(r#""logit_bias":{}"#), 400),
        (&new, called.to_owned(), 400),
        (&new, BODY.to_owned(), 200),
    ] {
        let reply = ask(&upstream, "/v1/messages", headers, &body).await;
        assert_eq!(reply.status(), status, "{body}: {}", reply.text());
        let told: Value = reply.json();
        assert_eq!(told["type"] == "error", status == 400, "{told}");
    }
}
