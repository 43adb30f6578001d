//! Between two dialects, where things go otherwise than they should: what is
//! counted, what commits an answer, and how each failure is told.

use std::time::Duration;

use kernel::Why;
use serde_json::{Value, json};
use tidegate_gateway::{AwsKeys, AwsSettings, Call, Dialect, Endpoint, OnUnsupported, Subject};
use tidegate_kernel as kernel;
use tidegate_testkit::native::{self, sigv4};
use tidegate_testkit::{Script, Upstream};
use tidegate_types::Code;

use crate::house::{House, Plan, frame, settings, text};

/// What came before is on its way to the caller by then.
const A_WHILE: Duration = Duration::from_millis(100);

fn plan(dialect: Dialect) -> Plan {
    let mut plan = Plan::trying();
    (plan.dialect, plan.responses) = (dialect, false);
    plan.retry.attempts = 1;
    plan
}

async fn before(dialect: Dialect, script: Script) -> (House, Upstream) {
    let upstream = Upstream::start().await;
    upstream.always(script);
    let house = House::new(plan(dialect), Some(&upstream));
    (house, upstream)
}

fn call(endpoint: Endpoint, stream: bool) -> Call {
    let mut call = House::call("up/m", stream);
    call.subject = Subject::Model(endpoint);
    let said = json!([{"role": "user", "content": "How high is the tide?"}]);
    let body = match endpoint {
        Endpoint::Responses => json!({"model": "up/m", "stream": stream, "input": said}),
        _ => json!({"model": "up/m", "stream": stream, "max_tokens": 50, "messages": said}),
    };
    call.body = body.to_string().into();
    call
}

/// The three dialects of callers.
const CALLERS: [Endpoint; 3] = [Endpoint::Chat, Endpoint::Responses, Endpoint::Messages];

