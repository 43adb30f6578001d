//! INV-STOP, R-G17, row 29: a caller who leaves stops the work at once.
//!
//! At every stage (queued, connecting, silent upstream, mid-stream, pipelined
//! bytes behind the request) and in every way of leaving: the upstream's
//! connection is closed, the permit is back, the request counts as cancelled
//! by its caller. The promise is 200 ms; the tests allow five times that, and
//! print what they saw.

use std::net::SocketAddr;
use std::time::Duration;

use tidegate_e2e::Scene;
use tidegate_e2e::leave::{Dice, Leave, WAYS, leave};
use tidegate_testkit::openai::{chat, content_chunk};
use tidegate_testkit::wait::briefly;
use tidegate_testkit::{RawClient, Script, Stopwatch, crowd, figure, pause, until};

const CHAT: &str = "/v1/chat/completions";
const SOON: Duration = Duration::from_secs(1);
const CANCELLED: [(&str, &str); 2] = [("class", "cancelled"), ("label", "caller")];

fn mid_stream() -> Script {
    Script::sse().event(&content_chunk("a")).stall()
}

/// Asks, gets to the stage, leaves, and checks how soon the upstream knows.
async fn stops(scene: &Scene, stream: bool, behind: &str, way: Leave) -> Duration {
    let number = scene.upstream.count();
    let mut client = scene.gate.connect().await;
    let request = tidegate_testkit::client::post(CHAT, &[], &chat("m-1", stream));
    client.send(format!("{request}{behind}")).await;
    let seen = scene.upstream.request(number).await;
    if stream {
        client.head().await;
        client.event().await;
    }
    let left = Stopwatch::start();
    let kept = leave(client, way).await;
    let took = seen.closed_after(left).await;
    assert!(
        took < SOON,
        "{way:?} took {took:?} with {} bytes behind",
        behind.len()
    );
    scene.gate.until_quiet().await;
    drop(kept);
    took
}

async fn all_ways(stage: &str, script: Script, stream: bool, behind: &str) {
    let scene = Scene::start().await;
    scene.upstream.always(script);
    let mut slowest = Duration::ZERO;
    let mut left = 0.0;
    for way in WAYS.into_iter().cycle().take(12) {
        slowest = slowest.max(stops(&scene, stream, behind, way).await);
        left += 1.0;
        scene
            .gate
            .until_metric("tidegate_requests_total", &CANCELLED, left)
            .await;
    }
    figure(&format!("INV-STOP {stage}: slowest of 12: {slowest:?}"));
    scene.upstream_let_go().await;
    assert_eq!(scene.gate.metrics().await.conserved(), Ok(12));
}

#[tokio::test]
async fn inv_stop_at_a_silent_upstream() {
    all_ways("silent upstream, unary", Script::silent(), false, "").await;
}

#[tokio::test]
async fn inv_stop_mid_stream() {
    all_ways("mid-stream", mid_stream(), true, "").await;
}

#[tokio::test]
async fn inv_stop_with_pipelined_bytes_behind_a_silent_request() {
    let next = tidegate_testkit::client::post(CHAT, &[], &chat("m-1", false));
    all_ways(
        "pipelined request behind, unary",
        Script::silent(),
        false,
        &next,
    )
    .await;
}

#[tokio::test]
async fn inv_stop_with_pipelined_bytes_behind_a_stream() {
    let next = tidegate_testkit::client::post(CHAT, &[], &chat("m-1", true));
    all_ways(
        "pipelined request behind, mid-stream",
        mid_stream(),
        true,
        &next,
    )
    .await;
}

