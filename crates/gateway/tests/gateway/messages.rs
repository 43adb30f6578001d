//! Callers of Anthropic's Messages: byte for byte before a provider of their
//! dialect, translated before any other, and told of failures in their own form.

use std::time::Duration;

use serde_json::{Value, json};
use tidegate_gateway::{Call, Dialect, Endpoint, Failure, Manner, OnUnsupported, Subject};
use tidegate_testkit::{Script, Upstream};
use tidegate_types::Code;

use crate::house::{House, Plan, text};

/// What came before is on its way to the caller by then.
const A_WHILE: Duration = Duration::from_millis(100);

fn call(endpoint: Endpoint, body: &str) -> Call {
    let mut call = House::call("up/m", false);
    call.subject = Subject::Model(endpoint);
    call.body = body.to_owned().into();
    call
}

async fn before(dialect: Dialect, script: Script) -> (House, Upstream) {
    let upstream = Upstream::start().await;
    upstream.always(script);
    let mut plan = Plan::trying();
    plan.dialect = dialect;
    plan.retry.attempts = 1;
    let house = House::new(plan, Some(&upstream));
    (house, upstream)
}

/// Spaces, an unknown field and an order that no program of ours writes.
const ASKED: &str = r#"{ "max_tokens":9, "unknown":{"b" : 1},"model":"up/m",
    "messages":[{"role":"user","content":"one  two"}]  }"#;

const ANSWER: &str = r#"{"id":"msg_1","type":"message" , "role":"assistant","model":"m-1","content":[{"type":"text","text":"hi"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":2},"new":1}"#;

#[tokio::test]
async fn where_both_sides_speak_it_the_bytes_pass() {
    let (house, upstream) = before(Dialect::Anthropic, Script::json(200, ANSWER)).await;
    let mut asked = call(Endpoint::Messages, ASKED);
    asked.forwarded = [
        ("anthropic-beta", "new-1"),
        ("anthropic-version", "2099-01-01"),
        ("openai-beta", "x"),
    ]
    .into_iter()
    .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
    .collect();
    asked
        .forwarded
        .append("anthropic-beta", "new-2".parse().unwrap());
    let answer = text(house.send(asked).await.unwrap()).await;
    assert_eq!(answer, ANSWER);
    let seen = upstream.request(0).await;
    assert_eq!(seen.line().1, "/v1/messages");
    let told = std::str::from_utf8(seen.body()).unwrap();
    assert_eq!(told, ASKED.replace("up/m", "m"), "but for the model's name");
    let betas = seen.headers().into_iter();
    let betas = betas.filter(|(name, _)| name == "anthropic-beta");
    let betas: Vec<_> = betas.map(|(_, value)| value).collect();
    assert_eq!(betas, ["new-1", "new-2"], "each that was asked for");
    let version = seen.header("anthropic-version");
    assert_eq!(version.as_deref(), Some("2099-01-01"), "the caller's own");
    assert_eq!(seen.header("openai-beta"), None);
    let samples = house.samples();
    assert_eq!(samples.sum("tidegate_tokens_total", &["up", "output"]), 2.0);
    assert_eq!(house.outcome().await.0, "completed");
}

const STREAM: &str = concat!(
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m-1\",\"content\":[],\"stop_reason\":null,\"usage\":{\"input_tokens\":3,\"output_tokens\":1}}}\n\n",
    "event: ping\ndata: {\"type\": \"ping\"}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"hi\"}}\n\n",
    "event: unheard_of\ndata: {\"type\":\"unheard_of\"}\n\n",
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":7}}\n\n",
);
const END: &str = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";

