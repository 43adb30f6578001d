//! Every caller before every upstream, by the official SDKs and by frameworks
//! for agents, through the real binary: what each sees is the same.
//!
//! The upstreams understand what they are asked and are strict (`native.rs`
//! shows that they are what they seem). The programs tell each cell by name.

use tidegate_e2e::natives::Natives;
use tidegate_e2e::sdk::Sdk;
use tidegate_testkit::native::Dialect;
use tidegate_testkit::{Script, figure};

/// The callers that the gate understands.
const CALLERS: &str = "chat,responses,messages";

/// A program of Python before a gate with every dialect behind it.
async fn before_all(program: &str, start: impl Future<Output = Natives>, more: &[&str]) {
    by(Sdk::Dialects, program, start, more).await;
}

async fn by(sdk: Sdk, program: &str, start: impl Future<Output = Natives>, more: &[&str]) {
    if !sdk.is_here() {
        return;
    }
    let natives = start.await;
    let url = natives.gate.url();
    let mut args = [&[url.as_str()], more].concat();
    for name in Natives::names() {
        args.push(name);
    }
    let told = sdk.run_with(program, &args, &[]).await;
    versions_are_the_callers(&natives);
    figure(&format!(
        "{program}: {}",
        told.lines().next().unwrap_or_default()
    ));
    let metrics = natives.gate.until_quiet().await;
    assert!(metrics.conserved().is_ok(), "{:?}", metrics.conserved());
}

/// Anthropic is told the version that its caller speaks, and its own default by
/// others; a caller's key goes nowhere.
fn versions_are_the_callers(natives: &Natives) {
    let seen = natives.upstream(Dialect::Anthropic).requests();
    let versions: Vec<_> = seen
        .iter()
        .map(|request| request.header("anthropic-version").unwrap_or_default())
        .collect();
    assert!(versions.iter().any(|version| version == "2026-10-21"));
    for dialect in Dialect::ALL {
        for request in natives.upstream(dialect).requests() {
            let head = String::from_utf8_lossy(request.head()).into_owned();
            assert!(
                !head.contains("tg-01234") && !head.contains("Bearer any"),
                "{head}"
            );
        }
    }
}

#[tokio::test]
async fn matrix_three_callers_before_six_upstreams() {
    before_all("matrix", Natives::start(), &[CALLERS]).await;
}

/// What the cells do not have: raw answers, the order of events, the SDK's own
/// runner of tools, fifty at once, counting, models, keys in both headers.
#[tokio::test]
async fn sdk_anthropic_flows_counts_and_keys() {
    let key = "tg-0123456789abcdef";
    before_all("messages", Natives::with_key(key), &[key]).await;
}

#[tokio::test]
async fn sdk_thoughts_are_told_and_taken_back() {
    before_all("thinking", Natives::start(), &[]).await;
}

#[tokio::test]
async fn frameworks_call_tools_through_every_pair() {
    before_all("frameworks", Natives::dropping(), &[CALLERS]).await;
}

/// A response with items that no other dialect has.
const RESPONSE: &str = r#"{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m-1","error":null,"incomplete_details":null,"instructions":null,"metadata":{},"parallel_tool_calls":true,"temperature":1.0,"tool_choice":"auto","tools":[],"top_p":1.0,"output":[
    {"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"tide"}},
    {"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"First."}]},
    {"id":"msg_1","type":"message","role":"assistant","status":"completed","content":[
        {"type":"output_text","text":"Two metres","annotations":[{"type":"url_citation","start_index":0,"end_index":3,"title":"T","url":"https://tide.example"}],"logprobs":[]},
        {"type":"refusal","refusal":"No more."}]},
    {"id":"fc_1","type":"function_call","status":"completed","call_id":"c1","name":"level","arguments":"{\"a\":  1}"}],
    "usage":{"input_tokens":3,"input_tokens_details":{"cached_tokens":0},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":5}}"#;

/// A message with blocks that no other dialect has.
const MESSAGE: &str = r#"{"id":"msg_1","type":"message","role":"assistant","model":"m-1","content":[
    {"type":"thinking","thinking":"Hm.","signature":"EqQB"},
    {"type":"server_tool_use","id":"srv_1","name":"web_search","input":{"query":"tide"}},
    {"type":"web_search_tool_result","tool_use_id":"srv_1","content":[{"type":"web_search_result","url":"https://tide.example","title":"T","encrypted_content":"x","page_age":null}]},
    {"type":"text","text":"Two metres","citations":[{"type":"web_search_result_location","url":"https://tide.example","title":"T","encrypted_index":"e","cited_text":"two"}]},
    {"type":"tool_use","id":"t1","name":"level","input":{"a":1}}],
    "stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":7}}"#;

/// Failures row 17, as the SDKs' helpers see it.
#[tokio::test]
async fn row_17_whole_answers_are_streams_that_sdks_put_together() {
    if !Sdk::Dialects.is_here() {
        return;
    }
    let natives = Natives::start().await;
    for dialect in Dialect::ALL {
        natives.upstream(dialect).by(move |request| {
            let target = request.line().1;
            let body = match dialect {
                _ if target.contains("responses") => RESPONSE.to_owned(),
                Dialect::Anthropic => MESSAGE.to_owned(),
                _ => dialect.says(&target, "a b"),
            };
            Some(Script::json(200, &body))
        });
    }
    let mut args = vec![natives.gate.url()];
    args.extend(Natives::names().map(str::to_owned));
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let told = Sdk::Dialects.run_with("whole", &args, &[]).await;
    figure(&format!("whole: {}", told.trim_end()));
    let metrics = natives.gate.until_quiet().await;
    let completed = [("class", "completed")];
    assert_eq!(metrics.sum("tidegate_requests_total", &completed), 18.0);
}

#[tokio::test]
async fn node_three_callers_before_six_upstreams() {
    by(Sdk::Node, "dialects", Natives::start(), &[]).await;
}