const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"claude-up","content":[{"type":"text","text":"Two metres"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":5,"output_tokens":7}}"#;

/// Row 17: what its upstream counted is counted, whether or not its caller asked
/// to be told.
#[tokio::test]
async fn row_17_a_whole_answer_told_as_a_stream_costs_what_its_upstream_said() {
    for endpoint in CALLERS {
        let (house, _upstream) = before(Dialect::Anthropic, Script::json(200, MESSAGE)).await;
        let stream = text(house.send(call(endpoint, true)).await.unwrap()).await;
        assert!(stream.contains("Two metres"), "{stream}");
        let samples = house.samples();
        let tokens = |kind| samples.sum("tidegate_tokens_total", &["up", kind]);
        assert_eq!(
            (tokens("input"), tokens("output")),
            (5.0, 7.0),
            "{endpoint:?}"
        );
        if endpoint == Endpoint::Chat {
            assert!(!stream.contains("prompt_tokens"), "nobody asked: {stream}");
        }
        assert_eq!(house.outcome().await.0, "completed");
    }
}

fn events(all: &[Value]) -> Script {
    all.iter().fold(Script::sse(), further)
}

fn further(script: Script, data: &Value) -> Script {
    let name = data["type"].as_str().unwrap();
    script.bytes(format!("event: {name}\ndata: {data}\n\n"))
}

fn begun() -> Value {
    json!({"type": "message_start", "message": {"id": "msg_1", "type": "message", "role": "assistant",
        "model": "claude-up", "content": [], "stop_reason": null, "usage": {"input_tokens": 5, "output_tokens": 1}}})
}

fn failing(kind: &str) -> Value {
    json!({"type": "error", "error": {"type": kind, "message": "no such tide"}})
}

/// The commit point: a thought that only its provider can read is nothing that a
/// caller of OpenAI is told, and so a failure behind it still has its status.
#[tokio::test]
async fn what_its_caller_is_not_told_commits_nothing() {
    let hidden = json!({"type": "content_block_start", "index": 0,
        "content_block": {"type": "redacted_thinking", "data": "c2VjcmV0"}});
    let script = events(&[begun(), hidden]).wait(A_WHILE);
    let script = further(script, &failing("overloaded_error"));
    let (house, _upstream) = before(Dialect::Anthropic, script.clone()).await;
    let failure = house.send(call(Endpoint::Chat, true)).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamOverloaded);
    // Responses have a place for it.
    let (house, _upstream) = before(Dialect::Anthropic, script).await;
    let stream = text(house.send(call(Endpoint::Responses, true)).await.unwrap()).await;
    assert!(stream.contains("c2VjcmV0"), "{stream}");
    assert!(stream.contains("response.failed"), "{stream}");
}

/// Row 12: an error within a stream has the class that its status would have had.
#[tokio::test]
async fn row_12_an_error_in_a_stream_has_the_class_of_its_status() {
    for (kind, code, shown) in [
        ("not_found_error", Code::UpstreamRejected, 404),
        ("request_too_large", Code::UpstreamRejected, 413),
        ("invalid_request_error", Code::UpstreamRejected, 400),
        ("billing_error", Code::InsufficientQuota, 429),
        ("overloaded_error", Code::UpstreamOverloaded, 503),
        ("api_error", Code::UpstreamError, 502),
    ] {
        for endpoint in [Endpoint::Chat, Endpoint::Messages] {
            let script = events(&[begun(), failing(kind)]);
            let (house, _upstream) = before(Dialect::Anthropic, script).await;
            let failure = house.send(call(endpoint, true)).await.err().unwrap();
            assert_eq!(failure.code, code, "{kind} {endpoint:?}");
            assert_eq!(failure.status(Default::default()), shown, "{kind}");
        }
    }
}

/// The same of Google's, which names the reason in details.
#[tokio::test]
async fn geminis_errors_in_a_stream_keep_their_class() {
    for (status, number, code) in [
        ("RESOURCE_EXHAUSTED", 429, Code::UpstreamRateLimited),
        ("UNAVAILABLE", 503, Code::UpstreamOverloaded),
        ("INVALID_ARGUMENT", 400, Code::UpstreamRejected),
        ("INTERNAL", 500, Code::UpstreamError),
    ] {
        for reason in [None, Some("RATE_LIMIT_EXCEEDED_OR_SO")] {
            let details = reason.map(|reason| json!([{"reason": reason}]));
            let error = json!({"error": {"code": number, "message": "slow", "status": status,
                "details": details.unwrap_or_else(|| json!([]))}});
            let script = Script::sse().event(&error.to_string());
            let (house, _upstream) = before(Dialect::Gemini, script).await;
            let failure = house.send(call(Endpoint::Chat, true)).await.err().unwrap();
            assert_eq!(failure.code, code, "{status} {reason:?}");
        }
    }
    let key = json!({"error": {"code": 400, "message": "no", "status": "INVALID_ARGUMENT",
        "details": [{"reason": "API_KEY_INVALID"}]}});
    let (house, _upstream) = before(Dialect::Gemini, Script::sse().event(&key.to_string())).await;
    let failure = house.send(call(Endpoint::Chat, true)).await.err().unwrap();
    assert_eq!(
        failure.code,
        Code::UpstreamAuth,
        "a bad key, wherever it is told"
    );
}

/// Row 17 of each dialect: an error in a success is an error, whatever was asked.
#[tokio::test]
async fn row_17_a_success_with_an_error_in_it_is_none() {
    for (dialect, body) in [
        (
            Dialect::OpenAi,
            r#"{"error":{"message":"no","type":"server_error"}}"#,
        ),
        (
            Dialect::Azure,
            r#"{"error":{"message":"no","code":"InternalServerError"}}"#,
        ),
        (
            Dialect::Anthropic,
            r#"{"type":"error","error":{"type":"api_error","message":"no"}}"#,
        ),
        (
            Dialect::Gemini,
            r#"{"error":{"code":500,"message":"no","status":"INTERNAL"}}"#,
        ),
        (Dialect::Ollama, r#"{"error":"no"}"#),
        (Dialect::Bedrock, r#"{"message":"no"}"#),
    ] {
        for endpoint in CALLERS {
            for stream in [false, true] {
                let (house, _upstream) = before(dialect, Script::json(200, body)).await;
                let reply = house.send(call(endpoint, stream)).await;
                let failure = reply.err().unwrap();
                let fits = [Code::UpstreamError, Code::UpstreamProtocol];
                assert!(
                    fits.contains(&failure.code),
                    "{dialect:?} {endpoint:?} {failure:?}"
                );
                assert_eq!(house.outcome().await.0, "failed");
            }
        }
    }
}

/// Contracts 12: a provider that is not to be asked for usage is not, translated
/// or not.
#[tokio::test]
async fn usage_is_asked_for_where_the_provider_takes_it() {
    let done = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "delta": {"content": "hi"}, "finish_reason": "stop"}]});
    for ask_usage in [false, true] {
        for responses in [false, true] {
            let upstream = Upstream::start().await;
            upstream.always(Script::sse().event(&done.to_string()).done());
            let plan = Plan {
                ask_usage,
                responses,
                ..plan(Dialect::OpenAi)
            };
            let house = House::new(plan, Some(&upstream));
            text(house.send(call(Endpoint::Messages, true)).await.unwrap()).await;
            let body = upstream.request(0).await;
            let asked: Value = serde_json::from_slice(body.body()).unwrap();
            let told = asked["stream_options"]["include_usage"] == true;
            assert_eq!(told, ask_usage, "{asked}");
        }
    }
}

