//! R-D9: how the process ends.
//!
//! No new work, what runs finishes within `shutdown_timeout`, what is left is
//! ended with an error event and named in the log, and the exit code is 0. A
//! second signal ends at once.

use std::time::Duration;

use tidegate_e2e::Scene;
use tidegate_testkit::openai::{chat, completion, content_chunk, finish_chunk};
use tidegate_testkit::{
    Gate, RawClient, Script, Settings, Signal, Stopwatch, beside, figure, until,
};
use tokio::net::TcpStream;

const CHAT: &str = "/v1/chat/completions";

async fn scene(shutdown_timeout: &str) -> Scene {
    let line = format!("shutdown_timeout = \"{shutdown_timeout}\"");
    Scene::with_settings(|provider| Settings::with(provider).top(&line)).await
}

/// Waits until nobody can connect any more.
async fn until_closed(gate: &Gate) {
    let address = gate.address();
    let closed = || async move { TcpStream::connect(address).await.is_err().then_some(()) };
    tidegate_testkit::wait::until_async("the gateway stops listening", closed).await;
}

#[tokio::test]
async fn an_idle_gate_exits_at_once_with_code_0() {
    let mut scene = scene("30s").await;
    scene.upstream.always(Script::json(200, &completion("x")));
    // An idle caller's connection and an idle upstream's do not hold it.
    let mut idle = scene.gate.connect().await;
    idle.post(CHAT, &chat("m-1", false)).await;
    assert_eq!(idle.reply().await.status(), 200);
    let start = Stopwatch::start();
    scene.gate.terminate();
    let status = scene.gate.exit().await;
    let took = start.elapsed();
    figure(&format!("R-D9 idle exit: {took:?}"));
    assert_eq!(status.code(), Some(0), "{}", scene.gate.stderr());
    assert!(took < Duration::from_millis(2_500), "{took:?}");
    assert!(idle.to_end().await.is_empty());
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn an_interrupt_ends_it_in_the_same_way() {
    let mut scene = scene("30s").await;
    scene.gate.interrupt();
    assert_eq!(scene.gate.exit().await.code(), Some(0));
}

#[tokio::test]
async fn half_a_head_does_not_hold_it() {
    let mut scene = scene("30s").await;
    let mut client = scene.gate.connect().await;
    client
        .send("POST /v1/chat/completions HTTP/1.1\r\nho")
        .await;
    let start = Stopwatch::start();
    scene.gate.terminate();
    assert_eq!(scene.gate.exit().await.code(), Some(0));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn what_runs_finishes_and_nothing_new_begins() {
    let mut scene = scene("15s").await;
    let go_on = Signal::new();
    let stream = Script::sse().event(&content_chunk("a")).until(&go_on);
    let stream = stream
        .event(&content_chunk("b"))
        .event(&finish_chunk())
        .done();
    scene.upstream.on_model("stream", stream);
    scene.upstream.on_model(
        "unary",
        Script::json(200, &completion("whole")).held(&go_on),
    );
    let mut streaming = scene.gate.connect().await;
    streaming.post(CHAT, &chat("stream", true)).await;
    let head = streaming.head().await;
    assert_eq!(streaming.event().await.content(), "a");
    let mut waiting = scene.gate.connect().await;
    waiting.post(CHAT, &chat("unary", false)).await;
    scene.upstream.request(1).await;

    scene.gate.terminate();
    until_closed(&scene.gate).await;
    go_on.fire();
    let rest = streaming.rest(head).await;
    assert_eq!(rest.content(), "ab");
    assert!(
        rest.events().last().is_some_and(|event| event.is_done()),
        "{}",
        rest.text()
    );
    let reply = waiting.reply().await;
    assert_eq!((reply.status(), reply.text()), (200, completion("whole")));
    assert_eq!(reply.header("connection"), Some("close"));
    assert_eq!(scene.gate.exit().await.code(), Some(0));
}

#[tokio::test]
async fn what_does_not_finish_is_ended_told_and_named() {
    let mut scene = scene("1s").await;
    scene
        .upstream
        .on_model("stalled", Script::sse().event(&content_chunk("a")).stall());
    scene.upstream.on_model("silent", Script::silent());
    let mut streaming = scene.gate.connect().await;
    streaming.post(CHAT, &chat("stalled", true)).await;
    let head = streaming.head().await;
    let id = head.header("x-tidegate-id").expect("an id").to_owned();
    streaming.event().await;
    let mut waiting = scene.gate.connect().await;
    waiting.post(CHAT, &chat("silent", false)).await;
    scene.upstream.request(1).await;

    let start = Stopwatch::start();
    scene.gate.terminate();
    let rest = streaming.rest(head).await;
    assert_eq!(rest.last_error().code, "shutting_down");
    let reply = waiting.reply().await;
    assert_eq!(reply.status_and_code(), (503, "shutting_down".to_owned()));
    assert_eq!(scene.gate.exit().await.code(), Some(0));
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(900),
        "{took:?} is less than the time it was given"
    );
    assert!(took < Duration::from_secs(6), "{took:?}");
    assert!(
        scene.gate.stderr().contains(&id),
        "the log does not name {id}"
    );
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn a_stalled_reader_does_not_hold_it() {
    let mut scene = scene("1s").await;
    let event = content_chunk(&"x".repeat(16 * 1024));
    let mut script = Script::sse();
    for _ in 0..1_000 {
        script = script.event(&event);
    }
    scene.upstream.always(script.stall());
    let mut client = RawClient::connect_narrow(scene.gate.address(), 4 * 1024).await;
    client.post(CHAT, &chat("m-1", true)).await;
    scene.upstream.request(0).await;
    let start = Stopwatch::start();
    scene.gate.terminate();
    assert_eq!(scene.gate.exit().await.code(), Some(0));
    assert!(
        start.elapsed() < Duration::from_secs(6),
        "{:?}",
        start.elapsed()
    );
    let wire = client.to_end().await;
    assert!(
        !wire.ends_with(b"[DONE]\n\n\r\n0\r\n\r\n"),
        "the cut stream looks whole"
    );
}

#[tokio::test]
async fn who_waits_in_the_queue_gets_a_definite_answer() {
    let line = "shutdown_timeout = \"2s\"";
    let pool = r#"size = 1, queue = 10, overflow = "block", max_wait = "10s""#;
    let build =
        |provider: tidegate_testkit::Provider| Settings::with(provider.pool(pool)).top(line);
    let mut scene = Scene::with_settings(build).await;
    let go_on = Signal::new();
    scene
        .upstream
        .always(Script::json(200, &completion("x")).held(&go_on));
    let mut clients = Vec::new();
    for _ in 0..3 {
        let mut client = scene.gate.connect().await;
        client.post(CHAT, &chat("m-1", false)).await;
        clients.push(client);
    }
    scene
        .gate
        .until_metric("tidegate_pool_waiting", &[], 2.0)
        .await;
    scene.gate.terminate();
    until_closed(&scene.gate).await;
    go_on.fire();
    let mut served = 0;
    for mut client in clients {
        let reply = client.reply().await;
        match reply.status() {
            200 => served += 1,
            _ => assert_eq!(reply.status_and_code(), (503, "shutting_down".to_owned())),
        }
    }
    assert!(served >= 1, "what ran was not let finish");
    assert_eq!(scene.gate.exit().await.code(), Some(0));
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    let mut scene = scene("30s").await;
    scene.upstream.always(Script::silent());
    let mut client = scene.gate.connect().await;
    client.post(CHAT, &chat("m-1", false)).await;
    scene.upstream.request(0).await;
    scene.gate.terminate();
    until_closed(&scene.gate).await;
    let start = Stopwatch::start();
    scene.gate.terminate();
    scene.gate.exit().await;
    assert!(
        start.elapsed() < Duration::from_secs(3),
        "{:?}",
        start.elapsed()
    );
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn readiness_is_never_told_again_once_it_drains() {
    let mut scene = scene("3s").await;
    scene.upstream.always(Script::silent());
    let mut client = scene.gate.connect().await;
    client.post(CHAT, &chat("m-1", false)).await;
    scene.upstream.request(0).await;
    assert_eq!(scene.gate.get("/readyz").await.status(), 200);
    // A prober whose request is on its way while the signal comes.
    let mut prober = scene.gate.connect().await;
    prober
        .send("GET /readyz HTTP/1.1\r\nhost: localhost\r\n")
        .await;
    scene.gate.terminate();
    until_closed(&scene.gate).await;
    let probe = beside(async move {
        let _ = prober.try_send("\r\n").await;
        prober.try_reply().await
    });
    if let Some(reply) = probe.result().await {
        assert_eq!(reply.status(), 503, "ready while draining");
    }
    drop(client);
    let exited = scene.gate.exit().await;
    assert_eq!(exited.code(), Some(0));
    until("the upstream is let go", || {
        (scene.upstream.open() == 0).then_some(())
    })
    .await;
}