#[tokio::test]
async fn inv_stop_with_much_behind_the_request() {
    // A FIN arrives behind the bytes that the gate does not read, a reset at
    // once; so for the FIN the bytes must fit into the socket's buffers.
    let scene = Scene::start().await;
    scene.upstream.always(Script::silent());
    for (way, kib) in [
        (Leave::Fin, 64),
        (Leave::HalfClose, 64),
        (Leave::Rst, 8 * 1024),
    ] {
        let mut much = "POST /v1/chat/completions HTTP/1.1\r\nx-a: ".to_owned();
        much.push_str(&"a".repeat(kib * 1024));
        let number = scene.upstream.count();
        let mut client = scene.gate.connect().await;
        client.post(CHAT, &chat("m-1", false)).await;
        let seen = scene.upstream.request(number).await;
        let sent = briefly(Duration::from_millis(500), client.try_send(&much)).await;
        assert_eq!(sent.is_some(), kib == 64, "{kib} KiB: {sent:?}");
        assert!(!seen.is_closed());
        let left = Stopwatch::start();
        let kept = leave(client, way).await;
        let took = seen.closed_after(left).await;
        assert!(took < SOON, "{way:?} took {took:?}");
        drop(kept);
    }
    scene.gate.until_quiet().await;
}

#[tokio::test]
async fn inv_stop_before_the_held_headers_of_a_stream() {
    // The upstream has answered, the gate still waits for the first content.
    let scene = Scene::start().await;
    scene.upstream.always(Script::sse().stall());
    for way in WAYS {
        let number = scene.upstream.count();
        let mut client = scene.gate.connect().await;
        client.post(CHAT, &chat("m-1", true)).await;
        let seen = scene.upstream.request(number).await;
        pause(Duration::from_millis(100)).await;
        let left = Stopwatch::start();
        let kept = leave(client, way).await;
        let took = seen.closed_after(left).await;
        assert!(took < SOON, "{way:?} took {took:?}");
        drop(kept);
    }
    scene
        .gate
        .until_metric("tidegate_requests_total", &CANCELLED, 3.0)
        .await;
}

#[tokio::test]
async fn inv_stop_while_queued() {
    let pool = r#"size = 1, queue = 10, overflow = "block", max_wait = "10s""#;
    let scene = Scene::with(|provider| provider.pool(pool)).await;
    scene.upstream.always(Script::silent());
    let mut holder = scene.gate.connect().await;
    holder.post(CHAT, &chat("m-1", false)).await;
    scene.upstream.request(0).await;
    for way in WAYS {
        let mut client = scene.gate.connect().await;
        client.post(CHAT, &chat("m-1", false)).await;
        scene
            .gate
            .until_metric("tidegate_pool_waiting", &[], 1.0)
            .await;
        let left = Stopwatch::start();
        let kept = leave(client, way).await;
        scene
            .gate
            .until_metric("tidegate_pool_waiting", &[], 0.0)
            .await;
        assert!(left.elapsed() < SOON, "{way:?} took {:?}", left.elapsed());
        drop(kept);
    }
    scene
        .gate
        .until_metric("tidegate_requests_total", &CANCELLED, 3.0)
        .await;
    assert_eq!(
        scene.upstream.count(),
        1,
        "a caller who left was asked for all the same"
    );
    assert_eq!(
        scene.gate.metric("tidegate_pool_waiting_bytes", &[]).await,
        0.0
    );
    drop(holder);
    scene.gate.until_quiet().await;
}

#[tokio::test]
async fn inv_stop_while_connecting() {
    let (scene, unanswered) = Scene::connecting().await;
    for (number, way) in WAYS.into_iter().enumerate() {
        let mut client = scene.gate.connect().await;
        client.post(CHAT, &chat("m-1", true)).await;
        let knocks = || (unanswered.knocking() == 1).then_some(());
        until("the gateway connects", knocks).await;
        let left = Stopwatch::start();
        let kept = leave(client, way).await;
        let cancelled = number as f64 + 1.0;
        scene
            .gate
            .until_metric("tidegate_requests_total", &CANCELLED, cancelled)
            .await;
        assert!(left.elapsed() < SOON, "{way:?} took {:?}", left.elapsed());
        // The system's table is slow to read: no measure of time.
        let gone = || (unanswered.knocking() == 0).then_some(());
        until("the gateway gives up connecting", gone).await;
        drop(kept);
    }
    scene.gate.until_quiet().await;
}

