//! R-D9, R-G39: the end of the process, and of an upstream, between attempts.
//!
//! Who waits for a permit or for the time of his next attempt waits in vain
//! once the process drains: he is told so at once, and does not hold the
//! process. An upstream process that is killed mid-stream is an error event.

use std::time::Duration;

use tidegate_e2e::tries::{BUDGET, QUICK, failing, good, limited};
use tidegate_e2e::{Scene, is_ours};
use tidegate_testkit::gate::Start;
use tidegate_testkit::openai::{chat, role_chunk};
use tidegate_testkit::wait::{Beside, until_async};
use tidegate_testkit::{
    Gate, Provider, RawClient, Reply, Script, Settings, Signal, Stopwatch, Upstream, beside,
    figure, until,
};
use tidegate_types::Code;

const CHAT: &str = "/v1/chat/completions";

/// A gate that has half a minute to drain: nobody here may need it.
async fn scene(adjust: impl FnOnce(Provider) -> Provider) -> Scene {
    Scene::with_settings(|provider| {
        let provider = adjust(provider.retry(QUICK));
        let settings = Settings::with(provider).top("shutdown_timeout = \"30s\"");
        settings.tables(BUDGET)
    })
    .await
}

fn ask(gate: &Gate, model: &str, stream: bool) -> Beside<Reply> {
    let (address, body) = (gate.address(), chat(model, stream));
    beside(async move {
        let mut client = RawClient::connect(address).await;
        client.post(CHAT, &body).await;
        client.reply().await
    })
}

/// Waits until so many requests are in this stage.
async fn until_in(gate: &Gate, stage: &str, count: usize) {
    let there = || async {
        let requests = gate.debug_requests().await;
        let these = requests.iter().filter(|one| one["stage"] == stage);
        (these.count() == count).then_some(())
    };
    until_async(&format!("{count} requests are {stage}"), there).await;
}

fn told_to_come_back(reply: &Reply) {
    is_ours(reply, Code::ShuttingDown);
    assert_eq!(reply.header("retry-after"), Some("1"));
    assert_eq!(reply.header("x-should-retry"), Some("true"));
}

#[tokio::test]
async fn r_d9_who_waits_for_his_next_attempt_is_told_at_once() {
    let pool = r#"limit = "fixed", size = 1, queue = 10, overflow = "block", max_wait = "20s""#;
    let mut scene = scene(|provider| provider.pool(pool)).await;
    scene.upstream.on_model("limited", limited("25"));
    // Three whose only key rests: one after its attempt, two before theirs.
    let mut waiting = vec![ask(&scene.gate, "limited", false)];
    until_in(&scene.gate, "pausing", 1).await;
    waiting.extend([true, false].map(|stream| ask(&scene.gate, "limited", stream)));
    until_in(&scene.gate, "pausing", 3).await;
    scene.gate.terminate();
    let start = Stopwatch::start();
    for one in waiting {
        told_to_come_back(&one.result().await);
    }
    assert_eq!(scene.gate.exit().await.code(), Some(0));
    let took = start.elapsed();
    figure(&format!(
        "R-D9: ended {took:?} after the signal, three paused"
    ));
    assert!(took < Duration::from_secs(5), "{took:?}");
    assert_eq!(scene.upstream.count(), 1);
}

#[tokio::test]
async fn r_d9_the_queue_is_told_at_once_and_what_runs_may_end() {
    let pool = r#"limit = "fixed", size = 1, queue = 10, overflow = "block", max_wait = "20s""#;
    let mut scene = scene(|provider| provider.pool(pool)).await;
    let go_on = Signal::new();
    scene.upstream.always(good().held(&go_on));
    let holder = ask(&scene.gate, "m-1", false);
    until_in(&scene.gate, "waiting", 1).await;
    let queued = [false, true].map(|stream| ask(&scene.gate, "m-1", stream));
    until_in(&scene.gate, "queued", 2).await;
    scene.gate.terminate();
    for one in queued {
        told_to_come_back(&one.result().await);
    }
    assert!(!holder.is_over(), "what runs is let finish");
    go_on.fire();
    assert_eq!(holder.result().await.status(), 200);
    assert_eq!(scene.gate.exit().await.code(), Some(0));
    assert_eq!(scene.upstream.count(), 1);
}