/// A header has room for names, and not for whatever a caller calls a field.
#[tokio::test]
async fn what_was_dropped_is_told_in_a_header_that_has_an_end() {
    let upstream = Upstream::start().await;
    upstream.always(Script::json(200, MESSAGE));
    let plan = Plan {
        on_unsupported: OnUnsupported::Drop,
        ..plan(Dialect::Anthropic)
    };
    let house = House::new(plan.clone(), Some(&upstream));
    let mut asked = call(Endpoint::Chat, false);
    let mut body: Value = serde_json::from_slice(&asked.body).unwrap();
    for n in 0..40 {
        body[format!("{n}{}", "x".repeat(2000))] = json!(1);
    }
    body["gezeiten_höhe"] = json!(1);
    asked.body = body.to_string().into();
    let answer = house.gateway.ask(house.admit(), asked).await.unwrap();
    let dropped = answer.headers["x-tidegate-dropped"].to_str().unwrap();
    assert!(dropped.len() <= 4096, "{} bytes", dropped.len());
    assert!(dropped.ends_with(", ..."), "{dropped}");
    text(answer.reply).await;

    let mut asked = call(Endpoint::Chat, false);
    let mut body: Value = serde_json::from_slice(&asked.body).unwrap();
    body["höhe"] = json!(1);
    asked.body = body.to_string().into();
    let answer = house.gateway.ask(house.admit(), asked).await.unwrap();
    assert_eq!(answer.headers["x-tidegate-dropped"], "h?he");
    text(answer.reply).await;
}

/// Each feature that a caller asks for arrives, in how many headers ever it asked.
#[tokio::test]
async fn betas_of_two_headers_are_both_told() {
    let (house, upstream) = before(Dialect::Anthropic, Script::json(200, MESSAGE)).await;
    let mut asked = call(Endpoint::Messages, false);
    for beta in ["new-1", "new-2"] {
        let name = http::HeaderName::from_static("anthropic-beta");
        asked.forwarded.append(name, beta.parse().unwrap());
    }
    text(house.send(asked).await.unwrap()).await;
    let head = upstream.request(0).await;
    let head = String::from_utf8_lossy(head.head()).to_ascii_lowercase();
    assert!(head.contains("new-1") && head.contains("new-2"), "{head}");
}

/// What a file says of translation holds for the next call, and nothing that
/// was learned is lost by it.
#[tokio::test]
async fn another_word_on_what_is_unsupported_is_taken_and_the_pool_stays() {
    let upstream = Upstream::start().await;
    upstream.always(Script::json(200, MESSAGE));
    let first = plan(Dialect::Anthropic);
    let house = House::new(first.clone(), Some(&upstream));
    let asked = || {
        let mut asked = call(Endpoint::Chat, false);
        let mut body: Value = serde_json::from_slice(&asked.body).unwrap();
        body["seed"] = json!(1);
        asked.body = body.to_string().into();
        asked
    };
    let failure = house.send(asked()).await.err().unwrap();
    assert_eq!(failure.code, Code::UnsupportedParameter);
    let second = Plan {
        on_unsupported: OnUnsupported::Drop,
        ..first
    };
    let (house, changes) = house.apply(settings(&second, Some(&upstream)));
    assert_eq!(changes.changed, ["up"]);
    text(house.send(asked()).await.unwrap()).await;
    text(house.send(asked()).await.unwrap()).await;
    assert_eq!(upstream.accepted(), 1, "the connection rested");
    // Another dialect at the same place is another upstream.
    let third = Plan {
        dialect: Dialect::OpenAi,
        ..second
    };
    let (house, changes) = house.apply(settings(&third, Some(&upstream)));
    assert_eq!(changes.changed, ["up"]);
    let _ = house.send(asked()).await;
    let last = upstream.request(2).await;
    assert_eq!(last.line().1, "/v1/chat/completions");
    assert_eq!(last.header("x-api-key"), None);
}

