//! `DELETE /debug/requests/{id}`: an operator ends one request, at every stage.
//!
//! Each time: its caller is told `cancelled_by_operator`, its upstream is let
//! go, the ledger says who it was, and the others go on. The promise is 200 ms;
//! the tests allow five times that, and print what they saw.

use std::time::Duration;

use serde_json::Value;
use tidegate_e2e::{Scene, is_ours, tries};
use tidegate_testkit::client::{Ended, post};
use tidegate_testkit::openai::{chat, content_chunk};
use tidegate_testkit::wait::until_async;
use tidegate_testkit::{Gate, RawClient, Reply, Script, Stopwatch, figure, pause};
use tidegate_types::Code;

const CHAT: &str = "/v1/chat/completions";
const SOON: Duration = Duration::from_secs(1);

/// The oldest request that is in this stage, once there is one.
async fn in_stage(gate: &Gate, stage: &str) -> Value {
    until_async(&format!("a request that is {stage}"), || async {
        let all = gate.debug_requests().await;
        all.into_iter().find(|one| one["stage"] == stage)
    })
    .await
}

fn id(request: &Value) -> &str {
    request["id"].as_str().unwrap_or("no id")
}

/// Cancels this request, and checks what the operator is told.
async fn cancel(gate: &Gate, request: &Value) {
    let reply = gate
        .delete(&format!("/debug/requests/{}", id(request)))
        .await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    let told = reply.json();
    assert_eq!(
        (&told["id"], &told["cancelled"]),
        (&request["id"], &true.into())
    );
    assert_eq!(told["stage"], request["stage"], "{told}");
}

/// Cancels the request of `client` in this stage; what its caller is told.
async fn cancelled(gate: &Gate, mut client: RawClient, stage: &str) -> Reply {
    let request = in_stage(gate, stage).await;
    let start = Stopwatch::start();
    cancel(gate, &request).await;
    let reply = client.reply().await;
    told_in_time(stage, start);
    assert_eq!(reply.header("x-tidegate-id"), Some(id(&request)));
    reply
}

fn told_in_time(stage: &str, start: Stopwatch) {
    let took = start.elapsed();
    figure(&format!("cancelled while {stage}: {took:?}"));
    assert!(took < SOON, "{stage}: {took:?}");
}

async fn asks(scene: &Scene, stream: bool) -> RawClient {
    let mut client = scene.gate.connect().await;
    client.post(CHAT, &chat("m-1", stream)).await;
    client
}

fn is_no(reply: &Reply) {
    is_ours(reply, Code::CancelledByOperator);
    assert_eq!(reply.header("x-should-retry"), Some("false"));
}

#[tokio::test]
async fn while_its_body_is_read() {
    let scene = Scene::start().await;
    let request = post(CHAT, &[], &chat("m-1", false));
    let mut client = scene.gate.connect().await;
    client.send(&request[..request.len() - 20]).await;
    let reply = cancelled(&scene.gate, client, "reading").await;
    is_no(&reply);
    assert_eq!(
        reply.header("connection"),
        Some("close"),
        "the rest is unread"
    );
    scene.settled("cancelled", "operator").await;
    assert_eq!(scene.upstream.count(), 0);
}

