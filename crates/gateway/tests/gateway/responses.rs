//! Callers of OpenAI's Responses: byte for byte before a provider that speaks
//! them, translated before any other.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_gateway::{Call, Dialect, Endpoint, Manner, Subject};
use tidegate_testkit::{Script, Upstream};
use tidegate_types::Code;

use crate::house::{House, Plan, text};

/// What came before is on its way to the caller by then.
const A_WHILE: Duration = Duration::from_millis(100);

fn call(body: &Value) -> Call {
    let mut call = House::call("up/m", false);
    call.subject = Subject::Model(Endpoint::Responses);
    call.body = body.to_string().into();
    call
}

async fn before(dialect: Dialect, native: bool, script: Script) -> (House, Upstream) {
    let upstream = Upstream::start().await;
    upstream.always(script);
    let mut plan = Plan::trying();
    (plan.dialect, plan.responses) = (dialect, native);
    plan.retry.attempts = 1;
    let house = House::new(plan, Some(&upstream));
    (house, upstream)
}

fn asks(stream: bool) -> Value {
    json!({"model": "up/m", "input": "How high is the tide?", "stream": stream})
}

#[tokio::test]
async fn where_both_sides_speak_them_the_bytes_pass() {
    let body = r#"{"id":"resp_1","object":"response" ,"created_at":1,"status":"completed","model":"m-1","output":[{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"hi","annotations":[]}]}],"usage":{"input_tokens":3,"output_tokens":2,"total_tokens":5}}"#;
    let (house, upstream) = before(Dialect::OpenAi, true, Script::json(200, body)).await;
    assert_eq!(
        text(house.send(call(&asks(false))).await.unwrap()).await,
        body
    );
    let seen = upstream.request(0).await;
    assert_eq!(seen.line().1, "/v1/responses");
    let samples = house.samples();
    assert_eq!(samples.sum("tidegate_tokens_total", &["up", "output"]), 2.0);
    assert_eq!(house.outcome().await.0, "completed");
}

/// Row 17: one that came whole where a stream was asked for becomes one; one that is
/// not whole does not.
#[tokio::test]
async fn row_17_a_whole_response_becomes_a_stream() {
    let item = r#"{"type":"web_search_call","id":"ws_1","status":"completed"}"#;
    let body = |status: &str| {
        format!(
            r#"{{"id":"resp_1","object":"response","status":"{status}","output":[{item},{{"type":"message","id":"msg_1","content":[{{"type":"output_text","text":"hi","annotations":[{{"type":"url_citation","url":"https://tide.example"}}]}}]}}],"usage":{{"input_tokens":3,"output_tokens":2}}}}"#
        )
    };
    let script = Script::json(200, &body("completed"));
    let (house, _upstream) = before(Dialect::OpenAi, true, script).await;
    let told = text(house.send(call(&asks(true))).await.unwrap()).await;
    let last = format!(r#""response":{}}}"#, body("completed"));
    assert!(told.trim_end().ends_with(&last), "{told}");
    for kept in [
        "event: response.created",
        item,
        "annotation.added",
        r#""delta":"hi""#,
    ] {
        assert!(told.contains(kept), "{kept}: {told}");
    }
    let samples = house.samples();
    assert_eq!(samples.sum("tidegate_tokens_total", &["up", "output"]), 2.0);
    assert_eq!(house.outcome().await.0, "completed");

    let script = Script::json(200, &body("in_progress"));
    let (house, _upstream) = before(Dialect::OpenAi, true, script).await;
    let failure = house.send(call(&asks(true))).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamProtocol);
}

fn native(events: &[(&str, Value)]) -> String {
    let events = events.iter();
    let text = |(name, data): &(&str, Value)| format!("event: {name}\ndata: {data}\n\n");
    events.map(text).collect()
}

