//! Callers of OpenAI's dialect before a provider that speaks Anthropic's: what
//! it is asked, and what they get, in success and in failure.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_gateway::{Call, Dialect, Failure, Reply};
use tidegate_testkit::{Script, Upstream};
use tidegate_types::Code;

use crate::house::{House, Plan, text};

/// What came before is on its way to the caller by then.
const A_WHILE: Duration = Duration::from_millis(100);

async fn before(script: Script) -> (House, Upstream) {
    before_one(Dialect::Anthropic, script).await
}

async fn before_one(dialect: Dialect, script: Script) -> (House, Upstream) {
    let upstream = Upstream::start().await;
    upstream.always(script);
    let mut plan = Plan::trying();
    plan.dialect = dialect;
    plan.retry.attempts = 1;
    let house = House::new(plan, Some(&upstream));
    (house, upstream)
}

fn call(body: &Value) -> Call {
    let mut call = House::call("up/claude", false);
    call.body = body.to_string().into();
    call
}

fn asks(stream: bool) -> Value {
    json!({
        "model": "up/claude",
        "stream": stream,
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "How high is the tide?"},
        ],
        "tools": [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}],
    })
}

async fn send(house: &House, body: &Value) -> Result<Reply, Failure> {
    house.send(call(body)).await
}

const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-up",
    "content":[{"type":"text","text":"Let me see."},
               {"type":"tool_use","id":"toolu_1","name":"look","input":{"b": 1, "a":2}}],
    "stop_reason":"tool_use","stop_sequence":null,
    "usage":{"input_tokens":5,"cache_read_input_tokens":2,"output_tokens":7}}"#;

#[tokio::test]
async fn a_whole_answer_is_the_callers_own_form() {
    let (house, upstream) = before(Script::json(200, MESSAGE)).await;
    let answer = text(send(&house, &asks(false)).await.unwrap()).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["model"], "claude-up");
    let choice = &answer["choices"][0];
    assert_eq!(choice["finish_reason"], "tool_calls");
    assert_eq!(choice["message"]["content"], "Let me see.");
    let called = &choice["message"]["tool_calls"][0];
    assert_eq!(called["id"], "toolu_1");
    // Byte for byte as the model wrote them.
    assert_eq!(called["function"]["arguments"], r#"{"b": 1, "a":2}"#);
    assert_eq!(answer["usage"]["prompt_tokens"], 7);
    assert_eq!(answer["usage"]["prompt_tokens_details"]["cached_tokens"], 2);

    let seen = upstream.request(0).await;
    assert_eq!(seen.line().1, "/v1/messages");
    assert_eq!(seen.header("x-api-key").as_deref(), Some("sk-canary-0"));
    assert_eq!(
        seen.header("anthropic-version").as_deref(),
        Some("2023-06-01")
    );
    assert_eq!(seen.header("authorization"), None);
    let body: Value = serde_json::from_slice(seen.body()).unwrap();
    assert_eq!(body["model"], "claude");
    assert_eq!(body["messages"][0]["role"], "user");
    assert!(body["system"].to_string().contains("Be brief."));
    assert!(body["max_tokens"].is_u64());
    assert_eq!(house.outcome().await.0, "completed");
}