/// How much to think is told as the model asked for takes it.
#[tokio::test]
async fn older_models_of_anthropic_are_told_a_budget() {
    for (model, kind) in [
        ("claude-sonnet-4-5", "enabled"),
        ("claude-opus-5", "adaptive"),
    ] {
        let (house, upstream) = before(Dialect::Anthropic, Script::json(200, MESSAGE)).await;
        let mut asked = call(Endpoint::Chat, false);
        let mut body: Value = serde_json::from_slice(&asked.body).unwrap();
        body["model"] = json!(format!("up/{model}"));
        body["reasoning_effort"] = json!("low");
        body["max_tokens"] = json!(4000);
        asked.body = body.to_string().into();
        text(house.send(asked).await.unwrap()).await;
        let told: Value = serde_json::from_slice(upstream.request(0).await.body()).unwrap();
        assert_eq!(told["thinking"]["type"], kind, "{told}");
    }
}

fn chunk(delta: &Value, finish: Option<&str>) -> String {
    json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "gpt-up",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    .to_string()
}

/// Azure's streams begin with what its filters found, in an event that names
/// neither the answer nor the model.
#[tokio::test]
async fn a_sign_of_life_before_the_start_does_not_begin_the_answer() {
    let filters = json!({"choices": [], "id": "", "model": "", "prompt_filter_results": []});
    for endpoint in [Endpoint::Messages, Endpoint::Responses] {
        let script = Script::sse()
            .event(&filters.to_string())
            .wait(A_WHILE)
            .event(&chunk(
                &json!({"role": "assistant", "content": "Two"}),
                None,
            ))
            .event(&chunk(&json!({}), Some("stop")))
            .done();
        let (house, _upstream) = before(Dialect::OpenAi, script).await;
        let stream = text(house.send(call(endpoint, true)).await.unwrap()).await;
        let first = stream.split("\n\n").find(|event| event.contains("data: "));
        assert!(first.unwrap().contains(r#""model":"gpt-up""#), "{stream}");
        assert_eq!(house.outcome().await.0, "completed");
    }
}

/// How often each caller's dialect ends in `stream`: well, and not.
fn ends(endpoint: Endpoint, stream: &str) -> (usize, usize) {
    let (good, bad) = match endpoint {
        Endpoint::Messages => ("event: message_stop", "event: error"),
        Endpoint::Responses => ("event: response.completed", "event: response.failed"),
        _ => ("data: [DONE]", "data: {\"error\":"),
    };
    let count = |end| stream.matches(end).count();
    (count(good), count(bad))
}

/// A stream of each framing that says something and then stands still.
fn still(dialect: Dialect) -> Script {
    match dialect {
        Dialect::Gemini => Script::sse().event(r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"Two "}]},"index":0}],"modelVersion":"g","responseId":"r1"}"#),
        Dialect::Ollama => Script::chunked(200, &[("content-type", "application/x-ndjson")])
            .bytes("{\"model\":\"l\",\"created_at\":\"2026-01-01T00:00:00Z\",\"message\":{\"role\":\"assistant\",\"content\":\"Two \"},\"done\":false}\n"),
        Dialect::Anthropic => events(&[
            begun(),
            json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
            json!({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Two "}}),
        ]),
        _ => Script::sse().event(&chunk(&json!({"role": "assistant", "content": "Two "}), None)),
    }
    .stall()
}

/// INV-ONE: whoever ends a stream from outside, its caller reads one failure in its
/// own dialect, behind what came, and no end.
#[tokio::test]
async fn a_translated_stream_that_is_ended_from_outside_ends_once() {
    for dialect in [
        Dialect::OpenAi,
        Dialect::Anthropic,
        Dialect::Gemini,
        Dialect::Ollama,
    ] {
        for endpoint in CALLERS {
            for (why, code) in [
                (Why::Operator, "cancelled_by_operator"),
                (Why::Shutdown, "shutting_down"),
            ] {
                let (house, _upstream) = before(dialect, still(dialect)).await;
                let mut reply = house.send(call(endpoint, true)).await.unwrap();
                let mut stream = String::new();
                while !stream.contains("Two ") {
                    stream.push_str(&frame(&mut reply).await.unwrap());
                }
                house.gateway.halt(why);
                stream.push_str(&text(reply).await);
                assert_eq!(ends(endpoint, &stream), (0, 1), "{dialect:?} {stream}");
                if endpoint != Endpoint::Messages {
                    assert!(stream.contains(code), "{stream}");
                }
                assert_eq!(house.outcome().await.0, "cancelled");
            }
            // Who leaves is told nothing, and is no failure of anybody.
            let (house, _upstream) = before(dialect, still(dialect)).await;
            let mut reply = house.send(call(endpoint, true)).await.unwrap();
            frame(&mut reply).await.unwrap();
            drop(reply);
            let left = ("cancelled".to_owned(), "caller".to_owned());
            assert_eq!(house.outcome().await, left, "{dialect:?} {endpoint:?}");
        }
    }
}

