//! R-D2, R-D4, R-D5, INV-LIM: the pool, its queue and what does not fit.
//!
//! One meaning and one code per overflow policy, counted by provider and
//! reason. Our own overload is always 503: 429 belongs to upstreams.

use std::time::Duration;

use tidegate_e2e::{Scene, is_ours};
use tidegate_testkit::openai::{chat, completion, content_chunk, finish_chunk};
use tidegate_testkit::wait::Beside;
use tidegate_testkit::{RawClient, Reply, Script, Signal, Stopwatch, beside, crowd, until};
use tidegate_types::Code;

const CHAT: &str = "/v1/chat/completions";

/// A pool of one permit, whose holder waits for the signal.
async fn busy(policy: &str) -> (Scene, Signal, Beside<Reply>) {
    let pool = format!("size = 1, {policy}");
    let scene = Scene::with(|provider| provider.pool(&pool)).await;
    let go_on = Signal::new();
    scene
        .upstream
        .always(Script::json(200, &completion("x")).held(&go_on));
    let holder = ask(&scene, "holder");
    scene.upstream.request(0).await;
    (scene, go_on, holder)
}

/// A request that runs beside the test; its model is its name.
fn ask(scene: &Scene, name: &str) -> Beside<Reply> {
    ask_with(scene, chat(name, false), &[])
}

fn ask_with(scene: &Scene, body: String, headers: &'static [(&str, &str)]) -> Beside<Reply> {
    let address = scene.gate.address();
    beside(async move {
        let mut client = RawClient::connect(address).await;
        client.post_with(CHAT, headers, &body).await;
        client.reply().await
    })
}

async fn until_waiting(scene: &Scene, count: usize) {
    scene
        .gate
        .until_metric(
            "tidegate_pool_waiting",
            &[("provider", "mock")],
            count as f64,
        )
        .await;
}

async fn is_counted(scene: &Scene, code: Code) {
    let labels = [("class", "refused"), ("label", code.as_str())];
    scene
        .gate
        .until_metric("tidegate_requests_total", &labels, 1.0)
        .await;
    let refused = scene
        .gate
        .metric("tidegate_pool_refused_total", &[("provider", "mock")])
        .await;
    assert_eq!(refused, 1.0, "the pool counts its refusals by provider");
}

#[tokio::test]
async fn r_d5_error_refuses_at_once_with_length_and_retry_after() {
    let (scene, go_on, holder) = busy(r#"queue = 2, overflow = "error", max_wait = "9s""#).await;
    let first = ask(&scene, "first");
    until_waiting(&scene, 1).await;
    let second = ask(&scene, "second");
    until_waiting(&scene, 2).await;
    let start = Stopwatch::start();
    let reply = ask(&scene, "too-many").result().await;
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "{:?}",
        start.elapsed()
    );
    is_ours(&reply, Code::QueueFull);
    assert!(
        reply.error().message.contains('2'),
        "no queue length: {}",
        reply.error().message
    );
    let retry_after = reply
        .header("retry-after")
        .and_then(|value| value.parse::<u32>().ok());
    assert!(
        retry_after.is_some_and(|seconds| (1..=60).contains(&seconds)),
        "{reply:?}"
    );
    is_counted(&scene, Code::QueueFull).await;
    go_on.fire();
    for served in [holder, first, second] {
        assert_eq!(served.result().await.status(), 200);
    }
    assert_eq!(scene.gate.until_quiet().await.conserved(), Ok(4));
}

#[tokio::test]
async fn r_d5_block_waits_up_to_max_wait() {
    let (scene, go_on, holder) = busy(r#"queue = 2, overflow = "block", max_wait = "700ms""#).await;
    let start = Stopwatch::start();
    let reply = ask(&scene, "waits").result().await;
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(700) && took < Duration::from_secs(4),
        "{took:?}"
    );
    is_ours(&reply, Code::QueueTimeout);
    assert!(reply.header("retry-after").is_some());
    is_counted(&scene, Code::QueueTimeout).await;
    let waited: f64 = reply
        .header("x-tidegate-queue-ms")
        .and_then(|ms| ms.parse().ok())
        .unwrap_or_default();
    assert!(waited >= 600.0, "x-tidegate-queue-ms says {waited}");
    go_on.fire();
    assert_eq!(holder.result().await.status(), 200);
    assert_eq!(scene.upstream.count(), 1);
}