#[tokio::test]
async fn r_d9_an_attempt_that_fails_while_draining_is_not_followed_by_another() {
    let pool = r#"size = 10, max_wait = "5s""#;
    let mut scene = scene(|provider| provider.pool(pool)).await;
    let go_on = Signal::new();
    scene.upstream.always(failing(500, "x").held(&go_on));
    let running = [false, true].map(|stream| ask(&scene.gate, "m-1", stream));
    until_in(&scene.gate, "waiting", 2).await;
    scene.gate.terminate();
    let address = scene.gate.address();
    let closed = || async move {
        let connected = tokio::net::TcpStream::connect(address).await;
        connected.is_err().then_some(())
    };
    until_async("it stops listening", closed).await;
    go_on.fire();
    for one in running {
        // Another process takes it: that is of more use than a 502.
        told_to_come_back(&one.result().await);
    }
    assert_eq!(scene.gate.exit().await.code(), Some(0));
    assert_eq!(scene.upstream.count(), 2);
}

#[tokio::test]
async fn r_d9_a_pause_behind_the_head_of_a_stream_ends_in_one_event() {
    let pool = r#"size = 10, max_wait = "5s""#;
    // Some delay within an hour: by far longer than this test.
    let slow = r#"attempts = 3, base = "1h", cap = "1h", budget = 100, per_second = 1000"#;
    let timeouts =
        r#"connect = "1s", first_byte = "5s", first_content = "5s", idle = "5s", total = "2h""#;
    let mut scene = scene(|provider| provider.pool(pool).retry(slow).timeouts(timeouts)).await;
    // The head goes out after two seconds; then the attempt fails, unseen.
    let late = Script::sse()
        .event(&role_chunk())
        .wait(Duration::from_millis(2_300));
    scene.upstream.always(late.rst());
    let mut client = scene.gate.connect().await;
    client.post(CHAT, &chat("m-1", true)).await;
    let head = client.head().await;
    assert_eq!(head.status, 200);
    until_in(&scene.gate, "pausing", 1).await;
    scene.gate.terminate();
    let start = Stopwatch::start();
    let reply = client.rest(head).await;
    assert_eq!(reply.last_error().code, Code::ShuttingDown.as_str());
    assert_eq!(reply.content(), "");
    assert_eq!(scene.gate.exit().await.code(), Some(0));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "{took:?}");
}

/// The simulated model as a process of its own, killed like one.
#[tokio::test]
async fn row_13_an_upstream_process_that_is_killed_mid_stream_is_an_error_event() {
    let upstream = Start::command(&["sim", "--port", "0"]).listen().await;
    let provider = Provider::new("mock", &upstream.url()).retry(QUICK);
    let gate = Gate::start(&Settings::with(provider).tables(BUDGET)).await;
    let long = chat("sim-0-1000-50-8", true);
    let mut client = gate.connect().await;
    client.post(CHAT, &long).await;
    let head = client.head().await;
    while client.event().await.content().is_empty() {}
    let start = Stopwatch::start();
    // Dropped, it is killed at once, with all that it has.
    drop(upstream);
    let reply = client.rest(head).await;
    let took = start.elapsed();
    assert_eq!(reply.last_error().code, Code::UpstreamDisconnected.as_str());
    assert!(!reply.content().is_empty(), "what came is kept");
    figure(&format!("a killed upstream was told {took:?} after"));
    assert!(took < Duration::from_secs(2), "{took:?}");
    // Nobody is there any more: a further attempt is made, and told.
    let reply = gate.post(CHAT, &long).await;
    is_ours(&reply, Code::UpstreamUnreachable);
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    let metrics = gate.until_quiet().await;
    assert_eq!(
        metrics.sum("tidegate_attempts_total", &[("provider", "mock")]),
        3.0
    );
    assert_eq!(metrics.conserved(), Ok(2));
}

/// A killed upstream before the first content is repaired by another attempt.
#[tokio::test]
async fn r_d8_an_upstream_that_dies_before_the_content_is_asked_again() {
    let scene = tidegate_e2e::tries::trying(|provider| provider).await;
    let upstream: &Upstream = &scene.upstream;
    upstream.next(Script::sse().event(&role_chunk()).rst());
    upstream.next(Script::stream_of(&["ti", "de"]));
    let reply = scene.gate.post(CHAT, &chat("m-1", true)).await;
    assert_eq!((reply.status(), reply.content().as_str()), (200, "tide"));
    assert_eq!(reply.text().matches("\"role\"").count(), 1);
    until("both were asked", || (upstream.count() == 2).then_some(())).await;
}