#[tokio::test]
async fn while_it_is_queued_and_the_page_says_how_many_are_ahead() {
    let pool = r#"size = 1, queue = 10, overflow = "block", max_wait = "20s""#;
    let scene = Scene::with(|provider| provider.pool(pool)).await;
    scene.upstream.always(Script::silent());
    let holder = asks(&scene, false).await;
    scene.upstream.request(0).await;
    let mut queued = Vec::new();
    for waiting in 1..=3 {
        queued.push(asks(&scene, false).await);
        let metric = "tidegate_pool_waiting";
        scene
            .gate
            .until_metric(metric, &[], f64::from(waiting))
            .await;
    }
    let page = scene.gate.debug_requests().await;
    let shown: Vec<_> = page
        .iter()
        .map(|one| (one["stage"].as_str().unwrap(), one["ahead"].as_u64()))
        .collect();
    let expected = [
        ("waiting", None),
        ("queued", Some(0)),
        ("queued", Some(1)),
        ("queued", Some(2)),
    ];
    assert_eq!(shown, expected, "the oldest first: {page:?}");
    let body = chat("m-1", false).len() as u64;
    for one in &page {
        assert_eq!(one["held_bytes"].as_u64(), Some(body), "{one}");
    }

    // The one in the middle goes; the one behind it moves up.
    let start = Stopwatch::start();
    cancel(&scene.gate, &page[2]).await;
    is_no(&queued[1].reply().await);
    told_in_time("queued", start);
    let page = scene.gate.debug_requests().await;
    let ahead: Vec<_> = page.iter().map(|one| one["ahead"].as_u64()).collect();
    assert_eq!(ahead, [None, Some(0), Some(1)]);
    assert_eq!(scene.upstream.count(), 1, "it was asked for all the same");

    // The one that holds the permit goes; the next one is served.
    cancel(&scene.gate, &page[0]).await;
    let mut holder = holder;
    is_no(&holder.reply().await);
    scene.upstream.request(1).await;
    for _ in &page[1..] {
        let served = in_stage(&scene.gate, "waiting").await;
        assert!(served["ahead"].is_null(), "{served}");
        cancel(&scene.gate, &served).await;
        let gone = || async {
            let all = scene.gate.debug_requests().await;
            (!all.iter().any(|one| id(one) == id(&served))).then_some(())
        };
        until_async("it is gone", gone).await;
    }
    tries::ledger(&scene, &[("cancelled", "operator", 4)]).await;
}

#[tokio::test]
async fn while_it_waits_for_its_next_attempt() {
    let retry = r#"attempts = 2, max_wait = "20s", budget = 100, per_second = 1000"#;
    let scene = Scene::with(|provider| provider.retry(retry)).await;
    scene.upstream.always(tries::limited("15"));
    let client = asks(&scene, true).await;
    is_no(&cancelled(&scene.gate, client, "pausing").await);
    scene.settled("cancelled", "operator").await;
    assert_eq!(scene.upstream.count(), 1);
}

#[tokio::test]
async fn while_it_connects() {
    let (scene, _unanswered) = Scene::connecting().await;
    let client = asks(&scene, true).await;
    is_no(&cancelled(&scene.gate, client, "connecting").await);
    scene.settled("cancelled", "operator").await;
}

#[tokio::test]
async fn while_the_upstream_is_silent() {
    for stream in [false, true] {
        let scene = Scene::start().await;
        scene.upstream.always(Script::silent());
        let client = asks(&scene, stream).await;
        is_no(&cancelled(&scene.gate, client, "waiting").await);
        scene.settled("cancelled", "operator").await;
        scene.upstream_let_go().await;
    }
}

#[tokio::test]
async fn in_the_middle_of_an_answer_that_is_gathered() {
    let scene = Scene::start().await;
    let json = [("content-type", "application/json")];
    let half = Script::declared(200, &json, 1000).bytes("{\"id\":");
    scene.upstream.always(half.stall());
    let client = asks(&scene, false).await;
    is_no(&cancelled(&scene.gate, client, "streaming").await);
    scene.settled("cancelled", "operator").await;
    scene.upstream_let_go().await;
}

/// What the caller of a stream that has begun is told: one error event, no
/// `[DONE]`, and the body's own end.
fn is_told_in_the_stream(reply: &Reply) {
    assert_eq!((reply.status(), reply.ended()), (200, &Ended::Whole));
    let last = reply.last_error();
    assert_eq!(last.code, Code::CancelledByOperator.as_str());
}