/// The commit point: after two seconds without content the head goes out, and what
/// fails then is told as an event of the caller's dialect, once.
#[tokio::test]
async fn a_failure_behind_the_head_is_an_event_of_its_callers_dialect() {
    for endpoint in CALLERS {
        let script = events(&[begun()]).wait(Duration::from_millis(2_300));
        let script = further(script, &failing("overloaded_error"));
        let (house, _upstream) = before(Dialect::Anthropic, script).await;
        let stream = text(house.send(call(endpoint, true)).await.unwrap()).await;
        let (good, bad) = ends(endpoint, &stream);
        // Nothing of the answer was told: there is no response that failed.
        let bad = bad + stream.matches("event: error\n").count();
        assert_eq!((good, bad > 0), (0, true), "{endpoint:?} {stream}");
        let errors = stream.matches("no such tide").count();
        let twice = usize::from(endpoint == Endpoint::Responses && stream.contains("event: error"));
        assert_eq!(errors, 1 + twice, "{endpoint:?} {stream}");
        assert_eq!(house.outcome().await.1, "upstream_overloaded");
    }
}

/// Issue 5: what another dialect has no word for is told as left out, features that
/// a header asks for among it; an SDK asks for some by itself.
#[tokio::test]
async fn features_of_one_dialect_are_not_told_to_another() {
    let done = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
    let (house, upstream) = before(Dialect::OpenAi, Script::json(200, done)).await;
    for (cached, told) in [
        (false, "anthropic-beta"),
        (true, "cache_control, anthropic-beta"),
    ] {
        let mut asked = call(Endpoint::Messages, false);
        let mut body: Value = serde_json::from_slice(&asked.body).unwrap();
        if cached {
            body["system"] =
                json!([{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]);
        }
        asked.body = body.to_string().into();
        for (name, value) in [
            ("anthropic-beta", "new-1"),
            ("anthropic-version", "2023-06-01"),
        ] {
            let name = http::HeaderName::from_static(name);
            asked.forwarded.insert(name, value.parse().unwrap());
        }
        let answer = house.gateway.ask(house.admit(), asked).await.unwrap();
        assert_eq!(answer.headers["x-tidegate-dropped"], told);
        text(answer.reply).await;
    }
    let seen = upstream.request(0).await;
    assert_eq!(seen.header("anthropic-beta"), None);
    assert_eq!(seen.header("anthropic-version"), None);
}

fn account() -> AwsSettings {
    let keys = AwsKeys {
        access_key: sigv4::ACCESS_KEY.into(),
        secret_key: sigv4::SECRET_KEY.into(),
        session_token: Some("lent-canary".into()),
    };
    AwsSettings::of_keys(sigv4::REGION.to_owned(), keys)
}

/// An upstream that checks each signature as Amazon does takes every call's.
#[tokio::test]
async fn each_call_to_bedrock_has_a_signature_of_its_own() {
    let upstream = native::Dialect::Bedrock.start().await;
    let mut plan = plan(Dialect::Bedrock);
    (plan.keys, plan.aws) = (0, Some(account()));
    let house = House::new(plan, Some(&upstream));
    for stream in [false, true] {
        for endpoint in CALLERS {
            let reply = house.send(call(endpoint, stream)).await;
            let told = text(reply.unwrap()).await;
            assert!(!told.contains("error\":{"), "{told}");
        }
    }
}

/// INV-SECRET: what an upstream repeats of an account is nobody's to read.
#[tokio::test]
async fn inv_secret_an_account_that_its_upstream_repeats_is_hidden() {
    for secret in [sigv4::SECRET_KEY, "lent-canary"] {
        let upstream = Upstream::start().await;
        let said = json!({"message": format!("cannot sign by {secret}")});
        upstream.always(Script::json(400, &said.to_string()));
        let mut plan = plan(Dialect::Bedrock);
        (plan.keys, plan.aws) = (0, Some(account()));
        let house = House::new(plan, Some(&upstream));
        let failure = house.send(call(Endpoint::Chat, false)).await.err().unwrap();
        assert!(failure.message.contains("cannot sign"), "{failure:?}");
        assert!(!format!("{failure:?}").contains(secret), "{failure:?}");
    }
}
