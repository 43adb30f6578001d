//! Callers of OpenAI's chat and embeddings before providers that speak Gemini's,
//! Bedrock's or Ollama's dialect: where a call goes, what comes back, how it fails.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_gateway::{AwsKeys, AwsSettings, Call, Dialect, Endpoint, Failure, Subject};
use tidegate_testkit::{Script, Upstream};
use tidegate_types::Code;

use crate::house::{House, Plan, text};

/// What came before is on its way to the caller by then.
const A_WHILE: Duration = Duration::from_millis(100);

fn plan(dialect: Dialect) -> Plan {
    let mut plan = Plan::trying();
    plan.dialect = dialect;
    plan.retry.attempts = 1;
    plan
}

async fn before(dialect: Dialect, script: Script) -> (House, Upstream) {
    let upstream = Upstream::start().await;
    upstream.always(script);
    let house = House::new(plan(dialect), Some(&upstream));
    (house, upstream)
}

/// The texts of the deltas, and the last frame.
fn told(stream: &str) -> (String, &str) {
    let frames: Vec<_> = stream.trim_end().split("\n\n").collect();
    let said = frames.iter().filter_map(|frame| {
        let data: Value = serde_json::from_str(frame.strip_prefix("data: ")?).ok()?;
        Some(data["choices"][0]["delta"]["content"].as_str()?.to_owned())
    });
    (said.collect(), frames.last().copied().unwrap_or_default())
}

const GEMINI: &str = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Two metres"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":3,"totalTokenCount":8},"modelVersion":"gemini-up","responseId":"r1"}"#;

#[tokio::test]
async fn gemini_is_asked_by_its_models_path() {
    let (house, upstream) = before(Dialect::Gemini, Script::json(200, GEMINI)).await;
    let reply = house.ask("up/gemini-2.5-pro", false).await.unwrap();
    let answer: Value = serde_json::from_str(&text(reply).await).unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "Two metres");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    assert_eq!(answer["usage"]["completion_tokens"], 3);
    let seen = upstream.request(0).await;
    let path = "/v1beta/models/gemini-2.5-pro:generateContent";
    assert_eq!(seen.line().1, path);
    assert_eq!(
        seen.header("x-goog-api-key").as_deref(),
        Some("sk-canary-0")
    );
    assert_eq!(seen.header("authorization"), None);
    assert_eq!(house.outcome().await.0, "completed");
}

/// Its streams have no end mark: a stop and the body's end are the end.
#[tokio::test]
async fn a_stream_of_gemini_ends_where_it_was_finished() {
    let first = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Two "}]},"index":0}],"modelVersion":"gemini-up","responseId":"r1"}"#;
    let last = r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"metres"}]},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":5,"candidatesTokenCount":3}}"#;
    let script = Script::sse().event(first).event(last);
    let (house, upstream) = before(Dialect::Gemini, script).await;
    let stream = text(house.ask("up/g", true).await.unwrap()).await;
    assert_eq!(
        told(&stream),
        ("Two metres".to_owned(), "data: [DONE]"),
        "{stream}"
    );
    let path = "/v1beta/models/g:streamGenerateContent?alt=sse";
    assert_eq!(upstream.request(0).await.line().1, path);
    assert_eq!(house.outcome().await.0, "completed");

    let (house, _upstream) =
        before(Dialect::Gemini, Script::sse().event(first).wait(A_WHILE)).await;
    let stream = text(house.ask("up/g", true).await.unwrap()).await;
    assert!(told(&stream).1.contains("stream_truncated"), "{stream}");
    assert_eq!(house.outcome().await.1, "stream_truncated");
}

/// What Google says in details is what decides, and no name of its own is told.
#[tokio::test]
async fn geminis_errors_are_the_callers() {
    let quota = json!({"error": {"code": 429, "message": "slow", "status": "RESOURCE_EXHAUSTED",
        "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}]}});
    let (house, _upstream) = before(Dialect::Gemini, Script::json(429, &quota.to_string())).await;
    let failure: Failure = house.ask("up/g", false).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamRateLimited);
    assert!(failure.retry_after.unwrap().as_secs() >= 6, "{failure:?}");
    // The same in a stream, which has no head to say it.
    let script = Script::sse().event(&quota.to_string());
    let (house, _upstream) = before(Dialect::Gemini, script).await;
    let failure = house.ask("up/g", true).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamRateLimited);
    assert!(failure.retry_after.unwrap().as_secs() >= 6, "{failure:?}");
    let key = json!({"error": {"code": 400, "message": "API key not valid", "status": "INVALID_ARGUMENT",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]}});
    let (house, _upstream) = before(Dialect::Gemini, Script::json(400, &key.to_string())).await;
    let failure = house.ask("up/g", false).await.err().unwrap();
    assert_eq!(
        failure.code,
        Code::UpstreamAuth,
        "a bad key, whatever its status"
    );
    let field =
        json!({"error": {"code": 400, "message": "bad field", "status": "INVALID_ARGUMENT"}});
    let (house, _upstream) = before(Dialect::Gemini, Script::json(400, &field.to_string())).await;
    let failure = house.ask("up/g", false).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamRejected);
    assert!(failure.upstream.unwrap().kind.is_none());
}