#[tokio::test]
async fn a_stream_passes_to_its_terminal_event_or_fails() {
    let response = |status: &str| {
        json!({"id": "resp_1", "object": "response", "created_at": 1, "status": status, "model": "m-1",
            "output": [], "usage": {"input_tokens": 3, "output_tokens": 4, "total_tokens": 7}})
    };
    let begun = native(&[
        (
            "response.created",
            json!({"type": "response.created", "sequence_number": 0, "response": response("in_progress")}),
        ),
        (
            "response.output_text.delta",
            json!({"type": "response.output_text.delta", "sequence_number": 1, "item_id": "msg_1",
                "output_index": 0, "content_index": 0, "delta": "hi"}),
        ),
    ]);
    let end = native(&[(
        "response.completed",
        json!({"type": "response.completed", "sequence_number": 2, "response": response("completed")}),
    )]);
    let whole = format!("{begun}{end}");
    let script = Script::sse().bytes(whole.clone());
    let (house, _upstream) = before(Dialect::OpenAi, true, script).await;
    let told = text(house.send(call(&asks(true))).await.unwrap()).await;
    assert_eq!(told, whole);
    let samples = house.samples();
    assert_eq!(samples.sum("tidegate_tokens_total", &["up", "output"]), 4.0);
    assert_eq!(house.outcome().await.0, "completed");

    // Row 15: nobody else can tell the whole response again.
    let script = Script::sse().bytes(begun.clone()).wait(A_WHILE);
    let (house, _upstream) = before(Dialect::OpenAi, true, script).await;
    let told = text(house.send(call(&asks(true))).await.unwrap()).await;
    let (before, last) = told.rsplit_once("event: error\ndata: ").unwrap();
    assert_eq!(before, begun);
    assert!(last.contains("stream_truncated"), "{last}");
    assert!(
        last.contains(r#""sequence_number":2"#),
        "it goes on counting: {last}"
    );
    assert_eq!(house.outcome().await.1, "stream_truncated");
}

fn chunk(delta: &Value, finish: Option<&str>) -> String {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-up",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    .to_string()
}

#[tokio::test]
async fn before_a_provider_that_speaks_chat_they_are_translated() {
    let script = Script::sse()
        .event(&chunk(
            &json!({"role": "assistant", "content": "Two "}),
            None,
        ))
        .event(&chunk(&json!({"content": "metres"}), None))
        .event(&chunk(&json!({}), Some("stop")))
        .done();
    let (house, upstream) = before(Dialect::OpenAi, false, script).await;
    let told = text(house.send(call(&asks(true))).await.unwrap()).await;
    let names: Vec<_> = told
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    assert_eq!(names.first(), Some(&"response.created"), "{told}");
    assert_eq!(names.last(), Some(&"response.completed"), "{told}");
    assert!(told.contains(r#""text":"Two metres""#), "{told}");
    assert_eq!(upstream.request(0).await.line().1, "/v1/chat/completions");
    assert_eq!(house.outcome().await.0, "completed");
}

/// A stream that fails in the middle says so as its dialect does, and once.
#[tokio::test]
async fn a_translated_stream_that_fails_ends_with_response_failed() {
    let script = Script::sse()
        .event(&chunk(
            &json!({"role": "assistant", "content": "Two "}),
            None,
        ))
        .wait(A_WHILE);
    let (house, _upstream) = before(Dialect::OpenAi, false, script).await;
    let told = text(house.send(call(&asks(true))).await.unwrap()).await;
    assert_eq!(told.matches("event: response.failed").count(), 1, "{told}");
    assert!(!told.contains("response.completed"), "{told}");
    assert!(told.contains("stream_truncated"), "{told}");
    assert_eq!(house.outcome().await.1, "stream_truncated");
}

#[tokio::test]
async fn what_needs_a_store_is_refused_by_its_name() {
    let (house, upstream) = before(Dialect::Anthropic, false, Script::json(200, "{}")).await;
    let mut body = asks(false);
    body["previous_response_id"] = json!("resp_0");
    let failure = house.send(call(&body)).await.err().unwrap();
    assert_eq!(failure.code, Code::UnsupportedParameter);
    assert_eq!(failure.param.as_deref(), Some("previous_response_id"));
    assert_eq!(upstream.count(), 0);
}

/// Also before a provider that would do it: nobody could fetch the answer through
/// the gateway.
#[tokio::test]
async fn an_answer_that_nobody_could_fetch_is_refused() {
    for native in [true, false] {
        let script = Script::json(200, "{}");
        let (house, upstream) = before(Dialect::OpenAi, native, script).await;
        let mut body = asks(false);
        body["background"] = json!(true);
        let failure = house.send(call(&body)).await.err().unwrap();
        assert_eq!(failure.code, Code::UnsupportedParameter);
        assert_eq!(failure.param.as_deref(), Some("background"));
        assert_eq!(upstream.count(), 0);
    }
}

/// What an upstream says is wrong is a field of our request to it, and not of the
/// caller's; its code means the same in both.
#[tokio::test]
async fn a_field_of_another_form_is_not_blamed() {
    let said = json!({"error": {"message": "too long", "type": "invalid_request_error",
        "param": "messages", "code": "context_length_exceeded"}});
    for (native, param) in [(false, None), (true, Some("messages"))] {
        let script = Script::json(400, &said.to_string());
        let (house, _upstream) = before(Dialect::OpenAi, native, script).await;
        let failure = house.send(call(&asks(false))).await.err().unwrap();
        assert_eq!(failure.param.as_deref(), param, "{native}");
        let body: Value = serde_json::from_slice(&failure.body(Manner::Responses, None)).unwrap();
        assert_eq!(body["error"]["code"], "context_length_exceeded");
    }
}
