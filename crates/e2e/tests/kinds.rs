//! What the configuration says of a provider that speaks another dialect, as its
//! upstream sees it: its key, its account, its bounds, and what it is not told.

use std::fs;

use serde_json::{Value, json};
use tidegate_testkit::gate::Start;
use tidegate_testkit::native::{Dialect, KEY, sigv4};
use tidegate_testkit::wait::until_async;
use tidegate_testkit::{Gate, Script, Upstream, openai};

const CHAT: &str = "/v1/chat/completions";

/// A file with one provider, `p`, of this kind at this upstream.
fn file(dialect: Dialect, upstream: &Upstream, lines: &str) -> String {
    let (kind, base) = (dialect.kind(), dialect.base_url(upstream));
    format!(
        "checks = \"off\"\ndefault_provider = \"p\"\n[providers.p]\nkind = \"{kind}\"\n\
         base_url = \"{base}\"\nmodels = [\"m\"]\nretry = {{ attempts = 1 }}\n{lines}\n"
    )
}

fn key() -> String {
    format!("keys = [{{ value = \"{KEY}\" }}]\n")
}

fn body(more: Value) -> String {
    let mut body = json!({ "model": "m", "messages": [{ "role": "user", "content": "Hi" }] });
    if let (Some(body), Value::Object(more)) = (body.as_object_mut(), more) {
        body.extend(more);
    }
    body.to_string()
}

fn said(upstream: &Upstream) -> Value {
    let last = upstream.requests().pop();
    let body = last.map(|last| last.body().to_vec()).unwrap_or_default();
    serde_json::from_slice(&body).unwrap_or_default()
}

/// Writes the file anew, and waits until the process follows it.
async fn take_up(gate: &Gate, text: &str, generation: u64) {
    let written = fs::write(gate.folder().path().join("tidegate.toml"), text);
    assert!(written.is_ok(), "{written:?}");
    until_async("the file is taken up", || async {
        let now: Value = gate.get("/admin/v1/config").await.json();
        (now["generation"] == generation).then_some(())
    })
    .await;
}