#[tokio::test]
async fn inv_stop_while_the_body_is_still_being_sent() {
    let scene = Scene::start().await;
    let request = tidegate_testkit::client::post(CHAT, &[], &chat("m-1", false));
    for way in WAYS {
        let mut client = scene.gate.connect().await;
        client.send(&request[..request.len() - 20]).await;
        leave(client, way).await;
    }
    scene.gate.until_quiet().await;
    assert_eq!(scene.upstream.count(), 0);
    assert!(scene.gate.metrics().await.conserved().is_ok());
}

/// One caller who asks for anything and leaves in any way, at any time.
fn one_leaves(address: SocketAddr, dice: &mut Dice) -> impl Future<Output = ()> + use<> {
    let model = ["silent", "stalled", "quick", "cut", "late"][dice.roll(5) as usize];
    let stream = dice.roll(3) > 0;
    let time = Duration::from_micros(dice.roll(12_000));
    let way = WAYS[dice.roll(3) as usize];
    async move {
        let mut client = RawClient::connect(address).await;
        client.post(CHAT, &chat(model, stream)).await;
        pause(time).await;
        drop(leave(client, way).await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inv_permit_ten_thousand_random_cancels_leave_nothing_behind() {
    const CANCELS: f64 = 10_000.0;
    let pool = r#"size = 40, queue = 400, overflow = "block", max_wait = "10s""#;
    // An open breaker would refuse them, and who is refused is not cancelled.
    let none = "breaker = { failures = 0, ratio = 0.0 }";
    let scene = Scene::with(|provider| provider.pool(pool).line(none)).await;
    let cut = Script::sse().event(&content_chunk("a")).rst();
    for (model, script) in [
        ("silent", Script::silent()),
        ("stalled", mid_stream()),
        ("quick", Script::stream_of(&["a", "b"])),
        ("cut", cut),
        ("late", Script::sse().stall()),
    ] {
        scene.upstream.on_model(model, script);
    }
    // The first requests make what stays: threads, timers, one connection.
    scene.gate.post(CHAT, &chat("quick", true)).await;
    let before = scene.gate.until_quiet().await;
    let usage = scene.gate.usage();

    let address = scene.gate.address();
    let mut dice = Dice::seeded(0x5eed_1234_5678_9abc);
    let mut left = 0;
    // Not every caller lives until its request is read: so by what was counted.
    while scene
        .gate
        .metric("tidegate_requests_total", &[("class", "cancelled")])
        .await
        < CANCELS
    {
        let callers = crowd(1_000, 120, |_| one_leaves(address, &mut dice));
        left += callers.await.len();
        assert!(
            left < 100_000,
            "{left} callers left and were not counted as cancelled"
        );
    }

    let after = scene.gate.until_quiet().await;
    let received = after.conserved().expect("the conservation law");
    assert!(
        received <= left as u64 + 1,
        "{received} requests of {left} callers"
    );
    let tasks = |metrics: &tidegate_testkit::gate::Metrics| metrics.sum("tidegate_tasks_live", &[]);
    let bound = tasks(&before) + 2.0;
    let few = || async {
        let metrics = scene.gate.metrics().await;
        (tasks(&metrics) <= bound).then_some(())
    };
    tidegate_testkit::wait::until_async("the tasks are back at the baseline", few).await;
    // Idle upstream connections may stay, at most one per permit.
    let idle = scene.upstream.open();
    assert!(idle <= 41, "{idle} upstream connections are left");
    until("the descriptors are back at the baseline", || {
        let open = scene.gate.usage().descriptors;
        (open <= usage.descriptors + scene.upstream.open() + 2).then_some(())
    })
    .await;
    let grown = scene.gate.usage().rss_kib.saturating_sub(usage.rss_kib);
    figure(&format!(
        "INV-PERMIT: {left} callers left, {received} requests, {grown} KiB more"
    ));
    let reply = scene.gate.post(CHAT, &chat("quick", true)).await;
    assert_eq!(reply.content(), "ab");
}