fn streams() -> String {
    ASKED.replacen('{', r#"{"stream":true,"#, 1)
}

#[tokio::test]
async fn a_stream_passes_event_for_event() {
    let whole = format!("{STREAM}{END}");
    for size in [1, 7, 100_000] {
        let script = Script::sse().split(whole.as_bytes(), size);
        let (house, _upstream) = before(Dialect::Anthropic, script).await;
        let reply = house.send(call(Endpoint::Messages, &streams())).await;
        assert_eq!(text(reply.unwrap()).await, whole);
        let samples = house.samples();
        assert_eq!(samples.sum("tidegate_tokens_total", &["up", "output"]), 7.0);
        assert_eq!(house.outcome().await.0, "completed");
    }
}

/// Rows 14 and 15: an end that the upstream meant is mended, any other is told.
#[tokio::test]
async fn rows_14_15_a_stream_without_its_end_mark() {
    let (house, _upstream) = before(Dialect::Anthropic, Script::sse().bytes(STREAM)).await;
    let reply = house.send(call(Endpoint::Messages, &streams())).await;
    assert_eq!(text(reply.unwrap()).await, format!("{STREAM}{END}"));
    assert_eq!(house.outcome().await.0, "completed");

    let (cut, _) = STREAM.rsplit_once("event: message_delta").unwrap();
    let (house, _upstream) =
        before(Dialect::Anthropic, Script::sse().bytes(cut).wait(A_WHILE)).await;
    let reply = house.send(call(Endpoint::Messages, &streams())).await;
    let told = text(reply.unwrap()).await;
    let (before, last) = told.rsplit_once("event: error\ndata: ").unwrap();
    assert_eq!(before, cut);
    let last: Value = serde_json::from_str(last.trim_end()).unwrap();
    assert_eq!(last["error"]["type"], "api_error", "{last}");
    assert!(!told.contains("message_stop"));
    assert_eq!(house.outcome().await.1, "stream_truncated");
}

#[tokio::test]
async fn tokens_are_counted_where_the_provider_counts_them() {
    let script = Script::json(200, r#"{"input_tokens":14}"#);
    let (house, upstream) = before(Dialect::Anthropic, script.clone()).await;
    let body = r#"{"model":"up/m","messages":[]}"#;
    let reply = house.send(call(Endpoint::CountTokens, body)).await.unwrap();
    assert_eq!(text(reply).await, r#"{"input_tokens":14}"#);
    let seen = upstream.request(0).await;
    assert_eq!(seen.line().1, "/v1/messages/count_tokens");
    let samples = house.samples();
    assert_eq!(samples.sum("tidegate_tokens_total", &["up"]), 0.0, "unpaid");

    let (house, upstream) = before(Dialect::OpenAi, script).await;
    let failure = house.send(call(Endpoint::CountTokens, body)).await;
    assert_eq!(failure.err().unwrap().code, Code::UnsupportedParameter);
    assert_eq!(upstream.count(), 0);
}

const CHAT: &str = r#"{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-up",
    "choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[
        {"id":"call_1","type":"function","function":{"name":"look","arguments":"{\"b\": 1, \"a\":2}"}}]},
      "finish_reason":"tool_calls"}],
    "usage":{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":2}}}"#;

fn tools(stream: bool) -> String {
    json!({
        "model": "up/m", "max_tokens": 50, "stream": stream,
        "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        "messages": [{"role": "user", "content": "How high is the tide?"}],
        "tools": [{"name": "look", "input_schema": {"type": "object"}}],
    })
    .to_string()
}

#[tokio::test]
async fn before_openai_it_is_translated_both_ways() {
    let (house, upstream) = before(Dialect::OpenAi, Script::json(200, CHAT)).await;
    let ticket = house.admit();
    let call = call(Endpoint::Messages, &tools(false));
    let answer = house.gateway.ask(ticket, call).await.unwrap();
    // A hint is dropped, and that is told.
    assert_eq!(answer.headers["x-tidegate-dropped"], "cache_control");
    let answer: Value = serde_json::from_str(&text(answer.reply).await).unwrap();
    assert_eq!(
        (&answer["type"], &answer["role"]),
        (&json!("message"), &json!("assistant"))
    );
    assert_eq!(answer["stop_reason"], "tool_use");
    let called = &answer["content"][0];
    assert_eq!(
        (&called["type"], &called["name"]),
        (&json!("tool_use"), &json!("look"))
    );
    assert_eq!(called["input"], json!({"b": 1, "a": 2}));
    assert_eq!(answer["usage"]["input_tokens"], 3);
    assert_eq!(answer["usage"]["cache_read_input_tokens"], 2);
    let seen = upstream.request(0).await;
    assert_eq!(seen.line().1, "/v1/chat/completions");
    let told: Value = serde_json::from_slice(seen.body()).unwrap();
    assert_eq!(told["messages"][0]["content"], "Be brief.");
    assert_eq!(told["tools"][0]["function"]["name"], "look");
    assert_eq!(house.outcome().await.0, "completed");
}

#[tokio::test]
async fn before_openai_a_stream_is_anthropics() {
    let script = Script::sse()
        .event(r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-up","choices":[{"index":0,"delta":{"role":"assistant","content":"Two "},"finish_reason":null}]}"#)
        .event(r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-up","choices":[{"index":0,"delta":{"content":"metres"},"finish_reason":null}]}"#)
        .event(r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-up","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}"#)
        .event(r#"{"id":"c","object":"chat.completion.chunk","created":1,"model":"gpt-up","choices":[],"usage":{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9}}"#)
        .done();
    let upstream = Upstream::start().await;
    upstream.always(script);
    let plan = Plan {
        ask_usage: true,
        ..Plan::trying()
    };
    let house = House::new(plan, Some(&upstream));
    let reply = house.send(call(Endpoint::Messages, &tools(true))).await;
    let told = text(reply.unwrap()).await;
    let names: Vec<_> = told
        .lines()
        .filter_map(|line| line.strip_prefix("event: "))
        .collect();
    assert_eq!(
        names,
        [
            "message_start",
            "content_block_start",
            "content_block_delta",
            "content_block_delta",
            "content_block_stop",
            "message_delta",
            "message_stop"
        ],
        "{told}"
    );
    assert!(told.contains(r#""stop_reason":"max_tokens""#), "{told}");
    assert!(told.contains(r#""output_tokens":4"#), "{told}");
    let seen = upstream.request(0).await;
    let asked: Value = serde_json::from_slice(seen.body()).unwrap();
    assert_eq!(asked["stream_options"]["include_usage"], true);
    assert_eq!(house.outcome().await.0, "completed");
}

/// Each class as this dialect names it, with a status that its SDKs know.
#[tokio::test]
async fn failures_have_the_dialects_form() {
    for (status, dialect, shown, kind) in [
        (429, Dialect::OpenAi, 429, "rate_limit_error"),
        (503, Dialect::OpenAi, 529, "overloaded_error"),
        (529, Dialect::Anthropic, 529, "overloaded_error"),
        (400, Dialect::Anthropic, 400, "invalid_request_error"),
        (404, Dialect::Anthropic, 404, "not_found_error"),
        (500, Dialect::Anthropic, 502, "api_error"),
    ] {
        let body = json!({"type": "error", "error": {"type": "x", "message": "no such tide"}});
        let (house, _upstream) = before(dialect, Script::json(status, &body.to_string())).await;
        let failure = house.send(call(Endpoint::Messages, &tools(false))).await;
        let failure = failure.err().unwrap();
        assert_eq!(failure.status(Manner::Anthropic), shown, "{status}");
        let told: Value = serde_json::from_slice(&failure.body(Manner::Anthropic, None)).unwrap();
        assert_eq!(
            (&told["type"], &told["error"]["type"]),
            (&json!("error"), &json!(kind))
        );
        assert_eq!(told["error"]["message"], "no such tide");
    }
}

/// `top_k` has no place in OpenAI's form: refused, or dropped where that is wanted.
#[tokio::test]
async fn what_cannot_be_said_is_refused_or_dropped_as_configured() {
    let body = tools(false).replacen('{', r#"{"top_k":4,"#, 1);
    let upstream = Upstream::start().await;
    upstream.always(Script::json(200, CHAT));
    let plan = |on_unsupported| Plan {
        on_unsupported,
        ..Plan::trying()
    };
    let house = House::new(plan(OnUnsupported::Refuse), Some(&upstream));
    let refused: Result<_, Failure> = house.send(call(Endpoint::Messages, &body)).await;
    assert_eq!(refused.err().unwrap().param.as_deref(), Some("top_k"));
    assert_eq!(upstream.count(), 0);
    let house = House::new(plan(OnUnsupported::Drop), Some(&upstream));
    let asked = call(Endpoint::Messages, &body);
    let answer = house.gateway.ask(house.admit(), asked).await.unwrap();
    let dropped = answer.headers["x-tidegate-dropped"].to_str().unwrap();
    assert!(
        dropped.split(", ").any(|field| field == "top_k"),
        "{dropped}"
    );
    text(answer.reply).await;
}

/// The simulated model answers whoever asks, in his dialect.
#[tokio::test]
async fn the_simulated_model_is_asked_in_any_dialect() {
    let house = House::usual();
    let body =
        r#"{"model":"sim/echo","max_tokens":50,"messages":[{"role":"user","content":"one two"}]}"#;
    let told = text(house.send(call(Endpoint::Messages, body)).await.unwrap()).await;
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["content"][0]["text"], "one two");
    assert!(told["id"].as_str().unwrap().len() > 8);
}

/// A bound is told as the model takes it: OpenAI's reasoning models refuse the
/// older name, which most of those who follow OpenAI know alone.
#[tokio::test]
async fn a_bound_has_the_name_that_the_provider_knows() {
    for (dialect, responses, name) in [
        (Dialect::OpenAi, true, "max_completion_tokens"),
        (Dialect::OpenAi, false, "max_tokens"),
        (Dialect::Azure, true, "max_completion_tokens"),
        (Dialect::Azure, false, "max_completion_tokens"),
    ] {
        let upstream = Upstream::start().await;
        upstream.always(Script::json(200, CHAT));
        let plan = Plan {
            dialect,
            responses,
            ..Plan::trying()
        };
        let house = House::new(plan, Some(&upstream));
        let reply = house.send(call(Endpoint::Messages, &tools(false))).await;
        text(reply.unwrap()).await;
        let asked: Value = serde_json::from_slice(upstream.request(0).await.body()).unwrap();
        assert_eq!(asked[name], 50, "{dialect:?} {responses} {asked}");
    }
}

/// Row 17: a whole answer becomes the stream that was asked for; nothing of it is
/// lost on the way, neither what the provider's own tools did nor what it cites.
#[tokio::test]
async fn row_17_a_whole_message_becomes_a_stream() {
    let (house, _upstream) = before(Dialect::Anthropic, Script::json(200, ANSWER)).await;
    let reply = house.send(call(Endpoint::Messages, &streams())).await;
    let told = text(reply.unwrap()).await;
    assert!(
        told.contains(r#""text":"hi""#) && told.ends_with(END),
        "{told}"
    );
    let samples = house.samples();
    assert_eq!(samples.sum("tidegate_tokens_total", &["up", "output"]), 2.0);

    let server_tool = r#"{"type":"server_tool_use","id":"srv_1","name":"web_search","input":{}}"#;
    let citation = r#"{"type":"page_location","cited_text":"hi","document_index":0}"#;
    let cites = format!(r#"{{"type":"text","text":"cited","citations":[{citation}]}}"#);
    let more = format!(r#""content":[{server_tool},{cites},"#);
    let odd = ANSWER.replacen(r#""content":["#, &more, 1);
    let (house, _upstream) = before(Dialect::Anthropic, Script::json(200, &odd)).await;
    let reply = house.send(call(Endpoint::Messages, &streams())).await;
    let told = text(reply.unwrap()).await;
    for kept in [server_tool, citation, r#""text":"cited""#, r#""text":"hi""#] {
        assert!(told.contains(kept), "{kept}: {told}");
    }
    assert!(told.ends_with(END), "{told}");
    assert_eq!(house.outcome().await.0, "completed");
}

/// What is no message is no stream either.
#[tokio::test]
async fn row_17_what_is_no_message_is_refused() {
    let odd = r#"{"type":"message","content":["hi"]}"#;
    let (house, _upstream) = before(Dialect::Anthropic, Script::json(200, odd)).await;
    let failure = house.send(call(Endpoint::Messages, &streams())).await;
    assert_eq!(failure.err().unwrap().code, Code::UpstreamProtocol);
}