#[tokio::test]
async fn a_stream_of_ollama_is_lines() {
    let lines = concat!(
        r#"{"model":"llama","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"Two "},"done":false}"#,
        "\n",
        r#"{"model":"llama","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"metres"},"done":false}"#,
        "\n",
        r#"{"model":"llama","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":""},"done":true,"done_reason":"stop","prompt_eval_count":5,"eval_count":3}"#,
    );
    for (end, size) in [("\n", 1), ("\n", 1000), ("", 13)] {
        let head = [("content-type", "application/x-ndjson")];
        let whole = format!("{lines}{end}");
        let script = Script::chunked(200, &head).split(whole.as_bytes(), size);
        let (house, upstream) = before(Dialect::Ollama, script).await;
        let stream = text(house.ask("up/llama", true).await.unwrap()).await;
        assert_eq!(
            told(&stream),
            ("Two metres".to_owned(), "data: [DONE]"),
            "{stream}"
        );
        assert_eq!(upstream.request(0).await.line().1, "/api/chat");
        let samples = house.samples();
        assert_eq!(samples.sum("tidegate_tokens_total", &["up", "output"]), 3.0);
        assert_eq!(house.outcome().await.0, "completed");
    }
}

fn embeddings() -> Call {
    let mut call = House::call("up/e", false);
    call.subject = Subject::Model(Endpoint::Embeddings);
    call.body = r#"{"model":"up/e","input":["a","b"]}"#.into();
    call
}

#[tokio::test]
async fn embeddings_are_asked_where_there_are_any() {
    for (dialect, answer, path) in [
        (
            Dialect::Gemini,
            r#"{"embeddings":[{"values":[0.5,1]},{"values":[2,3]}]}"#,
            "/v1beta/models/e:batchEmbedContents",
        ),
        (
            Dialect::Ollama,
            r#"{"model":"e","embeddings":[[0.5,1],[2,3]],"prompt_eval_count":2}"#,
            "/api/embed",
        ),
    ] {
        let (house, upstream) = before(dialect, Script::json(200, answer)).await;
        let answer = text(house.send(embeddings()).await.unwrap()).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            answer["data"][1]["embedding"],
            json!([2.0, 3.0]),
            "{dialect:?}"
        );
        assert_eq!(upstream.request(0).await.line().1, path);
        assert_eq!(house.outcome().await.0, "completed");
    }
    for dialect in [Dialect::Anthropic, Dialect::Bedrock] {
        let (house, upstream) = before(dialect, Script::json(200, "{}")).await;
        let failure = house.send(embeddings()).await.err().unwrap();
        assert_eq!(failure.code, Code::UnsupportedParameter);
        assert_eq!(upstream.count(), 0);
    }
}

/// A signature is of this host, this body, this minute; no key is sent.
#[tokio::test]
async fn bedrock_is_asked_with_a_signature() {
    let upstream = Upstream::start().await;
    let answer = r#"{"output":{"message":{"role":"assistant","content":[{"text":"Two metres"}]}},"stopReason":"end_turn","usage":{"inputTokens":5,"outputTokens":3,"totalTokens":8}}"#;
    upstream.always(Script::json(200, answer));
    let mut plan = plan(Dialect::Bedrock);
    plan.keys = 0;
    let keys = AwsKeys {
        access_key: "AKIDEXAMPLE".into(),
        secret_key: "sk-canary-aws".into(),
        session_token: Some("token-canary".into()),
    };
    plan.aws = Some(AwsSettings::of_keys("eu-central-1".to_owned(), keys));
    let house = House::new(plan, Some(&upstream));
    let reply = house.ask("up/eu.anthropic.claude:0", false).await.unwrap();
    let answer: Value = serde_json::from_str(&text(reply).await).unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "Two metres");
    assert_eq!(answer["model"], "eu.anthropic.claude:0");
    let seen = upstream.request(0).await;
    assert_eq!(seen.line().1, "/model/eu.anthropic.claude%3A0/converse");
    let signed = seen.header("authorization").unwrap();
    let scope = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/";
    assert!(signed.starts_with(scope), "{signed}");
    assert!(
        signed.contains("/eu-central-1/bedrock/aws4_request"),
        "{signed}"
    );
    assert!(!signed.contains("canary"));
    assert_eq!(
        seen.header("x-amz-security-token").as_deref(),
        Some("token-canary")
    );
    assert_eq!(house.outcome().await.0, "completed");
}