#[tokio::test]
async fn before_the_first_content_also_once_the_head_has_gone_out() {
    let timeouts = r#"first_byte = "20s", first_content = "20s", idle = "20s", total = "30s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    scene.upstream.always(Script::sse().stall());
    let mut client = asks(&scene, true).await;
    // The head is held back for two seconds.
    let head = client.head().await;
    let request = in_stage(&scene.gate, "prefill").await;
    let start = Stopwatch::start();
    cancel(&scene.gate, &request).await;
    is_told_in_the_stream(&client.rest(head).await);
    told_in_time("prefill", start);
    scene.settled("cancelled", "operator").await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn in_the_middle_of_a_stream() {
    let scene = Scene::start().await;
    let begun = Script::sse().event(&content_chunk("a"));
    scene.upstream.always(begun.stall());
    let mut client = asks(&scene, true).await;
    let head = client.head().await;
    client.event().await;
    let request = in_stage(&scene.gate, "streaming").await;
    let start = Stopwatch::start();
    cancel(&scene.gate, &request).await;
    let reply = client.rest(head).await;
    told_in_time("streaming", start);
    is_told_in_the_stream(&reply);
    assert_eq!(reply.content(), "a");
    scene.settled("cancelled", "operator").await;
    scene.upstream_let_go().await;
}

/// Nobody polls an answer whose reader stands still: the connection does it.
#[tokio::test]
async fn while_its_caller_does_not_read() {
    let scene = Scene::with_tables("[limits]\nwrite_stall = \"60s\"").await;
    let event = content_chunk(&"x".repeat(16 * 1024));
    let script = (0..2_000).fold(Script::sse(), |script, _| script.event(&event));
    scene.upstream.always(script.stall());
    let mut client = RawClient::connect_narrow(scene.gate.address(), 4 * 1024).await;
    let close = [("connection", "close")];
    client.post_with(CHAT, &close, &chat("m-1", true)).await;
    let request = in_stage(&scene.gate, "streaming").await;
    // Until all buffers on the way are full.
    pause(Duration::from_millis(500)).await;
    let start = Stopwatch::start();
    cancel(&scene.gate, &request).await;
    scene.upstream_stops_within(SOON, start).await;
    told_in_time("its caller does not read", start);
    scene.settled("cancelled", "operator").await;
    let rest = client.to_end().await;
    // Where the writer had room it took the last words, and who reads at once
    // gets them; else the stream is cut.
    let last = String::from_utf8_lossy(&rest[rest.len().saturating_sub(512)..]);
    let told = last.contains(Code::CancelledByOperator.as_str());
    assert!(
        told || !last.ends_with("0\r\n\r\n"),
        "a cut stream looks whole"
    );
    assert!(!last.contains("[DONE]"), "{last}");
}

#[tokio::test]
async fn who_is_not_in_flight_is_not_found() {
    let scene = Scene::start().await;
    scene.upstream.always(tries::good());
    let reply = scene.gate.post(CHAT, &chat("m-1", false)).await;
    let ended = reply.header("x-tidegate-id").expect("an id").to_owned();
    scene.gate.until_quiet().await;
    let never = "00000000-0000-7000-8000-000000000000";
    for id in [&*ended, never, "not-an-id", "%20"] {
        let reply = scene.gate.delete(&format!("/debug/requests/{id}")).await;
        is_ours(&reply, Code::NotFound);
        let text = reply.error().message;
        assert!(text.contains("in flight"), "{text}");
    }
    let reply = scene.gate.delete("/debug/requests").await;
    is_ours(&reply, Code::MethodNotAllowed);
    tries::ledger(&scene, &[("completed", "completed", 1)]).await;
}

#[tokio::test]
async fn only_who_has_a_key_may_cancel() {
    const KEY: &str = "tg-canary-0123456789";
    let scene = Scene::with_tables(&format!("[auth]\nkeys = [\"{KEY}\"]")).await;
    scene.upstream.always(Script::silent());
    let mut client = scene.gate.connect().await;
    let bearer = format!("Bearer {KEY}");
    let headers = [("authorization", &*bearer)];
    client.post_with(CHAT, &headers, &chat("m-1", false)).await;
    scene.upstream.request(0).await;
    let Scene { upstream, gate } = scene;
    let path = "/debug/requests/00000000-0000-7000-8000-000000000000";
    is_ours(&gate.delete(path).await, Code::InvalidApiKey);
    let scene = Scene {
        upstream,
        gate: gate.with_key(KEY),
    };
    is_no(&cancelled(&scene.gate, client, "waiting").await);
    scene.settled("cancelled", "operator").await;
}