#[tokio::test]
async fn r_d5_block_takes_more_than_the_queue_holds() {
    let (scene, go_on, holder) = busy(r#"queue = 1, overflow = "block", max_wait = "9s""#).await;
    let first = ask(&scene, "first");
    until_waiting(&scene, 1).await;
    let second = ask(&scene, "second");
    let blocked = || async {
        let received = scene
            .gate
            .metric("tidegate_requests_received_total", &[])
            .await;
        (received == 3.0).then_some(())
    };
    tidegate_testkit::wait::until_async("the second is received", blocked).await;
    assert!(!second.is_over(), "a blocked caller was refused");
    go_on.fire();
    for served in [holder, first, second] {
        assert_eq!(served.result().await.status(), 200);
    }
}

#[tokio::test]
async fn r_d5_drop_does_not_want_it_back() {
    let (scene, go_on, holder) = busy(r#"queue = 1, overflow = "drop", max_wait = "9s""#).await;
    let first = ask(&scene, "first");
    until_waiting(&scene, 1).await;
    let reply = ask(&scene, "too-many").result().await;
    is_ours(&reply, Code::Dropped);
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    is_counted(&scene, Code::Dropped).await;
    go_on.fire();
    for served in [holder, first] {
        assert_eq!(served.result().await.status(), 200);
    }
}

#[tokio::test]
async fn r_d5_drop_oldest_makes_room_for_the_newest() {
    let (scene, go_on, holder) =
        busy(r#"queue = 1, overflow = "drop_oldest", max_wait = "9s""#).await;
    let oldest = ask(&scene, "oldest");
    until_waiting(&scene, 1).await;
    let newest = ask(&scene, "newest");
    let reply = oldest.result().await;
    is_ours(&reply, Code::Dropped);
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    is_counted(&scene, Code::Dropped).await;
    go_on.fire();
    for served in [holder, newest] {
        assert_eq!(served.result().await.status(), 200);
    }
    assert!(scene.upstream.request(1).await.text().contains("newest"));
}

#[tokio::test]
async fn r_d2_the_queue_is_bounded_in_bytes_too() {
    let (scene, go_on, holder) =
        busy(r#"queue = 100, queue_bytes = "64KiB", overflow = "error", max_wait = "9s""#).await;
    let long = |name: &str| chat(name, false).replace("hello", &"x".repeat(40 * 1024));
    let first = ask_with(&scene, long("first"), &[]);
    until_waiting(&scene, 1).await;
    let waiting = scene.gate.metric("tidegate_pool_waiting_bytes", &[]).await;
    assert!(waiting >= 40.0 * 1024.0, "{waiting} bytes are said to wait");
    let reply = ask_with(&scene, long("second"), &[]).result().await;
    is_ours(&reply, Code::QueueFull);
    let small = ask(&scene, "small");
    until_waiting(&scene, 2).await;
    go_on.fire();
    for served in [holder, first, small] {
        assert_eq!(served.result().await.status(), 200);
    }
    assert_eq!(
        scene.gate.metric("tidegate_pool_waiting_bytes", &[]).await,
        0.0
    );
}

#[tokio::test]
async fn r_d4_the_queue_is_served_in_order() {
    let (scene, go_on, holder) = busy(r#"queue = 10, overflow = "block", max_wait = "9s""#).await;
    let mut waiting = Vec::new();
    for number in 0..5 {
        waiting.push(ask(&scene, &format!("number-{number}")));
        until_waiting(&scene, number + 1).await;
    }
    go_on.fire();
    assert_eq!(holder.result().await.status(), 200);
    for one in waiting {
        assert_eq!(one.result().await.status(), 200);
    }
    for (at, request) in scene.upstream.requests().iter().skip(1).enumerate() {
        assert!(
            request.text().contains(&format!("number-{at}")),
            "{}",
            request.text()
        );
    }
}

#[tokio::test]
async fn inv_deadline_waiting_is_charged_to_the_callers_time() {
    let (scene, go_on, holder) = busy(r#"queue = 10, overflow = "block", max_wait = "9s""#).await;
    let start = Stopwatch::start();
    let timed = ask_with(
        &scene,
        chat("timed", false),
        &[("x-request-timeout-ms", "400")],
    );
    let reply = timed.result().await;
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(400) && took < Duration::from_secs(3),
        "{took:?}"
    );
    assert_eq!(
        reply.status_and_code(),
        (504, "deadline_exceeded".to_owned())
    );
    go_on.fire();
    assert_eq!(holder.result().await.status(), 200);
    assert_eq!(
        scene.upstream.count(),
        1,
        "an attempt began after the deadline"
    );
}

#[tokio::test]
async fn inv_lim_never_more_at_the_upstream_than_permits() {
    let pool = r#"size = 5, queue = 200, overflow = "block", max_wait = "19s""#;
    let scene = Scene::with(|provider| provider.pool(pool)).await;
    let slow = Script::stream_of(&["a", "b"]).late(Duration::from_millis(20));
    scene.upstream.always(slow);
    let address = scene.gate.address();
    let replies = crowd(100, 100, |_| async move {
        let mut client = RawClient::connect(address).await;
        client.post(CHAT, &chat("m-1", true)).await;
        client.reply().await
    })
    .await;
    assert!(replies.iter().all(|reply| reply.content() == "ab"));
    assert!(
        scene.upstream.peak() <= 5,
        "{} connections for 5 permits",
        scene.upstream.peak()
    );
    assert_eq!(
        scene
            .gate
            .metric("tidegate_pool_permits", &[("provider", "mock")])
            .await,
        5.0
    );
    scene.gate.until_quiet().await;
}

#[tokio::test]
async fn a_stream_holds_its_permit_until_its_end() {
    let pool = r#"size = 1, queue = 5, overflow = "block", max_wait = "9s""#;
    let scene = Scene::with(|provider| provider.pool(pool)).await;
    let go_on = Signal::new();
    scene
        .upstream
        .on_model("next", Script::json(200, &completion("x")));
    let mut client = scene.gate.connect().await;
    let half = Script::sse()
        .event(&content_chunk("a"))
        .until(&go_on)
        .event(&finish_chunk())
        .done();
    scene.upstream.on_model("stream", half);
    client.post(CHAT, &chat("stream", true)).await;
    let head = client.head().await;
    assert_eq!(client.event().await.content(), "a");
    let next = ask(&scene, "next");
    until_waiting(&scene, 1).await;
    assert_eq!(scene.upstream.count(), 1);
    go_on.fire();
    client.rest(head).await;
    assert_eq!(next.result().await.status(), 200);
    until("both were served", || {
        (scene.upstream.count() == 2).then_some(())
    })
    .await;
}