/// Amazon's variables and a region are all that a provider needs, and its
/// upstream takes the signature; the token of lent keys goes along.
#[tokio::test]
async fn bedrock_is_signed_to_with_the_credential_of_the_environment() {
    let upstream = Dialect::Bedrock.start().await;
    let gate = Start::with_text(&file(Dialect::Bedrock, &upstream, ""))
        .env("AWS_REGION", sigv4::REGION)
        .env("AWS_ACCESS_KEY_ID", sigv4::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", sigv4::SECRET_KEY)
        .env("AWS_SESSION_TOKEN", "lent-canary")
        .start()
        .await;
    let reply = gate.post(CHAT, &body(json!({}))).await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    let seen = upstream.requests().remove(0);
    assert_eq!(
        seen.header("x-amz-security-token").as_deref(),
        Some("lent-canary")
    );
    assert_eq!(seen.line().1, "/model/m/converse");
}

/// A credential that ended is renewed by the file, which a running process
/// follows (R-S15); the old one is signed with no more.
#[tokio::test]
async fn r_s15_another_credential_signs_once_the_file_has_it() {
    let upstream = Dialect::Bedrock.start().await;
    let with = |secret: &str| {
        let (region, access) = (sigv4::REGION, sigv4::ACCESS_KEY);
        let lines =
            format!("region = \"{region}\"\naccess_key = \"{access}\"\nsecret_key = \"{secret}\"");
        file(Dialect::Bedrock, &upstream, &lines)
    };
    let gate = Start::with_text(&with("ended-canary")).start().await;
    let reply = gate.post(CHAT, &body(json!({}))).await;
    assert_eq!(reply.status(), 502, "{}", reply.text());
    assert!(!reply.text().contains("canary"), "{}", reply.text());
    take_up(&gate, &with(sigv4::SECRET_KEY), 2).await;
    let reply = gate.post(CHAT, &body(json!({}))).await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
}

#[tokio::test]
async fn bedrock_is_shown_an_api_key_and_gets_no_signature() {
    let upstream = Upstream::start().await;
    upstream.always(Script::json(200, r#"{"output":{"message":{"role":"assistant","content":[{"text":"tide"}]}},"stopReason":"end_turn","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}"#));
    let gate = Start::with_text(&file(Dialect::Bedrock, &upstream, ""))
        .env("AWS_BEARER_TOKEN_BEDROCK", "bedrock-api-key")
        .env("AWS_ACCESS_KEY_ID", sigv4::ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", sigv4::SECRET_KEY)
        .start()
        .await;
    let reply = gate.post(CHAT, &body(json!({}))).await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    let seen = upstream.requests().remove(0);
    let shown = seen.header("authorization");
    assert_eq!(shown.as_deref(), Some("Bearer bedrock-api-key"));
    assert_eq!(seen.header("x-amz-date"), None);
}

#[tokio::test]
async fn anthropic_is_told_the_bound_that_a_caller_leaves_out() {
    let upstream = Dialect::Anthropic.start().await;
    for (line, told) in [("", 4096), ("default_max_tokens = 9000", 9000)] {
        let lines = format!("{}{line}", key());
        let gate = Start::with_text(&file(Dialect::Anthropic, &upstream, &lines));
        let gate = gate.start().await;
        let reply = gate.post(CHAT, &body(json!({}))).await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        assert_eq!(said(&upstream)["max_tokens"], told);
        gate.post(CHAT, &body(json!({ "max_tokens": 7 }))).await;
        assert_eq!(said(&upstream)["max_tokens"], 7, "who says it is heard");
    }
}

async fn asked_with_a_seed(gate: &Gate) -> (u16, Option<String>, Value) {
    let reply = gate.post(CHAT, &body(json!({ "seed": 7 }))).await;
    let dropped = reply.header("x-tidegate-dropped").map(str::to_owned);
    (reply.status(), dropped, reply.json())
}

/// Refused by its name, and told to be left out once the file says so; a
/// running process follows (R-S15).
#[tokio::test]
async fn r_s15_what_a_dialect_cannot_express_is_dropped_once_it_is_said() {
    let upstream = Dialect::Anthropic.start().await;
    let gate = Start::with_text(&file(Dialect::Anthropic, &upstream, &key()));
    let gate = gate.start().await;
    let (status, dropped, answer) = asked_with_a_seed(&gate).await;
    assert_eq!((status, dropped), (400, None), "{answer}");
    assert_eq!(answer["error"]["code"], "unsupported_parameter");
    assert_eq!(answer["error"]["param"], "seed");
    assert_eq!(upstream.count(), 0, "nothing was asked");

    let lines = format!("{}on_unsupported = \"drop\"", key());
    take_up(&gate, &file(Dialect::Anthropic, &upstream, &lines), 2).await;
    let (status, dropped, answer) = asked_with_a_seed(&gate).await;
    assert_eq!(
        (status, dropped.as_deref()),
        (200, Some("seed")),
        "{answer}"
    );
    assert_eq!(said(&upstream)["seed"], Value::Null);
}

/// A key that its provider does not take is the provider's failure, and is never
/// shown, in whichever header it went.
#[tokio::test]
async fn a_key_of_each_dialect_is_never_shown() {
    for dialect in [Dialect::Anthropic, Dialect::Gemini, Dialect::Ollama] {
        let upstream = Upstream::start().await;
        let told = r#"{"error":{"type":"authentication_error","status":"UNAUTHENTICATED","message":"no such key: dialect-canary-key"}}"#;
        upstream.always(Script::json(401, told));
        let lines = "keys = [{ value = \"dialect-canary-key\" }]";
        let gate = Start::with_text(&file(dialect, &upstream, lines))
            .start()
            .await;
        let reply = gate.post(CHAT, &openai::chat("m", false)).await;
        let text = reply.text();
        assert_eq!(reply.status(), 502, "{}: {text}", dialect.kind());
        assert!(!text.contains("canary"), "{}: {text}", dialect.kind());
        let log = gate.stderr();
        assert!(!log.contains("canary"), "{}: {log}", dialect.kind());
    }
}