#[tokio::test]
async fn row_17_a_whole_answer_to_a_stream_is_told_as_one() {
    let (house, _upstream) = before(Script::json(200, MESSAGE)).await;
    let stream = text(send(&house, &asks(true)).await.unwrap()).await;
    let (said, last) = told(&stream);
    assert_eq!(
        (said.as_str(), last.as_str()),
        ("Let me see.", "data: [DONE]")
    );
    assert!(stream.contains(r#"{\"b\": 1, \"a\":2}"#), "{stream}");
    assert_eq!(house.outcome().await.0, "completed");
}

#[tokio::test]
async fn row_17_a_picture_that_no_stream_carries_is_a_failure_that_says_so() {
    let picture = r#"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0KGgo="}}]},"finishReason":"STOP"}],"responseId":"r"}"#;
    let script = Script::json(200, picture);
    let (house, _upstream) = before_one(Dialect::Gemini, script).await;
    let failure = send(&house, &asks(true)).await.map(drop).unwrap_err();
    assert!(failure.message.contains("without `stream`"), "{failure:?}");
    assert_eq!(failure.code, Code::UpstreamRejected, "nobody asks again");
    assert_eq!(house.outcome().await.0, "failed");
}

const EVENTS: &[&str] = &[
    r#"message_start {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-up","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":1}}}"#,
    r#"content_block_start {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    r#"ping {"type":"ping"}"#,
    r#"content_block_delta {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Two "}}"#,
    r#"content_block_delta {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"metres"}}"#,
    r#"content_block_stop {"type":"content_block_stop","index":0}"#,
    r#"message_delta {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":9}}"#,
    r#"message_stop {"type":"message_stop"}"#,
];

fn events(all: &[&str]) -> Script {
    further(Script::sse(), all)
}

fn further(script: Script, all: &[&str]) -> Script {
    all.iter().fold(script, |script, event| {
        let (name, data) = event.split_once(' ').unwrap();
        script.bytes(format!("event: {name}\ndata: {data}\n\n"))
    })
}

/// The text of the deltas, and the last frame.
fn told(stream: &str) -> (String, String) {
    let frames = stream.split("\n\n").filter(|frame| !frame.is_empty());
    let frames: Vec<_> = frames.collect();
    let text = frames.iter().filter_map(|frame| {
        let data: Value = serde_json::from_str(frame.strip_prefix("data: ")?).ok()?;
        Some(data["choices"][0]["delta"]["content"].as_str()?.to_owned())
    });
    (
        text.collect(),
        frames.last().copied().unwrap_or_default().to_owned(),
    )
}

#[tokio::test]
async fn a_stream_is_the_callers_own_form() {
    let (house, _upstream) = before(events(EVENTS)).await;
    let stream = text(send(&house, &asks(true)).await.unwrap()).await;
    let (text, last) = told(&stream);
    assert_eq!((&*text, &*last), ("Two metres", "data: [DONE]"), "{stream}");
    assert!(stream.contains(r#""finish_reason":"stop""#), "{stream}");
    assert!(!stream.contains("event:"), "{stream}");
    assert!(
        !stream.contains("usage\":{"),
        "nobody asked for it: {stream}"
    );
    let samples = house.samples();
    assert_eq!(samples.sum("tidegate_tokens_total", &["up", "output"]), 9.0);
    assert_eq!(house.outcome().await.0, "completed");
}

/// Row 15: a stream that was cut never looks finished.
#[tokio::test]
async fn row_15_a_stream_that_ends_early_says_so() {
    let (house, _upstream) = before(events(&EVENTS[..5]).wait(A_WHILE)).await;
    let stream = text(send(&house, &asks(true)).await.unwrap()).await;
    let (text, last) = told(&stream);
    assert_eq!(text, "Two metres");
    assert!(last.contains("stream_truncated"), "{stream}");
    assert!(!stream.contains("[DONE]"), "{stream}");
    assert_eq!(
        house.outcome().await,
        ("failed".into(), "stream_truncated".into())
    );
}

/// Row 12: an error within the stream is the caller's error.
#[tokio::test]
async fn row_12_an_error_in_the_stream_is_the_callers_error() {
    let failing =
        r#"error {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#;
    let script = further(events(&EVENTS[..5]).wait(A_WHILE), &[failing]);
    let (house, _upstream) = before(script).await;
    let stream = text(send(&house, &asks(true)).await.unwrap()).await;
    let (_, last) = told(&stream);
    assert!(last.contains("upstream_overloaded"), "{stream}");
    assert!(!stream.contains("[DONE]"), "{stream}");
}

/// Rows 1, 3, 5 and 6: each with the class that its status has.
#[tokio::test]
async fn a_refusal_of_the_upstream_keeps_its_class() {
    for (status, kind, code) in [
        (429, "rate_limit_error", Code::UpstreamRateLimited),
        (529, "overloaded_error", Code::UpstreamOverloaded),
        (400, "invalid_request_error", Code::UpstreamRejected),
        (401, "authentication_error", Code::UpstreamAuth),
        (500, "api_error", Code::UpstreamError),
    ] {
        let body = json!({"type": "error", "error": {"type": kind, "message": "no"}});
        let (house, _upstream) = before(Script::json(status, &body.to_string())).await;
        let failure = send(&house, &asks(false)).await.err().unwrap();
        assert_eq!(failure.code, code, "{status}");
    }
}

/// What the provider cannot be told is refused by its name, and it is not asked.
#[tokio::test]
async fn what_cannot_be_said_is_refused_by_its_name() {
    let (house, upstream) = before(Script::json(200, MESSAGE)).await;
    let mut body = asks(false);
    body["logit_bias"] = json!({"50256": -100});
    let failure = send(&house, &body).await.err().unwrap();
    assert_eq!(failure.code, Code::UnsupportedParameter);
    assert_eq!(failure.param.as_deref(), Some("logit_bias"));
    assert!(failure.message.contains("`up`"), "{}", failure.message);
    assert_eq!(upstream.count(), 0);
    let outcome = house.outcome().await;
    assert_eq!(outcome, ("refused".into(), "unsupported_parameter".into()));
}
